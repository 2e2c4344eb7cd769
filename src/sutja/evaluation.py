"""A predictor over labelled clips: what we ship is what we score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.calibration import ReliabilityBin, calibration_error, reliability
from sutja.dataset import Clip
from sutja.errors import AudioError, DatasetError
from sutja.metrics import (
    Integers,
    Interval,
    Probabilities,
    Share,
    accuracy,
    by_group,
    confusion_matrix,
    speaker_interval,
    wilson_interval,
)
from sutja.predictor import Predictor

GROUPS = ("corpus", "sex", "gender", "accent", "dialect", "native speaker", "country")
MAX_GROUPS = 20  # an attribute with more values is a free text, not a group


@dataclass(frozen=True)
class Scores:
    """How well labelled clips were recognised."""

    accuracy: float
    interval95: Interval | None
    interval_method: str
    n_clips: int
    ece: float
    """Expected calibration error: how far the probability of the answer is from the share that is right."""
    confusion_matrix: list[list[int]]
    """Rows are true labels, columns predicted ones."""
    by_label: dict[str, Share]
    by_speaker: dict[str, Share]
    by_attribute: dict[str, dict[str, Share]]
    """By sex, accent and the like, where the data says so."""
    reliability: list[ReliabilityBin]
    """Of clips sorted by the probability of the answer: how sure it was, and how many were right."""


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a data set, and the clips that could not be used."""

    scores: Scores
    labels: tuple[str, ...]
    rejected_rate: float
    """Share of the clips that the model took for nothing in its vocabulary; the accuracy is of the most probable
    label all the same, so that models which refuse and models which never do can be compared."""
    wrong: list[dict[str, str | float]]
    """Each clip that was taken for another label: path, label, predicted, probability."""
    unreadable: dict[str, str]
    """File name to reason."""


def score(
    clips: Sequence[Clip], targets: Integers, found: Probabilities, *, clustered: bool, n_copies: int = 1
) -> Scores:
    """Score probabilities ``(n, n_classes)``, the rows of each clip side by side.

    ``clustered`` asks for the interval over speakers, where there are at least two; else it is Wilson's over clips.
    """
    right = found.argmax(axis=1) == targets
    share = accuracy(targets, found)
    n_clips = len(clips) // n_copies
    speakers = [clip.speaker for clip in clips]
    if clustered:
        interval, method = speaker_interval(right, speakers), "bootstrap over speakers"
    else:
        interval, method = wilson_interval(share, n_clips), "Wilson over clips"
    return Scores(
        accuracy=share,
        interval95=interval,
        interval_method=method,
        n_clips=n_clips,
        ece=calibration_error(found.max(axis=1), right),
        confusion_matrix=confusion_matrix(targets, found).tolist(),
        by_label=by_group(right, [clip.label for clip in clips], n_copies),
        by_speaker=by_group(right, speakers, n_copies),
        by_attribute=_by_attribute(right, clips, n_copies),
        reliability=reliability(found.max(axis=1), right),
    )


def _by_attribute(right: NDArray[np.bool_], clips: Sequence[Clip], n_copies: int) -> dict[str, dict[str, Share]]:
    names = {name for clip in clips for name in clip.attributes if name.casefold() in GROUPS}
    groups = {name: by_group(right, [c.attributes.get(name) for c in clips], n_copies) for name in sorted(names)}
    return {name: shares for name, shares in groups.items() if 2 <= len(shares) <= MAX_GROUPS}


def evaluate(predictor: Predictor, clips: Sequence[Clip], *, on_clip: Callable[[], None] = lambda: None) -> Evaluation:
    """Predict every clip and compare.

    Raises
    ------
    DatasetError
        When a label is not in the model's vocabulary, or no clip can be used.

    """
    order = {label: index for index, label in enumerate(predictor.labels)}
    unknown = sorted({str(clip.label) for clip in clips} - set(order))
    if unknown:
        raise DatasetError(
            f"labels {', '.join(map(repr, unknown[:5]))} are not in the model's vocabulary "
            f"({', '.join(predictor.labels[:12])}); rename them with --rename OLD=NEW, or leave those clips out"
        )
    rows, judged, wrong, unreadable, n_rejected = [], [], [], {}, 0
    for clip, found in zip(clips, predictor.predict_many(clip.path for clip in clips), strict=True):
        on_clip()
        if isinstance(found, AudioError):
            unreadable[clip.name] = str(found)
            continue
        judged.append(clip)
        rows.append(list(found.probabilities.values()))
        n_rejected += found.rejected
        label = max(found.probabilities, key=found.probabilities.__getitem__)
        if label != clip.label:
            said: dict[str, str | float] = {"path": clip.name, "label": str(clip.label), "predicted": label}
            wrong.append({**said, "probability": found.probability})
    if not judged:
        reason = next(iter(unreadable.values()), "no labelled clips there")
        raise DatasetError(f"no clip could be judged ({reason}); expected labelled recordings")
    targets = np.array([order[str(clip.label)] for clip in judged])
    clustered = len({clip.speaker for clip in judged}) > 1 and all(clip.speaker for clip in judged)
    scores = score(judged, targets, np.array(rows, dtype=np.float32), clustered=clustered)
    return Evaluation(scores, predictor.labels, n_rejected / len(judged), wrong, unreadable)
