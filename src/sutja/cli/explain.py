"""`sutja explain`: which part of a clip carried the decision."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from sutja.audio import printable
from sutja.cli.console import command, say, tell
from sutja.cli.options import model_option
from sutja.cli.rows import answer_line
from sutja.errors import one_line
from sutja.predictor import Prediction, Predictor
from sutja.relevance import Explanation, explain_examined


@command()
@click.argument("path", type=click.Path(path_type=Path))
@model_option
@click.option("--out", type=click.Path(path_type=Path), help="Draw spectrogram and relevance into this PNG.")
@click.option("--json", "as_json", is_flag=True, help="The prediction and the relevance map as one JSON object.")
def explain(path: Path, *, model: Path, out: Path | None, as_json: bool) -> None:
    """Say which part of the recording PATH carried the decision, in time and frequency."""
    predictor = Predictor.load(model)
    examination = predictor.examine(path)
    prediction, explanation = examination.prediction, explain_examined(predictor, examination)
    if out is not None:
        _draw(explanation, out, title=f"{printable(path.name)}: {answer_line(prediction)}")
        say(f"{printable(out)}: written")
    if as_json:
        click.echo(json.dumps(_fields(path, prediction, explanation), ensure_ascii=False, allow_nan=False))
    else:
        tell(one_line(f"{printable(path)}: {answer_line(prediction)}"))
        parts = ", ".join(f"{low:.2f} to {high:.2f} s" for low, high in explanation.segments)
        tell(f"what spoke for {explanation.label}: {parts or 'no part more than another'}")


def _fields(path: Path, prediction: Prediction, explanation: Explanation) -> dict[str, object]:
    record = {
        "label": explanation.label,
        "method": explanation.method,
        "relevance": explanation.relevance.tolist(),
        "log_mel": explanation.log_mel.tolist(),
        "hop_seconds": explanation.hop_seconds,
        "start_seconds": explanation.start_seconds,
        "segments": explanation.segments,
    }
    return {"path": printable(path), "prediction": dataclasses.asdict(prediction), "explanation": record}


def _draw(explanation: Explanation, out: Path, *, title: str) -> None:
    from sutja.reports import drawing, figures

    drawing.save_png(figures.explanation(explanation, title=title), out)
