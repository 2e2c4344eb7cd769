"""How files hold: cuts at every operation, kills, full disks, and files that were signed again with other contents.

It runs what `tests/test_hold_files.py` tries a part of, in full, in folders of its own. Each stage counts what it tried
and what did not hold; a stage without failures holds.
"""

from __future__ import annotations

import argparse
import collections
import csv
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

import attacks  # noqa: E402
import holds  # noqa: E402
import models  # noqa: E402
from conftest import TINY_RATE, tone, write_wav  # noqa: E402
from helpers import same_results, write_study  # noqa: E402
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402

from sutja import bundle  # noqa: E402

FULL_DISK = {
    "predict": 9, "predict --json": 9, "data synth": 9, "train": 20, "train --resume": 3, "explain": 5, "audit": 5,
    "evaluate": 4, "export": 4, "explore": 3,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000, help="to predict, with --kills kills")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--trainings", type=int, default=12, help="kills of trainings")
    parser.add_argument("--models", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--only", action="append", choices=list(STAGES), help="this stage alone; may be repeated")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"cores": os.cpu_count(), "load_average": [round(n, 1) for n in os.getloadavg()]}
    for name, stage in STAGES.items():
        if arguments.only and name not in arguments.only:
            continue
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="hold ") as folder:
            found = stage(Path(folder), arguments)
        result[name] = found | {"seconds": round(time.perf_counter() - started, 1)}
        print(f"{name}: {json.dumps(result[name])}", file=sys.stderr)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))
    held = all(not stage.get("failures") for stage in result.values() if isinstance(stage, dict))
    sys.exit(0 if held else 1)


# -- predictions that are killed ------------------------------------------------------------------------------------


def killed_predictions(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Predict many files and be killed again and again, as CSV and as JSON: each file has its line once."""
    found: dict[str, Any] = {"files": arguments.files, "kills": 0, "peak_mib": [], "failures": []}
    clips = folder / "clips"
    clips.mkdir()
    clip = write_wav(folder / "clip.wav", tone(440, 0.3, TINY_RATE), TINY_RATE)
    odd = ('"', '""', ",", "\n", "\\", "é", "🎙", "a")
    for number in range(arguments.files):
        os.link(clip, clips / f"{number:06d}{odd[number % len(odd)]}.wav")
    wanted = collections.Counter(str(path) for path in clips.iterdir())
    for form in ((), ("--json",)):
        out = folder / ("r.jsonl" if form else "r.csv")
        command = [sys.executable, "-m", "sutja", "predict", str(clips), "--out", str(out), "--resume", *form]
        for kill in range(arguments.kills):
            goal = arguments.files * (kill + 1) // (arguments.kills + 2)
            found["kills"] += _kill_at(command, out, goal)
        ended, peak = _measured(command, folder / "told")
        found["peak_mib"].append(peak)
        lines = collections.Counter(_paths(out, as_json=bool(form)))
        if ended != 0 or lines != wanted:
            found["failures"].append(f"{out.name}: status {ended}, {len(lines)} of {len(wanted)} paths")
    small = folder / "small"
    small.mkdir()
    for path in itertools.islice(clips.iterdir(), 300):
        os.link(path, small / path.name)
    command = [sys.executable, "-m", "sutja", "predict", str(small), "--out", str(folder / "few.csv")]
    few = _measured(command, folder / "told")[1]
    found["peak_mib_of_300"] = few
    if max(found["peak_mib"]) - few > 100:
        found["failures"].append("memory grows by more than 100 MiB")
    return found


def _kill_at(command: list[str], out: Path, n_lines: int) -> bool:
    """Start a command and kill it when its file has so many lines; tell whether it was still at work."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and _n_lines(out) < n_lines:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def _n_lines(out: Path) -> int:
    return out.read_bytes().count(b"\n") if out.exists() else 0


def _paths(out: Path, *, as_json: bool) -> Iterator[str]:
    with out.open(encoding="utf-8", newline="") as file:
        yield from (json.loads(line)["path"] for line in file) if as_json else (r["path"] for r in csv.DictReader(file))


# Of the program itself: what the system counts of a child begins with what its parent has.
MEASURED = """
import sys; from sutja.cli import main
try: main(sys.argv[2:])
except SystemExit as end: status = end.code or 0
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
open(sys.argv[1], "w").write(f"{status} {peak}")
"""


def _measured(command: list[str], told: Path) -> tuple[int, float]:
    """Run a command; return its exit status and the most memory it had, MiB."""
    asked = [sys.executable, "-c", MEASURED, str(told), *command[3:]]
    subprocess.run(asked, check=True, capture_output=True)
    status, peak = map(int, told.read_text(encoding="utf-8").split())
    return status, round(peak / 1024, 1)


# -- trainings that are killed --------------------------------------------------------------------------------------


def killed_trainings(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Kill trainings at moments drawn at random, go on, and compare with the one that was left in peace."""
    table = write_study(folder / "data")
    words = (*("--preset", "reference", "--epochs", "3", "--folds", "2", "--copies", "2"), *("--jobs", "1"))
    command = [
        sys.executable,
        "-m",
        "sutja",
        "train",
        str(table),
        "--protocol",
        "speakers",
        *words,
        "--resume",
        "--out",
    ]
    started = time.monotonic()
    subprocess.run([*command, str(folder / "whole")], check=True, capture_output=True)
    took, rng = time.monotonic() - started, random.Random(929)
    found: dict[str, Any] = {"kills": 0, "equal": 0, "failures": []}
    for number in range(arguments.trainings):
        run = folder / f"run {number}"
        process = subprocess.Popen([*command, str(run)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.3, 1.0) * took)
        process.send_signal(signal.SIGKILL)
        found["kills"] += process.wait() == -signal.SIGKILL
        ended = subprocess.run([*command, str(run)], check=False, capture_output=True, text=True)
        try:
            same_results(folder / "whole", run)
            found["equal"] += 1
        except (AssertionError, OSError):
            found["failures"].append(ended.stderr[-300:])
        shutil.rmtree(run, ignore_errors=True)
    return found


# -- cuts, full disks, wrong contents ---------------------------------------------------------------------------------


def cuts(folder: Path, _: argparse.Namespace) -> dict[str, Any]:
    """Cut a run once at each of its file operations, and resume it."""
    return _counted(holds.cut_everywhere(folder))


def full_disks(folder: Path, _: argparse.Namespace) -> dict[str, Any]:
    """Let the disk be full at moments of every command that writes."""
    return _counted(holds.full_everywhere(folder, FULL_DISK))


def _counted(moments: Iterator[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"moments": 0, "failures": []}
    try:
        for _ in moments:
            found["moments"] += 1
    except Exception:
        found["failures"].append(traceback.format_exc()[-600:])
    return found


def signed_models(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Load and ask models that were changed and signed again."""
    bundle.save(models.make_bundle(models.SMALL, threshold=0.5), folder / "model")
    manifest = json.loads((folder / "model" / "model.json").read_text(encoding="utf-8"))
    waveform = tone(440, 0.4, TINY_RATE)

    def use(changed: Any) -> None:
        (folder / "model" / "model.json").write_bytes(attacks.signed(changed))
        attacks.use_model(folder / "model", waveform)

    return _tried(attacks.changed(manifest), arguments.models, use)


def changed_runs(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Read, report and review runs one of whose files was changed."""
    run = attacks.small_run(folder / "run")
    attacks.use_run(run)
    return _tried(attacks.changed_run(run, folder / "changed"), arguments.runs, attacks.use_run)


def _tried(strategy: Any, n_tried: int, use: Callable[[Any], None]) -> dict[str, Any]:
    found: dict[str, Any] = {"tried": 0, "failures": []}
    how = {"database": None, "deadline": None, "derandomize": True, "phases": [Phase.generate]}

    @settings(max_examples=n_tried, suppress_health_check=list(HealthCheck), **how)
    @given(strategy)
    def tried(value: Any) -> None:
        found["tried"] += 1
        try:
            use(value)
        except Exception:
            found["failures"].append(traceback.format_exc()[-600:])

    tried()
    return found


STAGES: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "cuts": cuts,
    "full_disks": full_disks,
    "signed_models": signed_models,
    "changed_runs": changed_runs,
    "killed_trainings": killed_trainings,
    "killed_predictions": killed_predictions,
}

if __name__ == "__main__":
    main()
