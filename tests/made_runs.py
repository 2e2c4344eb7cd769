"""What an audit reads of a run, made without training: for the tests of the review and of the audit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from conftest import TINY_RATE, write_wav

from sutja.clips import Clip
from sutja.dataset import scan


def make_run(folder: Path, clips, *, n_copies: int = 1, probabilities=None, protocol: str = "clips") -> Path:
    """Write what the audit reads of a run; without probabilities the networks agree with every label."""
    labels = sorted({clip.label for clip in clips})
    targets = np.array([labels.index(clip.label) for clip in clips])
    if probabilities is None:
        probabilities = np.full((len(clips), len(labels)), 0.05 / (len(labels) - 1))
        probabilities[np.arange(len(clips)), targets] = 0.95
    rows = np.repeat(np.asarray(probabilities, dtype=np.float32), n_copies, axis=0)
    repeated = [clip for clip in clips for _ in range(n_copies)]
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / "out_of_fold.npz",
        names=np.array([c.name for c in repeated]),
        paths=np.array([str(c.path) for c in repeated]),
        speakers=np.array([c.speaker or "" for c in repeated]),
        true_labels=np.array([c.label for c in repeated]),
        folds=np.ones(len(repeated), dtype=np.int64),
        labels=np.array(labels),
        mel=rows,
        mfcc=rows,
        ensemble=rows,
    )
    (folder / "config.json").write_text("{}")
    (folder / "metrics.json").write_text(json.dumps({"protocol": protocol}))
    return folder


def rewrite(run: Path, **changes) -> None:
    """Change arrays of a run; None takes one away."""
    with np.load(run / "out_of_fold.npz") as file:
        arrays = dict(file) | changes
    np.savez(run / "out_of_fold.npz", **{name: value for name, value in arrays.items() if value is not None})


def spoil(run: Path, *, doubtful: tuple[int, ...] = (), unknown: tuple[int, ...] = ()) -> None:
    """Let the networks contradict some labels, and recognise nothing in some clips."""
    with np.load(run / "out_of_fold.npz") as file:
        rows = file["ensemble"].copy()
    for index in doubtful:
        rows[index] = np.roll(rows[index], 1)
    rows[list(unknown)] = 1 / rows.shape[1]
    rewrite(run, ensemble=rows, mel=rows, mfcc=rows)


def make_doubtful_run(folder: Path, clips) -> Path:
    """Write a run whose networks contradict two labels and recognise nothing in one clip."""
    run = make_run(folder, clips)
    spoil(run, doubtful=(0, 20), unknown=(11,))
    return run


def with_copy(dataset: Path) -> tuple[Clip, ...]:
    """Lay one speaker's recording into another's folder, too."""
    noise = np.random.default_rng(3).normal(0, 0.1, TINY_RATE // 2).astype(np.float32)
    for name in ("04/2_04_8", "01/2_01_9"):
        write_wav(dataset / "data" / f"{name}.wav", noise, TINY_RATE)
    return scan(dataset).labelled
