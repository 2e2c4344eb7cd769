"""Cuts and full disks at each moment: what the tests try a part of, and `bench/hold_files.py` all of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import attacks
import quick_runs
from conftest import TINY_RATE, tone, write_wav
from faults import Disk, failing
from helpers import CutError, nothing_half_written, same_results, sutja

NO_SPACE = "cannot be written (No space left on device)"


def moments_of(root: Path, work: Any, *, dies: bool) -> list[str]:
    """List the file operations of some work below a folder."""
    with failing(Disk(root, dies=dies)) as disk:
        work()
    return disk.moments


def cut_run(table: Path, run: Path, at: int) -> str:
    """Train and be cut off at a file operation; name it."""
    disk = Disk(run, at=at, dies=True)
    try:
        with failing(disk):
            quick_runs.train(table, run)
    except CutError:
        return disk.moments[-1]
    raise AssertionError(f"moment {at} did not come; there were {len(disk.moments)}")


def resumes(table: Path, run: Path, whole: Path) -> None:
    """Go on with a run, and check that nothing tells that it was cut."""
    quick_runs.train(table, run)
    same_results(whole, run)
    nothing_half_written(run)
    assert not (run / "work").exists()


def cut_everywhere(folder: Path) -> Iterator[str]:
    """Cut a run once at each of its file operations, and go on."""
    table = quick_runs.study(folder / "data")
    with quick_runs.quick():
        quick_runs.train(table, folder / "whole")
        n_moments = len(moments_of(folder / "run", lambda: quick_runs.train(table, folder / "run"), dies=True))
        for at in range(1, n_moments + 1):
            shutil.rmtree(folder / "run", ignore_errors=True)
            moment = cut_run(table, folder / "run", at)
            resumes(table, folder / "run", folder / "whole")
            yield moment


# -- full disks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Command:
    """A command that writes below a folder."""

    arguments: Sequence[object]
    out: Path


def commands(folder: Path) -> dict[str, Command]:
    """Everything on the command line that writes files, on little data."""
    clips = folder / "clips"
    for number in range(4):
        write_wav(clips / f"{number % 2}_s{number}_0.wav", tone(400 + 100 * number, 0.4, TINY_RATE), TINY_RATE)
    run = attacks.small_run(folder / "a run")
    for number in range(12):
        write_wav(run / f"{number}.wav", tone(300 + 50 * number, 0.3, TINY_RATE), TINY_RATE)
    table = quick_runs.study(folder / "data")
    words = (*("train", table, "--preset", "reference", "--protocol", "clips"), *("--epochs", 2, "--folds", 2))
    clip, out = clips / "0_s0_0.wav", folder / "out"
    asked: dict[str, Sequence[object]] = {
        "predict": ("predict", clips, "--out", out / "r.csv"),
        "predict --json": ("predict", clips, "--json", "--out", out / "r.jsonl", "--resume"),
        "data synth": ("data", "synth", out / "voices", "--voices", 1, "--takes", 1, "--labels", "0,1"),
        "train": (*words, "--copies", 1, "--jobs", 1, "--out", out / "run"),
        "train --resume": (*words, "--copies", 1, "--jobs", 1, "--out", out / "run", "--resume"),
        "explain": ("explain", clip, "--out", out / "x.png"),
        "audit": ("audit", run, "--out", out / "audit", "--top", 1),
        "evaluate": ("evaluate", clips, "--out", out / "page.html"),
        "export": ("export", "--out", out / "model.onnx"),
        "explore": ("explore", clips, "--out", out / "page"),
    }
    return {name: Command(arguments, out) for name, arguments in asked.items()}


def is_told(command: Command, at: int) -> str:
    """Run a command on a disk that is full from a moment on: one line, a code, and no draft stays."""
    shutil.rmtree(command.out, ignore_errors=True)
    disk = Disk(command.out, at=at)
    with failing(disk):
        result = sutja(*command.arguments)
    assert disk.failed, f"moment {at} did not come"
    moment = disk.moments[at - 1]
    assert isinstance(result.exception, SystemExit), (moment, result.exception)
    assert result.exit_code == 1, (moment, result.output)
    told = [line for line in result.stderr.splitlines() if line.startswith("sutja: ")]
    assert len(told) == 1, (moment, result.stderr)
    assert NO_SPACE in told[0], (moment, told)
    assert result.stderr.rstrip().endswith(told[0]), (moment, result.stderr)
    assert "Traceback" not in result.output
    left = [path for path in command.out.rglob(".*") if ".draft" in path.name] if command.out.exists() else []
    assert not left, (moment, left)
    return moment


def spread(n_moments: int, n_tried: int) -> list[int]:
    """Choose moments from the first to the last."""
    if n_moments <= n_tried:
        return list(range(1, n_moments + 1))
    return [1 + round(i * (n_moments - 1) / (n_tried - 1)) for i in range(n_tried)]


def full_everywhere(folder: Path, n_tried: dict[str, int]) -> Iterator[str]:
    """Let the disk be full at some moments of each command that is named."""
    with quick_runs.quick():
        for name, command in commands(folder).items():
            if name in n_tried:
                shutil.rmtree(command.out, ignore_errors=True)
                n_moments = len(moments_of(command.out, lambda c=command: sutja(*c.arguments), dies=False))
                for at in spread(n_moments, n_tried[name]):
                    yield f"{name}: {is_told(command, at)}"
