"""A whole run in a blink: a network of one matrix, recordings heard once, a report of three lines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from helpers import Told, write_study
from torch import Tensor, nn

from sutja import recipe
from sutja.config import preset
from sutja.dataset import scan
from sutja.files import write_bytes, write_text
from sutja.learn import networks, to_onnx
from sutja.plan import Plan
from sutja.runs import RunFolder

REFERENCE = preset("reference")
CONFIG = replace(REFERENCE, train=replace(REFERENCE.train, epochs=2, n_folds=2, n_copies=1, seed=7))


class OneMatrix(nn.Module):
    """Mean over time, and a matrix."""

    def __init__(self, n_classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout, self.last = nn.Dropout(dropout), nn.Linear(40, n_classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.last(self.dropout(features.mean(dim=(1, 3))))


@contextlib.contextmanager
def quick() -> Iterator[None]:
    """Make runs take a blink; what they write, and how, stays as it is."""
    heard: dict[Path, Any] = {}
    exported: dict[bytes, bytes] = {}
    hear, export = recipe.hear, to_onnx.to_onnx

    def hear_once(plan: Plan, progress: Any, listeners: Any) -> Any:
        root = plan.dataset.root
        if root not in heard:
            heard[root] = hear(plan, progress, listeners)
        return heard[root]

    def export_once(members: Any, config: Any) -> bytes:
        weights = b"".join(value.numpy().tobytes() for net in members for value in net.state_dict().values())
        if weights not in exported:
            exported[weights] = export(members, config)
        return exported[weights]

    def report(run: Path, found: object) -> Path:
        folder = RunFolder(run)
        write_bytes(folder.figures / "a.png", b"png")
        write_text(folder.report, "<p>a page</p>")
        return folder.report

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(networks.NETWORKS, {"study": OneMatrix}))
        for name, double in (("hear", hear_once), ("to_onnx", export_once), ("write_report", report)):
            stack.enter_context(mock.patch.object(recipe, name, double))
        stack.enter_context(mock.patch.object(recipe, "time_ahead", return_value="no time"))
        threads = torch.get_num_threads()
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def study(root: Path) -> Path:
    """Write the recordings."""
    return write_study(root, n_takes=2)


def train(table: Path, run: Path, *, resume: bool = True) -> Any:
    """Train, or go on."""
    plan = Plan(scan(table), config=CONFIG, protocol="clips", run=run, n_jobs=1, resume=resume)
    return recipe.train(plan, Told())
