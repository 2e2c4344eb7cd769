"""Over the threads of this process, in order: for what leaves the interpreter's lock or waits for the disk.

Decoding, FFT and hashing do. What is to be shared by several processes belongs to :mod:`sutja.engine.local`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

N_THREADS = min(8, os.cpu_count() or 1)
"""Of one pass over recordings. One interpreter has no use for more than eight."""
AHEAD = 32
"""Items for each thread that may wait or be done and not yet taken: one slow file does not stop the others."""


def in_order(function: Callable[[Item], Result], items: Iterable[Item], n_threads: int = N_THREADS) -> Iterator[Result]:
    """Give ``function(item)`` for each item, in the items' order, in memory that does not grow with their number.

    What the function raises comes as it is, in its place; then, and when the caller has had enough, what was not
    begun is not done.

    >>> list(in_order(len, ["a", "bcd", ""]))
    [1, 3, 0]
    """
    pool, waiting = ThreadPoolExecutor(n_threads), deque[Future[Result]]()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > AHEAD * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
