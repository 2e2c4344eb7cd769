"""What lies in a folder, and what became of it: in one walk each file is a sound, or is passed over for a reason.

Nothing vanishes: :func:`entries` gives whatever lies below a folder, once. A name that ends as sounds do is a sound;
all else comes with its reason, one of :data:`REASONS`, and so does what may not be read, what links lead to nothing or
in circles, and what an operating system left. No file is opened here, and none is asked for more than its folder says
of it, links apart.
"""

from __future__ import annotations

import functools
import os
import stat
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from sutja import foreign
from sutja.audio import FOREIGN_SUFFIXES, KNOWN_SUFFIXES, SUFFIXES, printable
from sutja.clips import Clip
from sutja.errors import one_line

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx", ".xls", ".ods")
DOCUMENT_SUFFIXES = (
    *(".txt", ".md", ".rst", ".pdf", ".html", ".htm", ".doc", ".docx", ".odt", ".rtf", ".tex", ".bib", ".cff"),
    *(".png", ".jpg", ".jpeg", ".gif", ".svg", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".ico"),
    *(".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".xml", ".log", ".lock", ".db", ".sqlite"),
    *(".py", ".pyc", ".ipynb", ".sh", ".bat", ".ps1", ".js", ".css", ".r", ".m", ".c", ".h", ".cpp", ".java", ".pl"),
    *(".npy", ".npz", ".pt", ".pth", ".onnx", ".h5", ".hdf5", ".pkl", ".mat", ".arrow"),
    *(".textgrid", ".lab", ".trn", ".ctm", ".stm", ".srt", ".vtt", ".eaf", ".phn", ".wrd", ".scp", ".prompts"),
    *(".part", ".crc", ".m3u", ".pls", ".cue", ".sfk", ".asd", ".reapeaks", ".pkf", ".md5", ".sha256", ".url", ".lnk"),
)
"""Names of what is no recording: texts, pictures, programs, numbers, transcripts, what editors of sound leave."""
DOCUMENTS = frozenset(
    """
    _success _committed _started _metadata _common_metadata
    readme license licence copying notice authors contributors changelog citation makefile dockerfile version
    """.split()  # noqa: SIM905
)
"""Documents that have no suffix, in small letters."""

JUNK = frozenset(
    """
    .ds_store thumbs.db ehthumbs.db desktop.ini __macosx @eadir #recycle #snapshot $recycle.bin recycler lost+found
    .spotlight-v100 .trash .trashes .fseventsd .appledouble .appledesktop .temporaryitems .documentrevisions-v100
    .volumeicon.icns .localized .directory .thumbnails .dropbox .dropbox.cache .com.apple.timemachine.donotpresent
    .git .gitignore .gitattributes .gitkeep .gitmodules .svn .hg .dvc .dvcignore .datalad
    .ipynb_checkpoints __pycache__ .idea .vscode
    """.split()  # noqa: SIM905
) | {"system volume information", "network trash folder", "temporary items"}
"""What operating systems, stores and version control leave in folders, in small letters."""
JUNK_BEGINNINGS = ("._", "~$", ".~lock.", ".trash-", ".nfs", ".fuse_hidden", ".syncthing.", "icon\r")

REASONS = {
    "unreadable_folder": "folders may not be read",
    "needs_ffmpeg": "recordings need the extra ffmpeg (pip install 'sutja[ffmpeg]')",
    "no_file": "pipes, sockets or devices are not opened",
    "dangling_link": "links lead to nothing",
    "does_not_fit": "sound files do not fit and are left out",
    "unlisted": "sound files are in no table and are left out",
    "background_noise": "sound files of background noise hold no words and are left out",
    "hidden": "hidden files or folders are passed over",
    "unknown_kind": "files of no known kind are passed over",
    "second_name": "links lead to what is read by another name",
    "loop": "links lead back to a folder above them",
    "listed_and_missing": "names in lists match no file",
    "second_list": "second copies of a list are not read",
    "table": "tables are not read",
    "document": "documents and other files without sound are passed over",
    "empty": "folders are empty",
    "folder": "folders that a pattern matches are not entered",
    "junk": "files that operating systems leave are passed over",
}
"""Why something that lies in a folder is not used, in the order of a report, with what is said of so many of them."""
FOLDER = "folder"
N_NAMED = 3


@dataclass(frozen=True)
class LeftOut:
    """Something that is not used, and why; a folder stands for all that is in it."""

    path: Path
    reason: str
    """One of :data:`REASONS`."""

    @property
    def missed(self) -> bool:
        """Whether it may be a recording that somebody wants heard and that cannot be."""
        if self.reason in ("unreadable_folder", "needs_ffmpeg"):
            return True
        return self.reason in ("no_file", "dangling_link") and is_sound(self.path.name)


@dataclass(frozen=True)
class Contents:
    """What one layout found."""

    root: Path
    """The folder that the clips' names are relative to."""
    clips: list[Clip]
    notes: list[str]
    """What a reader of the data set should be told."""
    read: tuple[Path, ...] = ()
    """Files other than clips that were read: tables, lists, descriptions of speakers."""
    left_out: tuple[LeftOut, ...] = ()
    """What the layout itself knows of no use; what else is not used is found by :func:`sutja.dataset.scan`."""
    columns: tuple[str, ...] = ()
    """What the columns of tables were taken for, a line for each kind of table."""


@dataclass(frozen=True)
class Tree:
    """Whatever lies below a folder."""

    root: Path
    sounds: tuple[str, ...]
    """The sound files' paths, in the order of their names."""
    passed: tuple[LeftOut, ...]
    """All else, with its reason."""

    def parts(self, path: str | os.PathLike[str]) -> list[str]:
        """Split what follows the root in the path of something that lies below it: folders, and last its own name."""
        below = os.fspath(path)[len(os.path.join(self.root, "")) :]  # noqa: PTH118  keeps the last slash
        return below.split(os.sep)  # noqa: PTH206  of 100 000 files


def walk(root: Path) -> Tree:
    """Look through a folder, once."""
    sounds, passed = [], []
    for path, reason in entries(root):
        if reason:
            passed.append(LeftOut(Path(path), reason))
        else:
            sounds.append(path)
    return Tree(root, tuple(sounds), tuple(passed))


def entries(root: Path) -> Iterator[tuple[str, str]]:
    """Give whatever lies below a folder, in the order of names: its path, and why it is no sound; "" where it is one.

    Links are followed, and no file or folder comes twice: what lies below ``root`` under its own name does not come by
    a link as well. In memory are the names of one folder and of those above it.
    """
    links, folders = _Links(root), [_listed(root)]
    if folders[0] is None:
        yield os.fspath(root), "unreadable_folder"
    while folders and folders[-1] is not None:
        if not folders[-1]:
            folders.pop()
            continue
        entry = folders[-1].pop()
        reason = _reason(entry, links)
        if reason != FOLDER:
            yield entry.path, reason
            continue
        inside = _listed(entry.path)
        if inside:
            folders.append(inside)
        else:
            yield entry.path, "unreadable_folder" if inside is None else "empty"


@functools.cache
def readable_suffixes() -> tuple[str, ...]:
    """Return the names that sounds have which can be read here."""
    return KNOWN_SUFFIXES if foreign.is_installed() else SUFFIXES


def is_sound(name: str) -> bool:
    """Tell whether a file is a sound by its name, read here or not.

    >>> is_sound("Take 1.M4A"), is_sound("notes.txt")
    (True, False)
    """
    return name.lower().endswith(KNOWN_SUFFIXES)


def is_junk(name: str) -> bool:
    """Tell whether a name is one that an operating system leaves, and nobody's recording.

    >>> is_junk("._seven.wav"), is_junk(".seven.wav")
    (True, False)
    """
    small = name.lower()
    return small in JUNK or small.startswith(JUNK_BEGINNINGS)


def kind_of(name: str) -> str:
    """Say why a file is no sound, by its name; "" where it is one that can be read here.

    >>> kind_of("a.wav"), kind_of("a.csv"), kind_of("README"), kind_of("a.raw")
    ('', 'table', 'document', 'unknown_kind')
    """
    small = name.lower()
    if small.endswith(SUFFIXES):
        return ""
    if small.endswith(FOREIGN_SUFFIXES):
        return "" if small.endswith(readable_suffixes()) else "needs_ffmpeg"
    if small.endswith(TABLE_SUFFIXES):
        return "table"
    return "document" if small.endswith(DOCUMENT_SUFFIXES) or small in DOCUMENTS else "unknown_kind"


# -- what was passed over, for people ---------------------------------------------------------------------------------


class PassedOver:
    """Counts by reason what is not used, and keeps the first names: in memory that does not grow."""

    def __init__(self) -> None:
        self.missed = False
        """Whether any of it may be a recording that somebody wants heard."""
        self._counts: Counter[str] = Counter()
        self._names: dict[str, list[str]] = defaultdict(list)

    def add(self, left_out: LeftOut, name: str) -> None:
        """Count one, to be called by a name."""
        self.missed |= left_out.missed
        self._counts[left_out.reason] += 1
        if len(self._names[left_out.reason]) < N_NAMED:
            self._names[left_out.reason].append(name)

    def lines(self) -> list[str]:
        """Write a line for each reason: how many, why, the first names."""
        return [_line(reason, self._counts[reason], self._names[reason]) for reason in REASONS if self._counts[reason]]


def by_reason(left_out: Iterable[LeftOut], root: Path) -> dict[str, tuple[str, ...]]:
    """Return the names below ``root`` of what is not used, by reason, in the order of :data:`REASONS`."""
    names: dict[str, list[str]] = defaultdict(list)
    for each in left_out:
        names[each.reason].append(name_below(root, each.path))
    return {reason: tuple(names[reason]) for reason in REASONS if names[reason]}


def told(names: Mapping[str, Sequence[str]]) -> list[str]:
    """Write a line for each reason of what :func:`by_reason` returns."""
    return [_line(reason, len(each), each) for reason, each in names.items()]


def name_below(root: Path, path: Path) -> str:
    """Spell where something lies below a folder, with `/`; its whole path where it lies elsewhere."""
    place, above = os.fspath(path), os.path.join(root, "")  # noqa: PTH118  keeps the last slash
    return printable(place.removeprefix(above).replace(os.sep, "/"))


def _line(reason: str, n: int, names: Sequence[str]) -> str:
    more = f" and {n - N_NAMED} more" if n > N_NAMED else ""
    return f"{n} {REASONS[reason]}: {', '.join(map(one_line, names[:N_NAMED]))}{more}"


# -- the walk ---------------------------------------------------------------------------------------------------------


def _listed(folder: str | os.PathLike[str]) -> list[os.DirEntry[str]] | None:
    """Return what lies in a folder, the last name first; None where it may not be read."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=attrgetter("name"), reverse=True)
    except OSError:
        return None


def _reason(entry: os.DirEntry[str], links: _Links) -> str:
    """Say why an entry of a folder is no sound: "" where it is one, :data:`FOLDER` where it is to be entered."""
    name = entry.name
    if is_junk(name):
        return "junk"
    if name.startswith("."):
        return "hidden"
    try:
        if entry.is_symlink():
            return links.reason(entry)
        if entry.is_dir():
            return links.entered(entry.path)
        return kind_of(name) if entry.is_file() else "no_file"
    except OSError:  # gone, or its file system does not say what it is: who reads it will say why it cannot
        return kind_of(name)


class _Links:
    """Where links lead: what was reached by one before, what lies below the root under its own name, what is a loop."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._beyond: list[str] = []  # the links that lead to where the walk is now
        self._seen: set[tuple[int, int]] = set()

    def reason(self, entry: os.DirEntry[str]) -> str:
        """Say of a link what :func:`_reason` says of any entry."""
        try:
            found = entry.stat()
        except PermissionError:  # of a folder on the way
            return kind_of(entry.name)
        except OSError:  # a sound that is not there is told of as any other that cannot be read
            return kind_of(entry.name) and "dangling_link"
        target = os.path.realpath(entry.path)
        if stat.S_ISDIR(found.st_mode):
            return self._folder(entry, target, found)
        if not stat.S_ISREG(found.st_mode):
            return "no_file"
        kind = kind_of(entry.name)
        if kind:
            return kind
        if self._own(target) and not kind_of(target):
            return "second_name"
        return self._once(found, "")

    def entered(self, folder: str) -> str:
        """Say whether a folder that is no link is to be entered: one beyond the root may have been, by another link."""
        while self._beyond and not folder.startswith(self._beyond[-1]):
            self._beyond.pop()
        return self._once(os.stat(folder), FOLDER) if self._beyond else FOLDER  # noqa: PTH116

    def _folder(self, entry: os.DirEntry[str], target: str, found: os.stat_result) -> str:
        if _holds(target, os.path.realpath(os.path.dirname(entry.path))) or _holds(target, self._root):  # noqa: PTH120
            return "loop"
        if self._own(target):
            return "second_name"
        self._beyond.append(os.path.join(entry.path, ""))  # noqa: PTH118
        return self._once(found, FOLDER)

    def _own(self, target: str) -> bool:
        """Tell whether the walk comes to a place below the root without a link."""
        if not _holds(self._root, target):
            return False
        below = Path(target).relative_to(self._root).parts
        return not any(is_junk(part) or part.startswith(".") for part in below)

    def _once(self, found: os.stat_result, reason: str) -> str:
        key = (found.st_dev, found.st_ino)
        if key in self._seen:
            return "second_name"
        self._seen.add(key)
        return reason


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))  # noqa: PTH118
