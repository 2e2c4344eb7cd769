"""What is in a data set and what is wrong with it: counts, rates, durations, and the clips to look at.

Made of the facts of each clip, :class:`sutja.listening.ClipFacts`, or of whole profiles, which hold them. Durations
are in seconds. A problem is a hint and no verdict: the clip is named, with what was found.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sutja.audio import printable
from sutja.clips import Clip, natural_order
from sutja.config import Config
from sutja.dataset import Dataset, lost
from sutja.errors import AudioError, DatasetError
from sutja.folders import by_reason, name_below
from sutja.listening import PROBLEMS, ClipFacts, Samples, facts, listen
from sutja.progress import SILENT, Progress


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one clip."""

    kind: str
    """One of :data:`PROBLEMS`."""
    name: str
    """The clip's."""
    path: str
    detail: str
    """What was found, without the clip's name."""

    def to_dict(self) -> dict[str, str]:
        """Return plain values, for JSON; why a clip cannot be read is a whole sentence there."""
        detail = f"{self.path}: {self.detail}" if self.kind == "unreadable" else self.detail
        return dataclasses.asdict(self) | {"detail": detail}


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
    columns: tuple[str, ...]
    """What the columns of tables were taken for."""
    notes: tuple[str, ...]
    n_clips: int
    n_unlabelled: int
    negatives: Mapping[str, int]
    """Recordings of what is to be refused, by what the data set calls it."""
    read: tuple[str, ...]
    """Other files that were read: tables, lists."""
    left_out: Mapping[str, tuple[str, ...]]
    """What else lies there, by reason (:data:`sutja.folders.REASONS`)."""
    labels: Mapping[str, int]
    speakers: Mapping[str, int]
    splits: Mapping[str, int]
    sample_rates: Mapping[int, int]
    """Hz."""
    channels: Mapping[int, int]
    durations: Durations
    window_seconds: float
    """What enters the network; of longer clips only a part does: :mod:`sutja.window`."""
    problems: tuple[Problem, ...]
    lost: tuple[str, ...]
    """Labels and speakers of which no clip can be read."""

    def problems_by_kind(self) -> dict[str, list[Problem]]:
        """Group the problems, in the order of :data:`PROBLEMS`, without the kinds that did not occur."""
        groups = {kind: [p for p in self.problems if p.kind == kind] for kind in PROBLEMS}
        return {kind: group for kind, group in groups.items() if group}

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, for JSON."""
        return dataclasses.asdict(self) | {"problems": [problem.to_dict() for problem in self.problems]}


def inspect(dataset: Dataset, config: Config | None = None, *, progress: Progress = SILENT) -> Inspection:
    """Listen to every clip of a data set.

    Parameters
    ----------
    dataset
        From :func:`sutja.dataset.read`; what is to be refused is listened to as well.
    config
        Whose limits and window the durations are held against; the preset `reference` if not given.
    progress
        Told of each clip.

    Raises
    ------
    DatasetError
        When not a single clip can be read.

    """
    config, clips = config or Config(), dataset.recordings

    def facts_of(index: int, samples: Samples, sample_rate: int) -> ClipFacts:
        return facts(clips[index], samples, sample_rate, config)

    step = progress.stage("listening", len(clips), "clip")
    return inspection_of(dataset, list(listen(clips, config.audio, facts_of, progress=step)), config)


def inspection_of(dataset: Dataset, every: Sequence[ClipFacts | AudioError], config: Config) -> Inspection:
    """Sum up what is known of each recording of a data set, in their order.

    Raises
    ------
    DatasetError
        When not a single clip could be read.

    """
    readable = [clip_facts for clip_facts in every if isinstance(clip_facts, ClipFacts)]
    if not readable:
        reason = next((str(error) for error in every), "there is none")
        raise DatasetError(f"{printable(dataset.root)}: none of its {len(every)} clips can be read: {reason}")
    seconds = [clip_facts.seconds for clip_facts in readable]
    return Inspection(
        root=printable(dataset.root),
        layout=dataset.description,
        columns=dataset.columns,
        notes=dataset.all_notes,
        n_clips=len(dataset.clips),
        n_unlabelled=len(dataset.unlabelled),
        negatives=_counts(c.label for c in dataset.negatives),
        read=tuple(name_below(dataset.root, path) for path in dataset.read),
        left_out=by_reason(dataset.left_out, dataset.root),
        labels=_counts(c.label for c in dataset.clips),
        speakers=_counts(c.speaker for c in dataset.clips),
        splits=_counts(c.split for c in dataset.clips),
        sample_rates=dict(sorted(Counter(f.sample_rate for f in readable).items())),
        channels=dict(sorted(Counter(f.n_channels for f in readable).items())),
        durations=Durations(min(seconds), float(np.median(seconds)), max(seconds), math.fsum(seconds)),
        window_seconds=config.window_seconds,
        problems=_problems(dataset.recordings, every),
        lost=lost(dataset.recordings, _readable(dataset.recordings, every)),
    )


def _problems(clips: Sequence[Clip], every: Sequence[ClipFacts | AudioError]) -> tuple[Problem, ...]:
    problems = []
    same: dict[tuple[str, int], list[Clip]] = defaultdict(list)
    for clip, clip_facts in zip(clips, every, strict=True):
        if isinstance(clip_facts, AudioError):
            problems.append(_problem("unreadable", clip, clip_facts.reason))
            continue
        problems += [_problem(kind, clip, detail) for kind, detail in clip_facts.problems]
        if clip_facts.seconds and "silent" not in dict(clip_facts.problems):  # silence is its own problem
            same[clip_facts.digest, clip_facts.sample_rate].append(clip)
    problems += [_duplicate(first, clip) for first, *others in same.values() for clip in others]
    return tuple(sorted(problems, key=lambda p: list(PROBLEMS).index(p.kind)))


def _readable(clips: Sequence[Clip], every: Sequence[ClipFacts | AudioError]) -> Iterator[Clip]:
    return (clip for clip, heard in zip(clips, every, strict=True) if isinstance(heard, ClipFacts))


def _duplicate(first: Clip, clip: Clip) -> Problem:
    """Say that a clip sounds, sample for sample, like an earlier one."""
    return _problem("duplicate", clip, f"same sound as {first.name}{_difference(first, clip)}")


def _difference(first: Clip, clip: Clip) -> str:
    """Say where two clips of one sound contradict each other."""
    for field in ("label", "speaker", "split"):
        one, other = getattr(first, field), getattr(clip, field)
        if one != other:
            return f", but {field} {other or 'none'} and not {one or 'none'}"
    return ""


def _problem(kind: str, clip: Clip, detail: str) -> Problem:
    return Problem(kind, clip.name, printable(clip.path), detail)


def _counts(values: Iterable[str | None]) -> dict[str, int]:
    counts = Counter(values)
    return {value: counts[value] for value in natural_order(counts)}
