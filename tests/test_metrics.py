"""Metrics: perfect is 1, intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from sutja.metrics import accuracy, by_group, confusion_matrix, speaker_interval, wilson_interval


def one_hot(targets, n_classes: int) -> np.ndarray:
    return np.eye(n_classes, dtype=np.float32)[np.asarray(targets)]


outcomes = st.integers(2, 6).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), min_size=1, max_size=60),
    )
)


@given(outcomes)
def test_equal_to_sklearn(outcome):
    n_classes, pairs = outcome
    targets, predicted = np.array(pairs).T
    found = one_hot(predicted, n_classes)
    assert accuracy(targets, found) == pytest.approx(sklearn_metrics.accuracy_score(targets, predicted))
    expected = sklearn_metrics.confusion_matrix(targets, predicted, labels=range(n_classes))
    assert np.array_equal(confusion_matrix(targets, found), expected)


def test_perfect_and_all_wrong():
    targets = np.array([0, 1, 2, 1])
    assert accuracy(targets, one_hot(targets, 3)) == 1.0
    assert accuracy(targets, one_hot((targets + 1) % 3, 3)) == 0.0
    assert np.array_equal(confusion_matrix(targets, one_hot(targets, 3)), np.diag([1, 2, 1]))


def test_rows_of_the_confusion_matrix_are_true_labels():
    assert confusion_matrix(np.array([0, 0]), one_hot([1, 1], 2)).tolist() == [[0, 2], [0, 0]]


# -- Wilson -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_right", "n", "low", "high"),
    [  # R: prop.test(n_right, n, correct = FALSE)$conf.int
        (0, 10, 0.0000, 0.2775),
        (10, 10, 0.7225, 1.0000),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilson_equals_the_published_values(n_right, n, low, high):
    assert wilson_interval(n_right / n, n) == pytest.approx((low, high), abs=5e-5)


@given(n=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson_holds_the_share_and_stays_within_0_and_1(n, share):
    p = round(share * n) / n
    low, high = wilson_interval(p, n)
    assert 0 <= low <= p <= high <= 1
    narrower = wilson_interval(p, 4 * n)
    assert narrower[1] - narrower[0] < high - low
    assert wilson_interval(1 - p, n) == pytest.approx((1 - high, 1 - low))


def test_wilson_covers_the_truth_95_times_in_100():
    rng = np.random.default_rng(0)
    intervals = [wilson_interval(n_right / 200, 200) for n_right in rng.binomial(200, 0.9, size=2000)]
    covered = np.mean([low <= 0.9 <= high for low, high in intervals])
    assert 0.93 < covered < 0.97


# -- bootstrap over speakers ------------------------------------------------------------------------------------------


def test_speakers_of_unlike_accuracy_widen_the_interval():
    speakers = np.repeat(list("abcdefgh"), 50)
    alike = np.tile([True] * 45 + [False] * 5, 8)
    unlike = np.repeat([True, True, True, True, True, True, False, True], 50)
    low, high = speaker_interval(alike, speakers)
    assert (low, high) == (0.9, 0.9)  # every speaker is like the others: another draw changes nothing
    low, high = speaker_interval(unlike, speakers)
    assert low < 0.7
    assert high == 1.0
    wilson = wilson_interval(0.875, 400)
    assert high - low > 2 * (wilson[1] - wilson[0])  # 400 clips, but only 8 voices


def test_speakers_with_more_clips_weigh_more():
    right = np.array([True] * 900 + [False] * 90)
    low, high = speaker_interval(right, ["much"] * 900 + [f"little {i // 10}" for i in range(90)])
    assert low == 0.0  # a third of the draws go without the one
    assert high > 0.9  # and with it, it is nearly all clips


def test_the_interval_is_repeatable_and_has_its_mean_inside():
    rng = np.random.default_rng(3)
    right = rng.random(300) < 0.8
    speakers = [f"s{i % 12}" for i in range(300)]
    first = speaker_interval(right, speakers)
    assert first == speaker_interval(right, speakers)
    assert first != speaker_interval(right, speakers, seed=1)
    assert first[0] < right.mean() < first[1]


@pytest.mark.parametrize("speakers", [["a"] * 4, [None] * 4])
def test_one_speaker_has_no_interval(speakers):
    assert speaker_interval(np.array([True, False, True, True]), speakers) is None


# -- groups -----------------------------------------------------------------------------------------------------------


def test_by_group():
    right = np.array([True, False, True, True])
    shares = by_group(right, ["b", "b", "a", None])
    assert list(shares) == ["a", "b"]
    assert (shares["b"].n_clips, shares["b"].accuracy) == (2, 0.5)
    assert shares["a"].interval95 == wilson_interval(1.0, 1)


def test_copies_of_a_clip_do_not_narrow_its_interval():
    right = np.repeat([True, False, True, True], 5)
    shares = by_group(right, ["a"] * 20, n_copies=5)
    assert shares["a"].n_clips == 4
    assert shares["a"].interval95 == wilson_interval(0.75, 4)
