"""How people lay recordings out: each layout is a function from a folder or a table to clips.

Which one fits is decided by :func:`detect`, always in the same order: a table if there is one, else what most of
the file names look like. To add a layout: a function here, a row in :data:`LAYOUTS` and in :data:`PATTERNS`, and in
``_PARSERS`` where it is told by its file names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sutja.audio import SUFFIXES, printable
from sutja.clips import SPLITS, Clip, composed, natural_order
from sutja.errors import DatasetError, listed
from sutja.folders import Contents, find_audio
from sutja.tables import (
    audiofolder_layout,
    csv_files,
    csv_layout,
    is_table,
    metadata_files,
    text_of,
    to_predict,
)

# -- the layouts: the path and, for tables, where the sound is -> contents --------------------------------------------


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
    return Contents(root, clips, notes + to_predict(clips))


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


# -- which layout -----------------------------------------------------------------------------------------------------


def detect(path: Path) -> str:
    """Choose the layout: a table if there is one, else the one that more than half of the file names fit."""
    if path.is_file():
        return _detect_file(path)
    if metadata_files(path):
        return "audiofolder"
    tables = csv_files(path, strict=False)
    if any(is_table(t) for t in tables):
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
    return Clip(path, _relative(root, path), label=composed(label), speaker=composed(speaker))


def _fsdd_clip(root: Path, path: Path) -> Clip | None:
    label, speaker, take = _parts_of(path)
    if not take or not (path.parent == root or path.parent.name == "recordings"):
        return None
    split = "test" if int(take) < 5 else "train"
    return Clip(path, _relative(root, path), label=composed(label), speaker=composed(speaker), split=split)


def _speech_commands_clip(root: Path, path: Path) -> Clip | None:
    speaker, nohash, number = printable(path.stem).partition("_nohash_")
    if not (speaker and nohash and number.isdecimal()):
        return None
    return Clip(path, _relative(root, path), label=composed(printable(path.parent.name)), speaker=speaker)


def _folders_clip(root: Path, path: Path) -> Clip | None:
    *folders, _ = path.relative_to(root).parts
    split = SPLITS.get(folders[0]) if folders else None
    if split:
        folders = folders[1:]
    if len(folders) > 1 or not (folders or split):
        return None
    label = composed(printable(folders[0])) if folders else None
    return Clip(path, _relative(root, path), label=label, split=split)


def _word_of_its_own(clip: Clip) -> Clip:
    """Take `train/` or `valid/` with sound directly in it as the folder of a word, as those beside it are.

    As a part of the data set its clips would have no label, and nothing could be learned from them.
    """
    if clip.split in ("train", "valid"):
        return replace(clip, label=composed(printable(clip.path.parent.name)), split=None)
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
                return {str(k): {str(n): text_of(v) for n, v in p.items()} for k, p in people.items()}, []
            except (ValueError, AttributeError, OSError) as error:
                return {}, [f"{printable(path)} cannot be read ({error}): the speakers stay without attributes"]
    return {}, []


def _read_list(path: Path) -> list[str]:
    """Read the names of a split's list, without their suffix."""
    if not path.is_file():
        return []
    return [line.strip().rpartition(".")[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


# -- words ------------------------------------------------------------------------------------------------------------


def _relative(root: Path, path: Path) -> str:
    return printable(path.relative_to(root).as_posix())
