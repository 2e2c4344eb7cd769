from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal_answers import DOUBLE, DURATIONS, OH, ONE, OTHER, PAUSE, TWO, UNITS, ZERO, answers_of, row

from sutja.strings import decoder as module
from sutja.strings.decoder import Decoder, DecoderConfig
from sutja.strings.grammar import any_string, of_length, one_of

ANY = any_string(UNITS)


def decoder(grammar=ANY, **settings) -> Decoder:
    return Decoder(UNITS, DURATIONS, grammar, DecoderConfig(**settings))


def decoded(answers, grammar=ANY, step=4, **settings):
    """Words in the order in which they became known."""
    listening, words = decoder(grammar, **settings), []
    for start in range(0, len(answers), step):
        listening.feed(answers[start : start + step])
        words += listening.agreed()
    return words + listening.finish()


@pytest.mark.parametrize("gap", [0, 1, 6])
def test_words_and_repeats_are_told_apart(gap):
    said = [ONE, ONE, TWO, ZERO, ZERO, OH]
    words = decoded(answers_of(row(*said, gap=gap)))
    assert [word.unit for word in words] == said
    starts = [20 + k * (12 + gap) for k in range(len(said))]
    assert [(word.start, word.end) for word in words] == [(start, start + 12) for start in starts]


def test_other_speech_and_silence_give_no_words():
    assert decoded(answers_of([(PAUSE, 30), (OTHER, 25), (PAUSE, 30)])) == []
    words = decoded(answers_of([(PAUSE, 9), (OTHER, 20), (ONE, 12), (OTHER, 20), (PAUSE, 9)]))
    assert [word.unit for word in words] == [ONE]


def test_nothing_fed_is_nothing_said():
    listening = decoder()
    assert listening.finish() == []
    assert listening.unfinished() is None


def test_a_word_is_no_shorter_than_its_states():
    answers = answers_of([(PAUSE, 20), (ONE, 12), (PAUSE, 20)])
    short = np.concatenate([answers[:20], answers[[22, 25, 31]], answers[32:]])  # three outputs for four states
    assert [word.unit for word in decoded(short)] != [ONE] or decoded(short)[0].end - decoded(short)[0].start >= 4


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_it_does_not_matter_how_answers_come(step):
    answers = answers_of(row(ONE, TWO, ZERO, gap=2), sure=0.7)
    whole = decoder()
    whole.feed(answers)
    assert decoded(answers, step=step, wait_seconds=9.0) == whole.agreed() + whole.finish()


def test_a_length_that_is_known_is_kept_to():
    answers = answers_of([(PAUSE, 20), (ONE, 24), (PAUSE, 20)])  # slow: one long word, or twice the same
    assert [word.unit for word in decoded(answers, of_length(UNITS, 1))] == [ONE]
    assert [word.unit for word in decoded(answers, of_length(UNITS, 2), farthest=1e9)] == [ONE, ONE]


def test_a_string_that_is_too_far_from_what_was_said_is_not_told():
    answers = answers_of(row(ONE, TWO), sure=0.999)
    assert [word.unit for word in decoded(answers, of_length(UNITS, 4), farthest=5.0)] == [ONE, TWO]


def test_one_of_a_list_is_said():
    answers = answers_of(row(ONE, TWO, ONE))
    assert [word.unit for word in decoded(answers, one_of(UNITS, ["120", "121"]))] == [ONE, TWO, ONE]


def test_a_whole_string_is_known_at_once():
    listening = decoder(of_length(UNITS, 2))
    listening.feed(answers_of(row(ONE, TWO)))
    assert [(word.unit, word.is_last) for word in listening.agreed()] == [(ONE, False), (TWO, True)]
    assert not any(word.is_last for word in decoded(answers_of(row(ONE, TWO))))


@pytest.mark.parametrize("grammar", [of_length(UNITS, 2), one_of(UNITS, ["12", "01"])], ids=["length", "list"])
@pytest.mark.parametrize("gap", [0, 1])
def test_strings_follow_each_other_without_a_pause(grammar, gap):
    said = [ONE, TWO, ZERO, ONE, ONE, TWO]
    answers = answers_of(row(*said, gap=gap))
    for words in (decoded(answers, grammar), decoded(answers, grammar, step=len(answers), beam=1e9)):
        assert [(word.unit, word.is_last) for word in words] == list(zip(said, [False, True] * 3, strict=True))
        assert [word.start for word in words] == [20 + k * (12 + gap) for k in range(len(said))]


def test_of_the_next_string_only_what_was_said_is_told():
    words = decoded(answers_of(row(ONE, TWO, ZERO)), of_length(UNITS, 2), farthest=5.0)
    assert [(word.unit, word.is_last) for word in words] == [(ONE, False), (TWO, True), (ZERO, False)]


def test_double_stands_before_what_is_doubled():
    assert [word.unit for word in decoded(answers_of(row(DOUBLE, ONE, TWO)))] == [DOUBLE, ONE, TWO]


def test_what_waited_too_long_is_settled():
    answers = answers_of([(PAUSE, 20), (ONE, 12), (PAUSE, 20)], sure=0.9)
    patient, hasty = decoder(wait_seconds=9.0, beam=1e9), decoder(wait_seconds=0.1, beam=1e9)
    for listening in (patient, hasty):
        listening.feed(answers)
    assert patient.agreed() == []
    assert [word.unit for word in patient.open_words()] == [ONE]
    assert [word.unit for word in hasty.agreed()] == [ONE]
    assert hasty.open_words() == []


def test_a_string_of_a_known_length_does_not_hurry():
    listening = decoder(of_length(UNITS, 1, 3), wait_seconds=0.0, beam=1e9)
    listening.feed(answers_of([(PAUSE, 20), (ONE, 12), (PAUSE, 20)], sure=0.9))
    assert listening.agreed() == []
    assert listening.may_end()


def test_it_says_since_when_a_word_is_being_said():
    listening = decoder()
    listening.feed(answers_of([(PAUSE, 20), (ONE, 8)]))
    assert listening.unfinished() == 20
    listening.feed(answers_of([(ONE, 4), (PAUSE, 9)])[4:])
    assert listening.unfinished() is None


def test_it_begins_again():
    listening, answers = decoder(), answers_of(row(ONE, TWO))
    listening.feed(answers)
    first = listening.agreed() + listening.finish()
    listening.feed(answers)
    again = listening.agreed() + listening.finish()
    assert [(w.unit, w.start - len(answers), w.end - len(answers)) for w in again] == [
        (w.unit, w.start, w.end) for w in first
    ]


@pytest.mark.parametrize("grammar", [of_length(UNITS, 4), one_of(UNITS, ["1201", "0120", "2222"])])
def test_memory_does_not_grow_while_nothing_is_settled(grammar, monkeypatch):
    monkeypatch.setattr(module, "FEWEST_KEPT", 1e9)
    untidy = decoder(grammar, beam=1e9, wait_seconds=1e9)
    monkeypatch.setattr(module, "FEWEST_KEPT", 8)
    listening, rng = decoder(grammar, beam=1e9, wait_seconds=1e9), np.random.default_rng(0)
    for _ in range(500):
        answers = rng.normal(0, 1, (4, UNITS.n_outputs)).astype(np.float32)
        answers[:, UNITS.silence] += 6
        for each in (listening, untidy):
            each.feed(answers)
        assert listening.agreed() == untidy.agreed()
        assert listening.open_words() == untidy.open_words()
    needed = {number for record in set(listening._records.ravel().tolist()) for number in listening._chain(record)}
    assert needed <= set(listening._history)
    assert len(needed) <= len(listening._history) <= len(needed) + 8 + 4 * len(grammar.finals)
    assert len(listening._history) < len(untidy._history)
    assert listening.finish() == untidy.finish()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31))
def test_what_is_settled_stands_whatever_comes(seed):
    rng = np.random.default_rng(seed)
    answers = rng.normal(0, 3, (120, UNITS.n_outputs)).astype(np.float32)
    answers -= np.log(np.exp(answers).sum(axis=1, keepdims=True))
    words = decoded(answers)
    for before, after in itertools.pairwise(words):
        assert before.start < before.end <= after.start
    assert all(word.end - word.start >= UNITS.units[word.unit].n_states for word in words)
