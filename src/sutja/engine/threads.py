"""Over the threads of this process, in order: for what leaves the interpreter's lock or waits for the disk.

Decoding, FFT and hashing do. What is to be shared by several processes belongs to :mod:`sutja.engine.local`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sutja.engine import Job, OnStep, Result, Shared, Value, hold, in_order, no_step, raise_with_job

N_THREADS = min(8, os.cpu_count() or 1)
"""Of one pass over recordings. One interpreter has no use for more than eight."""


class Threads:
    """Several jobs at a time in this process."""

    def __init__(self, n_workers: int = N_THREADS) -> None:
        self.n_workers = n_workers

    def map(
        self, function: Callable[[Job, OnStep], Result], jobs: Iterable[Job], on_step: OnStep = no_step
    ) -> Iterator[Result]:
        """Do as :meth:`sutja.engine.Engine.map` says."""
        executor = ThreadPoolExecutor(self.n_workers)
        try:
            called = lambda job: executor.submit(function, job, on_step)  # noqa: E731
            yield from in_order(called, jobs, self.n_workers, raise_with_job)
        finally:
            executor.shutdown(cancel_futures=True)

    def share(self, value: Value) -> Shared[Value]:
        """Do as :meth:`sutja.engine.Engine.share` says: threads have it already."""
        return hold(value)

    def check_sees(self, path: Path) -> None:
        """Do nothing: what is here is seen here."""


def each(function: Callable[[Job], Result], items: Iterable[Job], n_threads: int = N_THREADS) -> Iterator[Result]:
    """Give ``function(item)`` for each item, in the items' order, in memory that does not grow with their number.

    What the function raises comes as it is. After that, or when the caller stops early, items that were not begun are
    not done.

    >>> list(each(len, ["a", "bcd", ""]))
    [1, 3, 0]
    """
    executor = ThreadPoolExecutor(n_threads)
    try:
        yield from in_order(lambda item: executor.submit(function, item), items, n_threads)
    finally:
        executor.shutdown(cancel_futures=True)
