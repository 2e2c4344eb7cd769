"""Which recordings of a run are worth a listen, and the clips that they sound like.

Labels in doubt, the same recording twice, clips that are not recognised. The judge is the run's out-of-fold
probabilities, ``(n_clips, n_classes)``: what networks say of clips that they were not trained on.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform, load_waveform
from sutja.clips import Clip
from sutja.errors import AudioError, RunError
from sutja.listening import Samples, digest, listen
from sutja.metrics import Integers, Probabilities, accuracy
from sutja.progress import SILENT, Progress
from sutja.reports.doubts import Doubt, doubtful_labels, unrecognised
from sutja.reports.duplicates import AUDIO, Pair, Sketches, find_duplicates, nearest, sketch

FILE = "out_of_fold.npz"
ENSEMBLE = "ensemble"
COLUMNS = ("names", "paths", "speakers", "true_labels")
KNOWN = 0.5
"""A label is known when the networks get this share of its clips; they cannot judge clips of any other."""
N_WAVEFORMS_KEPT = 4_096
"""While they are compared: half a second each, about 64 MB."""


@dataclass(frozen=True)
class OutOfFold:
    """What a run's networks say of clips that they did not learn from, a row a clip."""

    clips: tuple[Clip, ...]
    labels: tuple[str, ...]
    """In class order."""
    targets: Integers
    """Class of each clip's own label, ``(n_clips,)``."""
    probabilities: Probabilities
    """The ensemble's, ``(n_clips, n_classes)``."""
    members: tuple[Probabilities, ...]
    """Those of each kind of network."""
    protocol: str

    @property
    def accuracy(self) -> float:
        """The share of clips for which the most probable label is their own."""
        return accuracy(self.targets, self.probabilities)

    @property
    def unknown_labels(self) -> tuple[str, ...]:
        """Labels that the networks hardly know, in class order: most have few clips to learn from."""
        right = self.probabilities.argmax(axis=1) == self.targets
        shares = np.bincount(self.targets, right, len(self.labels)) / np.bincount(
            self.targets, minlength=len(self.labels)
        )
        return tuple(label for label, share in zip(self.labels, shares, strict=True) if share < KNOWN)


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
        return " and ".join(word for word in ("label", "speaker") if getattr(a, word) != getattr(b, word))


def find(out_of_fold: OutOfFold, progress: Progress = SILENT) -> Review:
    """Look for everything that is worth a listen; doubts about labels that the networks hardly know come last."""
    doubtful = doubtful_labels(out_of_fold.targets, out_of_fold.probabilities)
    unknown_labels = out_of_fold.unknown_labels
    doubtful.sort(key=lambda doubt: out_of_fold.labels[doubt.target] in unknown_labels)  # stable
    not_recognised = unrecognised(out_of_fold.targets, out_of_fold.probabilities, out_of_fold.members)
    sketched = sketch_clips(out_of_fold.clips, progress)
    duplicates = _duplicates(out_of_fold, sketched, progress)
    return Review(out_of_fold, doubtful, not_recognised, duplicates, sketched)


# -- reading a run ---------------------------------------------------------------------------------------------------


def read_out_of_fold(run: Path) -> OutOfFold:
    """Read what a finished run's networks say of clips that they did not learn from.

    Where a clip is judged several times (the study's padded copies), its probabilities are averaged.

    Raises
    ------
    RunError
        When the folder is not a run, the run is not finished, or a file of it is damaged.

    """
    protocol = _protocol(run)
    table, labels, rows = _read_table(run / FILE)
    order = {label: index for index, label in enumerate(labels)}
    first: dict[tuple[str, ...], int] = {}
    place = np.array([first.setdefault(key, len(first)) for key in zip(*table, strict=True)], dtype=np.int64)
    clips = tuple(Clip(Path(path), name, label, speaker or None) for name, path, speaker, label in first)
    targets = np.array([order[str(clip.label)] for clip in clips], dtype=np.int64)
    means = {member: _mean_by(place, probabilities) for member, probabilities in rows.items()}
    ensemble = means.pop(ENSEMBLE)
    return OutOfFold(clips, tuple(labels), targets, ensemble, tuple(means.values()) or (ensemble,), protocol)


def _mean_by(place: Integers, rows: Probabilities) -> Probabilities:
    """Average the rows of each clip: ``(n_rows, n_classes)`` to ``(n_clips, n_classes)``."""
    sums = np.zeros((int(place.max()) + 1, rows.shape[1]))
    np.add.at(sums, place, rows)
    return (sums / np.bincount(place)[:, None]).astype(np.float32)


def _protocol(run: Path) -> str:
    if not (run / "config.json").is_file():
        raise RunError(f"{run}: is not a run (no config.json in it); expected the --out folder of `sutja train`")
    path = run / "metrics.json"
    if not path.is_file():
        raise RunError(f"{run}: is not finished (no metrics.json in it); go on with it by `sutja train ... --resume`")
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["protocol"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: cannot be read ({error}); expected the metrics of a run; train it again") from error


def _read_table(path: Path) -> tuple[list[list[str]], list[str], dict[str, Probabilities]]:
    """Return the columns, the labels in class order and each member's probabilities, a row a judged input."""
    try:
        with np.load(path, allow_pickle=False) as file:
            table = [file[name].tolist() for name in COLUMNS]
            labels, ensemble = file["labels"].tolist(), file[ENSEMBLE]
            rows = {
                name: file[name] for name in file.files if file[name].shape == ensemble.shape and ensemble.ndim == 2
            }
    except FileNotFoundError as error:
        raise RunError(f"{path}: no such file; expected a run by this version of sutja; train it again") from error
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{path}: cannot be read ({error}); train the run again") from error
    n_rows = len(ensemble)
    if ensemble.shape != (n_rows, len(labels)) or {len(column) for column in table} != {n_rows} or not n_rows:
        raise RunError(f"{path}: its columns do not fit together; expected a row a clip; train the run again")
    if not all(np.isfinite(values).all() for values in rows.values()) or not set(table[-1]) <= set(labels):
        raise RunError(f"{path}: holds probabilities or labels that no run writes; train the run again")
    return table, labels, rows


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
        return load_waveform(out_of_fold.clips[sketched.indices[row]].path, AUDIO)

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
