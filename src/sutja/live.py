"""Words as they are spoken: from a microphone, a pipe or a recording, one after the other.

::

    for word in sutja.listen():
        print(word.label, word.probability)

It is :class:`sutja.streams.IsolatedWords` over :mod:`sutja.blocks`; times are seconds from the beginning. Words without
pauses between them are strings::

    for event in sutja.listen(strings=True):
        print(event)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Literal, overload

from sutja.audio import Source, Waveform
from sutja.blocks import Blocks, Pipe, open_blocks
from sutja.endpoints import EndpointConfig
from sutja.errors import ConfigError
from sutja.predictor import Predictor
from sutja.streams import IsolatedWords, Word
from sutja.strings.grammar import Grammar
from sutja.strings.transcriber import StringEvent
from sutja.transcription import Length, Listed, Transcriber

Strings = Literal[True] | Listed
"""Any strings, or one of a list."""


@overload
def listen(
    model: Predictor | str | os.PathLike[str] | None = None,
    source: Source | Pipe | None = None,
    *,
    strings: Literal[False] = False,
    sample_rate: int | None = None,
    device: str | int | None = None,
    config: EndpointConfig | None = None,
) -> Iterator[Word]: ...


@overload
def listen(
    model: Predictor | str | os.PathLike[str] | None = None,
    source: Source | Pipe | None = None,
    *,
    strings: Strings,
    length: Length | None = None,
    sample_rate: int | None = None,
    device: str | int | None = None,
) -> Iterator[StringEvent]: ...


def listen(  # noqa: PLR0913  what is listened to, how, and for what
    model: Predictor | str | os.PathLike[str] | None = None,
    source: Source | Pipe | None = None,
    *,
    strings: Strings | Literal[False] = False,
    length: Length | None = None,
    sample_rate: int | None = None,
    device: str | int | None = None,
    config: EndpointConfig | None = None,
) -> Iterator[Word] | Iterator[StringEvent]:
    """Give each word as soon as it is known: a quarter of a second after its end; those that are refused too.

    With ``strings`` words need no pauses between them: a :class:`sutja.Partial` whenever it seems that more was said, a
    :class:`sutja.SpokenWord` when a word stands, and a :class:`sutja.SpokenString` when its string has ended.

    It ends where the source ends; a microphone does not. Leave the loop, or close the generator, to stop.

    Parameters
    ----------
    model
        A predictor, or what :func:`sutja.load` takes.
    source
        A path (also of a named pipe), bytes, an open file, samples, or a :class:`sutja.blocks.Pipe`; the microphone
        when not given.
    strings
        True for strings of words; or all strings that can be said, each as it is written or a row of labels.
    length
        Of each string, in words, where it is known: 4, or (4, 6).
    sample_rate
        Hz: of samples that do not say theirs; that a microphone is asked for.
    device
        Of the microphone: its number or a part of its name.
    config
        What counts as a word that stands alone.

    Raises
    ------
    BundleError
        When the model cannot be used, or is asked for strings and knows single words alone.
    ConfigError
        When a length is none or is no string's, a string has a word that the model does not know, or ``config`` is
        given for strings.
    AudioError
        When there is no such source, it is no sound, or the microphone goes away; every word before was given.
    DependencyError
        When the microphone is wanted and the extra `mic` is not installed.

    """
    if strings is False:
        if length is not None:
            raise ConfigError("a length, and single words; expected strings=True, to which it belongs")
        return _words(model, source, sample_rate, device, config)
    if config is not None:
        raise ConfigError("what counts as a word, and strings; expected one of them: strings do not need their pauses")
    transcriber = Transcriber(model)
    grammar = transcriber.grammar(length, None if strings is True else strings)
    return _strings(transcriber, grammar, source, sample_rate, device)


def _words(
    model: Predictor | str | os.PathLike[str] | None,
    source: Source | Pipe | None,
    sample_rate: int | None,
    device: str | int | None,
    config: EndpointConfig | None,
) -> Iterator[Word]:
    predictor = model if isinstance(model, Predictor) else Predictor.load() if model is None else Predictor.load(model)
    with open_blocks(source, sample_rate=sample_rate, device=device) as blocks:
        yield from words_of(predictor, blocks, config=config)


def _strings(
    transcriber: Transcriber,
    grammar: Grammar,
    source: Source | Pipe | None,
    sample_rate: int | None,
    device: str | int | None,
) -> Iterator[StringEvent]:
    with open_blocks(source, sample_rate=sample_rate, device=device) as blocks:
        yield from strings_of(transcriber, blocks, grammar)


def words_of(
    predictor: Predictor,
    blocks: Blocks,
    *,
    config: EndpointConfig | None = None,
    on_lost: Callable[[int], None] = lambda n_lost: None,
) -> Iterator[Word]:
    """Give the words in blocks of sound; ``on_lost`` is told how often sound was lost, whenever more was."""
    recogniser = IsolatedWords(predictor, blocks.sample_rate, config)
    for block in _each(blocks, on_lost):
        yield from (event for event in recogniser.feed(block) if isinstance(event, Word))
    yield from (event for event in recogniser.flush() if isinstance(event, Word))


def strings_of(
    transcriber: Transcriber,
    blocks: Blocks,
    grammar: Grammar | None = None,
    *,
    on_lost: Callable[[int], None] = lambda n_lost: None,
) -> Iterator[StringEvent]:
    """Give the strings in blocks of sound while they are said; ``on_lost`` is told how often sound was lost."""
    stream = transcriber.stream(blocks.sample_rate, grammar)
    for block in _each(blocks, on_lost):
        yield from stream.feed(block)
    yield from stream.flush()


def _each(blocks: Blocks, on_lost: Callable[[int], None]) -> Iterator[Waveform]:
    n_lost = 0
    for block in blocks:
        if blocks.n_lost > n_lost:
            n_lost = blocks.n_lost
            on_lost(n_lost)
        yield block
