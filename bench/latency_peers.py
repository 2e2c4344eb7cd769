"""The peers of `bench/latency.py`, in an environment of their own: tensorflow-cpu, keras, librosa, pocketsphinx.

Reads one JSON object a line from stdin and answers each with one: ``{"ask": "keras" | "keras_call" | "sphinx",
"paths": [...]}`` gives ``{"ms": [...], "cpu_ms": [...], "words": [...]}``, from the bytes of each file to its answer.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
    os.environ[f"{name}_NUM_THREADS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

N_BINS, N_FRAMES, N_CLASSES = 40, 101, 11
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def main() -> None:
    import keras
    import librosa
    import numpy as np
    import pocketsphinx
    import soundfile
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model, decoder = build(), digits_decoder(pocketsphinx)

    def features(content: bytes) -> Any:
        """Make what the network is shown, as one does with librosa."""
        waveform, rate = librosa.load(io.BytesIO(content), sr=16_000)
        waveform = (waveform - waveform.mean())[: N_FRAMES * 160 - 1]
        settings = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": N_BINS, "fmin": 60.0}
        mel = librosa.feature.melspectrogram(y=waveform, sr=rate, pad_mode="constant", **settings)
        decibels = librosa.power_to_db(mel, ref=np.max)
        left = (N_FRAMES - decibels.shape[1]) // 2
        shown = np.pad(decibels - decibels.min(), ((0, 0), (left, N_FRAMES - decibels.shape[1] - left)))
        return ((shown - shown.mean()) / shown.std())[None, :, :, None]

    def by_sphinx(content: bytes) -> str:
        samples, _ = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
        decoder.start_utt()
        decoder.process_raw(samples[:, 0].tobytes(), full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        return heard.hypstr if heard is not None else ""

    ways: dict[str, Callable[[bytes], str]] = {
        "keras": lambda content: str(model.predict(features(content), verbose=0)[0].argmax()),
        "keras_call": lambda content: str(model(features(content), training=False).numpy()[0].argmax()),
        "sphinx": by_sphinx,
    }
    packages = {"tensorflow": tf, "keras": keras, "librosa": librosa}
    told = {name: package.__version__ for name, package in packages.items()}
    print(json.dumps({"versions": told, "n_parameters": model.count_params()}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(answer(ways[asked["ask"]], asked["paths"])), flush=True)


def answer(way: Callable[[bytes], str], paths: list[str]) -> dict[str, Any]:
    milliseconds, cpu_milliseconds, words = [], [], []
    for path in paths:
        content = Path(path).read_bytes()
        started = time.perf_counter(), time.process_time()
        words.append(way(content))
        milliseconds.append(1000 * (time.perf_counter() - started[0]))
        cpu_milliseconds.append(1000 * (time.process_time() - started[1]))
    return {"ms": milliseconds, "cpu_ms": cpu_milliseconds, "words": words}


def digits_decoder(pocketsphinx: Any) -> Any:
    """Make a decoder with its English model and a grammar of ten words."""
    with tempfile.TemporaryDirectory() as folder:
        grammar = Path(folder) / "digits.gram"
        grammar.write_text(f"#JSGF V1.0;\ngrammar digits;\npublic <digit> = {' | '.join(WORDS)};\n", encoding="utf-8")
        return pocketsphinx.Decoder(jsgf=str(grammar), loglevel="FATAL")


def build() -> Any:
    """Build the network of `digits-en`, as far as a label needs it, as in `sutja.learn.networks.WordNet`."""
    from keras import Model, layers, ops

    def conv(x: Any, n_filters: int, size: int, stride: int | tuple[int, int] = 1) -> Any:
        x = layers.Conv2D(n_filters, size, stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    def block(x: Any, n_out: int, stride: int | tuple[int, int] = 1) -> Any:
        shortcut = x if stride == 1 else conv(x, n_out, 1, stride)
        x = layers.ReLU()(conv(x, n_out, 3, stride))
        return layers.ReLU()(layers.Add()([conv(x, n_out, 3), shortcut]))

    inputs = layers.Input((N_BINS, N_FRAMES, 1))
    x = layers.ReLU()(conv(inputs, 16, 5, 2))
    for n_out, stride in ((32, 2), (32, 1), (64, 2), (64, 1), (128, (1, 2))):
        x = block(x, n_out, stride)
    over_time = ops.mean(x, axis=1)  # (batch, n_frames, n_channels)
    x = ops.concatenate([ops.mean(over_time, axis=1), ops.std(over_time, axis=1)], axis=-1)
    return Model(inputs, layers.Dense(N_CLASSES, activation="softmax")(layers.Dropout(0.2)(x)))


if __name__ == "__main__":
    main()
