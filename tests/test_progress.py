"""What long work tells while it goes on."""

from __future__ import annotations

import pytest

from sutja.cli.options import Bars
from sutja.progress import SILENT, Progress, roughly


def work(progress: Progress = SILENT) -> list[object]:
    step = progress.stage("counting", 2, "sheep")
    progress.say("one black")
    return [step(), step()]


def test_nobody_needs_to_look(capfd):
    assert work() == [None, None]
    assert capfd.readouterr() == ("", "")


def test_the_command_line_is_somebody_who_looks(capfd):
    bars = Bars()
    try:
        assert work(bars) == [None, None]
    finally:
        bars.close()
    told = capfd.readouterr()
    assert told.out == ""
    assert "counting" in told.err
    assert "one black" in told.err


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "5 s"), (12, "10 s"), (89, "90 s"), (90, "2 min"), (3_600, "60 min"), (5_399, "90 min"), (7_200, "2 h")],
)
def test_a_length_of_time(seconds, told):
    assert roughly(seconds) == told
