"""`sutja predict`: which word is it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from sutja.audio import printable
from sutja.cli.batches import Wishes, batch_options, is_batch, predict_batch
from sutja.cli.console import INTERRUPTED, command, say, tell
from sutja.cli.options import Bars, engine_options, model_option, source_of
from sutja.cli.rows import ResultFile, answer_line, csv_line, json_line
from sutja.columns import RESULT_COLUMNS
from sutja.engine.choice import Choice
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
@click.option(
    "--out",
    type=click.Path(),
    help="Write a file, as CSV or with --json; shows progress. Of a batch: .parquet, .jsonl or .csv, also at a URL.",
)
@click.option("--resume", is_flag=True, help="Resume the file of --out: only clips that it does not hold yet.")
@batch_options
@engine_options
def predict(  # noqa: PLR0913  one a command-line option
    paths: tuple[str, ...],
    *,
    model: Path,
    form: str | None,
    out: str | None,
    resume: bool,
    shard_size: int | None,
    share: tuple[int, int] | None,
    column: str | None,
    engine: Choice,
) -> None:
    """Say what is spoken in PATHS: files, folders, globs and URLs; - is a recording through standard input.

    A file that cannot be used is reported in its place, the others still come, and the exit status is 1. What lies in a
    folder and is no recording is counted on stderr, with the reason. A list is @list.txt, a recording a line; @- comes
    through standard input.

    Many recordings are a batch where --out is a parquet file or a URL, or an option asks for it: done in shards, by as
    many workers as there are, and gone on with after any stop. PATHS of a batch may also be tar archives and parquet
    tables, and - is a list. See docs/cluster.md.
    """
    if resume and out is None:
        raise click.UsageError("--resume needs --out: the file to resume")
    passed, wishes = PassedOver(), Wishes(shard_size, share, column, engine)
    if is_batch(paths, out, wishes):
        n_failed = predict_batch(paths, str(out), wishes, model=model, form=form, resume=resume, passed=passed)
    else:
        n_failed = _streamed(Predictor.load(model), paths, form, out, resume=resume, passed=passed)
    for line in passed.lines():
        say(f"left out: {line}")
    sys.exit(1 if n_failed or passed.missed else 0)


def _streamed(  # noqa: PLR0913  one a decision of the user
    predictor: Predictor, paths: tuple[str, ...], form: str | None, out: str | None, *, resume: bool, passed: PassedOver
) -> int:
    """Predict one after the other, here, and count those that cannot be used."""
    if out is not None:
        results = ResultFile(Path(out), as_json=form == "json", resume=resume)
        return _into_file(predictor, paths, results, passed)
    if form == "csv":
        click.echo(csv_row(RESULT_COLUMNS), nl=False)
    write = {"json": _print_json, "csv": _print_csv, None: _print_text}[form]
    return _each(predictor, expand(paths, passed), write)


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
    tell(f"{results.path}: {results.n_lines} clips{more}; {results.n_failed} could not be used")
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
