"""Independent jobs, wherever they run: the contract, and the engine that runs them one after the other.

A job is plain data (it can be pickled) and so is its result: what an engine takes and gives never holds an open file,
a network or a closure, and a job writes nothing that another reads. :mod:`sutja.engine.threads` runs jobs over
threads, :mod:`sutja.engine.local` over the processes of this machine, :mod:`sutja.engine.cluster` over those of many.
Every engine gives what :class:`Serial` gives, which is the one law that its tests ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar
from uuid import uuid4

from sutja.errors import JobError, SutjaError

Job = TypeVar("Job")
Result = TypeVar("Result")
Value = TypeVar("Value")
OnStep = Callable[[], None]

JOBS_AHEAD = 32  # for each worker: a slow one does not stop the others, and memory stays flat
MALLOC_TRIM = "MALLOC_TRIM_THRESHOLD_"  # of the C library: Dask sets it for its workers, and what they start has it too


def no_step() -> None:
    """Do nothing: for those who do not follow the steps of jobs."""


_held: dict[str, Any] = {}  # of a worker, and of the process that shares: each value once


@dataclass(frozen=True)
class Shared(Generic[Value]):
    """What a job holds in the place of a large value that all jobs need: it goes to each worker once."""

    name: str

    @property
    def value(self) -> Value:
        """The value, where the job runs."""
        value: Value = _held[self.name]
        return value


def hold(value: Value) -> Shared[Value]:
    """Keep a value in this process under a new name.

    >>> shared = hold([1, 2])
    >>> shared.value, let_go(shared)
    ([1, 2], None)
    """
    shared: Shared[Value] = Shared(uuid4().hex)
    put(shared, value)
    return shared


def put(shared: Shared[Value], value: Value) -> None:
    """Keep a value in this process, a worker, under the name that it has where it was shared."""
    _held[shared.name] = value


def keep_only(values: Mapping[str, Any]) -> None:
    """Keep these values in this process, a worker, by their names, and no others."""
    for name in set(_held) - set(values):
        del _held[name]
    _held.update(values)


def let_go(shared: Shared[Any]) -> None:
    """Forget a value in this process."""
    _held.pop(shared.name, None)


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

    def share(self, value: Value) -> Shared[Value]:
        """Give what jobs are to hold in the place of a large value: it goes to each worker once, not with each job.

        It is kept until the engine is closed; where workers are other processes, it must be plain data.
        """

    def check_sees(self, path: Path) -> None:
        """Check that every worker sees a file or a folder of this machine under the same name.

        In a folder that this process may write to, they must be able to, too.

        Raises
        ------
        EngineError
            When one does not, which names the worker.

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

    def share(self, value: Value) -> Shared[Value]:
        """Do as :meth:`Engine.share` says."""
        return hold(value)

    def check_sees(self, path: Path) -> None:
        """Do nothing: what is here is seen here."""


N_A_CHUNK = 16  # small jobs: a message costs milliseconds, and what comes back of them lies in memory


class Chunks:
    """Many small jobs over an engine whose messages cost more than they do: some at a time."""

    def __init__(self, engine: Engine, n_a_chunk: int = N_A_CHUNK) -> None:
        self._engine, self._n_a_chunk = engine, n_a_chunk

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time."""
        return self._engine.n_workers

    def map(
        self, function: Callable[[Job, OnStep], Result], jobs: Iterable[Job], on_step: OnStep = no_step
    ) -> Iterator[Result]:
        """Do as :meth:`Engine.map` says.

        >>> list(Chunks(Serial(), 2).map(lambda job, on_step: 2 * job, [1, 2, 3]))
        [2, 4, 6]
        """
        coming = iter(jobs)
        chunks = (_Chunk(function, part) for part in iter(lambda: tuple(islice(coming, self._n_a_chunk)), ()))
        try:
            for results in self._engine.map(_each, chunks, on_step):
                yield from results
        except JobError as error:
            failed = error.__cause__
            if isinstance(failed, JobError):  # the job itself, in its chunk
                raise failed from failed.__cause__
            raise

    def share(self, value: Value) -> Shared[Value]:
        """Do as :meth:`Engine.share` says."""
        return self._engine.share(value)

    def check_sees(self, path: Path) -> None:
        """Do as :meth:`Engine.check_sees` says."""
        self._engine.check_sees(path)


@dataclass(frozen=True)
class _Chunk:
    function: Callable[[Any, OnStep], Any]
    jobs: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.jobs[0]} and {len(self.jobs) - 1} more" if len(self.jobs) > 1 else str(self.jobs[0])


def _each(chunk: _Chunk, on_step: OnStep) -> list[Any]:
    return list(Serial().map(chunk.function, chunk.jobs, on_step))


def in_order(
    submit: Callable[[Job], Future[Result]],
    jobs: Iterable[Job],
    n_workers: int,
    failed: Callable[[BaseException, object], None] = lambda error, job: None,
) -> Iterator[Result]:
    """Submit jobs, a few ahead, and give their results in the order of the jobs; the first failure comes at once.

    What a job raises comes as it is, unless ``failed``, which is called with it and the job, raises another.
    """
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
                failed(error, job)
                raise error
            ended[place] = future.result()
        while n_given in ended:
            yield ended.pop(n_given)
            n_given += 1


def raise_with_job(error: BaseException, job: object) -> None:
    """Raise a :class:`~sutja.errors.JobError` for an error of ours; add a note with the job to any other."""
    if isinstance(error, SutjaError):
        raise JobError(f"{job}: {error}", job=job) from error
    error.add_note(f"in the job {job}")
