"""The one door for sound: whatever it was, inside it is a waveform.

A waveform is float32, mono, ``(n_samples,)``, at the sample rate that was asked for, finite, with full scale at
[-1, 1]. It is checked here once and trusted everywhere else.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from sutja.arrays import rate_of, samples_of
from sutja.config import AudioConfig
from sutja.containers import FOREIGN, LIBSNDFILE
from sutja.contents import open_content
from sutja.decoders import Sound, open_sound
from sutja.errors import AudioError
from sutja.parquet import StoredSound

Waveform = NDArray[np.float32]


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a recording, from ``start`` to ``end`` seconds of it: a source as a path is one."""

    path: Path
    start: float
    end: float

    @property
    def name(self) -> str:
        """What it is called where the folder is known, as a path's name."""
        return f"{self.path.name} ({self.start:g} to {self.end:g} s)"


Source = str | os.PathLike[str] | bytes | BinaryIO | ArrayLike | Excerpt | StoredSound

CHUNK_SECONDS = 1.0
"""How much of a long recording is in memory at a time."""

EXCERPT_SLACK_SECONDS = 0.05
"""That a stretch may reach beyond the end of its recording: tables round."""
CANCELLED = 0.05
"""Below this share of the energy that their mean would have if channels had nothing to do with each other, they cancel
each other: one was wired the wrong way round."""

SUFFIXES = tuple(suffix for kind in LIBSNDFILE for suffix in kind.suffixes)
"""Of files that are read by every installation."""
FOREIGN_SUFFIXES = tuple(suffix for kind in FOREIGN for suffix in kind.suffixes)
"""Of files that are read where the extra `ffmpeg` is installed, and named where it is not."""
KNOWN_SUFFIXES = SUFFIXES + FOREIGN_SUFFIXES
"""Folders are searched for these."""


def load_waveform(source: Source, config: AudioConfig, *, sample_rate: int | None = None) -> Waveform:
    """Decode, mix down to mono, resample and check.

    Parameters
    ----------
    source
        A path, also of a pipe, the bytes of a file, an open binary file, a stretch of a recording, or samples as
        :func:`sutja.arrays.samples_of` takes them: floats in [-1, 1] or integers, one channel or several.
    config
        The sample rate wanted and the limits.
    sample_rate
        Of an array's samples, Hz (``config.sample_rate`` when not given); files say their own.

    Returns
    -------
    Waveform
        float32, ``(n_samples,)``, at ``config.sample_rate``.

    Raises
    ------
    AudioError
        When there is nothing that can be used, with the reason.

    """
    (waveform,) = load_at((config.sample_rate,), source, config, sample_rate=sample_rate)
    return waveform


def load_at(
    rates: Sequence[int], source: Source, config: AudioConfig, *, sample_rate: int | None = None
) -> list[Waveform]:
    """Return what :func:`load_waveform` does at each of several sample rates, Hz; the source is decoded once."""
    name = _name(source)
    if _is_encoded(source):
        samples, rate = decode(source, config)
    else:
        rate = rate_of(config.sample_rate if sample_rate is None else sample_rate, name)
        samples = samples_of(source, name)
    waveform = _checked(samples, rate, name, config)
    if config.remove_mean:
        # The mean in float64: exported graphs sum in another order, and must come to the same float32.
        waveform = waveform - np.float32(waveform.mean(dtype=np.float64))
    at = {wanted: soxr.resample(waveform, rate, wanted, quality="HQ") for wanted in {*rates} - {rate}}
    return [np.ascontiguousarray(at.get(wanted, waveform), dtype=np.float32) for wanted in rates]


@contextlib.contextmanager
def open_stream(source: Source, sample_rate: int) -> Iterator[tuple[int, Iterator[Waveform]]]:
    """Open a recording of any length to be heard piece by piece: its sample rate, Hz, and its chunks, in order.

    Parameters
    ----------
    source
        What :func:`load_waveform` takes.
    sample_rate
        Of an array's samples, Hz; files say their own.

    Raises
    ------
    AudioError
        When it cannot be opened, or a chunk cannot be decoded or is no sound.

    """
    name = _name(source)
    if not _is_encoded(source):
        yield rate_of(sample_rate, name), iter([_piece(samples_of(source, name), name)])
        return
    with _opened(source, name) as sound:
        yield sound.sample_rate, _chunks(sound, source, name)


def checked_chunk(chunk: object) -> Waveform:
    """Check a piece of a stream, which may be empty: floats, ``(n_samples,)``, with full scale at [-1, 1].

    No other kind is taken, since in a stream it would be a mistake: a chunk of 16-bit integers that were taken for
    their full scale here and for floats there.

    Raises
    ------
    AudioError
        When it is something else.

    """
    if not isinstance(chunk, np.ndarray):
        raise AudioError(
            "stream",
            f"a chunk is a {type(chunk).__name__}; expected an array of floats, (n_samples,); convert it with "
            "numpy.asarray(chunk, dtype=numpy.float32)",
        )
    if chunk.ndim != 1 or chunk.dtype.kind != "f":
        raise AudioError(
            "stream",
            f"a chunk of {chunk.dtype} with shape {chunk.shape}; expected floats in [-1, 1], (n_samples,); "
            "divide 16-bit samples by 32768, and take one channel or the mean of all",
        )
    if chunk.dtype != np.float32:
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as that
            chunk = chunk.astype(np.float32)
    _peak(chunk, "stream", "check what fills the chunks")
    return chunk


def mixed_down(samples: NDArray[np.float32]) -> Waveform:
    """Return the mean of the channels, ``(n_samples, n_channels)`` to ``(n_samples,)``; the loudest where they cancel.

    >>> word = np.array([0.5, -0.5, 0.25], dtype=np.float32)
    >>> mixed_down(np.stack([word, -word], axis=1))
    array([ 0.5 , -0.5 ,  0.25], dtype=float32)
    """
    if samples.shape[1] == 1:
        return samples[:, 0]
    with np.errstate(over="ignore", invalid="ignore"):  # the peak tells
        mean: Waveform = samples.mean(axis=1)
        energies = samples.var(axis=0, dtype=np.float64)  # without an offset, which is no sound
        unrelated = energies.sum() / samples.shape[1] ** 2
        if mean.var(dtype=np.float64) < CANCELLED * unrelated:
            return samples[:, int(energies.argmax())]
    return mean


def decode(source: Source, config: AudioConfig) -> tuple[NDArray[np.float32], int]:
    """Decode as it is, unchecked: for those who look into recordings; all others want :func:`load_waveform`.

    Returns
    -------
    NDArray[np.float32], int
        ``(n_samples, n_channels)`` with full scale at [-1, 1], and the file's sample rate, Hz. Never more than
        one sample above ``config.max_seconds``, whatever the header promises.

    Raises
    ------
    AudioError
        When the file is not there or is no sound.

    """
    name = _name(source)
    with _opened(source, name) as sound:
        # A header can promise hours: the limit, not the header, says how much is read.
        limit = int(config.max_seconds * sound.sample_rate) + 1
        if isinstance(source, Excerpt):
            limit = min(limit, _n_samples(source, sound))
        samples = sound.read(limit)
        if isinstance(source, Excerpt):
            _check_reached(source, len(samples), limit, sound.sample_rate, name)
        return samples, sound.sample_rate


def printable(path: str | os.PathLike[str]) -> str:
    r"""Spell a path so that it can be printed, whatever its bytes: file names need not be UTF-8.

    >>> printable("zw\udcf6lf.wav")
    'zw\\xf6lf.wav'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_encoded(source: Any) -> bool:
    """Tell whether a source is a file in some form, and no array."""
    if isinstance(source, Excerpt | StoredSound):
        return True
    if isinstance(source, memoryview):
        return source.format in ("B", "b", "c")
    return isinstance(source, str | os.PathLike | bytes | bytearray) or hasattr(source, "read")


@contextlib.contextmanager
def _opened(source: Any, name: str) -> Iterator[Sound]:
    """Open a file in any form, at the beginning of what is wanted of it."""
    if isinstance(source, Excerpt) and not 0 <= source.start < source.end < math.inf:
        raise AudioError(name, "expected a start of 0 s or later and an end behind it; correct the table")
    content = open_content(source.path if isinstance(source, Excerpt) else source, name)
    with contextlib.closing(content), open_sound(content, name) as sound:
        if isinstance(source, Excerpt):
            sound.skip(round(source.start * sound.sample_rate))
        yield sound


def _n_samples(excerpt: Excerpt, sound: Sound) -> int:
    return round(excerpt.end * sound.sample_rate) - round(excerpt.start * sound.sample_rate)


def _check_reached(excerpt: Excerpt, n_read: int, n_wanted: int, rate: int, name: str) -> None:
    """Refuse a stretch that the recording does not have; the slack is for ends that were rounded up."""
    if n_read == 0 or n_read < n_wanted - EXCERPT_SLACK_SECONDS * rate:
        found = f"only {n_read / rate:.2f} s of it are in the recording"
        raise AudioError(name, f"{found}; expected a stretch within it; correct the times", "too_short")


def _chunks(sound: Sound, source: Any, name: str) -> Iterator[Waveform]:
    n_left = _n_samples(source, sound) if isinstance(source, Excerpt) else None
    n_read, per_chunk = 0, round(CHUNK_SECONDS * sound.sample_rate)
    while n_left is None or n_read < n_left:
        samples = sound.read(per_chunk if n_left is None else min(per_chunk, n_left - n_read))
        if len(samples) or (n_left is None and not n_read):
            yield _piece(samples, name)
        n_read += len(samples)
        if not len(samples):
            break
    if isinstance(source, Excerpt):
        _check_reached(source, n_read, _n_samples(source, sound), sound.sample_rate, name)


def _piece(samples: NDArray[np.float32], name: str) -> Waveform:
    """Check and mix down a part of a recording that is being heard piece by piece."""
    if samples.size == 0:
        raise AudioError(name, "0 samples after decoding; expected sound; record it again")
    waveform = mixed_down(samples)
    _peak(waveform, name)
    return waveform


def _name(source: Any) -> str:
    """Say what a source is called in messages."""
    if isinstance(source, Excerpt):
        return f"{printable(source.path)}, {source.start:g} to {source.end:g} s"
    if isinstance(source, StoredSound):
        return f"{printable(source.path)}, row {source.row}"
    if isinstance(source, str | os.PathLike):
        return printable(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return f"audio of {len(source)} bytes"
    return str(getattr(source, "name", "audio"))


def _checked(samples: NDArray[np.float32], rate: float, name: str, config: AudioConfig) -> Waveform:
    """Check what can be wrong with samples and mix them down: ``(n_samples, n_channels)`` to ``(n_samples,)``."""
    n_samples = len(samples) if samples.shape[1] else 0
    seconds = n_samples / rate
    if seconds < config.min_seconds:
        least = f"at least {config.min_seconds:g} s, {int(np.ceil(config.min_seconds * rate))} samples at {rate} Hz"
        raise AudioError(name, f"{n_samples} samples after decoding; expected {least}; record it again", "too_short")
    if seconds > config.max_seconds:
        raise AudioError(
            name, f"longer than {config.max_seconds:g} s; expected one word a clip; cut it into clips", "too_long"
        )
    waveform = mixed_down(samples)
    if _peak(waveform, name) == 0:
        raise AudioError(name, "every sample is zero; expected sound; check the microphone", "silent")
    return waveform


def _peak(waveform: Waveform, name: str, remedy: str = "write the file again") -> float:
    """Return the largest absolute value, which shows whether all of them are numbers."""
    peak = float(np.abs(waveform).max(initial=0))
    if not np.isfinite(peak):
        raise AudioError(name, f"holds values that are not numbers (NaN or infinity); {remedy}", "not_finite")
    return peak
