"""`sutja evaluate`: how well a model does on labelled recordings."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from pathlib import Path

import click

from sutja.cli.console import command, say
from sutja.cli.options import Bars, DataOptions, data_options, interval, model_option, percent, read_negatives
from sutja.dataset import check_none_lost
from sutja.evaluation import Evaluation, Outside
from sutja.evaluation import evaluate as evaluate_clips
from sutja.predictor import Predictor
from sutja.stress import UnderStress, n_steps, stress


@command()
@data_options
@model_option
@click.option(
    "--stress", "stressed", is_flag=True, help="Also in noise and rooms, at other levels and speeds, through codecs."
)
@click.option(
    "--negatives",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Recordings of what is not in the vocabulary; may be repeated.",
)
@click.option("--out", type=click.Path(path_type=Path), help="A page (HTML) with all of it.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def evaluate(  # noqa: PLR0913  one a command-line option
    source: DataOptions, *, model: Path, stressed: bool, negatives: tuple[Path, ...], out: Path | None, as_json: bool
) -> None:
    """Score a model on the labelled clips of DATA.

    Clips that cannot be used are named and left out, and the exit status is 1.
    """
    predictor = Predictor.load(model)
    dataset = source.read()
    clips, outside = dataset.labelled, (*dataset.negatives, *read_negatives(negatives))
    bars = Bars()
    try:
        step = bars.stage("evaluating", len(clips) + len(outside), "clip")
        evaluation = evaluate_clips(predictor, clips, outside=outside, on_clip=step)
        under_stress = []
        if stressed:
            under_stress = stress(predictor, clips, on_clip=bars.stage("under stress", n_steps(len(clips)), "clip"))
    finally:
        bars.close()
    for reason in evaluation.unreadable.values():
        say(f"left out: {reason}")
    if out:
        from sutja.reports.scorecard import write_scorecard

        title = ", ".join(path.name for path in source.data)
        write_scorecard(out, evaluation, predictor.bundle, title=title, under_stress=under_stress)
    if as_json:
        scores = dataclasses.asdict(evaluation.scores)
        rest = {name: value for name, value in dataclasses.asdict(evaluation).items() if name != "scores"}
        under = {"stress": [dataclasses.asdict(scores) for scores in under_stress]} if stressed else {}
        click.echo(json.dumps(scores | rest | under, ensure_ascii=False))
    else:
        _print_scores(evaluation)
        _print_outside(evaluation.outside)
        _print_stress(under_stress)
    check_none_lost(dataset.root, clips, (clip for clip in clips if clip.name not in evaluation.unreadable))
    sys.exit(1 if evaluation.unreadable else 0)


def _print_stress(under_stress: list[UnderStress]) -> None:
    for name, group in itertools.groupby(under_stress, key=lambda scores: scores.condition.name):
        rows = list(group)
        click.echo(f"{name} ({rows[0].condition.unit})")
        for scores in rows:
            click.echo(
                f"  {scores.condition.value:>7g} {percent(scores.accuracy):>8s}   "
                f"95 %: {interval(scores.interval95)}   refused {percent(scores.rejected_rate)}"
            )


def _print_outside(outside: Outside | None) -> None:
    if outside is None:
        return
    click.echo(
        f"taken for a word: {percent(outside.false_accept_rate)} of {outside.n_clips} other sounds   "
        f"95 %: {interval(outside.interval95)}"
    )
    at = "   ".join(f"{percent(float(s))}: {percent(rate)}" for s, rate in outside.at_false_rejects.items())
    click.echo(f"  at a threshold that refuses so many words: {at}")
    for name, share in sorted(outside.accepted_by_label.items(), key=lambda item: -item[1].accuracy)[:10]:
        click.echo(f"  other {name:14s} {percent(share.accuracy):>8s} of {share.n_clips}")


def _print_scores(evaluation: Evaluation) -> None:
    scores = evaluation.scores
    click.echo(
        f"accuracy {percent(scores.accuracy)} of {scores.n_clips} clips   "
        f"95 %: {interval(scores.interval95)} ({scores.interval_method})"
    )
    error = "" if scores.ece is None else f"   calibration error {percent(scores.ece)}"
    click.echo(f"refused {percent(evaluation.rejected_rate)}{error}")
    for title, shares in (("label", scores.by_label), ("speaker", scores.by_speaker), *scores.by_attribute.items()):
        worst = sorted(shares.items(), key=lambda item: item[1].accuracy)[:10]
        for name, share in worst:
            click.echo(f"  {title} {name:12s} {percent(share.accuracy):>8s} of {share.n_clips}")
