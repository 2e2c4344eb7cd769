"""From a folder or a CSV to one table of clips: layouts, splits, speakers, fingerprint.

A layout is how people lay recordings out. Each one is a function from a path to clips; :func:`scan` finds out which
one fits, always in the same order, and says so. Labels and speakers are strings, in Unicode's composed form, so that
a Korean folder name from a Mac and a CSV from a PC are the same word.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import json
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sutja.audio import SUFFIXES, find_audio, printable
from sutja.errors import DatasetError
from sutja.files import sha256


@dataclass(frozen=True)
class Clip:
    """One recording, and what its data set says of it."""

    path: Path
    name: str
    """The file name as the CSV spells it, or the path below the root with `/`; always printable."""
    label: str | None = None
    """The word; None in the clips that are to be predicted."""
    speaker: str | None = None
    split: str | None = None
    """`train`, `valid` or `test` where the data set says so."""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Everything else that is written about it: age, accent, room."""


@dataclass(frozen=True)
class Dataset:
    """A table of clips, in the order of the CSV or of the file names."""

    root: Path
    layout: str
    clips: tuple[Clip, ...]
    notes: tuple[str, ...] = ()
    """What a reader of the data set should be told: clips left out, speakers without data."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The words: numbers by value, then the others by alphabet."""
        return natural_order(c.label for c in self.clips)

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers' names, in the same order as labels."""
        return natural_order(c.speaker for c in self.clips)

    @property
    def labelled(self) -> tuple[Clip, ...]:
        """The clips to learn from and to score with."""
        return tuple(c for c in self.clips if c.label is not None)

    @property
    def unlabelled(self) -> tuple[Clip, ...]:
        """The clips to predict."""
        return tuple(c for c in self.clips if c.label is None)

    @property
    def description(self) -> str:
        """The layout and what it looks like: `fsdd (recordings/DIGIT_SPEAKER_TAKE.wav)`."""
        return f"{self.layout} ({PATTERNS[self.layout]})" if self.layout in PATTERNS else self.layout


def scan(path: str | os.PathLike[str], *, layout: str | None = None, audio_root: Path | None = None) -> Dataset:
    """Read a data set as its owner laid it out.

    Parameters
    ----------
    path
        A folder, a CSV file or a `metadata.jsonl`.
    layout
        One of :data:`LAYOUTS`; found out when not given.
    audio_root
        The folder that the file names of a CSV are relative to, where it is not the CSV's own.

    Raises
    ------
    DatasetError
        When no layout fits or the data set contradicts itself.

    """
    path = _absolute(path)
    audio_root = None if audio_root is None else _absolute(audio_root)
    for place in filter(None, (path, audio_root)):
        if not place.exists():
            raise DatasetError(f"{printable(place)}: no such folder or file; check the path")
    if layout is None:
        layout = _detect(path)
    elif layout not in LAYOUTS:
        raise DatasetError(
            f"layout {layout!r} is not known; expected one of {', '.join(LAYOUTS)}{_near(layout, LAYOUTS)}"
        )
    if audio_root is not None and layout not in ("csv", "audiofolder"):
        raise DatasetError(f"an audio root belongs to a CSV's file names; the layout is {layout}: leave it out")
    if path.is_file() and layout not in ("csv", "audiofolder"):
        raise DatasetError(f"{printable(path)}: is a file; expected a folder for the layout {layout}")
    dataset = LAYOUTS[layout](path, audio_root)
    if not dataset.clips:
        raise DatasetError(f"{printable(path)}: nothing in it fits the layout {dataset.description}; choose another")
    return dataset


def merge(datasets: Sequence[Dataset]) -> Dataset:
    """Make one data set of several; speakers of the same name in different roots stay different people.

    Such speakers are renamed to `rootname/speaker`, all others keep their names. Each clip's attributes say its
    `corpus`: the name of its root.

    Raises
    ------
    DatasetError
        When there is none, or a file is in more than one of them.

    """
    if not datasets:
        raise DatasetError("no data set was given; expected at least one")
    if len(datasets) == 1:
        return datasets[0]
    roots = defaultdict(set)
    for dataset in datasets:
        for speaker in dataset.speakers:
            roots[speaker].add(dataset.root)
    names = _root_names({d.root for d in datasets})
    clips = [
        replace(
            c,
            speaker=f"{names[d.root]}/{c.speaker}" if c.speaker and len(roots[c.speaker]) > 1 else c.speaker,
            attributes={**c.attributes, "corpus": names[d.root]},
        )
        for d in datasets
        for c in d.clips
    ]
    root = Path(os.path.commonpath([d.root for d in datasets]))
    _check_rows(root, clips)
    layouts = dict.fromkeys(d.layout for d in datasets)
    return Dataset(root, "+".join(layouts), tuple(clips), tuple(n for d in datasets for n in d.notes))


def fingerprint(clips: Iterable[Clip]) -> str:
    """Return a SHA-256 over names, labels, speakers and the files' bytes, whatever the order of the clips.

    Raises
    ------
    DatasetError
        When a file cannot be read.

    """
    clips = list(clips)
    with ThreadPoolExecutor(4) as pool:  # hashing leaves the interpreter lock: the disk is what is waited for
        hashes = list(pool.map(_hash_of, clips))
    lines = sorted(json.dumps([c.name, c.label, c.speaker, h]) for c, h in zip(clips, hashes, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def natural_order(words: Iterable[str | None]) -> tuple[str, ...]:
    """Return each word once: numbers by value, then the others by alphabet.

    >>> natural_order(["10", "two", "9", None, "9"])
    ('9', '10', 'two')
    """
    return tuple(sorted({w for w in words if w is not None}, key=_natural))


# -- layouts: the path and, for CSVs, where the sound is -> Dataset ---------------------------------------------------


def csv_layout(path: Path, audio_root: Path | None) -> Dataset:
    """Read a CSV file, or a folder that holds train.csv, valid.csv, test.csv or a single CSV."""
    tables = [path] if path.is_file() else _csv_files(path)
    clips = [c for t in tables for c in _table_clips(t, audio_root)]
    return _table_dataset(audio_root or tables[0].parent, "csv", clips)


def audiofolder_layout(path: Path, audio_root: Path | None) -> Dataset:
    """Read Hugging Face's audiofolder: metadata.csv or metadata.jsonl in the folder or in its splits' folders."""
    tables = [path] if path.is_file() else _metadata_files(path)
    if not tables:
        raise DatasetError(f"{printable(path)}: holds no metadata.csv or metadata.jsonl; choose another layout")
    root = path if path.is_dir() else path.parent
    clips = [_split_by_folder(c, root) for t in tables for c in _table_clips(t, audio_root)]
    return _table_dataset(root, "audiofolder", clips)


def audiomnist_layout(root: Path, _: Path | None = None) -> Dataset:
    """Read `data/SS/LABEL_SS_TAKE.wav` and, if it is there, `audioMNIST_meta.txt`."""
    clips, notes = _named_clips(root, _audiomnist_clip)
    people, note = _read_people(root)
    clips = [replace(c, attributes=people.get(c.speaker or "", {})) for c in clips]
    unknown = natural_order(c.speaker for c in clips if people and c.speaker not in people)
    if unknown:
        notes.append(f"{len(unknown)} speakers are not described in {META_NAME}: {_listed(unknown)}")
    return Dataset(root, "audiomnist", tuple(clips), (*notes, *note))


def fsdd_layout(root: Path, _: Path | None = None) -> Dataset:
    """Read `recordings/DIGIT_SPEAKER_TAKE.wav`; takes 0 to 4 are the official test."""
    clips, notes = _named_clips(root, _fsdd_clip)
    if not any(c.split == "train" for c in clips):  # somebody's own few takes: nothing official about them
        clips = [replace(c, split=None) for c in clips]
    return Dataset(root, "fsdd", tuple(clips), tuple(notes))


def speech_commands_layout(root: Path, _: Path | None = None) -> Dataset:
    """Read `WORD/HASH_nohash_N.wav`, with validation_list.txt and testing_list.txt if they are there."""
    clips, notes = _named_clips(root, _speech_commands_clip)
    splits = {
        **dict.fromkeys(_read_list(root / "validation_list.txt"), "valid"),
        **dict.fromkeys(_read_list(root / "testing_list.txt"), "test"),
    }
    if splits:  # the lists name .wav, whatever the files were turned into
        clips = [replace(c, split=splits.get(c.name.rpartition(".")[0], "train")) for c in clips]
    return Dataset(root, "speech_commands", tuple(clips), tuple(notes))


def folders_layout(root: Path, _: Path | None = None) -> Dataset:
    """Read `LABEL/*.wav`, or `train/LABEL/*.wav`; sound directly in `test/` is to be predicted."""
    clips, notes = _named_clips(root, _folders_clip)
    if {c.split for c in clips if c.label} == {None}:
        clips = [_word_of_its_own(c) for c in clips]
    return Dataset(root, "folders", tuple(clips), tuple(notes + _to_predict(clips)))


LAYOUTS: dict[str, Callable[[Path, Path | None], Dataset]] = {
    "csv": csv_layout,
    "audiofolder": audiofolder_layout,
    "audiomnist": audiomnist_layout,
    "fsdd": fsdd_layout,
    "speech_commands": speech_commands_layout,
    "folders": folders_layout,
}

# How each layout looks, for people.
PATTERNS = {
    "csv": "FILE.csv: file_name,label,speaker",
    "audiofolder": "metadata.csv: file_name,label,speaker",
    "audiomnist": "data/SPEAKER/LABEL_SPEAKER_TAKE.wav",
    "fsdd": "recordings/DIGIT_SPEAKER_TAKE.wav",
    "speech_commands": "WORD/SPEAKERHASH_nohash_N.wav",
    "folders": "LABEL/*.wav",
}

META_NAME = "audioMNIST_meta.txt"
BACKGROUND = "_background_noise_"
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}


# -- which layout -----------------------------------------------------------------------------------------------------


def _detect(path: Path) -> str:
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
    found = named or [p for p in every if _is_table(p)] or every
    if strict and len(found) > 1 and not named:
        names = _listed(p.name for p in found)
        raise DatasetError(f"{printable(folder)}: holds {len(found)} CSV files ({names}); name the one that is meant")
    if strict and not found:
        raise DatasetError(f"{printable(folder)}: holds no CSV file; expected train.csv, test.csv or a single CSV")
    return found


def _metadata_files(folder: Path) -> list[Path]:
    places = [folder, *(folder / split for split in SPLITS)]
    found = [p / name for p in places for name in ("metadata.csv", "metadata.jsonl")]
    return [p for p in found if p.is_file()]


# -- tables -----------------------------------------------------------------------------------------------------------


def _table_dataset(root: Path, layout: str, clips: list[Clip]) -> Dataset:
    _check_rows(root, clips)
    return Dataset(root, layout, tuple(clips), tuple(_to_predict(clips)))


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
            f"{printable(table)}: {len(missing)} of {len(rows)} files are missing ({_listed(missing)}); "
            f"looked in {_listed(map(printable, dict.fromkeys(folders)), 4)}; name their folder with --audio-root"
        )
    return clips


def _row_clip(row: Mapping[str, str], path: Path, split: str | None, table: Path) -> Clip:
    told = row.get("split", "")
    if told and told.lower() not in SPLITS:
        raise DatasetError(
            f"{printable(table)}: split {told!r} of {row['file_name']} is not known; expected train, valid or test"
        )
    speaker = "speaker" if row.get("speaker") else "speaker_id"
    used = {"file_name", "label", "split", speaker}
    return Clip(
        path,
        row["file_name"],
        label=_word(row.get("label", "")),
        speaker=_word(row.get(speaker, "")),
        split=SPLITS[told.lower()] if told else split,
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
    """Require what is needed, and refuse a table that names its labels otherwise rather than call it unlabelled."""
    found = f"{printable(table)}: columns {_listed(columns, 8) or 'none'}"
    if len(set(columns)) < len(columns):
        raise DatasetError(f"{found}; each name may be there once: rename the others")
    for name in ("file_name", "label"):
        if name in columns or (name == "label" and _may_lack_labels(columns, table)):
            continue
        advice = _near(name, columns, "; rename {!r}") or f"; add a column {name}"
        if len(columns) == 1 and re.search("[;\t]", columns[0]):
            advice = "; separate the columns by commas"
        raise DatasetError(f"{found}; expected file_name,label[,speaker], and {name} is not there{advice}")


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
            raise DatasetError(f"{printable(table)}: line {line} has {_listed(row, 8)}; expected file_name and label")
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


def _absolute(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links: names must stay the user's


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        return False


def _check_rows(root: Path, clips: Sequence[Clip]) -> None:
    """Refuse a file that is listed twice, and say whether its labels contradict each other."""
    labels = defaultdict(list)
    for clip in clips:
        labels[os.path.normpath(clip.path)].append(clip)
    twice = [same for same in labels.values() if len(same) > 1]
    contradictory = [same for same in twice if len({c.label for c in same} - {None}) > 1]
    if contradictory:
        first = ", ".join(repr(c.label) for c in contradictory[0])
        raise DatasetError(
            f"{printable(root)}: {len(contradictory)} files have labels that contradict each other "
            f"({contradictory[0][0].name}: {first}); keep the right one"
        )
    if twice:
        names = _listed(same[0].name for same in twice)
        raise DatasetError(f"{printable(root)}: {len(twice)} files are listed more than once ({names}); list each once")


# -- file names -------------------------------------------------------------------------------------------------------


def _named_clips(root: Path, parse: Callable[[Path, Path], Clip | None]) -> tuple[list[Clip], list[str]]:
    """Read what the file names say; what they do not fit is left out, and said."""
    files = _sound_files(root)
    clips = [clip for clip in (parse(root, f) for f in files) if clip is not None]
    notes = []
    if (root / BACKGROUND).is_dir():
        notes.append(f"{BACKGROUND} is left out: it holds no words")
    if clips and len(clips) < len(files):
        fitting = {c.path for c in clips}
        others = [_relative(root, f) for f in files if f not in fitting]
        notes.append(f"{len(others)} of {len(files)} sound files do not fit and are left out: {_listed(others)}")
    return clips, notes


def _sound_files(root: Path) -> list[Path]:
    return [f for f in find_audio(root) if f.parent.name != BACKGROUND]


def _audiomnist_clip(root: Path, path: Path) -> Clip | None:
    label, speaker, take = _three(path)
    if not take or speaker != printable(path.parent.name):
        return None
    return Clip(path, _relative(root, path), label=_word(label), speaker=_word(speaker))


def _fsdd_clip(root: Path, path: Path) -> Clip | None:
    label, speaker, take = _three(path)
    if not take or not (path.parent == root or path.parent.name == "recordings"):
        return None
    split = "test" if int(take) < 5 else "train"
    return Clip(path, _relative(root, path), label=_word(label), speaker=_word(speaker), split=split)


def _speech_commands_clip(root: Path, path: Path) -> Clip | None:
    speaker, nohash, number = printable(path.stem).partition("_nohash_")
    if not (speaker and nohash and number.isdecimal()):
        return None
    return Clip(path, _relative(root, path), label=_word(printable(path.parent.name)), speaker=speaker)


def _folders_clip(root: Path, path: Path) -> Clip | None:
    *folders, _ = path.relative_to(root).parts
    split = SPLITS.get(folders[0]) if folders else None
    if split:
        folders = folders[1:]
    if len(folders) > 1 or not (folders or split):
        return None
    label = _word(printable(folders[0])) if folders else None
    return Clip(path, _relative(root, path), label=label, split=split)


def _word_of_its_own(clip: Clip) -> Clip:
    """Beside folders of words, sound directly in `train/` is somebody's word "train": nothing can be learned else."""
    if clip.split in ("train", "valid"):
        return replace(clip, label=_word(printable(clip.path.parent.name)), split=None)
    return clip


# In the order of detection: the more a name must fulfil, the earlier.
_PARSERS: dict[str, Callable[[Path, Path], Clip | None]] = {
    "speech_commands": _speech_commands_clip,
    "audiomnist": _audiomnist_clip,
    "fsdd": _fsdd_clip,
    "folders": _folders_clip,
}


def _three(path: Path) -> tuple[str, str, str]:
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


def _word(text: str) -> str | None:
    return unicodedata.normalize("NFC", text.strip()) or None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _natural(word: str) -> tuple[bool, int, str]:
    return not word.isdecimal(), int(word) if word.isdecimal() else 0, word


def _relative(root: Path, path: Path) -> str:
    return printable(path.relative_to(root).as_posix())


def _listed(names: Iterable[str], n_shown: int = 3) -> str:
    """Write the first names and how many more there are.

    >>> _listed("abcde")
    'a, b, c and 2 more'
    """
    names = list(names)
    rest = f" and {len(names) - n_shown} more" if len(names) > n_shown else ""
    return ", ".join(names[:n_shown]) + rest


def _near(name: str, known: Iterable[str], phrase: str = "; did you mean {!r}?") -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return phrase.format(near[0]) if near else ""


def _root_names(roots: Iterable[Path]) -> dict[Path, str]:
    """Name each root by its last folder, and by more of its path where two would be called the same."""
    names = {root: root.name for root in roots}
    same = {name for name, count in Counter(names.values()).items() if count > 1}
    return {root: printable(root.as_posix().lstrip("/") if name in same else name) for root, name in names.items()}


def _hash_of(clip: Clip) -> str:
    try:
        return sha256(clip.path)
    except OSError as error:
        raise DatasetError(f"{clip.name}: cannot be read ({error.strerror}); check the file") from error
