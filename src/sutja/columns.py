"""Which column of a table says what: the names that people give them, and the columns of our own results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

Role = Literal["file", "label", "speaker", "split", "start", "end", "duration"]

NAMES: dict[Role, tuple[str, ...]] = {
    "file": (
        *("file_name", "filename", "file", "path", "audio_filepath", "audio_path", "audio_file", "file_path"),
        *("filepath", "wav_filename", "wav_path", "wav_file", "wav", "audio", "recording", "fname"),
    ),
    "label": ("label", "command", "text", "digit", "class", "sentence", "transcript", "transcription"),
    "speaker": ("speaker", "speaker_id", "client_id", "speakerid", "spk_id", "spk"),
    "split": ("split",),
    "start": ("start", "start_time", "begin", "begin_time", "onset", "offset"),
    "end": ("end", "end_time", "stop", "stop_time"),
    "duration": ("duration",),
}
"""Names of columns by what they say, as :func:`plain` writes them; of several in one table the earliest counts."""

TIMES: tuple[Role, ...] = ("start", "end", "duration")

MAYBE_LABELS = ("labels", "word", "words", "keyword", "category", "target", "utterance", "name", "classname")
"""What a label's column may be called too, and other columns as well: to be asked about, not to be taken."""

RESULT_COLUMNS = ("path", "label", "probability", "error")
"""What `sutja predict` writes: a table of results, and no data set where it lies in a folder of recordings."""


TRANSCRIPT_COLUMNS = ("path", "start", "end", "string", "probability", "complete", "error")
"""What `sutja transcribe --csv` writes, a row a string; one row with an empty string where nothing is said."""


def plain(name: str) -> str:
    """Return a column's name without what people write differently: case, blanks, signs between words.

    >>> plain("File Name "), plain("Begin Time (s)"), plain("파일")
    ('file_name', 'begin_time_s', '파일')
    """
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def in_seconds(name: str) -> tuple[str, float]:
    """Take the unit off the name of a time: what is left, plain, and how many seconds the unit is.

    >>> in_seconds("Start (ms)"), in_seconds("end_time")
    (('start', 0.001), ('end_time', 1.0))
    """
    key = plain(name)
    found = re.fullmatch(r"(.+)_(ms|msec|milliseconds|s|sec|secs|seconds)", key)
    return (found[1], 0.001 if found[2].startswith("m") else 1.0) if found else (key, 1.0)


def roles(columns: Sequence[str]) -> dict[Role, list[int]]:
    """Return the places of the columns that may have each role, the one that counts first.

    >>> roles(["Sentence", "path", "client_id", "label"])["label"]
    [3, 0]
    """
    keys = {role: [in_seconds(c)[0] if role in TIMES else plain(c) for c in columns] for role in NAMES}
    names = dict(NAMES)
    if "onset" in keys["start"]:  # offset is then where it ends, else (NeMo) where it begins
        names |= {"start": ("onset",), "end": ("offset", *NAMES["end"])}
    return {role: [i for name in names[role] for i, key in enumerate(keys[role]) if key == name] for role in NAMES}


def n_known(columns: Sequence[str]) -> int:
    """Count the columns that have a role: how well a line is understood as a header."""
    return len({place for places in roles(columns).values() for place in places})


def is_file_column(name: str) -> bool:
    """Tell whether a column's name is one of those that name recordings."""
    return plain(name) in NAMES["file"]


def is_list_of_clips(columns: Sequence[str]) -> bool:
    """Tell whether a table with these columns says what recordings are; a stray table of results does not."""
    found = roles(columns)
    if tuple(columns) == RESULT_COLUMNS or not found["file"]:
        return False
    return bool(found["label"]) or plain(columns[found["file"][0]]) == "file_name"


def unnamed(columns: Iterable[str]) -> list[int]:
    """Return the places of columns without a name, as pandas writes its index and Excel what was once filled in."""
    return [place for place, name in enumerate(columns) if not plain(name)]
