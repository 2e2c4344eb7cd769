"""Laws of the augmentations: lengths, levels, what is kept, and that the generator decides everything."""

import dataclasses

import numpy as np
import pytest
from conftest import tone

from sutja import augment
from sutja.config import AugmentConfig
from sutja.errors import ConfigError

RATE = 16_000
NOTHING = AugmentConfig(speed_share=0, room_share=0, response_share=0, noise_share=0, line_share=0)


@pytest.fixture
def waveform():
    return (0.5 * tone(440, 0.5, RATE)).astype(np.float32)


def peak_hz(waveform):
    return np.abs(np.fft.rfft(waveform)).argmax() * RATE / len(waveform)


def test_faster_is_shorter_and_higher(waveform):
    fast = augment.change_speed(waveform, 1.25)
    assert len(fast) == pytest.approx(len(waveform) / 1.25, rel=0.01)
    assert peak_hz(fast) == pytest.approx(440 * 1.25, rel=0.02)


@pytest.mark.parametrize("snr_db", [-5, 0, 10, 20])
def test_noise_has_the_level_that_was_asked_for(waveform, snr_db):
    noise = augment.coloured_noise(len(waveform), 0, np.random.default_rng(0))
    added = augment.add_noise(waveform, noise, snr_db, RATE) - waveform
    found = 10 * np.log10(np.mean(waveform**2) / np.mean(added**2))
    assert found == pytest.approx(snr_db, abs=0.3)


def test_silence_around_a_word_does_not_change_its_noise(waveform):
    noise = augment.coloured_noise(2 * RATE, 0, np.random.default_rng(0))
    placed = augment.place(waveform, 2 * RATE, 5000)
    short = augment.add_noise(waveform, noise[: len(waveform)], 10, RATE) - waveform
    long = augment.add_noise(placed, noise, 10, RATE) - placed
    assert np.std(long) == pytest.approx(np.std(short), rel=0.1)


@pytest.mark.parametrize(("exponent", "fall_db"), [(0, 0), (1, 3), (2, 6)])
def test_coloured_noise_falls_by_its_colour(exponent, fall_db):
    noise = augment.coloured_noise(1 << 17, exponent, np.random.default_rng(1))
    power = np.abs(np.fft.rfft(noise)) ** 2
    octave = [power[n : 2 * n].mean() for n in (1024, 2048)]
    assert 10 * np.log10(octave[0] / octave[1]) == pytest.approx(fall_db, abs=0.5)


def test_a_room_keeps_the_length_and_adds_a_tail():
    click = augment.place(np.ones(1, dtype=np.float32), RATE, 100)
    wet = augment.reverberate(click, RATE, 0.3, np.random.default_rng(2))
    assert len(wet) == RATE
    assert not wet[:100].any() or np.abs(wet[:100]).max() < 1e-5
    early, late = np.mean(wet[101:1100] ** 2), np.mean(wet[3700:4700] ** 2)
    assert early > 1000 * late > 0


def test_a_telephone_has_no_high_tones():
    both = tone(1000, 0.5, RATE) + tone(6000, 0.5, RATE)
    spectrum = np.abs(np.fft.rfft(augment.telephone(both.astype(np.float32), RATE)))
    assert spectrum[int(1000 * 0.5)] > 50 * spectrum[int(6000 * 0.5)]


def test_a_microphone_colours_within_its_depth():
    noise = augment.coloured_noise(1 << 15, 0, np.random.default_rng(3))
    ratio = np.abs(np.fft.rfft(augment.colour(noise, 8, np.random.default_rng(4)))) / np.abs(np.fft.rfft(noise))
    decibels = 20 * np.log10(ratio[1:])
    assert decibels.max() <= 8.1
    assert decibels.min() >= -8.1
    assert np.ptp(decibels) > 1


def test_nothing_asked_for_leaves_the_clip_as_it_is(waveform):
    rng = np.random.default_rng(5)
    varied = augment.vary(waveform, RATE, RATE, NOTHING, rng)
    assert len(varied) == RATE
    sounding = np.flatnonzero(varied)
    start = sounding[0] - int(np.flatnonzero(waveform)[0])
    assert np.array_equal(varied[start : start + len(waveform)], waveform)
    assert not varied[: sounding[0]].any()


def test_the_generator_decides_everything(waveform):
    first, same, other = (
        augment.vary(waveform, RATE, RATE, AugmentConfig(), np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_hundreds_of_versions_are_finite_and_of_one_length(waveform):
    rng = np.random.default_rng(9)
    for n_samples in (800, 5000, 40_000):
        clip = np.resize(waveform, n_samples)
        for _ in range(40):
            varied = augment.vary(clip, RATE, RATE + 159, AugmentConfig(), rng)
            assert varied.shape == (RATE + 159,)
            assert varied.dtype == np.float32
            assert np.isfinite(varied).all()
            assert varied.any()


@pytest.mark.parametrize("change", [{"noise_share": 1.5}, {"speed": (1.2, 0.8)}])
def test_settings_that_cannot_be(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        dataclasses.replace(AugmentConfig(), **change)
