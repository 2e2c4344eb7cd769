"""What is said of each clip, as a line of JSON or CSV, and files of such lines that can be resumed."""

from __future__ import annotations

import collections
import contextlib
import csv
import dataclasses
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from sutja.audio import printable
from sutja.cli.options import percent
from sutja.columns import RESULT_COLUMNS
from sutja.errors import AudioError, RunError
from sutja.files import cannot_write
from sutja.listing import Item
from sutja.outcomes import as_csv, as_json, csv_row, record_of
from sutja.predictor import Prediction
from sutja.streams import Word
from sutja.texts.phrases import phrase, said


def answer_line(prediction: Prediction) -> str:
    """Say for people what a clip is taken for, and that it is one word of several where it is.

    >>> answer_line(Prediction("7", 0.91, {"7": 0.91}, n_words=3, word_at=0.42))
    '7 (91.0 %); 3 words: this is the one at 0.4 s'
    """
    if prediction.words:
        in_a_row = said("; {n} words in a row", n=prediction.n_words)
        return f"{prediction.text} ({percent(prediction.probability)}){in_a_row}"
    answer = phrase("not in the vocabulary") if prediction.rejected else prediction.label
    at = said("; {n} words: this is the one at {s} s", n=prediction.n_words, s=f"{prediction.word_at:.1f}")
    return f"{answer} ({percent(prediction.probability)}){at if prediction.n_words > 1 else ''}"


def json_line(path: Item, outcome: Prediction | AudioError) -> str:
    """Write one JSON object: everything that is known."""
    return as_json(record_of(path, outcome))


def word_json(word: Word) -> str:
    """Write a word of a stream as one JSON object: the fields in which the service tells it."""
    times = {"type": "word", "start": round(word.start, 3), "end": round(word.end, 3)}
    told = {name: getattr(word, name) for name in ("label", "rejected", "probability", "probabilities")}
    return json.dumps(times | told, ensure_ascii=False)


def word_line(word: Word) -> str:
    """Say for people when a word began and what it is taken for.

    >>> word_line(Word("7", 0.91, {"7": 0.91}, start=1.25, end=1.75))
    '1.25 s: 7 (91.0 %)'
    """
    return f"{seconds(word.start)}: {answer_line(word)}"


def seconds(time: float) -> str:
    """Say for people when something began.

    >>> seconds(1.25)
    '1.25 s'
    """
    return said("{n} s", n=f"{time:.2f}")


def csv_line(path: Item, outcome: Prediction | AudioError) -> str:
    """Write :data:`sutja.columns.RESULT_COLUMNS`; the label of a clip that is refused is empty."""
    return as_csv(record_of(path, outcome))


class ResultFile:
    """A file of results, a line a clip; clips that it holds already are not predicted again.

    A line is written in one go, and a line that was cut off all the same, by a full disk or a power cut, is taken away
    when the file is resumed.

    Parameters
    ----------
    path
        The file.
    as_json
        Lines of JSON; else CSV with a header.
    resume
        Resume a file that is there.

    Raises
    ------
    RunError
        When the file is there and not to be resumed, holds something else, or cannot be written.

    """

    def __init__(self, path: Path, *, as_json: bool, resume: bool) -> None:
        self.path = path
        self._form = JSON if as_json else CSV
        self._done: collections.Counter[str] = collections.Counter()
        self.n_failed = 0
        """Clips that could not be used, so far."""
        try:
            if path.exists() and not resume:
                raise RunError(f"{path}: is there already; resume it with --resume, or choose another name for --out")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._keep_whole_lines()
            # Unbuffered: nothing is left to be written when it is closed.
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise cannot_write(path, error) from error
        if path.stat().st_size == 0:
            self._write(self._form.head)
        self.n_lines = self._done.total()

    def remaining(self, paths: Iterable[Item]) -> Iterator[Item]:
        """Pass on the paths that have no line yet; one that is asked for twice has two."""
        done = self._done.copy()
        for path in paths:
            name = printable(path)
            if done[name] > 0:
                done[name] -= 1
            else:
                yield path

    def write(self, path: Item, outcome: Prediction | AudioError) -> None:
        """Add a line."""
        self._write(self._form.line(path, outcome))
        self.n_lines += 1
        self.n_failed += isinstance(outcome, AudioError)

    def _write(self, line: str) -> None:
        left = memoryview(line.encode("utf-8", "backslashreplace"))
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.close()
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Close the file.

        Raises
        ------
        RunError
            When the disk says only now that it did not take what was written.

        """
        try:
            self._file.close()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _keep_whole_lines(self) -> None:
        if not self.path.is_file():  # not there, or a device
            return
        with self.path.open("r+b") as file:
            head = file.read(len(self._form.begins))
            if not self._form.begins.startswith(head):
                raise self._foreign()
            file.seek(0)
            end = 0
            try:
                for line in self._form.whole_lines(file):
                    end += len(line)
                    self._count(self._form.read(line.decode("utf-8")))
            except (ValueError, KeyError, TypeError, RecursionError, csv.Error) as error:
                raise self._foreign() from error
            file.truncate(end)

    def _count(self, known: tuple[str, bool] | None) -> None:
        if known is not None:
            name, failed = known
            self._done[name] += 1
            self.n_failed += failed

    def _foreign(self) -> RunError:
        return RunError(
            f"{self.path}: holds something else than results of `sutja predict --out` in this format; "
            "choose another name for --out"
        )


# -- the two formats: how a line is written, where it ends, and what it says -----------------------------------------


@dataclasses.dataclass(frozen=True)
class Form:
    """One format of a file of results: its writer, and the reader of what that writes."""

    line: Callable[[Item, Prediction | AudioError], str]
    head: str
    """The first line of a file, before those of clips."""
    begins: bytes
    """With which every such file begins."""
    whole_lines: Callable[[BinaryIO], Iterator[bytes]]
    """Gives the lines of a file that have their end."""
    read: Callable[[str], tuple[str, bool] | None]
    """Gives the path of a line, and whether the clip could not be used; None for the head."""


def _json_lines(file: BinaryIO) -> Iterator[bytes]:
    """Give the lines that have their end: JSON spells out those that a name holds."""
    return (line for line in file if line.endswith(b"\n"))


def _csv_lines(file: BinaryIO) -> Iterator[bytes]:
    """Give the lines that have their end; one may hold line breaks, between quotes, which are always even."""
    parts: list[bytes] = []
    n_quotes = 0
    for part in file:
        parts.append(part)
        n_quotes += part.count(b'"')
        if part.endswith(b"\n") and n_quotes % 2 == 0:
            yield b"".join(parts)
            parts, n_quotes = [], 0


def _read_json(line: str) -> tuple[str, bool]:
    record = json.loads(line)
    if not isinstance(record["path"], str) or not ("error" in record or "label" in record):
        raise ValueError(line)
    return record["path"], "error" in record


def _read_csv(line: str) -> tuple[str, bool] | None:
    values = next(csv.reader(io.StringIO(line, newline=""), strict=True))
    if len(values) != len(RESULT_COLUMNS):
        raise ValueError(line)
    return None if values == list(RESULT_COLUMNS) else (values[0], bool(values[3]))


JSON = Form(json_line, "", b'{"path": ', _json_lines, _read_json)
CSV = Form(csv_line, csv_row(RESULT_COLUMNS), csv_row(RESULT_COLUMNS).encode(), _csv_lines, _read_csv)
