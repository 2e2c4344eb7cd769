"""The folder of figures and pages: importing it brings nothing that draws."""

from __future__ import annotations

from helpers import run_python

from sutja import reports


def test_it_says_what_it_holds():
    assert "pages" in reports.__doc__


def test_the_folder_alone_brings_no_figures():
    ended = run_python("import sys, sutja.reports\nassert not {'matplotlib', 'jinja2'} & set(sys.modules)")
    assert ended.returncode == 0, ended.stderr
