"""Rows of text to clips: the same rows give the same clips, however they were written down."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import hypothesis.strategies as st
import pytest
from helpers import sounds, table
from hypothesis import given, settings
from made_tables import separated, write_table

from sutja.clips import Clip
from sutja.columns import NAMES
from sutja.dataset import scan
from sutja.errors import DatasetError
from sutja.rows import Meaning, Places, clips_of
from sutja.sheets import Sheet, read_sheet


def clips(tmp_path: Path, *lines: str) -> tuple[Clip, ...]:
    sounds(tmp_path, "a.wav", "b.wav", "c.wav")
    return scan(table(tmp_path / "list.csv", *lines)).clips


# -- the law ----------------------------------------------------------------------------------------------------------

FILES = ("a.wav", "b c.wav", "하나.wav")
# What each encoding can hold; a Korean word makes the others cp949's, and a western one cp1252's.
LETTERS = {
    "utf-8": "7 a\"';,|\té하 zß",
    "utf-8-sig": "7 a\"';,|\té하 zß",
    "utf-16": "7 a\"';,|\té하 zß",
    "utf-16-le": "7 a\"';,|\té하 zß",
    "cp949": "7 a\"';,|하둘",
    "cp1252": "7 a\"';,| z",
}


@st.composite
def written(draw: st.DrawFn) -> tuple[list[tuple[str, str, str]], bytes]:
    """Rows of file, label and speaker, and a table of them as somebody may write it."""
    encoding = draw(st.sampled_from(sorted(LETTERS)))
    word = st.text(LETTERS[encoding], max_size=6).map(str.strip)
    files = [f for f in FILES if f.isascii() or encoding != "cp1252"]
    rows = [(file, draw(word.filter(bool)), draw(word)) for file in draw(st.permutations(files))]
    if encoding == "cp1252":
        rows[0] = (rows[0][0], f"é {rows[0][1]}", rows[0][2])
    names = [draw(st.sampled_from(NAMES[role])) for role in ("file", "label", "speaker")]
    names = [draw(st.sampled_from([n, n.upper(), n.title().replace("_", " "), f" {n} "])) for n in names]
    order = draw(st.permutations(range(3)))
    text = separated(
        [names[i] for i in order],
        [[row[i] for i in order] for row in rows],
        delimiter=draw(st.sampled_from(",;\t|")),
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    return rows, text.encode(encoding)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(written())
def test_the_same_rows_give_the_same_clips(tmp_path_factory, made):
    rows, content = made
    folder = tmp_path_factory.getbasetemp() / "law"
    if not folder.exists():
        sounds(folder, *FILES)
    path = folder / "list.csv"
    path.write_bytes(content)
    assert [(c.name, c.label, c.speaker) for c in scan(path).clips] == [
        (file, label, speaker or None) for file, label, speaker in rows
    ]


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([".csv", ".tsv", ".jsonl", ".json", ".xlsx", ".parquet", ".txt"]))
def test_whatever_bytes_are_a_table_or_one_sentence(tmp_path_factory, content, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    begins = {".xlsx": b"PK\x03\x04", ".parquet": b"PAR1", ".json": b'[{"path":', ".csv": b"path,label\n"}
    path.write_bytes(begins.get(suffix, b"") + content)
    with pytest.raises(DatasetError) as caught:  # noqa: PT012  either is right
        scan(path)
        raise DatasetError("it was read")
    assert "\n" not in str(caught.value)
    assert str(caught.value).encode()


# -- words ------------------------------------------------------------------------------------------------------------


def test_whole_numbers_are_whole(tmp_path):
    found = clips(tmp_path, "file,label,speaker", "a.wav,1.0,7.0", "b.wav,10.00,", "c.wav,,8.0")
    assert [(c.label, c.speaker) for c in found] == [("1", "7"), ("10", None), (None, "8")]


@pytest.mark.parametrize("labels", [("1.0", "yes", "2.0"), ("v1.0", "v2.0", ""), ("1.0.0", "2", "3")])
def test_what_is_no_column_of_numbers_stays_as_it_is(tmp_path, labels):
    found = clips(tmp_path, "file,label", *(f"{n}.wav,{label}" for n, label in zip("abc", labels, strict=True)))
    assert [c.label or "" for c in found] == list(labels)


def test_numbers_of_json(tmp_path):
    sounds(tmp_path, "a.wav", "b.wav", "c.wav")
    rows = [{"file": f"{n}.wav", "label": label} for n, label in zip("abc", (1.0, 2, float("nan")), strict=True)]
    path = table(tmp_path / "l.jsonl", *map(json.dumps, rows))
    assert [c.label for c in scan(path).clips] == ["1", "2", None]


@pytest.mark.parametrize("columns", ["file,path", "path,file"])
def test_of_several_columns_of_files_the_one_that_leads_to_them(tmp_path, columns):
    sounds(tmp_path, "in/x/a.wav", "in/y/a.wav")
    path = table(tmp_path / "l.csv", f"{columns},label", *(f"in/{n}/a.wav,a.wav,{n}" for n in "xy"))
    assert [c.path.parent.name for c in scan(path).clips] == ["x", "y"]


def test_the_first_column_that_holds_anything(tmp_path):
    found = clips(tmp_path, "path,label,sentence,speaker,client_id", "a.wav,,seven,,anna", "b.wav,,one,,bo")
    assert [(c.label, c.speaker, c.attributes) for c in found] == [("seven", "anna", {}), ("one", "bo", {})]


def test_halves_of_characters_can_be_told(tmp_path):
    sounds(tmp_path, "a.wav")
    path = table(tmp_path / "l.jsonl", '{"file": "a.wav", "label": "\\ud800x"}')
    assert [c.label for c in scan(path).clips] == ["\\ud800x"]
    with pytest.raises(DatasetError, match=r"1 of 1 files are missing \(\\ud800.wav\)"):
        scan(table(tmp_path / "l.jsonl", '{"file": "\\ud800.wav", "label": "1"}'))


# -- stretches --------------------------------------------------------------------------------------------------------


def test_stretches_of_one_recording(tmp_path):
    found = clips(tmp_path, "file,label,start,end", "a.wav,1,0,0.05", "a.wav,2,0.05,0.1", "b.wav,3,,")
    assert [(c.name, c.label, c.span) for c in found] == [
        ("a.wav (0 to 0.05 s)", "1", (0.0, 0.05)),
        ("a.wav (0.05 to 0.1 s)", "2", (0.05, 0.1)),
        ("b.wav", "3", None),
    ]


def test_a_time_alone_says_something_else(tmp_path):
    (clip,) = clips(tmp_path, "file,label,duration", "a.wav,1,0.1")
    assert (clip.span, clip.attributes) == (None, {"duration": "0.1"})
    (clip,) = clips(tmp_path, "file,label,start", "a.wav,1,monday")
    assert clip.attributes == {"start": "monday"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.wav,1,0.5,", "end '' in line 2 is no number"),
        ("a.wav,1,,0.5", "start '' in line 2 is no number"),
        ("a.wav,1,nan,1", "start 'nan' in line 2 is no number of seconds"),
        ("a.wav,1,1,inf", "end 'inf' in line 2"),
        ("a.wav,1,1,1e999", "line 2 goes from 1 to inf s"),
        ("a.wav,1,1,1", "line 2 goes from 1 to 1 s"),
        ("a.wav,1,-1,1", "start '-1' in line 2 is no number"),
        ('a.wav,1,1,"2,5,"', "end '2,5,' in line 2"),
    ],
)
def test_stretches_that_cannot_be(tmp_path, row, message):
    with pytest.raises(DatasetError, match=message):
        clips(tmp_path, "file,label,start,end", row)


def test_hours_and_minutes(tmp_path):
    found = clips(tmp_path, "file,label,start,end", 'a.wav,1,1:02:03.5,"1:02:04,25"')
    assert found[0].span == (3723.5, 3724.25)


# -- places -----------------------------------------------------------------------------------------------------------


def test_places_are_looked_through_in_order(tmp_path):
    sounds(tmp_path, "one/a.wav", "two/a.wav", "two/in/b.wav")
    places = Places([tmp_path / "one", tmp_path / "two", tmp_path / "nowhere"])
    assert places.find("a.wav") == tmp_path / "one/a.wav"
    assert places.find("b.wav") == tmp_path / "two/in/b.wav"
    assert places.find("c.wav") is None


def test_many_names_and_many_folders_are_no_product(tmp_path, monkeypatch):
    for folder in range(50):
        (tmp_path / f"speaker {folder}").mkdir()
    sounds(tmp_path, "speaker 49/x/a.wav")
    asked: list[str] = []
    is_file = os.path.isfile
    monkeypatch.setattr("sutja.rows.os.path.isfile", lambda path: asked.append(path) or is_file(path))
    places = Places([tmp_path])
    assert [places.find(f"{name}.wav") for name in range(50)] == [None] * 50
    assert places.find("./x/a.wav") == tmp_path / "speaker 49/x/a.wav"
    assert len(asked) == 52


def test_a_sheet_to_clips(tmp_path):
    sounds(tmp_path, "a.wav")
    sheet = Sheet(("file", "label", "split", "room"), [["a.wav", "7", "dev", "hall"]], [2])
    meaning = Meaning.of(sheet, tmp_path / "l.csv", "train", Places([tmp_path]))
    assert clips_of(sheet, meaning, tmp_path / "l.csv", Places([tmp_path])) == [
        Clip(tmp_path / "a.wav", "a.wav", "7", split="valid", attributes={"room": "hall"})
    ]
    assert meaning.said(sheet) == "file -> file, label -> label, split -> split; as they are: room"


def test_a_column_without_a_name_is_left_out(tmp_path):
    path = write_table(tmp_path / "l.csv", ("", "file", "label"), [("0", "a.wav", "7")])
    sounds(tmp_path, "a.wav")
    assert scan(path).clips[0].attributes == {}
    assert read_sheet(path).columns[0] == ""
