"""Labels in doubt and clips that nothing recognises, on probabilities whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cleanlab")

from sutja.reports.doubts import RECOGNISED, doubtful_labels, entropy, unrecognised


def judged(n_clips: int, n_classes: int, seed: int, *, accuracy: float = 0.95):
    """True classes, and what networks of that accuracy say: sure where they are right, less so where not."""
    rng = np.random.default_rng(seed)
    true = np.arange(n_clips) % n_classes
    said = np.where(rng.random(n_clips) < accuracy, true, rng.integers(0, n_classes, n_clips))
    logits = rng.normal(0, 0.5, (n_clips, n_classes))
    logits[np.arange(n_clips), said] += np.where(said == true, rng.uniform(3, 8, n_clips), rng.uniform(1, 3, n_clips))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return true, probabilities.astype(np.float32)


@pytest.mark.parametrize("seed", [21, 22, 23])
def test_swapped_labels_are_found(seed):
    true, probabilities = judged(2000, 10, seed)
    rng = np.random.default_rng(seed + 100)
    swapped = rng.choice(2000, 60, replace=False)
    targets = true.copy()
    targets[swapped] = (targets[swapped] + rng.integers(1, 10, 60)) % 10
    listed = {doubt.index for doubt in doubtful_labels(targets, probabilities)}
    n_found = len(listed & set(swapped.tolist()))
    assert n_found / 60 >= 0.8
    assert n_found / len(listed) >= 0.6


def test_doubts_suggest_another_label_and_come_surest_first():
    true, probabilities = judged(500, 5, 3)
    targets = true.copy()
    targets[:20] = (targets[:20] + 1) % 5
    found = doubtful_labels(targets, probabilities)
    assert found
    for doubt in found:
        assert doubt.target == targets[doubt.index] != doubt.suggested
        assert doubt.target_probability == pytest.approx(probabilities[doubt.index, doubt.target])
        assert doubt.suggested_probability == probabilities[doubt.index].max()
    margins = [doubt.suggested_probability - doubt.target_probability for doubt in found]
    assert margins == sorted(margins, reverse=True)


def test_one_flat_contradiction_is_a_doubt_and_a_mild_one_is_not():
    targets = np.arange(100) % 4
    probabilities = np.full((100, 4), 0.02, dtype=np.float32)
    probabilities[np.arange(100), targets] = 0.94
    probabilities[5] = [0.05, 0.15, 0.78, 0.02]  # labelled 1, said 2
    probabilities[6] = [0.30, 0.40, 0.28, 0.02]  # labelled 2, unsure
    assert [(doubt.index, doubt.suggested) for doubt in doubtful_labels(targets, probabilities)] == [(5, 2)]


def test_networks_that_agree_with_every_label_doubt_none():
    targets = np.arange(100) % 4
    probabilities = np.full((100, 4), 0.02, dtype=np.float32)
    probabilities[np.arange(100), targets] = 0.94
    assert doubtful_labels(targets, probabilities) == []
    assert unrecognised(targets, probabilities, [probabilities]) == []


def test_unrecognised_is_what_no_member_knows():
    targets = np.zeros(3, dtype=int)
    one = np.array([[0.98, 0.01, 0.01], [0.34, 0.33, 0.33], [0.45, 0.45, 0.1]], dtype=np.float32)
    other = np.array([[0.01, 0.98, 0.01], [0.33, 0.34, 0.33], [0.45, 0.1, 0.45]], dtype=np.float32)
    found = unrecognised(targets, (one + other) / 2, [one, other])
    assert [doubt.index for doubt in found] == [1, 2]  # the first is quarrelled over, not unknown
    assert found[0].entropy > found[1].entropy


def test_a_member_that_is_just_sure_enough_recognises():
    row = np.array([[RECOGNISED, 0.3, 0.2]], dtype=np.float32)
    assert unrecognised(np.array([0]), row, [row]) == []


def test_entropy_from_certain_to_clueless():
    rows = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]], dtype=np.float32)
    assert entropy(rows) == pytest.approx([0, 0.5, 1])
