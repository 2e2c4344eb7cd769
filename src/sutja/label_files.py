"""Label files, as Audacity exports them: stretches of the recording that lies beside them, each with its label.

`name.txt` beside `name.wav` holds a line for each stretch: start and end in seconds and the label, with tabs between.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sutja.audio import SUFFIXES, printable
from sutja.clips import Clip, composed, name_of_stretch
from sutja.errors import DatasetError, listed
from sutja.folders import Contents, walk
from sutja.sheets import decoded
from sutja.tables import split_by_folder, to_predict

SUFFIX = ".txt"
_SECONDS = r"(\d+(?:[.,]\d*)?)"
_LINE = re.compile(rf"{_SECONDS}\t{_SECONDS}(?:\t(.*))?")


def audacity_layout(path: Path, audio_root: Path | None) -> Contents:
    """Read a label file and the recording beside it, or all of a folder."""
    root = path if path.is_dir() else audio_root or path.parent
    pairs = list(_pairs(walk(path).sounds)) if path.is_dir() else [(path, _recording(path, audio_root))]
    clips: list[Clip] = []
    n_points = 0
    for labels, recording in pairs:
        found, n = _clips(labels, recording, root)
        clips, n_points = clips + found, n_points + n
    if not clips:
        raise DatasetError(
            f"{printable(path)}: holds no labels of stretches; expected NAME.txt beside NAME.wav: start, end, label"
        )
    notes = [f"{n_points} labels mark a moment, not a stretch, and are left out"] if n_points else []
    clips = [split_by_folder(clip, root) for clip in clips]
    return Contents(root, clips, notes + to_predict(clips), tuple(labels for labels, _ in pairs), columns=_SAID)


_SAID = ("start, end and label of stretches of recordings, with tabs between",)


def are_labelled(recordings: Sequence[str | Path]) -> bool:
    """Tell whether most recordings have a label file beside them."""
    return 2 * sum(1 for _ in _pairs(recordings)) > len(recordings)


def is_label_file(path: Path) -> bool:
    """Tell by its name and its first line."""
    if path.suffix.lower() != SUFFIX:
        return False
    try:
        with path.open("rb") as file:
            first = file.readline(1 << 12).decode("utf-8-sig", "replace")
    except OSError:
        return False
    return _LINE.fullmatch(first.rstrip("\r\n")) is not None


def _pairs(recordings: Iterable[str | Path]) -> Iterator[tuple[Path, Path]]:
    """Give each recording that has a label file, after that."""
    texts: dict[str, dict[str, str]] = {}
    for recording in recordings:
        folder, name = os.path.split(str(recording))
        if folder not in texts:
            texts[folder] = _texts(folder)
        labels = texts[folder].get(name.rpartition(".")[0])
        if labels is not None and is_label_file(Path(labels)):
            yield Path(labels), Path(recording)


def _texts(folder: str) -> dict[str, str]:
    with os.scandir(folder) as entries:
        return {e.name[: -len(SUFFIX)]: e.path for e in entries if e.name.lower().endswith(SUFFIX)}


def _recording(labels: Path, audio_root: Path | None) -> Path:
    """Find the recording that a label file belongs to."""
    folders = [folder for folder in (audio_root, labels.parent) if folder is not None]
    beside = [p for folder in folders for p in sorted(folder.glob(f"{glob.escape(labels.stem)}.*"))]
    found = [path for path in beside if path.suffix.lower() in SUFFIXES and path.is_file()]
    if not found:
        raise DatasetError(
            f"{printable(labels)}: holds labels of stretches, and no recording of its name is there; looked in "
            f"{listed(map(printable, folders))}; name its folder as the audio root"
        )
    return found[0]


def _clips(labels: Path, recording: Path, root: Path) -> tuple[list[Clip], int]:
    """Read the stretches, and count the labels of moments."""
    try:
        text, _ = decoded(labels.read_bytes(), labels)
    except OSError as error:
        raise DatasetError(f"{printable(labels)}: cannot be read ({error.strerror}); check the file") from error
    clips, n_points = [], 0
    name = printable(recording.relative_to(root).as_posix() if recording.is_relative_to(root) else recording.name)
    for line, content in enumerate(text.splitlines(), 1):
        if not content.strip() or content.startswith("\\"):  # the frequencies of the stretch above
            continue
        found = _LINE.fullmatch(content)
        start, end = (float(each.replace(",", ".")) for each in found.groups()[:2]) if found else (1.0, 0.0)
        if found is None or end < start:
            raise DatasetError(
                f"{printable(labels)}: line {line} is no label of a stretch; expected start, end and label with tabs "
                "between, the end behind the start"
            )
        if end == start:
            n_points += 1
            continue
        span = (start, end)
        clips.append(Clip(recording, name_of_stretch(name, span), composed(found[3] or ""), span=span))
    return clips, n_points
