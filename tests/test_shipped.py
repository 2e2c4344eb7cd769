"""The model that sutja brings: there after installation, small, and as good as its card says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import write_wav

import sutja
from sutja import augment, bundle
from sutja.cli import main
from sutja.dataset import scan
from sutja.evaluation import evaluate
from sutja.synth import SynthConfig, write_dataset

FOLDER = bundle.SHIPPED / bundle.DEFAULT_MODEL


@pytest.fixture(scope="module")
def predictor():
    return sutja.load()


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """Synthetic voices of another draw than the model learned from."""
    folder = tmp_path_factory.mktemp("voices") / "set"
    write_dataset(folder, config=SynthConfig(n_voices=8, n_takes=1, seed=4242))
    return folder


def test_it_is_small_and_whole(predictor):
    sizes = {path.name: path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()}
    assert sizes.pop("strings.onnx") <= 3_000_000
    assert sum(sizes.values()) <= 3_000_000
    assert predictor.labels == tuple("0123456789")
    assert predictor.bundle.threshold is not None
    assert (predictor.bundle.language, predictor.bundle.spoken["7"]) == ("en", "seven")


def test_it_knows_voices_that_it_never_heard(predictor, voices):
    found = evaluate(predictor, scan(voices).labelled)
    assert found.scores.accuracy >= 0.9
    assert found.rejected_rate <= 0.2


def test_it_refuses_noise(predictor):
    rng = np.random.default_rng(0)
    rate = predictor.bundle.audio.sample_rate
    noises = [augment.coloured_noise(rate, exponent, rng) for exponent in np.linspace(0, 2, 40)]
    assert np.mean([found.rejected for found in predictor.predict_many(noises)]) >= 0.9


def test_the_command_line_needs_no_model(voices, tmp_path):
    path = scan(voices).clips[0].path
    (line,) = CliRunner().invoke(main, ["predict", str(path), "--json"]).stdout.splitlines()
    assert json.loads(line)["probabilities"] == pytest.approx(sutja.load().predict(path).probabilities, abs=1e-6)
    write_wav(tmp_path / "hiss.wav", augment.coloured_noise(16_000, 1, np.random.default_rng(1)), 16_000)
    (line,) = CliRunner().invoke(main, ["predict", str(tmp_path / "hiss.wav"), "--json"]).stdout.splitlines()
    assert json.loads(line)["rejected"]
    assert json.loads(line)["label"] is None


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / bundle.DEFAULT_MODEL).mkdir()
    with pytest.raises(sutja.BundleError, match=r"model\.json"):
        sutja.load(bundle.DEFAULT_MODEL)


@pytest.mark.corpus
def test_it_knows_a_classroom_that_it_never_heard(predictor, corpora):
    """What the card claims, on the same recordings: nothing of them was learned from."""
    found = evaluate(predictor, scan(corpora / "english_classroom").labelled)
    assert found.scores.accuracy >= 0.97
    assert min(share.accuracy for share in found.scores.by_speaker.values()) >= 0.93
    assert found.scores.ece <= 0.04
    assert found.rejected_rate <= 0.1
