"""Matplotlib figures of runs, scores and data sets: one function a figure, used by pages and reports.

Each function takes numbers and returns a :class:`matplotlib.figure.Figure` with units on its axes. Accuracies are
shares in [0, 1] and drawn in per cent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sutja.calibration import ReliabilityBin
from sutja.clips import natural_order
from sutja.errors import needs
from sutja.metrics import Share
from sutja.reports.drawing import (
    BLUE,
    HUES,
    INK,
    ON_BLUE,
    SMALL,
    VERMILION,
    WIDE,
    drawn,
    dress,
    dress_bar,
    empty_figure,
    name_lines,
    per_cent,
    plain,
    shorten,
    spoken,
)
from sutja.stress import UnderStress

try:
    from matplotlib.axes import Axes
    from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
except ModuleNotFoundError as error:
    raise needs("matplotlib", "explore") from error

__all__ = [
    "accuracy_by",
    "bars",
    "clip_map",
    "confusion_matrix",
    "coverage",
    "det_curve",
    "durations",
    "histogram",
    "label_counts",
    "learning_curves",
    "mean_learning_curves",
    "reliability",
    "spread_by",
    "stress_curves",
]

# From nothing to blue: cells without counts show the paper, white or dark.
SHARES = LinearSegmentedColormap.from_list("shares", [(0.0, 0.447, 0.698, 0.0), (0.0, 0.447, 0.698, 1.0)])
SHARE_STEPS = (0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1)  # rare confusions are seen, too
MAX_NUMBERED_LABELS = 20  # cells of a larger confusion matrix are too small for numbers
STRESS_COLUMNS = 3
LEAST_RATE = 1e-3  # rates below this are drawn there: a logarithmic axis has no zero
MAX_NAMED = 60  # more bars than this are not told apart by names
SHAPES = ("o", "^", "s", "D", "P")  # with the hues: 30 groups that the colour-blind tell apart; templates/explore.js


@drawn
def learning_curves(history: Sequence[Mapping[str, float]], *, title: str = "") -> Figure:
    """Draw one network's accuracy (left) and loss (right) over its epochs.

    Parameters
    ----------
    history
        One record an epoch: ``epoch, train_loss, train_accuracy, valid_loss, valid_accuracy, chosen``; the epoch whose
        weights were kept has ``chosen`` 1.
    title
        Stands above the figure.

    """
    figure = empty_figure(7.2, 3.1)
    accuracy, loss = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in history]
    kept = [record for record in history if record.get("chosen")]
    for axes, quantity in ((accuracy, "accuracy"), (loss, "loss")):
        for part, hue, line in (("train", BLUE, "--"), ("valid", VERMILION, "-")):
            axes.plot(epochs, [record[f"{part}_{quantity}"] for record in history], line, color=hue, label=spoken(part))
        for record in kept:
            axes.axvline(record["epoch"], color=INK, linewidth=0.7, linestyle=":")
            label = spoken(f"kept: epoch {record['epoch']:g}")
            axes.plot([record["epoch"]], [record[f"valid_{quantity}"]], "o", color=VERMILION, label=label)
    _dress_curves(accuracy, loss)
    name_lines(figure, accuracy)
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


@drawn
def mean_learning_curves(history: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """Draw each member's accuracy (left) and loss (right), the mean over its folds, train dashed and valid solid.

    ``history`` has records as in :func:`learning_curves`, each with its ``member`` and ``fold``.
    """
    figure = empty_figure(*WIDE)
    accuracy, loss = figure.subplots(1, 2)
    draw_mean_curves(accuracy, loss, history)
    name_lines(figure, accuracy)
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


def draw_mean_curves(accuracy: Axes, loss: Axes, history: Sequence[Mapping[str, Any]]) -> None:
    """Draw what :func:`mean_learning_curves` draws into the axes of another figure."""
    for member, hue in zip(dict.fromkeys(record["member"] for record in history), _cycle(HUES), strict=False):
        epochs = sorted({record["epoch"] for record in history if record["member"] == member})
        for axes, quantity in ((accuracy, "accuracy"), (loss, "loss")):
            for part, line in (("train", "--"), ("valid", "-")):
                means = [_mean_at(history, member, epoch, f"{part}_{quantity}") for epoch in epochs]
                axes.plot(epochs, means, line, color=hue, label=spoken(f"{shorten(member)}, {part}"))
    _dress_curves(accuracy, loss)


def _cycle(values: Sequence[str]) -> Iterator[str]:
    while True:
        yield from values


def _mean_at(history: Sequence[Mapping[str, Any]], member: str, epoch: float, key: str) -> float:
    return float(np.mean([r[key] for r in history if r["member"] == member and r["epoch"] == epoch]))


def _dress_curves(accuracy: Axes, loss: Axes) -> None:
    dress(accuracy, x="epoch", y="accuracy (%)", grid="both")
    dress(loss, x="epoch", y="loss (cross-entropy, nats)", grid="both")
    per_cent(accuracy)
    accuracy.set_ylim(top=1.01)
    loss.set_ylim(bottom=0)
    for axes in (accuracy, loss):
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))


@drawn
def confusion_matrix(counts: ArrayLike, labels: Sequence[str], *, title: str = "") -> Figure:
    """Draw a confusion matrix ``(n_classes, n_classes)`` of clips: rows are true labels, columns predicted ones.

    Shades are shares of the row, in steps that grow so that rare confusions are seen. Up to
    ``MAX_NUMBERED_LABELS`` labels, the cells hold their counts.
    """
    matrix = np.asarray(counts, dtype=float)
    side = 2.2 + min(0.28 * len(labels), 4.4)
    figure = empty_figure(side + 0.6, side)
    axes = figure.subplots()
    image = draw_confusions(axes, matrix, labels)
    axes.set_title(plain(title), loc="left")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, ticks=SHARE_STEPS)
    dress_bar(bar, "share of the true label's clips (%)", rasterized=False)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
    return figure


def draw_confusions(axes: Axes, matrix: NDArray[np.float64], labels: Sequence[str]) -> Any:
    """Draw a confusion matrix into the axes of a figure; what comes back is for its colour bar."""
    n = len(labels)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.pcolormesh(
        shares, cmap=SHARES, norm=BoundaryNorm(SHARE_STEPS, SHARES.N, clip=True), rasterized=n > MAX_NUMBERED_LABELS
    )
    axes.set_aspect("equal")
    axes.invert_yaxis()
    _name_classes(axes, labels)
    if n <= MAX_NUMBERED_LABELS:
        for row, column in np.argwhere(matrix > 0):
            colour = ON_BLUE if shares[row, column] > 0.45 else INK
            text = f"{matrix[row, column]:g}"
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=8)
    dress(axes, x="predicted label", y="true label")
    return image


def _name_classes(axes: Axes, labels: Sequence[str]) -> None:
    step = max(1, -(-len(labels) // 40))  # at most 40 names fit
    places = range(0, len(labels), step)
    names = [shorten(labels[i], 12) for i in places]
    upright = max(map(len, names), default=0) > 3
    middles = [i + 0.5 for i in places]
    axes.set_xticks(middles, names, rotation=90 if upright else 0)
    axes.set_yticks(middles, names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_alpha(0.4)


@drawn
def accuracy_by(scores: Mapping[str, Share], *, kind: str, overall: float | None = None, title: str = "") -> Figure:
    """Draw the accuracy of each group, a label or a speaker, with its 95 % interval.

    Parameters
    ----------
    scores
        Of each group.
    kind
        What a group is, in one word: "label" or "speaker".
    overall
        The accuracy of all clips, as a dashed line.
    title
        Stands above the figure.

    Notes
    -----
    More than ``MAX_NAMED`` groups stand side by side by rank, and only the worst ones are named.

    """
    if len(scores) > MAX_NAMED:
        return _accuracy_ranks(scores, kind, overall, title)
    names = list(scores)
    figure = empty_figure(5.4, 1.0 + 0.23 * max(len(names), 2))
    axes = figure.subplots()
    places = np.arange(len(names))
    for place, name in zip(places, names, strict=True):
        interval = scores[name].interval95
        if interval:
            axes.plot(interval, [place, place], color=BLUE, linewidth=2.5, alpha=0.45, solid_capstyle="butt")
    axes.plot([scores[name].accuracy for name in names], places, "o", color=BLUE, markersize=5)
    if overall is not None:
        axes.axvline(overall, color=INK, linewidth=0.8, linestyle="--")
    axes.set_yticks(places, [f"{shorten(name)}  ({scores[name].n_clips})" for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(right=1.01)
    dress(axes, x="accuracy (%), with its 95 % interval", y=f"{kind} (clips)", title=title, grid="x")
    per_cent(axes, "x")
    return figure


def _accuracy_ranks(scores: Mapping[str, Share], kind: str, overall: float | None, title: str) -> Figure:
    ranked = sorted(scores, key=lambda name: scores[name].accuracy)
    figure = empty_figure(5.4, 3.2)
    axes = figure.subplots()
    accuracies = np.array([scores[name].accuracy for name in ranked])
    axes.fill_between(np.arange(1, len(ranked) + 1), accuracies, step="mid", color=BLUE, alpha=0.25, linewidth=0)
    axes.step(np.arange(1, len(ranked) + 1), accuracies, where="mid", color=BLUE)
    if overall is not None:
        axes.axhline(overall, color=INK, linewidth=0.8, linestyle="--")
    worst = ", ".join(f"{shorten(name)} {100 * scores[name].accuracy:.0f}" for name in ranked[:3])
    axes.set_ylim(0, 1.01)
    axes.set_xlim(1, len(ranked))
    ranks = f"{kind}s from lowest to highest (rank)\nlowest (%): {worst}"
    dress(axes, x=ranks, y="accuracy (%)", title=title, grid="y")
    per_cent(axes)
    return figure


@drawn
def reliability(bins: Sequence[ReliabilityBin], *, error: float | None = None, title: str = "") -> Figure:
    """Draw how many clips were right (upper) and how many there are (lower), by how sure the model was.

    Parameters
    ----------
    bins
        By rising confidence.
    error
        The calibration error, a share.
    title
        Stands above the figure.

    """
    figure = empty_figure(3.9, 4.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    sure = [each.confidence for each in bins]
    upper.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--", label=spoken("as sure as right"))
    label = "this model" if error is None else f"this model: error {100 * error:.1f} %"
    upper.plot(sure, [each.accuracy for each in bins], "o-", color=BLUE, markersize=5, label=spoken(label))
    lower.bar(sure, [each.n_clips for each in bins], width=0.05, color=BLUE, alpha=0.6)
    lower.set_yscale("log")
    dress(upper, y="right (%)", title=title, grid="both")
    dress(lower, x="probability of the answer (%)", y="clips")
    per_cent(upper)
    per_cent(lower, "x")
    name_lines(figure, upper, n_columns=1)
    return figure


@drawn
def det_curve(
    curve: Mapping[str, Sequence[float]], *, chosen: tuple[float, float] | None = None, title: str = ""
) -> Figure:
    """Draw the trade-off between false accepts and false rejects, both on logarithmic axes.

    Parameters
    ----------
    curve
        ``false_accepts`` and ``false_rejects``, shares, side by side.
    chosen
        The rates (false accepts, false rejects) at the model's threshold.
    title
        Stands above the figure.

    """
    figure = empty_figure(3.9, 3.8)
    axes = figure.subplots()
    accepts, rejects = (np.maximum(curve[name], LEAST_RATE) for name in ("false_accepts", "false_rejects"))
    axes.loglog(accepts, rejects, color=BLUE)
    if chosen:
        axes.plot(*np.maximum(chosen, LEAST_RATE), "o", color=VERMILION, label=spoken("at the model's threshold"))
        name_lines(figure, axes)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlim(LEAST_RATE, 1)
    axes.set_ylim(LEAST_RATE, 1)
    dress(axes, x="other sounds taken for a word (%)", y="words refused (%)", title=title, grid="both")
    return figure


@drawn
def stress_curves(scores: Sequence[UnderStress], *, title: str = "") -> Figure:
    """Draw the accuracy, with its interval, and the share refused (dashed) under each condition and strength."""
    names = list(dict.fromkeys(each.condition.name for each in scores))
    n_rows = -(-len(names) // STRESS_COLUMNS)
    figure = empty_figure(3.2 * STRESS_COLUMNS, 2.1 * n_rows + 0.3)
    panels = figure.subplots(n_rows, STRESS_COLUMNS, squeeze=False, sharey=True).ravel()
    for axes, name in zip(panels, names, strict=False):
        rows = [each for each in scores if each.condition.name == name]
        at = [each.condition.value for each in rows]
        low, high = np.transpose([each.interval95 for each in rows])
        axes.fill_between(at, low, high, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(at, [each.accuracy for each in rows], "o-", color=BLUE, markersize=4, label=spoken("right"))
        refused = [each.rejected_rate for each in rows]
        axes.plot(at, refused, "s--", color=VERMILION, markersize=3, label=spoken("refused"))
        axes.set_ylim(-0.02, 1.02)
        axes.set_xticks(at)
        dress(axes, x=rows[0].condition.unit, title=spoken(name), grid="y")
        per_cent(axes)
    name_lines(figure, panels[0])
    for axes in panels[len(names) :]:
        axes.remove()
    figure.supylabel(spoken("share of clips (%)"), fontsize=9)
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


@drawn
def label_counts(counts: Mapping[str, int], *, title: str = "") -> Figure:
    """Draw the number of clips of each label; by rank where there are more than ``MAX_NAMED``."""
    figure = empty_figure(5.4, 2.7)
    axes = figure.subplots()
    if len(counts) > MAX_NAMED:
        ranks = np.arange(1, len(counts) + 1)
        axes.fill_between(ranks, sorted(counts.values(), reverse=True), step="mid", color=BLUE, linewidth=0)
        axes.set_ylim(bottom=0)
        dress(axes, x="labels from most to fewest clips (rank)", y="clips", title=title, grid="y")
    else:
        axes.bar(np.arange(len(counts)), list(counts.values()), color=BLUE)
        names = [shorten(name, 12) for name in counts]
        upright = max(map(len, names), default=0) > 50 // max(len(names), 1)
        axes.set_xticks(np.arange(len(names)), names, rotation=90 if upright else 0)
        dress(axes, x="label", y="clips", title=title, grid="y")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return figure


@drawn
def coverage(table: Mapping[str, Mapping[str, int]], labels: Sequence[str], *, title: str = "") -> Figure:
    """Draw the number of clips of each speaker (rows) and label (columns); what is missing stands out.

    ``table`` maps speakers to their labels' counts. Where the cells are large enough they hold their numbers.
    """
    speakers = list(table)
    counts = np.array([[table[speaker].get(label, 0) for label in labels] for speaker in speakers], dtype=float)
    small = len(labels) <= MAX_NUMBERED_LABELS and len(speakers) <= MAX_NAMED
    figure = empty_figure(
        1.9 + min(0.36 * len(labels), 5.6), 1.3 + min(0.24 * len(speakers), 6.0 if not small else 15.0)
    )
    axes = figure.subplots()
    image = axes.pcolormesh(counts, cmap=SHARES, vmin=0, rasterized=not small)
    axes.invert_yaxis()
    if small:
        _number_cells(axes, counts)
    _name_cells(axes, labels, speakers)
    note = "" if counts.all() else ("; × none" if small else "; blank: none")
    dress(axes, x="label", y="speaker", title=title)
    bar = figure.colorbar(image, ax=axes, ticks=MaxNLocator(nbins=5, integer=True))
    dress_bar(bar, f"clips{note}", rasterized=True)
    return figure


def _number_cells(axes: Axes, counts: NDArray[np.float64]) -> None:
    for row, column in np.ndindex(*counts.shape):
        count = counts[row, column]
        full = count > 0.6 * counts.max()
        text, colour = (f"{count:g}", ON_BLUE if full else INK) if count else ("×", VERMILION)
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=8)


def _name_cells(axes: Axes, labels: Sequence[str], speakers: Sequence[str]) -> None:
    for names, axis, most in ((labels, "x", 40), (speakers, "y", MAX_NAMED)):
        step = max(1, -(-len(names) // most))
        places = range(0, len(names), step)
        shown = [shorten(names[i], 12) for i in places]
        if axis == "x":
            upright = max(map(len, shown), default=0) > 3
            axes.set_xticks([i + 0.5 for i in places], shown, rotation=90 if upright else 0)
        else:
            axes.set_yticks([i + 0.5 for i in places], shown if step == 1 else [""] * len(shown))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_alpha(0.4)


@drawn
def durations(seconds: ArrayLike, *, window_seconds: float | None = None, title: str = "") -> Figure:
    """Draw how long the clips are, and where the networks' window ends."""
    figure = _histogram(np.asarray(seconds, dtype=float), "duration (s)", title)
    if window_seconds is not None:
        axes = figure.axes[0]
        axes.axvline(window_seconds, color=VERMILION, linewidth=1, linestyle="--")
        low, high = axes.get_xlim()
        at: dict[str, Any] = {
            "ha": "right" if window_seconds > (low + high) / 2 else "left",
            "va": "bottom",
            "fontsize": 8.5,
        }
        axes.text(window_seconds, 1.02, spoken("the networks' window"), transform=axes.get_xaxis_transform(), **at)
    return figure


@drawn
def histogram(values: ArrayLike, quantity: str, *, title: str = "") -> Figure:
    """Draw how many clips have which value; ``quantity`` names it with its unit: "loudness (dBFS)"."""
    return _histogram(np.asarray(values, dtype=float), quantity, title)


def _histogram(values: NDArray[np.float64], quantity: str, title: str) -> Figure:
    figure = empty_figure(*SMALL)
    axes = figure.subplots()
    constant = values.size == 0 or float(np.ptp(values)) < 1e-9
    axes.hist(values, bins=10 if constant else min(40, max(10, len(values) // 10)), color=BLUE)
    dress(axes, x=quantity, y="clips", title=title, grid="y")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    return figure


@drawn
def spread_by(groups: Mapping[str, Sequence[float]], *, quantity: str, kind: str, title: str = "") -> Figure:
    """Draw one quantity of each group, a label or a speaker: median, middle half and 5 to 95 %.

    More than ``MAX_NAMED`` groups stand side by side in the order of their medians, without names.
    """
    shares = {name: np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]) for name, values in groups.items()}
    if len(shares) > MAX_NAMED:
        return _spread_ranks(np.array(sorted(shares.values(), key=lambda s: float(s[2]))), quantity, kind, title)
    figure = empty_figure(5.4, 1.0 + 0.23 * max(len(shares), 2))
    axes = figure.subplots()
    for place, (low, first, middle, third, high) in enumerate(shares.values()):
        axes.plot([low, high], [place, place], color=BLUE, linewidth=1)
        axes.plot([first, third], [place, place], color=BLUE, linewidth=5, alpha=0.5, solid_capstyle="butt")
        axes.plot([middle], [place], "o", color=BLUE, markersize=5)
    axes.set_yticks(np.arange(len(shares)), [f"{shorten(name)}  ({len(groups[name])})" for name in shares])
    axes.set_ylim(len(shares) - 0.5, -0.5)
    dress(axes, x=quantity, y=f"{kind} (clips)", title=title, grid="x")
    return figure


def _spread_ranks(shares: NDArray[np.float64], quantity: str, kind: str, title: str) -> Figure:
    figure = empty_figure(5.4, 2.7)
    axes = figure.subplots()
    ranks = np.arange(1, len(shares) + 1)
    axes.fill_between(ranks, shares[:, 0], shares[:, 4], color=BLUE, alpha=0.2, linewidth=0, label=spoken("5 to 95 %"))
    axes.plot(ranks, shares[:, 2], color=BLUE, label=spoken("median"))
    axes.set_xlim(1, len(shares))
    name_lines(figure, axes)
    dress(axes, x=f"{kind}s in the order of their medians (rank)", y=quantity, title=title, grid="y")
    return figure


@drawn
def clip_map(points: ArrayLike, groups: Sequence[str | None], *, kind: str, title: str = "") -> Figure:
    """Draw clips as points ``(n_clips, 2)``, near where they sound alike, coloured by their group.

    More groups than hues and shapes can tell apart are drawn in one colour.
    """
    places = np.asarray(points, dtype=float)
    names = natural_order(groups)
    figure = empty_figure(6.4, 4.8)
    axes = figure.subplots()
    known = np.array([str(g) if g is not None else "" for g in groups])
    named = 0 < len(names) <= len(HUES) * len(SHAPES)
    for i, name in enumerate(names if named else []):
        chosen = places[known == name]
        style: dict[str, Any] = {"color": HUES[i % len(HUES)], "marker": SHAPES[i // len(HUES)]}
        axes.scatter(chosen[:, 0], chosen[:, 1], s=9, alpha=0.75, linewidths=0, label=shorten(name), **style)
    rest = places[known == ""] if named else places
    unknown: dict[str, Any] = {"label": f"no {kind}"} if named and len(rest) else {}
    axes.scatter(rest[:, 0], rest[:, 1], s=9, color=INK, alpha=0.35, linewidths=0, zorder=0, **unknown)
    axes.set_xticks([])
    axes.set_yticks([])
    dress(axes, x="near: sound alike (no unit)", y="(no unit)", title=title)
    if named:
        columns = 1 if len(names) <= 20 else 2
        figure.legend(loc="outside right upper", title=spoken(kind), ncols=columns, markerscale=2, fontsize=8.5)
    return figure


@drawn
def bars(values: Mapping[str, float], *, x: str = "", title: str = "", share: bool = False) -> Figure:
    """Draw a few numbers as bars with their names: shares in per cent, or whatever ``x`` says."""
    figure = empty_figure(6.4, 0.9 + 0.42 * max(len(values), 1))
    axes = figure.subplots()
    places = np.arange(len(values))
    axes.barh(places, list(values.values()), color=BLUE, height=0.62)
    axes.set_yticks(places, [shorten(name, 44) for name in values])
    axes.invert_yaxis()
    largest = max([*map(abs, values.values()), 1e-9])
    axes.set_xlim(0, 1.18 if share else 1.18 * largest)
    for place, value in zip(places, values.values(), strict=True):
        text = f" {100 * value:.1f}" if share else f" {value:.4g}"
        axes.text(value, float(place), text, va="center", fontsize=8.5)
    dress(axes, x=x, title=title, grid="x")
    if share:
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        per_cent(axes, "x")
    return figure
