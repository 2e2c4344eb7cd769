"""The run of the preset `quick`: recordings in, a run's folder out, as :mod:`sutja.recipe` leaves one, in seconds.

listen    embed every clip with the body
teach     fit the head, and ask heads that were fitted without each clip or speaker
ship      the bundle, its predictions for unlabelled rows
tell      report, where it can be drawn

No network learns, and torch is not needed.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from time import perf_counter

from sutja import bundle, runs
from sutja.audio import printable
from sutja.bundle import DEFAULT_MODEL
from sutja.dataset import check_none_lost
from sutja.errors import DatasetError
from sutja.files import write_json
from sutja.plan import Plan
from sutja.predictor import Predictor
from sutja.progress import Progress
from sutja.runs import JudgedRows, Metrics, RefusedRows
from sutja.shipping import about, describe, diagnosed, submit
from sutja.starting import check_apart, check_finished, check_run, check_spoken
from sutja.teaching import Judged, Lesson, Takes, Taught, check_body, heard, judged_by


def train(plan: Plan, progress: Progress) -> Metrics:
    """Run it and return what ``metrics.json`` holds; the last notes say what to do next.

    Raises
    ------
    DatasetError
        When the clips cannot be used.
    RunError
        When the run's folder is taken, belongs to another run, or cannot be written.

    """
    started = perf_counter()
    check_apart(plan)
    check_spoken(plan)
    body = Predictor.load(plan.config.body or DEFAULT_MODEL)
    check_body(body)
    settings = check_run(plan)
    if plan.folder.metrics.exists():
        check_finished(plan)
        return finish(plan, progress)
    lesson = lesson_of(plan)
    takes = _listen(plan, body, lesson, progress)
    negatives = heard(plan.negatives, body, lesson, progress) if plan.negatives else None
    model, judged = judged_by(takes, body, lesson, negatives)
    write_json(plan.folder.settings, settings)  # now the folder is a run: what cannot be learned left none
    metrics = _summary(plan, model, started)
    _keep_out_of_fold(plan, takes, model, judged)
    said_of_it = dict(model.bundle.about) | about(plan, takes.clips, metrics)
    bundle.save(replace(model.bundle, about=said_of_it), plan.folder.model)
    submit(plan, progress)
    runs.write_history(plan.folder, [])
    write_json(plan.folder.settings, settings | {"data": describe(plan, metrics, settings["fingerprint"])})
    runs.write_metrics(plan.folder, metrics)
    return finish(plan, progress)


def finish(plan: Plan, progress: Progress) -> Metrics:
    """Draw the report, where matplotlib is installed, and return what ``metrics.json`` holds."""
    found = diagnosed(plan, progress)
    if find_spec("matplotlib") is None:
        progress.say("no report is drawn: that needs matplotlib (pip install 'sutja[train]'); the numbers are there")
    else:
        from sutja.reports.run import write_report

        write_report(plan.run, found)
    return runs.read_metrics(plan.folder)


def lesson_of(plan: Plan) -> Lesson:
    """Return how the words are to be taught."""
    config = plan.config
    refusal = config.refusal or Lesson().refusal
    return Lesson(plan.protocol, refusal, config.language, tuple(config.spoken.items()), plan.skip_unreadable)


def _listen(plan: Plan, body: Predictor, lesson: Lesson, progress: Progress) -> Takes:
    clips, root = plan.dataset.labelled, plan.dataset.root
    if not clips:
        raise DatasetError(f"{printable(root)}: no clip has a label; nothing can be learned; add labels")
    takes = heard(clips, body, lesson, progress)
    check_none_lost(root, clips, dict.fromkeys(takes.clips))
    return takes


def _summary(plan: Plan, model: Taught, started: float) -> Metrics:
    found = model.metrics
    return Metrics(
        **vars(found)
        | {
            "notes": list(plan.dataset.all_notes),
            "seconds": perf_counter() - started,
            "baseline": None if plan.compare is None else runs.read_baseline(runs.RunFolder(plan.compare)),
        }
    )


def _keep_out_of_fold(plan: Plan, takes: Takes, model: Taught, judged: Judged) -> None:
    (name,) = model.metrics.members
    n = len(takes.clips)
    rows = JudgedRows(takes.clips, judged.folds[:n], model.labels, {name: judged.probabilities})
    rest = RefusedRows(judged.kinds, judged.words, judged.folds[n:], {name: judged.refused})
    runs.write_out_of_fold(plan.folder, rows, rest)
