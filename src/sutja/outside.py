"""Sounds that are no word of a vocabulary, as a network embeds them: to learn refusal from without having them.

They come with the model that own words are taught on, some thousand of them in 8 bits a number, each with the word that
is said, so that a vocabulary which has the word leaves it out. Shapes: embeddings ``(n, n_embedding)`` float32.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sutja.heads import Embeddings
from sutja.lexicon import LEXICON, Vocabulary
from sutja.records import array, column, read_arrays_of, require

STEP = 1 / 16  # of the codes: embeddings have mean 0 and deviation 1, few numbers of them lie beyond 8
NOISE = ""  # in the place of a word


@dataclass(frozen=True, eq=False)
class Outside:
    """Embeddings of sounds, and what each of them says."""

    embeddings: Embeddings
    """``(n, n_embedding)``."""
    words: tuple[str, ...]
    """Of each row; :data:`NOISE` where nothing is said."""

    def beside(self, vocabulary: Vocabulary) -> Outside:
        """Return those that do not say a word of a vocabulary."""
        kept = [row for row, word in enumerate(self.words) if word == NOISE or word not in vocabulary]
        return Outside(self.embeddings[kept], tuple(self.words[row] for row in kept))


@dataclass(frozen=True)
class Packed:
    """Such sounds as a file holds them, unpacked when they are asked for: who only asks a model needs none of them."""

    content: bytes
    """An ``.npz``."""

    @classmethod
    def of(cls, outside: Outside) -> Packed:
        """Pack sounds."""
        return cls(to_bytes(outside))

    @cached_property
    def sounds(self) -> Outside:
        """Unpack them, once.

        Raises
        ------
        FieldError
            When the file is damaged, or its parts do not fit each other.

        """
        return from_bytes(self.content)


def word_of(name: str) -> str:
    """Return the word that a name of a sound says, without its language.

    >>> [word_of(name) for name in (":house", "de:eins", "de_eins", "view_glass", "stop")]
    ['house', 'eins', 'eins', 'view glass', 'stop']
    """
    name = name.rpartition(":")[2]
    in_language = re.fullmatch(r"([a-z-]{2,7})_(.+)", name)
    if in_language and in_language[1] in LEXICON:
        name = in_language[2]
    return name.replace("_", " ").strip()


def some_of_each(words: Sequence[str], n_most: Callable[[str], int]) -> list[int]:
    """Choose rows: the first ``n_most(word)`` of each word.

    >>> some_of_each(["a", "b", "a", "", "a", ""], lambda word: 2 if word else 1)
    [0, 1, 2, 3]
    """
    taken: Counter[str] = Counter()
    rows = []
    for row, word in enumerate(words):
        taken[word] += 1
        if taken[word] <= n_most(word):
            rows.append(row)
    return rows


def to_bytes(outside: Outside) -> bytes:
    """Write as an ``.npz``, without pickle: a byte a number."""
    codes = np.clip(np.rint(outside.embeddings / STEP), -127, 127).astype(np.int8)
    file = io.BytesIO()
    np.savez_compressed(file, codes=codes, step=np.array([STEP]), words=np.array(outside.words, dtype=np.str_))
    return file.getvalue()


def from_bytes(content: bytes) -> Outside:
    """Read what :func:`to_bytes` wrote.

    Raises
    ------
    FieldError
        When it is damaged, or its parts do not fit each other.

    """
    arrays = read_arrays_of(content)
    codes, step, words = array(arrays, "codes", "i", 2), array(arrays, "step", "f", 1), column(arrays, "words")
    require(len(step) == 1 and 0 < step[0] <= 1, "step", step.tolist(), "one number, above 0 to 1")
    require(len(words) == len(codes), "words", len(words), f"{len(codes)}, one a row of codes")
    decoded: NDArray[np.float32] = codes.astype(np.float32) * np.float32(step[0])
    return Outside(decoded, tuple(words))
