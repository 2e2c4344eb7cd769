"""Combining what several networks say about the same clips."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sutja.metrics import Probabilities


def combine(members: Mapping[str, Probabilities]) -> Probabilities:
    """Return the mean of the members' probabilities, ``(n, n_classes)``: the study's sum, with rows that sum to 1.

    >>> combine({"mel": np.array([[0.8, 0.2]]), "mfcc": np.array([[0.4, 0.6]])}).round(6).tolist()
    [[0.6, 0.4]]
    """
    mean: Probabilities = np.mean(list(members.values()), axis=0)
    return mean
