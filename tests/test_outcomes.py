"""A recording's record says the same in every form."""

from __future__ import annotations

import csv
import json
import sys

import pytest

from sutja.columns import RESULT_COLUMNS
from sutja.errors import AudioError, DependencyError
from sutja.outcomes import as_csv, as_json, as_table, record_of, schema
from sutja.predictor import Prediction
from sutja.strings.transcriber import SpokenWord

ROW = Prediction(
    "47", 0.72, {"4": 0.9, "7": 0.1}, n_words=2, word_at=0.1,
    words=(SpokenWord("4", 0.9, {"4": 0.9}, 0.1, 0.4), SpokenWord("7", 0.8, {"7": 0.8}, 0.4, 0.8)),
)  # fmt: skip
OUTCOMES = [
    Prediction("4", 0.9, {"4": 0.9, "7": 0.1}),
    Prediction(None, 0.4, {"4": 0.4, "7": 0.2}, rejected=True, n_words=2, word_at=0.25),
    AudioError("c.wav", "the file is empty; record it again"),
]


def records():
    return [record_of(name, outcome) for name, outcome in zip(("a.wav", "b, b.wav", "c.wav"), OUTCOMES, strict=True)]


def test_json_is_the_record():
    assert [json.loads(as_json(record)) for record in records()] == records()
    assert "n_words" not in records()[0]
    assert records()[1]["word_at"] == 0.25


def test_csv_has_the_columns_of_results():
    rows = list(csv.DictReader([as_csv(record) for record in records()], fieldnames=RESULT_COLUMNS))
    assert [row["label"] for row in rows] == ["4", "", ""]
    assert float(rows[1]["probability"]) == 0.4
    assert rows[1]["path"] == "b, b.wav"
    assert rows[2]["error"] == "c.wav: the file is empty; record it again"


def test_a_table_has_a_row_a_record_and_null_for_what_is_not_told():
    pytest.importorskip("pyarrow")
    table = as_table(records(), schema(["4", "7"]))
    told = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    expected = records()
    del expected[1]["label"]
    assert told == expected


def test_words_in_a_row_are_told_one_by_one():
    record = record_of("d.wav", ROW)
    assert (record["label"], record["text"], record["n_words"]) == ("47", "47", 2)
    assert [(word["label"], word["start"], word["end"]) for word in record["words"]] == [
        ("4", 0.1, 0.4),
        ("7", 0.4, 0.8),
    ]
    assert json.loads(as_json(record)) == record
    assert as_csv(record).strip() == "d.wav,47,0.72,"
    pytest.importorskip("pyarrow")
    (row,) = as_table([record], schema(["4", "7"])).to_pylist()
    assert row["words"][1] == {"label": "7", "start": 0.4, "end": 0.8, "probability": 0.8}


def test_without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DependencyError, match="pyarrow is not installed"):
        schema(["4"])
