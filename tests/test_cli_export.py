"""`sutja export`: one file, proved, or none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import onnxruntime
import pytest
from conftest import tone, write_wav
from extras import WITHOUT_EXTRAS
from helpers import refused, run_python, sutja, tiny_study

from sutja import export as portable
from sutja.audio import load_waveform
from sutja.predictor import Predictor


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


def opened(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


def test_a_run_becomes_one_file(study, tmp_path):
    out = tmp_path / "new" / "mine.onnx"
    result = sutja("export", study / "run", "--out", out, "--data", study / "train.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}: {out.stat().st_size / 1e6:.1f} MB, waveforms at 20000 Hz, 3 labels\n"
    assert "proved on 36 clips and 13 made sounds: largest difference" in result.stderr
    predictor, clip = Predictor.load(study / "run"), study / "clips" / "1_03_1.wav"
    waveform = load_waveform(clip, predictor.bundle.audio)
    found = opened(out).run(["probabilities"], {"waveform": waveform[None]})[0][0]
    assert found == pytest.approx(list(predictor.predict(clip).probabilities.values()), abs=1e-4)


def test_by_name_into_the_folder_where_one_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = sutja("export", "--format", "onnx")
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["digits-en.onnx"]
    told = opened(tmp_path / "digits-en.onnx").get_modelmeta().custom_metadata_map
    assert len(json.loads(told["labels"])) == 10


def test_8_bits(study, tmp_path):
    model = ("export", study / "run", "--int8", "--out", tmp_path / "small.onnx")
    result = sutja(*model)
    assert result.exit_code == 2
    assert "--int8 needs --data" in result.stderr
    result = sutja(*model, "--data", study / "train.csv")
    if result.exit_code == 0:  # a network that learned for three epochs may lose more than a point
        assert "8 bits: accuracy" in result.stderr
        told = opened(tmp_path / "small.onnx").get_modelmeta().custom_metadata_map
        assert json.loads(told["int8"])["n_clips"] == 28
    else:
        assert "8 bits take the accuracy from" in refused(result)
        assert not (tmp_path / "small.onnx").exists()


def test_a_file_that_is_not_proved_is_not_written(study, tmp_path, monkeypatch):
    old = tmp_path / "old.onnx"
    old.write_bytes(b"old")
    monkeypatch.setattr(portable, "TOLERANCE", 0.0)
    for out in (old, tmp_path / "new.onnx"):
        message = refused(sutja("export", study / "run", "--out", out))
        assert "the ONNX file differs from the predictor by" in message
    assert old.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [old]


def test_models_and_folders_that_cannot_be(study, tmp_path):
    assert "no model.json there" in refused(sutja("export", tmp_path))
    (tmp_path / "file").write_text("", encoding="utf-8")
    message = refused(sutja("export", study / "run", "--out", tmp_path / "file" / "mine.onnx"))
    assert "cannot be written" in message
    assert "no such" in refused(sutja("export", study / "run", "--data", tmp_path / "nowhere")).lower()


def test_without_onnx_it_says_what_to_install():
    ended = run_python(WITHOUT_EXTRAS + "from sutja.cli import main\nmain(['export'])\n")
    assert "onnx is not installed and this needs it; install it with: pip install 'sutja[onnx]'" in refused(ended)


def test_the_example_of_its_page_says_what_the_predictor_says(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[1] / "docs" / "onnx.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, flags=re.M | re.S)
    monkeypatch.chdir(tmp_path)
    assert sutja("export").exit_code == 0
    write_wav(tmp_path / "seven.wav", tone(500, 0.5, 16_000), 16_000)
    exec(compile(example, "docs/onnx.md", "exec"), {})
    assert capsys.readouterr().out.strip() == (Predictor.load().predict("seven.wav").label or "not in the vocabulary")


def test_its_page_tells_all_that_the_file_says(tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "onnx.md").read_text(encoding="utf-8")
    assert sutja("export", "--out", tmp_path / "d.onnx").exit_code == 0
    for name in opened(tmp_path / "d.onnx").get_modelmeta().custom_metadata_map:
        assert f"`{name}`" in page
