"""Recordings of words in a row to strings: ``sutja.transcribe``.

::

    sutja.transcribe("pin.wav", length=4).text
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from operator import index
from typing import SupportsIndex

from sutja.audio import Source, open_stream
from sutja.bundle import DEFAULT_MODEL, Bundle
from sutja.bundle import load as load_bundle
from sutja.errors import ConfigError
from sutja.predictor import Predictor
from sutja.strings.frontend import SAMPLE_RATE
from sutja.strings.grammar import Grammar, any_string, of_length, one_of
from sutja.strings.model import StringModel
from sutja.strings.transcriber import SpokenString, SpokenStrings, StringEvent, Transcript

Length = int | tuple[int, int]
Listed = Sequence[str | Sequence[str]]
"""All strings that can be said, each a row of labels, or as it is written."""


class Transcriber:
    """A model that knows words in a row, loaded: for many recordings and streams.

    Parameters
    ----------
    model
        A predictor, or what :func:`sutja.load` takes; the model that sutja brings when not given.

    Raises
    ------
    BundleError
        When the model is missing or damaged, or knows single words alone.

    """

    def __init__(self, model: Predictor | Bundle | str | os.PathLike[str] | None = None) -> None:
        self.predictor = model if isinstance(model, Predictor) else Predictor(_bundle_of(model))
        self.predictor.string_network  # noqa: B018  it is loaded now, or says now why it cannot be
        assert self.predictor.bundle.strings is not None
        self.model: StringModel = self.predictor.bundle.strings

    def grammar(self, length: Length | None = None, strings: Listed | None = None) -> Grammar:
        """Return which strings can be said: of so many words, one of a list, or any.

        Parameters
        ----------
        length
            In words: 4, or (4, 6).
        strings
            All that can be said, each a row of labels, or as it is written: ``"4711"``, ``"lamp on"``.

        Raises
        ------
        ConfigError
            When both are given, the length is none, or a string has a word that the model does not know.

        """
        if length is not None and strings is not None:
            raise ConfigError("a length and a list of strings; expected one of them, since a list has its lengths")
        if strings is not None:
            return one_of(self.model.units, self._rows(strings))
        if length is None:
            return any_string(self.model.units)
        return of_length(self.model.units, *_least_and_most(length))

    def stream(self, sample_rate: int, grammar: Grammar | None = None) -> SpokenStrings:
        """Begin a stream of sound.

        Raises
        ------
        AudioError
            When the sample rate is too low to hear voices.

        """
        return self.predictor.strings(sample_rate, grammar)

    def listed(self, text: str) -> list[tuple[str, ...]]:
        """Read a list of strings, a line each, for :meth:`grammar`; an empty line is none.

        Labels stand one after the other where each is one character (`4711`), else with spaces (`lamp on stop`); a
        label may hold spaces itself.

        Raises
        ------
        ConfigError
            When a line has a word that the model does not know.

        """
        strings = [self._labels_in(line) for line in text.splitlines() if line.strip()]
        one_of(self.model.units, strings)  # which says what is wrong with it
        return strings

    def _rows(self, strings: Sequence[str | Sequence[str]]) -> list[tuple[str, ...]]:
        if isinstance(strings, str):
            raise ConfigError(
                f"one string, {strings[:30]!r}, where a list is expected; put it into one: [{strings[:30]!r}]"
            )
        return [self._labels_in(each) if isinstance(each, str) else tuple(each) for each in strings]

    def _labels_in(self, line: str) -> tuple[str, ...]:
        known, rest, found = set(self.model.labels), line.split(), list[str]()
        while rest:
            n = next((n for n in range(len(rest), 0, -1) if " ".join(rest[:n]) in known), 0)
            word = " ".join(rest[: n or 1])
            found += [word] if n or not known.issuperset(word) else word  # the characters of `4711`
            rest = rest[n or 1 :]
        return tuple(found)

    def events(
        self,
        source: Source,
        grammar: Grammar | None = None,
        *,
        sample_rate: int | None = None,
        on_heard: Callable[[float], None] = lambda seconds: None,
    ) -> Iterator[StringEvent]:
        """Give what becomes known while a recording is heard, in flat memory; ``on_heard`` is told how far, seconds.

        Raises
        ------
        AudioError
            When the recording cannot be used.

        """
        with open_stream(source, SAMPLE_RATE if sample_rate is None else sample_rate) as (rate, chunks):
            stream, n_samples = self.stream(rate, grammar), 0
            for chunk in chunks:
                yield from stream.feed(chunk)
                n_samples += len(chunk)
                on_heard(n_samples / rate)
        yield from stream.flush()

    def transcribe(
        self, source: Source, grammar: Grammar | None = None, *, sample_rate: int | None = None
    ) -> Transcript:
        """Return the strings of a recording.

        Raises
        ------
        AudioError
            When the recording cannot be used.

        """
        events = self.events(source, grammar, sample_rate=sample_rate)
        return Transcript(tuple(event for event in events if isinstance(event, SpokenString)))


def transcribe(
    source: Source,
    model: Predictor | Bundle | str | os.PathLike[str] | None = None,
    *,
    length: Length | None = None,
    strings: Listed | None = None,
    sample_rate: int | None = None,
) -> Transcript:
    """Return the strings of words that are said in a recording of any length.

    Parameters
    ----------
    source
        A path, the bytes of a file, an open binary file, or samples.
    model
        What :class:`Transcriber` takes.
    length
        Of each string, in words, where it is known: 4, or (4, 6).
    strings
        All that can be said, each as it is written or a row of labels: ``["4711", "0815"]``, ``[["lamp on", "stop"]]``.
    sample_rate
        Of samples, Hz; 16 000 when not given. Files say their own.

    Returns
    -------
    Transcript
        Strings, parted by pauses of half a second, with their words, times and probabilities.

    Raises
    ------
    AudioError
        When the recording cannot be used.
    BundleError
        When the model cannot be used, or knows single words alone.
    ConfigError
        When the length is none that a string can have, or a string has a word that the model does not know.

    """
    transcriber = Transcriber(model)
    return transcriber.transcribe(source, transcriber.grammar(length, strings), sample_rate=sample_rate)


def _least_and_most(length: Length) -> tuple[int, int]:
    pair = length if isinstance(length, Sequence) and not isinstance(length, str) else (length, length)
    if len(pair) != 2 or not all(isinstance(n, SupportsIndex) for n in pair):
        raise ConfigError(f"length {length!r} is no number of words; expected 4, or (4, 6)")
    return index(pair[0]), index(pair[1])


def _bundle_of(model: Bundle | str | os.PathLike[str] | None) -> Bundle:
    if isinstance(model, Bundle):
        return model
    return load_bundle(DEFAULT_MODEL if model is None else model)
