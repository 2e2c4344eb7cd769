"""The words of a string as the frame network knows them: states from left to right, silence, other sounds.

A unit is one spoken form: "zero" and "oh" are two units of the label 0. Its states follow each other and each lasts a
frame or more, so that the same word twice is the word's last state and then its first again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OUTPUT_SECONDS = 0.02
"""From one output of the frame network to the next."""
STATE_SECONDS = 0.08
FEWEST_STATES, MOST_STATES = 3, 8
N_OTHER = 3
"""Other speech lasts three outputs or more; they share a state."""


@dataclass(frozen=True)
class Unit:
    """A spoken form of a word."""

    name: str
    """What is said: `oh`."""
    label: str
    """What is meant: `0`; empty for a word that says how often the next one comes."""
    n_states: int
    n_times: int = 1
    """How often the next word is meant: 2 for "double"."""


@dataclass(frozen=True)
class Units:
    """All that can be said. Outputs of the network: the units' states one after the other, silence, other sounds."""

    units: tuple[Unit, ...]

    @property
    def firsts(self) -> list[int]:
        """Return each unit's first output."""
        return [sum(unit.n_states for unit in self.units[:number]) for number in range(len(self.units))]

    @property
    def silence(self) -> int:
        """Return the output for silence and noise."""
        return sum(unit.n_states for unit in self.units)

    @property
    def other(self) -> int:
        """Return the output for speech that is none of the units."""
        return self.silence + 1

    @property
    def n_outputs(self) -> int:
        """Return how many numbers the network gives for a frame."""
        return self.silence + 2

    def outputs_of(self, number: int) -> list[int]:
        """Return the outputs of a unit from left to right; -1 is other speech."""
        if number < 0:
            return [self.other] * N_OTHER
        first = self.firsts[number]
        return list(range(first, first + self.units[number].n_states))


def n_states(seconds: NDArray[np.float64]) -> int:
    """Return how many states a word has that lasts so long when it is said alone.

    >>> n_states(np.array([0.4, 0.5, 0.45]))
    6
    """
    return int(np.clip(round(float(np.median(seconds)) / STATE_SECONDS), FEWEST_STATES, MOST_STATES))
