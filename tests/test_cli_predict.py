"""`sutja predict`: what can be heard is told, what cannot is told too, and the exit status says so."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import refused, sutja, sutja_process, tiny_study

FORMS = [(), ("--json",), ("--csv",)]


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


@pytest.fixture(scope="module")
def good(study) -> Path:
    return study / "clips" / "1_03_1.wav"


def predict(study, *arguments):
    return sutja("predict", *arguments, "--model", study / "run")


def objects(result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_files_folders_and_globs(study, good, tmp_path):
    folder = tmp_path / "내 녹음"
    folder.mkdir()
    for name in ("b.wav", "a b.wav", "하나.wav"):
        shutil.copy(good, folder / name)
    result = predict(study, folder, str(folder / "*b.wav"), good, "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    found = objects(result)
    in_folder = [str(folder / name) for name in ("a b.wav", "b.wav", "하나.wav")]
    assert [o["path"] for o in found] == [*in_folder, *in_folder[:2], str(good)]
    assert len({json.dumps(o["probabilities"]) for o in found}) == 1  # copies of one clip
    assert "하나" in result.stdout  # readable, not \\uXXXX
    assert {"path", "label", "probability", "probabilities"} <= set(found[0])


def make_bad(tmp_path: Path) -> dict[str, Path]:
    """Everything that is no recording, by what its message has to say."""
    text = tmp_path / "text.wav"
    text.write_text("no sound", encoding="utf-8")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "no sounds").mkdir()
    header = tmp_path / "header.wav"
    header.write_bytes(b"RIFF\x24\0\0\0WAVE")
    return {
        "cannot be decoded": text,
        "the file is empty": tmp_path / "empty.wav",
        "no such file": tmp_path / "missing.wav",
        "is a folder": tmp_path / "no sounds",
        "no such file; check": tmp_path / "*.flac",
        "cannot be decoded (": header,
        "name too long": tmp_path / ("x" * 300 + ".wav"),
    }


@pytest.mark.parametrize("form", FORMS, ids=["text", "json", "csv"])
def test_a_bad_recording_is_told_and_the_others_still_come(study, good, tmp_path, form):
    bad = make_bad(tmp_path)
    paths = [good, *(path for path in bad.values()), good]
    result = predict(study, *paths, *form)
    assert result.exit_code == 1
    if form == ("--json",):
        found = objects(result)
        assert [o["path"] for o in found] == [str(path) for path in paths]
        assert ["label" in o for o in found] == [True, *[False] * len(bad), True]
        errors = [o["error"] for o in found[1:-1]]
        assert all(set(o) == {"path", "error"} for o in found[1:-1])
        assert result.stderr == ""
    elif form == ("--csv",):
        found = list(csv.DictReader(io.StringIO(result.stdout)))
        assert [row["path"] for row in found] == [str(path) for path in paths]
        assert [bool(row["label"]) for row in found] == [True, *[False] * len(bad), True]
        errors = [row["error"] for row in found[1:-1]]
        assert result.stderr == ""
    else:
        assert [line.rpartition(":")[0] for line in result.stdout.splitlines()] == [str(good)] * 2
        errors = [line.removeprefix("sutja: ") for line in result.stderr.splitlines()]
    assert len(errors) == len(bad)
    for (reason, path), error in zip(bad.items(), errors, strict=True):
        assert reason.lower() in error.lower()
        assert str(path) in error
        assert "; " in error  # what to do
    assert "Traceback" not in result.output


@pytest.mark.parametrize("form", FORMS, ids=["text", "json", "csv"])
def test_only_bad_ones(study, tmp_path, form):
    result = predict(study, tmp_path / "missing.wav", *form)
    assert result.exit_code == 1
    assert "missing.wav: no such file; check the path" in result.output


def test_an_empty_folder(study, tmp_path):
    result = predict(study, tmp_path)
    assert "is a folder" in refused(result)
    assert result.stdout == ""


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
@pytest.mark.parametrize("form", FORMS, ids=["text", "json", "csv"])
def test_names_that_are_not_utf_8(study, good, tmp_path, form):
    path = tmp_path / os.fsdecode(b"zw\xf6lf.wav")
    shutil.copy(good, path)
    for arguments in ((path,), (tmp_path,), (str(tmp_path / "*"),)):
        result = sutja_process("predict", *arguments, "--model", study / "run", *form)
        assert result.returncode == 0, result.stderr
        assert r"zw\xf6lf.wav" in result.stdout.replace("\\\\", "\\")
        assert result.stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_a_bad_recording_whose_name_is_not_utf_8(study, tmp_path):
    path = tmp_path / os.fsdecode(b"zw\xf6lf.wav")
    path.write_bytes(b"")
    result = sutja_process("predict", path, "--model", study / "run")
    assert r"zw\xf6lf.wav: the file is empty" in refused(result)


def test_the_model_is_checked_first(study, good, tmp_path):
    assert "no model.json there" in refused(sutja("predict", good, "--model", tmp_path))
    model = shutil.copytree(study / "run" / "model", tmp_path / "model")
    (model / "members" / "mel.onnx").write_bytes(b"damaged")
    assert "mel.onnx: checksum does not match" in refused(sutja("predict", good, "--model", model))
    (model / "members" / "mel.onnx").unlink()
    assert "mel.onnx: member is missing" in refused(sutja("predict", good, "--model", model))


def test_standard_output_that_is_closed(study, good):
    # `sutja predict ... | head -1`
    import subprocess

    command = [sys.executable, "-m", "sutja", "predict", *[str(good)] * 200, "--model", str(study / "run"), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("{")
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) != 0
    assert "Traceback" not in told


# -- into a file ------------------------------------------------------------------------------------------------------


def rows(path: Path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def links(folder: Path, clip: Path, n: int) -> list[str]:
    """Many files of one clip, at no cost."""
    folder.mkdir()
    for number in range(n):
        os.link(clip, folder / f"{number:06d}.wav")
    return [str(folder / f"{number:06d}.wav") for number in range(n)]


def test_into_a_file(study, good, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    out = tmp_path / "new" / "results.csv"
    result = predict(study, good, bad, good, "--out", out)
    assert result.exit_code == 1
    assert result.stdout == f"{out}: 3 clips; 1 could not be used\n"
    assert result.stderr == "predicting: 3 clips\n"
    assert [row["path"] for row in rows(out)] == [str(good), str(bad), str(good)]
    assert out.read_text(encoding="utf-8") == predict(study, good, bad, good, "--csv").stdout
    lines = tmp_path / "results.jsonl"
    predict(study, good, bad, good, "--out", lines, "--json")
    assert lines.read_text(encoding="utf-8") == predict(study, good, bad, good, "--json").stdout


def test_gone_on_with(study, good, tmp_path):
    paths, out = links(tmp_path / "many", good, 100), tmp_path / "r.csv"
    predict(study, *paths[:40], "--out", out)
    with out.open("a", encoding="utf-8") as file:
        file.write(paths[40][:-3])  # a line that was cut off
    result = predict(study, tmp_path / "many", "--out", out, "--resume")
    assert result.exit_code == 0
    assert result.stdout == f"{out}: 100 clips, 40 of them from before; 0 could not be used\n"
    assert [row["path"] for row in rows(out)] == paths
    again = predict(study, tmp_path / "many", "--out", out, "--resume")
    assert again.stdout == f"{out}: 100 clips, 100 of them from before; 0 could not be used\n"
    assert [row["path"] for row in rows(out)] == paths


def test_a_file_that_is_there_is_refused_before_anything_is_predicted(study, good, tmp_path):
    out = tmp_path / "r.csv"
    out.write_text("mine", encoding="utf-8")
    assert "is there already; resume it with --resume" in refused(predict(study, good, "--out", out))
    assert "holds something else" in refused(predict(study, good, "--out", out, "--resume"))
    assert out.read_text(encoding="utf-8") == "mine"
    result = predict(study, good, "--resume")
    assert result.exit_code == 2
    assert "--resume needs --out" in result.stderr


def stopped(study: Path, folder: Path, out: Path, how: int) -> tuple[int, str]:
    """Start predicting a folder, stop it by a signal after some rows; return exit status and stderr."""
    import subprocess
    import time

    command = [sys.executable, "-m", "sutja", "predict", folder, "--model", study / "run", "--out", out, "--resume"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    size = out.stat().st_size if out.exists() else 0
    deadline = time.monotonic() + 60
    while (not out.exists() or out.stat().st_size < size + 2_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(how)
    told = process.communicate(timeout=60)[1]
    return process.returncode, told


def test_stopped_and_killed_it_loses_no_row_and_doubles_none(study, good, tmp_path):
    import signal

    paths, out = links(tmp_path / "many", good, 1500), tmp_path / "r.csv"
    status, told = stopped(study, tmp_path / "many", out, signal.SIGINT)
    assert status == 130, told
    assert told.splitlines()[-1] == f"stopped: the answers so far are in {out}; resume with --resume"
    assert "Traceback" not in told
    assert out.read_bytes().endswith(b"\n")
    first = len(rows(out))
    assert stopped(study, tmp_path / "many", out, signal.SIGKILL)[0] == -signal.SIGKILL
    assert first < len(rows(out)) < 1500
    result = predict(study, tmp_path / "many", "--out", out, "--resume")
    assert result.exit_code == 0
    assert [row["path"] for row in rows(out)] == paths
    assert len({row["label"] for row in rows(out)}) == 1


def test_memory_stays_flat(good, tmp_path):
    def peak(n: int) -> int:
        import subprocess

        folder = tmp_path / str(n)
        links(folder, good, n)
        program = (
            "import resource, sys; from sutja.cli import main\n"
            "try: main(sys.argv[1:])\n"
            "except SystemExit as end: assert not end.code\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        command = [sys.executable, "-c", program, "predict", folder, "--out", tmp_path / f"{n}.csv"]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        assert len(rows(tmp_path / f"{n}.csv")) == n
        return int(ended.stdout.splitlines()[-1])

    # A name of a file takes some hundred bytes while its folder is listed; a waveform would take 13 kB, features 16 kB.
    assert peak(4_300) - peak(300) < 4_000  # KiB


def piped(study, content: bytes, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "sutja", "predict", *map(str, arguments), "--model", str(study / "run")]
    return subprocess.run(command, check=False, capture_output=True, input=content)


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_a_recording_through_a_pipe(study, good):
    content = good.read_bytes()
    expected = json.loads(predict(study, good, "--json").stdout) | {"path": "-"}
    assert json.loads(piped(study, content, "-", "--json").stdout) == expected
    by_name = json.loads(piped(study, content, "/dev/stdin", "--json").stdout)
    assert by_name == expected | {"path": "/dev/stdin"}
    both = piped(study, content, "-", good, "--csv").stdout.decode().splitlines()
    assert [line.split(",")[0] for line in both] == ["path", "-", str(good)]


def test_nothing_through_the_pipe(study):
    ended = piped(study, b"", "-")
    assert ended.returncode == 1
    assert ended.stderr == b"sutja: standard input: nothing there; expected the bytes of a sound file\n"
    assert ended.stdout == b""


def test_a_minus_is_standard_input_also_where_a_file_is_called_so(study, good, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").write_bytes(b"x")
    assert piped(study, good.read_bytes(), "-").returncode == 0
    assert piped(study, good.read_bytes(), "./-").returncode == 1
