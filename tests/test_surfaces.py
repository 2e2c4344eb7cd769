"""The same clip, the same answer: from Python, the shell, with and without what training needs."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from extras import OPTIONAL, WITHOUT_EXTRAS
from helpers import run_python, sutja, sutja_process, tiny_study

import sutja as package


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


@pytest.fixture(scope="module")
def clips(study) -> list[Path]:
    return sorted((study / "clips").iterdir())[:5]


def test_python_and_the_shell_say_the_same(study, clips):
    predictor = package.load(study / "run")
    expected = [predictor.predict(path) for path in clips]
    model = ("--model", study / "run")
    lines = [json.loads(line) for line in sutja("predict", *clips, *model, "--json").stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(sutja("predict", *clips, *model, "--csv").stdout)))
    texts = sutja("predict", *clips, *model).stdout.splitlines()
    for path, prediction, line, row, text in zip(clips, expected, lines, rows, texts, strict=True):
        assert (line["path"], line["label"]) == (row["path"], row["label"]) == (str(path), prediction.label)
        assert line["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-6)
        assert list(line["probabilities"]) == list(predictor.labels)
        assert line["probability"] == pytest.approx(prediction.probability, abs=1e-6)
        assert float(row["probability"]) == line["probability"]
        assert row["error"] == ""
        assert text == f"{path}: {prediction.label} ({100 * line['probability']:.1f} %)"


def test_a_process_of_its_own_says_the_same(study, clips):
    found = sutja_process("predict", *clips, "--model", study / "run", "--json")
    assert found.returncode == 0
    assert found.stdout == sutja("predict", *clips, "--model", study / "run", "--json").stdout
    assert found.stderr == ""  # no warnings on the way


def test_the_command_is_installed(study, clips):
    command = Path(sys.executable).with_name("sutja")
    found = subprocess.run(
        [command, "predict", clips[0], "--model", study / "run"], check=True, capture_output=True, text=True
    )
    assert found.stdout == sutja("predict", clips[0], "--model", study / "run").stdout


def test_evaluate_and_predict_say_the_same(study):
    from sutja.dataset import scan

    found = json.loads(sutja("evaluate", study / "train.csv", "--model", study / "run", "--json").stdout)
    clips = scan(study / "train.csv").labelled
    result = sutja("predict", *(clip.path for clip in clips), "--model", study / "run", "--json")
    said = [json.loads(line)["label"] for line in result.stdout.splitlines()]
    right = [label == clip.label for label, clip in zip(said, clips, strict=True)]
    assert found["accuracy"] == pytest.approx(sum(right) / len(right))
    assert [w["path"] for w in found["wrong"]] == [c.name for c, ok in zip(clips, right, strict=True) if not ok]


# -- light ------------------------------------------------------------------------------------------------------------


def test_importing_the_package_brings_nothing_and_says_nothing():
    ended = run_python("import sutja, sys; sys.stderr.write(' '.join(sys.modules))")
    assert ended.returncode == 0
    assert ended.stdout == ""
    modules = set(ended.stderr.split())
    assert {name for name in modules if name.startswith("sutja")} == {"sutja", "sutja.errors"}
    assert not {name.partition(".")[0] for name in modules} & ({"numpy", "onnxruntime", "soundfile"} | OPTIONAL)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("-h",)])
def test_help_comes_without_numpy(arguments):
    program = (
        "import sys; from sutja.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "sys.exit('numpy' in sys.modules and '--version' in sys.argv)\n"
    )
    assert run_python(program, *arguments).returncode == 0


def test_predicting_brings_no_torch_and_says_nothing(study, clips):
    program = (
        "import sys, sutja; print(sutja.load(sys.argv[1]).predict(sys.argv[2]).label)\n"
        "sys.stderr.write(' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    ended = run_python(program, study / "run", clips[0])
    assert ended.returncode == 0
    assert ended.stdout.strip() == package.load(study / "run").predict(clips[0]).label
    assert not set(ended.stderr.split()) & OPTIONAL  # were it not silent, the words of a warning would stand there


@pytest.mark.skipif(sys.platform != "linux", reason="homes are elsewhere")
def test_nothing_is_left_behind_at_home(study, clips, tmp_path):
    """onnxruntime would keep a device id there, and send telemetry."""
    program = "import os, sys; os.environ['HOME'] = sys.argv[3]; os.environ.pop('XDG_CACHE_HOME', None)\n"
    program += "import sutja; sutja.load(sys.argv[1]).predict(sys.argv[2])"
    ended = run_python(program, study / "run", clips[0], tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert list(tmp_path.rglob("*")) == []


def test_predict_evaluate_and_load_work_where_only_the_run_time_is_installed(study, clips):
    program = WITHOUT_EXTRAS + (
        "import sutja; from sutja.cli import main\n"
        "model, data, clip = sys.argv[1:]\n"
        "print(sutja.load(model).predict(clip).label)\n"
        "for command in (['predict', clip], ['evaluate', data]):\n"
        "    try: main([*command, '--model', model, '--json'])\n"
        "    except SystemExit as end: assert not end.code, end.code\n"
        "try: import torch\n"
        "except ModuleNotFoundError: print('no torch here')\n"
    )
    ended = run_python(program, study / "run", study / "train.csv", clips[0])
    assert ended.returncode == 0, ended.stderr
    label, predicted, evaluated, proof = ended.stdout.splitlines()
    assert proof == "no torch here"
    assert json.loads(predicted)["label"] == label
    assert json.loads(evaluated)["n_clips"] == 36
    here = sutja("evaluate", study / "train.csv", "--model", study / "run", "--json").stdout
    assert json.loads(evaluated)["accuracy"] == json.loads(here)["accuracy"]


def test_training_without_torch_says_what_to_install(study, tmp_path):
    program = WITHOUT_EXTRAS + "from sutja.cli import main\nmain(sys.argv[1:])\n"
    ended = run_python(program, "train", study / "train.csv", "--out", tmp_path / "run", "--preset", "robust")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "sutja: torch is not installed and this needs it; install it with: pip install 'sutja[train]'"
    )
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "run").exists()


def test_own_words_are_taught_without_any_extra(study, tmp_path):
    program = WITHOUT_EXTRAS + "from sutja.cli import main\nmain(sys.argv[1:])\n"
    ended = run_python(program, "train", study / "train.csv", "--out", tmp_path / "run")
    assert ended.returncode == 0, ended.stderr
    assert "no report is drawn: that needs matplotlib" in ended.stderr
    assert (tmp_path / "run" / "model" / "model.json").exists()
