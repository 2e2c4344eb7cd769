"""`sutja listen`: words as they are spoken."""

from __future__ import annotations

import queue
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import click

from sutja.blocks import Blocks
from sutja.cli.console import command, say
from sutja.cli.options import Hearing, hearing_options, model_option
from sutja.cli.rows import word_json, word_line
from sutja.errors import one_line
from sutja.live import words_of
from sutja.predictor import Predictor
from sutja.streams import Word

FIELDS = ("label", "probability", "start")
STDERR = 2  # the file descriptor: sys.stderr may be none
MOST_WAITING = 20  # commands: more words than that have come while one ran


@command()
@click.argument("source", required=False)
@model_option
@hearing_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as the service gives it.")
@click.option("--run", "line", metavar="COMMAND", help="Run this for each word: {label}, {probability}, {start}.")
def listen(hearing: Hearing, *, model: Path, as_json: bool, line: str | None) -> None:
    """Listen to the microphone, or to SOURCE: a recording, or - for standard input. A line a word, until Ctrl-C.

    Standard input is a wav file while it is written, or raw 16-bit samples, little-endian, one channel, with their
    --sample-rate. What is no word of the vocabulary is told as such, and runs no command.
    """
    runner = None if line is None else Runner(_there(arguments_of(line)))
    try:
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
            runner.put(word)


def _tell_lost(n_lost: int) -> None:
    say(f"sound was lost, {n_lost} times so far: this machine is too busy")


# -- commands ---------------------------------------------------------------------------------------------------------


def arguments_of(line: str) -> list[str]:
    """Split a command as shells do; none of them ever sees it.

    >>> arguments_of("light --to '{label} now'")
    ['light', '--to', '{label} now']
    """
    try:
        arguments = shlex.split(line)
    except ValueError as error:
        raise click.UsageError(f"--run {line}: {str(error).lower()}; close what is quoted") from error
    if not arguments:
        raise click.UsageError("--run: no command; expected one, for example --run 'echo {label}'")
    unknown = [name for part in arguments for name in re.findall(r"\{(\w*)\}", part) if name not in FIELDS]
    if unknown:
        raise click.UsageError(
            f"--run: {{{unknown[0]}}} is not known; expected {{label}}, {{probability}} or {{start}}"
        )
    return arguments


def _there(arguments: list[str]) -> list[str]:
    if shutil.which(arguments[0]) is None:
        raise click.UsageError(f"--run: {one_line(arguments[0])} is no command that is found here; check its name")
    return arguments


def filled(arguments: Sequence[str], word: Word) -> list[str]:
    """Put a word into the arguments of a command; whatever a label holds, it makes no new argument.

    >>> filled(["say", "{label}: {probability}"], Word("a b; {start}", 0.5, {}, start=1.0, end=2.0))
    ['say', 'a b; {start}: 0.5000']
    """
    values = {"label": str(word.label), "probability": f"{word.probability:.4f}", "start": f"{word.start:.3f}"}
    return [re.sub(r"\{(label|probability|start)\}", lambda found: values[found[1]], part) for part in arguments]


class Runner:
    """Runs a command for each word, one after the other, while listening goes on.

    Parameters
    ----------
    arguments
        Of the command, with ``{label}``, ``{probability}`` and ``{start}``.

    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self._words: queue.Queue[Word | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, word: Word) -> None:
        """Run it for this word, when it is its turn."""
        try:
            self._words.put_nowait(word)
        except queue.Full:
            say(f"--run: {MOST_WAITING} words wait for their command, so none is run for {word.label}")

    def finish(self) -> None:
        """Wait until the last one has ended."""
        self._words.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (word := self._words.get()) is not None:
            self._run(filled(self._arguments, word), str(word.label))

    def _run(self, arguments: list[str], label: str) -> None:
        try:  # standard output is for the words alone
            ended = subprocess.run(arguments, check=False, stdin=subprocess.DEVNULL, stdout=STDERR)
        except (OSError, ValueError) as error:  # gone since; a label with a zero byte
            say(f"--run: cannot be run for {label} ({error}); listening goes on")
            return
        if ended.returncode:
            say(f"--run: ended with status {ended.returncode} for {label}; listening goes on")
