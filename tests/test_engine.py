"""The folder of engines: importing it starts nothing."""

from __future__ import annotations

import pytest
from helpers import run_python

from sutja.engine import Chunks, Serial, Shared, hold, keep_only, let_go, put
from sutja.errors import DatasetError, JobError


def test_the_folder_alone_brings_no_processes():
    # What is there already was brought by Python, or by what measures coverage.
    ended = run_python(
        "import sys\nbefore = set(sys.modules)\nimport sutja.engine\n"
        "assert not {'multiprocessing', 'torch'} & (set(sys.modules) - before)"
    )
    assert ended.returncode == 0, ended.stderr


def refuse_three(job: int, on_step) -> int:
    on_step()
    if job == 3:
        raise DatasetError("three is missing")
    return job


def test_many_small_jobs_are_as_they_would_be_one_by_one():
    steps = []
    assert list(Chunks(Serial(), 3).map(refuse_three, [0, 1, 2, 4], lambda: steps.append(1))) == [0, 1, 2, 4]
    assert len(steps) == 4
    assert list(Chunks(Serial()).map(refuse_three, [])) == []


def test_of_many_small_jobs_the_one_is_named_that_failed():
    results = Chunks(Serial(), 2).map(refuse_three, [0, 1, 2, 3])
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(JobError, match=r"^3: three is missing$") as caught:
        next(results)
    assert caught.value.job == 3
    assert isinstance(caught.value.__cause__, DatasetError)


def test_an_error_of_a_chunk_itself_stays_as_it_is():
    class Broken(Serial):
        def map(self, function, jobs, on_step):
            raise JobError("0: lost", 0)

    with pytest.raises(JobError, match=r"^0: lost$"):
        list(Chunks(Broken()).map(refuse_three, [0]))


def test_a_chunk_is_called_by_its_jobs():
    names = []

    class Named(Serial):
        def map(self, function, jobs, on_step):
            names.extend(map(str, jobs))
            return iter(())

    list(Chunks(Named(), 2).map(refuse_three, [0, 1, 2]))
    assert names == ["0 and 1 more", "2"]


def test_values_are_kept_by_name_as_long_as_they_are_needed(tmp_path):
    first = Chunks(Serial()).share([1])
    second = hold([2])
    put(Shared("other"), [3])
    keep_only({second.name: second.value})
    assert second.value == [2]
    with pytest.raises(KeyError):
        first.value  # noqa: B018
    let_go(second)
    let_go(second)
    Chunks(Serial()).check_sees(tmp_path)
