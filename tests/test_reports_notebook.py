"""The notebook before it runs, and what becomes of one that fails; it runs again on its data in test_study."""

from __future__ import annotations

import ast
import json
import re

import pytest

from sutja.errors import DependencyError, RunError
from sutja.reports import notebook
from sutja.texts import LANGUAGES

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

SETTINGS = {"PROJECT": "../내 '과제'", "OUT": ".", "LANGUAGE": "ko", "EPOCHS": 3, "JOBS": 1, "SPEAKER_FROM": None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_prose_is_of_one_language_and_code_the_same_in_all(language):
    built = notebook.build(SETTINGS, language)
    nbformat.validate(built)
    prose = "\n".join(cell.source for cell in built.cells if cell.cell_type == "markdown")
    assert bool(re.search("[가-힣]", prose)) == (language == "ko")
    code = [cell.source for cell in built.cells if cell.cell_type == "code"]
    assert code[1:] == [c.source for c in notebook.build(SETTINGS, "en").cells if c.cell_type == "code"][1:]
    assert len({cell.id for cell in built.cells}) == len(built.cells)
    for source in code:
        ast.parse(source.replace("%matplotlib inline", ""))


def test_the_first_cell_says_what_was_asked():
    code = next(cell for cell in notebook.build(SETTINGS, "en").cells if cell.id == "settings")
    said = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(code.source).body}
    assert said == SETTINGS


def template(monkeypatch, tmp_path, text: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / notebook.TEMPLATE).write_text(text, encoding="utf-8")
    monkeypatch.setattr(notebook.resources, "files", lambda package: tmp_path)


def test_it_is_kept_with_its_outputs(monkeypatch, tmp_path):
    template(monkeypatch, tmp_path, '%% "study.title"\n%% code settings\n%% code all\nOUT, 2 * EPOCHS\n')
    path = notebook.write_notebook(tmp_path, SETTINGS, "ko")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["cells"][2]["outputs"][0]["data"]["text/plain"] == ["('.', 6)"]
    nbformat.validate(nbformat.from_dict(kept))


def test_a_cell_that_fails_leaves_nothing(monkeypatch, tmp_path):
    template(monkeypatch, tmp_path, "%% code settings\n%% code bad\nraise ValueError('no \\n luck')\n")
    with pytest.raises(RunError, match=r"study\.ipynb: a cell of the notebook failed \("):
        notebook.write_notebook(tmp_path, SETTINGS, "en")
    assert not (tmp_path / "study.ipynb").exists()


def test_what_it_needs_is_named(monkeypatch):
    notebook.check_kernel()
    monkeypatch.setattr(notebook, "find_spec", lambda name: None if name == "nbclient" else object())
    with pytest.raises(DependencyError, match=r"nbclient is not installed .*sutja\[study\]"):
        notebook.check_kernel()
