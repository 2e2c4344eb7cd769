"""Endpoints: words are found where they are, however the stream is cut, in any room, in memory that does not grow."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from conftest import tone
from helpers import read_csv

from sutja.audio import load_waveform
from sutja.config import AudioConfig
from sutja.endpoints import EndpointConfig, EndpointDetector

RATE = 16_000


def noise(seconds: float, level: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    shape = round(seconds * rate)
    return (10 ** (level / 20) * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def stream(words: list[tuple[float, float]], seconds: float, rate: int = RATE, room: float = -60) -> np.ndarray:
    """Words, from and to so many seconds, in a room's noise."""
    waveform = noise(seconds, room, rate)
    for start, end in words:
        first = round(start * rate)
        said = tone(440, end - start, rate)
        waveform[first : first + len(said)] += said
    return waveform


def found(waveform: np.ndarray, rate: int = RATE, chunk: int = 1_600, config: EndpointConfig | None = None):
    detector = EndpointDetector(rate, config)
    words = [word for n in range(0, len(waveform), chunk) for word in detector.feed(waveform[n : n + chunk])]
    return words + detector.flush()


WORDS = [(0.5, 0.9), (1.6, 1.8), (2.5, 3.1)]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("room", [-200, -60, -40])
def test_words_are_found_where_they_are(rate, room):
    words = found(stream(WORDS, 4, rate, room), rate)
    assert [(word.start, word.end) for word in words] == [pytest.approx(word, abs=0.04) for word in WORDS]


def test_a_word_comes_with_its_margins():
    waveform = stream(WORDS, 4)
    margin = EndpointConfig().margin_seconds
    for word in found(waveform):
        assert len(word.waveform) / RATE == pytest.approx(word.end - word.start + 2 * margin, abs=0.01)
        first = round((word.start - margin) * RATE)
        assert np.array_equal(word.waveform, waveform[first : first + len(word.waveform)])


@pytest.mark.parametrize("chunk", [3, 160, 4_801, 10**6])
def test_however_the_stream_is_cut(chunk):
    waveform = stream([(0.3, 0.5), (1.2, 3.6)], 4)  # the second is cut at two seconds
    expected = found(waveform)
    words = found(waveform, chunk=chunk)
    assert len(words) >= 2
    assert [(w.start, w.end) for w in words] == [(w.start, w.end) for w in expected]
    assert all(np.array_equal(w.waveform, e.waveform) for w, e in zip(words, expected, strict=True))


def test_quieter_and_louder_are_the_same_words():
    waveform = stream(WORDS, 4)
    expected = [(w.start, w.end) for w in found(waveform)]
    for gain in (0.3, 1.9):
        assert [(w.start, w.end) for w in found(gain * waveform)] == [pytest.approx(e, abs=0.03) for e in expected]


def test_nothing_said_nothing_found():
    assert found(np.zeros(5 * RATE, dtype=np.float32)) == []
    for level in (-90, -60, -35):
        assert found(noise(8, level)) == []
    assert found(np.full(3 * RATE, 0.5, dtype=np.float32)) == []  # a direct current
    assert found(tone(50, 3, RATE)) == []  # hum


def test_noise_that_begins_is_taken_for_the_room_after_a_while():
    waveform = np.concatenate([noise(4, -70), noise(8, -35, seed=1)])
    waveform[9 * RATE : round(9.4 * RATE)] += tone(440, 0.4, RATE)
    words = found(waveform)
    assert len(words) <= 2
    assert (words[-1].start, words[-1].end) == pytest.approx((9.0, 9.4), abs=0.05)


def test_clicks_are_no_words_and_endless_sound_is_cut():
    clicks = noise(3, -70)
    clicks[:: RATE // 2] = 0.9
    assert found(clicks) == []
    longest = EndpointConfig().max_seconds
    swelling = tone(440, 30, RATE) * np.geomspace(0.001, 1, 30 * RATE, dtype=np.float32)
    for waveform in (tone(440, 30, RATE), swelling):
        words = found(np.concatenate([noise(1, -70), waveform]))
        assert all(word.end - word.start <= longest + 0.05 for word in words)


def test_the_end_of_the_stream_ends_a_word():
    detector = EndpointDetector(RATE)
    assert detector.feed(stream([(0.5, 1.0)], 1.0)) == []
    (word,) = detector.flush()
    assert (word.start, word.end) == pytest.approx((0.5, 1.0), abs=0.04)
    assert detector.flush() == []


def test_memory_does_not_grow():
    detector, longest = EndpointDetector(RATE), 0
    for seed, level in itertools.product(range(20), (-70, -10)):
        detector.feed(noise(1, level, seed=seed))
        longest = max(longest, len(detector._buffer))
    assert longest <= (EndpointConfig().max_seconds + 1.5) * RATE
    assert len(detector._levels) <= EndpointConfig().floor_seconds / EndpointConfig().hop_seconds


# -- real recordings --------------------------------------------------------------------------------------------------


def clips_of(corpora, corpus: str, n: int) -> list[np.ndarray]:
    if corpus == "english_volunteers":
        rows = read_csv(corpora / corpus / "train.csv")
        paths = [corpora / corpus / "train" / Path(row["file_name"]).name for row in rows]
    else:
        paths = sorted((corpora / corpus).rglob("*.wav"))
    chosen = paths[:: max(1, len(paths) // n)][:n]
    return [load_waveform(path, AudioConfig(sample_rate=RATE)) for path in chosen if path.exists()]


@pytest.mark.corpus
@pytest.mark.parametrize("room", [-70, -50])
@pytest.mark.parametrize("corpus", ["fsdd", "audiomnist_sample", "english_volunteers"])
def test_real_clips_one_after_the_other_are_one_word_each(corpora, corpus, room):
    rng = np.random.default_rng(0)
    parts, spans, place = [], [], 0
    for clip in clips_of(corpora, corpus, 60):
        silence = np.zeros(round(rng.uniform(0.4, 1.0) * RATE), dtype=np.float32)
        said = clip * np.float32(10 ** (rng.uniform(-15, -3) / 20) / np.abs(clip).max())
        place += len(silence)
        spans.append((place / RATE, (place + len(said)) / RATE))
        place += len(said)
        parts += [silence, said]
    waveform = np.concatenate([*parts, np.zeros(RATE, dtype=np.float32)])
    words = found(waveform + noise(len(waveform) / RATE, room)[: len(waveform)])
    ones = [sum(w.start < end and w.end > start for w in words) == 1 for start, end in spans]
    strays = [w for w in words if not any(w.start < end and w.end > start for start, end in spans)]
    assert len(spans) >= 10
    assert np.mean(ones) >= 0.95
    assert not strays
