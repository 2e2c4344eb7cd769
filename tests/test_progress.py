"""What long work tells: silence is a progress as well, and lengths of time read as people say them."""

from __future__ import annotations

import pytest

from sutja.progress import Silent, roughly


def test_silence_takes_every_step():
    silent = Silent()
    step = silent.stage("listening", 3, "clip")
    assert [step() for _ in range(5)] == [None] * 5
    silent.say("anything")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "5 s"), (12, "10 s"), (89, "90 s"), (90, "2 min"), (3_600, "60 min"), (5_399, "90 min"), (7_200, "2 h")],
)
def test_a_length_of_time(seconds, told):
    assert roughly(seconds) == told
