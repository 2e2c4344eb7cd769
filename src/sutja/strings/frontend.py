"""A stream's waveform to what the frame network is shown: log mel above a level that follows the voice.

Nothing is looked at before it was heard. Sound is taken in steps of :data:`STEP_FRAMES` frames of 10 ms, so that each
number comes out of the same operations however the stream is cut into chunks.
"""

from __future__ import annotations

import numpy as np

from sutja.audio import Waveform
from sutja.config import FeatureConfig
from sutja.features import Features, log_mel

SAMPLE_RATE = 16_000  # Hz, of everything in this folder
FEATURES = FeatureConfig(
    n_fft=512,
    win_length=400,
    hop_length=160,
    center=False,
    n_mels=40,
    fmin=60.0,
    fmax=7600.0,
    reference="one",
    top_db=None,
)
N_BANDS, HOP = FEATURES.n_mels, FEATURES.hop_length
STEP_FRAMES = 8
STEP_SAMPLES = STEP_FRAMES * HOP  # 80 ms
N_BEFORE = FEATURES.n_fft - HOP  # samples of the past that a step's first frame sees
FRAME_SECONDS = HOP / SAMPLE_RATE
FIRST_CENTRE_SECONDS = (FEATURES.n_fft // 2 - N_BEFORE) / SAMPLE_RATE
"""Where the middle of the first frame's window lies: before the beginning."""

QUIETEST_DB, FALL_DB_A_SECOND, LOWEST_LEVEL_DB = -45.0, 4.0, -70.0
"""The level begins at the first, rises with the loudest band at once, falls slowly, and no lower than the last."""
RANGE_DB = 25.0
LOWEST, HIGHEST = -2.0, 2.0
"""Features: 0 is two ranges below the level."""


def decibels_of(waveform: Waveform) -> Features:
    """Return the log mel of a whole waveform at :data:`SAMPLE_RATE`, dB: ``(N_BANDS, n_samples // HOP)``.

    As a stream of it gives it, but for the last bits.
    """
    n_samples = len(waveform) // HOP * HOP
    if not n_samples:
        return np.zeros((N_BANDS, 0), dtype=np.float32)
    padded = np.concatenate([np.zeros(N_BEFORE, dtype=np.float32), waveform[:n_samples]])
    return log_mel(padded, SAMPLE_RATE, FEATURES)


def above_level(decibels: Features, level: float = QUIETEST_DB) -> tuple[Features, float]:
    """Return the features of frames ``(N_BANDS, n_frames)``, and the level after them.

    Parameters
    ----------
    decibels
        Log mel, dB.
    level
        After the frame before, dB.

    """
    falls = np.float32(FALL_DB_A_SECOND * FRAME_SECONDS) * np.arange(1, decibels.shape[1] + 1, dtype=np.float32)
    levels = np.maximum(np.maximum.accumulate(decibels.max(axis=0) + falls), np.float32(level)) - falls
    levels = np.maximum(levels, np.float32(LOWEST_LEVEL_DB))
    features = np.clip((decibels - levels) / np.float32(RANGE_DB) + 2, LOWEST, HIGHEST)
    return features.astype(np.float32), float(levels[-1]) if len(levels) else level


class FrontEnd:
    """Takes a stream at :data:`SAMPLE_RATE` in chunks of any size and gives its features, step by step."""

    def __init__(self) -> None:
        self._pending = np.zeros(N_BEFORE, dtype=np.float32)
        self._level = QUIETEST_DB

    def feed(self, waveform: Waveform) -> list[Features]:
        """Take the next samples; return the steps that are now whole, each ``(N_BANDS, STEP_FRAMES)``."""
        self._pending = np.concatenate([self._pending, waveform])
        steps = []
        while len(self._pending) >= N_BEFORE + STEP_SAMPLES:
            steps.append(self._step(self._pending[: N_BEFORE + STEP_SAMPLES]))
            self._pending = self._pending[STEP_SAMPLES:]
        return steps

    def _step(self, waveform: Waveform) -> Features:
        features, self._level = above_level(log_mel(waveform, SAMPLE_RATE, FEATURES), self._level)
        return features
