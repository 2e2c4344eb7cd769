"""Independent jobs, wherever they run: the contract, here one after the other and over threads.

A job is plain data (it can be pickled) and so is its result: what an engine takes and gives never holds an open file,
a network or a closure, and a job writes nothing that another reads. :mod:`sutja.engine.local` runs jobs over the
processes of this machine; every engine gives what :class:`Serial` gives, which is the one law that its tests ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Protocol, TypeVar

from sutja.errors import JobError, SutjaError

Job = TypeVar("Job")
Result = TypeVar("Result")
OnStep = Callable[[], None]

JOBS_AHEAD = 4  # for each worker: keeps it busy, and memory flat however many jobs there are


def no_step() -> None:
    """Do nothing: for those who do not follow the steps of jobs."""


class Engine(Protocol):
    """What runs jobs."""

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time."""

    def map(
        self, function: Callable[[Job, OnStep], Result], jobs: Iterable[Job], on_step: OnStep = no_step
    ) -> Iterator[Result]:
        """Call ``function(job, on_step)`` for each job and give the results in the order of the jobs.

        Parameters
        ----------
        function
            Importable by its name: another process or machine may call it.
        jobs
            Taken a few at a time, so that they may be many.
        on_step
            Called in this process whenever a job calls its own.

        Raises
        ------
        JobError
            When a job ends with an error of ours: its sentence, after the name of the job, which is ``str(job)``.
            Any other exception comes as it is, with a note that names the job. The other jobs are stopped.

        """


class Serial:
    """One job after the other, here."""

    n_workers = 1

    def map(
        self, function: Callable[[Job, OnStep], Result], jobs: Iterable[Job], on_step: OnStep = no_step
    ) -> Iterator[Result]:
        """Do as :meth:`Engine.map` says.

        >>> list(Serial().map(lambda job, on_step: 2 * job, [1, 2]))
        [2, 4]
        """
        for job in jobs:
            try:
                result = function(job, on_step)
            except Exception as error:
                raise_with_job(error, job)
                raise
            yield result


class Threads:
    """Several jobs at a time in this process, for work that leaves the interpreter lock: decoding, FFTs, hashing."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    def map(
        self, function: Callable[[Job, OnStep], Result], jobs: Iterable[Job], on_step: OnStep = no_step
    ) -> Iterator[Result]:
        """Do as :meth:`Engine.map` says."""
        executor = ThreadPoolExecutor(self.n_workers)
        try:
            yield from in_order(lambda job: executor.submit(function, job, on_step), jobs, self.n_workers)
        finally:
            executor.shutdown(cancel_futures=True)


def in_order(submit: Callable[[Job], Future[Result]], jobs: Iterable[Job], n_workers: int) -> Iterator[Result]:
    """Submit jobs, a few ahead, and give their results in the order of the jobs; the first failure comes at once."""
    coming, n_ahead = enumerate(jobs), JOBS_AHEAD * n_workers
    running: dict[Future[Result], tuple[int, Job]] = {}
    ended: dict[int, Result] = {}
    n_given = 0
    while True:
        for place, job in islice(coming, n_ahead - len(running) - len(ended)):
            running[submit(job)] = place, job
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            place, job = running.pop(future)
            error = future.exception()
            if error is not None:
                raise_with_job(error, job)
                raise error
            ended[place] = future.result()
        while n_given in ended:
            yield ended.pop(n_given)
            n_given += 1


def raise_with_job(error: BaseException, job: object) -> None:
    """Raise an error of ours as the job's; of any other, note the job in it."""
    if isinstance(error, SutjaError):
        raise JobError(f"{job}: {error}", job=job) from error
    error.add_note(f"in the job {job}")
