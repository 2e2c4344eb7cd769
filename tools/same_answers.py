"""Tell whether two checkouts give the same answers to the last digit: `python tools/same_answers.py COMMIT`.

For a change that is to change nothing: a move of files, another seam. The commit and the working tree each make
synthetic voices, train both presets a little, predict, evaluate under stress, inspect, audit and export; what they
leave is compared byte by byte, without times, places and versions. With SUTJA_DATA real recordings are asked about
as well. Takes some minutes; exits with 1 where an answer differs.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from checkouts import ROOT, checkout, environment

# What the clock, the place and the version say.
IGNORED = {"seconds", "paths", "path", "other_path", "command", "versions", "sutja", "sha256", "data", "roots", "root"}
QUICK = ("--epochs", "2", "--folds", "2", "--copies", "2", "--jobs", "1", "--seed", "5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="that is compared with the working tree")
    parser.add_argument("--keep", type=Path, help="folder for what both leave; a temporary one if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        before = _answers(checkout(options.commit, folder), folder / "before")
        after = _answers(ROOT, folder / "after")
    differing = sorted(name for name in before | after if before.get(name) != after.get(name))
    for name in differing:
        print(f"differs: {name}")
    print(f"{len(before)} answers of {options.commit}, {len(differing)} differ in the working tree")
    sys.exit(bool(differing))


def _answers(tree: Path, out: Path) -> dict[str, str]:
    """Run everything with the package of a checkout, and give a digest of each answer by its name."""
    answers = out / "answers"
    if not answers.exists():
        answers.mkdir(parents=True)
        _run_all(tree, out, answers)
    digests = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        content = _comparable(path)
        if content is not None:
            digests[path.relative_to(out).as_posix()] = hashlib.sha256(content).hexdigest()
    return digests


def _run_all(tree: Path, out: Path, answers: Path) -> None:
    def sutja(name: str, *arguments: object) -> None:
        command = [sys.executable, "-m", "sutja", *map(str, arguments)]
        done = subprocess.run(command, cwd=out, env=environment(tree), check=False, capture_output=True)
        (answers / f"{name}.json").write_bytes(done.stdout)
        if done.returncode:
            raise SystemExit(f"{name}: {' '.join(command)}\n{done.stderr.decode()}")

    sutja("synth", "data", "synth", "voices", "--voices", 4, "--takes", 2, "--labels", "0,1,2,3")
    sutja("info", "data", "info", "voices", "--json")
    sutja("reference", "train", "voices", "--preset", "reference", "--out", "reference", *QUICK)
    more: tuple[str, ...] = ("--refuse", "3", "--synthetic-voices", "2", "--extra", "voices")
    if (tree / "src" / "sutja" / "lexicon.py").exists():
        # Before, English was the only language, and figures were read as they are written where not all ten were there.
        more += ("--language", "en", *(part for digit in "012" for part in ("--spoken", f"{digit}={digit}")))
    sutja("other", "data", "synth", "others", "--voices", 3, "--takes", 2, "--labels", "0,1,2,3", "--seed", 8)
    sutja("robust", "train", "others", "--preset", "robust", "--protocol", "speakers", "--out", "robust", *QUICK, *more)
    sutja("predict", "predict", "voices", "--model", "robust", "--json")
    sutja("evaluate", "evaluate", "voices", "--model", "reference", "--json", "--stress")
    sutja("shipped", "evaluate", "voices", "--json")
    sutja("audit", "audit", "robust", "--out", "audit")
    sutja("explain", "explain", "voices/data/01/1_01_0.wav", "--json")
    sutja("export", "export", "--out", "digits.onnx")
    data = os.environ.get("SUTJA_DATA")
    for corpus in ("audiomnist_sample", "fsdd/recordings", "arabic/clips") if data else ():
        sutja(f"corpus_{corpus.partition('/')[0]}", "predict", f"{data}/{corpus}", "--json")


def _comparable(path: Path) -> bytes | None:
    """Return what of a file is to be the same, or None where it is told by others."""
    if path.suffix in (".html", ".png", ".svg", ".lock") or path.name in ("config.json", "model.json"):
        return None
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return b"".join(name.encode() + file[name].tobytes() for name in sorted(file.files) if name not in IGNORED)
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return repr([_stripped(row) for row in csv.DictReader(file)]).encode()
    if path.suffix == ".json":
        return _without_ignored(path.read_text(encoding="utf-8")).encode()
    return path.read_bytes()


def _without_ignored(text: str) -> str:
    """Take one JSON value, or one a line, and give it without what may differ."""
    try:
        return json.dumps(_stripped(json.loads(text)), sort_keys=True)
    except ValueError:
        return "\n".join(_without_ignored(line) for line in text.splitlines()) if "\n" in text.strip() else text


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stripped(inner) for name, inner in value.items() if name not in IGNORED}
    return [_stripped(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
