"""How fast this machine takes a clip from its bytes to its label, step by step: what `sutja bench` shows.

The clip is made, half a second of noise in the shape of a word: what it costs does not hang on what is said. Seconds
are the wall's, medians over rounds in which all steps take turns, so that what else the machine does meets each alike.
"""

from __future__ import annotations

import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile

from sutja import __version__
from sutja.audio import load_waveform
from sutja.errors import RunError
from sutja.features import network_inputs
from sutja.predictor import Predictor

CLIP_SECONDS = 0.5
OTHER_RATE = 48_000  # of a recording that has to be resampled, Hz
N_ROUNDS, N_MANY, N_STARTS = 1000, 3000, 7
MAX_SECONDS = 15.0  # for the rounds, on a machine that is slow
PERCENTILE = 95

# Run by a small process of its own: a process counts the memory of the one it was started by as its own peak.
WATCH = """
import json, os, resource, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
process.stdout.read()
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - started
size = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, size]))
"""


@dataclass(frozen=True)
class Timing:
    """What one clip costs here."""

    load_ms: float
    """From the bytes of a wav at the model's rate to a waveform."""
    resample_ms: float
    """From the bytes of a wav at 48 kHz to a waveform."""
    features_ms: float
    network_ms: float
    """All members."""
    p50_ms: float
    """From bytes to label: the median."""
    p95_ms: float
    """From bytes to label: all but one in twenty are faster."""
    clips_per_second: float
    """Many clips, on all cores."""
    cold_start_s: float | None
    """`sutja predict one.wav` from the shell to its answer."""
    cold_start_mb: float | None
    """The most memory that it held, 10**6 bytes. None where the system does not tell."""
    model: str
    machine: dict[str, str | int]


def measure(model: str | os.PathLike[str]) -> Timing:
    """Measure; half a minute.

    Raises
    ------
    BundleError
        When the model cannot be loaded.
    RunError
        When the command cannot be started.

    """
    predictor = Predictor.load(model)
    rate = predictor.bundle.audio.sample_rate
    content = made_clip(rate)
    milliseconds = _steps(predictor, content, made_clip(OTHER_RATE))
    started = time.perf_counter()
    n_found = sum(1 for _ in predictor.predict_many(content for _ in range(N_MANY)))
    clips_per_second = n_found / (time.perf_counter() - started)
    seconds, size = _cold_start(model, content)
    medians = {name: statistics.median(taken) for name, taken in milliseconds.items()}
    return Timing(
        load_ms=medians["load"],
        resample_ms=medians["resample"],
        features_ms=medians["features"],
        network_ms=medians["network"],
        p50_ms=medians["whole"],
        p95_ms=float(np.percentile(milliseconds["whole"], PERCENTILE)),
        clips_per_second=clips_per_second,
        cold_start_s=seconds,
        cold_start_mb=size,
        model=Path(model).name,
        machine=machine(),
    )


def machine() -> dict[str, str | int]:
    """Say what it is measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sutja": __version__,
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def made_clip(sample_rate: int) -> bytes:
    """Make a wav of 16 bits, in memory."""
    n_samples = round(CLIP_SECONDS * sample_rate)
    shape = np.sin(np.pi * np.arange(n_samples) / n_samples)
    waveform = 0.1 * shape * np.random.default_rng(0).normal(0, 1, n_samples)
    file = io.BytesIO()
    soundfile.write(file, np.clip(waveform, -1, 1), sample_rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _steps(predictor: Predictor, content: bytes, content_at_48_khz: bytes) -> dict[str, list[float]]:
    """Take turns over the steps: the milliseconds of each round."""
    audio = predictor.bundle.audio
    configs = [member.features for member in predictor.bundle.members]
    waveform = load_waveform(content, audio)
    shown = [features[None] for features in network_inputs(waveform, audio.sample_rate, configs)]
    steps: dict[str, Callable[[], object]] = {
        "load": lambda: load_waveform(content, audio),
        "resample": lambda: load_waveform(content_at_48_khz, audio),
        "features": lambda: network_inputs(waveform, audio.sample_rate, configs),
        "network": lambda: predictor.probabilities(shown),
        "whole": lambda: predictor.predict(content),
    }
    taken: dict[str, list[float]] = {name: [] for name in steps}
    deadline = time.perf_counter() + MAX_SECONDS
    for step in steps.values():  # warms up
        step()
    for _ in range(N_ROUNDS):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            taken[name].append(1000 * (time.perf_counter() - started))
        if time.perf_counter() > deadline:
            break
    return taken


def _cold_start(model: str | os.PathLike[str], content: bytes) -> tuple[float | None, float | None]:
    """Start the command some times: the median of its seconds and of its largest size in megabytes."""
    if not hasattr(os, "wait4"):
        return None, None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        path.write_bytes(content)
        command = [sys.executable, "-m", "sutja", "predict", str(path), "--model", os.fspath(model)]
        watched = [sys.executable, "-S", "-c", WATCH, *command]
        seconds, sizes = [], []
        for _ in range(N_STARTS):
            ended = subprocess.run(watched, check=False, capture_output=True, text=True)
            if ended.returncode or json.loads(ended.stdout)[0]:
                raise RunError(f"`sutja predict` cannot be started to be measured: {ended.stderr[-500:]}")
            _, taken, size = json.loads(ended.stdout)
            seconds.append(taken)
            sizes.append(size / 1e6)
    return statistics.median(seconds), statistics.median(sizes)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
