"""`sutja listen`: words as they are spoken."""

from __future__ import annotations

import json
import queue
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from sutja.blocks import Blocks
from sutja.cli.console import command, say
from sutja.cli.options import Hearing, grammar_of, hearing_options, model_option
from sutja.cli.rows import seconds, word_json, word_line
from sutja.cli.transcripts import string_line
from sutja.errors import one_line
from sutja.live import strings_of, words_of
from sutja.predictor import Predictor
from sutja.streams import Word
from sutja.strings.transcriber import SpokenString, SpokenWord, StringEvent, joined
from sutja.transcription import Transcriber
from sutja.transcripts import record_of

ANY = ""
"""In place of a list of strings: any can be said."""
FIELDS = ("label", "probability", "start")
STRING_FIELDS = ("text", "probability", "start")
STDERR = 2  # the file descriptor: sys.stderr may be none
MORE, CLEAR_REST = "...", "\x1b[K"
"""After what may still change; ECMA-48's erasing of a line from the cursor to its end."""
MOST_WAITING = 20  # commands: more words than that have come while one ran


@command()
@click.argument("source", required=False)
@model_option
@hearing_options
@click.option(
    "--strings",
    is_flag=False,
    flag_value=ANY,
    metavar="[FILE]",
    help="Words in a row, without pauses between them; with a FILE of all that can be said, a line each: 4711, or "
    "lamp on.",
)
@click.option("--length", metavar="N|N-M", help="How many words a string has: 4, or 4-6; with --strings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as the service gives it.")
@click.option(
    "--run",
    "line",
    metavar="COMMAND",
    help="Run this for each word: {label}, {probability}, {start}; with --strings for each string: {text}.",
)
def listen(  # noqa: PLR0913  one a command-line option
    hearing: Hearing, *, model: Path, strings: str | None, length: str | None, as_json: bool, line: str | None
) -> None:
    """Listen to the microphone, or to SOURCE: a recording, or - for standard input. A line a word, until Ctrl-C.

    Standard input is a wav file while it is written, or raw 16-bit samples, little-endian, one channel, with their
    --sample-rate. What is no word of the vocabulary is told as such, and runs no command.

    With --strings a line is a string: a terminal shows it while it is said. --json tells of every word of it as well.
    SOURCE stands before --strings, since what follows that is the list.
    """
    as_strings = strings is not None
    if strings == "-" and hearing.source is None:  # no list comes from there
        hearing, strings = replace(hearing, source=strings), ANY
    if length is not None and not as_strings:
        raise click.UsageError("--length is of strings, and words that stand alone have none; expected --strings too")
    runner = None if line is None else Runner(_there(arguments_of(line, STRING_FIELDS if as_strings else FIELDS)))
    try:
        if as_strings:
            transcriber = Transcriber(model)
            grammar = grammar_of(transcriber, length, Path(strings) if strings else None)
            with hearing.open() as blocks:
                _tell_strings(strings_of(transcriber, blocks, grammar, on_lost=_tell_lost), blocks, as_json, runner)
        else:
            predictor = Predictor.load(model)
            with hearing.open() as blocks:
                _tell(predictor, blocks, as_json, runner)
        if runner is not None:
            runner.finish()
    except KeyboardInterrupt:  # how listening ends
        sys.exit(0)


def _tell(predictor: Predictor, blocks: Blocks, as_json: bool, runner: Runner | None) -> None:
    say(f"listening to {blocks.name}; Ctrl-C ends it")
    for word in words_of(predictor, blocks, on_lost=_tell_lost):
        click.echo(word_json(word) if as_json else one_line(word_line(word)))  # which flushes
        if runner is not None and word.label is not None:
            runner.put(word.label, values_of(word))


def _tell_strings(events: Iterator[StringEvent], blocks: Blocks, as_json: bool, runner: Runner | None) -> None:
    say(f"listening to {blocks.name}; Ctrl-C ends it")
    growing = Growing()
    for event in events:
        if as_json:
            click.echo(json.dumps(record_of(event), ensure_ascii=False))
        else:
            growing.tell(event)
        is_string = isinstance(event, SpokenString) and event.complete and all(word.label for word in event.words)
        if runner is not None and isinstance(event, SpokenString) and is_string:
            runner.put(event.text, values_of(event))


class Growing:
    """Shows strings to people: a line each, which grows in place on a terminal while its string is said."""

    def __init__(self) -> None:
        self._in_place = sys.stdout.isatty()
        self._words: list[SpokenWord] = []

    def tell(self, event: StringEvent) -> None:
        """Show what has become known."""
        if isinstance(event, SpokenString):
            self._words = []
            self._line(f"{seconds(event.start)}: {string_line(event)}", is_last=True)
        elif isinstance(event, SpokenWord):
            self._words.append(event)
            self._line(joined([word.label for word in self._words]))
        else:
            self._line(f"{joined(event.labels)}{MORE}")

    def _line(self, text: str, *, is_last: bool = False) -> None:
        if self._in_place:
            room = shutil.get_terminal_size().columns - 1  # a line that goes on below could not be overwritten
            shown = one_line(text)
            click.echo(f"\r{shown if is_last else shown[-room:]}{CLEAR_REST}", nl=is_last)
        elif is_last:
            click.echo(one_line(text))


def _tell_lost(n_lost: int) -> None:
    say(f"sound was lost, {n_lost} times so far: this machine is too busy")


# -- commands ---------------------------------------------------------------------------------------------------------


def arguments_of(line: str, fields: Sequence[str] = FIELDS) -> list[str]:
    """Split a command as shells do; none of them ever sees it.

    >>> arguments_of("light --to '{label} now'")
    ['light', '--to', '{label} now']
    """
    example, *_ = fields
    try:
        arguments = shlex.split(line)
    except ValueError as error:
        raise click.UsageError(f"--run {line}: {str(error).lower()}; close what is quoted") from error
    if not arguments:
        raise click.UsageError(f"--run: no command; expected one, for example --run 'echo {{{example}}}'")
    unknown = [name for part in arguments for name in re.findall(r"\{(\w*)\}", part) if name not in fields]
    if unknown:
        *first, last = [f"{{{name}}}" for name in fields]
        raise click.UsageError(f"--run: {{{unknown[0]}}} is not known; expected {', '.join(first)} or {last}")
    names = "|".join(fields)
    torn = [found[0] for part in arguments for found in re.finditer(rf"\{{({names})\b(?!\}})", part)]
    if torn:
        raise click.UsageError(f"--run: {torn[0]} has no brace at its end; close it")
    return arguments


def _there(arguments: list[str]) -> list[str]:
    if shutil.which(arguments[0]) is None:
        raise click.UsageError(f"--run: {one_line(arguments[0])} is no command that is found here; check its name")
    return arguments


def values_of(said: Word | SpokenString) -> dict[str, str]:
    """Return what can be put into a command, by name."""
    numbers = {"probability": f"{said.probability:.4f}", "start": f"{said.start:.3f}"}
    return {"text": said.text} | numbers if isinstance(said, SpokenString) else {"label": str(said.label)} | numbers


def filled(arguments: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Put what was said into the arguments of a command; whatever a label holds, it makes no new argument.

    >>> filled(["say", "{label}: {probability}"], values_of(Word("a b; {start}", 0.5, {}, start=1.0, end=2.0)))
    ['say', 'a b; {start}: 0.5000']
    """
    names = "|".join(values)
    return [re.sub(rf"\{{({names})\}}", lambda found: values[found[1]], part) for part in arguments]


class Runner:
    """Runs a command for each word or string, one after the other, while listening goes on.

    Parameters
    ----------
    arguments
        Of the command, with ``{label}`` or ``{text}``, ``{probability}`` and ``{start}``.

    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self._said: queue.Queue[tuple[str, Mapping[str, str]] | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, label: str, values: Mapping[str, str]) -> None:
        """Run it for this word or string, when it is its turn."""
        try:
            self._said.put_nowait((label, values))
        except queue.Full:
            say(f"--run: {MOST_WAITING} words wait for their command, so none is run for {label}")

    def finish(self) -> None:
        """Wait until the last one has ended."""
        self._said.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (said := self._said.get()) is not None:
            label, values = said
            self._run(filled(self._arguments, values), label)

    def _run(self, arguments: list[str], label: str) -> None:
        try:  # standard output is for the words alone
            ended = subprocess.run(arguments, check=False, stdin=subprocess.DEVNULL, stdout=STDERR)
        except (OSError, ValueError) as error:  # gone since; a label with a zero byte
            say(f"--run: cannot be run for {label} ({error}); listening goes on")
            return
        if ended.returncode:
            say(f"--run: ended with status {ended.returncode} for {label}; listening goes on")
