"""`sutja evaluate`: how well a model does on labelled recordings."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click

from sutja.cli.options import Bars, Source, data_options, interval, percent, say
from sutja.evaluation import Evaluation
from sutja.evaluation import evaluate as evaluate_clips
from sutja.predictor import Predictor


@click.command()
@data_options
@click.option("--model", required=True, type=click.Path(path_type=Path), help="Model folder, or the run that has it.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def evaluate(source: Source, *, model: Path, as_json: bool) -> None:
    """Score a model on the labelled clips of DATA.

    Clips that cannot be used are named and left out, and the exit status is 1.
    """
    predictor = Predictor.load(model)
    clips = source.read().labelled
    bars = Bars()
    try:
        found = evaluate_clips(predictor, clips, on_clip=bars.stage("evaluating", len(clips), "clip"))
    finally:
        bars.close()
    for reason in found.unreadable.values():
        say(f"left out: {reason}")
    if as_json:
        scores = dataclasses.asdict(found.scores)
        rest = {name: value for name, value in dataclasses.asdict(found).items() if name != "scores"}
        click.echo(json.dumps(scores | rest, ensure_ascii=False))
    else:
        _tell(found)
    sys.exit(1 if found.unreadable else 0)


def _tell(found: Evaluation) -> None:
    scores = found.scores
    click.echo(
        f"accuracy {percent(scores.accuracy)} of {scores.n_clips} clips   "
        f"95 %: {interval(scores.interval95)} ({scores.interval_method})"
    )
    for title, shares in (("label", scores.by_label), ("speaker", scores.by_speaker)):
        worst = sorted(shares.items(), key=lambda item: item[1].accuracy)[:10]
        for name, share in worst:
            click.echo(f"  {title} {name:12s} {percent(share.accuracy):>8s} of {share.n_clips}")
