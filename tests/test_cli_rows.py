"""Lines of results, and files of them: whole lines only, none lost, none twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sutja.cli.rows import ResultFile, csv_line, json_line
from sutja.errors import AudioError, RunError
from sutja.predictor import Prediction

SEVEN = Prediction("7", 0.75, {"6": 0.25, "7": 0.75})
REFUSED = Prediction(None, 0.5, {"6": 0.25, "7": 0.5}, rejected=True)
BAD = AudioError("a.wav", 'a "bad" one, that is; expected\nanother')
NAMES = ["plain.wav", "with, comma.wav", 'with "quotes".wav', "two\nlines.wav", "하나.wav", "carriage\rreturn.wav"]
FORMS = pytest.mark.parametrize("as_json", [False, True], ids=["csv", "json"])


def paths_in(path: Path, as_json: bool) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [json.loads(line)["path"] for line in file] if as_json else [r["path"] for r in csv.DictReader(file)]


def fill(path: Path, names: list[str], *, as_json: bool, resume: bool = False) -> None:
    results = ResultFile(path, as_json=as_json, resume=resume)
    for number, name in enumerate(names):
        results.write(Path(name), (SEVEN, REFUSED, BAD)[number % 3])
    results.close()


def test_lines():
    assert csv_line(Path("a.wav"), SEVEN) == "a.wav,7,0.75,\n"
    assert csv_line(Path("a.wav"), REFUSED) == "a.wav,,0.5,\n"
    assert csv_line(Path("a.wav"), BAD) == 'a.wav,,,"a.wav: a ""bad"" one, that is; expected\nanother"\n'
    said = json.loads(json_line(Path("a.wav"), SEVEN))
    assert said == {
        "path": "a.wav", "label": "7", "probability": 0.75, "probabilities": {"6": 0.25, "7": 0.75}, "rejected": False,
    }  # fmt: skip
    assert json.loads(json_line(Path("a.wav"), BAD)) == {"path": "a.wav", "error": str(BAD)}


@FORMS
def test_what_is_there_is_asked_for_no_more(tmp_path, as_json):
    fill(tmp_path / "r", NAMES[:4], as_json=as_json)
    results = ResultFile(tmp_path / "r", as_json=as_json, resume=True)
    assert results.n_lines == 4
    assert list(results.remaining(map(Path, NAMES))) == [Path(name) for name in NAMES[4:]]
    results.close()


@FORMS
def test_wherever_it_is_cut_whole_lines_stay(tmp_path, as_json):
    path = tmp_path / "r"
    fill(path, NAMES, as_json=as_json)
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        results = ResultFile(path, as_json=as_json, resume=True)
        left = list(results.remaining(map(Path, NAMES)))
        for number, name in enumerate(map(str, left), start=len(NAMES) - len(left)):
            results.write(Path(name), (SEVEN, REFUSED, BAD)[number % 3])
        results.close()
        assert path.read_bytes() == whole, length


@FORMS
def test_a_path_that_is_asked_for_twice_has_two_lines(tmp_path, as_json):
    fill(tmp_path / "r", ["a.wav", "b.wav"], as_json=as_json)
    results = ResultFile(tmp_path / "r", as_json=as_json, resume=True)
    asked = [Path(name) for name in ("a.wav", "a.wav", "b.wav", "c.wav")]
    for _ in range(2):  # once to count, once to predict
        assert list(results.remaining(asked)) == [Path("a.wav"), Path("c.wav")]
    results.close()


@FORMS
def test_resume_begins_where_there_is_nothing(tmp_path, as_json):
    fill(tmp_path / "new" / "r", NAMES, as_json=as_json, resume=True)
    assert paths_in(tmp_path / "new" / "r", as_json) == NAMES


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    (tmp_path / "r").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="is there already; resume it with --resume, or choose another name"):
        ResultFile(tmp_path / "r", as_json=False, resume=False)
    assert (tmp_path / "r").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    "content",
    [b"some text\n", b"a,b\n1,2\n", b"\xff\xfe\n", b'{"label": 7}\n', b"[]\n", b"1,2,3,4\n", b"no line", b"pathetic"],
)
@FORMS
def test_a_file_of_something_else_is_left_alone(tmp_path, content, as_json):
    (tmp_path / "r").write_bytes(content)
    with pytest.raises(RunError, match="holds something else than results"):
        ResultFile(tmp_path / "r", as_json=as_json, resume=True)
    assert (tmp_path / "r").read_bytes() == content


def test_the_other_format_is_something_else(tmp_path):
    fill(tmp_path / "r", NAMES, as_json=True)
    with pytest.raises(RunError, match="holds something else"):
        ResultFile(tmp_path / "r", as_json=False, resume=True)


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (tmp_path / "file" / "r.csv", tmp_path):
        with pytest.raises(RunError, match=r"cannot be written|is there already"):
            ResultFile(path, as_json=False, resume=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
def test_a_full_disk(tmp_path):
    (tmp_path / "r").symlink_to("/dev/full")
    with pytest.raises(RunError, match=r"r: cannot be written \(No space left on device\)"):
        ResultFile(tmp_path / "r", as_json=False, resume=True)
