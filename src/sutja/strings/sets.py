"""Recordings of strings and what is said in them: a table with a column `digits` or `words`, and none of labels.

``digits`` holds figures, one a word ("4711"); ``words`` what was said, with spaces ("four seven one one"). A row in
which both are empty holds none of the vocabulary: what is heard in it is false. A TextGrid of the same name beside a
recording says when its words are; a folder of recordings with TextGrids, or with one CTM, needs no table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sutja.audio import printable
from sutja.columns import plain, roles
from sutja.errors import DatasetError
from sutja.folders import readable_suffixes
from sutja.lexicon import DIGITS, LEXICON
from sutja.rows import Places
from sutja.sheets import read_sheet
from sutja.strings.timed import CTM, TEXTGRID, TimedWord, read_ctm, read_textgrid
from sutja.tables import tables_of

DIGITS_COLUMN, WORDS_COLUMN = "digits", "words"


@dataclass(frozen=True)
class StringClip:
    """One recording, and what is said in it."""

    path: Path
    name: str
    labels: tuple[str, ...]
    """Empty: no word of the vocabulary is said."""
    words: tuple[str, ...] = ()
    """What was said for them, where the table has that too: `oh`."""
    speaker: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    times: tuple[tuple[float, float], ...] = ()
    """Start and end of each word, seconds, where they are known."""

    @property
    def source(self) -> Path:
        """What is decoded."""
        return self.path


def set_of(path: Path) -> Path | None:
    """Return what says what is said in a folder's recordings: its table, its CTM, or itself, where TextGrids do."""
    table = table_of(path)
    if table is not None or path.suffix.lower() == CTM:
        return table if table is not None else path if path.is_file() else None
    if not path.is_dir() or any(path.glob("*.csv")):
        return None
    ctms = sorted(each for each in path.iterdir() if each.suffix.lower() == CTM)
    if len(ctms) == 1:
        return ctms[0]
    return path if not ctms and any(each.suffix.lower() == TEXTGRID for each in path.iterdir()) else None


def read_set(source: Path, labels: Sequence[str], spoken: Mapping[str, str]) -> tuple[StringClip, ...]:
    """Read what :func:`set_of` found, for a model with these labels and what is said for each.

    Raises
    ------
    DatasetError
        When a recording or its words are missing, or a word is none that the model knows, beside some that it does.

    """
    if source.is_dir():
        grids = sorted(each for each in source.iterdir() if each.suffix.lower() == TEXTGRID)
        said = {grid.stem: read_textgrid(grid) for grid in grids}
    elif source.suffix.lower() == CTM:
        said = read_ctm(source)
    else:
        return read_strings(source, labels, spoken)
    folder, forms = source if source.is_dir() else source.parent, forms_of(labels, spoken)
    recordings = {each.stem: each for each in sorted(folder.iterdir()) if each.suffix.lower() in readable_suffixes()}
    missing = [name for name in said if name not in recordings]
    if missing:
        raise DatasetError(f"{printable(source)}: {missing[0]} is not there; copy the recordings beside it")
    return tuple(_timed_clip(recordings[name], words, forms) for name, words in said.items())


def _timed_clip(path: Path, words: Sequence[TimedWord], forms: Mapping[str, str]) -> StringClip:
    labels = _labels_of({WORDS_COLUMN: " ".join(word.text for word in words)}, forms, printable(path))
    times = tuple((word.start, word.end) for word in words) if labels else ()
    return StringClip(path, path.name, labels, tuple(word.text.casefold() for word in words), times=times)


def _times_beside(path: Path, string: Sequence[str], forms: Mapping[str, str]) -> tuple[tuple[float, float], ...]:
    """Read when the words of a table's row are from the TextGrid beside the recording, where there is one."""
    grid = next((p for p in (path.with_suffix(".TextGrid"), path.with_suffix(TEXTGRID)) if p.is_file()), None)
    if grid is None or not string:
        return ()
    words = read_textgrid(grid)
    known = [forms.get(word.text.casefold()) for word in words]
    if known != list(string):
        raise DatasetError(
            f"{printable(grid)}: says {' '.join(word.text for word in words)!r}, and the table {' '.join(string)!r}; "
            "correct one of them"
        )
    return tuple((word.start, word.end) for word in words)


def table_of(path: Path) -> Path | None:
    """Return the table that makes a folder, or a table itself, a set of strings; None where it is none."""
    try:
        tables = [path] if path.is_file() else tables_of(path) if path.is_dir() else []
    except DatasetError:  # none, or several: a folder of another kind
        return None
    for table in tables:
        try:
            columns = read_sheet(table).columns
        except DatasetError:
            continue
        if _is_set(columns):
            return table
    return None


def _is_set(columns: Sequence[str]) -> bool:
    names, found = [plain(column) for column in columns], roles(columns)
    labelled = [place for place in found["label"] if names[place] not in (DIGITS_COLUMN, WORDS_COLUMN)]
    return bool(found["file"]) and not labelled and (DIGITS_COLUMN in names or WORDS_COLUMN in names)


def read_strings(table: Path, labels: Sequence[str], spoken: Mapping[str, str]) -> tuple[StringClip, ...]:
    """Read a set of strings for a model.

    Parameters
    ----------
    table
        As :func:`table_of` found it.
    labels
        The words that the model knows.
    spoken
        What is said for each.

    Raises
    ------
    DatasetError
        When a recording is missing, or a word is none that the model knows, beside some that it does.

    """
    sheet = read_sheet(table)
    names, found = [plain(column) for column in sheet.columns], roles(sheet.columns)
    forms = forms_of(labels, spoken)
    where = Places([table.parent])
    clips = []
    for row, line in zip(sheet.rows, sheet.lines, strict=True):
        said = {name: value.strip() for name, value in zip(names, row, strict=True)}
        name = row[found["file"][0]]
        path = where.find(name)
        if path is None:
            raise DatasetError(f"{table}, line {line}: {name} is not there; copy the recordings beside the table")
        string = _labels_of(said, forms, f"{table}, line {line}")
        speaker = next((row[place] for place in found["speaker"] if row[place]), None)
        rest = {key: value for key, value in said.items() if value and key not in (DIGITS_COLUMN, WORDS_COLUMN)}
        clips.append(
            StringClip(
                path,
                name,
                string,
                tuple(said.get(WORDS_COLUMN, "").casefold().split()),
                speaker,
                rest,
                _times_beside(path, string, forms),
            )
        )
    return tuple(clips)


def forms_of(labels: Sequence[str], spoken: Mapping[str, str]) -> dict[str, str]:
    """Return what can stand in the column `words` for each label: the label, what is said for it, forms of digits.

    >>> forms_of(["0", "7"], {"7": "seven"})["oh"]
    '0'
    """
    forms = {label.casefold(): label for label in labels} | {text.casefold(): name for name, text in spoken.items()}
    likely = [(sum(digit[0].casefold() in forms for digit in each.digits), each) for each in LEXICON.values()]
    n_known, language = max(likely, key=lambda pair: pair[0])  # of equally likely languages the first
    for figure, digit in zip(DIGITS, language.digits if n_known else (), strict=False):
        if figure in labels:
            forms = {form.casefold(): figure for form in digit} | forms
    return forms


def _labels_of(said: Mapping[str, str], forms: Mapping[str, str], where: str) -> tuple[str, ...]:
    digits, words = said.get(DIGITS_COLUMN), said.get(WORDS_COLUMN)
    if digits:
        unknown = [figure for figure in digits if figure not in forms]
        if unknown:
            raise DatasetError(f"{where}: {unknown[0]!r} in {digits!r} is no word of the model; correct the table")
        return tuple(forms[figure] for figure in digits)
    if not words or digits is not None:  # a column of figures that is empty says that there are none
        return ()
    known = [forms.get(word.casefold()) for word in words.split()]
    if any(known) and None in known:
        word = words.split()[known.index(None)]
        raise DatasetError(
            f"{where}: {word!r} in {words!r} is no word of the model; correct the table, or leave it out"
        )
    return tuple(label for label in known if label is not None)
