"""How each group fares of whom the data says more than a name: by sex, age, accent, line, device, the worst first.

Any column counts whose values part the recordings into a few groups. Ages are put into bands. Of a note, a text that is
different nearly everywhere (`cut score=2 age=7 m`), each pair is a column of its own and each word a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.clips import Clip
from sutja.metrics import Interval, Share, speaker_interval, wilson_interval

MOST_VALUES = 20  # a column with more of them is a free text, not a group
LEAST_CLIPS, LEAST_SPEAKERS = 20, 5  # of whom fewer say little about others
AGE_NAMES = frozenset({"age", "나이", "연령"})
AGE_BANDS = ((13, "under 13"), (18, "13 to 17"), (40, "18 to 39"), (60, "40 to 59"), (120, "60 and over"))
"""Below which age, and what the band is called; an age beyond all of them is none."""
NOTHING_KNOWN = frozenset({"", "unknown", "none", "nan", "n/a", "na", "-", "?"})

Column = list[frozenset[str]]
"""The groups that each clip is in; none where nothing is known."""


@dataclass(frozen=True)
class GroupShare(Share):
    """How one group fares; its interval is over speakers where there are two or more, else Wilson's over clips."""

    n_speakers: int | None = None
    rejected_rate: float | None = None
    """Share that was refused, where that was asked."""
    is_small: bool = False
    """Too few clips or speakers to say much about others."""


def by_attribute(
    right: NDArray[np.bool_],
    clips: Sequence[Clip],
    *,
    rejected: NDArray[np.bool_] | None = None,
    n_copies: int = 1,
) -> dict[str, dict[str, GroupShare]]:
    """Score each group of each column that the data has beside label and speaker, the worst first.

    Parameters
    ----------
    right
        Whether each row was right, ``(n_rows,)``.
    clips
        Of the rows, ``n_copies`` of each clip side by side.
    rejected
        Whether each row was refused.
    n_copies
        Rows of a clip.

    """
    found = {}
    for name, column in sorted(_columns(clips)):
        groups = {
            group: _share(right, clips, np.array([group in own for own in column]), rejected, n_copies)
            for group in sorted(frozenset().union(*column))
        }
        found[name] = dict(sorted(groups.items(), key=lambda item: item[1].accuracy))
    return found


def _share(
    right: NDArray[np.bool_],
    clips: Sequence[Clip],
    chosen: NDArray[np.bool_],
    rejected: NDArray[np.bool_] | None,
    n_copies: int,
) -> GroupShare:
    speakers = [clip.speaker for clip, is_in in zip(clips, chosen, strict=True) if is_in]
    n_clips = max(1, len(speakers) // n_copies)
    n_speakers = len(set(speakers)) if all(speakers) else None
    return GroupShare(
        n_clips,
        float(right[chosen].mean()),
        _interval(right[chosen], speakers, n_clips),
        n_speakers,
        None if rejected is None else float(rejected[chosen].mean()),
        n_clips < LEAST_CLIPS or (n_speakers is not None and n_speakers < LEAST_SPEAKERS),
    )


def _interval(right: NDArray[np.bool_], speakers: Sequence[str | None], n_clips: int) -> Interval:
    over_clips = wilson_interval(float(right.mean()), n_clips)
    over_speakers = speaker_interval(right, speakers) if all(speakers) else None
    # Speakers who all did alike would give an interval of no width.
    return over_clips if over_speakers is None or over_speakers[0] == over_speakers[1] else over_speakers


# -- what the columns of a data set say -------------------------------------------------------------------------------


def _columns(clips: Sequence[Clip]) -> Iterator[tuple[str, Column]]:
    """Give the columns that part the clips into groups."""
    for name in sorted({name for clip in clips for name in clip.attributes}):
        texts = [clip.attributes.get(name, "").strip() for clip in clips]
        for told, column in _read(name, texts):
            if _parts(column, clips):
                yield told, column


def _read(name: str, texts: Sequence[str]) -> Iterator[tuple[str, Column]]:
    """Read a column as it stands or, where it is a note, as what its words say."""
    whole = _values(name, texts)
    if len(set(whole)) <= MOST_VALUES or not any(" " in text for text in texts):
        yield name, whole
        return
    pairs = [dict(re.findall(r"(\w+)=(\S+)", text)) for text in texts]
    for key in sorted({key for own in pairs for key in own}):
        yield f"{name}: {key}", _values(key, [own.get(key, "") for own in pairs])
    words = [frozenset(word for word in text.split() if "=" not in word) for text in texts]
    yield name, words


def _values(name: str, texts: Sequence[str]) -> Column:
    if name.casefold() in AGE_NAMES:
        texts = [age_band(text) for text in texts]
    return [frozenset() if text.casefold() in NOTHING_KNOWN else frozenset({text}) for text in texts]


def age_band(text: str) -> str:
    """Put an age into its band; words stay as they are, and what no human being reaches is unknown.

    >>> age_band("7"), age_band("31.0"), age_band("twenties"), age_band("1234")
    ('under 13', '18 to 39', 'twenties', '')
    """
    try:
        age = float(text)
    except ValueError:
        return text
    return next((band for below, band in AGE_BANDS if 0 <= age < below), "")


def _parts(column: Column, clips: Sequence[Clip]) -> bool:
    """Say whether it parts the clips into groups that say more than their labels or speakers do."""
    groups = frozenset().union(*column)
    if not 2 <= len(groups) <= MOST_VALUES or 2 * len(groups) > len(clips):
        return False
    named = [clip.label for clip in clips], [clip.speaker for clip in clips]
    return not any(_says_the_same(column, names) for names in named)


def _says_the_same(column: Column, names: Sequence[str | None]) -> bool:
    pairs = set(zip(column, names, strict=True))
    return len(pairs) == len(set(column)) == len(set(names))
