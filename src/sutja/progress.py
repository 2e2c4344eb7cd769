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
