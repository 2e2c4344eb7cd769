"""The report of a training run for people: ``RUN/report.html`` and ``RUN/figures/*.png``.

It reads what a run has written (``config.json``, ``metrics.json``, ``history.csv``, ``submission.csv``), draws it and
says it in words. It computes nothing that is not there: no number of the report has its only home here.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sutja import __version__
from sutja.errors import RunError, needs
from sutja.reports import charts, pages

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

    path: Path
    config: dict[str, Any]
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    submission: list[dict[str, str]]

    @property
    def best(self) -> tuple[str, dict[str, Any]]:
        """The member that the headline is about: the ensemble, or the only one."""
        members: dict[str, dict[str, Any]] = self.metrics["members"]
        name = "ensemble" if "ensemble" in members else next(iter(members))
        return name, members[name]


def write_report(run: Path) -> Path:
    """Draw what a run left.

    Parameters
    ----------
    run
        The folder of a finished run.

    Returns
    -------
    Path
        ``run / "report.html"``: one file that needs no other. Its figures are also ``run / "figures" / "*.png"``.

    Raises
    ------
    RunError
        When a file of the run is missing or damaged, or the folder cannot be written to.

    """
    found = read_run(run)
    drawn = {}
    for name, figure in _figures(found):
        drawn[name] = pages.keep(figure, run / "figures" / f"{name}.png", name.replace("_", "-"))
    path = run / "report.html"
    pages.write_page(path, "report.html", **_told(found), figures=drawn, version=__version__)
    return path


def read_run(run: Path) -> Run:
    """Read the files of a run that the report is made of."""
    config, metrics = _read_json(run / "config.json"), _read_json(run / "metrics.json")
    for key in ("protocol", "labels", "members", "n_clips"):
        if key not in metrics:
            raise RunError(f"{run / 'metrics.json'}: has no {key!r}; expected the metrics of a run; train it again")
    if not metrics["members"]:
        raise RunError(f"{run / 'metrics.json'}: has no members; expected one or more; train it again")
    return Run(run, config, metrics, _read_history(run / "history.csv"), _read_submission(run / "submission.csv"))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path}: no such file; expected the folder of a finished run; train it first") from error
    except (ValueError, OSError) as error:
        raise RunError(f"{path}: cannot be read ({error}); expected JSON; train the run again") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}: holds no table of names and values; train the run again")
    return value


def _read_history(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        try:
            return [
                {key: value if key == "member" else float(value) for key, value in row.items()}
                for row in csv.DictReader(file)
            ]
        except (TypeError, ValueError) as error:
            raise RunError(f"{path}: holds a row that is damaged ({error}); train the run again") from error


def _read_submission(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# -- drawing ---------------------------------------------------------------------------------------------------------


def _figures(run: Run) -> Iterator[tuple[str, Figure]]:
    """Give each figure with its name, one at a time: a run of many labels has large ones."""
    if run.history:
        title = "Mean over the folds"
        yield "learning_curves", charts.mean_learning_curves(run.history, title=title)
    for (member, fold), rows in _networks(run.history).items():
        name = f"{_word(member)}_{fold:g}"
        yield name, charts.learning_curves(rows, title=f"{member}, fold {fold:g}")
    for member, scores in run.metrics["members"].items():
        if scores.get("confusion_matrix"):
            figure = charts.confusion_matrix(scores["confusion_matrix"], run.metrics["labels"], title=member)
            yield f"confusion_{_word(member)}", figure
    name, best = run.best
    for kind in ("label", "speaker"):
        groups = best.get(f"by_{kind}")
        if groups:
            title = f"Accuracy by {kind} ({name}); dashed: all clips"
            yield f"by_{kind}", charts.accuracy_by(groups, kind=kind, overall=best["accuracy"], title=title)
    yield from _trust_figures(run, best)


def _trust_figures(run: Run, best: dict[str, Any]) -> Iterator[tuple[str, Figure]]:
    if best.get("reliability"):
        yield (
            "reliability",
            charts.reliability(best["reliability"], error=best.get("ece"), title="How sure, how right"),
        )
    refusal = _refusal(run.metrics.get("refusal"))
    if refusal and refusal.get("det_curve"):
        chosen = (refusal["false_accept_rate"], refusal["false_reject_rate"])
        yield "refusal", charts.det_curve(refusal["det_curve"], chosen=chosen, title="Refusal")


def _networks(history: list[dict[str, Any]]) -> dict[tuple[str, float], list[dict[str, Any]]]:
    networks: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for record in history:
        networks.setdefault((record["member"], record["fold"]), []).append(record)
    return networks


def _word(member: str) -> str:
    """Make a member's name fit for a file and an id."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", member) or "member"


# -- telling ---------------------------------------------------------------------------------------------------------


def _told(run: Run) -> dict[str, Any]:
    """Gather what the template says, in its order."""
    metrics, config = run.metrics, run.config
    name, best = run.best
    data = config.get("data", {})
    return {
        "title": _title(data),
        "metrics": metrics,
        "config": config,
        "data": data,
        "best_name": name,
        "best": best,
        "meaning": PROTOCOLS.get(metrics["protocol"], f"Protocol {metrics['protocol']}."),
        "short": SHORT,
        "baseline": metrics.get("baseline"),
        "refusal": _refusal(metrics.get("refusal")),
        "wanted": ((config.get("config") or {}).get("refusal") or {}).get("false_accept_rate", 1.0),
        "attributes": best.get("by_attribute") or {},
        "chance": 1 / max(len(metrics["labels"]), 1),
        "worst": {kind: pages.hardest(best.get(f"by_{kind}") or {}) for kind in ("speaker", "label")},
        "confusions": _confusions(best.get("confusion_matrix") or [], metrics["labels"]),
        "networks": [f"{_word(member)}_{fold:g}" for member, fold in _networks(run.history)],
        "matrices": [f"confusion_{_word(member)}" for member in metrics["members"]],
        "settings": list(_flat(config.get("config", {}))),
        "submission": run.submission[:MAX_PREDICTIONS],
        "n_submission": len(run.submission),
        "predicted": Counter(row.get("label", "") for row in run.submission).most_common(),
        "files": [(file, what) for file, what in FILES.items() if file == "figures/" or (run.path / file).exists()],
    }


def _refusal(scores: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return how often sounds that are no word are taken for one, and words refused; nothing without refusal."""
    wanted = ("false_accept_rate", "false_reject_rate")
    return scores if scores and all(scores.get(key) is not None for key in wanted) else None


def _title(data: dict[str, Any]) -> str:
    names = [Path(root).name or str(root) for root in data.get("roots", [])]
    return ", ".join(names) or "a training run"


def _confusions(matrix: list[list[int]], labels: list[str]) -> list[dict[str, Any]]:
    """List the most frequent confusions: of ``true``'s clips, ``n`` were taken for ``predicted``."""
    found: list[dict[str, Any]] = [
        {"true": labels[i], "predicted": labels[j], "n": n, "of": sum(row), "share": n / sum(row)}
        for i, row in enumerate(matrix)
        for j, n in enumerate(row)
        if i != j and n > 0
    ]
    return sorted(found, key=lambda confusion: -confusion["n"])[:N_CONFUSIONS]


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give nested settings as lines: ``train.epochs, 50``."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
