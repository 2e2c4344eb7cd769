"""Prediction of many recordings over a cluster: what it costs, and that none is lost or told twice when workers die.

    python bench/cluster_predict.py [--files 10000] [--clips 6000] [--part PARTS] [--json]

Two parts. `overhead`: the same clips over two workers of a Dask cluster and over two processes of this machine, in
turn: what it takes to begin and to hear the first clips, and what the others take, by the processor's clock (of all
processes; other programs disturb it less) and by the wall's. `disturbed`: links to recordings behind a web server on
loopback (a name each, a few contents), over a scheduler and four workers that are processes of their own; two are
killed and one is added while they work, and the rows are compared with those of an undisturbed run. Memory is what the
system says of each process, looked at while it runs; that of a worker is its own and that of the process that hears for
it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.server
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from load import clips

from sutja import isolated
from sutja.batch import predict_all
from sutja.engine import Engine
from sutja.engine.choice import Choice, opened
from sutja.engine.threads import Threads

MARK = "SUTJA_BENCH_OF"
LOOK_SECONDS = 0.5
N_WORKERS, N_KILLED = 4, 2
FIRST = 20  # clips that each worker hears before its time is taken
os.environ.setdefault(MARK, str(os.getpid()))  # all that is started bears it
TICKS, PAGE_MB = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--part", default=",".join(PARTS), help="what is measured (%(default)s)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"cores": os.cpu_count(), "load_average": [round(n, 1) for n in os.getloadavg()]}
    for name in arguments.part.split(","):
        result |= PARTS[name](arguments)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--files", type=int, default=10_000, help="links of the disturbed run (%(default)s)")
    parser.add_argument("--clips", type=int, default=20_000, help="of the comparison of times (%(default)s)")
    parser.add_argument("--predict-rounds", type=int, default=2, help="of that comparison (%(default)s)")
    parser.add_argument("--shard-size", type=int, default=500, help="of both (%(default)s)")


# -- what it costs ----------------------------------------------------------------------------------------------------


def overhead(arguments: argparse.Namespace) -> dict[str, Any]:
    """Predict the same clips here and over a cluster of two workers, in turn, from the start to the end."""
    source, contents = clips()
    spent: dict[str, list[dict[str, float]]] = {"local": [], "dask": []}
    rows = set()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = links(folder, contents, arguments.clips)
        for _ in range(arguments.predict_rounds):
            for which, side in (("local", here()), ("dask", opened(Choice(n_workers=2), 2))):
                took, said = timed(folder, paths, side, arguments)
                spent[which].append(took)
                rows.add(said)
    middle = {
        which: {key: statistics.median(took[key] for took in all_) for key in all_[0]} for which, all_ in spent.items()
    }
    local, dask = middle["local"], middle["dask"]
    whole = [side["start_processor"] + side["processor"] for side in (dask, local)]
    return {
        "predict": {"clips": f"links to {source}", "n_clips": arguments.clips, **spent},
        "overhead_predict": round(whole[0] / whole[1], 3),
        "overhead_predict_rate": round(dask["processor"] / local["processor"], 3),
        "overhead_predict_wall": round(dask["seconds"] / local["seconds"], 3),
        "start_processor": {which: round(side["start_processor"], 2) for which, side in middle.items()},
        "equal_predict": len(rows) == 1,
        "processor_ms_a_clip": round(local["processor"] / arguments.clips * 1e3, 2),
        "core_hours_a_million": round(local["processor"] / arguments.clips * 1e6 / 3600, 2),
    }


def links(folder: Path, contents: list[bytes], n_links: int) -> list[Path]:
    """Lay out recordings, and links to them."""
    kept, made = folder / "kept", folder / "takes"
    kept.mkdir()
    made.mkdir()
    for i, content in enumerate(contents):
        (kept / f"{i}.wav").write_bytes(content)
    paths = [made / f"{i:06d}.wav" for i in range(n_links)]
    for i, path in enumerate(paths):
        path.symlink_to(kept / f"{i % len(contents)}.wav")
    return paths


@contextlib.contextmanager
def here() -> Iterator[Engine]:
    """Give the engine of this machine; its processes end with the block."""
    yield Threads(2)


def timed(
    folder: Path, paths: list[Path], side: contextlib.AbstractContextManager[Engine], arguments: argparse.Namespace
) -> tuple[dict[str, float], bytes]:
    """Predict a few, by which time all is loaded, and then all: seconds of either, and the rows."""
    first, names = [str(path) for path in paths[: 2 * FIRST]], [str(path) for path in paths]
    seen = Watch()
    with seen.only_new(), side as engine:
        began = time.monotonic()
        predict_all(first, folder / "first.jsonl", engine=engine, shard_size=FIRST)
        seen.look()
        start, ready, started = seen.processor(), time.monotonic(), time.monotonic() - began
        predict_all(names, folder / "all.jsonl", engine=engine, shard_size=arguments.shard_size)
        seconds = time.monotonic() - ready
        seen.look()
        processor = seen.processor() - start
    isolated.dismiss()
    rows = (folder / "all.jsonl").read_bytes()
    for made in folder.glob("*.jsonl*"):
        made.unlink()
    took = {"start_seconds": started, "start_processor": start, "seconds": seconds, "processor": processor}
    return {name: round(value, 2) for name, value in took.items()}, rows


# -- what survives ----------------------------------------------------------------------------------------------------


def disturbed(arguments: argparse.Namespace) -> dict[str, Any]:
    """Kill two of four workers and add one while they work, and compare the rows with an undisturbed run's."""
    source, contents = clips()
    with tempfile.TemporaryDirectory() as name, web_server(contents) as address:
        folder = Path(name)
        urls = [f"{address}/{i:06d}.wav" for i in range(arguments.files)]
        (folder / "list.txt").write_text("\n".join(urls), encoding="utf-8")
        asked: dict[str, Any] = {"shard_size": arguments.shard_size}
        predict_all([f"@{folder / 'list.txt'}"], folder / "quiet.jsonl", engine=Threads(2), **asked)
        isolated.dismiss()
        with watched() as seen, cluster(folder) as (scheduler, workers):
            with opened(Choice(scheduler=str(folder / "scheduler.json")), 1) as engine:
                fault = Disturbance(workers, folder, arguments.files)
                began = time.monotonic()
                predict_all(
                    [f"@{folder / 'list.txt'}"], folder / "loud.jsonl", engine=engine, on_part=fault.reach, **asked
                )
                seconds = time.monotonic() - began
            memory = seen.memory(scheduler, workers)
        quiet, loud = ((folder / f"{which}.jsonl").read_text().splitlines() for which in ("quiet", "loud"))
    counts = collections.Counter(json.loads(line)["path"] for line in loud)
    return {
        "n_files": arguments.files,
        "links": f"to {source}",
        "n_workers": N_WORKERS,
        "n_killed": fault.n_killed,
        "n_added": fault.n_added,
        "n_lost": sum(url not in counts for url in urls),
        "n_twice": sum(count > 1 for count in counts.values()),
        "n_errors": sum('"error"' in line for line in loud),
        "equal_disturbed": quiet == loud,
        "disturbed_seconds": round(seconds, 1),
        **memory,
    }


class Disturbance:
    """Kills a worker at a quarter and at half of the work, and adds one at half."""

    def __init__(self, workers: list[subprocess.Popen[bytes]], folder: Path, n_all: int) -> None:
        self._workers, self._folder, self._n_all = workers, folder, n_all
        self.n_killed = self.n_added = 0

    def reach(self, n_done: int, _: int | None) -> None:
        """Do what is due."""
        while self.n_killed < N_KILLED and n_done > (self.n_killed + 1) * self._n_all / 4:
            os.kill(self._workers[self.n_killed].pid, signal.SIGKILL)
            self.n_killed += 1
        if self.n_killed == N_KILLED and not self.n_added:
            self._workers.append(worker(self._folder))
            self.n_added = 1


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[subprocess.Popen[bytes]]]]:
    """Run a scheduler and workers without nannies: who is killed stays so."""
    scheduler = started("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *scheduler_file(folder))
    workers = [worker(folder) for _ in range(N_WORKERS)]
    try:
        while not (folder / "scheduler.json").exists():
            time.sleep(0.1)
        yield scheduler, workers
    finally:
        for process in [*workers, scheduler]:
            process.kill()
            process.wait()


def worker(folder: Path) -> subprocess.Popen[bytes]:
    return started("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", *scheduler_file(folder))


def scheduler_file(folder: Path) -> list[str]:
    return ["--scheduler-file", str(folder / "scheduler.json")]


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]], **QUIET)


QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@contextlib.contextmanager
def web_server(contents: list[bytes]) -> Iterator[str]:
    """Serve recordings by number from a process of its own; they repeat."""
    with tempfile.TemporaryDirectory() as name:
        for i, content in enumerate(contents):
            (Path(name) / f"{i}.wav").write_bytes(content)
        command = [sys.executable, __file__, "--serve", name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield process.stdout.readline().decode().strip()
            process.kill()


def serve(folder: str) -> None:
    contents = [path.read_bytes() for path in sorted(Path(folder).glob("*.wav"), key=lambda path: int(path.stem))]

    class Store(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = contents[int(self.path[1:7]) % len(contents)]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


# -- what the system says of processes --------------------------------------------------------------------------------


class Watch:
    """Every process that this one started, by what was last seen of it."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}
        self.before: dict[int, float] = {}
        self.parents: dict[int, int] = {}
        self.memory_mb: dict[int, list[float]] = collections.defaultdict(list)

    def look(self) -> None:
        """See all of them once."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, ValueError):
                    if marked(entry):
                        self._see(int(entry.name), (entry / "stat").read_text().rpartition(")")[2].split())

    def _see(self, pid: int, said: list[str]) -> None:
        self.seconds[pid] = (int(said[11]) + int(said[12])) / TICKS
        self.parents[pid] = int(said[1])
        self.memory_mb[pid].append(int(said[21]) * PAGE_MB)

    @contextlib.contextmanager
    def only_new(self) -> Iterator[None]:
        """Count from now on, so that what was there before counts with what it takes from now on."""
        self.look()
        self.before = dict(self.seconds)
        yield

    def processor(self) -> float:
        """Return the seconds of the processor that all of them took so far."""
        return sum(seconds - self.before.get(pid, 0.0) for pid, seconds in self.seconds.items())

    def memory(self, scheduler: subprocess.Popen[bytes], workers: list[subprocess.Popen[bytes]]) -> dict[str, Any]:
        """Say how large the scheduler became, and how much each worker and its process that hears grew."""
        hearing = [pid for pid, parent in self.parents.items() if parent in {process.pid for process in workers}]
        grown = {name: [growth(self.memory_mb[pid]) for pid in pids] for name, pids in {
            "workers": [process.pid for process in workers], "hearing": hearing,
        }.items()}  # fmt: skip
        return {
            "scheduler_mb": round(max(self.memory_mb[scheduler.pid])),
            "worker_mb": round(max(max(self.memory_mb[process.pid]) for process in workers)),
            "hearing_mb": round(max((max(self.memory_mb[pid]) for pid in hearing), default=0)),
            "grown_mb": {name: round(max(values, default=0), 1) for name, values in grown.items()},
        }


def growth(memory: list[float]) -> float:
    """Return by how much a process grew from a third of its life, when all is loaded, to its end."""
    later = memory[len(memory) // 3 :]
    return max(later) - later[0] if later else 0.0


def marked(entry: Path) -> bool:
    return int(entry.name) == os.getpid() or f"{MARK}={os.environ[MARK]}".encode() in (entry / "environ").read_bytes()


@contextlib.contextmanager
def watched() -> Iterator[Watch]:
    """Look at all processes that bear our mark, again and again."""
    watch, over = Watch(), threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            watch.look()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()


PARTS = {"overhead": overhead, "disturbed": disturbed}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        main()
