"""What is judged of a longer clip, the voice or whatever is loudest: `python bench/window.py [--json]`.

Digits of four corpora as they are, and 300 of them beside a burst at twice and four times the word's peak, in silence
and in real backgrounds: `digits-en` is shown the loudest window (before) and the one that it takes (after), in the same
run. And how often a clip of one word is told as several, and one of several as such. Needs SUTJA_DATA.
"""

# ruff: noqa: E402  the number of threads is set before anything is imported
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sutja import timing
from sutja.audio import Waveform, load_waveform
from sutja.dataset import read
from sutja.lexicon import LEXICON
from sutja.predictor import Predictor
from sutja.speech import spoken_part
from sutja.window import judged, loudest_start, words_in

CORPORA = ("english_classroom", "english_volunteers", "speech_commands", "fsdd")
WORDS = {forms[0]: str(digit) for digit, forms in enumerate(LEXICON["en"].digits)}
N_EMBEDDED, N_JOINED = 300, 200
RATE = 16_000
Labelled = tuple[Waveform, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    as_json = parser.parse_args().json
    data, predictor, rng = Path(os.environ["SUTJA_DATA"]), Predictor.load(), np.random.default_rng(0)
    audio = replace(predictor.bundle.audio, max_seconds=300.0)
    corpora = {name: digits(data / name, audio) for name in CORPORA}
    result: dict[str, Any] = {"bench": "window", "corpora": {}, "embedded": {}, "joined": {}}
    for name, clips in corpora.items():
        told = float(np.mean([words_in(clip, RATE).n > 1 for clip, _ in clips]))
        result["corpora"][name] = {"n": len(clips), "told_as_several": told} | both(predictor, clips)
        print(name, result["corpora"][name], flush=True)
    every = [clip for clips in corpora.values() for clip in clips]
    chosen = [every[i] for i in rng.choice(len(every), N_EMBEDDED, replace=False)]
    noises = backgrounds(data / "noise", audio)
    for background, noise in (("silence", None), ("real noise", noises)):
        for kind, burst in BURSTS.items():
            for gain in (2, 4):
                clips = [(embedded(clip, burst, gain, noise, rng), label) for clip, label in chosen]
                result["embedded"][f"{background}, {kind} x{gain}"] = both(predictor, clips)
                print(background, kind, gain, result["embedded"][f"{background}, {kind} x{gain}"], flush=True)
    for pause in (0.25, 0.5, 1.0):
        counts = [joined(every, pause, rng) for _ in range(N_JOINED)]
        right = {"told": np.mean([n > 1 for n, _ in counts]), "counted": np.mean([n == real for n, real in counts])}
        result["joined"][f"{pause:g} s"] = {name: float(share) for name, share in right.items()}
    result |= {"machine": timing.machine(), "command": " ".join(["python", *sys.argv])}
    print(result["joined"])
    if as_json:
        print(json.dumps(result))


def digits(folder: Path, audio: Any) -> list[Labelled]:
    """Read a corpus; of words that are no digits nothing."""
    clips = [(clip, WORDS.get(str(clip.label), str(clip.label))) for clip in read(folder).labelled]
    return [(load_waveform(clip.source, audio), label) for clip, label in clips if label.isdecimal()]


def backgrounds(folder: Path, audio: Any) -> list[Waveform]:
    with (folder / "noise.csv").open(encoding="utf-8", newline="") as file:
        return [load_waveform(folder / r["path"], audio) for r in csv.DictReader(file) if "rir" not in r["path"]]


def both(predictor: Predictor, clips: Sequence[Labelled]) -> dict[str, float]:
    """Return the share that is right, refused clips being wrong, by either rule."""
    n_samples = predictor.bundle.members[0].features.max_samples

    def loudest(clip: Waveform) -> Waveform:
        start = loudest_start(clip, n_samples)
        return clip[start : start + n_samples]

    def voice(clip: Waveform) -> Waveform:
        return judged(clip, RATE, n_samples)

    shares = {}
    for rule in (loudest, voice):
        answers = predictor.predict_many([rule(clip) for clip, _ in clips])
        right = [found.label == label for found, (_, label) in zip(answers, clips, strict=True)]
        shares[rule.__name__] = float(np.mean(right))
    return shares


def thump(rng: np.random.Generator) -> Waveform:
    time = np.arange(RATE // 4) / RATE
    sound = np.sin(2 * np.pi * rng.uniform(60, 150) * time) * np.exp(-time / rng.uniform(0.02, 0.05))
    sound[:40] += rng.normal(0, 0.5, 40)
    return sound.astype(np.float32)


def desk(rng: np.random.Generator) -> Waveform:
    time = np.arange(3 * RATE // 10) / RATE
    knock = np.sin(2 * np.pi * rng.uniform(150, 300) * time) * np.exp(-time / 0.04)
    return (knock + 0.5 * rng.normal(0, 1, len(time)) * np.exp(-time / 0.015)).astype(np.float32)


def door(rng: np.random.Generator) -> Waveform:
    time = np.arange(RATE // 2) / RATE
    slam = rng.normal(0, 1, len(time)) * np.exp(-time / rng.uniform(0.03, 0.07))
    return np.convolve(slam, np.exp(-np.arange(60) / rng.uniform(3, 15)))[: len(time)].astype(np.float32)


def key(rng: np.random.Generator) -> Waveform:
    time = np.arange(RATE // 25) / RATE
    return (rng.normal(0, 1, len(time)) * np.exp(-time / 0.008)).astype(np.float32)


BURSTS: dict[str, Callable[[np.random.Generator], Waveform]] = {"thump": thump, "desk": desk, "door": door, "key": key}


def silence(seconds: float) -> Waveform:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def embedded(
    clip: Waveform,
    burst: Callable[[np.random.Generator], Waveform],
    gain: float,
    noises: list[Waveform] | None,
    rng: np.random.Generator,
) -> Waveform:
    """Put a burst of ``gain`` times the clip's peak before or after it, 0.3 to 1.5 s away."""
    loud = burst(rng)
    loud *= gain * np.abs(clip).max() / np.abs(loud).max()
    parts = [clip, silence(rng.uniform(0.3, 1.5)), loud]
    parts = parts[::-1] if rng.random() < 0.5 else parts
    whole = np.concatenate([silence(rng.uniform(0.1, 0.6)), *parts, silence(rng.uniform(0.3, 0.8))])
    if noises is not None:
        noise = noises[rng.integers(len(noises))]
        noise = np.resize(noise[int(rng.integers(0, max(1, len(noise) - len(whole)))) :], len(whole))
        level = np.sqrt(np.square(clip).mean() / (np.square(noise).mean() + 1e-12)) * 10 ** (-rng.uniform(12, 25) / 20)
        whole = whole + np.float32(level) * noise
    return whole.astype(np.float32)


def joined(every: Sequence[Labelled], pause: float, rng: np.random.Generator) -> tuple[int, int]:
    """Join two to four words and say how many are found, and how many there are."""
    n_words = int(rng.integers(2, 5))
    parts = [silence(0.2)]
    for index in rng.integers(len(every), size=n_words):
        word = spoken_part(every[index][0], RATE, below_db=30)
        parts += [word * np.float32(rng.uniform(0.3, 0.5) / np.abs(word).max()), silence(pause)]
    whole = np.concatenate(parts)
    return words_in(whole + rng.normal(0, 1e-3, len(whole)).astype(np.float32), RATE).n, n_words


if __name__ == "__main__":
    main()
