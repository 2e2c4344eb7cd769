"""Strings of recordings as lines and files: written while they are heard, so that hours of them need no memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from sutja.audio import printable
from sutja.cli.console import say
from sutja.cli.options import percent
from sutja.cli.rows import seconds as time_line
from sutja.columns import TRANSCRIPT_COLUMNS
from sutja.errors import AudioError, one_line
from sutja.listing import Item
from sutja.outcomes import csv_row
from sutja.strings.transcriber import SpokenString, joined
from sutja.texts.phrases import phrase
from sutja.transcripts import DECIMALS, NOTHING_SAID, Interval, srt, textgrid, whole_record

Put = Callable[[str], None]
"""Takes whole lines of text."""


class Writer(Protocol):
    """What strings of one recording after the other are told to."""

    def string(self, path: Item, string: SpokenString) -> None:
        """Tell of the next string of a recording."""
        ...

    def end(self, path: Item, seconds: float) -> None:
        """Tell that a recording has ended after so many seconds."""
        ...


class LineWriter(Writer, Protocol):
    """That many recordings can be told to, also those that cannot be used."""

    def fail(self, path: Item, error: AudioError) -> None:
        """Tell that a recording could not be used, or no further."""
        ...


class Text:
    """For people: a line a recording that has one string, else a line a string, with the time.

    Parameters
    ----------
    put
        Where lines go.

    """

    def __init__(self, put: Put) -> None:
        self._put = put
        self._first: SpokenString | None = None
        self._n = 0

    def string(self, path: Item, string: SpokenString) -> None:
        """Write it, but for the first: it may be the only one."""
        self._n += 1
        if self._n == 1:
            self._first = string
            return
        self._write_first(path)
        self._line(path, f"{time_line(string.start)}: {string_line(string)}")

    def end(self, path: Item, seconds: float) -> None:
        """Write what was kept."""
        if self._n < 2:
            self._line(path, phrase(NOTHING_SAID) if self._first is None else string_line(self._first))
        self._first, self._n = None, 0

    def fail(self, path: Item, error: AudioError) -> None:
        """Write what was kept, and say what is wrong."""
        self._write_first(path)
        say(f"sutja: {error}")
        self._n = 0

    def _write_first(self, path: Item) -> None:
        if self._first is not None:
            self._line(path, f"{time_line(self._first.start)}: {string_line(self._first)}")
            self._first = None

    def _line(self, path: Item, text: str) -> None:
        self._put(one_line(f"{printable(path)}: {text}") + "\n")


class Json:
    """One object a line and recording: ``path``, its ``strings``, ``text``; ``error`` where it could not be used.

    Parameters
    ----------
    put
        Where text goes.

    """

    def __init__(self, put: Put) -> None:
        self._put = put
        self._labels: list[str | None] = []

    def string(self, path: Item, string: SpokenString) -> None:
        """Write it as the next of the list."""
        self._put(", " if self._labels else _opened(path))
        self._labels += [word.label for word in string.words]
        self._put(json.dumps(whole_record(string), ensure_ascii=False))

    def end(self, path: Item, seconds: float) -> None:
        """Close the object."""
        if not self._labels:
            self._put(_opened(path))
        self._close({"text": joined(self._labels), "seconds": round(seconds, DECIMALS)})

    def fail(self, path: Item, error: AudioError) -> None:
        """Write what is wrong, beside the strings that there were."""
        if self._labels:
            self._close({"error": str(error)})
        else:
            self._put(json.dumps({"path": printable(path), "error": str(error)}, ensure_ascii=False) + "\n")

    def _close(self, told: dict[str, Any]) -> None:
        self._put("], " + json.dumps(told, ensure_ascii=False)[1:] + "\n")
        self._labels = []


def _opened(path: Item) -> str:
    return json.dumps({"path": printable(path)}, ensure_ascii=False)[:-1] + ', "strings": ['


class Csv:
    """:data:`sutja.columns.TRANSCRIPT_COLUMNS`: a row a string.

    Parameters
    ----------
    put
        Where lines go.

    """

    def __init__(self, put: Put) -> None:
        self._put, self._n = put, 0
        put(csv_row(TRANSCRIPT_COLUMNS))

    def string(self, path: Item, string: SpokenString) -> None:
        """Write its row."""
        self._n += 1
        times = f"{string.start:.3f}", f"{string.end:.3f}"
        complete = str(string.complete).lower()
        self._put(csv_row([printable(path), *times, string.text, string.probability, complete, ""]))

    def end(self, path: Item, seconds: float) -> None:
        """Write a row where nothing was said."""
        if not self._n:
            self._put(csv_row([printable(path), *[""] * 6]))
        self._n = 0

    def fail(self, path: Item, error: AudioError) -> None:
        """Write a row for what could not be used."""
        self._put(csv_row([printable(path), *[""] * 5, error]))
        self._n = 0


class Srt:
    """Subtitles of one recording.

    Parameters
    ----------
    put
        Where lines go.

    """

    def __init__(self, put: Put) -> None:
        self._put, self._n = put, 0

    def string(self, path: Item, string: SpokenString) -> None:
        """Write it."""
        self._n += 1
        self._put(srt(self._n, string))

    def end(self, path: Item, seconds: float) -> None:
        """Write no more."""


class TextGrid:
    """Praat's TextGrid of one recording: strings and words, written at its end, since it begins with their number.

    Parameters
    ----------
    put
        Where lines go.

    """

    def __init__(self, put: Put) -> None:
        self._put = put
        self._strings: list[Interval] = []
        self._words: list[Interval] = []

    def string(self, path: Item, string: SpokenString) -> None:
        """Keep where it was."""
        self._strings.append((string.start, string.end, string.text))
        self._words += [(word.start, word.end, joined([word.label])) for word in string.words]

    def end(self, path: Item, seconds: float) -> None:
        """Write all of it."""
        self._put(textgrid({"strings": self._strings, "words": self._words}, seconds))


def string_line(string: SpokenString) -> str:
    """Say a string for people, and that it was not as long as it should be.

    >>> from sutja.strings.transcriber import SpokenWord
    >>> word = SpokenWord("4", 0.9, {"4": 0.9}, 1.0, 1.5)
    >>> string_line(SpokenString((word, word), complete=False))
    '44 (81.0 %), not complete'
    """
    return f"{string.text} ({percent(string.probability)}){'' if string.complete else phrase(', not complete')}"
