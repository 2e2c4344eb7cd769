"""`sutja record`: takes from a recording, a pipe and a microphone; stopped, killed and gone on with."""

from __future__ import annotations

import csv
import datetime
import io
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import write_wav
from helpers import refused, sutja
from microphones import RATE, plugged_in, spoken

from sutja.blocks import Given
from sutja.cli import main
from sutja.cli import record as module
from sutja.cli.record import Session
from sutja.dataset import read
from sutja.pcm import to_pcm16
from sutja.recording import TakeLoop
from sutja.takes import METADATA, Takes


@pytest.fixture
def four(tmp_path) -> Path:
    return write_wav(tmp_path / "four.wav", to_pcm16(spoken(4)), RATE)


def record(
    out: Path, source: Path | str, *arguments: object, words=("stop", "lamp on"), n_takes: int = 2, speaker="안나"
):
    return sutja(
        "record", *words, "--speaker", speaker, "--takes", n_takes, "--out", out, "--input", source, *arguments
    )


def table(out: Path) -> list[dict[str, str]]:
    with (out / METADATA).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sounds(out: Path) -> dict[str, bytes]:
    return {row["file_name"]: (out / row["file_name"]).read_bytes()[-4000:] for row in table(out)}


def test_takes_out_of_a_recording(tmp_path, four):
    out = tmp_path / "my_words"
    result = record(out, four)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}: 2 of stop, 2 of lamp on by 안나\n"
    assert [row["label"] for row in table(out)] == ["stop", "stop", "lamp on", "lamp on"]
    for row in table(out):
        assert (row["speaker"], row["device"]) == ("안나", str(four))
        assert datetime.datetime.fromisoformat(row["recorded"]).tzinfo is not None
    assert len(read(out).labelled) == 4
    again = record(out, tmp_path / "not there.wav")
    assert again.exit_code == 0
    assert "nothing is missing: 2 of stop, 2 of lamp on" in again.stdout


def test_a_pipe_is_heard_the_same_and_what_is_missing_is_named(tmp_path, four):
    record(tmp_path / "a", four)
    raw = to_pcm16(spoken(3)).tobytes()
    arguments = ["record", "stop", "lamp on", "--speaker", "안나", "--takes", "2", "--out", str(tmp_path / "b")]
    result = CliRunner().invoke(main, [*arguments, "--input", "-", "--sample-rate", str(RATE)], input=raw)
    assert result.exit_code == 1
    assert result.stderr.endswith("sutja: takes are missing: 1 of lamp on; the same command goes on\n")
    assert result.stdout == f"{tmp_path / 'b'}: 2 of stop, 1 of lamp on by 안나\n"
    first = sounds(tmp_path / "a")
    assert sounds(tmp_path / "b") == {name: first[name] for name in list(first)[:3]}


def test_bad_takes_are_told_and_asked_for_again(tmp_path):
    path = write_wav(tmp_path / "bad.wav", spoken(4, loud=(3.0, 0.4, 0.006, 0.4)), RATE)
    result = record(tmp_path / "out", path, words=["go"])
    assert result.exit_code == 0
    assert "go: clipped: go further away, or turn the microphone down (at 0.4" in result.stderr
    assert "go: too quiet: come nearer" in result.stderr
    assert len(table(tmp_path / "out")) == 2


def test_killed_and_gone_on_with(tmp_path, four):
    record(tmp_path / "whole", four, n_takes=2)
    out, raw = tmp_path / "killed", to_pcm16(spoken(4)).tobytes()
    command = [
        *(sys.executable, "-m", "sutja", "record", "stop", "lamp on", "--speaker", "안나", "--takes", "2"),
        *("--out", str(out), "--input", "-", "--sample-rate", str(RATE)),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    process.stdin.write(raw[: round(1.9 * RATE) * 2])  # up to the middle of the second pause
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while not (out / METADATA).exists() or not table(out):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert 1 <= len(table(out)) <= 2
    ended = subprocess.run(command, input=raw, check=False, capture_output=True)
    assert ended.returncode == 0, ended.stderr
    assert b"the same recording is there already: passed over" in ended.stderr
    assert [row["label"] for row in table(out)] == ["stop", "stop", "lamp on", "lamp on"]
    assert sounds(out) == sounds(tmp_path / "whole")


USAGE = {
    "no words": ([], "Missing argument 'WORDS...'"),
    "no takes": (["go", "--takes", "0"], "0 is not in the range x>=1"),
    "two sources": (["go", "--input", "a.wav", "--device", "1"], "--device is of a microphone"),
    "no keys": (["go"], "standard input is no terminal, so no key can be pressed; add --hands-free or --input"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage(tmp_path, name):
    arguments, message = USAGE[name]
    result = sutja("record", *arguments, "--speaker", "a", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr


def test_what_cannot_be_recorded(tmp_path, four):
    assert "are the same word" in refused(record(tmp_path / "out", four, words=["go", "go"]))
    assert "a word is blank" in refused(record(tmp_path / "out", four, words=[" "]))
    assert "a word has 101 letters; expected at most 100" in refused(record(tmp_path / "out", four, words=["x" * 101]))
    assert "_silence_ is what data sets call" in refused(record(tmp_path / "out", four, words=["_silence_"]))
    assert "is a file; expected a folder" in refused(record(four, four))
    assert not (tmp_path / "out").exists()
    assert "no such file" in refused(record(tmp_path / "out", tmp_path / "none.wav"))


# -- a microphone and keys --------------------------------------------------------------------------------------------


def test_a_url_is_no_place_for_takes(tmp_path, four, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "is a URL; expected a folder of this machine" in refused(record(Path("s3://bucket/takes"), four))
    assert list(tmp_path.iterdir()) == [four]


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "C:\\go", "~", "con", "x" * 100])
def test_words_that_are_paths_stay_in_the_folder(tmp_path, four, name):
    out = tmp_path / "out"
    assert record(out, four, "--takes", "1", words=[name]).exit_code == 0
    (row,) = table(out)
    assert row["label"] == name
    assert (out / row["file_name"]).resolve().is_relative_to(out.resolve())
    assert [path.name for path in tmp_path.iterdir() if path != four] == ["out"]


class Hands:
    """Presses keys when so many seconds were heard."""

    def __init__(self, loop: TakeLoop, *keys: tuple[float, str]) -> None:
        self.loop, self.keys = loop, list(keys)

    def __call__(self) -> str:
        if self.keys and self.loop.seconds >= self.keys[0][0]:
            return self.keys.pop(0)[1]
        return ""


def session(out: Path, waveform: np.ndarray, *keys: tuple[float, str], n_takes: int = 2) -> tuple[int, Takes, TakeLoop]:
    takes = Takes(out, "anna")
    loop = TakeLoop(["go"], n_takes, RATE, hands_free=False)
    blocks = Given("mic", RATE, iter([waveform]))
    return Session(loop, takes, blocks).run(Hands(loop, *keys)), takes, loop


def test_keys(tmp_path, monkeypatch, capsys):
    device = plugged_in(monkeypatch, spoken(1))
    status, takes, loop = session(
        tmp_path, spoken(5), (0.1, "u"), (0.2, "\r"), (1.2, "p"), (1.25, "u"), (1.3, "\n"), (2.1, "r"), (3.1, " "),
    )  # fmt: skip
    assert status == 0
    assert (takes.counts(), loop.ask) == ({"go": 2}, None)
    told = capsys.readouterr().err
    assert "nothing was taken yet" in told
    assert told.count("is gone again") == 2
    assert len(device.played) == 1


def test_quitting_keeps_what_is_there(tmp_path):
    status, takes, loop = session(tmp_path, spoken(5), (0.1, "\r"), (1.4, "q"))
    assert (status, takes.counts(), loop.missing) == (0, {"go": 1}, {"go": 1})


def test_playing_without_a_loudspeaker_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    session(tmp_path, spoken(3), (0.05, "p"), (0.1, "\r"), (1.3, "p"), (1.4, "q"))
    told = capsys.readouterr().err
    assert "nothing was taken yet" in told
    assert "sounddevice is not installed" in told


def test_ctrl_c_is_130_and_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    plugged_in(monkeypatch, spoken(2))
    monkeypatch.setattr(TakeLoop, "feed", interrupted)
    result = sutja("record", "go", "--speaker", "anna", "--out", tmp_path / "out", "--hands-free")
    assert result.exit_code == 130
    assert "takes are missing: 5 of go; the same command goes on" in result.stderr


def test_a_microphone_that_goes_away_loses_nothing(tmp_path, monkeypatch):
    plugged_in(monkeypatch, spoken(2), overflow_at=0)
    result = sutja("record", "go", "--speaker", "anna", "--out", tmp_path / "out", "--hands-free")
    assert "USB Audio: no sound comes from it any more; it was unplugged" in refused(result)
    assert "go: sound was lost meanwhile" in result.stderr
    assert [row["device"] for row in table(tmp_path / "out")] == ["USB Audio"] * 2


def test_the_meter_is_for_those_who_look(tmp_path, monkeypatch):
    told = io.StringIO()
    monkeypatch.setattr(module, "click", types.SimpleNamespace(echo=lambda text, **_: told.write(text)))
    live = Session(TakeLoop(["go"], 1, RATE), Takes(tmp_path, "anna"), Given("mic", RATE, iter([])))
    live._meter(spoken(1))
    assert told.getvalue() == ""
    live._is_live = True
    live._meter(spoken(1))
    live._meter(np.ones(100, dtype=np.float32))
    assert "-6.0 dBFS" in told.getvalue()
    assert f"{'#' * 30}    0.0 dBFS CLIPPED" in told.getvalue()


def test_devices_are_listed(monkeypatch):
    plugged_in(monkeypatch, spoken(1))
    result = sutja("record", "--list-devices")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "1: USB Audio (16000 Hz, 1 channel), the default", "3: Webcam\\nmic (16000 Hz, 2 channels)",
    ]  # fmt: skip
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert "pip install 'sutja[mic]'" in refused(sutja("listen", "--list-devices"))
