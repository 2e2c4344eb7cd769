"""Tables to clips: where in a folder they lie, what their rows become, and everything that can be wrong with them."""

from __future__ import annotations

import contextlib
import json
import os
import unicodedata
from pathlib import Path

import hypothesis.strategies as st
import pytest
from helpers import sounds, table
from hypothesis import given, settings
from made_tables import wav_bytes, write_parquet, write_table

from sutja.audio import load_waveform
from sutja.clips import Clip
from sutja.columns import RESULT_COLUMNS
from sutja.config import AudioConfig
from sutja.dataset import Dataset, read, scan
from sutja.errors import AudioError, DatasetError
from sutja.tables import to_predict


def facts(dataset: Dataset) -> list[tuple[str, str | None, str | None, str | None]]:
    return [(c.name, c.label, c.speaker, c.split) for c in dataset.clips]


def test_clips_without_label_are_told(tmp_path):
    assert to_predict([Clip(tmp_path / "a.wav", "a.wav"), Clip(tmp_path / "b.wav", "b.wav", "7")]) == [
        "1 of 2 clips have no label: they are to be predicted"
    ]


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
        (["filenames,label", "a.wav,1"], "columns filenames, label; expected file_name.*rename 'filenames'"),
        (["file_name,labels", "a.wav,1"], "columns file_name, labels; expected.*label is not there; rename 'labels'"),
        (["file_name,age", "a.wav,1"], "label is not there; add a column label"),
        (["file_name,Keyword", "a.wav,1"], "label is not there; rename 'Keyword'"),
        (["file_name,Label,label", "a.wav,1,2"], "each column name may stand there once"),
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


# -- what lies about --------------------------------------------------------------------------------------------------


def test_metadata_counts_wherever_it_lies(tmp_path):
    for batch, speaker in (("batch1", "anna"), ("batch2/again", "bo")):
        sounds(tmp_path / batch, "a.wav")
        table(tmp_path / batch / "metadata.csv", "file_name,label,speaker", f"a.wav,7,{speaker}")
    dataset = scan(tmp_path)
    assert dataset.layout == "audiofolder"
    assert facts(dataset) == [("a.wav", "7", "anna", None), ("a.wav", "7", "bo", None)]


def test_a_list_in_the_folder_itself_counts_for_more_than_metadata_deep_in_it(tmp_path):
    sounds(tmp_path, "a.wav", "old/copy/a.wav")
    table(tmp_path / "train.csv", "file_name,label", "a.wav,7")
    table(tmp_path / "old/copy/metadata.csv", "file_name,label", "a.wav,8")
    assert facts(scan(tmp_path)) == [("a.wav", "7", None, "train")]
    table(tmp_path / "metadata.csv", "file_name,label", "a.wav,7")
    assert [c.label for c in scan(tmp_path).clips] == ["7", "8"]


def test_metadata_that_cannot_be_used_is_not_passed_over(tmp_path):
    sounds(tmp_path, "batch1/a.wav", "batch2/b.wav")
    table(tmp_path / "batch1" / "metadata.csv", "clip,said", "a.wav,7")
    with pytest.raises(DatasetError, match=r"batch1/metadata\.csv: columns clip, said; expected file_name,label"):
        scan(tmp_path)


def test_tables_beside_the_recordings_of_their_folders(tmp_path):
    for batch in ("monday", "tuesday"):
        sounds(tmp_path / batch, "a.wav")
        table(tmp_path / batch / "labels.csv", "path,command", "a.wav,7")
    dataset = scan(tmp_path)
    assert (dataset.layout, dataset.labels, len(dataset.clips)) == ("csv", ("7",), 2)
    table(tmp_path / "monday" / "more.csv", "path,command", "a.wav,7")
    with pytest.raises(DatasetError, match=r"holds 2 CSV files \(monday/labels.csv, monday/more.csv\)"):
        scan(tmp_path)


def test_a_second_copy_of_a_list_is_an_error_if_it_counts(tmp_path):
    sounds(tmp_path, "a.wav")
    rows = ("file_name,label", "a.wav,7")
    table(tmp_path / "labels.csv", *rows)
    table(tmp_path / "labels (1).csv", *rows)
    with pytest.raises(DatasetError, match="holds 2 CSV files"):
        scan(tmp_path)
    table(tmp_path / "metadata.csv", *rows)
    table(tmp_path / "metadata.jsonl", json.dumps({"file_name": "a.wav", "label": "7"}))
    with pytest.raises(DatasetError, match="listed more than once"):
        scan(tmp_path)


def test_what_was_read_is_known(tmp_path):
    sounds(tmp_path, "a.wav", "b.wav")
    train = table(tmp_path / "train.csv", "file_name,label", "a.wav,7")
    table(tmp_path / "sample_submission.csv", "file_name,label", "b.wav,7")
    from sutja.tables import csv_layout

    assert csv_layout(tmp_path, None).read == (train,)


def test_our_own_results_are_no_data_set_by_accident(tmp_path):
    sounds(tmp_path, "yes/a.wav", "no/b.wav")
    results = write_table(tmp_path / "results.csv", RESULT_COLUMNS, [("yes/a.wav", "no", "0.9", "")])
    write_table(tmp_path / "run" / "submission.csv", ("file_name", "label"), [("yes/a.wav", "no")])
    table(tmp_path / "run" / "metrics.json", "{}")
    assert scan(tmp_path).layout == "folders"
    named = scan(results)  # who names them means them
    assert facts(named) == [("yes/a.wav", "no", None, None)]


def test_results_alone_are_no_table(tmp_path):
    sounds(tmp_path, "a.wav")
    write_table(tmp_path / "results.csv", RESULT_COLUMNS, [("a.wav", "no", "0.9", "")])
    with pytest.raises(DatasetError, match="fit no layout"):
        scan(tmp_path)


@pytest.mark.parametrize("name", ["out.csv", "labels.tsv", "metadata.csv"])
def test_a_folder_that_is_called_as_a_table(tmp_path, name):
    sounds(tmp_path, "yes/a.wav", "no/b.wav")
    (tmp_path / name).mkdir()
    assert scan(tmp_path).layout == "folders"
    table(tmp_path / name / "_SUCCESS", "")
    assert scan(tmp_path).layout == "folders"
    for part, row in enumerate(("yes/a.wav,1", "no/b.wav,0")):
        table(tmp_path / name / f"{part}.part", "file_name,label", row)
    table(tmp_path / name / "2.part", "")
    for place in (tmp_path, tmp_path / name):
        assert [(c.name, c.label) for c in scan(place).clips] == [("yes/a.wav", "1"), ("no/b.wav", "0")]


def test_recordings_in_a_folder_that_is_called_as_a_table(tmp_path):
    sounds(tmp_path, "a.csv/a.wav", "b.csv/b.wav")
    assert scan(tmp_path).labels == ("a.csv", "b.csv")


def test_links_that_lead_to_nothing_and_in_circles(tmp_path):
    sounds(tmp_path, "yes/a.wav", "no/b.wav")
    (tmp_path / "labels.csv").symlink_to(tmp_path / "gone.csv")
    (tmp_path / "metadata.csv").symlink_to("nowhere")
    (tmp_path / "yes" / "again").symlink_to(tmp_path)
    assert scan(tmp_path).layout == "folders"
    with pytest.raises(DatasetError, match="no such folder or file"):
        scan(tmp_path / "labels.csv")


def test_metadata_behind_a_link(tmp_path):
    sounds(tmp_path / "elsewhere", "a.wav")
    table(tmp_path / "elsewhere" / "metadata.csv", "file_name,label", "a.wav,7")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "batch1").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "batch1 again").symlink_to(tmp_path / "data")
    assert facts(scan(tmp_path / "data")) == [("a.wav", "7", None, None)]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_table_that_may_not_be_read(tmp_path):
    path = table(sounds(tmp_path, "a.wav") / "train.csv", "file_name,label", "a.wav,7")
    path.chmod(0)
    with pytest.raises(DatasetError, match=r"train\.csv: cannot be read \(Permission denied\)"):
        scan(tmp_path)


def test_a_table_that_cannot_be_read(tmp_path, monkeypatch):
    sounds(tmp_path, "yes/a.wav", "no/b.wav")
    path = table(tmp_path / "train.csv", "file_name,label", "a.wav,7")
    opened = Path.open

    def refuse(self: Path, *arguments: object, **more: object) -> object:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DatasetError, match=r"train\.csv: cannot be read \(Permission denied\)"):
        scan(tmp_path)


def test_a_text_beside_its_recording_is_no_table(tmp_path):
    sounds(tmp_path, "yes/a.wav", "no/b.wav")
    for name in ("yes/a", "no/b"):
        table(tmp_path / f"{name}.txt", "file\tlabel", "a.wav\t3")
        table(tmp_path / f"{name}.json", json.dumps({"file": "a.wav", "label": "3"}))
    table(tmp_path / "README.txt", "what I recorded", "and why")
    table(tmp_path / "package.json", "{", '  "file": "x"', "}")
    assert scan(tmp_path).layout == "folders"


def test_names_are_looked_for_in_one_folder_inside(tmp_path):
    sounds(tmp_path, "clips/a.wav", "noise/x.wav")
    path = table(tmp_path / "validated.tsv", "client_id\tpath\tsentence", 'c1\ta.wav\t"seven')
    assert facts(scan(path)) == [("a.wav", '"seven', "c1", None)]
    sounds(tmp_path, "old/a.wav")
    with pytest.raises(DatasetError, match=r"a.wav: is in several folders \(.*clips/a.wav, .*old/a.wav\)"):
        scan(path)
    assert scan(path, audio_root=tmp_path / "old").clips[0].path == tmp_path / "old/a.wav"


def test_what_was_understood_is_said(tmp_path):
    sounds(tmp_path, "a.wav", "b.wav")
    columns = ("Path", "command", "client_id", "sentence", "age", "")
    rows = [("a.wav", "하나", "1.0", "one", "30", ""), ("b.wav", "둘", "", "two", "", "")]
    path = write_table(tmp_path / "list.csv", columns, rows, "cp949", delimiter=";")
    told: list[str] = []
    dataset = read(path, on_note=told.append)
    assert told == [
        f"{path}: 2 clips, layout csv (FILE.csv: file_name,label,speaker)",
        "  columns: Path -> file, command -> label, client_id -> speaker; sentence could be the label too; "
        "as they are: sentence, age; semicolons as separator; cp949",
        "  labels: 2 (둘, 하나)",
        "  speakers: 1 (1)",
    ]
    assert dataset.clips[0].attributes == {"sentence": "one", "age": "30"}


def test_tables_alike_are_told_of_once(tmp_path):
    sounds(tmp_path, "train/a.wav", "valid/b.wav", "test/c.wav")
    table(tmp_path / "train.csv", "path,text", "a.wav,7")
    table(tmp_path / "valid.csv", "path,text", "b.wav,7")
    assert scan(tmp_path).columns == ("path -> file, text -> label",)
    table(tmp_path / "test.csv", "file", "c.wav")
    assert scan(tmp_path).columns == (
        "path -> file, text -> label (in 2 of 3 tables)",
        "file -> file (in 1 of 3 tables)",
    )


# -- damage -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, bytes]:
    """A table of each kind, whole, in a folder with the recordings that it names."""
    pytest.importorskip("pyarrow")
    pytest.importorskip("openpyxl")
    folder = tmp_path_factory.getbasetemp() / "damage"
    sounds(folder, "a.wav", "b.wav")
    columns, rows = ("path", "label", "start", "end"), [("a.wav", "하나", "0", "0.05"), ("b.wav", "é", "0.01", "0.1")]
    paths = [write_table(folder / f"l.{kind}", columns, rows) for kind in ("csv", "jsonl", "json", "xlsx", "parquet")]
    paths.append(write_table(folder / "unicode text.txt", columns, rows, "utf-16"))
    paths.append(table(folder / "a.txt", "0.0\t0.05\tx", "0.06\t0.07\ty"))
    audio = [{"bytes": wav_bytes(300), "path": "x"}]
    features = {"label": {"names": ["a"]}}
    paths.append(write_parquet(folder / "stored.parquet", {"audio": audio, "label": [0]}, features))
    return {str(path): path.read_bytes() for path in paths}


Edits = list[tuple[float, int, bytes]]


@settings(max_examples=600, derandomize=True, deadline=None)
@given(
    st.integers(0, 7),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.binary(max_size=6)), min_size=1, max_size=8),
)
def test_damage_is_one_sentence(tables, which, edits: Edits):
    name, content = list(tables.items())[which]
    for place, n_gone, bytes_new in edits:
        at = round(place * len(content))
        content = content[:at] + bytes_new + content[at + n_gone :]
    Path(name).write_bytes(content)
    try:
        clips = scan(name).clips
    except DatasetError as error:
        said = str(error)
    else:
        said = ""
        for clip in clips:
            with contextlib.suppress(AudioError):
                load_waveform(clip.source, AudioConfig())
    assert "\n" not in said
    assert said.encode() is not None
