"""The folder of learning: what a run learns from can be listed without torch."""

from __future__ import annotations

from helpers import run_python

from sutja import learn


def test_it_tells_the_way_of_a_clip():
    assert "folds" in learn.__doc__


def test_what_is_learned_from_is_listed_without_torch():
    ended = run_python("import sys, sutja.learn.sounds\nassert not {'torch', 'sklearn'} & set(sys.modules)")
    assert ended.returncode == 0, ended.stderr
