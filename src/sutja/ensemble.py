"""From the networks' answers to probabilities: what several say about the same clips, combined and tempered.

The temperature and the bias were fitted by :mod:`sutja.calibration`, which prediction does not need.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sutja.metrics import Probabilities

SMALLEST = 1e-12  # a probability counts as at least this where its logarithm is taken


def combine(members: Mapping[str, Probabilities]) -> Probabilities:
    """Return the mean of the members' probabilities, ``(n, n_classes)``: the study's sum, with rows that sum to 1.

    >>> combine({"mel": np.array([[0.8, 0.2]]), "mfcc": np.array([[0.4, 0.6]])}).round(6).tolist()
    [[0.6, 0.4]]
    """
    mean: Probabilities = np.mean(list(members.values()), axis=0)
    return mean


def tempered(probabilities: Probabilities, temperature: float, bias: float = 0.0) -> Probabilities:
    """Divide the logits by a temperature (above 1 less sure, below 1 surer) and add ``bias`` to the last class's.

    Rows still sum to 1. Source: Guo et al., On calibration of modern neural networks, arXiv 1706.04599.

    >>> tempered(np.array([[0.8, 0.2]]), 1.0).round(6).tolist()
    [[0.8, 0.2]]
    """
    if temperature == 1.0 and bias == 0.0:
        return probabilities
    logits = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    logits[:, -1] += bias
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: Probabilities = (shares / shares.sum(axis=1, keepdims=True)).astype(probabilities.dtype)
    return scaled
