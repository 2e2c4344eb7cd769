"""What can go wrong, as one family.

::

    SutjaError
    ├── AudioError        a recording that cannot be used: missing, empty, damaged, too short, too long
    ├── DatasetError      a data set that cannot be used: unknown layout, missing columns, too few clips
    ├── ConfigError       settings that contradict each other or do not exist
    ├── BundleError       a saved model that is damaged, incomplete or of a newer format
    ├── RunError          a training run that cannot be started, resumed or read
    │   ├── JobError      one of its jobs failed: the job and why
    │   └── EngineError   what was to run its jobs is not there, does not fit or went away
    └── DependencyError   an optional package that is needed for this and not installed

Every message says what was found, what was expected and what to do. The command line prints it as one line and
exits with 1; anything outside this family is a fault of ours and stays a traceback.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from typing import Literal

BREAKING = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of characters, and ends of lines and paragraphs."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn what follows around, so that a name is shown as another."""

AudioFault = Literal["missing", "format", "empty", "too_short", "too_long", "silent", "not_finite", "unusable"]


class SutjaError(Exception):
    """The root of the family: catch this to catch them all."""


class AudioError(SutjaError):
    """A recording that cannot be used: its message is the name and the reason.

    >>> error = AudioError("seven.wav", "the file is empty; record it again")
    >>> error.name, str(error)
    ('seven.wav', 'seven.wav: the file is empty; record it again')
    """

    def __init__(self, name: str, reason: str, kind: AudioFault = "unusable") -> None:
        super().__init__(name, reason, kind)  # what pickle and copy make it of again
        self.name = name
        """What was read, as it is called in messages."""
        self.reason = reason
        """What is wrong with it, without the name: for where the name stands beside it already."""
        self.kind = kind
        """The same in a word, for programs: the page says it in its reader's language."""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class DatasetError(SutjaError):
    """A data set that cannot be used."""


class ConfigError(SutjaError):
    """Settings that contradict each other or do not exist."""


class BundleError(SutjaError):
    """A saved model that is damaged, incomplete or of a newer format."""


class RunError(SutjaError):
    """A training run that cannot be started, resumed or read."""


class JobError(RunError):
    """One job of many failed; ``job`` is it, and the error that ended it is the cause."""

    def __init__(self, message: str, job: object = None) -> None:
        super().__init__(message)
        self.job = job

    def __reduce__(self) -> tuple[type[JobError], tuple[str, object]]:
        return type(self), (str(self), self.job)


class EngineError(RunError):
    """What was to run jobs - a scheduler, its workers - is not there, does not fit this installation, or went away."""


class DependencyError(SutjaError):
    """An optional package that is needed and not installed."""


def needs(package: str, extra: str) -> DependencyError:
    """Describe a missing optional package.

    >>> str(needs("torch", "train"))
    "torch is not installed and this needs it; install it with: pip install 'sutja[train]'"
    """
    return DependencyError(
        f"{package} is not installed and this needs it; install it with: pip install 'sutja[{extra}]'"
    )


def listed(names: Iterable[str], n_shown: int = 3) -> str:
    """Write the first names and how many more there are.

    >>> listed("abcde")
    'a, b, c and 2 more'
    """
    names = list(names)
    rest = f" and {len(names) - n_shown} more" if len(names) > n_shown else ""
    return ", ".join(names[:n_shown]) + rest


def near(name: str, known: Iterable[str], phrase: str = "; did you mean {!r}?") -> str:
    """Return a phrase about the nearest of the names that are known; nothing where none is near.

    >>> near("fsd", ["csv", "fsdd"])
    "; did you mean 'fsdd'?"
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return phrase.format(near[0]) if near else ""


def one_line(text: str) -> str:
    r"""Spell out what would end a line or command the terminal: file names may hold anything.

    >>> one_line("two\nlines, \x1b[31mred")
    'two\\nlines, \\x1b[31mred'
    """
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if _breaks(c) else c for c in text)


def _breaks(character: str) -> bool:
    return character in TURNING or unicodedata.category(character) in BREAKING
