"""Jobs over a Dask cluster of real processes on loopback: all results, the first error, deaths, hangs, bad clusters."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("distributed")

from sutja.engine import JOBS_AHEAD, Engine
from sutja.engine.choice import Choice, opened
from sutja.errors import DatasetError, EngineError, JobError

# Jobs are functions of this module: workers import them by name.


def square(job: int, on_step) -> tuple[int, int]:
    for _ in range(job):
        on_step()
    return job, job * job


def fail_or_spin(job: str, on_step) -> None:
    if job == "fail":
        time.sleep(0.3)
        raise DatasetError("seven is missing")
    while True:
        on_step()


def divide(job: int, on_step) -> float:
    return 1 / job


def value_of(job, on_step) -> tuple[int, int]:
    return sum(job.value), os.getpid()


def end_abruptly(job: str, on_step) -> None:
    os._exit(3)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with opened(Choice(n_workers=2), 1) as engine:
        yield engine


def test_it_gives_what_the_serial_one_gives(engine):
    steps = []
    jobs = [3, 1, 2, 0, 5, 4] * 4
    assert list(engine.map(square, iter(jobs), lambda: steps.append(1))) == [(job, job * job) for job in jobs]
    assert len(steps) == sum(jobs)
    assert list(engine.map(square, [])) == []
    assert engine.n_workers == 2


def test_an_error_of_ours_is_told_with_its_job_and_stops_the_others(engine):
    started, n_threads = time.monotonic(), threading.active_count()
    with pytest.raises(JobError, match=r"^fail: seven is missing$") as caught:
        list(engine.map(fail_or_spin, ["spin", "fail", "spin"]))
    assert caught.value.job == "fail"
    assert isinstance(caught.value.__cause__, DatasetError)
    assert list(engine.map(square, [2, 3])) == [(2, 4), (3, 9)]  # the workers are free again
    assert time.monotonic() - started < 20
    assert threading.active_count() <= n_threads


def test_any_other_error_comes_as_it_is_with_its_job_noted(engine):
    with pytest.raises(ZeroDivisionError) as caught:
        list(engine.map(divide, [1, 0, 2]))
    assert "in the job 0" in caught.value.__notes__


def test_jobs_are_taken_a_few_ahead(engine):
    taken = []

    def jobs():
        for job in range(200):
            taken.append(job)
            yield 0

    results = engine.map(square, jobs())
    assert next(results) == (0, 0)
    assert len(taken) <= 2 * (2 * JOBS_AHEAD)
    results.close()


def test_a_value_goes_to_each_worker_once(engine):
    shared = engine.share(list(range(10)))
    assert {total for total, _ in engine.map(value_of, [shared] * 6)} == {45}


def test_a_job_that_ends_its_workers_is_named(engine):
    with pytest.raises(EngineError, match=r"^seven.wav: 4 workers ended over it, the last at tcp://127.*--resume"):
        list(engine.map(end_abruptly, ["seven.wav"]))
