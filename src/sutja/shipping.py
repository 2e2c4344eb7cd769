"""What every kind of run says of its model, and what it does with it: predict the clips that have no label.

Reaches no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sutja import __version__, runs
from sutja.audio import printable
from sutja.clips import Clip
from sutja.diagnosis import Diagnosis, diagnose_run
from sutja.errors import AudioError
from sutja.plan import Plan
from sutja.predictor import Predictor
from sutja.progress import Progress
from sutja.runs import Metrics
from sutja.texts.phrases import current, phrase


def about(plan: Plan, clips: Sequence[Clip], metrics: Metrics) -> dict[str, Any]:
    """Say what the model is, for people."""
    refusal = metrics.refusal
    rates = ("false_accept_rate", "false_reject_rate", "calibration_error")
    return {
        "preset": plan.config.preset,
        **metrics.in_short,
        "data": sorted({printable(c.attributes.get("corpus", plan.dataset.root.name)) for c in clips}),
        "licence": plan.licence,
        "refusal": None if refusal is None else {name: getattr(refusal, name) for name in rates},
        "sutja": __version__,
    }


def submit(plan: Plan, progress: Progress) -> None:
    """Predict the rows without a label, with the model that was saved, into ``submission.csv``."""
    clips = plan.dataset.unlabelled
    if not clips:
        return
    step = progress.stage("predicting unlabelled clips", len(clips), "clip")
    rows: list[tuple[str, str]] = []
    predictor = Predictor.load(plan.folder.model)
    for clip, answer in zip(clips, predictor.predict_many(clip.source for clip in clips), strict=True):
        step()
        if isinstance(answer, AudioError):
            progress.say(f"no prediction: {answer}")
        # A submission has no column for doubt: refused clips get a label as well.
        rows.append((clip.name, "" if isinstance(answer, AudioError) else answer.most_probable))
    runs.write_submission(plan.folder, rows)


def diagnosed(plan: Plan, progress: Progress) -> list[Diagnosis]:
    """Say what is off about a run that is finished, and return it for the report."""
    found = diagnose_run(plan.folder)
    for each in found:
        progress.say(f"{phrase(each.weight)}: {each.text(current())} {each.advice(current())}")
    return found


def describe(plan: Plan, metrics: Metrics, fingerprint_of_data: str) -> dict[str, Any]:
    """Say what the run was made of."""
    return {
        "roots": [printable(plan.dataset.root)],
        "layout": plan.dataset.layout,
        "n_clips": metrics.n_clips,
        "n_labels": len(metrics.labels),
        "n_speakers": metrics.n_speakers,
        "n_unlabelled": len(plan.dataset.unlabelled),
        "n_longer_than_window": metrics.n_longer_than_window,
        "fingerprint": fingerprint_of_data,
    }
