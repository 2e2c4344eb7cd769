"""What the tests of the core share: the command line, a tiny study that is trained once, ways to compare runs."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from conftest import TINY_LABELS, TINY_RATE, TINY_SPEAKERS, tone, tone_word, write_wav

from sutja.cli import main

# What every tiny run is asked for.
TINY = ("--epochs", "3", "--folds", "2", "--copies", "2", "--seed", "7", "--preset", "reference")


class CutError(BaseException):
    """What Ctrl-C does to a run, for tests that cut one off in their own process: no code may catch it as an error.

    Not KeyboardInterrupt itself: one that came late, out of a generator or a thread that was left behind, would end
    the test run, or pass for the hand of whoever watches it. The real one is sent to processes of their own.
    """


def sutja(*arguments: object) -> Result:
    """Run a command here; the exit status, stdout and stderr are in what comes back."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def sutja_process(*arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "sutja", *map(os.fspath, map(_plain, arguments))]
    return subprocess.run(command, check=False, capture_output=True, text=True, **more)


def _plain(argument: object) -> str | os.PathLike[str]:
    return argument if isinstance(argument, str | os.PathLike) else str(argument)


def run_python(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program text in a process of its own."""
    command = [sys.executable, "-c", program, *map(os.fspath, map(_plain, arguments))]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def refused(result: Result | subprocess.CompletedProcess[str]) -> str:
    """Check that a command ended with one clear sentence and exit status 1; return the sentence."""
    status = result.exit_code if isinstance(result, Result) else result.returncode
    told = result.stderr
    assert status == 1, told
    if isinstance(result, Result):
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in told
    sentences = [line for line in told.splitlines() if line.startswith("sutja: ")]
    assert len(sentences) == 1, told
    assert told.rstrip().endswith(sentences[0])
    return sentences[0].removeprefix("sutja: ")


@contextlib.contextmanager
def counted(*functions: Any) -> Iterator[dict[str, int]]:
    """Count how often functions of Python are called in this thread, by whatever name they were imported."""
    names = {function.__code__: function.__name__ for function in functions}
    counts = dict.fromkeys(names.values(), 0)

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            counts[names[frame.f_code]] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield counts
    finally:
        sys.setprofile(before)


def write_study(root: Path, n_takes: int = 3) -> Path:
    """Write ``train.csv``: the tiny words with label and speaker, one of them longer than the window, three unlabelled.

    The unlabelled rows stand between the others, not in the order of their names.
    """
    rows = []
    for speaker in TINY_SPEAKERS:
        rng = np.random.default_rng(int(speaker))
        for label in TINY_LABELS:
            for take in range(n_takes):
                name = f"clips/{label}_{speaker}_{take}.wav"
                waveform = tone_word(label, rng)
                if (speaker, label, take) == ("02", "1", 0):
                    waveform = np.concatenate([waveform, np.full(9_000, 1e-3, dtype=np.float32)])  # 1.4 s
                write_wav(root / name, waveform, TINY_RATE)
                rows.append((name, label, speaker))
    rng = np.random.default_rng(99)
    for place, label, name in ((30, "2", "clips/z.wav"), (11, "0", "clips/새 목소리.wav"), (3, "1", "clips/a.wav")):
        write_wav(root / name, tone_word(label, rng), TINY_RATE)
        rows.insert(place, (name, "", ""))
    return write_csv(root / "train.csv", [("file_name", "label", "speaker"), *rows])


def sounds(root: Path, *names: str) -> Path:
    """Write a different short tone under each name."""
    for i, name in enumerate(names):
        write_wav(root / name, tone(300 + 50 * i, 0.1, TINY_RATE), TINY_RATE)
    return root


def table(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    """Write the lines of a table, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def write_csv(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Make a folder once for all tests, also where several processes run them."""
    base = factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    folder = base / name
    with _locked(base / f"{name}.lock"):
        if not folder.exists():
            make(folder)
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def tiny_study(factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny study: ``train.csv``, ``clips/`` and ``run/``, what `sutja train` left of it."""
    pytest.importorskip("torch")

    def make(folder: Path) -> None:
        draft = folder.with_name(f"{folder.name} draft")
        data = write_study(draft)
        result = sutja("train", data, "--out", draft / "run", "--jobs", 1, *TINY)
        assert result.exit_code == 0, result.output
        draft.rename(folder)

    return shared(factory, "작은 연구", make)


def numbers(metrics: dict[str, Any]) -> dict[str, Any]:
    """Metrics without what the clock says."""
    return {name: value for name, value in metrics.items() if name != "seconds"}


def same_results(first: Path, second: Path) -> None:
    """Check that two runs left the same numbers: metrics, history, out-of-fold probabilities, networks."""
    assert numbers(read_json(first / "metrics.json")) == numbers(read_json(second / "metrics.json"))
    histories = [
        [{name: value for name, value in row.items() if name != "seconds"} for row in read_csv(run / "history.csv")]
        for run in (first, second)
    ]
    assert histories[0] == histories[1]
    with np.load(first / "out_of_fold.npz") as one, np.load(second / "out_of_fold.npz") as other:
        assert one.files == other.files
        for name in one.files:
            assert name == "paths" or np.array_equal(one[name], other[name]), name
    for path in sorted((first / "model" / "members").iterdir()):
        assert path.read_bytes() == (second / "model" / "members" / path.name).read_bytes()


def nothing_half_written(run: Path) -> None:
    """Check that no draft stayed and that every JSON is whole."""
    for path in run.rglob("*"):
        assert not path.name.startswith("."), path
        if path.suffix == ".json":
            read_json(path)


class Told:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []
        self.steps: list[str] = []
        self.said: list[str] = []

    def stage(self, name: str, total: int, unit: str) -> Callable[[], None]:
        self.stages.append((name, total))
        return lambda: self.steps.append(name)

    def say(self, text: str) -> None:
        self.said.append(text)
