"""`sutja predict`: what can be heard is told, what cannot is told too, and the exit status says so."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
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
