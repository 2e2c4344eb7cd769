"""The rows that networks learn from: which row is which sound, and the files that hold them.

The one home of the layout. Row ``i`` below ``n_sounds`` is sound ``i`` as the predictor hears it; after those come the
``n_copies`` versions of each sound, those of one sound side by side. Of the sounds, the first ``n_clips`` are the clips
that are judged for their label.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sutja.config import Config, FeatureConfig
from sutja.features import Features, network_input, random_left
from sutja.files import replace_atomically
from sutja.metrics import Integers

VIEWS = "views.npy"
NO_WORD = -1  # in the place of a word's number: this row says none of those that are told apart

Versions = Mapping[str, NDArray[np.float16]]
"""By member, one sound's rows: as it is and its copies, ``(1 + n_copies, n_bins, n_frames)``."""


@dataclass(frozen=True)
class Layout:
    """Which row of the inputs is which sound.

    >>> layout = Layout(n_clips=1, n_sounds=2, n_copies=3)
    >>> layout.rows_of(1).tolist(), layout.sounds_of(np.array([1, 4, 5])).tolist()
    ([1, 5, 6, 7], [1, 0, 1])
    """

    n_clips: int
    n_sounds: int
    n_copies: int

    @property
    def n_rows(self) -> int:
        """Of all sounds, with their copies."""
        return self.n_sounds * (1 + self.n_copies)

    @property
    def clips(self) -> Integers:
        """Rows of the clips as they are, ``(n_clips,)``."""
        return np.arange(self.n_clips)

    def rows_of(self, sound: int) -> Integers:
        """Return the rows of a sound, ``(1 + n_copies,)``: as it is, then its copies."""
        return np.append(sound, self.copies_of(np.array([sound])))

    def copies_of(self, sounds: Integers) -> Integers:
        """Return the rows of all copies of some sounds, those of a sound side by side."""
        rows: Integers = self.n_sounds + sounds[:, None] * self.n_copies + np.arange(self.n_copies)
        return rows.ravel()

    def sounds_of(self, rows: Integers) -> Integers:
        """Return the sound that each row shows, ``(n,)``."""
        return np.where(rows < self.n_sounds, rows, (rows - self.n_sounds) // self.n_copies)

    def by_row(self, values: NDArray[Any]) -> NDArray[Any]:
        """Lay out one value a sound, ``(n_sounds,)``, as one a row, ``(n_rows,)``."""
        return np.concatenate([values, np.repeat(values, self.n_copies)])


def one_copy_each(rows: Integers, n_copies: int, rng: np.random.Generator) -> Integers:
    """Draw one of the ``n_copies`` rows of each sound; ``rows`` are as :meth:`Layout.copies_of` gives them."""
    copies = rows.reshape(-1, n_copies)
    return copies[np.arange(len(copies)), rng.integers(n_copies, size=len(copies))]


@dataclass(frozen=True)
class InputKind:
    """What the rows of a member hold, and how answers to them are counted."""

    decibels: bool = False
    """Log mel in dB, which is augmented and standardised when it is shown; else just what the network takes."""
    n_labels: int | None = None
    """Accuracy is of the most probable of so many classes; "not in the vocabulary", behind them, is none of them."""
    n_words: int = 0
    """So many words are told apart beside the classes; none are when 0."""
    n_view: int = 0
    """Numbers of a teacher's view of each sound that are guessed beside; none are when 0."""


@dataclass(frozen=True)
class Aims:
    """What some rows are learned to be beside their classes."""

    words: Integers | None = None
    """``(n,)``."""
    views: NDArray[np.float32] | None = None
    """``(n, n_view)``."""


@dataclass(frozen=True)
class Inputs:
    """What a network is shown: ``features[rows]`` with ``targets[rows]``."""

    features: NDArray[np.floating]
    targets: Integers
    rows: Integers
    kind: InputKind = InputKind()
    words: Integers | None = None
    """Which word each row is, as ``targets``, where words are told apart."""
    views: NDArray[np.floating] | None = None
    """A teacher's view of each sound, ``(n_sounds, n_view)``, where one was asked; its versions have the same."""

    def aims(self, rows: Integers) -> Aims:
        """Return what some rows are learned to be beside their classes."""
        words = None if self.words is None else self.words[rows]
        if self.views is None:
            return Aims(words)
        n_sounds = len(self.views)
        layout = Layout(0, n_sounds, max(1, len(self.features) // n_sounds - 1))
        return Aims(words, self.views[layout.sounds_of(rows)].astype(np.float32))

    def batches(
        self, batch_size: int, rows: Integers | None = None
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Give ``(batch, n_bins, n_frames)`` and ``(batch,)``, in order or of the rows given."""
        rows = self.rows if rows is None else rows
        for start in range(0, len(rows), batch_size):
            chosen = rows[start : start + batch_size]
            yield self.features[chosen].astype(np.float32, copy=False), self.targets[chosen]


# -- the files: <member>.npy, targets.npy, words.npy and views.npy ---------------------------------------------------


def open_inputs(folder: Path, member: str, kind: InputKind, *parts: Integers) -> list[Inputs]:
    """Open a member's rows where they lie, without reading them: an :class:`Inputs` for each of the parts."""
    features = np.load(folder / f"{member}.npy", mmap_mode="r")
    targets = np.load(folder / "targets.npy")
    words = np.load(folder / "words.npy") if kind.n_words else None
    views = np.load(folder / VIEWS, mmap_mode="r") if kind.n_view else None
    return [Inputs(features, targets, rows, kind, words, views) for rows in parts]


def write_targets(folder: Path, targets: Integers, layout: Layout, words: Integers | None = None) -> None:
    """Write the class of each row, and its word where words are told apart; both have one a sound, ``(n_sounds,)``."""
    save_array(folder / "targets.npy", layout.by_row(targets))
    if words is not None:
        save_array(folder / "words.npy", layout.by_row(words))


def write_versions(folder: Path, versions: Iterable[Versions], layout: Layout, config: Config) -> None:
    """Write each member's rows as float16, ``(n_rows, n_bins, n_frames)``, from every sound's versions in order.

    Float16 halves the disk and costs nothing: decibels keep a sixteenth, standardised features three digits.
    """
    with contextlib.ExitStack() as stack:
        files = {}
        for name, features in config.members.items():
            draft = stack.enter_context(replace_atomically(folder / f"{name}.npy"))
            shape = (layout.n_rows, features.n_bins, features.n_frames)
            files[name] = RowFile(stack.enter_context(draft.open("wb")), shape)
        for sound, rows_by_member in enumerate(versions):
            first, *copies = layout.rows_of(sound)
            for name, rows in rows_by_member.items():
                files[name].write(first, rows[:1])
                if copies:
                    files[name].write(copies[0], rows[1:])


class RowFile:
    """An array of float16 in a file, written by rows in any order.

    Not mapped into memory: a disk that is full would end the process there, without a word.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        self._file, self._begin, self._row_bytes = file, file.tell(), 2 * math.prod(shape[1:])
        file.truncate(self._begin + shape[0] * self._row_bytes)

    def write(self, row: int, values: NDArray[np.float16]) -> None:
        """Write ``(n, ...)`` rows from one on."""
        self._file.seek(self._begin + int(row) * self._row_bytes)
        self._file.write(np.ascontiguousarray(values, dtype=np.float16).tobytes())


def write_paddings(folder: Path, features: Mapping[str, Sequence[Features]], config: Config) -> None:
    """Write each member's rows where the versions of a clip are random paddings of it: the study's own way."""
    for index, (name, member) in enumerate(config.members.items()):
        rows = paddings(features[name], member, config.train.n_copies, (config.train.seed, index))
        save_array(folder / f"{name}.npy", rows)


def paddings(features: Sequence[Features], config: FeatureConfig, n_copies: int, seed: Sequence[int]) -> Features:
    """Return the rows of clips and of their random paddings, ``(n_rows, n_bins, n_frames)``."""
    rng = np.random.default_rng(list(seed))
    layout = Layout(len(features), len(features), n_copies)
    rows = np.empty((layout.n_rows, config.n_bins, config.n_frames), dtype=np.float32)
    for clip, frames in enumerate(features):
        first, *copies = layout.rows_of(clip)
        rows[first] = network_input(frames, config)
        for row in copies:
            rows[row] = network_input(frames, config, left=random_left(frames.shape[1], config, rng))
    return rows


def save_array(path: Path, values: NDArray[Any]) -> None:
    """Write an array, whole or not at all."""
    with replace_atomically(path) as draft, draft.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(values))
        file.write(np.ascontiguousarray(values).view(np.uint8).data)  # np.save forgets why a disk took no more
