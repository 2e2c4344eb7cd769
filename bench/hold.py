"""How `sutja serve` holds under attack: each kind of flood, a good client beside it, and then the end.

All on 127.0.0.1, one kind after the other, each for --seconds against a service of its own. The good client has the
address of the attackers, and asks on new connections and on one that it keeps; none of its requests may be lost. Then
the service is told to stop while the flood goes on and requests are in hand: each of those must be answered, and the
exit status be 0. `--stack` puts the same application behind another server, to see what ours is worth. A part of it is
in `tests/test_hold.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import floods
import load

IN_HAND = 8
WARM_UP_SECONDS = 1.0
READY_SECONDS = 30.0
MODULE = "hold_application"
APPLICATION = """
from sutja.predictor import Predictor
from sutja.server.app import create_app
app = create_app(Predictor.load("digits-en"))
"""
STACKS = {
    "sutja": "",
    "uvicorn": (
        f"from {MODULE} import app\nimport uvicorn\n"
        "uvicorn.run(app, host='127.0.0.1', port=int(sys.argv[1]), log_level='critical')"
    ),
    "hypercorn": (
        f"from {MODULE} import app\nimport asyncio, hypercorn.asyncio, hypercorn.config\n"
        "config = hypercorn.config.Config(); config.bind = ['127.0.0.1:' + sys.argv[1]]; config.loglevel = 'CRITICAL'\n"
        "asyncio.run(hypercorn.asyncio.serve(app, config))"
    ),
    "granian": (
        "import granian, granian.constants\n"
        f"granian.Granian('{MODULE}:app', address='127.0.0.1', port=int(sys.argv[1]), "
        "interface=granian.constants.Interfaces.ASGI, log_enabled=False).serve()"
    ),
}
"""The same application, each as its makers start it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each kind")
    parser.add_argument("--only", action="append", choices=list(floods.KINDS), help="this kind; may be repeated")
    parser.add_argument("--stack", action="append", choices=list(STACKS), help="default: sutja; may be repeated")
    parser.add_argument("--crowd", type=int, default=floods.CROWD, help="connections of the kinds that come in crowds")
    parser.add_argument("--load", action=argparse.BooleanOptionalAction, default=True, help="the stage of good load")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    _, recordings = load.clips()
    load_average = [round(n, 1) for n in os.getloadavg()]
    result: dict[str, Any] = {"cores": os.cpu_count(), "crowd": arguments.crowd, "load_average": load_average}
    for stack in arguments.stack or ["sutja"]:
        rows = result[stack] = {}
        for kind in arguments.only or floods.KINDS:
            rows[kind] = held(stack, kind, arguments.seconds, recordings[0], arguments.crowd)
            print(f"{stack} {kind}: {rows[kind]}", file=sys.stderr)
        if arguments.load:
            rows["load"] = loaded(stack, arguments.seconds, recordings)
            print(f"{stack} load: {rows['load']}", file=sys.stderr)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


class Service:
    """A stack with our application, in a process of its own."""

    def __init__(self, stack: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address: tuple[str, int] = ("127.0.0.1", free.getsockname()[1])
        self._folder = tempfile.TemporaryDirectory(prefix="hold ")
        (Path(self._folder.name) / f"{MODULE}.py").write_text(APPLICATION, encoding="utf-8")
        source = f"import sys; sys.path.insert(0, {self._folder.name!r})\n{STACKS[stack]}"
        ours = ["-m", "sutja", "serve", "--port", str(self.address[1]), "--log-level", "warning"]
        command = [sys.executable, *(ours if stack == "sutja" else ["-c", source, str(self.address[1])])]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            try:
                socket.create_connection(self.address, 1).close()
                break
            except OSError:
                time.sleep(0.05)

    def memory_mib(self) -> float:
        """Resident memory of the process and of its own, on Linux."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        status = [Path(f"/proc/{one}/status").read_text(encoding="ascii") for one in (pid, *children)]
        return sum(int(text.partition("VmRSS:")[2].split()[0]) for text in status) / 1024

    def end(self) -> int | str:
        """Wait for the end; the exit status."""
        self._folder.cleanup()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed after 60 s"


def held(stack: str, kind: str, seconds: float, body: bytes, crowd: int) -> dict[str, Any]:
    """One kind of flood against one stack."""
    service = Service(stack)
    client = floods.GoodClient(service.address, body)
    client.start()
    time.sleep(WARM_UP_SECONDS)
    client.answers.seconds.clear()
    before = service.memory_mib()
    flood = floods.begun(kind, service.address, seconds + 10, crowd)
    time.sleep(seconds)
    answers = client.stop()
    growth = service.memory_mib() - before
    opened: list[socket.socket] = []
    try:
        opened = floods.in_hand(service.address, body, IN_HAND)
        time.sleep(0.2)
    except OSError:
        pass
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    statuses = floods.finished(opened, body)
    code = service.end()
    flood.kill()
    flood.communicate()
    return {
        "answered": len(answers.seconds),
        "lost": sum(answers.lost.values()),
        "lost_as": dict(answers.lost),
        **load.milliseconds(answers.seconds),
        "memory_growth_mib": round(growth, 1),
        "in_hand": dict(statuses) or {"not taken": IN_HAND},
        "exit": code,
    }


def loaded(stack: str, seconds: float, recordings: list[bytes]) -> dict[str, Any]:
    """Good requests only, as many as 32 connections can ask."""
    service = Service(stack)
    requests = [load.request("POST", "/v1/predict", body) for body in recordings]

    async def measured() -> tuple[float, load.Outcome]:
        await load.load(service.address, requests, 32, min(2.0, seconds), 0)
        started = time.monotonic()
        outcome = await load.load(service.address, requests, 32, seconds, 0)
        return time.monotonic() - started, outcome

    taken, outcome = asyncio.run(measured())
    service.process.send_signal(signal.SIGTERM)
    memory = [mib for _, mib in outcome.memory]
    return {
        "requests_per_second": round(len(outcome.seconds) / taken, 1),
        "errors": sum(n for status, n in outcome.statuses.items() if status != "200"),
        **load.milliseconds(outcome.seconds),
        "memory_growth_mib": round(memory[-1] - memory[0], 1),
        "exit": service.end(),
    }


if __name__ == "__main__":
    main()
