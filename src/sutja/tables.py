"""Tables that say what recordings are: CSV and JSON lines to clips."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sutja.audio import printable
from sutja.clips import SPLITS, Clip, composed
from sutja.errors import DatasetError, listed, near
from sutja.folders import Contents


def csv_layout(path: Path, audio_root: Path | None) -> Contents:
    """Read a CSV file, or a folder that holds train.csv, valid.csv, test.csv or a single CSV."""
    tables = [path] if path.is_file() else csv_files(path)
    clips = [c for t in tables for c in _table_clips(t, audio_root)]
    return Contents(audio_root or tables[0].parent, clips, to_predict(clips), tuple(tables))


def audiofolder_layout(path: Path, audio_root: Path | None) -> Contents:
    """Read Hugging Face's audiofolder: metadata.csv or metadata.jsonl in the folder or in its splits' folders."""
    tables = [path] if path.is_file() else metadata_files(path)
    if not tables:
        raise DatasetError(f"{printable(path)}: holds no metadata.csv or metadata.jsonl; choose another layout")
    root = path if path.is_dir() else path.parent
    clips = [_split_by_folder(c, root) for t in tables for c in _table_clips(t, audio_root)]
    return Contents(root, clips, to_predict(clips), tuple(tables))


# -- tables -----------------------------------------------------------------------------------------------------------


def to_predict(clips: Sequence[Clip]) -> list[str]:
    """Note how many clips have no label, if any."""
    n_unlabelled = sum(c.label is None for c in clips)
    return [f"{n_unlabelled} of {len(clips)} clips have no label: they are to be predicted"] if n_unlabelled else []


def _table_clips(table: Path, audio_root: Path | None) -> list[Clip]:
    """Read the rows of a CSV or of JSON lines."""
    rows = list(_read_jsonl(table) if table.suffix.lower() == ".jsonl" else _read_csv(table))
    if not rows:
        raise DatasetError(f"{printable(table)}: holds no rows; expected file_name,label and a row for each recording")
    folders = [p / s for p in (audio_root, table.parent) if p is not None for s in ("", table.stem)]
    clips, missing = [], []
    for row in rows:
        path = _find(row["file_name"], folders)
        if path is None:
            missing.append(row["file_name"])
        else:
            clips.append(_row_clip(row, path, SPLITS.get(table.stem), table))
    if missing:
        raise DatasetError(
            f"{printable(table)}: {len(missing)} of {len(rows)} files are missing ({listed(missing)}); "
            f"looked in {listed(map(printable, dict.fromkeys(folders)), 4)}; name their folder as the audio root"
        )
    return clips


def _row_clip(row: Mapping[str, str], path: Path, split: str | None, table: Path) -> Clip:
    marked = row.get("split", "")
    if marked and marked.lower() not in SPLITS:
        raise DatasetError(
            f"{printable(table)}: split {marked!r} of {row['file_name']} is not known; expected train, valid or test"
        )
    speaker = "speaker" if row.get("speaker") else "speaker_id"
    used = {"file_name", "label", "split", speaker}
    return Clip(
        path,
        row["file_name"],
        label=composed(row.get("label", "")),
        speaker=composed(row.get(speaker, "")),
        split=SPLITS[marked.lower()] if marked else split,
        attributes={name: value for name, value in row.items() if name not in used and value},
    )


def _split_by_folder(clip: Clip, root: Path) -> Clip:
    """Take the split from the first folder of the path, as Hugging Face does."""
    if clip.split or not clip.path.is_relative_to(root):
        return clip
    return replace(clip, split=SPLITS.get(clip.path.relative_to(root).parts[0]))


def _read_csv(table: Path) -> Iterator[dict[str, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:  # Excel writes a byte order mark
            reader = csv.reader(file, strict=True)
            columns = [c.strip() for c in next(reader, [])]
            _check_columns(columns, table)
            for values in reader:
                if any(v.strip() for v in values):
                    yield _csv_row(columns, values, table, reader.line_num)
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{printable(table)}: is not UTF-8 text (byte {error.start}); save it again as CSV in UTF-8"
        ) from error
    except (csv.Error, OSError) as error:
        raise DatasetError(f"{printable(table)}: cannot be read as CSV ({error}); mend it") from error


def _csv_row(columns: Sequence[str], values: Sequence[str], table: Path, line: int) -> dict[str, str]:
    if len(values) > len(columns):
        raise DatasetError(
            f"{printable(table)}: line {line} has {len(values)} values and the header {len(columns)} columns; "
            "put quotation marks around values that hold a comma"
        )
    row = dict.fromkeys(columns, "") | {c: v.strip() for c, v in zip(columns, values, strict=False)}
    if not row["file_name"]:
        raise DatasetError(f"{printable(table)}: line {line} names no file; fill in file_name or delete the line")
    return row


def _check_columns(columns: Sequence[str], table: Path) -> None:
    """Require the columns; a table whose label column has another name is refused, not taken as unlabelled."""
    holds = f"{printable(table)}: columns {listed(columns, 8) or 'none'}"
    if len(set(columns)) < len(columns):
        raise DatasetError(f"{holds}; each column name may stand there once: rename the others")
    for name in ("file_name", "label"):
        if name in columns or (name == "label" and _may_lack_labels(columns, table)):
            continue
        advice = near(name, columns, "; rename {!r}") or f"; add a column {name}"
        if len(columns) == 1 and re.search("[;\t]", columns[0]):
            advice = "; separate the columns by commas"
        raise DatasetError(f"{holds}; expected file_name,label[,speaker], and {name} is not there{advice}")


def _may_lack_labels(columns: Sequence[str], table: Path) -> bool:
    """Clips to predict have no label column: in test.csv, or where every column is a known other one."""
    return SPLITS.get(table.stem) == "test" or set(columns) <= {"file_name", "speaker", "speaker_id", "split"}


def _read_jsonl(table: Path) -> Iterator[dict[str, str]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise DatasetError(f"{printable(table)}: cannot be read as UTF-8 text ({error}); write it again") from error
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            row = {str(k): text_of(v) for k, v in json.loads(content).items()}
        except (ValueError, AttributeError) as error:
            raise DatasetError(f"{printable(table)}: line {line} is no JSON object ({error}); mend it") from error
        if not row.get("file_name"):
            raise DatasetError(f"{printable(table)}: line {line} has {listed(row, 8)}; expected file_name and label")
        yield row


def _find(name: str, folders: Iterable[Path]) -> Path | None:
    """Find the file that a table means: as spelled, with Windows' separators, or with letters composed otherwise."""
    separated = (name, name.replace("\\", "/"))
    composed = (unicodedata.normalize("NFC", n) for n in separated)
    decomposed = (unicodedata.normalize("NFD", n) for n in separated)
    spellings = dict.fromkeys((*separated, *composed, *decomposed))
    for folder in dict.fromkeys(folders):
        for spelling in spellings:
            path = folder / spelling  # an absolute name stays itself
            if _is_file(path):
                return path
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        return False


def csv_files(folder: Path, *, strict: bool = True) -> list[Path]:
    """Return the CSV files of a folder that are meant for us; what contradicts itself is an error where ``strict``."""
    every = sorted(p for p in folder.glob("*.csv") if not p.name.startswith("."))
    named = [folder / f"{split}.csv" for split in SPLITS if folder / f"{split}.csv" in every]
    tables = named or [p for p in every if is_table(p)] or every
    if strict and len(tables) > 1 and not named:
        names = listed(p.name for p in tables)
        raise DatasetError(f"{printable(folder)}: holds {len(tables)} CSV files ({names}); name the one that is meant")
    if strict and not tables:
        raise DatasetError(f"{printable(folder)}: holds no CSV file; expected train.csv, test.csv or a single CSV")
    return tables


def metadata_files(folder: Path) -> list[Path]:
    """Return the tables of an audiofolder."""
    places = [folder, *(folder / split for split in SPLITS)]
    paths = [p / name for p in places for name in ("metadata.csv", "metadata.jsonl")]
    return [p for p in paths if p.is_file()]


def is_table(path: Path) -> bool:
    """Tell whether a CSV is meant for us: a stray table of results in the folder is not."""
    if path.stem in SPLITS:
        return True
    with path.open("rb") as file:
        return "file_name" in file.readline().decode("utf-8-sig", "replace")


def text_of(value: Any) -> str:
    """Return a value of JSON as the text that stands for it."""
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
