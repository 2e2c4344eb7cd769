"""Threads: results in order, few items ahead, and an end when the caller has had enough."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from sutja.engine import JOBS_AHEAD as AHEAD
from sutja.engine.threads import N_THREADS, each


@pytest.mark.parametrize("n_threads", [1, 3, N_THREADS])
def test_results_come_in_the_items_order(n_threads):
    def later_for_the_first(item):
        time.sleep(0.02 if item % 5 == 0 else 0)
        return item * item

    assert list(each(later_for_the_first, range(50), n_threads)) == [item * item for item in range(50)]


def test_nothing_to_do():
    assert list(each(len, [])) == []


def test_they_run_side_by_side():
    meeting = threading.Barrier(3, timeout=10)
    assert len(list(each(lambda _: meeting.wait(), range(3), 3))) == 3


def test_only_a_few_items_are_taken_ahead():
    taken = []
    results = each(lambda item: item, (taken.append(i) or i for i in itertools.count()), 2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert 5 < len(taken) <= 5 + AHEAD * 2
    results.close()


def test_what_is_not_begun_is_not_done_when_the_caller_stops():
    done = []
    results = each(lambda item: time.sleep(0.01) or done.append(item), range(1000), 2)
    next(results)
    results.close()
    n_done = len(done)
    time.sleep(0.05)
    assert len(done) == n_done < 20


def test_an_error_comes_as_it_is():
    with pytest.raises(ZeroDivisionError):
        list(each(lambda item: 1 // item, [1, 1, 0, 1], 2))
