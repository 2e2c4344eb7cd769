"""`sutja evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY_RATE, tone, write_wav
from helpers import refused, sutja, tiny_study, write_csv

from sutja.stress import STRENGTHS


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


def evaluate(study, *arguments):
    return sutja("evaluate", *arguments, "--model", study / "run")


def test_as_json(study):
    result = evaluate(study, study / "train.csv", "--json")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    found = json.loads(line)
    assert found["n_clips"] == 36
    assert found["labels"] == ["0", "1", "2"]
    assert found["interval95"][0] <= found["accuracy"] <= found["interval95"][1]
    assert found["interval_method"] in ("bootstrap over speakers", "Wilson over clips; all speakers did alike")
    assert np.sum(found["confusion_matrix"]) == 36
    assert found["unreadable"] == {}
    assert set(found["by_speaker"]) == {"01", "02", "03", "04"}
    assert len(found["wrong"]) == round(36 * (1 - found["accuracy"]))


def test_for_people(study):
    result = evaluate(study, study / "train.csv")
    found = json.loads(evaluate(study, study / "train.csv", "--json").stdout)
    first, second, *groups = result.stdout.splitlines()
    assert first.startswith(f"accuracy {100 * found['accuracy']:.1f} % of 36 clips   95 %: ")
    assert first.endswith(f"({found['interval_method']})")
    assert second == f"refused 0.0 %   calibration error {100 * found['ece']:.1f} %"
    assert len(groups) == 3 + 4
    assert "layout csv" in result.stderr


def test_under_stress(study):
    result = evaluate(study, study / "train.csv", "--stress")
    assert [line.split(" (")[0] for line in result.stdout.splitlines() if "(" in line][1:] == list(STRENGTHS)
    found = json.loads(evaluate(study, study / "train.csv", "--stress", "--json").stdout)["stress"]
    assert {scores["condition"]["name"] for scores in found} == set(STRENGTHS)
    assert {scores["n_clips"] for scores in found} == {36}
    assert all(0 <= scores["interval95"][0] <= scores["accuracy"] <= scores["interval95"][1] <= 1 for scores in found)


def test_with_what_is_outside_the_vocabulary_and_as_a_page(study, tmp_path):
    (tmp_path / "other" / "hum").mkdir(parents=True)
    for number in range(4):
        write_wav(tmp_path / "other" / "hum" / f"{number}.wav", tone(90 + 20 * number, 0.4, TINY_RATE), TINY_RATE)
    more = ("--negatives", tmp_path / "other", "--stress", "--out", tmp_path / "page.html")
    result = evaluate(study, study / "train.csv", *more)
    assert result.exit_code == 0, result.output
    assert "taken for a word: 100.0 % of 4 other sounds" in result.stdout  # the study's model cannot refuse
    assert "other hum" in result.stdout
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    for told in ("How well the model does", "hardest speaker", "When recordings get worse", "taken for a word"):
        assert told in text
    assert "always answers a label" in text
    (tmp_path / "more" / "beep").mkdir(parents=True)
    write_wav(tmp_path / "more" / "beep" / "0.wav", tone(2_000, 0.4, TINY_RATE), TINY_RATE)
    both = ("--negatives", tmp_path / "other", "--negatives", tmp_path / "more")
    found = json.loads(evaluate(study, study / "train.csv", "--json", *both).stdout)
    assert found["outside"]["n_clips"] == 5
    assert refused(evaluate(study, study / "train.csv", "--negatives", tmp_path / "missing"))


def test_a_folder_of_words_that_are_called_otherwise(study, tmp_path):
    for old, new in (("0", "zero"), ("1", "one"), ("2", "two")):
        (tmp_path / new).mkdir()
        for path in (study / "clips").glob(f"{old}_01_*"):
            (tmp_path / new / path.name).write_bytes(path.read_bytes())
    told = refused(evaluate(study, tmp_path))
    assert "labels 'one', 'two', 'zero' are not in the model's vocabulary (0, 1, 2); rename them with --rename" in told
    renames = [text for pair in ("zero=0", "one=1", "two=2") for text in ("--rename", pair)]
    assert json.loads(evaluate(study, tmp_path, "--json", *renames).stdout)["n_clips"] == 9


def test_a_recording_that_cannot_be_used_is_left_out_aloud(study, tmp_path):
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    (tmp_path / "good.wav").write_bytes((study / "clips" / "1_03_1.wav").read_bytes())
    table = write_csv(tmp_path / "t.csv", [("file_name", "label"), ("text.wav", "0"), ("good.wav", "1")])
    result = evaluate(study, table, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["n_clips"] == 1
    assert list(found["unreadable"]) == ["text.wav"]
    assert "left out: " in result.stderr
    assert "text.wav: cannot be decoded" in result.stderr


def test_nothing_to_score(study, tmp_path):
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    table = write_csv(tmp_path / "t.csv", [("file_name", "label"), ("text.wav", "0")])
    assert "no clip could be judged" in refused(evaluate(study, table))
    table = write_csv(tmp_path / "u.csv", [("file_name", "label"), ("text.wav", "")])
    assert "no labelled clips there" in refused(evaluate(study, table))


def test_data_and_model_that_are_not_there(study, tmp_path):
    assert "no such folder or file; check the path" in refused(evaluate(study, tmp_path / "missing"))
    assert "no model.json there" in refused(sutja("evaluate", study / "train.csv", "--model", tmp_path))
