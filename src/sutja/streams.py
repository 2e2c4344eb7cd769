"""Words in a stream of sound: a recogniser takes it in chunks of any size and gives typed events.

::

    recogniser = IsolatedWords(predictor, sample_rate=48_000)
    events = recogniser.feed(chunk)     # as often as there is sound
    events += recogniser.flush()        # when it has ended

Times are seconds from the beginning of the stream. Events come in the order in which they become known, and do not
depend on how the stream is cut into chunks; so a file (:func:`words_in`) and a microphone cannot differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sutja.audio import Source, Waveform, checked_chunk, open_stream
from sutja.endpoints import EndpointConfig, EndpointDetector, SpeechSegment
from sutja.errors import AudioError
from sutja.predictor import Prediction, Predictor
from sutja.speech import dbfs, samples_in

LEVEL_SECONDS = 0.1


@dataclass(frozen=True)
class Level:
    """How loud a stretch of the stream was: for a meter."""

    start: float
    """Seconds from the beginning of the stream."""
    end: float
    dbfs: float
    """0 is the power of a full-scale square wave, -120 digital silence."""


@dataclass(frozen=True, kw_only=True)
class Word(Prediction):
    """A word and where it was said; one that was refused, with the label None, is sound that is no word of these."""

    start: float
    """Seconds from the beginning of the stream."""
    end: float


Event = Level | Word
"""More kinds may come (a word that is still being said): pass over what you do not know."""


class Recogniser(Protocol):
    """What a stream of single words is fed to; :class:`sutja.SpokenStrings` has the same form and its own events.

    Whoever implements it promises that all events together are the same however the stream is cut into chunks.
    """

    def feed(self, waveform: Waveform) -> list[Event]:
        """Take the next samples, float32 ``(n_samples,)`` in [-1, 1]; return what has become known.

        Raises
        ------
        AudioError
            When they are no such samples; nothing of them was heard, and the stream can go on.

        """
        ...

    def flush(self) -> list[Event]:
        """Say that the stream has ended; return what remained. What is fed after that is a new stream, from 0 s."""
        ...


class Levels:
    """Measures how loud a stream is, a :class:`Level` every tenth of a second.

    Parameters
    ----------
    sample_rate
        Of the stream, Hz.

    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate, self._n_level = sample_rate, samples_in(LEVEL_SECONDS, sample_rate)
        self._pending = np.zeros(0, dtype=np.float32)
        self._n_levels = 0

    def feed(self, waveform: Waveform) -> list[Level]:
        """Take the next samples; return the tenths of a second that are now whole."""
        pending, n = np.concatenate([self._pending, waveform]), self._n_level
        n_new = len(pending) // n
        if n_new == 0:
            self._pending = pending
            return []
        numbers = range(self._n_levels, self._n_levels + n_new)
        self._pending, self._n_levels = pending[n_new * n :].copy(), self._n_levels + n_new
        return [
            Level(number * n / self.sample_rate, (number + 1) * n / self.sample_rate, dbfs(block))
            for number, block in zip(numbers, pending[: n_new * n].reshape(n_new, n), strict=True)
        ]


class IsolatedWords:
    """Recognises words with pauses between them: a :class:`Recogniser`.

    A :class:`Level` every tenth of a second, and a :class:`Word` a quarter of a second after each word has ended.
    Memory does not grow with the stream. For one stream, and one thread at a time.

    Parameters
    ----------
    predictor
        That is asked about each word.
    sample_rate
        Of the stream, Hz.
    config
        What counts as a word.

    Raises
    ------
    AudioError
        When the sample rate is too low to hear voices.

    """

    def __init__(self, predictor: Predictor, sample_rate: int, config: EndpointConfig | None = None) -> None:
        self.predictor = predictor
        self.sample_rate = sample_rate
        self.config = config or EndpointConfig()
        least = 2 * self.config.fmin
        if not least < sample_rate < math.inf:
            raise AudioError(
                "stream",
                f"sample rate {sample_rate} Hz; expected more than {least:g} Hz, twice the lowest frequency "
                "that is listened to; give the rate at which the sound was recorded",
            )
        self._begin()

    def feed(self, waveform: Waveform) -> list[Event]:
        """Take the next samples, float32 ``(n_samples,)`` in [-1, 1]; none is allowed. Return what has become known.

        Raises
        ------
        AudioError
            When they are no such samples; nothing of them was heard, and the stream can go on. When the model takes no
            clips as short or as long as a word was; what this chunk had brought is lost, and the stream can go on.

        """
        waveform = checked_chunk(waveform)
        segments, levels = self._detector.feed(waveform), self._levels.feed(waveform)
        known: list[tuple[float, Event]] = [(segment.known, self._recognised(segment)) for segment in segments]
        known += [(level.end, level) for level in levels]
        return [event for _, event in sorted(known, key=lambda pair: pair[0])]

    def flush(self) -> list[Event]:
        """Say that the stream has ended; return the word that was being said. The next chunk begins a new stream.

        Raises
        ------
        AudioError
            When the model takes no clips as short as the word was.

        """
        segments = self._detector.flush()
        self._begin()
        return [self._recognised(segment) for segment in segments]

    def _begin(self) -> None:
        self._detector = EndpointDetector(self.sample_rate, self.config)
        self._levels = Levels(self.sample_rate)

    def _recognised(self, segment: SpeechSegment) -> Word:
        prediction = self.predictor.predict(segment.waveform, sample_rate=self.sample_rate, several=False)
        return Word(**vars(prediction), start=segment.start, end=segment.end)


def words_in(
    predictor: Predictor, source: Source, *, sample_rate: int | None = None, config: EndpointConfig | None = None
) -> tuple[Word, ...]:
    """Return the words in a recording of any length, as a stream of it gives them.

    Parameters
    ----------
    predictor
        That is asked about each word.
    source
        A path, the bytes of a file, an open binary file, or samples.
    sample_rate
        Of samples, Hz; the model's own when not given. Files say their own.
    config
        What counts as a word.

    Raises
    ------
    AudioError
        When the recording cannot be used.

    """
    given = predictor.bundle.audio.sample_rate if sample_rate is None else sample_rate
    with open_stream(source, given) as (rate, chunks):
        recogniser = IsolatedWords(predictor, rate, config)
        words = [event for chunk in chunks for event in recogniser.feed(chunk) if isinstance(event, Word)]
    return (*words, *(event for event in recogniser.flush() if isinstance(event, Word)))
