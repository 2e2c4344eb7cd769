"""Which part of a longer recording is judged, and how many words there are: by voice, not by loudness."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import write_wav
from helpers import sutja
from hypothesis import given, settings
from hypothesis import strategies as st

import sutja as package
from sutja.synth import SynthConfig, draw_voices, synthesise
from sutja.window import Words, judged, judged_start, sounds_in, words_in

RATE = 16_000
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture(scope="module")
def spoken() -> list[np.ndarray]:
    voices = draw_voices(SynthConfig("en-us", 3, seed=4)).values()
    return [synthesise(word, voice, sample_rate=RATE) for voice in voices for word in NUMBERS]


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def thump(peak: float, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(RATE // 4) / RATE
    sound = np.sin(2 * np.pi * rng.uniform(60, 150) * time) * np.exp(-time / rng.uniform(0.02, 0.05))
    return (peak * sound / np.abs(sound).max()).astype(np.float32)


def door(peak: float, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(RATE // 2) / RATE
    sound = rng.normal(0, 1, len(time)) * np.exp(-time / 0.04)
    return (peak * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("kind", [thump, door])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_burst_of_four_times_the_peak_does_not_take_the_window(spoken, kind, is_first):
    rng = np.random.default_rng(3)
    n_held = 0
    for word in spoken:
        loud, pause = kind(4 * float(np.abs(word).max()), rng), silence(rng.uniform(0.3, 1.5))
        parts = (loud, pause, word) if is_first else (word, pause, loud)
        clip = np.concatenate([silence(0.2), *parts, silence(0.6)])
        start = RATE // 5 + (len(loud) + len(pause) if is_first else 0)
        window = judged(clip, RATE, RATE)
        spoken_there = np.square(clip[start : start + len(word)]).sum()
        n_held += np.square(window).sum() == pytest.approx(spoken_there, rel=0.1)
    assert n_held >= 0.9 * len(spoken)


@pytest.mark.parametrize("before", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("after", [0.6, 2.0])
def test_silence_around_a_word_changes_nothing_of_it(spoken, before, after):
    for word in spoken[:10]:
        clip = np.concatenate([silence(before), word, silence(after)])
        if len(clip) > RATE > len(word):
            window = judged(clip, RATE, RATE)
            assert np.square(window).sum() == pytest.approx(np.square(word).sum(), rel=1e-5)


def test_what_is_not_longer_stays_as_it_is(spoken):
    for word in spoken:
        assert judged(word, RATE, len(word)) is word
        assert judged_start(word, RATE, len(word) + 1) == 0


@given(st.integers(1, 3 * RATE), st.integers(0, 2**32 - 1), st.sampled_from([8_000, 16_000, 44_100]))
@settings(max_examples=60, deadline=None)
def test_any_sound_gives_a_window_of_its_own_samples(n_samples, seed, rate):
    rng = np.random.default_rng(seed)
    clip = (rng.normal(0, 0.1, n_samples) * (rng.random(n_samples) < rng.random())).astype(np.float32)
    clip[0] = 1.0
    wanted = int(rng.integers(1, n_samples + 1))
    window, start = judged(clip, rate, wanted), judged_start(clip, rate, wanted)
    assert len(window) == wanted
    same = clip[start : start + wanted]
    assert np.all((window == same) | (window == 0))
    assert words_in(clip, rate).n >= 1
    if n_samples >= rate // 100:
        assert len(sounds_in(clip, rate).scores) >= 1


@pytest.mark.parametrize("n_words", [2, 3, 4])
@pytest.mark.parametrize("pause", [0.3, 0.8])
def test_several_words_are_counted(spoken, n_words, pause):
    rng = np.random.default_rng(n_words)
    n_told = 0
    for _ in range(20):
        words = [spoken[i] / np.abs(spoken[i]).max() for i in rng.integers(len(spoken), size=n_words)]
        clip = np.concatenate([silence(0.2), *[part for word in words for part in (word, silence(pause))]])
        n_told += words_in(clip, RATE).n > 1
    assert n_told >= 19


def test_one_word_is_one(spoken):
    assert sum(words_in(np.concatenate([silence(0.3), w, silence(0.5)]), RATE).n > 1 for w in spoken) <= 1
    assert words_in(silence(0.2), RATE) == Words()


def test_every_surface_says_that_there_are_several(spoken, tmp_path):
    clip = np.concatenate([silence(0.4), spoken[7], silence(0.6), spoken[5], silence(0.6), spoken[9], silence(0.2)])
    path = write_wav(tmp_path / "several.wav", 0.5 * clip / np.abs(clip).max(), RATE)
    predictor = package.load()
    prediction = predictor.predict(path)
    assert prediction.n_words == 3
    assert predictor.examine(path).prediction == prediction
    assert list(predictor.predict_many([path])) == [prediction]
    told = sutja("predict", path).stdout
    assert prediction.text == "759"
    assert "several.wav: 759 (" in told
    assert "; 3 words in a row\n" in told
    assert '"n_words": 3' in sutja("predict", path, "--json").stdout
    alone = write_wav(tmp_path / "alone.wav", 0.5 * spoken[7], RATE)
    assert "words" not in sutja("predict", alone).stdout


def test_what_sounds_is_found_wherever_it_is():
    rng = np.random.default_rng(1)
    for start in (0, 700, 3000):
        waveform = (0.001 * rng.standard_normal(4000)).astype(np.float32)
        waveform[start : start + 1000] += 0.5
        window = judged(waveform, 4_000, 1000)
        assert len(window) == 1000
        assert np.abs(window).min() > 0.4
