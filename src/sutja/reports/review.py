"""Which recordings of a run are worth a listen, and the clips that they sound like.

Labels in doubt, the same recording twice, clips that are not recognised. The judge is the run's out-of-fold
probabilities, ``(n_clips, n_classes)``: what networks say of clips that they were not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform, load_waveform
from sutja.clips import Clip
from sutja.errors import AudioError
from sutja.listening import Samples, digest, listen
from sutja.metrics import Integers
from sutja.progress import SILENT, Progress
from sutja.reports.doubts import Doubt, doubtful_labels, unrecognised
from sutja.reports.duplicates import AUDIO, Pair, Sketches, find_duplicates, nearest, sketch
from sutja.runs import OutOfFold

N_WAVEFORMS_KEPT = 4_096
"""While they are compared: half a second each, about 64 MB."""


@dataclass(frozen=True)
class ClipSketches:
    """What was heard of the clips that are still there."""

    indices: Integers
    """Of the clips in :class:`OutOfFold`, ``(n_readable,)``, in order."""
    sketches: Sketches
    """``(n_readable, n_features)``."""
    digests: tuple[str, ...]
    unreadable: tuple[tuple[int, str], ...]
    """Clips that cannot be heard, and why."""


@dataclass(frozen=True)
class Review:
    """What was found. Indices are of ``out_of_fold.clips``."""

    out_of_fold: OutOfFold
    doubtful: list[Doubt]
    unrecognised: list[Doubt]
    duplicates: list[Pair]
    sketched: ClipSketches

    def across(self, pair: Pair) -> str:
        """Say what two clips of one recording differ in: "label", "speaker", "label and speaker" or nothing."""
        a, b = (self.out_of_fold.clips[i] for i in (pair.first, pair.second))
        return " and ".join(field for field in ("label", "speaker") if getattr(a, field) != getattr(b, field))


def find(out_of_fold: OutOfFold, progress: Progress = SILENT) -> Review:
    """Look for everything that is worth a listen; doubts about labels that the networks hardly know come last."""
    doubtful = doubtful_labels(out_of_fold.targets, out_of_fold.probabilities)
    unknown_labels = out_of_fold.unknown_labels
    doubtful.sort(key=lambda doubt: out_of_fold.labels[doubt.target] in unknown_labels)  # stable
    not_recognised = unrecognised(out_of_fold.targets, out_of_fold.probabilities, out_of_fold.members)
    sketched = sketch_clips(out_of_fold.clips, progress)
    duplicates = _duplicates(out_of_fold, sketched, progress)
    return Review(out_of_fold, doubtful, not_recognised, duplicates, sketched)


# -- listening -------------------------------------------------------------------------------------------------------


def sketch_clips(clips: Sequence[Clip], progress: Progress = SILENT) -> ClipSketches:
    """Sketch every clip that is still there."""

    def sketched(_: int, samples: Samples, sample_rate: int) -> tuple[NDArray[np.float32], str]:
        return sketch(load_waveform(samples, AUDIO, sample_rate=sample_rate)), digest(samples)

    step = progress.stage("listening", len(clips), "clip")
    results = list(enumerate(listen(clips, AUDIO, sketched, progress=step)))
    there = [(index, result) for index, result in results if not isinstance(result, AudioError)]
    return ClipSketches(
        np.array([index for index, _ in there], dtype=np.int64),
        np.array([vector for _, (vector, _) in there], dtype=np.float32),
        tuple(of_samples for _, (_, of_samples) in there),
        tuple((index, result.reason) for index, result in results if isinstance(result, AudioError)),
    )


def _duplicates(out_of_fold: OutOfFold, sketched: ClipSketches, progress: Progress) -> list[Pair]:
    """Find the same recording twice; pairs under another label or speaker first."""

    @lru_cache(maxsize=N_WAVEFORMS_KEPT)
    def hear(row: int) -> Waveform:
        return load_waveform(out_of_fold.clips[sketched.indices[row]].source, AUDIO)

    rows = find_duplicates(sketched.sketches, sketched.digests, hear, progress=progress)
    clips, indices = out_of_fold.clips, sketched.indices
    pairs = [replace(p, first=int(indices[p.first]), second=int(indices[p.second])) for p in rows]

    def weight(pair: Pair) -> tuple[bool, bool]:
        a, b = clips[pair.first], clips[pair.second]
        return a.label == b.label, a.speaker == b.speaker

    return sorted(pairs, key=weight)  # stable: the most alike stay first


def neighbour(review: Review, index: int, target: int) -> int | None:
    """Return the clip of a label that sounds most like clip ``index``, of those whose own label is not in doubt."""
    sketched = review.sketched
    row = np.searchsorted(sketched.indices, index)
    if row == len(sketched.indices) or sketched.indices[row] != index:
        return None  # the clip itself is gone
    doubted = [doubt.index for doubt in (*review.doubtful, *review.unrecognised)]
    of_label = (review.out_of_fold.targets[sketched.indices] == target) & ~np.isin(sketched.indices, doubted)
    best = nearest(sketched.sketches, int(row), np.flatnonzero(of_label))
    return None if best is None else int(sketched.indices[best])
