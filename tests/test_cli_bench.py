"""`sutja bench`: a table to paste, or JSON."""

from __future__ import annotations

import json

import pytest
from helpers import refused, sutja

from sutja import timing
from sutja.timing import StreamTiming, Timing

FOUND = Timing(0.1, 0.2, 0.3, 0.25, 0.66, 0.9, 2345.6, 0.312, 76.4, "digits-en", {
    "processor": "A chip", "cores": 2, "system": "Linux x86_64", "python": "3.11", "sutja": "0.1.0",
    "numpy": "2.4", "onnxruntime": "1.31",
})  # fmt: skip


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    monkeypatch.setattr("sutja.cli.bench.measure", lambda _: FOUND)


def test_a_table_that_can_be_pasted():
    result = sutja("bench")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == ["| digits-en, a clip of half a second | |", "|---|---|"]
    assert "| bytes to label, median | 0.66 ms |" in lines
    assert "| many clips, 2 cores | 2346 clips/s |" in lines
    assert "| `sutja predict one.wav`, shell to answer | 0.31 s |" in lines
    assert "| its largest size in memory | 76 MB |" in lines
    assert lines[-1].startswith("A chip, 2 cores, Linux x86_64; Python 3.11, numpy 2.4")
    assert "measuring; less than a minute" in result.stderr


def test_json():
    told = json.loads(sutja("bench", "--json").stdout)
    assert (told["p50_ms"], told["cold_start_mb"]) == (0.66, 76.4)
    assert told["machine"]["cores"] == 2


def test_where_the_system_does_not_tell_of_memory(monkeypatch):
    from dataclasses import replace

    silent = replace(FOUND, cold_start_s=None, cold_start_mb=None)
    monkeypatch.setattr("sutja.cli.bench.measure", lambda _: silent)
    assert sutja("bench").stdout.count("| not known here |") == 2


def test_a_model_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr("sutja.cli.bench.measure", timing.measure)
    assert "no model.json there" in refused(sutja("bench", "--model", tmp_path))


def test_listening(monkeypatch):
    listened = StreamTiming(0.2871, 0.3064, 0.25, 0.05, 20, 20, 0.0163, 0.0139, "digits-en", FOUND.machine)
    monkeypatch.setattr("sutja.cli.bench.measure_stream", lambda _: listened)
    lines = sutja("bench", "--stream").stdout.splitlines()
    assert lines[:2] == ["| digits-en, listening as to a microphone | |", "|---|---|"]
    assert "| a word's end to its answer, 95 of 100 within | 0.306 s |" in lines
    assert "| words told, of those said | 20 of 20 |" in lines
    assert "| share of one core, nobody speaks | 1.4 % |" in lines
    assert lines[-1].startswith("A chip, 2 cores")
    assert json.loads(sutja("bench", "--stream", "--json").stdout)["p95_s"] == 0.3064
