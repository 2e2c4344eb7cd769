"""The report of a training run for people: ``RUN/report.html`` and ``RUN/figures/*.png``.

It reads what a run has written (``config.json``, ``metrics.json``, ``history.csv``, ``submission.csv``), draws it and
says it in words. It computes nothing that is not there: no number of the report has its only home here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sutja import __version__, runs
from sutja.calibration import Refusal
from sutja.diagnosis import Diagnosis, diagnose_run
from sutja.errors import needs
from sutja.reports import charts, pages
from sutja.reports.drawing import spoken
from sutja.runs import EpochRecord, MemberScores, Metrics, RunFolder
from sutja.texts.phrases import said

try:
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    raise needs("matplotlib", "train") from error

PROTOCOLS = {
    "speakers": (
        "Each speaker's recordings were kept on one side: the networks were measured on voices that they had never "
        "heard. This is what a new voice gets."
    ),
    "corpora": (
        "Each corpus was held out in turn: the networks were measured on people, rooms and microphones of a collection "
        "that they had learned nothing from. This is what another place gets."
    ),
    "clips": (
        "Each recording was kept on one side, but the speakers are on both: the networks had heard other recordings "
        "of the same voices. A new voice gets less."
    ),
    "copies": (
        "This is the study's own way of measuring, and it is optimistic: the fold that is reported also chose the "
        "checkpoint, and the same voices are on both sides. A new voice gets less."
    ),
}
SHORT = {
    "speakers": "on voices never heard",
    "corpora": "on corpora never heard",
    "clips": "on recordings never heard, of voices that were",
    "copies": "measured the study's way, which is optimistic",
}
N_CONFUSIONS = 8  # confusions told in words
MAX_PREDICTIONS = 200  # rows of the submission shown; the file has all
FILES = {
    "model/": "the saved model: settings, labels, networks, checksums",
    "submission.csv": "predictions for the recordings that have no label",
    "metrics.json": "every number of this page",
    "config.json": "every setting, the seed, versions and the fingerprint of the data",
    "history.csv": "each epoch of each network",
    "figures/": "the figures of this page as PNG",
}


@dataclass(frozen=True)
class Run:
    """What a run left, as read from its folder."""

    folder: RunFolder
    settings: dict[str, Any]
    metrics: Metrics
    history: list[EpochRecord]
    submission: list[dict[str, str]]


def write_report(run: Path, found: Sequence[Diagnosis] | None = None) -> Path:
    """Draw what a run left.

    Parameters
    ----------
    run
        The folder of a finished run.
    found
        What is off about it, where that was looked for already.

    Returns
    -------
    Path
        ``run / "report.html"``: one file that needs no other. Its figures are also ``run / "figures" / "*.png"``.

    Raises
    ------
    RunError
        When a file of the run is missing or damaged, or the folder cannot be written to.

    """
    finished = read_run(run)
    figures = {
        name: pages.keep(figure, finished.folder.figures / f"{name}.png", name.replace("_", "-"))
        for name, figure in _figures(finished)
    }
    path = finished.folder.report
    pages.write_page(path, "report.html", **_template_values(finished, found), figures=figures, version=__version__)
    return path


def read_run(run: Path) -> Run:
    """Read the files of a run that the report is made of."""
    folder = RunFolder(run)
    return Run(
        folder,
        runs.read_settings(folder),
        runs.read_metrics(folder),
        runs.read_history(folder),
        runs.read_submission(folder),
    )


# -- drawing ---------------------------------------------------------------------------------------------------------


def _figures(run: Run) -> Iterator[tuple[str, Figure]]:
    """Give each figure with its name, one at a time: a run of many labels has large ones."""
    if run.history:
        title = spoken("Mean over the folds")
        yield "learning_curves", charts.mean_learning_curves(run.history, title=title)
    for (member, fold), rows in _networks(run.history).items():
        name = f"{_file_stem(member)}_{fold:g}"
        yield name, charts.learning_curves(rows, title=spoken(f"{member}, fold {fold:g}"))
    for member, scores in run.metrics.members.items():
        if scores.confusion_matrix:
            figure = charts.confusion_matrix(scores.confusion_matrix, run.metrics.labels, title=member)
            yield f"confusion_{_file_stem(member)}", figure
    name, best = run.metrics.headline
    for kind, groups in (("label", best.by_label), ("speaker", best.by_speaker)):
        if groups:
            title = spoken(f"Accuracy by {kind} ({name}); dashed: all clips")
            yield f"by_{kind}", charts.accuracy_by(groups, kind=kind, overall=best.accuracy, title=title)
    yield from _trust_figures(best, run.metrics.refusal)


def _trust_figures(best: MemberScores, refusal: Refusal | None) -> Iterator[tuple[str, Figure]]:
    if best.reliability:
        yield "reliability", charts.reliability(best.reliability, error=best.ece, title=spoken("How sure, how right"))
    if refusal and refusal.det_curve:
        chosen = (refusal.false_accept_rate, refusal.false_reject_rate)
        yield "refusal", charts.det_curve(refusal.det_curve, chosen=chosen, title=spoken("Refusal"))


def _networks(history: list[dict[str, Any]]) -> dict[tuple[str, float], list[dict[str, Any]]]:
    networks: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for record in history:
        networks.setdefault((record["member"], record["fold"]), []).append(record)
    return networks


def _file_stem(member: str) -> str:
    """Make a member's name fit for a file and an id."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", member) or "member"


# -- telling ---------------------------------------------------------------------------------------------------------


def _template_values(run: Run, found: Sequence[Diagnosis] | None) -> dict[str, Any]:
    """Gather what the template says, in its order."""
    metrics, settings = run.metrics, run.settings
    name, best = metrics.headline
    data = settings.get("data", {})
    return {
        "title": _title(data),
        "metrics": metrics,
        "config": settings,
        "data": data,
        "best_name": name,
        "best": best,
        "meaning": PROTOCOLS.get(metrics.protocol, f"Protocol {metrics.protocol}."),
        "short": SHORT,
        "diagnoses": diagnose_run(run.folder) if found is None else found,
        "baseline": metrics.baseline,
        "refusal": metrics.refusal,
        **_bodies(settings.get("config") or {}),
        "wanted": ((settings.get("config") or {}).get("refusal") or {}).get("false_accept_rate", 1.0),
        "groups": {"label": best.by_label, "speaker": best.by_speaker},
        "chance": 1 / max(len(metrics.labels), 1),
        "worst": {"speaker": pages.hardest(best.by_speaker), "label": pages.hardest(best.by_label)},
        "confusions": _confusions(best.confusion_matrix, metrics.labels),
        "networks": [f"{_file_stem(member)}_{fold:g}" for member, fold in _networks(run.history)],
        "matrices": [f"confusion_{_file_stem(member)}" for member in metrics.members],
        "settings": list(_flat(settings.get("config", {}))),
        "submission": run.submission[:MAX_PREDICTIONS],
        "n_submission": len(run.submission),
        "predicted": Counter(row.get("label", "") for row in run.submission).most_common(),
        "files": [
            (file, what) for file, what in FILES.items() if file == "figures/" or (run.folder.path / file).exists()
        ],
    }


def _bodies(config: dict[str, Any]) -> dict[str, str | None]:
    """Name the model that words were taught on, or the one whose network went on learning."""
    learned = bool((config.get("train") or {}).get("body_rate"))
    return {
        "taught_on": None if learned else config.get("body"),
        "went_on_from": config.get("body") if learned else None,
    }


def _title(data: dict[str, Any]) -> str:
    names = [Path(root).name or str(root) for root in data.get("roots", [])]
    return ", ".join(names) or said("a training run")


def _confusions(matrix: list[list[int]], labels: list[str]) -> list[dict[str, Any]]:
    """List the most frequent confusions: of ``true``'s clips, ``n`` were taken for ``predicted``."""
    confusions: list[dict[str, Any]] = [
        {"true": labels[i], "predicted": labels[j], "n": n, "of": sum(row), "share": n / sum(row)}
        for i, row in enumerate(matrix)
        for j, n in enumerate(row)
        if i != j and n > 0
    ]
    return sorted(confusions, key=lambda confusion: -confusion["n"])[:N_CONFUSIONS]


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give nested settings as lines: ``train.epochs, 50``."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
