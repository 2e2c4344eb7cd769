"""Takes of words out of a stream of sound: asked for one after the other, judged, asked for again where they are bad.

Knows no microphone, no keys and no files. Blocks of float32 ``(n_samples,)`` go in, typed events come out; they do not
depend on how the stream is cut. Where a word begins and ends :mod:`sutja.endpoints` says, as when words are recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sutja.audio import Waveform
from sutja.config import Config
from sutja.endpoints import EndpointConfig, EndpointDetector, SpeechSegment
from sutja.listening import digest, find_problems
from sutja.pcm import from_pcm16, to_pcm16
from sutja.speech import QUIETEST_DBFS, levels_of

QUIET_DB = -40.0
"""Peak, dBFS: AudioMNIST, the quietest corpus we know, peaks at about so much."""
MIN_TAKE_SECONDS = 0.15
"""Of 1500 words of three corpora at most one in 200 is shorter; keys, knocks and cut-off words are."""
PATIENCE_SECONDS = 5.0
"""For a word that was asked for."""

Fault = Literal["clipped", "too_quiet", "silent", "too_short", "too_long", "lost", "again"]

ADVICE: dict[Fault, str] = {
    "clipped": "clipped: go further away, or turn the microphone down",
    "too_quiet": "too quiet: come nearer, or turn the microphone up",
    "silent": "nothing was heard: speak up, and look whether the microphone is on and allowed",
    "too_short": "too short for a word: a click, or cut off",
    "too_long": "too long for a word: a hum or music, or several words without a pause",
    "lost": "sound was lost meanwhile: close what keeps this machine busy",
    "again": "the same recording is there already: passed over",
}
"""What is wrong with a take, and what to do."""


@dataclass(frozen=True)
class Ask:
    """What is to be said now."""

    label: str
    take: int
    """Counted from 1, over all that are there."""
    n_takes: int


@dataclass(frozen=True)
class Take:
    """A word that was said well."""

    label: str
    waveform: Waveform
    """With its margins, ``(n_samples,)``, in steps of 16 bits: what a file will hold."""
    peak_dbfs: float
    start: float
    """Seconds from the beginning of the stream."""
    end: float


@dataclass(frozen=True)
class Refusal:
    """A sound that was not taken; the same is asked for again."""

    label: str
    fault: Fault
    peak_dbfs: float
    start: float

    @property
    def advice(self) -> str:
        """What is wrong, and what to do."""
        return ADVICE[self.fault]


Event = Take | Refusal


def peak_dbfs(waveform: Waveform) -> float:
    """Return the peak of a waveform, dBFS, to a tenth.

    >>> peak_dbfs(np.array([0.1, -0.5], dtype=np.float32))
    -6.0
    """
    peak = np.float64(np.abs(waveform).max(initial=0))
    return round(float(levels_of(peak**2, QUIETEST_DBFS)), 1)


def fault_of(
    waveform: Waveform, sample_rate: int, seconds: float, config: EndpointConfig | None = None
) -> Fault | None:
    """Judge a take, ``(n_samples,)``, of which so many seconds are the word; None where it is good.

    >>> fault_of(np.full(800, 0.001, dtype=np.float32), 8_000, 0.1)
    'too_short'
    """
    if seconds < MIN_TAKE_SECONDS:
        return "too_short"
    if seconds >= (config or EndpointConfig()).max_seconds:
        return "too_long"
    if any(kind == "clipped" for kind, _ in find_problems(waveform[:, None], sample_rate, Config())):
        return "clipped"
    return "too_quiet" if peak_dbfs(waveform) < QUIET_DB else None


class TakeLoop:
    """Asks for takes, word by word, and cuts them out of a stream.

    Parameters
    ----------
    labels
        The words, in the order in which they are asked for.
    n_takes
        Of each.
    sample_rate
        Of the stream, Hz.
    n_there
        How many of each are there already.
    known
        Digests of recordings that are there: an input that is heard again from its beginning gives no take twice.
    hands_free
        Go from take to take without being told; else :meth:`arm` asks for each.

    """

    def __init__(  # noqa: PLR0913  what there is, and how it is gone on with
        self,
        labels: Sequence[str],
        n_takes: int,
        sample_rate: int,
        *,
        n_there: Mapping[str, int] | None = None,
        known: Iterable[str] = (),
        hands_free: bool = True,
    ) -> None:
        self.labels, self.n_takes, self.sample_rate = tuple(labels), n_takes, sample_rate
        self._n_there = {label: (n_there or {}).get(label, 0) for label in self.labels}
        self._known, self._hands_free = set(known), hands_free
        self._config = EndpointConfig()
        self._before = 0.0  # seconds of the stream before the detector's beginning
        self._detector = EndpointDetector(sample_rate, self._config)
        self._n_heard = 0
        self._since: float | None = 0.0 if hands_free else None  # when the take was asked for; None: it is not
        self._was_told = False  # of silence, since then

    @property
    def ask(self) -> Ask | None:
        """What is to be said; None when all is there."""
        for label in self.labels:
            if self._n_there[label] < self.n_takes:
                return Ask(label, self._n_there[label] + 1, self.n_takes)
        return None

    @property
    def missing(self) -> dict[str, int]:
        """How many takes are missing of each label that lacks any."""
        return {label: self.n_takes - n for label, n in self._n_there.items() if n < self.n_takes}

    @property
    def is_armed(self) -> bool:
        """Whether the next word counts."""
        return self._since is not None

    @property
    def seconds(self) -> float:
        """Of the stream so far."""
        return self._n_heard / self.sample_rate

    def arm(self) -> None:
        """Ask for a take: the next word that begins counts."""
        self._since, self._was_told = self.seconds, False

    def pass_over(self, seconds: float = 0.0) -> None:
        """Take nothing that begins within so many seconds from here: what a loudspeaker says is no take."""
        if self._since is not None:
            self._since = self.seconds + seconds

    def put_back(self, label: str) -> None:
        """Ask for a take of this word once more: the last one was taken away."""
        self._n_there[label] -= 1

    def feed(self, block: Waveform) -> list[Event]:
        """Take the next samples, ``(n_samples,)``, and return what has become known."""
        step = max(1, self.sample_rate // 10)  # silence is told at a tenth of a second, however the stream is cut
        events: list[Event] = []
        while len(block):
            n = step - self._n_heard % step
            part, block = block[:n], block[n:]
            self._n_heard += len(part)
            for segment in self._detector.feed(part):
                events += self._judged(segment)
            if self._n_heard % step == 0:
                events += self._silence()
        return events

    def flush(self) -> list[Event]:
        """Say that the stream has ended, and return what was being said."""
        return [event for segment in self._detector.flush() for event in self._judged(segment)]

    def lose(self) -> list[Event]:
        """Say that sound was lost here: a take that was asked for is asked for again."""
        ask = self.ask
        self._before, self._detector = self.seconds, EndpointDetector(self.sample_rate, self._config)
        if self._since is None or ask is None:
            return []
        self._since = self.seconds if self._hands_free else None
        return [Refusal(ask.label, "lost", QUIETEST_DBFS, self.seconds)]

    def _judged(self, segment: SpeechSegment) -> Iterator[Event]:
        ask, start = self.ask, self._before + segment.start
        if ask is None or self._since is None or start < self._since:
            return
        waveform = from_pcm16(to_pcm16(segment.waveform).astype("<i2").tobytes())
        seconds = segment.end - segment.start
        fault, peak = fault_of(waveform, self.sample_rate, seconds, self._config), peak_dbfs(waveform)
        is_again = digest(waveform[:, None]) in self._known
        self._since = self._before + segment.end if self._hands_free else None
        self._was_told = False
        if fault is not None or is_again:
            yield Refusal(ask.label, fault or "again", peak, start)
            return
        self._known.add(digest(waveform[:, None]))
        self._n_there[ask.label] += 1
        yield Take(ask.label, waveform, peak, start, self._before + segment.end)

    def _silence(self) -> Iterator[Event]:
        """Tell once that a word which was asked for does not come."""
        ask = self.ask
        if ask is None or self._since is None or self._was_told or self.seconds < self._since + PATIENCE_SECONDS:
            return
        self._was_told = True
        yield Refusal(ask.label, "silent", QUIETEST_DBFS, self.seconds)
        if not self._hands_free:
            self._since = None
