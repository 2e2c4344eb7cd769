"""Where in a recording the word is, and how loud: what lies within so many decibels of its loudest part.

There is no one number of decibels, since a mistake costs each use something else. They stand here side by side, and
each use takes its own:

| number | dB | measured over | used by | because |
|---|---|---|---|---|
| `WORD_DB` | 30 | frames of 25 ms | `profile` | the silence around a word is told to people: breath is silence |
| `SPLICE_DB` | 35 | blocks of 10 ms | `learn.negatives` | what is joined must sound: no breath, but a weak f |
| `SKETCH_DB` | 35 | cells of a log mel | `reports.duplicates` | further below, codecs and rooms have the say |
| `MIXING_DB` | 40 | blocks of 20 ms, mel frames | `augment`, `learn.specaugment` | the level is of all that is said |

In a noisy room `word_frames` asks for less than 30 dB. Two rules are others: a stream has no loudest part yet, so
`endpoints` begins a word 10 dB above a noise floor that follows the room and ends it at 6; and the page
(`page/sound.js`) cuts what it sends at 30 dB below the loudest 20 ms, or at twice the quietest tenth's amplitude.

Waveforms are float32 ``(n_samples,)``; levels dBFS, where 0 dB is the power of a full-scale square wave; spans first
and last frame, both included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform

WORD_DB = 30.0
SPLICE_DB = 35.0
SKETCH_DB = 35.0
MIXING_DB = 40.0

FRAME_SECONDS, HOP_SECONDS = 0.025, 0.010
QUIET_SHARE = 0.1
"""The quietest tenth of the frames is taken for the room; in a tightly trimmed clip it is the end of the word."""
MIN_BELOW_LOUDEST_DB = 6.0
"""A frame nearer to the loudest one belongs to the word, however noisy the room."""
WORD_SHARE = 0.6
"""In a noisy room, a word's frames stand in the upper part of the range between noise and loudest frame."""
SPAN_BLOCK_SECONDS = 0.010
POWER_BLOCK_SECONDS = 0.020

FLOOR_DBFS = -98.0
"""Below the steps of 16 bits there is nothing to measure in a recording."""
QUIETEST_DBFS = -120.0
"""Of a stream, whose samples may have more bits: what digital silence is told as."""


def samples_in(seconds: float, sample_rate: int) -> int:
    """Return how many samples a stretch of time has, at least one.

    >>> samples_in(0.01, 16_000), samples_in(0.01, 44_100), samples_in(0.01, 10)
    (160, 441, 1)
    """
    return max(1, round(seconds * sample_rate))


def power_ratio(below_db: float) -> float:
    """Return what share of a power lies so many decibels below it.

    >>> power_ratio(40.0)
    0.0001
    """
    return float(10 ** (-below_db / 10))


def levels_of(power: NDArray[np.float64] | np.float64, floor_dbfs: float) -> NDArray[np.float64]:
    """Return powers (mean squares) as levels, dBFS, none below the floor.

    >>> levels_of(np.array([1.0, 0.01, 0.0]), -98.0).tolist()
    [0.0, -20.0, -98.0]
    """
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (floor_dbfs / 10))))


def dbfs(waveform: Waveform) -> float:
    """Return the level of a stretch of sound, to a tenth of a decibel.

    >>> dbfs(np.full(100, 0.1, dtype=np.float32))
    -20.0
    """
    power = np.float64(np.square(waveform, dtype=np.float64).mean() if len(waveform) else 0)
    return round(float(levels_of(power, QUIETEST_DBFS)), 1)


def frame_levels(waveform: Waveform, sample_rate: int) -> NDArray[np.float64]:
    """Return the level of each 25 ms frame, every 10 ms, in dBFS, not below ``FLOOR_DBFS``: ``(n_frames,)``."""
    length = min(len(waveform), round(FRAME_SECONDS * sample_rate))
    energy = np.concatenate(([0.0], np.cumsum(np.square(waveform, dtype=np.float64))))
    starts = np.arange(0, len(waveform) - length + 1, samples_in(HOP_SECONDS, sample_rate))
    return levels_of((energy[starts + length] - energy[starts]) / length, FLOOR_DBFS)


def spoken_span(levels: NDArray[np.float64], *, below_db: float) -> tuple[int, int]:
    """Return the first and the last frame that are within ``below_db`` of the loudest.

    >>> spoken_span(np.array([-60.0, -25.0, -40.0, -10.0, -60.0]), below_db=30)
    (1, 3)
    """
    frames = np.flatnonzero(levels >= float(levels.max()) - below_db)
    return int(frames[0]), int(frames[-1])


def word_frames(levels: NDArray[np.float64]) -> tuple[int, int]:
    """Return the first and the last frame that belong to the word, from :func:`frame_levels`.

    At most ``WORD_DB`` below the loudest frame; less where the room is noisy, so that its noise is no word.
    """
    over_room = float(levels.max()) - float(np.quantile(levels, QUIET_SHARE))
    return spoken_span(levels, below_db=min(WORD_DB, max(MIN_BELOW_LOUDEST_DB, WORD_SHARE * over_room)))


def spoken_part(waveform: Waveform, sample_rate: int, *, below_db: float) -> Waveform:
    """Cut away what is ``below_db`` or more below the loudest 10 ms, at both ends; silence is left as it is."""
    n_block = samples_in(SPAN_BLOCK_SECONDS, sample_rate)
    energy = np.square(_blocks(waveform, n_block)).sum(axis=1)
    loud = np.flatnonzero(energy > energy.max() * power_ratio(below_db))
    if len(energy) < 2 or not len(loud):
        return waveform
    return waveform[loud[0] * n_block : (loud[-1] + 1) * n_block]


def speech_power(waveform: Waveform, sample_rate: int, *, below_db: float) -> float:
    """Return the mean power of the blocks of 20 ms that are within ``below_db`` of the loudest.

    >>> word = np.concatenate([np.zeros(800), np.full(800, 0.5), np.zeros(1600)]).astype(np.float32)
    >>> speech_power(word, 8_000, below_db=40)
    0.25
    """
    power = np.square(_blocks(waveform, samples_in(POWER_BLOCK_SECONDS, sample_rate))).mean(axis=1)
    return float(power[power >= power.max() * power_ratio(below_db)].mean())


def _blocks(waveform: Waveform, n_block: int) -> NDArray[np.float32]:
    """Cut into whole blocks, ``(n_blocks, n_block)``, without the rest; what is shorter than a block is one."""
    n_blocks = max(1, len(waveform) // n_block)
    return waveform[: n_blocks * n_block].reshape(n_blocks, -1)
