"""Many runs at once: what a file may ask for, one table of all, what failed, and going on."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sutja import sweep
from sutja.engine.choice import LOCAL, Choice
from sutja.errors import ConfigError, DatasetError, DependencyError, EngineError, RunError, SutjaError
from sutja.plan import Wishes
from sutja.progress import SILENT
from sutja.runs import MemberScores, Metrics


@pytest.fixture
def config(tmp_path) -> Path:
    """Two data sets, two seeds and one preset."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    text = 'presets = ["reference"]\nseeds = [1, 2]\n[data.b]\npaths = ["two"]\n[data.a]\npaths = ["one"]\n'
    return written(tmp_path, text)


def written(folder: Path, text: str) -> Path:
    path = folder / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    return path


class Trained:
    """Stands for what trains: which runs it was asked for; a run of data set b fails with seed 2."""

    def __init__(self, monkeypatch) -> None:
        self.asked: list[str] = []
        self.broken = True
        monkeypatch.setattr(sweep, "_train", self)

    def __call__(self, cell, on_step):
        self.asked.append(cell.name)
        on_step()
        if self.broken and cell.name == "b-reference-2":
            raise DatasetError("too few clips")
        return metrics(0.5 + 0.1 * cell.wishes.seed)


def metrics(accuracy: float) -> Metrics:
    scores = MemberScores(accuracy=accuracy, n_clips=30, interval95=(accuracy - 0.1, accuracy + 0.1))
    return Metrics("clips", 30, ["0", "1"], {"mel": scores}, n_speakers=3, seconds=4.0)


@pytest.fixture
def trained(monkeypatch) -> Trained:
    return Trained(monkeypatch)


def test_each_combination_is_a_run_in_the_order_of_the_file(config, tmp_path):
    cells = sweep.read(config, tmp_path / "out")
    assert [cell.name for cell in cells] == ["b-reference-1", "b-reference-2", "a-reference-1", "a-reference-2"]
    assert cells[0].data.paths == [str(tmp_path / "two")]
    assert cells[0].folder == tmp_path / "out" / "runs" / "b-reference-1"
    assert cells[1].wishes == Wishes(preset="reference", seed=2)


def test_options_are_of_all_runs_and_a_preset_that_draws_nothing_has_one(tmp_path):
    text = 'presets = ["quick"]\nseeds = [1, 2]\ndrop = ["x"]\n[data.a]\npaths = ["."]\nlanguage = "ko"\n'
    path = written(tmp_path, text)
    (cell,) = sweep.read(path, tmp_path / "out")
    assert (cell.name, cell.wishes.seed, cell.wishes.drop, cell.wishes.language) == ("a-quick", None, ("x",), "ko")


DATA = '[data.a]\npaths = ["."]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("= 3", "is no TOML"),
        ("", r"\[data.NAME\]: nothing was found"),
        ("presets = []\n" + DATA, "presets: nothing was found"),
        ("seeds = [1, 1]\n" + DATA, r"seeds: \[1, 1\] was found; expected one or more, each once"),
        ("seeds = [true]\n" + DATA, r"seeds\[0\] is True; expected int"),
        ("epoch = 3\n" + DATA, "epoch: is not known; did you mean 'epochs'"),
        (DATA + "speaker = 1\n", "data.a.speaker: is not known"),
        ("[data.a]\n", "data.a.paths is missing"),
        ("[data.a]\npaths = []\n", "a data set has no paths"),
        ('[data."a/b"]\npaths = ["."]\n', "expected letters, digits"),
        ('[data.a]\npaths = ["nowhere"]\n', "nowhere: is not there"),
        ('[data.a]\npaths = ["."]\naudio_root = "nowhere"\n', "nowhere: is not there"),
        ('presets = ["robst"]\n' + DATA, "preset 'robst' is not known; did you mean 'robust'"),
        ('presets = ["quick"]\nepochs = 3\n' + DATA, "preset quick .* has no use for --epochs"),
        ('presets = ["reference"]\nfalse_accept_rate = 0.1\n' + DATA, "preset reference cannot refuse"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_name(tmp_path, text, told):
    with pytest.raises(SutjaError, match=told) as caught:
        sweep.read(written(tmp_path, text), tmp_path / "out")
    assert str(caught.value).startswith(f"{tmp_path / 'sweep.toml'}: ")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        sweep.read(tmp_path / "none.toml", tmp_path / "out")


def test_one_table_of_all_runs_and_why_one_failed(config, tmp_path, trained):
    pytest.importorskip("torch")  # runs are asked for it before they begin
    out = tmp_path / "out"
    rows = sweep.conduct(config, out, LOCAL, 1, SILENT)
    assert [row.fault for row in rows] == ["", "too few clips", "", ""]
    with (out / "results.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["name"] for row in table] == [row.name for row in rows]
    assert table[0]["accuracy"] == "0.6"
    assert table[1]["accuracy"] == ""
    found = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [(s["data"], s["n_runs"], s["n_failed"]) for s in found["summary"]] == [("b", 1, 1), ("a", 2, 0)]
    assert found["summary"][1]["highest"] == 0.7
    assert found["runs"][2]["low"] == pytest.approx(0.5)


def test_a_sweep_is_gone_on_with_and_only_when_asked(config, tmp_path, trained):
    pytest.importorskip("torch")  # runs are asked for it before they begin
    out = tmp_path / "out"
    sweep.conduct(config, out, LOCAL, 1, SILENT)
    with pytest.raises(RunError, match="holds a sweep already; go on with --resume"):
        sweep.conduct(config, out, LOCAL, 1, SILENT)
    trained.broken = False
    rows = sweep.conduct(config, out, LOCAL, 1, SILENT, resume=True)
    assert not any(row.fault for row in rows)


def test_a_folder_that_is_not_ours_is_left_alone(config, tmp_path, trained):
    pytest.importorskip("torch")  # runs are asked for it before they begin
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("", encoding="utf-8")
    with pytest.raises(RunError, match="is not a sweep of ours"):
        sweep.conduct(config, tmp_path / "out", LOCAL, 1, SILENT)
    assert not trained.asked


def test_without_a_scheduler_nothing_is_left(config, tmp_path, trained):
    pytest.importorskip("torch")  # runs are asked for it before they begin
    pytest.importorskip("distributed")
    with pytest.raises(EngineError, match="is no address and no file"):
        sweep.conduct(config, tmp_path / "out", Choice(scheduler="nowhere"), 1, SILENT)
    assert not (tmp_path / "out").exists()


def test_without_torch_it_is_said_before_any_work(config, tmp_path, trained, monkeypatch):
    monkeypatch.setattr(sweep, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match="torch"):
        sweep.conduct(config, tmp_path / "out", LOCAL, 1, SILENT)


def test_without_what_draws_the_table_is_there_and_no_page(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "find_spec", lambda name: None)
    sweep.write([], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "results.json"]


def test_a_run_of_a_sweep_is_what_train_makes(tmp_path):
    pytest.importorskip("torch")
    import quick_runs

    from sutja import recipe
    from sutja.plan import plan_run

    quick_runs.study(tmp_path)
    text = 'epochs = 2\nfolds = 2\ncopies = 1\nprotocol = "clips"\n'
    text += '[data.tiny]\npaths = ["train.csv"]\nskip_unreadable = true\n'
    with quick_runs.quick():
        (row,) = sweep.conduct(written(tmp_path, text), tmp_path / "out", LOCAL, 1, SILENT)
        assert row.fault == ""
        known = sweep.dataset.read(tmp_path / "train.csv")
        wishes = Wishes(preset="reference", protocol="clips", epochs=2, n_folds=2, n_copies=1, seed=0)
        alone = recipe.train(plan_run(known, tmp_path / "alone", wishes, n_jobs=1, skip_unreadable=True), SILENT)
    assert row.accuracy == alone.headline[1].accuracy
    assert (tmp_path / "out" / row.run / "report.html").exists()
    assert (tmp_path / "out" / "sweep.html").exists()
