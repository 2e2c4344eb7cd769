"""What a run under the protocol `corpora` says, corpus by corpus, and its model of recordings that it never met.

    python bench/corpora.py RUN [--unheard FOLDER] [--json]

RUN is what `make model` leaves in build/digits-en. Each corpus of digits was judged by networks that had learned
nothing from it, and so was each corpus of other words; speakers are named worst first. --unheard is asked of the model
that ships: english_classroom, which chose nothing. Needs SUTJA_DATA, to know whose recording is whose.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from sutja import bundle, dataset, runs
from sutja.clips import Clip
from sutja.evaluation import evaluate
from sutja.metrics import wilson_interval
from sutja.predictor import Predictor
from sutja.records import read_arrays
from sutja.runs import ENSEMBLE, RunFolder

REFUSED = 0.05
LEAST_CLIPS = 20  # of a speaker who is named


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--unheard", type=Path, help="asked of the model itself")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = RunFolder(arguments.run)
    model = bundle.load(folder.model)
    result: dict[str, Any] = {"bench": "corpora", "threshold": model.threshold}
    result |= of_digits(folder, model.threshold or 0.0) | of_others(folder, model.threshold or 0.0)
    if arguments.unheard:
        result["unheard"] = unheard(arguments.unheard, Predictor(model))
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def of_digits(folder: RunFolder, threshold: float) -> dict[str, Any]:
    found = runs.read_out_of_fold(folder)
    right = found.probabilities.argmax(axis=1) == found.targets
    refused = found.probabilities.max(axis=1) < threshold
    corpora = np.array([corpus_of(clip) for clip in found.clips])
    speakers = np.array([f"{corpus_of(clip)}/{clip.speaker}" for clip in found.clips])
    rows = {name: shares(right, refused, corpora == name) for name in np.unique(corpora)}
    each = {name: shares(right, refused, speakers == name) for name in np.unique(speakers)}
    worst = sorted((name for name in each if each[name]["n"] >= LEAST_CLIPS), key=lambda name: each[name]["accuracy"])
    labels = {label: shares(right, refused, found.targets == k) for k, label in enumerate(found.labels)}
    return {
        "all": shares(right, refused, np.ones(len(right), dtype=bool)),
        "corpora": rows,
        "mean": float(np.mean([row["accuracy"] for row in rows.values()])),
        "worst_speakers": {name: each[name] for name in worst[:5]},
        "labels": labels,
        "by_note": by_note(found.clips, right, refused),
    }


def by_note(clips: tuple[Clip, ...], right: Any, refused: Any) -> dict[str, Any]:
    """Part speechocean762's digits by age and sex, which stand in a note of its table."""
    notes = {}
    for clip in dataset.read(Path(os.environ["SUTJA_DATA"]) / "speechocean_digits").labelled:
        words = clip.attributes.get("note", "").split()
        age = next((int(word.partition("=")[2]) for word in words if word.startswith("age=")), None)
        if age is not None:
            notes[clip.path] = ("child" if age < 13 else "adult", "female" if "f" in words else "male")
    groups = [notes.get(clip.path) for clip in clips]
    return {
        part: shares(right, refused, np.array([group is not None and part in group for group in groups]))
        for part in ("child", "adult", "female", "male")
    }


def of_others(folder: RunFolder, threshold: float) -> dict[str, Any]:
    """Count what passes of other words: at the threshold that ships, and at the one that refuses 5 % of the digits."""
    arrays = read_arrays(folder.out_of_fold)
    sure, kinds = arrays[f"refused_{ENSEMBLE}"].max(axis=1), arrays["refused_kinds"]
    corpora = np.where(arrays["refused_corpora"] == "", kinds, arrays["refused_corpora"])
    of_digits = arrays[ENSEMBLE].max(axis=1)
    at_refused = float(np.quantile(of_digits, REFUSED))
    real = ~np.isin(corpora, np.unique(kinds))
    rows = {str(name): passed(sure[corpora == name], threshold, at_refused) for name in np.unique(corpora)}
    return {"others": rows, "left_out_words": passed(sure[real], threshold, at_refused)}


def passed(sure: Any, threshold: float, at_refused: float) -> dict[str, Any]:
    taken = float((sure >= threshold).mean())
    return {
        "n": len(sure),
        "taken": taken,
        "interval95": wilson_interval(taken, len(sure)),
        "taken_at_5": float((sure >= at_refused).mean()),
    }


def shares(right: Any, refused: Any, chosen: Any) -> dict[str, Any]:
    if not chosen.any():
        return {"n": 0}
    n, accuracy = int(chosen.sum()), float(right[chosen].mean())
    return {
        "n": n,
        "accuracy": accuracy,
        "refused": float(refused[chosen].mean()),
        "interval95": wilson_interval(accuracy, n),
    }


def corpus_of(clip: Clip) -> str:
    data = Path(os.environ["SUTJA_DATA"]).resolve()
    path = clip.path.resolve()
    return path.relative_to(data).parts[0] if path.is_relative_to(data) else path.parent.name


def unheard(folder: Path, model: Predictor) -> dict[str, Any]:
    names = dict(zip("zero one two three four five six seven eight nine".split(), "0123456789", strict=True))  # noqa: SIM905
    there = dataset.read(folder)
    renames = {word: digit for word, digit in names.items() if word in there.labels}
    found = evaluate(model, dataset.read(folder, rename=renames).labelled)
    worst = sorted((share.accuracy, name) for name, share in found.scores.by_speaker.items())
    return {
        "n": found.scores.n_clips,
        "accuracy": found.scores.accuracy,
        "interval95": found.scores.interval95,
        "refused": found.rejected_rate,
        "ece": found.scores.ece,
        "worst_speaker": worst[0][1],
        "worst": worst[0][0],
    }


if __name__ == "__main__":
    main()
