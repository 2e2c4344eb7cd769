"""`sutja transcribe`: which words are said in a row, and when."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from sutja.audio import printable
from sutja.cli.console import command, say
from sutja.cli.options import grammar_of, model_option, source_of, string_options
from sutja.cli.transcripts import Csv, Json, LineWriter, Put, Srt, Text, TextGrid, Writer
from sutja.errors import AudioError, RunError
from sutja.files import new_folder, replace_atomically
from sutja.folders import PassedOver
from sutja.listing import Item, expand
from sutja.strings.grammar import Grammar
from sutja.strings.transcriber import SpokenString
from sutja.transcription import Transcriber

LINES: dict[str | None, Callable[[Put], LineWriter]] = {None: Text, "json": Json, "csv": Csv}
FILES: dict[str, tuple[str, Callable[[Put], Writer]]] = {"srt": (".srt", Srt), "textgrid": (".TextGrid", TextGrid)}
"""Those that are about one recording each, and what their names end with."""


@command()
@click.argument("paths", nargs=-1, required=True)
@model_option
@string_options
@click.option("--json", "form", flag_value="json", help="One JSON object a line and recording, with words and times.")
@click.option("--csv", "form", flag_value="csv", help="path,start,end,string,probability,complete,error.")
@click.option("--textgrid", "form", flag_value="textgrid", help="Praat's TextGrid: strings and words.")
@click.option("--srt", "form", flag_value="srt", help="Subtitles: a string each.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write this file; with --textgrid or --srt of several recordings, a new folder with a file for each.",
)
def transcribe(  # noqa: PLR0913  one a command-line option
    paths: tuple[str, ...], *, model: Path, length: str | None, strings: Path | None, form: str | None, out: Path | None
) -> None:
    """Say which words are spoken in a row in PATHS: files, folders and globs; - is a recording through standard input.

    A string ends with half a second of silence; each is told with its time as soon as it has ended, whatever the length
    of the recording. A file that cannot be used is reported in its place, the others still come, and the exit status
    is 1. Where nothing is said the string is empty.
    """
    transcriber, passed = Transcriber(model), PassedOver()
    grammar = grammar_of(transcriber, length, strings)
    if form in FILES:
        n_failed = _each_apart(transcriber, grammar, list(expand(paths, passed)), form, out)
    else:
        with _opened(out) as put:
            writer = LINES[form](put)
            n_failed = sum(not _told(transcriber, grammar, path, writer) for path in expand(paths, passed))
    for line in passed.lines():
        say(f"left out: {line}")
    sys.exit(1 if n_failed or passed.missed else 0)


def _told(transcriber: Transcriber, grammar: Grammar, path: Item, writer: LineWriter) -> bool:
    """Tell of one recording, whether or not it can be used, which is returned."""
    try:
        _tell(transcriber, grammar, path, writer)
    except AudioError as error:
        writer.fail(path, error)
        return False
    return True


def _tell(transcriber: Transcriber, grammar: Grammar, path: Item, writer: Writer) -> None:
    """Tell of one recording while it is heard."""
    seconds = [0.0]
    for event in transcriber.events(source_of(path), grammar, on_heard=lambda now: seconds.__setitem__(0, now)):
        if isinstance(event, SpokenString):
            writer.string(path, event)
    writer.end(path, seconds[0])


def _each_apart(transcriber: Transcriber, grammar: Grammar, files: list[Item], form: str, out: Path | None) -> int:
    """Write files that are about one recording each, and count the recordings that cannot be used."""
    suffix, writer_of = FILES[form]
    if len(files) == 1:
        with _opened(out) as put:
            _tell(transcriber, grammar, files[0], writer_of(put))
        return 0
    names = _names(files, suffix)
    if out is None:
        raise click.UsageError(
            f"--{form} of {len(files)} recordings, and a file is about one; expected --out with a folder to write to"
        )
    n_failed = 0
    with new_folder(out) as folder:
        for path, name in zip(files, names, strict=True):
            try:
                with _opened(folder / name) as put:
                    _tell(transcriber, grammar, path, writer_of(put))
            except AudioError as error:
                say(f"sutja: {error}")
                n_failed += 1
    return n_failed


def _names(files: list[Item], suffix: str) -> list[str]:
    names = [f"{Path(path).stem}{suffix}" for path in files]
    for path, name in zip(files, names, strict=True):
        if names.count(name) > 1:
            raise RunError(
                f"{printable(path)}: another recording would be written to {name} as well; expected names of their "
                "own; run the command once for each folder"
            )
    return names


@contextlib.contextmanager
def _opened(out: Path | None) -> Iterator[Put]:
    """Give where text goes: standard output, or a file that is there whole or not at all."""
    if out is None:
        yield lambda text: click.echo(text, nl=False)
        return
    with replace_atomically(out) as draft, draft.open("w", encoding="utf-8", errors="backslashreplace") as file:

        def put(text: str) -> None:
            file.write(text)

        yield put
