"""The notebooks: one source, two languages, and every cell of it runs."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("espeakng_loader")
pytest.importorskip("torch")

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
TINY = {"EPOCHS": 2, "FOLDS": 2, "COPIES": 2, "VOICES": 6, "CLIPS": 8, "JOBS": 1}


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build_notebooks", NOTEBOOKS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The English notebook after a run on synthetic voices, and what it found."""
    work = tmp_path_factory.mktemp("notebook")
    changes = {f"SUTJA_NOTEBOOK_{name}": str(value) for name, value in TINY.items()}
    changes |= {"SUTJA_NOTEBOOK_WORK": str(work), "SUTJA_DATA": "", "IPYTHONDIR": str(work / "ipython")}
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        notebook = nbformat.read(NOTEBOOKS / "reference_study.ipynb", as_version=4)
        where = {"metadata": {"path": str(work)}}
        nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return notebook, json.loads((work / "study.json").read_text(encoding="utf-8"))


def test_notebooks_are_what_their_source_says(build):
    for path, text in build.build().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python notebooks/build.py"


def test_check_tells_a_stale_notebook(build, monkeypatch):
    monkeypatch.setattr(build, "build", lambda: {NOTEBOOKS / "reference_study.ipynb": "{}"})
    monkeypatch.setattr(sys, "argv", ["build.py", "--check"])
    with pytest.raises(SystemExit, match=r"reference_study\.ipynb: differ"):
        build.main()


def test_both_languages_have_the_same_code_and_no_outputs():
    english, korean = (
        nbformat.read(NOTEBOOKS / name, as_version=4) for name in ("reference_study.ipynb", "reference_study.ko.ipynb")
    )
    assert [c.id for c in english.cells] == [c.id for c in korean.cells]
    for one, other in zip(english.cells, korean.cells, strict=True):
        if one.cell_type == "code":
            assert one.source == other.source
            assert one.outputs == other.outputs == []
        else:
            assert re.search("[가-힣]", other.source)
            assert not re.search("[가-힣]", one.source)


def test_prose_of_both_languages_has_the_same_headings_and_numbers(build):
    notebook = build.read_source(build.SOURCE)
    korean = build.read_prose(build.KOREAN)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            marks = [re.findall(r"^#+ (?:\d+\.)?", text, re.MULTILINE) for text in (cell.source, korean[cell["id"]])]
            assert marks[0] == marks[1], cell["id"]


def test_missing_prose_is_told(build):
    notebook = build.read_source(build.SOURCE)
    prose = build.read_prose(build.KOREAN)
    del prose["mel"]
    with pytest.raises(SystemExit, match="expected"):
        build.translated(notebook, prose)


def test_every_fault_is_a_number(executed):
    _, study = executed
    assert study["n_parameters"] == 84_522
    assert study["n_trainable"] == 83_562
    for protocol in ("copies", "clips", "speakers"):
        assert set(study[f"accuracy_{protocol}"]) == {"mel", "mfcc", "ensemble"}
        assert all(0 <= share <= 1 for share in study[f"accuracy_{protocol}"].values())
    gap = study["accuracy_copies"]["ensemble"] - study["accuracy_clips"]["ensemble"]
    assert study["fault1_copies_minus_clips"] == pytest.approx(gap)
    leaked = study["fault2_leaked"]
    assert leaked["as the study"] == 0
    assert 0 < leaked["every other label with one clip less"] < leaked["shuffled"] <= 1
    assert study["fault4_crashes"] is True
    assert study["fault4_our_shape"] == [40, 40]
    assert study["fault5_tone_hz"]["22050"] / study["fault5_tone_hz"]["20000"] == pytest.approx(1.1025, abs=0.03)
    assert [shape[0] for shape in study["fault5_mfcc_shapes"].values()] == [20, 40]
    padding = study["fault6_padding_value"]
    assert padding["mel, scaled first (the study)"] == 0
    assert padding["mel, padded first"] == 1
    assert 0.05 < padding["mfcc, padded first (the study)"] < 0.95
    assert set(study["fault7_sure_of_a_digit"]) == {"white noise", "hum", "other words"}


def test_claims_are_judged_by_their_numbers(executed):
    _, study = executed
    assert len(study["claims"]) == 4
    assert set(study["claims"].values()) <= {"holds", "does not hold", "not decided"}
    for other in ("mel", "mfcc"):
        found = study[f"ensemble_minus_{other}"]
        assert found["low"] <= found["difference"] <= found["high"]
        word = "holds" if found["low"] > 0 else "does not hold" if found["high"] < 0 else "not decided"
        assert study["claims"][f"the ensemble beats {other}"] == word


def test_figures_and_players_are_shown(executed):
    notebook, _ = executed
    shown = {cell.id: [set(o.get("data", {})) for o in cell.get("outputs", [])] for cell in notebook.cells}
    players = [o for cell in notebook.cells for o in cell.get("outputs", []) if "<audio" in str(o.get("data", ""))]
    assert len(players) == 10
    for key in ("table", "waveforms", "spectra", "durations", "mel", "mfcc", "beside", "inputs", "training"):
        assert any("image/png" in kinds for kinds in shown[f"{key}-code"]), key


def test_source_runs_as_check_from_the_shell():
    done = subprocess.run(
        [sys.executable, NOTEBOOKS / "build.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
