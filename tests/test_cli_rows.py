"""Lines of results, and files of them: whole lines only, none lost, none twice."""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest
from faults import Disk, failing
from hypothesis import given, settings
from hypothesis import strategies as st

from sutja.audio import printable
from sutja.cli.rows import ResultFile, answer_line, csv_line, csv_row, json_line
from sutja.columns import RESULT_COLUMNS
from sutja.errors import AudioError, RunError
from sutja.predictor import Prediction
from sutja.strings.transcriber import SpokenWord

SEVEN = Prediction("7", 0.75, {"6": 0.25, "7": 0.75})
REFUSED = Prediction(None, 0.5, {"6": 0.25, "7": 0.5}, rejected=True)
BAD = AudioError("a.wav", 'a "bad" one, that is; expected\nanother')
NAMES = [
    "plain.wav", "with, comma.wav", 'with "quotes".wav', "two\nlines.wav", "하나.wav", "carriage\rreturn.wav",
    'one " quote.wav', '3.5" \\".wav', "emoji 🎙.wav", os.fsdecode(b"zw\xf6lf.wav"), "u2028\u2028.wav",
]  # fmt: skip
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
    assert paths_in(tmp_path / "new" / "r", as_json) == list(map(printable, NAMES))


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


# -- any name ---------------------------------------------------------------------------------------------------------

# Bytes: on Linux a name is any of them. What is of meaning in CSV and JSON comes often.
PIECES = st.sampled_from(
    [b'"', b'""', b"\n", b"\r\n", b"\r", b",", b"\\", b'\\"', b"a", b"\xf6", "🎙".encode(), "\u2028".encode()]
)
ANY_NAMES = st.lists(st.one_of(PIECES, st.binary(min_size=1, max_size=4)), min_size=1, max_size=8).map(b"".join)
FILE_NAMES = st.lists(ANY_NAMES.filter(lambda name: b"\0" not in name and b"/" not in name), min_size=1, max_size=12)


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
@settings(derandomize=True, max_examples=200)
@given(FILE_NAMES, st.data(), st.booleans())
def test_whatever_the_names_are_each_clip_has_its_line_once(names, data, as_json):
    paths = [Path(os.fsdecode(name)) for name in names]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "r"
        fill(out, paths, as_json=as_json)
        whole = out.read_bytes()
        for _ in range(3):  # killed three times
            out.write_bytes(out.read_bytes()[: data.draw(st.integers(0, len(whole)))])
        results = ResultFile(out, as_json=as_json, resume=True)
        left = list(results.remaining(paths))
        assert left == paths[len(paths) - len(left) :]
        for number, path in enumerate(left, start=len(paths) - len(left)):
            results.write(path, (SEVEN, REFUSED, BAD)[number % 3])
        results.close()
        assert out.read_bytes() == whole
        assert (results.n_lines, results.n_failed) == (len(paths), len(paths) // 3)
        assert paths_in(out, as_json) == [printable(path) for path in paths]


@FORMS
def test_resuming_takes_a_time_that_grows_with_the_lines(tmp_path, as_json):
    def seconds(n: int) -> float:
        out, names = tmp_path / str(n), [f'{number} "a\nb", {number}.wav' for number in range(n)]
        with out.open("w", encoding="utf-8", newline="") as file:
            line = json_line if as_json else csv_line
            file.write("" if as_json else csv_row(RESULT_COLUMNS))
            file.writelines(line(Path(name), SEVEN) for name in names)
            file.write('{"path": "' if as_json else '"' + "a\n" * 1000)  # cut off
        started = time.process_time()
        results = ResultFile(out, as_json=as_json, resume=True)
        assert list(results.remaining(map(Path, names))) == []
        results.close()
        return time.process_time() - started

    few, many = min(seconds(2_000) for _ in range(3)), seconds(20_000)
    assert many < 30 * max(few, 0.01), "ten times the lines take about ten times as long"


@FORMS
def test_clips_that_could_not_be_used_are_counted_from_before_too(tmp_path, as_json):
    fill(tmp_path / "r", NAMES[:3], as_json=as_json)
    results = ResultFile(tmp_path / "r", as_json=as_json, resume=True)
    assert results.n_failed == 1
    results.close()


@FORMS
def test_a_full_disk_while_writing_leaves_what_can_be_resumed(tmp_path, as_json):
    fill(tmp_path / "whole", NAMES, as_json=as_json)
    whole = (tmp_path / "whole").read_bytes()
    for at in range(1, 2 * len(NAMES)):
        out = tmp_path / "r"
        out.unlink(missing_ok=True)
        with failing(Disk(tmp_path, at=at)) as disk:
            try:
                fill(out, NAMES, as_json=as_json, resume=True)
            except RunError as error:
                assert "r: cannot be written (No space left on device)" in str(error)  # noqa: PT017
        if not disk.failed:
            break
        results = ResultFile(out, as_json=as_json, resume=True)
        left = [str(path) for path in results.remaining(map(Path, NAMES))]
        for number, name in enumerate(left, start=len(NAMES) - len(left)):
            results.write(Path(name), (SEVEN, REFUSED, BAD)[number % 3])
        results.close()
        assert out.read_bytes() == whole
    assert at > 5


def test_words_in_a_row_for_people():
    words = (SpokenWord("4", 0.9, {"4": 0.9}, 0.1, 0.4), SpokenWord(None, 0.3, {"7": 0.3}, 0.4, 0.8))
    assert answer_line(Prediction("44", 0.81, {"4": 1.0}, n_words=2, words=words[:1] * 2)) == (
        "44 (81.0 %); 2 words in a row"
    )
    assert answer_line(Prediction(None, 0.27, {"4": 1.0}, rejected=True, n_words=2, words=words)) == (
        "4? (27.0 %); 2 words in a row"
    )
