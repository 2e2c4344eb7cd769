"""The rows that networks learn from: the layout's laws, paddings, and what is written is what is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sutja.config import FeatureConfig, preset
from sutja.features import network_input
from sutja.learn.inputs import (
    InputKind,
    Layout,
    one_copy_each,
    open_inputs,
    paddings,
    write_targets,
    write_versions,
)

layouts = st.tuples(st.integers(1, 8), st.integers(0, 8), st.integers(1, 5)).map(
    lambda n: Layout(n_clips=n[0], n_sounds=n[0] + n[1], n_copies=n[2])
)


@given(layouts)
def test_every_row_is_of_one_sound(layout):
    rows = [layout.rows_of(sound) for sound in range(layout.n_sounds)]
    assert sorted(np.concatenate(rows)) == list(range(layout.n_rows))
    for sound, of_sound in enumerate(rows):
        assert of_sound[0] == sound
        assert (layout.sounds_of(of_sound) == sound).all()
        assert np.array_equal(of_sound[1:], layout.copies_of(np.array([sound])))


@given(layouts)
def test_a_value_a_sound_stands_in_all_its_rows(layout):
    values = np.arange(layout.n_sounds) * 10
    by_row = layout.by_row(values)
    assert len(by_row) == layout.n_rows
    assert np.array_equal(by_row, values[layout.sounds_of(np.arange(layout.n_rows))])


@given(layouts, st.integers(0, 99))
def test_one_copy_of_each_sound_is_drawn(layout, seed):
    sounds = np.arange(layout.n_sounds)[::-1]
    drawn = one_copy_each(layout.copies_of(sounds), layout.n_copies, np.random.default_rng(seed))
    assert np.array_equal(layout.sounds_of(drawn), sounds)
    assert (drawn >= layout.n_sounds).all()


def test_what_is_written_is_what_is_opened(tmp_path):
    config = replace(preset("robust"), train=replace(preset("robust").train, n_copies=2))
    layout = Layout(n_clips=2, n_sounds=3, n_copies=2)
    rng = np.random.default_rng(0)
    versions = [{"mel": rng.random((3, 40, 101)).astype(np.float16)} for _ in range(3)]
    write_versions(tmp_path, iter(versions), layout, config)
    write_targets(tmp_path, np.array([0, 1, 2]), layout)
    first, copies = open_inputs(tmp_path, "mel", InputKind(), layout.clips, layout.copies_of(np.array([2])))
    (features, targets), *more = first.batches(8)
    assert not more
    assert features.dtype == np.float32
    assert np.array_equal(features, [versions[0]["mel"][0], versions[1]["mel"][0]])
    assert targets.tolist() == [0, 1]
    (features, targets), *_ = copies.batches(8)
    assert np.array_equal(features, versions[2]["mel"][1:])
    assert targets.tolist() == [2, 2]


@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_batches_give_every_row_once_and_in_order(tmp_path, batch_size):
    layout = Layout(7, 7, 1)
    np.save(tmp_path / "mel.npy", np.arange(14, dtype=np.float32).reshape(14, 1, 1))
    write_targets(tmp_path, np.arange(7), layout)
    (inputs,) = open_inputs(tmp_path, "mel", InputKind(), np.arange(10))
    batches = list(inputs.batches(batch_size))
    assert [len(targets) for _, targets in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert np.concatenate([features.ravel() for features, _ in batches]).tolist() == list(range(10))


SMALL = FeatureConfig(n_mels=4, n_frames=10)


def clips_of_frames(*n_frames: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.random((4, n), dtype=np.float32) for n in n_frames]


def test_paddings_are_the_clips_and_then_their_copies():
    features = clips_of_frames(10, 3, 7)
    rows = paddings(features, SMALL, 4, (929, 0))
    assert rows.shape == (3 * 5, 4, 10)
    assert rows.dtype == np.float32
    for i, clip in enumerate(features):
        assert np.array_equal(rows[i], network_input(clip, SMALL))
        missing = 10 - clip.shape[1]
        ways = [network_input(clip, SMALL, left=left) for left in range(missing + 1)]
        for copy in rows[3 + 4 * i : 3 + 4 * (i + 1)]:
            assert any(np.array_equal(copy, way) for way in ways)


def test_copies_differ_and_the_seed_says_how():
    features = clips_of_frames(2, 2, 2)
    first = paddings(features, SMALL, 6, (929, 0))
    assert len(np.unique(first[3:9], axis=0)) > 2
    assert np.array_equal(first, paddings(features, SMALL, 6, (929, 0)))
    assert not np.array_equal(first, paddings(features, SMALL, 6, (929, 1)))
    assert not np.array_equal(first, paddings(features, SMALL, 6, (930, 0)))
