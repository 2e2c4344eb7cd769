"""What the tests of the service share: the service in a process of its own, in this one, and sounds to send."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import soundfile
from conftest import tone
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession

import sutja
from sutja.predictor import Predictor
from sutja.server.app import create_app
from sutja.server.settings import Access, Limits

RATE = 16_000


@functools.cache
def model() -> Predictor:
    """The model that sutja brings."""
    return sutja.load()


def app(limits: Limits | None = None, access: Access | None = None) -> Starlette:
    return create_app(model(), "digits-en", limits=limits, access=access)


def tones(limits: Limits | None = None) -> TestClient:
    """A service whose model knows strings of tones, right every time."""
    from strings import string_bundle

    there = create_app(Predictor(string_bundle()), "tones", limits=limits)
    return TestClient(there, base_url="http://localhost:8765", raise_server_exceptions=False)


def client(limits: Limits | None = None, access: Access | None = None) -> TestClient:
    return TestClient(app(limits, access), base_url="http://localhost:8765", raise_server_exceptions=False)


def listening(
    here: TestClient, headers: dict[str, Any] | None = None, address: str = "/v1/stream?sample_rate=16000"
) -> WebSocketTestSession:
    """Open a stream, by this machine's name."""
    return here.websocket_connect(address, headers={"Host": "localhost:8765", **(headers or {})})


def sound(seconds: float = 0.4, form: str = "WAV", rate: int = RATE, channels: int = 1) -> bytes:
    """A file with a word of two tones, and a little noise so that no two cells are equal."""
    waveform = np.concatenate([tone(300, seconds / 2, rate), tone(700, seconds / 2, rate)])
    waveform += np.random.default_rng(0).normal(0, 0.005, len(waveform)).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, np.stack([waveform] * channels, axis=1), rate, format=form)
    return file.getvalue()


def form_of(field: str, *files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [(field, file) for file in files]


def refusal(response: Any, status: int) -> str:
    """Check that a request was refused in the form that is promised; return the sentence."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error"}
    told: str = response.json()["error"]
    assert told.count("; ") >= 1, told
    return told


class Process:
    """`sutja serve` in a process of its own."""

    def __init__(self, *arguments: object, **environment: str) -> None:
        command = [sys.executable, "-m", "sutja", "serve", "--port", "0", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        self.is_stopping = False
        self._told: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise AssertionError(self.stop())
        self.host, self.port = urlsplit(self.url).hostname, urlsplit(self.url).port

    def _read(self) -> None:
        for line in self.process.stderr:
            self._told.put(line)

    def connect(self, timeout: float = 10) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout)

    def terminate(self) -> None:
        """Tell it to stop."""
        self.process.terminate()
        self.is_stopping = True

    def stop(self, how: int = signal.SIGTERM) -> str:
        """Tell it to stop; what it had said on stderr."""
        if self.process.poll() is None and not self.is_stopping:
            self.process.send_signal(how)
        self.is_stopping = True
        self.process.wait(30)
        self._reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        lines = []
        with contextlib.suppress(queue.Empty):
            while True:
                lines.append(self._told.get_nowait())
        return "".join(lines)


@contextlib.contextmanager
def running(*arguments: object, **environment: str) -> Iterator[Process]:
    """Run a service for the block, and check that it ended in order and without a fault."""
    process = Process(*arguments, **environment)
    try:
        yield process
    finally:
        told = process.stop()
    assert process.process.returncode == 0, told
    events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert not [event for event in events if "traceback" in event or event["level"] in ("error", "critical")], told


def request(path: str, body: bytes = b"", *, method: str = "POST", headers: str = "") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers.splitlines()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read one answer: status, headers, body. Status 0 when the connection ends without one."""
    content = b""
    while b"\r\n\r\n" not in content:
        more = _receive(connection)
        if not more:
            return 0, {}, content
        content += more
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _receive(connection)
    return int(first.split()[1]), headers, body


def _receive(connection: socket.socket) -> bytes:
    with contextlib.suppress(ConnectionError):
        return connection.recv(65_536)
    return b""


def repository() -> Path:
    return Path(__file__).parents[1]
