"""Many independent jobs on this machine: over processes, or one after the other.

The jobs know nothing of it: a job is a picklable argument of a function that takes ``(job, on_step)``.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
OnStep = Callable[[], None]

_steps: Any = None  # in a worker: the queue that its steps are reported to


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

    """
    if n_processes == 1 or len(jobs) <= 1:
        for job in jobs:
            yield function(job, on_step)
        return
    context = multiprocessing.get_context("spawn")
    steps = context.SimpleQueue()
    listener = threading.Thread(target=_listen, args=(steps, on_step), daemon=True)
    listener.start()
    executor = ProcessPoolExecutor(min(n_processes, len(jobs)), context, initializer=_begin, initargs=(steps,))
    try:
        for future in as_completed([executor.submit(_run, function, job) for job in jobs]):
            yield future.result()
    except BaseException:
        # An error in one job, or Ctrl-C: what runs is stopped now; what it had reached is in its checkpoint.
        for process in list((executor._processes or {}).values()):
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
        steps.put(None)
        listener.join()


def _listen(steps: Any, on_step: OnStep) -> None:
    while steps.get() is not None:
        on_step()


def _begin(steps: Any) -> None:
    global _steps  # noqa: PLW0603  the one thing that a worker is given at its start
    _steps = steps
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: Any) -> None:
    """End this worker when the run that it works for was killed."""
    parent.join()
    os._exit(1)


def _run(function: Callable[[Job, OnStep], Result], job: Job) -> Result:
    return function(job, lambda: _steps.put(1))
