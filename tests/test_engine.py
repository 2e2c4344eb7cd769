"""The folder of engines: importing it starts nothing."""

from __future__ import annotations

from helpers import run_python


def test_the_folder_alone_brings_no_processes():
    # What is there already was brought by Python, or by what measures coverage.
    ended = run_python(
        "import sys\nbefore = set(sys.modules)\nimport sutja.engine\n"
        "assert not {'multiprocessing', 'torch'} & (set(sys.modules) - before)"
    )
    assert ended.returncode == 0, ended.stderr
