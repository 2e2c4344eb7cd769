"""Laws of temperature, calibration error, threshold, and of fitting on one part and scoring on another."""

from dataclasses import replace

import numpy as np
import pytest

from sutja.calibration import (
    calibrate,
    calibration_error,
    det_curve,
    fit,
    refusal_threshold,
    reliability,
)
from sutja.config import RefusalConfig
from sutja.ensemble import tempered
from sutja.errors import ConfigError, DatasetError


def softmax(logits):
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def drawn(n, n_classes, rng, sharpness=1.0):
    """Draw targets from softmax(logits): at sharpness 1 the probabilities are true by construction."""
    logits = 2 * rng.standard_normal((n, n_classes))
    truth = softmax(logits)
    targets = np.array([rng.choice(n_classes, p=row / row.sum()) for row in truth.astype(np.float64)])
    return softmax(logits * sharpness), targets


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0])
def test_the_temperature_found_undoes_the_sharpening(sharpness):
    probabilities, targets = drawn(4000, 6, np.random.default_rng(1), sharpness)
    temperature, bias = fit(probabilities, targets, np.ones(len(targets)))
    assert temperature == pytest.approx(sharpness, rel=0.1)
    assert bias == pytest.approx(0, abs=0.2)


def test_the_bias_found_undoes_a_prior_that_is_not_the_microphones():
    probabilities, targets = drawn(6000, 4, np.random.default_rng(11))
    skewed = tempered(probabilities, 1.0, 1.5)
    temperature, bias = fit(skewed, targets, np.ones(len(targets)))
    assert temperature == pytest.approx(1, rel=0.1)
    assert bias == pytest.approx(-1.5, abs=0.2)
    # Weights are a prior: the last class made ten times as rare lowers its logit by log(10).
    weights = np.where(targets == 3, 0.1, 1.0)
    assert fit(probabilities, targets, weights)[1] == pytest.approx(-np.log(10), abs=0.3)


def test_fitting_what_is_always_right_ends_at_the_coldest():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    assert fit(probabilities, np.array([0, 1]), np.ones(2))[0] == pytest.approx(0.25)


def test_the_right_temperature_has_the_smaller_calibration_error():
    probabilities, targets = drawn(4000, 6, np.random.default_rng(2), 2.0)

    def error(found):
        return calibration_error(found.max(axis=1), found.argmax(axis=1) == targets)

    assert error(tempered(probabilities, 2.0)) < 0.03
    assert error(probabilities) > 0.1


def test_calibration_error_of_certainty_that_is_right_is_zero():
    assert calibration_error(np.ones(20), np.ones(20, dtype=bool)) == 0
    assert calibration_error(np.ones(20), np.zeros(20, dtype=bool)) == 1


def test_reliability_bins_hold_every_clip_once():
    confidence = np.random.default_rng(3).random(1000)
    bins = reliability(confidence, confidence > 0.5)
    assert sum(b.n_clips for b in bins) == 1000
    assert all(b.accuracy in (0.0, 1.0) or 0.4 < b.confidence < 0.6 for b in bins)


def test_the_threshold_lets_the_wanted_share_pass():
    scores = np.random.default_rng(4).random(2000)
    threshold = refusal_threshold(scores, 0.03)
    assert np.mean(scores >= threshold) == pytest.approx(0.03, abs=0.002)


def test_det_curve_falls_one_way_and_rises_the_other():
    rng = np.random.default_rng(5)
    thresholds, false_accepts, false_rejects = det_curve(rng.normal(1, 1, 300), rng.normal(-1, 1, 200))
    assert np.all(np.diff(thresholds) >= 0)
    assert np.all(np.diff(false_accepts) <= 0)
    assert np.all(np.diff(false_rejects) >= 0)
    middle = np.argmin(np.abs(false_accepts - false_rejects))
    assert false_accepts[middle] == pytest.approx(0.16, abs=0.05)  # 1 - Phi(1)


def test_calibrate_scores_folds_with_what_the_others_fitted():
    rng = np.random.default_rng(6)
    n_clips, n_refused, refuse = 1500, 900, 4
    logits = rng.standard_normal((n_clips + n_refused, refuse + 1))
    targets = rng.integers(refuse, size=n_clips)
    logits[np.arange(n_clips), targets] += 4
    logits[n_clips:, refuse] += 4
    folds = np.arange(n_clips + n_refused) % 5 + 1
    truth = np.append(targets, np.full(n_refused, refuse))
    config = RefusalConfig(outside_share=n_refused / (n_clips + n_refused))
    counts = truth == refuse
    kinds = np.where(counts, "noise", "clip")
    honest, calibration = calibrate(softmax(logits * 3), truth, folds, kinds, config)
    assert honest.shape == logits.shape
    assert calibration.scores.false_accept_rate == pytest.approx(0.03, abs=0.015)
    assert calibration.scores.accepted["noise"].accuracy == calibration.scores.false_accept_rate
    assert calibration.scores.accepted["clip"].accuracy == pytest.approx(1 - calibration.scores.false_reject_rate)
    assert len(calibration.scores.det_curve["thresholds"]) == 200
    assert calibration.scores.false_reject_rate < 0.1
    assert calibration.scores.calibration_error < 0.05
    _, plain = calibrate(softmax(logits), truth, folds, kinds, config)
    assert calibration.temperature == pytest.approx(3 * plain.temperature, rel=0.05)
    # A fold's rows do not depend on that fold's own targets.
    wrong = truth.copy()
    first = (folds == 1) & ~counts
    wrong[first] = (wrong[first] + 1) % refuse
    again, _ = calibrate(softmax(logits * 3), wrong, folds, kinds, config)
    assert np.array_equal(again[folds == 1], honest[folds == 1])
    assert not np.array_equal(again[folds == 2], honest[folds == 2])
    # Where the target would refuse too many words, it is given up.
    strict = replace(config, false_accept_rate=1e-6, max_false_reject_rate=0.02)
    _, kind = calibrate(softmax(logits * 3), truth, folds, kinds, strict)
    assert kind.scores.false_reject_rate == pytest.approx(0.02, abs=0.01)
    # What does not count sets no threshold.
    kinds[n_clips::2] = "spliced"
    _, of_some = calibrate(softmax(logits * 3), truth, folds, kinds, config)
    assert of_some.threshold != calibration.threshold


@pytest.mark.parametrize(("hard", "n_recorded", "alike"), [
    ("synthetic word", 400, True), ("synthetic word", 150, False), ("spliced", 400, True), ("spliced", 150, True),
    ("noise", 400, False),
])  # fmt: skip
def test_what_a_microphone_does_not_bring_moves_nothing(hard, n_recorded, alike):
    """Synthetic words stand in for recordings of other words while those are few; spliced sounds never count."""
    rng = np.random.default_rng(7)
    n_clips, n_hard, refuse = 900, 300, 3
    truth = np.concatenate([rng.integers(refuse, size=n_clips), np.full(n_recorded + n_hard, refuse)])
    logits = rng.standard_normal((len(truth), refuse + 1))
    logits[np.arange(len(truth)), truth] += 4
    kinds = np.array(["clip"] * n_clips + ["other word"] * n_recorded + [hard] * n_hard)
    folds = np.arange(len(truth)) % 3 + 1
    harder = logits.copy()
    harder[kinds == hard, 0] += 6  # these are taken for the first word
    found = [calibrate(softmax(those), truth, folds, kinds, RefusalConfig())[1] for those in (logits, harder)]
    easy_fit, hard_fit = ((one.temperature, one.bias, one.threshold) for one in found)
    assert (easy_fit == pytest.approx(hard_fit)) == alike
    assert found[1].scores.accepted[hard].accuracy > (0.9 if alike else 0.4)


def test_the_least_share_is_refused_where_others_are_too_easy():
    rng = np.random.default_rng(9)
    truth = np.append(np.arange(400) % 2, np.full(100, 2))
    logits = rng.standard_normal((500, 3))
    logits[np.arange(500), truth] += 5
    kinds = np.array(["clip"] * 400 + ["synthetic word"] * 100)
    probabilities, folds = softmax(logits), np.arange(500) % 2
    loose = calibrate(probabilities, truth, folds, kinds, RefusalConfig())[1]
    strict = calibrate(probabilities, truth, folds, kinds, RefusalConfig(least_false_reject_rate=0.05))[1]
    assert loose.scores.false_reject_rate < 0.01
    assert strict.scores.false_reject_rate == pytest.approx(0.05, abs=0.03)
    assert strict.threshold > loose.threshold
    with pytest.raises(ConfigError, match=r"least_false_reject_rate is 0\.2; expected 0 to max_false_reject_rate"):
        RefusalConfig(least_false_reject_rate=0.2)


def test_a_fold_that_holds_all_that_is_refused_is_told():
    probabilities, _ = drawn(8, 3, np.random.default_rng(4))
    truth, folds = np.array([0, 1, 0, 1, 0, 1, 2, 2]), np.array([0, 0, 1, 1, 0, 1, 1, 1])
    kinds = np.array(["clip"] * 6 + ["noise"] * 2)
    with pytest.raises(DatasetError, match="all sounds that are to be refused are judged in one fold"):
        calibrate(probabilities, truth, folds, kinds, RefusalConfig())


def test_all_that_counts_in_one_fold():
    rng = np.random.default_rng(8)
    truth = np.append(np.arange(60) % 2, np.full(20, 2))
    logits = rng.standard_normal((80, 3))
    logits[np.arange(80), truth] += 3
    kinds = np.array(["clip"] * 60 + ["spliced"] * 19 + ["noise"])
    _, calibration = calibrate(softmax(logits), truth, np.arange(80) % 2, kinds, RefusalConfig())
    assert 0 < calibration.threshold < 1
