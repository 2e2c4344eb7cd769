"""An evaluation as a page: how well a model does on recordings, whom it serves worst, how far to trust it.

It draws and says what :mod:`sutja.evaluation` and :mod:`sutja.stress` found, and computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from sutja import __version__
from sutja.bundle import Bundle
from sutja.evaluation import Evaluation, Scores
from sutja.metrics import Share
from sutja.reports import charts, pages
from sutja.reports.drawing import spoken
from sutja.stress import UnderStress
from sutja.texts.phrases import phrase

MAX_WRONG = 200  # wrong answers listed; the JSON has all


def write_scorecard(
    path: Path, evaluation: Evaluation, bundle: Bundle, *, title: str, under_stress: Sequence[UnderStress] = ()
) -> None:
    """Write the page, one file that needs no other, whole or not at all.

    Parameters
    ----------
    path
        Of the page.
    evaluation
        What the model did.
    bundle
        The model.
    title
        Names the recordings.
    under_stress
        What it did when the recordings got worse.

    Raises
    ------
    RunError
        When the page cannot be written.

    """
    drawn = {name: pages.svg(figure, name.replace("_", "-")) for name, figure in _figures(evaluation, under_stress)}
    scores = evaluation.scores
    pages.write_page(
        path,
        "scorecard.html",
        title=title,
        scores=scores,
        groups={"label": scores.by_label, "speaker": scores.by_speaker},
        attributes=scores.by_attribute,
        worst_group=pages.hardest(_large_groups(scores)),
        worst=pages.hardest(scores.by_speaker),
        evaluation=evaluation,
        outside=evaluation.outside,
        wrong=sorted(evaluation.wrong, key=lambda row: -row["probability"])[:MAX_WRONG],
        bundle=bundle,
        figures=drawn,
        version=__version__,
    )


def _large_groups(scores: Scores) -> dict[str, Share]:
    groups = (
        (f"{phrase(kind)}: {name}", share) for kind, own in scores.by_attribute.items() for name, share in own.items()
    )
    return {name: share for name, share in groups if not share.is_small}


def _figures(evaluation: Evaluation, under_stress: Sequence[UnderStress]) -> Iterator[tuple[str, Figure]]:
    scores = evaluation.scores
    yield "confusion", charts.confusion_matrix(scores.confusion_matrix, evaluation.labels, title=spoken("All clips"))
    for kind, groups in (("label", scores.by_label), ("speaker", scores.by_speaker)):
        if groups:
            title = spoken(f"By {kind}")
            yield f"by_{kind}", charts.accuracy_by(groups, kind=kind, overall=scores.accuracy, title=title)
    yield "reliability", charts.reliability(scores.reliability, error=scores.ece, title=spoken("How sure, how right"))
    if evaluation.outside:
        chosen = (evaluation.outside.false_accept_rate, evaluation.rejected_rate)
        yield "refusal", charts.det_curve(evaluation.outside.det_curve, chosen=chosen, title=spoken("Refusal"))
    if under_stress:
        yield "stress", charts.stress_curves(under_stress, title=spoken("When recordings get worse"))
