"""Jobs for every engine: workers import them by name."""

from __future__ import annotations

import time

from sutja.errors import DatasetError


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
