"""Thousands of damaged recordings of every kind: `python bench/mutated.py [--json] [--count 2400]`.

Each is read by its bytes, by its path, through an open file that cannot seek and piece by piece. Nothing but a waveform
or an AudioError may come, within two seconds, in less than 200 MB more than before, with nothing on stdout, and the
same by every way. The work is done in a process of its own, with a limit on its memory, so that a crash is a number and
no end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
WORK = "import sys; sys.path.insert(0, {tests!r}); import recordings; recordings.work({first}, {count}, sys.argv[1])"
N_PER_PROCESS = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--count", type=int, default=2400, help="how many")
    arguments = parser.parse_args()
    found = [
        run(first, min(N_PER_PROCESS, arguments.count - first)) for first in range(0, arguments.count, N_PER_PROCESS)
    ]
    result = {
        "bench": "mutated",
        "n_files": sum(part["n_files"] for part in found),
        "n_read": sum(part["n_read"] for part in found),
        "n_refused": sum(part["n_refused"] for part in found),
        "kinds": sorted({kind for part in found for kind in part["kinds"]}),
        "n_foreign_exceptions": sum(len(part["foreign"]) for part in found),
        "n_different_answers": sum(len(part["different"]) for part in found),
        "n_crashes": sum(part["crashed"] for part in found),
        "stdout_bytes": sum(part["stdout_bytes"] for part in found),
        "slowest_s": max(part["slowest_s"] for part in found),
        "most_more_mb": max(part["more_mb"] for part in found),
        "faults": [fault for part in found for fault in (*part["foreign"], *part["different"])][:20],
        "command": " ".join(["python", *sys.argv]),
    }
    for name, value in result.items():
        print(f"{name}: {value}")
    if arguments.json:
        print(json.dumps(result))


def run(first: int, count: int) -> dict:
    """Work in a process of its own."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        code = WORK.format(tests=str(ROOT / "tests"), first=first, count=count)
        done = subprocess.run(
            [sys.executable, "-c", code, file.name],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        )
        part = json.loads(Path(file.name).read_text(encoding="utf-8") or "{}")
    empty = {"n_files": 0, "n_read": 0, "n_refused": 0, "kinds": [], "foreign": [], "different": [], "slowest_s": 0.0}
    return {**empty, "more_mb": 0.0, **part, "crashed": int(done.returncode != 0), "stdout_bytes": len(done.stdout)}


if __name__ == "__main__":
    main()
