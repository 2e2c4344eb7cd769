from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ideal_answers import DOUBLE, OH, ONE, TWO, UNITS, ZERO

from sutja.errors import ConfigError
from sutja.strings import grammar as grammars
from sutja.strings.grammar import MOST_WORDS, NOWHERE, Grammar, any_string, of_length, one_of, parse_length

LABELS = {ZERO: "0", OH: "0", ONE: "1", TWO: "2"}


def ends(grammar: Grammar, units) -> bool:
    """Whether units lead to where a string may end."""
    node = 0
    for unit in units:
        node = grammar.following[node, unit]
        if node == NOWHERE:
            return False
    return bool(grammar.finals[node])


@given(st.lists(st.sampled_from([ZERO, OH, ONE, TWO]), max_size=6))
def test_any_string_can_come(units):
    assert ends(any_string(UNITS), units)
    assert not any_string(UNITS).ends_itself.any()


def test_what_is_doubled_follows_double():
    grammar = any_string(UNITS)
    assert ends(grammar, [DOUBLE, ONE])
    assert not ends(grammar, [DOUBLE])
    assert not ends(grammar, [DOUBLE, DOUBLE])


@given(st.lists(st.sampled_from([ZERO, OH, ONE, TWO]), max_size=6))
def test_only_strings_of_the_length_end(units):
    assert ends(of_length(UNITS, 2, 4), units) == (2 <= len(units) <= 4)


def test_a_doubled_word_counts_twice():
    grammar = of_length(UNITS, 3)
    assert ends(grammar, [ONE, DOUBLE, TWO])
    assert not ends(grammar, [ONE, TWO, DOUBLE, TWO])
    assert grammar.ends_itself.sum() == 1
    assert (grammar.n_least, grammar.n_most) == (3, 3)


@given(st.sets(st.text("012", min_size=1, max_size=4), min_size=1, max_size=5))
def test_only_the_strings_of_a_list_end(strings):
    grammar = one_of(UNITS, sorted(strings))
    for n in range(5):
        for units in itertools.product([ZERO, OH, ONE, TWO], repeat=n):
            assert ends(grammar, units) == ("".join(LABELS[u] for u in units) in strings)


def test_a_list_may_be_said_with_double():
    grammar = one_of(UNITS, ["1122", "12"])
    assert ends(grammar, [DOUBLE, ONE, DOUBLE, TWO])
    assert ends(grammar, [ONE, ONE, DOUBLE, TWO])
    assert not ends(grammar, [DOUBLE, TWO])


@pytest.mark.parametrize("length", [(0,), (MOST_WORDS + 1,), (4, 3)])
def test_a_length_that_no_string_has_is_refused(length):
    with pytest.raises(ConfigError, match="expected 1 to"):
        of_length(UNITS, *length)


@pytest.mark.parametrize(("strings", "said"), [(["17"], "'7'"), ([], "empty"), ([[]], "empty"), ([[""]], "''")])
def test_a_list_that_cannot_be_said_is_refused(strings, said):
    with pytest.raises(ConfigError, match=said):
        one_of(UNITS, strings)


def test_a_list_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(grammars, "MOST_NODES", 3)
    with pytest.raises(ConfigError, match="fewer or shorter"):
        one_of(UNITS, ["0120"])


@pytest.mark.parametrize("text", ["", "four", "-3", "4-", "4-6-8", "٤"])
def test_a_length_that_is_no_number_is_refused(text):
    with pytest.raises(ConfigError, match="expected 4, or 4-6"):
        parse_length(text)
