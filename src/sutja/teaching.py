"""Own words in seconds: a head on a body that is already there, what it is worth, and what to do next.

A body is a model whose network gives an embedding and that brings sounds outside any vocabulary
(:mod:`sutja.outside`). Clips are embedded once, ``(n, n_embedding)``; the head is fitted in closed form
(:mod:`sutja.fitting`), which says at no cost what a head fitted without a clip, or without a speaker, makes of it. No
torch, and what is reported is what ships: the same head, with the clips back in. Augmented versions of the clips did
not pay (docs/decisions/2026-11-26-own-words.md).
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja import bundle, evaluation, outside
from sutja.audio import printable
from sutja.bundle import DEFAULT_MODEL, EXPORT_AGAIN, Bundle, Member
from sutja.calibration import Calibration, calibrate
from sutja.clips import Clip, natural_order
from sutja.config import EvaluationProtocol, RefusalConfig, preset
from sutja.dataset import Dataset, read, tell_left_out
from sutja.errors import AudioError, BundleError, ConfigError, DatasetError, listed
from sutja.fitting import Fit, fit_head
from sutja.heads import Embeddings
from sutja.lexicon import said, vocabulary
from sutja.metrics import Integers, Probabilities
from sutja.outside import NOISE, Outside
from sutja.plan import protocol_of_takes
from sutja.predictor import Predictor
from sutja.progress import SILENT, Progress, roughly
from sutja.records import FieldError
from sutja.runs import ENSEMBLE, Advice, MemberScores, Metrics

N_FOLDS = 5  # of the calibration: each part of the clips by what the others fitted
FEW_TAKES, MORE_TAKES = 3, 3
ALIKE_SHARE, ALIKE_CLIPS = 0.1, 2  # of a word's clips that are taken for one other word, before it is told
N_PAIRS = 3  # of those that are named
N_SHOWN = 5  # of many names
TIMED = 8  # clips
FIT_SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class Takes:
    """Clips with what the body makes of them, ``(n, n_embedding)``."""

    clips: tuple[Clip, ...]
    embeddings: Embeddings

    def __add__(self, more: Takes) -> Takes:
        return Takes(self.clips + more.clips, np.concatenate([self.embeddings, more.embeddings]))

    @property
    def labels(self) -> tuple[str, ...]:
        """In class order."""
        return natural_order(clip.label for clip in self.clips)


@dataclass(frozen=True)
class Lesson:
    """How words are taught."""

    protocol: EvaluationProtocol | None = None
    """`speakers` where every word is said by two or more who are named, else `clips`, unless it is told."""
    refusal: RefusalConfig = field(default_factory=lambda: preset("quick").refusal or RefusalConfig())
    language: str | None = None
    spoken: tuple[tuple[str, str], ...] = ()
    """What is said for a label, where that is not the label."""
    skip_unreadable: bool = False


@dataclass(frozen=True, eq=False)
class Judged:
    """What heads that did not learn from them say of the takes, and of what is to be refused."""

    probabilities: Probabilities
    """Of the takes, ``(n_takes, n_labels)``, calibrated."""
    refused: Probabilities
    """Of the sounds outside, ``(n_outside, n_labels)``."""
    folds: Integers
    """Whose calibration each row had, from 0: the takes, then the sounds outside."""
    words: tuple[str, ...]
    """That the sounds outside say."""
    kinds: tuple[str, ...]
    """Of the sounds outside: `other word` or `noise`."""


class Taught(Predictor):
    """A model of own words: a :class:`~sutja.Predictor` that knows how good it is, and takes more."""

    def __init__(  # noqa: PLR0913
        self,
        fitted: Bundle,
        body: Predictor,
        takes: Takes,
        lesson: Lesson,
        metrics: Metrics,
        negatives: Takes | None = None,
    ) -> None:
        super().__init__(fitted)
        self.body, self.takes, self.lesson, self.metrics = body, takes, lesson, metrics
        self.negatives = negatives

    def __reduce__(self) -> tuple[type[Predictor], tuple[Bundle]]:
        """Copy the model alone: a copy predicts, and is not taught."""
        return Predictor, (self.bundle,)

    @property
    def advice(self) -> list[str]:
        """What to do next, the most helpful first; empty where nothing is known to help.

        In English; ``metrics.advice`` has it as typed values that say it in Korean, too.
        """
        return [one.text() for one in self.metrics.advice]

    def with_takes(self, data: Data, *, progress: Progress = SILENT) -> Taught:
        """Teach more takes, or more words, beside those that it has; about a second.

        Raises
        ------
        DatasetError
            When nothing of ``data`` can be used.

        """
        more, others = _heard_of(data, self.body, self.lesson, progress)
        negatives = self.negatives + others if self.negatives and others else self.negatives or others
        return taught_by(self.takes + more, self.body, self.lesson, negatives)

    def without(self, label: str) -> Taught:
        """Forget a word.

        Raises
        ------
        DatasetError
            When it is not there, or fewer than two words are left.

        """
        kept = [row for row, clip in enumerate(self.takes.clips) if clip.label != label]
        if len(kept) == len(self.takes.clips):
            raise DatasetError(f"label {label!r} is not there; there are {', '.join(self.labels)}; correct it")
        takes = Takes(tuple(self.takes.clips[row] for row in kept), self.takes.embeddings[kept])
        return taught_by(takes, self.body, self.lesson, self.negatives)

    def save(self, folder: str | Path) -> Path:
        """Write the model into a folder, whole or not at all.

        Raises
        ------
        RunError
            When the folder cannot be written to.

        """
        bundle.save(self.bundle, Path(folder))
        return Path(folder)


Data = str | Path | Dataset | Iterable[Clip]
"""A folder or CSV of recordings, a data set that was read, or clips."""


def teach(
    data: Data, *, body: str | Path | Predictor = DEFAULT_MODEL, lesson: Lesson = Lesson(), progress: Progress = SILENT
) -> Taught:
    """Teach words to a body, in seconds: no torch, no GPU.

    Parameters
    ----------
    data
        A folder (a folder a word, an audiofolder, file names, a CSV; see docs/layouts.md), a data set, or clips.
    body
        A model that words can be taught on, or its name.
    lesson
        How.
    progress
        Is told how far it is.

    Returns
    -------
    Taught
        It predicts as any model does; ``metrics`` say what it is worth on clips, or voices, that it did not learn from.

    Raises
    ------
    DatasetError
        When there are fewer than two words, or nothing can be used.
    BundleError
        When the model cannot be taught on.

    """
    body = body if isinstance(body, Predictor) else Predictor.load(body)
    check_body(body)
    takes, negatives = _heard_of(data, body, lesson, progress)
    return taught_by(takes, body, lesson, negatives)


def check_body(body: Predictor) -> Outside:
    """Return the sounds outside that a body brings.

    Raises
    ------
    BundleError
        When words cannot be taught on the model.

    """
    store = body.bundle.outside
    if store is None or len(body.bundle.members) != 1:
        raise BundleError(
            "own words cannot be taught on this model; expected one that was trained with --preset words, "
            f"as {DEFAULT_MODEL}; to a taught one words are added by teaching all of its recordings again"
        )
    try:
        return store.sounds
    except FieldError as error:
        raise BundleError(f"the model's sounds outside its vocabulary: {error}; {EXPORT_AGAIN}") from error


def _heard_of(data: Data, body: Predictor, lesson: Lesson, progress: Progress) -> tuple[Takes, Takes | None]:
    """Hear the clips that say a word, and those that the data says are to be refused."""
    dataset = read(data) if isinstance(data, str | Path) else data
    clips = dataset.labelled if isinstance(dataset, Dataset) else tuple(clip for clip in dataset if clip.label)
    takes = heard(clips, body, lesson, progress)
    others = dataset.negatives if isinstance(dataset, Dataset) else ()
    return takes, heard(others, body, lesson, progress) if others else None


def heard(clips: Sequence[Clip], body: Predictor, lesson: Lesson, progress: Progress) -> Takes:
    """Embed clips, and say before how long that takes.

    Raises
    ------
    DatasetError
        When one cannot be used and is not to be left out, or none can.

    """
    if not clips:
        raise DatasetError("no clip has a label; nothing can be taught; expected a folder a word, or a CSV")
    progress.say(f"teaching takes about {roughly(_seconds_ahead(clips, body))} here")
    answers = body.embed_many(clip.source for clip in clips)
    step, usable, errors, rows = progress.stage("listening", len(clips), "clip"), [], [], []
    for clip, answer in zip(clips, answers, strict=True):
        if isinstance(answer, AudioError):
            errors.append(answer)
        else:
            usable.append(clip)
            rows.append(answer)
        step()
    tell_left_out(errors, len(clips), skip=lesson.skip_unreadable, say=progress.say)
    if not usable:
        raise DatasetError("no clip can be used; look at them with `sutja data info`")
    return Takes(tuple(usable), np.array(rows, dtype=np.float32))


def _seconds_ahead(clips: Sequence[Clip], body: Predictor) -> float:
    """Estimate how long it takes, by a few clips."""
    started = perf_counter()
    for clip in clips[:TIMED]:
        list(body.embed_many([clip.source]))
    each = (perf_counter() - started) / min(TIMED, len(clips))
    return each * len(clips) / min(2, os.cpu_count() or 1) + FIT_SECONDS


def taught_by(takes: Takes, body: Predictor, lesson: Lesson, negatives: Takes | None = None) -> Taught:
    """Fit the head to takes that were heard, and judge it."""
    model, _ = judged_by(takes, body, lesson, negatives)
    return model


def judged_by(takes: Takes, body: Predictor, lesson: Lesson, negatives: Takes | None = None) -> tuple[Taught, Judged]:
    """Fit the head, and return with it what heads that did not learn from them say of takes and other sounds.

    Parameters
    ----------
    takes
        Of the words, two or more.
    body
        That they are taught on.
    lesson
        How.
    negatives
        Sounds to be refused, besides those that the body brings.

    Raises
    ------
    DatasetError
        When there are fewer than two words, or one recording alone of one.
    ConfigError
        When the protocol is one of networks that learn.

    """
    started, labels = perf_counter(), takes.labels
    if len(labels) < 2:
        raise DatasetError(f"only one label, {labels[0]!r}; expected at least two to tell apart; add clips of another")
    others = _outside(body, labels, lesson, negatives)
    protocol = lesson.protocol or protocol_of_takes(takes.clips)
    if protocol not in ("clips", "speakers"):
        raise ConfigError(f"protocol {protocol!r} needs networks that learn; expected clips or speakers; correct it")
    groups = groups_of(takes, protocol)
    _check_takes(takes.clips, groups)
    targets = np.array([labels.index(str(clip.label)) for clip in takes.clips])
    fit = _fit(takes, targets, others, len(labels), groups)
    folds = _folds([*groups, *others.words])
    truth = np.append(targets, np.full(len(others.words), len(labels)))
    kinds = ["noise" if word == NOISE else "other word" for word in others.words]
    of_rows = np.array(["clip"] * len(targets) + kinds)
    honest, calibration = calibrate(fit.held_out, truth, folds, of_rows, lesson.refusal)
    n, k = len(targets), len(labels)
    judged = Judged(honest[:n, :k], honest[n:, :k], folds, others.words, tuple(kinds))
    metrics = _metrics(takes, targets, judged, calibration, protocol, labels)
    told = [*_two_labels(takes), *advice(metrics, takes.clips)]
    metrics = replace(metrics, seconds=perf_counter() - started, advice=told)
    made = _bundle(body, labels, fit, calibration, lesson, metrics)
    return Taught(made, body, takes, lesson, metrics, negatives), judged


def groups_of(takes: Takes, protocol: EvaluationProtocol) -> list[str]:
    """Say what is held out together: the clips of a speaker, or one recording however often it is there.

    Raises
    ------
    DatasetError
        When speakers are to be held out and some are not named, or one alone says a word.

    """
    if protocol == "speakers":
        if protocol_of_takes(takes.clips) != "speakers":
            raise DatasetError(
                "a word is said by one speaker only, or by some who are not named; protocol `speakers` needs two or "
                "more for each word; try clips, or record another speaker"
            )
        return [f"speaker {clip.speaker}" for clip in takes.clips]
    _, numbers = np.unique(takes.embeddings.round(3), axis=0, return_inverse=True)
    return [f"clip {number}" for number in numbers.ravel().tolist()]


def _check_takes(clips: Sequence[Clip], groups: Sequence[str]) -> None:
    """Refuse a word that is known from one recording alone: with that held out, nothing is known of it."""
    recordings: dict[str, set[str]] = defaultdict(set)
    for clip, group in zip(clips, groups, strict=True):
        recordings[str(clip.label)].add(group)
    once = natural_order(label for label, found in recordings.items() if len(found) < 2)
    if once:
        n_clips = Counter(str(clip.label) for clip in clips)
        several = " (the same file again is no other recording)" if any(n_clips[label] > 1 for label in once) else ""
        raise DatasetError(
            f"one recording alone of {listed(map(repr, once))}{several}; expected two or more of each word, or how "
            "well it is known cannot be measured; record another, or leave the word out (--drop)"
        )


def _outside(body: Predictor, labels: Sequence[str], lesson: Lesson, negatives: Takes | None) -> Outside:
    words = vocabulary(labels, lesson.language, dict(lesson.spoken), cautious=False)
    store = check_body(body).beside(words)
    if negatives is None:
        return store
    said_there = tuple(outside.word_of(str(clip.label or NOISE)) for clip in negatives.clips)
    return Outside(np.concatenate([store.embeddings, negatives.embeddings]), store.words + said_there)


def _fit(takes: Takes, targets: Integers, others: Outside, n_labels: int, groups: list[str]) -> Fit:
    rows = np.concatenate([takes.embeddings, others.embeddings])
    truth = np.append(targets, np.full(len(others.words), n_labels))
    apart = [word if word != NOISE else f"noise {row}" for row, word in enumerate(others.words)]
    return fit_head(rows, truth, n_labels + 1, [*groups, *(f"word {word}" for word in apart)])


def _folds(groups: Sequence[str]) -> Integers:
    """Deal the groups out over the folds of the calibration."""
    number = {group: place % N_FOLDS for place, group in enumerate(dict.fromkeys(groups))}
    return np.array([number[group] for group in groups])


def _metrics(  # noqa: PLR0913  one a part of it
    takes: Takes,
    targets: Integers,
    judged: Judged,
    calibration: Calibration,
    protocol: EvaluationProtocol,
    labels: tuple[str, ...],
) -> Metrics:
    scores = evaluation.score(takes.clips, targets, judged.probabilities, clustered=protocol == "speakers")
    return Metrics(
        protocol=protocol,
        n_clips=len(takes.clips),
        labels=list(labels),
        members={ENSEMBLE: MemberScores(**vars(scores))},
        n_speakers=len({clip.speaker for clip in takes.clips} - {None}),
        n_parameters=(takes.embeddings.shape[1] + 1) * (len(labels) + 1),
        refusal=calibration.scores,
    )


def _bundle(  # noqa: PLR0913
    body: Predictor, labels: tuple[str, ...], fit: Fit, calibration: Calibration, lesson: Lesson, metrics: Metrics
) -> Bundle:
    (member,) = body.bundle.members
    taught: dict[str, Any] = {"preset": "quick", "body": list(body.labels), **metrics.in_short}
    return Bundle(
        labels,
        body.bundle.audio,
        (Member(member.name, member.features, member.onnx, fit.head),),
        calibration.temperature,
        calibration.bias,
        calibration.threshold,
        taught,
        lesson.language,
        said(labels, lesson.language, dict(lesson.spoken)),
    )


# -- what to do next -------------------------------------------------------------------------------------------------


def advice(metrics: Metrics, clips: Sequence[Clip]) -> list[Advice]:
    """Say what would help most, from what was measured."""
    _, best = metrics.headline
    return [
        *_alike(best.confusion_matrix, metrics.labels),
        *_few_takes(clips),
        *_voices(metrics, clips),
    ]


def _two_labels(takes: Takes) -> list[Advice]:
    """Name a recording that is there under two labels: one of them is wrong."""
    labels: dict[str, set[str]] = defaultdict(set)
    names: dict[str, list[str]] = defaultdict(list)
    for clip, group in zip(takes.clips, groups_of(takes, "clips"), strict=True):
        labels[group].add(str(clip.label))
        names[group].append(printable(clip.name))
    return [
        Advice("same_recording", {"labels": ", ".join(natural_order(said)), "names": _shown(names[group])})
        for group, said in labels.items()
        if len(said) > 1
    ][:N_PAIRS]


def _alike(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> list[Advice]:
    """Name the pairs of words that are taken for each other, the worst first."""
    counts: NDArray[np.int64] = np.array(matrix)
    pairs = []
    for i in range(len(labels)):
        for j in range(i):
            n, of = int(counts[i, j] + counts[j, i]), int(counts[i].sum() + counts[j].sum())
            if n >= ALIKE_CLIPS and n >= ALIKE_SHARE * of:
                pairs.append((n / of, n, of, labels[j], labels[i]))
    told = [
        Advice("sound_alike", {"first": first, "second": second, "n": n, "of": of, "more": MORE_TAKES})
        for _, n, of, first, second in sorted(pairs, reverse=True)[:N_PAIRS]
    ]
    return [*told, Advice("more_pairs", {"n": len(pairs) - N_PAIRS})] if pairs[N_PAIRS:] else told


def _few_takes(clips: Sequence[Clip]) -> list[Advice]:
    n_takes = Counter(str(clip.label) for clip in clips)
    few = natural_order(label for label, n in n_takes.items() if n < FEW_TAKES)
    return [Advice("few_takes", {"labels": _shown(few), "least": FEW_TAKES})] if few else []


def _voices(metrics: Metrics, clips: Sequence[Clip]) -> list[Advice]:
    if metrics.protocol == "speakers":
        hard = sorted((s.accuracy, name) for name, s in metrics.headline[1].by_speaker.items())
        if hard and hard[0][0] < metrics.headline[1].accuracy - ALIKE_SHARE:
            return [Advice("hardest_voice", {"speaker": printable(hard[0][1]), "accuracy": hard[0][0]})]
        return []
    if metrics.n_speakers > 1 or not all(clip.speaker for clip in clips):
        return [Advice("nameless_voices")]
    return [Advice("one_voice")]


def _shown(names: Sequence[str]) -> str:
    """Write the first of some names; what is left out is told by a sign that every language knows."""
    return ", ".join(names[:N_SHOWN]) + (f", … (+{len(names) - N_SHOWN})" if len(names) > N_SHOWN else "")
