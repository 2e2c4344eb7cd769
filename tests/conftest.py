"""Shared helpers: synthetic sound, a tiny data set, the real recordings where they are."""

from __future__ import annotations

import json
import os
import signal
import threading
from fnmatch import fnmatch
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

TINY_RATE = 8_000
TINY_LABELS = ("0", "1", "2")
TINY_SPEAKERS = ("01", "02", "03", "04")

# Whose tests compare or learn numbers: they hold on any processor (`make test-portable`).
NUMERIC = (
    "test_audio", "test_augment", "test_calibration", "test_cli_evaluate", "test_cli_explain", "test_cli_predict",
    "test_endpoints", "test_ensemble", "test_evaluation", "test_export", "test_features", "test_graph", "test_learn*",
    "test_metrics", "test_predictor", "test_profile", "test_recipe", "test_relevance", "test_reports_doubts",
    "test_reports_duplicates", "test_robust", "test_shipped", "test_stress", "test_surfaces", "test_synth",
)  # fmt: skip


def pytest_configure(config):
    os.environ.pop("SUTJA_LANG", None)  # people are spoken to in English, wherever the tests run
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name, "").lower().startswith("ko"):
            os.environ[name] = "C.UTF-8"
    hypothesis.settings.register_profile("without a clock", deadline=None)  # a machine that is busy breaks no law
    hypothesis.settings.load_profile("without a clock")
    # Behind a shell's `&` Ctrl-C is ignored, and stays so in every process that is started, also by tests that send it.
    # A handler of ours is the default again where another program begins.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    for item in items:
        if any(fnmatch(item.path.stem, pattern) for pattern in NUMERIC):
            item.add_marker("numeric")


def pytest_make_parametrize_id(config, val, argname):
    """Name bytes by what they are: files hold times and random serials, and parallel workers must agree on names."""
    return "bytes" if isinstance(val, bytes) else None


def tone(frequency: float, seconds: float, sample_rate: int) -> NDArray[np.float32]:
    """Half-scale sine, float32 (n_samples,)."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def write_wav(path: Path, waveform: NDArray[np.float32], sample_rate: int) -> Path:
    """16-bit wav, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # soundfile takes names in UTF-8 only
        soundfile.write(file, waveform, sample_rate, subtype="PCM_16", format="WAV")
    return path


def tone_word(label: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """Two tones in a row, their order and height given by the label, in a voice of its own and light noise."""
    low = 400 * 1.6 ** int(label)
    voice = rng.uniform(0.95, 1.05)
    parts = [tone(low * voice, 0.15, TINY_RATE), tone(2 * low * voice, rng.uniform(0.1, 0.2), TINY_RATE)]
    waveform = np.concatenate(parts)
    return waveform + rng.normal(0, 0.005, len(waveform)).astype(np.float32)


@pytest.fixture
def tiny_dataset(tmp_path: Path) -> Path:
    """Three labels, four speakers, three takes, in AudioMNIST's layout."""
    root = tmp_path / "tiny"
    for speaker in TINY_SPEAKERS:
        rng = np.random.default_rng(int(speaker))
        for label in TINY_LABELS:
            for take in range(3):
                path = root / "data" / speaker / f"{label}_{speaker}_{take}.wav"
                write_wav(path, tone_word(label, rng), TINY_RATE)
    people = {speaker: {"age": 20 + int(speaker), "gender": "none"} for speaker in TINY_SPEAKERS}
    (root / "data" / "audioMNIST_meta.txt").write_text(json.dumps(people), encoding="utf-8")
    return root


@pytest.fixture
def corpora() -> Path:
    """Where the real recordings are; use it with the marker `corpus`."""
    if not os.environ.get("SUTJA_DATA"):
        pytest.skip("SUTJA_DATA is not set: needs the real recordings")
    return Path(os.environ["SUTJA_DATA"])
