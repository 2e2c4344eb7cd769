from __future__ import annotations

import numpy as np
import pytest
from conftest import write_wav
from strings import RATE, string_bundle, string_model, write_said

from sutja import predictor as predictor_module
from sutja.predictor import Predictor
from sutja.strings.evaluation import evaluate
from sutja.strings.network import FrameNetwork
from sutja.strings.sets import StringClip

PREDICTOR = Predictor(string_bundle())
BEGIN, UNITS = PREDICTOR.strings, string_model().units


@pytest.fixture
def clips(tmp_path):
    rows = [("abba", "abba", "anna"), ("cd", "cd", "anna"), ("abc", "abd", "ben"), ("ab", "", None), ("a", "ab", None)]
    return [
        StringClip(write_said(tmp_path / f"{number}.wav", heard), f"{number}.wav", tuple(labels), (), speaker)
        for number, (heard, labels, speaker) in enumerate(rows)
    ]


def test_errors_are_counted(clips):
    steps = []
    scores = evaluate(BEGIN, UNITS, clips, on_clip=lambda: steps.append(1))
    assert len(steps) == len(clips)
    assert (scores.n_strings, scores.n_words) == (4, 11)
    assert (scores.substituted, scores.deleted, scores.inserted, scores.refused) == (1, 1, 0, 0)
    assert scores.string_error_rate == 0.5
    assert scores.word_error_rate == pytest.approx(2 / 11)
    assert (scores.by_speaker["anna"].n_wrong, scores.by_speaker["ben"].n_wrong) == (0, 1)
    assert list(scores.by_length) == [2, 3, 4]
    assert [(row["said"], row["heard"]) for row in scores.wrong] in (
        [("abd", "abc"), ("ab", "a")],
        [("ab", "a"), ("abd", "abc")],
    )
    assert scores.ece < 0.3


def test_words_heard_where_none_is_said_are_false(clips):
    scores = evaluate(BEGIN, UNITS, clips)
    assert scores.false_words == 2
    assert scores.other_seconds == pytest.approx(2.6)
    assert scores.false_words_per_hour == pytest.approx(3600 * 2 / 2.6)


def test_a_length_that_is_known_is_told(clips):
    scores = evaluate(BEGIN, UNITS, clips[:3], known_length=True)
    assert scores.string_error_rate == pytest.approx(1 / 3)
    many = StringClip(clips[0].path, "many.wav", ("a",) * 65)
    assert evaluate(BEGIN, UNITS, [many], known_length=True).n_words == 65


def test_a_file_that_cannot_be_read_is_named(clips, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    scores = evaluate(BEGIN, UNITS, [StringClip(tmp_path / "bad.wav", "bad.wav", ("a",)), clips[0]])
    assert list(scores.unreadable) == ["bad.wav"]
    assert scores.n_strings == 1


def test_nothing_has_no_rates():
    scores = evaluate(BEGIN, UNITS, [])
    assert (scores.string_error_rate, scores.word_error_rate, scores.ece) == (None, None, None)
    assert scores.false_words_per_hour is None


def test_a_string_of_which_nothing_was_heard_is_no_sure_mistake(tmp_path):
    path = write_wav(tmp_path / "silence.wav", np.zeros(RATE, np.int16), RATE)
    (row,) = evaluate(BEGIN, UNITS, [StringClip(path, "silence.wav", ("a",))]).wrong
    assert (row["heard"], row["probability"]) == ("", 0.0)


def test_the_network_is_loaded_once(clips, monkeypatch):
    loaded = []
    monkeypatch.setattr(predictor_module, "FrameNetwork", lambda *given: loaded.append(1) or FrameNetwork(*given))
    predictor = Predictor(string_bundle())
    assert evaluate(predictor.strings, UNITS, clips[:3]).n_strings == 3
    assert len(loaded) == 1
