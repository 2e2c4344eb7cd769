"""What work that takes long tells while it goes: stages with their steps, and single things to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Who is told; the command line draws bars of it."""

    def stage(self, name: str, total: int, unit: str) -> Callable[[], None]:
        """Begin a stage of ``total`` steps; the function returned is called after each."""

    def say(self, text: str) -> None:
        """Tell one thing."""


class Silent:
    """Tells nobody."""

    def stage(self, name: str, total: int, unit: str) -> Callable[[], None]:
        """Begin a stage that nobody follows."""
        return lambda: None

    def say(self, text: str) -> None:
        """Say nothing."""


def roughly(seconds: float) -> str:
    """Write a length of time as people say it.

    >>> [roughly(s) for s in (4, 50, 100, 2_700, 40_000)]
    ['5 s', '50 s', '2 min', '45 min', '11 h']
    """
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{round(seconds / 60)} min" if seconds < 5_400 else f"{round(seconds / 3_600)} h"
