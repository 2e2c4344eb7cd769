"""From answers to probabilities: the study's sum, and the temperature."""

from __future__ import annotations

import numpy as np
import pytest

from sutja.ensemble import combine, tempered


def probabilities(seed: int, n: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(10), size=n).astype(np.float32)


def test_chooses_as_the_sum_does_and_rows_sum_to_1():
    mel, mfcc = probabilities(0), probabilities(1)
    found = combine({"mel": mel, "mfcc": mfcc})
    assert np.array_equal(found.argmax(axis=1), (mel + mfcc).argmax(axis=1))
    assert found.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    assert found.dtype == np.float32


def test_one_member_is_itself_and_equals_agree():
    mel = probabilities(0)
    assert np.array_equal(combine({"mel": mel}), mel)
    assert np.array_equal(combine({"a": mel, "b": mel}), mel)


def test_order_does_not_matter():
    mel, mfcc = probabilities(0), probabilities(1)
    assert np.array_equal(combine({"a": mel, "b": mfcc}), combine({"b": mfcc, "a": mel}))


def test_equal_votes_of_unequal_committees():
    # The mean over ten networks is the mean of the two means of five: what the bundle computes is what the study does.
    networks = {f"{m}_{i}": probabilities(10 * m + i) for m in range(2) for i in range(5)}
    by_member = {
        f"{m}": combine({name: p for name, p in networks.items() if name.startswith(f"{m}_")}) for m in range(2)
    }
    assert combine(by_member) == pytest.approx(combine(networks), abs=1e-6)


def test_a_temperature_keeps_the_order_and_the_sum():
    sure = probabilities(0)
    for temperature in (0.3, 1.0, 3.0):
        warm = tempered(sure, temperature)
        assert warm.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
        assert np.array_equal(warm.argmax(axis=1), sure.argmax(axis=1))
    assert tempered(sure, 3.0).max() < sure.max() < tempered(sure, 0.3).max()


def test_a_bias_moves_the_last_class_alone():
    sure = probabilities(1)
    less = tempered(sure, 1.0, -2.0)
    assert (less[:, -1] < sure[:, -1]).all()
    assert less[:, :-1] / less[:, :1] == pytest.approx(sure[:, :-1] / sure[:, :1], rel=1e-3)
    assert less.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_what_was_certain_can_still_be_tempered():
    certain = np.array([[1.0, 0.0]], dtype=np.float32)
    assert np.isfinite(tempered(certain, 2.0, 1.0)).all()
    assert tempered(certain, 1.0) is certain  # a model without calibration: to the last bit
