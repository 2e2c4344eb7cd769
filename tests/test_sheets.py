"""A table's file to rows of text: whatever wrote it, the rows are the same, and damage is one sentence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from extras import without
from helpers import run_python, table
from made_tables import separated, write_table

from sutja.errors import DatasetError, DependencyError
from sutja.sheets import decoded, head_columns, may_be_table, read_sheet, text_of

COLUMNS = ("path", "label", "speaker")
ROWS = [["하나 1.wav", "하나", "안나"], ["b.wav", 'say "no", or; yes|no', ""]]


def sheet_of(path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    sheet = read_sheet(path)
    return sheet.columns, sheet.rows


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp949"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_encodings_and_ends_of_lines(tmp_path, separator, encoding, end):
    path = write_table(tmp_path / "a.csv", COLUMNS, ROWS, encoding, delimiter=separator, lineterminator=end)
    assert sheet_of(path) == (COLUMNS, ROWS)
    assert head_columns(path) == COLUMNS


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;"])
def test_the_separator_that_excel_names(tmp_path, first):
    path = table(tmp_path / "a.csv", first, "a,b;path", "1,2;x.wav")
    assert sheet_of(path) == (("a,b", "path"), [["1,2", "x.wav"]])
    assert read_sheet(path).lines == [3]


def test_blank_lines_and_columns_that_excel_leaves(tmp_path):
    path = table(tmp_path / "a.csv", "", ",,", "path,label,,", "", "a.wav,1,,,", ",,,,", "b.wav")
    sheet = read_sheet(path)
    assert sheet.columns == ("path", "label", "", "")
    assert (sheet.rows, sheet.lines) == ([["a.wav", "1", "", ""], ["b.wav", "", "", ""]], [5, 7])


def test_quotes_that_are_text_in_a_table_with_tabs(tmp_path):
    path = table(tmp_path / "a.tsv", "path\tsentence", 'a.wav\t"Go" he said', 'b.wav\t"stop')
    assert sheet_of(path)[1] == [["a.wav", '"Go" he said'], ["b.wav", '"stop']]
    with pytest.raises(DatasetError, match="cannot be read as CSV"):
        read_sheet(table(tmp_path / "a.csv", "path,sentence", 'a.wav,"Go" he said'))


@pytest.mark.parametrize(
    ("separator", "sign"), [(",", "a comma"), (";", "a semicolon"), ("\t", "a tab"), ("|", "a vertical bar")]
)
def test_too_many_values(tmp_path, separator, sign):
    path = table(tmp_path / "a.csv", separator.join(("path", "label")), separator.join(("a.wav", "1", "2")))
    with pytest.raises(
        DatasetError, match=rf"line 2 has 3 values and the header 2 columns; .* values that hold {sign}$"
    ):
        read_sheet(path)


@pytest.mark.parametrize(
    "text",
    [
        "path,label\ncafé.wav,café\n",
        "path;label\nà.wav;öl\n",
        "path,label\nÄrger.wav,Ärger\n",
        "naïve,ÿ",
        "“a” – b,l’été",
    ],
)
def test_western_text_is_told_from_korean(tmp_path, text):
    assert decoded(text.encode("cp1252"), tmp_path) == (text, "cp1252")


@pytest.mark.parametrize("word", ["하나", "둘", "똠", "뷁", "영 일 이", "일곱, sieben", "삼(三)"])
def test_korean_text_is_told_from_western(tmp_path, word):
    text = f"file_name,label\na.wav,하나\nb.wav,{word}"
    assert decoded(text.encode("cp949"), tmp_path) == (text, "cp949")


@pytest.mark.parametrize(
    ("word", "encoding"),
    [
        ("один два", "cp1251"),
        ("μηδέν", "cp1253"),
        ("ゼロ", "cp932"),
        ("trzy cztery pięć dół", "cp1250"),
        ("零壹", "gb18030"),
    ],
)
def test_text_of_other_places_is_refused_and_not_guessed(tmp_path, word, encoding):
    path = table(tmp_path / "a.csv", "file_name,label", f"a.wav,{word}", encoding=encoding)
    with pytest.raises(
        DatasetError, match=r"is not UTF-8 text \(byte \d+\), nor UTF-16.*save it again as CSV in UTF-8"
    ):
        read_sheet(path)


def test_what_is_no_text_at_all(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe\x00")  # half a letter
    with pytest.raises(DatasetError, match="is not UTF-8 text"):
        read_sheet(path)
    assert head_columns(path) == ()


# -- JSON -------------------------------------------------------------------------------------------------------------


def test_json_lines_need_not_have_the_same_names(tmp_path):
    path = table(tmp_path / "a.jsonl", '{"path": "a.wav", "text": "7"}', "", '{"age": 30, "path": "b.wav"}')
    sheet = read_sheet(path)
    assert (sheet.columns, sheet.rows) == (("path", "text", "age"), [["a.wav", "7", ""], ["b.wav", "", "30"]])
    assert (sheet.lines, sheet.how) == ([1, 3], ("JSON",))


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_objects(tmp_path, indent):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"file": "a.wav", "label": 7}] * 3000, indent=indent), encoding="utf-8")
    assert sheet_of(path) == (("file", "label"), [["a.wav", "7"]] * 3000)
    assert head_columns(path) == ("file", "label")


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.jsonl", ["{"], "line 1 is no JSON object"),
        ("a.jsonl", ['{"path": "a.wav"}', "7"], r"line 2 is no JSON object \(it is a int\)"),
        ("a.jsonl", ["[1]"], "line 1 is no JSON object"),
        ("a.json", ["[1, 2"], "line 1 is no JSON object, nor a list"),
        ("a.json", ['[{"path": "a"}, 2]'], r"no list of objects \(entry 2\)"),
        ("a.jsonl", ['{"label": 1}'], "line 1 has label; expected file_name and label"),
        ("a.jsonl", ['{"path": "a.wav"}', '{"path": ""}'], "line 2 has path; expected file_name and label"),
        ("a.jsonl", ['{"a":' * 100_000], "line 1 is no JSON object"),
        ("a.jsonl", ["1" * 5000], "line 1 is no JSON object"),
    ],
)
def test_json_that_cannot_be_used(tmp_path, name, lines, message):
    with pytest.raises(DatasetError, match=message):
        read_sheet(table(tmp_path / name, *lines))
    assert isinstance(head_columns(tmp_path / name), tuple)


def test_values_as_text():
    assert [text_of(v) for v in (0, 1.5, False, [1], float("nan"), "a  b ", "")] == [
        "0",
        "1.5",
        "false",
        "[1]",
        "",
        "a  b",
        "",
    ]


# -- workbooks --------------------------------------------------------------------------------------------------------


def test_a_workbook(tmp_path):
    pytest.importorskip("openpyxl")
    path = write_table(tmp_path / "a.xlsx", COLUMNS, [["a.wav", 7, ""], ["", None, None], ["b.wav", 7.5, "bo"]])
    sheet = read_sheet(path)
    assert (sheet.columns, sheet.rows) == (COLUMNS, [["a.wav", "7", ""], ["b.wav", "7.5", "bo"]])
    assert (list(sheet.lines), sheet.how) == ([2, 4], ("Excel",))
    assert head_columns(path) == COLUMNS
    renamed = path.rename(tmp_path / "a.csv")  # what a file is does not hang on its name
    assert read_sheet(renamed).rows == sheet.rows


def test_the_sheet_that_lists_recordings(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["what", "we did"])
    book.create_sheet("clips").append(["path", "label"])
    book["clips"].append(["a.wav", 7])
    book.create_sheet("empty")
    book.save(tmp_path / "a.xlsx")
    sheet = read_sheet(tmp_path / "a.xlsx")
    assert (sheet.rows, sheet.how) == ([["a.wav", "7"]], ("Excel", "sheet clips"))


def test_workbooks_that_cannot_be_read(tmp_path):
    pytest.importorskip("openpyxl")
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    (tmp_path / "b.xlsx").write_bytes(b"PK\x03\x04 and no more")
    whole = write_table(tmp_path / "c.xlsx", COLUMNS, ROWS).read_bytes()
    (tmp_path / "c.xlsx").write_bytes(whole[: len(whole) // 2])
    for name in ("a.xlsx", "b.xlsx", "c.xlsx"):
        with pytest.raises(DatasetError, match=r"cannot be read as a workbook .*; save it as CSV"):
            read_sheet(tmp_path / name)
        assert head_columns(tmp_path / name) == ()


def test_parquet_that_cannot_be_read(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more PAR1")
    with pytest.raises(DatasetError, match=r"cannot be read as parquet .*; write it again"):
        read_sheet(tmp_path / "a.parquet")
    assert head_columns(tmp_path / "a.parquet") == ()


@pytest.mark.parametrize(("package", "begins"), [("openpyxl", b"PK\x03\x04"), ("pyarrow", b"PAR1")])
def test_what_needs_a_package_says_so(tmp_path, package, begins):
    path = tmp_path / "a.csv"
    path.write_bytes(begins + bytes(100))
    program = without({package}) + (
        "from pathlib import Path\nfrom sutja.sheets import head_columns, read_sheet\n"
        "assert head_columns(Path(sys.argv[1])) == ()\n"
        "read_sheet(Path(sys.argv[1]))\n"
    )
    ended = run_python(program, path)
    assert f"{DependencyError.__name__}: {package} is not installed" in ended.stderr
    assert "pip install 'sutja[tables]'" in ended.stderr


def test_a_file_that_goes_away(tmp_path):
    with pytest.raises(DatasetError, match=r"gone.csv: cannot be read \(No such file"):
        read_sheet(tmp_path / "gone.csv")
    assert head_columns(tmp_path / "gone.csv") == ()


def test_names_of_tables():
    assert may_be_table(Path("a.CSV"))
    assert not may_be_table(Path("a.wav"))


def test_the_head_of_a_long_table_is_enough(tmp_path):
    for encoding in ("utf-8", "utf-16", "utf-16-be", "cp949"):
        text = separated(COLUMNS, [["하나.wav", "하나", "안나"]] * 20_000)
        (tmp_path / "a.csv").write_bytes(text.encode(encoding))
        assert head_columns(tmp_path / "a.csv") == COLUMNS
