"""Starting and stopping: whoever was accepted is answered."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable

import pytest
from service import Process, answer, request, running, sound

from sutja.errors import ConfigError
from sutja.server.serving import listen, places, url_of
from sutja.server.settings import Limits

CONTENT = sound()


def test_the_address():
    with listen("127.0.0.1", 0) as listener:
        host, port = listener.getsockname()
        assert url_of(listener) == f"http://{host}:{port}/"
        with pytest.raises(ConfigError, match="choose another --port or --host"):
            listen("127.0.0.1", port)


def test_requests_in_hand_are_answered():
    """Half a request is here when the service is told to stop: its end still comes, and its answer goes."""
    with running() as service:
        begun = [service.connect() for _ in range(8)]
        for connection in begun:
            connection.sendall(request("/v1/predict", CONTENT)[:-1_000])
        time.sleep(0.2)
        service.terminate()
        time.sleep(0.5)
        with pytest.raises(OSError, match="refused"):
            service.connect()
        for connection in begun:
            connection.sendall(CONTENT[-1_000:])
            status, headers, body = answer(connection)
            assert status == 200
            assert headers["connection"] == "close"
            assert "label" in json.loads(body)
            connection.close()
    assert service.process.returncode == 0


def test_requests_that_were_sent_together_are_answered():
    with running() as service, service.connect() as connection:
        n_requests = 12
        connection.sendall(request("/v1/predict?explain=true", CONTENT) * n_requests)
        time.sleep(0.3)
        service.terminate()
        content = b""
        while more := connection.recv(65_536):
            content += more
        assert content.count(b'"explanation"') == n_requests


def wait_until(happened: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


class Client(threading.Thread):
    """Asks on one connection again and again until the service ends it."""

    def __init__(self, service: Process) -> None:
        super().__init__()
        self.connection = service.connect()
        self.n_sent = self.n_answered = 0

    def run(self) -> None:
        with self.connection:
            while True:
                try:
                    self.connection.sendall(request("/v1/predict", CONTENT))
                except OSError:
                    return
                self.n_sent += 1
                status, headers, _ = answer(self.connection)
                self.n_answered += status == 200
                if status != 200 or headers.get("connection") == "close":
                    return


def test_under_load_every_request_is_answered():
    with running() as service:
        clients = [Client(service) for _ in range(16)]
        for client in clients:
            client.start()
        wait_until(lambda: sum(client.n_answered for client in clients) >= 50)
        service.terminate()
        for client in clients:
            client.join(20)
    assert [client.n_answered for client in clients] == [client.n_sent for client in clients]


def test_who_waits_at_the_door_is_taken_in():
    """New connections, one request each, while the service stops: who got in is answered, the others are refused."""
    outcomes: list[str] = []

    def knock(service: Process) -> None:
        while True:
            try:
                connection = service.connect()
            except OSError:
                outcomes.append("refused")
                return
            with connection:
                connection.sendall(request("/v1/predict", CONTENT))
                outcomes.append("answered" if answer(connection)[0] == 200 else "dropped")

    with running() as service:
        threads = [threading.Thread(target=knock, args=(service,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(outcomes) >= 30)
        service.terminate()
        for thread in threads:
            thread.join(20)
    assert outcomes.count("refused") == len(threads)
    assert outcomes.count("dropped") == 0


def test_idle_connections_do_not_hold_up_the_end():
    with running() as service:
        idle = [service.connect() for _ in range(5)]
        time.sleep(0.2)
        started = time.monotonic()
        service.terminate()
        service.process.wait(10)
        assert time.monotonic() - started < 2
        for connection in idle:
            connection.close()


def test_a_client_that_never_ends_holds_it_up_for_so_long_only():
    service = Process("--limit=drain_seconds=1")
    with service.connect() as connection:
        connection.sendall(request("/v1/predict", CONTENT)[:-10])
        time.sleep(0.2)
        started = time.monotonic()
        service.terminate()
        service.process.wait(10)
        assert time.monotonic() - started < 4
    service.stop()


def test_it_stops_on_ctrl_c():
    import signal

    service = Process()
    with socket.create_connection((service.host, service.port)):
        told = service.stop(signal.SIGINT)
    assert service.process.returncode == 0
    assert "Traceback" not in told


def test_what_still_runs_at_the_end_of_the_drain_is_told_to_come_back():
    service = Process("--limit", "drain_seconds=1", "--limit", "upload_seconds=20")
    with service.connect() as client:
        client.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf of it")
        time.sleep(0.3)
        service.terminate()
        status, _, body = answer(client)
        assert status == 503, body
        assert "error" in json.loads(body)
    told = service.stop()
    assert service.process.returncode == 0, told
    assert "Traceback" not in told


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(("files", "expected"), [(20_000, 3_000), (1_000, 680), (100, 1)])
def test_as_many_places_as_the_process_may_open_files(files, expected, monkeypatch, caplog):
    import resource

    limit = [(files, files)]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limit[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, asked: limit.append(asked))
    assert places(Limits(n_connections=3_000)) == expected
    assert ("raise the limit of open files" in caplog.text) == (expected < 3_000)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_limit_of_open_files_is_raised_as_far_as_it_may(monkeypatch):
    import resource

    limit = [(256, 5_000)]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limit[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, asked: limit.append(asked))
    assert places(Limits(n_connections=3_000)) == 3_000
    assert 3_000 < limit[-1][0] <= limit[-1][1] == 5_000
