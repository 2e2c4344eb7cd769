from __future__ import annotations

import numpy as np
import pytest

from sutja.strings.frontend import (
    FALL_DB_A_SECOND,
    HIGHEST,
    LOWEST,
    N_BANDS,
    SAMPLE_RATE,
    STEP_FRAMES,
    STEP_SAMPLES,
    FrontEnd,
    above_level,
    decibels_of,
)

pytestmark = pytest.mark.numeric


def noise(seconds=1.0, level=0.1):
    return (level * np.random.default_rng(1).standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


@pytest.mark.parametrize("chunk", [1, 777, STEP_SAMPLES, 10**6])
def test_it_does_not_matter_how_a_stream_is_cut(chunk):
    waveform, front = noise(0.5), FrontEnd()
    steps = [step for start in range(0, len(waveform), chunk) for step in front.feed(waveform[start : start + chunk])]
    assert all(np.array_equal(a, b) for a, b in zip(steps, FrontEnd().feed(waveform), strict=True))
    assert steps[0].shape == (N_BANDS, STEP_FRAMES)


def test_a_whole_recording_gives_what_a_stream_gives():
    waveform = noise()
    streamed = np.concatenate(FrontEnd().feed(waveform), axis=1)
    whole, _ = above_level(decibels_of(waveform))
    np.testing.assert_allclose(streamed, whole[:, : streamed.shape[1]], atol=1e-4)


def test_loudness_does_not_matter_much():
    quiet, _ = above_level(decibels_of(noise(level=0.003)))
    loud, _ = above_level(decibels_of(noise(level=0.3)))
    np.testing.assert_allclose(quiet[:, 20:], loud[:, 20:], atol=0.05)


def test_the_level_rises_at_once_and_falls_slowly():
    decibels = np.full((N_BANDS, 101), -80.0, dtype=np.float32)
    decibels[:, 0] = 0.0
    features, level = above_level(decibels)
    assert features.max() <= HIGHEST
    assert features.min() >= LOWEST
    assert level == pytest.approx(-FALL_DB_A_SECOND, abs=0.2)


def test_long_silence_stays_silence():
    front = FrontEnd()
    steps = front.feed(np.zeros(60 * SAMPLE_RATE, dtype=np.float32))
    assert np.abs(steps[-1] - steps[200]).max() < 1e-5
    assert steps[-1].max() < 1.0


def test_less_than_a_frame_is_nothing():
    assert decibels_of(np.zeros(100, dtype=np.float32)).shape == (N_BANDS, 0)
    assert above_level(np.zeros((N_BANDS, 0), dtype=np.float32), -12.0)[1] == -12.0
