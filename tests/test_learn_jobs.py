"""Networks as jobs: each has its seed, gives its result, and learns from nothing that it is judged on."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from sutja.config import TrainConfig, preset
from sutja.learn.folds import Fold
from sutja.learn.inputs import InputKind, Layout
from sutja.learn.jobs import make_jobs, read_result, run_job, save_result

LAYOUT = Layout(n_clips=20, n_sounds=20, n_copies=1)


def test_jobs_are_folds_times_members_with_seeds_of_their_own(tmp_path):
    folds = [Fold(np.arange(8), np.arange(2), np.arange(2))] * 5
    jobs = make_jobs(preset("reference"), folds, LAYOUT, 10, tmp_path)
    assert [(job.member, job.number) for job in jobs] == [(m, n) for n in range(5) for m in ("mel", "mfcc")]
    assert not any(job.all_clips for job in jobs)
    assert len({job.seed for job in jobs}) == 10
    assert len({job.result for job in jobs} | {job.checkpoint for job in jobs}) == 20
    assert [job.seed for job in jobs] == [
        job.seed for job in make_jobs(preset("reference"), folds, LAYOUT, 10, tmp_path)
    ]
    other = replace(preset("reference"), train=replace(preset("reference").train, seed=930))
    assert {job.seed for job in make_jobs(other, folds, LAYOUT, 10, tmp_path)}.isdisjoint({job.seed for job in jobs})


@pytest.fixture
def job(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.random((40, 12, 10), dtype=np.float32)
    targets = np.arange(40) % 2
    np.save(tmp_path / "mel.npy", rows)
    np.save(tmp_path / "targets.npy", targets)
    fold = Fold(np.arange(0, 20), np.arange(20, 30), np.arange(30, 40))
    config = replace(preset("reference"), train=TrainConfig(epochs=2, batch_size=8, n_copies=1))
    return make_jobs(config, [fold], LAYOUT, 2, tmp_path)[0]


def test_a_job_gives_its_result_and_leaves_its_checkpoint_to_be_kept(job):
    steps = []
    found = run_job(job, lambda: steps.append(1))
    assert len(steps) == job.config.epochs
    assert found.probabilities.shape == (10, 2)
    assert found.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert sorted(p.name for p in job.folder.iterdir()) == ["mel.npy", "mel_1.checkpoint.npz", "targets.npy"]
    save_result(job, found)
    assert sorted(p.name for p in job.folder.iterdir()) == ["mel.npy", "mel_1.npz", "targets.npy"]
    read = read_result(job)
    assert np.array_equal(read.probabilities, found.probabilities)
    assert read.history == found.history
    assert read.weights.keys() == found.weights.keys()
    assert all(np.array_equal(read.weights[name], values) for name, values in found.weights.items())


def test_a_job_whose_result_was_lost_gives_it_again_from_its_checkpoint(job, tmp_path):
    first = run_job(job, lambda: None)
    np.save(tmp_path / "mel.npy", np.zeros((40, 12, 10), dtype=np.float32))  # learning again would give other weights
    again = run_job(job, lambda: None)
    assert all(np.array_equal(again.weights[name], values) for name, values in first.weights.items())
    assert again.history == first.history


def test_jobs_and_results_are_plain_data(job):
    again = pickle.loads(pickle.dumps(job))
    assert str(again) == str(job) == "mel, fold 1"
    found, other = run_job(job, lambda: None), run_job(again, lambda: None)
    assert np.array_equal(pickle.loads(pickle.dumps(found)).probabilities, other.probabilities)


def test_the_network_of_all_clips_learns_longer_from_every_copy(tmp_path):
    config = preset("robust")
    layout = Layout(n_clips=4, n_sounds=6, n_copies=8)
    fold = Fold(layout.copies_of(np.array([0, 1])), layout.clips[2:], layout.clips[2:])
    *of_folds, of_all = make_jobs(config, [fold, fold], layout, 3, tmp_path)
    assert [job.all_clips for job in of_folds] == [False, False]
    assert of_all.all_clips
    assert len(of_all.fold.train) == 6 * 8
    assert of_all.config.epochs == 4 * config.train.with_enough_steps(6).epochs
    assert of_all.kind == InputKind(decibels=True, n_labels=2)
    assert len({job.seed for job in (*of_folds, of_all)}) == 3
    assert of_all.result.name == "mel_0.npz"


def test_a_job_takes_one_thread_and_gives_the_others_back(job):
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        run_job(job, lambda: seen.append(torch.get_num_threads()))
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_what_chose_and_what_is_judged_is_never_learned_from(job, tmp_path):
    # Other values in the rows that are judged change no weight.
    first = run_job(job, lambda: None)
    rows = np.load(tmp_path / "mel.npy")
    rows[job.fold.test] = 0.5
    np.save(tmp_path / "mel.npy", rows)
    job.checkpoint.unlink()
    second = run_job(job, lambda: None)
    assert all(np.array_equal(second.weights[name], values) for name, values in first.weights.items())
    assert not np.array_equal(second.probabilities, first.probabilities)
