"""What is told of strings: records with every field, subtitles and TextGrids that other tools read."""

from __future__ import annotations

import json

import pytest
from strings import RATE, said, string_bundle

from sutja.strings.transcriber import Partial, SpokenString, SpokenWord
from sutja.transcription import Transcriber
from sutja.transcripts import record_of, srt, textgrid, whole_record

WORD = SpokenWord("4", 0.9, {"4": 0.9, "7": 0.05}, 1.23456, 1.5)
REFUSED = SpokenWord(None, 0.3, {"4": 0.1, "7": 0.3}, 1.5, 2.0)


def test_records_are_json_and_say_their_type():
    events = list(Transcriber(string_bundle()).events(said("ab"), sample_rate=RATE))
    records = [record_of(event) for event in events]
    assert json.loads(json.dumps(records)) == records
    assert [record["type"] for record in records if record["type"] != "partial"] == ["word", "word", "string"]
    assert records[-1]["text"] == "ab"


def test_a_word_that_is_refused_has_no_label():
    record = record_of(REFUSED)
    assert record["label"] is None
    assert record["rejected"]
    string = whole_record(SpokenString((WORD, REFUSED), complete=False))
    assert string["text"] == "4?"
    assert string["labels"] == ["4", None]
    assert not string["complete"]
    times = {"start": 1.235, "end": 1.5}
    assert string["words"][0] == times | {
        "label": "4", "rejected": False, "probability": 0.9, "probabilities": {"4": 0.9, "7": 0.05},
    }  # fmt: skip


def test_a_partial_result():
    assert record_of(Partial(("lamp", "stop"), 2.5))["text"] == "lamp stop"


def test_subtitles_carry_over():
    string = SpokenString((SpokenWord("4", 1.0, {"4": 1.0}, 0.0, 59.9996),))
    assert srt(7, string).splitlines()[:2] == ["7", "00:00:00,000 --> 00:01:00,000"]


@pytest.mark.parametrize(
    ("intervals", "texts"),
    [
        ([], [""]),
        ([(0.0, 1.0, "a")], ["a", ""]),
        ([(1.0, 2.0, "a"), (2.0, 3.0, 'b "c"')], ["", "a", 'b ""c""']),
        ([(1.0, 2.0, "a"), (1.5, 2.0, "lost")], ["", "a", ""]),
        ([(2.5, 3.5, "a")], ["", "a"]),
    ],
)
def test_a_tier_has_no_gaps_and_ends_with_the_recording(intervals, texts):
    lines = [line.strip() for line in textgrid({"words": intervals}, 3.0).splitlines()]
    assert [line[8:-1] for line in lines if line.startswith("text")] == texts
    starts, ends = (
        [line.split()[-1] for line in lines if line.startswith(f"{edge} =")][2:] for edge in ("xmin", "xmax")
    )
    assert starts[1:] == ends[:-1]
    assert ends[-1] == "3.000"
