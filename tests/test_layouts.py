"""Six layouts, each detected and told apart, and everything that can be wrong with them."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from conftest import TINY_RATE, tone, write_wav
from helpers import sounds, table

from sutja.dataset import Dataset, fingerprint, scan
from sutja.errors import DatasetError
from sutja.layouts import LAYOUTS, PATTERNS


def facts(dataset: Dataset) -> list[tuple[str, str | None, str | None, str | None]]:
    return [(c.name, c.label, c.speaker, c.split) for c in dataset.clips]


# -- csv --------------------------------------------------------------------------------------------------------------


def test_csv_file_with_every_column(tmp_path):
    sounds(tmp_path, "a.wav", "b.wav")
    path = table(
        tmp_path / "list.csv", "file_name,label,speaker,split,room", "a.wav,7,anna,Validation,hall", "b.wav,7,,,"
    )
    dataset = scan(path)
    assert dataset.layout == "csv"
    assert facts(dataset) == [("a.wav", "7", "anna", "valid"), ("b.wav", "7", None, None)]
    assert dataset.clips[0].attributes == {"room": "hall"}
    assert dataset.clips[1].attributes == {}


def test_csv_folder_with_train_and_test(tmp_path):
    sounds(tmp_path, "train/0001.wav", "train/0002.wav", "test/0001.wav")
    table(tmp_path / "train.csv", "file_name,label", "0001.wav,3", "0002.wav,10")
    table(tmp_path / "test.csv", "file_name", "0001.wav")
    table(tmp_path / "sample_submission.csv", "file_name,label", "0001.wav,0")
    dataset = scan(tmp_path)
    assert facts(dataset) == [
        ("0001.wav", "3", None, "train"),
        ("0002.wav", "10", None, "train"),
        ("0001.wav", None, None, "test"),
    ]
    assert [c.path.parent.name for c in dataset.clips] == ["train", "train", "test"]
    assert [c.name for c in dataset.unlabelled] == ["0001.wav"]
    assert len(dataset.labelled) == 2
    assert dataset.notes == (
        "1 of 3 clips have no label: they are to be predicted",
        "1 tables are not read: sample_submission.csv",
    )


def test_csv_looks_in_the_audio_root_first(tmp_path):
    sounds(tmp_path / "sound", "x/a.wav")
    sounds(tmp_path, "x/a.wav")
    path = table(tmp_path / "list.csv", "file_name,label", "x/a.wav,1")
    assert scan(path, audio_root=tmp_path / "sound").clips[0].path == tmp_path / "sound/x/a.wav"
    assert scan(path).clips[0].path == tmp_path / "x/a.wav"


def test_csv_relative_to_where_we_are(tmp_path, monkeypatch):
    sounds(tmp_path, "sound/a.wav")
    table(tmp_path / "list.csv", "file_name,label", "a.wav,1")
    monkeypatch.chdir(tmp_path)
    dataset = scan("list.csv", audio_root=Path("sound"))
    assert dataset.clips[0].path == tmp_path / "sound/a.wav"  # workers may run elsewhere
    assert dataset.root == tmp_path / "sound"


@pytest.mark.parametrize("spelling", ["train/a.wav", r"train\a.wav", r".\train\a.wav", "{root}/train/a.wav"])
def test_csv_spellings_of_a_path(tmp_path, spelling):
    sounds(tmp_path, "train/a.wav")
    spelling = spelling.format(root=tmp_path)
    path = table(tmp_path / "list.csv", "file_name,label", f"{spelling},1")
    dataset = scan(path)
    assert dataset.clips[0].name == spelling
    assert dataset.clips[0].path.samefile(tmp_path / "train/a.wav")


def test_csv_from_excel(tmp_path):
    sounds(tmp_path, "a, b.wav", "c.wav")
    lines = 'file_name,label \r\n"a, b.wav", 일\r\n\r\nc.wav,이\r\n'
    (tmp_path / "list.csv").write_bytes(lines.encode("utf-8-sig"))
    assert facts(scan(tmp_path)) == [("a, b.wav", "일", None, None), ("c.wav", "이", None, None)]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_korean_and_spaces_whichever_way_the_letters_are_composed(tmp_path, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    folder = tmp_path / "내 녹음 파일"
    sounds(folder, unicodedata.normalize(form, "하나 둘.wav"))
    table(folder / "list.csv", "file_name,label", unicodedata.normalize(other, "하나 둘.wav,하나"))
    dataset = scan(folder)
    assert dataset.labels == (unicodedata.normalize("NFC", "하나"),)
    assert dataset.clips[0].path.is_file()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["filename,label", "a.wav,1"], "columns filename, label; expected file_name.*rename 'filename'"),
        (["file_name,labels", "a.wav,1"], "columns file_name, labels; expected.*label is not there; rename 'labels'"),
        (["file_name,digit", "a.wav,1"], "label is not there; add a column label"),
        (["file_name;label", "a.wav;1"], "separate the columns by commas"),
        (["file_name,label,label", "a.wav,1,2"], "each column name may stand there once"),
        (["a.wav,1"], "file_name is not there"),
        ([""], "columns none"),
        (["file_name,label"], "holds no rows"),
        (["file_name,label", "a.wav,1,2"], "line 2 has 3 values and the header 2 columns"),
        (["file_name,label", ",1"], "line 2 names no file"),
        (["file_name,label", '"a.wav,1'], "cannot be read as CSV"),
        (["file_name,label,split", "a.wav,1,tset"], "split 'tset' of a.wav is not known"),
        (["file_name,label", "a.wav,1", "./a.wav,1"], "1 files are listed more than once"),
        (["file_name,label", "a.wav,1", "./a.wav,2"], r"contradict each other \(a.wav: '1', '2'\)"),
        (["file_name,label", "a.wav,1", *(f"no{i}.wav,1" for i in range(5))], "5 of 6 files are missing"),
        (["file_name,label", "a.wav,1", "no\x00.wav,1"], "1 of 2 files are missing"),
        (["file_name,label", f"{'n' * 5000}.wav,1"], "1 of 1 files are missing"),
        (["file_name,label", "..,1"], "1 of 1 files are missing"),
    ],
)
def test_csv_that_cannot_be_used(tmp_path, lines, message):
    sounds(tmp_path, "a.wav")
    with pytest.raises(DatasetError, match=message) as caught:
        scan(table(tmp_path / "list.csv", *lines))
    assert "\n" not in str(caught.value)


def test_missing_files_are_named_briefly(tmp_path):
    path = table(tmp_path / "list.csv", "file_name,label", *(f"no{i}.wav,1" for i in range(50)))
    with pytest.raises(DatasetError, match=r"no0.wav, no1.wav, no2.wav and 47 more.*name their folder as the audio"):
        scan(path)


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_csv_that_is_not_utf8(tmp_path, encoding):
    path = table(tmp_path / "list.csv", "file_name,label", "하나.wav,1", encoding=encoding)
    with pytest.raises(DatasetError, match=r"is not UTF-8 text.*save it again as CSV in UTF-8"):
        scan(path)


def test_a_row_may_lack_its_label_but_train_csv_not_the_column(tmp_path):
    sounds(tmp_path, "a.wav")
    with pytest.raises(DatasetError, match="label is not there"):
        scan(table(tmp_path / "train.csv", "file_name,age", "a.wav,30"))
    assert scan(table(tmp_path / "rows.csv", "file_name,speaker", "a.wav,anna")).labels == ()


def test_the_same_file_to_learn_from_and_to_predict(tmp_path):
    sounds(tmp_path, "a.wav")
    table(tmp_path / "train.csv", "file_name,label", "a.wav,1")
    table(tmp_path / "test.csv", "file_name", "a.wav")
    with pytest.raises(DatasetError, match="listed more than once"):
        scan(tmp_path)


def test_two_csv_files_of_no_known_name(tmp_path):
    sounds(tmp_path, "a.wav")
    for name in ("x.csv", "y.csv"):
        table(tmp_path / name, "file_name,label", "a.wav,1")
    with pytest.raises(DatasetError, match=r"holds 2 CSV files \(x.csv, y.csv\); name the one"):
        scan(tmp_path)


def test_folder_whose_only_csv_lacks_the_columns(tmp_path):
    table(tmp_path / "list.csv", "path,word", "a.wav,1")
    with pytest.raises(DatasetError, match="columns path, word"):
        scan(tmp_path)


# -- audiofolder ------------------------------------------------------------------------------------------------------


def test_audiofolder(tmp_path):
    sounds(tmp_path, "train/a.wav", "test/b.wav", "c.wav")
    lines = ["file_name,label,speaker_id,age", "train/a.wav,1,s1,30", "test/b.wav,2,s2,", "c.wav,,s2,"]
    table(tmp_path / "metadata.csv", *lines)
    dataset = scan(tmp_path)
    assert dataset.layout == "audiofolder"
    assert facts(dataset) == [
        ("train/a.wav", "1", "s1", "train"),
        ("test/b.wav", "2", "s2", "test"),
        ("c.wav", None, "s2", None),
    ]
    assert dataset.clips[0].attributes == {"age": "30"}


def test_audiofolder_with_metadata_in_each_split(tmp_path):
    sounds(tmp_path, "train/a.wav", "validation/b.wav")
    table(tmp_path / "train/metadata.csv", "file_name,label", "a.wav,1")
    rows = [{"file_name": "b.wav", "label": 2, "speaker": None, "age": 3.5}]
    table(tmp_path / "validation/metadata.jsonl", *(json.dumps(r) for r in rows), "")
    dataset = scan(tmp_path)
    assert facts(dataset) == [("a.wav", "1", None, "train"), ("b.wav", "2", None, "valid")]
    assert dataset.clips[1].attributes == {"age": "3.5"}


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "line 1 is no JSON object"), ("[1]", "line 1 is no JSON object"), ('{"label": 1}', "line 1 has label")],
)
def test_jsonl_that_cannot_be_used(tmp_path, line, message):
    with pytest.raises(DatasetError, match=message):
        scan(table(tmp_path / "metadata.jsonl", line))


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
