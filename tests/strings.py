"""A small model of strings whose words are rows of tones, made in no time and right every time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from conftest import tone, write_wav
from models import SMALL, make_bundle
from onnx import TensorProto, helper

from sutja.bundle import Bundle, save
from sutja.graph import OPSET
from sutja.pcm import to_pcm16
from sutja.strings.decoder import Duration
from sutja.strings.frontend import N_BANDS, SAMPLE_RATE, STEP_FRAMES
from sutja.strings.model import StringModel
from sutja.strings.network import ANSWERS, FEATURES
from sutja.strings.units import Unit, Units

RATE = SAMPLE_RATE
TONES = {"a": (400, 1000, 2200), "b": (2200, 1000, 400), "c": (1000, 400, 4400), "d": (4400, 2200, 1000)}  # Hz
STATE_SECONDS = 0.1
N_STATES = 3


def string_model(labels: Sequence[str] = "abcd") -> StringModel:
    """Know as many words, the first of them by any names, each three tones from left to right."""
    units = Units(tuple(Unit(label, label, N_STATES) for label in labels))
    durations = tuple(Duration(float(np.log(15)), 0.4) for _ in labels)
    return StringModel(_network(units), units, durations, delay=0)


def string_bundle(labels: Sequence[str] = "abcd") -> Bundle:
    """A model of single words, which are noise to it, that knows strings of tones."""
    return replace(make_bundle(SMALL, threshold=0.5), strings=string_model(labels))


def string_folder(folder: Path, labels: Sequence[str] = "abcd") -> Path:
    """Save one."""
    save(string_bundle(labels), folder)
    return folder


def said(*strings: Iterable[str], pause: float = 1.0, rate: int = RATE) -> np.ndarray:
    """Say strings, with a pause before, between and after them; letters are words."""
    silence = np.zeros(round(pause * rate), dtype=np.float32)
    words = [np.concatenate([_word(word, rate) for word in string]) for string in strings]
    return np.concatenate([silence, *[part for word in words for part in (word, silence)]])


def write_said(path: Path, *strings: Iterable[str], pause: float = 1.0, rate: int = RATE) -> Path:
    """Write them."""
    return write_wav(path, to_pcm16(said(*strings, pause=pause, rate=rate)), rate)


def _word(word: str, rate: int) -> np.ndarray:
    return np.concatenate([tone(hertz, STATE_SECONDS, rate) for hertz in TONES[word]])


def _band_of(hertz: float) -> int:
    from sutja.strings.frontend import FrontEnd

    features = FrontEnd().feed(tone(hertz, 0.5, RATE))[2]
    return int(features.mean(axis=1).argmax())


def _network(units: Units) -> bytes:
    """Each state's output is loud where its tone is; silence where nothing is. It counts its steps as its state."""
    weights = np.zeros((N_BANDS, units.n_outputs), dtype=np.float32)
    for number, tones in zip(range(len(units.units)), TONES.values(), strict=False):
        for output, hertz in zip(units.outputs_of(number), tones, strict=True):
            weights[_band_of(hertz), output] = 8.0
    bias = np.zeros(units.n_outputs, dtype=np.float32)
    bias[units.silence], bias[units.other] = 7.0, -4.0
    value, constant = helper.make_tensor_value_info, onnx.numpy_helper.from_array
    drawn = helper.make_graph(
        [
            helper.make_node("AveragePool", [FEATURES], ["halved"], kernel_shape=[2], strides=[2]),
            helper.make_node("Transpose", ["halved"], ["turned"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["turned", "weights"], ["products"]),
            helper.make_node("Add", ["products", "bias"], ["logits"]),
            helper.make_node("LogSoftmax", ["logits"], [ANSWERS], axis=2),
            helper.make_node("Add", ["state_0", "one"], ["next_0"]),
        ],
        "frames",
        [value(FEATURES, TensorProto.FLOAT, [1, N_BANDS, STEP_FRAMES]), value("state_0", TensorProto.FLOAT, [1, 1, 1])],
        [
            value(ANSWERS, TensorProto.FLOAT, [1, STEP_FRAMES // 2, units.n_outputs]),
            value("next_0", TensorProto.FLOAT, [1, 1, 1]),
        ],
        [constant(weights, "weights"), constant(bias, "bias"), constant(np.ones((1, 1, 1), np.float32), "one")],
    )
    model = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    return model.SerializeToString()
