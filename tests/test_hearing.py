"""A piece of work gives a record a recording, in order, whatever holds the recordings."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from batches import clips, small_model

from sutja import hearing, remote
from sutja.errors import AudioError, RunError
from sutja.hearing import Work, answers, to_bytes
from sutja.outcomes import record_of
from sutja.predictor import Predictor


@pytest.fixture(scope="module")
def predictor(tmp_path_factory) -> Predictor:
    return Predictor.load(small_model(tmp_path_factory.mktemp("model")))


def hear(predictor, work, begun=None):
    return list(answers(predictor, work, (begun if begun is not None else []).append))


def listed(folder: Path, *names: object) -> Work:
    (folder / "list.json").write_bytes(to_bytes(map(str, names)))
    return Work(str(folder / "list.json"), None, str(folder))


def alone(predictor, path: Path, name: str):
    return record_of(name, predictor.predict(path))


def test_a_list_of_paths_is_relative_to_its_folder(predictor, tmp_path, monkeypatch):
    monkeypatch.chdir("/")  # the test's own folder comes back after it
    paths = clips(tmp_path, 3)
    found = hear(predictor, listed(tmp_path, "000.wav", paths[1], "none.wav", "002.wav"))
    assert found[0] == alone(predictor, paths[0], "000.wav")
    assert found[1] == alone(predictor, paths[1], str(paths[1]))
    assert found[2] == {"path": "none.wav", "error": "none.wav: no such file; check the path"}
    assert found[3] == alone(predictor, paths[2], "002.wav")
    work = listed(tmp_path, "000.wav", "001.wav", "002.wav")
    assert hear(predictor, Work(work.listed, None, work.folder, start=2)) == found[3:]


def test_it_says_what_it_begins_with_where_it_is_careful(predictor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips(tmp_path, 3)
    work, begun = listed(tmp_path, "000.wav", "001.wav", "002.wav"), []
    hear(predictor, work, begun)
    assert begun == []
    assert len(hear(predictor, Work(work.listed, None, work.folder, 1, careful=True), begun)) == 2
    assert begun == ["001.wav"]


def test_urls_are_read_ahead_and_large_ones_by_themselves(predictor, tmp_path, monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.chdir(tmp_path)
    paths = clips(tmp_path, 5)
    store = fsspec.filesystem("memory")
    store.store.clear()
    for path in paths:
        store.pipe_file(f"/b/{path.name}", path.read_bytes())
    names = [f"memory://b/{path.name}" for path in paths]
    monkeypatch.setattr(hearing, "N_AHEAD", 2)
    work = listed(tmp_path, *names[:3], "000.wav", "memory://b/none.wav", *names[3:])
    found = hear(predictor, work)
    assert [record["path"] for record in found] == [*names[:3], "000.wav", "memory://b/none.wav", *names[3:]]
    assert "nothing there" in found[4]["error"]
    del found[3:5]
    assert found == [alone(predictor, *each) for each in zip(paths, names, strict=True)]
    monkeypatch.setattr(hearing, "READ_AHEAD_BYTES", 100)
    assert hear(predictor, listed(tmp_path, *names)) == found
    monkeypatch.setattr(remote, "READ_AHEAD_BYTES", 100)
    store.store.clear()


def test_what_is_no_recordings_fault_ends_the_work(predictor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"none.json: is gone or cannot be seen from here"):
        hear(predictor, Work(str(tmp_path / "none.json"), None, str(tmp_path)))
    work = listed(tmp_path, "1.wav")
    with pytest.raises(RunError, match=r"/none: cannot be seen from here \(No such file .*; give absolute paths"):
        hear(predictor, Work(work.listed, None, "/none"))
    path = clips(tmp_path, 1)[0]
    work = listed(tmp_path, path)
    assert hear(predictor, Work(work.listed, None, "/none")) == [alone(predictor, path, str(path))]


def make_tar(path: Path, paths: list[Path], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for each in paths:
            archive.add(each, f"d/{each.name}")
        archive.addfile(tarfile.TarInfo("d/notes.json"), io.BytesIO(b""))
        archive.addfile(tarfile.TarInfo("d/._junk.wav"), io.BytesIO(b""))
    return path


@pytest.mark.parametrize(("name", "mode"), [("x.tar", "w"), ("x.tar.gz", "w:gz")])
def test_an_archive_is_read_to_its_end(predictor, tmp_path, monkeypatch, name, mode):
    monkeypatch.chdir(tmp_path)
    paths = clips(tmp_path, 3)
    make_tar(tmp_path / name, paths, mode)
    found = hear(predictor, Work(None, name, str(tmp_path)))
    assert found == [alone(predictor, path, f"tar://d/{path.name}::{name}") for path in paths]
    begun = []
    assert hear(predictor, Work(None, name, str(tmp_path), 1, careful=True), begun) == found[1:]
    assert begun == [found[1]["path"]]
    pytest.importorskip("fsspec")
    assert predictor.predict(f"tar://d/000.wav::{tmp_path / name}") == predictor.predict(paths[0])


def test_an_archive_in_a_store_and_one_that_is_not_there(predictor, tmp_path, monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.chdir(tmp_path)
    paths = clips(tmp_path, 2)
    fsspec.filesystem("memory").pipe_file("/b/x.tar", make_tar(tmp_path / "x.tar", paths).read_bytes())
    url = "memory://b/x.tar"
    found = hear(predictor, Work(None, url, str(tmp_path)))
    assert found == [alone(predictor, path, f"tar://d/{path.name}::{url}") for path in paths]
    for missing in ("none.tar", "memory://b/none.tar"):
        (only,) = hear(predictor, Work(None, missing, str(tmp_path)))
        assert only == {"path": missing, "error": f"{missing}: no such file; check the address"}


def test_what_follows_damage_in_an_archive_is_told_of(predictor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = clips(tmp_path, 3)
    content = make_tar(tmp_path / "x.tar", paths).read_bytes()
    (tmp_path / "cut.tar").write_bytes(content[: 512 * 16])
    found = hear(predictor, Work(None, "cut.tar", str(tmp_path)))
    assert found[0]["path"] == "tar://d/000.wav::cut.tar"
    assert found[-1]["path"] == "cut.tar"
    assert "is damaged" in found[-1]["error"]
    (tmp_path / "no.tar.gz").write_bytes(b"no archive at all")
    (only,) = hear(predictor, Work(None, "no.tar.gz", str(tmp_path)))
    assert "is damaged" in only["error"]


def test_a_member_that_is_too_large_is_not_read(predictor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_tar(tmp_path / "x.tar", clips(tmp_path, 1))
    monkeypatch.setattr(hearing, "MAX_READ_BYTES", 100)
    (only,) = hear(predictor, Work(None, "x.tar", str(tmp_path)))
    assert "cut it into clips" in only["error"]
    assert isinstance(hearing._outcome(predictor, AudioError("a", "b")), AudioError)
