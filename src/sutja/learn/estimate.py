"""How long a training will take on this machine, found by doing a little of it before it starts."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from time import perf_counter

import numpy as np
import torch

from sutja.config import FeatureConfig
from sutja.engine import no_step
from sutja.learn.inputs import Inputs
from sutja.learn.jobs import Job
from sutja.learn.sounds import VersionJob, versions_of
from sutja.learn.training import fit
from sutja.progress import roughly

N_STEPS = 3  # of each network that are timed, after as many to warm up
N_SOUNDS = 4  # that are varied to see how long it takes
START_SECONDS = 4.0  # of a worker process: Python and torch
FORWARD_SHARE = 0.3  # of a row's step is its way forward, which is all that a judged row takes


@dataclass(frozen=True)
class Estimate:
    """Seconds of a run's long stages."""

    augmenting: float
    training: float
    n_networks: int
    n_workers: int

    def __str__(self) -> str:
        networks = f"{self.n_networks} networks" if self.n_networks != 1 else "1 network"
        at_a_time = f", {self.n_workers} at a time" if self.n_workers > 1 else ""
        varied = f", after {roughly(self.augmenting)} of augmenting" if self.augmenting > 10 else ""
        return f"training takes about {roughly(self.training)} here ({networks}{at_a_time}){varied}"


def estimate(
    jobs: Sequence[Job],
    members: dict[str, FeatureConfig],
    sounds: Iterable[VersionJob],
    n_sounds: int,
    n_workers: int,
) -> Estimate:
    """Time a few steps of each kind of network and the versions of a few sounds.

    Parameters
    ----------
    jobs
        The networks to train; those that an earlier run has finished cost nothing.
    members
        Shapes of the inputs.
    sounds
        To be varied; none where the preset does not augment.
    n_sounds
        How many there are in all.
    n_workers
        Jobs that run at a time.

    """
    ahead = [job for job in jobs if not job.result.exists()]
    a_row = {name: _seconds_a_row(name, members[name], ahead) for name in dict.fromkeys(job.member for job in ahead)}
    started, n_timed = perf_counter(), 0
    for sound in islice(sounds, N_SOUNDS):
        versions_of(sound, no_step)
        n_timed += 1
    augmenting = (perf_counter() - started) / max(1, n_timed) * (n_sounds if n_timed else 0) / n_workers
    seconds = [_n_rows(job) * a_row[job.member] for job in ahead]
    start = START_SECONDS if n_workers > 1 and ahead else 0.0
    return Estimate(augmenting, start + _makespan(seconds, n_workers), len(ahead), n_workers)


def _n_rows(job: Job) -> float:
    """Return how many rows a job learns from in all its epochs; judged ones count for less."""
    shown = len(job.fold.train) / (job.config.n_copies if job.config.one_copy_an_epoch else 1)
    return job.config.epochs * (shown + FORWARD_SHARE * len(job.fold.valid))


def _seconds_a_row(member: str, features: FeatureConfig, jobs: Sequence[Job]) -> float:
    """Train a network of this kind on noise for a few steps, as a job does it: on one thread."""
    job = next(job for job in jobs if job.member == member)
    rng = np.random.default_rng(0)
    n_rows = N_STEPS * job.config.batch_size
    noise = rng.standard_normal((n_rows, features.n_bins, features.n_frames), dtype=np.float32)
    targets = rng.integers(job.n_classes, size=n_rows)
    words = rng.integers(job.kind.n_words, size=n_rows) if job.kind.n_words else None
    views = rng.standard_normal((n_rows, job.kind.n_view)) if job.kind.n_view else None
    inputs = Inputs(noise, targets, np.arange(n_rows), job.kind, words, views)
    config = replace(job.config, epochs=2, n_copies=1, keep="last")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        record = fit(inputs, replace(inputs, rows=inputs.rows[:2]), job.n_classes, config, seed=0).history[-1]
    finally:
        torch.set_num_threads(threads)
    return record["seconds"] / n_rows


def _makespan(seconds: Sequence[float], n_workers: int) -> float:
    """Return when the last of the jobs ends that so many workers take, the longest first.

    >>> _makespan([3.0, 2.0, 2.0], 2)
    4.0
    """
    free = [0.0] * n_workers
    for length in sorted(seconds, reverse=True):
        heapq.heapreplace(free, free[0] + length)
    return max(free)
