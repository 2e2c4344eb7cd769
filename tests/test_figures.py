"""Figures: the data that they draw, the words on their axes, and what must never happen to them."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from conftest import tone

pytest.importorskip("matplotlib")

import matplotlib as mpl
from matplotlib.figure import Figure

from sutja import figures
from sutja.config import FeatureConfig
from sutja.relevance import Explanation

RATE = 8_000
SPECTROGRAM = FeatureConfig(n_fft=1024, win_length=200, hop_length=80, n_mels=100, mel_scale="htk", n_mfcc=40)
RELIABILITY = [
    {"n_clips": 20, "confidence": 0.55, "accuracy": 0.5},
    {"n_clips": 400, "confidence": 0.95, "accuracy": 0.96},
]
STRESS = [
    {
        "condition": {"name": name, "value": value, "unit": unit},
        "accuracy": accuracy,
        "interval95": (accuracy - 0.05, accuracy + 0.05),
        "rejected_rate": refused,
    }
    for name, value, unit, accuracy, refused in (
        ("white noise", 10, "dB", 0.9, 0.05),
        ("white noise", 0, "dB", 0.5, 0.4),
        ("speed", 0.8, "times", 0.8, 0.1),
    )
]
DET = {"thresholds": [0.1, 0.5, 0.9], "false_accepts": [1.0, 0.05, 0.0], "false_rejects": [0.0, 0.02, 0.4]}
HISTORY = [
    {
        "member": member,
        "fold": fold,
        "epoch": epoch,
        "train_loss": 2.0 / epoch,
        "train_accuracy": 1 - 0.5 / epoch,
        "valid_loss": 2.2 / epoch + 0.1 * fold,
        "valid_accuracy": 0.9 - 0.4 / epoch,
        "chosen": float(epoch == 3),
    }
    for member in ("mel", "mfcc")
    for fold in (1, 2)
    for epoch in (1, 2, 3, 4)
]


def texts(figure: Figure) -> str:
    return " ".join(t.get_text() for t in figure.findobj(mpl.text.Text))


def line(axes, label: str):
    return next(li for li in axes.lines if li.get_label() == label)


def features(seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-80, 0, (100, 30)).astype(np.float32), rng.normal(0, 20, (40, 30)).astype(np.float32)


def explained() -> Explanation:
    decibels, _ = features()
    relevance = np.linspace(-1, 2, decibels.size, dtype=np.float32).reshape(decibels.shape)
    return Explanation("$x_{2$", "made up", relevance, decibels, 0.01, -0.02, ((0.1, 0.2),), RATE, SPECTROGRAM)


def every_figure() -> dict[str, Figure]:
    """One figure of each kind, with labels that are hard to draw."""
    decibels, coefficients = features()
    waveform = tone(440, 0.5, RATE)
    labels = ["<b>일</b>", "$x_{2$", "a & b"]
    scores = {label: {"accuracy": 0.9, "n_clips": 10, "interval95": (0.6, 1.0)} for label in labels}
    inputs = {"mel": [np.eye(40, dtype=np.float32)] * 8, "mfcc": [np.eye(40, dtype=np.float32)] * 8}
    table = {"화자 1": {labels[0]: 3, labels[1]: 2}, "b": {labels[2]: 1}}
    return {
        "learning_curves": figures.learning_curves(HISTORY[:4], title="mel, 1"),
        "reliability": figures.reliability(RELIABILITY, error=0.03),
        "det_curve": figures.det_curve(DET, chosen=(0.03, 0.1)),
        "stress_curves": figures.stress_curves(STRESS, title="When recordings get worse"),
        "mean_learning_curves": figures.mean_learning_curves(HISTORY),
        "confusion_matrix": figures.confusion_matrix(np.diag([3, 2, 1]), labels),
        "accuracy_by": figures.accuracy_by(scores, kind="label", overall=0.9),
        "waveform": figures.waveform(waveform, RATE, title=labels[0]),
        "spectrum": figures.spectrum(waveform, RATE, title=labels[1]),
        "mel_scale": figures.mel_scale(),
        "mel_spectrogram": figures.mel_spectrogram(decibels, RATE, SPECTROGRAM, title=labels[2]),
        "mfcc": figures.mfcc(coefficients, RATE, SPECTROGRAM),
        "mfcc_mean": figures.mfcc_mean(coefficients),
        "mel_beside_mfcc": figures.mel_beside_mfcc(decibels, coefficients, RATE, SPECTROGRAM, title=labels[0]),
        "compare_clips": figures.compare_clips([features(1), features(2)], labels[:2], RATE, SPECTROGRAM),
        "network_inputs": figures.network_inputs(inputs),
        "explanation": figures.explanation(explained(), title=labels[0]),
        "label_counts": figures.label_counts({"a": 1, labels[0]: 4}),
        "coverage": figures.coverage(table, labels),
        "durations": figures.durations([0.4, 0.5, 0.6], window_seconds=1.0),
        "histogram": figures.histogram([1.0], "level (dB)"),
        "spread_by": figures.spread_by({"a": [1.0, 2.0], "b": [3.0]}, quantity="level (dB)", kind="speaker"),
        "clip_map": figures.clip_map(
            np.random.default_rng(0).normal(size=(6, 2)), [*labels, None, "a", "a"], kind="label"
        ),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, Figure]:
    return every_figure()


@pytest.mark.parametrize("name", [name for name in figures.__all__ if name not in ("save_png", "to_svg")])
def test_every_figure_is_whole(name, drawn, tmp_path):
    figure = drawn[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures.save_png(figure, tmp_path / "한국 figure.png")
        svg = figures.to_svg(figure, "name")
    assert (tmp_path / "한국 figure.png").read_bytes().startswith(b"\x89PNG")
    ET.fromstring(svg)  # is XML: nothing in a label broke it
    assert figures.INK not in svg  # the page's colours, all of them
    assert all(e.attrib["id"].startswith("name-") for e in ET.fromstring(svg).iter() if "id" in e.attrib)


def test_every_figure_names_its_axes(drawn):
    for name, figure in drawn.items():
        for axes in figure.axes:
            grid_inside = name == "network_inputs" and axes.get_images() == []
            if axes.axison and not grid_inside:
                assert axes.get_xlabel() or axes.get_ylabel(), name


def test_a_style_of_the_user_changes_nothing():
    plainly = figures.to_svg(figures.waveform(tone(440, 0.1, RATE), RATE), "w")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert figures.to_svg(figures.mel_scale(), "m")
        assert mpl.rcParams["font.size"] == 30
    assert figures.to_svg(figures.waveform(tone(440, 0.1, RATE), RATE), "w") == plainly


def test_reliability_draws_each_bin():
    upper, lower = figures.reliability(RELIABILITY, error=0.03).axes
    assert np.array_equal(upper.lines[1].get_xydata(), [[0.55, 0.5], [0.95, 0.96]])
    assert [bar.get_height() for bar in lower.patches] == [20, 400]
    assert "error 3.0 %" in upper.get_legend().get_texts()[1].get_text()


def test_stress_curves_have_a_panel_a_condition():
    white, speed = figures.stress_curves(STRESS).axes
    assert [axes.get_title(loc="left") for axes in (white, speed)] == ["white noise", "speed"]
    assert np.array_equal(white.lines[0].get_xydata(), [[10, 0.9], [0, 0.5]])
    assert np.array_equal(white.lines[1].get_xydata(), [[10, 0.05], [0, 0.4]])


def test_det_curve_keeps_zero_on_its_axes():
    (axes,) = figures.det_curve(DET, chosen=(0.03, 0.1)).axes
    assert axes.lines[0].get_xydata().min() == figures.LEAST_RATE
    assert np.array_equal(axes.lines[1].get_xydata(), [[0.03, 0.1]])


def test_learning_curves_show_history_and_choice():
    rows = [r for r in HISTORY if r["member"] == "mel" and r["fold"] == 1]
    accuracy, loss = figures.learning_curves(rows).axes
    assert line(accuracy, "train").get_ydata() == pytest.approx([r["train_accuracy"] for r in rows])
    assert line(loss, "valid").get_ydata() == pytest.approx([r["valid_loss"] for r in rows])
    assert line(loss, "kept: epoch 3").get_xydata().tolist() == [[3.0, rows[2]["valid_loss"]]]


def test_mean_learning_curves_are_means_over_folds():
    _, loss = figures.mean_learning_curves(HISTORY).axes
    of_fold = [[r["valid_loss"] for r in HISTORY if r["member"] == "mfcc" and r["fold"] == f] for f in (1, 2)]
    assert line(loss, "mfcc, valid").get_ydata() == pytest.approx(np.mean(of_fold, axis=0))


def test_confusion_matrix_shades_rows_and_counts_cells():
    axes, bar = figures.confusion_matrix([[8, 2], [0, 5]], ["yes", "no"]).axes
    assert axes.collections[0].get_array().tolist() == [[0.8, 0.2], [0.0, 1.0]]
    assert [t.get_text() for t in axes.texts] == ["8", "2", "5"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted label", "true label")
    assert axes.yaxis_inverted()
    assert "%" in bar.get_ylabel()


def test_large_confusion_matrix_has_no_numbers():
    axes, _ = figures.confusion_matrix(np.eye(200), [f"word {i}" for i in range(200)]).axes
    assert not axes.texts
    assert len(axes.get_xticks()) <= 40


def test_accuracy_by_draws_points_and_intervals():
    scores = {"a": {"accuracy": 0.5, "n_clips": 4, "interval95": (0.2, 0.8)}, "b": {"accuracy": 1.0, "n_clips": 2}}
    (axes,) = figures.accuracy_by(scores, kind="speaker", overall=0.6).axes
    drawn = [li.get_xdata() for li in axes.lines]
    assert list(drawn[0]) == [0.2, 0.8]
    assert list(drawn[1]) == [0.5, 1.0]
    assert set(drawn[2]) == {0.6}
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a  (4)", "b  (2)"]


def test_a_thousand_speakers_are_ranked():
    scores = {f"s{i}": {"accuracy": i / 1000, "n_clips": 3} for i in range(1000)}
    (axes,) = figures.accuracy_by(scores, kind="speaker").axes
    assert list(axes.lines[0].get_ydata()) == sorted(s["accuracy"] for s in scores.values())
    assert "s0 0" in axes.texts[0].get_text()


def test_waveform_keeps_its_extremes():
    waveform = np.zeros(50_000, dtype=np.float32)
    waveform[31_234] = 0.9
    (axes,) = figures.waveform(waveform, RATE).axes
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[:, 1].max() == pytest.approx(0.9)
    assert corners[np.argmax(corners[:, 1]), 0] == pytest.approx(31_234 / RATE, abs=0.02)


def test_spectrum_has_its_peak_at_the_tone():
    (axes,) = figures.spectrum(tone(1000, 1, RATE), RATE).axes
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[np.argmax(corners[:, 1]), 0] == pytest.approx(1.0, abs=0.01)  # kHz
    assert axes.get_xlim() == (0, 4)


def test_mel_spectrogram_is_what_was_given_over_time_and_frequency():
    decibels, _ = features()
    axes, bar = figures.mel_spectrogram(decibels, RATE, SPECTROGRAM).axes
    mesh = axes.collections[0]
    assert np.array_equal(mesh.get_array(), decibels)
    frequencies = mesh.get_coordinates()[:, 0, 1]
    assert (np.diff(frequencies) > 0).all()
    assert frequencies[-1] == pytest.approx(RATE / 2)
    assert mesh.get_coordinates()[0, -1, 0] == pytest.approx((30 - 0.5) * 0.01)
    assert axes.get_yscale() == "log"
    assert "dB" in bar.get_ylabel()


def test_a_tone_lies_at_its_frequency():
    from sutja.features import log_mel

    decibels = log_mel(tone(1000, 0.5, RATE), RATE, SPECTROGRAM)
    axes, _ = figures.mel_spectrogram(decibels, RATE, SPECTROGRAM).axes
    edges = axes.collections[0].get_coordinates()[:, 0, 1]
    loudest = int(np.argmax(decibels[:, 20]))
    assert edges[loudest] <= 1000 <= edges[loudest + 1]


def test_network_inputs_are_four_by_four():
    arrays = {m: [np.full((40, 40), i / 16, np.float32) for i in range(8)] for m in ("mel", "mfcc")}
    figure = figures.network_inputs(arrays)
    drawn = [axes.collections[0].get_array()[0, 0] for axes in figure.axes[:16]]
    assert drawn == pytest.approx([i / 16 for i in range(8)] * 2)


def test_coverage_shows_what_is_missing():
    axes, _ = figures.coverage({"a": {"x": 2}, "b": {"x": 1, "y": 4}}, ["x", "y"]).axes
    assert axes.collections[0].get_array().tolist() == [[2, 0], [1, 4]]
    assert [t.get_text() for t in axes.texts] == ["2", "×", "1", "4"]


def test_label_counts_are_bars():
    (axes,) = figures.label_counts({"yes": 3, "no": 5}).axes
    assert [patch.get_height() for patch in axes.patches] == [3, 5]


def test_durations_mark_the_window():
    (axes,) = figures.durations([0.2, 0.4, 2.0], window_seconds=1.02).axes
    assert sum(patch.get_height() for patch in axes.patches) == 3
    assert set(axes.lines[0].get_xdata()) == {1.02}


def test_clip_map_tells_groups_apart():
    points = np.arange(24).reshape(12, 2)
    groups = [str(i) for i in range(11)] + [None]
    (axes,) = figures.clip_map(points, groups, kind="label").axes
    looks = {(tuple(c.get_facecolor()[0]), c.get_paths()[0].vertices.shape) for c in axes.collections[:-1]}
    assert len(looks) == 11
    assert sum(len(c.get_offsets()) for c in axes.collections) == 12


def test_labels_are_drawn_as_they_stand():
    figure = figures.label_counts({"$a$ & $b$": 1, "x": 2})
    svg = figures.to_svg(figure, "f")
    assert "$a$ &amp; $b$" in svg
