"""Keys: one at a time, without waiting, and the terminal is as it was afterwards."""

from __future__ import annotations

import os
import sys
import types

import pytest

from sutja.cli.keys import keys, no_keys

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of POSIX")


def test_keys_of_a_terminal(monkeypatch):
    import pty
    import termios

    ours, theirs = pty.openpty()
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(fileno=lambda: theirs))
    before = termios.tcgetattr(theirs)
    with keys() as pressed:
        assert pressed() == ""
        os.write(ours, b"P\r")
        assert [pressed(), pressed(), pressed()] == ["p", "\n", ""]
        assert termios.tcgetattr(theirs)[3] != before[3]
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_no_keys():
    with no_keys() as pressed:
        assert pressed() == ""
