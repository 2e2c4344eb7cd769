"""The reference training against the same recipe in Keras: `python bench/training.py [--json] [--full]`.

The experiment: 10 networks (5 folds, mel and mfcc), 50 epochs, 1600 + 400 inputs, on all cores of this machine. Ours
runs as `sutja train` runs it: a process a core, one thread each. Keras runs in an environment of its own, as the study
ran it (one process, TensorFlow's own threads), and, to its advantage, also as we do: a process a core.

Without ``--full`` both run a few epochs of a few networks in turn, A B A B, and the whole is reckoned from the median
epoch. With it both run everything, and each one's accuracy is given. The wall's clock counts; the CPU's is given too,
since on a machine that does other work the wall's says little.

FLOPs are counted from the layers: two for each multiplication with its addition in convolutions and dense layers; a
step costs three times the forward pass (forward, gradient of the inputs, gradient of the weights). Their speed is
stated beside that of a 2048 matrix product, both a thread a core and by the processor's clock.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import peers
import torch
from torch import nn

from sutja.audio import load_waveform
from sutja.clips import Clip
from sutja.config import preset
from sutja.dataset import scan
from sutja.engine.local import OnStep, run_jobs
from sutja.features import extract
from sutja.learn.folds import Fold, Job, Result, make_folds, make_inputs, make_jobs, run_job
from sutja.learn.networks import StudyNet, n_parameters

REFERENCE = preset("reference")
N_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
ENVIRONMENT = Path("~/.cache/sutja-bench/keras").expanduser()
PEER_PACKAGES = ("tensorflow-cpu==2.21.0", "keras==3.15.1", "numpy")
PEER = Path(__file__).with_name("keras_reference.py")
N_ROUNDS, N_EPOCHS = 2, 3  # of the short comparison; an epoch of each network more warms up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--full", action="store_true", help="the entire experiment, ours and Keras's: half an hour")
    parser.add_argument("--data", type=Path, help="CSV of 400 clips, 40 a label; FSDD below $SUTJA_DATA if not given")
    parser.add_argument("--audio-root", type=Path, help="folder that the CSV's names are relative to")
    parser.add_argument("--seed", type=int, default=REFERENCE.train.seed)
    parser.add_argument("--keras-python", type=Path, help="an interpreter that has tensorflow-cpu")
    parser.add_argument("--make-env", action="store_true", help=f"make one in {ENVIRONMENT} if it is not there")
    arguments = parser.parse_args()
    keras_python = peers.find(arguments, ENVIRONMENT, PEER_PACKAGES, what="with Keras")
    with tempfile.TemporaryDirectory() as folder:
        config = replace(REFERENCE, train=replace(REFERENCE.train, seed=arguments.seed))
        source, folds = lay_out(Path(folder), config, arguments)
        measure = measure_all if arguments.full else measure_some
        result = {"bench": "training", "inputs": source, "full": arguments.full, "n_cores": N_CORES}
        result |= measure(Path(folder), config, folds, keras_python)
    result |= work_and_speed(result["epoch_cpu_seconds"])
    result["command"] = " ".join(["python", *sys.argv])
    tell(result)
    if arguments.json:
        print(json.dumps(result))


# -- the experiment ---------------------------------------------------------------------------------------------------


def lay_out(folder: Path, config: Any, arguments: argparse.Namespace) -> tuple[str, list[Fold]]:
    """Write the inputs of both sides: the same padded copies, the same folds."""
    source, clips, features = material(config, arguments)
    targets = np.array([int(clip.label) for clip in clips])
    folds = make_folds(clips, targets, config.train, "copies")
    everything = np.concatenate([targets, np.repeat(targets, config.train.n_copies)])
    np.save(folder / "targets.npy", everything)
    arrays = {"targets": everything}
    for index, (name, found) in enumerate(zip(config.members, features, strict=True)):
        rows = make_inputs(found, config.members[name], config.train.n_copies, (config.train.seed, index))
        np.save(folder / f"{name}.npy", rows)
        arrays[name] = rows
    for number, fold in enumerate(folds):
        arrays |= {f"train_{number}": fold.train, f"valid_{number}": fold.valid}
    np.savez(folder / "inputs.npz", **arrays)
    return source, folds


def material(config: Any, arguments: argparse.Namespace) -> tuple[str, list[Clip], list[list[np.ndarray]]]:
    """400 clips, 40 a label, and their features by member: recordings, or noise where there are none."""
    members = list(config.members.values())
    clips = recordings(arguments)
    if clips:
        source = f"{len(clips)} clips of {arguments.data or 'FSDD'}"
        found = [extract(load_waveform(c.path, config.audio), config.audio.sample_rate, members) for c in clips]
    else:
        source, rng = "400 clips of noise (accuracy means nothing)", np.random.default_rng(0)
        clips = [Clip(Path(f"{i}.wav"), f"{i}.wav", str(i % 10)) for i in range(400)]
        found = [[rng.normal(-40, 10, (40, int(rng.integers(12, 40)))).astype(np.float32)] * 2 for _ in clips]
    return source, clips, [[features[i] for features in found] for i in range(len(members))]


def recordings(arguments: argparse.Namespace) -> list[Clip]:
    if arguments.data:
        return list(scan(arguments.data, audio_root=arguments.audio_root).labelled)
    folder = Path(os.environ.get("SUTJA_DATA") or "/nowhere") / "fsdd"
    if not folder.exists():
        return []
    rng = np.random.default_rng(929)
    clips = scan(folder).labelled
    chosen: list[Clip] = []
    for label in map(str, range(10)):
        of_label = [clip for clip in clips if clip.label == label]
        chosen += [of_label[i] for i in rng.choice(len(of_label), 40, replace=False)]
    return chosen


def ours(folder: Path, config: Any, folds: list[Fold], n_networks: int, epochs: int) -> dict[str, Any]:
    """Train the first networks of the experiment as `sutja train` does."""
    config = replace(config, train=replace(config.train, epochs=epochs))
    jobs = make_jobs(config, folds, 10, folder)[:n_networks]
    started = time.perf_counter()
    found = list(run_jobs(timed_job, jobs, N_CORES, lambda: None))
    seconds = time.perf_counter() - started
    for job in jobs:
        job.result.unlink()
    return {
        "seconds": seconds,
        "epoch_seconds": [record["seconds"] for result, _ in found for record in result.history[1:]],
        "epoch_cpu_seconds": [second for _, cpu_seconds in found for second in cpu_seconds[1:]],
        "probabilities": {(result.member, result.number - 1): result.probabilities for result, _ in found},
    }


def timed_job(job: Job, on_step: OnStep) -> tuple[Result, list[float]]:
    """Run a job as it is, and read the process's clock after each epoch."""
    clock = [time.process_time()]
    result = run_job(job, lambda: clock.append(time.process_time()) or on_step())
    return result, np.diff(clock).tolist()


def keras(python: Path, folder: Path, jobs: list[str], epochs: int, seed: int, *, processes: int = 1) -> dict[str, Any]:
    """Train networks in Keras: in one process with TensorFlow's own threads, or in several with one each."""

    def run(mine: list[str]) -> dict[str, Any]:
        options = ["--jobs", ",".join(mine), "--epochs", str(epochs), "--seed", str(seed)]
        options += ["--threads", "1"] if processes > 1 else []
        command = [python, PEER, folder / "inputs.npz", *options]
        alone = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}  # make sets it for us
        ended = subprocess.run(command, check=False, capture_output=True, text=True, env=alone)
        if ended.returncode:
            sys.exit(f"the peer failed:\n{ended.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        return found

    started = time.perf_counter()
    with ThreadPoolExecutor(processes) as pool:
        found = list(pool.map(run, [jobs[i::processes] for i in range(processes)]))
    networks = [network for part in found for network in part["networks"]]
    return {
        "seconds": time.perf_counter() - started,
        "epoch_seconds": [second for network in networks for second in network["epoch_seconds"][1:]],
        "epoch_cpu_seconds": [second for network in networks for second in network["epoch_cpu_seconds"][1:]],
        "probabilities": {(n["member"], n["fold"]): np.array(n["probabilities"]) for n in networks},
        "n_parameters": found[0]["n_parameters"],
        "versions": found[0]["versions"],
    }


# -- measuring --------------------------------------------------------------------------------------------------------


def measure_some(folder: Path, config: Any, folds: list[Fold], python: Path) -> dict[str, Any]:
    """Take turns over a few epochs, and reckon the whole from the median epoch."""
    train, n_networks = config.train, len(folds) * len(config.members)
    jobs = [f"{member}:{fold}" for fold in range(len(folds)) for member in config.members]
    rounds: dict[str, list[dict[str, Any]]] = {"ours": [], "keras": [], "keras_side_by_side": []}
    epochs = N_EPOCHS + 1
    for _ in range(N_ROUNDS):
        rounds["ours"].append(ours(folder, config, folds, N_CORES, epochs))
        rounds["keras"].append(keras(python, folder, jobs[:1], epochs, train.seed))
        together = keras(python, folder, jobs[:N_CORES], epochs, train.seed, processes=N_CORES)
        rounds["keras_side_by_side"].append(together)
    check_parameters(together)
    epoch = of_an_epoch(rounds)
    turns = -(-n_networks // N_CORES) * train.epochs  # where networks run side by side
    seconds = {
        "ours": turns * epoch["epoch_seconds"]["ours"],
        "keras": n_networks * train.epochs * epoch["epoch_seconds"]["keras"],
        "keras_side_by_side": turns * epoch["epoch_seconds"]["keras_side_by_side"],
    }
    return ratios(seconds) | epoch | {"versions": versions(together)}


def measure_all(folder: Path, config: Any, folds: list[Fold], python: Path) -> dict[str, Any]:
    """Run everything once: processes, compilation, checkpoints and all."""
    train, n_networks = config.train, len(folds) * len(config.members)
    jobs = [f"{member}:{fold}" for fold in range(len(folds)) for member in config.members]
    found = {
        "ours": ours(folder, config, folds, n_networks, train.epochs),
        "keras": keras(python, folder, jobs, train.epochs, train.seed),
        "keras_side_by_side": keras(python, folder, jobs, train.epochs, train.seed, processes=N_CORES),
    }
    check_parameters(found["keras"])
    targets = np.load(folder / "targets.npy")
    return (
        ratios({name: side["seconds"] for name, side in found.items()})
        | of_an_epoch({name: [side] for name, side in found.items()})
        | {"ensemble_accuracy": {n: ensemble_accuracy(s["probabilities"], folds, targets) for n, s in found.items()}}
        | {"versions": versions(found["keras"])}
    )


def of_an_epoch(rounds: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Give each side's median epoch by the wall's clock and by the processor's, which other work leaves alone."""
    medians: dict[str, Any] = {
        key: {name: statistics.median(s for side in sides for s in side[key]) for name, sides in rounds.items()}
        for key in ("epoch_seconds", "epoch_cpu_seconds")
    }
    cpu = medians["epoch_cpu_seconds"]
    return medians | {"cpu_speedup_vs_keras": cpu["keras"] / cpu["ours"]}


def ratios(seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "speedup_vs_keras": seconds["keras"] / seconds["ours"],
        "speedup_vs_keras_side_by_side": seconds["keras_side_by_side"] / seconds["ours"],
        "experiment_seconds": seconds,
    }


def ensemble_accuracy(probabilities: dict[tuple[str, int], np.ndarray], folds: list[Fold], targets: Any) -> list[float]:
    found = []
    for number, fold in enumerate(folds):
        total = sum(p for (_, n), p in probabilities.items() if n == number)
        found.append(float(np.mean(total.argmax(axis=1) == targets[fold.test])))
    return found


def check_parameters(peer: dict[str, Any]) -> None:
    if peer["n_parameters"] != n_parameters(StudyNet(10)):
        sys.exit(f"the networks differ: {peer['n_parameters']} parameters and {n_parameters(StudyNet(10))}")


def versions(peer: dict[str, Any]) -> dict[str, str]:
    return peer["versions"] | {"torch": torch.__version__, "python": platform.python_version()}


# -- work and speed ---------------------------------------------------------------------------------------------------


def work_and_speed(epoch_cpu_seconds: dict[str, float]) -> dict[str, Any]:
    """Say what an epoch's work is, how fast all cores do it, and how fast they multiply matrices.

    Both by the processor's clock, so that other work on the machine stays out of it.
    """
    forward = forward_flops()
    an_epoch = 1600 * 3 * forward + 400 * forward  # validation is a forward pass
    speed = {name: N_CORES * an_epoch / seconds / 1e9 for name, seconds in epoch_cpu_seconds.items()}
    peak = N_CORES * product_gflops()
    return {
        "mflop_forward": forward / 1e6,
        "mflop_step": 3 * forward / 1e6,
        "gflops": speed["ours"],
        "peak_gflops": peak,
        "share_of_peak": speed["ours"] / peak,
        "gflops_keras": {name: value for name, value in speed.items() if name != "ours"},
    }


def forward_flops() -> int:
    """Count an input's multiplications and additions in convolutions and dense layers."""
    flops = []

    def count(layer: nn.Module, _: Any, output: torch.Tensor) -> None:
        inner = layer.weight[0].numel()  # products that one output is the sum of
        flops.append(2 * inner * output[0].numel())

    network = StudyNet(10).eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.zeros(1, 1, 40, 40))
    return sum(flops)


def product_gflops(size: int = 2048, repeats: int = 9) -> float:
    """Speed of the median of some float32 matrix products on one thread, which is what each of our workers has."""
    torch.set_num_threads(1)
    left, right = torch.rand(size, size), torch.rand(size, size)
    taken = []
    for _ in range(repeats):
        started = time.process_time()
        torch.mm(left, right)
        taken.append(time.process_time() - started)
    return 2 * size**3 / statistics.median(taken) / 1e9


# -- the peer's environment, and words --------------------------------------------------------------------------------


def tell(result: dict[str, Any]) -> None:
    how = "measured" if result["full"] else "reckoned from a few epochs"
    print(f"10 networks, 50 epochs, {result['inputs']}, {N_CORES} cores ({how}):")
    names = {"ours": "sutja", "keras": "Keras, one process", "keras_side_by_side": f"Keras, {N_CORES} processes"}
    for name, title in names.items():
        seconds, epoch = result["experiment_seconds"][name], result["epoch_seconds"][name]
        accuracy = result.get("ensemble_accuracy", {}).get(name)
        more = f"   ensemble {statistics.mean(accuracy):.4f}" if accuracy else ""
        cpu = result["epoch_cpu_seconds"][name]
        print(f"  {title:20s} {seconds / 60:6.1f} min   {epoch:.2f} s an epoch, {cpu:.2f} s of CPU{more}")
    print(
        f"  {result['speedup_vs_keras']:.2f}x Keras, {result['speedup_vs_keras_side_by_side']:.2f}x side by side, "
        f"{result['cpu_speedup_vs_keras']:.2f}x in CPU time\n"
        f"  {result['gflops']:.1f} GFLOP/s of {result['peak_gflops']:.1f} in a 2048 matrix product: "
        f"{100 * result['share_of_peak']:.0f} %; {result['mflop_step']:.1f} MFLOP an input a step"
    )


if __name__ == "__main__":
    main()
