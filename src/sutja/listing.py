"""What people name, as one list of recordings in order: files, folders, patterns, URLs, lists, columns of tables.

A list is never in memory as a whole. What lies in a folder or below a prefix and is no recording is counted, with the
reason; what is named and not there stays, to be told of in its place.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from sutja import remote
from sutja.audio import printable
from sutja.errors import DatasetError
from sutja.folders import LeftOut, PassedOver, entries, is_junk, is_sound, kind_of
from sutja.parquet import column_of
from sutja.remote import is_url

Item = Path | str
"""A path, or a URL."""
STDIN = "-"
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""Names of archives that are read from their beginning to their end, as WebDataset's are."""


def expand(sources: Iterable[str], passed: PassedOver | None = None) -> Iterator[Item]:
    """Turn files, folders, patterns, URLs and lists into files, in order.

    What matches nothing stays as it is, to be reported. So does `-`, which is a recording through standard input,
    whatever is called so. A list is ``@list.txt``, a recording a line; ``@-`` comes through standard input.

    Parameters
    ----------
    sources
        As they are given.
    passed
        Counts what lies in a folder or below a prefix and is no sound that can be read.

    Raises
    ------
    DatasetError
        When a list cannot be read.
    RunError
        When there is nothing below a URL, or its store cannot be reached.

    """
    passed = PassedOver() if passed is None else passed
    for text in sources:
        yield from _expanded(text, passed, with_tars=False)


def drawn(sources: Iterable[str], passed: PassedOver, column: str | None = None) -> Iterator[str]:
    """Do as :func:`expand`, for many: `-` is a list here, archives come as they are, tables give one of their columns.

    Parameters
    ----------
    sources, passed
        As :func:`expand` takes them.
    column
        Of the parquet tables among them: the one that holds paths or URLs.

    Raises
    ------
    DatasetError
        When a list or a table cannot be read, or it is not said which column holds the paths.
    RunError
        When there is nothing below a URL, or its store cannot be reached.

    """
    for text in sources:
        if text == STDIN:
            yield from (os.fspath(item) for item in _lines("@-"))
        elif text.lower().endswith(".parquet"):
            yield from _column(text, column)
        elif is_tar(text):
            yield text
        else:
            yield from (os.fspath(item) for item in _expanded(text, passed, with_tars=True))


def is_tar(name: str) -> bool:
    """Tell whether a name is one of an archive that is read as a whole; what lies in one by itself is a recording.

    >>> is_tar("s3://b/000017.tar"), is_tar("tar://7.wav::s3://b/000017.tar")
    (True, False)
    """
    return _name_of(name).lower().endswith(TARS)


def is_given_whole(source: str) -> bool:
    """Tell whether a source says itself which recordings it names, and not what lies in a place at the time."""
    return source == STDIN or source.startswith("@") or source.lower().endswith(".parquet")


def _name_of(item: str) -> str:
    """Return the name of a file without what follows it in a URL."""
    return item.partition("::")[0].partition("?")[0] if is_url(item) else item


def _expanded(text: str, passed: PassedOver, *, with_tars: bool) -> Iterator[Item]:
    path = Path(text)
    if is_url(text):
        yield from _at_url(text, passed, with_tars=with_tars)
    elif text == STDIN:
        yield path
    elif os.path.isdir(text):  # noqa: PTH112  Path.is_dir raises where a name is too long
        yield from _or_itself(path, _sounds(path, passed, with_tars=with_tars))
    elif os.path.exists(text):  # noqa: PTH110
        yield path.absolute() if str(path) == STDIN else path
    elif text.startswith("@"):
        yield from _lines(text)
    else:
        names = sorted(glob.glob(text, recursive=True))  # noqa: PTH207  the pattern is the user's own, from anywhere
        folders = [name for name in names if os.path.isdir(name)]  # noqa: PTH112
        if "**" not in text:  # which matches what is in them as well
            for folder in folders:
                passed.add(LeftOut(Path(folder), "folder"), printable(folder))
        yield from _or_itself(path, map(Path, sorted(set(names).difference(folders))))


def _sounds(folder: Path, passed: PassedOver, *, with_tars: bool) -> Iterator[Path]:
    for name, reason in entries(folder):
        if reason and not (with_tars and reason == "unknown_kind" and is_tar(name)):
            passed.add(LeftOut(Path(name), reason), printable(name))
        else:
            yield Path(name)


def _at_url(url: str, passed: PassedOver, *, with_tars: bool) -> Iterator[str]:
    """Give one recording, or those below a prefix or that match a pattern."""
    if "*" not in url and (is_sound(_name_of(url)) or is_tar(url)):
        yield url
        return
    yield from cast("Iterator[str]", _or_itself(url, _sounds_below(url, passed, with_tars=with_tars)))


def _sounds_below(url: str, passed: PassedOver, *, with_tars: bool) -> Iterator[str]:
    for found in remote.below(url):
        name = PurePosixPath(_name_of(found)).name
        reason = "junk" if is_junk(name) else "hidden" if name.startswith(".") else kind_of(name)
        if reason and not (with_tars and is_tar(found)):
            passed.add(LeftOut(Path(name), reason), found)
        else:
            yield found


def _or_itself(item: Item, files: Iterator[Item]) -> Iterator[Item]:
    yield next(files, item)
    yield from files


# -- lists and tables -------------------------------------------------------------------------------------------------


def _lines(source: str) -> Iterator[Item]:
    """Give the recordings of a list: a line each; of names, any bytes but those that end a line."""
    with _opened_list(source) as file:
        for number, line in enumerate(file):
            text = os.fsdecode(line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line).strip("\r\n")
            if text:
                yield text if is_url(text) else Path(text)


@contextlib.contextmanager
def _opened_list(source: str) -> Iterator[Iterable[bytes]]:
    place = source.removeprefix("@")
    if place == STDIN:
        yield sys.stdin.buffer
    elif is_url(place):
        with remote.opened(place) as file:
            yield file
    else:
        try:
            file = Path(place).open("rb")  # noqa: SIM115  closed below
        except OSError as error:
            found = error.strerror or str(error)
            raise DatasetError(
                f"{printable(place)}: cannot be read ({found}); expected a list of recordings, a line each"
            ) from error
        with file:
            yield file


def _column(place: str, column: str | None) -> Iterator[str]:
    """Give the values of one column of a parquet table."""
    with contextlib.ExitStack() as stack:
        file: BinaryIO | Path = stack.enter_context(remote.opened(place)) if is_url(place) else Path(place)
        try:
            for row, value in enumerate(column_of(file, column)):
                yield _named(value, f"row {row} of {column}")
        except (OSError, ValueError) as error:
            raise DatasetError(f"{printable(place)}: {getattr(error, 'strerror', None) or error}") from error


def _named(value: object, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{place} holds {value!r}; expected a path or a URL")
    return value


def in_groups(items: Iterator[str], size: int) -> Iterator[list[str]]:
    """Cut a list into groups of a size; an archive is a group by itself.

    >>> list(in_groups(iter(["1.wav", "2.wav", "3.wav", "a.tar", "4.wav"]), 2))
    [['1.wav', '2.wav'], ['3.wav'], ['a.tar'], ['4.wav']]
    """
    for tar, together in itertools.groupby(items, is_tar):
        while group := list(itertools.islice(together, 1 if tar else size)):
            yield group
