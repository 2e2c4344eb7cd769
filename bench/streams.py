"""What listening costs of one core: `python bench/streams.py [--json]`.

The real-time factor is the processor's time over the duration of the sound: 0.01 is a hundredth of a core, or a hundred
streams on one. Sizes of chunks take turns, round by round, over the same sound; the medians are of the rounds. Words:
spoken digits with half a second between them where SUTJA_DATA has them, else made ones. Room: noise alone, where
nobody is recognised.
"""

# ruff: noqa: E402  the number of threads is set before anything is imported
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from sutja import timing
from sutja.audio import Waveform, load_waveform
from sutja.config import AudioConfig
from sutja.predictor import Predictor
from sutja.streams import Event, IsolatedWords, Word

SAMPLE_RATES = (16_000, 48_000)
CHUNK_SECONDS = (0.01, 0.02, 0.1, 1.0, None)  # None is all at once
N_CLIPS, PAUSE_SECONDS, ROOM = 60, 0.5, 1e-3
N_ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    as_json = parser.parse_args().json
    predictor = Predictor.load()
    result: dict[str, Any] = {"bench": "streams", "load_average": os.getloadavg()[0]}
    for rate in SAMPLE_RATES:
        clips, words = speech(rate)
        room = np.random.default_rng(1).normal(0, ROOM, len(words)).astype(np.float32)
        result |= {"clips": clips, "seconds": len(words) / rate}
        result[f"words_{rate}"], events = factors(predictor, words, rate)
        result[f"room_{rate}"], _ = factors(predictor, room, rate)
        result[f"n_words_{rate}"] = sum(isinstance(event, Word) for event in events)
    result |= {"machine": timing.machine(), "command": " ".join(["python", *sys.argv])}
    tell(result)
    if as_json:
        print(json.dumps(result))


def speech(rate: int) -> tuple[str, Waveform]:
    """Say where the words come from, and give them one after the other in a quiet room."""
    folder, audio = Path(os.environ.get("SUTJA_DATA") or "/nowhere") / "fsdd" / "recordings", AudioConfig(rate)
    paths = sorted(folder.glob("*.wav"))
    sources = [path.read_bytes() for path in paths[:: max(1, len(paths) // N_CLIPS)][:N_CLIPS]]
    name = f"{len(sources)} of FSDD" if sources else f"{N_CLIPS} made"
    clips = [load_waveform(source, audio) for source in sources or [timing.made_clip(rate)] * N_CLIPS]
    pause = np.zeros(round(PAUSE_SECONDS * rate), dtype=np.float32)
    waveform = np.concatenate([pause, *[part for clip in clips for part in (clip, pause)]])
    return name, waveform + np.random.default_rng(0).normal(0, ROOM, len(waveform)).astype(np.float32)


def factors(predictor: Predictor, waveform: Waveform, rate: int) -> tuple[dict[str, float], list[Event]]:
    """Take turns over the sizes of chunks: the real-time factor of each, and what was heard, which must not differ."""
    taken: dict[str, list[float]] = {}
    events: list[Event] = []
    for around in range(-1, N_ROUNDS):  # the first round warms up and is not counted
        for seconds in CHUNK_SECONDS:
            n_chunk = len(waveform) if seconds is None else round(seconds * rate)
            started = time.process_time()
            heard = listen(IsolatedWords(predictor, rate), waveform, n_chunk)
            factor = (time.process_time() - started) * rate / len(waveform)
            if events and heard != events:
                sys.exit(f"chunks of {n_chunk} samples gave other events")
            events = heard
            if around >= 0:
                taken.setdefault("all" if seconds is None else f"{1000 * seconds:g} ms", []).append(factor)
    return {size: statistics.median(values) for size, values in taken.items()}, events


def listen(recogniser: IsolatedWords, waveform: Waveform, n_chunk: int) -> list[Event]:
    chunks = (waveform[start : start + n_chunk] for start in range(0, len(waveform), n_chunk))
    return [event for chunk in chunks for event in recogniser.feed(chunk)] + recogniser.flush()


def tell(result: dict[str, Any]) -> None:
    print(f"{result['clips']}, {result['seconds']:.1f} s; real-time factor by size of chunk, {N_ROUNDS} rounds")
    for rate in SAMPLE_RATES:
        for kind in ("words", "room"):
            sizes = ", ".join(f"{size}: {factor:.4f}" for size, factor in result[f"{kind}_{rate}"].items())
            print(f"  {kind} at {rate} Hz ({result[f'n_words_{rate}'] if kind == 'words' else 'no'} words): {sizes}")


if __name__ == "__main__":
    main()
