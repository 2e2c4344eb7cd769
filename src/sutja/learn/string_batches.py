"""Strings as the frame network is shown them: features in bytes, the ways of the truth, first guesses of its states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sutja.files import replace_atomically
from sutja.learn.frame_network import DELAY
from sutja.learn.full_sum import NEVER, Paths
from sutja.learn.splices import Said
from sutja.strings.frontend import (
    FALL_DB_A_SECOND,
    FRAME_SECONDS,
    HIGHEST,
    LOWEST,
    LOWEST_LEVEL_DB,
    QUIETEST_DB,
    RANGE_DB,
    decibels_of,
)
from sutja.strings.units import OUTPUT_SECONDS, Units

ARRAYS = "decibels", "units", "times"
MOST_UNITS = 24
NO_UNIT = -2
STEPS_PER_DB, LOWEST_DB = 2.0, -100.0
"""Decibels are kept in bytes, half a decibel a step."""
TOLERANCE_SECONDS, PAUSE_TOLERANCE_SECONDS = 0.06, 0.08
"""A word may begin and end so far beside its recording's ends; a pause so far inside."""


@dataclass(frozen=True)
class Strings:
    """Recordings of one length, in memory or in files."""

    decibels: NDArray[np.uint8]
    """``(n, N_BANDS, n_frames)``."""
    units: NDArray[np.int8]
    """``(n, MOST_UNITS)``, ``NO_UNIT`` after the last."""
    times: NDArray[np.float32]
    """``(n, MOST_UNITS, 2)``, seconds."""

    def __len__(self) -> int:
        return len(self.units)


def as_bytes(said: Said) -> tuple[NDArray[np.uint8], NDArray[np.int8], NDArray[np.float32]]:
    """Return one string's row of each array of :class:`Strings`."""
    decibels = np.clip(np.round((decibels_of(said.waveform) - LOWEST_DB) * STEPS_PER_DB), 0, 255).astype(np.uint8)
    units = np.full(MOST_UNITS, NO_UNIT, dtype=np.int8)
    times = np.full((MOST_UNITS, 2), np.nan, dtype=np.float32)
    n = min(len(said.units), MOST_UNITS)
    units[:n], times[:n] = said.units[:n], said.times[:n]
    return decibels, units, times


def features_of(decibels: Tensor) -> Tensor:
    """Return the features of bytes, ``(n, N_BANDS, n_frames)``: as :func:`sutja.strings.frontend.above_level`."""
    known = decibels.float() / STEPS_PER_DB + LOWEST_DB
    falls = FALL_DB_A_SECOND * FRAME_SECONDS * torch.arange(1, known.shape[2] + 1, device=known.device)
    levels = (known.amax(1) + falls).cummax(1).values.clamp_min(QUIETEST_DB) - falls
    levels = levels.clamp_min(LOWEST_LEVEL_DB)
    return ((known - levels[:, None]) / RANGE_DB + 2).clamp(LOWEST, HIGHEST)


def paths_of(
    units: Units, strings: NDArray[np.int8], times: NDArray[np.float32], n_outputs: int, n_positions: int | None = None
) -> Paths:
    """Return the ways along the truths of a batch, over ``n_outputs`` outputs of the network."""
    rows, owners = zip(*(_positions(units, row) for row in strings.tolist()), strict=True)
    most = max(2, n_positions or max(len(row) for row in rows))
    outputs = np.full((len(rows), most), units.silence)
    skips = np.full((len(rows), most), 10 * NEVER, dtype=np.float32)
    low, high = np.full((len(rows), most), np.inf, dtype=np.float32), np.full((len(rows), most), -np.inf, np.float32)
    for number, (row, owner) in enumerate(zip(rows, owners, strict=True)):
        n = len(row)
        outputs[number, :n] = row
        words = np.array(owner)
        begins = np.flatnonzero((words[1:] >= 0) & (words[:-1] < 0)) + 1
        skips[number, begins[1:]] = 0.0
        low[number, :n], high[number, :n] = _when(words, times[number])
    moments = (np.arange(n_outputs) + 0.5) * np.float32(OUTPUT_SECONDS)
    inside = (moments[None, :, None] >= low[:, None, :]) & (moments[None, :, None] <= high[:, None, :])
    return Paths(
        torch.from_numpy(outputs),
        torch.from_numpy(skips),
        torch.where(torch.from_numpy(inside), 0.0, NEVER),
        torch.tensor([len(row) - 1 for row in rows]),
    )


def _positions(units: Units, string: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the outputs along a string, silence before, between and after, and which word each belongs to (or -1)."""
    outputs, owners = [units.silence], [-1]
    for number, unit in enumerate(unit for unit in string if unit != NO_UNIT):
        states = units.outputs_of(unit)
        outputs += [*states, units.silence]
        owners += [number] * len(states) + [-1]
    return outputs, owners


def _when(words: NDArray[np.int_], times: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return from when to when a string may be at each position; any time where its times are not known."""
    starts, ends = times[:, 0], times[:, 1]
    before = np.maximum.accumulate(np.where(words >= 0, words, -1))  # of a pause: the word before it
    in_word = words >= 0
    n_words = int(words.max()) + 1
    low = np.where(in_word, starts[words] - TOLERANCE_SECONDS, ends[before] - PAUSE_TOLERANCE_SECONDS)
    after = np.minimum(before + 1, max(n_words - 1, 0))
    high = np.where(in_word, ends[words] + TOLERANCE_SECONDS, starts[after] + PAUSE_TOLERANCE_SECONDS)
    low = np.where(before < 0, -np.inf, low)
    high = np.where(~in_word & (before == n_words - 1), np.inf, high)
    return np.nan_to_num(low, nan=-np.inf).astype(np.float32), np.nan_to_num(high, nan=np.inf).astype(np.float32)


def states_of(
    units: Units, strings: NDArray[np.int8], times: NDArray[np.float32], n_outputs: int, unknown: int = -100
) -> Tensor:
    """Guess the state at each output, ``(n, n_outputs)``: a word's states share its time alike.

    ``unknown`` throughout where the times of a string are not known.
    """
    moments = (np.arange(n_outputs) + 0.5) * OUTPUT_SECONDS
    targets = np.full((len(strings), n_outputs), units.silence)
    for number, (string, when) in enumerate(zip(strings.tolist(), times, strict=True)):
        for unit, (start, end) in zip((u for u in string if u != NO_UNIT), when, strict=False):
            if np.isnan(start):
                targets[number] = unknown
                break
            states = np.array(units.outputs_of(unit))
            inside = np.flatnonzero((moments >= start) & (moments < end))
            share = (moments[inside] - start) / max(end - start, 1e-6)
            targets[number, inside] = states[np.minimum((share * len(states)).astype(int), len(states) - 1)]
    return torch.from_numpy(targets)


def usable(n_frames: int) -> int:
    """Return how many outputs of a recording of so many frames speak of it: the last ones came too early."""
    return n_frames // 2 - DELAY


def write(folder: Path, name: str, strings: Iterable[Said]) -> None:
    """Write strings to ``folder``, the files of one length together: ``name-FRAMES-ARRAY.npy``."""
    rows: dict[int, list[tuple[NDArray[np.uint8], NDArray[np.int8], NDArray[np.float32]]]] = {}
    for said in strings:
        row = as_bytes(said)
        rows.setdefault(row[0].shape[1], []).append(row)
    for n_frames, of_length in rows.items():
        for array, values in zip(ARRAYS, zip(*of_length, strict=True), strict=True):
            with replace_atomically(folder / f"{name}-{n_frames}-{array}.npy") as draft, draft.open("wb") as file:
                np.save(file, np.stack(values))


def read(folder: Path) -> dict[int, Strings]:
    """Return the strings that were written to ``folder``, by their number of frames."""
    lengths = sorted({int(path.stem.split("-")[-2]) for path in folder.glob("*-decibels.npy")})
    found = {}
    for n_frames in lengths:
        names = sorted(path.name.removesuffix("decibels.npy") for path in folder.glob(f"*-{n_frames}-decibels.npy"))
        parts = [[np.load(folder / f"{name}{array}.npy", mmap_mode="r") for array in ARRAYS] for name in names]
        found[n_frames] = Strings(*(np.concatenate(values) for values in zip(*parts, strict=True)))
    return found
