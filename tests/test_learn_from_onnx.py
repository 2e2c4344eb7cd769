"""A network that ships, as torch again: the same answers, or a refusal that says what would do."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

import torch
from models import AUDIO, SMALL, network
from torch import nn

from sutja.bundle import Bundle, Member
from sutja.errors import BundleError
from sutja.learn.from_onnx import body_of, network_in
from sutja.learn.networks import network_of
from sutja.learn.to_onnx import to_onnx

SHAPE = (8, 1, SMALL.n_bins, SMALL.n_frames)


def learned(kind: str, n_classes: int = 4) -> nn.Module:
    """A network whose running statistics are not those of the start."""
    torch.manual_seed(3)
    made = network_of(kind, n_classes, 0.2)
    with torch.no_grad():
        for _ in range(3):
            made.all_of(torch.rand(SHAPE)) if kind == "words" else made(torch.rand(SHAPE))
    return made.eval()


def model_of(*networks: nn.Module) -> Bundle:
    members = (Member(f"m{n}", SMALL, to_onnx([each], SMALL)) for n, each in enumerate(networks))
    return Bundle(("a", "b", "c", "d"), AUDIO, tuple(members))


@pytest.mark.parametrize("kind", ["words", "robust"])
def test_it_computes_the_same(kind):
    shipped = learned(kind)
    found, again = network_in(model_of(shipped).members[0], "it")
    assert found == kind
    features = torch.randn(SHAPE)
    with torch.inference_mode():
        assert np.allclose(shipped(features), again(features), atol=1e-4)
        if kind == "words":
            assert np.allclose(shipped.with_embedding(features)[1], again.with_embedding(features)[1], atol=1e-3)


def test_a_body_is_known_by_its_weights():
    one = body_of(model_of(learned("words")), "one")
    assert one.network == "words"
    assert one.labels == ("a", "b", "c", "d")
    assert set(one.weights) == set(network_of("words", 4, 0.0).state_dict())
    assert body_of(model_of(learned("words")), "same").sha256 == one.sha256
    other = learned("words")
    with torch.no_grad():
        other.last.bias.add_(0.1)
    assert body_of(model_of(other), "other").sha256 != one.sha256


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (lambda: model_of(learned("words"), learned("robust")), r"2 networks \(m0, m1\)"),
        (lambda: model_of(learned("study")), "a network of another kind"),
        (lambda: Bundle(("a", "b"), AUDIO, (Member("m", SMALL, network(SMALL, 2)),)), "a network of another kind"),
        (lambda: Bundle(("a", "b"), AUDIO, (Member("m", SMALL, b"rubbish"),)), "a network that cannot be read"),
    ],
)
def test_what_cannot_go_on_is_said_in_one_sentence(model, what):
    with pytest.raises(BundleError, match=f"^mine: has {what}.*; expected one that can go on learning, as digits-en"):
        body_of(model(), "mine")


def test_a_network_that_learned_nothing_has_arrays_that_are_alike():
    torch.manual_seed(3)
    new = network_of("words", 4, 0.0).eval()
    found = body_of(model_of(new), "new").weights
    assert np.array_equal(found["last.weight"], new.last.weight.detach().numpy())


def test_a_file_whose_embedding_has_no_scale_is_of_another_kind():
    content = onnx.load_from_string(model_of(learned("words")).members[0].onnx)
    for node in content.graph.node:
        if node.op_type == "BatchNormalization":
            node.op_type = "Other"
    with pytest.raises(BundleError, match="another kind"):
        network_in(Member("m", SMALL, content.SerializeToString()), "mine")


def test_other_answers_are_told(monkeypatch):
    member = model_of(learned("words")).members[0]
    monkeypatch.setattr("sutja.learn.to_onnx.TOLERANCE", -1.0)
    with pytest.raises(BundleError, match="ONNX differs from torch"):
        network_in(member, "mine")
