"""Strings of words in a stream of sound: a recogniser takes it in chunks of any size and gives typed events.

::

    recogniser = SpokenStrings(predictor.strings, sample_rate=48_000)
    events = recogniser.feed(chunk)     # as often as there is sound
    events += recogniser.flush()        # when it has ended

Every number comes out of steps of 80 ms, so that events do not depend on how the stream is cut into chunks. What is
given as a :class:`SpokenWord` stands; a :class:`Partial` may still change.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from sutja.audio import Waveform, checked_chunk
from sutja.errors import AudioError
from sutja.features import Features
from sutja.speech import samples_in
from sutja.strings.competition import EDGE, Competition, SecondOpinion
from sutja.strings.decoder import Decoder, Heard
from sutja.strings.frontend import SAMPLE_RATE, STEP_SAMPLES, FrontEnd
from sutja.strings.grammar import Grammar, any_string
from sutja.strings.model import StringModel
from sutja.strings.network import STEP_OUTPUTS, FrameNetwork
from sutja.strings.talk import Talk
from sutja.strings.units import OUTPUT_SECONDS

STRING_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 3.0
"""Of silence end a string; so much one that the grammar does not let end yet."""
LEAST_RATE = 4_000  # Hz: voices
OUTPUT_SAMPLES = samples_in(OUTPUT_SECONDS, SAMPLE_RATE)
MOST_KEPT = 1_000
"""Answers that are kept for words that are not settled: 20 s."""
PAD = 5
"""Outputs around a word that the second opinion hears as well, where nothing else is said in them."""
N_BEST = 5
LEAST_ALTERNATIVE = 1e-4
"""Alternatives of a word that are less probable are not combined to strings."""
LEAST_PROBABILITY = 1e-12
"""Of a word that was heard."""
UNKNOWN = "?"
"""What stands in a string's text for a word that was refused."""


@dataclass(frozen=True)
class SpokenWord:
    """A word of a string and when it was; it stands."""

    label: str | None
    """None where it was refused: it is probably no word of the vocabulary."""
    probability: float
    """Of the most probable label, also of a refused word."""
    probabilities: dict[str, float]
    """Of every label; they fall short of 1 by the probability that it is no word of these."""
    start: float
    """Seconds from the beginning of the stream."""
    end: float

    @property
    def most_probable(self) -> str:
        """The label, also that of a refused word."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


@dataclass(frozen=True)
class Alternative:
    """A string that it may have been as well."""

    labels: tuple[str, ...]
    probability: float


@dataclass(frozen=True)
class SpokenString:
    """A string: words with no pause of half a second between them, or as many as were asked for."""

    words: tuple[SpokenWord, ...]
    complete: bool = True
    """Whether it is a string that was asked for; one that ended too early is not."""
    alternatives: tuple[Alternative, ...] = ()
    """The most probable first; it is the string itself."""

    @property
    def text(self) -> str:
        """The labels: one after the other where each is one character, else with spaces between them."""
        return joined([word.label for word in self.words])

    @property
    def probability(self) -> float:
        """That every word of it is right."""
        return math.prod(word.probability for word in self.words)

    @property
    def start(self) -> float:
        """When its first word begins, seconds."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """When its last word ends, seconds."""
        return self.words[-1].end


@dataclass(frozen=True)
class Partial:
    """What a string seems to be so far: its words that stand, and those that may change."""

    labels: tuple[str, ...]
    time: float
    """Until when the stream was heard, seconds."""


StringEvent = SpokenWord | SpokenString | Partial


def joined(labels: Sequence[str | None]) -> str:
    """Write the labels of a string.

    >>> joined(["4", "7", None]), joined(["lamp on", "stop"])
    ('47?', 'lamp on stop')
    """
    parts = [UNKNOWN if label is None else label for label in labels]
    return ("" if all(len(part) == 1 for part in parts) else " ").join(parts)


class SpokenStrings:
    """Recognises strings of words while they are said.

    Memory does not grow with the stream. For one stream, and one thread at a time; many may share a model.

    Parameters
    ----------
    model
        Of strings.
    sample_rate
        Of the stream, Hz.
    grammar
        Which strings can be said; any when not given.
    network
        Of the model, where it is loaded already.
    opinion
        What is asked about each word as well (:class:`~sutja.transcription.Transcriber` asks the model of single
        words); the network of strings alone decides when not given.

    Raises
    ------
    AudioError
        When the sample rate is too low to hear voices.
    FieldError
        When the model's network does not fit it.

    """

    def __init__(
        self,
        model: StringModel,
        sample_rate: int,
        grammar: Grammar | None = None,
        *,
        network: FrameNetwork | None = None,
        opinion: SecondOpinion | None = None,
    ) -> None:
        if not LEAST_RATE <= sample_rate < math.inf:
            raise AudioError(
                "stream",
                f"sample rate {sample_rate} Hz; expected at least {LEAST_RATE} Hz; give the rate at which the sound "
                "was recorded",
            )
        self.model, self.sample_rate = model, sample_rate
        self._grammar = grammar or any_string(model.units)
        self._network = network or FrameNetwork(model.onnx, model.units.n_outputs)
        self._competition = Competition(model.units, model.confidence)
        self._opinion = opinion if model.confidence.opinion else None
        self._begin()

    def feed(self, waveform: Waveform) -> list[StringEvent]:
        """Take the next samples, float32 ``(n_samples,)`` in [-1, 1]; return what has become known.

        Raises
        ------
        AudioError
            When they are no such samples; nothing of them was heard, and the stream can go on.

        """
        return self._hear(self._to_rate.feed(checked_chunk(waveform)))

    def flush(self) -> list[StringEvent]:
        """Say that the stream has ended; return what remained. What is fed after that is a new stream, from 0 s."""
        n_after = (self.model.delay // STEP_OUTPUTS + 2) * STEP_SAMPLES
        events = self._hear(np.concatenate([self._to_rate.flush(), np.zeros(n_after, dtype=np.float32)]))
        is_silent = not self._words and not self._decoder.open_words() and self._decoder.unfinished() is None
        if not is_silent:  # or the best way of four words through nothing would be told
            events += self._ended()
        self._begin()
        return events

    def _begin(self) -> None:
        self._to_rate, self._front = _ToRate(self.sample_rate), FrontEnd()
        self._decoder = Decoder(self.model.units, self.model.durations, self._grammar, self.model.decoder)
        self._state, self._n_early = self._network.nothing(), self.model.delay
        self._answers = np.zeros((0, self.model.units.n_outputs), dtype=np.float32)
        self._first_answer, self._talk = 0, Talk(self.model.units)
        self._waveform, self._first_sample = np.zeros(0, dtype=np.float32), 0
        self._words: list[SpokenWord] = []
        self._times: tuple[int, int] | None = None
        self._said: tuple[str, ...] = ()
        self._last_end, self._told_until = 0, 0.0

    def _hear(self, waveform: Waveform) -> list[StringEvent]:
        if self._opinion is not None:
            self._waveform = np.concatenate([self._waveform, waveform])
        return [event for features in self._front.feed(waveform) for event in self._step(features)]

    def _step(self, features: Features) -> Iterator[StringEvent]:
        answers, self._state = self._network.step(features, self._state)
        n_early = min(self._n_early, len(answers))
        self._n_early -= n_early
        answers = answers[n_early:]
        self._answers = np.concatenate([self._answers, answers])
        self._decoder.feed(answers)
        self._talk.feed(answers)
        yield from self._settle(self._decoder.agreed())
        if self._is_over():
            yield from self._ended()
        yield from self._partial()
        self._forget()

    def _is_over(self) -> bool:
        """Tell whether silence has ended the string."""
        open_words = self._decoder.open_words()
        if not self._words and not open_words and self._times is None:  # a "double" alone is forgotten as well
            return False
        if self._decoder.unfinished() is not None:
            return False
        last = open_words[-1].end if open_words else self._last_end
        silent = (self._decoder.now - last) * OUTPUT_SECONDS
        return silent >= (STRING_PAUSE_SECONDS if self._decoder.may_end() else LONGEST_PAUSE_SECONDS)

    def _settle(self, words: Sequence[Heard]) -> Iterator[StringEvent]:
        """Tell words that stand, and strings that are whole with them.

        Each is followed by the next, or by what the best way has after them.
        """
        if words:
            ahead = self._decoder.open_words()
            last = ahead[0].start if ahead else self._decoder.unfinished()
            for word, after in zip(words, [*(word.start for word in words[1:]), last], strict=True):
                yield from self._settled(word, after)
                if word.is_last:
                    yield from self._string()

    def _settled(self, heard: Heard, after: int | None) -> Iterator[SpokenWord]:
        unit = self.model.units.units[heard.unit]
        before, self._last_end = self._last_end, heard.end
        if unit.n_times > 1:
            self._times = unit.n_times, heard.start
            return
        n_times, start = self._times or (1, heard.start)
        self._times = None
        from_, to = self._edges(start, heard.end, before, after)
        probabilities = self._probabilities(heard, self._opinion_of(heard, before, after))
        likely = max(probabilities, key=probabilities.__getitem__)
        probability = probabilities[likely]
        label = likely if probability >= self.model.confidence.threshold else None
        for first, last in itertools.pairwise(np.linspace(from_, to, n_times + 1).tolist()):
            word = SpokenWord(label, probability, probabilities, round(first, 3), round(last, 3))
            self._words.append(word)
            yield word

    def _edges(self, start: int, end: int, before: int, after: int | None) -> tuple[float, float]:
        """Return when a word begins and ends, seconds: of a pause between two, each has half at most."""
        ahead = self._decoder.now - end if after is None else (after - end) / 2
        lead = min(self.model.edges.lead_seconds, max((start - before) / 2, 0) * OUTPUT_SECONDS)
        tail = min(self.model.edges.tail_seconds, max(ahead, 0) * OUTPUT_SECONDS)
        first = max(start * OUTPUT_SECONDS - lead, self._told_until)
        self._told_until = end * OUTPUT_SECONDS + tail
        return first, self._told_until

    def _opinion_of(self, heard: Heard, before: int, after: int | None) -> NDArray[np.float64] | None:
        """Ask for the second opinion about a word, between the words before and after it."""
        if self._opinion is None:
            return None
        first = max(heard.start - PAD, min(before, heard.start))
        last = heard.end + PAD if after is None else min(heard.end + PAD, max(after, heard.end))
        start, end = (n * OUTPUT_SAMPLES - self._first_sample for n in (first, last))
        return self._opinion(self._waveform[max(start, 0) : end])

    def _probabilities(self, heard: Heard, opinion: NDArray[np.float64] | None) -> dict[str, float]:
        first = max(heard.start - EDGE - self._first_answer, 0)
        first = min(first, len(self._answers) - 1)  # the best whole string may begin where the best way had silence
        last = max(heard.end + EDGE - self._first_answer, first + 1)
        shares = self._competition.probabilities(self._answers[first:last], opinion, self._talk_around(heard))
        own = self._competition.labels.index(self.model.units.units[heard.unit].label)
        shares[own] = max(shares[own], LEAST_PROBABILITY)
        if opinion is None or not self._grammar.is_free:
            # The string decides, not the word alone: no other label is as probable as what was heard.
            rivals = np.arange(len(shares)) != own
            shares[rivals] = np.minimum(shares[rivals], np.nextafter(shares[own], 0))
        return {name: float(share) for name, share in zip(self._competition.labels, shares, strict=True)}

    def _talk_around(self, heard: Heard) -> float:
        """Return the share of other speech lately, without the word."""
        first, last = (max(output - self._first_answer, 0) for output in (heard.start, heard.end))
        return self._talk.share(self._answers[first:last], self._decoder.now - heard.end)

    def _ended(self) -> Iterator[StringEvent]:
        """Tell what remains, since nothing follows."""
        yield from self._settle(self._decoder.finish())
        yield from self._string()

    def _string(self) -> Iterator[StringEvent]:
        words, self._words, self._times, self._said = tuple(self._words), [], None, ()
        if words:
            yield SpokenString(words, self._is_complete(words), best_of(words))

    def _is_complete(self, words: Sequence[SpokenWord]) -> bool:
        n_most = self._grammar.n_most
        return n_most is None or self._grammar.n_least <= len(words) <= n_most

    def _partial(self) -> Iterator[Partial]:
        open_words = self._decoder.open_words()
        n_of_this = next((n for n, heard in enumerate(open_words, 1) if heard.is_last), len(open_words))
        open_labels = [self.model.units.units[heard.unit].label for heard in open_words[:n_of_this]]
        said = (*(word.most_probable for word in self._words), *(label for label in open_labels if label))
        if said != self._said and open_labels:
            yield Partial(said, round(self._decoder.now * OUTPUT_SECONDS, 3))
        self._said = said

    def _forget(self) -> None:
        """Drop answers that no word can need any more."""
        open_words, since = self._decoder.open_words(), self._decoder.unfinished()
        needed = open_words[0].start if open_words else self._decoder.now if since is None else since
        needed = max(needed - EDGE, self._decoder.now - MOST_KEPT)
        if needed > self._first_answer:
            self._answers = self._answers[needed - self._first_answer :]
            self._first_answer = needed
        first_sample = max(0, self._first_answer - PAD) * OUTPUT_SAMPLES
        if self._opinion is not None and first_sample > self._first_sample:
            self._waveform = self._waveform[first_sample - self._first_sample :]
            self._first_sample = first_sample


def best_of(words: Sequence[SpokenWord], n: int = N_BEST) -> tuple[Alternative, ...]:
    """Return the most probable strings of as many words, the most probable first.

    >>> word = SpokenWord("5", 0.6, {"5": 0.6, "9": 0.3}, 0.0, 0.3)
    >>> [(a.labels, round(a.probability, 2)) for a in best_of([word, word], 2)]
    [(('5', '5'), 0.36), (('5', '9'), 0.18)]
    """
    best = [Alternative((), 1.0)]
    for word in words:
        likely = {word.most_probable: word.probability}
        likely |= {label: share for label, share in word.probabilities.items() if share > LEAST_ALTERNATIVE}
        longer = [
            Alternative((*each.labels, label), each.probability * share)
            for each in best
            for label, share in likely.items()
        ]
        best = sorted(longer, key=lambda each: (-each.probability, each.labels))[:n]
    return tuple(best)


class _ToRate:
    """Brings a stream to :data:`SAMPLE_RATE`, in pieces of 80 ms, so that no number depends on its chunks."""

    def __init__(self, sample_rate: int) -> None:
        self._same = sample_rate == SAMPLE_RATE
        self._n_piece = samples_in(STEP_SAMPLES / SAMPLE_RATE, sample_rate)
        self._pending = np.zeros(0, dtype=np.float32)
        self._stream = None if self._same else soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32")

    def feed(self, waveform: Waveform) -> Waveform:
        if self._stream is None:
            return waveform
        self._pending = np.concatenate([self._pending, waveform])
        done = []
        while len(self._pending) >= self._n_piece:
            done.append(self._stream.resample_chunk(self._pending[: self._n_piece]))
            self._pending = self._pending[self._n_piece :]
        return np.concatenate(done) if done else np.zeros(0, dtype=np.float32)

    def flush(self) -> NDArray[np.float32]:
        if self._stream is None:
            return np.zeros(0, dtype=np.float32)
        rest, self._pending = self._pending, np.zeros(0, dtype=np.float32)
        resampled: NDArray[np.float32] = self._stream.resample_chunk(rest, last=True)
        return resampled


def answers_to(waveform: Waveform, model: StringModel, network: FrameNetwork) -> NDArray[np.float32]:
    """Return the network's answers to a whole recording at :data:`SAMPLE_RATE`, ``(n, n_outputs)``.

    The first is about its first 20 ms; the network's look ahead goes on into silence after its end.
    """
    n_after = (model.delay // STEP_OUTPUTS + 2) * STEP_SAMPLES
    state, answers = network.nothing(), []
    for features in FrontEnd().feed(np.concatenate([waveform, np.zeros(n_after, dtype=np.float32)])):
        found, state = network.step(features, state)
        answers.append(found)
    return np.concatenate(answers)[model.delay :]


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording."""

    strings: tuple[SpokenString, ...]

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """All words, in order."""
        return tuple(word for string in self.strings for word in string.words)

    @property
    def text(self) -> str:
        """All labels, as :func:`joined` writes them."""
        return joined([word.label for word in self.words])
