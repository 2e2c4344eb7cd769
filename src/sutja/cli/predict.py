"""`sutja predict`: which word is it."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import click

from sutja.audio import printable
from sutja.cli.options import expand, model_option, percent
from sutja.errors import AudioError
from sutja.predictor import Prediction, Predictor


@click.command()
@click.argument("paths", nargs=-1, required=True)
@model_option
@click.option("--json", "form", flag_value="json", help="One JSON object a line.")
@click.option("--csv", "form", flag_value="csv", help="path,label,probability,error.")
def predict(paths: tuple[str, ...], model: Path, form: str | None) -> None:
    """Say what is spoken in PATHS: files, folders and globs.

    A file that cannot be used is reported in its place, the others still come, and the exit status is 1.
    """
    predictor = Predictor.load(model)
    files = expand(paths)
    write = {"json": _write_json, "csv": _csv_writer(), None: _write_text}[form]
    failed = False
    for path, found in zip(files, predictor.predict_many(files), strict=True):
        write(path, found)
        failed |= isinstance(found, AudioError)
    sys.exit(1 if failed else 0)


def _write_json(path: Path, found: Prediction | AudioError) -> None:
    record: dict[str, Any] = {"path": printable(path)}
    if isinstance(found, AudioError):
        record["error"] = str(found)
    else:
        record |= dataclasses.asdict(found)
    click.echo(json.dumps(record, ensure_ascii=False))


def _csv_writer() -> Any:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    begun: list[bool] = []

    def write(path: Path, found: Prediction | AudioError) -> None:
        if not begun:
            rows.writerow(["path", "label", "probability", "error"])
            begun.append(True)
        said = ["", "", str(found)] if isinstance(found, AudioError) else [found.label, found.probability, ""]
        rows.writerow([printable(path), *said])

    return write


def _write_text(path: Path, found: Prediction | AudioError) -> None:
    if isinstance(found, AudioError):
        click.echo(f"sutja: {found}", err=True)
    else:
        said = "not in the vocabulary" if found.rejected else found.label
        click.echo(f"{printable(path)}: {said} ({percent(found.probability)})")
