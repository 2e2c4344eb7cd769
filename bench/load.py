"""How much `sutja serve` answers: a bounded load from this machine to itself, on the cores that both share.

It starts the service on 127.0.0.1, asks it and nothing else, and ends it. Three stages: so many connections that ask
one clip after the other; memory over all of these requests; and more connections than the service takes, of which some
must be told to come again while the others are answered.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

N_CLIPS = 200
N_REQUESTS_MAX = 200_000  # the load ends by itself, whatever the clock says
MEMORY_EVERY = 2_000  # requests


@dataclass
class Outcome:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    """Of each request that was answered with 200."""
    refused_seconds: list[float] = field(default_factory=list)
    """Of each that was told to come again."""
    statuses: collections.Counter[str] = field(default_factory=collections.Counter)
    memory: list[tuple[int, float]] = field(default_factory=list)
    """(requests so far, MiB)."""
    processor: list[tuple[float, float]] = field(default_factory=list)
    """Seconds of the processor so far: the service's, ours. They mean something beside other work, too."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--requests", type=int, default=20_000, help="at least, whatever the seconds say")
    parser.add_argument("--above", type=int, default=200, help="connections of the stage above capacity")
    parser.add_argument("--model", default=None)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    source, bodies = clips()
    with service(*(["--model", arguments.model] if arguments.model else [])) as address:
        found = asyncio.run(measure(address, bodies, arguments))
    result = {"clips": source, "cores": os.cpu_count(), "load_average": [round(n, 1) for n in os.getloadavg()], **found}
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def clips() -> tuple[str, list[bytes]]:
    """Sound files as bytes: spoken digits where SUTJA_DATA has them, else noise in their form."""
    paths = sorted((Path(os.environ.get("SUTJA_DATA") or "/nowhere") / "fsdd" / "recordings").glob("*.wav"))
    if paths:
        chosen = paths[:: len(paths) // N_CLIPS][:N_CLIPS]
        return f"{len(chosen)} of FSDD, 8 kHz wav", [path.read_bytes() for path in chosen]
    import io

    import soundfile

    rng, bodies = np.random.default_rng(0), []
    for _ in range(N_CLIPS):
        file = io.BytesIO()
        soundfile.write(file, rng.normal(0, 0.1, round(rng.uniform(0.3, 0.7) * 8_000)), 8_000, format="WAV")
        bodies.append(file.getvalue())
    return f"{N_CLIPS} of noise, 8 kHz wav", bodies


class service:  # noqa: N801  a context manager
    """The service in a process of its own, on a free port of 127.0.0.1."""

    def __init__(self, *arguments: str) -> None:
        self.command = [sys.executable, "-m", "sutja", "serve", "--port", "0", "--log-level", "info", *arguments]

    def __enter__(self) -> tuple[str, int]:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        url = urlsplit(self.process.stdout.readline().strip())
        assert url.hostname == "127.0.0.1"
        assert url.port
        return url.hostname, url.port

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


async def measure(address: tuple[str, int], bodies: Sequence[bytes], arguments: argparse.Namespace) -> dict[str, Any]:
    requests = [request("POST", "/v1/predict", body) for body in bodies]
    await load(address, requests, arguments.connections, 2.0, 0)  # warms up, and is not counted
    started = time.monotonic()
    outcome = await load(address, requests, arguments.connections, arguments.seconds, arguments.requests)
    seconds = time.monotonic() - started
    above = await load(address, requests, arguments.above, min(10.0, arguments.seconds), 0)
    began = time.monotonic()
    status, _ = await once(address, requests[0])
    recovered = {"status": status, "milliseconds": milliseconds([time.monotonic() - began])["p50_ms"]}
    return {
        "connections": arguments.connections,
        "seconds": round(seconds, 1),
        "requests": sum(outcome.statuses.values()),
        "requests_per_second": round(len(outcome.seconds) / seconds, 1),
        "errors": sum(n for status, n in outcome.statuses.items() if status != "200"),
        **milliseconds(outcome.seconds),
        **processor_milliseconds(outcome),
        "memory_mib": [[n, round(mib, 1)] for n, mib in outcome.memory],
        "memory_growth_mib": round(outcome.memory[-1][1] - outcome.memory[0][1], 1),
        "above_capacity": {
            "connections": arguments.above,
            "statuses": dict(above.statuses),
            **milliseconds(above.seconds),
            **{f"refused_{name}": value for name, value in milliseconds(above.refused_seconds).items()},
            "next_request": recovered,
        },
    }


def processor_milliseconds(outcome: Outcome) -> dict[str, float]:
    """Reckon a request's share of the processor, on both sides."""
    service_s, our_s = np.subtract(outcome.processor[-1], outcome.processor[0]) / sum(outcome.statuses.values())
    return {
        "service_processor_ms": round(1000 * float(service_s), 2),
        "client_processor_ms": round(1000 * float(our_s), 2),
    }


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    quantiles = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}
    return {name: round(1000 * float(np.quantile(seconds, share)), 1) for name, share in quantiles.items()}


def request(method: str, path: str, body: bytes = b"") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def load(
    address: tuple[str, int], requests: Sequence[bytes], n_connections: int, seconds: float, n_least: int
) -> Outcome:
    """Ask on so many connections, each one request after the other, for so long and at least so often."""
    outcome, turns, end = Outcome(), itertools.count(), time.monotonic() + seconds
    await watch(address, outcome)

    def more() -> Iterator[int]:
        for turn in turns:
            if (time.monotonic() > end and turn >= n_least) or turn >= N_REQUESTS_MAX:
                return
            yield turn

    await asyncio.gather(*(ask(address, requests, more(), outcome) for _ in range(n_connections)))
    await watch(address, outcome)
    return outcome


async def ask(address: tuple[str, int], requests: Sequence[bytes], turns: Iterator[int], outcome: Outcome) -> None:
    reader, writer = await asyncio.open_connection(*address)
    for turn in turns:
        started = time.perf_counter()
        try:
            writer.write(requests[turn % len(requests)])
            status, head, body = await answer(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            outcome.statuses[type(error).__name__] += 1
            reader, writer = await asyncio.open_connection(*address)
            continue
        taken = time.perf_counter() - started
        if status == 200 and b'"probabilities"' in body:
            outcome.seconds.append(taken)
        elif status == 503 and b"retry-after: " in head:
            outcome.refused_seconds.append(taken)
            await asyncio.sleep(0.1)  # a patient client would wait for the second that it is told
        outcome.statuses[str(status)] += 1
        if turn and turn % MEMORY_EVERY == 0:
            await watch(address, outcome)
    writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    start = head.index(b"content-length: ") + 16
    body = await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
    return int(head[9:12]), head, body


async def once(address: tuple[str, int], content: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(content)
    status, _, body = await answer(reader)
    writer.close()
    return status, body


async def watch(address: tuple[str, int], outcome: Outcome) -> None:
    """Note the service's resident memory and processor time, as it tells them itself (on Linux)."""
    _, body = await once(address, request("GET", "/metrics"))
    told = dict(re.findall(r"^(process_\w+) (\S+)", body.decode(), re.MULTILINE))
    outcome.memory.append((sum(outcome.statuses.values()), float(told["process_resident_memory_bytes"]) / 2**20))
    outcome.processor.append((float(told["process_cpu_seconds_total"]), time.process_time()))


if __name__ == "__main__":
    main()
