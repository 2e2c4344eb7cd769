"""One piece of work of a batch, heard in order: the recordings of a list or of an archive, and what is said of each.

A recording is predicted by itself, not in a batch with its neighbours: what is said of it depends on nothing else, bit
for bit, however the list was cut and whoever hears it. Recordings at URLs are read a few ahead.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import json
import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sutja import places, remote
from sutja.audio import Source, printable
from sutja.errors import AudioError, RunError
from sutja.folders import is_junk, kind_of
from sutja.outcomes import Record, record_of
from sutja.predictor import Predictor
from sutja.remote import MAX_READ_BYTES, READ_AHEAD_BYTES, is_url

N_AHEAD = 64
"""Recordings at URLs that are asked for at a time: a store answers in tens of milliseconds, a word takes one."""

Heard = tuple[str, Source | AudioError]
"""What a recording is called, and what is to be heard or why it cannot be."""


@dataclass(frozen=True)
class Work:
    """Recordings to be heard one after the other; plain values, as another process is told."""

    listed: str | None
    """The place of their names, which :func:`to_bytes` wrote; or else"""
    tar: str | None
    """the archive that holds them."""
    folder: str
    """That paths are relative to."""
    start: int = 0
    """How many at the beginning are passed over: they were heard before."""
    careful: bool = False
    """Tell which recording comes first, before it is touched: the last attempt did not come back."""


def to_bytes(names: Iterable[str]) -> bytes:
    """Write a list of names, whatever characters they hold."""
    return json.dumps(list(names)).encode()


def from_bytes(content: bytes) -> list[str]:
    """Read what :func:`to_bytes` wrote."""
    names: list[str] = json.loads(content)
    return names


def answers(predictor: Predictor, work: Work, on_begin: Callable[[str], None]) -> Iterator[Record]:
    """Say what each recording is, in order.

    Parameters
    ----------
    predictor
        Whom to ask.
    work
        What is to be heard.
    on_begin
        Called with the name of the first recording before it is touched, where work is careful.

    Raises
    ------
    RunError
        When the list or its folder is not there, or a store cannot be reached: this is no recording's fault.
    DependencyError
        When a package that reads such URLs is not installed.

    """
    begin = on_begin if work.careful else _nobody
    recordings = _of_list(work, begin) if work.tar is None else _in_tar(work, begin)
    for name, source in recordings:
        yield record_of(name, _outcome(predictor, source))


def _nobody(name: str) -> None:
    """Tell nobody."""


def _outcome(predictor: Predictor, source: Source | AudioError) -> Any:
    if isinstance(source, AudioError):
        return source
    try:
        return predictor.predict(source)
    except AudioError as error:
        return error


class _Named(io.BytesIO):
    """What was read already, under its name."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


# -- lists ------------------------------------------------------------------------------------------------------------


def _of_list(work: Work, begin: Callable[[str], None]) -> Iterator[Heard]:
    names = _names(work)
    _go_to(work.folder, names)
    if names:
        begin(names[0])
    n_first = 1 if work.careful else 0  # alone: another that is read ahead must not be taken for it
    for part in (names[:n_first], names[n_first:]):
        yield from _read_ahead([list(group) for _, group in itertools.groupby(part, is_url)])


def _names(work: Work) -> list[str]:
    content = places.read_bytes(str(work.listed))
    if content is None:
        raise RunError(f"{work.listed}: is gone or cannot be seen from here; expected a place that all workers share")
    return from_bytes(content)[work.start :]


def _go_to(folder: str, names: Iterable[str]) -> None:
    """Be where the names of files are relative to."""
    try:
        os.chdir(folder)
    except OSError as error:
        if not all(is_url(name) or os.path.isabs(name) for name in names):  # noqa: PTH117
            raise RunError(
                f"{folder}: cannot be seen from here ({error.strerror}); give absolute paths that all workers share, "
                "or URLs"
            ) from error


def _read_ahead(groups: Iterable[list[str]]) -> Iterator[Heard]:
    """Give recordings by their paths, and those at URLs read, while the next of them are being read."""
    with ThreadPoolExecutor(1) as pool:
        coming: Future[list[Heard]] | None = None
        for group in groups:
            for start in range(0, len(group), N_AHEAD):
                following = pool.submit(_read, group[start : start + N_AHEAD])
                if coming is not None:
                    yield from coming.result()
                coming = following
        if coming is not None:
            yield from coming.result()


def _read(names: list[str]) -> list[Heard]:
    if not is_url(names[0]):
        return [(name, Path(name)) for name in names]
    return [_read_already(*each) for each in zip(names, remote.read_each(names, READ_AHEAD_BYTES), strict=True)]


def _read_already(name: str, content: bytes | AudioError) -> Heard:
    if isinstance(content, AudioError):
        return name, content
    return name, name if len(content) == READ_AHEAD_BYTES else _Named(content, name)  # the large by themselves


# -- archives ---------------------------------------------------------------------------------------------------------


def _in_tar(work: Work, begin: Callable[[str], None]) -> Iterator[Heard]:
    """Read an archive once from its beginning to its end; what of it is damaged is told of in its place."""
    tar = str(work.tar)
    _go_to(work.folder, [tar])
    if not places.exists(tar):
        yield tar, AudioError(tar, "no such file; check the address", "missing")
        return
    try:
        with _opened(tar) as file, tarfile.open(fileobj=file, mode="r|*") as archive:
            for member in itertools.islice(_sounds(archive), work.start, None):
                name = f"tar://{member.name}::{tar}"
                begin(name)
                begin = _nobody
                yield name, _member(archive, member, name)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        yield tar, AudioError(printable(tar), f"is damaged ({error}); what follows is lost: copy it again")


def _opened(tar: str) -> contextlib.AbstractContextManager[Any]:
    return remote.opened(tar) if is_url(tar) else Path(tar).open("rb")


def _sounds(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        vars(archive)["members"] = []  # it would keep all that it has seen
        name = PurePosixPath(member.name).name
        if member.isfile() and not (is_junk(name) or name.startswith(".") or kind_of(name)):
            yield member


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> Source | AudioError:
    if member.size > MAX_READ_BYTES:
        return AudioError(name, f"has {member.size} bytes; expected one word a clip; cut it into clips", "too_long")
    file = archive.extractfile(member)
    return _Named(b"" if file is None else file.read(), name)
