"""What lies in a folder, and what became of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sutja.audio import SUFFIXES
from sutja.clips import Clip


@dataclass(frozen=True)
class Contents:
    """What one layout found."""

    root: Path
    """The folder that the clips' names are relative to."""
    clips: list[Clip]
    notes: list[str]
    """What a reader of the data set should be told."""


def find_audio(folder: Path) -> list[Path]:
    """Return the sound files below a folder, by name, in order; hidden files and folders are passed over."""
    return list(walk_audio(folder))


def walk_audio(folder: Path) -> Iterator[Path]:
    """Give what :func:`find_audio` returns one by one, in memory for the names of one folder."""
    try:
        with os.scandir(folder) as entries:
            names = sorted((e.name, e.is_dir(), e.is_symlink()) for e in entries if not e.name.startswith("."))
    except OSError:  # a folder that may not be entered
        return
    for name, is_dir, is_link in names:
        if not is_dir and name.lower().endswith(SUFFIXES):
            yield folder / name
        elif is_dir and not is_link:  # links may lead in circles
            yield from walk_audio(folder / name)
