"""The folder of a run: what is written is what is read, runs of sutja 0.1 are read, damage is one sentence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from sutja import runs
from sutja.calibration import Refusal, ReliabilityBin
from sutja.clips import Clip
from sutja.errors import RunError
from sutja.groups import GroupShare
from sutja.metrics import Share
from sutja.runs import Advice, Baseline, JudgedRows, LastEpoch, MemberScores, Metrics, RefusedRows, RunFolder

SCORES = MemberScores(
    0.75,
    (0.5, 0.875),
    "Wilson over clips",
    4,
    0.1,
    [[2, 0], [1, 1]],
    {"0": Share(2, 1.0, (0.25, 1.0)), "1": Share(2, 0.5)},
    {"s": Share(4, 0.75)},
    {"sex": {"female": GroupShare(4, 0.75, (0.5, 0.875), 1, 0.25, True)}},
    [ReliabilityBin(4, 0.8, 0.75)],
    fold_accuracy=[1.0, 0.5],
)
METRICS = Metrics(
    "clips",
    4,
    ["0", "1"],
    {"mel": SCORES, "ensemble": SCORES},
    n_speakers=1,
    last_epoch={"mel": LastEpoch(1.0, 0.5)},
    n_parameters=1234,
    n_longer_than_window=1,
    baseline=Baseline("copies", 0.9, 8, (0.8, 1.0)),
    notes=["1 of 5 clips has no label"],
    seconds=1.5,
    advice=[Advice("sound_alike", {"first": "stop", "second": "shop", "n": 3, "of": 8, "more": 3})],
    refusal=Refusal(
        0.03, 0.1, 0.05, {"clip": Share(4, 0.9)}, {"thresholds": [0.5], "false_accepts": [0.1], "false_rejects": [0.2]}
    ),
)


def advised(advice: dict) -> str:
    """A file of metrics with a piece of advice."""
    return json.dumps(dataclasses.asdict(METRICS) | {"advice": [advice]})


@pytest.fixture
def run(tmp_path) -> RunFolder:
    folder = RunFolder(tmp_path / "달리기")
    runs.write_json(folder.settings, {"seed": 929})
    runs.write_metrics(folder, METRICS)
    return folder


def test_metrics_come_back_as_they_were(run):
    assert runs.read_metrics(run) == METRICS
    assert METRICS.headline == ("ensemble", SCORES)
    assert runs.read_baseline(run) == Baseline("clips", 0.75, 4, (0.5, 0.875))
    assert runs.read_settings(run) == {"seed": 929}


def test_metrics_with_little_in_them(run):
    run.metrics.write_text('{"protocol": "clips", "n_clips": 4, "labels": ["0"], "members": {"mel": {"accuracy": 1}}}')
    metrics = runs.read_metrics(run)
    assert metrics.headline == ("mel", MemberScores(1))
    assert metrics.seconds is None


def test_what_a_later_sutja_adds_is_no_trouble(run):
    more = json.loads(run.metrics.read_text(encoding="utf-8")) | {"strings": {"wer": 0.1}}
    run.metrics.write_text(json.dumps(more), encoding="utf-8")
    assert runs.read_metrics(run) == METRICS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON .*; train the run again"),
        ("[1]", "holds no table of names and values; train the run again"),
        ("{}", "metrics.json: protocol is missing; train the run again"),
        ('{"protocol": "clips", "n_clips": 1, "labels": [], "members": {}}', "members is \\{\\}; expected one or more"),
        ('{"protocol": "clips", "n_clips": "1", "labels": [], "members": {}}', "n_clips is '1'; expected int"),
        ('{"protocol": "clips", "n_clips": 1, "labels": "ab", "members": {}}', "labels is 'ab'; expected a list"),
        (
            '{"protocol": "clips", "n_clips": 1, "labels": [], "members": {"mel": {}}}',
            "members.mel.accuracy is missing",
        ),
        (
            '{"protocol": "clips", "n_clips": 1, "labels": [], "members": {"mel": 3}}',
            "members.mel is 3; expected a table",
        ),
        (advised({"kind": "shout"}), r"advice\[0\].kind is 'shout'; expected 'same_recording'"),
        (
            advised({"kind": "more_pairs", "fields": {"m": 1}}),
            r"advice\[0\].fields is .*; expected those of more",
        ),
    ],
)
def test_damaged_metrics_are_one_sentence(run, content, message):
    run.metrics.write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=message):
        runs.read_metrics(run)


def test_what_is_no_run_and_what_is_not_finished(tmp_path, run):
    with pytest.raises(RunError, match=r"is not a run \(no config.json in it\); expected the --out folder"):
        runs.read_settings(RunFolder(tmp_path))
    run.metrics.unlink()
    with pytest.raises(RunError, match=r"is not finished \(no metrics.json in it\); resume it with"):
        runs.read_metrics(run)
    with pytest.raises(RunError, match=r"no metrics to compare with .*expected the folder of a finished run"):
        runs.read_baseline(run)


def test_history_and_submission_come_back(run):
    assert runs.read_history(run) == []
    assert runs.read_submission(run) == []
    runs.write_history(run, [("mel", 1, 1, 2.0, 0.5, 2.1, 0.4, 3.5, 1)])
    runs.write_submission(run, [('a "b", c.wav', "칠")])
    (record,) = runs.read_history(run)
    assert record["member"] == "mel"
    assert [record[name] for name in ("fold", "epoch", "train_loss", "chosen")] == [1, 1, 2.0, 1]
    assert runs.read_submission(run) == [{"file_name": 'a "b", c.wav', "label": "칠"}]
    header = ",".join(runs.HISTORY_COLUMNS)
    run.history.write_text(f"{header}\nmel,one,1,1,1,1,1,1,1\n", encoding="utf-8")
    with pytest.raises(RunError, match="holds a row that is damaged"):
        runs.read_history(run)


CLIPS = [Clip(Path(f"/tmp/{i}.wav"), f"{i}.wav", str(i % 2), f"s{i}") for i in range(3)]


def test_out_of_fold_comes_back_a_row_a_clip(run):
    rows = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.5, 0.5], [0.3, 0.7]], dtype=np.float32)
    judged = JudgedRows([c for c in CLIPS for _ in range(2)], np.arange(6) % 2, ["0", "1"], {"ensemble": rows})
    kept_apart = {"ensemble": rows[:2]}
    runs.write_out_of_fold(run, judged, RefusedRows(["noise", "spliced"], ["", ""], np.array([0, 1]), kept_apart))
    found = runs.read_out_of_fold(run)
    assert [(c.name, c.label, c.speaker) for c in found.clips] == [(c.name, c.label, c.speaker) for c in CLIPS]
    assert np.allclose(found.probabilities, rows.reshape(3, 2, 2).mean(axis=1))
    assert found.targets.tolist() == [0, 1, 0]
    assert (found.protocol, found.labels) == ("clips", ("0", "1"))
    assert found.accuracy == pytest.approx(2 / 3)
    with np.load(run.out_of_fold) as file:
        assert file["folds"].tolist() == [1, 2] * 3  # people count from 1
        assert file["refused_folds"].tolist() == [1, 2]
        assert file["refused_kinds"].tolist() == ["noise", "spliced"]


def test_parts_of_files_come_back(run):
    clips = [
        Clip(run.path / "a.wav", "a", "0", span=(0.1, 0.30000000000000004)),
        Clip(run.path / "b.parquet", "b", "1", row=7),
        Clip(run.path / "c.wav", "c", "1"),
    ]
    rows = np.full((3, 2), 0.5, dtype=np.float32)
    runs.write_out_of_fold(run, JudgedRows(clips, np.zeros(3, int), ["0", "1"], {"ensemble": rows}), None)
    assert list(runs.read_out_of_fold(run).clips) == clips
