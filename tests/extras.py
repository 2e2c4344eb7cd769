"""What the extras bring, and how to do without: for tests of what the run-time install can do alone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = ("train", "explore", "synth", "serve", "onnx", "ffmpeg", "tables", "mic", "study", "cluster")


def dependencies(extra: str | None) -> set[str]:
    """Return the packages of an extra, or of the run-time install, by the names that they are imported by."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] if extra is None else project["optional-dependencies"].get(extra, [])
    packages = {re.match(r"[\w-]+", text).group().lower() for text in wanted if not text.startswith("sutja")}
    return {{"scikit-learn": "sklearn"}.get(package, package.replace("-", "_")) for package in packages}


OPTIONAL = set().union(*map(dependencies, EXTRAS)) - dependencies(None) | {"scipy", "librosa"}


def without(packages: set[str]) -> str:
    """Put before a program, this makes Python see none of these packages."""
    return f"""
import sys
class Without:
    def __init__(self, finder): self.finder = finder
    def __getattr__(self, name): return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in {sorted(packages)!r}
        return None if hidden else self.finder.find_spec(name, path, target)
sys.meta_path[:] = map(Without, sys.meta_path)
"""


WITHOUT_EXTRAS = without(OPTIONAL)
