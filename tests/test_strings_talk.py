import numpy as np
import pytest

from sutja.strings.talk import FADE_SECONDS, PRIOR_SECONDS, Talk
from sutja.strings.units import OUTPUT_SECONDS, Unit, Units

UNITS = Units((Unit("a", "a", 3),))
WORD, SILENCE, OTHER = 0, UNITS.silence, UNITS.other


def heard(*stretches):
    """Give answers that are sure of what is said, for so many seconds each."""
    outputs = [output for output, seconds in stretches for _ in range(round(seconds / OUTPUT_SECONDS))]
    answers = np.full((len(outputs), UNITS.n_outputs), -30.0, dtype=np.float32)
    answers[np.arange(len(outputs)), outputs] = 0.0
    return answers


NOTHING = heard()


def share(*stretches):
    talk = Talk(UNITS)
    talk.feed(heard(*stretches))
    return talk.share(NOTHING, 0)


def test_who_talks_is_known_after_some_seconds():
    assert share() == 0.0
    assert [share((SILENCE, 2.0)), share((WORD, 3.0))] == pytest.approx([0.0, 0.0], abs=1e-9)
    shares = [share((OTHER, seconds)) for seconds in (0.3, 1.0, 4.0, 60.0)]
    assert shares == sorted(shares)
    assert shares[0] < 0.3
    assert shares[-1] == pytest.approx(FADE_SECONDS / (FADE_SECONDS + PRIOR_SECONDS), abs=0.01)


def test_words_and_time_make_up_for_it():
    talked = share((OTHER, 4.0))
    assert share((OTHER, 4.0), (WORD, 4.0)) < 0.6 * talked
    assert share((OTHER, 4.0), (SILENCE, 10.0)) < 0.5 * talked


def test_chunks_do_not_matter():
    answers = heard((OTHER, 1.0), (WORD, 0.5), (SILENCE, 0.3), (OTHER, 0.2))
    whole, pieces = Talk(UNITS), Talk(UNITS)
    whole.feed(answers)
    for start in range(0, len(answers), 7):
        pieces.feed(answers[start : start + 7])
    assert pieces.share(NOTHING, 0) == whole.share(NOTHING, 0)


def test_the_word_itself_is_no_talk():
    """It may sound like none: that is asked elsewhere, and would count twice."""
    before, word, after = ((OTHER, 2.0), (OTHER, 0.4), (SILENCE, 0.2))
    talk = Talk(UNITS)
    talk.feed(heard(before, word, after))
    around = talk.share(heard(word), round(0.2 / OUTPUT_SECONDS))
    assert share(before, (WORD, 0.4), after) == pytest.approx(around)
    assert around < 0.9 * talk.share(NOTHING, 0)
