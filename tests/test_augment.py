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


@pytest.mark.parametrize(
    "change",
    [
        {"noise_share": 1.5},
        {"speed": (1.2, 0.8)},
        {"voice": (0.0, 1.0)},
        {"voice": (1.4, 0.7)},
        {"voice_spread": 2.0},
        {"neighbour_share": 1.5},
        {"band": (9.0, 1.0)},
    ],
)
def test_settings_that_cannot_be(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        dataclasses.replace(AugmentConfig(), **change)


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.2, 1.5])
def test_a_change_of_tempo_keeps_the_pitch_and_the_level(waveform, factor):
    changed = augment.change_tempo(waveform, factor, RATE)
    assert changed.dtype == np.float32
    assert len(changed) == pytest.approx(len(waveform) * factor, abs=1)
    assert peak_hz(changed) == pytest.approx(440, rel=0.02)
    inside = changed[800:-800]
    assert np.std(inside) == pytest.approx(np.std(waveform), rel=0.05)


def test_a_tempo_that_nobody_hears_changes_nothing(waveform):
    assert augment.change_tempo(waveform, 1.01, RATE) is waveform
    assert augment.change_tempo(waveform[:800], 1.5, RATE) is not None  # too short for grains


def test_another_voice_is_apart_from_the_tempo(waveform):
    """A pitch range of one point, and no spread of the tempo: higher, and as long as before."""
    config = dataclasses.replace(NOTHING, voice_share=1.0, voice=(1.25, 1.25), voice_spread=0.0, tempo_spread=0.0)
    varied = augment.vary(waveform, RATE, RATE, config, np.random.default_rng(0))
    assert peak_hz(varied) == pytest.approx(550, rel=0.02)
    sounding = np.flatnonzero(np.abs(varied) > 0.02)
    assert np.ptp(sounding) == pytest.approx(len(waveform), rel=0.05)


def test_a_neighbour_is_heard_beside_the_word_and_never_in_it(waveform):
    config = dataclasses.replace(NOTHING, neighbour_share=1.0)
    other = (0.3 * tone(1_500, 0.4, RATE)).astype(np.float32)
    around = augment.Surroundings(other)
    n_beside = 0
    for seed in range(40):
        alone = augment.vary(waveform, RATE, RATE, config, np.random.default_rng(seed))
        beside = augment.vary(waveform, RATE, RATE, config, np.random.default_rng(seed), around)
        word = np.flatnonzero(alone)
        assert len(beside) == RATE
        if word.size and np.array_equal(beside[word[0] : word[-1]], alone[word[0] : word[-1]]):
            n_beside += not np.array_equal(beside, alone)
    assert n_beside > 10


def test_recorded_backgrounds_and_rooms(waveform):
    hum = np.resize(tone(100, 0.01, RATE), 100)
    config = dataclasses.replace(NOTHING, real_noise_share=1.0, real_room_share=1.0)
    for around in (augment.Surroundings(None, (hum,)), augment.Surroundings(None, (), (np.float32([1, 0, 0.5]),))):
        found = augment.augment(waveform, RATE, config, np.random.default_rng(0), around)
        assert found.shape == waveform.shape
        assert not np.allclose(found, waveform)
    assert np.array_equal(augment.augment(waveform, RATE, config, np.random.default_rng(0)), waveform)


def test_a_room_begins_at_its_direct_sound():
    assert augment.room_response(np.float32([0, 0.1, -0.5, 0.2])).tolist() == pytest.approx([-1, 0.4])
    assert augment.room_response(np.zeros(4, dtype=np.float32)).tolist() == [0, 0, 0, 0]


def test_narrow_bands_and_overload(waveform):
    both = waveform + (0.2 * tone(5_000, 0.5, RATE)).astype(np.float32)
    kept = np.abs(np.fft.rfft(augment.narrow(both, RATE, 100, 3_000)))
    assert kept[round(5_000 * len(both) / RATE)] < 1e-3 * kept.max()
    bent = augment.overload(waveform, 6.0)
    assert np.abs(bent).max() <= 1
    assert np.mean(np.abs(bent)) > 2 * np.mean(np.abs(waveform / np.abs(waveform).max())) * 0.7
    assert not augment.overload(np.zeros(10, dtype=np.float32), 3.0).any()
