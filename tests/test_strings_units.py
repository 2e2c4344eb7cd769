from __future__ import annotations

import numpy as np
import pytest
from ideal_answers import OTHER, UNITS

from sutja.strings.units import FEWEST_STATES, MOST_STATES, N_OTHER, n_states


def test_outputs_lie_one_unit_after_the_other_then_silence_and_other_speech():
    rows = [UNITS.outputs_of(number) for number in range(len(UNITS.units))]
    assert [output for row in rows for output in row] == list(range(UNITS.silence))
    assert [row[0] for row in rows] == UNITS.firsts
    assert UNITS.outputs_of(OTHER) == [UNITS.other] * N_OTHER
    assert UNITS.n_outputs == UNITS.other + 1 == UNITS.silence + 2


@pytest.mark.parametrize(("seconds", "n"), [(0.01, FEWEST_STATES), (0.4, 5), (9.0, MOST_STATES)])
def test_longer_words_have_more_states(seconds, n):
    assert n_states(np.array([seconds])) == n
