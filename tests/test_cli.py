"""The command line as a whole: commands come when they are asked for, errors are one sentence."""

from __future__ import annotations

import re

import pytest
from helpers import refused, run_python, sutja, sutja_process

from sutja import __version__
from sutja.cli import COMMANDS, main
from sutja.errors import SutjaError


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_that_says_what_it_does(name):
    result = sutja(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert main.get_command(None, name).help


def test_help_lists_the_commands_in_the_order_of_work():
    listed = re.findall(r"^  (\w+)  ", sutja("--help").stdout, flags=re.MULTILINE)
    assert listed == list(COMMANDS)


def test_version():
    assert __version__ in sutja("--version").stdout


@pytest.mark.parametrize("arguments", [("predcit",), ("predict",), ("predict", "--model"), ("train", "--epochs", "x")])
def test_wrong_usage_is_2(arguments):
    result = sutja(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_an_error_of_ours_is_one_sentence_and_1(monkeypatch):
    def fail(*_):
        raise SutjaError("what was found; what was expected; what to do")

    monkeypatch.setattr("sutja.cli.predict.Predictor.load", fail)
    assert refused(sutja("predict", "a.wav", "--model", "m")) == "what was found; what was expected; what to do"


def test_a_fault_of_ours_stays_a_traceback(monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("sutja.cli.predict.Predictor.load", fail)
    assert isinstance(sutja("predict", "a.wav", "--model", "m").exception, ZeroDivisionError)


def test_only_the_command_that_is_asked_for_is_imported():
    program = (
        "import sys; from sutja.cli import main\n"
        "try: main(['predict', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('sutja.cli.train' in sys.modules)"
    )
    assert run_python(program).returncode == 0


def test_python_m():
    assert __version__ in sutja_process("--version").stdout
