"""Jobs over processes: all results, the first error, nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from engine_jobs import fail_or_spin, square

from sutja.engine import JOBS_AHEAD, Serial, Shared, let_go
from sutja.engine.local import Processes, local
from sutja.engine.threads import Threads
from sutja.errors import DatasetError, JobError, RunError

# Jobs are functions of this module: workers import them by name.


def note_and_wait(job: str, on_step) -> None:
    """Write down which process this is, and stay."""
    Path(job).write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(60)


def end_abruptly(job: int, on_step) -> None:
    os._exit(3)


def process_of(job: int, on_step) -> int:
    return os.getpid()


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


ENGINES = [Serial(), Threads(1), Threads(3), Processes(2), Processes(5)]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: f"{type(engine).__name__}-{engine.n_workers}")
def test_every_engine_gives_what_the_serial_one_gives(engine):
    steps = []
    jobs = [3, 1, 2, 0, 5, 4] * 4
    assert list(engine.map(square, iter(jobs), lambda: steps.append(1))) == [(job, job * job) for job in jobs]
    assert len(steps) == sum(jobs)  # also those of other processes, before the last result is given out
    assert list(engine.map(square, [])) == []


def test_one_process_is_this_one():
    assert list(local(1).map(process_of, [1, 2])) == [os.getpid()] * 2
    assert os.getpid() not in list(local(2).map(process_of, [1, 2]))


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: f"{type(engine).__name__}-{engine.n_workers}")
def test_an_error_of_ours_is_told_with_its_job(engine):
    with pytest.raises(JobError, match=r"^fail: seven is missing$") as caught:
        list(engine.map(fail_or_spin, ["fail", "fail"]))
    assert caught.value.job == "fail"
    assert isinstance(caught.value.__cause__, DatasetError)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: f"{type(engine).__name__}-{engine.n_workers}")
def test_any_other_error_comes_as_it_is_with_its_job_noted(engine):
    with pytest.raises(ZeroDivisionError) as caught:
        list(engine.map(divide, [1, 0, 2]))
    assert "in the job 0" in caught.value.__notes__


def divide(job: int, on_step) -> float:
    return 1 / job


@pytest.mark.parametrize("engine", ENGINES[1:4], ids=lambda engine: f"{type(engine).__name__}-{engine.n_workers}")
def test_a_shared_value_is_where_the_jobs_are(engine, tmp_path):
    shared = engine.share([1, 2])
    assert list(engine.map(total, [shared, shared])) == [3, 3]
    engine.check_sees(tmp_path)  # what is here is seen here
    let_go(shared)


def total(job: Shared[list[int]], on_step) -> int:
    return sum(job.value)


def test_jobs_are_taken_a_few_ahead():
    taken = []

    def jobs():
        for job in range(1000):
            taken.append(job)
            yield job

    results = Threads(2).map(square_without_steps, jobs())
    for given in range(20):
        assert next(results) == given * given
        assert len(taken) <= given + 1 + 2 * JOBS_AHEAD
    results.close()


def square_without_steps(job: int, on_step) -> int:
    return job * job


def test_an_error_stops_the_others_even_in_the_middle_of_a_report():
    started, n_threads = time.monotonic(), threading.active_count()
    with pytest.raises(JobError, match="seven is missing"):
        list(Processes(2).map(fail_or_spin, ["spin", "fail", "spin"]))
    assert time.monotonic() - started < 20
    assert threading.active_count() == n_threads


def test_leaving_early_stops_the_others(tmp_path):
    note = tmp_path / "pid"
    results = Processes(2).map(note_or_square, [2, str(note)])
    assert next(results) == (2, 4)
    assert wait_until(lambda: note.exists() and note.read_text(encoding="utf-8"))
    pid = int(note.read_text(encoding="utf-8"))
    assert is_running(pid)
    results.close()
    assert wait_until(lambda: not is_running(pid))


def note_or_square(job: int | str, on_step):
    return note_and_wait(job, on_step) if isinstance(job, str) else square(job, on_step)


def test_a_worker_that_is_ended_from_outside_is_one_sentence():
    with pytest.raises(RunError, match=r"worker process was ended from outside.*--resume"):
        list(Processes(2).map(end_abruptly, [1, 2]))


PARENT = """
import sys
sys.path.insert(0, {tests!r})
from sutja.engine.local import Processes
from test_engine_local import note_and_wait
if __name__ == "__main__":
    list(Processes(2).map(note_and_wait, sys.argv[1:]))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_leave_when_their_parent_is_killed(tmp_path, how):
    program = tmp_path / "parent.py"
    program.write_text(PARENT.format(tests=str(Path(__file__).parent)), encoding="utf-8")
    notes = [tmp_path / "a", tmp_path / "b"]
    parent = subprocess.Popen([sys.executable, program, *notes])
    try:
        assert wait_until(lambda: all(note.exists() and note.read_text(encoding="utf-8") for note in notes))
        pids = [int(note.read_text(encoding="utf-8")) for note in notes]
        assert all(map(is_running, pids))
    finally:
        parent.send_signal(how)
        parent.wait(10)
    assert wait_until(lambda: not any(map(is_running, pids)), 10)
