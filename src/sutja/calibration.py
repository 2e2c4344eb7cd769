"""Fitting what makes probabilities mean what they say: temperature, bias, threshold of refusal; calibration error.

Fitted on out-of-fold probabilities only, never on what is reported. Probabilities of a model that refuses have one
class more than there are labels, the last: "not in the vocabulary".
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sutja.config import RefusalConfig
from sutja.ensemble import SMALLEST, tempered
from sutja.errors import DatasetError
from sutja.metrics import Integers, Probabilities, Share, by_group

HOTTEST = 4.0
N_STEPS, N_HALVINGS, RIDGE = 50, 30, 1e-9
N_BINS = 15
# Of the sounds to be refused, those that a microphone brings; spliced words teach, but nobody says them. Synthetic
# words stand in for recordings of other words where there are fewer than this.
COUNTED, STAND_IN = ("other word", "noise"), "synthetic word"
ENOUGH_RECORDED = 200
N_POINTS = 200  # of a curve that is kept


@dataclass(frozen=True)
class ReliabilityBin:
    """Clips whose confidence falls between two edges: how sure they were and how many were right."""

    n_clips: int
    confidence: float
    accuracy: float


def fit(probabilities: Probabilities, truth: Integers, weights: NDArray[np.floating]) -> tuple[float, float]:
    """Return the temperature, from 1/4 to 4, and the last class's bias at which the truth is most likely.

    The loss is convex in (1 / temperature, bias): Newton's steps, halved where they overshoot.

    Parameters
    ----------
    probabilities
        ``(n, n_classes)``.
    truth
        The class of each row, ``(n,)``.
    weights
        How much each row counts, ``(n,)``.

    """
    logits = np.log(np.maximum(probabilities, SMALLEST)).astype(np.float64)
    weights, rows = weights / weights.sum(), np.arange(len(truth))
    of_last = truth == logits.shape[1] - 1

    def shares_at(point: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        scaled = logits * point[0]
        scaled[:, -1] += point[1]
        scaled -= scaled.max(axis=1, keepdims=True)
        total = np.exp(scaled).sum(axis=1)
        return np.exp(scaled) / total[:, None], float(weights @ (np.log(total) - scaled[rows, truth]))

    point = np.array([1.0, 0.0])
    shares, loss = shares_at(point)
    for _ in range(N_STEPS):
        mean, last = (shares * logits).sum(axis=1), shares[:, -1]
        slope = np.array([weights @ (mean - logits[rows, truth]), weights @ (last - of_last)])
        mixed = weights @ (last * (logits[:, -1] - mean))
        curve = [[weights @ ((shares * logits**2).sum(axis=1) - mean**2), mixed], [mixed, weights @ (last - last**2)]]
        step = np.linalg.solve(np.array(curve) + RIDGE * np.eye(2), slope)
        for _ in range(N_HALVINGS):
            tried = np.array([np.clip(point[0] - step[0], 1 / HOTTEST, HOTTEST), point[1] - step[1]])
            shares, tried_loss = shares_at(tried)
            if tried_loss <= loss:
                break
            step /= 2
        moved, point, loss = np.abs(tried - point).max(), tried, tried_loss
        if moved < 1e-6:
            break
    return float(1 / point[0]), float(point[1])


def reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> list[ReliabilityBin]:
    """Sort clips into 15 bins of equal width by confidence; empty bins are left out."""
    index = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    return [
        ReliabilityBin(int(chosen.sum()), float(confidence[chosen].mean()), float(right[chosen].mean()))
        for chosen in (index == b for b in range(N_BINS))
        if chosen.any()
    ]


def calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: the mean gap between confidence and accuracy over 15 bins.

    >>> round(calibration_error(np.array([0.9, 0.9]), np.array([True, False])), 3)
    0.4
    """
    bins = reliability(confidence, right)
    return sum(b.n_clips * abs(b.confidence - b.accuracy) for b in bins) / max(1, len(right))


def refusal_threshold(scores: NDArray[np.floating], false_accept_rate: float) -> float:
    """Return the score above which a share ``false_accept_rate`` of clips that are not in the vocabulary still falls.

    ``scores`` are those of clips out of the vocabulary, ``(n,)``, larger where the model takes them for a word.
    """
    return float(np.quantile(scores, 1 - false_accept_rate, method="higher"))


def det_curve(accepted: NDArray[np.floating], refused: NDArray[np.floating]) -> tuple[NDArray[np.float64], ...]:
    """Return false accepts and false rejects at every threshold (detection error trade-off).

    Parameters
    ----------
    accepted
        Scores of clips in the vocabulary, ``(n,)``.
    refused
        Scores of clips out of it, ``(m,)``.

    Returns
    -------
    thresholds, false_accepts, false_rejects
        Each ``(n + m,)``, by rising threshold.

    """
    thresholds = np.sort(np.concatenate([accepted, refused])).astype(np.float64)
    false_rejects = np.searchsorted(np.sort(accepted), thresholds, side="left") / len(accepted)
    false_accepts = 1 - np.searchsorted(np.sort(refused), thresholds, side="left") / len(refused)
    return thresholds, false_accepts, false_rejects


@dataclass(frozen=True)
class Refusal:
    """How well a model refuses: on each fold, with what the other folds fitted."""

    false_accept_rate: float
    """Of the sounds that set the threshold."""
    false_reject_rate: float
    calibration_error: float
    accepted: dict[str, Share] = field(default_factory=dict)
    """By kind of sound: the share that was taken for a word (which is right for `clip` alone)."""
    det_curve: dict[str, list[float]] = field(default_factory=dict)
    """`thresholds`, `false_accepts`, `false_rejects`: at most 200 points."""


@dataclass(frozen=True)
class Calibration:
    """What makes probabilities honest: fitted on all out-of-fold clips, scored without those that it was fitted on."""

    temperature: float = 1.0
    bias: float = 0.0
    """Added to the logit of "not in the vocabulary"."""
    threshold: float | None = None
    scores: Refusal | None = None


def calibrate(
    probabilities: Probabilities,
    truth: Integers,
    folds: Integers,
    kinds: NDArray[np.str_],
    config: RefusalConfig,
) -> tuple[Probabilities, Calibration]:
    """Fit temperature, bias and threshold, and say how they do on folds that they were not fitted on.

    Training shows far more sounds to be refused than a microphone brings: temperature and bias are fitted with rows
    weighted so that ``config.outside_share`` of them are outside the vocabulary. Of those, what counts is what a
    microphone brings, for the fit as for the threshold.

    Parameters
    ----------
    probabilities
        Out of fold, ``(n, n_labels + 1)``.
    truth
        The class of each row, ``(n,)``; the last is "not in the vocabulary".
    folds
        Of each row, ``(n,)``.
    kinds
        What each row is, ``(n,)``: of the last class those count whose kind is one of :data:`COUNTED`, with the
        synthetic words where fewer than 200 recordings of other words are there; all of them where there is none.
    config
        The share outside the vocabulary, and the rates that set the threshold.

    Returns
    -------
    probabilities
        Each row with the temperature and bias that the other folds fitted.
    Calibration
        Fitted on all folds.

    Raises
    ------
    DatasetError
        When one fold holds all that is to be refused.

    """
    refuse = probabilities.shape[1] - 1
    counts = _counted(truth == refuse, kinds)
    honest, accepted = probabilities.copy(), np.zeros(len(truth), dtype=bool)
    for fold in np.unique(folds):
        others = folds != fold
        if not (truth[others] == refuse).any():
            raise DatasetError(
                "all sounds that are to be refused are judged in one fold, and nothing is left to learn a threshold "
                "from; expected some in each; record more clips, or give --negatives"
            )
        fitted = _fitted(probabilities[others], truth[others], config, counts[others])
        honest[~others] = tempered(probabilities[~others], *fitted[:2])
        accepted[~others] = honest[~others, :refuse].max(axis=1) >= fitted[2]
    scores = _refusal(honest, truth, accepted, kinds, counts)
    return honest, Calibration(*_fitted(probabilities, truth, config, counts), scores)


def _counted(outside: NDArray[np.bool_], kinds: NDArray[np.str_]) -> NDArray[np.bool_]:
    enough = np.sum(outside & (kinds == "other word")) >= ENOUGH_RECORDED
    counts = outside & np.isin(kinds, COUNTED if enough else (*COUNTED, STAND_IN))
    return counts if counts.any() else outside


def _refusal(
    honest: Probabilities,
    truth: Integers,
    accepted: NDArray[np.bool_],
    kinds: NDArray[np.str_],
    counts: NDArray[np.bool_],
) -> Refusal:
    refuse = honest.shape[1] - 1
    words, confidence = truth < refuse, honest[:, :refuse].max(axis=1)
    right = honest[words, :refuse].argmax(axis=1) == truth[words]
    return Refusal(
        false_accept_rate=float(accepted[counts].mean()),
        false_reject_rate=float(1 - accepted[words].mean()),
        calibration_error=calibration_error(confidence[words], right),
        accepted=by_group(accepted, kinds.tolist()),
        det_curve=curve_of(confidence[words], confidence[counts]),
    )


def curve_of(accepted: NDArray[np.floating], refused: NDArray[np.floating]) -> dict[str, list[float]]:
    """Return :func:`det_curve` by name, thinned to at most 200 points: to be kept and drawn."""
    curve = det_curve(accepted, refused)
    some = np.unique(np.linspace(0, len(curve[0]) - 1, N_POINTS).astype(int))
    names = ("thresholds", "false_accepts", "false_rejects")
    return {name: values[some].round(6).tolist() for name, values in zip(names, curve, strict=True)}


def _fitted(
    probabilities: Probabilities, truth: Integers, config: RefusalConfig, counts: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return temperature, bias and threshold."""
    refuse = probabilities.shape[1] - 1
    words = truth < refuse
    counts = counts if counts.any() else ~words  # all that count may be in the fold that is left out
    weights = (1 - config.outside_share) * words / max(1, words.sum()) + config.outside_share * counts / counts.sum()
    temperature, bias = fit(probabilities, truth, weights)
    confidence = tempered(probabilities, temperature, bias)[:, :refuse].max(axis=1)
    wanted = refusal_threshold(confidence[counts], config.false_accept_rate)
    bearable = float(np.quantile(confidence[words], config.max_false_reject_rate, method="lower"))
    least = config.least_false_reject_rate
    strict = float(np.quantile(confidence[words], least, method="lower")) if least else 0.0
    return temperature, bias, max(min(wanted, bearable), strict)
