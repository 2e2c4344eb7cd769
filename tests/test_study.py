"""The student's path: from two CSVs to submission, page and notebook; refused, resumed, told in both languages."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("nbclient")

from helpers import Told, nothing_half_written, read_csv, read_json
from studies import LABELS, N_CLIPS, N_TEST, asked_of, made_study, write_project

from sutja import study
from sutja.errors import ConfigError, DatasetError, RunError
from sutja.experiments import EXPERIMENTS
from sutja.reports import explore
from sutja.reports.study import compared


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    return made_study(tmp_path_factory)


def refuse(asked, message: str, error: type[Exception] = DatasetError) -> None:
    """The study ends with this sentence before anything is trained, and leaves nothing."""
    before = sorted(asked.out.rglob("*"))
    with pytest.raises(error, match=message):
        study.conduct(asked, Told())
    assert sorted(asked.out.rglob("*")) == before


# -- what is left ------------------------------------------------------------------------------------------------------


def test_all_that_is_handed_in(made):
    run = made / "run"
    there = {path.name for path in run.iterdir()}
    assert there >= {"study.html", "study.ipynb", "submission.csv", "metrics.json", "figures", "explore.html", "runs"}
    assert there >= {"poster.png", "poster.pdf"}
    nothing_half_written(run)
    submission = read_csv(run / "submission.csv")
    assert [row["file_name"] for row in submission] == [f"{number:03}.wav" for number in range(1, N_TEST + 1)]
    assert {row["label"] for row in submission} <= set(LABELS)
    figures = {path.name for path in (run / "figures").iterdir()}
    assert figures >= {f"{kind}_{fold}.png" for kind in ("mels", "mfcc") for fold in range(1, 6)}
    assert (run / "figures" / "mels_3.png").read_bytes() == b"mel_3", "the curves of the study's own training"
    assert figures >= {f"experiment_{name}.png" for name in EXPERIMENTS}


def test_all_numbers(made):
    numbers = read_json(made / "run" / "metrics.json")
    assert list(numbers["protocols"]) == ["copies", "clips", "speakers"]
    for name, members in numbers["protocols"].items():
        assert set(members) == {"mel", "mfcc", "ensemble"}
        n_folds = 2 if name == "speakers" else 5
        assert all(len(scores["fold_accuracy"]) == n_folds for scores in members.values())
    assert numbers["n_clips"] == len(LABELS) * N_CLIPS
    assert (numbers["n_predicted"], numbers["n_speakers"], numbers["n_longer_than_window"]) == (N_TEST, 2, 1)
    assert not numbers["study"]["comparable"], "two labels are not the study's ten"
    assert set(numbers["experiments"]) == set(EXPERIMENTS)
    assert numbers["no_speakers"] == ""
    assert numbers["test_accuracy"] is None
    assert "speakers_shared" in {finding["kind"] for finding in numbers["findings"]}


def test_the_notebook_runs_from_top_to_bottom_and_takes_up_what_is_there(made, tmp_path):
    made = shutil.copytree(made, tmp_path / "made")  # it writes there, and others look on
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    ran = nbformat.read(made / "run" / "study.ipynb", as_version=4)
    nbformat.validate(ran)
    where = {"metadata": {"path": str(made / "run")}}
    trained = {path: path.stat().st_mtime_ns for path in (made / "run" / "runs").rglob("metrics.json")}
    nbclient.NotebookClient(ran, timeout=300, kernel_name="python3", resources=where).execute()
    nbformat.validate(ran)
    assert {path: path.stat().st_mtime_ns for path in (made / "run" / "runs").rglob("metrics.json")} == trained
    shown = {cell.id: outputs_of(cell) for cell in ran.cells}
    numbers = read_json(made / "run" / "metrics.json")["protocols"]
    honest = " ".join(str(output["data"].get("text/plain")) for output in cell_of(ran, "honest").outputs)
    for members in numbers.values():
        assert f"{members['ensemble']['accuracy']:.4f}".rstrip("0") in honest
    for name in ("table", "waveforms", "spectra", "lengths", "mel", "mfcc", "beside", "inputs", "training", "faults"):
        assert any("image/png" in kinds for kinds, _ in shown[name]), name
    assert sum("text/html" in kinds for kinds, _ in shown["waveforms"]) == len(LABELS)
    prose = "".join(str(said) for outputs in shown.values() for kinds, said in outputs if "text/markdown" in kinds)
    assert re.search("[가-힣]", prose)
    assert "체크포인트" in prose


def cell_of(notebook, name: str):
    return next(cell for cell in notebook.cells if cell.id == name)


def outputs_of(cell) -> list[tuple[set[str], str]]:
    """The kinds of each output, and what is said in words."""
    found = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [(set(data), data.get("text/markdown", "")) for data in found]


def test_told_again_in_english_without_training_or_measuring(made, tmp_path, monkeypatch):
    run = shutil.copytree(made / "run", tmp_path / "run")
    monkeypatch.setattr("sutja.recipe.hear", None)  # would fail
    monkeypatch.setattr("sutja.experiments.quick_accuracy", None)
    written = []
    monkeypatch.setattr(study, "write_notebook", lambda out, settings, language: written.append((settings, language)))
    posters = []
    monkeypatch.setattr(study, "write_poster", lambda out, own, shown, told: posters.append(told.language))
    told = []
    monkeypatch.setattr(study.drawing, "has_hangul", lambda: False)  # nobody needs it for English
    asked = asked_of(made, out=run, language="en")
    page = study.conduct(asked, Told(), told.append)
    assert written[0][1] == "en"
    assert posters == ["en"]
    assert written[0][0]["LANGUAGE"] == "en"
    text = page.read_text(encoding="utf-8")
    assert '<html lang="en">' in text
    assert "Its faults, as numbers" in text
    assert "for 0 networks" in told[-1]
    before, after = (read_json(folder / "metrics.json") for folder in (made / "run", run))
    assert before["protocols"] == after["protocols"]
    assert before["experiments"] == after["experiments"]


def test_in_short(made, tmp_path):
    lines = study.in_short(made / "run", "ko")
    assert len(lines) == 3
    assert lines[2].startswith("처음 듣는 목소리: ")
    numbers = read_json(made / "run" / "metrics.json")
    numbers |= {"no_speakers": "unknown", "test_accuracy": 0.5}
    numbers["study"] |= {"comparable": True, "within_noise": False}
    (tmp_path / "metrics.json").write_text(json.dumps(numbers), encoding="utf-8")
    lines = study.in_short(tmp_path)
    assert "more than the" in lines[3]
    assert lines[4].endswith("speakers are not known")
    assert lines[5] == "right on the test set: 50.0\u00a0%"


# -- who may use the folder --------------------------------------------------------------------------------------------


def test_a_folder_that_is_taken(made, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "homework.txt").write_text("mine")
    refuse(asked_of(made, out=tmp_path / "mine"), "exists and is not a study of ours", RunError)
    with pytest.raises(RunError, match="holds a study already; resume it with --resume"):
        study.conduct(asked_of(made, resume=False))
    with pytest.raises(RunError, match="other --epochs"):
        study.conduct(asked_of(made, epochs=7))
    with pytest.raises(RunError, match="other recordings"):
        study.conduct(asked_of(made, project=write_project(tmp_path / "project")))
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "study.json").write_text("{")
    refuse(asked_of(made, out=tmp_path / "damaged"), "cannot be read", RunError)


def test_where_no_font_has_hangul_the_fonts_are_named(tmp_path, monkeypatch):
    project = write_project(tmp_path / "project")
    monkeypatch.setattr(study.drawing, "has_hangul", lambda: False)
    monkeypatch.setattr(study.explore, "look", None)  # so far and no further
    told = []
    with pytest.raises(TypeError):
        study.conduct(study.Asked(project, tmp_path / "run", epochs=1, language="ko", n_jobs=1), Told(), told.append)
    assert "NanumGothic" in told[-1]
    assert "한글 글꼴" in told[-1]


# -- one experiment ----------------------------------------------------------------------------------------------------


def test_one_experiment_alone_and_then_the_study(tmp_path):
    project = write_project(tmp_path / "project")
    asked = study.Asked(project, tmp_path / "run", epochs=1, n_jobs=1)
    outcome, figure = study.try_one(asked, "plots")
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert outcome.numbers["wrong"] > outcome.numbers["right"]
    assert read_json(tmp_path / "run" / "experiments" / "plots.json")["epochs"] == 1
    with pytest.raises(RunError, match="under protocol copies, and there is none; run the study first"):
        study.try_one(asked, "strangers")
    with pytest.raises(ConfigError, match="did you mean 'padding'"):
        study.try_one(asked, "paddin")
    begin = study.check_out(asked, study.read_project(asked))
    begin()
    assert read_json(tmp_path / "run" / "study.json")["epochs"] == 1


def test_an_experiment_of_a_study_looks_at_its_trainings(made, tmp_path):
    made = shutil.copytree(made, tmp_path / "made")
    outcome, _ = study.try_one(asked_of(made), "speakers")
    numbers = read_json(made / "run" / "metrics.json")
    assert outcome.numbers == numbers["experiments"]["speakers"]
    assert "목소리" in outcome.text("ko")


def test_damaged_numbers_are_measured_again(made, tmp_path):
    run = shutil.copytree(made / "run", tmp_path / "run")
    (run / "experiments" / "long.json").write_text("{")
    asked = asked_of(made, out=run)
    lab = study.laboratory(asked, study.read_project(asked), {})
    (outcome,) = study.try_faults(lab, ["long"], run)
    assert outcome.numbers == read_json(made / "run" / "metrics.json")["experiments"]["long"]


# -- bad input ---------------------------------------------------------------------------------------------------------


def planned(project: Path, tmp_path: Path, **more: object):
    """What the study would do, without doing it."""
    notes: list[str] = []
    asked = study.Asked(project, tmp_path / "run", epochs=1, n_jobs=1, **more)
    read = study.read_project(asked, notes.append)
    return asked, read, study.plan_trainings(asked, read), "\n".join(notes)


def test_without_a_test_set(tmp_path):
    project = write_project(tmp_path / "project", n_test=0)
    _, read, protocols, notes = planned(project / "train.csv", tmp_path)
    assert "the study goes on without a submission" in notes
    assert not read.dataset.unlabelled
    assert protocols.no_speakers == "unknown"
    assert "--speaker-from" in study.why_no_speakers(protocols)
    assert "cannot be known" in study.why_no_speakers(protocols)


def test_a_test_set_with_labels_is_not_learned_from(tmp_path):
    project = write_project(tmp_path / "project")
    lines = (project / "test.csv").read_text().split()
    (project / "test.csv").write_text("\n".join(["file_name,label", *(f"{line},1" for line in lines[1:])]))
    asked, read, protocols, notes = planned(project, tmp_path)
    assert f"the {N_TEST} labels of the test set are not learned from" in notes
    assert len(read.truth) == len(read.dataset.unlabelled) == N_TEST
    assert len(protocols.plans["copies"].dataset.labelled) == len(LABELS) * N_CLIPS
    own = protocols.plans["copies"].folder
    own.path.mkdir(parents=True)
    own.submission.write_text("file_name,label\n" + "".join(f"{name},{i % 2}\n" for i, name in enumerate(read.truth)))
    assert study.test_accuracy(read, own) == 0.5
    (project / "train.csv").unlink()
    shutil.rmtree(project / "train")
    refuse(asked, "all labels are of the test set")


def test_labels_as_words_in_a_folder_of_cp949(tmp_path):
    project = write_project(tmp_path / "숫자 과제", ("일", "이", "삼"))
    for name in ("train.csv", "test.csv"):
        path = project / name
        path.write_bytes(path.read_text(encoding="utf-8").encode("cp949"))
    _, read, protocols, _ = planned(project, tmp_path)
    assert set(read.dataset.labels) == {"일", "이", "삼"}
    assert list(protocols.plans) == ["copies", "clips"]


def test_one_clip_missing(tmp_path):
    project = write_project(tmp_path / "project")
    (project / "train" / "003.wav").unlink()  # test/ has one of this name, which is another
    refuse(study.Asked(project, tmp_path / "run", epochs=1), r"train\.csv: 1 of 12 files are missing \(003\.wav\)")
    project = write_project(tmp_path / "other")
    (project / "test" / "003.wav").unlink()
    refuse(study.Asked(project, tmp_path / "run", epochs=1), r"test\.csv: 1 of 4 files are missing \(003\.wav\)")


def test_labels_that_are_missing(tmp_path):
    project = write_project(tmp_path / "project")
    lines = (project / "train.csv").read_text().splitlines()
    (project / "train.csv").write_text("\n".join([*lines[:-1], "012.wav,"]) + "\n")
    _, read, _, notes = planned(project, tmp_path)
    assert "1 rows of the training set have no label and are left out (012.wav)" in notes
    assert (len(read.dataset.labelled), len(read.dataset.unlabelled)) == (11, N_TEST)
    (project / "train.csv").write_text("\n".join(line.partition(",")[0] for line in lines) + "\n")
    refuse(study.Asked(project, tmp_path / "run", epochs=1), r"none of its 16 clips has a label")


def test_one_label_or_too_few_clips(tmp_path):
    project = write_project(tmp_path / "one", ("0",))
    refuse(study.Asked(project, tmp_path / "run", epochs=1, n_jobs=1), "label")
    project = write_project(tmp_path / "few", n_clips=2)
    refuse(study.Asked(project, tmp_path / "run", epochs=1, n_jobs=1), "2 clips")


def test_one_clip_less(tmp_path):
    project = write_project(tmp_path / "project")
    lines = (project / "train.csv").read_text().splitlines()
    (project / "train.csv").write_text("\n".join(lines[:-1]) + "\n")
    (project / "train" / "012.wav").unlink()
    asked, read, protocols, _ = planned(project, tmp_path)
    assert len(read.dataset.labelled) == 11
    assert "for 20 networks" in study.time_ahead(protocols, read, Told())
    lab = study.laboratory(asked, read, {})
    (outcome,) = study.try_faults(lab, ["copies"], asked.out, Told())
    assert outcome.numbers["share"] > 0, "with one clip less, copies of a clip stand on both sides of a fold"


def test_speakers(tmp_path):
    project = write_project(tmp_path / "one", n_speakers=1)
    protocols = planned(project, tmp_path)[2]
    assert protocols.no_speakers == "one"
    assert "한 사람" in study.why_no_speakers(protocols, "ko")
    lines = ["file_name,label,speaker", *(f"{n:03}.wav,{(n - 1) // 6},s{(n - 1) // 6}" for n in range(1, 13))]
    project = write_project(tmp_path / "own", n_speakers=1)
    (project / "train.csv").write_text("\n".join(lines))
    protocols = planned(project, tmp_path)[2]
    assert list(protocols.plans) == ["copies", "clips"]
    assert study.why_no_speakers(protocols).startswith("Speakers cannot be kept apart here:")


def test_what_is_to_be_refused_is_told(tmp_path, monkeypatch):
    project = write_project(tmp_path / "project")
    dataset = study.read(project)
    clip = dataset.labelled[0]
    monkeypatch.setattr(study, "read", lambda *_, **__: study.replace(dataset, negatives=(clip,)))
    notes = planned(project, tmp_path)[3]
    assert "1 recordings of what is to be refused are left out" in notes


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_within_noise_of_the_study():
    near, far = study.compare_with_study(0.9555, 400, 10), study.compare_with_study(0.90, 400, 10)
    assert near["within_noise"]
    assert not far["within_noise"]
    assert near["noise"] == pytest.approx(0.0267, abs=2e-3)
    assert "97.65\u00a0% and 97.25\u00a0%" in compared(near)
    assert "within the" in compared(near)
    assert "점보다 큽니다" in compared(far, "ko")
    assert not study.compare_with_study(1.0, 400, 2)["comparable"]


def test_the_network_is_the_studys():
    parts = study.network_parts(10)
    assert [parts[f"residual {n}"] for n in range(1, 5)] == [3_872, 12_800, 14_912, 50_176]
    assert (parts["stem"], parts["dense"], parts["all"], parts["learned"]) == (224, 2_538, 84_522, 83_562)


def test_inputs_of_one_label_come_again_when_they_are_few(made):
    asked = asked_of(made)
    lab = study.laboratory(asked, study.read_project(asked), {})
    inputs = explore.example_inputs(lab.waveforms[:1], lab.config, n_inputs=3)
    assert {member: [each.shape for each in shown] for member, shown in inputs.items()} == {
        "mel": [(40, 40)] * 3,
        "mfcc": [(40, 40)] * 3,
    }
