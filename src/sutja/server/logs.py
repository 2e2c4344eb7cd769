"""Logs as one JSON object a line. They tell of requests, never of what was said: no audio, no labels, no tokens."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

LOGGERS = ("sutja.server", "uvicorn", "")
MOST_WAITING = 10_000  # lines, while nobody reads them; what comes then is dropped, and how many is told
LAST_SECONDS = 1.0  # that the end waits for somebody to read the last lines


class Lines(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Take text."""

    def flush(self) -> None:
        """Hand on what was taken."""


class NeverBlocking:
    """Writes lines to a file descriptor from a thread of its own: a pipe that nobody reads holds up no request.

    Parameters
    ----------
    descriptor
        Of an open file.

    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: queue.Queue[bytes] = queue.Queue(MOST_WAITING)
        self._n_dropped = 0
        threading.Thread(target=self._write, daemon=True, name="logs").start()

    def write(self, text: str) -> int:
        """Take text; it is dropped when too much waits."""
        try:
            self._waiting.put_nowait(text.encode("utf-8", "backslashreplace"))
        except queue.Full:
            self._n_dropped += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing: whatever was taken is on its way."""

    def close(self) -> None:
        """Wait a moment for what is on its way."""
        done = threading.Thread(target=self._waiting.join, daemon=True)
        done.start()
        done.join(LAST_SECONDS)

    def _write(self) -> None:
        while True:
            content = self._waiting.get()
            if self._n_dropped:
                n, self._n_dropped = self._n_dropped, 0
                content += json.dumps({"level": "warning", "event": "lines dropped", "n": n}).encode() + b"\n"
            with contextlib.suppress(OSError):  # nobody is there any more
                while content:
                    content = content[os.write(self._descriptor, content) :]
            self._waiting.task_done()


@contextlib.contextmanager
def apart() -> Iterator[NeverBlocking]:
    """Keep what sutja writes on stderr apart from what libraries write there, which goes nowhere.

    A decoder that complains of a damaged file would write among the lines of JSON, and wait for ever in a pipe that
    nobody reads. Python's own last words, of errors that nobody caught, go where the lines go.
    """
    sys.stderr.flush()
    ours, before = os.dup(2), sys.stderr
    lines = NeverBlocking(ours)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = lines  # all that is written there is text
    try:
        yield lines
    finally:
        lines.close()
        sys.stderr = before
        os.dup2(ours, 2)


class JsonFormatter(logging.Formatter):
    """Write a record, and the fields that it was given as ``extra={"fields": {...}}``, as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": _said(record),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


def _said(record: logging.LogRecord) -> str:
    """Return a record's message, also where a library's placeholders do not fit what it gives."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)


# What uvicorn says of clients that do not speak HTTP: their faults, not ours, and anybody could fill the log with them.
OTHERS_FAULTS = (
    "Invalid HTTP request received.",
    "Invalid UTF-8 sequence received from client.",
    "Unsupported upgrade request.",
)


def log_to(stream: Lines, level: str = "info") -> None:
    """Send the service's logs to a stream, and the warnings of every library: all of it in lines of JSON."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(lambda record: _said(record) not in OTHERS_FAULTS)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level.upper())
    logging.captureWarnings(True)
    logging.getLogger().setLevel(logging.WARNING)
    # Its own lines of starting, stopping and each connection say less than ours, and some hold addresses with queries.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True
