"""`sutja predict`: which word is it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from sutja.audio import printable
from sutja.cli.console import INTERRUPTED, command, say
from sutja.cli.options import Bars, model_option, source_of
from sutja.cli.rows import ResultFile, answer_line, csv_line, json_line
from sutja.columns import RESULT_COLUMNS
from sutja.errors import AudioError, one_line
from sutja.folders import PassedOver
from sutja.listing import Item, expand
from sutja.outcomes import csv_row
from sutja.predictor import Prediction, Predictor

Outcome = Prediction | AudioError


@command()
@click.argument("paths", nargs=-1, required=True)
@model_option
@click.option("--json", "form", flag_value="json", help="One JSON object a line.")
@click.option("--csv", "form", flag_value="csv", help="path,label,probability,error.")
@click.option("--out", type=click.Path(path_type=Path), help="Write a file, as CSV or with --json; shows progress.")
@click.option("--resume", is_flag=True, help="Resume the file of --out: only clips that it does not hold yet.")
def predict(paths: tuple[str, ...], *, model: Path, form: str | None, out: Path | None, resume: bool) -> None:
    """Say what is spoken in PATHS: files, folders and globs; - is a recording through standard input.

    A file that cannot be used is reported in its place, the others still come, and the exit status is 1. What lies in a
    folder and is no recording is counted on stderr, with the reason.
    """
    if resume and out is None:
        raise click.UsageError("--resume needs --out: the file to resume")
    predictor, passed = Predictor.load(model), PassedOver()
    if out is None:
        if form == "csv":
            click.echo(csv_row(RESULT_COLUMNS), nl=False)
        write = {"json": _print_json, "csv": _print_csv, None: _print_text}[form]
        n_failed = _each(predictor, expand(paths, passed), write)
    else:
        n_failed = _into_file(predictor, paths, ResultFile(out, as_json=form == "json", resume=resume), passed)
    for line in passed.lines():
        say(f"left out: {line}")
    sys.exit(1 if n_failed or passed.missed else 0)


def _each(predictor: Predictor, paths: Iterable[Item], write: Callable[[Item, Outcome], None]) -> int:
    """Predict one after the other, whatever their number, and count those that cannot be used."""
    n_failed = 0
    paths, sources = itertools.tee(paths)
    for path, outcome in zip(paths, predictor.predict_many(map(source_of, sources)), strict=True):
        write(path, outcome)
        n_failed += isinstance(outcome, AudioError)
    return n_failed


def _into_file(predictor: Predictor, paths: tuple[str, ...], results: ResultFile, passed: PassedOver) -> int:
    n_before, bars = results.n_lines, Bars()
    step = bars.stage("predicting", sum(1 for _ in results.remaining(expand(paths))), "clip")

    def write(path: Item, outcome: Outcome) -> None:
        results.write(path, outcome)
        step()

    try:
        _each(predictor, results.remaining(expand(paths, passed)), write)
    except KeyboardInterrupt:
        bars.close()
        say(f"stopped: the answers so far are in {results.path}; resume with --resume")
        sys.exit(INTERRUPTED)
    finally:
        bars.close()
        results.close()
    more = f", {n_before} of them from before" if n_before else ""
    click.echo(f"{results.path}: {results.n_lines} clips{more}; {results.n_failed} could not be used")
    return results.n_failed


def _print_json(path: Item, outcome: Outcome) -> None:
    click.echo(json_line(path, outcome), nl=False)


def _print_csv(path: Item, outcome: Outcome) -> None:
    click.echo(csv_line(path, outcome), nl=False)


def _print_text(path: Item, outcome: Outcome) -> None:
    if isinstance(outcome, AudioError):
        say(f"sutja: {outcome}")
    else:
        click.echo(one_line(f"{printable(path)}: {answer_line(outcome)}"))
