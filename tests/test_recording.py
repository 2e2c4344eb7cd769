"""Takes out of a stream: the same however it is cut, judged, asked for again, and none twice."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tone
from hypothesis import given, settings
from hypothesis import strategies as st
from microphones import RATE, spoken

from sutja.listening import digest
from sutja.pcm import to_pcm16
from sutja.recording import (
    ADVICE,
    MIN_TAKE_SECONDS,
    PATIENCE_SECONDS,
    Ask,
    Refusal,
    Take,
    TakeLoop,
    fault_of,
    peak_dbfs,
)


def events_of(loop: TakeLoop, waveform: np.ndarray, size: int = 800) -> list[Take | Refusal]:
    blocks = (waveform[n : n + size] for n in range(0, len(waveform), size))
    return [event for block in blocks for event in loop.feed(block)] + loop.flush()


def told(events: list[Take | Refusal]) -> list[tuple[str, str]]:
    return [(e.label, "taken" if isinstance(e, Take) else e.fault) for e in events]


def summary(events: list[Take | Refusal]) -> list[tuple[object, ...]]:
    return [(*vars(e).values(),) if isinstance(e, Refusal) else (e.label, e.start, digest(e.waveform)) for e in events]


def test_words_are_asked_for_one_after_the_other():
    loop = TakeLoop(["stop", "go"], 2, RATE)
    assert loop.ask == Ask("stop", 1, 2)
    events = events_of(loop, spoken(4))
    assert told(events) == [("stop", "taken")] * 2 + [("go", "taken")] * 2
    assert (loop.ask, loop.missing) == (None, {})
    for n, take in enumerate(events):
        assert (take.start, take.end) == pytest.approx((0.5 + 0.9 * n, 0.9 + 0.9 * n), abs=0.03)
        assert take.peak_dbfs == pytest.approx(-6, abs=0.2)
        said = spoken(4)[round((take.start - 0.1) * RATE) :][: len(take.waveform)]
        assert np.array_equal(to_pcm16(take.waveform), to_pcm16(said))


@settings(max_examples=12, deadline=None)
@given(st.integers(100, 30_000))
def test_however_the_stream_is_cut(size):
    waveform = np.concatenate([spoken(3, loud=(0.3, 0.006, 0.3)), np.zeros(6 * RATE, dtype=np.float32)])
    expected = events_of(TakeLoop(["stop"], 5, RATE), waveform)
    assert [kind for _, kind in told(expected)] == ["taken", "too_quiet", "taken", "silent"]
    assert summary(events_of(TakeLoop(["stop"], 5, RATE), waveform, size)) == summary(expected)


def test_what_is_there_is_not_asked_for():
    loop = TakeLoop(["stop", "go"], 2, RATE, n_there={"stop": 7, "go": 1})
    assert loop.ask == Ask("go", 2, 2)
    assert told(events_of(loop, spoken(3))) == [("go", "taken")]


def test_an_input_that_is_heard_again_gives_no_take_twice():
    first = events_of(TakeLoop(["stop"], 2, RATE), spoken(2))
    loop = TakeLoop(["stop"], 4, RATE, n_there={"stop": 2}, known={digest(e.waveform[:, None]) for e in first})
    assert told(events_of(loop, spoken(4))) == [("stop", "again")] * 2 + [("stop", "taken")] * 2
    assert loop.ask is None


BAD = {
    "clipped": np.clip(4 * tone(400, 0.4, RATE), -1, 1),
    "too_quiet": 0.008 * tone(400, 0.4, RATE),
    "too_short": tone(400, 0.11, RATE),
    "too_long": tone(400, 2.5, RATE),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_take_is_told_and_asked_for_again(fault):
    pause = np.zeros(RATE // 2, dtype=np.float32)
    good = 0.4 * tone(500, 0.4, RATE)
    waveform = np.concatenate([pause, BAD[fault], pause, pause, good, pause])
    events = events_of(TakeLoop(["stop"], 1, RATE), waveform)
    assert told(events)[0] == ("stop", fault)
    assert told(events)[-1] == ("stop", "taken")
    assert events[0].advice == ADVICE[fault]
    assert events[0].start == pytest.approx(0.5, abs=0.03)


def test_the_edges_of_good():
    good = 0.4 * tone(400, 0.4, RATE)
    assert fault_of(good, RATE, MIN_TAKE_SECONDS) is None
    assert fault_of(good, RATE, MIN_TAKE_SECONDS - 0.01) == "too_short"
    assert fault_of(good / np.abs(good).max() * 10 ** (-39.5 / 20), RATE, 0.4) is None
    assert fault_of(good / np.abs(good).max() * 10 ** (-40.5 / 20), RATE, 0.4) == "too_quiet"
    assert peak_dbfs(np.zeros(0, dtype=np.float32)) == -120.0


def test_with_keys_only_what_begins_behind_one_counts():
    loop, waveform = TakeLoop(["stop"], 2, RATE, hands_free=False), spoken(4)
    assert loop.feed(waveform[: RATE // 2]) == []
    loop.feed(waveform[RATE // 2 : round(0.7 * RATE)])
    assert not loop.is_armed
    loop.arm()  # in the middle of a word
    assert told(loop.feed(waveform[round(0.7 * RATE) : 2 * RATE])) == []
    assert told(loop.feed(waveform[2 * RATE : 3 * RATE])) == [("stop", "taken")]
    assert not loop.is_armed
    assert told(loop.feed(waveform[3 * RATE :])) == []


def test_silence_is_told_once_and_ends_a_take_of_a_key():
    quiet = np.zeros(round((PATIENCE_SECONDS + 1) * RATE), dtype=np.float32)
    free, keyed = TakeLoop(["stop"], 1, RATE), TakeLoop(["stop"], 1, RATE, hands_free=False)
    assert told(free.feed(np.tile(quiet, 3))) == [("stop", "silent")]
    assert free.is_armed
    assert keyed.feed(quiet) == []
    keyed.arm()
    assert told(keyed.feed(quiet)) == [("stop", "silent")]
    assert not keyed.is_armed


def test_undo_play_and_lost_sound():
    loop = TakeLoop(["stop", "go"], 1, RATE)
    waveform = spoken(4)
    assert told(loop.feed(waveform[: round(1.3 * RATE)])) == [("stop", "taken")]
    loop.put_back("stop")
    assert loop.ask == Ask("stop", 1, 1)
    loop.pass_over(0.3)  # the second word begins in that time
    assert told(loop.feed(waveform[round(1.3 * RATE) : round(2.5 * RATE)])) == []
    assert told(loop.lose()) == [("stop", "lost")]  # within the third
    (rest,) = (e for e in loop.feed(waveform[round(2.8 * RATE) :]) if isinstance(e, Take))
    assert rest.start == pytest.approx(3.2 - 0.3, abs=0.03)  # what was lost has no length
    assert TakeLoop(["stop"], 1, RATE, hands_free=False).lose() == []
