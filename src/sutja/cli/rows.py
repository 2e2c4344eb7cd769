"""What is said of each clip, as a line of JSON or CSV, and files of such lines that can be resumed."""

from __future__ import annotations

import collections
import contextlib
import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sutja.audio import printable
from sutja.columns import RESULT_COLUMNS
from sutja.errors import AudioError, RunError
from sutja.files import cannot_write
from sutja.predictor import Prediction


def json_line(path: Path, outcome: Prediction | AudioError) -> str:
    """Write one JSON object: everything that is known."""
    record: dict[str, Any] = {"path": printable(path)}
    if isinstance(outcome, AudioError):
        record["error"] = str(outcome)
    else:
        record |= dataclasses.asdict(outcome)
    return json.dumps(record, ensure_ascii=False) + "\n"


def csv_line(path: Path, outcome: Prediction | AudioError) -> str:
    """Write :data:`sutja.columns.RESULT_COLUMNS`; the label of a clip that is refused is empty."""
    values = ["", "", str(outcome)] if isinstance(outcome, AudioError) else [outcome.label, outcome.probability, ""]
    return csv_row([printable(path), *values])


def csv_row(values: Iterable[Any]) -> str:
    r"""Write values as CSV does.

    >>> csv_row(["a, b.wav", 7])
    '"a, b.wav",7\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)  # with which it puts quotes around either
    return text.getvalue().removesuffix("\r\n") + "\n"


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
        if path.exists() and not resume:
            raise RunError(f"{path}: is there already; resume it with --resume, or choose another name for --out")
        self.path = path
        self._line = json_line if as_json else csv_line
        self._begins = b'{"path": ' if as_json else csv_row(RESULT_COLUMNS).encode()
        self._done: collections.Counter[str] = collections.Counter()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._keep_whole_lines(_json_path if as_json else _csv_path)
            self._file = path.open("a", encoding="utf-8", newline="", buffering=1)
            if not as_json and path.stat().st_size == 0:
                self._write(csv_row(RESULT_COLUMNS))
        except OSError as error:
            raise cannot_write(path, error) from error
        self.n_lines = self._done.total()

    def remaining(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Pass on the paths that have no line yet; one that is asked for twice has two."""
        done = self._done.copy()
        for path in paths:
            name = printable(path)
            if done[name] > 0:
                done[name] -= 1
            else:
                yield path

    def write(self, path: Path, outcome: Prediction | AudioError) -> None:
        """Add a line."""
        self._write(self._line(path, outcome))
        self.n_lines += 1

    def _write(self, line: str) -> None:
        try:
            self._file.write(line)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.close()  # writes once more what it still holds
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _keep_whole_lines(self, path_of: Any) -> None:
        if not self.path.is_file():  # not there, or a device
            return
        with self.path.open("r+b") as file:
            head, end = file.read(len(self._begins)), 0
            if not self._begins.startswith(head):
                raise self._foreign()
            file.seek(0)
            for line in _whole_lines(file):
                end += len(line)
                try:
                    name = path_of(line.decode("utf-8"))
                except (ValueError, KeyError, TypeError, csv.Error) as error:
                    raise self._foreign() from error
                if name is not None:
                    self._done[name] += 1
            file.truncate(end)

    def _foreign(self) -> RunError:
        return RunError(
            f"{self.path}: holds something else than results of `sutja predict --out` in this format; "
            "choose another name for --out"
        )


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Give the lines that have their end; a line of CSV may hold line breaks, between quotes."""
    line = b""
    for part in file:
        line += part
        if line.endswith(b"\n") and line.count(b'"') % 2 == 0:
            yield line
            line = b""


def _csv_path(line: str) -> str | None:
    values = next(csv.reader(io.StringIO(line, newline=""), strict=True))
    if len(values) != len(RESULT_COLUMNS):
        raise ValueError(line)
    return None if values == list(RESULT_COLUMNS) else values[0]


def _json_path(line: str) -> str:
    return str(json.loads(line)["path"])
