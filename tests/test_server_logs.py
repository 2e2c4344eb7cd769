"""Logs: one JSON object a line, faults with their traceback."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import logging
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from sutja.server.logs import LAST_SECONDS, LOGGERS, MOST_WAITING, JsonFormatter, NeverBlocking, log_to


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


def test_other_libraries_and_warnings_speak_json_too(lines):
    logging.getLogger("py.warnings").warning("x.py:1: DeprecationWarning: an old way")  # where logging takes them
    logging.getLogger("asyncio").error("a fault\nin two lines")
    told = [line["event"] for line in lines()]
    assert "DeprecationWarning: an old way" in told[0]
    assert told[1] == "a fault\nin two lines"


def test_placeholders_that_do_not_fit_are_no_fault_of_the_log():
    record = logging.LogRecord("some.library", logging.WARNING, "x.py", 1, "100 %s and %d", ("x",), None)
    assert json.loads(JsonFormatter().format(record))["event"] == "100 %s and %d"


def test_a_pipe_that_nobody_reads_holds_up_nothing():
    _, writer = os.pipe()  # both ends stay open: the thread goes on trying
    lines = NeverBlocking(writer)
    started = time.monotonic()
    for _ in range(3 * MOST_WAITING):
        lines.write("x" * 100 + "\n")
    lines.close()
    assert time.monotonic() - started < LAST_SECONDS + 5


def test_lines_come_in_order_and_what_was_dropped_is_told():
    reader, writer = os.pipe()
    lines = NeverBlocking(writer)
    for number in range(100):
        lines.write(f"{number}\n")
    lines.close()
    os.close(writer)
    with open(reader, encoding="utf-8") as file:  # noqa: PTH123  a descriptor
        assert file.read().split() == [str(number) for number in range(100)]


def test_a_service_whose_logs_nobody_reads_answers_and_stops():
    command = [sys.executable, "-m", "sutja", "serve", "--port", "0", "--log-level", "debug"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        port = urlsplit(process.stdout.readline().decode().strip()).port
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            for number in range(1_200):  # each leaves a line; a pipe holds 64 kB
                connection.request("GET", f"/nothing/{'x' * 60}{number}")
                response = connection.getresponse()
                response.read()
                assert response.status == 404
        process.terminate()
        assert process.wait(20) == 0
