"""Where in a stream of sound a word begins and ends: by its energy above a noise floor that follows the room.

Waveforms are float32 ``(n_samples,)`` at the stream's own rate, times seconds from its beginning, levels dBFS. What is
found does not depend on how the stream is cut into chunks, to the last bit, and a detector's memory does not grow.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.speech import QUIETEST_DBFS, levels_of


@dataclass(frozen=True)
class EndpointConfig:
    """What counts as a word."""

    hop_seconds: float = 0.01
    """From frame to frame; a frame is twice as long."""
    fmin: float = 120.0
    """Hz. Below is hum, wind and the direct current of cheap microphones."""
    fmax: float = 7_000.0
    """Hz. Above is more noise than voice."""
    floor_seconds: float = 3.0
    """The noise floor is what ``floor_share`` of the frames so far back stay below."""
    floor_share: float = 0.2
    """Small, since people who say one digit after the other are silent for a third of the time."""
    quietest_floor_dbfs: float = -65.0
    """Microphones that send zeros between words would make a word of every crackle."""
    first_floor_dbfs: float = -55.0
    """What the floor is until a third of a second was heard: a stream may begin with a word."""
    enter_db: float = 10.0
    """Above the floor, for a word to begin ..."""
    stay_db: float = 6.0
    """... and to go on."""
    enter_seconds: float = 0.03
    """Shorter bursts begin nothing: clicks, keys."""
    hang_seconds: float = 0.25
    """Silence that ends a word: the stop in "eight" and "six" takes up to 0.15 s."""
    min_seconds: float = 0.1
    """Shorter ones are no words."""
    max_seconds: float = 2.0
    """Longer ones are cut: nobody says a word that long."""
    margin_seconds: float = 0.1
    """Given with a word on both sides: weak first and last sounds (f, th) lie below the threshold."""


@dataclass(frozen=True)
class SpeechSegment:
    """A stretch of sound that is probably one word; which one, nobody has said yet."""

    start: float
    """Seconds from the beginning of the stream."""
    end: float
    known: float
    """When it was clear that the word had ended: later than ``end``, by the silence that ends a word."""
    waveform: Waveform
    """What was said with its margins, ``(n_samples,)``."""


class EndpointDetector:
    """Takes a stream in chunks of any size and gives the stretches of speech in it.

    Parameters
    ----------
    sample_rate
        Of the stream, Hz.
    config
        What counts as a word.

    Examples
    --------
    >>> time = np.arange(8_000) / 8_000
    >>> beep = (0.5 * np.sin(2 * np.pi * 500 * time) * ((time > 0.3) & (time < 0.6))).astype(np.float32)
    >>> detector = EndpointDetector(8_000)
    >>> [(round(segment.start, 1), round(segment.end, 1)) for segment in detector.feed(beep)]
    [(0.3, 0.6)]

    """

    def __init__(self, sample_rate: int, config: EndpointConfig | None = None) -> None:
        self.sample_rate = sample_rate
        self.config = config = config or EndpointConfig()
        self._hop = max(1, round(config.hop_seconds * sample_rate))
        self._window = np.hanning(2 * self._hop + 1)[:-1]
        self._window_power = len(self._window) * np.square(self._window).sum()
        frequencies = np.fft.rfftfreq(2 * self._hop, 1 / sample_rate)
        # A slice and no mask: a mask changes the order in which numpy adds up, with the number of frames in a chunk.
        self._heard_bins = slice(*np.searchsorted(frequencies, (config.fmin, np.nextafter(config.fmax, np.inf))))
        self._buffer = np.zeros(0, dtype=np.float32)
        self._first = 0  # the buffer's first sample, from the beginning of the stream
        self._n_frames = 0
        self._n_floor = round(config.floor_seconds / config.hop_seconds)
        self._levels = deque([config.first_floor_dbfs] * max(1, self._n_floor // 40))
        self._sorted = list(self._levels)
        self._loud_frames = 0  # in a row, before a word begins
        self._begun: int | None = None  # the word's first frame
        self._last_loud = 0
        self._word_levels: list[float] = []  # dBFS

    def feed(self, chunk: Waveform) -> list[SpeechSegment]:
        """Take the next samples, ``(n_samples,)``, and return what has ended."""
        self._buffer = np.concatenate([self._buffer, chunk])
        segments = list(self._follow(self._new_levels()))
        self._forget()
        return segments

    def flush(self) -> list[SpeechSegment]:
        """Say that the stream has ended, and return what was being said."""
        segment = self._ended(self._first + len(self._buffer))
        return [] if segment is None else [segment]

    @property
    def noise_floor(self) -> float:
        """Of the room, dBFS."""
        level = self._sorted[int(self.config.floor_share * (len(self._sorted) - 1))]
        return max(level, self.config.quietest_floor_dbfs)

    def _note(self, level: float) -> None:
        """Add a frame's level to those that the noise floor is made of; the oldest one leaves."""
        if len(self._levels) == self._n_floor:
            del self._sorted[bisect.bisect_left(self._sorted, self._levels.popleft())]
        self._levels.append(level)
        bisect.insort(self._sorted, level)

    def _new_levels(self) -> NDArray[np.float64]:
        """Return the level of every frame that is now whole, dBFS, ``(n_frames,)``."""
        start = self._n_frames * self._hop - self._first
        n_hops = (len(self._buffer) - start) // self._hop
        if n_hops < 2:
            return np.zeros(0)
        hops = self._buffer[start : start + n_hops * self._hop].reshape(n_hops, self._hop)
        frames = np.concatenate([hops[:-1], hops[1:]], axis=1)  # (n_frames, 2 hops)
        spectrum = np.fft.rfft(frames * self._window)[:, self._heard_bins]
        # Parseval, for the half of the spectrum that rfft gives
        power = 2 * np.square(np.abs(spectrum)).sum(axis=1) / self._window_power
        return levels_of(power, QUIETEST_DBFS)

    def _follow(self, levels: NDArray[np.float64]) -> Iterator[SpeechSegment]:
        for level in levels:
            self._note(float(level))
            segment = self._step(float(level))
            self._n_frames += 1
            if segment is not None:
                yield segment

    def _step(self, level: float) -> SpeechSegment | None:
        """Go on by one frame; what was said, when it ends here."""
        config, frame = self.config, self._n_frames
        if self._begun is None:
            self._loud_frames = self._loud_frames + 1 if level >= self.noise_floor + config.enter_db else 0
            if self._loud_frames * config.hop_seconds >= config.enter_seconds:
                self._begun, self._last_loud = frame - self._loud_frames + 1, frame
                self._word_levels = list(self._levels)[-self._loud_frames :]
                self._loud_frames = 0
            return None
        self._word_levels.append(level)
        if level >= self.noise_floor + config.stay_db:
            self._last_loud = frame
        silent, since = frame - self._last_loud, frame - self._begun
        if silent * config.hop_seconds >= config.hang_seconds or since * config.hop_seconds >= config.max_seconds:
            return self._ended((frame + 2) * self._hop)  # what this frame ends with: a chunk may hold more
        return None

    def _ended(self, n_known: int) -> SpeechSegment | None:
        """Cut the word out of the first ``n_known`` samples, and leave out of it what has turned out to be the room."""
        if self._begun is None:
            return None
        begun, self._begun = self._begun, None
        levels = np.array(self._word_levels[: self._last_loud - begun + 1])
        loud = np.flatnonzero(levels >= self.noise_floor + self.config.stay_db)
        if not len(loud) or levels.max() < self.noise_floor + self.config.enter_db:
            return None
        first, last = (begun + int(loud[0])) * self._hop, (begun + int(loud[-1]) + 2) * self._hop  # a frame: two hops
        if last - first < self.config.min_seconds * self.sample_rate:
            return None
        margin = round(self.config.margin_seconds * self.sample_rate)
        start, stop = max(0, first - margin - self._first), min(last + margin, n_known) - self._first
        begin, end, known = (n / self.sample_rate for n in (first, last, n_known))
        return SpeechSegment(begin, end, known, self._buffer[start:stop].copy())

    def _forget(self) -> None:
        """Let go of what no word can begin in."""
        frame = self._n_frames - self._loud_frames if self._begun is None else self._begun
        keep = frame * self._hop - round(self.config.margin_seconds * self.sample_rate)
        if keep > self._first:
            self._buffer = self._buffer[keep - self._first :].copy()
            self._first = keep
