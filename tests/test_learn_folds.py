"""Folds under the protocols: who is on which side, and that nothing is lost or there twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from sutja.clips import Clip
from sutja.config import PROTOCOLS, TrainConfig
from sutja.errors import DatasetError
from sutja.learn.folds import Fold, folds_of_clips, make_folds, split_clips
from sutja.learn.inputs import Layout

CONFIG = TrainConfig(epochs=2, batch_size=8)


def table(*rows: tuple[str, str | None]) -> list[Clip]:
    """Clips of (label, speaker)."""
    return [Clip(Path(f"{i}.wav"), f"{i}.wav", label, speaker) for i, (label, speaker) in enumerate(rows)]


def targets_of(clips) -> np.ndarray:
    order = {label: index for index, label in enumerate(sorted({clip.label for clip in clips}))}
    return np.array([order[clip.label] for clip in clips])


def cut(clips, protocol, config=CONFIG) -> list[Fold]:
    return make_folds(clips, targets_of(clips), config, protocol)


def study(n_labels=10, n_each=40) -> list[Clip]:
    return table(*[(str(label), f"s{i % 6}") for i in range(n_each) for label in range(n_labels)])


def clip_of(rows: np.ndarray, n_clips: int, n_copies: int) -> np.ndarray:
    """The clip that a row of the inputs shows."""
    return Layout(n_clips, n_clips, n_copies).sounds_of(rows)


# -- copies: the study's own ------------------------------------------------------------------------------------------


def test_copies_are_the_studys_folds():
    clips = study()
    labels = np.repeat(targets_of(clips), 5)  # the study's labels of its 2000 inputs
    expected = list(StratifiedKFold(5).split(labels, labels))
    found = cut(clips, "copies")
    assert len(found) == 5
    for fold, (train, held_out) in zip(found, expected, strict=True):
        assert np.array_equal(fold.train - 400, train)
        assert np.array_equal(fold.valid - 400, held_out)
        assert (len(fold.train), len(fold.valid)) == (1600, 400)


def test_copies_judge_on_what_chose_the_checkpoint():
    # Fault 1 of the study.
    for fold in cut(study(), "copies"):
        assert np.array_equal(fold.valid, fold.test)


def shared_clips(clips, folds, n_copies=5) -> list[int]:
    """How many clips each fold has on both of its sides."""
    n_clips = len(clips)
    return [
        len(np.intersect1d(clip_of(fold.train, n_clips, n_copies), clip_of(fold.test, n_clips, n_copies)))
        for fold in folds
    ]


@pytest.mark.parametrize("n_each", [10, 40])
def test_copies_stay_together_where_labels_count_a_multiple_of_five(n_each):
    clips = study(n_each=n_each)
    assert shared_clips(clips, cut(clips, "copies")) == [0] * 5


@pytest.mark.parametrize("n_each", [7, 11, 13])
def test_copies_of_a_clip_fall_on_both_sides_where_they_do_not(n_each):
    # Fault 2 of the study.
    clips = study(n_each=n_each)
    assert sum(shared_clips(clips, cut(clips, "copies"))) > 0
    assert shared_clips(clips, cut(clips, "clips")) == [0] * 5


# -- laws of all protocols --------------------------------------------------------------------------------------------

tables = st.integers(2, 5).flatmap(
    lambda n_labels: st.lists(
        st.tuples(st.integers(0, n_labels - 1).map(str), st.integers(0, 6).map(lambda s: f"s{s}")),
        min_size=8,
        max_size=120,
    )
)


@given(rows=tables, n_folds=st.integers(2, 6), n_copies=st.integers(1, 4), protocol=st.sampled_from(PROTOCOLS[:3]))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])  # many are refused
def test_laws_of_folds(rows, n_folds, n_copies, protocol):
    clips, config = table(*rows), replace(CONFIG, n_folds=n_folds, n_copies=n_copies)
    targets, n_clips = targets_of(clips), len(clips)
    try:
        folds = make_folds(clips, targets, config, protocol)
    except DatasetError:
        assume(False)
    n_rows = n_clips * (1 + n_copies)
    assert len(folds) == n_folds
    judged = np.concatenate([fold.test for fold in folds])
    first = n_clips if protocol == "copies" else 0
    assert np.array_equal(np.sort(judged), np.arange(first, n_rows if protocol == "copies" else n_clips))
    for fold in folds:
        assert len(fold.train)
        assert len(fold.valid)
        assert len(fold.test)
        for part in (fold.train, fold.valid, fold.test):
            assert len(np.unique(part)) == len(part)
            assert part.min() >= 0
            assert part.max() < n_rows
        assert not np.intersect1d(fold.train, fold.test).size
        train, valid, test = (clip_of(part, n_clips, n_copies) for part in (fold.train, fold.valid, fold.test))
        assert set(targets[train]) == set(targets), "every label is learned"
        if protocol == "copies":
            continue
        assert len(np.unique(train)) * n_copies == len(train)  # all copies of each clip, no clip as it is
        assert (fold.train >= n_clips).all()
        assert (fold.valid < n_clips).all()
        parts = [set(train), set(valid), set(test)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == n_clips  # disjoint, and nothing is lost
        if protocol == "speakers":
            heard = {clips[i].speaker for i in [*train, *valid]}
            assert heard.isdisjoint(clips[i].speaker for i in test)


@given(seed=st.integers(0, 2**32 - 1), protocol=st.sampled_from(["clips", "speakers"]))
@settings(max_examples=25, deadline=None)
def test_the_seed_decides_the_folds(seed, protocol):
    clips, config = study(3, 20), replace(CONFIG, seed=seed, n_folds=3)
    first, second = cut(clips, protocol, config), cut(clips, protocol, config)
    assert all(np.array_equal(a.train, b.train) and np.array_equal(a.valid, b.valid) for a, b in zip(first, second))  # noqa: B905
    other = cut(clips, protocol, replace(config, seed=(seed + 1) % 2**32))
    assert any(len(a.train) != len(b.train) or (a.train != b.train).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("protocol", ["clips", "speakers"])
def test_a_tenth_of_the_training_side_chooses(protocol):
    for fold in cut(study(10, 60), protocol):
        n_train = 600 - len(fold.test)
        assert len(fold.valid) == round(0.1 * n_train)
        assert len(fold.train) == 5 * (n_train - len(fold.valid))


def test_folds_are_stratified():
    clips = study(10, 40)
    for fold in cut(clips, "clips"):
        assert set(Counter(targets_of(clips)[fold.test]).values()) == {8}


def test_few_words_a_speaker_are_cut_again_until_every_label_is_learned():
    # Two speakers say `2` and no one else: cuts that hold both out at once leave nothing to learn it from.
    rows = [(label, f"s{s}") for s in range(8) for label in "01" for _ in range(3)]
    rows += [("2", s) for s in ("s0", "s1") for _ in range(3)]
    clips = table(*rows)
    targets = targets_of(clips)
    for seed in range(30):
        for fold in cut(clips, "speakers", replace(CONFIG, n_folds=3, seed=seed)):
            assert 2 in targets[clip_of(fold.train, len(clips), 5)]


# -- too few ----------------------------------------------------------------------------------------------------------


def many(label: str, n: int, speakers: str = "abcdef") -> list[tuple[str, str]]:
    return [(label, speakers[i % len(speakers)]) for i in range(n)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (many("7", 20), "only one label, '7'; expected at least two to tell apart; add clips of another"),
        (many("7", 20) + many("8", 4), "label '8' has 4 clips; expected at least 5 for 5 folds; record more, or"),
        (many("7", 1) + many("8", 20), "label '7' has 1 clips; expected at least 5"),
    ],
)
def test_too_few_clips(rows, message, protocol):
    with pytest.raises(DatasetError, match=message):
        cut(table(*rows), protocol)


@pytest.mark.parametrize(("n_folds", "needed"), [(2, 4), (3, 3), (4, 4), (7, 7)])
@pytest.mark.parametrize("protocol", ["copies", "clips"])
def test_as_few_clips_as_can_be(n_folds, needed, protocol):
    config = replace(CONFIG, n_folds=n_folds)
    assert len(cut(table(*many("0", needed), *many("1", needed)), protocol, config)) == n_folds
    with pytest.raises(DatasetError, match=f"expected at least {needed} for {n_folds} folds"):
        cut(table(*many("0", needed), *many("1", needed - 1)), protocol, config)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (many("0", 20, "abc") + many("1", 20, "abc"), "3 speakers for 5 folds; use --folds 3 or less, or --protocol"),
        (many("0", 20, "abcde") + many("1", 20, "a"), "label '1' comes from one speaker only, 'a'; .*another speaker"),
        (
            many("0", 20) + [("1", None)] * 20,
            "20 clips have no speaker; protocol `speakers` needs one for each; try clips",
        ),
        (
            many("0", 30, "abcde") + many("1", 10, "a") + [("1", "b")],
            "5 speakers cannot be cut into 5 folds: in one of them too little is left to learn label '1' from; use",
        ),
    ],
)
def test_too_few_speakers(rows, message):
    with pytest.raises(DatasetError, match=message):
        cut(table(*rows), "speakers")
    cut(table(*rows), "clips")  # which this is no trouble for


def test_one_speaker_is_not_told_to_use_one_fold():
    with pytest.raises(DatasetError, match="1 speakers for 5 folds; use --protocol clips, or record more speakers"):
        cut(table(*many("0", 20, "a"), *many("1", 20, "a")), "speakers")


def test_each_clip_has_the_fold_where_it_is_judged():
    clips = study(3, 20)
    splits = split_clips(clips, targets_of(clips), CONFIG, "clips")
    found = folds_of_clips(splits, len(clips))
    assert Counter(found.tolist()) == dict.fromkeys(range(5), 12)
    for number, (_, test) in enumerate(splits):
        assert (found[test] == number).all()
