"""What a sound file holds, byte by byte, wherever it comes from: a path, a URL, a pipe, bytes, an open file.

What is small or cannot be sought in is held in memory; a large file stays on its disk. Nothing is read without end.
"""

from __future__ import annotations

import io
import os
import select
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sutja.errors import AudioError
from sutja.parquet import StoredSound
from sutja.remote import is_url, read

HELD_BYTES = 2**20
"""Files up to this size are read at once: one read is quicker than many, and a word is smaller."""
MAX_HELD_BYTES = 2**27
"""Of what must be held in memory since it cannot be sought in: twelve minutes of a CD."""
READ_BYTES = 2**18
PATIENCE_SECONDS = 30.0
"""For the next byte of a named pipe: whoever writes into it may be slow, and may never come."""


class Content(Protocol):
    """Bytes that can be read at any place."""

    size: int

    def at(self, start: int, n_bytes: int) -> bytes:
        """Give the bytes from ``start``, fewer where they end."""

    def close(self) -> None:
        """Let go of them."""


class Held:
    """Bytes in memory.

    >>> Held(b"RIFF").at(2, 10)
    b'FF'
    """

    def __init__(self, content: bytes | bytearray | memoryview) -> None:
        self._view = memoryview(content).cast("B")
        self.size = self._view.nbytes

    def at(self, start: int, n_bytes: int) -> bytes:
        """Give the bytes from ``start``, fewer where they end."""
        return bytes(self._view[start : start + n_bytes])

    def close(self) -> None:
        """Let go of them."""
        self._view.release()


class OnDisk:
    """The bytes of a file that stays open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def at(self, start: int, n_bytes: int) -> bytes:
        """Give the bytes from ``start``, fewer where they end."""
        self._file.seek(start)
        return self._file.read(n_bytes)

    def close(self) -> None:
        """Let go of them."""
        self._file.close()


class Section(io.RawIOBase):
    """A file for decoders: some bytes of ours, then a part of the content.

    A damaged header may ask for a place before the start, and gets the start.
    """

    def __init__(self, content: Content, head: bytes, start: int, end: int) -> None:
        self._content, self._head, self._start = content, head, start
        self._size, self._position = len(head) + end - start, 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place, and say which it is."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Say where it is."""
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer, and say how far."""
        n_wanted = min(len(buffer), self._size - self._position)
        if n_wanted <= 0:
            return 0
        found = self._head[self._position : self._position + n_wanted]
        if n_missing := n_wanted - len(found):
            place = self._start + max(0, self._position - len(self._head))
            found += self._content.at(place, n_missing)
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)


class _Memory(io.BytesIO):
    """The same as :class:`Section`, for what is in memory: quicker."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.getbuffer().nbytes}[whence]
        return super().seek(max(0, base + offset))


def section(content: Content, head: bytes, start: int, end: int) -> Section | _Memory:
    """Make a file for decoders: ``head``, then the content from ``start`` to ``end``."""
    if end - start > HELD_BYTES:
        return Section(content, head, start, end)
    return _Memory(b"".join((head, content.at(start, end - start))))


def open_content(source: Any, name: str) -> Content:
    """Take hold of the bytes of a file.

    Parameters
    ----------
    source
        A path, also of a pipe; a URL; the bytes themselves; or an open binary file, also one that cannot seek.
    name
        What it is called in messages.

    Raises
    ------
    AudioError
        When it is not there, cannot be read, gives no bytes or has none.

    """
    if is_url(source):
        return Held(read(source))
    if isinstance(source, str | os.PathLike):
        return _at_path(Path(source), name)
    if isinstance(source, StoredSound):
        source = _stored(source, name)
    elif not isinstance(source, bytes | bytearray | memoryview):
        source = _read_file(source, name)
    if len(source) == 0:
        raise AudioError(name, "nothing there; expected the bytes of a sound file", "empty")
    return Held(source)


def _stored(source: StoredSound, name: str) -> bytes:
    try:
        return source.content()
    except (OSError, ValueError) as error:
        raise AudioError(name, f"cannot be read ({reason_of(error)}); copy the table again") from error


def reason_of(error: BaseException) -> str:
    """Say why, in one line, as libraries and the system say it."""
    text = str(getattr(error, "error_string", "") or getattr(error, "strerror", "") or error)
    return " ".join(text.split()).rstrip(".")[:200] or type(error).__name__


def _at_path(path: Path, name: str) -> Content:
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise AudioError(name, "is a folder; expected a sound file")
        if not stat.S_ISREG(about.st_mode):
            return _piped(path, name)
        if about.st_size > HELD_BYTES:
            return OnDisk(path.open("rb"))
        with path.open("rb", buffering=0) as file:
            content = file.readall()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a zero byte in the name
        raise AudioError(name, "no such file; check the path", "missing") from error
    except OSError as error:  # a name too long, no permission, links in a circle
        raise AudioError(name, f"cannot be opened ({reason_of(error)}); check the path") from error
    if not content:
        raise AudioError(name, "the file is empty; record it again", "empty")
    return Held(content)


def _piped(path: Path, name: str) -> Held:
    """Read what comes through a named pipe or from a device."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # else it waits for whoever writes
    try:
        content = _drained(lambda n_bytes: _next_bytes(descriptor, n_bytes, name), name)
    finally:
        os.close(descriptor)
    if not content:
        raise AudioError(name, "nothing came through it; expected the bytes of a sound file", "empty")
    return Held(content)


def _next_bytes(descriptor: int, n_bytes: int, name: str) -> bytes:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        if hasattr(select, "poll"):  # not on Windows
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(1000 * left):  # without a writer it reads as if it were at its end
                break
        try:
            return os.read(descriptor, n_bytes)
        except BlockingIOError:  # a writer is there and has nothing yet
            continue
    raise AudioError(name, f"nothing came through it for {PATIENCE_SECONDS:g} s; start what writes into it first")


def _drained(read: Callable[[int], bytes], name: str) -> bytearray:
    """Read to the end, but not without end."""
    content = bytearray()
    while piece := read(READ_BYTES):
        content += piece
        if len(content) > MAX_HELD_BYTES:
            limit = f"{MAX_HELD_BYTES // 2**20} MB"
            raise AudioError(name, f"gives more than {limit}; save it as a file and give its path", "too_long")
    return content


def _read_file(file: Any, name: str) -> bytearray:
    """Read an open file from where it stands; one that was read or written to its end, from its beginning."""
    try:
        content = _drained(lambda n_bytes: _piece(file, n_bytes, name), name)
        if not content and _rewound(file):
            content = _drained(lambda n_bytes: _piece(file, n_bytes, name), name)
    except AudioError:
        raise
    except Exception as error:  # closed, for writing only, or whatever an object of somebody else raises
        raise AudioError(name, f"cannot be read ({reason_of(error)}); expected a file open for reading") from error
    return content


def _rewound(file: Any) -> bool:
    seekable = getattr(file, "seekable", None)
    if seekable is None or not seekable() or not file.tell():
        return False
    file.seek(0)
    return True


def _piece(file: Any, n_bytes: int, name: str) -> bytes:
    piece = file.read(n_bytes)
    if not isinstance(piece, bytes | bytearray | memoryview):
        if hasattr(piece, "close"):  # a coroutine that nobody waits for complains
            piece.close()
        raise AudioError(name, f"gives {type(piece).__name__}; expected bytes: open the file in binary mode")
    return bytes(piece)


def found(content: Content, pattern: Any, start: int, end: int, overlap: int) -> Iterator[int]:
    """Give the places, in order, at which a compiled pattern of bytes matches, read block by block.

    Parameters
    ----------
    content
        What is searched.
    pattern
        Of :mod:`re`.
    start, end
        Where a match may begin.
    overlap
        The longest match, so that none is cut by the edge of a block.

    """
    for place in range(start, end, READ_BYTES):
        n_places = min(READ_BYTES, end - place)
        for match in pattern.finditer(content.at(place, n_places + overlap - 1)):
            if match.start() < n_places:
                yield place + match.start()
