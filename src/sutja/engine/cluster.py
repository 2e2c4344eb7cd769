"""Jobs over a cluster: the workers of a Dask scheduler that is there, or of one that is started on this machine.

Queue, placement, retries after a worker's death and the restart of workers are Dask's. What is added is what the
contract of :mod:`sutja.engine` asks for (order, steps, the first failure, the name of the job), that everything is
checked before a job runs, and a watch over workers that hang.

A job whose worker died runs again on another; one that keeps a checkpoint goes on from there. A job that ends
:data:`ALLOWED_DEATHS` workers without getting on ends the run, with its name.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import platform
import re
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import dask
import distributed
from distributed import Client, KilledWorker, LocalCluster, get_worker
from distributed.protocol import deserialize_bytes, serialize_bytes
from distributed.utils import silence_logging_cmgr

import sutja
from sutja.engine import (
    MALLOC_TRIM,
    Job,
    OnStep,
    Result,
    Shared,
    Value,
    hold,
    in_order,
    keep_only,
    let_go,
    no_step,
    raise_with_job,
)
from sutja.errors import EngineError, listed, one_line

CONNECT_SECONDS = 10.0  # a scheduler that is there answers in less
WORKER_SECONDS = 60.0  # a batch system may take longer to start the first: then it is better to wait there than here
LOOK_SECONDS = 5.0  # between two looks at workers that may hang
TELL_SECONDS = 0.5  # between two reports of a job's steps: messages go through the scheduler
RESTART_SECONDS = 30.0
ALLOWED_DEATHS = 4  # Dask's own number of `allowed-failures`, and one
N_HANGS = 2  # a job that two workers hung over hangs by itself
SAME = ("numpy", "onnxruntime", "soundfile", "soxr", "distributed")  # that the numbers depend on, and the messages

Versions = Mapping[str, str | None]
"""By package, and of `python` and `sutja`; None where it is not installed."""


@dataclass(frozen=True)
class Patience:
    """Seconds that are waited for signs of life."""

    step: float
    """Of a worker that has work."""
    worker: float
    """Where there is no worker."""


class Dask:
    """Several jobs at a time, on the workers of a scheduler."""

    def __init__(
        self,
        client: Client,
        patience: Patience,
        packages: Sequence[str] = (),
        refill: Callable[[], None] = lambda: None,
    ) -> None:
        self._client, self._patience, self._versions = client, patience, versions(packages)
        self._refill = refill
        self._shared: dict[Shared[Any], distributed.Future] = {}
        _check_workers(client, self._versions)

    @classmethod
    @contextlib.contextmanager
    def open(cls, where: str | Path | None, n_workers: int, patience: float, packages: Sequence[str]) -> Iterator[Dask]:
        """Connect to a scheduler, by its address or its file, or start one with so many workers on this machine.

        Raises
        ------
        EngineError
            When the scheduler or its workers are not there, or do not fit this installation.

        """
        with contextlib.ExitStack() as stack:
            # A batch system starts workers when it has room; those of this machine come soon or not at all.
            waits = Patience(patience, max(patience, WORKER_SECONDS) if where else WORKER_SECONDS)
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL))  # what matters of it is told in a sentence
            refill: list[Callable[[], None]] = []
            if where is None:
                cluster = stack.enter_context(_here(n_workers))
                where = str(cluster.scheduler_address)
                refill.append(functools.partial(cluster.scale, n_workers))
            engine = cls(stack.enter_context(_connected(where)), waits, packages, *refill)
            stack.callback(engine._close)
            yield engine

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time, now: workers come and go."""
        return max(1, len(self._client.nthreads()))

    def map(
        self, function: Callable[[Job, OnStep], Result], jobs: Iterable[Job], on_step: OnStep = no_step
    ) -> Iterator[Result]:
        """Do as :meth:`sutja.engine.Engine.map` says.

        Raises
        ------
        JobError
            When a job ends with an error.
        EngineError
            When the scheduler goes away, or a job ends or stops its workers again and again.

        """
        work = _Work(self._client, function, on_step, self._versions, self._shared)
        stopped = threading.Event()
        looked_at = (work, self._client, self._patience, stopped, self._refill)
        watch = threading.Thread(target=_watch, args=looked_at, daemon=True)
        watch.start()
        try:
            yield from in_order(work.submit, jobs, self.n_workers, _failed)
        finally:
            stopped.set()
            work.close()
            watch.join(LOOK_SECONDS)

    def share(self, value: Value) -> Shared[Value]:
        """Do as :meth:`sutja.engine.Engine.share` says.

        It is the result of a task: where the worker that has it dies, Dask makes it again.
        """
        shared = hold(value)
        with _quiet():
            self._shared[shared] = self._client.submit(
                _same, serialize_bytes(value), key=f"sutja-value-{shared.name}", pure=False
            )
        return shared

    def check_sees(self, path: Path) -> None:
        """Do as :meth:`sutja.engine.Engine.check_sees` says."""
        path = path.absolute()
        with _probe(path) as (probe, token):
            seen = self._client.run(_sees, str(probe), token, on_error="return")
        for worker, fault in sorted(seen.items()):
            if fault:
                raise EngineError(
                    f"the worker {worker} cannot use {one_line(str(path))} ({fault}); expected what all workers share "
                    "with this machine, under the same name; put it on a shared disk"
                )

    def _close(self) -> None:
        for shared, future in self._shared.items():
            let_go(shared)
            with contextlib.suppress(OSError):
                future.release()
        self._shared.clear()


# -- to the scheduler, and what is checked there -----------------------------------------------------------------------


@contextlib.contextmanager
def _here(n_workers: int) -> Iterator[LocalCluster]:
    """Start a scheduler with workers of one thread on this machine, for this machine only."""
    # One job a worker: a job that waits behind another would be counted as the cause of its worker's death.
    settings = {
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.allowed-failures": ALLOWED_DEATHS - 1,
        # With it the C library asks the system for each large array anew: to hear a recording took a fifth more of the
        # processor's time, two pairs of 4000 (2.60 ms and 2.41, without it 2.13 and 1.97).
        f"distributed.nanny.pre-spawn-environ.{MALLOC_TRIM}": None,
        "distributed.worker.profile.enabled": False,  # looks a hundred times a second at what a worker does
    }
    with dask.config.set(settings), _quiet():
        try:
            cluster = LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
        except (OSError, RuntimeError) as error:
            raise EngineError(
                f"{n_workers} workers cannot be started here ({error}); expected room for so many processes; "
                "ask for fewer --workers"
            ) from error
        with cluster:
            yield cluster


@contextlib.contextmanager
def _connected(where: str | Path) -> Iterator[Client]:
    try:
        address = json.loads(where.read_text(encoding="utf-8"))["address"] if isinstance(where, Path) else where
        with _quiet():
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise EngineError(
            f"no scheduler answers at {where} ({reason}); expected a Dask scheduler that runs; start it with "
            "`dask scheduler`, or correct --scheduler"
        ) from error
    try:
        yield client
    finally:
        with _quiet(), contextlib.suppress(OSError):
            client.close(timeout=CONNECT_SECONDS)


def versions(packages: Sequence[str] = ()) -> Versions:
    """Return the versions of what the numbers depend on, in this process."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, "sutja": sutja.__version__} | {name: _version(name) for name in (*SAME, *packages)}


@functools.cache  # a worker is asked before each job
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _check_workers(client: Client, expected: Versions) -> None:
    """Check that there are workers, with one thread each and what this process has, and the scheduler knows sutja."""
    address = client.scheduler.address
    _check_scheduler(client, {name: expected[name] for name in ("python", "sutja", "distributed")})
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError as error:
        raise EngineError(
            f"the scheduler at {address} has no worker after {WORKER_SECONDS:.0f} s; expected one or more; start some "
            f"with `dask worker {address} --nthreads 1`"
        ) from error
    for worker, n_threads in sorted(client.nthreads().items()):
        if n_threads != 1:
            raise EngineError(
                f"the worker {worker} has {n_threads} threads; expected 1: networks that learn in one process disturb "
                f"each other's numbers; start it with --nthreads 1 --nworkers {n_threads}"
            )
    found = client.run(_misfit, expected, on_error="return")
    for worker, misfit in sorted(found.items()):
        if isinstance(misfit, BaseException) and _missing(misfit):
            raise EngineError(
                f"the worker {worker} has no {_missing(misfit)}; expected the installation of this process; install it "
                "there"
            )
        if isinstance(misfit, BaseException):
            raise EngineError(
                f"the worker {worker} cannot be asked what is installed there ({type(misfit).__name__}: {misfit}); "
                "expected the installation of this process; start it anew"
            )
        if misfit:
            raise EngineError(_told(f"the worker {worker}", misfit))


def _check_scheduler(client: Client, expected: Versions) -> None:
    who = f"the scheduler at {client.scheduler.address}"
    try:
        misfit = client.run_on_scheduler(_misfit, expected)
    except Exception as error:
        missing = _missing(error)
        if not missing:
            raise
        raise EngineError(
            f"{who} has no {missing}; expected sutja with its extra cluster, without torch; install it there"
        ) from error
    if misfit:
        raise EngineError(_told(who, misfit))


def _missing(error: BaseException) -> str | None:
    """Return the package that another process has not, which Dask tells in an error of a general kind."""
    found = re.search(r"No module named '(\w+)", str(error))
    return found[1] if found else None


def _misfit(expected: Versions) -> list[str]:
    """List, in a worker, what is not as in the process that asks."""
    here = versions([name for name in expected if name not in ("python", "sutja", *SAME)])
    return [
        f"{name} {here[name] or 'not installed'}, here {wanted}"
        for name, wanted in expected.items()
        if wanted is not None and here[name] != wanted
    ]


def _told(who: str, misfit: Sequence[str]) -> str:
    return (
        f"{who} has {listed(misfit)}; expected the same on both sides, or numbers would differ; "
        "install the same versions"
    )


@contextlib.contextmanager
def _probe(path: Path) -> Iterator[tuple[Path, str | int | None]]:
    """Leave a file with a word in it in a folder where this process may write; of a file, give how long it is."""
    if not path.is_dir():
        yield path, path.stat().st_size if path.is_file() else None
    elif not os.access(path, os.W_OK):
        yield path, None
    else:
        token = uuid4().hex
        with tempfile.NamedTemporaryFile("w", dir=path, prefix=".seen.", suffix=".tmp") as file:
            file.write(token)
            file.flush()
            yield Path(file.name), token


def _sees(name: str, token: str | int | None) -> str:
    """Tell, in a worker, why a file is not what another machine has, or its folder takes none; else nothing."""
    path = Path(name)
    try:
        if isinstance(token, str):
            same = path.read_text() == token
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        else:
            same = path.stat().st_size == token or token is None
    except OSError as error:
        return error.strerror or type(error).__name__
    return "" if same else "it is another there"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what Dask warns of and what is checked here, or is said better."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# -- one map: where the run is -----------------------------------------------------------------------------------------


@dataclass
class _Pending:
    """A job that was submitted."""

    number: int
    job: Any
    outcome: Future[Any] = field(default_factory=Future)
    future: Any = None
    n_steps: int = 0
    """The most that one of its attempts told of."""
    n_before: int = 0
    """The same, when it was submitted for the last time."""
    worker: str | None = None
    """That it began on, last."""
    n_hangs: int = 0


class _Work:
    """The jobs of one call of :meth:`Dask.map`, with what is known of them."""

    def __init__(
        self,
        client: Client,
        function: Callable[[Any, OnStep], Any],
        on_step: OnStep,
        expected: Versions,
        shared: Mapping[Shared[Any], distributed.Future],
    ) -> None:
        self._client, self._function, self._on_step = client, function, on_step
        self._versions, self._shared = expected, dict(shared)
        self._name, self._numbers = f"sutja-{uuid4().hex}", count()
        self._open: dict[int, _Pending] = {}
        self._lock = threading.Lock()
        self.heard_of: dict[str, float] = {}
        """When a worker last gave a sign of a job."""
        client.subscribe_topic(self._name, self._hear)

    def submit(self, job: Job) -> Future[Any]:
        """Hand a job to the scheduler."""
        pending = _Pending(next(self._numbers), job)
        with self._lock:
            self._open[pending.number] = pending
        self._begin(pending)
        return pending.outcome

    def close(self) -> None:
        """Stop what still runs: it notices at its next step."""
        running = [pending.future for pending in self._pending() if pending.future is not None]
        with self._lock:
            self._open.clear()
        with contextlib.suppress(OSError, ValueError, CancelledError):
            self._client.unsubscribe_topic(self._name)
            if running:
                self._client.cancel(running)

    def lose(self, reason: str) -> None:
        """End every job that did not end, because of what is wrong with the cluster."""
        for pending in self._pending():
            _end(pending, EngineError(reason))

    def on(self, worker: str, keys: Sequence[Any]) -> list[_Pending]:
        """List the jobs that began on a worker and did not end; where none said so, those that it was given."""
        began = [pending for pending in self._pending() if pending.worker == worker]
        return began or [p for p in self._pending() if p.future is not None and p.future.key in keys]

    def _pending(self) -> list[_Pending]:
        with self._lock:
            return list(self._open.values())

    def _begin(self, pending: _Pending) -> None:
        pending.n_before, pending.worker = pending.n_steps, None
        key = (self._name, f"{pending.number}-{uuid4().hex[:8]}")
        call = _Call(self._function, pending.number, self._name, key, self._versions)
        values = {shared.name: future for shared, future in self._shared.items()}
        with _quiet():
            # As bytes: the scheduler reads the rest, and would import what a job needs, which is torch.
            content = serialize_bytes((call, pending.job))
            pending.future = self._client.submit(_run, content, values, key=key, pure=False)
        pending.future.add_done_callback(lambda future: self._end(pending, future))

    def _hear(self, event: tuple[float, Any]) -> None:
        number, n_steps, worker = event[1]
        with self._lock:
            pending = self._open.get(number)
        self.heard_of[worker] = monotonic()
        if pending is not None:
            pending.worker = worker
            self._step(pending, n_steps)

    def _step(self, pending: _Pending, n_steps: int) -> None:
        """Pass on the steps that no attempt told of yet: one that goes on from a checkpoint tells of them again."""
        with self._lock:
            n_new = n_steps - pending.n_steps
            pending.n_steps = max(pending.n_steps, n_steps)
        for _ in range(n_new):
            self._on_step()

    def _end(self, pending: _Pending, future: Any) -> None:
        if pending.outcome.done() or future is not pending.future:
            return
        try:
            error = future.exception()
            ended: _Ended | None = future.result() if error is None else None
        except (OSError, CancelledError):
            error, ended = EngineError(_gone(self._client)), None
        except BaseException as unexpected:
            _end(pending, unexpected)
            raise
        if isinstance(error, KilledWorker) and pending.n_steps > pending.n_before:
            self._begin(pending)  # it got on, and goes on from its checkpoint
        elif isinstance(error, KilledWorker):
            _end(pending, EngineError(_killed(pending.job, error)))
        elif isinstance(error, CancelledError):
            _end(pending, EngineError(_gone(self._client)))
        elif ended is None:
            _end(pending, error)
        else:
            self.heard_of[ended.worker] = monotonic()
            self._step(pending, ended.n_steps)
            with self._lock:
                self._open.pop(pending.number, None)
            pending.future = None  # the cluster forgets the result
            if not pending.outcome.done():
                pending.outcome.set_result(ended.result)


def _end(pending: _Pending, error: BaseException | None) -> None:
    if not pending.outcome.done():
        pending.outcome.set_exception(error)


def _failed(error: BaseException, job: object) -> None:
    """Raise what a job's error is told as: what is wrong with the cluster has its sentence already."""
    if not isinstance(error, EngineError):
        raise_with_job(error, job)


def _gone(client: Client) -> str:
    address = getattr(client.scheduler, "address", None) or "that was named"
    return (
        f"the scheduler {address} went away, or gave the work up; what was finished is kept; start it again and go on "
        "with --resume"
    )


def _killed(job: object, error: KilledWorker) -> str:
    return (
        f"{job}: {error.allowed_failures + 1} workers ended over it, the last at {error.last_worker.address}, "
        "perhaps because memory ran out; expected them to live; give each more memory, or look at what this job reads, "
        "and go on with --resume"
    )


def _watch(
    work: _Work, client: Client, patience: Patience, stopped: threading.Event, refill: Callable[[], None]
) -> None:
    """Start workers anew that have work and give no sign; give up where a job hangs wherever it is, or none is left.

    ``refill`` replaces workers whose nanny is gone, too: Dask starts none for one that dies while it is being started.
    """
    since: dict[str, float] = {}
    last_worker = monotonic()
    while not stopped.wait(min(LOOK_SECONDS, patience.step / 4)):
        refill()
        try:
            processing = client.processing()
        except (OSError, TimeoutError):
            continue  # the scheduler is away: the jobs are told by Dask
        now = monotonic()
        if processing:
            last_worker = now
        elif now - last_worker > patience.worker:
            work.lose(
                f"there is no worker any more, for {patience.worker:.0f} s; expected one or more; start some and go on "
                "with --resume"
            )
        busy = {worker for worker, keys in processing.items() if keys}
        since = {worker: since.get(worker, now) for worker in busy}
        for worker in busy:
            if now - max(since[worker], work.heard_of.get(worker, 0.0)) > patience.step:
                _restart(work, client, worker, processing[worker], patience.step)


def _restart(work: _Work, client: Client, worker: str, keys: Sequence[Any], seconds: float) -> None:
    for pending in work.on(worker, keys):
        pending.n_hangs += 1
        if pending.n_hangs >= N_HANGS:
            text = (
                f"{pending.job}: {N_HANGS} workers did not get on with it for {seconds:.0f} s, the last at {worker}; "
                "expected a step now and then; look at what this job reads, and go on with --resume"
            )
            _end(pending, EngineError(text))
    with contextlib.suppress(OSError, TimeoutError):
        client.restart_workers([worker], timeout=RESTART_SECONDS, raise_for_error=False)


# -- one job: where the worker is --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Call:
    """What a worker is to do with a job."""

    function: Callable[[Any, OnStep], Any]
    number: int
    topic: str
    """That steps are told under."""
    key: tuple[str, str]
    versions: Versions


@dataclass(frozen=True)
class _Ended:
    """What comes back of a job."""

    result: Any
    n_steps: int
    worker: str


class _Stopped(BaseException):
    """Nobody waits for this job any more. No job may catch it as an error."""


def _same(content: bytes) -> Any:
    return deserialize_bytes(content)


def _run(content: bytes, values: Mapping[str, Any]) -> _Ended:
    call, job = deserialize_bytes(content)
    steps = _Steps(call)
    misfit = _misfit(call.versions)  # this worker may have come later than the check
    if misfit:
        raise EngineError(_told(f"the worker {steps.worker}", misfit))
    keep_only(values)
    result = call.function(job, steps)
    return _Ended(result, steps.n_steps, steps.worker)


class _Steps:
    """Counts a job's steps, tells of them now and then, and ends a job that nobody waits for."""

    def __init__(self, call: _Call) -> None:
        self._call, self._worker, self.n_steps = call, get_worker(), 0
        self.worker: str = self._worker.address
        self._tell()

    def __call__(self) -> None:
        self.n_steps += 1
        if monotonic() - self._told >= TELL_SECONDS:
            self._tell()

    def _tell(self) -> None:
        self._told = monotonic()
        task = self._worker.state.tasks.get(self._call.key)
        if task is None or task.state == "cancelled":
            raise _Stopped
        self._worker.log_event(self._call.topic, [self._call.number, self.n_steps, self.worker])
