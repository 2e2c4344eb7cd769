"""Jobs over processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sutja.engine import (
    Engine,
    Job,
    OnStep,
    Result,
    Serial,
    Shared,
    Value,
    hold,
    in_order,
    no_step,
    put,
    raise_with_job,
)
from sutja.errors import RunError

_steps: Any = None  # in a worker: the end of the pipe that its steps are reported to


def local(n_workers: int) -> Engine:
    """Return what runs so many jobs at a time on this machine; one runs here, without another process."""
    return Serial() if n_workers == 1 else Processes(n_workers)


class Processes:
    """Several jobs at a time, in processes started afresh: a fork would copy a library's threads."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._shared: list[Shared[Any]] = []

    def map(
        self, function: Callable[[Job, OnStep], Result], jobs: Iterable[Job], on_step: OnStep = no_step
    ) -> Iterator[Result]:
        """Do as :meth:`sutja.engine.Engine.map` says.

        Raises
        ------
        JobError
            When a job ends with an error.
        RunError
            When a worker was ended from outside.

        """
        context = multiprocessing.get_context("spawn")
        # A bare pipe, no queue: a worker that is stopped would take the queue's lock with it.
        # Five bytes go in one piece.
        receiver, sender = context.Pipe(duplex=False)
        listener = threading.Thread(target=_pass_on_steps, args=(receiver, on_step), daemon=True)
        listener.start()
        given = (sender, [(shared, shared.value) for shared in self._shared])
        executor = ProcessPoolExecutor(self.n_workers, context, initializer=_start_worker, initargs=given)
        try:
            yield from in_order(lambda job: executor.submit(_run, function, job), jobs, self.n_workers, raise_with_job)
        except BrokenProcessPool as error:
            raise RunError(
                "a worker process was ended from outside, perhaps because memory ran out; resume with --resume and "
                "fewer --jobs"
            ) from error
        except BaseException:
            # An error in one job, or Ctrl-C: what runs is stopped now; what it had reached is in its checkpoint.
            _stop(executor)
            raise
        finally:
            executor.shutdown(cancel_futures=True)
            sender.close()  # the workers' own ends went with them: the listener comes to the end
            listener.join()

    def share(self, value: Value) -> Shared[Value]:
        """Do as :meth:`sutja.engine.Engine.share` says: each process is given it when it starts."""
        self._shared.append(shared := hold(value))
        return shared

    def check_sees(self, path: Path) -> None:
        """Do nothing: processes of this machine see what this one sees."""


def _stop(executor: ProcessPoolExecutor) -> None:
    """End the workers now; before Python 3.14 the executor has no public way to name or end them."""
    workers: Any = getattr(executor, "_processes", None) or {}
    for process in list(workers.values()):
        process.terminate()


def _pass_on_steps(receiver: Connection, on_step: OnStep) -> None:
    with contextlib.suppress(EOFError):
        while receiver.recv_bytes():
            on_step()


def _start_worker(sender: Connection, values: Sequence[tuple[Shared[Any], Any]]) -> None:
    global _steps  # noqa: PLW0603  what a worker is given at its start
    _steps = sender
    for shared, value in values:
        put(shared, value)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent answers it
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: Any) -> None:
    """End this worker when the run that it works for was killed."""
    parent.join()
    os._exit(1)


def _run(function: Callable[[Job, OnStep], Result], job: Job) -> Result:
    return function(job, _send_step)


def _send_step() -> None:
    _steps.send_bytes(b"1")
