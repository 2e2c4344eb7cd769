"""The one door for sound: whatever it was, inside it is a waveform.

A waveform is float32, mono, ``(n_samples,)``, at the sample rate that was asked for, finite, with full scale at
[-1, 1]. It is checked here once and trusted everywhere else.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray

from sutja.config import AudioConfig
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

# 8 channels at 48 kHz, 2 at 192 kHz. A flac of 90 kB can hold a minute of 8 at 192 kHz, which takes 400 MB and 2 s.
MAX_VALUES_PER_SECOND = 384_000

CHUNK_SECONDS = 1.0
"""How much of a long recording is in memory at a time."""

# Names that libsndfile reads and that folders are searched for.
SUFFIXES = (
    ".wav",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aiff",
    ".aif",
    ".aifc",
    ".au",
    ".snd",
    ".caf",
    ".w64",
    ".rf64",
)


def load_waveform(source: Source, config: AudioConfig, *, sample_rate: int | None = None) -> Waveform:
    """Decode, mix down to mono, resample and check.

    Parameters
    ----------
    source
        A path, the bytes of a file, an open binary file, or samples: ``(n_samples,)`` or ``(n_samples, n_channels)``,
        float in [-1, 1] or integers at their full scale.
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
    name = _name(source)
    if _is_encoded(source):
        samples, rate = decode(source, config)
    else:
        samples, rate = _as_samples(source, name), config.sample_rate if sample_rate is None else sample_rate
    if rate <= 0:
        raise AudioError(name, f"sample rate {rate} Hz; expected a number above 0")
    waveform = _checked(samples, rate, name, config)
    if config.remove_mean:
        # The mean in float64: exported graphs sum in another order, and must come to the same float32.
        waveform = waveform - np.float32(waveform.mean(dtype=np.float64))
    if rate != config.sample_rate:
        waveform = soxr.resample(waveform, rate, config.sample_rate, quality="HQ")
    return np.ascontiguousarray(waveform, dtype=np.float32)


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
        yield sample_rate, iter([_piece(_as_samples(source, name), name)])
        return
    with _decoding(name):
        file = _sound_file(_open(source, name), name, _ForwardFile)
    with file:
        yield file.samplerate, _chunks(file, name)


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


def loudest_window(waveform: Waveform, n_samples: int) -> Waveform:
    """Return the ``n_samples`` in a row that hold the most energy; the whole waveform if it is not longer.

    >>> loudest_window(np.array([0, 0, 3, 4, 0], dtype=np.float32), 2)
    array([3., 4.], dtype=float32)
    """
    start = loudest_start(waveform, n_samples)
    return waveform[start : start + n_samples]


def loudest_start(waveform: Waveform, n_samples: int) -> int:
    """Return the sample at which :func:`loudest_window` begins.

    >>> loudest_start(np.array([0, 0, 3, 4, 0], dtype=np.float32), 2)
    2
    """
    if len(waveform) <= n_samples:
        return 0
    energy = np.concatenate(([0.0], np.cumsum(np.square(waveform, dtype=np.float64))))
    return int(np.argmax(energy[n_samples:] - energy[:-n_samples]))


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
    opened = _open(source.path if isinstance(source, Excerpt) else source, name)
    with _decoding(name), _sound_file(opened, name) as file:
        rate: int = file.samplerate
        # A header can promise hours: the limit, not the header, says how much is read.
        limit = int(config.max_seconds * rate) + 1
        if isinstance(source, Excerpt):
            file.seek(min(round(source.start * rate), file.frames))
            limit = min(limit, round(source.end * rate) - round(source.start * rate))
        samples = file.read(min(limit, file.frames) if file.frames > 0 else limit, dtype="float32", always_2d=True)
    return samples, rate


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
    return isinstance(source, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(source, "read")


@contextlib.contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Say of any failure to decode whose it was."""
    try:
        yield
    # TypeError: soundfile takes .raw and asks for the format
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError, MemoryError) as error:
        raise AudioError(
            name, f"cannot be decoded ({_reason(error)}); expected wav, flac, ogg, mp3 or aiff", "format"
        ) from error


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read to its end, piece by piece.

    soundfile seeks after each read of a file that it can seek in. The decoder of mp3 begins anew at that, gives other
    last digits and complains on stderr.
    """

    def seekable(self) -> bool:
        return False


def _sound_file(
    opened: str | bytes | _Memory, name: str, kind: type[soundfile.SoundFile] = soundfile.SoundFile
) -> soundfile.SoundFile:
    file = kind(opened)
    if file.samplerate * file.channels > MAX_VALUES_PER_SECOND:
        file.close()
        raise AudioError(
            name,
            f"{file.channels} channels at {file.samplerate} Hz; expected at most {MAX_VALUES_PER_SECOND} "
            "values a second in all; write the file with fewer channels",
        )
    return file


def _chunks(file: soundfile.SoundFile, name: str) -> Iterator[Waveform]:
    is_first = True
    while True:
        with _decoding(name):
            samples = file.read(round(CHUNK_SECONDS * file.samplerate), dtype="float32", always_2d=True)
        if not len(samples) and not is_first:
            return
        yield _piece(samples, name)
        is_first = False


def _piece(samples: NDArray[np.float32], name: str) -> Waveform:
    """Check and mix down a part of a recording that is being heard piece by piece."""
    if samples.size == 0:
        raise AudioError(name, "0 samples after decoding; expected sound; record it again")
    waveform = _mixed_down(samples)
    _peak(waveform, name)
    return waveform


class _Memory(io.BytesIO):
    """Bytes that libsndfile may seek in; a damaged header may ask for a place before the start and gets the start."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.getbuffer().nbytes}[whence]
        return super().seek(max(0, base + offset))


def _open(source: Any, name: str) -> str | bytes | _Memory:
    """Turn a path into one that soundfile takes, and bytes or a file object, also one without seek, into memory."""
    if isinstance(source, str | os.PathLike):
        _check_file(Path(source), name)
        # soundfile encodes names strictly, so names that are not UTF-8 are handed over as bytes; Windows wants text.
        return os.fspath(source) if os.name == "nt" else os.fsencode(source)
    content = source
    if isinstance(source, StoredSound) or hasattr(source, "read"):
        try:
            content = source.content() if isinstance(source, StoredSound) else source.read()
        except (OSError, ValueError) as error:  # closed, or open for writing
            raise AudioError(name, f"cannot be read ({_reason(error)}); expected a file open for reading") from error
    if not isinstance(content, bytes | bytearray | memoryview):
        raise AudioError(name, f"gives {type(content).__name__}; expected bytes: open the file in binary mode")
    if len(content) == 0:
        raise AudioError(name, "nothing there; expected the bytes of a sound file", "empty")
    return _Memory(content)


def _check_file(path: Path, name: str) -> None:
    try:
        exists, is_dir = path.exists(), path.is_dir()
        n_bytes = path.stat().st_size if exists else 0
    except OSError as error:  # a name too long, a folder that may not be entered
        raise AudioError(name, f"cannot be opened ({_reason(error)}); check the path") from error
    if not exists:
        raise AudioError(name, "no such file; check the path", "missing")
    if is_dir:
        raise AudioError(name, "is a folder; expected a sound file")
    if n_bytes == 0:
        raise AudioError(name, "the file is empty; record it again", "empty")


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


def _reason(error: Exception) -> str:
    text = str(getattr(error, "error_string", "") or getattr(error, "strerror", "") or error)
    return text.strip().rstrip(".") or type(error).__name__


def _as_samples(source: Any, name: str) -> NDArray[np.float32]:
    """Turn an array of any kind into float32 ``(n_samples, n_channels)`` with full scale at 1."""
    try:
        samples = np.asarray(source)
    except ValueError as error:
        raise AudioError(name, f"not an array ({error}); expected (n_samples,) or (n_samples, n_channels)") from error
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise AudioError(
            name,
            f"array of {samples.dtype} with shape {samples.shape}; "
            "expected numbers, (n_samples,) or (n_samples, n_channels)",
        )
    if samples.dtype.kind == "u":  # unsigned PCM is centred on half of its range
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)
        samples = (samples - half) / half
    elif samples.dtype.kind == "i":
        samples = samples / 2.0 ** (8 * samples.dtype.itemsize - 1)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as that
        samples = samples.astype(np.float32)
    return samples if samples.ndim == 2 else samples[:, np.newaxis]


def _checked(samples: NDArray[np.float32], rate: int, name: str, config: AudioConfig) -> Waveform:
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
    waveform = _mixed_down(samples)
    if _peak(waveform, name) == 0:
        raise AudioError(name, "every sample is zero; expected sound; check the microphone", "silent")
    return waveform


def _mixed_down(samples: NDArray[np.float32]) -> Waveform:
    with np.errstate(over="ignore", invalid="ignore"):  # the peak tells
        return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)


def _peak(waveform: Waveform, name: str, remedy: str = "write the file again") -> float:
    """Return the largest absolute value, which shows whether all of them are numbers."""
    peak = float(np.abs(waveform).max(initial=0))
    if not np.isfinite(peak):
        raise AudioError(name, f"holds values that are not numbers (NaN or infinity); {remedy}", "not_finite")
    return peak
