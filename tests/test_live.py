"""Words as they are spoken: those that a stream gives, from wherever the sound comes."""

from __future__ import annotations

import functools
import io

import pytest
from conftest import write_wav
from microphones import RATE, plugged_in, spoken

import sutja
from sutja.blocks import Pipe
from sutja.endpoints import EndpointConfig
from sutja.errors import AudioError, BundleError
from sutja.pcm import to_pcm16
from sutja.streams import Word, words_in


@functools.cache
def model():
    return sutja.load()


def test_a_file_a_pipe_samples_and_a_microphone_give_the_same_words(tmp_path, monkeypatch):
    path = write_wav(tmp_path / "three.wav", spoken(3), RATE)
    expected = words_in(model(), path)
    assert len(expected) == 3
    assert all(isinstance(word, Word) for word in expected)
    samples = to_pcm16(spoken(3))
    assert list(sutja.listen(model(), path)) == list(sutja.listen("digits-en", path)) == list(expected)
    raw = list(sutja.listen(model(), Pipe(io.BytesIO(samples.tobytes())), sample_rate=RATE))
    plugged_in(monkeypatch, samples.astype("float32") / 2**15)
    words = []
    with pytest.raises(AudioError, match="no sound comes from it"):
        for word in sutja.listen(model()):
            words.append(word)  # noqa: PERF402  its end is an error
    assert words == raw
    assert [word.start for word in raw] == [word.start for word in expected]


def test_a_word_is_given_before_the_next_one_is_heard():
    read = io.BytesIO(to_pcm16(spoken(20)).tobytes())
    words = sutja.listen(model(), Pipe(read), sample_rate=RATE)
    assert next(words).start == pytest.approx(0.5, abs=0.03)
    assert read.tell() / 2 / RATE < 0.5 + 0.4 + EndpointConfig().hang_seconds + 0.3
    words.close()


def test_settings_are_taken():
    patient = EndpointConfig(hang_seconds=0.6)
    (word,) = sutja.listen(model(), spoken(2), sample_rate=RATE, config=patient)
    assert word.end - word.start > 1


def test_what_is_no_model_is_told(tmp_path):
    with pytest.raises(BundleError):
        next(sutja.listen(tmp_path, spoken(1)))
