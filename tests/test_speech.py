"""Where the word is: the same at every rate and level and in any silence; each number of decibels in one place."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import tone
from hypothesis import given
from hypothesis import strategies as st

from sutja import augment, speech
from sutja.endpoints import EndpointConfig
from sutja.learn import negatives
from sutja.reports import duplicates

SOURCE = Path(speech.__file__).parent
RATES = [8_000, 11_025, 16_000, 22_050, 44_100, 48_000]
seeds = st.integers(0, 2**32 - 1)


def word(rate: int, before: float = 0.3, seconds: float = 0.4, after: float = 0.5, room: float = 1e-5) -> np.ndarray:
    parts = [np.zeros(round(before * rate)), tone(500, seconds, rate), np.zeros(round(after * rate))]
    waveform = np.concatenate(parts).astype(np.float32)
    return waveform + np.random.default_rng(0).normal(0, room, len(waveform)).astype(np.float32)


# -- the numbers ------------------------------------------------------------------------------------------------------


def test_the_table_says_what_the_numbers_are():
    rows = re.findall(r"^\| `(\w+_DB)` \| (\d+) \|.*$", speech.__doc__, flags=re.MULTILINE)
    assert {name for name, _ in rows} == {"WORD_DB", "SPLICE_DB", "SKETCH_DB", "MIXING_DB"}
    for name, decibels in rows:
        assert getattr(speech, name) == float(decibels)


def test_each_use_takes_the_number_that_stands_in_its_row():
    for name, users in re.findall(r"^\| `(\w+_DB)` \| \d+ \| [^|]+ \| ([^|]+) \|", speech.__doc__, flags=re.MULTILINE):
        for module in re.findall(r"`([\w.]+)`", users):
            used = (SOURCE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
            assert name in used or "word_frames(" in used, f"{module} does not use {name}"
    assert duplicates.BANDS.top_db == speech.SKETCH_DB


def test_what_it_says_of_the_rules_that_are_others():
    config = EndpointConfig()
    assert f"{config.enter_db:g} dB above a noise floor" in speech.__doc__
    assert f"ends it at {config.stay_db:g}" in speech.__doc__
    script = (SOURCE / "page" / "sound.js").read_text(encoding="utf-8")
    assert re.search(r"SPOKEN_DB = 30\b", script)
    assert re.search(r"FRAME_SECONDS = 0\.02\b", script)


# -- lengths are seconds ----------------------------------------------------------------------------------------------


@given(st.floats(0.001, 1), st.integers(4_000, 96_000))
def test_twice_the_rate_is_twice_the_samples(seconds, rate):
    assert speech.samples_in(seconds, 2 * rate) == pytest.approx(2 * speech.samples_in(seconds, rate), abs=1)


def test_at_16_khz_they_are_what_training_was_begun_with():
    assert speech.samples_in(speech.SPAN_BLOCK_SECONDS, 16_000) == 160
    assert speech.samples_in(speech.POWER_BLOCK_SECONDS, 16_000) == 320
    assert speech.samples_in(negatives.FADE_SECONDS, 16_000) == 80


@given(seeds, st.sampled_from([8_000, 16_000, 22_050]))
def test_each_sample_said_twice_at_twice_the_rate_is_the_same_word(seed, rate):
    rng = np.random.default_rng(seed)
    once = (rng.normal(size=rate // 20 * 10) * 10 ** rng.uniform(-3, 0, 10).repeat(rate // 20)).astype(np.float32)
    twice = once.repeat(2)
    if speech.samples_in(speech.SPAN_BLOCK_SECONDS, 2 * rate) == 2 * speech.samples_in(speech.SPAN_BLOCK_SECONDS, rate):
        part = speech.spoken_part(once, rate, below_db=speech.SPLICE_DB)
        assert np.array_equal(speech.spoken_part(twice, 2 * rate, below_db=speech.SPLICE_DB), part.repeat(2))
    powers = [speech.speech_power(w, r, below_db=speech.MIXING_DB) for w, r in ((once, rate), (twice, 2 * rate))]
    assert powers[0] == pytest.approx(powers[1], rel=0.02)


@pytest.mark.parametrize("rate", RATES)
def test_a_word_is_found_to_10_ms_at_every_rate(rate):
    part = speech.spoken_part(word(rate), rate, below_db=speech.SPLICE_DB)
    assert len(part) / rate == pytest.approx(0.4, abs=0.021)
    first, last = speech.word_frames(speech.frame_levels(word(rate), rate))
    assert first * speech.HOP_SECONDS == pytest.approx(0.3, abs=0.03)
    assert last * speech.HOP_SECONDS + speech.FRAME_SECONDS == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("rate", RATES)
def test_a_words_power_is_its_own_at_every_rate_whatever_the_silence(rate):
    for before, after in ((0.0, 0.0), (0.3, 0.7)):
        waveform = word(rate, before, 0.4, after)
        assert speech.speech_power(waveform, rate, below_db=speech.MIXING_DB) == pytest.approx(0.125, rel=0.06)


@pytest.mark.parametrize("rate", RATES)
def test_noise_is_laid_under_a_word_of_any_rate_at_the_ratio_asked_for(rate):
    waveform = word(rate)
    noise = augment.coloured_noise(len(waveform), 0, np.random.default_rng(1))
    added = augment.add_noise(waveform, noise, 10, rate) - waveform
    assert 10 * np.log10(0.125 / np.mean(added**2)) == pytest.approx(10, abs=0.3)


# -- laws of spans ----------------------------------------------------------------------------------------------------


@given(seeds, st.floats(1, 60), st.floats(1, 60))
def test_further_below_is_wider(seed, one, other):
    levels = np.random.default_rng(seed).uniform(-98, 0, 50)
    near, far = (speech.spoken_span(levels, below_db=db) for db in sorted((one, other)))
    assert far[0] <= near[0] <= int(levels.argmax()) <= near[1] <= far[1]


@given(seeds, st.floats(0.01, 100))
def test_louder_is_the_same_span(seed, gain):
    rng = np.random.default_rng(seed)
    waveform = (rng.normal(size=8_000) * 10 ** rng.uniform(-2, 0, 20).repeat(400)).astype(np.float32)
    first, last = speech.word_frames(speech.frame_levels(waveform, 8_000))
    louder = speech.word_frames(speech.frame_levels(np.float32(gain) * waveform, 8_000))
    assert louder == pytest.approx((first, last), abs=1)


def test_a_noisy_room_is_no_word():
    noisy = word(16_000, room=0.05)
    first, last = speech.word_frames(speech.frame_levels(noisy, 16_000))
    assert first * speech.HOP_SECONDS == pytest.approx(0.3, abs=0.03)
    assert last * speech.HOP_SECONDS == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("n", [0, 1, 100, 159, 319])
def test_what_is_shorter_than_two_blocks_is_left_as_it_is(n):
    short = np.ones(n, dtype=np.float32)
    assert speech.spoken_part(short, 16_000, below_db=speech.SPLICE_DB) is short


def test_silence_is_left_as_it_is_and_has_no_power():
    silence = np.zeros(1_000, dtype=np.float32)
    assert speech.spoken_part(silence, 16_000, below_db=speech.SPLICE_DB) is silence
    assert speech.speech_power(silence, 16_000, below_db=speech.MIXING_DB) == 0
    assert set(speech.frame_levels(silence, 16_000)) == {speech.FLOOR_DBFS}


def test_levels():
    assert speech.dbfs(np.zeros(0, dtype=np.float32)) == speech.dbfs(np.zeros(9, dtype=np.float32)) == -120
    assert speech.dbfs(tone(1_000, 1, 16_000)) == pytest.approx(-9.0, abs=0.1)  # half scale -6, sine -3
    assert speech.frame_levels(tone(1_000, 1, 16_000), 16_000) == pytest.approx(-9.03, abs=0.05)


@given(st.floats(0, 120))
def test_a_ratio_of_powers_is_its_decibels(below_db):
    assert -10 * np.log10(speech.power_ratio(below_db)) == pytest.approx(below_db)
