from __future__ import annotations

import copy

import pytest
from ideal_answers import DURATIONS, UNITS

from sutja.records import FieldError
from sutja.strings.decoder import DecoderConfig
from sutja.strings.model import Confidence, Edges, StringModel, model_of, settings_of

MODEL = StringModel(
    b"network",
    UNITS,
    DURATIONS,
    8,
    DecoderConfig(word=-3.0),
    Confidence(0.2, 1.0, 0.4, 0.3, 9.0),
    Edges(0.04, 0.02),
    {"data": "x"},
)


def test_settings_come_back():
    assert model_of(settings_of(MODEL), b"network") == MODEL
    assert MODEL.labels == ("0", "1", "2")


def set_at(settings, path, value):
    *inner, last = path
    for key in inner:
        settings = settings[key]
    settings[last] = value


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["units"], [], "units"),
        (
            ["units"],
            [{"name": "double", "label": "", "n_states": 3, "n_times": 2, "mean": 2.0, "deviation": 0.4}],
            "units",
        ),
        (["units", 0, "n_states"], 2, "units[0].n_states"),
        (["units", 0, "n_times"], 0, "units[0].n_times"),
        (["units", 1, "label"], "", "units[1].label"),
        (["units", 4, "label"], "2", "units[4].label"),
        (["units", 1, "deviation"], 0.0, "units[1].deviation"),
        (["units", 1, "mean"], "2", "units[1].mean"),
        (["delay"], 11, "delay"),
        (["decoder", "beam"], -1.0, "decoder.beam"),
        (["decoder", "word"], None, "decoder.word"),
        (["confidence", "scale"], 0.0, "confidence.scale"),
        (["confidence", "opinion"], -0.1, "confidence.opinion"),
        (["edges", "lead_seconds"], -0.1, "edges.lead_seconds"),
        (["edges", "tail_seconds"], 3.0, "edges.tail_seconds"),
        (["confidence", "threshold"], 1.5, "confidence.threshold"),
    ],
)
def test_settings_that_do_not_fit_are_named(path, value, field):
    settings = copy.deepcopy(settings_of(MODEL))
    set_at(settings, path, value)
    with pytest.raises(FieldError) as caught:
        model_of(settings, b"")
    assert str(caught.value).startswith(field)
