from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import SMALL, make_bundle
from strings import RATE, said, string_bundle, string_folder, string_model, write_said

import sutja
from sutja.errors import AudioError, BundleError, ConfigError
from sutja.predictor import Predictor
from sutja.transcription import Transcriber, transcribe


@pytest.fixture(scope="module")
def transcriber():
    return Transcriber(string_bundle())


def test_any_form_of_a_model_will_do(tmp_path):
    waveform, folder = said("ab", "cd"), string_folder(tmp_path / "model")
    for model in (string_bundle(), Predictor(string_bundle()), folder, str(folder)):
        assert transcribe(waveform, model).text == "abcd"
    assert sutja.transcribe is transcribe
    assert sutja.Transcriber is Transcriber


def test_the_model_that_sutja_brings_knows_strings():
    assert Transcriber().model.labels == tuple("0123456789")


def test_files_say_their_rate_and_samples_are_told_theirs(tmp_path, transcriber):
    path = write_said(tmp_path / "a.wav", "ab", rate=48_000)
    assert transcriber.transcribe(path).text == "ab"
    assert transcriber.transcribe(said("ab", rate=48_000), sample_rate=48_000).text == "ab"


def test_a_length_and_a_list_can_be_told(transcriber):
    waveform = said("ab")
    assert [len(s.words) for s in transcribe(waveform, string_bundle(), length=2).strings] == [2]
    assert transcribe(waveform, string_bundle(), length=(1, 3)).text == "ab"
    assert transcribe(waveform, string_bundle(), strings=["ab", "cd"]).text == "ab"
    with pytest.raises(ConfigError, match="one of them"):
        transcriber.grammar(2, ["ab"])
    with pytest.raises(ConfigError, match="length 0"):
        transcriber.grammar(0)
    with pytest.raises(ConfigError, match="'xa', which the model does not know"):
        transcriber.grammar(strings=["xa"])


def test_strings_of_a_list_are_rows_of_labels_or_written():
    lamp = Transcriber(string_bundle(["lamp on", "off", "c"]))
    assert transcribe(said("ab", "c"), lamp.predictor, strings=["lamp on off", ("c",)]).text == "lamp on off c"
    assert transcribe(said("ab"), lamp.predictor, strings=[["lamp on", "off"]]).text == "lamp on off"


def test_one_string_is_no_list(transcriber):
    with pytest.raises(ConfigError, match=r"one string, 'ab', where a list is expected; put it into one: \['ab'\]"):
        transcriber.grammar(strings="ab")


@pytest.mark.parametrize("length", ["4", 4.0, (4,), (1, 2, 3), (2, "3")])
def test_what_is_no_length(transcriber, length):
    with pytest.raises(ConfigError, match=r"is no number of words; expected 4, or \(4, 6\)"):
        transcriber.grammar(length)


def test_a_length_of_any_whole_number(transcriber):
    assert transcriber.grammar(np.int64(3)).n_most == transcriber.grammar([1, 3]).n_most == 3


def test_the_model_of_single_words_is_asked_as_well(transcriber):
    found = transcriber.predictor.opinion(said("a"))
    assert found.shape == (len(transcriber.model.labels) + 1,)
    assert found.sum() == pytest.approx(1, abs=1e-5 if string_bundle().threshold is not None else 1)
    assert transcriber.predictor.opinion(np.zeros(10, np.float32)) is None


def test_events_come_while_it_is_heard(transcriber):
    events = list(transcriber.events(said("ab", "cd")))
    assert [event.text for event in events if isinstance(event, sutja.SpokenString)] == ["ab", "cd"]
    stream = transcriber.stream(RATE)
    assert [*stream.feed(said("ab", "cd")), *stream.flush()] == events


def test_a_model_of_single_words_says_so():
    with pytest.raises(BundleError, match="single words, not words in a row"):
        Transcriber(make_bundle(SMALL))


def test_a_damaged_network_is_refused():
    with pytest.raises(BundleError, match=r"strings: .*export the model again"):
        Transcriber(replace(make_bundle(SMALL), strings=replace(string_model(), onnx=b"damaged")))


def test_what_is_no_recording_is_refused(transcriber):
    with pytest.raises(AudioError):
        transcriber.transcribe(b"no sound")
