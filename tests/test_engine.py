"""The folder of engines: importing it starts nothing."""

from __future__ import annotations

from helpers import run_python


def test_the_folder_alone_brings_no_processes():
    ended = run_python("import sys, sutja.engine\nassert 'multiprocessing' not in sys.modules")
    assert ended.returncode == 0, ended.stderr
