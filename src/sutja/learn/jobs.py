"""The networks of an experiment as jobs: folds x members, and the one that learns from all clips.

A job is plain data and :func:`run_job` returns what it learned; who runs it keeps the result, with :func:`save_result`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sutja.config import Config, TrainConfig
from sutja.engine import OnStep
from sutja.errors import RunError
from sutja.learn.folds import Fold, all_rows
from sutja.learn.inputs import InputKind, Layout, open_inputs
from sutja.learn.training import Arrays, fit, load_arrays, model_with, probabilities, save_arrays
from sutja.metrics import Probabilities
from sutja.records import FieldError, array, require

BODY = "body.npz"
"""Beside the inputs: the weights that networks go on from, where they do."""


@dataclass(frozen=True)
class Job:
    """One network of the experiment: where its inputs lie and what it learns from."""

    member: str
    number: int
    """Of the fold, from 0."""
    fold: Fold
    n_classes: int
    config: TrainConfig
    seed: int
    folder: Path
    """Holds the inputs, and the state of the job while it runs."""
    kind: InputKind
    all_clips: bool = False
    """It learns from everything, so that there is no fold and what it says of clips that it knows means nothing."""

    def __str__(self) -> str:
        return f"{self.member}, {'all clips' if self.all_clips else f'fold {self.number + 1}'}"

    @property
    def result(self) -> Path:
        """Where the weights, the out-of-fold probabilities and the history go."""
        return self.folder / f"{self._file}.npz"

    @property
    def checkpoint(self) -> Path:
        """Where the state of an unfinished job is kept."""
        return self.folder / f"{self._file}.checkpoint.npz"

    @property
    def _file(self) -> str:
        return f"{self.member}_{0 if self.all_clips else self.number + 1}"  # as sutja 0.1 called them


@dataclass(frozen=True)
class Result:
    """What a finished job gives."""

    weights: Arrays
    probabilities: Probabilities
    """Of the fold's ``test`` rows, ``(n, n_classes)``."""
    history: list[dict[str, float]]


def make_jobs(  # noqa: PLR0913
    config: Config,
    folds: Sequence[Fold],
    layout: Layout,
    n_classes: int,
    folder: Path,
    n_words: int = 0,
    n_view: int = 0,
) -> list[Job]:
    """List the networks to train: folds x members, and one more a member where all clips are to be learned from."""
    n_labels = n_classes - (config.refusal is not None)

    def job_of(member: str, fold: Fold, number: int) -> Job:
        train = config.train.with_enough_steps(len(fold.train) // config.train.n_copies)
        kind = InputKind(config.shows_decibels(member), n_labels, n_words, n_view)
        return Job(member, number, fold, n_classes, train, _seed(config, member, number + 1), folder, kind)

    def job_of_all_clips(member: str) -> Job:
        job = job_of(member, all_rows(layout), -1)
        longer = dataclasses.replace(job.config, epochs=job.config.epochs * config.train.final_epochs_factor)
        return dataclasses.replace(job, number=0, config=longer, all_clips=True)

    jobs = [job_of(member, fold, number) for number, fold in enumerate(folds) for member in config.members]
    return jobs + ([job_of_all_clips(member) for member in config.members] if config.train.ship == "all_clips" else [])


def _seed(config: Config, member: str, number: int) -> int:
    """Name the job, not its turn: the order in which jobs run changes nothing. Folds count from 1 here, 0 is all."""
    path = (config.train.seed, list(config.members).index(member), number)
    return int(np.random.SeedSequence(path).generate_state(1)[0])


def run_job(job: Job, on_step: OnStep) -> Result:
    """Train one network; ``on_step`` is called for each epoch. What was learned before a cut is in its checkpoint."""
    # One thread a network: two networks side by side are faster than two threads on one, and the sums come in
    # the same order on every run.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train, valid, test = open_inputs(
            job.folder, job.member, job.kind, job.fold.train, job.fold.valid, job.fold.test
        )
        start = load_arrays(job.folder / BODY)[0] if job.config.body_rate else None
        learned = fit(
            train,
            valid,
            job.n_classes,
            job.config,
            seed=job.seed,
            start=start,
            checkpoint=job.checkpoint,
            on_epoch=on_step,
        )
        out_of_fold = probabilities(model_with(learned.weights, job.config.network), test)
    finally:
        torch.set_num_threads(threads)
    return Result(learned.weights, out_of_fold, learned.history)


def save_result(job: Job, result: Result) -> None:
    """Keep what a job gave; its checkpoint goes."""
    weights = {f"weights/{name}": value for name, value in result.weights.items()}
    save_arrays(job.result, {"probabilities": result.probabilities, **weights}, result.history)
    job.checkpoint.unlink(missing_ok=True)


def read_result(job: Job) -> Result:
    """Read what :func:`save_result` kept.

    Raises
    ------
    RunError
        When it is damaged, or is the result of another job.

    """
    arrays, history = load_arrays(job.result)
    expected = (len(job.fold.test), job.n_classes)
    try:
        out_of_fold = array(arrays, "probabilities", "f", 2)
        require(out_of_fold.shape == expected, "probabilities", out_of_fold.shape, f"shape {expected}")
        require(len(history) == job.config.epochs, "history", len(history), f"{job.config.epochs} epochs")
        weights = {name.removeprefix("weights/"): v for name, v in arrays.items() if name.startswith("weights/")}
        model_with(weights, job.config.network)
    except (FieldError, KeyError, RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{job.result}: is damaged ({reason}); delete it and go on with --resume") from error
    return Result(weights, out_of_fold, history)
