"""Ten million predictions on 10 to 1000 workers: played, from what a task, a byte, a clip and a row cost here.

    python bench/cluster_simulated.py [--json]

One process draws the list and, at the end, puts the parts together: no worker helps it. One scheduler handles a task at
a time. All workers share what the store gives, which is an assumption (:data:`STORE`), as is that every worker has a
core like this machine's. Costs are seconds of the processor: other work does not stretch them much.
"""

from __future__ import annotations

import argparse
import dataclasses
import heapq
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster_predict import links
from load import clips

from sutja import bundle, isolated, places, shards
from sutja.bundle import DEFAULT_MODEL
from sutja.engine import OnStep, no_step
from sutja.engine.choice import Choice, opened
from sutja.shards import Asked, Manifest

N_RECORDINGS = 10_000_000
WORKERS = (10, 100, 1000)
SIZES = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
STORE = 1.25e9  # bytes a second in all: a link of 10 Gbit/s
LOSS = 1.05  # times what the best size takes, on any number of workers
N_HEARD, N_SMALL, N_TASKS, N_NAMED = 1000, 20, 300, 100_000  # of the measurements


@dataclasses.dataclass(frozen=True)
class Costs:
    """Seconds of one processor, and bytes."""

    clip: float
    """To hear one, and to write its row."""
    clip_bytes: float
    row_bytes: float
    shard: float
    """To begin a shard on a worker, and to write its part."""
    task: float
    """Of the scheduler and who asks it, for a task that does nothing."""
    named: float
    """To draw one name of the list."""
    gathered: float
    """To put one row into the results."""
    store: float = STORE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = simulated()
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def simulated() -> dict[str, Any]:
    """Say how long it takes on so many workers, what they wait for, and which size of a shard loses least on all."""
    costs = measured()
    tried = {size: [played(costs, n_workers, size) for n_workers in WORKERS] for size in SIZES}
    best = [min(one["seconds"] for one in each) for each in zip(*tried.values(), strict=True)]

    def regret(size: int) -> float:
        return max(one["seconds"] / least for one, least in zip(tried[size], best, strict=True))

    chosen = min(size for size in SIZES if regret(size) <= LOSS)  # of a worker that dies, less is done again
    return {
        "costs": {name: float(f"{value:.3g}") for name, value in dataclasses.asdict(costs).items()},
        "n_recordings_simulated": N_RECORDINGS,
        "simulated": tried[chosen],
        "simulated_shard": chosen,
        "lost_by_size_of_shard": {size: round(regret(size) - 1, 3) for size in SIZES},
        "half_efficient_at_workers": half(costs, chosen),
    }


def half(costs: Costs, shard: int) -> int:
    """Return at how many workers half of them would do the same work in the same time, were nothing waited for."""
    return next(n for n in range(10, 100_000, 10) if played(costs, n, shard)["efficiency"] < 0.5)


def played(costs: Costs, n_workers: int, shard: int) -> dict[str, Any]:
    """Play a run: the list, the shards in turn as workers become free, the results."""
    n_shards = -(-N_RECORDINGS // shard)
    alone = shard * costs.clip + costs.shard
    n_bytes = shard * (costs.clip_bytes + costs.row_bytes)
    busy = max(alone, n_bytes * min(n_workers, n_shards) / costs.store)  # those at work share the store
    free, scheduler, waited = [0.0] * min(n_workers, n_shards), 0.0, 0.0
    for _ in range(n_shards):
        ready = heapq.heappop(free)
        scheduler = max(ready, scheduler) + costs.task
        waited += scheduler - ready
        heapq.heappush(free, scheduler + busy)
    end = max(free)
    listed = N_RECORDINGS * costs.named
    gathered = max(N_RECORDINGS * costs.gathered, 2 * N_RECORDINGS * costs.row_bytes / costs.store)
    seconds = listed + end + gathered
    waits = {
        "the list": listed,
        "the results put together": gathered,
        "the scheduler": waited / n_workers,
        "the last shards": end - sum(free) / n_workers,
        "the store": (busy - alone) * n_shards / n_workers,
        "the begin and end of shards": costs.shard * n_shards / n_workers,
    }
    return {
        "n_workers": n_workers,
        "seconds": round(seconds, 1),
        "efficiency": round(N_RECORDINGS * costs.clip / n_workers / seconds, 3),
        "waits_for": max(waits, key=lambda name: waits[name]),
        "waits_seconds": {name: round(value, 1) for name, value in waits.items()},
    }


# -- what it costs here ------------------------------------------------------------------------------------------------


def measured() -> Costs:
    """Do a little of everything, and see what the processor says."""
    _, contents = clips()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [str(path) for path in links(folder, contents, N_HEARD)]
        clip, shard, part = hearing_costs(folder, paths)
        named, gathered = serial_costs(folder, part)
        row_bytes = part.stat().st_size / N_HEARD
    return Costs(clip, sum(map(len, contents)) / len(contents), row_bytes, shard, task_cost(), named, gathered)


def hearing_costs(folder: Path, paths: list[str]) -> tuple[float, float, Path]:
    """Return what a clip and a shard cost a worker, and a part of results."""
    small = [paths[i : i + 1] for i in range(N_SMALL)]
    with worked(folder / "small", small) as (manifest, jobs):
        shards.work_off(next(jobs), no_step)  # loads the model
        began = used()
        for job in jobs:
            shards.work_off(job, no_step)
        of_one = (used() - began) / (N_SMALL - 1)
    with worked(folder / "large", [paths]) as (manifest, jobs):
        began = used()
        name = shards.work_off(next(jobs), no_step).name
        clip = (used() - began - of_one) / (N_HEARD - 1)
    isolated.dismiss()
    return clip, of_one - clip, Path(shards.parts_place(str(folder / "large"), manifest.key)) / name


@contextmanager
def worked(out: Path, groups: list[list[str]]) -> Iterator[tuple[Manifest, Iterator[shards.Shard]]]:
    """Draw a list, and give its shards as jobs."""
    manifest = drawn(out, (name for group in groups for name in group), len(groups[0]))
    yield manifest, shards.jobs(str(out), manifest, DEFAULT_MODEL, range(len(groups)))


def drawn(out: Path, names: Iterator[str], size: int) -> Manifest:
    asked = Asked((), None, bundle.digest(DEFAULT_MODEL), size, "parquet")
    return shards.draw(str(out), asked, names, bundle.load(DEFAULT_MODEL).labels, "/")


def serial_costs(folder: Path, part: Path) -> tuple[float, float]:
    """Return what one name and one row cost the process that draws the list and puts the parts together."""
    out = folder / "named"
    began = time.process_time()
    manifest = drawn(out, (f"s3://bucket/takes/{i:08d}.wav" for i in range(N_NAMED)), N_HEARD)
    named = (time.process_time() - began) / N_NAMED
    parts = []
    for number in range(len(manifest.sizes)):
        name = f"part-{number:06d}.n{N_HEARD}.e0.parquet"
        Path(places.joined(shards.parts_place(str(out), manifest.key), name)).write_bytes(part.read_bytes())
        parts.append(shards.Part(number, N_HEARD, 0, name))
    began = time.process_time()
    shards.gather(str(out), manifest, parts)
    return named, (time.process_time() - began) / N_NAMED


def task_cost() -> float:
    """Return what a task costs the scheduler and who asks it, which are one process here."""
    with opened(Choice(n_workers=1), 1) as engine:
        list(engine.map(nothing, range(20)))
        began = time.process_time()
        list(engine.map(nothing, range(N_TASKS)))
        return (time.process_time() - began) / N_TASKS


def nothing(job: int, on_step: OnStep) -> None:
    """Be a job that costs nothing."""


def used() -> float:
    """Return the seconds of the processor of this process and of those that hear for it, to the microsecond."""
    hearing = [process._process.pid for process in isolated._all]
    tasks = [task for pid in hearing for task in Path(f"/proc/{pid}/task").iterdir()]
    return time.process_time() + sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


if __name__ == "__main__":
    main()
