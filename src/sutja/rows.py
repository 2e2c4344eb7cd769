"""The rows of a table to clips: what its columns were taken for, and where the recordings lie that it names."""

from __future__ import annotations

import functools
import math
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sutja.audio import SUFFIXES, printable
from sutja.clips import SPLITS, Clip, composed, name_of_stretch
from sutja.columns import MAYBE_LABELS, TIMES, Role, in_seconds, plain, roles, unnamed
from sutja.errors import DatasetError, listed, near
from sutja.sheets import Sheet


@dataclass(frozen=True)
class Meaning:
    """Which column of one table says what, by place."""

    places: dict[Role, int]
    """Of each role that the table has."""
    others: dict[Role, list[int]]
    """Columns that could have had the role."""
    attributes: dict[int, str]
    split: str | None
    """Of rows that say none."""

    @classmethod
    def of(cls, sheet: Sheet, table: Path, split: str | None, where: Places) -> Meaning:
        """Find out, and refuse what cannot be told."""
        columns = sheet.columns
        found = roles(columns)
        if sheet.sound is not None:  # the sound itself counts for more than what it once was called
            found["file"] = [columns.index(sheet.sound)]
        _check_columns(columns, found, table, may_lack_labels=split == "test")
        if len(found["file"]) > 1:  # `path` may be a whole path and `file` a name, or the other way round
            found["file"].sort(key=lambda i: not any(where.holds(row[i]) for row in sheet.rows[:1]))
        filled = {role: [i for i in places if any(row[i] for row in sheet.rows)] for role, places in found.items()}
        chosen: dict[Role, int] = {
            role: (filled[role] or places)[0] for role, places in found.items() if places and role not in TIMES
        }
        chosen |= _times(columns, found)
        used = set(chosen.values())
        others = {role: [i for i in filled[role] if i not in used] for role in ("file", *_WORDS)}
        dropped = used.union(unnamed(columns))
        return cls(chosen, others, {i: c for i, c in enumerate(columns) if i not in dropped}, split)

    def said(self, sheet: Sheet) -> str:
        """Say in a line what the columns were taken for."""
        taken = ", ".join(f"{sheet.columns[place]} -> {role}" for role, place in self.places.items())
        unsure = [f"{sheet.columns[i]} could be the {role} too" for role in self.others for i in self.others[role]]
        rest = listed(self.attributes.values(), 6)
        return "; ".join([taken, *unsure, *([f"as they are: {rest}"] if rest else []), *sheet.how])


def _times(columns: Sequence[str], found: dict[Role, list[int]]) -> dict[Role, int]:
    """Take the times of stretches of recordings: a start with an end or a duration; alone each says something else."""
    start, end, duration = (found[role][:1] for role in TIMES)
    if start and end:
        return {"start": start[0], "end": end[0]}
    return {"start": start[0], "duration": duration[0]} if start and duration else {}


def _check_columns(columns: Sequence[str], found: dict[Role, list[int]], table: Path, *, may_lack_labels: bool) -> None:
    """Require the columns; a table whose label column has another name is refused, not taken as unlabelled."""
    holds = f"{printable(table)}: columns {listed(columns, 8) or 'none'}"
    counts = Counter(plain(columns[place]) for places in found.values() for place in places)
    counts.update(c for c in columns if c and plain(c) not in counts)
    if max(counts.values(), default=1) > 1:
        raise DatasetError(f"{holds}; each column name may stand there once: rename the others")
    others = {place for role, places in found.items() for place in places if role != "label"}
    may_lack_labels = may_lack_labels or len(others) == len(columns)
    required: tuple[tuple[Role, str], ...] = (("file", "file_name"), ("label", "label"))
    for role, name in required:
        if found[role] or (role == "label" and may_lack_labels):
            continue
        advice = _advice(name, columns)
        raise DatasetError(f"{holds}; expected file_name,label[,speaker], and {name} is not there; {advice}")


def _advice(name: str, columns: Sequence[str]) -> str:
    """Say what to do where a column is not there."""
    if any(c.lower().endswith(SUFFIXES) for c in columns):
        return f"write a line with the columns' names above {columns[0]!r}"
    maybe = [c for c in columns if plain(c) in MAYBE_LABELS] if name == "label" else []
    return near(name, columns, "rename {!r}") or (f"rename {maybe[0]!r}" if maybe else f"add a column {name}")


def clips_of(sheet: Sheet, meaning: Meaning, table: Path, where: Places) -> list[Clip]:
    """Turn the rows of a sheet into clips."""
    is_stored = sheet.sound is not None
    names = _names(sheet, meaning, table)
    paths = [table] * len(names) if is_stored else _paths(names, where, table)
    labels, speakers = (_words(sheet, meaning.places.get(role)) for role in _WORDS)
    splits, spans = _splits(sheet, meaning, table), _spans(sheet, meaning, table)
    attributes = list(meaning.attributes.items())
    clips = []
    for i, (row, path, span) in enumerate(zip(sheet.rows, paths, spans, strict=True)):
        name = _shown(names[i]) if span is None else name_of_stretch(_shown(names[i]), span)
        rest = {column: row[place] for place, column in attributes if row[place]}
        clips.append(Clip(path, name, labels[i], speakers[i], splits[i], rest, span, i if is_stored else None))
    return clips


_WORDS: tuple[Role, ...] = ("label", "speaker")


def _names(sheet: Sheet, meaning: Meaning, table: Path) -> list[str]:
    place = meaning.places["file"]
    names = [row[place] for row in sheet.rows]
    if sheet.sound is not None:
        return [name or f"{printable(table.name)}, row {row}" for row, name in enumerate(names)]
    if "" in names:
        raise DatasetError(
            f"{printable(table)}: line {sheet.lines[names.index('')]} names no file; fill in {sheet.columns[place]} or "
            "delete the line"
        )
    return names


def _paths(names: Sequence[str], where: Places, table: Path) -> list[Path]:
    """Find the files; one that is not there is an error, since its label would be lost."""
    found = [where.find(name) for name in names]
    paths = [path for path in found if path is not None]
    if len(paths) < len(names):
        missing = [_shown(name) for name, path in zip(names, found, strict=True) if path is None]
        raise DatasetError(
            f"{printable(table)}: {len(missing)} of {len(names)} files are missing ({listed(missing)}); looked in "
            f"{listed(map(printable, where.folders), 4)}; name their folder as the audio root, or copy them there, or "
            "delete their rows"
        )
    return paths


def _words(sheet: Sheet, place: int | None) -> list[str | None]:
    """Return the labels or speakers; in a column of numbers whole ones are written whole.

    pandas makes 1.0 of 1 as soon as one row of the column is empty.
    """
    if place is None:
        return [None] * len(sheet.rows)
    values = [row[place] for row in sheet.rows]
    different = dict.fromkeys(values)
    is_numbers = all(re.fullmatch(r"[+-]?\d+(\.\d*)?|", value) for value in different)
    whole: Callable[[str], str] = (lambda v: re.sub(r"\.0*$", "", v)) if is_numbers else str
    words = {value: composed(_shown(whole(value))) for value in different}
    return [words[value] for value in values]


def _splits(sheet: Sheet, meaning: Meaning, table: Path) -> list[str | None]:
    place = meaning.places.get("split")
    if place is None:
        return [meaning.split] * len(sheet.rows)
    for line, row in zip(sheet.lines, sheet.rows, strict=True):
        if row[place] and row[place].lower() not in SPLITS:
            raise DatasetError(
                f"{printable(table)}: split {row[place]!r} of {_shown(row[meaning.places['file']])} is not known (line "
                f"{line}); expected train, valid or test"
            )
    return [SPLITS[row[place].lower()] if row[place] else meaning.split for row in sheet.rows]


def _spans(sheet: Sheet, meaning: Meaning, table: Path) -> list[tuple[float, float] | None]:
    """Return the stretch of each recording that is the clip, seconds; None where it is all of it."""
    if "start" not in meaning.places:
        return [None] * len(sheet.rows)
    if sheet.sound is not None:
        raise DatasetError(
            f"{printable(table)}: has stretches (start, end) of recordings that are inside the table; write the "
            "recordings to files"
        )
    last: Role = "end" if "end" in meaning.places else "duration"
    (start, start_unit), (end, end_unit) = (
        (meaning.places[role], in_seconds(sheet.columns[meaning.places[role]])[1]) for role in ("start", last)
    )
    spans: list[tuple[float, float] | None] = []
    for line, row in zip(sheet.lines, sheet.rows, strict=True):
        if not row[start] and not row[end]:
            spans.append(None)
            continue
        begins = start_unit * _number(row[start] or ("" if last == "end" else "0"), sheet.columns[start], line, table)
        ends = end_unit * _number(row[end], sheet.columns[end], line, table) + (begins if last == "duration" else 0)
        if not 0 <= begins < ends < math.inf:
            raise DatasetError(
                f"{printable(table)}: line {line} goes from {begins:g} to {ends:g} s; expected a start of 0 or more "
                "and an end behind it"
            )
        spans.append((round(begins, 9), round(ends, 9)))
    return spans


def _number(text: str, column: str, line: int, table: Path) -> float:
    """Read a time: 1.5, 1,5 as Excel writes it in half of Europe, or 1:02.5."""
    found = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d*(?:[.,]\d*)?(?:[eE][+-]?\d+)?)", text)
    try:
        hours, minutes, seconds = found.groups() if found else (None, None, "")
        return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(str(seconds).replace(",", "."))
    except ValueError as error:
        raise DatasetError(
            f"{printable(table)}: {column} {_shown(text)!r} in line {line} is no number of seconds; write it as 1.5, "
            "or give the column another name if it is no time"
        ) from error


def _shown(text: str) -> str:
    """Spell text so that it can be printed: JSON may hold halves of characters."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


# -- where recordings lie ---------------------------------------------------------------------------------------------


class Places:
    """Folders in which the names of a table may lie: these themselves, and else any folder that is in them.

    Those that are called as one of ``others`` hold other recordings and are left out.
    """

    def __init__(self, folders: Iterable[Path], others: Container[str] = ()) -> None:
        self.folders = list(dict.fromkeys(folders))
        self._others = others
        self._paths = [os.fspath(folder) for folder in self.folders]

    def find(self, name: str) -> Path | None:
        """Find the file that a table means: as spelled, with Windows' separators, or with letters composed otherwise.

        Raises
        ------
        DatasetError
            When it lies in none of the folders but in several that are in them.

        """
        spellings = _spellings(name)
        first = _first_file(self._paths, spellings)
        if first is not None:
            return Path(first)
        inside = [p for place in self._holding(spellings) for p in [_first_file([place], spellings)] if p is not None]
        if len(inside) > 1:
            raise DatasetError(
                f"{_shown(name)}: is in several folders ({listed(map(printable, inside))}); name one of them as the "
                "audio root, or write the folder into the table"
            )
        return Path(inside[0]) if inside else None

    def holds(self, name: str) -> bool:
        """Tell whether a name leads to one file."""
        try:
            return bool(name) and self.find(name) is not None
        except DatasetError:
            return False

    def _holding(self, spellings: Iterable[str]) -> Iterable[str]:
        """Return the folders in the folders that hold what a name begins with."""
        begins = (spelling.removeprefix("./").partition("/")[0] for spelling in spellings)
        return dict.fromkeys(place for begin in begins for place in self._inside.get(begin, ()))

    @functools.cached_property
    def _inside(self) -> dict[str, list[str]]:
        """What lies in the folders in the folders, and in which: a list may lack thousands of names.

        Common Voice has its recordings in `clips/`, and does not say so.
        """
        inside = {path for folder in self._paths for path in _listed(folder) if os.path.isdir(path)}  # noqa: PTH112
        found: dict[str, list[str]] = defaultdict(list)
        for folder in sorted(inside.difference(self._paths)):
            if os.path.basename(folder).lower() in self._others:  # noqa: PTH119
                continue
            for path in _listed(folder):
                found[os.path.basename(path)].append(folder)  # noqa: PTH119  of 100 000 names
        return found


def _listed(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if not entry.name.startswith(".")]
    except OSError:  # not there, or not to be read: then nothing is found in it
        return []


def _spellings(name: str) -> Iterable[str]:
    if name.isascii() and "\\" not in name:
        return (name,)
    separated = (name, name.replace("\\", "/"))
    composed = (unicodedata.normalize("NFC", n) for n in separated)
    decomposed = (unicodedata.normalize("NFD", n) for n in separated)
    return dict.fromkeys((*separated, *composed, *decomposed))


def _first_file(folders: Iterable[str], spellings: Iterable[str]) -> str | None:
    for folder in folders:
        for spelling in spellings:
            path = os.path.join(folder, spelling)  # noqa: PTH118  of 100 000 rows; an absolute name stays itself
            if _is_file(path):
                return path
    return None


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)  # noqa: PTH113
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        return False
