"""The study as a poster: one page of A3, as PNG and as PDF, in the reader's language.

From top to bottom: the scores, the recordings, how was trained, what the study reports beside what is honest, and what
is off. Sizes are inches from the left and from the top of the page.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja import __version__, runs
from sutja.errors import needs
from sutja.reports import charts, drawing, figures
from sutja.reports.drawing import BLUE, INK, drawn, dress, per_cent, plain, shorten
from sutja.reports.explore import spectrogram
from sutja.reports.study import Told, by_kind, compared
from sutja.runs import EpochRecord, MemberScores, RunFolder
from sutja.texts import Language, say
from sutja.texts import per_cent as in_per_cent

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch
except ModuleNotFoundError as error:
    raise needs("matplotlib", "explore") from error

PAPER = (11.69, 16.54)  # A3, upright
LEFT, RIGHT = 0.65, 11.04
WIDTH = RIGHT - LEFT
SOFT, CARD = "#5b6570", "#f2f5f8"
LINE = 1.4  # from line to line, in sizes of the letters
LETTER = 0.57  # a letter's mean width, in sizes; a Korean one takes two
MAX_PICTURES = 10
PICTURE_GAP = 0.09
LOWEST = 15.95  # nothing but the foot stands below


def write_poster(out: Path, own: RunFolder, shown: Mapping[str, Any], told: Told) -> list[Path]:
    """Write ``out/poster.png`` and ``out/poster.pdf``.

    Parameters
    ----------
    out
        The study's folder.
    own
        The training by the study's own protocol.
    shown
        The exploration's figures and numbers, from :func:`sutja.reports.explore.look`.
    told
        What the page tells; in English where no font has the letters of the language.

    """
    figure = draw_poster(runs.read_history(own), shown, told)
    paths = [out / "poster.png", out / "poster.pdf"]
    for path, save in zip(paths, (drawing.save_png, drawing.save_pdf), strict=True):
        save(figure, path)
    return paths


@drawn
def draw_poster(history: Sequence[EpochRecord], shown: Mapping[str, Any], told: Told) -> Figure:
    """Draw the poster from the arguments of :func:`write_poster` and the history of the study's own training."""
    sheet = _Sheet(Figure(figsize=PAPER), told.language if drawing.has_hangul() else "en")
    own = told.found["copies"]
    y = _head(sheet, shown, told)
    y = _recordings(sheet, y + 0.25, shown, told)
    y = _training(sheet, y + 0.25, history, told)
    matrix = own.headline[1].confusion_matrix
    side = 3.45 if matrix else 0.0
    if matrix:
        _confusions(sheet, y + 0.25, side, np.asarray(matrix, dtype=float), own.labels)
    width = WIDTH - side - (0.5 if matrix else 0)
    below = _means(sheet, y + 0.25, width, own.members)
    below = _honest(sheet, below + 0.25, width, told)
    _off(sheet, max(below, y + side + 0.7) + 0.15, told)
    _foot(sheet, told)
    return sheet.figure


@dataclass(frozen=True)
class _Sheet:
    figure: Figure
    language: Language

    def t(self, key: str, /, **fields: object) -> str:
        return say(key, self.language, **fields)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        across, down = PAPER
        return self.figure.add_axes((x / across, 1 - (y + height) / down, width / across, height / down))

    def write(self, x: float, y: float, text: str, size: float, width: float = WIDTH, **look: Any) -> float:
        """Write a text, broken into lines where it is wider than ``width``; return where it ends."""
        lines = broken(text, int(width * 72 / (size * LETTER)))
        across, down = PAPER
        said = "\n".join(map(plain, lines))
        self.figure.text(x / across, 1 - y / down, said, fontsize=size, va="top", linespacing=LINE, **look)
        return y + len(lines) * size * LINE / 72

    def heading(self, x: float, y: float, text: str, width: float = WIDTH) -> float:
        return self.write(x, y, text, 15, width, fontweight="bold") + 0.06


def broken(text: str, columns: int) -> list[str]:
    """Break a text into lines of so many columns; a Korean letter takes two.

    >>> broken("a word and another", 10), broken("두 글자와 세 글자", 10)
    (['a word and', 'another'], ['두 글자와', '세 글자'])
    """
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _columns(longer) > columns:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _head(sheet: _Sheet, shown: Mapping[str, Any], told: Told) -> float:
    y = sheet.write(LEFT, 0.55, shorten(shown["title"], 80), 12, color=SOFT)
    y = sheet.write(LEFT, y + 0.02, sheet.t("study.title"), 28, fontweight="bold")
    y = _cards(sheet, y + 0.2, told)
    numbers = told.numbers["study"]
    return sheet.write(LEFT, y + 0.15, compared(numbers, sheet.language), 10.5) if numbers["comparable"] else y


def _cards(sheet: _Sheet, y: float, told: Told) -> float:
    cards: list[tuple[str, float | None, Sequence[float] | None]] = [
        (sheet.t(f"study.protocol.{name}.short"), metrics.headline[1].accuracy, metrics.headline[1].interval95)
        for name, metrics in told.found.items()
    ]
    if told.numbers["no_speakers"]:
        cards.append((sheet.t("study.protocol.speakers.short"), None, None))
    if told.numbers["test_accuracy"] is not None:
        cards.append((sheet.t("study.submission.right"), told.numbers["test_accuracy"], None))
    gap, height = 0.22, 1.45
    width = (WIDTH - gap * (len(cards) - 1)) / len(cards)
    for number, (name, accuracy, interval) in enumerate(cards):
        x = LEFT + number * (width + gap)
        axes = sheet.axes(x, y, width, height)
        axes.set_axis_off()
        axes.add_patch(FancyBboxPatch((0, 0), 1, 1, boxstyle="square,pad=0", facecolor=CARD, linewidth=0))
        sheet.write(x + 0.18, y + 0.12, name, 10.5, width - 0.3, color=SOFT)
        large = "?" if accuracy is None else in_per_cent(accuracy)
        sheet.write(x + 0.18, y + 0.5, large, 30, fontweight="bold", color=BLUE)
        between = _interval(sheet, interval) if accuracy is not None else sheet.t("study.honest.unknown_short")
        sheet.write(x + 0.18, y + 1.12, between, 10, width - 0.3, color=SOFT)
    return y + height


def _interval(sheet: _Sheet, edges: Sequence[float] | None) -> str:
    if not edges:
        return ""
    return sheet.t("study.interval", low=f"{100 * edges[0]:.1f}", high=f"{100 * edges[1]:.1f}")


def _recordings(sheet: _Sheet, y: float, shown: Mapping[str, Any], told: Told) -> float:
    """Say what was recorded, and show the first clip of each label, all on one scale."""
    y = sheet.heading(LEFT, y, sheet.t("study.table.heading"))
    numbers, length = told.numbers, shown["quantities"][0][2]
    facts = {"n": numbers["n_clips"], "labels": len(numbers["labels"]), "predicted": numbers["n_predicted"]}
    seconds = {"low": f"{length['min']:.2f}", "high": f"{length['max']:.2f}"}
    who = {"speakers": numbers["n_speakers"]} if numbers["n_speakers"] else {}
    said = sheet.t("poster.recordings_of_speakers" if who else "poster.recordings", **facts, **seconds, **who)
    y = sheet.write(LEFT, y, said, 10.5)
    examples = shown["drawn"]["examples"][:MAX_PICTURES]
    if not examples:
        return y
    rate = shown["sample_rate"]
    width = (WIDTH + PICTURE_GAP) / max(len(examples), 5) - PICTURE_GAP
    last = max(len(each.waveform) for each in examples) / rate
    for number, example in enumerate(examples):
        axes = sheet.axes(LEFT + number * (width + PICTURE_GAP), y + 0.35, width, 1.15)
        figures.draw_picture(axes, example.decibels, rate, spectrogram(rate), last)
        axes.set_title(shorten(example.label, 10), loc="left", fontsize=10.5)
    return sheet.write(LEFT, y + 1.56, sheet.t("poster.pictures", seconds=f"{last:.2f}"), 9, color=SOFT)


def _training(sheet: _Sheet, y: float, history: Sequence[EpochRecord], told: Told) -> float:
    y = sheet.heading(LEFT, y, sheet.t("study.training.heading"))
    y = sheet.write(LEFT, y, sheet.t("study.training.text", epochs=told.numbers["epochs"]), 10.5)
    accuracy, loss = (sheet.axes(LEFT + x, y + 0.12, 4.4, 1.9) for x in (0.5, 5.95))
    charts.draw_mean_curves(accuracy, loss, history)
    handles, names = accuracy.get_legend_handles_labels()
    at = ((LEFT + WIDTH / 2) / PAPER[0], 1 - (y + 2.72) / PAPER[1])
    sheet.figure.legend(handles, names, loc="lower center", bbox_to_anchor=at, ncols=4, fontsize=9.5)
    return y + 2.72


def _confusions(sheet: _Sheet, y: float, side: float, matrix: NDArray[np.float64], labels: Sequence[str]) -> None:
    x = RIGHT - side
    y = sheet.heading(x, y, sheet.t("poster.confusions"), side)
    charts.draw_confusions(sheet.axes(x + 0.55, y + 0.1, side - 0.55, side - 0.55), matrix, labels)


def _means(sheet: _Sheet, y: float, width: float, members: Mapping[str, MemberScores]) -> float:
    """Write the study's table: the accuracy of each fold, and the mean."""
    y = sheet.heading(LEFT, y, sheet.t("study.results.heading"), width)
    n_folds = max((len(each.fold_accuracy) for each in members.values()), default=0)
    heads = ["", *(f"{sheet.t('study.word.fold')} {fold + 1}" for fold in range(n_folds)), sheet.t("study.word.mean")]
    rows = [
        [name, *map(in_per_cent, scores.fold_accuracy), in_per_cent(scores.accuracy)]
        for name, scores in members.items()
    ]
    step, first = 0.27, 1.0
    rest = (width - first) / max(len(heads) - 1, 1)
    for number, row in enumerate([heads, *rows]):
        for column, cell in enumerate(row):
            x = LEFT if column == 0 else LEFT + first + column * rest
            heavy = "bold" if number > 0 and column == len(row) - 1 else "normal"
            look: dict[str, Any] = {
                "ha": "left" if column == 0 else "right",
                "fontweight": heavy,
                "color": INK if number else SOFT,
            }
            sheet.write(x, y + 0.03 + number * step, cell, 9.5, **look)
    return y + (len(rows) + 1) * step


def _honest(sheet: _Sheet, y: float, width: float, told: Told) -> float:
    """Draw the ensemble's accuracy under each protocol, with its interval."""
    y = sheet.heading(LEFT, y, sheet.t("study.honest.heading"), width)
    names = [sheet.t(f"study.protocol.{name}.short") for name in told.found]
    height = 0.33 * len(names)
    names_width = 2.15
    axes = sheet.axes(LEFT + names_width, y + 0.02, width - names_width - 0.6, height)
    for place, metrics in enumerate(told.found.values()):
        best = metrics.headline[1]
        if best.interval95:
            axes.plot(best.interval95, [place, place], color=BLUE, linewidth=4, alpha=0.4, solid_capstyle="butt")
        axes.plot([best.accuracy], [place], "o", color=BLUE, markersize=7)
        axes.text(1.03, place, in_per_cent(best.accuracy), transform=axes.get_yaxis_transform(), va="center")
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(right=1.005)
    dress(axes, x=sheet.t("poster.axis"), grid="x")
    per_cent(axes, "x")
    axes.set_yticks(range(len(names)), names)
    y += height + 0.5
    missing = told.numbers["no_speakers"]
    if not missing:
        return y
    known = missing in ("unknown", "one")
    said = sheet.t(f"study.honest.{missing}") if known else f"{sheet.t('study.honest.cannot')} {missing}"
    return sheet.write(LEFT, y, _as_text(said), 9.5, width, color=SOFT)


def _off(sheet: _Sheet, y: float, told: Told) -> None:
    """Say what is off, as much as there is room for."""
    found = by_kind(told.diagnoses)
    if not found:
        return
    y = sheet.heading(LEFT, y, sheet.t("study.off.heading"))
    for number, (first, _) in enumerate(found):
        text = f"• {_capital(first.name(sheet.language))}. {_as_text(first.text(sheet.language))}"
        height = len(broken(text, int(WIDTH * 72 / (9.5 * LETTER)))) * 9.5 * LINE / 72
        if y + height > LOWEST - 0.2:
            sheet.write(LEFT, y, sheet.t("poster.more", n=len(found) - number), 9.5, color=SOFT)
            return
        y = sheet.write(LEFT, y, text, 9.5) + 0.04


def _foot(sheet: _Sheet, told: Told) -> None:
    said = sheet.t("poster.foot", version=__version__)
    sheet.write(LEFT, LOWEST + 0.12, said, 9, color=SOFT)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _as_text(text: str) -> str:
    return text.replace("`", "")
