"""How well voices are recognised that no network heard, from training to number.

    python bench/voices.py --data ../shared/data --lists ../shared/reference --work RUNS --rows loso arabic --json

Each row trains what it needs into --work (a run that is there is read, one that was cut off goes on) and evaluates it
with the commands that a user has. Rows: clips400, official, loso, loso_extra, arabic, corpora, shipped, left_out; all
of them with three seeds have never been run at once. The settings were chosen on other folds of the training corpora
(docs/decisions/); english_classroom and arabic chose nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sutja.dataset import scan
from sutja.predictor import Prediction, Predictor

SEEDS = (929, 930, 931)
ROOT = Path(__file__).parents[1]
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RENAMES = [part for digit, word in enumerate(WORDS) for part in ("--rename", f"{word}={digit}")]
LICENSED = ("english_volunteers", "audiomnist_sample", "speech_commands")
OTHER_WORDS = ("yes", "no", "up", "down")
LEFT_OUT = (("yes", "down", "arabic"), ("no", "up"))
ENGLISH = ("--language", "en")
FALSE_REJECTS = 0.03


class Bench:
    """Where recordings and runs are."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.data, self.lists, self.work = arguments.data.resolve(), arguments.lists.resolve(), arguments.work.resolve()
        self.seeds, self.precision = tuple(arguments.seeds), arguments.precision

    def train(self, name: str, *arguments: object) -> dict:
        """Train a run, or read it; its metrics."""
        out = self.work / name
        if not (out / "metrics.json").exists():
            how = ["--precision", self.precision, "--resume", "--skip-unreadable"]
            how += [] if "--preset" in arguments else ["--preset", "robust"]
            sutja("train", *arguments, *how, "--out", out)
        return json.loads((out / "metrics.json").read_text(encoding="utf-8"))

    def evaluate(self, model: object, *arguments: object) -> dict:
        """Return what `sutja evaluate --json` prints."""
        return json.loads(sutja("evaluate", *arguments, "--model", model, "--json"))


def sutja(*arguments: object) -> str:
    command = [sys.executable, "-m", "sutja", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def clips400(bench: Bench) -> dict:
    """Score the study's sizes under `clips`."""
    source = (bench.lists / "fsdd400_train.csv", "--audio-root", bench.data / "fsdd", "--protocol", "clips", *ENGLISH)
    return of_seeds(bench, lambda seed: bench.train(f"clips400_{seed}", *source, "--seed", seed)["members"]["ensemble"])


def official(bench: Bench) -> dict:
    """Score FSDD's official split, clean and in babble."""

    def one(seed: int) -> dict:
        name = f"official_{seed}"
        bench.train(name, bench.data / "fsdd", "--split", "train", "--folds", 2, "--seed", seed, *ENGLISH)
        found = bench.evaluate(bench.work / name, bench.data / "fsdd", "--split", "test", "--stress")
        in_babble = [s for s in found["stress"] if s["condition"]["name"] == "babble"]
        return found | {f"babble_{s['condition']['value']:g}_db": s["accuracy"] for s in in_babble}

    return of_seeds(bench, one, more=("babble_10_db", "babble_5_db", "babble_0_db"))


def loso(bench: Bench, *more: object, name: str = "loso") -> dict:
    """Leave one speaker of FSDD out at a time; nothing but FSDD is learned from."""

    def one(seed: int) -> dict:
        metrics = bench.train(f"{name}_{seed}", bench.data / "fsdd", "--folds", 6, "--seed", seed, *ENGLISH, *more)
        found = metrics["members"]["ensemble"]
        by_speaker = {speaker: share["accuracy"] for speaker, share in found["by_speaker"].items()}
        return found | {"worst": min(by_speaker.values()), "speakers": by_speaker}

    return of_seeds(bench, one, more=("worst", "speakers"))


def loso_extra(bench: Bench) -> dict:
    """Leave one speaker out; the other licensed corpora and synthetic voices are learned from as well."""
    extra = [part for name in LICENSED for part in ("--extra", bench.data / name)]
    refuse = [part for word in OTHER_WORDS for part in ("--refuse", word)]
    return loso(bench, *extra, *RENAMES, *refuse, "--synthetic-voices", 100, name="loso_extra")


def arabic(bench: Bench) -> dict:
    """Learn Arabic digits from scratch, speakers apart."""
    source = (bench.data / "arabic", "--protocol", "speakers", "--language", "ar")
    return of_seeds(bench, lambda seed: bench.train(f"arabic_{seed}", *source, "--seed", seed)["members"]["ensemble"])


def corpora(bench: Bench) -> dict:
    """Leave one corpus out at a time: other people, rooms and microphones than those learned from."""
    names = sorted(("fsdd", *LICENSED))

    def one(seed: int) -> dict:
        metrics = bench.train(f"corpora_{seed}", *digits(bench), "--protocol", "corpora", "--seed", seed)
        found = metrics["members"]["ensemble"]
        return found | {"corpora": dict(zip(names, found["fold_accuracy"], strict=True))}

    return of_seeds(bench, one, more=("corpora",))


def shipped(bench: Bench) -> dict:
    """Score the model that ships on voices and rooms that it never heard."""
    found = bench.evaluate("digits-en", bench.data / "english_classroom")
    keep = ("accuracy", "interval95", "n_clips", "rejected_rate", "ece", "by_speaker", "by_label")
    return {key: found[key] for key in keep} | {"worst": min(s["accuracy"] for s in found["by_speaker"].values())}


def left_out(bench: Bench) -> dict:
    """Score refusal of words that were left out of training in turn, at 3 % refused digits of english_classroom."""
    found = {}
    for words in LEFT_OUT:
        run = bench.work / f"without_{'_'.join(words)}"
        bench.train(run.name, *digits(bench, words), "--protocol", "speakers", "--folds", 2)
        predictor = Predictor.load(run)
        threshold = np.quantile(scores(predictor, bench.data / "english_classroom"), FALSE_REJECTS)
        for word in words:
            root = bench.data / ("arabic" if word == "arabic" else "speech_commands")
            outside = scores(predictor, root, None if word == "arabic" else word)
            found[word] = {
                "accepted": float(np.mean(outside >= threshold)),
                "accepted_at_own_threshold": float(np.mean(outside >= predictor.bundle.threshold)),
                "n_clips": len(outside),
            }
    return found


def digits(bench: Bench, without: tuple[str, ...] = ()) -> list[str]:
    """Return what `make model` trains from, less some of what is refused."""
    made = {"FLITE": (bench.work / "flite", "flite_voices.py"), "ESPEAK": (bench.work / "espeak", "espeak_words.py")}
    for folder, tool in made.values():
        if not folder.exists():
            subprocess.run([sys.executable, ROOT / "tools" / tool, folder], check=True)
    places = [f"{name}={folder}" for name, (folder, _) in made.items()]
    command = ["make", "-s", "-C", ROOT, "model-sources", f"SUTJA_DATA={bench.data}", *places]
    sources = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    sources += ["--preset", "words", "--teacher"]
    for word in without:
        at = sources.index(f"{bench.data}/arabic/clips" if word == "arabic" else word) - 1
        sources[at : at + 2] = [] if word == "arabic" else ["--drop", word]
    return sources


def scores(predictor: Predictor, root: Path, label: str | None = None) -> np.ndarray:
    """Return the probability of the most probable label of each clip, ``(n_clips,)``."""
    paths = [clip.path for clip in scan(root).clips if label in (None, clip.label)]
    return np.array([f.probability for f in predictor.predict_many(paths) if isinstance(f, Prediction)])


def of_seeds(bench: Bench, one: Callable[[int], dict], more: tuple[str, ...] = ()) -> dict:
    """Return the mean over the seeds and what each gave."""
    keep = ("accuracy", "interval95", "n_clips", "ece", *more)
    found = {seed: {key: result[key] for key in keep} for seed in bench.seeds for result in [one(seed)]}
    names = [key for key in keep if isinstance(found[bench.seeds[0]][key], float)]
    return {"seeds": found} | {key: statistics.mean(f[key] for f in found.values()) for key in names}


ROWS = {row.__name__: row for row in (clips400, official, loso, loso_extra, arabic, corpora, shipped, left_out)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--lists", type=Path, required=True, help="folder of fsdd400_train.csv")
    parser.add_argument("--work", type=Path, required=True, help="runs are kept here")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="as `sutja train`'s")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    for name in arguments.rows:
        found = ROWS[name](bench)
        if arguments.json:
            print(json.dumps({name: found}), flush=True)
        else:
            told = {key: value for key, value in found.items() if key != "seeds"}
            print(f"{name:10s} {json.dumps(told)}", flush=True)


if __name__ == "__main__":
    main()
