"""The runs of a sweep as a page: each preset on each data set, over its seeds; every run; what failed, and why.

It draws and says what :mod:`sutja.sweep` found, and computes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from sutja import __version__
from sutja.reports import pages
from sutja.reports.drawing import BLUE, INK, drawn, dress, empty_figure, per_cent, shorten

MAX_DRAWN = 60  # rows of the figure; the table has all


def write_sweep(path: Path, rows: Sequence[Any], summaries: Sequence[Any]) -> None:
    """Write the page, one file that needs no other, whole or not at all.

    Parameters
    ----------
    path
        Of the page.
    rows
        One a run: :class:`sutja.sweep.Row`.
    summaries
        One a preset on a data set: :class:`sutja.sweep.Summary`.

    Raises
    ------
    RunError
        When the page cannot be written.

    """
    ended = [row for row in rows if not row.fault]
    pages.write_page(
        path,
        "sweep.html",
        rows=ended,
        failed=[row for row in rows if row.fault],
        summaries=summaries,
        best=max((s for s in summaries if s.accuracy is not None), key=lambda s: s.accuracy, default=None),
        data=list(dict.fromkeys(row.data for row in rows)),
        presets=list(dict.fromkeys(row.preset for row in rows)),
        figure=pages.svg(by_preset(ended), "presets") if ended else "",
        version=__version__,
    )


@drawn
def by_preset(rows: Sequence[Any]) -> Figure:
    """Draw the accuracy of each run as a dot, those of a preset on a data set in one line, with the mean."""
    groups: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        groups.setdefault((row.data, row.preset), []).append(row.accuracy)
    shown = dict(list(groups.items())[:MAX_DRAWN])
    figure = empty_figure(5.4, 1.0 + 0.23 * max(len(shown), 2))
    axes = figure.subplots()
    for place, scores in enumerate(shown.values()):
        axes.plot(scores, [place] * len(scores), "o", color=BLUE, markersize=5, alpha=0.6)
        axes.plot(sum(scores) / len(scores), place, "|", color=INK, markersize=9)
    axes.set_yticks(range(len(shown)), [f"{shorten(data)}, {preset}" for data, preset in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(right=1.01)
    dress(axes, x="accuracy (%): a dot a seed, a line their mean", grid="x")
    per_cent(axes, "x")
    return figure
