"""Answers: what the predictor says, and nothing that JSON cannot say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import counted
from service import model, sound

from sutja.audio import decode, load_at
from sutja.errors import AudioError
from sutja.features import power_spectrogram
from sutja.server import answers
from sutja.server.answers import Wanted
from sutja.server.settings import Limits


def test_the_prediction_is_the_predictors():
    content = sound()
    expected = model().predict(content)
    told = json.loads(answers.to_json(answers.answer(model(), content, Wanted())))
    assert told["probabilities"] == expected.probabilities  # to the last digit
    assert (told["label"], told["rejected"], told["probability"]) == (
        expected.label,
        expected.rejected,
        expected.probability,
    )
    assert told["duration_seconds"] == pytest.approx(0.4)
    assert set(told["members"]) == {member.name for member in model().bundle.members}
    assert "features" not in told
    assert "explanation" not in told


def test_features_are_what_the_networks_see():
    found = model().examine(sound())
    told = answers.answer(model(), sound(), Wanted(features=True))["features"]
    for member in model().bundle.members:
        grid = told[member.name]
        assert np.array(grid["values"]).shape == (grid["n_bins"], grid["n_frames"])
        assert np.allclose(grid["values"], found.features[member.name], atol=10**-answers.DECIMALS)
        assert grid["start_seconds"] == found.start_seconds[member.name]
        assert grid["hop_seconds"] * model().bundle.audio.sample_rate == member.features.hop_length


def test_an_explanation():
    told = answers.answer(model(), sound(), Wanted(explain=True))["explanation"]
    assert np.array(told["values"]).shape == (told["n_bins"], told["n_frames"])
    assert told["label"] in model().labels
    assert all(start < end for start, end in told["segments"])


def test_all_that_is_told_of_a_clip_comes_of_one_decoding():
    content = sound()
    with counted(load_at, decode, power_spectrogram) as counts:
        told = answers.answer(model(), content, Wanted(features=True, explain=True))
    assert counts == {"load_at": 1, "decode": 1, "power_spectrogram": 1}
    assert told["probabilities"] == model().predict(content).probabilities
    alone = answers.explanation(model(), model().examine(content))
    assert answers.to_json(alone["explanation"]) == answers.to_json(told["explanation"])


def test_the_model_card():
    card = json.loads(answers.to_json(answers.model_card(model(), "runs/mine/digits", Limits(clip_bytes=5))))
    assert card["name"] == "digits"
    assert card["labels"] == list(model().labels)
    assert (card["language"], card["spoken"]) == ("en", model().bundle.spoken)
    assert card["spoken"]["7"] == "seven"
    assert card["limits"] == {"bytes": 5, "seconds": model().bundle.audio.max_seconds}
    assert [member["kind"] for member in card["members"]] == [
        "mel" if member.features.n_mfcc is None else "mfcc" for member in model().bundle.members
    ]


def test_json_says_numbers_only():
    assert answers.to_json({"가": 0.1}) == '{"가":0.1}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        answers.to_json(float("nan"))


def test_what_cannot_be_used():
    with pytest.raises(AudioError):
        answers.answer(model(), b"no sound", Wanted())
