from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from sutja.errors import BundleError
from sutja.learn import frames_to_onnx as exporting
from sutja.learn.frame_network import FrameNet
from sutja.learn.frames_to_onnx import frames_to_onnx
from sutja.strings.network import FrameNetwork


def network():
    torch.manual_seed(1)
    return FrameNet(9).eval()


def test_the_file_is_a_frame_network():
    ready = network()
    asked = FrameNetwork(frames_to_onnx(ready), 9)
    assert [each.shape for each in asked.nothing()] == [tuple(each.shape) for each in ready.nothing()]
    assert not ready.training


def test_a_file_that_answers_otherwise_is_not_given_out(monkeypatch):
    other = network()
    with torch.no_grad():
        other.last.bias += torch.arange(9)
    prove = exporting.prove_frames
    monkeypatch.setattr(exporting, "prove_frames", lambda content, _: prove(content, other))
    with pytest.raises(BundleError, match="ONNX differs from torch"):
        frames_to_onnx(network())
