from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from sutja.learn.frame_network import FrameNet


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return FrameNet(20).eval()


@pytest.mark.numeric
def test_step_by_step_it_hears_what_it_hears_at_once(network):
    features, state, found = torch.randn(2, 40, 48), network.nothing(2), []
    with torch.inference_mode():
        for start in range(0, 48, 8):
            answers, state = network.step(features[:, :, start : start + 8], state)
            found.append(answers)
        whole = network(features)
    assert whole.shape == (2, 24, 20)
    torch.testing.assert_close(torch.cat(found, 1), whole, atol=1e-4, rtol=1e-4)


def test_it_does_not_look_ahead(network):
    features = torch.randn(1, 40, 64)
    changed = features.clone()
    changed[:, :, 40:] += 1.0
    with torch.inference_mode():
        before, after = network(features), network(changed)
    torch.testing.assert_close(before[:, :20], after[:, :20])
    assert not torch.allclose(before[:, 20:], after[:, 20:])


def test_it_gives_log_probabilities(network):
    with torch.inference_mode():
        torch.testing.assert_close(network(torch.randn(1, 40, 16)).exp().sum(2), torch.ones(1, 8))


def test_it_is_small():
    assert 300_000 < sum(p.numel() for p in FrameNet(69).parameters()) < 1_000_000
