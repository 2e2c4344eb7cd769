"""A folder of takes: read back by the readers of data sets, gone on with, mended after kills, never overwritten."""

from __future__ import annotations

import csv
import os
import threading

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from microphones import RATE, spoken

from sutja import takes as module
from sutja.clips import SPLITS
from sutja.dataset import read
from sutja.errors import ConfigError, DatasetError, RunError
from sutja.files import write_text
from sutja.pcm import to_pcm16
from sutja.takes import COLUMNS, METADATA, NAME_BYTES, Takes, checked_words, safe_name

WAVEFORM = spoken(1)
NOW = "2026-11-26T12:00:00+09:00"


def add(takes: Takes, label: str, waveform: np.ndarray = WAVEFORM) -> object:
    return takes.add(label, waveform, RATE, device='USB, "mic"', recorded=NOW)


def rows(folder) -> list[dict[str, str]]:
    with (folder / METADATA).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def whole(folder) -> None:
    """Each row has its recording and each recording its row, and no draft stayed."""
    names = [row["file_name"] for row in rows(folder)]
    assert len(set(names)) == len(names)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.glob("*/*")) == sorted(names)
    assert [p.name for p in folder.glob(".*")] == []


LABELS = [
    "stop",
    "lamp on",
    "불 켜",
    "a/b",
    "..",
    "../../up",
    "nul",
    "test",
    "train",
    "What?",
    "-5",
    "a.wav",
    "🙂",
    "=1+1",
    "ß" * 200,
]


def test_any_label_is_read_back_by_the_readers_of_data_sets(tmp_path):
    folder = tmp_path / "내 단어"
    takes = Takes(folder, "안나 / B.")
    for label in LABELS:
        path = add(takes, label)
        assert path.resolve().is_relative_to(folder.resolve())
    whole(folder)
    dataset = read(folder)
    assert {clip.label: clip.speaker for clip in dataset.labelled} == dict.fromkeys(LABELS, "안나 / B.")
    assert {clip.split for clip in dataset.labelled} == {None}
    assert dict(dataset.labelled[0].attributes) == {"device": 'USB, "mic"', "recorded": NOW}
    samples, rate = soundfile.read(folder / rows(folder)[0]["file_name"], dtype="int16")
    assert rate == RATE
    assert np.array_equal(samples, to_pcm16(WAVEFORM))


@settings(max_examples=150)
@given(st.text(min_size=1, max_size=80).filter(str.strip))
def test_names_are_safe_anywhere(text):
    text = text.encode("utf-8", "ignore").decode() or "x"
    name = safe_name(text, "word")
    assert name
    assert name.isprintable()
    assert len(name.encode()) <= NAME_BYTES + len("word_")
    assert not set(name) & set('/\\:*?"<>|. ')
    assert name.lower() not in {*module.RESERVED, *SPLITS}
    assert name == safe_name(text, "word")


def test_takes_are_counted_by_speaker_and_never_overwritten(tmp_path):
    anna, bo = Takes(tmp_path / "w", "anna"), Takes(tmp_path / "w", "bo")
    paths = [add(anna, "go"), add(bo, "go"), add(anna, "go"), add(anna, "stop")]
    assert [p.relative_to(tmp_path / "w").as_posix() for p in paths] == [
        "go/anna_001.wav", "go/bo_001.wav", "go/anna_002.wav", "stop/anna_001.wav",
    ]  # fmt: skip
    assert Takes(tmp_path / "w", "anna").counts() == {"go": 2, "stop": 1}
    assert len(anna.digests()) == 1  # all the same sound
    (tmp_path / "w" / "go" / "anna_009.wav").write_bytes(b"somebody's")
    assert add(Takes(tmp_path / "w", "anna"), "go").name == "anna_010.wav"
    assert (tmp_path / "w" / "go" / "anna_009.wav").read_bytes() == b"somebody's"


def test_labels_that_share_a_folder_keep_apart(tmp_path):
    takes = Takes(tmp_path, "anna")
    assert add(takes, "lamp on") != add(takes, "lamp_on")
    assert takes.counts() == {"lamp on": 1, "lamp_on": 1}


def test_a_take_is_taken_away_again(tmp_path):
    takes = Takes(tmp_path, "anna")
    first, second = add(takes, "go"), add(takes, "go")
    takes.remove(second)
    assert takes.counts() == {"go": 1}
    assert first.exists()
    whole(tmp_path)


class KilledError(BaseException):
    pass


@pytest.mark.parametrize("what", ["add", "remove"])
def test_a_kill_between_two_writes_loses_and_doubles_nothing(tmp_path, monkeypatch, what):
    takes = Takes(tmp_path, "안나")
    first = add(takes, "불 켜")

    def killed(path, text):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_text", killed)
        with pytest.raises(KilledError):
            add(takes, "불 켜") if what == "add" else takes.remove(first)
    again = Takes(tmp_path, "안나")
    assert len(again.notes) == 1
    assert again.counts() == ({"불 켜": 2} if what == "add" else {})
    whole(tmp_path)
    if what == "add":
        one, two = rows(tmp_path)
        assert {**one, "file_name": ""} == {**two, "file_name": ""}
    assert Takes(tmp_path, "안나").notes == ()


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    takes = Takes(tmp_path, "anna")
    add(takes, "go")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write_wav", full)
    with pytest.raises(RunError, match="No space left on device"):
        add(takes, "go")
    whole(tmp_path)
    assert takes.counts() == {"go": 1}


@pytest.mark.skipif(os.name == "nt", reason="knows no such locks")
def test_several_who_record_into_one_folder_lose_nothing(tmp_path):
    def work(speaker: str) -> None:
        takes = Takes(tmp_path, speaker)
        for _ in range(8):
            add(takes, "go")

    threads = [threading.Thread(target=work, args=(speaker,)) for speaker in ("anna", "anna", "bo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Takes(tmp_path, "anna").counts() == {"go": 16}
    whole(tmp_path)


# -- what is refused --------------------------------------------------------------------------------------------------

WORDS = {
    "none": ([], "no words; expected those to record"),
    "blank": (["go", " \t"], "a word is blank"),
    "twice": (["go", "stop", "go "], "'go' and 'go' are the same word"),
    "composed otherwise": (["카", "카"], "are the same word"),
    "case": (["Go", "go"], "'Go' and 'go' are the same word"),
    "a line break": (["a\nb"], r"the word a\\nb holds what cannot be shown"),
    "half a character": (["\udcff"], "holds what cannot be shown"),
}


@pytest.mark.parametrize("name", WORDS)
def test_words_that_cannot_be_asked_for(name):
    words, message = WORDS[name]
    with pytest.raises(ConfigError, match=message):
        checked_words(words)


def test_speakers_and_spellings(tmp_path):
    with pytest.raises(ConfigError, match="a speaker is blank"):
        Takes(tmp_path, " ")
    takes = Takes(tmp_path, "anna")
    add(takes, "Go")
    takes.check_labels(["Go", "stop"])
    with pytest.raises(ConfigError, match=r"'go': .* holds 'Go'; write it in the same way"):
        takes.check_labels(["go"])


def test_folders_that_hold_something_else(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatasetError, match="file: is a file; expected a folder"):
        Takes(tmp_path / "file", "anna")
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "song.mp3").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"music: holds files and no metadata\.csv of this command"):
        Takes(tmp_path / "music", "anna")
    for text in ("file_name,text\na.wav,go\n", "", ",".join(COLUMNS) + "\na.wav,go\n"):
        write_text(tmp_path / "other" / METADATA, text)
        with pytest.raises(DatasetError, match="is of another form; expected a new folder, or one whose"):
            Takes(tmp_path / "other", "anna")
        assert (tmp_path / "other" / METADATA).read_text(encoding="utf-8") == text
    (tmp_path / "other" / METADATA).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="cannot be read"):
        Takes(tmp_path / "other", "anna")
    with pytest.raises(RunError, match="cannot be written"):
        Takes(tmp_path / "file" / "below", "anna")
