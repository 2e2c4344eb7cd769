"""A folder of recorded takes: Hugging Face's audiofolder, written take by take, counted, and gone on with.

::

    my_words/metadata.csv             file_name,label,speaker,device,recorded
    my_words/lamp_on/anna_003.wav     16 bits, at the microphone's rate

The label is what the table says: a folder's name is as much of it as any file system takes. A recording says its label,
speaker, device and time itself as well, so that a take whose row a kill has cut off gets it back.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import soundfile

from sutja.audio import Waveform, decode, printable
from sutja.clips import REFUSED, SPLITS, alike, composed
from sutja.config import AudioConfig
from sutja.errors import AudioError, ConfigError, DatasetError, one_line
from sutja.files import cannot_write, replace_atomically, turn, write_text
from sutja.listening import digest
from sutja.pcm import to_pcm16

METADATA = "metadata.csv"
MADE_BY = "sutja record"
NAME_BYTES = 60
"""Of a folder's name: file systems take 255, and some tools less for a whole path."""
MOST_LETTERS = 100
"""Of a word or a name: more is a text that got there by accident, and no line shows it."""
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""What a URL's scheme becomes as the first part of a path; a drive has one letter."""
RESERVED = frozenset(("con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))))
"""What Windows calls devices."""


@dataclass(frozen=True)
class Entry:
    """A row of the table."""

    file_name: str
    label: str
    speaker: str
    device: str
    recorded: str
    """When: ISO 8601, with the difference from UTC."""


COLUMNS = tuple(field.name for field in fields(Entry))


def time_now() -> str:
    """Return what a take says of when it was recorded.

    >>> datetime.datetime.fromisoformat(time_now()).utcoffset() is not None
    True
    """
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def checked_words(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words to record, as labels are written.

    Raises
    ------
    ConfigError
        When there is none, one is blank or cannot be shown, or two are the same to a reader.

    >>> checked_words(["stop", " lamp on "])
    ('stop', 'lamp on')
    """
    labels = tuple(checked_name(word, "word") for word in words)
    if not labels:
        raise ConfigError("no words; expected those to record, for example: stop go 'lamp on'")
    twice = [label for label, n in Counter(labels).items() if n > 1]
    same = [(twice[0],) * 2] if twice else alike(labels)
    if same:
        raise ConfigError(f"{same[0][0]!r} and {same[0][1]!r} are the same word; give each word once")
    return labels


def checked_name(text: str, what: str) -> str:
    """Return a label or a speaker in Unicode's composed form.

    Raises
    ------
    ConfigError
        When it is blank, too long, holds what cannot be shown in a line, or can be no label.

    """
    name = composed(text)
    if name is None:
        raise ConfigError(f"a {what} is blank; expected letters; write it out")
    if one_line(name) != name:
        raise ConfigError(f"the {what} {one_line(name)} holds what cannot be shown in a line; write it in letters")
    if len(name) > MOST_LETTERS:
        raise ConfigError(f"a {what} has {len(name)} letters; expected at most {MOST_LETTERS}; shorten it")
    if what == "word" and name in REFUSED:
        raise ConfigError(f"{name} is what data sets call sounds that are no word; expected a word; choose another")
    return name


def safe_name(text: str, other: str) -> str:
    """Return as much of a name as every file system takes, and that means nothing to readers of folders.

    >>> [safe_name(text, "word") for text in ("lamp on", "불 켜", "a/b.wav", "Test")]
    ['lamp_on', '불_켜', 'a_b_wav', 'word_Test']
    >>> safe_name("../..", "word"), safe_name("nul", "word")
    ('word_0cfd1c', 'word_nul')
    """
    name = re.sub(r"[^\w-]+", "_", text).strip("_-")
    name = name.encode()[:NAME_BYTES].decode("utf-8", "ignore")
    if not name:
        return f"{other}_{hashlib.sha256(text.encode()).hexdigest()[:6]}"
    return f"{other}_{name}" if name.lower() in RESERVED or name.lower() in SPLITS else name


class Takes:
    """The takes of one speaker in a folder that may hold others' too.

    Parameters
    ----------
    folder
        New, empty, or written by this class.
    speaker
        Who speaks.

    Raises
    ------
    DatasetError
        When the folder is a file, or holds something else.
    RunError
        When it cannot be written to.

    """

    def __init__(self, folder: Path, speaker: str) -> None:
        self.folder, self.speaker = folder, checked_name(speaker, "speaker")
        self.notes: tuple[str, ...] = ()
        """What was mended in the table, in sentences."""
        _check_folder(folder)
        with self._turn():
            if not (folder / METADATA).exists():
                self._write([])
            self.notes = tuple(self._mended())

    def counts(self) -> Counter[str]:
        """Return how many takes of each label this speaker has."""
        return Counter(entry.label for entry in self._entries() if entry.speaker == self.speaker)

    def check_labels(self, labels: Sequence[str]) -> None:
        """Refuse a label that is there in another spelling.

        Raises
        ------
        ConfigError
            When one differs from one of the folder only for computers.

        """
        there = {entry.label for entry in self._entries()}
        for group in alike({*labels, *there}):
            new = [label for label in group if label in labels and label not in there]
            if new:
                old = next(label for label in group if label != new[0])
                raise ConfigError(f"{new[0]!r}: {printable(self.folder)} holds {old!r}; write it in the same way")

    def digests(self) -> set[str]:
        """Return the digest of every take of this speaker, as :func:`sutja.listening.digest` makes them."""
        found = set()
        for entry in self._entries():
            if entry.speaker == self.speaker:
                with contextlib.suppress(AudioError):  # one that somebody damaged is told when it is learned from
                    found.add(digest(decode(self.folder / entry.file_name, AudioConfig())[0]))
        return found

    def add(self, label: str, waveform: Waveform, sample_rate: int, *, device: str, recorded: str) -> Path:
        """Write a take, ``(n_samples,)``: its recording whole, then its row; return the recording's path.

        Raises
        ------
        RunError
            When the disk does not take it; nothing half-written stays.

        """
        with self._turn():
            path = self._free(label)
            entry = Entry(path.relative_to(self.folder).as_posix(), label, self.speaker, one_line(device), recorded)
            with replace_atomically(path) as draft:
                _write_wav(draft, waveform, sample_rate, entry)
            self._write([*self._entries(), entry])
        return path

    def remove(self, path: Path) -> None:
        """Take a take away again.

        Raises
        ------
        RunError
            When it cannot be taken away.

        """
        name = path.relative_to(self.folder).as_posix()
        with self._turn():
            try:
                path.unlink(missing_ok=True)  # first: a recording without a row would get it back
            except OSError as error:
                raise cannot_write(path, error) from error
            self._write([entry for entry in self._entries() if entry.file_name != name])

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One writer at a time: somebody else may record into the same folder."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        with turn(self.folder):
            yield

    def _free(self, label: str) -> Path:
        """Return a path that no file has: behind the last of this speaker."""
        folder, stem = self.folder / safe_name(label, "word"), safe_name(self.speaker, "speaker")
        numbers = [re.fullmatch(rf"{re.escape(stem)}_(\d+)", path.stem) for path in folder.glob("*")]
        last = max((int(found[1]) for found in numbers if found), default=0)
        return folder / f"{stem}_{last + 1:03d}.wav"

    def _entries(self) -> list[Entry]:
        text = _text_of(self.folder / METADATA)
        rows = list(csv.reader(io.StringIO(text, newline="")))
        if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
            raise _foreign(self.folder, f"{METADATA} is of another form")
        return [Entry(*row) for row in rows[1:]]

    def _write(self, entries: Iterable[Entry]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *(asdict(entry).values() for entry in entries)])
        write_text(self.folder / METADATA, text.getvalue())

    def _mended(self) -> Iterator[str]:
        """Make table and recordings fit each other, where a kill or a person has taken one of the two."""
        entries = self._entries()
        there = [entry for entry in entries if (self.folder / entry.file_name).is_file()]
        named = {entry.file_name for entry in there}
        recordings = (path for path in sorted(self.folder.glob("*/*.wav")) if not path.name.startswith("."))
        names = (path.relative_to(self.folder).as_posix() for path in recordings)
        found = [entry for name in names if name not in named and (entry := _entry_in(self.folder, name))]
        if len(there) < len(entries) or found:
            self._write([*there, *found])
        if len(there) < len(entries):
            yield f"{METADATA}: {len(entries) - len(there)} rows whose recordings are gone were taken out"
        if found:
            yield f"{METADATA}: {len(found)} recordings that had no row have one again"


def _check_folder(folder: Path) -> None:
    if SCHEME.fullmatch(folder.parts[0] if folder.parts else ""):
        raise DatasetError(
            f"{printable(folder)}: is a URL; expected a folder of this machine for the recordings; record here, and "
            "copy them then"
        )
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f"{printable(folder)}: is a file; expected a folder for the recordings; choose another name")
    # The folder first, the table then: whoever else begins here at this moment writes the table before anything else.
    holds = folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())
    if holds and not (folder / METADATA).exists():
        raise _foreign(folder, f"holds files and no {METADATA} of this command")


def _foreign(folder: Path, found: str) -> DatasetError:
    return DatasetError(
        f"{printable(folder)}: {found}; expected a new folder, or one whose {METADATA} has the columns "
        f"{','.join(COLUMNS)}; choose another for --out"
    )


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # as spreadsheets save it
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{printable(path)}: cannot be read ({error}); expected UTF-8; save it again so") from error


def _write_wav(path: Path, waveform: Waveform, sample_rate: int, entry: Entry) -> None:
    """Write a recording that says itself what it is: a row that is lost can be made again of it."""
    with (
        path.open("wb") as file,
        soundfile.SoundFile(file, "w", sample_rate, 1, subtype="PCM_16", format="WAV") as sound,
    ):
        sound.title, sound.artist, sound.comment = entry.label, entry.speaker, entry.device
        sound.date, sound.software = entry.recorded, MADE_BY
        sound.write(to_pcm16(waveform))


def _entry_in(folder: Path, name: str) -> Entry | None:
    """Read from a recording what it says of itself; None where it is none of ours."""
    try:
        with (folder / name).open("rb") as file, soundfile.SoundFile(file) as sound:
            if sound.software.startswith(MADE_BY) and sound.title and sound.artist:
                return Entry(name, sound.title, sound.artist, sound.comment, sound.date)
    except (OSError, soundfile.SoundFileError):
        return None
    return None
