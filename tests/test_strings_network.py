from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from strings import string_model

from sutja.records import FieldError
from sutja.strings.frontend import N_BANDS, STEP_FRAMES
from sutja.strings.network import ANSWERS, FEATURES, STEP_OUTPUTS, FrameNetwork

MODEL = string_model()
N = MODEL.units.n_outputs


def test_it_answers_a_step_and_gives_the_next_state():
    network = FrameNetwork(MODEL.onnx, N)
    state = network.nothing()
    answers, after = network.step(np.zeros((N_BANDS, STEP_FRAMES), dtype=np.float32), state)
    assert answers.shape == (STEP_OUTPUTS, N)
    np.testing.assert_allclose(np.exp(answers).sum(axis=1), 1, rtol=1e-4)
    assert [each.shape for each in after] == [each.shape for each in state]


def file_of(inputs, outputs):
    """Make a network of these shapes that does nothing."""
    value = helper.make_tensor_value_info
    names = [*inputs, *outputs]
    nodes = [helper.make_node("ConstantOfShape", [f"shape_{name}"], [name]) for name in outputs]
    shapes = [
        onnx.numpy_helper.from_array(np.array(outputs[name], dtype=np.int64), f"shape_{name}") for name in outputs
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [value(name, TensorProto.FLOAT, inputs[name]) for name in inputs],
        [value(name, TensorProto.FLOAT, outputs[name]) for name in outputs],
        shapes,
    )
    assert len(names) == len(set(names))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


GOOD_IN, GOOD_OUT = {FEATURES: (1, N_BANDS, STEP_FRAMES)}, {ANSWERS: (1, STEP_OUTPUTS, N)}


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        ({FEATURES: (1, 7, STEP_FRAMES)}, GOOD_OUT, FEATURES),
        (GOOD_IN | {"state_1": (1, 2)}, GOOD_OUT, "states by number"),
        (GOOD_IN | {"state_0": (1, 2)}, GOOD_OUT, "the next state"),
        (GOOD_IN, {ANSWERS: (1, STEP_OUTPUTS, N + 1)}, ANSWERS),
    ],
)
def test_a_file_that_is_no_such_network_is_refused(inputs, outputs, said):
    with pytest.raises(FieldError, match=said):
        FrameNetwork(file_of(inputs, outputs), N)


def test_a_damaged_file_is_refused():
    with pytest.raises(FieldError, match="cannot be loaded"):
        FrameNetwork(b"no network", N)
