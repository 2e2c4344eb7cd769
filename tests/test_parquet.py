"""Parquet tables, and sound inside them: read when it is asked for, a row group at a time."""

from __future__ import annotations

import pickle

import pytest
from made_tables import wav_bytes, write_parquet

pytest.importorskip("pyarrow")

from helpers import counted, sounds, sutja

from sutja import parquet
from sutja.audio import load_waveform
from sutja.config import AudioConfig
from sutja.dataset import fingerprint, scan
from sutja.errors import AudioError, DatasetError
from sutja.parquet import StoredSound, column_names, read_table

NAMES = {"label": {"names": ["zero", "one"], "_type": "ClassLabel"}, "audio": {"_type": "Audio"}}


def stored(*frequencies: float, path: str | None = "{}.wav") -> list[dict[str, object]]:
    return [{"bytes": wav_bytes(f), "path": path and path.format(f)} for f in frequencies]


@pytest.fixture
def corpus(tmp_path):
    """Two parts, as `datasets` writes them, three rows in groups of two."""
    for part, frequencies in enumerate(((300, 400, 500), (600, 700, 800))):
        columns = {"audio": stored(*frequencies), "label": [0, 1, -1], "speaker_id": ["a", "b", "c"]}
        path = tmp_path / "data" / f"train-0000{part}-of-00002.parquet"
        write_parquet(path, columns, NAMES, row_group_size=2)
    return tmp_path


def test_a_corpus_as_hugging_face_has_it(corpus):
    dataset = scan(corpus)
    assert (dataset.layout, dataset.labels, dataset.speakers) == ("csv", ("one", "zero"), ("a", "b", "c"))
    assert [(c.name, c.label, c.split, c.row) for c in dataset.clips[:3]] == [
        ("300.wav", "zero", "train", 0),
        ("400.wav", "one", "train", 1),
        ("500.wav", None, "train", 2),
    ]
    assert dataset.columns == ("audio -> file, label -> label, speaker_id -> speaker; parquet",)


def test_the_sound_is_that_of_the_file(corpus):
    config = AudioConfig(sample_rate=8000)
    for clip, frequency in zip(scan(corpus).clips, (300, 400, 500, 600, 700, 800), strict=True):
        same = load_waveform(wav_bytes(frequency), config)
        assert load_waveform(clip.source, config).tolist() == same.tolist()
        assert load_waveform(pickle.loads(pickle.dumps(clip.source)), config).tolist() == same.tolist()


def test_a_row_group_is_read_once_for_clips_in_order(corpus):
    parquet._sounds_of_group.cache_clear()
    clips = scan(corpus).clips
    with counted(parquet._sounds_of_group.__wrapped__) as counts:
        for clip in clips:
            clip.source.content()
    assert counts == {"_sounds_of_group": 4}


def test_a_fingerprint_knows_the_sound_of_each_row(corpus):
    before = fingerprint(scan(corpus).clips)
    assert fingerprint(scan(corpus).clips) == before
    path = corpus / "data" / "train-00001-of-00002.parquet"
    write_parquet(path, {"audio": stored(600, 700, 801), "label": [0, 1, -1], "speaker_id": ["a", "b", "c"]}, NAMES)
    assert fingerprint(scan(corpus).clips) != before


def test_data_info_hears_it(corpus):
    result = sutja("data", "info", corpus, "--json")
    assert result.exit_code == 0, result.output
    assert '"n_clips": 6' in result.stdout


def test_rows_without_names_and_bytes_without_a_struct(tmp_path):
    write_parquet(tmp_path / "a.parquet", {"audio": stored(300, path=None), "label": ["7"]})
    write_parquet(tmp_path / "b.parquet", {"wav": [wav_bytes(300)], "label": ["7"], "embedding": [b"1"]})
    for name in ("a", "b"):
        (clip,) = scan(tmp_path / f"{name}.parquet").clips
        assert (clip.name, clip.label) == (f"{name}.parquet, row 0", "7")
        assert clip.source.content() == wav_bytes(300)


def test_paths_only(tmp_path):
    sounds(tmp_path, "a.wav", "b.wav")
    table = write_parquet(
        tmp_path / "a.parquet", {"path": ["a.wav", "b.wav"], "label": [7, 8], "vector": [[1.0], [2.0]]}
    )
    assert [(c.path, c.label, c.row) for c in scan(table).clips] == [
        (tmp_path / "a.wav", "7", None),
        (tmp_path / "b.wav", "8", None),
    ]
    empty = [{"bytes": None, "path": "a.wav"}, {"bytes": None, "path": "b.wav"}]
    import pyarrow

    audio = pyarrow.array(empty, pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]))
    table = write_parquet(tmp_path / "b.parquet", {"audio": audio, "label": [7, 8]})
    assert [c.path.name for c in scan(table).clips] == ["a.wav", "b.wav"]


def test_a_row_without_sound(tmp_path):
    table = write_parquet(tmp_path / "a.parquet", {"audio": [*stored(300), None], "label": ["7", "8"]})
    clips = scan(table).clips
    with pytest.raises(AudioError, match="the table holds no sound in this row"):
        load_waveform(clips[1].source, AudioConfig())
    with pytest.raises(DatasetError, match=r"a\.parquet, row 1: cannot be read \(the table holds no sound"):
        fingerprint(clips)


def test_a_table_that_was_written_anew_or_is_gone(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", {"audio": stored(300, 400), "label": ["7", "8"]})
    source = StoredSound(path, 1)
    assert source.content() == wav_bytes(400)
    write_parquet(path, {"audio": stored(500), "label": ["7"]})
    with pytest.raises(ValueError, match="has 1 rows; it was written anew"):
        source.content()
    assert StoredSound(path, 0).content() == wav_bytes(500)
    path.unlink()
    with pytest.raises(AudioError, match=r"a\.parquet, row 1: cannot be read \(No such file"):
        load_waveform(source, AudioConfig())


def test_numbers_that_stand_for_no_word(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", {"audio": stored(300), "label": [2]}, NAMES)
    with pytest.raises(DatasetError, match="class 2 has no name; there are 2"):
        scan(path)


def test_what_else_stands_in_the_schema(tmp_path):
    for features in ({"label": "string"}, ["label"], {"label": {"_type": "Value"}}):
        path = write_parquet(tmp_path / "a.parquet", {"audio": stored(300), "label": [2]}, features)
        assert read_table(path).columns["label"] == [2]
    assert column_names(path) == ("audio", "label")


def test_stretches_of_stored_sound_are_refused(tmp_path):
    columns = {"audio": stored(300), "label": ["7"], "start": [0.0], "end": [0.05]}
    with pytest.raises(DatasetError, match="write the recordings to files"):
        scan(write_parquet(tmp_path / "a.parquet", columns))
