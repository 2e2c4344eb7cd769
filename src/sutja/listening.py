"""The one pass over recordings: each clip is decoded once, as it is, and nothing stays but what was made of it.

`sutja data info`, `sutja explore` and `sutja audit` listen through it, each with a function of its own for the decoded
samples, float32 ``(n_samples, n_channels)`` with full scale at [-1, 1]. What they have in common stands here: the facts
of a clip and its faults. A fault is a hint and no verdict. Levels are in dBFS, durations in seconds.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sutja.audio import decode
from sutja.clips import Clip
from sutja.config import AudioConfig, Config
from sutja.engine.threads import each
from sutja.errors import AudioError

Samples = NDArray[np.float32]
Made = TypeVar("Made")

SILENT_DB = -70.0
"""A word never peaks below this: AudioMNIST, the quietest corpus we know, peaks at about -40 dBFS."""
FULL_SCALE = 0.99
"""8-bit recordings are clipped at 127/128, 16-bit ones at 32767/32768."""
CLIPPED_RUN = 3
"""That many equal samples in a row at full scale: a peak that was reached, not cut, has one or two."""
OFFSET_SHARE = 0.1
"""A mean above this share of the sound's own level (root mean square) is an offset. In five of our six corpora 96 % of
the clips or more stay below it; in the sixth, FSDD, 468 of the 500 clips of one speaker (nicolas) are above."""

PROBLEMS = {
    "unreadable": "unreadable",
    "not_finite": "values that are not numbers",
    "silent": "silent",
    "too_short": "too short",
    "too_long": "too long",
    "longer_than_window": "longer than the window",
    "clipped": "clipped",
    "dc_offset": "DC offset",
    "duplicate": "duplicate sound",
}
"""Kinds of problem, in the order of a report, with what they are called there."""


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a clip as soon as it is decoded."""

    name: str
    label: str | None
    speaker: str | None
    split: str | None
    seconds: float
    sample_rate: int
    n_channels: int
    problems: tuple[tuple[str, str], ...] = ()
    """Pairs of kind and detail, as :func:`find_problems` names them."""
    digest: str = ""
    """SHA-256 of the samples: the same in clips that sound the same."""


def listen(
    clips: Sequence[Clip],
    limits: AudioConfig,
    make: Callable[[int, Samples, int], Made],
    *,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[Made | AudioError]:
    """Decode each clip once and give what is made of it, in order; a clip that cannot be used gives its error.

    Parameters
    ----------
    clips
        Of a data set.
    limits
        No more of a clip is read than these allow.
    make
        Called with the clip's place among the clips, its samples and its own sample rate, in several threads. It may
        raise an :class:`~sutja.errors.AudioError` for samples that it cannot use.
    progress
        Called after each clip.

    """

    def hear(index: int) -> Made | AudioError:
        clip = clips[index]
        try:
            samples, sample_rate = decode(clip.source, limits)
            return make(index, samples, sample_rate)
        except AudioError as error:  # a new one: the old one's traceback holds the samples
            return AudioError(clip.name, error.reason)

    for made in each(hear, range(len(clips))):
        yield made
        progress()


def facts(clip: Clip, samples: Samples, sample_rate: int, config: Config) -> ClipFacts:
    """Say what is known of decoded samples, whatever they are."""
    return ClipFacts(
        name=clip.name,
        label=clip.label,
        speaker=clip.speaker,
        split=clip.split,
        seconds=len(samples) / sample_rate,
        sample_rate=sample_rate,
        n_channels=samples.shape[1],
        problems=tuple(find_problems(samples, sample_rate, config)),
        digest=digest(samples),
    )


def digest(samples: Samples) -> str:
    """Return the SHA-256 of samples: two clips have the same where they are the same recording, bit for bit."""
    return hashlib.sha256(samples.tobytes()).hexdigest()


def find_problems(samples: Samples, sample_rate: int, config: Config) -> list[tuple[str, str]]:
    """Say what is wrong with decoded samples, as pairs of kind and detail.

    Parameters
    ----------
    samples
        ``(n_samples, n_channels)``, full scale at [-1, 1].
    sample_rate
        Hz.
    config
        The limits and the window.

    Examples
    --------
    >>> find_problems(np.zeros((8000, 1), np.float32), 8000, Config())
    [('silent', 'every sample is zero')]

    """
    problems = _duration_problems(len(samples) / sample_rate, config.audio, config.window_seconds)
    if not samples.size:
        return problems
    if not np.isfinite(samples).all():
        return [*problems, ("not_finite", "holds NaN or infinity")]
    offset = float(np.abs(samples.mean(axis=0, dtype=np.float64)).max())
    sound = samples - samples.mean(axis=0)
    peak_db = _decibel(float(np.abs(sound).max()))
    if peak_db < SILENT_DB:
        detail = f"peak {peak_db:.0f} dBFS" if samples.any() else "every sample is zero"
        return [*problems, ("silent", detail)]
    n_runs = _clipped_runs(samples)
    if n_runs:
        problems.append(("clipped", f"{n_runs} {'places' if n_runs > 1 else 'place'} at full scale"))
    level = float(np.sqrt(np.square(sound, dtype=np.float64).mean()))
    if offset > OFFSET_SHARE * level:
        problems.append(("dc_offset", f"mean {offset:.4f}, {100 * offset / level:.0f} % of the sound's level"))
    return problems


def _duration_problems(seconds: float, limits: AudioConfig, window_seconds: float) -> list[tuple[str, str]]:
    if seconds < limits.min_seconds:
        return [("too_short", f"{seconds:.3f} s, below {limits.min_seconds:g} s")]
    if seconds > limits.max_seconds:
        return [("too_long", f"above {limits.max_seconds:g} s")]
    if seconds > window_seconds:
        return [("longer_than_window", f"{seconds:.2f} s, above {window_seconds:.2f} s")]
    return []


def _clipped_runs(samples: Samples) -> int:
    """Count the places where samples stay at full scale: ``(n_samples, n_channels)``."""
    if np.abs(samples).max() < FULL_SCALE:  # so it is in nearly all recordings, and sooner known
        return 0
    same = (samples[1:] == samples[:-1]) & (np.abs(samples[1:]) >= FULL_SCALE)
    # A run of n equal samples is n - 1 equal neighbours; each run is counted where it gets long enough.
    steps = CLIPPED_RUN - 1
    if len(same) < steps:
        return 0
    long: NDArray[np.bool_] = np.asarray(np.lib.stride_tricks.sliding_window_view(same, steps, axis=0).all(axis=-1))
    starts = long & ~np.concatenate([np.zeros((1, long.shape[1]), bool), long[:-1]])
    return int(starts.sum())


def _decibel(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf
