"""One file for elsewhere: it answers as the predictor does, says what it is, and is not given out when it is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import write_wav
from models import AUDIO, REFERENCE, ROBUST, SMALL, make_bundle, network

from sutja import export as portable
from sutja.bundle import load
from sutja.clips import Clip
from sutja.config import AudioConfig
from sutja.dataset import scan
from sutja.errors import BundleError, DatasetError
from sutja.export import Proof, export, export_int8, made_sounds, metadata, prove
from sutja.predictor import Predictor

WEB = Path(__file__).with_name("web")
PROOF = Proof(13, 1e-6, "13 made sounds")


def opened(content: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Clip]:
    """Forty recordings, labelled by what the small model says of them, so that it is right."""
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    predictor, found = Predictor(make_bundle(SMALL)), []
    for i in range(40):
        path = write_wav(folder / f"{i}.wav", rng.permutation(made_sounds(AUDIO)[i % 5]) * 0.5, 8_000)
        found.append(Clip(path, path.name, predictor.predict(path).label))
    return found


# -- proof ------------------------------------------------------------------------------------------------------------


def test_a_file_is_proved_on_made_sounds_and_clips(clips):
    content, proof = export(make_bundle(SMALL), clips)
    assert proof.sounds == f"40 clips and {len(made_sounds(AUDIO))} made sounds"
    assert 0 < proof.max_difference < 1e-5
    assert opened(content).get_inputs()[0].name == "waveform"
    assert export(make_bundle(SMALL))[1].sounds == "13 made sounds"


def test_recordings_that_cannot_be_read_prove_nothing(clips, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    bad = Clip(tmp_path / "bad.wav", "bad.wav", "a")
    assert export(make_bundle(SMALL), [bad, clips[0]])[1].sounds == "1 clips and 13 made sounds"


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 1.01},
        {"audio": replace(AUDIO, remove_mean=False)},
        {"audio": replace(AUDIO, min_seconds=0.06)},
        {"labels": ("b", "a", "c", "d")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_answer_is_not_given_out(change):
    bundle = make_bundle(SMALL)
    other = replace(bundle, **change)
    if "labels" in change:  # columns exchanged
        other = replace(bundle, members=(replace(bundle.members[0], onnx=network(SMALL, 4, seed=9)),))
    content = portable.waveform_graph(other).SerializeToString()
    if "min_seconds" in str(change) and other.audio.min_seconds > bundle.audio.min_seconds:
        with pytest.raises(BundleError, match="differs from the predictor by nan"):
            prove(content, Predictor(bundle))
        return
    with pytest.raises(BundleError, match=r"the ONNX file differs from the predictor by .*; expected at most 0\.0001"):
        prove(content, Predictor(bundle))


@pytest.mark.parametrize("rate", [8_000, 16_000, 20_000, 44_100])
def test_the_made_sounds_are_usable_and_hard(rate):
    audio = AudioConfig(sample_rate=rate)
    sounds = made_sounds(audio)
    lengths = [len(waveform) / rate for waveform in sounds]
    assert min(lengths) == pytest.approx(0.05, abs=1e-3)
    assert max(lengths) >= 2
    peaks = [np.abs(waveform).max() for waveform in sounds]
    assert min(peaks) < 1e-2
    assert max(peaks) == 1
    assert all(waveform.dtype == np.float32 and np.isfinite(waveform).all() for waveform in sounds)
    again = made_sounds(audio)
    assert all(np.array_equal(one, other) for one, other in zip(sounds, again, strict=True))


@pytest.mark.corpus
@pytest.mark.parametrize(
    "corpus", ["fsdd", "audiomnist_sample", "speech_commands", "english_volunteers", "english_classroom", "arabic"]
)
def test_real_recordings(corpora, corpus):
    found = scan(corpora / corpus).clips
    for config in (REFERENCE, ROBUST):
        bundle = make_bundle(*config.members.values(), audio=config.audio)
        _, proof = export(bundle, found[:: max(1, len(found) // 30)])
        assert proof.n_sounds > 20
        assert proof.max_difference < 1e-4


@pytest.mark.corpus
def test_the_model_that_sutja_brings(corpora):
    content, proof = export(load("digits-en"), scan(corpora / "audiomnist_sample").clips)
    assert proof.max_difference < 1e-4
    assert len(content) < 2e6


# -- what it says of itself -------------------------------------------------------------------------------------------


def test_the_file_says_all_that_one_must_know():
    bundle = make_bundle(SMALL, threshold=0.4, temperature=0.8, about={"accuracy": 0.9, "licence": "Apache-2.0"})
    content, _ = export(bundle)
    told = opened(content).get_modelmeta().custom_metadata_map
    assert (told["format"], told["format_version"]) == ("sutja-waveform", "1")
    assert (told["sample_rate"], told["min_samples"], told["max_samples"]) == ("8000", "400", "480000")
    assert json.loads(told["labels"]) == ["a", "b", "c", "d"]
    assert json.loads(told["threshold"]) == 0.4
    assert told["licence"] == "Apache-2.0"
    assert json.loads(told["scores"])["accuracy"] == 0.9
    settings = json.loads(told["settings"])
    assert settings["members"]["m0"]["n_fft"] == 256
    assert settings["audio"]["remove_mean"] is True
    assert settings["temperature"] == 0.8
    assert json.loads(told["proof"])["max_difference"] < 1e-4
    assert json.loads(told["int8"]) is None


def test_a_model_that_always_answers_has_no_threshold():
    told = metadata(make_bundle(SMALL), PROOF)
    assert told["threshold"] == "null"
    assert told["licence"] == "the model does not say"


def test_labels_of_any_script():
    bundle = replace(make_bundle(SMALL), labels=("영", "일", "이", "셋"))
    told = opened(export(bundle)[0]).get_modelmeta().custom_metadata_map
    assert json.loads(told["labels"]) == ["영", "일", "이", "셋"]


# -- 8 bits -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def lenient(monkeypatch):
    """Let pass that the small model, whose labels hang on little, loses much."""
    monkeypatch.setattr(portable, "MAX_LOST", 1.0)


def test_8_bits_are_smaller_and_measured(clips, lenient):
    bundle = make_bundle(SMALL)
    plain, _ = export(bundle)
    content, _, cost = export_int8(bundle, clips)
    assert len(content) < len(plain)
    assert cost.n_clips == 32  # four of five
    assert cost.accuracy_float == 1
    assert cost.accuracy == cost.same_label > 0.25
    told = opened(content).get_modelmeta().custom_metadata_map
    assert json.loads(told["int8"])["accuracy"] == cost.accuracy
    kinds = {node.op_type for node in onnx.load_from_string(content).graph.node}
    assert "DequantizeLinear" in kinds


def test_8_bits_that_lose_too_much_are_not_given_out(clips, monkeypatch):
    def ruined(network_bytes, _):
        return network(SMALL, 4, seed=5)

    monkeypatch.setattr(portable, "_quantised_network", ruined)
    with pytest.raises(BundleError, match=r"8 bits take the accuracy from 1\.0000 to .* on 32 clips; expected a loss"):
        export_int8(make_bundle(SMALL), clips)


def test_too_few_or_foreign_clips(clips, tmp_path):
    with pytest.raises(DatasetError, match=r"8 labelled clips to measure 8 bits with; expected at least 20"):
        export_int8(make_bundle(SMALL), clips[:10])
    foreign = [replace(clip, label="z") for clip in clips]
    with pytest.raises(DatasetError, match="labels 'z' are not in the model's vocabulary"):
        export_int8(make_bundle(SMALL), foreign)
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    unreadable = [replace(clip, path=tmp_path / "bad.wav") for clip in clips]
    with pytest.raises(DatasetError, match=r"can be read; give others by --data"):
        export_int8(make_bundle(SMALL), unreadable)


def test_the_quantiser_is_quiet_and_logging_is_as_before(clips, lenient, capfd):
    import logging

    before = logging.root.manager.disable
    export_int8(make_bundle(SMALL), clips)
    assert capfd.readouterr() == ("", "")
    assert logging.root.manager.disable == before


# -- a file that is damaged -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_cut_short_does_not_load(share):
    content, _ = export(make_bundle(SMALL))
    with pytest.raises(Exception, match=r"(?i)fail|invalid|protobuf|No graph"):
        opened(content[: int(share * len(content))])


# -- the browser ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("node"), reason="no node: onnxruntime-web is not tested")
@pytest.mark.skipif(
    not (WEB / "node_modules").exists(), reason="onnxruntime-web is not tested: run npm ci in tests/web"
)
@pytest.mark.parametrize("config", [REFERENCE, ROBUST], ids=["reference", "robust"])
def test_onnxruntime_web_gives_the_same(config, tmp_path):
    bundle = make_bundle(*config.members.values(), audio=config.audio, threshold=0.2)
    (tmp_path / "model.onnx").write_bytes(export(bundle)[0])
    rows = np.stack([made_sounds(config.audio)[5], np.full_like(made_sounds(config.audio)[5], np.nan)])
    rows.tofile(tmp_path / "rows.f32")
    command = ["node", WEB / "run.mjs", tmp_path / "model.onnx", tmp_path / "rows.f32", str(rows.shape[1])]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    found, refused = (json.loads(line) for line in ended.stdout.splitlines())
    assert found == pytest.approx(list(Predictor(bundle).predict(rows[0]).probabilities.values()), abs=1e-4)
    assert refused == [None] * 4
