"""A folder of takes that words are taught from while it grows: what the page and the service stand on.

Every take is judged before it is kept, embedded once, and can be heard and taken away. Teaching says how good the words
are and what to do next, and changes nothing that is in use: who asks the old model goes on asking it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from sutja.audio import Waveform, decode, load_waveform, printable
from sutja.clips import Clip
from sutja.config import AudioConfig
from sutja.dataset import scan
from sutja.errors import AudioError, DatasetError
from sutja.heads import Embeddings
from sutja.predictor import Predictor
from sutja.recording import ADVICE, Fault, fault_of, peak_dbfs
from sutja.speech import SPLICE_DB, spoken_part
from sutja.takes import METADATA, Takes, checked_name, time_now
from sutja.teaching import Lesson, Taught, check_body, judged_by
from sutja.teaching import Takes as HeardTakes

LONGEST_SECONDS = 10.0
DEVICE = "page"


@dataclass(frozen=True)
class KeptTake:
    """A take of the folder."""

    name: str
    """Of its file below the folder, with `/`."""
    label: str
    speaker: str
    seconds: float
    peak_dbfs: float


@dataclass(frozen=True)
class Confused:
    """A take that a head which did not learn from it took for another word."""

    name: str
    """Of the take."""
    label: str
    heard: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of teaching."""

    model: Taught
    confused: tuple[Confused, ...]


@dataclass(frozen=True, eq=False)
class _Heard:
    """What was made of a take."""

    state: tuple[int, int]
    """Of its file: when it was changed, and its size."""
    embedding: Embeddings
    take: KeptTake


class TakeRefused(ValueError):  # noqa: N818  the take is refused, nothing went wrong
    """A take that would teach nothing: what is wrong with it, and what to do."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(ADVICE[fault])
        self.fault = fault


class Workshop:
    """A folder of takes and the body that they are taught on.

    Parameters
    ----------
    folder
        New, empty, or one that `sutja record` or this class has written.
    body
        A model that words can be taught on.

    Raises
    ------
    BundleError
        When they cannot.
    DatasetError
        When the folder holds something else.

    """

    def __init__(self, folder: Path, body: Predictor) -> None:
        check_body(body)
        Takes(folder, "nobody")  # makes the folder, or says why it is none
        self.folder, self.body = folder, body
        self._heard: dict[str, _Heard] = {}
        self._lock = threading.Lock()

    def takes(self) -> list[KeptTake]:
        """List what is there, word by word; what was recorded beside the page is there too."""
        return [heard.take for _, heard in self._all()]

    def add(self, label: str, speaker: str, recording: bytes) -> KeptTake:
        """Judge a take and keep it.

        Raises
        ------
        TakeRefused
            When it would teach nothing.
        AudioError
            When it is no sound.
        ConfigError
            When the label or the speaker is none.

        """
        label, speaker = checked_name(label, "word"), checked_name(speaker, "speaker")
        samples, rate = decode(recording, AudioConfig(max_seconds=LONGEST_SECONDS))
        waveform: Waveform = samples.mean(axis=1).astype(np.float32)
        fault = _fault(waveform, rate)
        if fault is not None:
            raise TakeRefused(fault)
        folder = Takes(self.folder, speaker)
        folder.check_labels([label])
        path = folder.add(label, waveform, rate, device=DEVICE, recorded=time_now())
        return self._one(path.relative_to(self.folder).as_posix())

    def remove(self, name: str) -> None:
        """Take a take away.

        Raises
        ------
        DatasetError
            When there is none of that name.

        """
        Takes(self.folder, "nobody").remove(self.path(name))
        self._heard.pop(name, None)

    def path(self, name: str) -> Path:
        """Return where a take lies.

        Raises
        ------
        DatasetError
            When there is none of that name.

        """
        if name not in {clip.name for clip in self._clips()}:
            raise DatasetError(f"take {printable(name)}: is not there; expected one of those that are listed")
        return self.folder / PurePosixPath(name)

    def teach(self, lesson: Lesson | None = None) -> Outcome:
        """Teach all that is there; about a second.

        Raises
        ------
        DatasetError
            When there are fewer than two words, or one recording alone of one.

        """
        there = self._all()
        if not there:
            raise DatasetError("no takes; expected two or more of two words or more; record some")
        rows = np.array([heard.embedding for _, heard in there], dtype=np.float32)
        model, judged = judged_by(HeardTakes(tuple(clip for clip, _ in there), rows), self.body, lesson or Lesson())
        heard = [model.labels[target] for target in judged.probabilities.argmax(axis=1)]
        found = (Confused(clip.name, str(clip.label), word) for (clip, _), word in zip(there, heard, strict=True))
        return Outcome(model, tuple(take for take in found if take.heard != take.label))

    def _clips(self) -> tuple[Clip, ...]:
        table = (self.folder / METADATA).read_text(encoding="utf-8")
        return scan(self.folder).labelled if len(table.splitlines()) > 1 else ()

    def _all(self) -> list[tuple[Clip, _Heard]]:
        with self._lock:
            return [(clip, self._hear(clip)) for clip in self._clips()]

    def _one(self, name: str) -> KeptTake:
        return next(heard.take for clip, heard in self._all() if clip.name == name)

    def _hear(self, clip: Clip) -> _Heard:
        """Embed a take, once."""
        found = clip.path.stat()
        state = (found.st_mtime_ns, found.st_size)
        known = self._heard.get(clip.name)
        if known is None or known.state != state:
            (embedding,) = self.body.embed_many([clip.source])
            if isinstance(embedding, AudioError):
                raise embedding
            audio = self.body.bundle.audio
            waveform = load_waveform(clip.source, audio)
            seconds = round(len(waveform) / audio.sample_rate, 2)
            take = KeptTake(clip.name, str(clip.label), clip.speaker or "", seconds, peak_dbfs(waveform))
            known = self._heard[clip.name] = _Heard(state, embedding, take)
        return known


def _fault(waveform: Waveform, sample_rate: int) -> Fault | None:
    """Judge a take that was sent whole; None where it is good."""
    if not np.abs(waveform).max(initial=0) > 0:
        return "silent"
    return fault_of(waveform, sample_rate, len(spoken_part(waveform, sample_rate, below_db=SPLICE_DB)) / sample_rate)
