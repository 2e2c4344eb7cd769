"""Hearing in a process of its own, which may die: a recording that kills it is found, named and passed over.

Decoders are C code that reads what anybody sends. A worker, which holds other work and is slow to start again, hears
nothing itself: it asks a process (`python -m sutja.isolated`) that says a record a recording through a pipe. Where that
one dies or hangs, another begins with the recording that has no record yet; what ends two in a row is passed over.
The processes stay for the next piece of work, with the model that they loaded, and go with who started them.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from io import FileIO  # without a lock, which would be held when the program ends
from pathlib import Path
from typing import Any, BinaryIO

import sutja
from sutja.bundle import digest
from sutja.engine import MALLOC_TRIM
from sutja.errors import AudioError, RunError, SutjaError
from sutja.hearing import Work, answers
from sutja.outcomes import Record, record_of
from sutja.predictor import Predictor

PATIENCE_SECONDS = 300.0
"""For the next records: a store may be slow, and a decoder may never come back."""
START_SECONDS = 300.0
"""For a process to begin and load its model: a machine may be busy."""
IDLE_SECONDS = 600.0
"""After which a process that is asked nothing leaves: workers of a cluster outlive the runs."""
LOOK_SECONDS = 1.0  # between two looks whether it was ended
N_TOGETHER = 20  # records that are said at a time; of a process that dies, the last of them are heard again
N_LINES_AHEAD = 16  # that the process may be ahead of who writes them down
N_ATTEMPTS = 2  # a process may also be ended by who is not to blame on the recording: no memory, an operator

Message = dict[str, Any]

_free: dict[str, list[_Process]] = defaultdict(list)
_all: set[_Process] = set()
_lock = threading.Lock()
_n_dismissals = 0


class _DiedError(Exception):
    """The process is gone, and how."""


def records(model: str, work: Work) -> Iterator[Record]:
    """Give the record of each recording of a piece of work, whatever the recordings do to who hears them.

    Parameters
    ----------
    model
        Where the model lies.
    work
        What is to be heard.

    Raises
    ------
    RunError
        When something ends the process that is no recording, or a store cannot be reached: all of ours that
        :func:`sutja.hearing.answers` raises comes as this, in its words.

    """
    n_deaths, n_dismissals = 0, _n_dismissals
    while True:
        begun = None
        try:
            with _process(model) as process:
                for message in process.ask(replace(work, careful=n_deaths > 0)):
                    begun = message.get("begun", begun)
                    for record in message.get("records", ()):
                        work, n_deaths = replace(work, start=work.start + 1), 0
                        yield record
                return
        except _DiedError as died:
            n_deaths += 1
            if n_dismissals != _n_dismissals:
                raise RunError("stopped") from died
            if n_deaths < N_ATTEMPTS:
                continue
            if begun is None:
                raise RunError(f"the process that predicts {died} before any recording; see what it said") from died
            reason = f"the process that read it {died}, {n_deaths} times; leave it out, or write it anew"
        work, n_deaths = replace(work, start=work.start + 1), 0
        yield record_of(begun, AudioError(begun, reason))


def model_of(model: str) -> str:
    """Return the checksum of the model that the process loaded, which it starts if there is none.

    Raises
    ------
    RunError
        When it cannot be loaded here.

    """
    try:
        with _process(model) as process:
            return process.digest
    except _DiedError as died:
        raise RunError(f"the process that predicts {died} at its start; see what it said") from died


def dismiss() -> None:
    """End the processes that this one started; work that is going on ends with a RunError."""
    global _n_dismissals  # noqa: PLW0603  who is at work asks whether it was meant
    with _lock:
        _n_dismissals += 1
        gone = list(_all)
        _free.clear()
    for process in gone:
        process.end()


atexit.register(dismiss)


@contextmanager
def _process(model: str) -> Iterator[_Process]:
    """Give a process that has the model, and keep it where nothing went wrong."""
    with _lock:
        process = _free[model].pop() if _free[model] else None
    if process is not None and not process.is_alive:
        process.end()
        process = None
    process = process or _Process(model)
    try:
        yield process
    except BaseException:  # also where nobody wants to hear the rest
        process.end()
        raise
    with _lock:
        _free[model].append(process)


class _Process:
    """One process, and what it says, line by line."""

    def __init__(self, model: str) -> None:
        command = [sys.executable, "-m", "sutja.isolated", model]
        places = [str(Path(sutja.__file__).parents[1]), os.environ.get("PYTHONPATH")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
        if environment.get(MALLOC_TRIM) == "65536":  # by a nanny of Dask, not by a person: a fifth more for each word
            del environment[MALLOC_TRIM]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        self._lines: queue.Queue[bytes] = queue.Queue(N_LINES_AHEAD)
        self._gone = threading.Event()
        with _lock:
            _all.add(self)
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()
        self.digest: str = self._next(START_SECONDS)["model"]

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, work: Work) -> Iterator[Message]:
        """Give it a piece of work, and give what it says until it is done."""
        with suppress(OSError):  # it died; what it did not say tells
            self._process.stdin.write(json.dumps(asdict(work)).encode() + b"\n")  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]
        while not (message := self._next(PATIENCE_SECONDS)).get("done"):
            yield message

    def end(self) -> None:
        """End it, whatever it does."""
        self._gone.set()
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        with _lock:
            _all.discard(self)

    def _listen(self, stdout: BinaryIO) -> None:
        with stdout:
            for line in stdout:
                self._put(line)
        self._put(b"")

    def _put(self, line: bytes) -> None:
        while not self._gone.is_set():
            with suppress(queue.Full):
                return self._lines.put(line, timeout=1)

    def _next(self, patience: float) -> Message:
        line, deadline = None, time.monotonic() + patience
        while line is None:
            try:
                line = self._lines.get(timeout=min(LOOK_SECONDS, patience))
            except queue.Empty:
                if time.monotonic() > deadline:
                    self.end()
                    raise _DiedError(f"gave no answer for {patience:g} s") from None
                if self._gone.is_set():  # whoever ended it, nothing more will come
                    line = b""
        if not line.endswith(b"\n"):
            raise _DiedError(_how(self._process.wait()))
        message: Message = json.loads(line)
        if "error" in message:
            raise RunError(message["error"])
        return message


def _how(status: int) -> str:
    """Say how a process ended.

    >>> _how(1), _how(-9)
    ('ended with status 1', 'was ended by SIGKILL')
    """
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by {signal.Signals(-status).name}"


# -- in the process ---------------------------------------------------------------------------------------------------


def main(model: str) -> None:
    """Hear what comes through standard input, a piece of work a line, and say the records on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it answers Ctrl-C
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no record
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(FileIO(0, closefd=False), requests), daemon=True).start()

    def say(message: Message) -> None:
        said.write(json.dumps(message).encode() + b"\n")
        said.flush()

    try:
        predictor = Predictor.load(model)
        say({"model": digest(model)})
        while line := _next_of(requests):
            work = Work(**json.loads(line))
            found = answers(predictor, work, lambda name: say({"begun": name}))
            while some := list(itertools.islice(found, 1 if work.careful else N_TOGETHER)):
                say({"records": some})
            say({"done": True})
    except SutjaError as error:
        say({"error": str(error)})


def _next_of(requests: queue.Queue[bytes]) -> bytes:
    try:
        return requests.get(timeout=IDLE_SECONDS)
    except queue.Empty:
        return b""


def _read(stdin: FileIO, requests: queue.Queue[bytes]) -> None:
    """Pass on what is asked, and leave at once with who asks."""
    for line in stdin:
        requests.put(line)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
