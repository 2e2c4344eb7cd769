"""Which tables say what the recordings of a folder are, and the layouts of tables."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sutja.audio import SUFFIXES as SOUNDS
from sutja.audio import printable
from sutja.clips import SPLITS, Clip
from sutja.columns import RESULT_COLUMNS, TRANSCRIPT_COLUMNS, is_list_of_clips, roles
from sutja.errors import DatasetError, listed
from sutja.folders import Contents
from sutja.rows import Meaning, Places, clips_of
from sutja.sheets import SUFFIXES, head_columns, read_sheet

METADATA = "metadata"
"""What Hugging Face calls a table that lies beside the recordings, in whatever folder of theirs."""

TEXTS = (".txt", ".json")
"""Of the names of tables, those that mostly are none."""
PARTED = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
"""What folders are called that hold one table in parts."""
OURS = ("metrics.json", "audit.html")
"""What lies beside tables of results that sutja has written: a run's, an audit's."""


def csv_layout(path: Path, audio_root: Path | None) -> Contents:
    """Read a table, or the tables of a folder: train.csv, valid.csv, test.csv, or a single one."""
    tables = [path] if path.is_file() or parts_of(path) else tables_of(path)
    root = tables[0].parent if path in tables else path
    return _contents(tables, audio_root or root, path if path.is_dir() else None, audio_root)


def audiofolder_layout(path: Path, audio_root: Path | None) -> Contents:
    """Read Hugging Face's audiofolder: metadata.csv or metadata.jsonl in the folder or in any below it."""
    tables = [path] if path.is_file() else find_tables(path).metadata
    if not tables:
        raise DatasetError(f"{printable(path)}: holds no metadata.csv or metadata.jsonl; choose another layout")
    root = path if path.is_dir() else path.parent
    contents = _contents(tables, root, None, audio_root)
    return replace(contents, clips=[split_by_folder(clip, root) for clip in contents.clips])


def layout_of_file(path: Path) -> str:
    """Say which of the layouts of tables fits a file."""
    return "audiofolder" if path.name.lower() == f"{METADATA}.jsonl" else "csv"


def layout_of_folder(path: Path) -> str | None:
    """Say which of the layouts of tables fits a folder; None where there is no table that is meant for us."""
    if parts_of(path):
        return "csv"
    found = find_tables(path)
    return "audiofolder" if found.metadata else "csv" if found.meant else None


# -- tables in folders ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tables:
    """The tables that lie in a folder, in the order in which they are read."""

    metadata: list[Path]
    """Those that are called so, at any depth; none where they lie deep and the folder itself has a list."""
    meant: list[Path]
    """Else those that say what recordings are: in the folder itself, or else beside recordings in any below it."""
    others: list[Path]
    """Tables in the folder itself that say something else, as far as can be seen."""


def find_tables(folder: Path) -> Tables:
    """Look for tables in a folder and below it."""
    below = sorted(_tables_below(folder))
    metadata = [path for path in below if path.stem.lower() == METADATA and _may_be_meant(path)]
    is_near = any(path.parent == folder or path.parent.name in SPLITS for path in metadata)
    top = [path for path in below if path.parent == folder]
    named = sorted((path for path in top if _named_split(path) and _may_be_meant(path)), key=_place_of_split)
    meant = named or [path for path in top if is_list_of_clips(_columns(path))]
    if not meant and not metadata:
        meant = [path for path in below if path.parent != folder and _lists_what_is_there(path, folder)]
    ours = (RESULT_COLUMNS, TRANSCRIPT_COLUMNS)
    others = [p for p in top if p.suffix.lower() not in TEXTS and _columns(p) not in ours] if not meant else []
    return Tables(metadata if is_near or not meant else [], meant, others)


def tables_of(folder: Path) -> list[Path]:
    """Return the tables of a folder that are meant for us; several of them that are no parts of one are an error."""
    found = find_tables(folder)
    tables = found.meant or found.others
    lists = defaultdict(set)
    for path in tables:
        if not _named_split(path):
            lists[path.parent].add(re.sub(r"\d+", "", path.name))  # parts of one table are numbered
    several = [path for path in tables if len(lists[path.parent]) > 1]
    if several:
        names = listed(printable(path.relative_to(folder).as_posix()) for path in several)
        raise DatasetError(f"{printable(folder)}: holds {len(several)} CSV files ({names}); name the one that is meant")
    if not tables:
        raise DatasetError(f"{printable(folder)}: holds no CSV file; expected train.csv, test.csv or a single CSV")
    return tables


def parts_of(path: Path) -> list[Path]:
    """Return the parts of a folder that is called as a table is: Spark and Dask write one file a worker."""
    if path.suffix.lower() not in PARTED or not path.is_dir():
        return []
    try:
        files = sorted(p for p in path.iterdir() if not p.name.startswith((".", "_")) and p.is_file())
        parts = [p for p in files if p.stat().st_size]  # a worker without rows writes nothing
    except OSError:  # who may not look into it is told so by the walk over the folder
        return []
    return [] if any(p.name.lower().endswith(SOUNDS) for p in parts) else parts


def _tables_below(folder: Path) -> Iterator[Path]:
    """Give the files that are called as tables are, and folders that are; a text beside a sound is its transcript."""
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not _leads_back(place, name, folder)
        )
        called = {name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith((".", "~$"))}
        texts = {name for name in called if name.lower().endswith(TEXTS)}
        others = {Path(name).stem for name in files if name not in called} if texts else set()
        parted = [name for name in folders if parts_of(Path(place, name))]
        folders[:] = [name for name in folders if name not in parted]
        paths = (Path(place, name) for name in called if name not in texts or Path(name).stem not in others)
        yield from (path for path in paths if path.is_file())  # links may lead to nothing
        yield from (Path(place, name) for name in parted)


def _leads_back(place: str, name: str, root: Path) -> bool:
    """Tell a link to a folder that is walked under its own name, or in a circle."""
    path = os.path.join(place, name)  # noqa: PTH118  of 100 000 names
    if not os.path.islink(path):  # noqa: PTH114
        return False
    target, here = Path(os.path.realpath(path)), Path(os.path.realpath(place))
    return target.is_relative_to(os.path.realpath(root)) or here.is_relative_to(target)


def _named_split(path: Path) -> str | None:
    """Say which part of a data set a table is by its name: train.csv, or train-00000-of-00001.parquet."""
    return SPLITS.get(re.sub(r"-\d+-of-\d+$", "", path.stem).lower())


def _place_of_split(path: Path) -> tuple[int, str]:
    return list(SPLITS.values()).index(str(_named_split(path))), path.name


def _may_be_meant(path: Path) -> bool:
    """Tell a table from a text that only has its name; a table that cannot be read counts, so that it is said."""
    return path.suffix.lower() not in TEXTS or is_list_of_clips(_columns(path))


def _lists_what_is_there(path: Path, folder: Path) -> bool:
    """Tell whether a table somewhere below a folder says what the recordings in the folder are."""
    if path.suffix.lower() == ".parquet" and _named_split(path):  # if it cannot be read, that is to be said
        return True
    if any((path.parent / name).exists() for name in OURS) or not is_list_of_clips(_columns(path)):
        return False
    try:
        sheet = read_sheet(next(iter(parts_of(path)), path))
    except DatasetError:
        return False
    names = [row[place] for row in sheet.rows[:1] for place in roles(sheet.columns)["file"]]
    return sheet.sound is not None or any(map(_places(path, folder, None).holds, names))


def _columns(table: Path) -> tuple[str, ...]:
    return head_columns(next(iter(parts_of(table)), table))


# -- rows to clips ----------------------------------------------------------------------------------------------------


def to_predict(clips: Sequence[Clip]) -> list[str]:
    """Note how many clips have no label, if any."""
    n_unlabelled = sum(c.label is None for c in clips)
    return [f"{n_unlabelled} of {len(clips)} clips have no label: they are to be predicted"] if n_unlabelled else []


def split_by_folder(clip: Clip, root: Path) -> Clip:
    """Take the split from the first folder of the path, as Hugging Face does."""
    if clip.split or not clip.path.is_relative_to(root):
        return clip
    return replace(clip, split=SPLITS.get(clip.path.relative_to(root).parts[0]))


def _contents(tables: Sequence[Path], root: Path, folder: Path | None, audio_root: Path | None) -> Contents:
    """Read tables; besides their own places, recordings are looked for in ``folder``, the one that was given."""
    clips: list[Clip] = []
    said: list[str] = []
    for table in tables:
        where = _places(table, folder, audio_root)
        is_below = folder is not None and table.parent != folder
        split = _named_split(table) or (SPLITS.get(table.parent.name.lower()) if is_below else None)
        n_before = len(clips)
        for part in parts_of(table) or [table]:
            sheet = read_sheet(part)
            meaning = Meaning.of(sheet, part, split, where)
            clips += clips_of(sheet, meaning, part, where)
            said.append(meaning.said(sheet))
        if len(clips) == n_before:
            raise DatasetError(
                f"{printable(table)}: holds no rows; expected file_name,label and a row for each recording"
            )
    read = tuple(part for table in tables for part in parts_of(table) or [table])
    return Contents(root, clips, to_predict(clips), read=read, columns=_counted(said))


def _places(table: Path, folder: Path | None, audio_root: Path | None) -> Places:
    """Say where the recordings of a table may lie, the likeliest place first.

    A split that has a folder has its recordings there: those of `test.csv` are not looked for in `train/`, where a file
    that is missing in `test/` may have a namesake.
    """
    roots = [root for root in (audio_root, table.parent, folder) if root is not None]
    own = SPLITS.get(table.stem.lower())
    has_folder = own is not None and any((root / table.stem).is_dir() for root in roots)
    others = {name for name, split in SPLITS.items() if split != own} if has_folder else ()
    return Places([root / inner for root in roots for inner in ("", table.stem)], others)


def _counted(lines: Sequence[str]) -> tuple[str, ...]:
    """Say each line once, and of how many tables where the tables differ."""
    counts = Counter(lines)
    return tuple(line if len(counts) == 1 else f"{line} (in {n} of {len(lines)} tables)" for line, n in counts.items())
