"""From a folder or a CSV to one table of clips: read, merged, renamed, narrowed; its fingerprint.

How people lay recordings out is the business of :mod:`sutja.layouts`; :func:`scan` finds out which layout fits and
says so. :func:`read` does all of it in one call, as the commands do.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sutja.audio import printable
from sutja.clips import Clip, natural_order
from sutja.engine.threads import each
from sutja.errors import DatasetError, listed, near
from sutja.files import sha256
from sutja.layouts import LAYOUTS, PATTERNS, TABLES, detect
from sutja.parquet import StoredSound

N_NAMED = 12
"""Labels and speakers that are told of in a line."""

Where = str | os.PathLike[str]


@dataclass(frozen=True)
class Dataset:
    """A table of clips, in the order of the CSV or of the file names."""

    root: Path
    layout: str
    clips: tuple[Clip, ...]
    notes: tuple[str, ...] = ()
    """What a reader of the data set should be told: clips left out, speakers without data."""
    columns: tuple[str, ...] = ()
    """What the columns of its tables were taken for."""

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


def scan(path: Where, *, layout: str | None = None, audio_root: Where | None = None) -> Dataset:
    """Read a data set as its owner laid it out.

    Parameters
    ----------
    path
        A folder, a CSV file or a `metadata.jsonl`.
    layout
        One of :data:`sutja.layouts.LAYOUTS`; detected when not given.
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
        layout = detect(path)
    elif layout not in LAYOUTS:
        raise DatasetError(
            f"layout {layout!r} is not known; expected one of {', '.join(LAYOUTS)}{near(layout, LAYOUTS)}"
        )
    if audio_root is not None and layout not in TABLES:
        raise DatasetError(f"an audio root belongs to a CSV's file names; the layout is {layout}: leave it out")
    if path.is_file() and layout not in TABLES:
        raise DatasetError(f"{printable(path)}: is a file; expected a folder for the layout {layout}")
    contents = LAYOUTS[layout](path, audio_root)
    if layout in TABLES:
        _check_rows(contents.root, contents.clips)
    dataset = Dataset(contents.root, layout, tuple(contents.clips), tuple(contents.notes), contents.columns)
    if not dataset.clips:
        raise DatasetError(f"{printable(path)}: nothing in it fits the layout {dataset.description}; choose another")
    return dataset


def read(
    *paths: Where,
    layout: str | None = None,
    audio_root: Where | None = None,
    rename: Mapping[str, str] | None = None,
    split: str | None = None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Dataset:
    """Read one data set, of several folders and tables if need be: scanned, merged, renamed and narrowed.

    Parameters
    ----------
    paths, layout, audio_root
        As in :func:`scan`; what is said of the layout holds for every path.
    rename
        From labels that are there to what they are read as; two may become one.
    split
        `train`, `valid` or `test`: only the clips that are marked so.
    on_note
        Told how each path was read, line by line, for people.

    Raises
    ------
    DatasetError
        When a path cannot be read, a label that is to be renamed is not there, or no clip is left.

    """
    (dataset,) = read_each([paths], layout=layout, audio_root=audio_root, rename=rename, on_note=on_note)
    return narrowed(dataset, split)


def read_each(
    groups: Iterable[Sequence[Where]],
    *,
    layout: str | None = None,
    audio_root: Where | None = None,
    rename: Mapping[str, str] | None = None,
    on_note: Callable[[str], None] = lambda _: None,
) -> list[Dataset]:
    """Read several data sets in one way, as :func:`read` does: what is learned from and what is learned besides.

    Each group of paths becomes one data set; a rename may be meant for any of them.
    """
    datasets = [merge([_scanned(path, layout, audio_root, on_note) for path in paths]) for paths in groups]
    names = dict(rename or {})
    _check_names(names, natural_order(label for dataset in datasets for label in dataset.labels))
    return [_renamed(dataset, names) for dataset in datasets]


def narrowed(dataset: Dataset, split: str | None) -> Dataset:
    """Return the part of a data set that is marked as ``split``; all of it for None.

    Raises
    ------
    DatasetError
        When there is no such clip.

    """
    if split is None:
        return dataset
    clips = tuple(clip for clip in dataset.clips if clip.split == split)
    if not clips:
        raise DatasetError(f"{printable(dataset.root)}: no clip is marked {split}; leave the split out")
    return replace(dataset, clips=clips)


def _scanned(path: Where, layout: str | None, audio_root: Where | None, on_note: Callable[[str], None]) -> Dataset:
    dataset = scan(path, layout=layout, audio_root=audio_root)
    on_note(f"{printable(path)}: {len(dataset.clips)} clips, layout {dataset.description}")
    for columns in dataset.columns:
        on_note(f"  columns: {columns}")
    for what, names in (("labels", dataset.labels), ("speakers", dataset.speakers)):
        on_note(f"  {what}: {len(names)} ({listed(names, N_NAMED)})" if names else f"  {what}: none")
    for note in dataset.notes:
        on_note(f"  {note}")
    return dataset


def _check_names(rename: Mapping[str, str], labels: Sequence[str]) -> None:
    unknown = set(rename) - set(labels)
    if unknown:
        raise DatasetError(f"rename {min(unknown)}=...: no such label; there are {', '.join(labels[:20])}")
    for old, new in rename.items():
        if not new:
            raise DatasetError(f"rename {old}=: expected OLD=NEW, for example zero=0")


def _renamed(dataset: Dataset, names: Mapping[str, str]) -> Dataset:
    clips = tuple(replace(c, label=names.get(c.label or "", c.label)) for c in dataset.clips)
    return replace(dataset, clips=clips)


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
    notes, columns = (tuple(line for d in datasets for line in getattr(d, of)) for of in ("notes", "columns"))
    return Dataset(root, "+".join(layouts), tuple(clips), notes, columns)


def fingerprint(clips: Iterable[Clip]) -> str:
    """Return a SHA-256 over names, labels, speakers and the files' bytes, whatever the order of the clips.

    Raises
    ------
    DatasetError
        When a file cannot be read.

    """
    clips = list(clips)
    files = {(clip.path, clip.row): clip for clip in clips}  # a long recording may be many clips
    hashes = dict(zip(files, each(_hash_of, list(files.values())), strict=True))
    lines = sorted(json.dumps([c.name, c.label, c.speaker, hashes[c.path, c.row], *(c.span or ())]) for c in clips)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _absolute(path: Where) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links: names must stay the user's


def _check_rows(root: Path, clips: Sequence[Clip]) -> None:
    """Refuse a file that is listed twice, and say whether its labels contradict each other."""
    labels = defaultdict(list)
    for clip in clips:
        labels[os.path.normpath(clip.path), clip.span, clip.row].append(clip)
    twice = [same for same in labels.values() if len(same) > 1]
    contradictory = [same for same in twice if len({c.label for c in same} - {None}) > 1]
    if contradictory:
        first = ", ".join(repr(c.label) for c in contradictory[0])
        raise DatasetError(
            f"{printable(root)}: {len(contradictory)} files have labels that contradict each other "
            f"({contradictory[0][0].name}: {first}); keep the right one"
        )
    if twice:
        names = listed(same[0].name for same in twice)
        raise DatasetError(f"{printable(root)}: {len(twice)} files are listed more than once ({names}); list each once")


def _root_names(roots: Iterable[Path]) -> dict[Path, str]:
    """Name each root by its last folder, and by more of its path where two would be called the same."""
    names = {root: root.name for root in roots}
    same = {name for name, count in Counter(names.values()).items() if count > 1}
    return {root: printable(root.as_posix().lstrip("/") if name in same else name) for root, name in names.items()}


def _hash_of(clip: Clip) -> str:
    try:
        if isinstance(clip.source, StoredSound):
            return hashlib.sha256(clip.source.content()).hexdigest()
        return sha256(clip.path)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{clip.name}: cannot be read ({getattr(error, 'strerror', None) or error}); check the file"
        ) from error
