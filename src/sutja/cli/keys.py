"""One key at a time from a terminal, without waiting for it."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Callable, Iterator

Pressed = Callable[[], str]
"""Returns the key that was pressed since it was last asked, in small letters; nothing where none was."""

if sys.platform == "win32":
    import msvcrt

    @contextlib.contextmanager
    def keys() -> Iterator[Pressed]:
        """Give the keys of the console."""
        yield lambda: msvcrt.getwch().lower() if msvcrt.kbhit() else ""

else:
    import termios
    import tty

    @contextlib.contextmanager
    def keys() -> Iterator[Pressed]:
        """Give the keys of the terminal, which does not show them meanwhile; Ctrl-C stays what it is."""
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor)
        try:
            yield lambda: _pressed(descriptor)
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    def _pressed(descriptor: int) -> str:
        ready, _, _ = select.select([descriptor], [], [], 0)
        return os.read(descriptor, 1).decode("ascii", "ignore").lower() if ready else ""


@contextlib.contextmanager
def no_keys() -> Iterator[Pressed]:
    """Give no key, where nobody presses any."""
    yield lambda: ""
