from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from strings import RATE, said, string_model

from sutja.errors import AudioError
from sutja.strings.grammar import of_length, one_of
from sutja.strings.model import Confidence, Edges
from sutja.strings.network import FrameNetwork
from sutja.strings.transcriber import (
    Alternative,
    Partial,
    SpokenString,
    SpokenStrings,
    SpokenWord,
    Transcript,
    answers_to,
    best_of,
    joined,
)
from sutja.strings.units import Unit, Units

MODEL = string_model()


def events_of(waveform, *, rate=RATE, chunk=1600, model=MODEL, grammar=None, stream=None):
    stream = stream or SpokenStrings(model, rate, grammar)
    events = [e for start in range(0, len(waveform), chunk) for e in stream.feed(waveform[start : start + chunk])]
    return events + stream.flush()


def texts(events):
    return [event.text for event in events if isinstance(event, SpokenString)]


@pytest.mark.parametrize("chunk", [1, 333, 10**6])
def test_it_does_not_matter_how_a_stream_is_cut(chunk):
    waveform = said("ab", pause=0.3) if chunk == 1 else said("abba", "cd")
    assert events_of(waveform, chunk=chunk) == events_of(waveform)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_any_rate_will_do_however_it_is_cut(rate):
    model = string_model("a") if rate == 8_000 else MODEL  # higher tones are not there
    waveform = said("aa", "a", rate=rate) if rate == 8_000 else said("abba", "cd", rate=rate)
    found = events_of(waveform, rate=rate, chunk=701, model=model)
    assert found == events_of(waveform, rate=rate, chunk=9_999, model=model)
    assert texts(found) == (["aa", "a"] if rate == 8_000 else ["abba", "cd"])


def test_words_stand_before_their_string_and_say_when_they_were():
    events = events_of(said("abba"))
    words = [event for event in events if isinstance(event, SpokenWord)]
    (string,) = [event for event in events if isinstance(event, SpokenString)]
    assert string.words == tuple(words)
    assert [word.label for word in words] == list("abba")
    np.testing.assert_allclose([word.start for word in words], [1.0, 1.3, 1.6, 1.9], atol=0.05)
    np.testing.assert_allclose([word.end for word in words], [1.3, 1.6, 1.9, 2.2], atol=0.05)
    assert (string.start, string.end) == (words[0].start, words[-1].end)
    assert string.probability == pytest.approx(np.prod([word.probability for word in words]))
    assert string.alternatives[0] == Alternative(tuple("abba"), pytest.approx(string.probability))
    assert string.complete


def test_partial_results_grow_to_the_string():
    partials = [event for event in events_of(said("abcd")) if isinstance(event, Partial)]
    assert partials
    assert all("abcd".startswith("".join(partial.labels)) for partial in partials)
    assert [partial.time for partial in partials] == sorted(partial.time for partial in partials)


@pytest.mark.parametrize("waveform", [np.zeros(RATE * 3, np.float32), np.zeros(0, np.float32)])
@pytest.mark.parametrize("length", [None, 3])
def test_silence_gives_nothing(waveform, length):
    grammar = None if length is None else of_length(MODEL.units, length)
    assert events_of(waveform, grammar=grammar) == []


def test_a_string_ends_when_its_length_is_full():
    strings = [e for e in events_of(said("abcd"), grammar=of_length(MODEL.units, 2)) if isinstance(e, SpokenString)]
    assert len(strings[0].words) == 2
    assert strings[0].complete


@pytest.mark.parametrize("chunk", [320, 10**6])
@pytest.mark.parametrize("pause", [0.0, 1.0])
def test_eight_words_in_a_row_are_two_strings_of_four(chunk, pause):
    events = events_of(said("abbacddc", pause=pause), grammar=of_length(MODEL.units, 4), chunk=chunk)
    strings = [event for event in events if isinstance(event, SpokenString)]
    assert [(string.text, string.complete) for string in strings] == [("abba", True), ("cddc", True)]
    starts = [word.start - pause for string in strings for word in string.words]
    np.testing.assert_allclose(starts, [0.3 * n for n in range(8)], atol=0.05)
    first = events.index(strings[0])
    assert [event.label for event in events[:first] if isinstance(event, SpokenWord)] == list("abba")
    assert all("abba".startswith("".join(event.labels)) for event in events[:first] if isinstance(event, Partial))


def test_a_string_of_a_list_may_follow_another_at_once():
    grammar = one_of(MODEL.units, ["ab", "cda"])
    assert texts(events_of(said("cdaab", "abab", "cda"), grammar=grammar)) == ["cda", "ab", "ab", "ab", "cda"]


def test_a_string_that_may_be_longer_goes_on_to_its_most_words():
    grammar = of_length(MODEL.units, 2, 3)
    assert texts(events_of(said("ab", "abcdab", "cdab"), grammar=grammar)) == ["ab", "abc", "dab", "cda", "b"]


def test_too_few_words_are_not_complete():
    model = replace(MODEL, decoder=replace(MODEL.decoder, farthest=1.0))
    (string,) = [
        e for e in events_of(said("ab"), model=model, grammar=of_length(MODEL.units, 4)) if isinstance(e, SpokenString)
    ]
    assert (string.text, string.complete) == ("ab", False)


def test_a_stream_begins_again_after_its_end():
    stream = SpokenStrings(MODEL, RATE)
    first = events_of(said("ab"), stream=stream)
    assert events_of(said("ab"), stream=stream) == first


def test_memory_does_not_grow():
    stream = SpokenStrings(MODEL, RATE)
    for _ in range(12):
        stream.feed(said("abc"))
    assert len(stream._answers) < 150
    assert len(stream._decoder._history) < 50


def test_a_doubtful_word_is_refused():
    model = replace(MODEL, confidence=Confidence(scale=0.001, threshold=0.9))
    (string,) = [event for event in events_of(said("ab"), model=model) if isinstance(event, SpokenString)]
    assert [word.label for word in string.words] == [None, None]
    assert string.text == "??"
    assert [word.most_probable for word in string.words] == ["a", "b"]


def asked(opinion=1.0, **more):
    return replace(MODEL, confidence=replace(MODEL.confidence, opinion=opinion, **more))


def judge(label, share=1.0, labels=MODEL.labels):
    """Return an opinion that is always the same, and what it heard."""
    heard = []

    def opinion(waveform):
        heard.append(waveform)
        shares = np.full(len(labels) + 1, (1 - share) / len(labels))
        shares[(*labels, None).index(label)] = share
        return shares

    return opinion, heard


@pytest.mark.parametrize("chunk", [333, 10**6])
def test_a_second_opinion_hears_each_word_and_decides_with_the_network(chunk):
    opinion, heard = judge("c")
    stream = SpokenStrings(asked(scale=1e-4), RATE, opinion=opinion)
    assert texts(events_of(said("ab", "d"), stream=stream, chunk=chunk)) == ["cc", "c"]
    assert [len(word) / RATE for word in heard] == pytest.approx([0.4, 0.4, 0.5], abs=0.1)
    loud = [np.abs(word).mean() for word in heard]
    assert min(loud) > 0.5 * max(loud)
    assert texts(events_of(said("ab"), stream=SpokenStrings(asked(0.0), RATE, opinion=opinion))) == ["ab"]
    assert len(heard) == 3  # its weight is 0: it is not asked


def test_a_second_opinion_may_refuse_or_have_none():
    none, _ = judge(None)
    refused = SpokenStrings(asked(scale=1e-4), RATE, opinion=none)
    assert texts(events_of(said("ab"), stream=refused)) == ["??"]
    silent = SpokenStrings(asked(), RATE, opinion=lambda waveform: None)
    assert texts(events_of(said("ab"), stream=silent)) == ["ab"]


def test_a_list_of_strings_is_stronger_than_an_opinion():
    opinion, _ = judge("c")
    stream = SpokenStrings(asked(scale=1e-4), RATE, one_of(MODEL.units, ["ab", "ba"]), opinion=opinion)
    (string,) = [event for event in events_of(said("ab"), stream=stream) if isinstance(event, SpokenString)]
    assert [word.most_probable for word in string.words] == ["a", "b"]


def test_what_the_opinion_may_need_is_all_that_is_kept():
    stream = SpokenStrings(asked(), RATE, opinion=judge("a")[0])
    for _ in range(8):
        stream.feed(said("abc"))
    assert len(stream._waveform) < 4 * RATE


def doubled(model=MODEL):
    """The first unit says that the next one comes twice."""
    units = Units((Unit("double", "", 3, 2), *(replace(unit) for unit in model.units.units[1:])))
    return replace(model, units=units)


def test_words_reach_beyond_their_states_but_not_into_each_other():
    plain = [event for event in events_of(said("a", "b", pause=0.4)) if isinstance(event, SpokenWord)]
    wide = replace(MODEL, edges=Edges(0.05, 0.03))
    first, second = (e for e in events_of(said("a", "b", pause=0.4), model=wide) if isinstance(e, SpokenWord))
    assert (plain[0].start - first.start, first.end - plain[0].end) == pytest.approx((0.05, 0.03))
    gap = plain[1].start - plain[0].end
    assert first.end <= second.start
    widest = replace(MODEL, edges=Edges(0.5, 0.5))
    first, second = (e for e in events_of(said("a", "b", pause=0.4), model=widest) if isinstance(e, SpokenWord))
    assert plain[0].end < first.end <= second.start < plain[1].start
    assert plain[1].start - second.start <= gap / 2 + 1e-3


def test_double_counts_twice():
    (string,) = [event for event in events_of(said("abc"), model=doubled()) if isinstance(event, SpokenString)]
    assert string.text == "bbc"
    first, second, _ = string.words
    assert first.end == second.start
    assert (first.start, second.end) == (pytest.approx(1.0, abs=0.05), pytest.approx(1.6, abs=0.05))


def test_a_double_that_nothing_follows_is_forgotten():
    waveform = np.concatenate([said("a"), np.zeros(4 * RATE, np.float32), said("b")])
    assert texts(events_of(waveform, model=doubled())) == ["b"]


@pytest.mark.parametrize("rate", [0, 3_999, float("nan"), float("inf")])
def test_a_rate_without_voices_is_refused(rate):
    with pytest.raises(AudioError, match="sample rate"):
        SpokenStrings(MODEL, rate)


def test_what_is_no_sound_is_refused_and_the_stream_goes_on():
    stream, waveform = SpokenStrings(MODEL, RATE), said("ab")
    events = stream.feed(waveform[:5000])
    for bad in (np.full(10, np.nan, np.float32), np.zeros((2, 2), np.float32), [0.0]):
        with pytest.raises(AudioError):
            stream.feed(bad)
    assert texts([*events, *stream.feed(waveform[5000:]), *stream.flush()]) == ["ab"]


def test_the_decoded_word_is_the_most_probable_of_its_word():
    words = [event for event in events_of(said("abcd")) if isinstance(event, SpokenWord)]
    for word in words:
        assert word.most_probable == word.label
        assert word.probability == max(word.probabilities.values())


def test_alternatives_come_in_order():
    words = [SpokenWord("5", 0.6, {"5": 0.6, "9": 0.3}, 0.0, 0.3), SpokenWord(None, 0.5, {"1": 0.5}, 0.3, 0.5)]
    found = best_of(words)
    assert [each.labels for each in found] == [("5", "1"), ("9", "1")]
    assert [each.probability for each in found] == pytest.approx([0.3, 0.15])


def test_answers_to_a_recording_begin_with_it():
    waveform = said("ab", pause=0.2)
    answers = answers_to(waveform, MODEL, FrameNetwork(MODEL.onnx, MODEL.units.n_outputs))
    assert len(answers) >= len(waveform) // 320
    assert answers[20].argmax() in MODEL.units.outputs_of(0)


def test_a_transcript_has_the_words_of_all_strings():
    strings = tuple(event for event in events_of(said("ab", "c")) if isinstance(event, SpokenString))
    transcript = Transcript(strings)
    assert (transcript.text, len(transcript.words)) == ("abc", 3)
    assert joined(["lamp on", None]) == "lamp on ?"
