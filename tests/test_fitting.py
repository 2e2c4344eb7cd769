"""A head fitted to embeddings: what is held out is held out, and what parts classes is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sutja.fitting import STRENGTHS, _held_out, _problem, fit_head

pytestmark = pytest.mark.numeric


def sounds(n_each, n_classes, spread=1.0, seed=0, n_embedding=12):
    """Classes around points of their own."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, 2, (n_classes, n_embedding))
    targets = np.repeat(np.arange(n_classes), n_each)
    return (means[targets] + rng.normal(0, spread, (len(targets), n_embedding))).astype(np.float32), targets


@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_what_is_said_of_a_row_is_what_a_head_without_it_says(n_each, n_classes, seed):
    embeddings, targets = sounds(n_each, n_classes, seed=seed)
    problem = _problem(embeddings, targets, n_classes)
    alone = _held_out(problem, 0.05, None)
    by_solving = _held_out(problem, 0.05, list(range(len(targets))))  # each row a group of its own
    assert np.allclose(alone, by_solving, atol=1e-6)


def test_a_group_gives_nothing_away_of_itself():
    """Wrong labels of one speaker change what is said of the others, and not what is said of that speaker."""
    embeddings, targets = sounds(6, 3)
    speakers = np.tile(np.arange(6), 3)
    mine = speakers == 2
    changed = targets.copy()
    changed[mine] = (targets[mine] + 1) % 3
    before = _held_out(_problem(embeddings, targets, 3), 0.05, speakers.tolist())
    after = _held_out(_problem(embeddings, changed, 3), 0.05, speakers.tolist())
    assert np.allclose(before[mine], after[mine])
    assert not np.allclose(before[~mine], after[~mine])


def test_classes_that_lie_apart_are_told_apart_and_the_head_says_so():
    embeddings, targets = sounds(8, 5, spread=0.5)
    found = fit_head(embeddings, targets, 5)
    assert (found.held_out.argmax(axis=1) == targets).mean() == 1
    assert found.held_out.shape == (40, 5)
    assert np.allclose(found.held_out.sum(axis=1), 1, atol=1e-5)
    assert found.strength in STRENGTHS
    new, of_new = sounds(20, 5, spread=0.5)
    assert (found.head.probabilities(new).argmax(axis=1) == of_new).mean() == 1


def test_held_out_probabilities_mean_what_they_say():
    """Where classes overlap, the held-out probability of the answer is about how often it is right."""
    embeddings, targets = sounds(150, 3, spread=3.0, seed=3, n_embedding=4)
    found = fit_head(embeddings, targets, 3)
    right = (found.held_out.argmax(axis=1) == targets).mean()
    assert 0.5 < right < 0.95
    assert found.held_out.max(axis=1).mean() == pytest.approx(right, abs=0.08)


@pytest.mark.parametrize("groups", [None, (np.arange(40) // 4).tolist()])
def test_noise_is_known_to_be_noise(groups):
    """Labels that mean nothing, fewer rows than numbers: what gave anything away would be right every time."""
    rng = np.random.default_rng(1)
    embeddings, targets = rng.normal(size=(40, 60)).astype(np.float32), np.arange(40) % 2
    found = fit_head(embeddings, targets, 2, groups)
    assert (found.held_out.argmax(axis=1) == targets).mean() < 0.75
    assert found.held_out.max(axis=1).mean() < 0.75


def test_a_class_with_many_sounds_does_not_swallow_one_with_few():
    embeddings, targets = sounds(300, 2, spread=2.0, n_embedding=3, seed=5)
    few = np.r_[np.arange(300), 300 + np.arange(10)]
    found = fit_head(embeddings[few], targets[few], 2)
    said = found.head.probabilities(embeddings).argmax(axis=1)
    assert (said[targets == 1] == 1).mean() == pytest.approx((said[targets == 0] == 0).mean(), abs=0.15)


def test_an_embedding_that_never_changes_is_no_trouble():
    embeddings, targets = sounds(4, 2)
    embeddings[:, 3] = 7.0
    found = fit_head(embeddings, targets, 2)
    assert np.isfinite(found.head.weights).all()


@pytest.mark.parametrize("n_classes", [3, 1])
def test_every_class_needs_a_sound(n_classes):
    embeddings, targets = sounds(3, 2)
    with pytest.raises(ValueError, match=r"classes have \[3, 3"):
        fit_head(embeddings, targets, n_classes)
