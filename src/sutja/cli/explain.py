"""`sutja explain`: which part of a clip carried the decision."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from sutja.audio import printable
from sutja.cli.options import model_option, percent, say
from sutja.predictor import Prediction, Predictor
from sutja.relevance import Explanation
from sutja.relevance import explain as explain_clip


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@model_option
@click.option("--out", type=click.Path(path_type=Path), help="Draw spectrogram and relevance into this PNG.")
@click.option("--json", "as_json", is_flag=True, help="The prediction and the relevance map as one JSON object.")
def explain(path: Path, *, model: Path, out: Path | None, as_json: bool) -> None:
    """Say which part of the recording PATH carried the decision, in time and frequency."""
    predictor = Predictor.load(model)
    prediction = predictor.predict(path)
    found = explain_clip(predictor, path)
    if out is not None:
        _draw(found, out, title=f"{printable(path.name)}: {_told(prediction)}")
        say(f"{printable(out)}: written")
    if as_json:
        click.echo(json.dumps(_record(path, prediction, found), ensure_ascii=False, allow_nan=False))
    else:
        click.echo(f"{printable(path)}: {_told(prediction)}")
        parts = ", ".join(f"{low:.2f} to {high:.2f} s" for low, high in found.segments)
        click.echo(f"what spoke for {found.label}: {parts or 'no part more than another'}")


def _told(prediction: Prediction) -> str:
    said = "not in the vocabulary" if prediction.rejected else prediction.label
    return f"{said} ({percent(prediction.probability)})"


def _record(path: Path, prediction: Prediction, found: Explanation) -> dict[str, object]:
    explanation = {
        "label": found.label,
        "method": found.method,
        "relevance": found.relevance.tolist(),
        "log_mel": found.log_mel.tolist(),
        "hop_seconds": found.hop_seconds,
        "start_seconds": found.start_seconds,
        "segments": found.segments,
    }
    return {"path": printable(path), "prediction": dataclasses.asdict(prediction), "explanation": explanation}


def _draw(found: Explanation, out: Path, *, title: str) -> None:
    from sutja.reports.drawing import save_png
    from sutja.reports.figures import explanation

    save_png(explanation(found, title=title), out)
