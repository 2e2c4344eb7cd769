"""Matplotlib figures of recordings, data sets and runs: one function a figure, used by page, notebook and report.

Each function takes numbers and returns a :class:`matplotlib.figure.Figure` with units on its axes; none opens a
window, touches pyplot's state or writes a file. :func:`save_png` writes one; :func:`to_svg` gives text for a page,
whose ink and hues follow the page's colours in light and dark. Accuracies are shares in [0, 1] and drawn in per cent.
"""

from __future__ import annotations

import functools
import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
from numpy.typing import ArrayLike

from sutja.errors import needs
from sutja.files import replace_whole

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager
    from matplotlib.ticker import FuncFormatter, MaxNLocator
except ModuleNotFoundError as error:
    raise needs("matplotlib", "explore") from error

P = ParamSpec("P")

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
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
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
