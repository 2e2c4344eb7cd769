"""Probabilities that mean what they say: temperature, calibration error, and the threshold below which a model refuses.

Fitted on out-of-fold probabilities only, never on what is reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.metrics import Integers, Probabilities

TEMPERATURES = np.geomspace(0.25, 4.0, 161)
N_BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """Clips whose confidence falls between two edges: how sure they were and how many were right."""

    n_clips: int
    confidence: float
    accuracy: float


def tempered(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Divide the logits by a temperature: above 1 less sure, below 1 surer; rows still sum to 1.

    Source: Guo et al., On calibration of modern neural networks, arXiv 1706.04599.

    >>> tempered(np.array([[0.8, 0.2]]), 1.0).round(6).tolist()
    [[0.8, 0.2]]
    """
    if temperature == 1.0:
        return probabilities
    logits = np.log(np.maximum(probabilities, 1e-12)) / temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: Probabilities = (shares / shares.sum(axis=1, keepdims=True)).astype(probabilities.dtype)
    return scaled


def fit_temperature(probabilities: Probabilities, targets: Integers) -> float:
    """Return the temperature between 1/4 and 4 at which the targets are most likely."""
    rows = np.arange(len(targets))
    losses = [-np.log(np.maximum(tempered(probabilities, t)[rows, targets], 1e-12)).mean() for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


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
class Calibration:
    """What makes probabilities honest: fitted on all out-of-fold clips, scored without those that it was fitted on."""

    temperature: float = 1.0
    threshold: float | None = None
    scores: dict[str, float] | None = None
    """`false_accept_rate`, `false_reject_rate`, `calibration_error`: of each fold, with what the other folds fitted."""


def calibrate(
    probabilities: Probabilities, targets: Integers, folds: Integers, false_accept_rate: float
) -> tuple[Probabilities, Calibration]:
    """Fit temperature and threshold, and say how they do on folds that they were not fitted on.

    Parameters
    ----------
    probabilities
        Out of fold, ``(n_clips + n_refused, n_labels + 1)``: first the clips, then the sounds to be refused.
    targets
        Of the clips, ``(n_clips,)``.
    folds
        Of each row, ``(n_clips + n_refused,)``.
    false_accept_rate
        Share of the sounds to be refused that may still be accepted.

    Returns
    -------
    probabilities
        Each row with the temperature that the other folds fitted.
    Calibration
        Fitted on all folds.

    """
    n_rows, refuse = probabilities.shape[0], probabilities.shape[1] - 1
    truth = np.append(targets, np.full(n_rows - len(targets), refuse))
    honest, accepted = probabilities.copy(), np.zeros(n_rows, dtype=bool)
    for fold in np.unique(folds):
        others = folds != fold
        temperature = fit_temperature(probabilities[others], truth[others])
        warm = tempered(probabilities, temperature)
        threshold = _threshold(warm[others], truth[others], false_accept_rate)
        honest[~others] = warm[~others]
        accepted[~others] = warm[~others, :refuse].max(axis=1) >= threshold
    temperature = fit_temperature(probabilities, truth)
    threshold = _threshold(tempered(probabilities, temperature), truth, false_accept_rate)
    words = truth < refuse
    confidence = honest[words, :refuse].max(axis=1)
    scores = {
        "false_accept_rate": float(accepted[~words].mean()),
        "false_reject_rate": float(1 - accepted[words].mean()),
        "calibration_error": calibration_error(confidence, honest[words, :refuse].argmax(axis=1) == truth[words]),
    }
    return honest, Calibration(temperature, threshold, scores)


def _threshold(probabilities: Probabilities, truth: Integers, false_accept_rate: float) -> float:
    refuse = probabilities.shape[1] - 1
    return refusal_threshold(probabilities[truth == refuse, :refuse].max(axis=1), false_accept_rate)
