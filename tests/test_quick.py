"""`sutja train` with the preset `quick`: a run as any other, in seconds and without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import write_wav
from helpers import refused, sutja, write_csv
from lessons import WORDS, body, sound, takes
from models import AUDIO

from sutja import bundle, runs
from sutja.files import write_json
from sutja.predictor import Predictor
from sutja.runs import RunFolder

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def there(tmp_path_factory) -> Path:
    """Words of two people, two clips without a label, and a body."""
    folder = tmp_path_factory.mktemp("own")
    rows = [("file_name", "label", "speaker")]
    for clip in takes(folder / "clips"):
        rows.append((str(clip.path.relative_to(folder)), clip.label, clip.speaker))
    for number in range(2):
        write_wav(folder / f"new_{number}.wav", sound(WORDS["go"], np.random.default_rng(number)), AUDIO.sample_rate)
        rows.append((f"new_{number}.wav", "", ""))
    write_csv(folder / "words.csv", rows)
    bundle.save(body().bundle, folder / "body")
    return folder


def train(there: Path, *arguments: object):
    return sutja("train", there / "words.csv", "--from", there / "body", *arguments)


@pytest.fixture(scope="module")
def run(there) -> Path:
    result = train(there, "--out", there / "run")
    assert result.exit_code == 0, result.output
    return there / "run"


def test_a_run_as_any_other(run):
    names = {path.name for path in run.iterdir()}
    assert names == {
        "config.json", "metrics.json", "history.csv", "out_of_fold.npz", "submission.csv", "model", "report.html",
        "figures",
    }  # fmt: skip
    folder = RunFolder(run)
    metrics = runs.read_metrics(folder)
    assert (metrics.protocol, metrics.n_clips, metrics.labels) == ("speakers", 24, ["go", "lamp on", "stop"])
    assert [row["label"] for row in runs.read_submission(folder)] == ["go", "go"]
    assert runs.read_out_of_fold(folder).accuracy == metrics.headline[1].accuracy
    page = folder.report.read_text(encoding="utf-8")
    assert "a head that was fitted without it" in page
    assert "What ships is that same head" in page
    assert Predictor.load(run).bundle.about["data"]


def test_it_is_said_what_is_done_and_what_came_out(there, tmp_path):
    result = train(there, "--out", tmp_path / "run")
    assert "preset quick: words are taught to" in result.stderr
    assert "teaching takes about 5 s here" in result.stderr
    assert "on voices that it did not learn from; all of them are in the model" in result.stdout
    assert "of other words and noises for one" in result.stdout


def test_one_voice_is_told_what_to_do_next(there, tmp_path):
    takes(tmp_path / "one", speakers=("anna",))
    result = sutja("train", tmp_path / "one", "--from", there / "body", "--out", tmp_path / "run")
    assert "next: How a new voice fares is not measured" in result.stdout
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "What to do next" in report
    assert "<li>How a new voice fares is not measured: " in report


def test_a_finished_run_is_resumed_at_once_and_one_cut_off_is_made(there, run, tmp_path):
    again = shutil.copytree(run, tmp_path / "run")
    before = (again / "model" / "model.json").read_bytes()
    (again / "metrics.json").unlink()
    assert train(there, "--out", again).exit_code == 1  # it holds a run
    result = train(there, "--out", again, "--resume")
    assert result.exit_code == 0, result.output
    assert (again / "model" / "model.json").read_bytes() == before
    said = train(there, "--out", again, "--resume")
    assert said.exit_code == 0
    assert "listening" not in said.stderr


def test_the_same_numbers_again(run, there, tmp_path):
    assert train(there, "--out", tmp_path / "run").exit_code == 0
    first, second = (json.loads((r / "metrics.json").read_text()) for r in (run, tmp_path / "run"))
    assert first | {"seconds": 0} == second | {"seconds": 0}


def test_other_words_of_ones_own(there, run, tmp_path):
    takes(tmp_path / "others", words=("cough",), n_takes=8)
    result = train(there, "--out", tmp_path / "run", "--negatives", tmp_path / "others")
    assert result.exit_code == 0, result.output
    found = runs.read_metrics(RunFolder(tmp_path / "run")).refusal.accepted["other word"].n_clips
    assert found == runs.read_metrics(RunFolder(run)).refusal.accepted["other word"].n_clips + 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--epochs", 3), "preset quick teaches words to a network that is there, and has no use for --epochs"),
        (("--folds", 3), "has no use for --folds; leave it out, or choose robust"),
        (("--seed", 3), "has no use for --seed"),
        (("--synthetic-voices", 3), "has no use for --synthetic-voices"),
        (("--protocol", "copies"), "protocol copies needs networks that learn; choose clips or speakers"),
        (("--spoken", "x=y"), "--spoken x=...: no such label"),
    ],
)
def test_what_means_nothing_here(there, tmp_path, options, message):
    assert message in refused(train(there, "--out", tmp_path / "run", "--preset", "quick", *options))
    assert not (tmp_path / "run").exists()


def test_a_body_for_a_preset_that_has_none(there, tmp_path):
    told = refused(train(there, "--out", tmp_path / "run", "--preset", "fast"))
    assert told == "preset fast trains a network from nothing; leave --from out, or choose quick, robust or words"


def test_a_model_that_is_no_body(there, run, tmp_path):
    told = refused(sutja("train", there / "words.csv", "--from", run, "--out", tmp_path / "run"))
    assert told.startswith("own words cannot be taught on this model")
    assert not (tmp_path / "run").exists()


def test_settings_of_another_run(there, run):
    told = refused(train(there, "--out", run, "--resume", "--false-accept-rate", 0.2))
    assert "was started with other settings" in told


def test_neither_torch_nor_scikit_learn_is_needed(there, tmp_path):
    program = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'matplotlib'): sys.modules[name] = None\n"
        "from sutja.cli import main\n"
        "sys.argv = sys.argv[:1] + ['train', *sys.argv[1:]]\n"
        "main()\n"
    )
    options = [there / "words.csv", "--from", there / "body", "--out", tmp_path / "run"]
    command = [sys.executable, "-c", program, *map(str, options)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "no report is drawn: that needs matplotlib" in ended.stderr
    assert (tmp_path / "run" / "model" / "model.json").exists()
    assert not (tmp_path / "run" / "report.html").exists()


def test_a_folder_that_is_no_run_is_left_alone(there, tmp_path):
    write_json(tmp_path / "mine.json", {})
    told = refused(train(there, "--out", tmp_path))
    assert "exists and is not a run of ours" in told
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]
