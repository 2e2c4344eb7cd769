from __future__ import annotations

import numpy as np
import pytest
from ideal_answers import OH, ONE, OTHER, PAUSE, TWO, UNITS, ZERO, answers_of

from sutja.strings.competition import Competition
from sutja.strings.model import Confidence

SURE = Competition(UNITS, Confidence(scale=1.0))


@pytest.mark.parametrize(("unit", "label"), [(ZERO, "0"), (OH, "0"), (ONE, "1"), (TWO, "2")])
def test_the_word_that_was_said_is_the_most_probable(unit, label):
    found = SURE.probabilities(answers_of([(PAUSE, 2), (unit, 12), (PAUSE, 2)]))
    assert SURE.labels == ("0", "1", "2")
    assert SURE.labels[int(found.argmax())] == label
    assert 0.99 < found.sum() <= 1 + 1e-12


@pytest.mark.parametrize("unit", [OTHER, PAUSE])
def test_what_is_no_word_leaves_little_for_words(unit):
    assert SURE.probabilities(answers_of([(unit, 14)])).sum() < 0.01


def test_a_smaller_scale_is_less_sure():
    answers = answers_of([(ONE, 12)], sure=0.6)
    doubtful = Competition(UNITS, Confidence(scale=0.05))
    assert doubtful.probabilities(answers).max() < SURE.probabilities(answers).max()


def test_no_word_can_be_made_more_probable():
    answers = answers_of([(ONE, 12)], sure=0.3)
    wary = Competition(UNITS, Confidence(scale=0.1, other=5.0))
    assert wary.probabilities(answers).sum() < Competition(UNITS, Confidence(scale=0.1)).probabilities(answers).sum()


def test_a_second_opinion_counts_by_its_weight():
    answers = answers_of([(ONE, 12)], sure=0.6)
    for_two = np.array([0.1, 0.1, 0.7, 0.1])
    plain = Competition(UNITS, Confidence(scale=0.01))
    heard = [
        Competition(UNITS, Confidence(scale=0.01, opinion=weight)).probabilities(answers, for_two)
        for weight in (0.0, 0.5, 1.0)
    ]
    assert np.array_equal(heard[0], plain.probabilities(answers))
    assert heard[0][2] < heard[1][2] < heard[2][2]
    assert heard[2].argmax() == 2
    assert all(found.sum() < 1 for found in heard)


def test_an_opinion_is_never_quite_certain():
    answers = answers_of([(PAUSE, 2), (ONE, 12), (PAUSE, 2)])
    found = Competition(UNITS, Confidence(scale=1.0, opinion=1.0)).probabilities(answers, np.array([1.0, 0, 0, 0]))
    assert found.argmax() == 1


def test_a_stretch_too_short_for_a_word_is_none():
    found = SURE.likelihoods(answers_of([(ONE, 4)])[:2])
    assert found[0] == -1e9
    assert np.isfinite(found).all()


def test_words_are_less_probable_in_the_middle_of_talk():
    answers = answers_of([(ONE, 12)], sure=0.6)
    wary = Competition(UNITS, Confidence(scale=0.1, talk=5.0))
    alone, amid = (wary.probabilities(answers, talk=talk) for talk in (0.0, 0.8))
    assert amid.sum() < alone.sum()
    assert amid.argmax() == alone.argmax()
