"""One list of recordings out of whatever people name; nothing vanishes without a count."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import sounds

from sutja.errors import DatasetError, RunError
from sutja.folders import PassedOver
from sutja.listing import drawn, expand, in_groups, is_given_whole


def draw(*sources: object, column: str | None = None, passed: PassedOver | None = None) -> list[str]:
    return list(drawn(map(str, sources), PassedOver() if passed is None else passed, column))


@pytest.fixture
def stdin(monkeypatch):
    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    return give


def test_a_list_has_a_recording_a_line(tmp_path, stdin):
    content = b"\xef\xbb\xbfa b.wav\r\n\ns3://b/1.wav\nzw\xf6lf.wav\nlast.wav"
    (tmp_path / "list.txt").write_bytes(content)
    expected = [Path("a b.wav"), "s3://b/1.wav", Path(os.fsdecode(b"zw\xf6lf.wav")), Path("last.wav")]
    assert list(expand([f"@{tmp_path / 'list.txt'}"])) == expected
    for source, way in (("@-", expand), ("@-", drawn), ("-", drawn)):
        stdin(content)
        assert list(way([source], PassedOver())) == (expected if way is expand else list(map(os.fspath, expected)))
    assert list(expand(["-"])) == [Path("-")]  # a recording, there


def test_a_file_whose_name_looks_like_a_list_is_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("@home.wav").write_bytes(b"")
    assert list(expand(["@home.wav"])) == [Path("@home.wav")]


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match=r"none.txt: cannot be read .No such file.*; expected a list of recordings"):
        draw(f"@{tmp_path / 'none.txt'}")


def test_folders_files_and_archives_in_the_order_given(tmp_path):
    folder = sounds(tmp_path / "f", "2.wav", "1.wav", "notes.txt", "x.tar", "y.bin")
    passed = PassedOver()
    names = [str(folder / name) for name in ("1.wav", "2.wav", "x.tar")]
    assert draw("b.wav", folder, tmp_path / "z.tgz", passed=passed) == ["b.wav", *names, str(tmp_path / "z.tgz")]
    assert [line.split()[0] for line in passed.lines()] == ["1", "1"]
    passed = PassedOver()
    assert list(map(str, expand([str(folder)], passed))) == names[:2]
    assert sum(int(line.split()[0]) for line in passed.lines()) == 3


def test_what_lies_at_urls():
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    store.store.clear()
    for name in ("1.wav", "2.tar", "a.txt", ".hidden.wav", "._junk.wav", "list.txt"):
        store.pipe_file(f"/b/{name}", b"memory://b/9.wav\n")
    passed = PassedOver()
    assert draw("memory://b", passed=passed) == ["memory://b/1.wav", "memory://b/2.tar"]
    assert sum(int(line.split()[0]) for line in passed.lines()) == 4
    assert list(expand(["memory://b"])) == ["memory://b/1.wav"]
    assert draw("memory://b/*.wav") == ["memory://b/1.wav"]
    assert draw("memory://none/3.wav?signature=1", "memory://b/2.tar") == [
        "memory://none/3.wav?signature=1",
        "memory://b/2.tar",
    ]
    assert draw("@memory://b/list.txt") == ["memory://b/9.wav"]
    assert draw("memory://b/a.txt") == ["memory://b/a.txt"]  # named by itself it stays, to be told of
    with pytest.raises(RunError, match=r"nothing there"):
        draw("memory://none")
    store.store.clear()


def test_a_column_of_a_table(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet  # noqa: F811

    path = tmp_path / "t.parquet"
    names = [f"{i}.wav" for i in range(5)]
    pyarrow.parquet.write_table(pyarrow.table({"key": names, "gap": ["a", None, "b", "c", "d"]}), path)
    assert draw(path, column="key") == names
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe_file("/t.parquet", path.read_bytes())
    assert draw("memory://t.parquet", column="key") == names
    with pytest.raises(DatasetError, match=r"is a table; name the column .* --path-column: key, gap"):
        draw(path)
    with pytest.raises(DatasetError, match=r"has no column 'keys'; name the column"):
        draw(path, column="keys")
    with pytest.raises(DatasetError, match=r"row 1 of gap holds None; expected a path or a URL"):
        draw(path, column="gap")
    with pytest.raises(DatasetError, match=r"No such file"):
        draw(tmp_path / "none.parquet", column="key")
    (tmp_path / "no.parquet").write_bytes(b"no table")
    with pytest.raises(DatasetError, match=r"no\.parquet: "):
        draw(tmp_path / "no.parquet", column="key")


def test_which_sources_say_themselves_what_they_name():
    assert [is_given_whole(s) for s in ("-", "@list.txt", "t.parquet", "s3://b/takes", "takes")] == [True] * 3 + [
        False
    ] * 2


def test_groups_are_as_large_as_asked_for():
    groups = list(in_groups((f"{i}.wav" for i in range(7)), 3))
    assert list(map(len, groups)) == [3, 3, 1]
    assert [name for group in groups for name in group] == [f"{i}.wav" for i in range(7)]
