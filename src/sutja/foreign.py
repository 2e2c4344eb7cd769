"""Kinds of file that libsndfile cannot read, through PyAV (ffmpeg as a wheel), where it is installed.

It is told which kind it gets, so that it never goes by itself to play lists, pictures or addresses, and reads from
memory or one open file only.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sutja.errors import AudioError, needs

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

PROBE_BYTES = 2**20
"""At most, that ffmpeg reads to find out what is in a file."""
EXTRA = "ffmpeg"


class ForeignSound:
    """The sound in a file, to be read once from its beginning to its end.

    Parameters
    ----------
    file
        Open, at its beginning.
    demuxer
        What ffmpeg calls this kind of file.
    name
        What it is called in messages.

    Raises
    ------
    DependencyError
        Where PyAV is not installed.
    AudioError
        Where there is no sound in it.

    """

    def __init__(self, file: io.RawIOBase | io.BytesIO, demuxer: str, name: str) -> None:
        av = _library()
        try:
            options = {"probesize": str(PROBE_BYTES), "protocol_whitelist": "pipe"}
            self._container: Any = av.open(file, mode="r", format=demuxer, options=options)
        except (av.FFmpegError, ValueError, OSError) as error:
            raise _undecodable(name, error) from error
        # PyAV says ValueError of a stream in a coding that ffmpeg does not know
        self._name, self._broken = name, (av.FFmpegError, ValueError)
        self._frames = self._decoded()
        first = next(self._frames, None)
        if first is None:
            self._container.close()
            raise AudioError(name, "there is no sound in it; expected a recording; record it again", "empty")
        self.sample_rate: int = first.sample_rate
        self.n_channels = len(first.layout.channels)
        self._left = self._samples(first)

    def read(self, n_samples: int) -> NDArray[np.float32]:
        """Give the next ``(n_samples, n_channels)``, fewer at the end."""
        pieces, n_missing = [self._left[:n_samples]], n_samples - len(self._left)
        self._left = self._left[n_samples:]
        while n_missing > 0 and (frame := next(self._frames, None)) is not None:
            samples = self._samples(frame)
            pieces.append(samples[:n_missing])
            self._left = samples[n_missing:]
            n_missing -= len(samples)
        return np.concatenate(pieces)

    def skip(self, n_samples: int) -> None:
        """Pass over samples."""
        while n_samples > 0 and len(read := self.read(min(n_samples, self.sample_rate))):
            n_samples -= len(read)

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def _decoded(self) -> Iterator[AudioFrame]:
        """Decode what can be decoded; a damaged stretch is passed over, as ffmpeg does, and a cut is the end."""
        if not self._container.streams.audio:
            return
        stream = self._container.streams.audio[0]
        stream.thread_count = 1
        try:
            for packet in self._container.demux(stream):
                try:
                    yield from packet.decode()
                except self._broken:
                    continue
        except self._broken:
            return

    def _samples(self, frame: AudioFrame) -> NDArray[np.float32]:
        """Turn a frame into float32 ``(n_samples, n_channels)`` with full scale at 1."""
        if (frame.sample_rate, len(frame.layout.channels)) != (self.sample_rate, self.n_channels):
            raise AudioError(self._name, "its sample rate or channels change within it; convert it to wav")
        values = frame.to_ndarray()
        values = values.T if frame.format.is_planar else values.reshape(-1, self.n_channels)
        if values.dtype.kind == "f":
            return np.ascontiguousarray(values, dtype=np.float32)
        half = 2.0 ** (8 * values.dtype.itemsize - 1)
        return ((values - (half if values.dtype.kind == "u" else 0.0)) / half).astype(np.float32)


def is_installed() -> bool:
    """Tell whether such files can be read here."""
    return importlib.util.find_spec("av") is not None


def _library() -> Any:
    try:
        import av
    except ImportError as error:
        raise needs("PyAV (av)", EXTRA) from error
    av.logging.set_level(None)  # it would print
    return av


def _undecodable(name: str, error: Exception) -> AudioError:
    reason = str(getattr(error, "strerror", "") or error)[:100]
    return AudioError(name, f"cannot be decoded ({reason}); record it again or convert it to wav", "format")
