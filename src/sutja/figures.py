"""Matplotlib figures of recordings, data sets and runs: one function a figure, used by page, notebook and report.

Each function takes numbers and returns a :class:`matplotlib.figure.Figure` with units on its axes; none opens a
window, touches pyplot's state or writes a file. :func:`save_png` writes one; :func:`to_svg` gives text for a page,
whose ink and hues follow the page's colours in light and dark. Accuracies are shares in [0, 1] and drawn in per cent.
"""

from __future__ import annotations

import functools
import io
import itertools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sutja.audio import Waveform
from sutja.config import FeatureConfig
from sutja.dataset import natural_order
from sutja.errors import needs
from sutja.features import Features, hz_to_mel, mel_to_hz
from sutja.files import replace_whole
from sutja.relevance import Explanation

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
except ModuleNotFoundError as error:
    raise needs("matplotlib", "explore") from error

P = ParamSpec("P")
__all__ = [
    "accuracy_by",
    "clip_map",
    "compare_clips",
    "confusion_matrix",
    "coverage",
    "det_curve",
    "durations",
    "explanation",
    "histogram",
    "label_counts",
    "learning_curves",
    "mean_learning_curves",
    "mel_beside_mfcc",
    "mel_scale",
    "mel_spectrogram",
    "mfcc",
    "mfcc_mean",
    "network_inputs",
    "reliability",
    "save_png",
    "spectrum",
    "spread_by",
    "stress_curves",
    "to_svg",
    "waveform",
]

INK = "#1c2024"  # text, axes and grid; the page's text colour in a page
# Okabe and Ito's palette (2008), which stays apart under every common colour blindness; light enough for dark pages,
# where the page moves each hue (templates/page.css), and dark enough for white paper.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
HUES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
ON_BLUE = "#fffffe"  # text on a full cell
PAGE_COLOURS = {
    INK: "currentColor",
    ON_BLUE: "var(--on-blue)",
    BLUE: "var(--blue)",
    VERMILION: "var(--vermilion)",
    GREEN: "var(--green)",
    PURPLE: "var(--purple)",
    ORANGE: "var(--orange)",
    SKY: "var(--sky)",
}
# From nothing to blue: cells without counts show the paper, white or dark.
SHARES = LinearSegmentedColormap.from_list("shares", [(0.0, 0.447, 0.698, 0.0), (0.0, 0.447, 0.698, 1.0)])
SHARE_STEPS = (0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1)  # rare confusions are seen, too
DECIBELS = "viridis"  # even in lightness, safe for the colour-blind
SIGNED = "PuOr"  # as safe, for what is above and below zero

# DejaVu Sans comes with matplotlib and has no Korean, Chinese or Japanese: the first of these that is installed helps.
WIDER_FONTS = (
    "NanumGothic",
    "NanumBarunGothic",
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "Noto Sans CJK JP",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "AppleGothic",
    "UnDotum",
    "Arial Unicode MS",
)
MAX_NUMBERED_LABELS = 20  # cells of a larger confusion matrix are too small for numbers
STRESS_COLUMNS = 4
LEAST_RATE = 1e-3  # rates below this are drawn there: a logarithmic axis has no zero
MAX_NAMED = 60  # more bars than this are not told apart by names
PNG_DPI = 150


@functools.cache
def _fonts() -> list[str]:
    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *[name for name in WIDER_FONTS if name in installed]]


@functools.cache
def _style() -> dict[Any, Any]:
    coloured = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color", "grid.color")
    return {
        **dict.fromkeys(coloured, INK),
        "font.family": _fonts(),
        "font.size": 9.0,
        "axes.titlesize": 10.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "axes.axisbelow": True,
        "grid.alpha": 0.15,
        "grid.linewidth": 0.7,
        "lines.linewidth": 1.4,
        "legend.frameon": False,
        "axes.unicode_minus": False,
        "svg.fonttype": "none",
        "image.interpolation": "nearest",
    }


def _drawn(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the house's style, whatever the user's settings are."""

    @functools.wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(_style()):
            return function(*args, **kwargs)

    return draw


@contextmanager
def _rendering(name: str) -> Iterator[None]:
    # Ticks take their font when they are rendered. Names in a script that no installed font has become boxes in a
    # PNG (the browser finds its own fonts for a page): nothing that the reader of a terminal could mend.
    with mpl.rc_context({**_style(), "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
        yield


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG on white, whole or not at all."""
    with replace_whole(path) as draft, _rendering(path.stem):
        figure.savefig(draft, format="png", dpi=PNG_DPI, facecolor="white")


def to_svg(figure: Figure, name: str) -> str:
    """Return a figure as an ``<svg>`` element for a page.

    ``name`` is a word that no other figure of the page has: all ids begin with it. Ink becomes ``currentColor`` and
    each hue the variable of ``page.css``; text stays text in the page's font.
    """
    buffer = io.StringIO()
    with _rendering(name):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    asked_for = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))  # the other ids only make a page heavy
    svg = re.sub(r'\s+id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in asked_for else "", svg)
    svg = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"(font: (?:[\w.]+ )*[\d.]+px) [^;\"]+", r"\1 var(--font)", svg)
    head, body = svg.split(">", 1)
    view = re.search(r'viewBox="[^"]*"', head)
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    size = f'width="{width}" height="{height}" style="--natural: {width}px"'  # page.css shrinks it only so far
    svg = f'<svg {names} {view and view[0]} {size} role="img">{body}'
    for colour, variable in PAGE_COLOURS.items():
        svg = svg.replace(f": {colour}", f": {variable}")
    return svg


def plain(text: object) -> str:
    r"""Return text that matplotlib draws as it stands: no mathematics between dollars, no control characters.

    >>> print(plain("five$ $ \n"))
    five\$ \$ ?
    """
    shown = "".join(c if c.isprintable() else "?" for c in str(text))
    return shown.replace("$", r"\$")


def _shorten(text: object, length: int = 18) -> str:
    name = str(text)
    return plain(name if len(name) <= length else name[: length - 1] + "…")


def _figure(width: float, height: float) -> Figure:
    """Give an empty figure, sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def _dress(axes: Axes, *, x: str = "", y: str = "", title: str = "", grid: str = "") -> None:
    """Name the axes, and fix what ticks would otherwise take from the user's settings when they are rendered."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if title:
        axes.set_title(plain(title), loc="left")
    if grid:
        axes.grid(axis=grid)  # type: ignore[arg-type]
    axes.tick_params(colors=INK, labelsize=8.5, labelfontfamily=_fonts(), width=0.7)


def _per_cent(axes: Axes, axis: str = "y") -> None:
    chosen = axes.yaxis if axis == "y" else axes.xaxis
    chosen.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))


# -- a run -----------------------------------------------------------------------------------------------------------


@_drawn
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
    figure = _figure(7.2, 2.9)
    accuracy, loss = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in history]
    kept = [record for record in history if record.get("chosen")]
    for axes, quantity in ((accuracy, "accuracy"), (loss, "loss")):
        for part, hue, line in (("train", BLUE, "--"), ("valid", VERMILION, "-")):
            axes.plot(epochs, [record[f"{part}_{quantity}"] for record in history], line, color=hue, label=part)
        for record in kept:
            axes.axvline(record["epoch"], color=INK, linewidth=0.7, linestyle=":")
            label = f"kept: epoch {record['epoch']:g}"
            axes.plot([record["epoch"]], [record[f"valid_{quantity}"]], "o", color=VERMILION, label=label)
    _dress_curves(accuracy, loss)
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


@_drawn
def mean_learning_curves(history: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """Draw each member's accuracy (left) and loss (right), the mean over its folds, train dashed and valid solid.

    ``history`` has records as in :func:`learning_curves`, each with its ``member`` and ``fold``.
    """
    figure = _figure(7.2, 3.1)
    accuracy, loss = figure.subplots(1, 2)
    for member, hue in zip(dict.fromkeys(record["member"] for record in history), _cycle(HUES), strict=False):
        epochs = sorted({record["epoch"] for record in history if record["member"] == member})
        for axes, quantity in ((accuracy, "accuracy"), (loss, "loss")):
            for part, line in (("train", "--"), ("valid", "-")):
                means = [_mean_at(history, member, epoch, f"{part}_{quantity}") for epoch in epochs]
                axes.plot(epochs, means, line, color=hue, label=f"{_shorten(member)}, {part}")
    _dress_curves(accuracy, loss)
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


def _cycle(values: Sequence[str]) -> Iterator[str]:
    while True:
        yield from values


def _mean_at(history: Sequence[Mapping[str, Any]], member: str, epoch: float, key: str) -> float:
    return float(np.mean([r[key] for r in history if r["member"] == member and r["epoch"] == epoch]))


def _dress_curves(accuracy: Axes, loss: Axes) -> None:
    _dress(accuracy, x="epoch", y="accuracy (%)", grid="both")
    _dress(loss, x="epoch", y="loss (cross-entropy, nats)", grid="both")
    _per_cent(accuracy)
    accuracy.set_ylim(top=1.01)
    loss.set_ylim(bottom=0)
    accuracy.legend(loc="lower right")
    for axes in (accuracy, loss):
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))


@_drawn
def confusion_matrix(counts: ArrayLike, labels: Sequence[str], *, title: str = "") -> Figure:
    """Draw a confusion matrix ``(n_classes, n_classes)`` of clips: rows are true labels, columns predicted ones.

    Shades are shares of the row, in steps that grow so that rare confusions are seen. Up to
    ``MAX_NUMBERED_LABELS`` labels, the cells hold their counts.
    """
    matrix = np.asarray(counts, dtype=float)
    n = len(labels)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 2.2 + min(0.28 * n, 4.4)
    figure = _figure(side + 0.6, side)
    axes = figure.subplots()
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
    _dress(axes, x="predicted label", y="true label", title=title)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, ticks=SHARE_STEPS)
    _dress_bar(bar, "share of the true label's clips (%)", rasterized=False)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
    return figure


def _name_classes(axes: Axes, labels: Sequence[str]) -> None:
    step = max(1, -(-len(labels) // 40))  # at most 40 names fit
    places = range(0, len(labels), step)
    names = [_shorten(labels[i], 12) for i in places]
    upright = max(map(len, names), default=0) > 3
    middles = [i + 0.5 for i in places]
    axes.set_xticks(middles, names, rotation=90 if upright else 0)
    axes.set_yticks(middles, names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_alpha(0.4)


def _dress_bar(bar: Any, label: str, *, rasterized: bool = True) -> None:
    bar.set_label(label)
    bar.outline.set_linewidth(0.5)
    bar.solids.set(rasterized=rasterized)
    bar.ax.tick_params(colors=INK, labelsize=8.5, labelfontfamily=_fonts(), width=0.7)


@_drawn
def accuracy_by(
    scores: Mapping[str, Mapping[str, Any]], *, kind: str, overall: float | None = None, title: str = ""
) -> Figure:
    """Draw the accuracy of each group, a label or a speaker, with its 95 % interval.

    Parameters
    ----------
    scores
        Of each group: ``accuracy``, ``n_clips`` and, where known, ``interval95`` as ``(low, high)``.
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
    figure = _figure(5.4, 1.0 + 0.23 * max(len(names), 2))
    axes = figure.subplots()
    places = np.arange(len(names))
    for place, name in zip(places, names, strict=True):
        interval = scores[name].get("interval95")
        if interval:
            axes.plot(interval, [place, place], color=BLUE, linewidth=2.5, alpha=0.45, solid_capstyle="butt")
    axes.plot([scores[name]["accuracy"] for name in names], places, "o", color=BLUE, markersize=5)
    if overall is not None:
        axes.axvline(overall, color=INK, linewidth=0.8, linestyle="--")
    axes.set_yticks(places, [f"{_shorten(name)}  ({scores[name]['n_clips']})" for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(right=1.01)
    _dress(axes, x="accuracy (%), with its 95 % interval", y=f"{kind} (clips)", title=title, grid="x")
    _per_cent(axes, "x")
    return figure


@_drawn
def reliability(bins: Sequence[Mapping[str, float]], *, error: float | None = None, title: str = "") -> Figure:
    """Draw how many clips were right (upper) and how many there are (lower), by how sure the model was.

    Parameters
    ----------
    bins
        Each with ``n_clips``, ``confidence`` and ``accuracy``, shares in [0, 1].
    error
        The calibration error, a share.
    title
        Stands above the figure.

    """
    figure = _figure(3.9, 4.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    sure = [found["confidence"] for found in bins]
    upper.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--", label="as sure as right")
    label = "this model" if error is None else f"this model: error {100 * error:.1f} %"
    upper.plot(sure, [found["accuracy"] for found in bins], "o-", color=BLUE, markersize=5, label=label)
    upper.legend(loc="lower right")
    lower.bar(sure, [found["n_clips"] for found in bins], width=0.05, color=BLUE, alpha=0.6)
    lower.set_yscale("log")
    _dress(upper, y="right (%)", title=title, grid="both")
    _dress(lower, x="probability of the answer (%)", y="clips")
    _per_cent(upper)
    _per_cent(lower, "x")
    return figure


@_drawn
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
    figure = _figure(3.9, 3.6)
    axes = figure.subplots()
    accepts, rejects = (np.maximum(curve[name], LEAST_RATE) for name in ("false_accepts", "false_rejects"))
    axes.loglog(accepts, rejects, color=BLUE)
    if chosen:
        axes.plot(*np.maximum(chosen, LEAST_RATE), "o", color=VERMILION, label="at the model's threshold")
        axes.legend(loc="upper right")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlim(LEAST_RATE, 1)
    axes.set_ylim(LEAST_RATE, 1)
    _dress(axes, x="other sounds taken for a word (%)", y="words refused (%)", title=title, grid="both")
    return figure


@_drawn
def stress_curves(found: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """Draw the accuracy, with its interval, and the share refused (dashed) under each condition.

    ``found`` holds, for each condition and strength, ``condition`` (``name``, ``value``, ``unit``), ``accuracy``,
    ``interval95`` and ``rejected_rate``.
    """
    names = list(dict.fromkeys(scores["condition"]["name"] for scores in found))
    n_rows = -(-len(names) // STRESS_COLUMNS)
    figure = _figure(2.4 * STRESS_COLUMNS, 2.1 * n_rows + 0.3)
    panels = figure.subplots(n_rows, STRESS_COLUMNS, squeeze=False, sharey=True).ravel()
    for axes, name in zip(panels, names, strict=False):
        rows = [scores for scores in found if scores["condition"]["name"] == name]
        at = [scores["condition"]["value"] for scores in rows]
        low, high = np.transpose([scores["interval95"] for scores in rows])
        axes.fill_between(at, low, high, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(at, [scores["accuracy"] for scores in rows], "o-", color=BLUE, markersize=4, label="right")
        refused = [scores["rejected_rate"] for scores in rows]
        axes.plot(at, refused, "s--", color=VERMILION, markersize=3, label="refused")
        axes.set_ylim(-0.02, 1.02)
        axes.set_xticks(at)
        _dress(axes, x=rows[0]["condition"]["unit"], title=name, grid="y")
        _per_cent(axes)
    panels[0].legend(loc="center left")
    for axes in panels[len(names) :]:
        axes.remove()
    figure.supylabel("share of clips (%)", fontsize=9)
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


def _accuracy_ranks(scores: Mapping[str, Mapping[str, Any]], kind: str, overall: float | None, title: str) -> Figure:
    ranked = sorted(scores, key=lambda name: scores[name]["accuracy"])
    figure = _figure(5.4, 3.2)
    axes = figure.subplots()
    accuracies = np.array([scores[name]["accuracy"] for name in ranked])
    axes.fill_between(np.arange(1, len(ranked) + 1), accuracies, step="mid", color=BLUE, alpha=0.25, linewidth=0)
    axes.step(np.arange(1, len(ranked) + 1), accuracies, where="mid", color=BLUE)
    if overall is not None:
        axes.axhline(overall, color=INK, linewidth=0.8, linestyle="--")
    worst = ", ".join(f"{_shorten(name)} {100 * scores[name]['accuracy']:.0f}" for name in ranked[:3])
    axes.text(0.99, 0.03, f"lowest (%): {worst}", transform=axes.transAxes, ha="right", fontsize=8.5)
    axes.set_ylim(0, 1.01)
    axes.set_xlim(1, len(ranked))
    _dress(axes, x=f"{kind}s from lowest to highest (rank)", y="accuracy (%)", title=title, grid="y")
    _per_cent(axes)
    return figure


# -- a clip ----------------------------------------------------------------------------------------------------------

SMALL = (3.6, 2.1)  # inches; three side by side on a laptop, one on a phone
LOWEST_HZ = 60.0  # of a logarithmic axis: no voice is below
MAX_POINTS = 700  # of one line: more than a screen's columns only make the page heavy


@_drawn
def waveform(samples: Waveform, sample_rate: int, *, title: str = "") -> Figure:
    """Draw a waveform ``(n_samples,)`` over time; a long one as the range from lowest to highest sample."""
    figure = _figure(*SMALL)
    axes = figure.subplots()
    step = -(-len(samples) // MAX_POINTS)
    if step <= 2:
        axes.plot(np.arange(len(samples)) / sample_rate, samples, color=BLUE, linewidth=0.8)
    else:
        columns = np.array_split(samples, MAX_POINTS)
        times = np.linspace(0, len(samples) / sample_rate, len(columns))
        low, high = [float(c.min()) for c in columns], [float(c.max()) for c in columns]
        axes.fill_between(times, low, high, color=BLUE, linewidth=0.3)
    limit = 1.05 * max(float(np.abs(samples).max()), 1e-4)
    axes.set_ylim(-limit, limit)
    axes.set_xlim(0, len(samples) / sample_rate)
    _dress(axes, x="time (s)", y="amplitude (full scale 1)", title=title, grid="y")
    return figure


@_drawn
def spectrum(samples: Waveform, sample_rate: int, *, title: str = "") -> Figure:
    """Draw the magnitude of the Fourier transform of a whole clip, from 0 to half the sample rate."""
    figure = _figure(*SMALL)
    axes = figure.subplots()
    magnitude = np.abs(np.fft.rfft(samples))
    edges = np.unique(np.linspace(0, len(magnitude), MAX_POINTS + 1).astype(int))
    peaks = np.maximum.reduceat(magnitude, edges[:-1])  # the largest of the bins that share a column
    frequencies = edges[:-1] * sample_rate / len(samples) / 1000
    axes.fill_between(frequencies, 0, peaks, color=BLUE, linewidth=0.3)
    axes.set_xlim(0, sample_rate / 2000)
    axes.set_ylim(0, 1.05 * max(float(peaks.max()), 1e-9))
    _dress(axes, x="frequency (kHz)", y="magnitude", title=title, grid="both")
    return figure


@_drawn
def mel_scale(*, fmax: float = 10_000.0) -> Figure:
    """Draw the mel scale, 2595 log10(1 + f/700), up to ``fmax`` Hz."""
    figure = _figure(*SMALL)
    axes = figure.subplots()
    frequencies = np.linspace(0, fmax, 200)
    axes.plot(frequencies / 1000, hz_to_mel(frequencies, "htk"), color=BLUE)
    axes.set_xlim(0, fmax / 1000)
    axes.set_ylim(bottom=0)
    _dress(axes, x="frequency (kHz)", y="pitch (mel)", title="m = 2595 log10(1 + f/700)", grid="both")
    return figure


@_drawn
def mel_spectrogram(decibels: Features, sample_rate: int, config: FeatureConfig, *, title: str = "") -> Figure:
    """Draw a log mel spectrogram ``(n_mels, n_frames)`` in dB, frequency on a logarithmic axis."""
    figure = _figure(*SMALL)
    axes = figure.subplots()
    _draw_mel(axes, decibels, sample_rate, config)
    axes.set_title(plain(title), loc="left")
    return figure


@_drawn
def mfcc(coefficients: Features, sample_rate: int, config: FeatureConfig, *, title: str = "") -> Figure:
    """Draw MFCCs ``(n_mfcc, n_frames)`` over time."""
    figure = _figure(*SMALL)
    axes = figure.subplots()
    _draw_mfcc(axes, coefficients, sample_rate, config)
    axes.set_title(plain(title), loc="left")
    return figure


@_drawn
def mfcc_mean(coefficients: Features, *, title: str = "") -> Figure:
    """Draw the mean over time of MFCCs ``(n_mfcc, n_frames)``: a vector of ``n_mfcc``."""
    figure = _figure(*SMALL)
    axes = figure.subplots()
    axes.bar(np.arange(len(coefficients)), coefficients.mean(axis=1), color=BLUE, width=0.8)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set_yscale("symlog", linthresh=10)  # the first one, loudness, is ten times the others
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _dress(axes, x="coefficient", y="mean over time", title=title, grid="y")
    return figure


@_drawn
def mel_beside_mfcc(
    decibels: Features, coefficients: Features, sample_rate: int, config: FeatureConfig, *, title: str = ""
) -> Figure:
    """Draw one clip's log mel spectrogram (left) beside its MFCCs (right)."""
    return _compared([(decibels, coefficients)], [title], sample_rate, config)


@_drawn
def compare_clips(
    clips: Sequence[tuple[Features, Features]], names: Sequence[str], sample_rate: int, config: FeatureConfig
) -> Figure:
    """Draw clips one above the other, each ``(log_mel, mfcc)``: mel on the left, MFCCs on the right."""
    return _compared(clips, names, sample_rate, config)


def _compared(
    clips: Sequence[tuple[Features, Features]], names: Sequence[str], sample_rate: int, config: FeatureConfig
) -> Figure:
    figure = _figure(7.4, 0.3 + 2.2 * len(clips))
    grid = figure.subplots(len(clips), 2, squeeze=False)
    for (decibels, coefficients), name, (left, right) in zip(clips, names, grid, strict=True):
        _draw_mel(left, decibels, sample_rate, config)
        _draw_mfcc(right, coefficients, sample_rate, config)
        left.set_title(_shorten(f"{name}, log mel", 42), loc="left")
        right.set_title(_shorten(f"{name}, MFCC", 42), loc="left")
    return figure


@_drawn
def explanation(found: Explanation, *, title: str = "") -> Figure:
    """Draw a clip's log mel spectrogram and, below it, which of its cells spoke for the label and which against.

    The parts that mattered stand between dotted lines.
    """
    figure = _figure(7.2, 5.2)
    above, below = figure.subplots(2, 1, sharex=True)
    times = found.start_seconds + (np.arange(found.relevance.shape[1] + 1) - 0.5) * found.hop_seconds
    image = _draw_bands(above, found.log_mel, times, found.sample_rate, found.config, cmap=DECIBELS)
    _dress_bar(figure.colorbar(image, ax=above), "dB re maximum" if found.config.reference == "max" else "dB")
    limit = max(float(np.abs(found.relevance).max()), 1e-6)
    look = {"cmap": SIGNED, "vmin": -limit, "vmax": limit}
    image = _draw_bands(below, found.relevance, times, found.sample_rate, found.config, **look)
    _dress_bar(figure.colorbar(image, ax=below), f"against (−)   for (+) {_shorten(found.label)}")
    for axes in (above, below):
        for second in itertools.chain.from_iterable(found.segments):
            axes.axvline(second, color="white" if axes is above else INK, linewidth=0.9, linestyle=":")
    above.set_xlabel("")
    heard = np.flatnonzero(found.relevance.any(axis=0))
    if len(heard):
        below.set_xlim(max(0.0, float(times[heard[0]])), float(times[heard[-1] + 1]))
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


def _draw_mel(axes: Axes, decibels: Features, sample_rate: int, config: FeatureConfig) -> None:
    image = _draw_bands(axes, decibels, _frame_edges(decibels, sample_rate, config), sample_rate, config, cmap=DECIBELS)
    unit = "dB re maximum" if config.reference == "max" else "dB"
    _dress_bar(_figure_of(axes).colorbar(image, ax=axes), unit)


def _draw_bands(
    axes: Axes, values: Features, times: NDArray[np.float64], sample_rate: int, config: FeatureConfig, **look: Any
) -> Any:
    """Draw ``(n_mels, n_frames)`` between the frames' ``times`` on a logarithmic axis of frequency."""
    fmax = sample_rate / 2 if config.fmax is None else config.fmax
    ends = hz_to_mel(np.array([config.fmin, fmax]), config.mel_scale)
    # A band reaches from its neighbours' middles to the next: here it is drawn from half-way to half-way.
    places = np.linspace(ends[0], ends[1], config.n_mels + 2)
    edges = mel_to_hz(np.concatenate(([places[0]], (places[1:-2] + places[2:-1]) / 2, [places[-1]])), config.mel_scale)
    edges[0] = max(edges[0], edges[1] / 2)  # 0 Hz has no place on a logarithmic axis
    bottom = min(LOWEST_HZ, float(edges[-2]))
    image = axes.pcolormesh(times, edges, values, rasterized=True, **look)
    axes.set_yscale("log")
    axes.set_ylim(bottom, fmax)
    axes.set_yticks([f for f in (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000) if bottom < f <= fmax])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda f, _: f"{f / 1000:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    _dress(axes, x="time (s)", y="frequency (kHz)")
    return image


def _draw_mfcc(axes: Axes, coefficients: Features, sample_rate: int, config: FeatureConfig) -> None:
    # The first coefficient is loudness and far larger than the rest: it may leave the scale, the others fill it.
    limit = max(float(np.quantile(np.abs(coefficients[1:] if len(coefficients) > 1 else coefficients), 0.95)), 1e-6)
    edges = np.arange(len(coefficients) + 1) - 0.5
    times = _frame_edges(coefficients, sample_rate, config)
    image = axes.pcolormesh(times, edges, coefficients, cmap=SIGNED, vmin=-limit, vmax=limit, rasterized=True)
    _dress(axes, x="time (s)", y="coefficient")
    _dress_bar(_figure_of(axes).colorbar(image, ax=axes, extend="both"), "value (dB)")


def _figure_of(axes: Axes) -> Figure:
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure


def _frame_edges(features: Features, sample_rate: int, config: FeatureConfig) -> NDArray[np.float64]:
    """Return the times between frames, seconds, ``(n_frames + 1,)``."""
    first = 0.0 if config.center else config.n_fft / 2 / sample_rate
    hop = config.hop_length / sample_rate
    return np.maximum(first + (np.arange(features.shape[1] + 1) - 0.5) * hop, 0)


@_drawn
def network_inputs(inputs: Mapping[str, Sequence[Features]], *, title: str = "") -> Figure:
    """Draw what enters the networks: two rows of four inputs, ``(n_bins, n_frames)`` in [0, 1], for each member."""
    figure = _figure(7.2, 0.9 + 3.0 * len(inputs))
    grid = figure.subplots(2 * len(inputs), 4, squeeze=False)
    image = None
    for i, (member, arrays) in enumerate(inputs.items()):
        for j, axes in enumerate(grid[2 * i : 2 * i + 2].flat):
            _dress(axes, x="frame" if j >= 4 else "", y=f"{_shorten(member)} bin" if j % 4 == 0 else "")
            if j < len(arrays):
                image = axes.pcolormesh(arrays[j], cmap=DECIBELS, vmin=0, vmax=1, rasterized=True)
            else:
                axes.set_axis_off()
    if image is not None:
        _dress_bar(figure.colorbar(image, ax=grid, shrink=0.5), "scaled value (0 to 1)")
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


# -- a data set ------------------------------------------------------------------------------------------------------


@_drawn
def label_counts(counts: Mapping[str, int], *, title: str = "") -> Figure:
    """Draw the number of clips of each label; by rank where there are more than ``MAX_NAMED``."""
    figure = _figure(5.4, 2.7)
    axes = figure.subplots()
    if len(counts) > MAX_NAMED:
        ranks = np.arange(1, len(counts) + 1)
        axes.fill_between(ranks, sorted(counts.values(), reverse=True), step="mid", color=BLUE, linewidth=0)
        axes.set_ylim(bottom=0)
        _dress(axes, x="labels from most to fewest clips (rank)", y="clips", title=title, grid="y")
    else:
        axes.bar(np.arange(len(counts)), list(counts.values()), color=BLUE)
        names = [_shorten(name, 12) for name in counts]
        upright = max(map(len, names), default=0) > 50 // max(len(names), 1)
        axes.set_xticks(np.arange(len(names)), names, rotation=90 if upright else 0)
        _dress(axes, x="label", y="clips", title=title, grid="y")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return figure


@_drawn
def coverage(table: Mapping[str, Mapping[str, int]], labels: Sequence[str], *, title: str = "") -> Figure:
    """Draw the number of clips of each speaker (rows) and label (columns); what is missing stands out.

    ``table`` maps speakers to their labels' counts. Where the cells are large enough they hold their numbers.
    """
    speakers = list(table)
    counts = np.array([[table[speaker].get(label, 0) for label in labels] for speaker in speakers], dtype=float)
    small = len(labels) <= MAX_NUMBERED_LABELS and len(speakers) <= MAX_NAMED
    figure = _figure(1.9 + min(0.36 * len(labels), 5.6), 1.3 + min(0.24 * len(speakers), 6.0 if not small else 15.0))
    axes = figure.subplots()
    image = axes.pcolormesh(counts, cmap=SHARES, vmin=0, rasterized=not small)
    axes.invert_yaxis()
    if small:
        _number_cells(axes, counts)
    _name_cells(axes, labels, speakers)
    note = "" if counts.all() else ("; × none" if small else "; blank: none")
    _dress(axes, x="label", y="speaker", title=title)
    bar = figure.colorbar(image, ax=axes, ticks=MaxNLocator(nbins=5, integer=True))
    _dress_bar(bar, f"clips{note}", rasterized=True)
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
        shown = [_shorten(names[i], 12) for i in places]
        if axis == "x":
            upright = max(map(len, shown), default=0) > 3
            axes.set_xticks([i + 0.5 for i in places], shown, rotation=90 if upright else 0)
        else:
            axes.set_yticks([i + 0.5 for i in places], shown if step == 1 else [""] * len(shown))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_alpha(0.4)


@_drawn
def durations(seconds: ArrayLike, *, window_seconds: float | None = None, title: str = "") -> Figure:
    """Draw how long the clips are, and where the networks' window ends."""
    figure = _histogram(np.asarray(seconds, dtype=float), "duration (s)", title)
    if window_seconds is not None:
        axes = figure.axes[0]
        axes.axvline(window_seconds, color=VERMILION, linewidth=1, linestyle="--")
        axes.text(window_seconds, 0.97, " the networks' window", transform=axes.get_xaxis_transform(), va="top")
    return figure


@_drawn
def histogram(values: ArrayLike, quantity: str, *, title: str = "") -> Figure:
    """Draw how many clips have which value; ``quantity`` names it with its unit: "loudness (dBFS)"."""
    return _histogram(np.asarray(values, dtype=float), quantity, title)


def _histogram(values: NDArray[np.float64], quantity: str, title: str) -> Figure:
    figure = _figure(*SMALL)
    axes = figure.subplots()
    constant = values.size == 0 or float(np.ptp(values)) < 1e-9
    axes.hist(values, bins=10 if constant else min(40, max(10, len(values) // 10)), color=BLUE)
    _dress(axes, x=quantity, y="clips", title=title, grid="y")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    return figure


@_drawn
def spread_by(groups: Mapping[str, Sequence[float]], *, quantity: str, kind: str, title: str = "") -> Figure:
    """Draw one quantity of each group, a label or a speaker: median, middle half and 5 to 95 %.

    More than ``MAX_NAMED`` groups stand side by side in the order of their medians, without names.
    """
    shares = {name: np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]) for name, values in groups.items()}
    if len(shares) > MAX_NAMED:
        return _spread_ranks(np.array(sorted(shares.values(), key=lambda s: float(s[2]))), quantity, kind, title)
    figure = _figure(5.4, 1.0 + 0.23 * max(len(shares), 2))
    axes = figure.subplots()
    for place, (low, first, middle, third, high) in enumerate(shares.values()):
        axes.plot([low, high], [place, place], color=BLUE, linewidth=1)
        axes.plot([first, third], [place, place], color=BLUE, linewidth=5, alpha=0.5, solid_capstyle="butt")
        axes.plot([middle], [place], "o", color=BLUE, markersize=5)
    axes.set_yticks(np.arange(len(shares)), [f"{_shorten(name)}  ({len(groups[name])})" for name in shares])
    axes.set_ylim(len(shares) - 0.5, -0.5)
    _dress(axes, x=quantity, y=f"{kind} (clips)", title=title, grid="x")
    return figure


def _spread_ranks(shares: NDArray[np.float64], quantity: str, kind: str, title: str) -> Figure:
    figure = _figure(5.4, 2.7)
    axes = figure.subplots()
    ranks = np.arange(1, len(shares) + 1)
    axes.fill_between(ranks, shares[:, 0], shares[:, 4], color=BLUE, alpha=0.2, linewidth=0, label="5 to 95 %")
    axes.plot(ranks, shares[:, 2], color=BLUE, label="median")
    axes.set_xlim(1, len(shares))
    axes.legend(loc="lower right")
    _dress(axes, x=f"{kind}s in the order of their medians (rank)", y=quantity, title=title, grid="y")
    return figure


SHAPES = ("o", "^", "s", "D", "P")  # with the hues: 30 groups that the colour-blind tell apart; templates/map.js


@_drawn
def clip_map(points: ArrayLike, groups: Sequence[str | None], *, kind: str, title: str = "") -> Figure:
    """Draw clips as points ``(n_clips, 2)``, near where they sound alike, coloured by their group.

    More groups than hues and shapes can tell apart are drawn in one colour.
    """
    places = np.asarray(points, dtype=float)
    names = natural_order(groups)
    figure = _figure(6.4, 4.8)
    axes = figure.subplots()
    known = np.array([str(g) if g is not None else "" for g in groups])
    told = 0 < len(names) <= len(HUES) * len(SHAPES)
    for i, name in enumerate(names if told else []):
        chosen = places[known == name]
        style: dict[str, Any] = {"color": HUES[i % len(HUES)], "marker": SHAPES[i // len(HUES)]}
        axes.scatter(chosen[:, 0], chosen[:, 1], s=9, alpha=0.75, linewidths=0, label=_shorten(name), **style)
    rest = places[known == ""] if told else places
    axes.scatter(rest[:, 0], rest[:, 1], s=9, color=INK, alpha=0.35, linewidths=0, zorder=0)
    axes.set_xticks([])
    axes.set_yticks([])
    _dress(axes, x="near: sound alike (no unit)", y="(no unit)", title=title)
    if told:
        columns = 1 if len(names) <= 20 else 2
        figure.legend(loc="outside right upper", title=kind, ncols=columns, markerscale=2, fontsize=8.5)
    return figure
