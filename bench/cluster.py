"""A cluster beside one machine: what it costs, whether the numbers are the same, what survives the death of workers.

    python bench/cluster.py [--networks 10] [--epochs 4] [--kill-seconds 20] [--part PARTS] [--simulate] [--json]

Scheduler and workers are processes on loopback. Other work on the machine makes the wall's clock useless, so that
`overhead_training` and `overhead_predict` compare seconds of the processor, of all processes of a side (the scheduler
and what it starts among them; waiting costs nothing there). Both sides run in turn ``--rounds`` times, and the medians
count; what the wall said is told beside. What it costs to begin, whatever the work, is measured by itself: it is in
these two numbers, and in `..._rate` it is not. Networks learn from noise, which costs what sounds do.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cluster_predict
import cluster_simulated
import numpy as np

from sutja.config import Config, preset
from sutja.engine import Engine, OnStep
from sutja.engine.choice import Choice, opened

N_CLIPS, N_COPIES = 100, 4
SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=10, help="of a training (%(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="of each (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement (%(default)s)")
    parser.add_argument("--kill-seconds", type=float, default=20.0, help="between two killed workers (%(default)s)")
    cluster_predict.add_arguments(parser)
    parser.add_argument("--part", default=",".join(PARTS), help="what is measured (%(default)s)")
    parser.add_argument("--simulate", action="store_true", help="10 to 1000 workers, from costs measured here")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"bench": "cluster", "n_cores": os.cpu_count(), "load": os.getloadavg()[0]}
    for name in filter(None, arguments.part.split(",")):
        result |= PARTS[name](arguments)
    result["equal"] = all(value for name, value in result.items() if name.startswith("equal"))
    if arguments.simulate:
        result |= cluster_simulated.simulated()
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


# -- training ----------------------------------------------------------------------------------------------------------


def training(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train the same networks over two processes and over two workers; then on one worker and in this process."""
    spent = {name: Spent() for name in SIDES}
    with tempfile.TemporaryDirectory() as work:
        jobs = networks(Path(work), arguments.networks, arguments.epochs)
        learned = {}
        for _ in range(arguments.rounds):
            for name, choice in SIDES.items():
                learned[name], *whole = timed(choice, 2, jobs)
                _, *start = timed(choice, 2, [0, 1], only_ready)
                spent[name].add(whole, start)
        one, _, _ = timed(Choice(n_workers=1), 1, jobs[:2])
        serial, _, _ = timed(Choice(), 1, jobs[:2])
    local, dask = spent["local"], spent["dask"]
    return {
        "n_networks": len(jobs),
        "n_epochs": arguments.epochs,
        "n_rounds": arguments.rounds,
        "training": {name: side.told() for name, side in spent.items()},
        "overhead_training": round(dask.cpu / local.cpu, 3),
        "overhead_training_rate": round((dask.cpu - dask.start) / (local.cpu - local.start), 3),
        "overhead_training_wall": round(dask.wall / local.wall, 3),
        "equal": same(learned["local"], learned["dask"]) and same(serial, one) and same(serial, learned["local"][:2]),
    }


SIDES = {"local": Choice(), "dask": Choice(n_workers=2)}


class Spent:
    """What each run of one side took: seconds by the wall, and of all processors."""

    def __init__(self) -> None:
        self.walls: list[float] = []
        self.cpus: list[float] = []
        self.starts: list[float] = []

    def add(self, whole: list[float], start: list[float]) -> None:
        """Count a run, and one that only began and ended."""
        self.walls.append(whole[0])
        self.cpus.append(whole[1])
        self.starts.append(start[1])

    wall = property(lambda self: statistics.median(self.walls))
    cpu = property(lambda self: statistics.median(self.cpus))
    start = property(lambda self: statistics.median(self.starts))

    def told(self) -> dict[str, Any]:
        """Say all of it."""
        lists = {"wall": self.walls, "processor": self.cpus, "processor_of_start": self.starts}
        return {name: [round(value, 2) for value in values] for name, values in lists.items()}


def only_ready(job: int, on_step: OnStep) -> None:
    """Load what a training needs, and wait until the other worker has, too."""
    import sutja.learn.jobs  # noqa: F401

    time.sleep(3)


def networks(work: Path, n_networks: int, n_epochs: int) -> list[Any]:
    """Lay out noise as the inputs of so many networks of the study, folds by members; return them as jobs."""
    from dataclasses import replace

    from sutja.learn.folds import Fold
    from sutja.learn.inputs import Layout, save_array, write_targets
    from sutja.learn.jobs import make_jobs

    base = preset("reference")
    config: Config = replace(base, train=replace(base.train, epochs=n_epochs, n_copies=N_COPIES, seed=SEED))
    layout, rng = Layout(N_CLIPS, N_CLIPS, N_COPIES), np.random.default_rng(SEED)
    for name, member in config.members.items():
        shape = (layout.n_rows, member.n_bins, member.n_frames)
        save_array(work / f"{name}.npy", rng.standard_normal(shape, dtype=np.float32))
    write_targets(work, rng.integers(10, size=N_CLIPS), layout)
    n_folds = -(-n_networks // len(config.members))
    parts = np.array_split(rng.permutation(N_CLIPS), n_folds)
    folds = [Fold(layout.copies_of(np.setdiff1d(np.arange(N_CLIPS), part)), part[::2], part[1::2]) for part in parts]
    return make_jobs(config, folds, layout, 10, work)[:n_networks]


def timed(
    choice: Choice, n_jobs: int, jobs: list[Any], function: Callable[[Any, OnStep], Any] | None = None
) -> tuple[list[Any], float, float]:
    """Train, from the start of the processes to their end: results, seconds by the wall, and of all processors."""
    from sutja.learn.jobs import run_job

    for job in jobs if function is None else ():
        job.checkpoint.unlink(missing_ok=True)
    started, used = time.perf_counter(), cpu_seconds()
    with opened(choice, n_jobs, ["torch"]) as engine:
        results = list(engine.map(function or run_job, jobs))
    return results, time.perf_counter() - started, cpu_seconds() - used


def cpu_seconds() -> float:
    """Return what this process and all that it started and saw end have used."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def same(first: list[Any], second: list[Any]) -> bool:
    """Tell whether networks have the same weights and say the same, bit for bit."""
    return len(first) == len(second) and all(
        one.probabilities.tobytes() == other.probabilities.tobytes()
        and one.weights.keys() == other.weights.keys()
        and all(one.weights[name].tobytes() == other.weights[name].tobytes() for name in one.weights)
        for one, other in zip(first, second, strict=True)
    )


# -- faults ------------------------------------------------------------------------------------------------------------


def faults(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train while a worker is killed now and then; the numbers must be those of a training that nobody disturbed."""
    from sutja.learn.jobs import run_job

    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        undisturbed, _, _ = timed(Choice(), 2, networks(Path(first), arguments.networks, arguments.epochs))
        jobs = networks(Path(second), arguments.networks, arguments.epochs)
        started = time.perf_counter()
        with opened(Choice(n_workers=2), 2, ["torch"]) as engine:
            killer = Killer(engine, arguments.kill_seconds)
            with killer:
                disturbed = list(engine.map(run_job, jobs))
    return {
        "n_killed_training": killer.n_killed,
        "seconds_killed_training": round(time.perf_counter() - started, 1),
        "equal_killed_training": same(undisturbed, disturbed),
    }


class Killer:
    """Kills one of an engine's workers now and then, with SIGKILL."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._client: Any = getattr(engine, "_client")  # noqa: B009  it is no part of the contract
        self._seconds, self._stopped, self.n_killed = seconds, threading.Event(), 0
        self._thread = threading.Thread(target=self._kill, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _kill(self) -> None:
        drawn = random.Random(SEED)
        while not self._stopped.wait(self._seconds):
            pids = self._client.run(os.getpid, on_error="ignore")
            if pids:
                os.kill(drawn.choice(sorted(pids.values())), signal.SIGKILL)
                self.n_killed += 1


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "training": training,
    "faults": faults,
    **cluster_predict.PARTS,
}

if __name__ == "__main__":
    sys.exit(main())
