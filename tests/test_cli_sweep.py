"""`sutja sweep`: what it prints, and how it ends."""

from __future__ import annotations

import pytest
from helpers import refused, sutja

from sutja.engine.choice import Choice
from sutja.sweep import Row

ROWS = [
    Row("a-reference-1", "a", "reference", 1, "runs/a-reference-1", "clips", 30, 3, 0.5),
    Row("b-reference-1", "b", "reference", 1, "runs/b-reference-1", fault="too few clips"),
]


@pytest.fixture
def asked(monkeypatch):
    """What the library is asked; what it gives may be changed."""
    calls = []

    def conduct(*arguments, **options):
        calls.append((arguments, options))
        if isinstance(given[0], BaseException):
            raise given[0]
        return given[0]

    given = [ROWS[:1]]
    monkeypatch.setattr("sutja.sweep.conduct", conduct)
    return calls, given


def test_it_prints_a_line_a_preset_and_data_set(asked, tmp_path):
    calls, _ = asked
    result = sutja("sweep", "a.toml", "--out", tmp_path / "out", "--workers", "3", "--jobs", "2", "--resume")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "a                    reference    50.0 %   1 runs",
        f"table: {tmp_path / 'out' / 'results.csv'}   page: {tmp_path / 'out' / 'sweep.html'}",
    ]
    (config, out, choice, n_jobs, _), options = calls[0]
    assert (str(config), out, choice, n_jobs) == ("a.toml", tmp_path / "out", Choice(n_workers=3), 2)
    assert options == {"resume": True}


def test_runs_that_failed_are_named_after_the_table(asked, tmp_path):
    _, given = asked
    given[0] = ROWS
    result = sutja("sweep", "a.toml", "--out", tmp_path / "out")
    assert "no run ended well" in result.stdout
    assert refused(result).startswith("1 of 2 runs failed (b-reference-1); the table says why")


def test_ctrl_c_says_how_to_go_on(asked, tmp_path):
    _, given = asked
    given[0] = KeyboardInterrupt()
    result = sutja("sweep", "a.toml", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "the same command with --resume goes on from here" in result.stderr


def test_contradictions_are_refused(asked, tmp_path):
    calls, _ = asked
    result = sutja("sweep", "a.toml", "--out", tmp_path / "out", "--workers", "3", "--scheduler", "tcp://a:1")
    assert "--scheduler and --workers contradict each other" in refused(result)
    assert not calls
