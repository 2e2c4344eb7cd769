"""Which tests a commit runs."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOUCHED = runpy.run_path(str(ROOT / "tools" / "touched_tests.py"))["tests_of"]


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        ("src/sutja/features.py", {"test_features", "test_house"}),
        ("src/sutja/learn/folds.py", {"test_learn_folds", "test_house"}),
        ("src/sutja/learn/__init__.py", {"test_learn", "test_house"}),
        ("src/sutja/__init__.py", {"test_surfaces", "test_house"}),
        ("src/sutja/page/app.js", {"test_page", "test_house"}),
        ("src/sutja/reports/templates/audit.html", {"test_reports", "test_reports_pages", "test_house"}),
        ("src/sutja/models/digits-en/model.json", {"test_shipped", "test_surfaces", "test_house"}),
        ("tests/test_audio.py", {"test_audio"}),
        ("tools/same_answers.py", {"test_tools", "test_touched_tests"}),
        ("README.md", {"test_docs", "test_numbers", "test_readme"}),
        ("docs/audit.md", {"test_docs", "test_numbers"}),
        ("docs/house.md", {"test_docs", "test_numbers", "test_house"}),
        ("bench/results/load.json", {"test_numbers"}),
        ("LICENSE", set()),
        ("src/sutja/page.js/gone.py", {"test_surfaces", "test_house"}),
    ],
)
def test_a_file_has_the_tests_of_its_room(file, tests):
    assert set(TOUCHED([file])) == {f"tests/{name}.py" for name in tests}


def test_every_module_has_its_own_test_among_those_that_are_run():
    modules = sorted((ROOT / "src" / "sutja").rglob("*.py"))
    assert len(modules) > 50
    for path in modules:
        room = "_".join(part for part in path.relative_to(ROOT / "src" / "sutja").with_suffix("").parts)
        own = f"tests/test_{room.removesuffix('__init__').rstrip('_')}.py"
        if not path.name.startswith("__"):
            assert own in TOUCHED([str(path.relative_to(ROOT))])


def test_a_helper_has_the_tests_that_use_it():
    found = TOUCHED(["tests/conftest.py"])
    assert {"tests/test_readme.py", "tests/test_audio.py"} <= set(found)
    assert "tests/test_metrics.py" not in found
    assert TOUCHED(["tests/conftest.py", "tests/conftest.py"]) == found


def test_touched_tests_end_as_the_tests_do(tmp_path):
    program = (
        "import runpy, sys; t = runpy.run_path(sys.argv[1]); t['main'].__globals__['tests_of'] = lambda files: files; "
        "sys.argv[1:] = sys.argv[2:]; t['main']()"
    )
    for code, status in (("pass", 0), ("assert False", 1)):
        test = tmp_path / "test_it.py"
        test.write_text(f"def test_it():\n    {code}\n", encoding="utf-8")
        command = [sys.executable, "-c", program, str(ROOT / "tools" / "touched_tests.py"), str(test)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == status
