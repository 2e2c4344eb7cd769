"""How well `sutja audit` finds wrong labels: swap some at random, train, audit, count.

    python bench/audit.py --data "$SUTJA_DATA/fsdd" --work /tmp/audit --seeds 1 2 3 --json > bench/results/audit.json

Runs are kept under --work and resumed when the command is given again. Recall: of the swapped labels, those that
are listed. Precision: of the listed clips, those that were swapped; a label that was wrong before counts against it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sutja import recipe
from sutja.config import Config
from sutja.dataset import Dataset, scan
from sutja.reports import doubts
from sutja.runs import OutOfFold, RunFolder, read_out_of_fold

TARGET = {"recall": 0.8, "precision": 0.6}


class Quiet:
    """Progress that nobody watches: a line a stage, on stderr."""

    def stage(self, name: str, total: int, unit: str) -> Callable[[], None]:
        """Begin a stage."""
        self.say(f"{name}: {total} {unit}s")
        return lambda: None

    def say(self, text: str) -> None:
        """Tell one thing."""
        print(text, file=sys.stderr, flush=True)


def swap(dataset: Dataset, share: float, seed: int) -> tuple[Dataset, set[str]]:
    """Give a share of the clips another label, each other label as likely; return their names, too."""
    rng = np.random.default_rng(seed)
    clips, labels = list(dataset.labelled), dataset.labels
    chosen = rng.choice(len(clips), round(share * len(clips)), replace=False)
    for i in chosen:
        others = [label for label in labels if label != clips[i].label]
        clips[i] = replace(clips[i], label=str(rng.choice(others)))
    return replace(dataset, clips=tuple(clips)), {clips[i].name for i in chosen}


def draw(dataset: Dataset, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Swap, train out of fold, audit, and score the list."""
    swapped, names = swap(dataset, arguments.share, seed)
    run = arguments.work / f"seed_{seed}_e{arguments.epochs}_c{arguments.copies}"
    train = replace(Config().train, epochs=arguments.epochs, n_copies=arguments.copies)
    plan = recipe.Plan(swapped, Config(train=train), arguments.protocol, run, n_jobs=arguments.jobs, resume=True)
    seconds = recipe.train(plan, Quiet())["seconds"]
    found = read_out_of_fold(RunFolder(run))
    listed = [found.clips[doubt.index].name for doubt in doubts.doubtful_labels(found.targets, found.probabilities)]
    simple = score(disagreeing(found), names)
    return {
        "seed": seed,
        "accuracy_on_given_labels": round(found.accuracy, 4),
        **score(listed, names),
        "plain_disagreement": {name: simple[name] for name in ("n_listed", "recall", "precision")},
        "training_seconds": round(seconds),
    }


def disagreeing(found: OutOfFold) -> list[str]:
    """Name the clips whose most probable label is not their own: the simplest list that one could make."""
    rows = np.flatnonzero(found.probabilities.argmax(axis=1) != found.targets)
    return [found.clips[row].name for row in rows]


def score(listed: list[str], swapped: set[str]) -> dict[str, Any]:
    """Count how many of the listed were swapped and how many of the swapped are listed."""
    n_found = len(set(listed) & swapped)
    return {
        "n_swapped": len(swapped),
        "n_listed": len(listed),
        "n_found": n_found,
        "recall": round(n_found / len(swapped), 4),
        "precision": round(n_found / max(1, len(listed)), 4),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--share", type=float, default=0.03, help="of the labels that are swapped")
    parser.add_argument("--protocol", default="clips")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    dataset = scan(arguments.data)
    draws = [draw(dataset, seed, arguments) for seed in arguments.seeds]
    report = {
        "command": " ".join(["python", *sys.argv]),
        "settings": {name: str(value) for name, value in vars(arguments).items() if name not in ("json", "seeds")},
        "n_clips": len(dataset.labelled),
        "versions": {name: version(name) for name in ("sutja", "cleanlab", "numpy", "torch")},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "target": TARGET,
        "mean": {name: round(float(np.mean([d[name] for d in draws])), 4) for name in TARGET},
        "lowest": {name: min(d[name] for d in draws) for name in TARGET},
        "draws": draws,
    }
    if arguments.json:
        print(json.dumps(report, indent=2))
        return
    for found in draws:
        print(f"seed {found['seed']}: recall {found['recall']:.3f}, precision {found['precision']:.3f}")
    print(f"mean: recall {report['mean']['recall']:.3f}, precision {report['mean']['precision']:.3f}")


if __name__ == "__main__":
    main()
