"""Cross-validation: which rows of the inputs each fold learns from, which choose its checkpoint, which are judged.

Folds count from 0; which row is which sound stands in :class:`sutja.learn.inputs.Layout`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, StratifiedShuffleSplit

from sutja.clips import Clip
from sutja.config import EvaluationProtocol, TrainConfig
from sutja.errors import DatasetError
from sutja.learn.inputs import Layout
from sutja.metrics import Integers

Split = tuple[Integers, Integers]
"""Clips that are learned from, and clips that are judged."""
N_TRIES = 100  # to cut folds by speaker that leave every label to learn from


@dataclass(frozen=True)
class Fold:
    """Rows of the inputs: those learned from, those that choose the checkpoint, those that are judged."""

    train: Integers
    valid: Integers
    test: Integers


def make_folds(
    clips: Sequence[Clip],
    targets: Integers,
    config: TrainConfig,
    protocol: EvaluationProtocol,
    held_out: Sequence[int | None] = (),
) -> list[Fold]:
    """Cut the folds.

    ``copies`` is the study's own: unshuffled folds over the padded copies, judged on the rows that chose the
    checkpoint. ``clips`` keeps the copies of a clip together and lets a part of the training side choose;
    ``speakers`` does that and keeps every clip of a speaker on one side; ``corpora`` holds out a corpus at a time.

    Parameters
    ----------
    clips
        That are judged for their label.
    targets
        Class of each clip, ``(n_clips,)``.
    config
        Number of folds and copies, the seed, whether anything chooses the checkpoint.
    protocol
        What is kept apart.
    held_out
        Of each sound that stands behind the clips and is not judged for its label: the fold that it is kept from, or
        None where every fold learns from it.

    Raises
    ------
    DatasetError
        When there are too few clips or speakers for the folds.

    """
    if protocol == "copies":
        _check_enough(clips, targets, config, protocol)
        layout = Layout(len(clips), len(clips) + len(held_out), config.n_copies)
        rows = layout.copies_of(layout.clips)
        splits = StratifiedKFold(config.n_folds).split(rows, np.repeat(targets, config.n_copies))
        return [Fold(rows[train], rows[test], rows[test]) for train, test in splits]
    return folds_over(split_clips(clips, targets, config, protocol), targets, config, held_out)


def folds_over(
    splits: Sequence[Split], targets: Integers, config: TrainConfig, held_out: Sequence[int | None] = ()
) -> list[Fold]:
    """Return the rows of each fold where the clips are cut already; the arguments are those of :func:`make_folds`."""
    layout = Layout(len(targets), len(targets) + len(held_out), config.n_copies)
    if config.keep == "last":
        return [_fold_without_valid(split, number, held_out, layout) for number, split in enumerate(splits)]
    return [_fold_with_valid(split, targets, config, layout) for split in splits]


def split_clips(
    clips: Sequence[Clip], targets: Integers, config: TrainConfig, protocol: EvaluationProtocol
) -> list[Split]:
    """Cut the clips themselves: (learned from, judged) for each fold of the protocols but ``copies``."""
    _check_enough(clips, targets, config, protocol)
    if protocol == "clips":
        splitter = StratifiedKFold(config.n_folds, shuffle=True, random_state=config.seed)
        return list(splitter.split(targets, targets))
    return _cut_by_corpus(clips, targets) if protocol == "corpora" else _cut_by_speaker(clips, targets, config)


def folds_of_clips(splits: Sequence[Split], n_clips: int) -> Integers:
    """Return the fold in which each clip is judged, ``(n_clips,)``."""
    folds = np.empty(n_clips, dtype=np.int64)
    for number, (_, test) in enumerate(splits):
        folds[test] = number
    return folds


def _fold_without_valid(split: Split, number: int, held_out: Sequence[int | None], layout: Layout) -> Fold:
    """Learn from everything that is not held out: nothing chooses, and the curves show the fold itself."""
    train, test = split
    learned = [layout.n_clips + i for i, fold in enumerate(held_out) if fold != number]
    kept = [layout.n_clips + i for i, fold in enumerate(held_out) if fold == number]
    rows = layout.copies_of(np.append(train, learned).astype(np.int64))
    return Fold(rows, test, np.append(test, kept).astype(np.int64))


def _fold_with_valid(split: Split, targets: Integers, config: TrainConfig, layout: Layout) -> Fold:
    """Let a stratified part of the training clips choose the checkpoint, so that the fold is judged only once."""
    train, test = split
    n_labels = len(np.unique(targets))
    n_valid = max(n_labels, round(config.valid_share * len(train)))
    splitter = StratifiedShuffleSplit(1, test_size=n_valid, random_state=config.seed)
    learned, chosen = next(splitter.split(train, targets[train]))
    return Fold(layout.copies_of(train[learned]), train[chosen], test)


def corpora_of(clips: Sequence[Clip]) -> list[str]:
    """List the corpora of the clips in the order of their folds."""
    return sorted({clip.attributes.get("corpus", "") for clip in clips})


def all_rows(layout: Layout) -> Fold:
    """Learn from everything: the network that is shipped. What it shows on clips that it knows means nothing."""
    return Fold(layout.copies_of(np.arange(layout.n_sounds)), layout.clips, layout.clips)


def _cut_by_speaker(clips: Sequence[Clip], targets: Integers, config: TrainConfig) -> list[Split]:
    """Give (train, test) for each fold: nobody on both sides, somebody in each, and every label left to learn from."""
    speakers = [clip.speaker for clip in clips]
    counts = np.bincount(targets)
    lacking = np.zeros(0, dtype=np.int64)
    for attempt in range(N_TRIES):  # how a cut falls is chance: with speakers who say few of the labels another may do
        splitter = StratifiedGroupKFold(config.n_folds, shuffle=True, random_state=(config.seed + attempt) % 2**32)
        splits = list(splitter.split(targets, targets, groups=speakers))
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


def _cut_by_corpus(clips: Sequence[Clip], targets: Integers) -> list[Split]:
    """Give (train, test) for each corpus."""
    corpora = np.array([clip.attributes.get("corpus", "") for clip in clips])
    splits = []
    for corpus in corpora_of(clips):
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


def _check_enough(clips: Sequence[Clip], targets: Integers, config: TrainConfig, protocol: EvaluationProtocol) -> None:
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
