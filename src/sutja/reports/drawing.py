"""The house's style of figures: colours, fonts, axes; and a figure as PNG or inside a page.

:func:`save_png` writes a figure; :func:`to_svg` gives text for a page, whose ink and hues follow the page's colours in
light and dark. Nothing opens a window or touches pyplot's state.
"""

from __future__ import annotations

import functools
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path
from typing import Any, ParamSpec

from sutja.errors import needs
from sutja.files import replace_atomically
from sutja.texts.phrases import current, retold

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import findSystemFonts, fontManager
    from matplotlib.ticker import FuncFormatter
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
PNG_DPI = 150
SMALL = (3.6, 2.1)  # inches; three side by side on a laptop, one on a phone
WIDE = (10.8, 3.6)  # inches; one across a laptop


@functools.cache
def fonts() -> list[str]:
    """Name the fonts to draw with, in the order in which they are asked for a character."""
    wider = [name for name in WIDER_FONTS if name in fontManager.get_font_names()]
    if not wider:
        _look_again()
        wider = [name for name in WIDER_FONTS if name in fontManager.get_font_names()]
    return ["DejaVu Sans", *wider]


def _look_again() -> None:
    """Take up fonts that were installed since matplotlib listed what there is, which it does once."""
    starts = tuple(name.replace(" ", "").lower() for name in WIDER_FONTS)
    for path in map(Path, findSystemFonts()):
        plain = path.stem.replace("-", "").lower()
        if plain.startswith((*starts, "notosanscjk", "malgun")):
            with suppress(OSError, RuntimeError):  # a file that is no font after all
                fontManager.addfont(path)


def has_hangul() -> bool:
    """Tell whether a font that is installed has Korean letters."""
    return len(fonts()) > 1


def spoken(text: str) -> str:
    """Return what a figure says of itself in the current language; in English where no font has its letters."""
    return text if current() == "en" or not has_hangul() else retold(text)


@functools.cache
def _style() -> dict[Any, Any]:
    coloured = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color", "grid.color")
    return {
        **dict.fromkeys(coloured, INK),
        "font.family": fonts(),
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


def drawn(function: Callable[P, Figure]) -> Callable[P, Figure]:
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
    # Which weight of a font stands in for another, and which of its tables a PDF leaves out, is no news either.
    loggers = [logging.getLogger(name) for name in ("matplotlib.font_manager", "fontTools.subset")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with mpl.rc_context({**_style(), "svg.hashsalt": name}), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _render(figure: Figure, target: Any, **options: Any) -> None:
    """Save a figure, and keep its layout: finding it takes half the time, and most figures are saved twice."""
    figure.savefig(target, **options)
    figure.set_layout_engine("none")


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG on white, whole or not at all."""
    with replace_atomically(path) as draft, _rendering(path.stem):
        _render(figure, draft, format="png", dpi=PNG_DPI, facecolor="white")


def save_pdf(figure: Figure, path: Path) -> None:
    """Write a figure as PDF, the same bytes each time, its letters as text; whole or not at all."""
    with replace_atomically(path) as draft, _rendering(path.stem), mpl.rc_context({"pdf.fonttype": 42}):
        _render(figure, draft, format="pdf", facecolor="white", metadata={"CreationDate": None, "Producer": None})


def to_svg(figure: Figure, name: str) -> str:
    """Return a figure as an ``<svg>`` element for a page.

    ``name`` is a word that no other figure of the page has: all ids begin with it. Ink becomes ``currentColor`` and
    each hue the variable of ``page.css``; text stays text in the page's font.
    """
    buffer = io.StringIO()
    with _rendering(name):
        _render(figure, buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
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
    svg = f'<svg {names} {view and view[0]} {size} role="img" aria-label="{escape(_told(figure))}">{body}'
    for colour, variable in PAGE_COLOURS.items():
        svg = svg.replace(f": {colour}", f": {variable}")
    return svg


def _told(figure: Figure) -> str:
    """Say what a figure shows to who cannot see it: its titles, and what its axes are."""
    heads = [figure.get_suptitle(), *(axes.get_title(loc="left") for axes in figure.axes)]
    ends = [name for axes in figure.axes for name in (axes.get_ylabel(), axes.get_xlabel())]
    told = ", ".join(dict.fromkeys(name for name in (*heads, *ends) if name)).replace(r"\$", "$")
    return " ".join(told.split()) or "figure"


def plain(text: object) -> str:
    r"""Return text that matplotlib draws as it stands: no mathematics between dollars, no control characters.

    >>> print(plain("five$ $ \n"))
    five\$ \$ ?
    """
    shown = "".join(c if c.isprintable() else "?" for c in str(text))
    return shown.replace("$", r"\$")


def shorten(text: object, length: int = 18) -> str:
    """Cut a name to a length, with an ellipsis, fit to be drawn."""
    name = str(text)
    return plain(name if len(name) <= length else name[: length - 1] + "…")


def empty_figure(width: float, height: float) -> Figure:
    """Give an empty figure, sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def dress(axes: Axes, *, x: str = "", y: str = "", title: str = "", grid: str = "") -> None:
    """Name the axes, and fix what ticks would otherwise take from the user's settings when they are rendered."""
    axes.set_xlabel(spoken(x))
    axes.set_ylabel(spoken(y))
    if title:
        axes.set_title(plain(title), loc="left")
    if grid:
        axes.grid(axis=grid)  # type: ignore[arg-type]
    axes.tick_params(colors=INK, labelsize=8.5, labelfontfamily=fonts(), width=0.7)


def name_lines(figure: Figure, axes: Axes, n_columns: int = 4) -> None:
    """Name the lines of axes below the figure, where no name can stand on a line."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(n_columns, len(names)), fontsize=8.5)


def dress_bar(bar: Any, label: str, *, rasterized: bool = True) -> None:
    """Name a colour bar and dress it as the axes are."""
    bar.set_label(spoken(label))
    bar.outline.set_linewidth(0.5)
    bar.solids.set(rasterized=rasterized)
    bar.ax.tick_params(colors=INK, labelsize=8.5, labelfontfamily=fonts(), width=0.7)


def per_cent(axes: Axes, axis: str = "y") -> None:
    """Write the shares on an axis in per cent."""
    chosen = axes.yaxis if axis == "y" else axes.xaxis
    chosen.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
