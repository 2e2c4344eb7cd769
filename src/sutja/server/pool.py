"""Whose turn it is: a few threads that predict, and places that run out rather than queues that grow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Busy(Exception):  # noqa: N818  it is no error to be busy
    """There is no place left; come again."""


class Places:
    """A number of things that can be had at a time: requests, streams, bytes.

    >>> places = Places(2)
    >>> with places.taken(2):
    ...     places.n_taken
    2
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.n_taken = 0

    def take(self, n: int = 1) -> None:
        """Take some, or raise :class:`Busy`."""
        if self.n_taken + n > self.limit:
            raise Busy
        self.n_taken += n

    def give_back(self, n: int = 1) -> None:
        """Give back what was taken."""
        self.n_taken -= n

    @contextlib.contextmanager
    def taken(self, n: int = 1) -> Iterator[None]:
        """Take some for as long as the block runs."""
        self.take(n)
        try:
            yield
        finally:
            self.give_back(n)


class Pool:
    """Threads that work off what they are given, first come, first served."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self.open()

    def open(self) -> None:
        """Begin, also again after :meth:`close`; threads start when there is work."""
        self._executor = ThreadPoolExecutor(self.n_threads, thread_name_prefix="predict")

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Call a function in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)

    def close(self) -> None:
        """Let what runs end; what waits is dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)
