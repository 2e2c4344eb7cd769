"""The environment that a benchmark's peers live in: found, or made."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def find(arguments: argparse.Namespace, environment: Path, packages: Sequence[str], *, what: str) -> Path:
    """Return the interpreter of --keras-python, of SUTJA_KERAS_PYTHON or of ``environment``, which --make-env makes."""
    candidates = [arguments.keras_python, os.environ.get("SUTJA_KERAS_PYTHON"), environment / "bin" / "python"]
    for candidate in candidates:
        if candidate and Path(candidate).exists():
            return Path(candidate)
    if not arguments.make_env:
        sys.exit(f"no environment {what}: name its interpreter by --keras-python, or make {environment} by --make-env")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python
