"""Lines about strings: whole objects of JSON whatever happens, and nothing kept from one recording to the next."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from sutja.cli.transcripts import Csv, Json, LineWriter, Text
from sutja.errors import AudioError
from sutja.strings.transcriber import SpokenString, SpokenWord

FIRST, SECOND = Path("a, b.wav"), Path('two\n"lines".wav')
ERROR = AudioError("a, b.wav", "is damaged; record it again")


def string(start: float) -> SpokenString:
    return SpokenString((SpokenWord("4", 0.5, {"4": 0.5}, start, start + 0.5),))


def written(form: type, n_before: int, *, fails: bool) -> list[str]:
    lines: list[str] = []
    writer: LineWriter = form(lines.append)
    for number in range(n_before):
        writer.string(FIRST, string(float(number)))
    if fails:
        writer.fail(FIRST, ERROR)
    else:
        writer.end(FIRST, 9.0)
    writer.string(SECOND, string(2.0))
    writer.end(SECOND, 9.0)
    return (
        "".join(lines).splitlines(keepends=True) if form is not Csv else list(csv.reader(io.StringIO("".join(lines))))
    )


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("n_before", [0, 1, 2, 3])
def test_json_is_an_object_a_line(n_before, fails):
    first, second = map(json.loads, written(Json, n_before, fails=fails))
    assert len(first.get("strings", [])) == n_before
    assert first.get("error") == (str(ERROR) if fails else None)
    assert first.get("text") == (None if fails else "4" * n_before)
    assert second["path"] == str(SECOND)
    assert second["text"] == "4"


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("n_before", [0, 1, 2, 3])
def test_csv_has_a_row_a_string_or_a_reason(n_before, fails):
    head, *rows = written(Csv, n_before, fails=fails)
    assert {len(row) for row in (head, *rows)} == {7}
    strings = ["4"] * n_before + [""] * (fails or not n_before)
    assert [row[3] for row in rows] == [*strings, "4"]
    assert [row[-1] for row in rows if row[-1]] == [str(ERROR)] * fails


@pytest.mark.parametrize("n_before", [0, 1, 2, 3])
def test_text_says_when_where_there_are_several(n_before):
    *lines, last = written(Text, n_before, fails=False)
    assert last.endswith(": 4 (50.0 %)\n")
    assert last.count("\n") == 1
    expected = [f"{number}.00 s: 4 (50.0 %)" for number in range(n_before)]
    assert [line.removeprefix("a, b.wav: ").rstrip() for line in lines] == (
        ["no words"] if not n_before else ["4 (50.0 %)"] if n_before == 1 else expected
    )
