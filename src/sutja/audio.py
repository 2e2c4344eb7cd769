"""The one door for sound: whatever it was, inside it is a waveform.

A waveform is float32, mono, ``(n_samples,)``, at the sample rate that was asked for, finite, with full scale at
[-1, 1]. It is checked here once and trusted everywhere else.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray

from sutja.config import AudioConfig
from sutja.errors import AudioError

Waveform = NDArray[np.float32]
Source = str | os.PathLike[str] | bytes | BinaryIO | ArrayLike

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
    if isinstance(source, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(source, "read"):
        samples, rate = _decode(source, name, config)
    else:
        samples, rate = _as_samples(source, name), sample_rate or config.sample_rate
    waveform = _checked(samples, rate, name, config)
    if config.remove_mean:
        waveform = waveform - waveform.mean()
    if rate != config.sample_rate:
        waveform = soxr.resample(waveform, rate, config.sample_rate, quality="HQ")
    return np.ascontiguousarray(waveform, dtype=np.float32)


def loudest_window(waveform: Waveform, n_samples: int) -> Waveform:
    """Return the ``n_samples`` in a row that hold the most energy; the whole waveform if it is not longer.

    >>> loudest_window(np.array([0, 0, 3, 4, 0], dtype=np.float32), 2)
    array([3., 4.], dtype=float32)
    """
    if len(waveform) <= n_samples:
        return waveform
    energy = np.concatenate(([0.0], np.cumsum(np.square(waveform, dtype=np.float64))))
    start = int(np.argmax(energy[n_samples:] - energy[:-n_samples]))
    return waveform[start : start + n_samples]


def find_audio(folder: Path) -> list[Path]:
    """Return the sound files below a folder, by name, in order; hidden files and folders are passed over."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [Path(parent, n) for n in names if n.lower().endswith(SUFFIXES) and not n.startswith(".")]
    return sorted(found)


def _name(source: Any) -> str:
    """Say what a source is called in messages."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source).encode(errors="replace").decode()  # file names need not be UTF-8
    if isinstance(source, bytes | bytearray | memoryview):
        return f"audio of {len(source)} bytes"
    return str(getattr(source, "name", "audio"))


def _decode(source: Any, name: str, config: AudioConfig) -> tuple[NDArray[np.float32], int]:
    """Read ``(n_samples, n_channels)`` and the sample rate, never more than the limit allows."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.exists():
            raise AudioError(f"{name}: no such file; check the path")
        if path.is_dir():
            raise AudioError(f"{name}: is a folder; expected a sound file")
        if path.stat().st_size == 0:
            raise AudioError(f"{name}: the file is empty; record it again")
        source = os.fspath(path)
    elif isinstance(source, bytes | bytearray | memoryview):
        if len(source) == 0:
            raise AudioError(f"{name}: nothing there; expected the bytes of a sound file")
        source = io.BytesIO(source)
    try:
        with soundfile.SoundFile(source) as file:
            rate = file.samplerate
            # A header can promise hours: the limit, not the header, says how much is read.
            limit = int(config.max_seconds * rate) + 1
            samples = file.read(min(limit, file.frames) if file.frames > 0 else limit, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, ValueError, MemoryError) as error:
        raise AudioError(
            f"{name}: cannot be decoded ({_reason(error)}); expected wav, flac, ogg, mp3 or aiff"
        ) from error
    return samples, rate


def _reason(error: Exception) -> str:
    text = str(getattr(error, "error_string", "") or getattr(error, "strerror", "") or error)
    return text.strip().rstrip(".") or type(error).__name__


def _as_samples(source: Any, name: str) -> NDArray[np.float32]:
    """Turn an array of any kind into float32 ``(n_samples, n_channels)`` with full scale at 1."""
    try:
        samples = np.asarray(source)
    except ValueError as error:
        raise AudioError(f"{name}: not an array ({error}); expected (n_samples,) or (n_samples, n_channels)") from error
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise AudioError(
            f"{name}: array of {samples.dtype} with shape {samples.shape}; "
            "expected numbers, (n_samples,) or (n_samples, n_channels)"
        )
    if samples.dtype.kind == "u":  # unsigned PCM is centred on half of its range
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)
        samples = (samples - half) / half
    elif samples.dtype.kind == "i":
        samples = samples / 2.0 ** (8 * samples.dtype.itemsize - 1)
    return samples.astype(np.float32).reshape(len(samples), -1)


def _checked(samples: NDArray[np.float32], rate: int, name: str, config: AudioConfig) -> Waveform:
    """Check what can be wrong with samples and mix them down: ``(n_samples, n_channels)`` to ``(n_samples,)``."""
    n_samples = len(samples)
    seconds = n_samples / rate
    if seconds < config.min_seconds:
        least = f"at least {config.min_seconds:g} s, {int(np.ceil(config.min_seconds * rate))} samples at {rate} Hz"
        raise AudioError(f"{name}: {n_samples} samples after decoding; expected {least}; record it again")
    if seconds > config.max_seconds:
        raise AudioError(f"{name}: longer than {config.max_seconds:g} s; expected one word a clip; cut it into clips")
    waveform = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    peak = np.abs(waveform).max()
    if not np.isfinite(peak):
        raise AudioError(f"{name}: holds values that are not numbers (NaN or infinity); write the file again")
    if peak == 0:
        raise AudioError(f"{name}: every sample is zero; expected sound; check the microphone")
    return waveform
