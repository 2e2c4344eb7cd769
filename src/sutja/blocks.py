"""Sound as it comes, block by block: from a microphone, a pipe or a recording of any length.

Blocks are float32 ``(n_samples,)`` in [-1, 1] of any size, one channel, at the rate of their source. A pipe gives raw
16-bit samples or a wav file as its writer makes it; what another kind of file gives is read to its end first.
"""

from __future__ import annotations

import contextlib
import io
import os
import wave
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sutja.audio import Source, Waveform, mixed_down, open_stream, printable
from sutja.contents import MAX_HELD_BYTES, reason_of
from sutja.errors import AudioError
from sutja.microphone import Microphone
from sutja.pcm import EXPECTED, LONGEST_KIND, SAMPLE_RATES, Beginning, from_pcm16, kind_of

RAW_SUFFIXES = (".raw", ".pcm")
"""Of files that hold raw samples and say nothing of themselves."""
READ_BYTES = 2**13
HEAD_BYTES = max(LONGEST_KIND, 12)  # RIFF....WAVE
ENDLESS_BYTES = 2**31 - 2**17
"""What writes into a pipe does not know how long it will be, and says 0 or as much as a header can."""


class Blocks(Protocol):
    """Sound from anywhere."""

    name: str
    sample_rate: int
    n_lost: int
    """Times that sound was lost so far."""

    def __iter__(self) -> Iterator[Waveform]:
        """Give the blocks, in order."""


@dataclass
class Given:
    """Sound that loses nothing: of a pipe or a recording."""

    name: str
    sample_rate: int
    chunks: Iterator[Waveform]
    n_lost: int = 0

    def __iter__(self) -> Iterator[Waveform]:
        return self.chunks


@dataclass(frozen=True)
class Pipe:
    """An open binary file that is heard while it is written, such as standard input."""

    file: BinaryIO
    name: str = "pipe"


@contextlib.contextmanager
def open_blocks(
    source: Source | Pipe | None = None, *, sample_rate: int | None = None, device: str | int | None = None
) -> Iterator[Blocks]:
    """Open a source of sound.

    Parameters
    ----------
    source
        A :class:`Pipe`, or a path, bytes, an open file, samples; a microphone when not given.
    sample_rate
        Hz: of raw samples, which do not say theirs; that a microphone is asked for. Files say their own.
    device
        Of the microphone: its number or a part of its name.

    Raises
    ------
    AudioError
        When it cannot be opened or is no sound.
    DependencyError
        When there is no source and the extra `mic` is not installed.

    """
    with _source(source, sample_rate, device) as blocks:
        yield blocks


def _source(
    source: Source | Pipe | None, sample_rate: int | None, device: str | int | None
) -> AbstractContextManager[Blocks]:
    if source is None:
        return Microphone(device, sample_rate)
    if isinstance(source, Pipe):
        return _piped(source, sample_rate)
    if (path := _path_of_raw(source)) is not None:
        return _raw_file(path, printable(path), sample_rate)
    if (file := _one_way(source)) is not None:
        return _piped(Pipe(file, str(getattr(file, "name", "pipe"))), sample_rate)
    return _recording(source, sample_rate)


@contextlib.contextmanager
def _raw_file(path: Path, name: str, sample_rate: int | None) -> Iterator[Given]:
    with _opened(path, name) as file, _piped(Pipe(file, name), sample_rate) as given:
        yield given


def _path_of_raw(source: object) -> Path | None:
    """Return the path of what does not say what it is, or is still being written; None for everything else."""
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(source)
    try:
        is_pipe = path.exists() and not (path.is_file() or path.is_dir())
    except (OSError, ValueError):  # a name that no file can have: told where it is opened
        return None
    return path if is_pipe or path.suffix.lower() in RAW_SUFFIXES else None


def _one_way(source: Any) -> Any:
    """Return an open file that cannot be sought in; None for everything else."""
    seekable = getattr(source, "seekable", None)
    return source if callable(seekable) and not seekable() else None


def _opened(path: Path, name: str) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise AudioError(name, f"cannot be opened ({reason_of(error)}); check the path", "missing") from error


@contextlib.contextmanager
def _recording(source: Source, sample_rate: int | None) -> Iterator[Given]:
    with open_stream(source, sample_rate or 0) as (rate, chunks):
        name = printable(source) if isinstance(source, str | os.PathLike) else str(getattr(source, "name", "recording"))
        _check_rate(rate, sample_rate, name)
        yield Given(name, rate, chunks)


def _check_rate(rate: int, wanted: int | None, name: str) -> None:
    if wanted not in (None, rate):
        raise AudioError(
            name, f"says {rate} Hz and {wanted} Hz was given; leave the sample rate out: the file knows it"
        )


# -- pipes ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _piped(pipe: Pipe, sample_rate: int | None) -> Iterator[Given]:
    head = _read(pipe, HEAD_BYTES, at_least=HEAD_BYTES)
    if not head:
        raise AudioError(pipe.name, "nothing came through it; expected sound; start what writes into it first")
    kind = kind_of(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        yield _wav(head, pipe, sample_rate)
    elif kind is not None:
        content = head + _read(pipe, MAX_HELD_BYTES, at_least=MAX_HELD_BYTES)
        with _recording(_Named(content, pipe.name), sample_rate) as given:
            yield given
    else:
        yield Given(pipe.name, _stated(sample_rate, pipe.name), _raw(head, pipe, _stated(sample_rate, pipe.name)))


class _Named(io.BytesIO):
    """Bytes that have a name in messages."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def _stated(sample_rate: int | None, name: str) -> int:
    low, high = SAMPLE_RATES
    if sample_rate is None:
        raise AudioError(
            name, f"raw samples, which say no sample rate; {EXPECTED}; say their rate: --sample-rate 16000"
        )
    if not low <= sample_rate <= high:
        raise AudioError(
            name, f"sample rate {sample_rate} Hz; expected {low} to {high} Hz; say what it was recorded at"
        )
    return sample_rate


def _wav(head: bytes, pipe: Pipe, sample_rate: int | None) -> Given:
    """Read the header of a wav file that is still being written."""
    try:
        header = wave.open(_Joined(head, pipe), "rb")  # type: ignore[call-overload]  # noqa: SIM115  it closes nothing
    except (wave.Error, EOFError) as error:
        why = reason_of(error)
        raise AudioError(
            pipe.name, f"a wav file that cannot be read ({why}); {EXPECTED}, such as arecord -f S16_LE"
        ) from error
    n_channels, width, rate, n_frames = header.getparams()[:4]
    _check_rate(rate, sample_rate, pipe.name)
    if width != 2:
        raise AudioError(pipe.name, f"a wav file of {8 * width} bits; {EXPECTED}, such as arecord -f S16_LE gives")
    n_bytes = 2 * n_channels * n_frames
    is_endless = n_bytes == 0 or n_bytes >= ENDLESS_BYTES
    content = _content(pipe, None if is_endless else n_bytes)
    return Given(pipe.name, rate, _samples(content, n_channels, pipe.name))


class _Joined:
    """What was read of a pipe already, and the rest: to be read once."""

    def __init__(self, head: bytes, pipe: Pipe) -> None:
        self._head, self._pipe = head, pipe

    def read(self, n_bytes: int) -> bytes:
        first, self._head = self._head[:n_bytes], self._head[n_bytes:]
        missing = n_bytes - len(first)
        return first + (_read(self._pipe, missing, at_least=missing) if missing else b"")


def _raw(head: bytes, pipe: Pipe, sample_rate: int) -> Iterator[Waveform]:
    return _samples(_doubted(head, pipe, sample_rate), 1, pipe.name)


def _doubted(head: bytes, pipe: Pipe, sample_rate: int) -> Iterator[bytes]:
    """Give the bytes of raw samples as long as they can be that."""
    beginning = Beginning(sample_rate)
    for content in _after(head, pipe):
        if not beginning.is_sound(content):
            found = beginning.kind or "32-bit floats"
            raise AudioError(pipe.name, f"the samples are {found}; {EXPECTED}; convert them, or give a file")
        yield content


def _after(head: bytes, pipe: Pipe) -> Iterator[bytes]:
    yield head
    yield from _content(pipe, None)


def _content(pipe: Pipe, n_bytes: int | None) -> Iterator[bytes]:
    """Give what comes, as soon as it comes, up to so many bytes."""
    while n_bytes is None or n_bytes > 0:
        content = _read(pipe, READ_BYTES if n_bytes is None else min(READ_BYTES, n_bytes), at_least=1)
        if not content:
            return
        n_bytes = None if n_bytes is None else n_bytes - len(content)
        yield content


def _samples(contents: Iterator[bytes], n_channels: int, name: str) -> Iterator[Waveform]:
    """Turn bytes into waveforms; a frame that is cut in two waits for its rest."""
    rest, is_any = b"", False
    for content in contents:
        there = rest + content
        n_whole = len(there) // (2 * n_channels) * (2 * n_channels)
        rest = there[n_whole:]
        is_any = is_any or n_whole > 0
        if n_whole:
            yield mixed_down(from_pcm16(there[:n_whole]).reshape(-1, n_channels))
    if not is_any:
        raise AudioError(name, "nothing came through it; expected sound; start what writes into it first", "empty")


def _read(pipe: Pipe, n_bytes: int, at_least: int) -> bytes:
    """Read what is there, and wait for no more than ``at_least`` bytes; fewer where it ends."""
    read = getattr(pipe.file, "read1", pipe.file.read)
    content = b""
    try:
        while len(content) < at_least and (piece := read(n_bytes - len(content))):
            content += piece
    except (OSError, ValueError) as error:
        raise AudioError(
            pipe.name, f"cannot be read ({reason_of(error)}); expected sound; check where it comes from"
        ) from error
    return content
