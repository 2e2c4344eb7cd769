"""Waveform to features: log mel spectrograms and MFCCs, in numpy, for training and serving alike.

Shapes: spectra ``(n_fft // 2 + 1, n_frames)``, features ``(n_bins, n_frames)``, float32, time last.
The conventions are librosa's (its defaults, its Slaney filters, its dB), so that results can be compared; the tests
hold the difference below 1e-3 dB.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.config import FeatureConfig
from sutja.window import judged, judged_start

Features = NDArray[np.float32]

BLOCK_SAMPLES = 2**14  # 128 KiB of float64
MIN_POWER = 1e-10  # the floor of the logarithm, -100 dB, as in librosa
SLANEY_BREAK_HZ = 1000.0  # the Slaney scale is linear below and logarithmic above (Slaney 1998, Auditory Toolbox)
SLANEY_HZ_PER_MEL = 200.0 / 3
SLANEY_LOG_STEP = np.log(6.4) / 27.0


def power_spectrogram(waveform: Waveform, config: FeatureConfig) -> Features:
    """Return ``|STFT|**2``, ``(n_fft // 2 + 1, n_frames)``.

    The FFT runs in float64: numpy's is faster so than in float32, and cells 80 dB below the loudest keep their digits.
    """
    n_fft, margin = config.n_fft, config.n_fft // 2 if config.center else 0
    padded = np.zeros(max(n_fft, len(waveform) + 2 * margin))  # uncentred and shorter than a window: one frame
    padded[margin : margin + len(waveform)] = waveform
    frames = sliding_window_view(padded, n_fft)[:: config.hop_length]  # (n_frames, n_fft), no copy
    window = hann_window(config.window_length, n_fft)
    power = np.empty((len(frames), n_fft // 2 + 1), dtype=np.float32)
    # A few frames at a time in buffers that are used again: one array of all of them is so large that the allocator
    # gives its pages back after every clip, and getting them again took twice as long as the FFT.
    block = max(1, BLOCK_SAMPLES // n_fft)
    windowed, spectrum = np.empty((block, n_fft)), np.empty((block, n_fft // 2 + 1), dtype=np.complex128)
    for start in range(0, len(frames), block):
        n = min(block, len(frames) - start)
        np.multiply(frames[start : start + n], window, out=windowed[:n])
        parts = np.fft.rfft(windowed[:n], out=spectrum[:n]).view(np.float64)  # real and imaginary in turn
        np.square(parts, out=parts)
        np.add(parts[:, 0::2], parts[:, 1::2], out=power[start : start + n], casting="same_kind")
    return power.T


def log_mel(waveform: Waveform, sample_rate: int, config: FeatureConfig) -> Features:
    """Return the mel spectrogram in dB, ``(n_mels, n_frames)``.

    0 dB is the loudest cell or power 1 (``config.reference``); cells more than ``config.top_db`` below the loudest
    are raised to that, none is below -100 dB before the reference is subtracted.
    """
    return _log_mel(power_spectrogram(waveform, config), sample_rate, config)


def mfcc(waveform: Waveform, sample_rate: int, config: FeatureConfig) -> Features:
    """Return the first ``n_mfcc`` coefficients of the orthonormal DCT-II of the log mel spectrogram over its bands.

    Shape ``(n_mfcc, n_frames)``; all ``n_mels`` coefficients when ``config.n_mfcc`` is not given.
    """
    return cepstrum(log_mel(waveform, sample_rate, config), config)


def extract(waveform: Waveform, sample_rate: int, configs: Sequence[FeatureConfig]) -> list[Features]:
    """Return each configuration's features, ``(n_bins, n_frames)``, with one STFT where they agree on it.

    A waveform longer than the network's window gives the window that is judged (:mod:`sutja.window`).
    """
    decibels = log_mels(waveform, sample_rate, configs)
    return [features_of(d, config) for d, config in zip(decibels, configs, strict=True)]


def log_mels(waveform: Waveform, sample_rate: int, configs: Sequence[FeatureConfig]) -> list[Features]:
    """Return the log mel spectrogram that each configuration's features are made of, ``(n_mels, n_frames)``.

    As :func:`extract`: one STFT where they agree on it, the window of a long waveform that is judged.
    """
    spectra: dict[tuple[object, ...], Features] = {}
    decibels = []
    for config in configs:
        stft = stft_settings(config)
        if stft not in spectra:
            spectra[stft] = power_spectrogram(judged(waveform, sample_rate, config.max_samples), config)
        decibels.append(_log_mel(spectra[stft], sample_rate, config))
    return decibels


def features_of(decibels: Features, config: FeatureConfig) -> Features:
    """Return the features that a log mel spectrogram gives: itself, or its MFCCs; ``(n_bins, n_frames)``."""
    return decibels if config.n_mfcc is None else cepstrum(decibels, config)


def stft_settings(config: FeatureConfig) -> tuple[object, ...]:
    """Return all that the power spectrogram depends on: where two configurations agree on it, one STFT will do."""
    return config.n_fft, config.window_length, config.hop_length, config.center, config.max_samples


def network_input(features: Features, config: FeatureConfig, *, left: int | None = None) -> Features:
    """Scale to [0, 1] and pad with zeros to ``(n_bins, config.n_frames)``, in the order that ``config.scaling`` says.

    ``left`` is the number of frames that go before; the clip stands in the middle when it is not given, which is
    how the predictor asks, so that the same clip gives the same answer.
    """
    if left is None:
        left = middle(features.shape[1], config)
    if config.scaling == "standardise":
        return standardise(in_window(features, config, left))
    if config.scaling == "before_padding":
        return pad(min_max(features), config.n_frames, left)
    return min_max(pad(features, config.n_frames, left))


def in_window(features: Features, config: FeatureConfig, left: int) -> Features:
    """Pad decibels above the quietest cell with it, to ``(n_bins, config.n_frames)``."""
    return pad(features - features.min(), config.n_frames, left)


def network_inputs(waveform: Waveform, sample_rate: int, configs: Sequence[FeatureConfig]) -> list[Features]:
    """Return what each network is shown of a waveform, ``(n_bins, n_frames)``: the clip in the middle."""
    features = extract(waveform, sample_rate, configs)
    return [network_input(f, config) for f, config in zip(features, configs, strict=True)]


def middle(n_frames: int, config: FeatureConfig) -> int:
    """Return how many of the missing frames go before a clip of ``n_frames`` that stands in the middle."""
    return max(0, config.n_frames - n_frames) // 2


def first_frame_seconds(waveform: Waveform, sample_rate: int, config: FeatureConfig) -> float:
    """Return when in the waveform the middle of the first frame of its network input lies.

    Below 0 where frames were put before the clip, above where it gave a window of itself.
    """
    start = judged_start(waveform, sample_rate, config.max_samples)
    n_samples = min(len(waveform), config.max_samples) + (2 * (config.n_fft // 2) if config.center else 0)
    n_frames = max(0, n_samples - config.n_fft) // config.hop_length + 1
    centre = 0 if config.center else config.n_fft // 2
    return (start + centre - middle(n_frames, config) * config.hop_length) / sample_rate


def random_left(n_frames: int, config: FeatureConfig, rng: np.random.Generator) -> int:
    """Draw how many of the missing frames go before the clip: none to all of them, each as likely."""
    return int(rng.integers(0, max(0, config.n_frames - n_frames), endpoint=True))


def pad(features: Features, n_frames: int, left: int) -> Features:
    """Put ``(n_bins, frames)`` into zeros of ``(n_bins, n_frames)``, ``left`` frames from the start."""
    padded = np.zeros((len(features), n_frames), dtype=np.float32)
    padded[:, left : left + features.shape[1]] = features
    return padded


def min_max(features: Features) -> Features:
    """Scale to [0, 1]; constant features become zeros.

    >>> min_max(np.array([[-80.0, -40.0, 0.0]], dtype=np.float32))
    array([[0. , 0.5, 1. ]], dtype=float32)
    """
    low, high = features.min(), features.max()
    span = high - low
    return (features - low) / span if span > 0 else np.zeros_like(features)


def standardise(features: Features) -> Features:
    """Bring to mean 0 and standard deviation 1; constant features become zeros.

    >>> standardise(np.array([[-1.0, 1.0]], dtype=np.float32))
    array([[-1.,  1.]], dtype=float32)
    """
    deviation = features.std()
    centred: Features = features - features.mean()
    return centred / deviation if deviation > 0 else centred


@lru_cache(maxsize=64)
def mel_filters(sample_rate: int, config: FeatureConfig) -> Features:
    """Return the triangular filters, ``(n_mels, n_fft // 2 + 1)``, on the scale and with the norm of ``config``.

    Source: HTK Book 5.4 (``htk``); Slaney 1998, Auditory Toolbox (``slaney``).
    """
    fmax = sample_rate / 2 if config.fmax is None else config.fmax
    edges = hz_to_mel(np.array([config.fmin, fmax]), config.mel_scale)
    corners = mel_to_hz(np.linspace(edges[0], edges[1], config.n_mels + 2), config.mel_scale)  # Hz, (n_mels + 2,)
    frequencies = np.fft.rfftfreq(config.n_fft, 1 / sample_rate)
    slopes = corners[:, None] - frequencies[None, :]  # (n_mels + 2, n_fft // 2 + 1)
    widths = np.diff(corners)[:, None]
    rising, falling = -slopes[:-2] / widths[:-1], slopes[2:] / widths[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if config.mel_norm == "slaney":
        filters *= (2.0 / (corners[2:] - corners[:-2]))[:, None]
    frozen: Features = filters.astype(np.float32)
    frozen.flags.writeable = False  # a cache hands it out again
    return frozen


@lru_cache(maxsize=64)
def _filter_blocks(sample_rate: int, config: FeatureConfig) -> list[tuple[slice, slice, Features]]:
    """Cut the filters into blocks of neighbouring bands ``(bands, bins, weights)``, without bins that are zero there.

    So cut, the product takes a third of the time that the full matrix takes.
    """
    filters = mel_filters(sample_rate, config)
    blocks = []
    for bands in np.array_split(np.arange(config.n_mels), max(1, config.n_mels // 16)):
        used = np.flatnonzero(filters[bands].any(axis=0))
        bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        rows = slice(int(bands[0]), int(bands[-1]) + 1)
        blocks.append((rows, bins, np.ascontiguousarray(filters[rows, bins])))
    return blocks


def hz_to_mel(hz: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    """Convert frequencies in Hz to mel.

    >>> round(float(hz_to_mel(np.array([1000.0]), "slaney")[0]), 6)
    15.0
    """
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    linear = hz / SLANEY_HZ_PER_MEL
    logarithmic = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL + np.log(np.maximum(hz, 1e-9) / SLANEY_BREAK_HZ) / SLANEY_LOG_STEP
    return np.where(hz < SLANEY_BREAK_HZ, linear, logarithmic)


def mel_to_hz(mel: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    """Convert mel to frequencies in Hz: the inverse of :func:`hz_to_mel`."""
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    break_mel = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL
    logarithmic = SLANEY_BREAK_HZ * np.exp(SLANEY_LOG_STEP * (np.maximum(mel, break_mel) - break_mel))
    return np.where(mel < break_mel, mel * SLANEY_HZ_PER_MEL, logarithmic)


def _log_mel(power: Features, sample_rate: int, config: FeatureConfig) -> Features:
    mel_power = np.empty((config.n_mels, power.shape[1]), dtype=np.float32)
    for bands, bins, weights in _filter_blocks(sample_rate, config):
        np.matmul(weights, power[bins], out=mel_power[bands])
    decibels: Features = np.float32(10.0) * np.log10(np.maximum(mel_power, np.float32(MIN_POWER)))
    if config.reference == "max":
        decibels -= decibels.max()
    if config.top_db is not None:
        decibels = np.maximum(decibels, decibels.max() - np.float32(config.top_db))
    return decibels


def cepstrum(decibels: Features, config: FeatureConfig) -> Features:
    """Return the DCT over the bands, ``(..., n_mels, n_frames)`` to ``(..., n_bins, n_frames)``."""
    # In float64: the first coefficient sums all bands, and float32 loses half a thousandth of a dB there.
    return (dct_basis(config.n_bins, config.n_mels) @ decibels.astype(np.float64)).astype(np.float32)


@lru_cache(maxsize=64)
def hann_window(win_length: int, n_fft: int) -> NDArray[np.float64]:
    """Return a periodic Hann window of ``win_length`` in the middle of ``n_fft`` samples."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length) if win_length > 1 else np.ones(1)
    left = (n_fft - win_length) // 2
    padded = np.pad(window, (left, n_fft - win_length - left))
    padded.flags.writeable = False
    return padded


@lru_cache(maxsize=64)
def dct_basis(n_mfcc: int, n_mels: int) -> NDArray[np.float64]:
    """Return the first rows of the orthonormal DCT-II, ``(n_mfcc, n_mels)``."""
    rows, columns = np.arange(n_mfcc)[:, None], np.arange(n_mels)[None, :]
    basis = np.cos(np.pi * rows * (2 * columns + 1) / (2 * n_mels)) * np.sqrt(2.0 / n_mels)
    basis[0] /= np.sqrt(2.0)
    basis.flags.writeable = False
    return np.asarray(basis, dtype=np.float64)
