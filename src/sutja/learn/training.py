"""One network learns: the plain loop, its checkpoint, and how it resumes after a kill.

Arrays in: features ``(n, n_bins, n_frames)`` float32 and targets ``(n,)``. Everything random is drawn anew for each
epoch from (seed, epoch), so that a run that was cut off and resumed ends with the same numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sutja.config import TrainConfig
from sutja.errors import RunError
from sutja.files import replace_atomically
from sutja.learn.inputs import NO_WORD, Aims, InputKind, Inputs, one_copy_each
from sutja.learn.networks import WordNet, network_of
from sutja.learn.specaugment import add_babble, mask, standardise, warp
from sutja.metrics import Integers, Probabilities
from sutja.records import read_arrays, typed

Arrays = dict[str, NDArray[Any]]

WARM_UP = 0.2  # of the steps, in the one-cycle schedule
PLAIN = InputKind()
HEADS = ("last", "words", "view")
"""Layers that say what a network is asked for; the others are its body."""
KERAS_ADAM_EPS = 1e-7  # the study's optimiser is Keras's, whose epsilon is ten times torch's


@dataclass(frozen=True)
class Fit:
    """What learning gave: the weights of the epoch that is kept, best or last, and the record of all epochs."""

    weights: Arrays
    history: list[dict[str, float]]


@dataclass
class _State:
    """All that the next epoch depends on; it is saved whole after each one."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    best: Arrays
    history: list[dict[str, float]]


def fit(  # noqa: PLR0913
    train: Inputs,
    valid: Inputs,
    n_classes: int,
    config: TrainConfig,
    *,
    seed: int,
    start: Arrays | None = None,
    checkpoint: Path | None = None,
    on_epoch: Callable[[], None] = lambda: None,
) -> Fit:
    """Train one network and keep the weights that ``config.keep`` names: of the best epoch, or of the last.

    Parameters
    ----------
    train, valid
        What it learns from and what chooses the epoch.
    n_classes
        Number of labels.
    config
        Epochs, batch size, rate.
    seed
        Of weights, order and dropout.
    start
        Weights of a network of this kind to go on from; its heads, which told other words apart, are new.
    checkpoint
        Where the state is kept after each epoch; when the file is there, training goes on from it.
    on_epoch
        Called after each epoch, also for those that the checkpoint already holds.

    Raises
    ------
    RunError
        When the loss was never a number, or the checkpoint is damaged.

    """
    state = _start(n_classes, config, seed, train.kind, start)
    if checkpoint and checkpoint.exists():
        _load(state, checkpoint)
    for _ in state.history:
        on_epoch()
    for epoch in range(len(state.history), config.epochs):
        record = _epoch(state, train, valid, config, np.random.SeedSequence([seed, epoch]))
        best_so_far = min((past["valid_loss"] for past in state.history), default=np.inf)
        if config.keep == "last" or record["valid_loss"] < best_so_far:
            state.best = weights_of(state.model)
        state.history.append(record)
        if checkpoint:
            _save(state, checkpoint)
        on_epoch()
    if not state.best:
        raise RunError(f"the loss was no number in {config.epochs} epochs; expected it to fall; lower learning_rate")
    return Fit(state.best, state.history)


def probabilities(model: nn.Module, inputs: Inputs, batch_size: int = 256) -> Probabilities:
    """Return the softmax of the network's logits, ``(n, n_classes)``, in evaluation mode."""
    model.eval()
    with torch.inference_mode():
        batches = (torch.from_numpy(features) for features, _ in inputs.batches(batch_size))
        shown = (standardise(x) if inputs.kind.decibels else x for x in batches)
        answers = [model(_laid_out(x)).softmax(dim=1) for x in shown]
    return torch.cat(answers).numpy()


def weights_of(model: nn.Module) -> Arrays:
    """Copy a network's weights and batch-norm statistics, by name."""
    return {name: value.detach().contiguous().numpy().copy() for name, value in model.state_dict().items()}


def model_with(weights: Mapping[str, NDArray[Any]], network: str) -> nn.Module:
    """Build the network of :data:`sutja.learn.networks.NETWORKS` that has these weights."""
    n_words, n_view = (len(weights.get(f"{head}.bias", ())) for head in ("words", "view"))
    model = network_of(network, len(weights["last.bias"]), 0.0, n_words, n_view)
    model.load_state_dict({name: torch.from_numpy(np.asarray(value)) for name, value in weights.items()})
    return model


def _start(
    n_classes: int, config: TrainConfig, seed: int, kind: InputKind = PLAIN, start: Arrays | None = None
) -> _State:
    torch.manual_seed(seed)
    # Channels last: the 1x1 and 3x3 convolutions of this network take 0.6 of the time that the default layout takes.
    model = network_of(config.network, n_classes, config.dropout, kind.n_words, kind.n_view)
    if start is not None:
        taken = {name: torch.from_numpy(value) for name, value in start.items() if not _is_of_head(name)}
        model.load_state_dict({**model.state_dict(), **taken})
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types do not know it
    optimiser = torch.optim.AdamW(  # without decay it is Adam
        _groups(model, config), config.learning_rate, eps=KERAS_ADAM_EPS, weight_decay=config.weight_decay, fused=True
    )
    return _State(model, optimiser, best={}, history=[])


def _is_of_head(name: str) -> bool:
    return name.partition(".")[0] in HEADS


def _groups(model: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Part the parameters by the share of the rate that they learn at: those of a body that goes on, and its heads."""
    if not config.body_rate:
        return [{"params": list(model.parameters()), "share": 1.0}]
    named = list(model.named_parameters())
    body, heads = ([value for name, value in named if _is_of_head(name) == is_head] for is_head in (False, True))
    return [{"params": body, "share": config.body_rate}, {"params": heads, "share": 1.0}]


def _laid_out(features: Tensor) -> Tensor:
    """``(batch, n_bins, n_frames)`` to the network's ``(batch, 1, n_bins, n_frames)``."""
    return features[:, None].contiguous(memory_format=torch.channels_last)


def _epoch(
    state: _State, train: Inputs, valid: Inputs, config: TrainConfig, seeds: np.random.SeedSequence
) -> dict[str, float]:
    started = perf_counter()
    torch.manual_seed(int(seeds.generate_state(1)[0]))  # dropout
    rng = np.random.default_rng(seeds)
    rows = _shown(train.rows, config, rng)
    n_steps = -(-len(rows) // config.batch_size)
    total_loss, n_right, n_seen = 0.0, 0, 0
    _to_learn(state.model, config)
    for step, batch in enumerate(train.batches(config.batch_size, rows)):
        features, targets = map(torch.from_numpy, batch)
        if len(targets) == 1:
            continue  # batch norm has no variance of one
        for group in state.optimiser.param_groups:
            group["lr"] = group["share"] * rate_at((len(state.history) + step / n_steps) / config.epochs, config)
        shown = _augmented(features, config, rng, decibels=train.kind.decibels)
        aims = train.aims(rows[step * config.batch_size : (step + 1) * config.batch_size])
        logits, loss = _answered(state.model, _laid_out(shown), targets, aims, config)
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimiser.step()
        total_loss += loss.item() * len(targets)
        n_right += int((logits.argmax(dim=1) == targets).sum())
        n_seen += len(targets)
    valid_loss, valid_accuracy = _judge(state.model, valid)
    return {
        "train_loss": total_loss / n_seen,
        "train_accuracy": n_right / n_seen,
        "valid_loss": valid_loss,
        "valid_accuracy": valid_accuracy,
        "seconds": perf_counter() - started,
    }


def _to_learn(model: nn.Module, config: TrainConfig) -> None:
    """Put a network into training mode; of a body that goes on the statistics of what it learned from stay."""
    model.train()
    for layer in model.modules() if config.body_rate else ():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()


def _answered(
    model: nn.Module, shown: Tensor, targets: Tensor, aims: Aims, config: TrainConfig
) -> tuple[Tensor, Tensor]:
    """Return the logits of the classes, and the loss, with that of words and of a teacher's view where they are."""
    with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bfloat16"):
        said, words, views = model.all_of(shown) if isinstance(model, WordNet) else (model(shown), None, None)
    logits, smoothing = said.float(), config.label_smoothing
    loss = nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing)
    if words is not None and aims.words is not None:
        loss = loss + config.words_weight * _loss_of_words(words.float(), torch.from_numpy(aims.words), smoothing)
    if views is not None and aims.views is not None:
        loss = loss + config.teacher_weight * nn.functional.mse_loss(views.float(), torch.from_numpy(aims.views))
    return logits, loss


def _loss_of_words(said: Tensor, words: Tensor, smoothing: float) -> Tensor:
    """Return the mean cross-entropy of the rows that say a word; 0 where none does."""
    n_words = max(1, int((words != NO_WORD).sum()))
    total = nn.functional.cross_entropy(said, words, ignore_index=NO_WORD, label_smoothing=smoothing, reduction="sum")
    return total / n_words


def _augmented(features: Tensor, config: TrainConfig, rng: np.random.Generator, *, decibels: bool) -> Tensor:
    """Return ``(batch, n_bins, n_frames)`` as the network is shown them in training."""
    if decibels:
        features = warp(features, rng) if config.warps else features
        features = standardise(add_babble(features, config.babble_share, rng))
    return mask(features, rng) if config.masks else features


def _shown(rows: Integers, config: TrainConfig, rng: np.random.Generator) -> Integers:
    """Draw the order of an epoch, and which copy of each clip it shows."""
    if not config.one_copy_an_epoch:
        return rows[rng.permutation(len(rows))]
    drawn = one_copy_each(rows, config.n_copies, rng)
    return drawn[rng.permutation(len(drawn))]


def rate_at(progress: float, config: TrainConfig) -> float:
    """Return the learning rate after a share of the training, 0 to 1."""
    if config.schedule == "constant":
        return config.learning_rate
    if progress < WARM_UP:
        return config.learning_rate * (0.04 + 0.96 * progress / WARM_UP)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def _judge(model: nn.Module, inputs: Inputs) -> tuple[float, float]:
    """Return mean cross-entropy and accuracy."""
    answers = torch.from_numpy(probabilities(model, inputs))
    targets = torch.from_numpy(inputs.targets[inputs.rows])
    loss = nn.functional.nll_loss(answers.clamp_min(1e-12).log(), targets)
    return float(loss), float((answers[:, : inputs.kind.n_labels].argmax(dim=1) == targets).float().mean())


def _save(state: _State, path: Path) -> None:
    """Write the state as plain arrays (no pickle), whole or not at all."""
    moments = state.optimiser.state_dict()["state"]
    arrays: Arrays = {f"model/{name}": value for name, value in weights_of(state.model).items()}
    arrays |= {f"best/{name}": value for name, value in state.best.items()}
    arrays |= {
        f"adam/{index}/{name}": value.contiguous().numpy()
        for index, values in moments.items()
        for name, value in values.items()
    }
    save_arrays(path, arrays, state.history)


def _load(state: _State, path: Path) -> None:
    arrays, history = load_arrays(path)
    try:
        _take(state, arrays)
    except (KeyError, ValueError, IndexError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: holds another network ({reason}); delete it and go on with --resume") from error
    state.best, state.history = _below("best/", arrays), history


def _take(state: _State, arrays: Arrays) -> None:
    """Put a kept state into the network and its optimiser."""
    state.model.load_state_dict({n: torch.from_numpy(v) for n, v in _below("model/", arrays).items()})
    parameters = [each for group in state.optimiser.param_groups for each in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _below("adam/", arrays).items():
        index, _, part = name.partition("/")
        # The fused Adam walks memory in order: moments must lie as their parameters do, channels last.
        like = parameters[int(index)] if value.ndim else torch.tensor(0.0)
        moments.setdefault(int(index), {})[part] = torch.empty_like(like.detach()).copy_(torch.from_numpy(value))
    state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": moments})


def _below(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def save_arrays(path: Path, arrays: Arrays, history: list[dict[str, float]]) -> None:
    """Write arrays and a history into one npz, without pickle, whole or not at all."""
    record = np.frombuffer(json.dumps(history).encode(), dtype=np.uint8)
    with replace_atomically(path) as draft, draft.open("wb") as file:
        np.savez(file, history=record, **arrays)  # type: ignore[arg-type]


def load_arrays(path: Path) -> tuple[Arrays, list[dict[str, float]]]:
    """Read what :func:`save_arrays` wrote.

    Raises
    ------
    RunError
        When it is damaged.

    """
    try:
        arrays = read_arrays(path)
        history: _History = typed(_History, {"epochs": json.loads(arrays.pop("history").tobytes())})
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise RunError(f"{path}: is damaged ({error}); delete it and go on with --resume") from error
    return arrays, [vars(epoch) for epoch in history.epochs]


@dataclass(frozen=True)
class _Epoch:
    """What is kept of an epoch; a loss may be no number."""

    train_loss: Any
    train_accuracy: float
    valid_loss: Any
    valid_accuracy: float
    seconds: float


@dataclass(frozen=True)
class _History:
    epochs: list[_Epoch]
