"""torch to ONNX: the same answers, or none."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from sutja.config import preset
from sutja.errors import BundleError
from sutja.learn import to_onnx as export
from sutja.learn.networks import StudyNet, network_of
from sutja.learn.to_onnx import Committee, to_onnx

MEL = preset("reference").members["mel"]


def networks(n: int, n_classes: int = 4) -> list[nn.Module]:
    """Networks with running statistics that are not those of the start."""
    torch.manual_seed(0)
    made = [StudyNet(n_classes) for _ in range(n)]
    with torch.no_grad():
        for network in made:
            network.train()
            for _ in range(3):
                network(torch.rand(8, 1, 40, 40))
    return made


@pytest.fixture(scope="module")
def committee() -> list[nn.Module]:
    return networks(2)


@pytest.fixture(scope="module")
def session(committee):
    return onnxruntime.InferenceSession(to_onnx(committee, MEL), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_equals_torch_for_any_batch(committee, session, batch):
    features = torch.rand(batch, 1, 40, 40)
    with torch.inference_mode():
        expected = torch.stack([network.eval()(features).softmax(dim=1) for network in committee]).mean(dim=0)
    (found,) = session.run(None, {"features": features.numpy()})
    assert found.shape == (batch, 4)
    assert found == pytest.approx(expected.numpy(), abs=1e-5)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_alone_or_in_a_batch(session):
    features = np.random.default_rng(0).random((6, 1, 40, 40), dtype=np.float32)
    (batch,) = session.run(None, {"features": features})
    alone = [session.run(None, {"features": features[i : i + 1]})[0][0] for i in range(6)]
    assert batch == pytest.approx(np.array(alone), abs=1e-6)


def test_names_and_shapes(session):
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape[1:]) == ("features", "tensor(float)", [1, 40, 40])
    assert (given.name, given.type, given.shape[1:]) == ("probabilities", "tensor(float)", [4])


def test_a_committee_votes_by_mean(committee):
    features = torch.rand(3, 1, 40, 40)
    with torch.inference_mode():
        found = Committee(committee).eval()(features)
        one = Committee(committee[:1]).eval()(features)
    assert found.sum(dim=1).numpy() == pytest.approx(1)
    assert not torch.allclose(found, one)


@pytest.mark.parametrize("wrong", [lambda p: p + 2e-4, lambda p: p * np.nan, lambda p: p[:, ::-1].copy()])
def test_another_answer_is_not_shipped(committee, monkeypatch, wrong):
    class Wrong(onnxruntime.InferenceSession):
        def run(self, names, features):
            return [wrong(super().run(names, features)[0])]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Wrong)
    with pytest.raises(BundleError, match=r"ONNX differs from torch by .*; expected at most 0.0001"):
        to_onnx(committee, MEL)


def test_it_is_proved_on_silence_and_full_scale_too():
    inputs = export._proof_inputs(MEL)
    assert inputs.shape == (8, 1, 40, 40)
    assert (inputs[0] == 0).all()
    assert (inputs[1] == 1).all()
    assert 0 < inputs[2:].mean() < 1


def test_a_network_that_embeds_gives_its_embedding_too():
    torch.manual_seed(1)
    network, features = network_of("words", 5, 0.2, n_words=9).eval(), torch.randn(3, 1, 40, 101)
    content = to_onnx([network], preset("words").members["mel"])
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["probabilities", "embedding"]
    probabilities, embedding = session.run(None, {"features": features.numpy()})
    with torch.inference_mode():
        assert probabilities == pytest.approx(network(features).softmax(dim=1).numpy(), abs=1e-5)
        assert embedding == pytest.approx(network.with_embedding(features)[1].numpy(), abs=1e-4)
    committee = onnxruntime.InferenceSession(to_onnx([network, network], preset("words").members["mel"]))
    assert [output.name for output in committee.get_outputs()] == ["probabilities"]  # they vote, and do not embed
