"""Features and loading against librosa, on one thread: `python bench/features.py [--json]`.

One clip at a time. Ours and librosa go over all clips in turn, A B A B; the ratio is that of the medians over all clips
and rounds. The clock is the process's own (CPU time, user and system): with one thread that is the time it takes when
nothing else runs, and what else the machine does stays out of it.
"""

# ruff: noqa: E402  the number of threads is set before anything is imported
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile

from sutja.audio import load_waveform
from sutja.config import AudioConfig, preset
from sutja.features import extract

REFERENCE = preset("reference")
SAMPLE_RATE = REFERENCE.audio.sample_rate
N_CLIPS, N_ROUNDS = 60, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory() as folder:
        source, waveforms = clips()
        recordings_source, recordings = recordings_at_48_khz(Path(folder))
        result = {
            "bench": "features",
            "clips": source,
            **compare_features(waveforms),
            "recordings": recordings_source,
            **compare_loading(recordings),
            "versions": {"librosa": librosa.__version__, "numpy": np.__version__, "python": platform.python_version()},
            "command": " ".join(["python", *sys.argv]),
        }
    print(
        f"mel + MFCC of one clip ({source}): {result['ours_ms']:.2f} ms, librosa {result['librosa_ms']:.2f} ms, "
        f"{result['speedup_vs_librosa']:.1f}x; librosa with one STFT for both {result['librosa_one_stft_ms']:.2f} ms, "
        f"{result['speedup_vs_librosa_one_stft']:.1f}x; largest difference {result['max_abs_diff_db']:.1e} dB\n"
        f"48 kHz wav at {SAMPLE_RATE // 1000} kHz ({recordings_source}): {result['ours_load_ms']:.2f} ms, librosa.load "
        f"{result['librosa_load_ms']:.2f} ms, {result['load_speedup_vs_librosa']:.2f}x"
    )
    if as_json:
        print(json.dumps(result))


def clips() -> tuple[str, list[np.ndarray]]:
    """Waveforms at 20 kHz: spoken digits where SUTJA_DATA has them, else noise of the same lengths."""
    folder = Path(os.environ.get("SUTJA_DATA") or "/nowhere") / "fsdd" / "recordings"
    paths = sorted(folder.glob("*.wav"))
    if paths:
        chosen = paths[:: len(paths) // N_CLIPS][:N_CLIPS]
        return f"{len(chosen)} of FSDD", [load_waveform(path, REFERENCE.audio) for path in chosen]
    rng = np.random.default_rng(0)
    lengths = rng.uniform(0.3, 0.7, N_CLIPS) * SAMPLE_RATE
    return f"{N_CLIPS} of noise", [rng.normal(0, 0.1, round(n)).astype(np.float32) for n in lengths]


def recordings_at_48_khz(folder: Path) -> tuple[str, list[Path]]:
    """16-bit wav files at 48 kHz: AudioMNIST's where SUTJA_DATA has them, else noise."""
    found = sorted((Path(os.environ.get("SUTJA_DATA") or "/nowhere") / "audiomnist_sample").rglob("*.wav"))
    if found:
        return f"{len(found)} of AudioMNIST", found
    rng = np.random.default_rng(0)
    for i in range(10):
        soundfile.write(folder / f"{i}.wav", rng.normal(0, 0.1, 31_000), 48_000)
    return "10 of noise", sorted(folder.glob("*.wav"))


def by_sutja(waveform: np.ndarray) -> list[np.ndarray]:
    return list(extract(waveform, SAMPLE_RATE, list(REFERENCE.members.values())))


def by_librosa(waveform: np.ndarray) -> list[np.ndarray]:
    """As the study calls it."""
    mel = librosa.feature.melspectrogram(y=waveform, sr=SAMPLE_RATE, n_mels=40)
    return [librosa.power_to_db(mel, ref=np.max), librosa.feature.mfcc(y=waveform, sr=SAMPLE_RATE, n_mfcc=40)]


def by_librosa_with_one_stft(waveform: np.ndarray) -> list[np.ndarray]:
    """As one can call it to save librosa half of the work."""
    power = np.abs(librosa.stft(waveform)) ** 2
    mel = librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE, n_mels=40)
    many = librosa.power_to_db(librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE))
    return [librosa.power_to_db(mel, ref=np.max), librosa.feature.mfcc(S=many, n_mfcc=40)]


def compare_features(waveforms: Sequence[np.ndarray]) -> dict[str, Any]:
    n_longest = REFERENCE.members["mel"].max_samples  # beyond it we hear the loudest window and librosa everything
    waveforms = [waveform[:n_longest] for waveform in waveforms]
    differences = [
        np.abs(ours - theirs).max()
        for waveform in waveforms
        for ours, theirs in zip(by_sutja(waveform), by_librosa(waveform), strict=True)
    ]
    ours, librosa_s, one_stft = take_turns([by_sutja, by_librosa, by_librosa_with_one_stft], waveforms)
    return {
        "speedup_vs_librosa": librosa_s / ours,
        "speedup_vs_librosa_one_stft": one_stft / ours,
        "max_abs_diff_db": float(max(differences)),
        "ours_ms": 1000 * ours,
        "librosa_ms": 1000 * librosa_s,
        "librosa_one_stft_ms": 1000 * one_stft,
    }


def compare_loading(paths: Sequence[Path]) -> dict[str, Any]:
    audio = AudioConfig(sample_rate=SAMPLE_RATE)
    ours, librosa_s = take_turns(
        [lambda path: load_waveform(path, audio), lambda path: librosa.load(path, sr=SAMPLE_RATE)], paths, 4 * N_ROUNDS
    )
    return {
        "load_speedup_vs_librosa": librosa_s / ours,
        "ours_load_ms": 1000 * ours,
        "librosa_load_ms": 1000 * librosa_s,
    }


def take_turns(ways: Sequence[Callable[[Any], Any]], inputs: Sequence[Any], n_rounds: int = N_ROUNDS) -> list[float]:
    """Give the median seconds of each way, which go over the inputs in turn."""
    seconds: list[list[float]] = [[] for _ in ways]
    for around in range(-1, n_rounds):  # the first round warms up and is not counted
        for way, taken in zip(ways, seconds, strict=True):
            for item in inputs:
                started = time.process_time()
                way(item)
                if around >= 0:
                    taken.append(time.process_time() - started)
    return [statistics.median(taken) for taken in seconds]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
