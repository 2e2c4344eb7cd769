"""Recordings and results at URLs: what comes is the bytes, what goes is whole, and what is wrong is one sentence."""

from __future__ import annotations

import sys
import zipfile

import pytest
from batches import object_store, web_server

from sutja import remote
from sutja.errors import AudioError, DependencyError, RunError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory():
    """A store in this process, empty."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    for name, content in {"b/2.wav": b"two", "b/1.wav": b"one", "b/c/3.wav": b"three", "b/empty.wav": b""}.items():
        system.pipe_file(f"/{name}", content)
    yield system
    system.store.clear()


def test_what_lies_below_comes_in_the_order_of_names(memory):
    names = ["memory://b/1.wav", "memory://b/2.wav", "memory://b/c/3.wav", "memory://b/empty.wav"]
    assert list(remote.below("memory://b")) == names
    assert list(remote.below("memory://b/")) == names
    assert list(remote.below("memory://b/*.wav")) == [names[0], names[1], names[3]]
    assert list(remote.below("memory://b/1.wav")) == names[:1]
    with pytest.raises(RunError, match=r"memory://none: nothing there; check the address"):
        list(remote.below("memory://none"))


def test_several_are_read_in_the_order_asked_for(memory, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a/7.wav", b"seven")
    inside = f"zip://a/7.wav::{tmp_path / 'x.zip'}"
    urls = ["memory://b/2.wav", inside, "memory://b/none.wav", "memory://b/empty.wav", "memory://b/1.wav"]
    found = remote.read_each(urls, 3)
    assert [found[i] for i in (0, 1, 4)] == [b"two", b"sev", b"one"]
    assert [found[i].kind for i in (2, 3)] == ["missing", "empty"]
    assert list(remote.below(f"zip://::{tmp_path / 'x.zip'}")) == [inside]
    assert remote.read(inside) == b"seven"


def test_one_recording_is_its_bytes_or_its_own_error(memory, monkeypatch):
    assert remote.read("memory://b/c/3.wav") == b"three"
    with pytest.raises(AudioError, match=r"memory://b/none.wav: nothing there"):
        remote.read("memory://b/none.wav")
    monkeypatch.setattr(remote, "MAX_READ_BYTES", 2)
    with pytest.raises(AudioError, match=r"gives more than 0 MB; save it as a file"):
        remote.read("memory://b/1.wav")
    with pytest.raises(AudioError, match=r"foo://b: Protocol not known: foo; expected s3://"):
        remote.read("foo://b")


def test_results_are_written_whole_read_back_and_taken_away(memory):
    place = "memory://out/parts/1.csv"
    assert remote.content_of(place) is None
    assert not remote.exists(place)
    assert remote.names_in("memory://out/parts") == set()
    with remote.writing(place) as draft:
        draft.write_bytes(b"1")
        assert not remote.exists(place)
    assert remote.content_of(place) == b"1"
    assert remote.exists(place)
    assert remote.names_in("memory://out/parts") == {"1.csv"}
    with remote.opened(place) as file:
        assert file.read() == b"1"
    with pytest.raises(FileExistsError), remote.writing(place, new=True) as draft:
        draft.write_bytes(b"2")
    with remote.writing("memory://out/2.csv", new=True) as draft:
        draft.write_bytes(b"2")
    remote.remove_folder("memory://out")
    remote.remove_folder("memory://out")
    assert not remote.exists(place)


def test_what_ends_badly_is_not_sent(memory):
    told = r"cannot be written \(No space left on device\); make room, or set TMPDIR"
    with pytest.raises(RunError, match=told), remote.writing("memory://out/1.csv"):
        raise OSError(28, "No space left on device")
    assert not remote.exists("memory://out/1.csv")


def test_a_web_server(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "1.wav").write_bytes(b"one")
    (tmp_path / "sub" / "2.wav").write_bytes(b"two")
    with web_server(tmp_path) as address:
        assert remote.read(f"{address}/1.wav") == b"one"
        assert remote.read_each([f"{address}/sub/2.wav", f"{address}/none.wav"], 100)[0] == b"two"
        assert list(remote.below(f"{address}/")) == [f"{address}/1.wav", f"{address}/sub/2.wav"]
        with pytest.raises(AudioError, match=r"nothing there"):
            remote.read(f"{address}/none.wav")
    with pytest.raises(RunError, match=r"cannot be read .*; check the address and the network"):
        remote.read_each([f"{address}/1.wav"], 100)
    with pytest.raises(AudioError, match=r"check the address and the network"):
        remote.read(f"{address}/1.wav")


def test_an_object_store(monkeypatch):
    s3fs = pytest.importorskip("s3fs")
    with object_store(monkeypatch):
        store = s3fs.S3FileSystem()
        store.pipe_file("takes/a/1.wav", b"one")
        store.pipe_file("takes/a/empty.wav", b"")
        found = remote.read_each(["s3://takes/a/1.wav", "s3://takes/a/empty.wav", "s3://takes/none.wav"], 100)
        assert found[0] == b"one"
        assert [each.kind for each in found[1:]] == ["empty", "missing"]
        assert list(remote.below("s3://takes")) == ["s3://takes/a/1.wav", "s3://takes/a/empty.wav"]
        for url in ("s3://no-bucket/x", "s3://takes/no-prefix"):
            with pytest.raises(RunError, match=r"nothing there; check the address, and the bucket in it"):
                list(remote.below(url))
        with remote.writing("s3://takes/out/1.csv", new=True) as draft:
            draft.write_bytes(b"1")
        with pytest.raises(FileExistsError), remote.writing("s3://takes/out/1.csv", new=True) as draft:
            draft.write_bytes(b"2")
        told = r"s3://no-bucket/1.csv: nothing there"
        with pytest.raises(RunError, match=told), remote.writing("s3://no-bucket/1.csv") as draft:
            draft.write_bytes(b"1")
        assert remote.content_of("s3://takes/out/1.csv") == b"1"
        remote.remove_folder("s3://takes/out")
        assert remote.names_in("s3://takes/out") == set()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/none")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
        s3fs.S3FileSystem.clear_instance_cache()
        with pytest.raises(RunError, match=r"credentials are missing .*; set them where"):
            remote.read_each(["s3://takes/a/1.wav"], 100)


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(DependencyError, match=r"gs://b/1.wav: .*gcsfs"):
        remote.read("gs://b/1.wav")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(DependencyError, match=r"fsspec is not installed.*sutja\[cluster\]"):
        remote.read("memory://b/1.wav")


class _RefusedError(Exception):
    status = 403


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (PermissionError("Forbidden"), AudioError, "who may read it"),
        (_RefusedError("403, message='Forbidden'"), AudioError, "who may read it"),
        (OSError(""), RunError, "cannot be read (OSError); check the address and the network"),
    ],
)
def test_whose_fault_it_is(memory, monkeypatch, error, kind, words):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(type(memory), "cat_file", fails)
    if kind is AudioError:
        assert words in str(remote.read_each(["memory://b/1.wav"], 3)[0])
    else:
        with pytest.raises(kind) as raised:
            remote.read_each(["memory://b/1.wav"], 3)
        assert words in str(raised.value)
    with pytest.raises(RunError):  # of results it is the store's
        remote.content_of("memory://b/1.wav")
