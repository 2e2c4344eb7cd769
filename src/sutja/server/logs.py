"""Logs as one JSON object a line. They tell of requests, never of what was said: no audio, no labels, no tokens."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TextIO

LOGGERS = ("sutja.server", "uvicorn")


class JsonFormatter(logging.Formatter):
    """Write a record, and the fields that it was given as ``extra={"fields": {...}}``, as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


# What uvicorn says of clients that do not speak HTTP: their faults, not ours, and anybody could fill the log with them.
OTHERS_FAULTS = (
    "Invalid HTTP request received.",
    "Invalid UTF-8 sequence received from client.",
    "Unsupported upgrade request.",
)


def log_to(stream: TextIO, level: str = "info") -> None:
    """Send the service's logs to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(lambda record: record.getMessage() not in OTHERS_FAULTS)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level.upper())
    # Its own lines of starting, stopping and each connection say less than ours, and some hold addresses with queries.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True
