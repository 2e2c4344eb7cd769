"""`sutja train`: killed and resumed, refused, and told."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from conftest import TINY_RATE, tone, write_wav
from helpers import (
    TINY,
    nothing_half_written,
    read_csv,
    read_json,
    refused,
    same_results,
    sutja,
    tiny_study,
    write_csv,
    write_study,
)

from sutja.config import DEFAULT_PRESET, PRESETS, preset
from sutja.diagnosis import diagnose_run
from sutja.engine.choice import LOCAL, Choice
from sutja.runs import Metrics, RunFolder


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


def start(study: Path, run: Path, *more: str) -> subprocess.Popen[str]:
    """Start the tiny study's training in processes of their own, and wait until its first epoch is saved."""
    command = [sys.executable, "-m", "sutja", "train", study / "train.csv", "--out", run, *TINY, *more]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 120
    while not list(run.glob("work/*.checkpoint.npz")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("jobs", [("1", "2"), ("2", "1")])
def test_killed_in_the_middle_and_resumed_is_as_undisturbed(study, tmp_path, monkeypatch, jobs):
    # tiny_study's own run is the undisturbed one: one process, never cut off.
    run, with_report = tmp_path / "run", jobs[0] == "2"
    if not with_report:  # which takes most of the time
        monkeypatch.setattr("sutja.recipe.write_report", lambda run, found: run)
    process = start(study, run, "--jobs", jobs[0])
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (run / "metrics.json").exists()
    assert len(list(run.glob("work/m*_?.npz"))) < 4, "it was to be killed while it trains"
    result = sutja("train", study / "train.csv", "--out", run, *TINY, "--jobs", jobs[1], "--resume")
    assert result.exit_code == 0, result.output
    same_results(study / "run", run)
    nothing_half_written(run)
    assert (run / "submission.csv").read_bytes() == (study / "run" / "submission.csv").read_bytes()
    expected = {p.name for p in (study / "run").iterdir()} - (set() if with_report else {"report.html", "figures"})
    assert {p.name for p in run.iterdir()} == expected


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")
def test_ctrl_c_says_how_to_go_on(study, tmp_path):
    process = start(study, tmp_path / "run", "--jobs", "2", "--epochs", "500")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
    try:
        _, told = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 1
    assert "Traceback" not in told
    assert "stopped; the same command with --resume goes on from here" in told


def test_a_finished_run_is_resumed_at_once(study, tmp_path, monkeypatch):
    monkeypatch.setattr("sutja.recipe.write_report", lambda run, found: run)
    run = shutil.copytree(study / "run", tmp_path / "run")
    monkeypatch.setattr("sutja.recipe.hear", None)  # would fail
    result = sutja("train", study / "train.csv", "--out", run, *TINY, "--resume")
    assert result.exit_code == 0, result.output
    same_results(study / "run", run)
    assert "ensemble" in result.stdout
    assert f"predictions of unlabelled clips: {run / 'submission.csv'}" in result.stdout


def test_what_is_told(study, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("sutja.recipe.write_report", lambda run, found: drawn.append(found))
    run = shutil.copytree(study / "run", tmp_path / "run")
    result = sutja("train", study / "train.csv", "--out", run, *TINY, "--resume")
    begins = [line.split()[0] for line in result.stdout.splitlines()]
    assert begins == ["mel", "mfcc", "ensemble", "report:", "predictions"]
    assert drawn == [diagnose_run(RunFolder(run))]  # the report says the same, and does not look again
    assert "39 clips, layout csv" in result.stderr
    assert "protocol speakers: 4 speakers for 2 folds" in result.stderr
    assert "careful: " in result.stderr
    assert "of the 4 networks were still getting better when training stopped after 3 epochs" in result.stderr
    assert "Train for longer: `sutja train DATA --out RUN --epochs 50`." in result.stderr


NO_METRICS = Metrics("clips", 0, [], {})


def asked(monkeypatch, *arguments):
    """The plan that a command line makes."""
    plans = []
    for way in ("recipe", "quick"):
        monkeypatch.setattr(f"sutja.{way}.train", lambda plan, bars: plans.append(plan) or NO_METRICS)
    result = sutja("train", *arguments)
    assert result.exit_code == 0, result.output
    return plans[0]


def test_a_cluster_is_asked_for(study, tmp_path, monkeypatch):
    more = ["--out", tmp_path / "run", "--skip-unreadable"]
    plan = asked(monkeypatch, study / "train.csv", *more, "--scheduler", "tcp://a:1", "--patience", 60)
    assert plan.engine == Choice(scheduler="tcp://a:1", patience=60.0)
    assert plan.config.preset == "robust"
    assert asked(monkeypatch, study / "train.csv", *more).engine == LOCAL


def test_options_become_settings(study, tmp_path, monkeypatch):
    options = ["--epochs", 3, "--folds", 4, "--copies", 2, "--seed", 5, "--jobs", 3, "--protocol", "clips"]
    options += ["--false-accept-rate", 0.1, "--precision", "bfloat16"]
    plan = asked(monkeypatch, study / "train.csv", "--out", tmp_path / "run", *options)
    train = plan.config.train
    assert (train.epochs, train.n_folds, train.n_copies, train.seed) == (3, 4, 2, 5)
    assert train.precision == "bfloat16"
    assert train.min_steps == 0  # epochs that were asked for are what is done
    assert plan.config.refusal.false_accept_rate == 0.1
    assert (plan.protocol, plan.n_jobs, plan.resume, plan.skip_unreadable) == ("clips", 3, False, False)
    plan = asked(monkeypatch, study / "train.csv", "--out", tmp_path / "run", "--resume", "--skip-unreadable")
    assert plan.config.preset == "quick"
    assert plan.resume
    assert plan.skip_unreadable


def test_without_options_it_is_the_preset(study, tmp_path, monkeypatch):
    plan = asked(monkeypatch, study / "train.csv", "--out", tmp_path / "run")
    assert plan.config == preset("quick")
    monkeypatch.setattr("sutja.plan.QUICK_BELOW", 3)
    plan = asked(monkeypatch, study / "train.csv", "--out", tmp_path / "run")
    assert plan.config == preset(DEFAULT_PRESET) == preset("robust")
    for name in PRESETS:
        plan = asked(monkeypatch, study / "train.csv", "--out", tmp_path / "run", "--preset", name)
        assert plan.config == preset(name)


def test_the_language_and_its_words(study, tmp_path, monkeypatch):
    options = ["--language", "de", "--spoken", "2=zwo", "--spoken", "1 = ein = 1", "--synthetic-voices", 3]
    config = asked(monkeypatch, study / "train.csv", "--out", tmp_path / "run", *options).config
    assert (config.language, config.spoken) == ("de", {"2": "zwo", "1": "ein = 1"})
    assert config.n_synthetic_voices == 3


@pytest.mark.parametrize(("folds", "protocol"), [("4", "speakers"), ("5", "clips")])
def test_the_protocol_is_speakers_where_there_are_enough(study, tmp_path, monkeypatch, folds, protocol):
    plan = asked(monkeypatch, study / "train.csv", "--out", tmp_path / "run", "--folds", folds)
    assert plan.protocol == protocol


def test_the_protocol_is_clips_where_a_speaker_is_not_known(study, tmp_path, monkeypatch):
    rows = [(row["file_name"], row["label"], row["speaker"]) for row in read_csv(study / "train.csv")]
    rows[0] = (*rows[0][:2], "")
    table = write_csv(tmp_path / "t.csv", [("file_name", "label", "speaker"), *rows])
    plan = asked(monkeypatch, table, "--audio-root", study, "--out", tmp_path / "run", "--folds", 4)
    assert plan.protocol == "clips"


# -- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--epochs", "0"), "train.epochs is 0; expected at least 1"),
        (("--folds", "1"), "train.n_folds is 1; expected at least 2"),
        (("--copies", "0"), "train.n_copies is 0; expected at least 1"),
        (("--seed", "-1"), "train.seed is -1; expected 0 to 4294967295"),
        (("--folds", "40"), "label '0' has 12 clips; expected at least 40 for 40 folds; record more, or change"),
        (("--folds", "5", "--protocol", "speakers"), "4 speakers for 5 folds; use --folds 4 or less, or --protocol"),
        (("--rename", "9=8"), "rename 9=...: no such label; there are 0, 1, 2"),
        (("--split", "test"), "no clip is marked test; leave the split out"),
        (("--layout", "fsdd"), "layout"),
        (("--protocol", "copies"), "protocol `copies` is the study's own; use it with --preset reference, or choose"),
        (("--protocol", "corpora"), "one corpus only; expected two or more to hold out in turn; give several DATA"),
        (("--false-accept-rate", "0"), "refusal.false_accept_rate is 0.0; expected above 0 to below 1"),
        (("--false-accept-rate", ".1", "--preset", "reference"), "preset reference cannot refuse; leave --false-acc"),
        (("--language", "german"), "language is 'german'; expected the code of a language, such as en, ko or pt-br"),
        (("--spoken", "2"), "--spoken 2: expected LABEL=TEXT, for example 2=zwo"),
        (("--spoken", "=zwo"), "--spoken =zwo: expected LABEL=TEXT"),
        (("--spoken", "2="), "--spoken 2=: expected LABEL=TEXT"),
        (("--spoken", "2=a", "--spoken", "2=b"), "--spoken 2=b: label '2' is there twice; expected one text for each"),
        (("--spoken", "9=neun"), "--spoken 9=...: no such label; there are 0, 1, 2"),
        (
            ("--synthetic-voices", "1"),
            "synthetic voices are to say '0', '1', '2', and in which language is not known; ",
        ),
        (("--synthetic-voices", "1", "--language", "tlh"), "language 'tlh' is not known to eSpeak; expected one of"),
        (("--refuse", "9"), "refuse 9: no such label; there are 0, 1, 2"),
        (("--drop", "9"), "drop 9: no such label; there are 0, 1, 2"),
        (("--refuse", "2", "--preset", "reference"), "preset reference cannot refuse; leave --refuse and --negatives"),
    ],
)
def test_refused_and_nothing_left(study, tmp_path, options, message):
    assert message in refused(sutja("train", study / "train.csv", "--out", tmp_path / "run", *options))
    assert not (tmp_path / "run").exists()


def test_recordings_of_rooms_that_are_none_leave_no_run(study, tmp_path):
    (tmp_path / "hall.wav").write_bytes(b"no sound at all")
    asked = (
        "train",
        study / "train.csv",
        "--out",
        tmp_path / "run",
        "--preset",
        "words",
        "--rooms",
        tmp_path / "hall.wav",
    )
    assert "hall.wav: cannot be decoded" in refused(sutja(*asked))
    assert "holds no recording" in refused(sutja(*asked[:-2], "--noise", tmp_path / "nowhere"))
    assert not (tmp_path / "run").exists()


def test_data_that_is_not_there(tmp_path):
    assert "no such folder or file" in refused(sutja("train", tmp_path / "missing", "--out", tmp_path / "run"))
    (tmp_path / "empty").mkdir()
    assert "holds no sound files" in refused(sutja("train", tmp_path / "empty", "--out", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_one_label_only(tmp_path):
    for i in range(12):
        write_wav(tmp_path / "words" / "seven" / f"{i}.wav", tone(440, 0.3, TINY_RATE), TINY_RATE)
    told = refused(sutja("train", tmp_path / "words", "--out", tmp_path / "run"))
    assert told == "only one label, 'seven'; expected at least two to tell apart; add clips of another"
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_there(study, tmp_path):
    before = (study / "run" / "metrics.json").read_bytes()
    told = refused(sutja("train", study / "train.csv", "--out", study / "run", *TINY))
    assert "holds a run already; resume it with --resume, or choose another --out" in told
    told = refused(sutja("train", study / "train.csv", "--out", study / "run", *TINY, "--resume", "--epochs", 4))
    assert "was started with other settings; resume it with the same, or choose another --out" in told
    assert (study / "run" / "metrics.json").read_bytes() == before


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_names_that_are_not_utf_8(tmp_path):
    root = tmp_path / os.fsdecode(b"d\xe4ten")
    write_study(root)
    run = tmp_path / os.fsdecode(b"l\xe4ufe") / "1"
    result = sutja("train", root / "train.csv", "--out", run, *TINY, "--epochs", "1", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert (run / "report.html").exists()
    assert r"l\xe4ufe" in result.stdout
    assert read_json(run / "config.json")["data"]["roots"] == [os.fspath(tmp_path) + r"/d\xe4ten"]


# -- real recordings --------------------------------------------------------------------------------------------------


@pytest.mark.corpus
def test_the_reference_preset_on_real_recordings(corpora, tmp_path):
    recordings = sorted((corpora / "fsdd" / "recordings").glob("[012]_*_[0-4].wav"))
    by_label = {label: [p for p in recordings if p.name[0] == label][:20] for label in "012"}
    rows = [(f"recordings/{p.name}", label) for label, paths in by_label.items() for p in paths]
    assert len(rows) == 60
    unlabelled = [("recordings/9_jackson_0.wav", ""), ("recordings/0_theo_7.wav", "")]
    table = write_csv(tmp_path / "train.csv", [("file_name", "label"), *rows, *unlabelled])
    arguments = ["train", table, "--audio-root", corpora / "fsdd", "--out", tmp_path / "run", "--protocol", "copies"]
    arguments += ["--preset", "reference"]
    result = sutja(*arguments, "--epochs", 3, "--folds", 2, "--jobs", 1)
    assert result.exit_code == 0, result.output
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert metrics["n_clips"] == 60
    assert metrics["n_parameters"] == 84_522 - 7 * 33
    assert read_json(tmp_path / "run" / "config.json")["config"]["preset"] == "reference"
    assert metrics["last_epoch"]["mel"]["train_accuracy"] > 0.6  # three words, chance is a third
    submission = read_csv(tmp_path / "run" / "submission.csv")
    assert [row["file_name"] for row in submission] == [name for name, _ in unlabelled]
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
