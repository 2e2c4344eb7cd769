"""What is done to spectrograms when they are shown: as large as it says, repeatable, and true to the predictor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from conftest import tone

from sutja.config import PRESETS, TrainConfig
from sutja.features import network_inputs
from sutja.learn import specaugment, training
from sutja.learn.inputs import InputKind, Inputs
from sutja.learn.sounds import member_inputs

ROBUST = PRESETS["robust"]
EVERYTHING = TrainConfig(warps=True, babble_share=1.0, masks=True)


def words(n: int = 16, n_bins: int = 40, n_frames: int = 101) -> torch.Tensor:
    """Decibels of words of 40 frames, each with one loud band of its own, 60 dB above the silence around it."""
    decibels = torch.zeros(n, n_bins, n_frames)
    for number in range(n):
        decibels[number, :, 20 + number : 60 + number] = 20.0
        decibels[number, 2 * number, 20 + number : 60 + number] = 60.0
    return decibels


def test_without_any_of_it_the_network_is_shown_what_the_predictor_shows():
    wave = tone(700, 0.4, 16_000) + 0.1 * tone(2_500, 0.4, 16_000)
    shown = network_inputs(wave, 16_000, list(ROBUST.members.values()))[0]
    rows = torch.from_numpy(member_inputs(wave, ROBUST)["mel"])[None]
    assert torch.equal(specaugment.add_babble(rows, 0.0, np.random.default_rng(0)), rows)
    assert np.abs(specaugment.standardise(rows)[0].numpy() - shown).max() < 1e-5


def test_silence_is_shown_as_zeros_and_nothing_is_lost():
    assert not specaugment.standardise(torch.full((2, 4, 5), 7.0)).any()
    rng = np.random.default_rng(0)
    shown = specaugment.standardise(specaugment.add_babble(torch.zeros(8, 40, 101), 1.0, rng))
    assert torch.isfinite(specaugment.mask(shown, rng)).all()


def test_what_is_further_below_the_loudest_than_80_db_is_raised():
    decibels = torch.tensor([[[0.0, 20.0, 120.0]]])
    shown = specaugment.standardise(decibels)
    assert shown[0, 0, 0] < shown[0, 0, 2]
    raised = specaugment.standardise(torch.tensor([[[40.0, 40.0, 120.0]]]))
    assert torch.equal(shown, raised)


@pytest.mark.parametrize("step", ["warp", "add_babble", "mask"])
def test_the_generator_decides_everything(step):
    def once(seed: int) -> torch.Tensor:
        share = [1.0] if step == "add_babble" else []
        return getattr(specaugment, step)(words(), *share, np.random.default_rng(seed))

    assert torch.equal(once(1), once(1))
    assert not torch.equal(once(1), once(2))
    assert once(1).shape == words().shape
    assert once(1).dtype == torch.float32


def test_warps_stay_within_their_bounds(monkeypatch):
    monkeypatch.setattr(specaugment, "WARP_SHARE", 1.0)
    monkeypatch.setattr(specaugment, "RESPONSE_DB", 0.0)
    for number, one in enumerate(specaugment.warp(words(), np.random.default_rng(3))):
        band = int(one.amax(1).argmax())
        assert abs(band - 2 * number) <= 0.08 * 2 * number + 1
        frames = torch.nonzero(one[band] > one[band].max() / 2).flatten()
        assert abs(len(frames) - 40) <= 0.08 * 40 + 2
        assert abs(frames.float().mean() - (39.5 + number)) <= 5 + 0.08 * 50 + 1


def test_no_warp_is_no_change_and_a_microphone_changes_all_times_alike(monkeypatch):
    for name, value in (("WARP_SHARE", 1.0), ("STRETCH", 0.0), ("SHIFT", 0)):
        monkeypatch.setattr(specaugment, name, value)
    change = specaugment.warp(words(), np.random.default_rng(0)) - words()
    assert 3 < change.abs().max() <= 6.0
    assert torch.allclose(change, change[:, :, :1].expand_as(change), atol=1e-4)
    monkeypatch.setattr(specaugment, "RESPONSE_DB", 0.0)
    assert torch.allclose(specaugment.warp(words(), np.random.default_rng(0)), words(), atol=1e-4)


def test_half_of_the_inputs_are_warped():
    rows = words(16).repeat(20, 1, 1)
    warped = (specaugment.warp(rows, np.random.default_rng(0)) != rows).flatten(1).any(1)
    assert 120 < warped.sum() < 200


def test_babble_has_the_level_that_was_drawn(monkeypatch):
    monkeypatch.setattr(specaugment, "SNR_DB", (5.0, 5.0))
    monkeypatch.setattr(specaugment, "TRIMMED_SHARE", 0.0)
    before = words()
    mixed = specaugment.add_babble(before, 1.0, np.random.default_rng(0))
    speech = (10 ** (before / 10))[:, :, :].mean(1)
    level = torch.stack([power[power > power.max() / 1e4].mean() for power in speech])
    crowd = (10 ** (mixed / 10) - 10 ** (before / 10)).mean((1, 2))
    assert torch.allclose(10 * torch.log10(level / crowd), torch.tensor(5.0), atol=0.05)


def test_babble_comes_from_other_inputs_and_fill_the_window_or_the_word(monkeypatch):
    monkeypatch.setattr(specaugment, "SNR_DB", (0.0, 0.0))
    for cut_share, outside in ((0.0, True), (1.0, False)):
        monkeypatch.setattr(specaugment, "TRIMMED_SHARE", cut_share)
        mixed = specaugment.add_babble(words(), 1.0, np.random.default_rng(0)) - words()
        louder = (mixed > 1).any(1)
        assert louder[0, 25:55].all()
        assert louder[0, :15].all() == outside
        assert louder[0, 65:].all() == outside
    assert torch.equal(specaugment.add_babble(words(), 0.0, np.random.default_rng(0)), words())


def test_a_share_of_the_inputs_gets_babble():
    rows = words(16).repeat(20, 1, 1)
    mixed = specaugment.add_babble(rows, 0.3, np.random.default_rng(0))
    assert 60 < (mixed != rows).any(2).any(1).sum() < 132


def test_masks_hide_a_fifth_of_an_axis_at_most_behind_silence():
    shown = specaugment.standardise(words(16).repeat(20, 1, 1) + torch.rand(320, 40, 101))
    masked = specaugment.mask(shown, np.random.default_rng(0))
    hidden = masked != shown
    bands, frames = hidden.sum(2) >= 81, hidden.sum(1) >= 24
    assert 0 < bands.sum(1).max() <= 16
    assert 0 < frames.sum(1).max() <= 20
    silence = shown.amin((1, 2), keepdim=True).expand_as(shown)
    assert torch.equal(masked[hidden], silence[hidden])
    assert hidden.any(2).any(1).float().mean() > 0.9


def test_a_network_learns_from_spoiled_inputs_and_a_cut_leaves_no_trace(tmp_path):
    torch.set_num_threads(1)
    targets = np.arange(48) % 3
    decibels = np.concatenate([words(3).numpy()] * 16).astype(np.float16)
    rows = Inputs(decibels, targets, np.arange(48), InputKind(decibels=True))
    config = replace(EVERYTHING, epochs=3, batch_size=16, network="robust", keep="last", learning_rate=3e-3)

    def fit(n_epochs: int, checkpoint=None):
        return training.fit(rows, rows, 3, replace(config, epochs=n_epochs), seed=1, checkpoint=checkpoint)

    whole = fit(3)
    fit(2, tmp_path / "checkpoint.npz")
    resumed = fit(3, tmp_path / "checkpoint.npz")
    for name, values in whole.weights.items():
        assert np.array_equal(values, resumed.weights[name]), name
    learned = fit(40)
    assert learned.history[-1]["valid_accuracy"] == 1.0


def test_bfloat16_learns_as_well():
    # Short: processors that have no bfloat16 take many times as long. Of seeds 1 to 16 the worst loss is 0.084, and
    # 0.002 the largest difference.
    torch.set_num_threads(1)
    targets = np.arange(24) % 3
    rows = Inputs(np.concatenate([words(3).numpy()] * 8), targets, np.arange(24), InputKind(decibels=True))
    config = TrainConfig(epochs=8, batch_size=12, network="robust", keep="last")
    whole, half = (
        training.fit(rows, rows, 3, replace(config, precision=precision), seed=1)
        for precision in ("float32", "bfloat16")
    )
    assert half.history != whole.history
    assert half.history[-1]["train_loss"] < 0.2
    assert half.history[-1]["train_loss"] == pytest.approx(whole.history[-1]["train_loss"], abs=0.05)
    assert all(values.dtype != np.float16 for values in half.weights.values())
