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

from sutja.engine.local import run_jobs
from sutja.errors import DatasetError, RunError

# Jobs are functions of this module: workers import them by name.


def square(job: int, on_step) -> tuple[int, int]:
    for _ in range(job):
        on_step()
    return job, job * job


def fail_or_spin(job: str, on_step) -> None:
    """`fail` raises at once, any other job reports steps without end: it is stopped in the middle of a report."""
    if job == "fail":
        time.sleep(0.3)
        raise DatasetError("seven is missing")
    while True:
        on_step()


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


@pytest.mark.parametrize("n_processes", [1, 2, 5])
def test_every_job_gives_its_result_and_its_steps(n_processes):
    steps = []
    found = list(run_jobs(square, [3, 1, 2], n_processes, lambda: steps.append(1)))
    assert sorted(found) == [(1, 1), (2, 4), (3, 9)]
    assert len(steps) == 6  # also those of other processes, before the last result is given out
    if n_processes == 1:
        assert [job for job, _ in found] == [3, 1, 2]


def test_one_process_is_this_one():
    assert list(run_jobs(process_of, [1, 2], 1, lambda: None)) == [os.getpid()] * 2
    others = list(run_jobs(process_of, [1, 2], 2, lambda: None))
    assert os.getpid() not in others


def test_no_jobs():
    assert list(run_jobs(square, [], 2, lambda: None)) == []


@pytest.mark.parametrize("n_processes", [1, 2])
def test_an_error_comes_as_it_is(n_processes):
    with pytest.raises(DatasetError, match="seven is missing"):
        list(run_jobs(fail_or_spin, ["fail", "fail"], n_processes, lambda: None))


def test_an_error_stops_the_others_even_in_the_middle_of_a_report():
    started, n_threads = time.monotonic(), threading.active_count()
    with pytest.raises(DatasetError, match="seven is missing"):
        list(run_jobs(fail_or_spin, ["spin", "fail", "spin"], 2, lambda: None))
    assert time.monotonic() - started < 20
    assert threading.active_count() == n_threads


def test_leaving_early_stops_the_others(tmp_path):
    note = tmp_path / "pid"
    results = run_jobs(note_or_square, [2, str(note)], 2, lambda: None)
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
        list(run_jobs(end_abruptly, [1, 2], 2, lambda: None))


PARENT = """
import sys
sys.path.insert(0, {tests!r})
from test_engine_local import note_and_wait, run_jobs
if __name__ == "__main__":
    list(run_jobs(note_and_wait, sys.argv[1:], 2, lambda: None))
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
