"""How long a training will take: counted from its rows, and near what it takes."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest

pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st

from sutja.config import TrainConfig, preset
from sutja.engine import Serial
from sutja.learn import estimate as module
from sutja.learn.estimate import Estimate, estimate
from sutja.learn.folds import Fold
from sutja.learn.inputs import Layout
from sutja.learn.jobs import make_jobs, run_job

MEMBERS = dict(preset("reference").members)
LAYOUT = Layout(60, 60, 1)


def jobs(tmp_path, epochs=3, n_folds=1):
    rng = np.random.default_rng(0)
    for name in MEMBERS:
        np.save(tmp_path / f"{name}.npy", rng.random((120, 40, 40), dtype=np.float32))
    np.save(tmp_path / "targets.npy", np.arange(120) % 2)
    config = replace(preset("reference"), train=TrainConfig(epochs=epochs, batch_size=16, n_copies=1))
    fold = Fold(np.arange(60, 110), np.arange(40, 50), np.arange(50, 60))
    return make_jobs(config, [fold] * n_folds, LAYOUT, 2, tmp_path)


def test_it_is_near_what_the_training_takes(tmp_path):
    listed = jobs(tmp_path, epochs=12)
    list(Serial().map(run_job, jobs(tmp_path, epochs=1)))  # what torch does once
    for job in listed:
        job.checkpoint.unlink()
    told = estimate(listed, MEMBERS, iter(()), 0, 1)
    started = perf_counter()
    list(Serial().map(run_job, listed))
    assert told.training == pytest.approx(perf_counter() - started, rel=3)  # on a machine that does other things too
    assert told.augmenting == 0


def test_twice_the_epochs_take_twice_as_long(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_seconds_a_row", lambda *_: 0.01)
    one, two = (estimate(jobs(tmp_path, epochs), MEMBERS, iter(()), 0, 1).training for epochs in (3, 6))
    assert two == pytest.approx(2 * one)
    assert one == pytest.approx(2 * 3 * (50 + module.FORWARD_SHARE * 10) * 0.01)


def test_finished_networks_cost_nothing(tmp_path):
    listed = jobs(tmp_path)
    for job in listed:
        job.result.touch()
    assert estimate(listed, MEMBERS, iter(()), 0, 2) == Estimate(0.0, 0.0, 0, 2)


@given(st.lists(st.floats(0.01, 100), max_size=12), st.integers(1, 5))
def test_the_last_job_ends_between_two_bounds(seconds, n_workers):
    end = module._makespan(seconds, n_workers)
    least = max(sum(seconds) / n_workers, max(seconds, default=0))
    assert least <= end * (1 + 1e-9)
    assert end <= least * 2 + 1e-9
    if n_workers == 1:
        assert end == pytest.approx(sum(seconds))


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (Estimate(0, 100, 6, 2), "training takes about 2 min here (6 networks, 2 at a time)"),
        (Estimate(0, 10, 1, 1), "training takes about 10 s here (1 network)"),
        (Estimate(240, 2700, 6, 2), "training takes about 45 min here (6 networks, 2 at a time), after 4 min of augm"),
    ],
)
def test_it_is_told_in_one_line(told, text):
    assert str(told).startswith(text)
