"""A project as a student has it: train.csv, test.csv and two folders; and the study that was made of it, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from conftest import TINY_RATE, tone_word, write_wav
from helpers import Told, shared, write_csv

from sutja.files import write_bytes

LABELS = ("0", "1")
N_CLIPS = 6  # of each label
N_TEST = 4
TOO_LONG = 21_000  # samples: 1.3 s


def write_project(
    root: Path, labels: Sequence[str] = LABELS, *, n_clips: int = N_CLIPS, n_test: int = N_TEST, n_speakers: int = 0
) -> Path:
    """Write the project; with speakers ``train.csv`` has a column more."""
    rng = np.random.default_rng(929)
    said = [(label, take) for label in labels for take in range(n_clips)]
    rows = []
    for number, (label, take) in enumerate(said, start=1):
        waveform = tone_word(str(labels.index(label)), rng)
        if number == 2:
            waveform = np.concatenate([waveform, np.full(TOO_LONG - len(waveform), 1e-3, dtype=np.float32)])
        write_wav(root / "train" / f"{number:03}.wav", waveform, TINY_RATE)
        rows.append((f"{number:03}.wav", label, *([f"s{take % n_speakers}"] if n_speakers else [])))
    write_csv(root / "train.csv", [("file_name", "label", *(["speaker"] if n_speakers else [])), *rows])
    for number in range(1, n_test + 1):
        write_wav(root / "test" / f"{number:03}.wav", tone_word(str(number % len(labels)), rng), TINY_RATE)
    if n_test:
        write_csv(root / "test.csv", [("file_name",), *((f"{number:03}.wav",) for number in range(1, n_test + 1))])
    return root


def made_study(factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that was made: ``project/`` and ``run/``, in Korean."""
    from sutja import recipe, study
    from sutja.reports import notebook

    def report(run: Path, found: object) -> Path:  # drawing those of three runs takes most of the time
        for name in (f"{member}_{fold}" for member in ("mel", "mfcc") for fold in range(1, 6)):
            write_bytes(run / "figures" / f"{name}.png", name.encode())
        return run

    def make(folder: Path) -> None:
        draft = folder.with_name(f"{folder.name} draft")
        write_project(draft / "project", n_speakers=2)
        asked = study.Asked(draft / "project", draft / "run", epochs=1, language="ko", n_jobs=1)
        # The notebook runs once, in the test that it is for: a kernel takes as long as the trainings.
        unrun = mock.patch.object(notebook, "_execute", return_value=None)
        with mock.patch.object(recipe, "write_report", report), unrun:
            study.conduct(asked, Told())
        draft.rename(folder)

    return shared(factory, "made study", make)


def asked_of(folder: Path, **changes: object):
    """What was asked of the study that was made."""
    from sutja import study

    asked = study.Asked(folder / "project", folder / "run", epochs=1, language="ko", n_jobs=1, resume=True)
    return replace(asked, **changes)
