"""The sums against an enumeration of all paths."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from sutja.learn.full_sum import NEVER, Loop, Paths, denominator, loop, numerator
from sutja.strings.units import Unit, Units

UNITS = Units((Unit("a", "a", 3), Unit("b", "b", 3)))
POSITIONS = [UNITS.silence, *UNITS.outputs_of(0), UNITS.silence, *UNITS.outputs_of(1), UNITS.silence]
AFTER_PAUSE = 5  # of the second word's first state: the pause before it may be passed over


def answers(n: int, time: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(n, time, UNITS.n_outputs, generator=generator, dtype=torch.float64)
    return drawn.log_softmax(2).requires_grad_()


def paths(n: int, time: int) -> Paths:
    skips = torch.full((n, len(POSITIONS)), 10 * NEVER, dtype=torch.float64)
    skips[:, AFTER_PAUSE] = 0.0
    allowed = torch.zeros(n, time, len(POSITIONS), dtype=torch.float64)
    return Paths(torch.tensor([POSITIONS] * n), skips, allowed, torch.tensor([len(POSITIONS) - 1] * n))


def enumerated(heard: Tensor) -> Tensor:
    """Add up every way from one of the first two positions to one of the last two."""

    def ways(t: int, j: int) -> list[Tensor]:
        if t == len(heard) - 1:
            return [heard[t, POSITIONS[j]]] if j >= len(POSITIONS) - 2 else []
        further = [j, j + 1, *([j + 2] if j + 2 == AFTER_PAUSE else [])]
        return [heard[t, POSITIONS[j]] + rest for k in further if k < len(POSITIONS) for rest in ways(t + 1, k)]

    return torch.logsumexp(torch.stack([*ways(0, 0), *ways(0, 1)]), 0)


def test_the_numerator_is_the_sum_over_all_ways_of_the_truth():
    heard = answers(2, 9)
    expected = torch.stack([enumerated(each) for each in heard])
    torch.testing.assert_close(numerator(heard, paths(2, 9)), expected)


def test_a_word_that_does_not_fit_has_no_way():
    assert float(numerator(answers(1, 5), paths(1, 5)).detach()) < NEVER / 2  # six states


def test_time_can_be_forbidden():
    heard, free = answers(1, 9), paths(1, 9)
    free.allowed[:, :2, 1:] = NEVER  # nothing is said in the first two outputs
    assert float(numerator(heard, free).detach()) < float(numerator(heard, paths(1, 9)).detach())


def as_double(way: Loop) -> Loop:
    return Loop(way.outputs, way.ways.double(), way.begins.double(), way.ends.double())


def test_the_denominator_is_the_sum_over_all_ways():
    heard, way = answers(1, 5), as_double(loop(UNITS))
    n = len(way.outputs)
    total = torch.zeros((), dtype=torch.float64)

    def walk(t: int, place: int, weight: Tensor) -> None:
        nonlocal total
        weight = weight * heard[0, t, way.outputs[place]].exp()
        if t == heard.shape[1] - 1:
            total = total + weight * way.ends[place]
            return
        for after in range(n):
            if way.ways[place, after] > 0:
                walk(t + 1, after, weight * way.ways[place, after])

    for place in range(n):
        if way.begins[place] > 0:
            walk(0, place, way.begins[place])
    torch.testing.assert_close(denominator(heard, way), total.log()[None])


def test_gradients_are_the_occupancies():
    heard, way = answers(2, 8), as_double(loop(UNITS))
    assert torch.autograd.gradcheck(lambda x: numerator(x, paths(2, 8)), heard)
    assert torch.autograd.gradcheck(lambda x: denominator(x, way), heard)
    numerator(heard, paths(2, 8)).sum().backward()
    torch.testing.assert_close(heard.grad.sum(2), torch.ones(2, 8, dtype=torch.float64))
