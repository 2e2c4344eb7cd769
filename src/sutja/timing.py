"""How fast this machine takes a clip from its bytes to its label, step by step: what `sutja bench` shows.

And how soon a word that is spoken has its answer, and what listening costs: `sutja bench --stream`. Made sound comes
block by block, as of a microphone, in real time; the sound card's own delay, some hundredths of a second, is not in it.

The clip is made, half a second of noise in the shape of a word: what it costs does not hang on what is said. Seconds
are the wall's, medians over rounds in which all steps take turns, so that what else the machine does meets each alike.
"""

from __future__ import annotations

import io
import json
import math
import os
import platform
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile

from sutja import __version__
from sutja.audio import Waveform, load_waveform
from sutja.endpoints import EndpointConfig
from sutja.errors import RunError
from sutja.features import network_inputs
from sutja.live import words_of
from sutja.microphone import BLOCK_SECONDS
from sutja.predictor import Predictor
from sutja.streams import Word

CLIP_SECONDS = 0.5
OTHER_RATE = 48_000  # of a recording that has to be resampled, Hz
N_ROUNDS, N_MANY, N_STARTS = 1000, 3000, 7
STREAM_RATE = 48_000  # of most microphones, Hz
N_WORDS, WORD_SECONDS, PAUSE_SECONDS, QUIET_SECONDS = 20, 0.4, 0.6, 10.0
ROOM, EDGE_SECONDS = 1e-3, 0.01
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


@dataclass(frozen=True)
class StreamTiming:
    """What listening costs here."""

    p50_s: float
    """From a word's end to its answer: the median."""
    p95_s: float
    """From a word's end to its answer: all but one in twenty are faster."""
    look_back_s: float
    """Of that, the silence that ends a word."""
    block_s: float
    """Sound comes in pieces of this length, which a word's end waits for."""
    n_words: int
    """That were told, of those that were said."""
    n_said: int
    words_share: float
    """Of one core while somebody speaks, a word a second."""
    quiet_share: float
    """Of one core while nobody speaks."""
    model: str
    machine: dict[str, str | int]


def measure_stream(model: str | os.PathLike[str]) -> StreamTiming:
    """Listen to made words and then to a quiet room, as to a microphone; half a minute.

    Raises
    ------
    BundleError
        When the model cannot be loaded.

    """
    predictor = Predictor.load(model)
    said, ends = made_words(STREAM_RATE)
    list(words_of(predictor, Paced(said[: 2 * STREAM_RATE], STREAM_RATE)))  # warms up
    room = np.random.default_rng(1).normal(0, ROOM, round(QUIET_SECONDS * STREAM_RATE)).astype(np.float32)
    quiet_share, _ = _listened(predictor, room)
    words_share, told = _listened(predictor, said)
    # The nearest end: a word that is missed, or cut in two, must not shift all that follow.
    late = [at - min(ends, key=lambda end: abs(end - word.end)) for at, word in told]
    return StreamTiming(
        p50_s=float(np.median(late)) if late else math.nan,
        p95_s=float(np.percentile(late, PERCENTILE)) if late else math.nan,
        look_back_s=EndpointConfig().hang_seconds,
        block_s=BLOCK_SECONDS,
        n_words=len(told),
        n_said=len(ends),
        words_share=words_share,
        quiet_share=quiet_share,
        model=Path(model).name,
        machine=machine(),
    )


def _listened(predictor: Predictor, waveform: Waveform) -> tuple[float, list[tuple[float, Word]]]:
    """Return the share of a core, and each word with the second, since the sound began, at which it was told."""
    paced, began = Paced(waveform, STREAM_RATE), time.process_time()
    told = [(time.perf_counter() - paced.began, word) for word in words_of(predictor, paced)]
    return (time.process_time() - began) / (len(waveform) / STREAM_RATE), told


class Paced:
    """A waveform as a microphone gives it: blocks through a queue, each at the moment at which its last sample is said.

    Parameters
    ----------
    waveform
        ``(n_samples,)``.
    sample_rate
        Hz.

    """

    def __init__(self, waveform: Waveform, sample_rate: int) -> None:
        self.name, self.sample_rate, self.n_lost = "made sound", sample_rate, 0
        n_block = round(BLOCK_SECONDS * sample_rate)
        self._blocks = [waveform[start : start + n_block] for start in range(0, len(waveform), n_block)]
        self._queue: queue.Queue[Waveform | None] = queue.Queue()
        self.began = math.nan
        """When the sound began, by `time.perf_counter`."""

    def __iter__(self) -> Iterator[Waveform]:
        thread = threading.Thread(target=self._speak, daemon=True)
        self.began = time.perf_counter()
        thread.start()
        while (block := self._queue.get()) is not None:
            yield block
        thread.join()

    def _speak(self) -> None:
        n_said = 0
        for block in self._blocks:
            n_said += len(block)
            time.sleep(max(0.0, self.began + n_said / self.sample_rate - time.perf_counter()))
            self._queue.put(block)
        self._queue.put(None)


def made_words(sample_rate: int) -> tuple[Waveform, list[float]]:
    """Make words with pauses in a quiet room, ``(n_samples,)``, and say when each ends, seconds.

    They end within a hundredth of a second, so that it is clear when; their distances are no multiple of a block's.
    """
    rng, edge = np.random.default_rng(0), round(EDGE_SECONDS * sample_rate)
    shape = np.ones(round(WORD_SECONDS * sample_rate))
    shape[:edge] = np.linspace(0, 1, edge)
    shape[-edge:] = np.linspace(1, 0, edge)
    parts, ends, n_samples = [], [], 0
    for _ in range(N_WORDS):
        pause = np.zeros(round((PAUSE_SECONDS + rng.uniform(0, BLOCK_SECONDS)) * sample_rate))
        parts += [pause, 0.1 * shape * rng.normal(0, 1, len(shape))]
        n_samples += len(pause) + len(shape)
        ends.append(n_samples / sample_rate)
    waveform = np.concatenate([*parts, np.zeros(sample_rate)])
    return (waveform + rng.normal(0, ROOM, len(waveform))).clip(-1, 1).astype(np.float32), ends


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
