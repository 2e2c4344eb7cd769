"""The reference study's training in Keras, written from its specification: the peer of `bench/training.py`.

Runs in an environment of its own that needs tensorflow-cpu and numpy only:

    python keras_reference.py INPUTS.npz --jobs mel:0,mfcc:0 --epochs 50

``INPUTS.npz`` holds ``mel`` and ``mfcc`` (n, 40, 40) float32, ``targets`` (n,), and ``train_0``, ``valid_0``, ...: the
rows of each fold. Prints one JSON object: for each network its seconds an epoch, its history and, of the fold it was
judged on, the probabilities.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", type=Path)
    parser.add_argument("--jobs", required=True, help="member:fold, comma between")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--threads", type=int, default=0, help="0: TensorFlow's own choice")
    parser.add_argument("--seed", type=int, default=929)
    arguments = parser.parse_args()
    import keras
    import numpy as np
    import tensorflow as tf

    if arguments.threads:
        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
        tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    keras.utils.set_random_seed(arguments.seed)
    inputs = dict(np.load(arguments.inputs))
    results = []
    started = time.perf_counter()
    for job in arguments.jobs.split(","):
        member, fold = job.split(":")
        results.append(train(inputs, member, int(fold), arguments.epochs))
    print(
        json.dumps(
            {
                "networks": results,
                "seconds": time.perf_counter() - started,
                "n_parameters": build().count_params(),
                "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
            }
        )
    )


def build(n_classes: int = 10) -> Any:
    """Build the study's network: 84 522 parameters with 10 classes."""
    from keras import Model, layers

    def conv(x: Any, n_filters: int, size: int) -> Any:
        return layers.Conv2D(n_filters, size, padding="same", kernel_initializer="he_normal")(x)

    def residual(x: Any, n_in: int, n_out: int) -> Any:
        shortcut = conv(x, n_out, 1)
        for n_filters, size in ((n_in, 1), (n_in, 3), (n_out, 1)):
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            x = conv(x, n_filters, size)
        return layers.ReLU()(layers.Add()([x, shortcut]))

    inputs = layers.Input((40, 40, 1))
    x = conv(inputs, 16, 3)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.MaxPooling2D(2)(x)
    x = residual(x, 16, 32)
    x = layers.MaxPooling2D(2)(x)
    x = residual(x, 32, 32)
    x = residual(x, 32, 64)
    x = layers.MaxPooling2D(2)(x)
    x = residual(x, 64, 64)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(32, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(0.5)(x)
    return Model(inputs, layers.Dense(n_classes, activation="softmax")(x))


def train(inputs: dict[str, Any], member: str, fold: int, epochs: int) -> dict[str, Any]:
    """One network from scratch, its best weights by validation loss, and what they say of the fold."""
    import keras

    class Clock(keras.callbacks.Callback):
        """Wall and CPU seconds of each epoch with its validation."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.seconds: list[float] = []
            self.cpu_seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.started = time.perf_counter(), time.process_time()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # the validation is over by then
            self.seconds.append(time.perf_counter() - self.started[0])
            self.cpu_seconds.append(time.process_time() - self.started[1])

    x, y = inputs[member][..., None], inputs["targets"]
    learned, held_out = inputs[f"train_{fold}"], inputs[f"valid_{fold}"]
    keras.backend.clear_session()
    model = build()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        best = str(Path(folder) / "best.weights.h5")
        keep = keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True, save_weights_only=True)
        history = model.fit(
            x[learned],
            y[learned],
            validation_data=(x[held_out], y[held_out]),
            batch_size=32,
            epochs=epochs,
            callbacks=[keep, clock],
            verbose=0,
        )
        model.load_weights(best)
    probabilities = model.predict(x[held_out], verbose=0)
    return {
        "member": member,
        "fold": fold,
        "epoch_seconds": clock.seconds,
        "epoch_cpu_seconds": clock.cpu_seconds,
        "valid_loss": [float(v) for v in history.history["val_loss"]],
        "probabilities": probabilities.astype(float).round(6).tolist(),
    }


if __name__ == "__main__":
    main()
