"""Which part of a longer recording is judged: the voice, and not whatever is loudest; and how many words there are.

A network hears a window of a second or so. Of a longer recording it is shown the loudest one, after sounds that would
take the window from the voice have been silenced: a door, a thump, another word. What is the voice is told by
duration: levels are capped, so that a burst gains nothing by being loud, and a burst's level falls at once, where a
vowel stays. Chosen among trials in docs/decisions/2026-11-26-window-by-voice.md.

Waveforms are float32 ``(n_samples,)``. Levels are whole tenths of a decibel of frames of 10 ms: exported graphs
(:mod:`sutja.graph`) choose by the same numbers, and no last bit of a logarithm may decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.speech import HOP_SECONDS, samples_in

Integers = NDArray[np.int64]

BASELINE_SECONDS = 0.003
"""A moving average so long is taken away: below some 200 Hz are thumps, hum and wind, and little that tells words."""
QUIETEST_POWER = 1e-12
ROOM_SHARE = 5
"""One frame in so many is not louder than the room."""
OVER_ROOM = 60
BELOW_PEAK = 300
LEAST_RANGE = 60
CAP = 120
"""Tenths of a decibel: a frame sounds when it is 6 dB over the room and 30 dB below the loudest frame or less; 6 dB
below the loudest it sounds in the noisiest room. More than 12 dB above that counts as 12."""
CLOSING = 9
"""Frames on either side that belong to a sound: the stop in "six" or "eight" is no pause between words."""
NEAR_PEAK = 80
LONG_PEAK = 15
"""A sound within 8 dB of its own peak for fewer frames counts for less: a door's falls by that in a tenth of a second
or sooner, a vowel's does not."""
LEAST_VOICE = 15
"""Frames that sound in what is taken for the voice; where nothing has so many, the loudest window is as good as any."""
RIVAL = 0.5
"""Another sound is silenced when it has this share of the voice's energy: a softer one does not take the window."""
SHORTEST_PAIR_SECONDS = 0.4
"""Two words and the pause between them take longer."""
LEAST_WORD = 8
WORD_SCORE = 0.2
"""A word has so many frames that sound, and this share of the best word's score."""


@dataclass(frozen=True)
class Words:
    """How many words a recording seems to hold, as far as pauses part them."""

    n: int = 1
    judged_at: float = 0.0
    """Where the one begins that is judged, seconds."""
    seconds: float = 0.0
    """How long that one sounds; 0 where the recording is too short for more than one."""


@dataclass(frozen=True)
class Sounds:
    """The stretches of a recording that sound, in order, with pauses of 0.2 s or more between them."""

    frames: Integers
    """First and last frame of each that sounds, both included, ``(n_sounds, 2)``."""
    scores: Integers
    """Capped level and duration: how much of a voice each is, ``(n_sounds,)``."""
    n_sounding: Integers
    """Frames of each that sound, ``(n_sounds,)``."""

    @property
    def voice(self) -> int | None:
        """The one that is most of a voice; None where there is none."""
        best = int(self.scores.argmax())
        return best if self.n_sounding[best] >= LEAST_VOICE else None


def sounds_in(waveform: Waveform, sample_rate: int) -> Sounds:
    """Find what sounds in a recording, which has a frame at least, ``(n_samples,)``."""
    exact, hop = waveform.astype(np.float64), samples_in(HOP_SECONDS, sample_rate)
    levels = _levels(_without_baseline(exact, sample_rate), hop)
    peak = int(levels.max())
    room = int(np.sort(levels)[(len(levels) - 1) // ROOM_SHARE])
    over = np.clip(levels - min(max(room + OVER_ROOM, peak - BELOW_PEAK), peak - LEAST_RANGE), 0, CAP)
    sounding = np.flatnonzero(over)
    begins = np.flatnonzero(np.diff(sounding, prepend=-2 * CLOSING - 2) > 2 * CLOSING + 1)
    ends = np.append(begins[1:], len(sounding))
    n_sounding, heard = ends - begins, levels[sounding]
    peaks = np.repeat(np.maximum.reduceat(heard, begins), n_sounding)
    long = np.add.reduceat((heard >= peaks - NEAR_PEAK).astype(np.int64), begins)
    scores = np.add.reduceat(over[sounding], begins) * np.minimum(long, LONG_PEAK)
    return Sounds(np.stack([sounding[begins], sounding[ends - 1]], axis=1), scores, n_sounding)


def judged(waveform: Waveform, sample_rate: int, n_samples: int) -> Waveform:
    """Return the ``n_samples`` in a row that are judged; the whole waveform if it is not longer.

    >>> judged(np.array([0, 0, 3, 4, 0], dtype=np.float32), 100, 2)
    array([3., 4.], dtype=float32)
    """
    if len(waveform) <= n_samples:
        return waveform
    alone = without_rivals(waveform, sample_rate)
    start = loudest_start(alone, n_samples)
    return alone[start : start + n_samples]


def judged_start(waveform: Waveform, sample_rate: int, n_samples: int) -> int:
    """Return the sample at which what :func:`judged` returns begins.

    >>> judged_start(np.array([0, 0, 3, 4, 0], dtype=np.float32), 100, 2)
    2
    """
    if len(waveform) <= n_samples:
        return 0
    return loudest_start(without_rivals(waveform, sample_rate), n_samples)


def without_rivals(waveform: Waveform, sample_rate: int) -> Waveform:
    """Silence the sounds that have as much energy as the voice, or half of it; no voice, no rivals."""
    hop = samples_in(HOP_SECONDS, sample_rate)
    if len(waveform) < hop:
        return waveform
    sounds = sounds_in(waveform, sample_rate)
    voice = sounds.voice
    if voice is None or len(sounds.scores) == 1:
        return waveform
    n_frames = len(waveform) // hop
    begins, ends = np.clip(sounds.frames + np.array([-CLOSING, CLOSING + 1]), 0, n_frames).T
    energy = np.concatenate(([0.0], _frame_sums(np.square(waveform.astype(np.float64)), hop).cumsum()))
    energies = energy[ends] - energy[begins]
    silenced = np.zeros(n_frames, dtype=np.bool_)
    for rival in np.flatnonzero(energies >= RIVAL * energies[voice]):
        if rival != voice:
            silenced[begins[rival] : ends[rival]] = True
    frames = np.minimum(np.arange(len(waveform)) // hop, len(silenced) - 1)  # what is left of a frame ends as the last
    return np.where(silenced[frames], np.float32(0), waveform)


def words_in(waveform: Waveform, sample_rate: int) -> Words:
    """Count the words of a recording, as far as pauses part them; and say where the one that is judged begins."""
    if len(waveform) < SHORTEST_PAIR_SECONDS * sample_rate:
        return Words()
    sounds = sounds_in(waveform, sample_rate)
    is_word = (sounds.n_sounding >= LEAST_WORD) & (sounds.scores >= WORD_SCORE * sounds.scores.max())
    first, last = (int(frame) for frame in sounds.frames[sounds.scores.argmax()])
    hop_seconds = samples_in(HOP_SECONDS, sample_rate) / sample_rate
    return Words(max(1, int(is_word.sum())), first * hop_seconds, (last + 1 - first) * hop_seconds)


def loudest_start(waveform: Waveform, n_samples: int) -> int:
    """Return the sample at which the ``n_samples`` in a row begin that hold the most energy.

    >>> loudest_start(np.array([0, 0, 3, 4, 0], dtype=np.float32), 2)
    2
    """
    if len(waveform) <= n_samples:
        return 0
    energy = np.concatenate(([0.0], np.cumsum(np.square(waveform, dtype=np.float64))))
    return int(np.argmax(energy[n_samples:] - energy[:-n_samples]))


def baseline_samples(sample_rate: int) -> int:
    """Return how many samples on either side the moving average takes in."""
    return samples_in(BASELINE_SECONDS / 2, sample_rate)


def _without_baseline(exact: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Take the moving average away, ``(n_samples,)``; beyond the ends there is silence."""
    side = baseline_samples(sample_rate)
    sums = np.concatenate((np.zeros(side + 1), exact.cumsum()))
    sums = np.concatenate((sums, np.full(side, sums[-1])))
    length = 2 * side + 1
    return np.asarray(exact - (sums[length:] - sums[:-length]) / length)


def _levels(exact: NDArray[np.float64], hop: int) -> Integers:
    """Return the level of every whole frame, tenths of dBFS, ``(n_frames,)``."""
    power = _frame_sums(np.square(exact), hop) / hop
    return np.round(100 * np.log10(np.maximum(power, QUIETEST_POWER))).astype(np.int64)


def _frame_sums(values: NDArray[np.float64], hop: int) -> NDArray[np.float64]:
    return np.diff(np.concatenate(([0.0], values.cumsum()))[::hop])
