"""`sutja evaluate`: how well a model does on labelled recordings."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from pathlib import Path

import click

from sutja.cli.options import Bars, Source, data_options, interval, model_option, percent, say
from sutja.evaluation import Evaluation
from sutja.evaluation import evaluate as evaluate_clips
from sutja.predictor import Predictor
from sutja.stress import UnderStress, n_steps, stress


@click.command()
@data_options
@model_option
@click.option("--stress", "stressed", is_flag=True, help="Also in noise, babble, rooms, at other levels and speeds.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def evaluate(source: Source, *, model: Path, stressed: bool, as_json: bool) -> None:
    """Score a model on the labelled clips of DATA.

    Clips that cannot be used are named and left out, and the exit status is 1.
    """
    predictor = Predictor.load(model)
    clips = source.read().labelled
    bars = Bars()
    try:
        found = evaluate_clips(predictor, clips, on_clip=bars.stage("evaluating", len(clips), "clip"))
        worse = []
        if stressed:
            worse = stress(predictor, clips, on_clip=bars.stage("under stress", n_steps(len(clips)), "clip"))
    finally:
        bars.close()
    for reason in found.unreadable.values():
        say(f"left out: {reason}")
    if as_json:
        scores = dataclasses.asdict(found.scores)
        rest = {name: value for name, value in dataclasses.asdict(found).items() if name != "scores"}
        under = {"stress": [dataclasses.asdict(scores) for scores in worse]} if stressed else {}
        click.echo(json.dumps(scores | rest | under, ensure_ascii=False))
    else:
        _tell(found)
        _tell_stress(worse)
    sys.exit(1 if found.unreadable else 0)


def _tell_stress(worse: list[UnderStress]) -> None:
    for name, group in itertools.groupby(worse, key=lambda scores: scores.condition.name):
        rows = list(group)
        click.echo(f"{name} ({rows[0].condition.unit})")
        for scores in rows:
            click.echo(
                f"  {scores.condition.value:>7g} {percent(scores.accuracy):>8s}   "
                f"95 %: {interval(scores.interval95)}   refused {percent(scores.rejected_rate)}"
            )


def _tell(found: Evaluation) -> None:
    scores = found.scores
    click.echo(
        f"accuracy {percent(scores.accuracy)} of {scores.n_clips} clips   "
        f"95 %: {interval(scores.interval95)} ({scores.interval_method})"
    )
    click.echo(f"refused {percent(found.rejected_rate)}   calibration error {percent(scores.ece)}")
    for title, shares in (("label", scores.by_label), ("speaker", scores.by_speaker)):
        worst = sorted(shares.items(), key=lambda item: item[1].accuracy)[:10]
        for name, share in worst:
            click.echo(f"  {title} {name:12s} {percent(share.accuracy):>8s} of {share.n_clips}")
