"""A cluster beside one machine: what it costs, whether the numbers are the same, what survives the death of workers.

    python bench/cluster.py [--networks 10] [--epochs 6] [--kill-seconds 20] [--part PARTS] [--simulate] [--json]

Scheduler and workers are processes on loopback. Other work on the machine makes times uncertain: each pair is measured
in turn ``--rounds`` times and the least time of each counts, by the wall's clock and by the processor's (of all
processes, scheduler and nannies among them). What is learned from is noise of the study's size, which costs the same.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cluster_predict
import numpy as np

from sutja.config import Config, preset
from sutja.engine import Engine
from sutja.engine.choice import Choice, opened

N_CLIPS, N_COPIES = 200, 4
SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=10, help="of a training (%(default)s)")
    parser.add_argument("--epochs", type=int, default=6, help="of each (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="of each measurement (%(default)s)")
    parser.add_argument("--kill-seconds", type=float, default=20.0, help="between two killed workers (%(default)s)")
    cluster_predict.add_arguments(parser)
    parser.add_argument("--part", default=",".join(PARTS), help="what is measured (%(default)s)")
    parser.add_argument("--simulate", action="store_true", help="10 to 1000 workers, from costs measured here")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"bench": "cluster", "n_cores": os.cpu_count(), "load": os.getloadavg()[0]}
    for name in arguments.part.split(","):
        result |= PARTS[name](arguments)
    result["equal"] = all(value for name, value in result.items() if name.startswith("equal"))
    if arguments.simulate:
        result |= simulated(arguments)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


# -- training ----------------------------------------------------------------------------------------------------------


def training(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train the same networks over two processes and over two workers; then on one worker and in this process."""
    walls: dict[str, list[float]] = {"local": [], "dask": []}
    cpus: dict[str, list[float]] = {"local": [], "dask": []}
    with tempfile.TemporaryDirectory() as work:
        jobs = networks(Path(work), arguments.networks, arguments.epochs)
        learned = {}
        for _ in range(arguments.rounds):
            for name, choice in (("local", Choice()), ("dask", Choice(n_workers=2))):
                learned[name], wall, cpu = timed(choice, 2, jobs)
                walls[name].append(wall)
                cpus[name].append(cpu)
        one, _, _ = timed(Choice(n_workers=1), 1, jobs[:2])
        serial, _, _ = timed(Choice(), 1, jobs[:2])
    return {
        "n_networks": len(jobs),
        "seconds_training": {name: min(values) for name, values in walls.items()},
        "cpu_seconds_training": {name: min(values) for name, values in cpus.items()},
        "overhead_training": min(walls["dask"]) / min(walls["local"]),
        "overhead_training_cpu": min(cpus["dask"]) / min(cpus["local"]),
        "equal": same(learned["local"], learned["dask"]) and same(serial, one) and same(serial, learned["local"][:2]),
    }


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


def timed(choice: Choice, n_jobs: int, jobs: list[Any]) -> tuple[list[Any], float, float]:
    """Train, from the start of the processes to their end: results, seconds by the wall, and of all processors."""
    from sutja.learn.jobs import run_job

    for job in jobs:
        job.checkpoint.unlink(missing_ok=True)
    started, used = time.perf_counter(), cpu_seconds()
    with opened(choice, n_jobs, ["torch"]) as engine:
        results = list(engine.map(run_job, jobs))
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
        "seconds_killed_training": time.perf_counter() - started,
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


# -- what one machine cannot try: a simulation from measured costs -----------------------------------------------------


@dataclass(frozen=True)
class Costs:
    """Seconds and bytes, measured here."""

    clip: float
    """Processor seconds of one clip, from the file to the answer."""
    clip_bytes: float
    """That are read of it."""
    task: float
    """Seconds that scheduler and client spend on a task that does nothing."""
    row: float
    """The same for each row that comes back."""
    store: float
    """Bytes a second that an object store gives in all; an assumption, not measured."""
    shard: float
    """Seconds of a worker to begin and to write a shard."""


N_MILLION = 1_000_000
STORE = 1.25e9  # bytes a second: a link of 10 Gbit/s to the bucket


def simulated(arguments: argparse.Namespace) -> dict[str, Any]:
    """Say how long a million clips take on 10, 100 and 1000 workers, by the size of a shard, and what is waited for."""
    costs = measured_costs()
    told = []
    for n_workers in (10, 100, 1000):
        tried = [outcome(costs, n_workers, size) for size in (50, 100, 200, 500, 1000, 2000, 5000, 10_000)]
        told.append(max(tried, key=lambda one: (round(one["efficiency"], 2), one["shard"])))
    chosen = min(one["shard"] for one in told)
    knee = next((n for n in range(10, 20_001, 10) if outcome(costs, n, chosen)["efficiency"] < 0.5), None)
    return {"costs": vars(costs), "simulated": told, "shard_for_all": chosen, "half_efficient_at_workers": knee}


def outcome(costs: Costs, n_workers: int, shard: int) -> dict[str, Any]:
    """Play a million clips: one scheduler that handles messages in turn, workers, and a store that all share."""
    n_shards = -(-N_MILLION // shard)
    message = costs.task + costs.row * 0  # rows are written by workers, not sent
    alone = shard * costs.clip + costs.shard
    streams = min(n_workers, n_shards)
    # All busy workers read at once: a shard takes at least its share of the store.
    busy = max(alone, shard * costs.clip_bytes * streams / costs.store)
    free = [0.0] * n_workers
    scheduler = 0.0
    waited = 0.0
    for _ in range(n_shards):
        ready = heapq.heappop(free)
        begin = max(ready, scheduler) + message
        waited += begin - ready
        scheduler = begin
        heapq.heappush(free, begin + busy)
    end = max(free)
    ideal = N_MILLION * costs.clip / n_workers
    tail = sum(end - at for at in free) / n_workers
    reasons = {
        "the scheduler": waited / n_workers,
        "the last shards": tail,
        "the store": (busy - alone) * n_shards / n_workers,
        "begin and end of shards": costs.shard * n_shards / n_workers,
    }
    return {
        "n_workers": n_workers,
        "shard": shard,
        "seconds": end,
        "efficiency": ideal / end,
        "waits_for": max(reasons, key=lambda name: reasons[name]),
    }


def measured_costs() -> Costs:
    """Measure what a task and a clip cost here, by the processor's clock, which other work disturbs least."""
    from sutja.predictor import Predictor

    with opened(Choice(n_workers=1), 1) as engine:
        list(engine.map(nothing, range(20)))
        task = per_item(lambda n: list(engine.map(nothing, range(n))), 300)
    model = Predictor.load()
    rate = model.bundle.audio.sample_rate
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as work:
        import soundfile

        paths = [Path(work) / f"{number}.wav" for number in range(300)]
        for path in paths:
            soundfile.write(path, 0.1 * rng.standard_normal(rate // 2), rate, subtype="PCM_16")
        clip = per_item(lambda n: list(model.predict_many(paths[:n])), len(paths))
        size = sum(path.stat().st_size for path in paths) / len(paths)
    return Costs(clip, size, task, 0.0, STORE, 0.1)


def nothing(job: int, on_step: Callable[[], None]) -> None:
    """Be a job that costs nothing."""


def per_item(work: Callable[[int], Iterable[Any]], n: int) -> float:
    started = time.process_time()
    work(n)
    return (time.process_time() - started) / n


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "training": training,
    "faults": faults,
    **cluster_predict.PARTS,
}

if __name__ == "__main__":
    sys.exit(main())
