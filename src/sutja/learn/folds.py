"""Cross-validation: who is held out, the jobs of folds x members, and what the networks say of clips they never saw.

Inputs of a run: row ``i`` below ``n_clips`` is clip ``i`` in the middle of its window, as the predictor sees it; after
those come the ``n_copies`` random paddings of each clip, copies of one clip side by side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, StratifiedShuffleSplit

from sutja.clips import Clip
from sutja.config import Config, FeatureConfig, Protocol, TrainConfig
from sutja.engine.local import OnStep
from sutja.errors import DatasetError
from sutja.features import Features, network_input, random_left
from sutja.learn.training import Arrays, Inputs, fit, load_arrays, model_with, probabilities, save_arrays
from sutja.metrics import Integers, Probabilities

N_CUTS = 100  # tries to cut folds by speaker that leave every label to learn from


@dataclass(frozen=True)
class Fold:
    """Rows of the inputs: those learned from, those that choose the checkpoint, those that are judged."""

    train: Integers
    valid: Integers
    test: Integers


@dataclass(frozen=True)
class Job:
    """One network of the experiment: where its inputs lie and what it learns from."""

    member: str
    number: int
    """Of the fold, from 1; 0 for the network that learns from everything."""
    fold: Fold
    n_classes: int
    config: TrainConfig
    seed: int
    folder: Path
    """Holds ``<member>.npy``, ``targets.npy``, and afterwards the job's result."""
    decibels: bool = False
    """The inputs are log mel in dB, which is spoiled and standardised when it is shown."""
    n_labels: int | None = None
    """Of the classes, where the last one is "not in the vocabulary"."""

    @property
    def result(self) -> Path:
        """Where the weights, the out-of-fold probabilities and the history go."""
        return self.folder / f"{self.member}_{self.number}.npz"

    @property
    def checkpoint(self) -> Path:
        """Where the state of an unfinished job is kept."""
        return self.folder / f"{self.member}_{self.number}.checkpoint.npz"


@dataclass(frozen=True)
class Result:
    """What a finished job left."""

    member: str
    number: int
    weights: Arrays
    probabilities: Probabilities
    """Of the fold's ``test`` rows, ``(n, n_classes)``."""
    history: list[dict[str, float]]


def make_folds(
    clips: Sequence[Clip],
    targets: Integers,
    config: TrainConfig,
    protocol: Protocol,
    held_out: Sequence[int | None] = (),
) -> list[Fold]:
    """Cut the folds.

    ``held_out`` is for the sounds that stand behind the clips and are not judged for their label: the number of the
    fold, from 0, that each one is kept from, or None where every fold learns from it.

    ``copies`` is the study's own: unshuffled folds over the padded copies, judged on the rows that chose the
    checkpoint. ``clips`` keeps the copies of a clip together and lets a part of the training side choose;
    ``speakers`` does that and keeps every clip of a speaker on one side; ``corpora`` holds out a corpus at a time.

    Raises
    ------
    DatasetError
        When there are too few clips or speakers for the folds.

    """
    n_clips, n_copies = len(clips), config.n_copies
    _check_enough(clips, targets, config, protocol)
    if protocol == "copies":
        rows = n_clips + np.arange(n_clips * n_copies)
        splits = StratifiedKFold(config.n_folds).split(rows, np.repeat(targets, n_copies))
        return [Fold(rows[train], rows[held_out], rows[held_out]) for train, held_out in splits]
    if protocol == "clips":
        cut = StratifiedKFold(config.n_folds, shuffle=True, random_state=config.seed)
        splits = list(cut.split(targets, targets))
    elif protocol == "corpora":
        splits = _cut_by_corpus(clips, targets)
    else:
        splits = _cut_by_speaker(clips, targets, config)
    if config.keep == "last":
        return [_whole_fold(split, number, n_clips, held_out, config) for number, split in enumerate(splits)]
    return [_honest_fold(train, test, targets, config) for train, test in splits]


def _whole_fold(
    split: tuple[Integers, Integers], number: int, n_clips: int, held_out: Sequence[int | None], config: TrainConfig
) -> Fold:
    """Learn from everything that is not held out: nothing chooses, and the curves show the fold itself."""
    train, test = split
    learned = [n_clips + i for i, fold in enumerate(held_out) if fold != number]
    kept = [n_clips + i for i, fold in enumerate(held_out) if fold == number]
    rows = _copies(np.append(train, learned).astype(np.int64), n_clips + len(held_out), config)
    return Fold(rows, test, np.append(test, kept).astype(np.int64))


def last_fold(n_sounds: int, n_clips: int, config: TrainConfig) -> Fold:
    """Learn from everything: the network that is shipped. What it shows on clips that it knows means nothing."""
    everything = np.arange(n_sounds)
    return Fold(_copies(everything, n_sounds, config), everything[:n_clips], everything[:n_clips])


def _cut_by_speaker(clips: Sequence[Clip], targets: Integers, config: TrainConfig) -> list[tuple[Integers, Integers]]:
    """Give (train, test) for each fold: nobody on both sides, somebody in each, and every label left to learn from."""
    speakers = [clip.speaker for clip in clips]
    counts = np.bincount(targets)
    lacking = np.zeros(0, dtype=np.int64)
    for attempt in range(N_CUTS):  # how a cut falls is chance: with speakers who say few of the labels another may do
        cut = StratifiedGroupKFold(config.n_folds, shuffle=True, random_state=(config.seed + attempt) % 2**32)
        splits = list(cut.split(targets, targets, groups=speakers))
        left = [counts - np.bincount(targets[test], minlength=len(counts)) for _, test in splits]
        lacking = np.flatnonzero(np.min(left, axis=0) < 2)  # one clip to learn from, one that may choose
        if not len(lacking) and all(len(test) for _, test in splits):
            return splits
    labels = [clips[int(np.flatnonzero(targets == target)[0])].label for target in lacking[:1]]
    what = f"too little is left to learn label {labels[0]!r} from" if labels else "nobody is held out"
    raise DatasetError(
        f"{len(set(speakers))} speakers cannot be cut into {config.n_folds} folds: in one of them {what}; "
        "use fewer --folds or --protocol clips, or record more speakers"
    )


def _cut_by_corpus(clips: Sequence[Clip], targets: Integers) -> list[tuple[Integers, Integers]]:
    """Give (train, test) for each corpus."""
    corpora = np.array([clip.attributes.get("corpus", "") for clip in clips])
    splits = []
    for corpus in np.unique(corpora):
        test = np.flatnonzero(corpora == corpus)
        train = np.flatnonzero(corpora != corpus)
        missing = set(targets.tolist()) - set(targets[train].tolist())
        if missing:
            label = clips[int(np.flatnonzero(targets == min(missing))[0])].label
            raise DatasetError(
                f"label {label!r} is in no corpus but {corpus!r}; with that held out nothing is left to learn it from; "
                "give another corpus that has it, or choose --protocol speakers"
            )
        splits.append((train, test))
    return splits


def _honest_fold(train: Integers, test: Integers, targets: Integers, config: TrainConfig) -> Fold:
    """Let a stratified part of the training clips choose the checkpoint, so that the fold is judged only once."""
    n_labels = len(np.unique(targets))
    n_valid = max(n_labels, round(config.valid_share * len(train)))
    cut = StratifiedShuffleSplit(1, test_size=n_valid, random_state=config.seed)
    learned, chosen = next(cut.split(train, targets[train]))
    return Fold(_copies(train[learned], len(targets), config), train[chosen], test)


def _copies(clips: Integers, n_sounds: int, config: TrainConfig) -> Integers:
    """Return the rows of all copies of some clips, those of a clip side by side."""
    rows: Integers = n_sounds + clips[:, None] * config.n_copies + np.arange(config.n_copies)
    return rows.ravel()


def _check_enough(clips: Sequence[Clip], targets: Integers, config: TrainConfig, protocol: Protocol) -> None:
    labels = [clip.label for clip in clips]
    counts = np.bincount(targets)
    rarest = labels[int(np.flatnonzero(targets == counts.argmin())[0])]
    folds = f"{config.n_folds} folds"
    if len(counts) < 2:
        raise DatasetError(f"only one label, {labels[0]!r}; expected at least two to tell apart; add clips of another")
    # Without a fold's share, each label must have a clip to learn from and one that may choose the checkpoint.
    needed = {2: 4, 3: 3}.get(config.n_folds, config.n_folds)
    if counts.min() < needed:
        raise DatasetError(
            f"label {rarest!r} has {counts.min()} clips; expected at least {needed} for {folds}; "
            "record more, or change --folds"
        )
    if protocol == "corpora" and len({clip.attributes.get("corpus") for clip in clips}) < 2:
        raise DatasetError(
            "one corpus only; expected two or more to hold out in turn; give several DATA, or try speakers"
        )
    if protocol != "speakers":
        return
    nameless = sum(clip.speaker is None for clip in clips)
    if nameless:
        raise DatasetError(f"{nameless} clips have no speaker; protocol `speakers` needs one for each; try clips")
    of_label: dict[str | None, set[str | None]] = {}
    for clip in clips:
        of_label.setdefault(clip.label, set()).add(clip.speaker)
    n_speakers = len({clip.speaker for clip in clips})
    if n_speakers < config.n_folds:
        fewer = f"--folds {n_speakers} or less, or " if n_speakers > 1 else ""
        raise DatasetError(f"{n_speakers} speakers for {folds}; use {fewer}--protocol clips, or record more speakers")
    for label, speakers in of_label.items():
        if len(speakers) < 2:
            raise DatasetError(
                f"label {label!r} comes from one speaker only, {min(map(str, speakers))!r}; "
                "with that speaker held out nothing is left to learn it from; record another speaker"
            )


def make_inputs(features: Sequence[Features], config: FeatureConfig, n_copies: int, seed: Sequence[int]) -> Features:
    """Return the rows that this module's head describes: ``(n_clips * (1 + n_copies), n_bins, n_frames)``."""
    rng = np.random.default_rng(list(seed))
    n_clips = len(features)
    rows = np.empty((n_clips * (1 + n_copies), config.n_bins, config.n_frames), dtype=np.float32)
    for i, clip in enumerate(features):
        rows[i] = network_input(clip, config)
        for copy in range(n_copies):
            left = random_left(clip.shape[1], config, rng)
            rows[n_clips + i * n_copies + copy] = network_input(clip, config, left=left)
    return rows


def make_jobs(config: Config, folds: Sequence[Fold], n_classes: int, folder: Path, *, whole: bool = False) -> list[Job]:
    """List the networks to train: folds x members. Folds count from 1; 0 is :func:`last_fold`, alone and ``whole``."""
    jobs = []
    for number, fold in enumerate(folds, start=0 if whole else 1):
        train = config.train.with_enough_steps(len(fold.train) // config.train.n_copies)
        if whole:
            train = dataclasses.replace(train, epochs=train.epochs * config.train.whole_factor)
        for index, (member, features) in enumerate(config.members.items()):
            # The seed names the job, not its turn: the order in which jobs run changes nothing.
            seed = _job_seed(config.train.seed, index, number)
            decibels = config.augment is not None and features.spoilable
            n_labels = n_classes - (config.refusal is not None)
            jobs.append(Job(member, number, fold, n_classes, train, seed, folder, decibels, n_labels))
    return jobs


def _job_seed(seed: int, *path: int) -> int:
    return int(np.random.SeedSequence([seed, *path]).generate_state(1)[0])


def run_job(job: Job, on_step: OnStep) -> Result:
    """Train one network, or read what an earlier run of the same job left; ``on_step`` is called for each epoch."""
    if job.result.exists():
        result = read_result(job)
        for _ in result.history:
            on_step()
        return result
    # One thread a network: two networks side by side are faster than two threads on one, and the sums come in
    # the same order on every run.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        features = np.load(job.folder / f"{job.member}.npy", mmap_mode="r")
        targets = np.load(job.folder / "targets.npy")
        train, valid, test = (
            Inputs(features, targets, rows, job.decibels, job.n_labels)
            for rows in (job.fold.train, job.fold.valid, job.fold.test)
        )
        found = fit(train, valid, job.n_classes, job.config, seed=job.seed, checkpoint=job.checkpoint, on_epoch=on_step)
        out_of_fold = probabilities(model_with(found.weights, job.config.network), test)
    finally:
        torch.set_num_threads(threads)
    save_arrays(job.result, {"probabilities": out_of_fold, **_prefixed(found.weights)}, found.history)
    job.checkpoint.unlink(missing_ok=True)
    return Result(job.member, job.number, found.weights, out_of_fold, found.history)


def read_result(job: Job) -> Result:
    """Read what :func:`run_job` left."""
    arrays, history = load_arrays(job.result)
    out_of_fold = arrays.pop("probabilities")
    weights = {name.removeprefix("weights/"): value for name, value in arrays.items()}
    return Result(job.member, job.number, weights, out_of_fold, history)


def _prefixed(weights: Arrays) -> Arrays:
    return {f"weights/{name}": value for name, value in weights.items()}
