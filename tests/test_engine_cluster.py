"""Jobs over a Dask cluster of real processes on loopback: all results, the first error, deaths, hangs, bad clusters."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from distributed import Client
from engine_jobs import fail_or_spin, square

from sutja.engine import JOBS_AHEAD, Chunks, Engine, cluster
from sutja.engine.choice import Choice, opened
from sutja.errors import DatasetError, EngineError, JobError
from sutja.files import replace_atomically

# Jobs are functions of this module: workers import them by name.


def divide(job: int, on_step) -> float:
    return 1 / job


def value_of(job, on_step) -> tuple[int, int]:
    return sum(job.value), os.getpid()


def end_abruptly(job: str, on_step) -> None:
    time.sleep(1)  # a worker that dies while its nanny still starts it is not started anew: Dask's own race
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


def environment(job: str, on_step) -> str | None:
    return os.environ.get(job)


def test_workers_started_here_do_not_trim_memory_after_each_array(engine):
    asked = ["MALLOC_TRIM_THRESHOLD_", "OMP_NUM_THREADS"]  # Dask's nannies set both, and the first costs time
    assert list(engine.map(environment, asked)) == [None, "1"]


def test_a_value_goes_to_each_worker_once(engine):
    shared = engine.share(list(range(10)))
    assert {total for total, _ in engine.map(value_of, [shared] * 6)} == {45}


def test_a_job_that_ends_its_workers_is_named(engine):
    with pytest.raises(EngineError, match=r"^seven.wav: 4 workers ended over it, the last at tcp://127.*--resume"):
        list(engine.map(end_abruptly, ["seven.wav"]))


def test_many_small_jobs_go_some_at_a_time(engine):
    steps = []
    small = Chunks(engine, 5)
    assert list(small.map(square, range(12), lambda: steps.append(1))) == [(job, job * job) for job in range(12)]
    assert len(steps) == sum(range(12))
    assert small.n_workers == engine.n_workers


def test_a_path_that_workers_do_not_see_is_told(engine, tmp_path):
    engine.check_sees(tmp_path)
    (tmp_path / "seven.wav").write_bytes(b"1234")
    Chunks(engine).check_sees(tmp_path / "seven.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["seven.wav"]
    with pytest.raises(EngineError, match=r"the worker tcp://.* cannot use .*nowhere \(No such file or directory\)"):
        engine.check_sees(tmp_path / "nowhere")


def test_what_a_worker_sees(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("word", encoding="utf-8")
    file = str(tmp_path / "file")
    assert cluster._sees(file, "word") == cluster._sees(file, 4) == cluster._sees(file, None) == ""
    assert cluster._sees(file, "another") == cluster._sees(file, 5) == "it is another there"
    monkeypatch.setattr("os.access", lambda *_: False)
    with cluster._probe(tmp_path) as (probe, token):
        assert (probe, token) == (tmp_path, None)


# -- deaths and hangs --------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Slow:
    """A job of ten steps that keeps in a file how far it is: killed, it goes on there. It writes who does it."""

    folder: Path
    number: int

    def __str__(self) -> str:
        return f"slow {self.number}"

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.number}.checkpoint"


def go_on(job: Slow, on_step) -> int:
    done = int(job.checkpoint.read_text() or 0) if job.checkpoint.exists() else 0
    for _ in range(done):
        on_step()
    (job.folder / f"{job.number}.{os.getpid()}.pid").touch()
    for step in range(done, 10):
        time.sleep(0.1)
        with replace_atomically(job.checkpoint) as draft:
            draft.write_text(str(step + 1))
        on_step()
    return job.number


def test_a_killed_worker_costs_nothing(engine, tmp_path):
    steps, killed = [], []

    def step() -> None:
        steps.append(1)
        if len(steps) in (8, 16):  # by then some job got on
            pid = int(max(tmp_path.glob("*.pid"), key=lambda path: path.stat().st_mtime).name.split(".")[1])
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    assert list(engine.map(go_on, [Slow(tmp_path, n) for n in range(4)], step)) == [0, 1, 2, 3]
    assert killed
    assert len(steps) == 40, "a step is told once, however often it was taken"


def hang_once(job: Path, on_step) -> str:
    """Hang, but for the second time."""
    if not job.exists():
        job.touch()
        time.sleep(600)
    return job.name


def test_a_worker_that_hangs_is_started_anew(tmp_path):
    with opened(Choice(n_workers=1, patience=8.0), 1) as engine:
        assert list(engine.map(hang_once, [tmp_path / "one"])) == ["one"]


class Cluster:
    """Stands for a client, and for the event that ends the watch, and counts a second a look."""

    def __init__(self, monkeypatch, n_looks: int, **processing) -> None:
        self.now, self.n_looks, self.restarted = 0.0, n_looks, []
        self._processing = processing
        monkeypatch.setattr(cluster, "monotonic", lambda: self.now)

    def processing(self) -> dict[str, list[str]]:
        if self.now == 1:
            raise OSError("the scheduler is busy")
        return self._processing

    def restart_workers(self, workers, **_) -> None:
        self.restarted.extend(workers)

    def wait(self, seconds: float) -> bool:
        self.now += 1
        return self.now > self.n_looks

    def subscribe_topic(self, *_) -> None:
        pass


def work_of(client: Cluster, *pending: cluster._Pending) -> cluster._Work:
    work = cluster._Work(client, square, lambda: None, {}, {})
    work._open = {one.number: one for one in pending}
    return work


def test_a_job_that_hangs_on_two_workers_is_named(monkeypatch):
    client = Cluster(monkeypatch, 30, a=["key"], b=["other"], idle=[])
    hangs, gets_on = cluster._Pending(0, "seven.wav", worker="a"), cluster._Pending(1, "one.wav", worker="b")
    work = work_of(client, hangs, gets_on)
    work.heard_of["b"], refilled = 1000.0, []
    cluster._watch(work, client, cluster.Patience(10.0, 5.0), client, lambda: refilled.append(1))
    assert set(client.restarted) == {"a"}
    assert len(refilled) == 30
    with pytest.raises(EngineError, match=r"^seven.wav: 2 workers did not get on with it for 10 s, the last at a;"):
        hangs.outcome.result(0)
    assert not gets_on.outcome.done()


def test_a_job_whose_worker_never_spoke_is_found_by_what_the_worker_was_given(monkeypatch):
    client = Cluster(monkeypatch, 30)
    given = cluster._Pending(0, "seven.wav", future=types.SimpleNamespace(key="key"))
    assert work_of(client, given).on("a", ["key"]) == [given]
    assert work_of(client, given).on("a", ["other"]) == []


def test_a_scheduler_that_does_not_fit_is_told():
    class Other:
        scheduler = types.SimpleNamespace(address="tcp://a:1")

        def run_on_scheduler(self, *_):
            if error:
                raise error
            return ["sutja 0.1.0, here 0.2.0"]

    error = None
    with pytest.raises(EngineError, match=r"the scheduler at tcp://a:1 has sutja 0\.1\.0, here 0\.2\.0; expected"):
        cluster._check_scheduler(Other(), {})
    error = ModuleNotFoundError("No module named 'sutja'")
    with pytest.raises(EngineError, match="the scheduler at tcp://a:1 has no sutja; expected"):
        cluster._check_scheduler(Other(), {})
    error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        cluster._check_scheduler(Other(), {})


def test_no_worker_left_is_told(monkeypatch):
    client = Cluster(monkeypatch, 9)
    pending = cluster._Pending(0, "seven.wav")
    cluster._watch(work_of(client, pending), client, cluster.Patience(9.0, 5.0), client, lambda: None)
    with pytest.raises(EngineError, match="there is no worker any more, for 5 s"):
        pending.outcome.result(0)


# -- schedulers and workers that are not as they should be -------------------------------------------------------------

WORKER = """
import sys
from distributed.cli.dask_worker import main
main([sys.argv[1], "--no-nanny", "--host", "127.0.0.1", "--no-dashboard", "--death-timeout", "60", *sys.argv[2:]])
"""


@contextlib.contextmanager
def process(*arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python beside the test, and end it."""
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # jobs are functions of this module
    started = subprocess.Popen(
        [sys.executable, *map(str, arguments)], stderr=subprocess.DEVNULL, env=os.environ | paths
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@contextlib.contextmanager
def scheduler(folder: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    file = folder / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file)
    with process("-m", "distributed.cli.dask_scheduler", *options) as running:
        end = time.monotonic() + 60
        while time.monotonic() < end and not (file.exists() and file.read_text(encoding="utf-8").endswith("}")):
            time.sleep(0.05)  # it is there before it is written
        yield file, running


def address(file: Path) -> str:
    return json.loads(file.read_text(encoding="utf-8"))["address"]


def test_no_scheduler_is_told_soon(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(EngineError, match=r"no scheduler answers at tcp://127.0.0.1:9 .*start it with"):
        opened(Choice(scheduler="tcp://127.0.0.1:9"), 1).__enter__()
    (tmp_path / "file.json").write_text("no json", encoding="utf-8")
    with pytest.raises(EngineError, match=r"no scheduler answers at .*file\.json"):
        opened(Choice(scheduler=str(tmp_path / "file.json")), 1).__enter__()


def test_workers_that_do_not_fit_are_told_before_any_work(tmp_path, monkeypatch):
    without = "import sys\nsys.modules['sutja'] = None\n"
    other = "import sutja\nsutja.__version__ = '0.1.0'\n"
    faults = {
        ("-c", WORKER, "--nthreads", "2"): "has 2 threads; expected 1",
        ("-c", without + WORKER, "--nthreads", "1"): "has no sutja; expected the installation of this process",
        ("-c", other + WORKER, "--nthreads", "1"): r"has sutja 0.1.0, here \d.*; expected the same on both sides",
    }
    with scheduler(tmp_path) as (file, _):
        with monkeypatch.context() as patch:
            patch.setattr(cluster, "WORKER_SECONDS", 0.2)
            with pytest.raises(EngineError, match=r"has no worker after 0 s; .* `dask worker tcp://"):
                opened(Choice(scheduler=str(file)), 1).__enter__()
        for (flag, program, *options), told in faults.items():
            with process(flag, program, address(file), *options), pytest.raises(EngineError, match=told):
                opened(Choice(scheduler=str(file)), 1).__enter__()
            gone(file)


def gone(file: Path) -> None:
    """Wait until the scheduler knows that its worker is away."""
    with Client(scheduler_file=str(file), set_as_default=False) as client:
        end = time.monotonic() + 30
        while client.nthreads() and time.monotonic() < end:
            time.sleep(0.05)


def test_a_scheduler_that_goes_away_ends_the_run_with_one_sentence(tmp_path):
    with (
        scheduler(tmp_path) as (file, running),
        process("-c", WORKER, address(file), "--nthreads", "1"),
        pytest.raises(EngineError, match=r"the scheduler tcp://127.* went away, .* --resume"),
        opened(Choice(scheduler=str(file)), 1) as engine,
    ):
        list(engine.map(go_on, [Slow(tmp_path, 0)], running.kill))


def test_a_worker_that_comes_late_is_looked_at_by_its_jobs(engine):
    call = cluster._Call(square, 0, "topic", ("a", "b"), {"python": "1.0"})
    with pytest.raises(EngineError, match=r"has python .*, here 1\.0"):
        engine._client.submit(cluster._run, cluster.serialize_bytes((call, 1)), {}, key=("a", "b"), pure=False).result()


def test_workers_that_cannot_be_started_are_told(monkeypatch):
    def refuse(**_):
        raise OSError("too many processes")

    monkeypatch.setattr(cluster, "LocalCluster", refuse)
    with pytest.raises(EngineError, match=r"9 workers cannot be started here \(too many processes\)"):
        opened(Choice(n_workers=9), 1).__enter__()


def test_a_package_that_is_not_installed_has_no_version():
    found = cluster.versions(["numpy", "no_such_package"])
    assert found["no_such_package"] is None
    assert found["numpy"]
