"""Where results go: a path and a URL do the same."""

from __future__ import annotations

import pytest

from sutja import places
from sutja.errors import RunError


@pytest.fixture(params=["path", "url"])
def folder(request, tmp_path) -> str:
    if request.param == "path":
        return str(tmp_path / "out")
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").store.clear()
    return "memory://out"


def write(place: str, content: bytes) -> None:
    with places.writing(place) as draft:
        draft.write_bytes(content)


def test_a_file_goes_there_and_comes_back(folder):
    place = places.joined(folder, "1.csv")
    assert places.read_bytes(place) is None
    assert not places.exists(place)
    assert places.names_in(folder) == set()
    write(place, b"one")
    write(place, b"two")
    assert places.read_bytes(place) == b"two"
    assert places.exists(place)
    assert places.names_in(folder) == {"1.csv"}
    places.remove_folder(folder)
    places.remove_folder(folder)
    assert not places.exists(place)


def test_of_several_who_write_a_new_file_one_does(folder):
    place = places.joined(folder, "manifest.json")
    assert places.write_new(place, b"first")
    assert not places.write_new(place, b"second")
    assert places.read_bytes(place) == b"first"
    assert places.names_in(folder) == {"manifest.json"}


def test_nothing_half_written_stays(folder):
    place = places.joined(folder, "1.csv")
    write(place, b"whole")
    with pytest.raises(RunError), places.writing(place) as draft:  # noqa: PT012
        draft.write_bytes(b"ha")
        raise OSError(28, "No space left on device")
    assert places.read_bytes(place) == b"whole"
    assert places.names_in(folder) == {"1.csv"}


def test_what_is_in_the_way_is_one_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunError, match=r"cannot be written"):
        places.write_new(str(tmp_path / "file" / "new.json"), b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match=r"cannot be read .*; check who may read it"):
        places.read_bytes(str(tmp_path / "folder"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
