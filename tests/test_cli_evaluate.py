"""`sutja evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY_RATE, tone, write_wav
from helpers import refused, sutja, tiny_study, write_csv
from strings import string_folder, write_said

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


def test_groups_are_told_the_worst_first(study, tmp_path):
    rows = (study / "train.csv").read_text(encoding="utf-8").splitlines()
    lines = [f"{rows[0]},sex", *(f"{row},{'fm'[i % 2]}" for i, row in enumerate(rows[1:]))]
    (tmp_path / "sexes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = ("--audio-root", study, tmp_path / "sexes.csv")
    found = json.loads(evaluate(study, *table, "--json").stdout)["by_attribute"]["sex"]
    assert [share["accuracy"] for share in found.values()] == sorted(share["accuracy"] for share in found.values())
    assert set(found["f"]) == {"n_clips", "accuracy", "interval95", "n_speakers", "rejected_rate", "is_small"}
    told = [line.split() for line in evaluate(study, *table).stdout.splitlines() if line.startswith("  sex ")]
    assert [line[1] for line in told] == list(found)
    assert all("speakers" in line and "refused" in line for line in told)
    assert all(" ".join(line).endswith("too few to say much") for line in told)  # 18 clips each


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


# -- strings ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tones(tmp_path_factory) -> Path:
    return string_folder(tmp_path_factory.mktemp("strings") / "model")


def write_strings(
    folder: Path, *more: tuple[str, ...], head: tuple[str, ...] = ("file_name", "words", "speaker")
) -> Path:
    write_said(folder / "clips" / "0.wav", "abba")
    write_said(folder / "clips" / "1.wav", "cd")
    write_said(folder / "clips" / "2.wav")
    rows = [("clips/0.wav", "a b b a", "x"), ("clips/1.wav", "c d a", "y"), ("clips/2.wav", "", "y")]
    write_csv(folder / "metadata.csv", [head, *rows, *more])
    return folder


def test_strings_as_json(tones, tmp_path):
    result = sutja("evaluate", write_strings(tmp_path / "set"), "--model", tones, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["n_strings"], found["n_words"]) == (2, 7)
    assert (found["string_error_rate"], found["word_error_rate"]) == (0.5, 1 / 7)
    assert (found["substituted"], found["deleted"], found["inserted"]) == (0, 1, 0)
    assert (found["false_words"], found["false_words_per_hour"], found["other_seconds"]) == (0, 0.0, 1.0)
    (wrong,) = found["wrong"]
    assert (wrong["said"], wrong["heard"]) == ("cda", "cd")
    assert found["by_speaker"]["x"]["n_wrong"] == 0
    assert set(found["by_length"]) == {"3", "4"}


def test_strings_for_people(tones, tmp_path):
    folder = write_strings(tmp_path / "set")
    lines = sutja("evaluate", folder, "--model", tones).stdout.splitlines()
    assert lines[0] == "strings wrong 50.0 % of 2"
    assert lines[1] == "words wrong 14.3 % of 7   substituted 0, deleted 1, inserted 0, refused 0"
    assert lines[2].startswith("calibration error ")
    assert lines[3].startswith("a word is known 0.")
    assert lines[4] == "false words 0 in 1 s without any word of the vocabulary: 0.0 an hour"
    assert lines[5:7] == ["  speaker y             100.0 % wrong of 1", "  speaker x               0.0 % wrong of 1"]
    assert lines[-1].endswith("1.wav: said cda, heard cd (100.0 %)")


def test_other_sounds_count_false_words(tones, tmp_path):
    write_said(tmp_path / "other" / "ab.wav", "ab")
    folder = write_strings(tmp_path / "set")
    result = sutja("evaluate", folder, "--model", tones, "--negatives", tmp_path / "other", "--json")
    found = json.loads(result.stdout)
    assert found["false_words"] == 2
    assert found["n_strings"] == 2
    only = tmp_path / "only"
    write_said(only / "0.wav", "ab")
    write_csv(only / "metadata.csv", [("file_name", "words"), ("0.wav", "")])
    result = sutja("evaluate", only, "--model", tones)
    assert result.stdout == "false words 2 in 3 s without any word of the vocabulary: 2769.2 an hour\n"


def test_a_known_length_is_told(tones, tmp_path):
    folder = write_strings(tmp_path / "set")
    found = json.loads(sutja("evaluate", folder, "--model", tones, "--known-length", "--json").stdout)
    assert found["n_strings"] == 2
    page = tmp_path / "page.html"
    assert sutja("evaluate", folder, "--model", tones, "--known-length", "--out", page).exit_code == 0
    assert "The model was told how many words each string has" in page.read_text(encoding="utf-8")


def test_a_recording_of_strings_that_cannot_be_used(tones, tmp_path):
    folder = write_strings(tmp_path / "set", ("clips/bad.wav", "a", "x"))
    (folder / "clips" / "bad.wav").write_bytes(b"no sound")
    result = sutja("evaluate", folder, "--model", tones)
    assert result.exit_code == 1
    assert "left out: " in result.stderr
    assert "cannot be decoded" in result.stderr
    assert result.stdout.startswith("strings wrong 50.0 % of 2\n")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("clips/none.wav", "a", "x"), "none.wav is not there; copy the recordings beside the table"),
        (("clips/0.wav", "a x", "x"), "'x' in 'a x' is no word of the model"),
    ],
)
def test_a_table_of_strings_with_a_mistake(tones, tmp_path, row, message):
    assert message in refused(sutja("evaluate", write_strings(tmp_path / "set", row), "--model", tones))


def test_a_table_of_strings_without_rows(tones, tmp_path):
    (tmp_path / "set").mkdir()
    write_csv(tmp_path / "set" / "metadata.csv", [("file_name", "words")])
    assert "has no row; expected a recording a row" in refused(sutja("evaluate", tmp_path / "set", "--model", tones))


@pytest.mark.parametrize(
    "option", [("--stress",), ("--rename", "a=b"), ("--split", "test"), ("--speaker-from", "SPEAKER_*")]
)
def test_options_of_single_words(tones, tmp_path, option):
    result = sutja("evaluate", write_strings(tmp_path / "set"), "--model", tones, *option)
    assert result.exit_code == 2
    assert f"{option[0]} is of single words, and DATA is strings; leave it out" in result.stderr


def test_strings_and_single_words_are_not_mixed(study, tones, tmp_path):
    folder = write_strings(tmp_path / "set")
    result = sutja("evaluate", folder, study / "train.csv", "--model", tones)
    assert "is no set of strings, and" in refused(result)
    result = evaluate(study, study / "train.csv", "--known-length")
    assert result.exit_code == 2
    assert "--known-length is of strings" in result.stderr


def test_a_layout_that_is_named_is_no_set_of_strings(tones, tmp_path):
    folder = write_strings(tmp_path / "set")
    assert refused(sutja("evaluate", folder, "--model", tones, "--layout", "csv"))


def test_a_model_of_single_words_and_strings(study, tmp_path):
    folder = write_strings(tmp_path / "set")
    assert "knows single words, not words in a row" in refused(evaluate(study, folder))


def test_textgrids_say_when_words_are(tones, tmp_path):
    """Beside a table, or without one; what we transcribe is what we read."""
    folder = write_strings(tmp_path / "set")
    result = sutja("transcribe", folder / "clips" / "0.wav", "--model", tones, "--textgrid")
    (folder / "clips" / "0.TextGrid").write_text(result.stdout, "utf-8")
    found = json.loads(sutja("evaluate", folder, "--model", tones, "--json").stdout)
    assert found["boundaries_off"] == [0.0, 0.0]
    assert 0 < found["known_after"][0] <= found["known_after"][1] < 0.6
    assert "times are 0.000 s off, 90 % within 0.000 s" in sutja("evaluate", folder, "--model", tones).stdout
    alone = json.loads(sutja("evaluate", folder / "clips", "--model", tones, "--json").stdout)
    assert (alone["n_strings"], alone["n_words"], alone["string_error_rate"]) == (1, 4, 0.0)
    assert alone["boundaries_off"] == [0.0, 0.0]
    page = tmp_path / "page.html"
    sutja("evaluate", folder, "--model", tones, "--out", page)
    assert "times of words are off by" in page.read_text("utf-8")


def test_a_ctm_says_when_words_are(tones, tmp_path):
    write_said(tmp_path / "0.wav", "ab")
    (tmp_path / "all.ctm").write_text("0 1 1.0 0.3 a\n0 1 1.3 0.35 b\n", "utf-8")
    for data in (tmp_path, tmp_path / "all.ctm"):
        found = json.loads(sutja("evaluate", data, "--model", tones, "--json").stdout)
        assert (found["n_words"], found["word_error_rate"]) == (2, 0.0)
        assert found["boundaries_off"][0] <= found["boundaries_off"][1] < 0.1
