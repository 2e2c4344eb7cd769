"""What a frame network learns by: the sum over all ways in which words can lie in time.

The truth of a recording is a row of positions from left to right, silence between words optional. `numerator` is the
log of the sum over all paths along them; `denominator` over all paths through any words. Their difference is what
maximum mutual information trains (Povey and others 2016): the log probability of the right string among all, but for a
constant a word, and for pauses, which cost something only in the denominator.
Gradients are the occupancies of the forward-backward algorithm.

Shapes: log probabilities ``(batch, time, n_outputs)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sutja.strings.units import N_OTHER, Units

NEVER = -1e4


@dataclass(frozen=True)
class Paths:
    """The ways along the positions of a batch of truths."""

    outputs: Tensor
    """``(batch, n_positions)``: the output that each position listens to."""
    skips: Tensor
    """``(batch, n_positions)``: 0 where a position may follow the last but one, silence between being optional."""
    allowed: Tensor
    """``(batch, time, n_positions)``: 0 where a position may be at that time, `NEVER` elsewhere."""
    last: Tensor
    """``(batch,)``: the last position, silence; the one before may be the end as well."""


def along(log_probabilities: Tensor, paths: Paths) -> tuple[Tensor, Tensor]:
    """Sum over all ways of the truth; return the log of it, ``(batch,)``, and its gradient, the occupancies."""
    index = paths.outputs[:, None, :].expand(-1, log_probabilities.shape[1], -1)
    heard = log_probabilities.gather(2, index) + paths.allowed  # (batch, time, positions)
    n, time, places = heard.shape
    forwards, backwards = torch.empty_like(heard), torch.empty_like(heard)
    alpha = heard.new_full((n, places + 2), NEVER * 10)
    alpha[:, 2:4] = heard[:, 0, :2]
    forwards[:, 0] = alpha[:, 2:]
    for t in range(1, time):
        ways = torch.stack([alpha[:, 2:], alpha[:, 1:-1], alpha[:, :-2] + paths.skips])
        alpha[:, 2:] = torch.logsumexp(ways, 0) + heard[:, t]
        forwards[:, t] = alpha[:, 2:]
    last = torch.stack([paths.last, (paths.last - 1).clamp_min(0)], 1)
    ends = heard.new_full((n, places), NEVER * 10).scatter(1, last, 0.0)
    total = torch.logsumexp(forwards[:, -1] + ends, 1)
    beta = heard.new_full((n, places + 2), NEVER * 10)
    beta[:, :-2] = ends
    backwards[:, -1] = ends
    skips = torch.cat([paths.skips, paths.skips.new_full((n, 2), NEVER * 10)], 1)
    for t in range(time - 2, -1, -1):
        ahead = beta.clone()
        ahead[:, :-2] += heard[:, t + 1]
        ways = torch.stack([ahead[:, :-2], ahead[:, 1:-1], ahead[:, 2:] + skips[:, 2:]])
        beta[:, :-2] = torch.logsumexp(ways, 0)
        backwards[:, t] = beta[:, :-2]
    occupied = (forwards + backwards - total[:, None, None]).exp()
    return total, torch.zeros_like(log_probabilities).scatter_add_(2, index, occupied)


class _Numerator(torch.autograd.Function):
    @staticmethod
    def forward(context, log_probabilities: Tensor, paths: Paths) -> Tensor:  # type: ignore[no-untyped-def]
        total, gradient = along(log_probabilities, paths)
        context.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(context, given: Tensor):  # type: ignore[no-untyped-def]
        (gradient,) = context.saved_tensors
        return gradient * given[:, None, None], None


def numerator(log_probabilities: Tensor, paths: Paths) -> Tensor:
    """Return the log of the sum over all ways of the truth, ``(batch,)``."""
    return _Numerator.apply(log_probabilities, paths)  # type: ignore[no-any-return,no-untyped-call]


@dataclass(frozen=True)
class Loop:
    """Any words in any order, with silence and other speech between them."""

    outputs: Tensor
    """``(n_places,)``: the output that each place listens to."""
    ways: Tensor
    """``(n_places, n_places)``: the weight of going from one to another."""
    begins: Tensor
    ends: Tensor
    """``(n_places,)``: 1 where a string may begin or end."""


def loop(units: Units, n_other: int = N_OTHER) -> Loop:
    """Make the loop over the units, each as likely as any other."""
    rows = [units.outputs_of(number) for number in range(len(units.units))]
    rows += [[units.silence], [units.other] * n_other]
    outputs = [output for row in rows for output in row]
    firsts = torch.tensor([0, *torch.tensor([len(row) for row in rows]).cumsum(0).tolist()])
    n = len(outputs)
    ways, begins, ends = torch.eye(n), torch.zeros(n), torch.zeros(n)
    for first, after in zip(firsts[:-1].tolist(), firsts[1:].tolist(), strict=True):
        for place in range(first, after - 1):
            ways[place, place + 1] = 1.0
        begins[first], ends[after - 1] = 1.0, 1.0
    entry = 1.0 / len(rows)
    ways += entry * ends[:, None] * begins[None, :] * (1 - torch.eye(n))
    # A word of one place may not follow itself without this; silence and the like are their own loop.
    return Loop(torch.tensor(outputs), ways, begins * entry, ends)


def through(log_probabilities: Tensor, way: Loop) -> tuple[Tensor, Tensor]:
    """Sum over all ways through any words; return the log of it, ``(batch,)``, and its gradient, the occupancies."""
    heard = log_probabilities[:, :, way.outputs]
    loudest = heard.amax(2, keepdim=True)
    likely = (heard - loudest).exp()
    n, time, _ = heard.shape
    forwards, scales = torch.empty_like(heard), heard.new_empty(n, time)
    alpha = likely[:, 0] * way.begins
    for t in range(time):
        if t:
            alpha = (alpha @ way.ways) * likely[:, t]
        scale = alpha.sum(1).clamp_min(1e-30)
        alpha = alpha / scale[:, None]
        forwards[:, t], scales[:, t] = alpha, scale
    end = (alpha * way.ends).sum(1).clamp_min(1e-30)
    total = scales.log().sum(1) + loudest[:, :, 0].sum(1) + end.log()
    occupied = torch.empty_like(heard)
    beta = way.ends.expand(n, -1) / end[:, None]
    occupied[:, -1] = forwards[:, -1] * beta
    for t in range(time - 2, -1, -1):
        beta = ((beta * likely[:, t + 1]) @ way.ways.T) / scales[:, t + 1, None]
        occupied[:, t] = forwards[:, t] * beta
    index = way.outputs[None, None, :].expand(n, time, -1)
    return total, torch.zeros_like(log_probabilities).scatter_add_(2, index, occupied)


class _Denominator(torch.autograd.Function):
    @staticmethod
    def forward(context, log_probabilities: Tensor, way: Loop) -> Tensor:  # type: ignore[no-untyped-def]
        total, gradient = through(log_probabilities, way)
        context.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(context, given: Tensor):  # type: ignore[no-untyped-def]
        (gradient,) = context.saved_tensors
        return gradient * given[:, None, None], None


def denominator(log_probabilities: Tensor, way: Loop) -> Tensor:
    """Return the log of the sum over all ways through any words, ``(batch,)``."""
    return _Denominator.apply(log_probabilities, way)  # type: ignore[no-any-return,no-untyped-call]
