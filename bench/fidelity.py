"""Repeat the study faithfully, and see what is left of its number on voices never heard.

    python bench/fidelity.py --data ../shared/data/fsdd --lists ../shared/reference --work /tmp/fidelity --json

Trains the preset `reference` five times: the study's 400 clips under protocol `copies` with three seeds (compared with
Keras's result in keras_fsdd.json, and its 200 test clips with their answers), and all of FSDD under `clips` and
`speakers` with one copy a clip and 40 epochs, which is about as many steps as the study takes. 5 minutes a run on two
quiet cores; a run that is there already is read, one that was cut off goes on.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

SEEDS = (929, 930, 931)
WHOLE = ("--copies", "1", "--epochs", "40")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="FSDD")
    parser.add_argument("--lists", type=Path, required=True, help="folder of fsdd400_train.csv and its companions")
    parser.add_argument("--work", type=Path, required=True, help="runs are kept here")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.data, arguments.lists, arguments.work)
    if not arguments.json:
        for name in ("keras", "copies_mean", "test_mean", "clips", "speakers"):
            print(f"{name:12s} {found[name]}")
    print(json.dumps(found))


def measure(data: Path, lists: Path, work: Path) -> dict[str, object]:
    study = [lists / "fsdd400_train.csv", lists / "fsdd200_test.csv", "--audio-root", data, "--protocol", "copies"]
    seeds = {}
    for seed in SEEDS:
        metrics = run(work / f"copies_{seed}", *study, "--seed", seed)
        test = tested(work / f"copies_{seed}" / "submission.csv", lists / "fsdd200_test_answers.csv")
        seeds[seed] = headline(metrics) | {"test": test, "last_epoch": metrics["last_epoch"]}
    keras = json.loads((lists / "keras_fsdd.json").read_text(encoding="utf-8"))
    compare = ("--compare", work / f"copies_{SEEDS[0]}")
    return {
        "keras": keras["ensemble_mean"],
        "keras_test": keras["test_accuracy_of_10_networks"],
        "copies": seeds,
        "copies_mean": statistics.mean(s["ensemble"]["accuracy"] for s in seeds.values()),
        "test_mean": statistics.mean(s["test"] for s in seeds.values()),
        "clips": headline(run(work / "fsdd_clips", data, "--protocol", "clips", *WHOLE, *compare)),
        "speakers": headline(run(work / "fsdd_speakers", data, "--protocol", "speakers", *WHOLE, *compare)),
    }


def run(out: Path, *arguments: object) -> dict:
    if not (out / "metrics.json").exists():
        command = [
            sys.executable,
            "-m",
            "sutja",
            "train",
            *arguments,
            "--preset",
            "reference",
            "--out",
            out,
            "--resume",
        ]
        subprocess.run([str(part) for part in command], check=True, stdout=sys.stderr)
    return json.loads((out / "metrics.json").read_text(encoding="utf-8"))


def headline(metrics: dict) -> dict[str, dict[str, object]]:
    keep = ("accuracy", "interval95", "fold_accuracy")
    return {name: {key: scores[key] for key in keep} for name, scores in metrics["members"].items()}


def tested(submission: Path, answers: Path) -> float:
    said, right = (dict(csv.reader(path.open(encoding="utf-8"))) for path in (submission, answers))
    return statistics.mean(said[name] == label for name, label in right.items() if name != "file_name")


if __name__ == "__main__":
    main()
