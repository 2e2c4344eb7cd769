"""How much of what was said lately is none of the words: whoever talks does not mean the words that chance brings.

The frame network hears a second and a half; that somebody has been talking for longer it cannot know. Here it is kept
as two sums that fade: other speech, and all speech. Their ratio weighs with every word (:attr:`Confidence.talk`), and
what the word itself sounds like is not asked again.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray

from sutja.strings.units import OUTPUT_SECONDS, Units

FADE_SECONDS = 5.0
"""After that, what was said counts for a third."""
PRIOR_SECONDS = 1.0
"""So much of the words themselves is taken as said beforehand: a single other word is no talk."""


class Talk:
    """Follows one stream of the network's answers.

    Parameters
    ----------
    units
        What can be said.

    """

    def __init__(self, units: Units) -> None:
        self._silence, self._other = units.silence, units.other
        self._fade = exp(-OUTPUT_SECONDS / FADE_SECONDS)
        self._talked = self._spoken = 0.0

    def feed(self, answers: NDArray[np.float32]) -> None:
        """Take the next answers, log probabilities ``(n, n_outputs)``."""
        for silence, other in np.exp(answers[:, [self._silence, self._other]].astype(np.float64)):
            self._talked = self._talked * self._fade + float(other)
            self._spoken = self._spoken * self._fade + 1 - float(silence)

    def share(self, word: NDArray[np.float32], n_after: int) -> float:
        """Return the share of other speech in the speech of the last seconds, 0 to 1.

        What a word is itself does not count as talk: its answers ``(n, n_outputs)``, and how many came after them.
        """
        fades = self._fade ** np.arange(n_after + len(word) - 1, n_after - 1, -1)
        talked = self._talked - float(np.exp(word[:, self._other].astype(np.float64)) @ fades)
        return max(talked, 0.0) / (self._spoken + PRIOR_SECONDS / OUTPUT_SECONDS)
