"""Connections from hell, over real sockets: each gets a clear answer or its end, and the next good request its own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import time

import pytest
from service import Process, answer, request, running, sound

LIMITS = {
    "n_connections": 40,
    "header_seconds": 1,
    "upload_seconds": 1,
    "idle_seconds": 1.5,
    "request_seconds": 10,
    "stream_idle_seconds": 1.5,
    "n_streams": 2,
    "clip_bytes": 100_000,
}


@pytest.fixture(scope="module")
def service():
    with running(*[f"--limit={name}={value}" for name, value in LIMITS.items()]) as found:
        yield found


@pytest.fixture(autouse=True)
def next_good_request(service):
    """Whatever happened, the next one is answered."""
    yield
    status, _, body = asked(service, request("/v1/predict", sound()))
    assert status == 200
    assert "label" in json.loads(body)


def asked(service: Process, content: bytes) -> tuple[int, dict[str, str], bytes]:
    with service.connect() as connection:
        connection.sendall(content)
        return answer(connection)


def ends(connection: socket.socket, within: float) -> bool:
    """Whether the service ends a connection in time."""
    connection.settimeout(within)
    with contextlib.suppress(ConnectionError):
        while connection.recv(65_536):
            pass
    return True


def told(found: tuple[int, dict[str, str], bytes], status: int) -> str:
    assert found[0] == status, found
    sentence: str = json.loads(found[2])["error"]
    assert "; " in sentence
    return sentence


# -- what is no HTTP --------------------------------------------------------------------------------------------------

GARBAGE = {
    "text": b"hello\r\n\r\n",
    "tls": bytes.fromhex("16030100a5010000a10303") + bytes(100),
    "no version": b"GET /\r\n\r\n",
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two lengths": b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length that is none": b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n",
    "a negative length": b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    "length and chunks": request("/v1/predict", b"x", headers="Transfer-Encoding: chunked"),
    "an address of bytes": b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a header of control characters": request("/health", method="GET", headers="X: a\x01b"),
    "a chunk that is none": request("/v1/predict", headers="Transfer-Encoding: chunked").replace(
        b"Content-Length: 0\r\n", b""
    )
    + b"zz\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_http(service, name):
    with service.connect() as connection:
        connection.sendall(GARBAGE[name])
        told(answer(connection), 400)
        assert ends(connection, 3)


def test_random_bytes(service):
    for seed in range(30):
        content = bytes((n * 37 + seed * 101) % 256 for n in range(seed * 20 + 1))
        with service.connect() as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            assert answer(connection)[0] in (0, 400, 408)


def test_headers_that_are_too_long(service):
    for headers in ("X: " + "y" * 40_000, "\n".join(f"X{n}: {'y' * 50}" for n in range(1_000))):
        assert "bytes of headers" in told(asked(service, request("/health", method="GET", headers=headers)), 431)
    assert told(asked(service, b"GET /" + b"a" * 40_000), 431)  # not complete
    assert told(asked(service, b"GET /?" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"), 431)


def test_endless_trailers(service):
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    with service.connect() as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head)
            for _ in range(2_000):
                connection.sendall(b"X: " + b"y" * 100 + b"\r\n")
        assert ends(connection, 5)


# -- bodies -----------------------------------------------------------------------------------------------------------


def test_four_gigabytes_declared(service):
    head = f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {4 * 2**30}\r\n\r\n".encode()
    with service.connect() as connection:
        connection.sendall(head + bytes(50_000))  # an answer comes although nobody has read all of it
        found = answer(connection)
        assert "more than 100000 bytes" in told(found, 413)
        assert found[1]["connection"] == "close"
        assert ends(connection, 5)


def test_a_length_beyond_all_numbers(service):
    length = "9" * 400
    found = asked(service, f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
    assert found[0] in (400, 413)


def test_an_endless_body(service):
    with service.connect() as connection:
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(2_000):
                connection.sendall(b"1000\r\n" + bytes(4_096) + b"\r\n")
        told(answer(connection), 413)
        assert ends(connection, 5)


def test_a_refused_client_that_sends_on_and_on_is_cut_off(service):
    with service.connect() as connection:
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n")
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < started + 8:
                connection.sendall(bytes(1_000))
                time.sleep(0.02)
        assert time.monotonic() < started + 6


def test_who_asks_first_is_told_at_once(service):
    headers = "Expect: 100-continue"
    head = request("/v1/predict", method="POST", headers=headers).replace(b"Length: 0", b"Length: 999999999")
    told(asked(service, head), 413)
    with service.connect() as connection:
        content = sound()
        connection.sendall(request("/v1/predict", content, headers=headers)[: -len(content)])
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(content)
        assert answer(connection)[0] == 200


# -- slow and silent ones ---------------------------------------------------------------------------------------------


def test_half_a_header(service):
    with service.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: lo")
        assert "the headers were not there" in told(answer(connection), 408)
        assert ends(connection, 3)


def test_a_header_a_letter_at_a_time(service):
    with service.connect() as connection:
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for letter in b"GET /health HTTP/1.1\r\nHost: localhost" + b"x" * 500:
                connection.send(bytes([letter]))
                time.sleep(0.05)
                if time.monotonic() > started + 5:
                    break
        assert time.monotonic() < started + 4


def test_half_a_body(service):
    for pause in (0, 0.1):
        with service.connect() as connection:
            connection.sendall(request("/v1/predict", sound())[:300])
            for _ in range(3 if pause else 0):
                time.sleep(pause)
                connection.sendall(b"x")
            assert "the body was not there" in told(answer(connection), 408)
            assert ends(connection, 5)


def test_nothing_at_all(service):
    with service.connect() as connection:
        assert ends(connection, 5)


def test_one_who_goes_in_the_middle(service):
    for content in (request("/v1/predict", sound())[:500], request("/v1/predict?explain=true", sound())):
        for reset in (False, True):
            with service.connect() as connection:
                connection.sendall(content)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_one_who_does_not_read(service):
    with service.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        with contextlib.suppress(ConnectionError, TimeoutError):
            connection.settimeout(1)
            for _ in range(3_000):
                connection.sendall(request("/openapi.json", method="GET"))


def test_many_at_once_and_one_after_the_other(service):
    with service.connect() as connection:
        for _ in range(3):
            connection.sendall(request("/v1/predict", sound()))
            assert answer(connection)[0] == 200
        connection.sendall(request("/health", method="GET") * 20)
        content = b""
        while content.count(b'{"status":"ok"}') < 20:
            content += connection.recv(65_536)


def test_a_header_without_end_behind_a_request(service):
    with service.connect() as connection:
        connection.sendall(request("/v1/predict?explain=true", sound()) + b"GET /" + b"a" * 40_000)
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                connection.sendall(b"a" * 4_096)
                time.sleep(0.005)
        assert ends(connection, 5)


def test_idle_sockets(service):
    """Far more than there is room for: the oldest go, and a good request is answered in the middle of it."""
    n_sockets = 1_000
    with contextlib.ExitStack() as stack:
        for n in range(n_sockets):
            stack.enter_context(contextlib.closing(service.connect()))
            if n % 250 == 0:
                assert asked(service, request("/v1/predict", sound()))[0] == 200


def test_places_that_are_all_taken_by_uploads_that_stall(service):
    """All connections owe the rest of a request: the one that was heard of last gives way to who asks."""
    with contextlib.ExitStack() as stack:
        stalled = []
        for _ in range(LIMITS["n_connections"]):
            connection = stack.enter_context(contextlib.closing(service.connect()))
            connection.sendall(request("/v1/predict", sound())[:300])
            stalled.append(connection)
        time.sleep(0.2)
        assert asked(service, request("/health", method="GET"))[0] == 200
        assert closed(stalled[0])
    time.sleep(0.2)


def closed(connection: socket.socket) -> bool:
    with contextlib.suppress(ConnectionError):
        return connection.recv(1) == b""
    return True


# -- WebSockets -------------------------------------------------------------------------------------------------------

UPGRADE = "\n".join(
    [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
)
NO_UPGRADES = [
    UPGRADE.replace("13", "7"),
    UPGRADE.replace("Sec-WebSocket-Key", "X"),
    "Upgrade: h2c\nConnection: Upgrade",
]
STREAM = "/v1/stream?sample_rate=16000"


def opened(service: Process, path: str = STREAM) -> socket.socket:
    connection = service.connect()
    connection.sendall(request(path, method="GET", headers=UPGRADE).replace(b"Content-Length: 0\r\n", b""))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ")
    return connection


def frame(content: bytes, opcode: int = 2, first: int = 0x80, masked: int = 0x80) -> bytes:
    length = struct.pack("!BBQ", first | opcode, masked | 127, len(content))
    return length + bytes(4 if masked else 0) + content


def close_code(connection: socket.socket) -> int:
    """Read frames until the service closes; the code that it gives."""
    connection.settimeout(10)
    with contextlib.suppress(ConnectionError), connection.makefile("rb") as file:
        while head := file.read(2):
            length = head[1] if head[1] < 126 else int.from_bytes(file.read(2))
            content = file.read(length)
            if head[0] == 0x88:
                return int.from_bytes(content[:2])
    return 0


MALFORMED = {
    "not masked": (frame(bytes(4), masked=0), 1002),
    "a reserved bit": (frame(bytes(4), first=0xC0), 1002),
    "an opcode that is none": (frame(bytes(4), opcode=3), 1002),
    "too large": (struct.pack("!BBQ", 0x82, 0xFF, 2**40) + bytes(1_000), 1009),
    "too large in parts": (frame(bytes(200_000), first=0) + frame(bytes(200_000), 0, first=0), 1009),
    "a part of nothing": (frame(bytes(4), 0), 1002),
    "a long ping": (frame(bytes(500), 9), 1002),
    "text that is none": (frame(b"\xff\xfe", 1), 1007),
    "half a sample": (frame(bytes(3)), 1008),
    "text": (frame(b"hello", 1), 1008),
    "compressed": (frame(bytes(4), first=0xC0), 1002),
    "not a frame": (b"GET / HTTP/1.1\r\n\r\n" * 20, 1002),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_frames(service, name):
    content, code = MALFORMED[name]
    with opened(service) as connection:
        connection.sendall(content)
        assert close_code(connection) == code


def test_upgrades_that_are_none(service):
    for headers in NO_UPGRADES:
        assert 400 <= asked(service, request(STREAM, method="GET", headers=headers))[0] < 500
    for path in ("/", "/v1/predict", "/nothing"):
        assert asked(service, request(path, method="GET", headers=UPGRADE))[0] in (403, 404)
    told(asked(service, request(STREAM, method="GET", headers=UPGRADE + "\nOrigin: https://evil.example")), 403)


def test_streams_that_say_nothing_or_do_not_read(service):
    with opened(service) as silent:
        assert close_code(silent) == 1008
    with opened(service) as deaf, contextlib.suppress(ConnectionError, TimeoutError):
        deaf.settimeout(2)
        for _ in range(300):
            deaf.sendall(frame(os.urandom(200_000)))
    time.sleep(0.3)
    with opened(service), opened(service):
        told(asked(service, request(STREAM, method="GET", headers=UPGRADE)), 503)


HANDSHAKE = (
    b"GET /v1/stream?sample_rate=16000 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
ODD_HANDSHAKES = {
    "a long cookie": b"Cookie: " + b"x" * 9_000 + b"\r\n\r\n",
    "many headers": b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n",
    "a length": b"Content-Length: 5\r\n\r\nhello",
    "a chunked body": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("kind", ODD_HANDSHAKES)
def test_a_handshake_that_cannot_be_read_is_answered_and_closed(service, kind):
    with service.connect() as client:
        client.sendall(HANDSHAKE + ODD_HANDSHAKES[kind])
        started = time.monotonic()
        status, _, body = answer(client)
        assert status in (101, 400, 431), body
        if status != 101:
            assert "error" in json.loads(body)
            assert client.recv(1) == b""
        assert time.monotonic() - started < 5


def test_odd_handshakes_do_not_stop_the_drain():
    service = Process()
    clients = [service.connect() for _ in ODD_HANDSHAKES]
    for client, rest in zip(clients, ODD_HANDSHAKES.values(), strict=True):
        client.sendall(HANDSHAKE + rest)
    with service.connect() as good:
        good.sendall(request("/v1/predict", sound()))
        assert answer(good)[0] == 200
    told = service.stop()
    for client in clients:
        client.close()
    assert service.process.returncode == 0, told
    assert "Traceback" not in told


def test_uploads_that_stall_give_way_to_who_comes():
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(running("--limit", "n_connections=12", "--limit", "upload_seconds=20"))
        for _ in range(12):
            client = stack.enter_context(service.connect())
            client.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nsome")
        time.sleep(0.3)
        for _ in range(5):
            with service.connect() as good:
                good.sendall(request("/v1/predict", sound()))
                assert answer(good)[0] == 200


def test_requests_sent_without_end_wait_in_the_kernel():
    """Nobody reads the answers of one who sends on and on: the service takes in little more than it works on."""
    with running() as service, service.connect() as client:
        client.settimeout(0.5)
        n_sent = 0
        content = request("/v1/predict?explain=true", sound()) * 20
        with contextlib.suppress(TimeoutError):
            while n_sent < 200 * 2**20:
                n_sent += client.send(content)
        assert n_sent < 50 * 2**20
        with service.connect() as good:
            good.sendall(request("/v1/predict", sound()))
            assert answer(good)[0] == 200


@pytest.mark.parametrize("n_first", [100, 2_048, 3_000, 4_096, 9_000])
def test_long_headers_in_two_parts(service, n_first):
    content = request("/health", method="GET", headers="\n".join(f"X-{n}: {'y' * 400}" for n in range(30)))
    with service.connect() as client:
        client.sendall(content[:n_first])
        time.sleep(0.1)
        client.sendall(content[n_first:])
        assert answer(client)[0] == 200
        client.sendall(content)  # and the next request on the same connection
        assert answer(client)[0] == 200


@pytest.mark.parametrize("n_first", [500, 5_000, 70_000])
def test_a_long_body_in_parts_and_then_another_request(service, n_first):
    content = request("/v1/predict", sound(2.9))
    with service.connect() as client:
        for _ in range(2):
            client.sendall(content[:n_first])
            time.sleep(0.05)
            client.sendall(content[n_first:])
            assert answer(client)[0] == 200


def test_a_body_in_crumbs_is_refused(service):
    crumbs = b"1\r\nR\r\n" * 1_100
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert "pieces of less than 64 bytes" in told(asked(service, head + crumbs), 400)
    content = sound()
    pieces = b"".join(b"40\r\n" + content[n : n + 64] + b"\r\n" for n in range(0, len(content) - 64, 64))
    rest = content[(len(content) - 1) // 64 * 64 :]
    whole = pieces + b"%x\r\n" % len(rest) + rest + b"\r\n0\r\n\r\n"
    assert asked(service, head + whole)[0] in (200, 422)  # pieces of 64 bytes are read


@pytest.mark.parametrize("content", [b"", b"x"], ids=["pings", "small pieces"])
def test_a_stream_of_frames_that_bring_no_sound_is_ended(service, content):
    opcode = 0 if content else 9
    with opened(service) as client:
        if content:
            client.sendall(frame(b"x", 2, first=0))  # a message that does not end
        with contextlib.suppress(ConnectionError):
            client.sendall(frame(content, opcode, first=0x80 if opcode else 0) * 2_000)
        assert close_code(client) == 1008
