"""From a folder or a CSV to one table of clips: read, merged, renamed, narrowed; its fingerprint.

How people lay recordings out is the business of :mod:`sutja.layouts`; :func:`scan` finds out which layout fits and
says so. :func:`read` does all of it in one call, as the commands do.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sutja.audio import printable
from sutja.clips import REFUSED, Clip, alike, natural_order
from sutja.engine.threads import each
from sutja.errors import AudioError, DatasetError, listed, near
from sutja.files import sha256
from sutja.folders import Contents, LeftOut, by_reason, is_sound, told, walk
from sutja.layouts import BACKGROUND, LAYOUTS, NAMED, PATTERNS, TABLES, Laid, detect, said_of
from sutja.parquet import StoredSound
from sutja.speaker_names import offer, with_speakers

Where = str | os.PathLike[str]


@dataclass(frozen=True)
class Dataset:
    """A table of clips, in the order of the CSV or of the file names."""

    root: Path
    layout: str
    clips: tuple[Clip, ...]
    notes: tuple[str, ...] = ()
    """What a reader of the data set should be told: what is left out and why, speakers without data."""
    negatives: tuple[Clip, ...] = ()
    """Recordings of what is to be refused, by the data set's own word: `_unknown_`, `_silence_`."""
    read: tuple[Path, ...] = ()
    """Files other than recordings that were read: tables, lists."""
    left_out: tuple[LeftOut, ...] = ()
    """Whatever else lies in the folder: with the clips, the negatives and what was read, all that is there."""
    columns: tuple[str, ...] = ()
    """What the columns of its tables were taken for."""

    @property
    def recordings(self) -> tuple[Clip, ...]:
        """The clips, and those that are to be refused."""
        return (*self.clips, *self.negatives)

    @property
    def labels(self) -> tuple[str, ...]:
        """The words: numbers by value, then the others by alphabet."""
        return natural_order(c.label for c in self.clips)

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers' names, in the same order as labels."""
        return natural_order(c.speaker for c in self.clips)

    @property
    def all_notes(self) -> tuple[str, ...]:
        """The notes, and what is to be told of the labels as they are now, merged and renamed, and of the names."""
        return (*self.notes, *_alike_notes(self.labels), *_offers(self.clips))

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
    if layout is not None and layout not in LAYOUTS:
        raise DatasetError(
            f"layout {layout!r} is not known; expected one of {', '.join(LAYOUTS)}{near(layout, LAYOUTS)}"
        )
    laid = Laid(walk(path), layout) if path.is_dir() else None
    layout = layout or detect(path, laid)
    if audio_root is not None and layout not in TABLES:
        raise DatasetError(f"an audio root belongs to a CSV's file names; the layout is {layout}: leave it out")
    if layout in TABLES:
        contents = TABLES[layout](path, audio_root)
        _check_rows(contents.root, contents.clips)
    elif laid is None:
        raise DatasetError(f"{printable(path)}: is a file; expected a folder for the layout {layout}")
    else:
        contents = NAMED[layout](laid)
    dataset = _dataset(layout, contents, laid)
    if not dataset.recordings:
        raise DatasetError(f"{printable(path)}: nothing in it fits the layout {dataset.description}; choose another")
    return dataset


def read(  # noqa: PLR0913  one a way to read it
    *paths: Where,
    layout: str | None = None,
    audio_root: Where | None = None,
    rename: Mapping[str, str] | None = None,
    split: str | None = None,
    speaker_from: str | None = None,
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
    speaker_from
        A pattern that reads the speakers in the names, `*_SPEAKER_*` (:mod:`sutja.speaker_names`).
    on_note
        Told how each path was read, line by line, for people.

    Raises
    ------
    DatasetError
        When a path cannot be read, a label that is to be renamed is not there, or no clip is left.

    """
    how = {"layout": layout, "audio_root": audio_root, "speaker_from": speaker_from}
    (dataset,) = read_each([paths], **how, rename=rename, on_note=on_note)  # type: ignore[arg-type]
    return narrowed(dataset, split)


def read_each(  # noqa: PLR0913  the same
    groups: Iterable[Sequence[Where]],
    *,
    layout: str | None = None,
    audio_root: Where | None = None,
    rename: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    on_note: Callable[[str], None] = lambda _: None,
) -> list[Dataset]:
    """Read several data sets in one way, as :func:`read` does: what is learned from and what is learned besides.

    Each group of paths becomes one data set; a rename may be meant for any of them.
    """
    scanned = [[_scanned(path, layout, audio_root, speaker_from, on_note) for path in paths] for paths in groups]
    datasets = [merge(parts) for parts in scanned]
    names = dict(rename or {})
    _check_names(names, natural_order(label for dataset in datasets for label in dataset.labels))
    datasets = [_renamed(dataset, names) for dataset in datasets]
    for note in _alike_notes(label for dataset in datasets for label in dataset.labels):
        on_note(note)
    return datasets


def lost(clips: Iterable[Clip], usable: Iterable[Clip]) -> tuple[str, ...]:
    """Name the labels and the speakers of clips of which nothing is usable."""
    before, after = list(clips), list(usable)
    gone = {f"{of} {name!r}": None for of in ("label", "speaker") for name in _gone(before, after, of)}
    return tuple(gone)


def _gone(before: Iterable[Clip], after: Iterable[Clip], of: str) -> tuple[str, ...]:
    kept = {getattr(clip, of) for clip in after}
    return natural_order(name for name in (getattr(clip, of) for clip in before) if name not in kept)


def tell_left_out(errors: Sequence[AudioError], n_clips: int, *, skip: bool, say: Callable[[str], None]) -> None:
    """Say which clips are left out because they cannot be used.

    Raises
    ------
    DatasetError
        When there are some, and they are not to be skipped.

    """
    if errors and not skip:
        raise DatasetError(
            f"{len(errors)} of {n_clips} clips cannot be used, the first: {errors[0]}. "
            "Mend them, or leave them out with --skip-unreadable"
        )
    for error in errors:
        say(f"left out: {error}")


def check_none_lost(root: Path, clips: Iterable[Clip], usable: Iterable[Clip]) -> None:
    """Refuse to go on without a word or a speaker that cannot be read.

    Raises
    ------
    DatasetError
        When of a label or of a speaker no clip is usable.

    """
    if gone := lost(clips, usable):
        raise DatasetError(
            f"{printable(root)}: {listed(gone, 8)} would be lost, none of its clips can be used; mend them, or take "
            "them out of the data"
        )


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
    negatives = tuple(clip for clip in dataset.negatives if clip.split in (split, None))
    return replace(dataset, clips=clips, negatives=negatives)


def _scanned(
    path: Where,
    layout: str | None,
    audio_root: Where | None,
    speaker_from: str | None,
    on_note: Callable[[str], None],
) -> Dataset:
    dataset = scan(path, layout=layout, audio_root=audio_root)
    if speaker_from is not None:
        dataset = _named_from(dataset, speaker_from)
    on_note(f"{printable(path)}: {len(dataset.clips)} clips, layout {dataset.description}")
    for columns in dataset.columns:
        on_note(f"  columns: {columns}")
    on_note(f"  labels: {_named(dataset.labels)}")
    on_note(f"  speakers: {_named(dataset.speakers)}")
    for label, n in sorted(Counter(clip.label for clip in dataset.negatives).items()):
        on_note(f"  {n} recordings of {label} are to be refused: they are no label")
    for note in (*dataset.notes, *_offers(dataset.clips)):
        on_note(f"  {note}")
    return dataset


def _named_from(dataset: Dataset, pattern: str) -> Dataset:
    """Read the speakers in the names, and note whose name does not fit and whose speaker was known already."""
    clips = with_speakers(dataset.clips, pattern)
    unfit = [clip.name for clip in clips if clip.label is not None and clip.speaker is None]
    notes = (
        [f"{len(unfit)} of {len(clips)} names do not fit {pattern}, and have no speaker: {listed(unfit)}"]
        if unfit
        else []
    )
    if dataset.speakers:
        notes.append(f"the {len(dataset.speakers)} speakers that the data names give way to those of {pattern}")
    return replace(dataset, clips=clips, notes=(*dataset.notes, *notes))


def _offers(clips: Sequence[Clip]) -> list[str]:
    offered = offer(clips)
    return [str(offered)] if offered else []


def _named(names: Sequence[str]) -> str:
    return f"{len(names)} ({listed(names, 12)})" if names else "none"


def _dataset(layout: str, contents: Contents, laid: Laid | None) -> Dataset:
    """Account for all that lies in the folder, if one was given: what is used, and why the rest is not."""
    left_out = list(contents.left_out)
    if laid is not None:
        left_out += _not_used(laid, contents, layout)
        if layout in NAMED:
            _check_lost(laid, layout, contents.clips, left_out)
    negatives = tuple(clip for clip in contents.clips if clip.label in REFUSED)
    clips = tuple(clip for clip in contents.clips if clip.label not in REFUSED) if negatives else tuple(contents.clips)
    notes = [*contents.notes, *told(by_reason(left_out, contents.root))]
    more = (negatives, contents.read, tuple(left_out), contents.columns)
    return Dataset(contents.root, layout, clips, tuple(notes), *more)


def _not_used(laid: Laid, contents: Contents, layout: str) -> list[LeftOut]:
    """Find what is neither a clip, nor was read, nor is accounted for by the layout itself."""
    used = {_place_of(path) for path in (*(clip.path for clip in contents.clips), *contents.read)}
    used |= {str(out.path) for out in contents.left_out}
    folders = {folder for above in {os.path.dirname(path) for path in used} for folder in _and_above(above)}  # noqa: PTH120
    reason = "unlisted" if layout in TABLES else "does_not_fit"
    background = {path for path in laid.tree.sounds if BACKGROUND in laid.tree.parts(path)}
    sounds = [
        LeftOut(Path(p), "background_noise" if p in background else reason) for p in laid.tree.sounds if p not in used
    ]
    used |= folders
    return sounds + [out for out in laid.tree.passed if str(out.path) not in used]


def _place_of(path: Path) -> str:
    place = str(path)
    return os.path.normpath(place) if ".." in place else place


def _and_above(folder: str) -> list[str]:
    path = Path(folder)
    return [folder, *map(str, path.parents)]


def _check_lost(laid: Laid, layout: str, clips: Sequence[Clip], left_out: Sequence[LeftOut]) -> None:
    """Refuse a data set of which a whole word or speaker would be lost by what cannot be used."""
    labels, speakers = {clip.label for clip in clips} | {None}, {clip.speaker for clip in clips} | {None}
    lost: dict[str, list[LeftOut]] = defaultdict(list)
    for out in left_out:
        if out.missed or out.reason in _MAY_BE_LOST or (out.reason in _SOUNDS_BY_NAME and is_sound(out.path.name)):
            label, speaker = said_of(laid, layout, out)
            if label not in labels:
                lost[f"label {label!r}"].append(out)
            elif speaker not in speakers:
                lost[f"speaker {speaker!r}"].append(out)
    if lost:
        why = "; ".join(told(by_reason(itertools.chain.from_iterable(lost.values()), laid.tree.root)))
        raise DatasetError(
            f"{printable(laid.tree.root)}: {listed(lost, 8)} would be lost, nothing of it can be used ({why}); "
            "mend that, or take it out of the folder"
        )


_MAY_BE_LOST = ("does_not_fit", "unknown_kind", "dangling_link")
_SOUNDS_BY_NAME = ("hidden", "second_name")


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


def _alike_notes(labels: Iterable[str]) -> list[str]:
    groups = listed(" and ".join(map(repr, group)) for group in alike(labels))
    told = f"labels differ only by case or blanks: {groups}; where they are one word, rename them (--rename OLD=NEW)"
    return [told] if groups else []


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

    def of_corpus(clip: Clip, corpus: Path) -> Clip:
        shared = clip.speaker and len(roots[clip.speaker]) > 1
        return replace(
            clip,
            speaker=f"{names[corpus]}/{clip.speaker}" if shared else clip.speaker,
            attributes={**clip.attributes, "corpus": names[corpus]},
        )

    clips = tuple(of_corpus(clip, d.root) for d in datasets for clip in d.clips)
    negatives = tuple(of_corpus(clip, d.root) for d in datasets for clip in d.negatives)
    root = Path(os.path.commonpath([d.root for d in datasets]))
    _check_rows(root, (*clips, *negatives))
    layouts = dict.fromkeys(d.layout for d in datasets)
    notes, read, left_out, columns = (
        tuple(itertools.chain.from_iterable(part))
        for part in zip(*((d.notes, d.read, d.left_out, d.columns) for d in datasets), strict=True)
    )
    return Dataset(root, "+".join(layouts), clips, notes, negatives, read, left_out, columns)


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
