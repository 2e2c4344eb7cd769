"""Targets and probabilities to numbers: accuracy, its intervals, recall by group, confusion.

Pure functions over arrays; ``targets`` are integers ``(n,)``, ``probabilities`` are ``(n, n_classes)``.
Where a clip is there several times (the study's padded copies), each row counts for the accuracy and each *clip*
for the interval, since copies of one recording tell nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Probabilities = NDArray[np.float32]
Interval = tuple[float, float]

CONFIDENCE = 0.95
N_RESAMPLES = 10_000


@dataclass(frozen=True)
class Share:
    """A share of clips that were right, with its 95 % interval (None where nothing can be said)."""

    n_clips: int
    accuracy: float
    interval95: Interval | None = None


def accuracy(targets: Integers, probabilities: Probabilities) -> float:
    """Return the share of rows whose most probable class is the target.

    >>> accuracy(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    0.5
    """
    return float(np.mean(probabilities.argmax(axis=1) == targets))


def wilson_interval(p: float, n: int) -> Interval:
    """Return Wilson's 95 % interval of a share ``p`` seen over ``n`` independent clips.

    Source: E. B. Wilson, Probable inference, JASA 22 (1927).

    >>> [round(edge, 3) for edge in wilson_interval(0.9667, 300)]
    [0.94, 0.982]
    """
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # Rounding can put an end a hair inside p = 0 or 1.
    return min(p, max(0.0, float(centre - half))), max(p, min(1.0, float(centre + half)))


def speaker_interval(right: NDArray[np.bool_], speakers: Sequence[str | None], *, seed: int = 0) -> Interval | None:
    """Return the 95 % interval of the accuracy over *speakers*: what another draw of people would give.

    A bootstrap: whole speakers are drawn with replacement, the accuracy is taken over all their clips, and the
    interval is the middle 95 % of 10 000 such draws. With few speakers it is still too narrow, and with one it
    does not exist (None).

    Parameters
    ----------
    right
        Whether each clip was right, ``(n_clips,)``.
    speakers
        Who speaks in each clip.
    seed
        Of the draws.

    """
    names, group = np.unique(np.array([s or "" for s in speakers]), return_inverse=True)
    n_speakers = len(names)
    if n_speakers < 2:
        return None
    n_right, n_clips = np.bincount(group, weights=right), np.bincount(group)
    draws = np.random.default_rng(seed).integers(0, n_speakers, size=(N_RESAMPLES, n_speakers))
    accuracies = n_right[draws].sum(axis=1) / n_clips[draws].sum(axis=1)
    low, high = np.quantile(accuracies, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return float(low), float(high)


def confusion_matrix(targets: Integers, probabilities: Probabilities) -> Integers:
    """Count rows by true class (rows) and predicted class (columns), ``(n_classes, n_classes)``."""
    n_classes = probabilities.shape[1]
    cells = targets * n_classes + probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def by_group(right: NDArray[np.bool_], groups: Sequence[str | None], n_copies: int = 1) -> dict[str, Share]:
    """Return the share of right rows in each group (labels, speakers), with Wilson's interval over its clips."""
    names = np.array([g or "" for g in groups])
    shares = {}
    for name in sorted(set(names.tolist()) - {""}):
        chosen = right[names == name]
        n_clips = max(1, len(chosen) // n_copies)
        shares[name] = Share(n_clips, float(chosen.mean()), wilson_interval(float(chosen.mean()), n_clips))
    return shares
