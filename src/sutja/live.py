"""Words as they are spoken: from a microphone, a pipe or a recording, one after the other.

::

    for word in sutja.listen():
        print(word.label, word.probability)

It is :class:`sutja.streams.IsolatedWords` over :mod:`sutja.blocks`; times are seconds from the beginning.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from sutja.audio import Source
from sutja.blocks import Blocks, Pipe, open_blocks
from sutja.endpoints import EndpointConfig
from sutja.predictor import Predictor
from sutja.streams import IsolatedWords, Word


def listen(
    model: Predictor | str | os.PathLike[str] | None = None,
    source: Source | Pipe | None = None,
    *,
    sample_rate: int | None = None,
    device: str | int | None = None,
    config: EndpointConfig | None = None,
) -> Iterator[Word]:
    """Give each word as soon as it is known: a quarter of a second after its end; those that are refused too.

    It ends where the source ends; a microphone does not. Leave the loop, or close the generator, to stop.

    Parameters
    ----------
    model
        A predictor, or what :func:`sutja.load` takes.
    source
        A path (also of a named pipe), bytes, an open file, samples, or a :class:`sutja.blocks.Pipe`; the microphone
        when not given.
    sample_rate
        Hz: of samples that do not say theirs; that a microphone is asked for.
    device
        Of the microphone: its number or a part of its name.
    config
        What counts as a word.

    Raises
    ------
    AudioError
        When there is no such source, it is no sound, or the microphone goes away; every word before was given.
    DependencyError
        When the microphone is wanted and the extra `mic` is not installed.

    """
    predictor = model if isinstance(model, Predictor) else Predictor.load() if model is None else Predictor.load(model)
    with open_blocks(source, sample_rate=sample_rate, device=device) as blocks:
        yield from words_of(predictor, blocks, config=config)


def words_of(
    predictor: Predictor,
    blocks: Blocks,
    *,
    config: EndpointConfig | None = None,
    on_lost: Callable[[int], None] = lambda n_lost: None,
) -> Iterator[Word]:
    """Give the words in blocks of sound; ``on_lost`` is told how often sound was lost, whenever more was."""
    recogniser, n_lost = IsolatedWords(predictor, blocks.sample_rate, config), 0
    for block in blocks:
        if blocks.n_lost > n_lost:
            n_lost = blocks.n_lost
            on_lost(n_lost)
        yield from (event for event in recogniser.feed(block) if isinstance(event, Word))
    yield from (event for event in recogniser.flush() if isinstance(event, Word))
