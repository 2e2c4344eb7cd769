"""How people lay recordings out: each layout is a function from a folder or a table to clips.

Which one fits is decided by :func:`detect`, always in the same order: a table if there is one, else what most of
the file names look like. To add a layout: a function here, a row in :data:`LAYOUTS` and in :data:`PATTERNS`, and in
``_PARSERS`` where it is told by its file names.
"""

from __future__ import annotations

import csv
import difflib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sutja.audio import SUFFIXES, find_audio, printable
from sutja.clips import Clip, natural_order
from sutja.errors import DatasetError


@dataclass(frozen=True)
class Contents:
    """What one layout found."""

    root: Path
    """The folder that the clips' names are relative to."""
    clips: list[Clip]
    notes: list[str]
    """What a reader of the data set should be told."""


# -- the layouts: the path and, for tables, where the sound is -> contents --------------------------------------------


def csv_layout(path: Path, audio_root: Path | None) -> Contents:
    """Read a CSV file, or a folder that holds train.csv, valid.csv, test.csv or a single CSV."""
    tables = [path] if path.is_file() else _csv_files(path)
    clips = [c for t in tables for c in _table_clips(t, audio_root)]
    return Contents(audio_root or tables[0].parent, clips, _to_predict(clips))


def audiofolder_layout(path: Path, audio_root: Path | None) -> Contents:
    """Read Hugging Face's audiofolder: metadata.csv or metadata.jsonl in the folder or in its splits' folders."""
    tables = [path] if path.is_file() else _metadata_files(path)
    if not tables:
        raise DatasetError(f"{printable(path)}: holds no metadata.csv or metadata.jsonl; choose another layout")
    root = path if path.is_dir() else path.parent
    clips = [_split_by_folder(c, root) for t in tables for c in _table_clips(t, audio_root)]
    return Contents(root, clips, _to_predict(clips))


def audiomnist_layout(root: Path, _: Path | None = None) -> Contents:
    """Read `data/SS/LABEL_SS_TAKE.wav` and, if it is there, `audioMNIST_meta.txt`."""
    clips, notes = _named_clips(root, _audiomnist_clip)
    people, note = _read_people(root)
    clips = [replace(c, attributes=people.get(c.speaker or "", {})) for c in clips]
    unknown = natural_order(c.speaker for c in clips if people and c.speaker not in people)
    if unknown:
        notes.append(f"{len(unknown)} speakers are not described in {META_NAME}: {listed(unknown)}")
    return Contents(root, clips, [*notes, *note])


def fsdd_layout(root: Path, _: Path | None = None) -> Contents:
    """Read `recordings/DIGIT_SPEAKER_TAKE.wav`; takes 0 to 4 are the official test."""
    clips, notes = _named_clips(root, _fsdd_clip)
    if not any(c.split == "train" for c in clips):  # somebody's own few takes: nothing official about them
        clips = [replace(c, split=None) for c in clips]
    return Contents(root, clips, notes)


def speech_commands_layout(root: Path, _: Path | None = None) -> Contents:
    """Read `WORD/HASH_nohash_N.wav`, with validation_list.txt and testing_list.txt if they are there."""
    clips, notes = _named_clips(root, _speech_commands_clip)
    splits = {
        **dict.fromkeys(_read_list(root / "validation_list.txt"), "valid"),
        **dict.fromkeys(_read_list(root / "testing_list.txt"), "test"),
    }
    if splits:  # the lists name .wav, whatever the files were turned into
        clips = [replace(c, split=splits.get(c.name.rpartition(".")[0], "train")) for c in clips]
    return Contents(root, clips, notes)


def folders_layout(root: Path, _: Path | None = None) -> Contents:
    """Read `LABEL/*.wav`, or `train/LABEL/*.wav`; sound directly in `test/` is to be predicted."""
    clips, notes = _named_clips(root, _folders_clip)
    if {c.split for c in clips if c.label} == {None}:
        clips = [_word_of_its_own(c) for c in clips]
    return Contents(root, clips, notes + _to_predict(clips))


TABLES: dict[str, Callable[[Path, Path | None], Contents]] = {
    "csv": csv_layout,
    "audiofolder": audiofolder_layout,
}
"""Those that somebody wrote: they may lie apart from the recordings, and may name one twice."""
LAYOUTS: dict[str, Callable[[Path, Path | None], Contents]] = {
    **TABLES,
    "audiomnist": audiomnist_layout,
    "fsdd": fsdd_layout,
    "speech_commands": speech_commands_layout,
    "folders": folders_layout,
}
PATTERNS = {
    "csv": "FILE.csv: file_name,label,speaker",
    "audiofolder": "metadata.csv: file_name,label,speaker",
    "audiomnist": "data/SPEAKER/LABEL_SPEAKER_TAKE.wav",
    "fsdd": "recordings/DIGIT_SPEAKER_TAKE.wav",
    "speech_commands": "WORD/SPEAKERHASH_nohash_N.wav",
    "folders": "LABEL/*.wav",
}
"""How each layout looks, for people."""

META_NAME = "audioMNIST_meta.txt"
BACKGROUND = "_background_noise_"
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}


# -- which layout -----------------------------------------------------------------------------------------------------


def detect(path: Path) -> str:
    """Choose the layout: a table if there is one, else the one that more than half of the file names fit."""
    if path.is_file():
        return _detect_file(path)
    if _metadata_files(path):
        return "audiofolder"
    tables = _csv_files(path, strict=False)
    if any(_is_table(t) for t in tables):
        return "csv"
    files = _sound_files(path)
    for layout, parse in _PARSERS.items():
        clips = [clip for clip in (parse(path, f) for f in files) if clip is not None]
        if 2 * len(clips) > len(files) and any(c.label is not None for c in clips):
            return layout
    if tables:  # it will say which columns it lacks
        return "csv"
    if not files:
        raise DatasetError(
            f"{printable(path)}: holds no sound files; expected recordings ({', '.join(SUFFIXES[:3])} ...) or a CSV"
        )
    known = ", ".join(f"{name} ({pattern})" for name, pattern in PATTERNS.items())
    raise DatasetError(
        f"{printable(path)}: its {len(files)} sound files ({_relative(path, files[0])}, ...) fit no layout; "
        f"expected one of {known}; list them in a CSV or name the layout"
    )


def _detect_file(path: Path) -> str:
    if path.suffix.lower() == ".jsonl":
        return "audiofolder"
    if path.suffix.lower() != ".csv":
        raise DatasetError(f"{printable(path)}: is a file and no CSV; expected a folder of recordings or a CSV")
    return "csv"


def _is_table(path: Path) -> bool:
    """Tell whether a CSV is meant for us: a stray table of results in the folder is not."""
    if path.stem in SPLITS:
        return True
    with path.open("rb") as file:
        return "file_name" in file.readline().decode("utf-8-sig", "replace")


def _csv_files(folder: Path, *, strict: bool = True) -> list[Path]:
    every = sorted(p for p in folder.glob("*.csv") if not p.name.startswith("."))
    named = [folder / f"{split}.csv" for split in SPLITS if folder / f"{split}.csv" in every]
    tables = named or [p for p in every if _is_table(p)] or every
    if strict and len(tables) > 1 and not named:
        names = listed(p.name for p in tables)
        raise DatasetError(f"{printable(folder)}: holds {len(tables)} CSV files ({names}); name the one that is meant")
    if strict and not tables:
        raise DatasetError(f"{printable(folder)}: holds no CSV file; expected train.csv, test.csv or a single CSV")
    return tables


def _metadata_files(folder: Path) -> list[Path]:
    places = [folder, *(folder / split for split in SPLITS)]
    paths = [p / name for p in places for name in ("metadata.csv", "metadata.jsonl")]
    return [p for p in paths if p.is_file()]


# -- tables -----------------------------------------------------------------------------------------------------------


def _to_predict(clips: Sequence[Clip]) -> list[str]:
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
        label=_composed(row.get("label", "")),
        speaker=_composed(row.get(speaker, "")),
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
            row = {str(k): _text(v) for k, v in json.loads(content).items()}
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


# -- file names -------------------------------------------------------------------------------------------------------


def _named_clips(root: Path, parse: Callable[[Path, Path], Clip | None]) -> tuple[list[Clip], list[str]]:
    """Read what the file names say; files whose names do not fit are left out, with a note."""
    files = _sound_files(root)
    clips = [clip for clip in (parse(root, f) for f in files) if clip is not None]
    notes = []
    if (root / BACKGROUND).is_dir():
        notes.append(f"{BACKGROUND} is left out: it holds no words")
    if clips and len(clips) < len(files):
        fitting = {c.path for c in clips}
        others = [_relative(root, f) for f in files if f not in fitting]
        notes.append(f"{len(others)} of {len(files)} sound files do not fit and are left out: {listed(others)}")
    return clips, notes


def _sound_files(root: Path) -> list[Path]:
    return [f for f in find_audio(root) if f.parent.name != BACKGROUND]


def _audiomnist_clip(root: Path, path: Path) -> Clip | None:
    label, speaker, take = _parts_of(path)
    if not take or speaker != printable(path.parent.name):
        return None
    return Clip(path, _relative(root, path), label=_composed(label), speaker=_composed(speaker))


def _fsdd_clip(root: Path, path: Path) -> Clip | None:
    label, speaker, take = _parts_of(path)
    if not take or not (path.parent == root or path.parent.name == "recordings"):
        return None
    split = "test" if int(take) < 5 else "train"
    return Clip(path, _relative(root, path), label=_composed(label), speaker=_composed(speaker), split=split)


def _speech_commands_clip(root: Path, path: Path) -> Clip | None:
    speaker, nohash, number = printable(path.stem).partition("_nohash_")
    if not (speaker and nohash and number.isdecimal()):
        return None
    return Clip(path, _relative(root, path), label=_composed(printable(path.parent.name)), speaker=speaker)


def _folders_clip(root: Path, path: Path) -> Clip | None:
    *folders, _ = path.relative_to(root).parts
    split = SPLITS.get(folders[0]) if folders else None
    if split:
        folders = folders[1:]
    if len(folders) > 1 or not (folders or split):
        return None
    label = _composed(printable(folders[0])) if folders else None
    return Clip(path, _relative(root, path), label=label, split=split)


def _word_of_its_own(clip: Clip) -> Clip:
    """Take `train/` or `valid/` with sound directly in it as the folder of a word, as those beside it are.

    As a part of the data set its clips would have no label, and nothing could be learned from them.
    """
    if clip.split in ("train", "valid"):
        return replace(clip, label=_composed(printable(clip.path.parent.name)), split=None)
    return clip


# In the order of detection: the more a name must fulfil, the earlier.
_PARSERS: dict[str, Callable[[Path, Path], Clip | None]] = {
    "speech_commands": _speech_commands_clip,
    "audiomnist": _audiomnist_clip,
    "fsdd": _fsdd_clip,
    "folders": _folders_clip,
}


def _parts_of(path: Path) -> tuple[str, str, str]:
    """Split LABEL_SPEAKER_TAKE from the right, since a label may hold `_`; three empty strings if it is not that."""
    parts = printable(path.stem).rsplit("_", 2)
    if len(parts) != 3 or not (parts[0] and parts[1] and parts[2].isascii() and parts[2].isdecimal()):
        return "", "", ""
    return parts[0], parts[1], parts[2]


def _read_people(root: Path) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Read AudioMNIST's description of its speakers; ages are text, nonsense or numbers, so all is kept as text."""
    for path in (root / "data" / META_NAME, root / META_NAME):
        if path.is_file():
            try:
                people = json.loads(path.read_text(encoding="utf-8-sig"))
                return {str(k): {str(n): _text(v) for n, v in p.items()} for k, p in people.items()}, []
            except (ValueError, AttributeError, OSError) as error:
                return {}, [f"{printable(path)} cannot be read ({error}): the speakers stay without attributes"]
    return {}, []


def _read_list(path: Path) -> list[str]:
    """Read the names of a split's list, without their suffix."""
    if not path.is_file():
        return []
    return [line.strip().rpartition(".")[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


# -- words ------------------------------------------------------------------------------------------------------------


def _composed(text: str) -> str | None:
    """Give a label or a name in Unicode's composed form, without the space around it; None where nothing is left."""
    return unicodedata.normalize("NFC", text.strip()) or None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _relative(root: Path, path: Path) -> str:
    return printable(path.relative_to(root).as_posix())


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
