"""One recording and what its data set says of it: the word, the speaker, the part it belongs to.

Labels and speakers are strings, in Unicode's composed form, so that a Korean folder name from a Mac and a CSV from a
PC are the same word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sutja.audio import Excerpt
from sutja.parquet import StoredSound

Recording = Path | Excerpt | StoredSound
"""Where the sound of a clip is: a file, a stretch of one, or a row of a table."""

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What folders and columns call the parts of a data set."""

REFUSED = frozenset({"_silence_", "_unknown_"})
"""What Speech Commands' test archive calls sounds that are no word of the vocabulary: never labels."""


@dataclass(frozen=True)
class Clip:
    """One recording, and what its data set says of it."""

    path: Path
    name: str
    """The file name as the CSV spells it, or the path below the root with `/`; always printable."""
    label: str | None = None
    """The word; None in the clips that are to be predicted."""
    speaker: str | None = None
    split: str | None = None
    """`train`, `valid` or `test` where the data set says so."""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Everything else that is written about it: age, accent, room."""
    span: tuple[float, float] | None = None
    """Seconds from the beginning of a longer recording, where the clip is a stretch of one."""
    row: int | None = None
    """Of ``path``, where that is a parquet table that holds the sound itself."""

    @property
    def source(self) -> Recording:
        """What is decoded."""
        if self.row is not None:
            return StoredSound(self.path, self.row)
        return self.path if self.span is None else Excerpt(self.path, *self.span)


def name_of_stretch(name: str, span: tuple[float, float]) -> str:
    """Say which part of a recording a clip is.

    >>> name_of_stretch("long.wav", (0.5, 1.25))
    'long.wav (0.5 to 1.25 s)'
    """
    return f"{name} ({span[0]:g} to {span[1]:g} s)"


def natural_order(words: Iterable[str | None]) -> tuple[str, ...]:
    """Return each word once: numbers by value, then the others by alphabet.

    >>> natural_order(["10", "two", "9", None, "9"])
    ('9', '10', 'two')
    """
    return tuple(sorted({w for w in words if w is not None}, key=_natural))


def _natural(word: str) -> tuple[bool, int, str]:
    return not word.isdecimal(), int(word) if word.isdecimal() else 0, word


def alike(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the labels that are the same word to a reader: but for case, blanks or a `.0`, in groups.

    >>> alike(["Zero", "one", "zero ", "1", "1.0"])
    [('1', '1.0'), ('Zero', 'zero ')]
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for label in natural_order(labels):
        groups["".join(re.sub(r"^(\d+)\.0+$", r"\1", label.strip()).casefold().split())].append(label)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def composed(text: str) -> str | None:
    """Give a label or a name in Unicode's composed form, without the space around it; None where nothing is left."""
    return unicodedata.normalize("NFC", text.strip()) or None
