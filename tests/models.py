"""Small models that are made in no time, for the tests of the graph and of what is exported."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from sutja.bundle import Bundle, Member
from sutja.config import AudioConfig, FeatureConfig, preset
from sutja.graph import OPSET
from sutja.heads import Head

REFERENCE, ROBUST = preset("reference"), preset("robust")
AUDIO = AudioConfig(sample_rate=8_000, remove_mean=True)
SMALL = FeatureConfig(n_fft=256, hop_length=80, n_mels=20, n_frames=50, scaling="standardise")
N_CLASSES = 4


def network(features: FeatureConfig, n_classes: int, seed: int = 0, opset: int = OPSET) -> bytes:
    """A network of one dense layer: features to probabilities."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 0.05, (features.n_bins * features.n_frames, n_classes)).astype(np.float32)
    value = helper.make_tensor_value_info
    drawn = helper.make_graph(
        [
            helper.make_node("Flatten", ["features"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "network",
        [value("features", TensorProto.FLOAT, ["batch", 1, features.n_bins, features.n_frames])],
        [value("probabilities", TensorProto.FLOAT, ["batch", n_classes])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return model.SerializeToString()


def embedding_network(features: FeatureConfig, n_classes: int, n_embedding: int = 6, seed: int = 0) -> bytes:
    """A network of two dense layers that gives what the first makes of the features, too."""
    rng = np.random.default_rng(seed)
    first = rng.normal(0, 0.05, (features.n_bins * features.n_frames, n_embedding)).astype(np.float32)
    second = rng.normal(0, 0.5, (n_embedding, n_classes)).astype(np.float32)
    value = helper.make_tensor_value_info
    drawn = helper.make_graph(
        [
            helper.make_node("Flatten", ["features"], ["flat"]),
            helper.make_node("MatMul", ["flat", "first"], ["sums"]),
            helper.make_node("Tanh", ["sums"], ["embedding"]),
            helper.make_node("MatMul", ["embedding", "second"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "network",
        [value("features", TensorProto.FLOAT, ["batch", 1, features.n_bins, features.n_frames])],
        [
            value("probabilities", TensorProto.FLOAT, ["batch", n_classes]),
            value("embedding", TensorProto.FLOAT, ["batch", n_embedding]),
        ],
        [onnx.numpy_helper.from_array(first, "first"), onnx.numpy_helper.from_array(second, "second")],
    )
    model = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    return model.SerializeToString()


def taught_bundle(head: Head, labels: str = "abcd", **more) -> Bundle:
    """A model whose head decides, on a network of seven classes."""
    member = Member("mel", SMALL, embedding_network(SMALL, 7), head)
    return Bundle(tuple(labels), AUDIO, (member,), **more)


def make_bundle(*configs: FeatureConfig, audio: AudioConfig = AUDIO, threshold: float | None = None, **more) -> Bundle:
    labels = tuple("abcd")
    n_classes = len(labels) + (threshold is not None)
    members = [Member(f"m{i}", c, network(c, n_classes, seed=i)) for i, c in enumerate(configs)]
    return Bundle(labels, audio, tuple(members), threshold=threshold, **more)
