"""Another commit of this repository beside the working tree: for tools and benchmarks that compare the two."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def checkout(commit: str, folder: Path) -> Path:
    """Unpack the package of a commit below ``folder``, once, and return where it is."""
    tree = folder / "checkout"
    if not tree.exists():
        tree.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", tree], input=archive.stdout, check=True)
    return tree


def environment(tree: Path) -> dict[str, str]:
    """Return the environment in which Python takes the package of a checkout, on one thread."""
    return os.environ | {"PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
