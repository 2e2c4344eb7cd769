"""How people lay recordings out: each layout is a function from a folder or a table to clips.

Which one fits is decided by :func:`detect`, always in the same order: a table if there is one, else what most of
the file names look like. To add a layout that is told by its file names: a function here, a row in :data:`NAMED`, in
``_PARSERS`` and in :data:`PATTERNS`.

Folders around the whole of it (`download/data/...`) change nothing: they are passed through. Where folders of speakers
hold folders of words, or the other way round, :func:`word_level` looks for evidence which of them are the words.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from sutja.audio import SUFFIXES, printable
from sutja.clips import REFUSED, SPLITS, Clip, composed, natural_order
from sutja.errors import DatasetError, listed
from sutja.folders import Contents, LeftOut, Tree, by_reason, told
from sutja.label_files import are_labelled, audacity_layout, is_label_file
from sutja.lexicon import knows
from sutja.sheets import may_be_table, text_of
from sutja.tables import audiofolder_layout, csv_layout, find_tables, layout_of_file, layout_of_folder, to_predict

_ELSEWHERE = ("..", "..", "..")  # below no folder that a layout reads


class Place(NamedTuple):
    """Where a sound file lies, as far as its names can be printed."""

    path: Path
    name: str
    """Its path below the root."""
    folders: tuple[str, ...]
    """Those between the folder that holds the layout and the file."""
    above: str
    """The name of the folder that it lies in."""
    stem: str


@dataclass(frozen=True)
class Laid:
    """A folder as its names tell it."""

    tree: Tree
    layout: str | None = None
    """Where it is known: as many levels of folders as it has stay. The names are read when they are asked for."""

    @cached_property
    def around(self) -> tuple[str, ...]:
        """The folders below the root that hold all of it."""
        tree = self.tree
        # What cannot be used counts as well: else a word of which nothing can be read would be a folder around others.
        ways = [tree.parts(path)[:-1] for path in (*self._sounds, *(_inside(out) for out in tree.passed if out.missed))]
        n_levels = 2 if self.layout in TWO_LEVELS else 1
        return tuple(_around([way for way in ways if not REFUSED.intersection(way)], n_levels))

    @cached_property
    def places(self) -> list[Place]:
        """Of the sound files in which a word may be said, or one to be refused."""
        return [_place(self.tree, path, self.around) for path in self._sounds]

    @cached_property
    def _sounds(self) -> list[str]:
        return [path for path in self.tree.sounds if BACKGROUND not in self.tree.parts(path)]

    @cached_property
    def named(self) -> list[Place]:
        """Those that a layout has to make sense of."""
        return [place for place in self.places if place.above not in REFUSED]


def _around(ways: list[list[str]], n_levels: int) -> list[str]:
    """Find the folders that hold all the others, or nearly all where their name says that they are no word."""
    around: list[str] = []
    while first := Counter(way[0] for way in ways if way).most_common(1):
        ((folder, n),) = first
        inside = [way[1:] for way in ways if way and way[0] == folder]
        around_all = n == len(ways) or (2 * n > len(ways) and folder.lower() in WRAPPINGS)
        if not around_all or min(map(len, inside)) < n_levels or folder.lower() in SPLITS or _is_word(folder):
            break
        around.append(folder)
        ways = inside
    return around


def _place(tree: Tree, path: str, around: Sequence[str]) -> Place:
    name = printable("/".join(tree.parts(path)))
    *folders, file = name.split("/")
    inside = folders[: len(around)] == [printable(folder) for folder in around]
    below = tuple(folders[len(around) :]) if inside else (*_ELSEWHERE, *folders)
    above = folders[-1] if folders else printable(tree.root.name)
    return Place(Path(path), name, below, above, PurePosixPath(file).stem)


# -- the layouts: folder, or table and where the sound is -> contents -------------------------------------------------


def audiomnist_layout(laid: Laid) -> Contents:
    """Read `data/SS/LABEL_SS_TAKE.wav` and, if it is there, `audioMNIST_meta.txt`."""
    clips = _named_clips(laid, _audiomnist_clip)
    read, others = _lists(laid.tree, META_NAME)
    people, notes = _read_people(read[0]) if read else ({}, [])
    clips = [replace(c, attributes=people.get(c.speaker or "", {})) for c in clips]
    unknown = natural_order(c.speaker for c in clips if people and c.speaker not in people)
    if unknown:
        notes.append(f"{len(unknown)} speakers are not described in {META_NAME}: {listed(unknown)}")
    return Contents(laid.tree.root, clips, notes, read, others)


def fsdd_layout(laid: Laid) -> Contents:
    """Read `recordings/DIGIT_SPEAKER_TAKE.wav`; takes 0 to 4 are the official test."""
    clips = _named_clips(laid, _fsdd_clip)
    if not any(c.split == "train" for c in clips):  # somebody's own few takes: nothing official about them
        clips = [replace(c, split=None) for c in clips]
    return Contents(laid.tree.root, clips, [])


def speech_commands_layout(laid: Laid) -> Contents:
    """Read `WORD/HASH_nohash_N.wav`, with validation_list.txt and testing_list.txt if they are there."""
    tree, clips = laid.tree, _named_clips(laid, _speech_commands_clip)
    splits: dict[tuple[str, str], str] = {}
    read: list[Path] = []
    left_out: list[LeftOut] = []
    notes: list[str] = []
    there = {_list_key(clip.name) for clip in clips}
    for name, split in SPLIT_LISTS.items():
        first, others = _lists(tree, name)
        left_out += others
        for path in first:
            rows = _read_list(path)
            left_out += [LeftOut(tree.root / row, "listed_and_missing") for row in rows if _list_key(row) not in there]
            known = {key: split for key in map(_list_key, rows) if key in there}
            twice = sorted("/".join(key) for key in known.keys() & splits.keys())
            notes += (
                [f"{len(twice)} names are in both lists, and are taken as {split}: {listed(twice)}"] if twice else []
            )
            splits |= known
            read.append(path)
    if splits:  # the lists name .wav, whatever the files were turned into
        clips = [replace(c, split=splits.get(_list_key(c.name), "train")) for c in clips]
    return Contents(tree.root, clips, notes, tuple(read), tuple(left_out))


def folders_layout(laid: Laid) -> Contents:
    """Read `LABEL/*.wav`, or `train/LABEL/*.wav`; sound directly in `test/` is to be predicted."""
    clips = _named_clips(laid, _folders_clip)
    if {c.split for c in clips if c.label and c.label not in REFUSED} <= {None}:
        clips = [_word_of_its_own(c) for c in clips]
    notes = to_predict(clips)
    if laid.around and laid.around[-1].lower() not in WRAPPINGS:
        folder = printable("/".join(laid.around))
        notes.append(f"{folder}/ is taken for a folder around the words; where it is a speaker, choose speaker_folders")
    return Contents(laid.tree.root, clips, notes)


def speaker_folders_layout(laid: Laid) -> Contents:
    """Read `SPEAKER/LABEL/*.wav`, or the same below `train/`."""
    return Contents(laid.tree.root, _named_clips(laid, _speaker_folders_clip), [])


def word_folders_layout(laid: Laid) -> Contents:
    """Read `LABEL/SPEAKER/*.wav`, or the same below `train/`."""
    return Contents(laid.tree.root, _named_clips(laid, _word_folders_clip), [])


TABLES: dict[str, Callable[[Path, Path | None], Contents]] = {
    "csv": csv_layout,
    "audiofolder": audiofolder_layout,
    "audacity": audacity_layout,
}
"""Those that somebody wrote: they may lie apart from the recordings, and may name one twice."""
NAMED: dict[str, Callable[[Laid], Contents]] = {
    "audiomnist": audiomnist_layout,
    "fsdd": fsdd_layout,
    "speech_commands": speech_commands_layout,
    "folders": folders_layout,
    "speaker_folders": speaker_folders_layout,
    "word_folders": word_folders_layout,
}
"""Those that are told by the names of files and folders."""
LAYOUTS = (*TABLES, *NAMED)
PATTERNS = {
    "csv": "FILE.csv: file_name,label,speaker",
    "audiofolder": "metadata.csv: file_name,label,speaker",
    "audacity": "NAME.txt beside NAME.wav: start, end, label",
    "audiomnist": "data/SPEAKER/LABEL_SPEAKER_TAKE.wav",
    "fsdd": "recordings/DIGIT_SPEAKER_TAKE.wav",
    "speech_commands": "WORD/SPEAKERHASH_nohash_N.wav",
    "folders": "LABEL/*.wav",
    "speaker_folders": "SPEAKER/LABEL/*.wav",
    "word_folders": "LABEL/SPEAKER/*.wav",
}
"""How each layout looks, for people."""
TWO_LEVELS = ("speaker_folders", "word_folders")

META_NAME = "audioMNIST_meta.txt"
SPLIT_LISTS = {"validation_list.txt": "valid", "testing_list.txt": "test"}
BACKGROUND = "_background_noise_"
WRAPPINGS = frozenset(
    """
    data dataset datasets recordings recording audio audios sound sounds wav wavs clips samples speech voices corpus
    download downloads archive extracted export files
    """.split()  # noqa: SIM905
)
"""What a folder around a data set is called that says nothing of what is in it."""


# -- which layout -----------------------------------------------------------------------------------------------------


def detect(path: Path, laid: Laid | None = None) -> str:
    """Choose the layout: a table if there is one, else the one that more than half of the file names fit."""
    if laid is None:
        return _detect_file(path)
    layout = layout_of_folder(path) or ("audacity" if are_labelled(laid.tree.sounds) else _named_layout(laid))
    if layout is not None:
        return layout
    if find_tables(path).others:  # it will say which columns it lacks
        return "csv"
    raise _fits_none(path, laid)


def _named_layout(laid: Laid) -> str | None:
    named = laid.named
    for layout, parse in _PARSERS.items():
        clips = [clip for clip in map(parse, named) if clip is not None]
        if 2 * len(clips) > len(named) and any(c.label is not None for c in clips):
            return layout
        if layout == "folders" and laid.places and not named:
            return layout
        if layout == "folders":
            break
    pairs = [pair for pair in (_split_and_folders(place)[1] for place in named) if len(pair) == 2]
    if 2 * len(pairs) <= len(named):
        return None
    level = word_level(pairs)
    if level is None:
        (first, second) = pairs[0]
        raise DatasetError(
            f"{printable(laid.tree.root)}: in {first}/{second}/ either name may be the word; "
            f"choose --layout speaker_folders ({PATTERNS['speaker_folders']}) or word_folders "
            f"({PATTERNS['word_folders']})"
        )
    return ("word_folders", "speaker_folders")[level]


def _fits_none(path: Path, laid: Laid) -> DatasetError:
    files, why = laid.named, "; ".join(told(by_reason(laid.tree.passed, laid.tree.root)))
    if any(each.path == laid.tree.root for each in laid.tree.passed):
        return DatasetError(f"{printable(path)}: the folder may not be read; ask its owner for permission")
    if not files:
        expected = f"expected recordings ({', '.join(SUFFIXES[:3])} ...) or a CSV"
        return DatasetError(f"{printable(path)}: holds no sound files; {expected}{why and f'; in it {why}'}")
    known = ", ".join(f"{name} ({pattern})" for name, pattern in PATTERNS.items())
    return DatasetError(
        f"{printable(path)}: its {len(files)} sound files ({files[0].name}, ...) fit no layout; "
        f"expected one of {known}; list them in a CSV or name the layout"
    )


def word_level(pairs: Iterable[Sequence[str]]) -> int | None:
    """Say which of two levels of folders are the words, 0 or 1; None where nothing tells.

    The evidence, the strongest first: words that the lexicon has on one level and not on the other; names as speakers
    are numbered; figures; all ten figures; folders below that never come twice, as no word would.

    >>> word_level([("anna", "seven"), ("bo", "seven")]), word_level([("ja", "s01"), ("nein", "s01")])
    (1, 0)
    >>> word_level([("anna", "lampe"), ("bo", "lampe"), ("anna", "licht")]) is None
    True
    """
    pairs = list(pairs)
    levels = [natural_order(pair[level] for pair in pairs) for level in (0, 1)]
    for evidence, is_of_words in _EVIDENCE:
        shares = [sum(bool(evidence(name)) for name in names) / len(names) for names in levels]
        if max(shares) > 0.5 and min(shares) < 0.5:
            first = shares.index(max(shares))
            return first if is_of_words else 1 - first
    whole = [set(names) >= _FIGURES for names in levels]
    if whole[0] != whole[1]:
        return whole.index(True)
    if len(levels[0]) > 1 and len({tuple(pair) for pair in pairs}) == len(levels[1]):
        return 0
    return None


_FIGURES = frozenset("0123456789")
_NUMBERED = re.compile(
    r"(speaker|spkr|spk|sp|user|subject|subj|participant|person|voice|talker|id|[spfmuv])[-_ ]?\d+|\d{2,}|[0-9a-f]{8,}",
    re.IGNORECASE,
)
"""How speakers are called whose names are not told."""
_COMMANDS = frozenset(["yes", "no", "up", "down"])
"""What people record as well, and what the lexicon must not teach as words to be refused."""


def _is_word(name: str) -> bool:
    return name not in _FIGURES and (knows(name) or name.lower() in _COMMANDS)


_EVIDENCE: tuple[tuple[Callable[[str], object], bool], ...] = (
    (_is_word, True),
    (_NUMBERED.fullmatch, False),
    (_FIGURES.__contains__, True),
)
"""What a name may be, and whether that makes it one of a word (or else of a speaker); the strongest first."""


def _detect_file(path: Path) -> str:
    if not may_be_table(path):
        raise DatasetError(f"{printable(path)}: is a file and no CSV; expected a folder of recordings or a CSV")
    return "audacity" if is_label_file(path) else layout_of_file(path)


# -- file names -------------------------------------------------------------------------------------------------------


def _named_clips(laid: Laid, parse: Callable[[Place], Clip | None]) -> list[Clip]:
    """Read what the names say; what does not fit is found by whoever counts what is used."""
    clips = (_refused_clip(place) if place.above in REFUSED else parse(place) for place in laid.places)
    return [clip for clip in clips if clip is not None]


def _refused_clip(place: Place) -> Clip:
    clip = _speech_commands_clip(place)
    return Clip(place.path, place.name, label=place.above, speaker=None if clip is None else clip.speaker)


def _audiomnist_clip(place: Place) -> Clip | None:
    label, speaker, take = _parts_of(place.stem)
    if not take or speaker != place.above:
        return None
    return Clip(place.path, place.name, label=composed(label), speaker=composed(speaker))


def _fsdd_clip(place: Place) -> Clip | None:
    label, speaker, take = _parts_of(place.stem)
    if not take or not (not place.folders or place.above == "recordings"):
        return None
    split = "test" if int(take) < 5 else "train"
    return Clip(place.path, place.name, label=composed(label), speaker=composed(speaker), split=split)


def _speech_commands_clip(place: Place) -> Clip | None:
    speaker, nohash, number = place.stem.partition("_nohash_")
    if not (speaker and nohash and number.isdecimal()):
        return None
    split = _split_and_folders(place)[0] if len(place.folders) > 1 else None
    return Clip(place.path, place.name, label=composed(place.above), speaker=speaker, split=split)


def _folders_clip(place: Place) -> Clip | None:
    split, folders = _split_and_folders(place)
    if len(folders) > 1 or not (folders or split):
        return None
    label = composed(folders[0]) if folders else None
    return Clip(place.path, place.name, label=label, split=split)


def _speaker_folders_clip(place: Place) -> Clip | None:
    split, folders = _split_and_folders(place)
    if len(folders) != 2:
        return None
    return Clip(place.path, place.name, label=composed(folders[1]), speaker=composed(folders[0]), split=split)


def _word_folders_clip(place: Place) -> Clip | None:
    split, folders = _split_and_folders(place)
    if len(folders) != 2:
        return None
    return Clip(place.path, place.name, label=composed(folders[0]), speaker=composed(folders[1]), split=split)


def _split_and_folders(place: Place) -> tuple[str | None, tuple[str, ...]]:
    split = SPLITS.get(place.folders[0].lower()) if place.folders else None
    return split, place.folders[1:] if split else place.folders


def _word_of_its_own(clip: Clip) -> Clip:
    """Take `train/` or `valid/` with sound directly in it as the folder of a word, as those beside it are.

    As a part of the data set its clips would have no label, and nothing could be learned from them.
    """
    if clip.split in ("train", "valid"):
        return replace(clip, label=composed(printable(clip.path.parent.name)), split=None)
    return clip


# In the order of detection: the more a name must fulfil, the earlier.
_PARSERS: dict[str, Callable[[Place], Clip | None]] = {
    "speech_commands": _speech_commands_clip,
    "audiomnist": _audiomnist_clip,
    "fsdd": _fsdd_clip,
    "folders": _folders_clip,
    "speaker_folders": _speaker_folders_clip,
    "word_folders": _word_folders_clip,
}


def _parts_of(stem: str) -> tuple[str, str, str]:
    """Split LABEL_SPEAKER_TAKE from the right, since a label may hold `_`; three empty strings if it is not that."""
    parts = stem.rsplit("_", 2)
    if len(parts) != 3 or not (parts[0] and parts[1] and parts[2].isascii() and parts[2].isdecimal()):
        return "", "", ""
    return parts[0], parts[1], parts[2]


# -- what would be lost -----------------------------------------------------------------------------------------------


def said_of(laid: Laid, layout: str, left_out: LeftOut) -> tuple[str | None, str | None]:
    """Return the label and the speaker that a layout would read off something that is not used, None where it cannot.

    A folder counts as a sound in it would.
    """
    inside = _inside(left_out)
    parts = [printable(part) for part in laid.tree.parts(inside)]
    around = [printable(folder) for folder in laid.around]
    if parts[: len(around)] != around or {BACKGROUND, *REFUSED}.intersection(parts):
        return None, None
    place = _place(laid.tree, inside, laid.around)
    clip = _PARSERS[layout](place)
    if clip is not None:
        return clip.label, clip.speaker
    folders = [composed(folder) for folder in _split_and_folders(place)[1]]
    first = folders[0] if folders else None
    if layout == "audiomnist":
        return None, folders[-1] if folders else None
    if layout == "speaker_folders":
        return folders[1] if len(folders) > 1 else None, first
    if layout == "word_folders":
        return first, folders[1] if len(folders) > 1 else None
    return (folders[-1] if layout == "speech_commands" and folders else first if layout == "folders" else None), None


def _inside(left_out: LeftOut) -> str:
    """Return the path of what is left out, of a folder that of something in it."""
    is_folder = left_out.reason == "unreadable_folder" or (
        left_out.reason == "dangling_link" and not left_out.path.suffix
    )
    return str(left_out.path / "x") if is_folder else str(left_out.path)


# -- lists beside the recordings --------------------------------------------------------------------------------------


def _lists(tree: Tree, name: str) -> tuple[tuple[Path, ...], tuple[LeftOut, ...]]:
    """Find a list by its name: the one that lies highest is meant, others of that name are second copies."""
    stem, _, suffix = name.lower().rpartition(".")
    lists = [e.path for e in tree.passed if e.reason == "document" and e.path.name.lower().startswith(stem)]
    lists = [path for path in lists if path.name.lower().endswith(suffix)]
    found = sorted((p for p in lists if p.name.lower() == name.lower()), key=lambda p: (len(p.parts), str(p)))
    others = [path for path in lists if path not in found[:1]] if found else []
    return tuple(found[:1]), tuple(LeftOut(path, "second_list") for path in others)


def _read_people(path: Path) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Read AudioMNIST's description of its speakers; ages are text, nonsense or numbers, so all is kept as text."""
    try:
        people = json.loads(path.read_text(encoding="utf-8-sig"))
        return {str(k): {str(n): text_of(v) for n, v in p.items()} for k, p in people.items()}, []
    except (ValueError, AttributeError, OSError) as error:
        return {}, [f"{printable(path)} cannot be read ({error}): the speakers stay without attributes"]


def _read_list(path: Path) -> list[str]:
    """Read the names of a split's list, whatever wrote it: with `/` between folders, without `./` before them."""
    try:
        content = path.read_bytes()
        utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{printable(path)}: cannot be read as UTF-8 text ({error}); save it again as UTF-8"
        ) from error
    rows = (row.strip().strip('"').replace("\\", "/") for row in text.splitlines())
    return [str(PurePosixPath(row)) for row in rows if row]


def _list_key(name: str) -> tuple[str, str]:
    """Return what a list's name of a recording and its path have in common: the folder, and the file without suffix."""
    path = PurePosixPath(name)
    return composed(path.parent.name) or "", composed(path.stem) or ""
