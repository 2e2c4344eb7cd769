"""When each word of a recording is said, as aligners and Praat write it: a TextGrid beside a recording, a CTM of many.

CTM (NIST's sclite): a word a line, ``recording channel start duration word``. Of a TextGrid, the tier named `words`
counts, or its only tier of intervals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sutja.audio import printable
from sutja.errors import DatasetError

TEXTGRID, CTM = ".textgrid", ".ctm"
WORD_TIERS = frozenset({"words", "word", "labels", "label"})
SILENCES = frozenset({"", "sil", "sp", "spn", "<eps>", "<sil>", "<unk>", "#"})
"""What aligners write where nothing is said."""
_TOKENS = re.compile(r'"((?:[^"]|"")*)"|(?<![\w\[.])(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?![\w\]])')


@dataclass(frozen=True)
class TimedWord:
    """A word and when it is said, seconds."""

    text: str
    start: float
    end: float


def read_textgrid(path: Path) -> tuple[TimedWord, ...]:
    """Read the words of a TextGrid, in its long or short form, as UTF-8 or UTF-16.

    Raises
    ------
    DatasetError
        When it is none, or has no tier of words.

    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        tiers = _tiers(text)
    except (UnicodeDecodeError, StopIteration, ValueError) as error:
        raise DatasetError(
            f"{printable(path)}: is no TextGrid that is whole; expected one as Praat writes it"
        ) from error
    named = [words for name, words in tiers if name.casefold() in WORD_TIERS]
    if not named and len(tiers) == 1:
        named = [tiers[0][1]]
    if not named:
        names = ", ".join(name for name, _ in tiers) or "none"
        raise DatasetError(f"{printable(path)}: has no tier of words (tiers: {names}); name it words")
    return tuple(word for word in named[0] if word.text.casefold() not in SILENCES)


def _tiers(text: str) -> list[tuple[str, list[TimedWord]]]:
    """Read the tiers of intervals: both forms hold the same numbers and quoted texts in the same order."""
    tokens = iter(_TOKENS.findall(re.sub(r"\[\d+\]", "", text)))
    if next(tokens)[0] != "ooTextFile":
        raise ValueError(text[:20])
    found = []
    for quoted, number in tokens:
        if number or quoted not in ("IntervalTier", "TextTier"):
            continue
        name, _, _, size = (a or b for a, b in (next(tokens) for _ in range(4)))
        words = []
        for _ in range(int(size)):
            start, end = float(next(tokens)[1]), ""
            if quoted == "IntervalTier":
                end = next(tokens)[1]
            word = next(tokens)[0].strip().replace('""', '"')
            if end:
                words.append(TimedWord(word, start, float(end)))
        if quoted == "IntervalTier":
            found.append((name, words))
    return found


def read_ctm(path: Path) -> dict[str, tuple[TimedWord, ...]]:
    """Read a CTM: recording to its words, in the order of time.

    Raises
    ------
    DatasetError
        When a line is none.

    """
    words: dict[str, list[TimedWord]] = {}
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        fields = line.split()
        if not fields or line.startswith(";;"):
            continue
        try:
            start, seconds = (float(field) for field in fields[2:4])
            word = fields[4]
        except (ValueError, IndexError) as error:
            raise DatasetError(
                f"{printable(path)}, line {number}: {line[:60]!r} is no line of a CTM; expected "
                "`recording channel start duration word`"
            ) from error
        if word.casefold() not in SILENCES:
            words.setdefault(fields[0], []).append(TimedWord(word, start, start + seconds))
    return {name: tuple(sorted(each, key=lambda word: word.start)) for name, each in words.items()}
