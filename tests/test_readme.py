"""The README's commands and examples, run in its own order as a new user would."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import TINY_RATE, tone, write_wav

from sutja import config
from sutja.cli import main
from sutja.dataset import scan

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), flags=re.M | re.S)


@pytest.fixture
def home(tmp_path, tiny_dataset, monkeypatch):
    """A folder with the recordings that the README speaks of, and a study that takes seconds."""
    for name in ("my_recordings", "other_voices"):
        (tmp_path / name).symlink_to(tiny_dataset)
    (tmp_path / "new_clips").mkdir()
    for path in (tmp_path / "new_clips" / "first.wav", tmp_path / "seven.wav"):
        write_wav(path, tone(440, 0.4, TINY_RATE), TINY_RATE)
    short = config.PRESETS["robust"]
    short = replace(short, train=replace(short.train, epochs=2, n_copies=1, n_folds=3, min_steps=0))
    monkeypatch.setitem(config.PRESETS, "robust", short)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_and_the_example(home, capsys):
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("sutja ")]
    assert len(commands) >= 4
    for line in commands:
        result = CliRunner().invoke(main, shlex.split(line, comments=True)[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    told = re.findall(r"^\| `(\w+\.\w+|\w+/)`", README.read_text(encoding="utf-8"), flags=re.M)
    assert {"report.html", "config.json", "model/", "figures/"} <= set(told)
    for name in told:
        # Predictions are for rows without a label, which these recordings have none of.
        assert (home / "runs" / "mine" / name).exists() == (name != "submission.csv"), name
    (example,) = blocks("python")
    exec(compile(example, str(README), "exec"), {})
    label, probability = capsys.readouterr().out.split()[-2:]
    assert label in scan(home / "my_recordings").labels
    assert 0 < float(probability) <= 1


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert (README.parent / link).exists(), link
