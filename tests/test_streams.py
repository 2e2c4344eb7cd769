"""Words in a stream: the same events however it is cut, the same words from a file; what is no sound is refused."""

from __future__ import annotations

import functools
import io
import re
import sys
import types
from dataclasses import replace
from itertools import accumulate, cycle, takewhile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import tone, write_wav
from hypothesis import given, settings
from hypothesis import strategies as st

import sutja
from sutja.audio import CHUNK_SECONDS, load_waveform
from sutja.config import AudioConfig
from sutja.endpoints import EndpointConfig
from sutja.errors import AudioError
from sutja.predictor import Predictor
from sutja.streams import LEVEL_SECONDS, IsolatedWords, Level, Recogniser, Word, words_in

RATE = 8_000
PAGE = Path(__file__).parents[1] / "docs" / "streams.md"


@functools.cache
def model() -> Predictor:
    return sutja.load()


def two_tones(rate: int = RATE) -> np.ndarray:
    return np.concatenate([tone(300, 0.2, rate), tone(700, 0.2, rate)])


@functools.cache
def speech(rate: int = RATE) -> np.ndarray:
    """Two words, a sound that goes on for longer than a word may last, and a word that is being said at the end."""
    pause = np.zeros(round(0.45 * rate), dtype=np.float32)
    words, hum = (two_tones(rate), 0.2 * two_tones(rate), two_tones(rate)), 0.1 * tone(500, 2.6, rate)
    waveform = np.concatenate([pause, words[0], pause, words[1], pause, pause, hum, pause, words[2]])
    return waveform + np.random.default_rng(1).normal(0, 0.001, len(waveform)).astype(np.float32)


def events_of(waveform: np.ndarray, cuts: list[int] | None = None, rate: int = RATE) -> list[Level | Word]:
    recogniser = IsolatedWords(model(), rate)
    events = [event for chunk in np.split(waveform, cuts or []) for event in recogniser.feed(chunk)]
    return events + recogniser.flush()


@functools.cache
def expected() -> list[Level | Word]:
    return events_of(speech())


def words_of(events: list[Level | Word]) -> list[Word]:
    return [event for event in events if isinstance(event, Word)]


# -- what is told -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_words_are_told_with_their_places(rate):
    events = events_of(speech(rate), rate=rate)
    first, second, long, *_, last = words_of(events)
    assert (first.start, first.end) == pytest.approx((0.45, 0.85), abs=0.04)
    assert (second.start, second.end) == pytest.approx((1.3, 1.7), abs=0.04)
    assert (last.start, last.end) == pytest.approx((5.65, 6.05), abs=0.04)  # while it was being said
    assert (long.start, long.end) == pytest.approx((2.6, 4.6), abs=0.04)  # where it was cut
    for word in words_of(events):
        assert list(word.probabilities) == list(model().labels)
        assert word.most_probable in model().labels
        assert (word.label is None) == word.rejected
        assert word.end - word.start <= EndpointConfig().max_seconds + 0.05


def test_levels_follow_each_other_ten_times_a_second():
    levels = [event for event in expected() if isinstance(event, Level)]
    assert [level.start for level in levels] == pytest.approx([LEVEL_SECONDS * n for n in range(60)])
    assert [level.end for level in levels[:-1]] == [level.start for level in levels[1:]]
    assert levels[0].dbfs < -55 < -15 < levels[6].dbfs < 0


def test_events_come_in_the_order_of_time_and_a_word_a_quarter_of_a_second_after_its_end():
    word = words_of(expected())[0]
    before = [event for event in expected()[: expected().index(word)] if isinstance(event, Level)]
    known = word.end + EndpointConfig().hang_seconds
    assert before[-1].end <= known + 0.05 < before[-1].end + 2 * LEVEL_SECONDS


def test_a_word_is_what_the_predictor_says_of_the_part():
    for word in words_of(expected()):
        margin = EndpointConfig().margin_seconds
        first, last = round((word.start - margin) * RATE), round((word.end + margin) * RATE)
        if word.end - word.start < 1:
            alone = model().predict(speech()[first:last], sample_rate=RATE)
            assert (word.label, word.rejected) == (alone.label, alone.rejected)
            assert word.probabilities == alone.probabilities


def test_it_is_a_recogniser_and_so_is_whatever_has_the_two_verbs():
    recogniser: Recogniser = IsolatedWords(model(), RATE)
    assert recogniser.feed(np.zeros(RATE, dtype=np.float32)) == [
        Level(pytest.approx(0.1 * n), pytest.approx(0.1 * (n + 1)), -120.0) for n in range(10)
    ]


def test_settings_say_what_a_word_is():
    patient = IsolatedWords(model(), RATE, EndpointConfig(hang_seconds=0.6))
    words = words_of(patient.feed(speech()[: round(2.5 * RATE)]) + patient.flush())
    assert [(word.start, word.end) for word in words] == [pytest.approx((0.45, 1.7), abs=0.04)]


# -- the law: however it is cut ---------------------------------------------------------------------------------------


def cuts_of(sizes: list[int]) -> list[int]:
    """Cut into chunks of these sizes, over and over."""
    return list(takewhile(lambda end: end < len(speech()), accumulate(cycle(sizes))))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, len(speech())), max_size=60).map(sorted)
    | st.lists(st.integers(0, 2_000), min_size=1, max_size=8).filter(any).map(cuts_of)
)
def test_however_the_stream_is_cut(cuts):
    assert events_of(speech(), cuts) == expected()


@pytest.mark.parametrize("size", [1, 79, 80, 800, 801, 10**6])
def test_chunks_of_one_size(size):
    assert events_of(speech(), cuts_of([size])) == expected()


def test_a_chunk_that_is_filled_again_was_heard_before():
    recogniser, buffer, events = IsolatedWords(model(), RATE), np.zeros(800, dtype=np.float32), []
    for chunk in np.split(speech(), range(800, len(speech()), 800)):
        buffer[: len(chunk)] = chunk
        events += recogniser.feed(buffer[: len(chunk)])
        buffer[:] = np.nan
    assert events + recogniser.flush() == expected()


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", ">f4", "strided"])
def test_floats_of_any_kind_are_the_same_sound(kind):
    waveform = speech().astype("float16")  # what the coarsest can hold
    given = np.repeat(waveform, 2).astype("float32")[::2] if kind == "strided" else waveform.astype(kind)
    assert events_of(given) == events_of(waveform.astype("float32"))


# -- its end, and what comes after ------------------------------------------------------------------------------------


def test_after_the_end_a_new_stream_begins():
    recogniser = IsolatedWords(model(), RATE)
    for _ in range(2):
        assert recogniser.feed(speech()) + recogniser.flush() == expected()
    assert recogniser.flush() == []


def test_a_stream_of_nothing():
    recogniser = IsolatedWords(model(), RATE)
    assert recogniser.feed(np.zeros(0, dtype=np.float32)) == recogniser.flush() == []


# -- what is no sound -------------------------------------------------------------------------------------------------

WRONG = {
    "a list": ([0.0, 0.1], "a chunk is a list; expected an array of floats"),
    "bytes": (b"\0\0", "a chunk is a bytes; expected an array of floats"),
    "None": (None, "a chunk is a NoneType; expected an array of floats"),
    "integers": (np.zeros(160, dtype=np.int16), "a chunk of int16 with shape .160,.; expected floats .*divide"),
    "two channels": (np.zeros((160, 2), dtype=np.float32), "with shape .160, 2.; expected .*take one channel"),
    "a number": (np.float32(0.5), "a chunk is a float32"),
    "no dimension": (np.array(0.5), "a chunk of float64 with shape ..; expected"),
    "complex": (np.zeros(9, dtype=complex), "a chunk of complex128"),
    "texts": (np.array(["a"]), "a chunk of <U1"),
    "objects": (np.array([None]), "a chunk of object"),
    "NaN": (np.array([0.1, np.nan]), "not numbers .NaN or infinity.; check what fills the chunks"),
    "infinity": (np.array([np.inf], dtype=np.float32), "not numbers"),
    "too large": (np.array([1e300]), "not numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_chunk_is_refused_and_the_stream_goes_on(name):
    chunk, message = WRONG[name]
    recogniser, half = IsolatedWords(model(), RATE), len(speech()) // 2
    events = recogniser.feed(speech()[:half])
    with pytest.raises(AudioError, match=f"^stream: .*{message}"):
        recogniser.feed(chunk)
    assert events + recogniser.feed(speech()[half:]) + recogniser.flush() == expected()


@pytest.mark.parametrize("rate", [0, -8_000, 240, float("nan"), float("inf")])
def test_rates_that_hear_no_voice(rate):
    with pytest.raises(AudioError, match=r"sample rate .* Hz; expected more than 240 Hz"):
        IsolatedWords(model(), rate)


def test_words_longer_than_the_model_takes_are_told():
    bundle = replace(model().bundle, audio=replace(model().bundle.audio, max_seconds=0.5))
    recogniser = IsolatedWords(Predictor(bundle), RATE)
    with pytest.raises(AudioError, match=r"longer than 0\.5 s"):
        recogniser.feed(speech()[: round(2.2 * RATE)])
    quiet = recogniser.feed(np.zeros(RATE, dtype=np.float32))
    assert [event.end for event in quiet] == pytest.approx([2.3 + 0.1 * n for n in range(10)])
    assert recogniser.flush() == []


# -- a file is a stream -----------------------------------------------------------------------------------------------


@pytest.fixture
def recording(tmp_path) -> Path:
    return write_wav(tmp_path / "words.wav", speech(), RATE)


def test_a_file_its_bytes_its_samples_and_the_stream_are_the_same(recording):
    samples = soundfile.read(recording, dtype="float32")[0]
    found = words_in(model(), recording)
    assert len(samples) > 2 * CHUNK_SECONDS * RATE
    assert len(found) >= 4
    assert found == tuple(words_of(events_of(samples)))
    assert found == words_in(model(), recording.read_bytes())
    assert found == words_in(model(), io.BytesIO(recording.read_bytes()))
    assert found == words_in(model(), samples, sample_rate=RATE)
    assert found == words_in(model(), soundfile.read(recording, dtype="int16")[0], sample_rate=RATE)
    assert found == sutja.words_in(model(), str(recording))


def test_channels_are_mixed_down(tmp_path):
    both = np.stack([speech(), speech()], axis=1)
    path = tmp_path / "both.wav"
    soundfile.write(path, both, RATE, subtype="FLOAT")
    assert words_in(model(), path) == words_in(model(), both, sample_rate=RATE)
    assert words_in(model(), path) == tuple(words_of(expected()))


def test_a_file_may_be_longer_than_a_clip(tmp_path):
    longest = model().bundle.audio.max_seconds
    parts = [np.zeros(round((longest + 1) * RATE), dtype=np.float32), two_tones(), np.zeros(RATE, dtype=np.float32)]
    (word,) = words_in(model(), write_wav(tmp_path / "long.wav", np.concatenate(parts), RATE))
    assert word.start == pytest.approx(longest + 1, abs=0.03)


def test_settings_and_the_rate_of_samples_are_taken():
    (word,) = words_in(
        model(), speech()[: round(2.5 * RATE)], sample_rate=RATE, config=EndpointConfig(hang_seconds=0.6)
    )
    assert word.end == pytest.approx(1.7, abs=0.04)
    own = model().bundle.audio.sample_rate
    assert words_in(model(), speech(own)) == words_in(model(), speech(own), sample_rate=own)


def test_silence_holds_no_words(tmp_path):
    assert words_in(model(), write_wav(tmp_path / "zeros.wav", np.zeros(RATE, dtype=np.float32), RATE)) == ()


def test_what_is_no_recording_is_refused(tmp_path, recording):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match=r"text\.wav: cannot be decoded"):
        words_in(model(), tmp_path / "text.wav")
    with pytest.raises(AudioError, match="no such file"):
        words_in(model(), tmp_path / "missing.wav")
    with pytest.raises(AudioError, match=r"empty\.wav: 0 samples after decoding"):
        words_in(model(), write_wav(tmp_path / "empty.wav", np.zeros(0, dtype=np.float32), RATE))
    with pytest.raises(AudioError, match="audio: 0 samples after decoding"):
        words_in(model(), np.zeros(0))
    soundfile.write(tmp_path / "nan.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"nan\.wav: holds values that are not numbers"):
        words_in(model(), tmp_path / "nan.wav")
    soundfile.write(tmp_path / "many.flac", np.zeros((100, 8)), 96_000)
    with pytest.raises(AudioError, match="8 channels at 96000 Hz; expected at most"):
        words_in(model(), tmp_path / "many.flac")
    cut = recording.read_bytes()
    assert words_in(model(), cut[: 44 + 2 * RATE]) == tuple(words_of(events_of(speech_as_file(recording)[:RATE])))


def speech_as_file(recording: Path) -> np.ndarray:
    return soundfile.read(recording, dtype="float32")[0]


def test_faults_of_ours_are_no_faults_of_the_file(recording, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ValueError("ours")

    monkeypatch.setattr(Predictor, "predict", fail)
    with pytest.raises(ValueError, match=r"^ours$"):
        words_in(model(), recording)


# -- its page ---------------------------------------------------------------------------------------------------------


class Microphone:
    """What `sounddevice` would record."""

    def __init__(self, samplerate: int, channels: int, dtype: str) -> None:
        assert (channels, dtype) == (1, "float32")
        self.waveform, self.rate = speech(samplerate), samplerate

    def __enter__(self) -> Microphone:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, n_samples: int) -> tuple[np.ndarray, bool]:
        chunk, self.waveform = self.waveform[:n_samples], self.waveform[n_samples:]
        return chunk[:, None], False


def test_the_examples_of_its_page(tmp_path, monkeypatch, capsys):
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    write_wav(tmp_path / "numbers.wav", speech(16_000), 16_000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "sounddevice", types.SimpleNamespace(InputStream=Microphone))
    names: dict[str, object] = {}
    told = []
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)
        told.append(capsys.readouterr().out)
    assert len(told) >= 2
    n_words = len(words_in(model(), tmp_path / "numbers.wav"))
    assert [len(text.splitlines()) for text in told[:2]] == [n_words, n_words]


def test_its_page_names_settings_with_their_values():
    told = re.findall(r"`(\w+)` \(([\d.]+)\)", PAGE.read_text(encoding="utf-8"))
    assert {"enter_db", "stay_db", "hang_seconds"} <= {name for name, _ in told}
    for name, value in told:
        assert getattr(EndpointConfig(), name) == float(value), name


# -- real recordings --------------------------------------------------------------------------------------------------


@pytest.mark.corpus
def test_digits_one_after_the_other_are_heard_as_they_are_alone(corpora):
    paths = sorted((corpora / "fsdd" / "recordings").glob("*.wav"))[::150]
    pause = np.zeros(round(0.5 * RATE), dtype=np.float32)
    clips = [load_waveform(path, AudioConfig(sample_rate=RATE)) for path in paths]
    waveform = np.concatenate([pause, *[part for clip in clips for part in (clip, pause)]])
    alone = [model().predict(path).most_probable for path in paths]
    heard = [word.most_probable for word in words_in(model(), waveform, sample_rate=RATE)]
    assert len(paths) >= 10
    assert len(heard) == len(alone)
    assert np.mean([a == b for a, b in zip(alone, heard, strict=True)]) >= 0.9
