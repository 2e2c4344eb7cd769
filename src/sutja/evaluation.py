"""A predictor over labelled clips: what we ship is what we score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja.calibration import ReliabilityBin, calibration_error, curve_of, reliability
from sutja.clips import Clip
from sutja.errors import AudioError, DatasetError
from sutja.groups import GroupShare, by_attribute
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
from sutja.predictor import Prediction, Predictor

FALSE_REJECTS = (0.01, 0.03, 0.05, 0.1)


@dataclass(frozen=True)
class Scores:
    """How well labelled clips were recognised."""

    accuracy: float
    interval95: Interval | None = None
    interval_method: str = ""
    n_clips: int = 0
    ece: float | None = None
    """Expected calibration error: how far the probability of the answer is from the share that is right."""
    confusion_matrix: list[list[int]] = field(default_factory=list)
    """Rows are true labels, columns predicted ones."""
    by_label: dict[str, Share] = field(default_factory=dict)
    by_speaker: dict[str, Share] = field(default_factory=dict)
    by_attribute: dict[str, dict[str, GroupShare]] = field(default_factory=dict)
    """By sex, age, accent, device and whatever else the data says; the worst group first."""
    reliability: list[ReliabilityBin] = field(default_factory=list)
    """Of clips sorted by the probability of the answer: how sure it was, and how many were right."""


@dataclass(frozen=True)
class Outside:
    """How recordings of what is not in the vocabulary fared."""

    n_clips: int
    false_accept_rate: float
    """Share that was taken for a word at the model's own threshold."""
    interval95: Interval
    at_false_rejects: dict[str, float]
    """Share that is taken for a word at the threshold which refuses 1, 3, 5 or 10 % of the vocabulary's clips."""
    accepted_by_label: dict[str, Share]
    det_curve: dict[str, list[float]]


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a data set, and the clips that could not be used."""

    scores: Scores
    labels: tuple[str, ...]
    rejected_rate: float
    """Share of the clips that the model refused as not in its vocabulary; the accuracy is of the most probable
    label all the same, so that models which refuse and models which never do can be compared."""
    wrong: list[dict[str, Any]]
    """Each clip that was taken for another label: path, label, predicted, probability."""
    unreadable: dict[str, str]
    """File name to reason."""
    outside: Outside | None = None


def score(  # noqa: PLR0913
    clips: Sequence[Clip],
    targets: Integers,
    probabilities: Probabilities,
    *,
    clustered: bool,
    n_copies: int = 1,
    rejected: NDArray[np.bool_] | None = None,
) -> Scores:
    """Score probabilities ``(n, n_classes)``, the rows of each clip side by side.

    ``clustered`` asks for the interval over speakers, where there are at least two; else it is Wilson's over clips.
    """
    right = probabilities.argmax(axis=1) == targets
    share = accuracy(targets, probabilities)
    n_clips = len(clips) // n_copies
    speakers = [clip.speaker for clip in clips]
    interval, method = _interval(right, speakers, n_clips, clustered=clustered)
    return Scores(
        accuracy=share,
        interval95=interval,
        interval_method=method,
        n_clips=n_clips,
        ece=calibration_error(probabilities.max(axis=1), right),
        confusion_matrix=confusion_matrix(targets, probabilities).tolist(),
        by_label=by_group(right, [clip.label for clip in clips], n_copies),
        by_speaker=by_group(right, speakers, n_copies),
        by_attribute=by_attribute(right, clips, rejected=rejected, n_copies=n_copies),
        reliability=reliability(probabilities.max(axis=1), right),
    )


def _interval(
    right: NDArray[np.bool_], speakers: Sequence[str | None], n_clips: int, *, clustered: bool
) -> tuple[Interval | None, str]:
    over_clips = wilson_interval(float(right.mean()), n_clips)
    if not clustered:
        return over_clips, "Wilson over clips"
    over_speakers = speaker_interval(right, speakers)
    if over_speakers and over_speakers[0] == over_speakers[1]:  # drawing them again says nothing
        return over_clips, "Wilson over clips; all speakers did alike"
    return over_speakers, "bootstrap over speakers"


def evaluate(
    predictor: Predictor,
    clips: Sequence[Clip],
    *,
    outside: Sequence[Clip] = (),
    on_clip: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Predict every clip and compare; ``outside`` are recordings of what is not in the vocabulary.

    Raises
    ------
    DatasetError
        When a label is not in the model's vocabulary, or no clip can be used.

    """
    check_labels(clips, predictor.labels)
    predictions, unreadable = _predicted(predictor, clips, on_clip)
    if not predictions:
        reason = next(iter(unreadable.values()), "no labelled clips there")
        raise DatasetError(f"no clip could be judged ({reason}); expected labelled recordings")
    judged = [clip for clip, _ in predictions]
    order = {label: index for index, label in enumerate(predictor.labels)}
    targets = np.array([order[str(clip.label)] for clip in judged])
    rows = np.array([list(prediction.probabilities.values()) for _, prediction in predictions], dtype=np.float32)
    clustered = len({clip.speaker for clip in judged}) > 1 and all(clip.speaker for clip in judged)
    rejected = np.array([prediction.rejected for _, prediction in predictions])
    scores = score(judged, targets, rows, clustered=clustered, rejected=rejected)
    wrong = [
        {"path": clip.name, "label": str(clip.label), "predicted": label, "probability": prediction.probability}
        for clip, prediction in predictions
        if (label := prediction.most_probable) != clip.label
    ]
    others, unheard = _predicted(predictor, outside, on_clip)
    kept = _outside(others, rows.max(axis=1)) if others else None
    return Evaluation(scores, predictor.labels, float(rejected.mean()), wrong, unreadable | unheard, kept)


def check_labels(clips: Sequence[Clip], labels: Sequence[str]) -> None:
    """Check that a model of these labels can be judged by clips.

    Raises
    ------
    DatasetError
        When a clip's label is not in the vocabulary.

    """
    unknown = sorted({str(clip.label) for clip in clips} - set(labels))
    if unknown:
        raise DatasetError(
            f"labels {', '.join(map(repr, unknown[:5]))} are not in the model's vocabulary "
            f"({', '.join(labels[:12])}); rename them with --rename OLD=NEW, or leave those clips out"
        )


def _predicted(
    predictor: Predictor, clips: Sequence[Clip], on_clip: Callable[[], None]
) -> tuple[list[tuple[Clip, Prediction]], dict[str, str]]:
    """Return the clips that could be used with what was said of them, and the others with the reason."""
    predictions, unreadable = [], {}
    for clip, answer in zip(clips, predictor.predict_many(clip.source for clip in clips), strict=True):
        on_clip()
        if isinstance(answer, AudioError):
            unreadable[clip.name] = str(answer)
        else:
            predictions.append((clip, answer))
    return predictions, unreadable


def _outside(predictions: Sequence[tuple[Clip, Prediction]], confidence: NDArray[np.float32]) -> Outside:
    others = np.array([prediction.probability for _, prediction in predictions])
    accepted = np.array([not prediction.rejected for _, prediction in predictions])
    rate = float(accepted.mean())
    thresholds = {share: np.quantile(confidence, share, method="lower") for share in FALSE_REJECTS}
    return Outside(
        n_clips=len(predictions),
        false_accept_rate=rate,
        interval95=wilson_interval(rate, len(predictions)),
        at_false_rejects={f"{share:g}": float(np.mean(others >= at)) for share, at in thresholds.items()},
        accepted_by_label=by_group(accepted, [clip.label for clip, _ in predictions]),
        det_curve=curve_of(confidence, others),
    )
