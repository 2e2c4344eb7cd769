"""Charts of runs, scores and data sets: the data that they draw and the words on their axes."""

from __future__ import annotations

import numpy as np
import pytest
from samples import DET, HISTORY, RELIABILITY, STRESS

pytest.importorskip("matplotlib")

from sutja.metrics import Share
from sutja.reports import charts


def line(axes, label: str):
    return next(li for li in axes.lines if li.get_label() == label)


def test_reliability_draws_each_bin():
    upper, lower = charts.reliability(RELIABILITY, error=0.03).axes
    assert np.array_equal(upper.lines[1].get_xydata(), [[0.55, 0.5], [0.95, 0.96]])
    assert [bar.get_height() for bar in lower.patches] == [20, 400]
    assert "error 3.0 %" in upper.lines[1].get_label()


def test_stress_curves_have_a_panel_a_condition():
    white, speed = charts.stress_curves(STRESS).axes
    assert [axes.get_title(loc="left") for axes in (white, speed)] == ["white noise", "speed"]
    assert np.array_equal(white.lines[0].get_xydata(), [[10, 0.9], [0, 0.5]])
    assert np.array_equal(white.lines[1].get_xydata(), [[10, 0.05], [0, 0.4]])


def test_det_curve_keeps_zero_on_its_axes():
    (axes,) = charts.det_curve(DET, chosen=(0.03, 0.1)).axes
    assert axes.lines[0].get_xydata().min() == charts.LEAST_RATE
    assert np.array_equal(axes.lines[1].get_xydata(), [[0.03, 0.1]])


def test_learning_curves_show_history_and_choice():
    rows = [r for r in HISTORY if r["member"] == "mel" and r["fold"] == 1]
    accuracy, loss = charts.learning_curves(rows).axes
    assert line(accuracy, "train").get_ydata() == pytest.approx([r["train_accuracy"] for r in rows])
    assert line(loss, "valid").get_ydata() == pytest.approx([r["valid_loss"] for r in rows])
    assert line(loss, "kept: epoch 3").get_xydata().tolist() == [[3.0, rows[2]["valid_loss"]]]


def test_mean_learning_curves_are_means_over_folds():
    _, loss = charts.mean_learning_curves(HISTORY).axes
    of_fold = [[r["valid_loss"] for r in HISTORY if r["member"] == "mfcc" and r["fold"] == f] for f in (1, 2)]
    assert line(loss, "mfcc, valid").get_ydata() == pytest.approx(np.mean(of_fold, axis=0))


def test_confusion_matrix_shades_rows_and_counts_cells():
    axes, bar = charts.confusion_matrix([[8, 2], [0, 5]], ["yes", "no"]).axes
    assert axes.collections[0].get_array().tolist() == [[0.8, 0.2], [0.0, 1.0]]
    assert [t.get_text() for t in axes.texts] == ["8", "2", "5"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted label", "true label")
    assert axes.yaxis_inverted()
    assert "%" in bar.get_ylabel()


def test_large_confusion_matrix_has_no_numbers():
    axes, _ = charts.confusion_matrix(np.eye(200), [f"word {i}" for i in range(200)]).axes
    assert not axes.texts
    assert len(axes.get_xticks()) <= 40


def test_accuracy_by_draws_points_and_intervals():
    scores = {"a": Share(4, 0.5, (0.2, 0.8)), "b": Share(2, 1.0)}
    (axes,) = charts.accuracy_by(scores, kind="speaker", overall=0.6).axes
    drawn = [li.get_xdata() for li in axes.lines]
    assert list(drawn[0]) == [0.2, 0.8]
    assert list(drawn[1]) == [0.5, 1.0]
    assert set(drawn[2]) == {0.6}
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a  (4)", "b  (2)"]


def test_a_thousand_speakers_are_ranked():
    scores = {f"s{i}": Share(3, i / 1000) for i in range(1000)}
    (axes,) = charts.accuracy_by(scores, kind="speaker").axes
    assert list(axes.lines[0].get_ydata()) == sorted(s.accuracy for s in scores.values())
    assert "s0 0" in axes.get_xlabel()


def test_coverage_shows_what_is_missing():
    axes, _ = charts.coverage({"a": {"x": 2}, "b": {"x": 1, "y": 4}}, ["x", "y"]).axes
    assert axes.collections[0].get_array().tolist() == [[2, 0], [1, 4]]
    assert [t.get_text() for t in axes.texts] == ["2", "×", "1", "4"]


def test_label_counts_are_bars():
    (axes,) = charts.label_counts({"yes": 3, "no": 5}).axes
    assert [patch.get_height() for patch in axes.patches] == [3, 5]


def test_durations_mark_the_window():
    (axes,) = charts.durations([0.2, 0.4, 2.0], window_seconds=1.02).axes
    assert sum(patch.get_height() for patch in axes.patches) == 3
    assert set(axes.lines[0].get_xdata()) == {1.02}


def test_clip_map_tells_groups_apart():
    points = np.arange(24).reshape(12, 2)
    groups = [str(i) for i in range(11)] + [None]
    (axes,) = charts.clip_map(points, groups, kind="label").axes
    looks = {(tuple(c.get_facecolor()[0]), c.get_paths()[0].vertices.shape) for c in axes.collections[:-1]}
    assert len(looks) == 11
    assert sum(len(c.get_offsets()) for c in axes.collections) == 12


GROUPS = {f"speaker {number}": [float(number), number + 1.0] for number in range(charts.MAX_NAMED + 1)}


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.learning_curves([r for r in HISTORY if r["member"] == "mel" and r["fold"] == 1]),
        lambda: charts.mean_learning_curves(HISTORY),
        lambda: charts.reliability(RELIABILITY, error=0.03),
        lambda: charts.det_curve(DET, chosen=(0.03, 0.1)),
        lambda: charts.stress_curves(STRESS),
        lambda: charts.spread_by(GROUPS, quantity="loudness (dBFS)", kind="speaker"),
        lambda: charts.clip_map([[0, 0], [1, 1], [2, 0]], ["a", "b", None], kind="label"),
    ],
)
def test_no_name_stands_on_a_curve(draw):
    figure = draw()
    figure.draw_without_rendering()
    (legend,) = figure.legends
    place = legend.get_window_extent()
    assert not any(axes.get_legend() or axes.get_window_extent().overlaps(place) for axes in figure.axes)
    assert figure.bbox.padded(1).containsx(place.x0)
    assert figure.bbox.padded(1).containsx(place.x1)


@pytest.mark.parametrize("window", [0.2, 0.95])
def test_the_windows_name_stands_above_the_bars(window):
    figure = charts.durations(np.linspace(0, 1, 50), window_seconds=window)
    figure.draw_without_rendering()
    (axes,), (text,) = figure.axes, figure.axes[0].texts
    assert text.get_window_extent().y0 >= axes.get_window_extent().y1
    assert figure.bbox.padded(1).containsx(text.get_window_extent().x1)


def test_points_without_a_group_are_named():
    figure = charts.clip_map([[0, 0], [1, 1], [2, 0]], ["a", "b", None], kind="speaker")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "no speaker"]
    figure = charts.clip_map([[0, 0], [1, 1]], ["a", "b"], kind="speaker")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
