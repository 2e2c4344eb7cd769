"""The study as one page, told in its own order and in the reader's language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from matplotlib.figure import Figure

from sutja import __version__, runs
from sutja.diagnosis import Diagnosis
from sutja.reports import charts, pages
from sutja.runs import Metrics, RunFolder
from sutja.texts import SPACE, Language, per_cent, say, speaking

MAX_PREDICTIONS = 30  # rows of the submission shown; the file has all


class Tried(Protocol):
    """An experiment that was made (:class:`sutja.experiments.Outcome`)."""

    @property
    def name(self) -> str:
        """Of the experiment, in the catalogue."""

    @property
    def figure(self) -> Figure:
        """What it drew."""

    def text(self, language: Language = "en") -> str:
        """Say what it found."""


@dataclass(frozen=True)
class Told:
    """What the page tells."""

    language: Language
    numbers: Mapping[str, Any]
    """What ``metrics.json`` holds."""
    found: Mapping[Any, Metrics]
    """Of each training, by protocol."""
    diagnoses: Sequence[Diagnosis]
    outcomes: Sequence[Tried]
    parameters: Mapping[str, int]
    """Of the network, by part."""


def write_study(out: Path, own: RunFolder, shown: Mapping[str, Any], told: Told) -> Path:
    """Write ``out/study.html``.

    Parameters
    ----------
    out
        The study's folder.
    own
        The training by the study's own protocol.
    shown
        The exploration's figures and numbers, from :func:`sutja.reports.explore.look`.
    told
        All the rest.

    """
    history, submission = runs.read_history(own), runs.read_submission(own)
    networks: dict[str, list[dict[str, Any]]] = {}
    for record in history:
        networks.setdefault(f"{record['member']}-{record['fold']:g}", []).append(record)
    curves = {
        name: pages.svg(charts.learning_curves(rows, title=name), f"curve-{name}") for name, rows in networks.items()
    }
    outcomes = [_outcome(each, told.language) for each in told.outcomes]
    values = {
        "t": speaking(told.language),
        "language": told.language,
        "numbers": told.numbers,
        "own": told.found["copies"],
        "found": told.found,
        "diagnoses": by_kind(told.diagnoses),
        "outcomes": outcomes,
        "parameters": told.parameters,
        "mean_curves": pages.svg(charts.mean_learning_curves(history), "curves-mean"),
        "curves": curves,
        "confusions": _confusions(told),
        "submission": submission[:MAX_PREDICTIONS],
        "predicted": Counter(row["label"] for row in submission).most_common(),
        "compared": compared(told.numbers["study"], told.language),
        "interval": lambda edges: _interval(edges, told.language),
        "version": __version__,
    }
    path = out / "study.html"
    pages.write_page(path, "study.html", **{**shown, **values})
    return path


def _confusions(told: Told) -> str | None:
    own = told.found["copies"]
    matrix = own.headline[1].confusion_matrix
    if not matrix:
        return None
    title = say("poster.confusions", told.language)
    return pages.svg(charts.confusion_matrix(matrix, own.labels, title=title), "confusions")


def compared(study: Mapping[str, Any], language: Language = "en") -> str:
    """Say how far an accuracy is from the study's, as ``metrics.json`` has it, and whether that is chance."""
    first, second = (per_cent(share, 2) for share in study["by_others"])
    told = say("study.result.compared", language, reported=study["reported"], first=first, second=second)
    points = {"difference": 100 * study["difference"], "noise": 100 * study["noise"]}
    return f"{told} {say('study.result.within' if study['within_noise'] else 'study.result.apart', language, **points)}"


def by_kind(diagnoses: Sequence[Diagnosis]) -> list[tuple[Diagnosis, Sequence[Diagnosis]]]:
    """Gather findings of one kind: the first, and the others like it."""
    kinds: dict[str, list[Diagnosis]] = {}
    for each in diagnoses:
        kinds.setdefault(each.kind, []).append(each)
    return [(first, others) for first, *others in kinds.values()]


def _outcome(tried: Tried, language: Language) -> dict[str, Any]:
    key = f"experiments.{tried.name}"
    return {
        "name": say(f"{key}.name", language),
        "question": say(f"{key}.question", language),
        "text": tried.text(language),
        "figure": pages.svg(tried.figure, f"experiment-{tried.name}"),
        "command": f"sutja study PROJECT --out RUN --experiment {tried.name}",
    }


def _interval(edges: Sequence[float] | None, language: Language) -> str:
    if not edges:
        return "–"
    return say("study.interval", language, low=f"{100 * edges[0]:.1f}", high=f"{100 * edges[1]:.1f}").replace(
        " ", SPACE
    )
