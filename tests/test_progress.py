"""What long work tells while it goes on."""

from __future__ import annotations

from sutja.cli.options import Bars
from sutja.progress import SILENT, Progress


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
