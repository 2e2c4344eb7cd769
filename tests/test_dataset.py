"""The table of clips: read, merged, renamed, narrowed, and known again by its fingerprint."""

from __future__ import annotations

import os
import pickle
import random
from pathlib import Path

import pytest
from conftest import TINY_RATE, tone, write_wav
from helpers import sounds, table

from sutja.clips import Clip
from sutja.dataset import fingerprint, merge, narrowed, read, read_each, scan
from sutja.errors import DatasetError


def test_a_table_can_be_sent_to_workers(tiny_dataset):
    dataset = scan(tiny_dataset)
    assert pickle.loads(pickle.dumps(dataset)) == dataset


def test_fingerprint_knows_content_not_order_or_place(tiny_dataset, tmp_path):
    clips = list(scan(tiny_dataset).clips)
    before = fingerprint(clips)
    random.Random(1).shuffle(clips)
    assert fingerprint(clips) == before
    moved = tiny_dataset.rename(tmp_path / "elsewhere")
    clips = list(scan(moved).clips)
    assert fingerprint(clips) == before
    assert fingerprint(clips[1:]) != before
    write_wav(clips[0].path, tone(1000, 0.3, TINY_RATE), TINY_RATE)
    assert fingerprint(clips) != before


@pytest.mark.parametrize("change", [{"label": "2"}, {"speaker": None}, {"name": "x"}])
def test_fingerprint_knows_what_is_said_of_a_clip(tmp_path, change):
    sounds(tmp_path, "a.wav")
    clip = {"path": tmp_path / "a.wav", "name": "a.wav", "label": "1", "speaker": "s"}
    assert fingerprint([Clip(**clip)]) != fingerprint([Clip(**{**clip, **change})])


def test_fingerprint_of_a_file_that_is_gone(tmp_path):
    with pytest.raises(DatasetError, match=r"gone.wav: cannot be read \(No such file"):
        fingerprint([Clip(tmp_path / "gone.wav", "gone.wav")])


def test_merge_keeps_speakers_apart_only_where_their_names_meet(tmp_path):
    one = scan(sounds(tmp_path / "one", "recordings/0_anna_7.wav", "recordings/0_bo_7.wav"))
    two = scan(sounds(tmp_path / "two", "data/anna/1_anna_0.wav"))
    merged = merge([one, two])
    assert merged.speakers == ("bo", "one/anna", "two/anna")
    assert merged.labels == ("0", "1")
    assert (merged.root, merged.layout, merged.description) == (tmp_path, "fsdd+audiomnist", "fsdd+audiomnist")


def test_merge_of_two_tables_over_one_root_leaves_the_speakers_one(tmp_path):
    sounds(tmp_path, "a.wav", "b.wav")
    one = scan(table(tmp_path / "one.csv", "file_name,label,speaker", "a.wav,1,anna"))
    two = scan(table(tmp_path / "two.csv", "file_name,label,speaker", "b.wav,1,anna"))
    assert merge([one, two]).speakers == ("anna",)
    assert merge([one]) is one


def test_merge_of_roots_with_one_name(tmp_path):
    roots = [sounds(tmp_path / p / "data", "anna/1_anna_0.wav") for p in ("x", "y")]
    speakers = merge([scan(r) for r in roots]).speakers
    assert [s.removeprefix(tmp_path.as_posix().lstrip("/")) for s in speakers] == ["/x/data/anna", "/y/data/anna"]


def test_merge_refuses_a_file_twice_and_nothing_at_all(tiny_dataset):
    with pytest.raises(DatasetError, match="36 files are listed more than once"):
        merge([scan(tiny_dataset), scan(tiny_dataset)])
    with pytest.raises(DatasetError, match="no data set was given"):
        merge([])


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def words(tmp_path) -> Path:
    """Two labels, three takes each, in folders."""
    return sounds(tmp_path / "words", *(f"{label}/{label}_{i}.wav" for label in ("zero", "one") for i in range(3)))


def test_one_folder_is_read_as_it_is_scanned(words):
    assert read(words) == scan(words)
    assert read(str(words), layout="folders") == scan(words)


def test_several_are_merged_and_told_of_in_order(words, tmp_path):
    more = sounds(tmp_path / "more", "two/a.wav", "two/b.wav", "two/deep/er/c.wav")
    told = []
    dataset = read(words, more, on_note=told.append)
    assert dataset.labels == ("one", "two", "zero")
    assert dataset == merge([scan(words), scan(more)])
    assert told == [
        f"{words}: 6 clips, layout folders (LABEL/*.wav)",
        "  labels: 2 (one, zero)",
        "  speakers: none",
        f"{more}: 2 clips, layout folders (LABEL/*.wav)",
        "  labels: 1 (two)",
        "  speakers: none",
        "  1 sound files do not fit and are left out: two/deep/er/c.wav",
    ]


def test_a_table_apart_from_its_recordings(words, tmp_path):
    path = table(tmp_path / "list.csv", "file_name,label", "zero_0.wav,0")
    assert [clip.path for clip in read(path, audio_root=words / "zero").clips] == [words / "zero/zero_0.wav"]


def test_labels_can_be_renamed_two_to_one_and_each_to_the_others(words):
    assert read(words, rename={"zero": "0", "one": "1"}).labels == ("0", "1")
    assert read(words, rename={"zero": "one"}).labels == ("one",)
    swapped = read(words, rename={"zero": "one", "one": "zero"})
    assert {clip.label for clip in swapped.clips if clip.name.startswith("zero")} == {"one"}


@pytest.mark.parametrize("name", ["하나", "a=b", " ", "two\nlines", "-"])
def test_any_name_can_be_given(words, name):
    assert name in read(words, rename={"zero": name}).labels


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ({"two": "2"}, "^rename two=...: no such label; there are one, zero$"),
        ({"Zero": "0"}, "rename Zero=...: no such label"),
        ({"": "0"}, "rename =...: no such label"),
        ({"zero": ""}, "rename zero=: expected OLD=NEW, for example zero=0"),
    ],
)
def test_labels_that_cannot_be_renamed(words, rename, message):
    with pytest.raises(DatasetError, match=message):
        read(words, rename=rename)


def test_clips_without_label_stay_without(tmp_path):
    path = sounds(tmp_path, "train/yes/a.wav", "test/b.wav")
    assert [clip.label for clip in read(path, rename={"yes": "ja"}).clips] == [None, "ja"]


def test_a_part_of_the_data(tmp_path):
    sounds(tmp_path, "a.wav", "b.wav", "c.wav")
    path = table(tmp_path / "t.csv", "file_name,label,split", "a.wav,1,train", "b.wav,1,test", "c.wav,2,train")
    assert [clip.name for clip in read(path, split="train").clips] == ["a.wav", "c.wav"]
    assert narrowed(read(path), None) == read(path)
    with pytest.raises(DatasetError, match="no clip is marked valid; leave the split out"):
        read(path, split="valid")


def test_several_data_sets_in_one_way(words, tmp_path):
    path = sounds(tmp_path / "more", "three/a.wav", "three/b.wav")
    first, second = read_each([[words], [path]], rename={"three": "3", "zero": "0"})
    assert (first.labels, second.labels) == (("0", "one"), ("3",))  # a rename may be meant for either
    with pytest.raises(DatasetError, match=r"rename four=\.\.\.: no such label; there are one, three, zero"):
        read_each([[words], [path]], rename={"four": "4"})


def test_nothing_to_read(tmp_path):
    with pytest.raises(DatasetError, match="no data set was given; expected at least one"):
        read()
    with pytest.raises(DatasetError, match="nowhere: no such folder or file; check the path"):
        read(tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_not_utf8_can_be_told(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/zw\xf6lf"))
    try:
        sounds(folder, "zw/a.wav")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    told = []
    with pytest.raises(DatasetError, match=r"zw\\xf6lf: no clip is marked test") as caught:
        read(folder, split="test", on_note=told.append)
    for text in (*told, str(caught.value)):
        assert text.encode()
