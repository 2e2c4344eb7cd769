"""A recording in, a prediction out: what Python, the command line and every other surface call.

Reaches no torch. The same clip gives the same answer from a path, its bytes or its samples, alone or in a batch.
"""

from __future__ import annotations

import itertools
import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Excerpt, Source, Waveform, load_at, load_waveform
from sutja.bundle import DEFAULT_MODEL, EMBEDDING, Bundle, has_embedding, open_member
from sutja.bundle import load as load_bundle
from sutja.ensemble import combine, tempered
from sutja.errors import AudioError, BundleError
from sutja.features import features_of, first_frame_seconds, log_mels, network_input, network_inputs
from sutja.metrics import Probabilities
from sutja.records import FieldError
from sutja.strings.frontend import SAMPLE_RATE
from sutja.strings.grammar import Grammar
from sutja.strings.network import FrameNetwork
from sutja.strings.transcriber import SpokenString, SpokenStrings, SpokenWord, joined
from sutja.window import Words, words_in

Answer = TypeVar("Answer")
BATCH_SIZE = 32
FEWEST_WORDS, BELIEVED = 2, 0.8
"""A clip holds several words where so many are found that are so probable."""
MAX_THREADS = 8  # one interpreter has no use for more
LONG_SECONDS, DOUBTFUL_SECONDS = 0.8, 0.5
"""A sound that is longer than the first may be several words without a pause: of 1500 single words one in a hundred is,
of running strings 95. What is refused as one word may be two quick ones from the second on."""


@dataclass(frozen=True)
class Prediction:
    """What one clip is taken for."""

    label: str | None
    """None when the clip is refused: nothing in the vocabulary. Of several :attr:`words`, all of them: `4711`."""
    probability: float
    """Of the most probable label, also of a refused one; of several words, that every one is right."""
    probabilities: dict[str, float]
    """Of every label, in class order. They sum to 1, or fall short of it by the probability that the clip is nothing
    in the vocabulary, where the model can say so."""
    rejected: bool = False
    n_words: int = 1
    """That the recording seems to hold, as far as pauses part them: of several, one is judged, unless :attr:`words`
    tells them all."""
    word_at: float = 0.0
    """Where the one begins, seconds, where there are several."""
    words: tuple[SpokenWord, ...] = ()
    """What is said, in order, where there are several words and the model knows words in a row; else empty."""

    @property
    def text(self) -> str:
        """The labels of several words, `?` for one that is refused; else the label, or nothing."""
        return joined([word.label for word in self.words]) if self.words else self.label or ""

    @property
    def several(self) -> dict[str, Any]:
        """What is told of several words, by the names of the fields; nothing where there is one."""
        return {"n_words": self.n_words, "word_at": self.word_at} if self.n_words > 1 else {}

    @property
    def most_probable(self) -> str:
        """The label, also that of a refused clip."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


@dataclass(frozen=True)
class Examination:
    """What one clip is taken for, by whom, and what the networks were shown of it."""

    prediction: Prediction
    members: dict[str, dict[str, float]]
    """Each member's own probabilities, in class order, at the ensemble's calibration."""
    features: dict[str, NDArray[np.float32]]
    """What each member was shown, ``(n_bins, n_frames)``."""
    log_mels: dict[str, NDArray[np.float32]]
    """The spectrogram in dB that each member's features were made of, ``(n_mels, frames of the clip)``."""
    start_seconds: dict[str, float]
    """When in the clip the first frame of each member's features lies; below 0 where frames were put before it."""
    duration_seconds: float


@dataclass(frozen=True)
class _Heard:
    """What was made of one clip."""

    inputs: list[NDArray[np.float32]]
    """Each member's, ``(n_bins, n_frames)``."""
    words: Words
    waveform: Waveform | None
    """Where there may be several words in it: as these are heard, which may be wider than what the members hear."""


class Predictor:
    """A loaded model.

    Parameters
    ----------
    bundle
        The saved model, checked.

    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.labels = bundle.labels
        self._configs = [member.features for member in bundle.members]
        self._string_rate = max(bundle.audio.sample_rate, SAMPLE_RATE)
        n_classes = len(bundle.labels) + (bundle.threshold is not None)
        self._sessions = [open_member(member, n_classes) for member in bundle.members]

    def __reduce__(self) -> tuple[type[Predictor], tuple[Bundle]]:
        """Say what a copy is made of, here or in another process: networks that are loaded cannot be copied."""
        return type(self), (self.bundle,)

    @classmethod
    def load(cls, path: str | os.PathLike[str] = DEFAULT_MODEL) -> Predictor:
        """Load a saved model from its folder or a zip of it, from the run that holds it, or one that sutja brings.

        Raises
        ------
        BundleError
            When the model is missing, damaged or of a newer format.

        """
        return cls(load_bundle(path))

    def predict(self, source: Source, *, sample_rate: int | None = None, several: bool = True) -> Prediction:
        """Say what one clip is.

        Parameters
        ----------
        source
            A path, the bytes of a file, an open binary file, or samples.
        sample_rate
            Of samples, Hz; the model's own (``bundle.audio.sample_rate``) when not given. Files say their own.
        several
            Whether words in a row are told one by one, where the model knows how; else the clip is one word.

        Raises
        ------
        AudioError
            When the source cannot be used.

        """
        heard = self._heard(source, sample_rate)
        return self._predictions([heard if several else replace(heard, waveform=None)])[0]

    def examine(self, source: Source, *, sample_rate: int | None = None) -> Examination:
        """Say what one clip is, and show how that came about: the members' answers and what they were shown.

        Takes what :meth:`predict` takes; the prediction is the same.

        Raises
        ------
        AudioError
            When the source cannot be used.

        """
        audio = self.bundle.audio
        waveform, widest = self._waveforms(source, sample_rate)
        named = {member.name: member.features for member in self.bundle.members}
        decibels = log_mels(waveform, audio.sample_rate, self._configs)
        shown = [network_input(features_of(d, c), c) for d, c in zip(decibels, self._configs, strict=True)]
        answers = self._answers([features[None] for features in shown])
        return Examination(
            self._prediction(self._calibrated(answers)[0], *self._words(waveform, widest)),
            {name: self._by_label(self._calibrated({name: answers[name]})[0]) for name in named},
            dict(zip(named, shown, strict=True)),
            dict(zip(named, decibels, strict=True)),
            {name: first_frame_seconds(waveform, audio.sample_rate, c) for name, c in named.items()},
            len(waveform) / audio.sample_rate,
        )

    def embed_many(
        self, sources: Iterable[Source], *, sample_rate: int | None = None
    ) -> Iterator[NDArray[np.float32] | AudioError]:
        """Give what the networks make of each clip before they decide, in order; the error of one that cannot be used.

        Parameters
        ----------
        sources, sample_rate
            As :meth:`predict_many` takes them.

        Returns
        -------
        Iterator
            The embeddings of all members that have one, side by side, ``(n_embedding,)`` float32.

        Raises
        ------
        BundleError
            At once, when no member has one.

        """
        embedding = [session for session in self._sessions if has_embedding(session)]
        if not embedding:
            raise BundleError("the model's networks give no embedding; train it with --preset words")
        return self._each(_sources(sources), sample_rate, self._embed_batch)

    def _embed_batch(
        self, sources: Sequence[Source], sample_rate: int | None
    ) -> list[NDArray[np.float32] | AudioError]:
        return [self._embedding(self._heard_or_error(source, sample_rate)) for source in sources]

    def _embedding(self, heard: _Heard | AudioError) -> NDArray[np.float32] | AudioError:
        if isinstance(heard, AudioError):
            return heard
        asked = zip(self._sessions, heard.inputs, strict=True)
        found = [s.run([EMBEDDING], {"features": x[None, None]})[0][0] for s, x in asked if has_embedding(s)]
        embedding: NDArray[np.float32] = np.concatenate(found)
        return embedding

    def probabilities(self, inputs: Sequence[NDArray[np.float32]]) -> Probabilities:
        """Say what the ensemble makes of inputs as the networks take them: for those who change them to ask why.

        Parameters
        ----------
        inputs
            Of each member, in the bundle's order: float32 ``(batch, n_bins, n_frames)``.

        Returns
        -------
        Probabilities
            ``(batch, n_classes)``, calibrated; a model that refuses has "not in the vocabulary" as its last class.

        """
        return self._calibrated(self._answers(inputs))

    def predict_many(
        self, sources: Iterable[Source], *, sample_rate: int | None = None
    ) -> Iterator[Prediction | AudioError]:
        """Say what each clip is, in order; a source that cannot be used gives its error in its place.

        Works in batches, one to a thread, with one more read ahead than there are threads: in memory that does not
        grow with the number of sources.

        Parameters
        ----------
        sources
            Each what :meth:`predict` takes.
        sample_rate
            Of all that are samples, Hz, as in :meth:`predict`.

        Raises
        ------
        AudioError
            At once, when it is given one source instead of several.

        """
        return self._each(_sources(sources), sample_rate, self._predict_batch)

    def _each(
        self,
        sources: Iterator[Source],
        sample_rate: int | None,
        answered: Callable[[Sequence[Source], int | None], list[Answer | AudioError]],
    ) -> Iterator[Answer | AudioError]:
        n_threads = min(MAX_THREADS, os.cpu_count() or 1)
        pool, ahead = ThreadPoolExecutor(n_threads), deque[Future[list[Answer | AudioError]]]()
        try:
            for batch in _batched(sources, BATCH_SIZE):
                ahead.append(pool.submit(answered, batch, sample_rate))
                if len(ahead) > n_threads:
                    yield from ahead.popleft().result()
            while ahead:
                yield from ahead.popleft().result()
        finally:  # also when the caller has heard enough
            pool.shutdown(cancel_futures=True)

    def _predict_batch(self, sources: Sequence[Source], sample_rate: int | None) -> list[Prediction | AudioError]:
        outcomes = [self._heard_or_error(source, sample_rate) for source in sources]
        usable = [heard for heard in outcomes if not isinstance(heard, AudioError)]
        predictions = iter(self._predictions(usable) if usable else [])
        return [o if isinstance(o, AudioError) else next(predictions) for o in outcomes]

    def _heard(self, source: Source, sample_rate: int | None) -> _Heard:
        waveform, widest = self._waveforms(source, sample_rate)
        return _Heard(self._inputs(waveform), *self._words(waveform, widest))

    def _waveforms(self, source: Source, sample_rate: int | None) -> tuple[Waveform, Waveform]:
        """Return a clip as the members hear it, and as words in a row are heard in it: no narrower than they need."""
        audio = self.bundle.audio
        rates = audio.sample_rate, audio.sample_rate if self.bundle.strings is None else self._string_rate
        waveform, widest = load_at(rates, source, audio, sample_rate=sample_rate)
        return waveform, widest

    def _inputs(self, waveform: Waveform) -> list[NDArray[np.float32]]:
        return network_inputs(waveform, self.bundle.audio.sample_rate, self._configs)

    def _words(self, waveform: Waveform, widest: Waveform) -> tuple[Words, Waveform | None]:
        """Count words, and return the widest waveform where there may be several that can be told one by one."""
        words = words_in(waveform, self.bundle.audio.sample_rate)
        may_be_several = words.n > 1 or words.seconds > DOUBTFUL_SECONDS
        return words, widest if may_be_several and self.bundle.strings is not None else None

    def _heard_or_error(self, source: Source, sample_rate: int | None) -> _Heard | AudioError:
        try:
            return self._heard(source, sample_rate)
        except AudioError as error:
            return error

    def _predictions(self, clips: Sequence[_Heard]) -> list[Prediction]:
        every = zip(*(clip.inputs for clip in clips), strict=True)
        batches = [np.stack(shown) for shown in every]  # (batch, n_bins, n_frames) of each member
        rows = zip(self.probabilities(batches), clips, strict=True)
        return [self._prediction(row, clip.words, clip.waveform) for row, clip in rows]

    def _answers(self, inputs: Sequence[NDArray[np.float32]]) -> dict[str, Probabilities]:
        """Ask each member: ``(batch, n_classes)``, as its network says it."""
        asked = zip(self.bundle.members, self._sessions, inputs, strict=True)
        return {member.name: member.answers(session, batch) for member, session, batch in asked}

    def _calibrated(self, answers: dict[str, Probabilities]) -> Probabilities:
        return tempered(combine(answers), self.bundle.temperature, self.bundle.bias)

    def _prediction(self, row: NDArray[np.float32], words: Words, waveform: Waveform | None) -> Prediction:
        probabilities = self._by_label(row)
        label = max(probabilities, key=probabilities.__getitem__)
        probability = probabilities[label]
        rejected = self.bundle.threshold is not None and probability < self.bundle.threshold
        one = Prediction(None if rejected else label, probability, probabilities, rejected, words.n, words.judged_at)
        if waveform is None or not (words.n > 1 or words.seconds > LONG_SECONDS or rejected):
            return one
        return self._several(one, waveform)

    def _several(self, one: Prediction, waveform: Waveform) -> Prediction:
        """Tell all words, where two or more are found and believed; else the one stands."""
        stream = self.strings(self._string_rate)
        events = [*stream.feed(waveform), *stream.flush()]
        words = tuple(word for event in events if isinstance(event, SpokenString) for word in event.words)
        if sum(word.label is not None and word.probability >= BELIEVED for word in words) < FEWEST_WORDS:
            return one
        is_whole = all(word.label is not None for word in words)
        return replace(
            one,
            label=joined([word.label for word in words]) if is_whole else None,
            probability=math.prod(word.probability for word in words),
            rejected=not is_whole,
            n_words=len(words),
            words=words,
        )

    def strings(self, sample_rate: int, grammar: Grammar | None = None) -> SpokenStrings:
        """Begin a stream of words in a row, each of which this model is asked about as well.

        Raises
        ------
        AudioError
            When the sample rate is too low to hear voices.
        BundleError
            When the model knows no words in a row, or their network does not fit it.

        """
        network = self.string_network
        assert self.bundle.strings is not None
        return SpokenStrings(self.bundle.strings, sample_rate, grammar, network=network, opinion=self.opinion)

    @cached_property
    def string_network(self) -> FrameNetwork:
        """The network of words in a row, loaded when it is asked for the first time."""
        model = self.bundle.strings
        if model is None:
            raise BundleError(
                "this model knows single words, not words in a row; train it with `sutja train --strings`, or take one "
                "that does: digits-en"
            )
        try:
            return FrameNetwork(model.onnx, model.units.n_outputs)
        except FieldError as error:
            raise BundleError(f"strings: {error}; export the model again") from error

    def opinion(self, waveform: Waveform) -> NDArray[np.float64] | None:
        """Say what one word of a string is, as a word by itself.

        Parameters
        ----------
        waveform
            The word and a little around it, at :data:`~sutja.strings.frontend.SAMPLE_RATE`.

        Returns
        -------
        NDArray or None
            Probability of each of the strings' labels, and of none; None where it is too short or too quiet to judge.

        """
        assert self.bundle.strings is not None
        try:
            inputs = self._inputs(load_waveform(waveform, self.bundle.audio, sample_rate=SAMPLE_RATE))
        except AudioError:
            return None
        found = self._by_label(self.probabilities([shown[None] for shown in inputs])[0])
        shares = np.array([found[label] for label in self.bundle.strings.labels])
        refuses = self.bundle.threshold is not None
        # A model that never refuses knows nothing of what is no word.
        return np.append(shares, 1.0 - sum(found.values()) if refuses else 1.0 / (len(found) + 1))

    def _by_label(self, row: NDArray[np.float32]) -> dict[str, float]:
        return dict(zip(self.labels, row[: len(self.labels)].tolist(), strict=True))


def _sources(sources: Any) -> Iterator[Source]:
    """Refuse one source where several are expected: a path has letters, bytes have numbers, an open file has lines."""
    is_one = isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Excerpt)
    is_samples = getattr(sources, "ndim", None) in (0, 1) and getattr(sources, "dtype", None) != np.dtype(object)
    if is_one or is_samples or hasattr(sources, "read") or not hasattr(sources, "__iter__"):
        found = "samples of one clip" if is_samples else f"one {type(sources).__name__}"
        raise AudioError("sources", f"{found}; expected several sources; call predict, or give a list of them")
    return iter(sources)


def _batched(remaining: Iterator[Source], size: int) -> Iterator[list[Source]]:
    while batch := list(itertools.islice(remaining, size)):
        yield batch
