"""Many independent jobs on this machine: over processes, or one after the other.

The jobs know nothing of it: a job is a picklable argument of a function that takes ``(job, on_step)``.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from sutja.errors import RunError

Job = TypeVar("Job")
Result = TypeVar("Result")
OnStep = Callable[[], None]

_steps: Any = None  # in a worker: the end of the pipe that its steps are reported to


def run_jobs(
    function: Callable[[Job, OnStep], Result], jobs: Sequence[Job], n_processes: int, on_step: OnStep
) -> Iterator[Result]:
    """Run ``function(job, on_step)`` for each job and give the results as they come.

    Parameters
    ----------
    function
        Importable by name (workers are started afresh, so that a library's threads are not copied by a fork).
    jobs
        Its first argument, one each.
    n_processes
        How many at a time; with 1 they run here, one after the other.
    on_step
        Called in this process whenever a job calls its own.

    Raises
    ------
    RunError
        When a worker was ended from outside; what a job raises itself comes as it is.

    """
    if n_processes == 1 or len(jobs) <= 1:
        for job in jobs:
            yield function(job, on_step)
        return
    context = multiprocessing.get_context("spawn")
    # A bare pipe, no queue: a worker that is stopped would take the queue's lock with it. Five bytes go in one piece.
    heard, said = context.Pipe(duplex=False)
    listener = threading.Thread(target=_listen, args=(heard, on_step), daemon=True)
    listener.start()
    executor = ProcessPoolExecutor(min(n_processes, len(jobs)), context, initializer=_begin, initargs=(said,))
    try:
        for future in as_completed([executor.submit(_run, function, job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool as error:
        raise RunError(
            "a worker process was ended from outside, perhaps for want of memory; go on with --resume and fewer --jobs"
        ) from error
    except BaseException:
        # An error in one job, or Ctrl-C: what runs is stopped now; what it had reached is in its checkpoint.
        for process in list((executor._processes or {}).values()):
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
        said.close()  # the workers' own ends went with them: the listener comes to the end
        listener.join()


def _listen(heard: Connection, on_step: OnStep) -> None:
    with contextlib.suppress(EOFError):
        while heard.recv_bytes():
            on_step()


def _begin(said: Connection) -> None:
    global _steps  # noqa: PLW0603  the one thing that a worker is given at its start
    _steps = said
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent answers it
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: Any) -> None:
    """End this worker when the run that it works for was killed."""
    parent.join()
    os._exit(1)


def _run(function: Callable[[Job, OnStep], Result], job: Job) -> Result:
    return function(job, lambda: _steps.send_bytes(b"1"))
