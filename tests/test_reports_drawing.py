"""The style of every figure: whole, in its own colours, whatever the labels and the user's settings."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import tone
from samples import DET, HISTORY, RATE, RELIABILITY, SPECTROGRAM, STRESS, features

pytest.importorskip("matplotlib")

import matplotlib as mpl
from matplotlib.figure import Figure

from sutja.metrics import Share
from sutja.relevance import Explanation
from sutja.reports import charts, drawing, figures


def texts(figure: Figure) -> str:
    return " ".join(t.get_text() for t in figure.findobj(mpl.text.Text))


def explained() -> Explanation:
    decibels, _ = features()
    relevance = np.linspace(-1, 2, decibels.size, dtype=np.float32).reshape(decibels.shape)
    return Explanation("$x_{2$", "made up", relevance, decibels, 0.01, -0.02, ((0.1, 0.2),), RATE, SPECTROGRAM)


def every_figure() -> dict[str, Figure]:
    """One figure of each kind, with labels that are hard to draw."""
    decibels, coefficients = features()
    waveform = tone(440, 0.5, RATE)
    labels = ["<b>일</b>", "$x_{2$", "a & b"]
    scores = {label: Share(10, 0.9, (0.6, 1.0)) for label in labels}
    inputs = {"mel": [np.eye(40, dtype=np.float32)] * 8, "mfcc": [np.eye(40, dtype=np.float32)] * 8}
    table = {"화자 1": {labels[0]: 3, labels[1]: 2}, "b": {labels[2]: 1}}
    return {
        "learning_curves": charts.learning_curves(HISTORY[:4], title="mel, 1"),
        "reliability": charts.reliability(RELIABILITY, error=0.03),
        "det_curve": charts.det_curve(DET, chosen=(0.03, 0.1)),
        "stress_curves": charts.stress_curves(STRESS, title="When recordings get worse"),
        "mean_learning_curves": charts.mean_learning_curves(HISTORY),
        "confusion_matrix": charts.confusion_matrix(np.diag([3, 2, 1]), labels),
        "accuracy_by": charts.accuracy_by(scores, kind="label", overall=0.9),
        "waveform": figures.waveform(waveform, RATE, title=labels[0]),
        "spectrum": figures.spectrum(waveform, RATE, title=labels[1]),
        "mel_scale": figures.mel_scale(),
        "mel_spectrogram": figures.mel_spectrogram(decibels, RATE, SPECTROGRAM, title=labels[2]),
        "mfcc": figures.mfcc(coefficients, RATE, SPECTROGRAM),
        "heard": figures.heard(
            (waveform, decibels, coefficients),
            RATE,
            SPECTROGRAM,
            figures.Scale.over([waveform], [coefficients], RATE),
        ),
        "mfcc_mean": figures.mfcc_mean(coefficients),
        "mel_beside_mfcc": figures.mel_beside_mfcc(decibels, coefficients, RATE, SPECTROGRAM, title=labels[0]),
        "compare_clips": figures.compare_clips([features(1), features(2)], labels[:2], RATE, SPECTROGRAM),
        "network_inputs": figures.network_inputs(inputs),
        "compare_inputs": figures.compare_inputs({name: shown[0] for name, shown in inputs.items()}, title=labels[1]),
        "bars": charts.bars(dict.fromkeys(labels, 0.5), x="share (%)", share=True),
        "explanation": figures.explanation(explained(), title=labels[0]),
        "label_counts": charts.label_counts({"a": 1, labels[0]: 4}),
        "coverage": charts.coverage(table, labels),
        "durations": charts.durations([0.4, 0.5, 0.6], window_seconds=1.0),
        "histogram": charts.histogram([1.0], "level (dB)"),
        "spread_by": charts.spread_by({"a": [1.0, 2.0], "b": [3.0]}, quantity="level (dB)", kind="speaker"),
        "clip_map": charts.clip_map(
            np.random.default_rng(0).normal(size=(6, 2)), [*labels, None, "a", "a"], kind="label"
        ),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, Figure]:
    return every_figure()


@pytest.mark.parametrize("name", [*figures.__all__, *charts.__all__])
def test_every_figure_is_whole(name, drawn, tmp_path):
    figure = drawn[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing.save_png(figure, tmp_path / "한국 figure.png")
        svg = drawing.to_svg(figure, "name")
    assert (tmp_path / "한국 figure.png").read_bytes().startswith(b"\x89PNG")
    ET.fromstring(svg)  # is XML: nothing in a label broke it
    assert drawing.INK not in svg  # the page's colours, all of them
    assert all(e.attrib["id"].startswith("name-") for e in ET.fromstring(svg).iter() if "id" in e.attrib)


def test_every_figure_names_its_axes(drawn):
    for name, figure in drawn.items():
        for axes in figure.axes:
            grid_inside = name == "network_inputs" and axes.get_images() == []
            if axes.axison and not grid_inside:
                assert axes.get_xlabel() or axes.get_ylabel(), name


def test_a_style_of_the_user_changes_nothing():
    plainly = drawing.to_svg(figures.waveform(tone(440, 0.1, RATE), RATE), "w")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert drawing.to_svg(figures.mel_scale(), "m")
        assert mpl.rcParams["font.size"] == 30
    assert drawing.to_svg(figures.waveform(tone(440, 0.1, RATE), RATE), "w") == plainly


def test_labels_are_drawn_as_they_stand():
    figure = charts.label_counts({"$a$ & $b$": 1, "x": 2})
    svg = drawing.to_svg(figure, "f")
    assert "$a$ &amp; $b$" in svg


def test_fonts_that_matplotlib_has_not_listed_are_found(tmp_path, monkeypatch):
    listed, added = ["DejaVu Sans"], []

    def add(path):
        if path.stem != "NanumGothic":
            raise RuntimeError("no font")
        added.append(path.name)
        listed.append("NanumGothic")

    files = [tmp_path / "NanumGothicBroken.ttf", tmp_path / "NanumGothic.ttf", tmp_path / "Other.ttf"]
    monkeypatch.setattr(drawing, "findSystemFonts", lambda: list(map(str, files)))
    manager = SimpleNamespace(get_font_names=lambda: listed, addfont=add)
    monkeypatch.setattr(drawing, "fontManager", manager)
    monkeypatch.setattr(drawing, "fonts", drawing.fonts.__wrapped__)
    assert drawing.has_hangul()
    assert added == ["NanumGothic.ttf"]
    listed.remove("NanumGothic")
    files.clear()
    assert not drawing.has_hangul()


def test_a_pdf_is_the_same_each_time(tmp_path, caplog):
    for name in ("one.pdf", "two.pdf"):
        drawing.save_pdf(figures.waveform(tone(440, 0.1, RATE), RATE, title="한글"), tmp_path / name)
    one, two = ((tmp_path / name).read_bytes() for name in ("one.pdf", "two.pdf"))
    assert one.startswith(b"%PDF")
    assert one == two
    assert caplog.text == "", "nothing that the reader of a terminal could mend"
    assert not list(tmp_path.glob("*draft*"))


def test_a_figure_in_a_page_says_what_it_shows():
    svg = drawing.to_svg(figures.spectrum(tone(440, 0.1, RATE), RATE, title='$a$ & "b"'), "s")
    assert ET.fromstring(svg).attrib["aria-label"] == '$a$ & "b", magnitude, frequency (kHz)'
    assert ET.fromstring(drawing.to_svg(drawing.empty_figure(1, 1), "e")).attrib["aria-label"] == "figure"
