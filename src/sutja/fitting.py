"""Fitting a head to embeddings: ridge regression in closed form, and what it says of sounds that it did not learn from.

Rows are sounds, ``(n, n_embedding)`` float32; a target is the class of a row. Every class weighs the same, however many
sounds say it. Regression to +1 for a sound's class and -1 for the others answers for each sound what a head fitted
without it would say, at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.heads import Embeddings, Head
from sutja.metrics import Integers, Probabilities

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Of the penalty, in shares of the mean variance: the one is taken that is surest of what was held out."""
SCALES = tuple(float(scale) for scale in np.geomspace(0.5, 16, 16))
"""Of the logits: regression scores lie between -1 and 1."""
LEAST_DEVIATION = 1e-4

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A head, and what heads that did not learn from them say of the rows."""

    head: Head
    held_out: Probabilities
    """``(n, n_classes)``: each row by a head that was fitted without it, or without its group."""
    strength: float
    scale: float


def fit_head(embeddings: Embeddings, targets: Integers, n_classes: int, groups: Sequence[object] | None = None) -> Fit:
    """Fit a head.

    Parameters
    ----------
    embeddings
        Of the sounds, ``(n, n_embedding)``.
    targets
        Their classes, ``(n,)``; each of ``n_classes`` at least once.
    n_classes
        There are.
    groups
        Whose sound each is, where whole groups are to be held out; single rows when None.

    Raises
    ------
    ValueError
        When a class has no sound.

    """
    counts = np.bincount(targets, minlength=n_classes)
    if len(counts) != n_classes or not counts.all():
        raise ValueError(f"classes have {counts.tolist()} sounds; expected at least one of each of {n_classes}")
    problem = _problem(embeddings, targets, n_classes)
    tried = [(_held_out(problem, strength, groups), strength) for strength in STRENGTHS]
    losses = {(s, scale): _loss(scores, targets, problem, scale) for scores, s in tried for scale in SCALES}
    strength, scale = min(losses, key=losses.__getitem__)
    scores = next(scores for scores, s in tried if s == strength)
    return Fit(_head(problem, strength, scale), _softmax(scale * scores), strength, scale)


@dataclass(frozen=True)
class _Problem:
    """Scaled, so that one penalty means the same for every embedding; with a constant, which has none."""

    rows: Matrix
    """``(n, 1 + n_embedding)``: ones, then mean 0 and deviation 1, as the classes weigh."""
    wanted: Matrix
    """``(n, n_classes)``: 1 and -1."""
    weights: Matrix
    """Of the rows, ``(n,)``; they sum to 1, the same for each class."""
    mean: Matrix
    deviation: Matrix


def _problem(embeddings: Embeddings, targets: Integers, n_classes: int) -> _Problem:
    values = embeddings.astype(np.float64)
    weights = 1.0 / (n_classes * np.bincount(targets, minlength=n_classes)[targets])
    mean = weights @ values
    deviation = np.sqrt(np.maximum(weights @ np.square(values - mean), LEAST_DEVIATION**2))
    # The constant is fitted with the rest: of values that were centred with a row in them, the others give it away.
    rows = np.concatenate([np.ones((len(values), 1)), (values - mean) / deviation], axis=1)
    return _Problem(rows, 2.0 * np.eye(n_classes)[targets] - 1.0, weights, mean, deviation)


def _gram(problem: _Problem, strength: float, without: NDArray[np.bool_] | None = None) -> tuple[Matrix, Matrix]:
    """Return the normal equations: ``(1 + n_embedding, 1 + n_embedding)`` and their right-hand side."""
    kept = slice(None) if without is None else ~without
    weighted = problem.rows[kept] * problem.weights[kept, None]
    penalty = strength * np.eye(problem.rows.shape[1])
    penalty[0, 0] = 0.0
    return weighted.T @ problem.rows[kept] + penalty, weighted.T @ problem.wanted[kept]


def _held_out(problem: _Problem, strength: float, groups: Sequence[object] | None) -> Matrix:
    """Score each row by a head fitted without it, or without its group, ``(n, n_classes)``."""
    gram, right = _gram(problem, strength)
    solved = np.linalg.solve(gram, problem.rows.T).astype(np.float64, copy=False)  # (1 + n_embedding, n)
    fitted: Matrix = solved.T @ right
    if groups is not None:
        return _groups_held_out(problem, strength, groups, solved, fitted)
    leverage = (problem.weights * np.einsum("ne,en->n", problem.rows, solved))[:, None]
    scores: Matrix = (fitted - leverage * problem.wanted) / (1 - leverage)
    return scores


def _groups_held_out(
    problem: _Problem, strength: float, groups: Sequence[object], solved: Matrix, fitted: Matrix
) -> Matrix:
    """Take each group out of the solution, or solve without it where it has more rows than there are unknowns."""
    number = {group: n for n, group in enumerate(dict.fromkeys(groups))}
    of_row = np.array([number[group] for group in groups])
    order = np.argsort(of_row, kind="stable")
    scores = np.empty_like(problem.wanted)
    for rows in np.split(order, np.cumsum(np.bincount(of_row))[:-1]):
        if len(rows) > problem.rows.shape[1]:
            without = np.isin(np.arange(len(of_row)), rows)
            scores[rows] = problem.rows[rows] @ np.linalg.solve(*_gram(problem, strength, without))
            continue
        # What the group said of itself, in each of its rows: (n_rows, n_rows).
        own = (problem.rows[rows] @ solved[:, rows]) * problem.weights[rows]
        error = np.linalg.solve(np.eye(len(rows)) - own, problem.wanted[rows] - fitted[rows])
        scores[rows] = problem.wanted[rows] - error
    return scores


def _head(problem: _Problem, strength: float, scale: float) -> Head:
    """Take centring and scaling into the weights: a head gets embeddings as they are."""
    constant, *slopes = np.linalg.solve(*_gram(problem, strength))
    weights = np.array(slopes) / problem.deviation[:, None]
    bias = constant - problem.mean @ weights
    return Head((scale * weights).astype(np.float32), (scale * bias).astype(np.float32))


def _softmax(logits: Matrix) -> Probabilities:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Probabilities = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def _loss(scores: Matrix, targets: Integers, problem: _Problem, scale: float) -> float:
    """Return the mean cross-entropy of held-out scores, each class weighing the same."""
    logits = scale * scores
    logits = logits - logits.max(axis=1, keepdims=True)
    of_target = logits[np.arange(len(targets)), targets] - np.log(np.exp(logits).sum(axis=1))
    return float(-problem.weights @ of_target)
