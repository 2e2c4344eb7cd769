"""What is in a data set and what is wrong with it: counts, rates, durations, and the clips to look at.

Every clip is decoded once, as it is. Durations are in seconds, levels in dBFS (full scale is 0 dB). A problem is a
hint and no verdict: the clip is named, with what was found.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja.audio import decode, printable
from sutja.clips import Clip, natural_order
from sutja.config import AudioConfig, Config
from sutja.dataset import Dataset
from sutja.errors import AudioError, DatasetError

SILENT_DB = -70.0
"""A word never peaks below this: AudioMNIST, the quietest corpus we know, peaks at about -40 dBFS."""
FULL_SCALE = 0.99
"""8-bit recordings are clipped at 127/128, 16-bit ones at 32767/32768."""
CLIPPED_RUN = 3
"""That many equal samples in a row at full scale: a peak that was reached, not cut, has one or two."""
OFFSET_SHARE = 0.1
"""A mean above this share of the sound's own level (root mean square) is an offset. In five of our six corpora 96 % of
the clips or more stay below it; in the sixth, FSDD, 468 of the 500 clips of one speaker (nicolas) are above."""

# Kinds of problem, in the order of a report, with what they are called there.
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


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one clip."""

    kind: str
    """One of :data:`PROBLEMS`."""
    name: str
    """The clip's."""
    path: str
    detail: str


@dataclass(frozen=True)
class Durations:
    """How long the clips are, seconds."""

    shortest: float
    median: float
    longest: float
    total: float


@dataclass(frozen=True)
class Inspection:
    """What is in a data set; each mapping is from a value to its number of clips."""

    root: str
    layout: str
    notes: tuple[str, ...]
    n_clips: int
    n_unlabelled: int
    labels: Mapping[str, int]
    speakers: Mapping[str, int]
    splits: Mapping[str, int]
    sample_rates: Mapping[int, int]
    """Hz."""
    channels: Mapping[int, int]
    durations: Durations
    window_seconds: float
    """What enters the network; of longer clips only the loudest part does."""
    problems: tuple[Problem, ...]

    def problems_by_kind(self) -> dict[str, list[Problem]]:
        """Group the problems, in the order of :data:`PROBLEMS`, without the kinds that did not occur."""
        groups = {kind: [p for p in self.problems if p.kind == kind] for kind in PROBLEMS}
        return {kind: group for kind, group in groups.items() if group}

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class _Sound:
    """What was heard of a clip; nothing of its samples stays."""

    problems: tuple[tuple[str, str], ...]
    sample_rate: int = 0
    n_channels: int = 0
    seconds: float = 0.0
    digest: str = ""


def inspect(
    dataset: Dataset, config: Config | None = None, *, progress: Callable[[], None] | None = None
) -> Inspection:
    """Listen to every clip of a data set.

    Parameters
    ----------
    dataset
        From :func:`sutja.dataset.scan`.
    config
        Whose limits and window the durations are held against; the preset `reference` if not given.
    progress
        Called after each clip.

    Raises
    ------
    DatasetError
        When not a single clip can be read.

    """
    config = config or Config()
    sounds = _listen_all(dataset.clips, config, progress)
    heard = [s for s in sounds if s.sample_rate]
    if not heard:
        reason = sounds[0].problems[0][1] if sounds else "there is none"
        raise DatasetError(f"{printable(dataset.root)}: none of its {len(sounds)} clips can be read: {reason}")
    seconds = [s.seconds for s in heard]
    problems = [_problem(k, c, d) for c, s in zip(dataset.clips, sounds, strict=True) for k, d in s.problems]
    problems += _duplicates(dataset.clips, sounds)
    return Inspection(
        root=printable(dataset.root),
        layout=dataset.description,
        notes=dataset.notes,
        n_clips=len(dataset.clips),
        n_unlabelled=len(dataset.unlabelled),
        labels=_counts(c.label for c in dataset.clips),
        speakers=_counts(c.speaker for c in dataset.clips),
        splits=_counts(c.split for c in dataset.clips),
        sample_rates=dict(sorted(Counter(s.sample_rate for s in heard).items())),
        channels=dict(sorted(Counter(s.n_channels for s in heard).items())),
        durations=Durations(min(seconds), float(np.median(seconds)), max(seconds), math.fsum(seconds)),
        window_seconds=_window_seconds(config),
        problems=tuple(sorted(problems, key=lambda p: list(PROBLEMS).index(p.kind))),
    )


def find_problems(samples: NDArray[np.float32], sample_rate: int, config: Config) -> list[tuple[str, str]]:
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
    problems = _duration_problems(len(samples) / sample_rate, config.audio, _window_seconds(config))
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


def _window_seconds(config: Config) -> float:
    """Return what fits into every member's frames."""
    return min(f.max_samples for f in config.members.values()) / config.audio.sample_rate


def _clipped_runs(samples: NDArray[np.float32]) -> int:
    """Count the places where samples stay at full scale: ``(n_samples, n_channels)``."""
    same = (samples[1:] == samples[:-1]) & (np.abs(samples[1:]) >= FULL_SCALE)
    # A run of n equal samples is n - 1 equal neighbours; each run is counted where it gets long enough.
    steps = CLIPPED_RUN - 1
    if len(same) < steps:
        return 0
    long: NDArray[np.bool_] = np.asarray(np.lib.stride_tricks.sliding_window_view(same, steps, axis=0).all(axis=-1))
    starts = long & ~np.concatenate([np.zeros((1, long.shape[1]), bool), long[:-1]])
    return int(starts.sum())


def _listen_all(clips: Sequence[Clip], config: Config, progress: Callable[[], None] | None) -> list[_Sound]:
    sounds = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # decoding leaves the interpreter lock
        for sound in pool.map(lambda clip: _listen(clip, config), clips):
            sounds.append(sound)
            if progress is not None:
                progress()
    return sounds


def _listen(clip: Clip, config: Config) -> _Sound:
    try:
        samples, sample_rate = decode(clip.path, config.audio)
    except AudioError as error:
        return _Sound((("unreadable", str(error)),))
    problems = tuple(find_problems(samples, sample_rate, config))
    silent = any(kind == "silent" for kind, _ in problems) or not samples.size
    digest = "" if silent else hashlib.sha256(samples.tobytes()).hexdigest()  # silence is its own problem
    return _Sound(problems, sample_rate, samples.shape[1], len(samples) / sample_rate, digest)


def _duplicates(clips: Sequence[Clip], sounds: Sequence[_Sound]) -> list[Problem]:
    """Name each clip that sounds, sample for sample, like an earlier one."""
    same: dict[tuple[str, int], list[Clip]] = defaultdict(list)
    for clip, sound in zip(clips, sounds, strict=True):
        if sound.digest:
            same[sound.digest, sound.sample_rate].append(clip)
    return [
        _problem("duplicate", clip, f"same sound as {first.name}{_difference(first, clip)}")
        for first, *others in same.values()
        for clip in others
    ]


def _difference(first: Clip, clip: Clip) -> str:
    """Say where two clips of one sound contradict each other."""
    for word in ("label", "speaker", "split"):
        one, other = getattr(first, word), getattr(clip, word)
        if one != other:
            return f", but {word} {other or 'none'} and not {one or 'none'}"
    return ""


def _problem(kind: str, clip: Clip, detail: str) -> Problem:
    return Problem(kind, clip.name, printable(clip.path), detail)


def _counts(values: Iterable[str | None]) -> dict[str, int]:
    counts = Counter(values)
    return {value: counts[value] for value in natural_order(counts)}


def _decibel(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf
