"""`sutja predict` of many recordings: when it is a batch, how far it is, and that it says what became of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batches import clips, small_model
from helpers import refused, sutja

from sutja.cli.batches import Meter, Wishes, is_batch
from sutja.engine.choice import Choice
from sutja.outcomes import record_of
from sutja.predictor import Predictor

NOTHING = Wishes(None, None, None, Choice())


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return small_model(tmp_path_factory.mktemp("model"))


def rows(path) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def test_when_it_is_a_batch(tmp_path):
    out = str(tmp_path / "a.csv")
    assert not is_batch(["takes"], None, NOTHING)
    assert not is_batch(["takes", "@list.txt"], out, NOTHING)
    assert is_batch(["takes"], "s3://b/a.csv", NOTHING)
    assert is_batch(["takes"], "a.parquet", NOTHING)
    assert is_batch(["x.tar"], out, NOTHING)
    for wishes in (
        Wishes(5, None, None, Choice()),
        Wishes(None, (1, 2), None, Choice()),
        Wishes(None, None, "key", Choice()),
        Wishes(None, None, None, Choice(n_workers=2)),
    ):
        assert is_batch(["takes"], out, wishes)
    (tmp_path / "a.csv.manifest.json").write_text("{}", encoding="utf-8")
    assert is_batch(["takes"], out, NOTHING)  # it was begun as one


def test_the_whole_way_and_the_same_records_as_without_shards(model, tmp_path):
    paths = clips(tmp_path / "takes", 5)
    (tmp_path / "takes" / "bad.wav").write_bytes(b"no sound")
    (tmp_path / "takes" / "notes.txt").write_bytes(b"")
    asked = ("predict", tmp_path / "takes", "--model", model, "--json", "--out")
    plain = sutja(*asked, tmp_path / "plain.jsonl")
    result = sutja(*asked, tmp_path / "a.jsonl", "--shard-size", 2)
    assert result.exit_code == plain.exit_code == 1
    assert rows(tmp_path / "a.jsonl") == rows(tmp_path / "plain.jsonl")
    assert result.stdout == f"{tmp_path / 'a.jsonl'}: 6 clips; 1 could not be used\n"
    assert "left out: 1 documents" in result.stderr
    again = sutja(*asked, tmp_path / "a.jsonl", "--resume")
    assert again.stdout == f"{tmp_path / 'a.jsonl'}: 6 clips, 6 of them from before; 1 could not be used\n"
    assert "is there already, whole" in refused(sutja(*asked, tmp_path / "a.jsonl"))
    assert len(paths) == 5


def test_shares(model, tmp_path):
    paths, out = clips(tmp_path / "takes", 3), tmp_path / "a.csv"
    asked = ("predict", tmp_path / "takes", "--model", model, "--out", out, "--shard-size", 1)
    for k, n_clips in ((1, 2), (2, 1)):
        told = (
            f"shard {k}/2 of {out}: {n_clips} clips; 0 could not be used; when all are done, --resume without --shard"
        )
        assert sutja(*asked, "--shard", f"{k}/2").stdout.startswith(told)
    assert sutja(*asked, "--resume").exit_code == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1 + len(paths)


def test_a_list_through_standard_input(model, tmp_path):
    paths = clips(tmp_path, 2)
    command = [sys.executable, "-m", "sutja", "predict", "-", "--model", model, "--out", tmp_path / "a.jsonl", "--json"]
    listed = "".join(f"{path}\n" for path in paths)
    ended = subprocess.run([*command, "--shard-size", "1"], input=listed, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    predictor = Predictor.load(model)
    assert rows(tmp_path / "a.jsonl") == [record_of(path, predictor.predict(path)) for path in paths]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.wav", "--shard-size", "5"], "--shard-size needs --out"),
        (["x.tar"], "x.tar needs --out"),
        (["a.wav", "--out", "a.parquet", "--json"], "--json and the name a.parquet contradict each other"),
        (["-", "-", "--out", "a.parquet"], "- is given twice"),
        (["a.wav", "--out", "a.csv", "--shard", "3"], "--shard 3: expected K/N, as 3/16"),
    ],
)
def test_wrong_usage(arguments, told):
    result = sutja("predict", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_errors_are_one_sentence(tmp_path):
    out = tmp_path / "a.txt"
    assert "expected a name that ends with" in refused(sutja("predict", "a.wav", "--out", out, "--shard-size", 2))
    asked = ("predict", "memory://none", "--out", tmp_path / "a.parquet")
    assert "memory://none: nothing there; check the address" in refused(sutja(*asked))
    asked = ("predict", "a.wav", "--out", tmp_path / "a.csv", "--scheduler", "127.0.0.1:9")
    pytest.importorskip("distributed")
    assert "no scheduler answers at" in refused(sutja(*asked))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_keeps_what_is_done(model, tmp_path):
    paths, out = clips(tmp_path / "takes", 400), tmp_path / "a.jsonl"
    command = [sys.executable, "-m", "sutja", "predict", tmp_path / "takes", "--model", model, "--out", out]
    with subprocess.Popen([*command, "--shard-size", "1", "--json"], stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("a.jsonl.parts/*/part-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(60) == 130, told
    assert "stopped: what is done is kept in" in told
    n_done = len(list(tmp_path.glob("a.jsonl.parts/*/part-*")))
    assert 0 < n_done < 400
    result = sutja("predict", tmp_path / "takes", "--model", model, "--out", out, "--resume", "--json")
    assert f"400 clips, {n_done} of them from before" in result.stdout
    assert [row["path"] for row in rows(out)] == list(map(str, paths))


def test_over_the_workers_of_a_cluster(model, tmp_path):
    pytest.importorskip("distributed")
    paths, out = clips(tmp_path / "takes", 4), tmp_path / "a.jsonl"
    asked = ("predict", tmp_path / "takes", "--model", model, "--out", out, "--shard-size", 2)
    result = sutja(*asked, "--json", "--workers", 1)
    assert result.exit_code == 0, result.output
    predictor = Predictor.load(model)
    assert rows(out) == [record_of(path, predictor.predict(path)) for path in paths]


def test_how_far_it_is(capsys):
    now = [0.0]
    meter = Meter(lambda: now[0])
    for seconds, n_done in ((0, 100), (5, 200), (20, 500), (40, 1_100)):
        now[0] = float(seconds)
        meter.reach(n_done, 2_100)
    meter.close()
    assert capsys.readouterr().err.splitlines() == [
        "predicting: 500 of 2100 clips, 20 a second, about 1 min 20 s left",
        "predicting: 1100 of 2100 clips, 25 a second, about 40 s left",
    ]
    meter = Meter(lambda: now[0])
    meter.reach(0, None)
    now[0] += 100
    meter.reach(50, None)
    assert capsys.readouterr().err == "predicting: 50 clips so far, 0 a second\n"


def test_a_bar_where_someone_looks(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    meter = Meter(lambda: 0.0)
    meter.reach(10, 40)
    meter.reach(20, 40)
    meter.close()
    assert "20/40" in capsys.readouterr().err
