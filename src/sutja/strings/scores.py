"""What was said beside what was heard, word by word: the counts that error rates are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["right", "substituted", "deleted", "inserted"]


@dataclass(frozen=True)
class Step:
    """One step of an alignment."""

    kind: Kind
    said: int | None
    """Place of the word that was said, from 0; None of an insertion."""
    heard: int | None
    """Place of the word that was heard; None of a deletion."""


def alignment(said: Sequence[str], heard: Sequence[str | None]) -> list[Step]:
    """Align two rows of words with the fewest errors; of equally few, right and substituted words come last.

    Source: V. Levenshtein, Binary codes capable of correcting deletions, insertions and reversals (1966).

    >>> [step.kind for step in alignment("4711", "471")]
    ['right', 'right', 'deleted', 'right']
    """
    cost = np.zeros((len(said) + 1, len(heard) + 1), dtype=int)
    cost[:, 0], cost[0] = range(len(said) + 1), range(len(heard) + 1)
    for row, word in enumerate(said, 1):
        for column, other in enumerate(heard, 1):
            here = cost[row - 1, column - 1] + (word != other)
            cost[row, column] = min(here, cost[row - 1, column] + 1, cost[row, column - 1] + 1)
    row, column, steps = len(said), len(heard), []
    while row or column:
        differs = bool(row and column) and said[row - 1] != heard[column - 1]
        if row and column and cost[row, column] == cost[row - 1, column - 1] + differs:
            row, column = row - 1, column - 1
            steps.append(Step("substituted" if differs else "right", row, column))
        elif row and cost[row, column] == cost[row - 1, column] + 1:
            row -= 1
            steps.append(Step("deleted", row, None))
        else:
            column -= 1
            steps.append(Step("inserted", None, column))
    return steps[::-1]


@dataclass(frozen=True)
class Counts:
    """Errors over strings."""

    n_strings: int = 0
    n_wrong: int = 0
    """Strings with any error."""
    n_words: int = 0
    """That were said."""
    substituted: int = 0
    deleted: int = 0
    inserted: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def string_error_rate(self) -> float | None:
        """Share of strings with any error; None where there was none to get wrong."""
        return self.n_wrong / self.n_strings if self.n_strings else None

    @property
    def word_error_rate(self) -> float | None:
        """Substituted, deleted and inserted words by those that were said."""
        return (self.substituted + self.deleted + self.inserted) / self.n_words if self.n_words else None


def counted(said: Sequence[str], heard: Sequence[str | None]) -> Counts:
    """Count the errors of one string.

    >>> counted("4711", "471").word_error_rate
    0.25
    """
    kinds = [step.kind for step in alignment(said, heard)]
    errors = [kinds.count(kind) for kind in ("substituted", "deleted", "inserted")]
    return Counts(1, int(any(errors)), len(said), *errors)


def total(counts: Iterable[Counts]) -> Counts:
    """Add up."""
    return sum(counts, Counts())
