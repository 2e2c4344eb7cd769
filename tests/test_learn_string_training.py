from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from conftest import tone

from sutja.errors import RunError
from sutja.learn import string_training
from sutja.learn.frame_network import FrameNet
from sutja.learn.splices import Material, Take, made
from sutja.learn.string_batches import read, write
from sutja.learn.string_training import StringTraining, guess_weight_at, masked, rate_at, seconds_a_step, trained
from sutja.strings.frontend import SAMPLE_RATE
from sutja.strings.units import Unit, Units

UNITS = Units((Unit("a", "a", 3), Unit("b", "b", 3)))
SMALL = StringTraining(n_steps=6, batch_size=4, learning_rate=5e-3)


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    monkeypatch.setattr(FrameNet, "stem_channels", (4, 4))
    monkeypatch.setattr(FrameNet, "n_channels", 16)
    monkeypatch.setattr(FrameNet, "dilations", (1, 2))


@pytest.fixture(scope="module")
def strings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strings")
    takes = [Take(unit, 0.3 * tone(300 + 900 * unit, 0.3, SAMPLE_RATE)) for unit in range(2)]
    material = Material({"anna": takes * 3})
    write(folder, "00", (made(material, 1, number, kinds={"spliced": 0.9, "noise": 0.1}) for number in range(24)))
    return read(folder)


def test_it_learns(strings, tmp_path):
    losses = []
    config = StringTraining(n_steps=60, batch_size=8, learning_rate=1e-2)
    network = trained(strings, UNITS, config, tmp_path / "kept.npz", lambda _, loss: losses.append(loss))
    assert len(losses) == 60
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert not network.training


def test_what_was_cut_off_ends_as_it_would_have(strings, tmp_path, monkeypatch):
    monkeypatch.setattr(string_training, "CHECKPOINT_STEPS", 2)
    whole = trained(strings, UNITS, SMALL, tmp_path / "whole.npz")

    class Cut(Exception):
        pass

    def cut(step, _):
        if step == 4:
            raise Cut

    with pytest.raises(Cut):
        trained(strings, UNITS, SMALL, tmp_path / "cut.npz", cut)
    steps = []
    resumed = trained(strings, UNITS, SMALL, tmp_path / "cut.npz", lambda step, _: steps.append(step))
    assert steps == [4, 5]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize("content", [b"no checkpoint", None])
def test_a_checkpoint_that_is_none_is_named(strings, tmp_path, content, monkeypatch):
    path = tmp_path / "kept.npz"
    if content is None:  # of another network
        monkeypatch.setattr(string_training, "CHECKPOINT_STEPS", 2)
        trained(strings, UNITS, StringTraining(n_steps=2, batch_size=2), path)
        monkeypatch.setattr(FrameNet, "n_channels", 8)
    else:
        path.write_bytes(content)
    with pytest.raises(RunError, match="damaged or of another network"):
        trained(strings, UNITS, SMALL, path)


def test_a_checkpoint_of_other_settings_is_not_gone_on_with(strings, tmp_path, monkeypatch):
    monkeypatch.setattr(string_training, "CHECKPOINT_STEPS", 2)
    path = tmp_path / "kept.npz"
    trained(strings, UNITS, replace(SMALL, n_steps=2), path)
    with pytest.raises(RunError, match="seed=930"):
        trained(strings, UNITS, replace(SMALL, n_steps=2, seed=930), path)


def test_bfloat16_learns_too(strings, tmp_path):
    config = StringTraining(n_steps=2, batch_size=2, precision="bfloat16")
    assert isinstance(trained(strings, UNITS, config, tmp_path / "kept.npz"), FrameNet)


def test_it_knows_how_long_it_takes(strings):
    assert 0 < seconds_a_step(strings, UNITS, SMALL) < 10


def test_masks_hide_bands_and_stretches():
    features = torch.ones(8, 40, 100)
    hidden = masked(features, SMALL, torch.Generator().manual_seed(1))
    assert features.min() == 1
    assert 0.01 < float((hidden == 0).float().mean()) < 0.6
    assert len({float(each.sum()) for each in hidden}) > 1


def test_schedules():
    config = StringTraining()
    assert [guess_weight_at(p, config) for p in (0.0, 0.15, 0.9)] == [1.0, 0.0, 0.0]
    assert guess_weight_at(0.0, StringTraining(guess_share=0.0)) == 0.0
    assert [round(rate_at(p), 3) for p in (0.0, 0.05, 0.1, 1.0)] == [0.0, 0.5, 1.0, 0.0]
    assert config.batch_of(640) * 2 == config.batch_of(240) == config.batch_size
    assert StringTraining(n_steps=10).n_strings == string_training.FEWEST_STRINGS
    assert config.n_strings > 10_000
