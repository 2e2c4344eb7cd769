"""`sutja explain`: the same as Python says, and a picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from extras import WITHOUT_EXTRAS
from helpers import counted, refused, run_python, sutja, tiny_study

import sutja as package
from sutja.audio import decode, load_at
from sutja.features import power_spectrogram


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


@pytest.fixture(scope="module")
def clip(study) -> Path:
    return study / "clips" / "1_03_0.wav"


def test_it_says_what_python_says(study, clip, tmp_path):
    predictor = package.load(study / "run")
    prediction, found = predictor.predict(clip), package.explain(predictor, clip)
    result = sutja("explain", clip, "--model", study / "run", "--json", "--out", tmp_path / "why.png")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["prediction"]["probabilities"] == pytest.approx(prediction.probabilities)
    assert told["explanation"]["label"] == found.label
    assert np.array(told["explanation"]["relevance"]) == pytest.approx(found.relevance)
    assert [tuple(part) for part in told["explanation"]["segments"]] == [pytest.approx(part) for part in found.segments]
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")


def test_it_decodes_once(clip):
    with counted(load_at, decode, power_spectrogram) as counts:
        result = sutja("explain", clip, "--json")
    assert result.exit_code == 0, result.output
    assert counts == {"load_at": 1, "decode": 1, "power_spectrogram": 1}


def test_it_tells_people(study, clip):
    lines = sutja("explain", clip, "--model", study / "run").stdout.splitlines()
    label = package.load(study / "run").predict(clip).label
    assert lines[0].startswith(f"{clip}: {label} (")
    assert lines[1].startswith(f"what spoke for {label}: ")
    assert lines[1].endswith(" s")


def test_what_cannot_be_used(study, tmp_path):
    assert "no such file" in refused(sutja("explain", tmp_path / "missing.wav", "--model", study / "run"))
    assert "cannot be written" in refused(
        sutja("explain", study / "clips" / "1_03_0.wav", "--model", study / "run", "--out", "/dev/null/why.png")
    )


def test_without_matplotlib_it_says_what_to_install_and_explains_without_a_picture(study, clip, tmp_path):
    program = WITHOUT_EXTRAS + "from sutja.cli import main\nmain(sys.argv[1:])\n"
    ended = run_python(program, "explain", clip, "--model", study / "run", "--out", tmp_path / "why.png")
    assert "matplotlib is not installed" in refused(ended)
    assert run_python(program, "explain", clip, "--model", study / "run").returncode == 0
