"""How well a model's embedding tells words apart that it never learned: the body that own words are taught on.

For each vocabulary of SUTJA_DATA: a linear head (sutja.fitting) and nearest class means, on speakers held out and with
one, three and five takes of one speaker. The peer in the same run: mean and deviation over time of MFCCs, where no
network listens. What a model has learned from proves nothing: leave it out of its training, or read its row as such.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja import dataset
from sutja.audio import load_waveform
from sutja.clips import Clip
from sutja.config import FeatureConfig
from sutja.errors import AudioError
from sutja.features import extract
from sutja.fitting import fit_head
from sutja.predictor import Predictor

TAKES = (1, 3, 5)
LEAST_TESTED = 10  # clips of a speaker beside the takes
LEAST_CLIPS, N_FOLDS = 3, 5
WORDS = ("dsp20_zh", "dsp20_en", "wuw2", "picovoice", "gsc", "precise")
MFCC = FeatureConfig(n_fft=512, win_length=400, hop_length=160, n_mels=40, n_mfcc=20, fmin=60.0, n_frames=101)

Rows = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", required=True, help="with an embedding; may be repeated")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    models = {name: Predictor.load(name) for name in arguments.model}
    result: dict[str, Any] = {"bench": "body", "rows": {}}
    for vocabulary, clips in vocabularies(Path(os.environ["SUTJA_DATA"])).items():
        rows = {name: embeddings(model, clips) for name, model in models.items()}
        rows["MFCC statistics"] = statistics(clips, next(iter(models.values())))
        result["rows"][vocabulary] = {name: judged(found, clips) for name, found in rows.items()}
        print(f"{vocabulary}: {result['rows'][vocabulary]}", file=sys.stderr)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def vocabularies(data: Path) -> dict[str, list[Clip]]:
    """Arabic digits, and each corpus of words as far as its words have enough clips."""
    found = {"arabic": list(dataset.read(data / "arabic").labelled)}
    words = dataset.read(data / "words").labelled
    for corpus in WORDS:
        of_corpus = [clip for clip in words if clip.attributes.get("corpus") == corpus]
        n_each = {label: sum(clip.label == label for clip in of_corpus) for label in {c.label for c in of_corpus}}
        found[corpus] = [clip for clip in of_corpus if n_each[clip.label] >= LEAST_CLIPS]
    return {name: clips for name, clips in found.items() if len({clip.label for clip in clips}) > 1}


def embeddings(model: Predictor, clips: Sequence[Clip]) -> Rows:
    found = list(model.embed_many(clip.source for clip in clips))
    size = next(len(row) for row in found if not isinstance(row, AudioError))
    return np.array([np.zeros(size) if isinstance(row, AudioError) else row for row in found], dtype=np.float32)


def statistics(clips: Sequence[Clip], model: Predictor) -> Rows:
    audio, rows = model.bundle.audio, []
    for clip in clips:
        try:
            (features,) = extract(load_waveform(clip.source, audio), audio.sample_rate, [MFCC])
            rows.append(np.concatenate([features.mean(axis=1), features.std(axis=1)]))
        except AudioError:
            rows.append(np.zeros(2 * MFCC.n_bins))
    return np.array(rows, dtype=np.float32)


def judged(rows: Rows, clips: Sequence[Clip]) -> dict[str, Any]:
    """Accuracy on speakers held out, and by takes of one speaker."""
    labels = sorted({str(clip.label) for clip in clips})
    targets = np.array([labels.index(str(clip.label)) for clip in clips])
    speakers = np.array([clip.speaker or clip.name for clip in clips])
    groups = groups_of(speakers)
    said = fit_head(rows, targets, len(labels), groups.tolist()).held_out
    result: dict[str, Any] = {
        "n": len(clips),
        "labels": len(labels),
        "speakers": len(set(speakers)),
        "head": float((said.argmax(axis=1) == targets).mean()),
        "class_means": float(np.mean(by_class_means(rows, targets, groups, len(labels)) == targets)),
    }
    for n_takes in TAKES:
        found = of_one_speaker(rows, targets, speakers, len(labels), n_takes)
        if found:
            result[f"takes_{n_takes}"] = float(np.mean(found))
            result["speakers_with_takes"] = len(found)
    return result


def groups_of(speakers: NDArray[np.str_]) -> NDArray[np.int64]:
    """Part the speakers into five groups."""
    order = np.random.default_rng(0).permutation(np.unique(speakers))
    number = {speaker: place % N_FOLDS for place, speaker in enumerate(order)}
    return np.array([number[speaker] for speaker in speakers])


def by_class_means(rows: Rows, targets: NDArray[Any], groups: NDArray[Any], n_labels: int) -> NDArray[np.int64]:
    """Say the class whose mean over the other groups has the smallest angle."""
    said = np.full(len(rows), -1)
    for group in np.unique(groups):
        kept, held = groups != group, groups == group
        mean, deviation = rows[kept].mean(axis=0), rows[kept].std(axis=0) + 1e-4
        scaled = (rows - mean) / deviation
        means = np.array([scaled[kept & (targets == label)].sum(axis=0) for label in range(n_labels)])
        means /= np.linalg.norm(means, axis=1, keepdims=True) + 1e-9
        said[held] = (scaled[held] @ means.T).argmax(axis=1)
    return said


def of_one_speaker(
    rows: Rows, targets: NDArray[Any], speakers: NDArray[Any], n_labels: int, n_takes: int
) -> list[float]:
    """Accuracy of each speaker's other clips, by a head on so many takes of each word of that speaker."""
    found = []
    for speaker in np.unique(speakers):
        rng, taken, tested = np.random.default_rng(1), [], []
        for label in range(n_labels):
            mine = rng.permutation(np.flatnonzero((speakers == speaker) & (targets == label)))
            taken += mine[:n_takes].tolist()
            tested += mine[n_takes:].tolist()
        if len(tested) >= LEAST_TESTED and len(taken) == n_takes * n_labels:
            head = fit_head(rows[taken], targets[taken], n_labels).head
            found.append(float((head.probabilities(rows[tested]).argmax(axis=1) == targets[tested]).mean()))
    return found


if __name__ == "__main__":
    main()
