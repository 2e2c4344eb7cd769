"""The commands and examples of README and guide, run in their own order as a new user would."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import TINY_RATE, tone, write_wav
from service import running

import sutja
from sutja import config, timing
from sutja.cli import COMMANDS, main

README = Path(__file__).parents[1] / "README.md"
DOCS = README.parent / "docs"

SERVE = "sutja serve"  # does not end by itself


def blocks(language: str, page: Path) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)


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
    for name in ("N_ROUNDS", "N_MANY", "N_STARTS"):
        monkeypatch.setattr(timing, name, 1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands(page: Path) -> list[str]:
    return [line for block in blocks("sh", page) for line in block.splitlines() if line.startswith("sutja ")]


def told_files() -> list[str]:
    """What the guide's table says that a run leaves."""
    guide = (DOCS / "guide.md").read_text(encoding="utf-8")
    table = guide.partition("## What a run leaves\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.+?) \|", table, flags=re.M)
    names = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert {"report.html", "history.csv", "config.json", "model/", "figures/"} <= set(names)
    return names


def test_the_commands(home):
    pytest.importorskip("torch")
    readme, guide = commands(README), commands(DOCS / "guide.md")
    assert SERVE in readme
    assert SERVE in guide
    for line in dict.fromkeys([*readme, *guide]):  # what stands on both pages is run once
        if line != SERVE:
            result = CliRunner().invoke(main, shlex.split(line, comments=True)[1:])
            assert result.exit_code == 0, f"{line}\n{result.output}"
    for name in told_files():
        # Predictions are for rows without a label, which these recordings have none of.
        assert (home / "runs" / "mine" / name).exists() == (name != "submission.csv"), name


def test_the_guide_has_every_command():
    guide = (DOCS / "guide.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"sutja {name}" in guide, name
    lines = commands(DOCS / "guide.md")
    assert len(set(lines)) == len(lines)


def test_the_example(home, capsys):
    (example,) = blocks("python", README)
    exec(compile(example, str(README), "exec"), {})
    label, probability = capsys.readouterr().out.split()[-2:]
    assert label in {*sutja.load().labels, "None"}
    assert 0 < float(probability) <= 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("page", ["guide.md", "http.md"])
def test_the_service_is_asked_as_told(home, page):
    lines = [line for block in blocks("sh", DOCS / page) for line in block.splitlines()]
    asks = [line for line in lines if line.startswith("curl ")]
    assert asks
    assert any(line.startswith(SERVE) for line in lines)
    with running() as service:
        for line in asks:
            asked = line.replace("http://127.0.0.1:8765/", service.url)
            assert asked != line
            found = subprocess.run(shlex.split(asked), check=True, capture_output=True, cwd=home).stdout
            assert (b'"strings"' if "/v1/transcribe" in line else b'"probabilities"') in found
