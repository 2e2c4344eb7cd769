"""Layouts by file names, each detected and told apart, and everything that can be wrong with them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import TINY_RATE, tone, write_wav
from helpers import sounds, table

from sutja.dataset import Dataset, fingerprint, scan
from sutja.errors import DatasetError
from sutja.layouts import LAYOUTS, PATTERNS


def facts(dataset: Dataset) -> list[tuple[str, str | None, str | None, str | None]]:
    return [(c.name, c.label, c.speaker, c.split) for c in dataset.clips]


# -- file names -------------------------------------------------------------------------------------------------------


def test_audiomnist(tiny_dataset):
    dataset = scan(tiny_dataset)
    assert dataset.layout == "audiomnist"
    assert dataset.description == "audiomnist (data/SPEAKER/LABEL_SPEAKER_TAKE.wav)"
    assert (len(dataset.clips), dataset.labels, dataset.speakers) == (36, ("0", "1", "2"), ("01", "02", "03", "04"))
    assert dataset.clips[0].attributes == {"age": "21", "gender": "none"}
    assert facts(scan(tiny_dataset / "data"))[0] == ("01/0_01_0.wav", "0", "01", None)


def test_audiomnist_labels_may_hold_underscores_spaces_and_korean(tmp_path):
    sounds(tmp_path, "data/01/turn_it off_01_0.wav", "data/01/열 하나_01_12.wav")
    assert scan(tmp_path).labels == ("turn_it off", "열 하나")


@pytest.mark.parametrize(
    ("meta", "note"),
    [
        (json.dumps({"01": {"age": 1234, "accent": None, "native": True}}), "1 speakers are not described"),
        ('{"01": ', "cannot be read"),
        ('["01"]', "cannot be read"),
    ],
)
def test_audiomnist_meta_as_it_is_found(tmp_path, meta, note):
    sounds(tmp_path, "data/01/1_01_0.wav", "data/02/1_02_0.wav")
    table(tmp_path / "audioMNIST_meta.txt", meta)
    dataset = scan(tmp_path)
    assert note in dataset.notes[0]
    assert dataset.clips[1].attributes == {}
    if "1234" in meta:
        assert dataset.clips[0].attributes == {"age": "1234", "accent": "", "native": "true"}


def test_fsdd(tmp_path):
    sounds(tmp_path, "recordings/0_anna_4.wav", "recordings/0_anna_5.wav", "recordings/10_bo_12.wav")
    dataset = scan(tmp_path)
    assert dataset.layout == "fsdd"
    assert facts(dataset) == [
        ("recordings/0_anna_4.wav", "0", "anna", "test"),
        ("recordings/0_anna_5.wav", "0", "anna", "train"),
        ("recordings/10_bo_12.wav", "10", "bo", "train"),
    ]
    assert [c.split for c in scan(tmp_path / "recordings").clips] == ["test", "train", "train"]


def test_own_recordings_named_as_in_fsdd_have_no_official_test(tmp_path):
    sounds(tmp_path, "yes_anna_0.wav", "no_anna_1.wav")
    assert {c.split for c in scan(tmp_path).clips} == {None}


def test_speech_commands(tmp_path):
    names = [f"yes/{h}_nohash_{n}.wav" for h in ("0a", "1b", "2c") for n in (0, 1)]
    sounds(tmp_path, *names, "_background_noise_/pink.wav")
    table(tmp_path / "validation_list.txt", "yes/1b_nohash_0.wav", "yes/1b_nohash_1.wav")
    table(tmp_path / "testing_list.txt", "yes/2c_nohash_0.wav", "yes/2c_nohash_1.wav", "")
    dataset = scan(tmp_path)
    assert dataset.layout == "speech_commands"
    assert dataset.speakers == ("0a", "1b", "2c")
    assert [c.split for c in dataset.clips] == ["train", "train", "valid", "valid", "test", "test"]
    assert dataset.notes == (
        "1 sound files of background noise hold no words and are left out: _background_noise_/pink.wav",
    )


def test_speech_commands_without_lists_has_no_splits(tmp_path):
    sounds(tmp_path, "yes/0a_nohash_0.wav")
    assert facts(scan(tmp_path)) == [("yes/0a_nohash_0.wav", "yes", "0a", None)]


def test_folders(tmp_path):
    sounds(tmp_path, "yes/a.wav", "yes/b.wav", "no/c.WAV", "no/deep/er/d.wav", ".hidden/e.wav", "no/._a.wav")
    dataset = scan(tmp_path)
    assert dataset.layout == "folders"
    assert facts(dataset) == [("no/c.WAV", "no", None, None), *((f"yes/{n}.wav", "yes", None, None) for n in "ab")]
    assert dataset.notes == (
        "1 sound files do not fit and are left out: no/deep/er/d.wav",
        "1 hidden files or folders are passed over: .hidden",
        "1 files that operating systems leave are passed over: no/._a.wav",
    )


def test_folders_below_splits_and_clips_to_predict(tmp_path):
    sounds(tmp_path, "train/yes/a.wav", "train/no/b.wav", "test/c.wav")
    dataset = scan(tmp_path)
    assert facts(dataset) == [
        ("test/c.wav", None, None, "test"),
        ("train/no/b.wav", "no", None, "train"),
        ("train/yes/a.wav", "yes", None, "train"),
    ]
    assert dataset.notes == ("1 of 3 clips have no label: they are to be predicted",)


def test_a_word_that_is_called_as_a_split_is(tmp_path):
    sounds(tmp_path, "stop/a.wav", "train/b.wav", "dev/c.wav", "test/d.wav")
    dataset = scan(tmp_path)
    assert facts(dataset) == [
        ("dev/c.wav", "dev", None, None),
        ("stop/a.wav", "stop", None, None),
        ("test/d.wav", None, None, "test"),
        ("train/b.wav", "train", None, None),
    ]
    assert dataset.notes == ("1 of 4 clips have no label: they are to be predicted",)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_not_utf8(tmp_path):
    folder = os.fsencode(tmp_path) + b"/zw\xf6lf"
    try:
        os.mkdir(folder)  # noqa: PTH102 - bytes
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    clip = Path(os.fsdecode(folder + b"/\xff.wav"))
    sounds(clip.parent, clip.name)
    dataset = scan(tmp_path)
    assert facts(dataset) == [("zw\\xf6lf/\\xff.wav", "zw\\xf6lf", None, None)]
    assert dataset.clips[0].path.is_file()
    assert len(fingerprint(dataset.clips)) == 64
    with pytest.raises(DatasetError, match="fit no layout"):
        scan(clip.parent)


# -- choosing ---------------------------------------------------------------------------------------------------------


def test_every_layout_has_a_pattern():
    assert list(LAYOUTS) == list(PATTERNS)


def test_the_layout_can_be_told(tmp_path):
    sounds(tmp_path, "7/7_x_1.wav", "7/7_x_9.wav")
    assert scan(tmp_path).layout == "folders"
    assert scan(tmp_path / "7").layout == "fsdd"
    with pytest.raises(DatasetError, match=r"nothing in it fits the layout fsdd \(recordings/"):
        scan(tmp_path, layout="fsdd")


def test_a_csv_beside_the_recordings_is_not_mistaken_for_a_table(tiny_dataset):
    table(tiny_dataset / "results.csv", "epoch,loss", "1,0.5")
    assert scan(tiny_dataset).layout == "audiomnist"


def test_one_odd_name_does_not_change_the_layout(tmp_path):
    sounds(tmp_path, "recordings/0_anna_7.wav", "recordings/1_anna_7.wav", "recordings/intro.wav")
    dataset = scan(tmp_path)
    assert (dataset.layout, len(dataset.clips)) == ("fsdd", 2)
    assert "1 sound files do not fit and are left out: recordings/intro.wav" in dataset.notes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layout": "fsd"}, "layout 'fsd' is not known; expected one of csv, .*did you mean 'fsdd'"),
        ({"layout": "csv"}, "holds no CSV file"),
        ({"layout": "audiofolder"}, "holds no metadata.csv"),
        ({"audio_root": Path("/")}, "an audio root belongs to a CSV"),
        ({"audio_root": Path("/not/there")}, "/not/there: no such folder"),
    ],
)
def test_choices_that_cannot_be(tiny_dataset, arguments, message):
    with pytest.raises(DatasetError, match=message):
        scan(tiny_dataset, **arguments)


def test_places_that_hold_nothing(tmp_path):
    with pytest.raises(DatasetError, match="no such folder or file"):
        scan(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="holds no sound files"):
        scan(tmp_path)
    write_wav(tmp_path / "a.wav", tone(300, 0.1, TINY_RATE), TINY_RATE)
    with pytest.raises(DatasetError, match="fit no layout; expected one of csv"):
        scan(tmp_path)
    with pytest.raises(DatasetError, match="is a file and no CSV"):
        scan(tmp_path / "a.wav")
    with pytest.raises(DatasetError, match="is a file; expected a folder"):
        scan(tmp_path / "a.wav", layout="fsdd")


# -- the real recordings ----------------------------------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("folder", "layout", "counts"),
    [
        ("fsdd", "fsdd", (3000, 6, 10)),
        ("audiomnist_sample", "audiomnist", (10, 10, 10)),
        ("speech_commands", "speech_commands", (2538, 958, 14)),
        ("english_volunteers", "csv", (766, 5, 10)),
        ("english_classroom", "audiofolder", (1180, 10, 10)),
        ("arabic", "audiofolder", (1500, 30, 10)),
    ],
)
def test_real_corpora(corpora, folder, layout, counts):
    dataset = scan(corpora / folder)
    assert (dataset.layout, dataset.notes) == (layout, ())
    assert (len(dataset.clips), len(dataset.speakers), len(dataset.labels)) == counts


@pytest.mark.corpus
def test_official_split_of_fsdd(corpora):
    assert sum(c.split == "test" for c in scan(corpora / "fsdd").clips) == 300
