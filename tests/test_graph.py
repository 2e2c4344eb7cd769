"""The graph from waveform to probabilities: what the numpy code says, for every way that features can be made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from models import AUDIO, REFERENCE, ROBUST, SMALL, make_bundle, network

from sutja import graph
from sutja.audio import load_waveform
from sutja.bundle import Bundle
from sutja.config import AudioConfig
from sutja.ensemble import tempered
from sutja.errors import AudioError, BundleError
from sutja.export import made_sounds
from sutja.features import network_inputs
from sutja.graph import waveform_graph
from sutja.predictor import Predictor


def session(bundle: Bundle) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    content = waveform_graph(bundle).SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run(bundle: Bundle, waveforms: np.ndarray, names=("probabilities",)) -> list[np.ndarray]:
    return session(bundle).run(list(names), {"waveform": np.atleast_2d(waveforms).astype(np.float32)})


def same_as_the_predictor(bundle: Bundle, sounds, tolerance=2e-5) -> None:
    runtime, predictor = session(bundle), Predictor(bundle)
    for waveform in sounds:
        expected = predictor.examine(waveform)
        found, *shown = runtime.run(None, {"waveform": waveform[None]})
        assert found[0] == pytest.approx(list(expected.prediction.probabilities.values()), abs=tolerance)
        for features, (name, shape) in zip(shown, expected.features.items(), strict=True):
            assert features[0] == pytest.approx(shape, abs=2e-3), name


FEATURES = {
    "reference": REFERENCE.members["mel"],
    "reference, mfcc": REFERENCE.members["mfcc"],
    "robust": ROBUST.members["mel"],
    "standardised": SMALL,
    "before padding": replace(SMALL, scaling="before_padding"),
    "after padding": replace(SMALL, scaling="after_padding", reference="one"),
    "no floor": replace(SMALL, top_db=None),
    "no floor, no reference": replace(SMALL, top_db=None, reference="one"),
    "mfcc": replace(SMALL, n_mfcc=13),
    "htk, no norm": replace(SMALL, mel_scale="htk", mel_norm="none", fmin=100.0, fmax=3000.0),
    "odd window": replace(SMALL, win_length=201),
    "odd fft": replace(SMALL, n_fft=255, win_length=200),
    "uncentred": replace(SMALL, center=False, win_length=200),
    "uncentred, longer than clips": replace(SMALL, center=False, n_fft=1024),
    "large, by the operator": replace(SMALL, n_fft=2048, hop_length=160),
    "uncentred, by the operator": replace(SMALL, n_fft=2048, hop_length=160, center=False),
}


@pytest.mark.parametrize("name", FEATURES)
def test_every_way_of_features(name):
    same_as_the_predictor(make_bundle(FEATURES[name]), made_sounds(AUDIO))


@pytest.mark.parametrize("config", [REFERENCE, ROBUST], ids=["reference", "robust"])
def test_the_presets(config):
    members = tuple(config.members.values())
    bundle = make_bundle(*members, audio=config.audio, threshold=0.5, temperature=0.7)
    same_as_the_predictor(bundle, made_sounds(config.audio))


def test_members_that_agree_share_an_stft():
    def n_transforms(*members):
        return sum(node.op_type == "Sin" for node in waveform_graph(make_bundle(*members)).graph.node)

    assert n_transforms(SMALL) == n_transforms(SMALL, replace(SMALL, n_mels=30, n_mfcc=12)) == 1
    assert n_transforms(SMALL, replace(SMALL, hop_length=100)) == 2


@pytest.mark.parametrize("bias", [0.0, -2.0])
@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_calibration(temperature, bias):
    waveform = made_sounds(AUDIO)[0]
    (plain,) = run(make_bundle(SMALL), waveform)
    (found,) = run(make_bundle(SMALL, temperature=temperature, bias=bias), waveform)
    assert found == pytest.approx(tempered(plain, temperature, bias), abs=1e-6)
    refusing = make_bundle(SMALL, threshold=0.5, temperature=temperature, bias=bias)
    same_as_the_predictor(refusing, [waveform])


def test_a_model_that_refuses_gives_its_labels_only():
    (found,) = run(make_bundle(SMALL, threshold=0.9), made_sounds(AUDIO)[0])
    assert found.shape == (1, 4)
    assert 0 < found.sum() < 1


def test_rows_of_a_batch_are_judged_as_if_alone():
    rng = np.random.default_rng(0)
    quiet = rng.normal(0, 1e-3, (5, 12_000)).astype(np.float32)
    for row, start in enumerate((0, 3_000, 6_000, 8_000)):  # the loudest window is elsewhere in each
        quiet[row, start : start + 2_000] += made_sounds(AUDIO)[row][:2_000].mean() + rng.normal(0, 0.3, 2_000)
    bundle = make_bundle(SMALL)
    together, shown = run(bundle, quiet, ("probabilities", "m0"))
    for row in range(5):
        alone, features = run(bundle, quiet[row], ("probabilities", "m0"))
        assert together[row] == pytest.approx(alone[0], abs=1e-6)
        assert shown[row] == pytest.approx(features[0], abs=1e-4)


def test_the_window_in_digital_silence_is_the_same_one():
    # All windows that hold the word have the same energy: the last digit of a sum decides.
    word = made_sounds(AUDIO)[2]
    for n_before, n_after in ((4_000, 4_000), (12_345, 100), (7, 20_000)):
        waveform = np.concatenate([np.zeros(n_before), word, np.zeros(n_after)]).astype(np.float32)
        (shown,) = run(make_bundle(SMALL), waveform, ["m0"])
        heard = load_waveform(waveform, AUDIO)
        assert shown[0] == pytest.approx(network_inputs(heard, 8_000, [SMALL])[0], abs=2e-3)


def test_an_offset_changes_nothing_where_the_mean_is_removed():
    word = made_sounds(AUDIO)[2]
    plain, offset = (run(make_bundle(SMALL), waveform)[0] for waveform in (word, word + np.float32(0.3)))
    assert offset == pytest.approx(plain, abs=1e-4)


# -- what is no word --------------------------------------------------------------------------------------------------


def spoilt(value: float) -> np.ndarray:
    waveform = made_sounds(AUDIO)[2].copy()
    waveform[1000] = value
    return waveform


REFUSED = {
    "too short": made_sounds(AUDIO)[2][:399],
    "one sample": np.ones(1, dtype=np.float32),
    "too long": np.ones(8_000 * 60 + 1, dtype=np.float32),
    "silence": np.zeros(4_000, dtype=np.float32),
    "not a number": spoilt(np.nan),
    "infinite": spoilt(np.inf),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_predictor_refuses_has_no_probabilities(name):
    bundle = make_bundle(SMALL)
    with pytest.raises(AudioError):
        Predictor(bundle).predict(REFUSED[name])
    (found,) = run(bundle, REFUSED[name])
    assert found.shape == (1, 4)
    assert np.isnan(found).all()


def test_a_bad_row_leaves_the_others_alone():
    good = made_sounds(AUDIO)[2]
    bundle = make_bundle(SMALL)
    (found,) = run(bundle, np.stack([good, np.full_like(good, np.nan), np.zeros_like(good), good]))
    (alone,) = run(bundle, good)
    assert np.isnan(found[1:3]).all()
    assert found[[0, 3]] == pytest.approx(np.repeat(alone, 2, axis=0), abs=1e-6)


def test_no_rows_give_no_rows():
    (found,) = run(make_bundle(SMALL), np.zeros((0, 4_000)))
    assert found.shape == (0, 4)


@pytest.mark.parametrize("wrong", [np.zeros(4_000), np.zeros((1, 1, 4_000))], ids=["one axis", "three axes"])
def test_other_shapes_are_refused_by_onnxruntime(wrong):
    with pytest.raises(Exception, match="Invalid rank for input: waveform"):
        session(make_bundle(SMALL)).run(None, {"waveform": wrong.astype(np.float32)})


@pytest.mark.parametrize("n_samples", [400, 480_000])
def test_the_limits_themselves_are_allowed(n_samples):
    assert AUDIO.n_samples_allowed == (400, 480_000)
    waveform = np.random.default_rng(0).normal(0, 0.1, n_samples).astype(np.float32)
    same_as_the_predictor(make_bundle(SMALL), [waveform])


@pytest.mark.parametrize(("rate", "seconds"), [(8_000, 0.05), (44_100, 0.05), (22_050, 0.1), (11_025, 0.07)])
def test_the_least_length_is_the_predictors(rate, seconds):
    audio = AudioConfig(sample_rate=rate, min_seconds=seconds)
    least = audio.n_samples_allowed[0]
    load_waveform(np.ones(least, dtype=np.float32), audio)
    with pytest.raises(AudioError, match="expected at least"):
        load_waveform(np.ones(least - 1, dtype=np.float32), audio)


def test_members_of_other_operators_are_refused():
    bundle = make_bundle(SMALL)
    old = replace(bundle, members=(replace(bundle.members[0], onnx=network(SMALL, 4, opset=17)),))
    with pytest.raises(BundleError, match="member m0: ONNX operators of version 17; expected 20"):
        waveform_graph(old)


def test_names_are_made_once():
    made = graph.Graph()
    names = [made.add("Abs", "x"), made.add("Abs", "x"), made.constant(1), made.constant(1)]
    assert len(set(names)) == 4
