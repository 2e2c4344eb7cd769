"""One clip from its bytes to its label, and many, beside peers: `python bench/latency.py [--json]`.

One thread each, unless said. Ours, the exported file, torch with librosa and Keras with librosa take turns, round by
round, over the same clips; the medians are of the wall's clock over all clips and rounds. `cpu_ms` holds them by the
processor's clock, which is what they take on a machine that does nothing else. Keras and pocketsphinx run in an
environment of their own (`bench/latency_peers.py`).
"""

# ruff: noqa: E402  the number of threads is set before anything is imported
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import onnxruntime
import peers
import torch
from torch import nn

from sutja import export as portable
from sutja import graph, timing
from sutja.audio import load_waveform
from sutja.clips import Clip
from sutja.config import preset
from sutja.dataset import scan
from sutja.features import network_inputs
from sutja.learn.networks import WordNet, n_parameters
from sutja.predictor import Predictor

ENVIRONMENT = Path("~/.cache/sutja-bench/latency").expanduser()
PEER_PACKAGES = ("tensorflow-cpu==2.21.0", "keras==3.15.1", "librosa==0.11.0", "pocketsphinx==5.1.1", "numpy")
PEER = Path(__file__).with_name("latency_peers.py")
ROOT = Path(__file__).parents[1]
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
N_CLIPS, N_ROUNDS, N_SPHINX = 30, 4, 295
N_CLASSES = 11  # ten digits, and what is none


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--keras-python", type=Path, help="an interpreter that has what bench/latency_peers.py needs")
    parser.add_argument("--make-env", action="store_true", help=f"make one in {ENVIRONMENT} if it is not there")
    parser.add_argument("--install", action="store_true", help="also install sutja anew and measure its size")
    parser.add_argument("--before", type=Path, help="another model, timed in turn with ours")
    arguments = parser.parse_args()
    python = peers.find(arguments, ENVIRONMENT, PEER_PACKAGES, what="for the peers")
    predictor = Predictor.load()
    with tempfile.TemporaryDirectory() as folder:
        clips = recordings(Path(folder), "english_classroom", 3000)
        chosen = clips[:: max(1, len(clips) // N_CLIPS)][:N_CLIPS]
        result: dict[str, Any] = {"bench": "latency", "load_average": os.getloadavg()[0]}
        result |= compare(predictor, chosen, python, arguments.before)
        result |= sphinx(predictor, clips[:: max(1, len(clips) // N_SPHINX)], python)
        result |= dft_ways(predictor)
        result |= many(Path(folder))
    seconds, size = timing._cold_start("digits-en", chosen[0].path.read_bytes())
    result |= {"cold_start_s": seconds, "cold_start_mb": size}
    result |= {"load_average_after": os.getloadavg()[0], **limits(predictor, chosen)}
    if arguments.install:
        result["install_mb"] = install_size()
    result |= {"machine": timing.machine(), "command": " ".join(["python", *sys.argv])}
    tell(result)
    if arguments.json:
        print(json.dumps(result))


def recordings(folder: Path, corpus: str, n_made: int) -> list[Clip]:
    """Real clips where SUTJA_DATA has them, else made ones, which cost the same time."""
    data = Path(os.environ.get("SUTJA_DATA") or "/nowhere") / corpus
    if data.exists():
        return list(scan(data).labelled)
    made, content = folder / "made" / "7", timing.made_clip(16_000)
    made.mkdir(parents=True, exist_ok=True)
    for number in range(n_made):
        (made / f"{number}.wav").write_bytes(content)
    return [Clip(path, path.name, "7") for path in sorted(made.iterdir())]


# -- one clip ---------------------------------------------------------------------------------------------------------


def compare(predictor: Predictor, clips: Sequence[Clip], python: Path, before: Path | None) -> dict[str, Any]:
    """Take turns over the clips."""
    contents = [clip.path.read_bytes() for clip in clips]
    ways: dict[str, Callable[[bytes], object]] = {
        "sutja": lambda content: predictor.predict(content).label,
        "onnx": by_file(predictor, portable.export(predictor.bundle)[0]),
        "torch": by_torch(),
    }
    if before is not None:
        ways["before"] = Predictor.load(before).predict
    if "7" in {clip.label for clip in clips[:5]} or len({clip.label for clip in clips}) > 1:
        ways["onnx_int8"] = by_file(predictor, portable.export_int8(predictor.bundle, clips * 2)[0])
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in (*ways, "keras", "keras_call")}
    with Peer(python) as peer:
        for around in range(-1, N_ROUNDS):  # the first round warms up and is not counted
            for name, way in ways.items():
                both = [clock(way, content) for content in contents]
                taken[name] += both if around >= 0 else []
            for name in ("keras", "keras_call"):
                answer = peer.ask(name, clips)
                taken[name] += zip(answer["ms"], answer["cpu_ms"], strict=True) if around >= 0 else []
        about, ours = peer.about, parameters_of_the_label()
        if about["n_parameters"] != ours:
            sys.exit(f"the networks differ: {about['n_parameters']} parameters, ours {ours}")
    medians = {name: statistics.median(wall for wall, _ in values) for name, values in taken.items()}
    beside = {} if before is None else {"times_before": ratio(taken["sutja"], taken["before"])}
    peers_of_ours = ("torch", "keras", "keras_call")
    return {
        "p50_ms": medians["sutja"],
        "p95_ms": float(np.percentile([wall for wall, _ in taken["sutja"]], 95)),
        "onnx_p50_ms": medians["onnx"],
        "onnx_int8_p50_ms": medians.get("onnx_int8"),
        "keras_p50_ms": medians["keras"],
        "keras_call_p50_ms": medians["keras_call"],
        "torch_p50_ms": medians["torch"],
        "speedup_vs_keras": medians["keras"] / medians["sutja"],
        "speedup_vs_keras_call": medians["keras_call"] / medians["sutja"],
        "speedup_vs_torch": medians["torch"] / medians["sutja"],
        "cpu_speedup": {name: ratio(taken[name], taken["sutja"]) for name in peers_of_ours},
        **beside,
        "cpu_ms": {name: statistics.median(cpu for _, cpu in values) for name, values in taken.items()},
        "clips": f"{len(clips)} of {clips[0].path.parents[1].name}",
        "versions": about["versions"] | {"torch": torch.__version__, "librosa_of_torch": librosa.__version__},
    }


def ratio(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> float:
    """How many times as long as the other the one takes, by the processor's clock."""
    return statistics.median(cpu for _, cpu in one) / statistics.median(cpu for _, cpu in other)


def parameters_of_the_label() -> int:
    """Count what a label needs: the scale of the embedding is not asked for it."""
    network = WordNet(N_CLASSES)
    return n_parameters(network) - n_parameters(network.scaled)


def clock(way: Callable[[Any], object], given: Any) -> tuple[float, float]:
    """Give milliseconds by the wall's clock and by the processor's."""
    started = time.perf_counter(), time.process_time()
    way(given)
    return 1000 * (time.perf_counter() - started[0]), 1000 * (time.process_time() - started[1])


def by_file(predictor: Predictor, content: bytes) -> Callable[[bytes], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    audio = replace(predictor.bundle.audio, remove_mean=False)  # the file does that
    labels = predictor.labels

    def way(recording: bytes) -> object:
        waveform = load_waveform(recording, audio)
        return labels[int(session.run(["probabilities"], {"waveform": waveform[None]})[0][0].argmax())]

    return way


def by_torch() -> Callable[[bytes], object]:
    """Run the same network in torch, eager, with librosa's features, as one writes it."""
    torch.set_num_threads(1)
    network = WordNet(N_CLASSES).eval()
    settings = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40, "fmin": 60.0}

    def way(content: bytes) -> object:
        waveform, rate = librosa.load(io.BytesIO(content), sr=16_000)
        waveform = (waveform - waveform.mean())[: 101 * 160 - 1]
        mel = librosa.feature.melspectrogram(y=waveform, sr=rate, pad_mode="constant", **settings)
        decibels = librosa.power_to_db(mel, ref=np.max)
        left = (101 - decibels.shape[1]) // 2
        shown = np.pad(decibels - decibels.min(), ((0, 0), (left, 101 - decibels.shape[1] - left)))
        shown = (shown - shown.mean()) / shown.std()
        with torch.inference_mode():
            return int(network(torch.from_numpy(shown[None, None])).softmax(dim=1).argmax())

    return way


def dft_ways(predictor: Predictor) -> dict[str, Any]:
    """Time the power spectrogram of both presets as a convolution and as the STFT operator (processor's clock)."""
    found: dict[str, Any] = {}
    for name in ("robust", "reference"):
        config = preset(name)
        member = next(iter(config.members.values()))
        waveform = np.random.default_rng(0).normal(0, 0.1, (1, config.audio.sample_rate // 2)).astype(np.float32)
        sessions = {}
        for way, longest in (("convolution", 2**20), ("operator", 0)):
            graph.LONGEST_CONVOLUTION = longest
            drawn = graph.Graph()
            power = graph._power_spectrogram(drawn, graph.WAVEFORM, member)
            sessions[way] = session_of(drawn, power)
        taken: dict[str, list[float]] = {way: [] for way in sessions}
        for _ in range(200):
            for way, session in sessions.items():
                taken[way].append(clock(lambda w, s=session: s.run(None, {graph.WAVEFORM: w}), waveform)[1])
        found[f"dft_{name}_ms"] = {way: statistics.median(values) for way, values in taken.items()}
    return found


def session_of(drawn: graph.Graph, output: str) -> onnxruntime.InferenceSession:
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    inputs = [value(graph.WAVEFORM, TensorProto.FLOAT, ["batch", "n_samples"])]
    model = helper.make_model(
        helper.make_graph(drawn.nodes, "dft", inputs, [value(output, TensorProto.FLOAT, None)], drawn.constants),
        opset_imports=[helper.make_opsetid("", graph.OPSET)],
        ir_version=graph.IR_VERSION,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


# -- pocketsphinx -----------------------------------------------------------------------------------------------------


def sphinx(predictor: Predictor, clips: Sequence[Clip], python: Path) -> dict[str, Any]:
    """Accuracy and time of pocketsphinx and ours on clips that neither learned from."""
    with Peer(python) as peer:
        peer.ask("sphinx", clips[:3])
        theirs = peer.ask("sphinx", clips)
    labels = [str(clip.label) for clip in clips]
    heard = [str(WORDS.index(word)) if word in WORDS else "" for word in theirs["words"]]
    ours, both = [], []
    for clip in clips:
        content = clip.path.read_bytes()
        found = predictor.predict(content)
        both.append(clock(predictor.predict, content))
        ours.append(max(found.probabilities, key=found.probabilities.__getitem__))

    def share(answers: Sequence[str]) -> float:
        return sum(a == b for a, b in zip(answers, labels, strict=True)) / len(labels)

    return {
        "sphinx": {
            "n_clips": len(clips),
            "accuracy": share(heard),
            "p50_ms": statistics.median(theirs["ms"]),
            "cpu_ms": statistics.median(theirs["cpu_ms"]),
            "sutja_accuracy": share(ours),
            "sutja_p50_ms": statistics.median(wall for wall, _ in both),
            "sutja_cpu_ms": statistics.median(cpu for _, cpu in both),
        }
    }


# -- many clips -------------------------------------------------------------------------------------------------------


def many(folder: Path) -> dict[str, Any]:
    """`sutja predict FOLDER --out FILE` of 3000 files on all cores, from the shell to its end: the best of three."""
    data = Path(os.environ.get("SUTJA_DATA") or "/nowhere") / "fsdd" / "recordings"
    source = data if data.exists() else recordings(folder, "none", 3000)[0].path.parent
    seconds, before = [], resource.getrusage(resource.RUSAGE_CHILDREN)
    for number in range(3):
        command = [sys.executable, "-m", "sutja", "predict", source, "--out", folder / f"{number}.csv"]
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    n_clips = sum(1 for _ in (folder / "0.csv").open(encoding="utf-8")) - 1
    every = [n_clips / taken for taken in seconds]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "clips_per_second": max(every),
        "clips_per_second_each": every,
        "n_files": n_clips,
        "cpu_ms_each_of_many": 1000 * cpu / 3 / n_clips,
    }


# -- limits -----------------------------------------------------------------------------------------------------------


def limits(predictor: Predictor, clips: Sequence[Clip]) -> dict[str, Any]:
    """Say what work there is, how fast this machine could do it, and where the processor's time goes."""
    audio, configs = predictor.bundle.audio, [member.features for member in predictor.bundle.members]
    contents = [clip.path.read_bytes() for clip in clips]
    waveforms = [load_waveform(content, audio) for content in contents]
    shown = [[f[None] for f in network_inputs(w, audio.sample_rate, configs)] for w in waveforms]
    steps: dict[str, tuple[Callable[[Any], object], Sequence[Any]]] = {
        "load": (lambda content: load_waveform(content, audio), contents),
        "features": (lambda waveform: network_inputs(waveform, audio.sample_rate, configs), waveforms),
        "network": (lambda inputs: predictor._sessions[0].run(None, {"features": inputs[0][:, None]}), shown),
        "whole": (predictor.predict, contents),
    }
    profile = {}
    for name, (step, inputs) in steps.items():
        profile[name] = statistics.median(clock(step, each)[1] for _ in range(N_ROUNDS) for each in inputs)
    profile["rest"] = profile["whole"] - profile["load"] - profile["features"] - profile["network"]
    config = configs[0]
    n_frames = config.n_frames
    fft = 2.5 * config.n_fft * np.log2(config.n_fft) * n_frames  # a real FFT; Frigo and Johnson count so
    mel = 2 * (config.n_fft // 2 + 1) * config.n_mels * n_frames  # as a full matrix
    network = network_flops()
    peak = product_gflops()
    return {
        "limits": {
            "bytes_read": statistics.median(len(content) for content in contents),
            "mflop_fft": fft / 1e6,
            "mflop_mel": mel / 1e6,
            "mflop_network": network / 1e6,
            "peak_gflops": peak,
            "at_peak_ms": (fft + mel + network) / peak / 1e6,
            "network_gflops": network / profile["network"] / 1e6,
            "profile_ms": profile,
        }
    }


def network_flops() -> int:
    """Count multiplications and additions of convolutions and dense layers for one clip."""
    flops = []

    def count(layer: nn.Module, _: Any, output: torch.Tensor) -> None:
        flops.append(2 * layer.weight[0].numel() * output[0].numel())

    network = WordNet(N_CLASSES).eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.zeros(1, 1, 40, 101))
    return sum(flops)


def product_gflops(size: int = 512, repeats: int = 30) -> float:
    """Speed of a float32 matrix product on one thread in onnxruntime, whose kernels are the fastest of those here."""
    drawn = graph.Graph()
    weights = np.random.default_rng(0).random((size, size), dtype=np.float32)
    session = session_of(drawn, drawn.add("MatMul", graph.WAVEFORM, drawn.constant(weights)))
    taken = [clock(lambda w: session.run(None, {graph.WAVEFORM: w}), weights)[1] for _ in range(repeats)]
    return 2 * size**3 / min(taken) / 1e6  # the best, since the machine may do other work


def install_size() -> float:
    """Install what prediction needs into a new environment; its megabytes, without pip."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        before = size_of(Path(folder))
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-compile", ROOT], check=True)
        return (size_of(Path(folder)) - before) / 1e6


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


# -- the peer, and words ----------------------------------------------------------------------------------------------


class Peer:
    """The other process, which answers line by line."""

    def __init__(self, python: Path) -> None:
        self.process = subprocess.Popen([python, PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = self._line()

    def ask(self, what: str, clips: Sequence[Clip]) -> dict[str, Any]:
        """Let it answer all clips."""
        self.process.stdin.write(json.dumps({"ask": what, "paths": [str(clip.path) for clip in clips]}) + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the peer ended; see above")
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait()


def tell(result: dict[str, Any]) -> None:
    other, limit = result["sphinx"], result["limits"]
    print(
        f"bytes to label, {result['clips']}: {result['p50_ms']:.2f} ms (95 of 100 within {result['p95_ms']:.2f} ms); "
        f"one ONNX file {result['onnx_p50_ms']:.2f} ms\n"
        f"  Keras + librosa {result['keras_p50_ms']:.1f} ms, {result['speedup_vs_keras']:.0f}x; without predict() "
        f"{result['keras_call_p50_ms']:.1f} ms, {result['speedup_vs_keras_call']:.0f}x\n"
        f"  torch + librosa {result['torch_p50_ms']:.1f} ms, {result['speedup_vs_torch']:.1f}x\n"
        f"pocketsphinx on {other['n_clips']} clips: {100 * other['accuracy']:.1f} %, {other['p50_ms']:.1f} ms; "
        f"sutja {100 * other['sutja_accuracy']:.1f} %, {other['sutja_p50_ms']:.2f} ms\n"
        f"{result['n_files']} files: {result['clips_per_second']:.0f} clips/s; "
        f"cold start {result['cold_start_s']:.2f} s, {result['cold_start_mb']:.0f} MB\n"
        f"FFT {limit['mflop_fft']:.1f}, mel {limit['mflop_mel']:.1f}, network {limit['mflop_network']:.1f} MFLOP, "
        f"at {limit['peak_gflops']:.0f} GFLOP/s {limit['at_peak_ms']:.2f} ms; network at {limit['network_gflops']:.0f}"
    )
    print("by the processor's clock: " + ", ".join(f"{name} {ms:.2f} ms" for name, ms in result["cpu_ms"].items()))
    print("  " + ", ".join(f"{name} {value:.3f} ms" for name, value in limit["profile_ms"].items()))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
