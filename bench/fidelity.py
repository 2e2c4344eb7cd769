"""Repeat the study faithfully, and see what is left of its number on voices never heard.

    python bench/fidelity.py --data ../shared/data/fsdd --lists ../shared/reference --work /tmp/fidelity --json
    python bench/fidelity.py ... --only study

Trains the preset `reference` five times: the study's 400 clips under protocol `copies` with three seeds (compared with
Keras's result in keras_fsdd.json, and its 200 test clips with their answers), and all of FSDD under `clips` and
`speakers` with one copy a clip and 40 epochs, which is about as many steps as the study takes. 5 minutes a run on two
quiet cores; a run that is there already is read, one that was cut off goes on.

Then `sutja study` on the same 400 + 200 clips laid out as a student has them, train.csv, test.csv and two folders: what
it says of itself beside the study's number and those of others, and whether the difference is more than chance. It
trains 30 networks. `--only study` leaves out the rest, and takes its numbers from results/fidelity.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

SEEDS = (929, 930, 931)
WHOLE = ("--copies", "1", "--epochs", "40")
RESULTS = Path(__file__).parent / "results" / "fidelity.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="FSDD")
    parser.add_argument("--lists", type=Path, required=True, help="folder of fsdd400_train.csv and its companions")
    parser.add_argument("--work", type=Path, required=True, help="runs are kept here")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=["study"], help="leave out the rest")
    arguments = parser.parse_args()
    places = (arguments.data, arguments.lists, arguments.work)
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if arguments.only else measure(*places)
    found["study"] = study(*places)
    if not arguments.json:
        for name in ("keras", "copies_mean", "test_mean", "clips", "speakers", "study"):
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
    return sutja(out, "train", *arguments, "--preset", "reference")


def sutja(out: Path, *arguments: object) -> dict:
    """Do what is asked, if it is not there already, and read its numbers."""
    if not (out / "metrics.json").exists():
        command = [sys.executable, "-m", "sutja", *arguments, "--out", out, "--resume"]
        subprocess.run([str(part) for part in command], check=True, stdout=sys.stderr)
    return json.loads((out / "metrics.json").read_text(encoding="utf-8"))


def study(data: Path, lists: Path, work: Path) -> dict[str, object]:
    """Let a student repeat the study; return its numbers beside those that are known."""
    project, out = work / "project", work / "study"
    if not (project / "test.csv").exists():
        lay_out(data, lists, project)
    metrics = sutja(out, "study", project, "--jobs", "1", "--lang", "en", "--speaker-from", "*_SPEAKER_*")
    answers = work / "answers.csv"
    write_rows(answers, [(Path(name).name, label) for name, label in read_rows(lists / "fsdd200_test_answers.csv")])
    keep = ("reported", "by_others", "difference", "noise", "within_noise")
    ensembles = {
        name: {key: members["ensemble"][key] for key in ("accuracy", "interval95", "fold_accuracy")}
        for name, members in metrics["protocols"].items()
    }
    return {key: metrics["study"][key] for key in keep} | {
        **ensembles,
        "last_epoch": metrics["last_epoch"],
        "epochs": metrics["epochs"],
        "test": tested(out / "submission.csv", answers),
    }


def lay_out(data: Path, lists: Path, project: Path) -> None:
    """Write train.csv, test.csv and a folder of clips beside each."""
    for part, table in (("train", "fsdd400_train.csv"), ("test", "fsdd200_test.csv")):
        (project / part).mkdir(parents=True, exist_ok=True)
        head, *rows = read_rows(lists / table)
        for name, *_ in rows:
            shutil.copy(data / name, project / part)
        write_rows(project / f"{part}.csv", [head, *((Path(name).name, *rest) for name, *rest in rows)])


def read_rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write_rows(path: Path, rows: list) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def headline(metrics: dict) -> dict[str, dict[str, object]]:
    keep = ("accuracy", "interval95", "fold_accuracy")
    return {name: {key: scores[key] for key in keep} for name, scores in metrics["members"].items()}


def tested(submission: Path, answers: Path) -> float:
    said, right = (dict(csv.reader(path.open(encoding="utf-8"))) for path in (submission, answers))
    return statistics.mean(said[name] == label for name, label in right.items() if name != "file_name")


if __name__ == "__main__":
    main()
