"""`sutja study` as people call it: what it hands on, says and refuses; the study itself is made in test_study."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("nbclient")

from helpers import refused, sutja
from studies import write_project

from sutja import study


@pytest.fixture
def asked(monkeypatch) -> list[study.Asked]:
    """What the study was asked for; nothing is done."""
    all_asked = []

    def conduct(asked, progress, on_note):
        all_asked.append(asked)
        return asked.out / "study.html"

    monkeypatch.setattr(study, "conduct", conduct)
    monkeypatch.setattr(study, "in_short", lambda out, language: [f"97 % {language}"])
    return all_asked


def test_what_is_asked_is_handed_on(asked, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    more = ("--epochs", 3, "--jobs", 1, "--resume", "--speaker-from", "SPEAKER_*")
    result = sutja("study", tmp_path, "--out", tmp_path / "run", *more)
    assert result.exit_code == 0, result.output
    (one,) = asked
    assert (one.project, one.out, one.epochs, one.language) == (tmp_path, tmp_path / "run", 3, "en")
    assert (one.n_jobs, one.resume, one.speaker_from) == (1, True, "SPEAKER_*")
    assert result.stdout == "97 % en\n"
    assert "study.ipynb in Jupyter" in result.stderr


def test_the_language_is_the_locales_or_what_is_said(asked, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    result = sutja("study", tmp_path, "--out", tmp_path / "run")
    assert result.stdout == "97 % ko\n"
    assert "study.html을 열어 보세요" in result.stderr
    assert sutja("study", tmp_path, "--out", tmp_path / "run", "--lang", "en").stdout == "97 % en\n"
    assert sutja("study", tmp_path, "--out", tmp_path / "run", "--lang", "de").exit_code == 2


def test_stopped(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "conduct", stop)
    result = sutja("study", tmp_path, "--out", tmp_path / "run", "--lang", "en")
    assert result.exit_code == 1
    assert "the same command with --resume goes on from here" in result.stderr


def test_one_experiment(tmp_path):
    project = write_project(tmp_path / "project")
    result = sutja("study", project, "--out", tmp_path / "run", "--experiment", "plots", "--lang", "ko")
    assert result.exit_code == 0, result.output
    assert "1000 Hz 음은 어디에 그려질까요?" in result.stdout
    assert "experiment_plots.png" in result.stderr
    assert (tmp_path / "run" / "figures" / "experiment_plots.png").exists()
    told = refused(sutja("study", project, "--out", tmp_path / "other", "--experiment", "nothing"))
    assert "expected one of checkpoint, copies, speakers" in told
    assert not (tmp_path / "other").exists()


def test_without_torch(tmp_path, monkeypatch):
    monkeypatch.setattr("sutja.cli.study.find_spec", lambda name: None)
    told = refused(sutja("study", tmp_path, "--out", tmp_path / "run"))
    assert "pip install 'sutja[study]'" in told


def test_nothing_there(tmp_path):
    told = refused(sutja("study", tmp_path / "nowhere", "--out", tmp_path / "run"))
    assert "no such folder or file" in told
    assert not (tmp_path / "run").exists()
