from __future__ import annotations

import pytest
from conftest import tone, write_wav

from sutja.errors import DatasetError
from sutja.pcm import to_pcm16
from sutja.strings.sets import forms_of, read_set, read_strings, set_of, table_of
from sutja.transcripts import textgrid

LABELS = tuple("0123456789")
SPOKEN = {"0": "zero", "7": "seven"}


def written(folder, header, *rows, name="metadata.csv"):
    folder.mkdir(exist_ok=True)
    for row in rows:
        write_wav(folder / row.split(",")[0], to_pcm16(tone(300, 0.2, 16_000)), 16_000)
    table = folder / name
    table.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return table


def test_digits_words_and_speakers_are_read(tmp_path):
    table = written(tmp_path / "s", "file_name,digits,words,speaker", "a.wav,70,seven oh,anna", "b.wav,,hello,")
    assert table_of(tmp_path / "s") == table_of(table) == table
    first, second = read_strings(table, LABELS, SPOKEN)
    assert (first.labels, first.words, first.speaker, first.name) == (("7", "0"), ("seven", "oh"), "anna", "a.wav")
    assert first.path == tmp_path / "s" / "a.wav"
    assert (second.labels, second.speaker) == ((), None)


def test_words_alone_will_do(tmp_path):
    table = written(tmp_path / "s", "file_name,words,room", "a.wav,Seven oh 3,hall", "b.wav,,", "c.wav,hello there,")
    clips = read_strings(table_of(tmp_path / "s"), LABELS, SPOKEN)
    assert [clip.labels for clip in clips] == [("7", "0", "3"), (), ()]
    assert clips[0].attributes == {"file_name": "a.wav", "room": "hall"}
    assert table == table_of(tmp_path / "s")


def test_words_of_any_vocabulary(tmp_path):
    table = written(tmp_path / "s", "file_name,words", "a.wav,stop go")
    assert read_strings(table, ("go", "stop"), {})[0].labels == ("stop", "go")


@pytest.mark.parametrize(
    "header", ["file_name,label", "file_name,digits,label", "digits,words", "file_name,text,words"]
)
def test_other_tables_are_no_sets(tmp_path, header):
    written(tmp_path / "s", header, "a.wav,1,1"[: 7 + 2 * (header.count(",") > 1)])
    assert table_of(tmp_path / "s") is None


def test_what_is_no_table_is_no_set(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"\x00\xff")
    assert table_of(tmp_path) is None
    assert table_of(tmp_path / "notes.txt") is None
    assert table_of(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("file_name,digits", "a.wav,4x", "'x'"),
        ("file_name,words", "a.wav,seven up", "'up'"),
    ],
)
def test_a_word_that_the_model_does_not_know_is_named(tmp_path, header, row, said):
    with pytest.raises(DatasetError, match=f"line 2: {said}"):
        read_strings(written(tmp_path / "s", header, row), LABELS, SPOKEN)


def test_a_recording_that_is_not_there_is_named(tmp_path):
    table = written(tmp_path / "s", "file_name,digits", "a.wav,4")
    (tmp_path / "s" / "a.wav").unlink()
    with pytest.raises(DatasetError, match=r"line 2: a\.wav is not there"):
        read_strings(table, LABELS, SPOKEN)


def test_forms_are_those_of_the_language_that_is_spoken():
    german = forms_of(["2", "ja"], {"2": "zwei"})
    assert (german["zwo"], german["ja"]) == ("2", "ja")
    assert "two" not in german
    assert forms_of(["stop"], {}) == {"stop": "stop"}


def grid(path, *words):
    path.write_text(textgrid({"words": words}, 2.0), "utf-8")


def test_a_textgrid_beside_a_recording_has_its_times(tmp_path):
    table = written(tmp_path / "s", "file_name,digits", "a.wav,47", "b.wav,7", "c.wav,")
    grid(tmp_path / "s" / "a.TextGrid", (0.5, 0.8, "four"), (0.8, 1.25, "seven"))
    grid(tmp_path / "s" / "c.TextGrid", (0.5, 0.8, "house"))
    assert set_of(tmp_path / "s") == table
    spoken = SPOKEN | {"4": "four"}
    assert [clip.times for clip in read_set(table, LABELS, spoken)] == [((0.5, 0.8), (0.8, 1.25)), (), ()]
    grid(tmp_path / "s" / "b.textgrid", (0.5, 0.8, "four"))
    with pytest.raises(DatasetError, match=r"b\.textgrid: says 'four', and the table '7'"):
        read_set(table, LABELS, spoken)


def test_textgrids_or_a_ctm_are_a_set_without_a_table(tmp_path):
    folder = tmp_path / "s"
    written(folder, "file_name,digits", "a.wav,47", "b.wav,").unlink()
    assert set_of(folder) is None
    grid(folder / "a.TextGrid", (0.5, 0.8, "seven"))
    grid(folder / "b.TextGrid", (0.5, 0.8, "house"))
    assert set_of(folder) == folder
    first, second = read_set(folder, LABELS, SPOKEN)
    assert (first.labels, first.times, first.name) == (("7",), ((0.5, 0.8),), "a.wav")
    assert (second.labels, second.times, second.words) == ((), (), ("house",))
    ctm = folder / "all.ctm"
    ctm.write_text("a 1 0.5 0.3 zero\n", "utf-8")
    assert set_of(folder) == set_of(ctm) == ctm
    assert [clip.labels for clip in read_set(ctm, LABELS, SPOKEN)] == [("0",)]
    ctm.write_text("nobody 1 0.5 0.3 zero\n", "utf-8")
    with pytest.raises(DatasetError, match="nobody is not there"):
        read_set(ctm, LABELS, SPOKEN)
    assert set_of(folder / "none.ctm") is None
    (folder / "other.ctm").write_text("", "utf-8")
    assert set_of(folder) is None
