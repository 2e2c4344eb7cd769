"""How well strings are recognised: error rates, false words, and whether probabilities mean what they say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sutja.audio import Waveform, open_stream
from sutja.calibration import calibration_error
from sutja.errors import AudioError
from sutja.strings.frontend import SAMPLE_RATE
from sutja.strings.grammar import MOST_WORDS, Grammar, any_string, of_length
from sutja.strings.scores import Counts, alignment, counted, total
from sutja.strings.sets import StringClip
from sutja.strings.transcriber import SpokenString, SpokenStrings, SpokenWord, StringEvent, Transcript, joined
from sutja.strings.units import Units

Begin = Callable[[int, Grammar], SpokenStrings]
"""From a sample rate, Hz, and which strings can be said to a stream."""

CHUNK_SECONDS = 0.02
"""Of sound at a time, as a microphone brings it: for how long after its end a word is known."""


@dataclass(frozen=True)
class StringScores:
    """How well strings were recognised."""

    n_strings: int
    n_words: int
    string_error_rate: float | None
    """Share of the strings with any error."""
    word_error_rate: float | None
    """Substituted, deleted and inserted words by those that were said."""
    substituted: int
    deleted: int
    inserted: int
    refused: int
    """Words of the vocabulary's strings that were refused; they count as errors."""
    ece: float | None
    """Of words: how far their probability is from the share that is right."""
    other_seconds: float
    """Recordings in which no word of the vocabulary is said ..."""
    false_words: int
    """... and the words that were heard in them all the same."""
    by_speaker: dict[str, Counts] = field(default_factory=dict)
    by_length: dict[int, Counts] = field(default_factory=dict)
    wrong: list[dict[str, Any]] = field(default_factory=list)
    """Strings with errors: path, what was said, what was heard, its probability."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """File name to reason."""
    known_after: tuple[float, float] | None = None
    """Seconds from a word's end until it stands, while it is spoken: median, and what 95 % of the words keep to."""
    boundaries_off: tuple[float, float] | None = None
    """How far starts and ends of right words are from where they are, seconds: median, and what 90 % keep to."""

    @property
    def false_words_per_hour(self) -> float | None:
        """In recordings without any word of the vocabulary."""
        return 3600 * self.false_words / self.other_seconds if self.other_seconds else None


def evaluate(
    begin: Begin,
    units: Units,
    clips: Sequence[StringClip],
    *,
    known_length: bool = False,
    on_clip: Callable[[], None] = lambda: None,
) -> StringScores:
    """Score a model on recordings of strings.

    Parameters
    ----------
    begin
        Begins a stream: :meth:`sutja.predictor.Predictor.strings`, so that what is judged is what users ask.
    units
        That the model knows.
    clips
        What is said in each.
    known_length
        Whether the model is told how many words each string has.
    on_clip
        Called after each.

    """
    tally = _Tally()
    for said in clips:
        grammar = (
            of_length(units, len(said.labels))
            if known_length and 0 < len(said.labels) <= MOST_WORDS
            else any_string(units)
        )
        try:
            with open_stream(said.source, SAMPLE_RATE) as (rate, chunks):
                stream = begin(rate, grammar)
                n_samples, events, delays = 0, list[StringEvent](), list[float]()
                for chunk in _spoken(chunks, rate):
                    n_samples += len(chunk)
                    new = stream.feed(chunk)
                    delays += [n_samples / rate - event.end for event in new if isinstance(event, SpokenWord)]
                    events += new
            events += stream.flush()
        except AudioError as error:
            tally.unreadable[said.name] = str(error)
        else:
            heard = Transcript(tuple(event for event in events if isinstance(event, SpokenString)))
            tally.add(said, heard.words, n_samples / rate)
            tally.delays += delays if said.labels else []
        on_clip()
    return tally.scores()


def _spoken(chunks: Iterable[Waveform], rate: int) -> Iterator[Waveform]:
    """Cut what is read of a file as it would come from a microphone."""
    n_chunk = max(1, round(CHUNK_SECONDS * rate))
    for chunk in chunks:
        yield from (chunk[start : start + n_chunk] for start in range(0, len(chunk), n_chunk))


def _quantiles(values: Sequence[float], *shares: float) -> tuple[float, float] | None:
    if not values:
        return None
    low, high = (round(float(np.quantile(values, share)), 3) for share in shares)
    return low, high


class _Tally:
    """Counts while recordings are heard."""

    def __init__(self) -> None:
        self.unreadable: dict[str, str] = {}
        self._of: list[tuple[StringClip, Counts]] = []
        self._wrong: list[dict[str, Any]] = []
        self._sure: list[tuple[float, bool]] = []
        self._off: list[float] = []
        self.delays: list[float] = []
        self._other_seconds, self._n_false, self._n_refused = 0.0, 0, 0

    def add(self, clip: StringClip, words: Sequence[SpokenWord], seconds: float) -> None:
        heard = [word.label for word in words]
        if not clip.labels:
            self._other_seconds += seconds
            self._n_false += sum(label is not None for label in heard)
            return
        counts = counted(clip.labels, heard)
        self._of.append((clip, counts))
        self._n_refused += heard.count(None)
        steps = alignment(clip.labels, [word.most_probable for word in words])
        self._sure += [
            (words[step.heard].probability, step.kind == "right") for step in steps if step.heard is not None
        ]
        if clip.times:
            right = [step for step in steps if step.kind == "right"]
            pairs = [(clip.times[s.said], words[s.heard]) for s in right if s.said is not None and s.heard is not None]
            self._off += [
                abs(at - said) for (start, end), word in pairs for at, said in ((word.start, start), (word.end, end))
            ]
        if counts.n_wrong:
            sure = float(np.prod([word.probability for word in words])) if words else 0.0
            said = {"path": str(clip.path), "said": joined(clip.labels), "heard": joined(heard), "probability": sure}
            self._wrong.append(said)

    def scores(self) -> StringScores:
        counts = total(each for _, each in self._of)
        by_speaker: dict[str, Counts] = defaultdict(Counts)
        by_length: dict[int, Counts] = defaultdict(Counts)
        for clip, each in self._of:
            by_length[len(clip.labels)] += each
            if clip.speaker:
                by_speaker[clip.speaker] += each
        sure, right = (np.array(values) for values in zip(*self._sure, strict=True)) if self._sure else (None, None)
        return StringScores(
            counts.n_strings,
            counts.n_words,
            counts.string_error_rate,
            counts.word_error_rate,
            counts.substituted,
            counts.deleted,
            counts.inserted,
            self._n_refused,
            None if sure is None or right is None else calibration_error(sure, right),
            round(self._other_seconds, 3),
            self._n_false,
            dict(by_speaker),
            dict(sorted(by_length.items())),
            sorted(self._wrong, key=lambda each: -each["probability"]),
            self.unreadable,
            _quantiles(self.delays, 0.5, 0.95),
            _quantiles(self._off, 0.5, 0.9),
        )
