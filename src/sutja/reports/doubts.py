"""What out-of-fold probabilities say about labels: which are probably wrong, and which clips nothing recognises.

Pure functions: ``targets`` are the integers of the labels that the data set gives, ``(n_clips,)``; ``probabilities``
are ``(n_clips, n_classes)`` from networks that never saw the clip. They find clips to listen to, not faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.errors import needs
from sutja.metrics import Integers, Probabilities

try:
    from cleanlab.filter import find_label_issues
except ModuleNotFoundError as error:
    raise needs("cleanlab", "explore") from error

RECOGNISED = 0.5
"""A clip is recognised when one kind of network gives one label at least this probability."""
FILTER = "prune_by_class"
"""How cleanlab chooses; compared with its other ways in docs/decisions/, on draws that are not those reported."""
CONTRADICTED = 0.6
"""Another label with so much more probability than a clip's own is a doubt whatever the counts say; chosen as above."""


@dataclass(frozen=True)
class Doubt:
    """One clip whose label, or whose sound, is worth a listen."""

    index: int
    """Of the clip."""
    target: int
    """The label it has."""
    suggested: int
    """The most probable of the other labels."""
    target_probability: float
    suggested_probability: float
    entropy: float
    """Of the probabilities, as a share of the largest possible: 0 is certain of one label, 1 knows nothing."""

    @property
    def margin(self) -> float:
        """How much more probable the suggested label is than the one it has."""
        return self.suggested_probability - self.target_probability


def doubtful_labels(targets: Integers, probabilities: Probabilities) -> list[Doubt]:
    """Return the clips whose label is probably wrong, the surest first: by confident learning, or flatly contradicted.

    Confident learning gives each label its own threshold, the mean probability that its clips get for it; how often
    clips pass the threshold of another label says how many of each label are wrong, and so many with the least
    probability are taken. It counts cautiously, so that clips with a margin of ``CONTRADICTED`` are taken as well.

    Source: C. Northcutt, L. Jiang, I. Chuang, Confident learning, JAIR 70 (2021).

    >>> targets = np.array([0] * 10 + [1] * 10)
    >>> probabilities = np.where(targets[:, None] == [0, 1], 0.9, 0.1)
    >>> probabilities[3] = [0.02, 0.98]
    >>> [(doubt.index, doubt.suggested) for doubt in doubtful_labels(targets, probabilities)]
    [(3, 1)]
    """
    counted = find_label_issues(targets, probabilities, filter_by=FILTER, n_jobs=1)
    every = [_doubt(index, targets, probabilities) for index in range(len(targets))]
    doubtful = [doubt for doubt in every if counted[doubt.index] or doubt.margin > CONTRADICTED]
    return sorted(doubtful, key=lambda doubt: -doubt.margin)


def unrecognised(targets: Integers, probabilities: Probabilities, members: Sequence[Probabilities]) -> list[Doubt]:
    """Return the clips that nothing recognises, the least certain first.

    Not one of the ``members``, each ``(n_clips, n_classes)``, gives any label ``RECOGNISED``. Their mean alone would
    not do: two members that are each sure of another label are no sign of a strange sound.

    >>> targets, sure, unsure = np.array([0, 1]), np.array([[0.9, 0.1, 0.0]]), np.array([[0.3, 0.4, 0.3]])
    >>> member = np.concatenate((sure, unsure))
    >>> [doubt.index for doubt in unrecognised(targets, member, [member])]
    [1]
    """
    surest = np.max([member.max(axis=1) for member in members], axis=0)
    doubtful = [_doubt(int(index), targets, probabilities) for index in np.flatnonzero(surest < RECOGNISED)]
    return sorted(doubtful, key=lambda doubt: -doubt.entropy)


def entropy(probabilities: Probabilities) -> NDArray[np.float64]:
    """Return the entropy of each row as a share of the largest possible, ``(n_clips,)`` in [0, 1]."""
    p = np.asarray(probabilities, dtype=np.float64)
    nats = -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1)
    return np.asarray(np.clip(nats / np.log(p.shape[1]), 0, 1))


def _doubt(index: int, targets: Integers, probabilities: Probabilities) -> Doubt:
    row, target = probabilities[index], int(targets[index])
    others = row.copy()
    others[target] = -1
    suggested = int(others.argmax())
    share = float(entropy(row[np.newaxis])[0])
    return Doubt(index, target, suggested, float(row[target]), float(row[suggested]), share)
