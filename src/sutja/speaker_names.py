"""Speakers in file names: a pattern that reads them, and whether names look as if they held them.

A pattern spells a file's name without its ending. ``SPEAKER`` stands for the speaker, ``*`` for any part, ``**`` for
any parts, ``#`` for digits; parts lie between the signs that the pattern itself has (``_``, ``-``, ``.``, a blank).
With ``/`` in it, it spells the folders above as well. Speakers are offered and never assumed: only who recorded a data
set knows what its names mean.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from sutja.clips import Clip, composed, natural_order
from sutja.errors import DatasetError, listed
from sutja.lexicon import knows

PLACE = "SPEAKER"
SEPARATORS = ("_", "-", " ", ".")
MOST_PARTS = 8  # of a name; what has more is a sentence
MIN_CLIPS = 3.0  # of a speaker, on average
REPEATED = 0.9  # of the speakers say two labels or more
CROWDED = 0.25  # of all strings that could be written so: from here on they are drawn, and nobody's names
FEW_WORDS = 0.2  # of the speakers may be called like something else
_STRONG = "speaker|spkr|spk|user|subject|subj|participant|person|voice|talker"
_WEAK = "[spfmu]|id"  # s is a sample, a session or a sentence as well
_NAME = re.compile(r"[^\W\d_]+(?:[-' .][^\W\d_]+)*")
_OTHERS = frozenset(
    """
    train training test testing val valid validation dev eval rec record recording recordings take clip clips sample
    samples audio sound wav file word words digit digits number label class noise noisy clean quiet loud near far left
    right mic phone male female man woman men women boy girl kid child adult morning noon evening night am pm mono
    stereo orig original copy new old final raw cut trimmed slow fast normal aug augmented none nohash kitchen office
    street home room car outside inside iphone android samsung galaxy pixel laptop usb headset mac pc jan feb mar apr
    may jun jul aug sep oct nov dec january february march april june july august september october november december
    mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday
    """.split()  # noqa: SIM905
)
"""What parts of names say that are no people: splits, conditions, places, devices, days."""


@dataclass(frozen=True)
class Offer:
    """Speakers that file names seem to hold."""

    pattern: str
    """That reads them: `*_SPEAKER_*`."""
    speakers: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"the file names look like those of {len(self.speakers)} speakers ({listed(self.speakers, 4)}); if they "
            f"are, use --speaker-from '{self.pattern}'"
        )


def with_speakers(clips: Iterable[Clip], pattern: str) -> tuple[Clip, ...]:
    """Give clips the speakers that a pattern reads in their names; None where a name does not fit.

    Raises
    ------
    DatasetError
        When the pattern is none, or not one name fits.

    """
    clips, expression = tuple(clips), _expression(pattern)
    read = tuple(replace(clip, speaker=_read(clip, expression, pattern)) for clip in clips)
    if read and not any(clip.speaker for clip in read):
        raise DatasetError(
            f"--speaker-from {pattern}: fits none of {len(read)} names ({read[0].name}, ...); write the name without "
            f"its ending with {PLACE} in the place of the speaker, for example *_{PLACE}_*"
        )
    return read


def offer(clips: Iterable[Clip]) -> Offer | None:
    """Say which part of the names looks like speakers; None where the data names some, or none does.

    >>> clips = [Clip(PurePosixPath(), f"{d}_{who}_{i}.wav", str(d)) for d in (1, 2) for who in ("ann", "bo")
    ...          for i in range(3)]
    >>> offer(clips).pattern
    '*_SPEAKER_*'
    """
    labelled = [clip for clip in clips if clip.label is not None]
    if not labelled or any(clip.speaker for clip in labelled) or len({clip.label for clip in labelled}) < 2:
        return None
    offers = [
        Offer(found.pattern, natural_order(found.values))
        for found in _columns([clip.name for clip in labelled])
        if _look_like_speakers(found, labelled)
    ]
    return max(offers, key=lambda each: len(each.speakers), default=None)  # of several the first


# -- patterns ---------------------------------------------------------------------------------------------------------


def _expression(pattern: str) -> re.Pattern[str]:
    if pattern.count(PLACE) != 1:
        raise DatasetError(
            f"--speaker-from {pattern}: expected the file's name with {PLACE} in it once, for example *_{PLACE}_*"
        )
    rest = pattern.replace(PLACE, "")
    outside = "".join(sign for sign in SEPARATORS if sign in rest)
    part = f"[^/{re.escape(outside)}]"
    meaning = {PLACE: f"(?P<speaker>{part}+?)", "**": "[^/]*", "*": f"{part}*", "#": r"\d+"}
    tokens = re.split(rf"({PLACE}|\*\*|\*|#)", pattern)
    return re.compile("".join(meaning.get(token, re.escape(token)) for token in tokens))


def _read(clip: Clip, expression: re.Pattern[str], pattern: str) -> str | None:
    found = expression.fullmatch(_spelled(clip.name, pattern.count("/")))
    return composed(found["speaker"]) if found else None


def _spelled(name: str, n_folders: int) -> str:
    """Return a name without its ending, with so many folders above it."""
    path = PurePosixPath(name.replace("\\", "/"))
    return "/".join((*path.parent.parts[len(path.parent.parts) - n_folders :], path.stem))


# -- what looks like speakers -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """One part of every name."""

    pattern: str
    values: list[str]
    before: str = ""
    """What the part before it says, where that is the same in all names."""
    is_last: bool = False


def _columns(names: Sequence[str]) -> Iterator[_Column]:
    """Cut the names at each separator, and count the parts from the left and from the right."""
    stems = [_spelled(name, 0) for name in names]
    for separator in SEPARATORS:
        cut = [stem.split(separator) for stem in stems]
        n_least, n_most = min(map(len, cut)), max(map(len, cut))
        if n_least < 2 or n_most > MOST_PARTS:
            continue
        for i in range(n_least):
            yield _column(cut, i, separator, "**" if n_most > n_least else "")
            if n_most > n_least and i:
                yield _column(cut, -i, separator, "**")
    yield from _before_digits(stems)
    folders = [PurePosixPath(name.replace("\\", "/")).parent.name for name in names]
    if all(folders):
        yield _Column(f"{PLACE}/*", folders)


def _column(cut: Sequence[Sequence[str]], place: int, separator: str, rest: str) -> _Column:
    n_parts = len(cut[0])
    if rest:  # names of several lengths
        spelled = ["*"] * place + [PLACE, rest] if place >= 0 else [rest, PLACE] + ["*"] * (-place - 1)
    else:
        spelled = ["*"] * place + [PLACE] + ["*"] * (n_parts - place - 1)
    before = {parts[place - 1] for parts in cut} if place != 0 else set()
    is_last = all(len(parts) - 1 == place % len(parts) for parts in cut)
    known = before.pop() if len(before) == 1 else ""
    return _Column(separator.join(spelled), [parts[place] for parts in cut], known, is_last)


def _before_digits(stems: Sequence[str]) -> Iterator[_Column]:
    """Give the letters of `anna1`, `anna2`, `ben1`."""
    found = [re.fullmatch(r"([^\W\d_]{2,})(\d+)", stem) for stem in stems]
    if all(found):
        yield _Column(f"{PLACE}#", [each[1] for each in found if each])


def _look_like_speakers(column: _Column, clips: Sequence[Clip]) -> bool:
    spoken: dict[str, set[str | None]] = defaultdict(set)
    for value, clip in zip(column.values, clips, strict=True):
        spoken[value].add(clip.label)
    n_values = len(spoken)
    if not 2 <= n_values <= len(clips) / MIN_CLIPS or "" in spoken:
        return False
    repeated = sum(len(labels) > 1 for labels in spoken.values())
    return repeated >= REPEATED * n_values and (_are_names(spoken, clips) or _are_numbered(column, spoken, clips))


def _are_names(values: Iterable[str], clips: Sequence[Clip]) -> bool:
    """Tell names of people from words of the vocabulary, conditions, days and strings that were drawn."""
    values, labels = list(values), {str(clip.label).casefold() for clip in clips}
    if not all(_NAME.fullmatch(value) for value in values) or _drawn(values):
        return False
    words = sum(v.casefold() in _OTHERS or v.casefold() in labels or knows(v) for v in values)
    return words <= FEW_WORDS * len(values)


def _drawn(values: Sequence[str]) -> bool:
    """Tell strings that fill the room that there is for them: all of one length, of so many letters."""
    lengths, letters = {len(value) for value in values}, set("".join(values).casefold())
    return len(lengths) == 1 and len(values) > CROWDED * len(letters) ** lengths.pop()


def _are_numbered(column: _Column, values: Iterable[str], clips: Sequence[Clip]) -> bool:
    """Tell `spk03` and `speaker_03` from running numbers; `s03` counts where it is no running number itself."""
    values = list(values)
    strong = re.compile(rf"(?:{_STRONG})[-_ ]?\d+", re.IGNORECASE)
    after = column.before and re.fullmatch(_STRONG, column.before, re.IGNORECASE)
    if all(strong.fullmatch(v) or (after and v.isdecimal()) for v in values):
        return True
    if not all(re.fullmatch(rf"(?:{_WEAK})[-_ ]?\d+", v, re.IGNORECASE) for v in values):
        return False
    pairs = {(value, clip.label) for value, clip in zip(column.values, clips, strict=True)}
    return not column.is_last or len(clips) >= 2 * len(pairs)
