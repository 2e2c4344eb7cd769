"""What lies in a folder, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sutja.clips import Clip


@dataclass(frozen=True)
class Contents:
    """What one layout found."""

    root: Path
    """The folder that the clips' names are relative to."""
    clips: list[Clip]
    notes: list[str]
    """What a reader of the data set should be told."""
    read: tuple[Path, ...] = ()
    """Files other than clips that were read: tables, label files, descriptions of speakers."""
    columns: tuple[str, ...] = ()
    """What the columns of tables were taken for, a line for each kind of table."""
