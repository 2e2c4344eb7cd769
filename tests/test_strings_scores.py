from __future__ import annotations

import jiwer
from hypothesis import given
from hypothesis import strategies as st

from sutja.strings.scores import Counts, alignment, counted, total

WORDS = st.lists(st.sampled_from("0123"), max_size=8)


@given(WORDS.filter(bool), WORDS)
def test_errors_are_those_that_jiwer_counts(said, heard):
    counts = counted(said, heard)
    expected = jiwer.process_words(" ".join(said), " ".join(heard))
    assert counts.substituted + counts.deleted + counts.inserted == (
        expected.substitutions + expected.deletions + expected.insertions
    )
    assert counts.word_error_rate == expected.wer
    assert counts.n_wrong == (said != heard)


@given(WORDS, WORDS)
def test_an_alignment_passes_over_both_rows_in_order(said, heard):
    steps = alignment(said, heard)
    assert [step.said for step in steps if step.said is not None] == list(range(len(said)))
    assert [step.heard for step in steps if step.heard is not None] == list(range(len(heard)))
    for step in steps:
        if step.kind == "right":
            assert said[step.said] == heard[step.heard]


def test_a_refused_word_is_a_substitution():
    assert counted("12", ["1", None]) == Counts(1, 1, 2, substituted=1)


def test_counts_add_up():
    both = total([counted("12", "12"), counted("11", "1"), counted("", "")])
    assert both == Counts(3, 1, 4, deleted=1)
    assert (both.string_error_rate, both.word_error_rate) == (1 / 3, 1 / 4)


def test_nothing_has_no_rate():
    assert (total([]).string_error_rate, total([]).word_error_rate) == (None, None)
