"""The study as a notebook of the very run, in the reader's language: built from a template, run, kept with its outputs.

The template ``study_notebook.txt`` has a line ``%%`` before each cell: with keys of the catalogue for prose, a heading
first, and ``%% code NAME`` for code. What is said in between the code's results is said by the code.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Mapping
from importlib import import_module, resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sutja.audio import printable
from sutja.errors import RunError, needs
from sutja.files import write_text
from sutja.texts import Language, say

Notebook = Any
"""An ``nbformat.NotebookNode``: the package has no types."""
TEMPLATE = "study_notebook.txt"
PACKAGES = ("nbformat", "nbclient", "ipykernel")
SETTINGS = "settings"
"""The code cell that is filled in."""
_CELL = re.compile(r"^%%(?P<head> .*)\n", flags=re.MULTILINE)


def check_kernel() -> None:
    """Check that a notebook can be run here.

    Raises
    ------
    DependencyError
        When a package of the extra `study` is not installed.

    """
    for package in PACKAGES:
        if find_spec(package) is None:
            raise needs(package, "study")


def write_notebook(out: Path, settings: Mapping[str, Any], language: Language) -> Path:
    """Write ``out/study.ipynb`` with the outputs of its run.

    Parameters
    ----------
    out
        The study's folder, in which the notebook runs.
    settings
        What its first cell says, by the names of variables.
    language
        Of prose and outputs.

    Raises
    ------
    RunError
        When a cell fails.

    """
    path = out / "study.ipynb"
    notebook = build(settings, language)
    _execute(notebook, path)
    write_text(path, import_module("nbformat").writes(notebook) + "\n")
    return path


def build(settings: Mapping[str, Any], language: Language) -> Notebook:
    """Return the notebook as it is before it ran; the arguments are those of :func:`write_notebook`."""
    v4 = import_module("nbformat.v4")
    text = resources.files(__package__).joinpath("templates", TEMPLATE).read_text(encoding="utf-8")
    pieces = _CELL.split(text)
    cells = []
    for head, body in zip(pieces[1::2], pieces[2::2], strict=True):
        kind, _, name = head.strip().partition(" ")
        if kind == "code":
            filled = "\n".join(f"{each} = {value!r}" for each, value in settings.items())
            cells.append(v4.new_code_cell(filled if name == SETTINGS else body.strip(), id=name))
        else:
            keys = re.findall(r'"([\w.]+)"', head)
            cells.append(v4.new_markdown_cell(_prose(keys, language), id=keys[0].replace(".", "-")))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def _prose(keys: list[str], language: Language) -> str:
    """Write texts as paragraphs, a heading as one."""
    marks = {"title": "# ", "heading": "## "}
    return "\n\n".join(marks.get(key.rpartition(".")[2], "") + say(key, language) for key in keys)


def _execute(notebook: Notebook, path: Path) -> None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    where = {"metadata": {"path": str(path.parent)}}
    quiet = ["--IPKernelApp.log_level=40"]  # it warns of its transport, which stays on this machine
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", resources=where, extra_arguments=quiet)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its transport, about nothing that a reader could do
        try:
            asyncio.run(client.async_execute())
        except (CellExecutionError, DeadKernelError) as error:
            last = str(error).strip().splitlines()[-1]
            raise RunError(f"{printable(path)}: a cell of the notebook failed ({last}); tell its makers") from error
