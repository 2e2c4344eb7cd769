"""How long work tells how far it is: stages of so many steps, and a line in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """What work tells while it goes on; the command line draws bars of it."""

    def stage(self, name: str, total: int, unit: str) -> Callable[[], None]:
        """Begin a stage of ``total`` steps; the function returned is called after each."""

    def say(self, text: str) -> None:
        """Tell one thing."""


class Silent:
    """Progress that nobody looks at."""

    def stage(self, name: str, total: int, unit: str) -> Callable[[], None]:
        """Begin a stage that nobody sees."""
        return lambda: None

    def say(self, text: str) -> None:
        """Tell nobody."""


SILENT = Silent()


def roughly(seconds: float) -> str:
    """Write a length of time as people say it.

    >>> [roughly(s) for s in (4, 50, 100, 2_700, 40_000)]
    ['5 s', '50 s', '2 min', '45 min', '11 h']
    """
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{round(seconds / 60)} min" if seconds < 5_400 else f"{round(seconds / 3_600)} h"
