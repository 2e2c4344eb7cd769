"""One frame network: what it learns by, step by step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sutja.errors import RunError
from sutja.files import replace_atomically
from sutja.learn.frame_network import DELAY, FrameNet
from sutja.learn.full_sum import NEVER, Loop, Paths, denominator, loop, numerator
from sutja.learn.string_batches import Strings, features_of, paths_of, states_of, usable
from sutja.records import read_arrays
from sutja.strings.units import Units

CHECKPOINT_STEPS = 200
N_TIMED = 3
FEWEST_STRINGS, SHOWINGS = 200, 7
LARGEST_GRADIENT = 5.0
LONG_FRAMES = 500
"""Of recordings that are longer, a batch has half as many."""


@dataclass(frozen=True)
class StringTraining:
    """How a frame network learns."""

    n_steps: int = 9000
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    any_weight: float = 0.5
    """Of telling the right string among all strings, beside finding the right string ..."""
    any_from: float = 0.5
    """... when this share of the steps is done."""
    guess_share: float = 0.15
    """Of the steps, at the beginning, in which first guesses of the states are learned, less and less."""
    n_masks: int = 2
    mask_bands: int = 6
    mask_frames: int = 12
    mean_decay: float = 0.998
    """Of the running mean of the weights, which is what becomes the model."""
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = 929
    start: str | None = None
    """What identifies the network that goes on learning; without one all is learned from nothing."""
    start_rate: float = 0.5
    """Of the learning rate, for layers that go on."""

    @property
    def n_strings(self) -> int:
        """Return how many strings are made: each is shown a few times, masked otherwise."""
        return max(FEWEST_STRINGS, self.n_steps * self.batch_size // SHOWINGS)

    def batch_of(self, n_frames: int) -> int:
        """Return how many recordings of that length are shown at a time."""
        return self.batch_size // 2 if n_frames > LONG_FRAMES else self.batch_size


@dataclass(frozen=True)
class Start:
    """A network that goes on learning: its layers, and of its outputs those that are known again."""

    network: FrameNet
    units: Units

    @property
    def sha256(self) -> str:
        """Of all weights: two are the same where this is."""
        digest = hashlib.sha256()
        for values in self.network.state_dict().values():
            digest.update(values.numpy().tobytes())
        return digest.hexdigest()

    def knows(self, units: Units) -> bool:
        """Tell whether it has every one of these words."""
        return len(self._known(units)) == units.n_outputs

    def give(self, network: FrameNet, units: Units) -> None:
        """Give a network of these words what is known: all layers, and the outputs of words that both have."""
        ours = self.network.state_dict()
        last = {name: values for name, values in ours.items() if name.startswith("last.")}
        network.load_state_dict({**ours, **{name: network.state_dict()[name] for name in last}})
        known = self._known(units)
        with torch.no_grad():
            for name, values in last.items():
                network.state_dict()[name][list(known)] = values[list(known.values())]

    def _known(self, units: Units) -> dict[int, int]:
        """Return which of its outputs is which of ours, for those that both have."""
        theirs = {(unit.name, unit.n_states): number for number, unit in enumerate(self.units.units)}
        known = {units.silence: self.units.silence, units.other: self.units.other}
        for number, unit in enumerate(units.units):
            same = theirs.get((unit.name, unit.n_states))
            if same is not None:
                known |= zip(units.outputs_of(number), self.units.outputs_of(same), strict=True)
        return known


def going_on(config: StringTraining, start: Start, units: Units) -> StringTraining:
    """Return how a network goes on: one that has all the words has no need of first guesses, nor of large steps."""
    known = {"guess_share": 0.0, "any_from": 0.0, "learning_rate": 1.5e-3} if start.knows(units) else {}
    return replace(config, start=start.sha256, **known)  # type: ignore[arg-type]


def masked(features: Tensor, config: StringTraining, generator: torch.Generator) -> Tensor:
    """Hide bands and short stretches of time (SpecAugment, arXiv 1904.08779)."""
    n, bands, frames = features.shape
    hidden = features.clone()
    device = features.device
    for size, most, dim in ((bands, config.mask_bands, 1), (frames, config.mask_frames, 2)):
        for _ in range(config.n_masks):
            width = torch.randint(0, most + 1, (n, 1), generator=generator, device=device)
            start = (torch.rand(n, 1, generator=generator, device=device) * (size - width)).long()
            places = torch.arange(size, device=device)[None]
            inside = (places >= start) & (places < start + width)
            hidden = hidden.masked_fill(inside[:, :, None] if dim == 1 else inside[:, None, :], 0.0)
    return hidden


def loss_of(  # noqa: PLR0913
    network: FrameNet,
    features: Tensor,
    paths: Paths,
    states: Tensor,
    way: Loop,
    *,
    any_weight: float,
    guess_weight: float,
    bfloat16: bool = False,
) -> Tensor:
    """Return the loss of a batch, per output."""
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        answers = network(features)[:, DELAY:].float()
    right = numerator(answers, paths)
    n = answers.shape[1]
    possible = (right > NEVER / 2).float()  # a word that is too short for its states has no way
    loss = -(right * possible).mean() / n
    if any_weight:
        loss = loss + any_weight * ((denominator(answers, way) - right) * possible).mean() / n
    if guess_weight:
        guessed = nn.functional.nll_loss(answers.flatten(0, 1), states.flatten(), ignore_index=-100, reduction="sum")
        loss = loss + guess_weight * guessed / (states >= 0).sum().clamp_min(1)
    total: Tensor = loss
    return total


def guess_weight_at(progress: float, config: StringTraining) -> float:
    """Return the weight of first guesses when this share of the steps is done."""
    return max(0.0, 1.0 - progress / config.guess_share) if config.guess_share else 0.0


def rate_at(progress: float, warm: float = 0.1) -> float:
    """Return the share of the learning rate: it rises over the first tenth and falls to zero as a cosine."""
    if progress < warm:
        return progress / warm
    return 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * (progress - warm) / (1 - warm)))))


def trained(  # noqa: PLR0913
    strings: Mapping[int, Strings],
    units: Units,
    config: StringTraining,
    checkpoint: Path,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    start: Start | None = None,
) -> FrameNet:
    """Train a network; one that was cut off goes on where its last checkpoint stands.

    Parameters
    ----------
    strings
        By their number of frames: what is learned from.
    units
        What can be said.
    config
        How it learns.
    checkpoint
        Where it is kept meanwhile.
    on_step
        Called after each step with its number and its loss.
    start
        What goes on learning.

    """
    torch.manual_seed(config.seed)
    network, way = FrameNet(units.n_outputs), loop(units)
    if start is not None:
        start.give(network, units)
    mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.mean_decay), use_buffers=True)  # type: ignore[no-untyped-call]
    body = [values for name, values in network.named_parameters() if not name.startswith("last.")]
    groups = [{"params": body}, {"params": list(network.last.parameters())}]
    shares = [1.0 if start is None else config.start_rate, 1.0]
    optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
    first = _resumed(checkpoint, config, network, mean, optimiser)
    lengths, counts = list(strings), np.array([len(each) for each in strings.values()])
    _to_learn(network, goes_on=start is not None)
    for step in range(first, config.n_steps):
        rng, progress = np.random.default_rng([config.seed, step]), step / config.n_steps
        torch.manual_seed(config.seed * config.n_steps + step)  # so that a run that goes on draws what it would have
        generator = torch.Generator().manual_seed(config.seed * config.n_steps + step)
        n_frames = lengths[int(rng.choice(len(lengths), p=counts / counts.sum()))]
        chosen = np.sort(rng.integers(0, len(strings[n_frames]), config.batch_of(n_frames)))
        for group, share in zip(optimiser.param_groups, shares, strict=True):
            group["lr"] = share * config.learning_rate * rate_at(progress)
        loss = _loss(network, strings[n_frames], chosen, units, way, config, progress, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        mean.update_parameters(network)
        on_step(step, float(loss.detach()))
        if (step + 1) % CHECKPOINT_STEPS == 0:
            _keep(checkpoint, step + 1, config, network, mean, optimiser)
    best = mean.module
    assert isinstance(best, FrameNet)
    return best.eval()


def _to_learn(network: nn.Module, *, goes_on: bool) -> None:
    """Put a network into training mode; where it goes on, batch norm stays what it was, an offset."""
    network.train()
    for layer in network.modules() if goes_on else ():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.eval()


def seconds_a_step(strings: Mapping[int, Strings], units: Units, config: StringTraining) -> float:
    """Return how long a step takes here, found by doing a few of them."""
    network, way = FrameNet(units.n_outputs), loop(units)
    lengths, counts = list(strings), np.array([len(each) for each in strings.values()])
    n_frames, generator, started = lengths[int(counts.argmax())], torch.Generator(), 0.0
    for step in range(N_TIMED + 1):
        if step == 1:
            started = perf_counter()
        chosen = np.arange(config.batch_of(n_frames)) % len(strings[n_frames])
        _loss(network, strings[n_frames], chosen, units, way, config, 1.0, generator).backward()  # type: ignore[no-untyped-call]
    return (perf_counter() - started) / N_TIMED


def _loss(  # noqa: PLR0913
    network: FrameNet,
    strings: Strings,
    chosen: NDArray[np.int_],
    units: Units,
    way: Loop,
    config: StringTraining,
    progress: float,
    generator: torch.Generator,
) -> Tensor:
    n_outputs = usable(strings.decibels.shape[2])
    of_units, times = strings.units[chosen], strings.times[chosen]
    features = features_of(torch.from_numpy(np.ascontiguousarray(strings.decibels[chosen])))
    return loss_of(
        network,
        masked(features, config, generator),
        paths_of(units, of_units, times, n_outputs),
        states_of(units, of_units, times, n_outputs),
        way,
        any_weight=config.any_weight if progress >= config.any_from else 0.0,
        guess_weight=guess_weight_at(progress, config),
        bfloat16=config.precision == "bfloat16",
    )


def _keep(  # noqa: PLR0913
    path: Path,
    step: int,
    config: StringTraining,
    network: nn.Module,
    mean: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    """Write the state after so many steps as plain arrays, whole or not at all."""
    arrays = {"step": np.array(step), "config": np.array(str(config))}
    for part, module in (("network", network), ("mean", mean)):
        arrays |= {f"{part}/{name}": value.numpy() for name, value in module.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        arrays |= {f"adam/{index}/{name}": value.numpy() for name, value in values.items()}
    with replace_atomically(path) as draft, draft.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _resumed(
    path: Path, config: StringTraining, network: nn.Module, mean: nn.Module, optimiser: torch.optim.Optimizer
) -> int:
    """Take up what :func:`_keep` wrote, and return the step to go on with.

    Raises
    ------
    RunError
        When the checkpoint is damaged, or of another network, or was learned otherwise.

    """
    if not path.exists():
        return 0
    try:
        arrays = read_arrays(path)
        for part, module in (("network/", network), ("mean/", mean)):
            module.load_state_dict({name: torch.from_numpy(value) for name, value in _below(part, arrays).items()})
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _below("adam/", arrays).items():
            index, _, of = name.partition("/")
            moments.setdefault(int(index), {})[of] = torch.from_numpy(value)
        optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        step, before = int(arrays["step"]), str(arrays["config"])
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: is damaged or of another network ({reason}); delete it and resume") from error
    if before != str(config):
        raise RunError(f"{path}: was learned by {before}, now asked for {config}; ask for the same, or delete it")
    return step


def _below(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
