"""Is the working tree slower than a commit? `python bench/paired.py COMMIT [--json]`.

Both packages do the same work in processes of their own that take turns, so that whatever else the machine does meets
both: features of a clip, a clip from bytes to label, and a step of training of each preset's network. The processor's
time counts, on one thread; ratios are of each pair, the median is told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from sutja import timing

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from checkouts import ROOT, checkout, environment

N_ROUNDS = 7
# What both run. Names that moved are looked up where they are.
WORK = """
import io, json, sys, time
from importlib import import_module
import numpy as np, soundfile

def one_of(*names):
    for name in names:
        module, _, attribute = name.rpartition(".")
        try:
            return getattr(import_module(module), attribute)
        except (ModuleNotFoundError, AttributeError):
            continue
    raise SystemExit(f"none of {names}")

def seconds(function, n):
    function()
    started = time.process_time()
    for _ in range(n):
        function()
    return (time.process_time() - started) / n

rng = np.random.default_rng(0)
word = (rng.standard_normal(10_000) * np.hanning(10_000) * 0.3).astype(np.float32)
file = io.BytesIO()
soundfile.write(file, word, 16_000, format="WAV", subtype="PCM_16")

from sutja.config import preset
from sutja.features import network_inputs
from sutja.predictor import Predictor
predictor = Predictor.load()
robust, study = preset("robust"), preset("reference")
result = {
    "predict": seconds(lambda: predictor.predict(file.getvalue()), 300),
    "features, robust": seconds(lambda: network_inputs(word, 16_000, list(robust.members.values())), 300),
    "features, reference": seconds(lambda: network_inputs(word, 20_000, list(study.members.values())), 200),
}
import torch
torch.set_num_threads(1)
fit = one_of("sutja.learn.training.fit", "sutja.training.fit")
Inputs = one_of("sutja.learn.inputs.Inputs", "sutja.learn.training.Inputs", "sutja.training.Inputs")
from dataclasses import replace
for name, config, decibels in (("robust", robust, True), ("reference", study, False)):
    member = next(iter(config.members.values()))
    n = 6 * config.train.batch_size
    rows = rng.standard_normal((n, member.n_bins, member.n_frames)).astype(np.float32)
    try:
        kind = {"kind": import_module("sutja.learn.inputs").InputKind(decibels=decibels)}
    except (ModuleNotFoundError, AttributeError):
        kind = {"decibels": decibels}
    inputs = Inputs(rows, np.arange(n) % 10, np.arange(n), **kind)
    train = replace(config.train, epochs=3, n_copies=1, min_steps=0)
    started = time.process_time()
    fit(inputs, replace(inputs, rows=np.arange(16)), 10, train, seed=1)
    result[f"step of training, {name}"] = (time.process_time() - started) / (3 * 6)
print(json.dumps(result))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit", help="that the working tree is compared with")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trees = {"before": checkout(options.commit, Path(folder)), "after": ROOT}
        rounds = [{name: _work(tree) for name, tree in trees.items()} for _ in range(N_ROUNDS)]
    result = _summary(rounds) | {
        "bench": "paired",
        "commit": options.commit,
        "load_average": os.getloadavg()[0],
        "machine": timing.machine(),
        "command": " ".join(["python", *sys.argv]),
    }
    for name, row in result["work"].items():
        print(f"{name:28s} {row['before_ms']:8.3f} ms  {row['after_ms']:8.3f} ms  x{row['ratio']:.3f}")
    if options.json:
        print(json.dumps(result))


def _work(tree: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", WORK], env=environment(tree), check=True, capture_output=True, text=True
    )
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def _summary(rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    rows = {}
    for name in rounds[0]["before"]:
        before, after = ([each[side][name] for each in rounds] for side in ("before", "after"))
        rows[name] = {
            "before_ms": 1e3 * statistics.median(before),
            "after_ms": 1e3 * statistics.median(after),
            "ratio": statistics.median(b / a for a, b in zip(before, after, strict=True)),
        }
    return {"work": rows, "n_rounds": len(rounds)}


if __name__ == "__main__":
    main()
