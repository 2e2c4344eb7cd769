"""The network, counted as the study counts it."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from sutja.learn.networks import (
    BATCH_NORM_EPS,
    BATCH_NORM_MOMENTUM,
    NETWORKS,
    ResidualBlock,
    StudyNet,
    n_parameters,
    network_of,
)


def count(module: nn.Module) -> int:
    return n_parameters(module)


NETWORK = StudyNet(10)
BLOCKS = [block for block in NETWORK.blocks if isinstance(block, ResidualBlock)]

# The rows of the specification's table. Body: BN, ReLU, conv, BN, ReLU, conv, BN, ReLU, conv.
ROWS = [
    ("stem conv", NETWORK.stem[0], 160),
    ("stem BN", NETWORK.stem[1], 64),
    *[
        (f"residual({n_in},{n_out}) {name}", block.shortcut if name == "shortcut" else block.body[at], expected)
        for block, (n_in, n_out), counts in zip(
            BLOCKS,
            [(16, 32), (32, 32), (32, 64), (64, 64)],
            [
                (64, 272, 64, 2320, 64, 544, 544),
                (128, 1056, 128, 9248, 128, 1056, 1056),
                (128, 1056, 128, 9248, 128, 2112, 2112),
                (256, 4160, 256, 36928, 256, 4160, 4160),
            ],
            strict=True,
        )
        for (name, at), expected in zip(
            [("BN 1", 0), ("conv 1", 2), ("BN 2", 3), ("conv 2", 5), ("BN 3", 6), ("conv 3", 8), ("shortcut", -1)],
            counts,
            strict=True,
        )
    ],
    ("residual(16,32)", BLOCKS[0], 3_872),
    ("residual(32,32)", BLOCKS[1], 12_800),
    ("residual(32,64)", BLOCKS[2], 14_912),
    ("residual(64,64)", BLOCKS[3], 50_176),
    ("dense", NETWORK.head[0], 2_080),
    ("dense BN", NETWORK.head[1], 128),
    ("last dense", NETWORK.last, 330),
    ("all", NETWORK, 84_522),
]


@pytest.mark.parametrize(("module", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_parameters_as_in_the_table(module, expected):
    assert count(module) == expected


def test_what_learns():
    assert n_parameters(NETWORK, trainable=True) == 83_562
    assert n_parameters(NETWORK) - n_parameters(NETWORK, trainable=True) == 960


@pytest.mark.parametrize("n_classes", [2, 10, 35])
@pytest.mark.parametrize("shape", [(1, 40, 40), (5, 40, 40), (3, 64, 101), (2, 8, 8)])
def test_shapes(n_classes, shape):
    n, n_bins, n_frames = shape
    logits = StudyNet(n_classes).eval()(torch.rand(n, 1, n_bins, n_frames))
    assert logits.shape == (n, n_classes)
    assert torch.isfinite(logits).all()


def test_shapes_inside():
    x = NETWORK.eval().stem(torch.rand(2, 1, 40, 40))
    seen = [tuple(x.shape[1:])]
    for layer in NETWORK.blocks:
        x = layer(x)
        seen.append(tuple(x.shape[1:]))
    assert seen == [(16, 20, 20), (32, 20, 20), (32, 10, 10), (32, 10, 10), (64, 10, 10), (64, 5, 5), (64, 5, 5)]


def test_constants_are_keras_s():
    norms = [m for m in NETWORK.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert len(norms) == 1 + 4 * 3 + 1
    assert {(m.eps, m.momentum) for m in norms} == {(BATCH_NORM_EPS, BATCH_NORM_MOMENTUM)} == {(1e-3, 0.01)}


def test_he_normal_weights_and_zero_biases():
    torch.manual_seed(0)
    layers = [m for m in StudyNet(10).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for layer in layers:
        assert (layer.bias == 0).all()
        weights, fan_in = layer.weight.detach(), layer.weight[0].numel()
        if layer.out_features == 10 if isinstance(layer, nn.Linear) else False:
            limit = (6 / (32 + 10)) ** 0.5  # Glorot's uniform: Keras's default, which the study leaves here
            assert 0.9 * limit < weights.abs().max() <= limit
            continue
        wanted = (2 / fan_in) ** 0.5
        n = weights.numel()
        assert weights.std().item() == pytest.approx(wanted, rel=4 / (2 * n) ** 0.5)  # four standard errors
        assert weights.abs().max() <= 2 * wanted / 0.8796  # cut at two standard deviations
        assert abs(weights.mean().item()) < 4 * wanted / n**0.5


@pytest.mark.parametrize("n_in_out", [(16, 32), (32, 32)])
def test_the_shortcut_always_projects(n_in_out):
    n_in, n_out = n_in_out
    block = ResidualBlock(n_in, n_out).eval()
    assert isinstance(block.shortcut, nn.Conv2d)
    assert block.shortcut.weight.shape == (n_out, n_in, 1, 1)
    x = torch.randn(2, n_in, 6, 6)
    with torch.no_grad():
        for layer in (block.shortcut, block.body[-1]):
            layer.bias.zero_()
        block.shortcut.weight.zero_()
        assert torch.allclose(block(x), torch.relu(block.body(x)))  # without it nothing of the input passes by
        block.body[-1].weight.zero_()
        assert (block(x) == 0).all()


def test_a_block_ends_in_relu_and_begins_with_its_norm():
    block = ResidualBlock(4, 4)
    assert [type(m).__name__ for m in block.body] == ["BatchNorm2d", "ReLU", "Conv2d"] * 3
    assert (block(torch.randn(2, 4, 5, 5)) >= 0).all()


def test_dropout_acts_in_training_only():
    network, x = StudyNet(10), torch.rand(4, 1, 40, 40)
    network.eval()
    assert torch.equal(network(x), network(x))
    network.train()
    assert not torch.equal(network(x), network(x))
    assert network.head[-1].p == 0.5


def test_a_network_of_words_answers_beside_its_embedding():
    torch.manual_seed(0)
    network, inputs = network_of("words", 11, 0.2, n_words=30).eval(), torch.randn(3, 1, 40, 101)
    logits, embedding = network.with_embedding(inputs)
    assert embedding.shape == (3, 2 * (32 + 64 + 128))
    assert torch.equal(network(inputs), logits)
    of_classes, of_words, view = network.all_of(inputs)
    assert torch.equal(of_classes, logits)
    assert of_words.shape == (3, 30)
    assert view is None


def test_what_is_embedded_comes_to_one_scale_while_the_network_learns():
    torch.manual_seed(0)
    network, inputs = network_of("words", 11, 0.2), torch.randn(64, 1, 40, 101)
    for _ in range(100):
        network.train().all_of(inputs)
    _, embedding = network.eval().with_embedding(inputs)
    assert embedding.mean(0).abs().max() < 0.6  # batch norms of the blocks see running statistics now
    _, before = network_of("words", 11, 0.2).eval().with_embedding(inputs)
    assert abs(embedding.std(0).mean() - 1) < abs(before.std(0).mean() - 1)


def test_words_are_only_told_apart_where_there_are_some():
    network, inputs = network_of("words", 11, 0.2), torch.randn(2, 1, 40, 101)
    assert network.all_of(inputs)[1:] == (None, None)
    assert network_of("words", 11, 0.2, n_view=8).all_of(inputs)[2].shape == (2, 8)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_by_name(name):
    assert isinstance(network_of(name, 7, 0.1), NETWORKS[name])
    assert network_of(name, 7, 0.1)(torch.randn(2, 1, 40, 101)).shape == (2, 7)
