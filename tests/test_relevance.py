"""Relevance: the map finds what carried the decision, says it the same way twice, and knows its place in the clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import tone
from helpers import counted, tiny_study

import sutja
from sutja import bundle, relevance
from sutja.audio import load_at, load_waveform
from sutja.config import FeatureConfig
from sutja.dataset import scan
from sutja.errors import AudioError
from sutja.features import network_input, power_spectrogram
from sutja.predictor import Predictor
from sutja.relevance import Veil, explain, explain_examined


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


@pytest.fixture(scope="module")
def model(study) -> Predictor:
    return Predictor.load(study / "run" / "model")


@pytest.fixture(scope="module")
def clips(study) -> list[Path]:
    return sorted((study / "clips").iterdir())


def of_the_clip(found, veil: Veil) -> np.ndarray:
    return found.relevance[:, veil.drawn.left : veil.drawn.left + veil.shape[1]]


def without(veil: Veil, cells: np.ndarray, share: float) -> float:
    """The label's probability when the ``share`` of cells that stand first is hidden."""
    kept = np.ones(cells.size, dtype=np.float32)
    kept[np.argsort(-cells.ravel(), kind="stable")[: round(share * cells.size)]] = 0
    return float(veil.probabilities(kept.reshape(1, *veil.shape))[0])


def test_hiding_nothing_changes_nothing(model, clips):
    for path in clips[:3]:
        veil = Veil(model, model.examine(path))
        found = veil.probabilities(np.ones((2, *veil.shape), dtype=np.float32))
        assert found.tolist() == pytest.approx([model.predict(path).probability] * 2, abs=1e-6)


def test_hiding_all_leaves_what_every_clip_leaves(study):
    """All cells as quiet as the quietest: constant features, which are zeros in the networks' scaling."""
    shipped = sutja.load()
    waveform = tone(600, 0.5, 16_000) + np.random.default_rng(1).normal(0, 0.01, 8_000).astype(np.float32)
    veil = Veil(shipped, shipped.examine(waveform))
    view = veil.views[0]
    hidden = view.veiled(np.ones((1, *veil.shape), dtype=np.float32))
    assert np.ptp(hidden) == pytest.approx(0, abs=1e-5)  # the padding is the quietest cell as well


def test_hiding_a_cell_moves_no_other(model, clips):
    veil = Veil(model, model.examine(clips[0]))
    mel = veil.drawn
    hidden = np.zeros((1, *veil.shape), dtype=np.float32)
    cell = np.unravel_index(mel.decibels.argmax(), veil.shape)
    hidden[0, cell[0], cell[1]] = 1
    change = np.flatnonzero(mel.veiled(hidden)[0] != mel.shown)
    assert change.tolist() == [cell[0] * mel.config.n_frames + mel.left + cell[1]]
    assert mel.veiled(hidden)[0].ravel()[change[0]] == pytest.approx(mel.shown.min(), abs=1e-5)


def test_the_most_relevant_cells_carry_more_than_others(model, clips):
    rng = np.random.default_rng(0)
    drops = []
    for path in clips[:12]:
        veil = Veil(model, model.examine(path))
        found = of_the_clip(explain(model, path), veil)
        drops.append(
            (without(veil, found, 0.1), without(veil, rng.random(veil.shape), 0.1), without(veil, -found, 0.1))
        )
    most, random, least = np.mean(drops, axis=0)
    assert most < random < least  # the tiny model knows little: how much, the shipped one shows below


def test_what_the_shipped_model_says_rests_on_the_tenth_that_the_map_names():
    synth = pytest.importorskip("sutja.synth")
    predictor = sutja.load()
    rng = np.random.default_rng(0)
    probabilities = []
    for text, label in sutja_words(synth):
        waveform = synth.synthesise(text, synth.Voice(variant="f2"), sample_rate=16_000)
        veil = Veil(predictor, predictor.examine(waveform))
        found = explain(predictor, waveform)
        assert found.label == predictor.labels[veil.target]
        probabilities.append((without(veil, of_the_clip(found, veil), 0.1), without(veil, rng.random(veil.shape), 0.1)))
        assert label in predictor.labels
    most, random = np.mean(probabilities, axis=0)
    assert most < random / 2


@pytest.mark.corpus
def test_on_real_recordings_a_tenth_of_the_cells_carries_the_answer(corpora):
    """As ``bench/relevance.py`` measures it, on fewer clips."""
    predictor = sutja.load()
    rng = np.random.default_rng(0)
    probabilities = []
    for clip in scan(corpora / "fsdd").clips[::100]:
        waveform = load_waveform(clip.path, predictor.bundle.audio)
        veil = Veil(predictor, predictor.examine(waveform))
        cells = of_the_clip(explain(predictor, waveform), veil)
        probabilities.append([without(veil, order, 0.1) for order in (cells, rng.random(veil.shape))])
    most, random = np.mean(probabilities, axis=0)
    assert most < random / 3


def sutja_words(synth) -> list[tuple[str, str]]:
    return [(text, label) for label, text in list(synth.digit_words("en").items())[:5]]


def test_the_same_clip_gets_the_same_map(model, clips):
    first, again = explain(model, clips[4]), explain(model, clips[4].read_bytes())
    assert np.array_equal(first.relevance, again.relevance)
    assert first.segments == again.segments


def test_who_has_examined_a_clip_decodes_it_no_more(model, clips):
    examination = model.examine(clips[4])
    with counted(load_at, power_spectrogram, network_input) as counts:
        found = explain_examined(model, examination)
    assert set(counts.values()) == {0}
    expected = explain(model, clips[4])
    assert np.array_equal(found.relevance, expected.relevance)
    assert np.array_equal(found.log_mel, expected.log_mel)
    assert (found.label, found.start_seconds, found.segments) == (
        expected.label,
        expected.start_seconds,
        expected.segments,
    )


def test_the_map_lies_on_the_frames_that_the_network_heard(model, clips):
    for path in clips[:6]:
        found, seen = explain(model, path), model.examine(path)
        assert found.relevance.shape == found.log_mel.shape == seen.features["mel"].shape
        assert found.start_seconds == seen.start_seconds["mel"]
        assert found.label == max(seen.prediction.probabilities, key=seen.prediction.probabilities.get)
        padding = seen.features["mel"] == 0
        assert (found.relevance[:, padding.all(axis=0)] == 0).all()
        assert np.isfinite(found.relevance).all()


def test_segments_lie_in_the_clip_and_hold_the_word(model):
    rate = model.bundle.audio.sample_rate
    waveform = np.random.default_rng(5).normal(0, 1e-4, 3 * rate).astype(np.float32)
    waveform[2 * rate : int(2.3 * rate)] += tone(900, 0.3, rate)
    found = explain(model, waveform)
    assert found.segments
    assert all(0 <= low < high <= 3 for low, high in found.segments)
    assert all(a[1] < b[0] for a, b in zip(found.segments, found.segments[1:], strict=False))
    assert found.segments[0][0] > 1.2  # the loudest window lies around the tone


def test_segments_of_a_map():
    config = FeatureConfig(n_fft=400, hop_length=160, n_frames=100)
    values = np.zeros((40, 100), dtype=np.float32)
    values[5, 20:30] = 1
    values[9, 60:70] = 1
    values[3, 80:90] = -5
    found = relevance.segments(values, config, 16_000, start=-0.1, duration=0.8)
    assert len(found) == 2
    assert found[0] == pytest.approx((0.1 - 0.0125, 0.19 + 0.0125))
    assert relevance.segments(np.zeros_like(values), config, 16_000, start=0, duration=0.8) in ((), ((0.0, 0.0125),))


def test_a_member_that_hears_another_spectrogram_gets_the_mask_stretched(study, clips):
    saved = bundle.load(study / "run")
    predictor = Predictor(saved)
    sizes = {view.decibels.shape[0] for view in Veil(predictor, predictor.examine(clips[0])).views}
    assert len(sizes) == 2  # the study's MFCCs are made of 128 bands, its mel has 40
    alone = Predictor(replace(saved, members=saved.members[1:]))
    assert explain(alone, clips[0]).relevance.shape[0] == 128


def test_a_sound_without_edges_has_an_explanation_too(model):
    impulse = np.zeros(8_000, dtype=np.float32)
    impulse[4_000] = 1
    for waveform in (impulse, np.full(2_000, 0.5, dtype=np.float32)):
        found = explain(model, waveform)
        assert np.isfinite(found.relevance).all()


def test_a_bad_recording_is_refused(model):
    with pytest.raises(AudioError, match="every sample is zero"):
        explain(model, np.zeros(8_000))


def test_the_package_gives_it(model, clips):
    assert sutja.explain is explain
    assert isinstance(sutja.explain(model, clips[0]), sutja.Explanation)
