"""Run the tests of the rooms that files belong to: `python tools/touched_tests.py FILE...`; `--list` names them only.

For pre-commit, which hands over the files of a commit. `src/sutja/learn/folds.py` is tested by
`tests/test_learn_folds.py`, and by `tests/test_house.py` as everything in the package; what has no test of its own, by
the test of the folder that it is in. It does not replace `make test`: a change can break a room that uses it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
# Files that are not Python, by the beginning of their path; all that fit count.
OTHERS = {
    "src/sutja/models/": ("test_shipped",),
    "src/sutja/reports/templates/": ("test_reports_pages",),
    "notebooks/": ("test_notebook",),
    "bench/": ("test_numbers",),
    "tools/": ("test_tools", "test_touched_tests"),
    "pyproject.toml": ("test_house",),
    ".pre-commit-config.yaml": ("test_touched_tests",),
    "README.md": ("test_readme",),
    "docs/guide.md": ("test_readme",),
    "docs/http.md": ("test_readme",),
    "docs/house.md": ("test_house",),
}


def main() -> None:
    files = [name for name in sys.argv[1:] if name != "--list"]
    tests = tests_of(files)
    if "--list" in sys.argv[1:]:
        print("\n".join(tests))
    elif tests:
        sys.exit(subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=ROOT, check=False).returncode)


def tests_of(files: Iterable[str]) -> list[str]:
    """Name the test files of files, both as paths from the root of the repository, each once."""
    names = {name for file in files for name in _names(file)}
    return [f"tests/{name}.py" for name in sorted(names) if (TESTS / f"{name}.py").exists()]


def _names(file: str) -> set[str]:
    path = Path(file)
    names = {name for start, tests in OTHERS.items() if file.startswith(start) for name in tests}
    if path.suffix == ".md":
        names |= {"test_docs", "test_numbers"}
    if file.startswith("tests/") and path.suffix == ".py":
        names |= {path.stem} if path.stem.startswith("test_") else _importing(path.stem)
    if file.startswith("src/sutja/"):
        names |= {"test_house", _of_room(path)}
    return names


def _of_room(path: Path) -> str:
    """Name the test of a file of the package, or of the nearest folder above it that has one."""
    parts = [part for part in path.with_suffix("").parts[2:] if part != "__init__"]
    while parts and not (TESTS / f"test_{'_'.join(parts)}.py").exists():
        parts.pop()
    return f"test_{'_'.join(parts)}" if parts else "test_surfaces"


def _importing(helper: str) -> set[str]:
    """Name the tests that use a module of the tests."""
    line = re.compile(rf"^\s*(from|import) {re.escape(helper)}\b", flags=re.M)
    return {path.stem for path in TESTS.glob("test_*.py") if line.search(path.read_text(encoding="utf-8"))}


if __name__ == "__main__":
    main()
