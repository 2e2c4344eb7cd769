"""How sure a word is: its likelihood where it was heard, beside every other word and none.

Each unit is laid over the stretch from left to right, a little silence allowed around it, and the likelihoods of all
ways are summed. Of the labels and of none, the shares are the probabilities. A second opinion, that of the model of
single words, may be multiplied in: it hears each word by itself, forwards and backwards. Where other speech has been
going on, none is more probable beforehand.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.strings.model import Confidence
from sutja.strings.units import N_OTHER, Units

NEVER = np.float32(-1e30)
EDGE = 2
"""Outputs of the neighbourhood that are looked at as well, on both sides."""
DOUBT = 1e-6
"""No opinion is more certain than that."""

SecondOpinion = Callable[[Waveform], "NDArray[np.float64] | None"]
"""From a word's waveform to the probability of each of :attr:`Competition.labels`, and last of none; or None, of what
cannot be judged."""


class Competition:
    """Compares all words over a stretch of the network's answers.

    Parameters
    ----------
    units
        What can be said.
    confidence
        How likelihoods become probabilities.

    """

    def __init__(self, units: Units, confidence: Confidence) -> None:
        self._units, self._confidence = units, confidence
        self._meant = [number for number, unit in enumerate(units.units) if unit.n_times == 1]
        self._labels = tuple(dict.fromkeys(units.units[number].label for number in self._meant))
        self._owner = np.array([self._labels.index(units.units[number].label) for number in self._meant])
        rows = [units.outputs_of(number) for number in self._meant] + [[units.other] * N_OTHER]
        most = max(len(row) for row in rows) + 2
        self._outputs = np.full((len(rows) + 1, most), units.silence)
        self._there = np.zeros(self._outputs.shape, dtype=bool)
        for number, row in enumerate(rows):
            self._outputs[number, 1 : len(row) + 1] = row
            self._there[number, : len(row) + 2] = True
        self._there[-1, :2] = True  # silence alone
        self._last = np.array([*(len(row) for row in rows), 0])  # the place before the silence behind it

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that :meth:`probabilities` tells of, in order."""
        return self._labels

    def probabilities(
        self, answers: NDArray[np.float32], opinion: NDArray[np.float64] | None = None, talk: float = 0.0
    ) -> NDArray[np.float64]:
        """Return the probability of each label over a stretch ``(n, n_outputs)``; the rest is that of no word.

        ``talk`` is the share of other speech lately (:class:`~sutja.strings.talk.Talk`).
        """
        return self.shares(self.likelihoods(answers), self._confidence, opinion, talk)

    def shares(
        self,
        likelihoods: NDArray[np.float64],
        confidence: Confidence,
        opinion: NDArray[np.float64] | None = None,
        talk: float = 0.0,
    ) -> NDArray[np.float64]:
        """Return the probability of each label for :meth:`likelihoods`, and for an opinion ``(n_labels + 1,)``."""
        likelihoods = likelihoods * confidence.scale
        likelihoods[len(self._meant) :] += confidence.other
        shares = np.exp(likelihoods - likelihoods.max())
        summed = np.zeros(len(self._labels) + 1)  # last: no word
        np.add.at(summed, self._owner, shares[: len(self._meant)])
        summed[-1] = shares[len(self._meant) :].sum()
        if opinion is not None:
            summed *= np.maximum(opinion, DOUBT) ** confidence.opinion
        summed[-1] *= np.exp(confidence.talk * talk)
        return np.asarray(summed[:-1] / summed.sum())

    def likelihoods(self, answers: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log of the sum over all ways of each unit, of other speech and of silence, over a stretch."""
        heard = answers[:, self._outputs]  # (n, n_units, places)
        alpha = np.full(self._outputs.shape, NEVER)
        alpha[:, :2] = heard[0, :, :2]
        for now in heard[1:]:
            before = np.full_like(alpha, NEVER)
            before[:, 1:] = alpha[:, :-1]
            alpha = np.where(self._there, np.logaddexp(alpha, before) + now, NEVER)
        rows = np.arange(len(alpha))
        ends = np.logaddexp(alpha[rows, self._last], alpha[rows, self._last + 1])
        return np.where(ends < NEVER / 2, -1e9, ends).astype(np.float64)
