"""Logs: one JSON object a line, faults with their traceback."""

from __future__ import annotations

import io
import json
import logging

import pytest

from sutja.server.logs import LOGGERS, log_to


@pytest.fixture
def lines():
    before = {name: (list((one := logging.getLogger(name)).handlers), one.propagate, one.level) for name in LOGGERS}
    stream = io.StringIO()
    log_to(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for name, (handlers, propagate, level) in before.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_a_line_is_an_object(lines):
    logging.getLogger("sutja.server").info("request", extra={"fields": {"path": "/a\nb", "status": 200}})
    (told,) = lines()
    assert told["event"] == "request"
    assert told["level"] == "info"
    assert (told["path"], told["status"]) == ("/a\nb", 200)
    assert told["time"].endswith("+00:00")


def test_faults_have_their_traceback_and_uvicorn_is_brief(lines):
    logging.getLogger("uvicorn.error").info("Uvicorn running")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    (told,) = lines()
    assert told["level"] == "error"
    assert "ZeroDivisionError" in told["traceback"]
