"""The bytes of a recording, wherever they come from: all of them, not without end, or one error."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
import threading
import time
import tracemalloc

import pytest

from sutja import contents
from sutja.contents import HELD_BYTES, Held, OnDisk, found, open_content, reason_of, section
from sutja.errors import AudioError

CONTENT = bytes(range(256)) * 40


def read(source) -> bytes:
    with contextlib.closing(open_content(source, "a.wav")) as content:
        return content.at(0, content.size)


def test_every_way_gives_the_bytes(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(CONTENT)
    spooled = tempfile.SpooledTemporaryFile(max_size=100)  # noqa: SIM115
    spooled.write(CONTENT)
    at_its_end = io.BytesIO()
    at_its_end.write(CONTENT)
    with spooled, path.open("rb") as file, path.open("rb", buffering=0) as raw:
        for source in (path, str(path), CONTENT, bytearray(CONTENT), memoryview(CONTENT), io.BytesIO(CONTENT), file):
            assert read(source) == CONTENT
        for source in (raw, spooled, at_its_end):
            assert read(source) == CONTENT


def test_a_file_is_read_from_where_it_stands():
    file = io.BytesIO(b"before" + CONTENT)
    file.seek(6)
    assert read(file) == CONTENT


class _Piped(io.RawIOBase):
    """Gives a few bytes at a time, and cannot seek."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    def read(self, size: int = -1) -> bytes:
        piece, self._left = self._left[:7], self._left[7:]
        return piece


def test_what_cannot_seek_and_comes_in_pieces():
    assert read(_Piped(CONTENT)) == CONTENT
    with pytest.raises(AudioError, match="nothing there"):
        read(_Piped(b""))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_waited_for(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb") as file:
            file.write(CONTENT[:100])
            file.flush()
            time.sleep(0.05)
            file.write(CONTENT[100:])

    writer = threading.Thread(target=write)
    writer.start()
    assert read(path) == CONTENT
    writer.join()
    monkeypatch.setattr(contents, "PATIENCE_SECONDS", 0.05)
    with pytest.raises(AudioError, match=r"nothing came through it for 0.05 s; start what writes into it first"):
        read(path)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")  # noqa: PTH110
def test_nothing_is_read_without_end(monkeypatch):
    monkeypatch.setattr(contents, "MAX_HELD_BYTES", 2**20)
    with pytest.raises(AudioError, match="gives more than 1 MB; save it as a file and give its path"):
        read("/dev/zero")
    with open("/dev/zero", "rb") as file, pytest.raises(AudioError, match="gives more than 1 MB"):  # noqa: PTH123
        read(file)
    with pytest.raises(AudioError, match="nothing came through it"):
        read("/dev/null")


def test_a_large_file_stays_on_its_disk(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(CONTENT * 800)
    tracemalloc.start()
    content = open_content(path, "large")
    assert content.at(2560, 256) == CONTENT[:256]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(content, OnDisk)
    assert content.size == len(CONTENT) * 800 > HELD_BYTES
    assert peak < 2**20
    content.close()


class _Odd:
    """An open file that answers as it is told."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def read(self, size):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def later() -> bytes:
    return CONTENT


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (_Odd("text"), "gives str; expected bytes: open the file in binary mode"),
        (_Odd(None), "gives NoneType"),
        (_Odd(RuntimeError("the network\nis gone")), r"cannot be read \(the network is gone\)"),
        (_Odd(EOFError()), r"cannot be read \(EOFError\); expected a file open for reading"),
        (_Odd(KeyError("x")), "cannot be read"),
        (io.StringIO("text"), "gives str"),
        (b"", "nothing there"),
        ("a\0b", "no such file"),
        ("nowhere/at/all.wav", "no such file"),
    ],
)
def test_what_gives_no_bytes_is_one_error(source, message):
    with pytest.raises(AudioError, match=f"^a.wav: {message}"):
        read(source)


def test_what_must_be_awaited_is_told():
    with pytest.raises(AudioError, match="gives coroutine; expected bytes"):
        read(_Odd(later()))


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_in_a_circle_and_folders(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(AudioError, match="cannot be opened"):
        read(tmp_path / "a")
    with pytest.raises(AudioError, match="is a folder"):
        read(tmp_path)


@pytest.mark.parametrize("size", [10, HELD_BYTES + 10])
def test_a_section_is_a_file(size):
    content = Held(bytes(100) + b"x" * size + bytes(100))
    with section(content, b"head", 100, 100 + size) as file:
        assert file.read(6) == b"headxx"
        assert file.tell() == 6
        assert file.seek(-3, os.SEEK_END) == size + 1
        assert file.read(10) == b"xxx"
        assert file.read(1) == b""
        assert file.seek(-50) == 0  # damaged headers ask for this
        assert file.seek(2, os.SEEK_CUR) == 2
        buffer = bytearray(4)
        assert file.readinto(buffer) == 4
        assert bytes(buffer) == b"adxx"
        assert file.readable()
        assert file.seekable()


def test_patterns_are_found_across_blocks(monkeypatch):
    monkeypatch.setattr(contents, "READ_BYTES", 16)
    content = Held(b"...............abc....abc" + bytes(30) + b"abc")
    assert list(found(content, re.compile(b"abc"), 0, content.size, 3)) == [15, 22, 55]
    assert list(found(content, re.compile(b"abc"), 16, 30, 3)) == [22]


def test_reasons_are_one_line():
    assert reason_of(ValueError("a\n  b.")) == "a b"
    assert reason_of(OSError(2, "No such file")) == "No such file"
    assert reason_of(EOFError()) == "EOFError"
