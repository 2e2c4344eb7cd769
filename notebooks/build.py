"""Generate the notebooks from one source: ``python notebooks/build.py``, or with ``--check`` only compare.

The code and the English prose are in ``reference_study.py``, a plain script in jupytext's percent form, in which each
cell has a key. The Korean prose is in ``reference_study.ko.md``, under the same keys. Both notebooks are written
without outputs, always the same bytes for the same sources.
"""

from __future__ import annotations

import copy
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

HERE = Path(__file__).parent
SOURCE = HERE / "reference_study.py"
KOREAN = HERE / "reference_study.ko.md"
NOTEBOOKS = {"en": HERE / "reference_study.ipynb", "ko": HERE / "reference_study.ko.ipynb"}


def build() -> dict[Path, str]:
    """Return the text of each notebook, by where it belongs."""
    english = read_source(SOURCE)
    korean = translated(english, read_prose(KOREAN))
    return {NOTEBOOKS["en"]: as_text(english), NOTEBOOKS["ko"]: as_text(korean)}


def read_source(path: Path) -> NotebookNode:
    """Read the percent script; every cell must have a key of its own, which becomes its id."""
    notebook = jupytext.read(path)
    keys = [cell.metadata.pop("key", None) for cell in notebook.cells]
    if None in keys or len(set(keys)) != len(keys):
        raise SystemExit(f"{path}: each cell needs a key of its own; found {keys}")
    for cell, key in zip(notebook.cells, keys, strict=True):
        cell["id"] = key
    notebook.metadata = {
        "kernelspec": notebook.metadata["kernelspec"],
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # with ids
    return notebook


def read_prose(path: Path) -> dict[str, str]:
    """Read texts by key from a Markdown file with a line ``<!-- key -->`` before each."""
    parts = re.split(r"^<!-- ([\w-]+) -->\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {key: text.strip() for key, text in zip(parts[1::2], parts[2::2], strict=True)}


def translated(notebook: NotebookNode, prose: dict[str, str]) -> NotebookNode:
    """Return the notebook with other prose and the same code."""
    keys = [cell["id"] for cell in notebook.cells if cell.cell_type == "markdown"]
    if list(prose) != keys:
        raise SystemExit(f"{KOREAN}: has the texts {list(prose)}; expected {keys}, in this order")
    other = copy.deepcopy(notebook)
    for cell in other.cells:
        if cell.cell_type == "markdown":
            cell.source = prose[cell["id"]]
    return other


def as_text(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def main() -> None:
    """Write, or compare."""
    texts = build()
    if sys.argv[1:] == ["--check"]:
        stale = [path.name for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
        if stale:
            raise SystemExit(f"{', '.join(stale)}: differ from their source; run python notebooks/build.py")
        return
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
