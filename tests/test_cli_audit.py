"""`sutja audit` from the command line."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("cleanlab")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from click.testing import CliRunner
from helpers import read_csv
from made_runs import make_doubtful_run, spoil, with_copy

from sutja.cli import COMMANDS, main


@pytest.fixture
def clips(tiny_dataset):
    return with_copy(tiny_dataset)


@pytest.fixture
def run(tmp_path, clips):
    return make_doubtful_run(tmp_path / "run", clips)


@pytest.fixture
def invoke(monkeypatch):
    monkeypatch.setitem(COMMANDS, "audit", "audit")
    return lambda *arguments: CliRunner().invoke(main, ["audit", *map(str, arguments)])


def test_tells_what_was_found_and_where(invoke, run):
    result = invoke(run, "--top", 1)
    assert result.exit_code == 0, result.stderr
    assert "label probably wrong: 2; first: " in result.stdout
    assert re.search(r"the same recording twice: \d+, \d+ under another label or speaker", result.stdout)
    assert "not recognised: 1" in result.stdout
    assert str(run / "audit" / "audit.html") in result.stderr
    assert (run / "audit" / "audit.html").is_file()


def test_out_and_top(invoke, run, tmp_path):
    result = invoke(run, "--out", tmp_path / "elsewhere", "--top", 1)
    assert result.exit_code == 0, result.stderr
    assert len(read_csv(tmp_path / "elsewhere" / "doubtful_labels.csv")) == 2
    assert "These are the first 1 of 2" in (tmp_path / "elsewhere" / "audit.html").read_text(encoding="utf-8")
    assert not (run / "audit").exists()


def test_recordings_that_moved_away(invoke, run, clips):
    clips[4].path.unlink()
    result = invoke(run, "--top", 0)
    assert result.exit_code == 0, result.stderr
    assert f"cannot be heard any more: 1; first: {clips[4].name}: no such file" in result.stdout


def test_what_is_no_run_ends_in_one_sentence(invoke, tmp_path):
    result = invoke(tmp_path)
    assert result.exit_code == 1
    assert (
        result.stderr
        == f"sutja: {tmp_path}: is not a run (no config.json in it); expected the --out folder of `sutja train`\n"
    )


def test_networks_that_know_too_little(invoke, run):
    assert "know too little" not in invoke(run, "--top", 0).stderr
    spoil(run, doubtful=tuple(range(12, 30)))
    assert "know too little to judge labels" in invoke(run, "--top", 0).stderr


@pytest.mark.parametrize("top", ["-1", "many"])
def test_a_top_that_is_no_number_is_wrong_usage(invoke, run, top):
    assert invoke(run, "--top", top).exit_code == 2
