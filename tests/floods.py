"""Floods: what clients do, by mistake or on purpose, so that nobody else gets an answer. And a good client beside them.

A process of its own plays one kind against a service on this machine: `python floods.py KIND HOST PORT SECONDS
CROWD`. Each kind keeps so many connections busy, opens a new one for each that ends, and stops by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Kind = Callable[[Stream, int], Awaitable[None]]
FOR_EVER = 3600.0
CROWD = 300  # more than the places that a service has by itself

HANDSHAKE = (
    "GET /v1/stream?sample_rate=8000 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
ODD = (
    "Cookie: " + "x" * 9_000 + "\r\n",
    "".join(f"X-{n}: y\r\n" for n in range(140)),
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
)
UPLOAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"


def frame(content: bytes, opcode: int) -> bytes:
    """One masked frame of a WebSocket; the mask is zeros."""
    return struct.pack("!BB", 0x80 | opcode, 0x80 | len(content)) + bytes(4) + content


async def heard_out(stream: Stream, seconds: float = FOR_EVER) -> None:
    """Read until the service ends the connection."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await stream[0].read(65_536):
                pass


async def sent(stream: Stream, content: bytes) -> None:
    stream[1].write(content)
    await stream[1].drain()


async def handshakes(stream: Stream, turn: int) -> None:
    """Handshakes that cannot be read."""
    await sent(stream, (HANDSHAKE + ODD[turn % len(ODD)] + "\r\n").encode())
    await heard_out(stream)


async def bodies(stream: Stream, turn: int) -> None:
    """Uploads that stop."""
    await sent(stream, UPLOAD + b"RIFF" + bytes(turn % 100))
    await heard_out(stream)


async def drips(stream: Stream, turn: int) -> None:
    """Uploads, a byte now and then."""
    await sent(stream, UPLOAD)
    while not stream[0].at_eof():
        await sent(stream, b"R")
        await heard_out(stream, 0.4)


async def headers(stream: Stream, turn: int) -> None:
    """Headers, a line now and then."""
    await sent(stream, b"GET /v1/model HTTP/1.1\r\nHost: localhost\r\n")
    for number in itertools.count():
        await sent(stream, b"X-%d: y\r\n" % number)
        await heard_out(stream, 0.4)
        if stream[0].at_eof():
            return


async def silence(stream: Stream, turn: int) -> None:
    """Connections that say nothing."""
    await heard_out(stream)


async def connects(stream: Stream, turn: int) -> None:
    """Connections that end at once, some of them by a reset."""
    if turn % 2:
        stream[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def held_connects(stream: Stream, turn: int) -> None:
    """New connections without end, each left open for a moment."""
    await asyncio.sleep(0.05)


async def pings(stream: Stream, turn: int) -> None:
    """WebSockets that ask for a sign of life as often as they can."""
    await sent(stream, HANDSHAKE.encode() + b"\r\n")
    await _poured(stream, frame(b"", 9) * 2_000)


async def frames(stream: Stream, turn: int) -> None:
    """WebSockets with messages of one sample."""
    await sent(stream, HANDSHAKE.encode() + b"\r\n")
    await _poured(stream, frame(b"\0\0", 2) * 2_000)


async def fragments(stream: Stream, turn: int) -> None:
    """One message of a WebSocket in pieces without end."""
    await sent(stream, HANDSHAKE.encode() + b"\r\n" + b"\x02\x80" + bytes(4))
    await _poured(stream, (b"\x00\x81" + bytes(5)) * 2_000)


async def unread(stream: Stream, turn: int) -> None:
    """Requests one behind the other whose answers nobody reads."""
    stream[0]._transport.pause_reading()  # type: ignore[attr-defined]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            while True:
                await sent(stream, b"GET /v1/model HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)


async def pipelines(stream: Stream, turn: int) -> None:
    """Requests one behind the other, as many as can be sent."""
    await _poured(stream, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)


async def chunks(stream: Stream, turn: int) -> None:
    """A body in chunks of one byte."""
    await sent(stream, b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    await _poured(stream, b"1\r\nR\r\n" * 5_000)


async def rubbish(stream: Stream, turn: int) -> None:
    """Bytes that are nothing."""
    await sent(stream, random.Random(turn).randbytes(2_000))
    await heard_out(stream, 5)


async def streams(stream: Stream, turn: int) -> None:
    """Microphones that are opened and say nothing."""
    await sent(stream, HANDSHAKE.encode() + b"\r\n")
    await heard_out(stream)


async def _poured(stream: Stream, content: bytes) -> None:
    """Send the same without end, and read what comes."""
    reading = asyncio.ensure_future(heard_out(stream))
    try:
        while not reading.done():
            await sent(stream, content)
    finally:
        reading.cancel()


KINDS: dict[str, tuple[Kind, int]] = {
    kind.__name__: (kind, n)
    for kind, n in (
        (handshakes, CROWD), (bodies, CROWD), (drips, CROWD), (headers, CROWD), (silence, CROWD), (connects, 50),
        (held_connects, CROWD), (pings, 12), (frames, 12), (fragments, 12), (unread, 30), (pipelines, 20), (chunks, 20),
        (rubbish, 20), (streams, CROWD),
    )
}  # fmt: skip
"""Each with the connections that it keeps busy."""


async def play(name: str, host: str, port: int, seconds: float, n_most: int = CROWD) -> int:
    """Keep all connections of a kind busy for so long, a crowd of ``n_most``; how many there were."""
    kind, n_busy = KINDS[name][0], n_most if KINDS[name][1] == CROWD else min(n_most, KINDS[name][1])
    turns, end = itertools.count(), time.monotonic() + seconds

    async def busy() -> None:
        while time.monotonic() < end:
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + end - time.monotonic()):
                    await one()
            except (OSError, TimeoutError):
                await asyncio.sleep(0.01)

    async def one() -> None:
        stream = await asyncio.open_connection(host, port)
        try:
            await kind(stream, next(turns))
        finally:
            stream[1].transport.abort() if kind is not connects else stream[1].close()

    await asyncio.gather(*(busy() for _ in range(n_busy)))
    return next(turns)


@dataclass
class Answers:
    """What a good client got."""

    seconds: list[float] = field(default_factory=list)
    """From connecting, or from sending on an open connection, to the end of a good answer."""
    lost: Counter[str] = field(default_factory=Counter)
    """What came instead of one, by what it was."""


class GoodClient(threading.Thread):
    """Asks about one recording again and again, in turn on a connection of its own and on one that it keeps."""

    def __init__(self, address: tuple[str, int], body: bytes, pause: float = 0.02) -> None:
        super().__init__(daemon=True)
        self.address, self.body, self.pause = address, body, pause
        self.answers, self.stopping = Answers(), threading.Event()

    def run(self) -> None:
        """Ask until told to stop."""
        kept: socket.socket | None = None
        for turn in itertools.count():
            if self.stopping.is_set():
                break
            started = time.perf_counter()
            try:
                if turn % 2:
                    kept = kept or socket.create_connection(self.address, 15)
                    status = ask(kept, self.body)
                else:
                    with socket.create_connection(self.address, 15) as connection:
                        status = ask(connection, self.body)
            except OSError as error:
                status = type(error).__name__
            if status == "200":
                self.answers.seconds.append(time.perf_counter() - started)
            else:
                self.answers.lost[("kept " if turn % 2 else "new ") + status] += 1
                if kept:
                    kept.close()
                kept = None
            time.sleep(self.pause)
        if kept:
            kept.close()

    def stop(self) -> Answers:
        """End it; what it got."""
        self.stopping.set()
        self.join(40)
        return self.answers


def ask(connection: socket.socket, body: bytes) -> str:
    """Ask once; the status as text, or what happened."""
    connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return answered(connection)


def answered(connection: socket.socket) -> str:
    """Read one answer; the status as text, or what happened."""
    content = b""
    while b"\r\n\r\n" not in content:
        more = connection.recv(65_536)
        if not more:
            return "cut"
        content += more
    head, _, rest = content.partition(b"\r\n\r\n")
    length = int(
        next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split(b":")[1]
    )
    while len(rest) < length:
        more = connection.recv(65_536)
        if not more:
            return "cut"
        rest += more
    status = head.split()[1].decode()
    return status if status != "200" or b'"label"' in rest else "no label"


def begun(kind: str, address: tuple[str, int], seconds: float, n_most: int = CROWD) -> subprocess.Popen[str]:
    """Start a flood in a process of its own."""
    command = [sys.executable, str(Path(__file__)), kind, address[0], *map(str, (address[1], seconds, n_most))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def in_hand(address: tuple[str, int], body: bytes, n: int) -> list[socket.socket]:
    """Requests that the service has begun to take: all but the last byte is sent."""
    opened = []
    for _ in range(n):
        connection = socket.create_connection(address, 15)
        head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body[:-1])
        opened.append(connection)
    return opened


def finished(opened: list[socket.socket], body: bytes) -> Counter[str]:
    """Send the last byte of each; what they were answered."""
    statuses: Counter[str] = Counter()
    for connection in opened:
        with connection:
            try:
                connection.sendall(body[-1:])
                statuses[answered(connection)] += 1
            except OSError as error:
                statuses[type(error).__name__] += 1
    return statuses


if __name__ == "__main__":
    print(asyncio.run(play(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))))
