"""Audacity's labels: stretches of the recording beside them."""

from __future__ import annotations

import pytest
from helpers import sounds, table

from sutja.clips import Clip
from sutja.dataset import scan
from sutja.errors import DatasetError
from sutja.label_files import is_label_file

LABELS = ("0.010000\t0.040000\t일", "\\\t100.0\t2000.0", "0,050000\t0,090000\t 이 ", "0.05\t0.05\tclick", "0.09\t0.1\t")


def test_a_recording_and_its_labels(tmp_path):
    sounds(tmp_path, "one/talk.WAV")
    path = table(tmp_path / "one/talk.txt", *LABELS)
    dataset = scan(tmp_path)
    assert dataset.layout == "audacity"
    assert dataset.clips == (
        Clip(tmp_path / "one/talk.WAV", "one/talk.WAV (0.01 to 0.04 s)", "일", span=(0.01, 0.04)),
        Clip(tmp_path / "one/talk.WAV", "one/talk.WAV (0.05 to 0.09 s)", "이", span=(0.05, 0.09)),
        Clip(tmp_path / "one/talk.WAV", "one/talk.WAV (0.09 to 0.1 s)", None, span=(0.09, 0.1)),
    )
    assert dataset.notes == (
        "1 labels mark a moment, not a stretch, and are left out",
        "1 of 3 clips have no label: they are to be predicted",
    )
    assert [c.span for c in scan(path).clips] == [c.span for c in dataset.clips]


def test_labels_apart_from_their_recording(tmp_path):
    sounds(tmp_path / "sound", "talk.wav")
    path = table(tmp_path / "labels" / "talk.txt", LABELS[0])
    assert scan(path, audio_root=tmp_path / "sound").clips[0].path == tmp_path / "sound/talk.wav"
    with pytest.raises(DatasetError, match=r"no recording of its name is there; looked in .*; name its folder"):
        scan(path)


def test_transcripts_are_no_labels(tmp_path):
    sounds(tmp_path, "yes/a.wav", "yes/b.wav", "no/c.wav")
    table(tmp_path / "yes/a.txt", "yes")
    table(tmp_path / "no/c.txt", "")
    assert not is_label_file(tmp_path / "gone.txt")
    assert scan(tmp_path).layout == "folders"
    table(tmp_path / "yes/a.txt", LABELS[0])  # one of three is no layout
    assert scan(tmp_path).layout == "folders"


@pytest.mark.parametrize("line", ["0.5\tword", "1.0\t0.5\tback", "0.1,0.2,word", "-1\t2\tx"])
def test_lines_that_are_no_labels(tmp_path, line):
    sounds(tmp_path, "talk.wav")
    table(tmp_path / "talk.txt", LABELS[0], "", line)
    with pytest.raises(
        DatasetError, match=r"talk\.txt: line 3 is no label of a stretch; expected start, end and label"
    ):
        scan(tmp_path)


def test_nothing_but_moments(tmp_path):
    sounds(tmp_path, "talk.wav")
    table(tmp_path / "talk.txt", "0.5\t0.5\tclick")
    with pytest.raises(DatasetError, match="holds no labels of stretches"):
        scan(tmp_path)


def test_labels_in_the_encoding_of_windows(tmp_path):
    sounds(tmp_path, "talk.wav")
    table(tmp_path / "talk.txt", "0.01\t0.02\t하나", encoding="cp949")
    assert scan(tmp_path).labels == ("하나",)


def test_the_same_stretch_twice(tmp_path):
    sounds(tmp_path, "talk.wav")
    table(tmp_path / "talk.txt", "0.01\t0.02\t1", "0.01\t0.02\t2")
    with pytest.raises(DatasetError, match="contradict each other"):
        scan(tmp_path)
