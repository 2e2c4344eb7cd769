"""Files are there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sutja import files
from sutja.errors import RunError
from sutja.files import new_folder, replace_atomically, sha256, turn, write_bytes, write_json, write_text


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def no_space(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_makes_folders_and_writes(tmp_path):
    path = tmp_path / "새 폴더" / "b" / "a.txt"
    write_text(path, "한 줄\n둘\r\n")
    assert path.read_bytes() == "한 줄\n둘\r\n".encode()
    assert names(path.parent) == ["a.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write_half() -> None:
        with replace_atomically(path) as draft:
            draft.write_text("half", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["a.txt"]


def test_bytes_as_they_are(tmp_path):
    write_bytes(tmp_path / "a" / "b", b"\0\r\n")
    assert (tmp_path / "a" / "b").read_bytes() == b"\0\r\n"


@pytest.mark.parametrize("where", ["tempfile.mkstemp", "pathlib.Path.mkdir", "pathlib.Path.write_text"])
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path, monkeypatch, where):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    monkeypatch.setattr(where, no_space)
    with pytest.raises(RunError, match=r"a\.txt: cannot be written \(No space left on device\); choose a folder"):
        write_text(path, "new")
    monkeypatch.undo()
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "a").write_text("", encoding="utf-8")
    with pytest.raises(RunError, match="cannot be written"):
        write_text(tmp_path / "a" / "b.txt", "new")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_kill_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    program = (
        "import os, signal, sys; from pathlib import Path; from sutja.files import replace_atomically\n"
        "with replace_atomically(Path(sys.argv[1])) as draft:\n"
        "    draft.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text(encoding="utf-8") == "old"


def test_json_is_strict_and_readable(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"낱말": [1, 0.5, None]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"낱말": [1, 0.5, None]}
    assert "낱말" in path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8")) == {"낱말": [1, 0.5, None]}


def test_sha256(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"\0" * 100_000)
    assert sha256(path) == hashlib.sha256(b"\0" * 100_000).hexdigest()


def test_cannot_write_without_strerror():
    error = files.cannot_write(Path("x"), OSError("odd"))
    assert str(error) == "x: cannot be written (odd); choose a folder with space that you may write to"


# -- folders ----------------------------------------------------------------------------------------------------------


def fill(path: Path, **more) -> None:
    with new_folder(path, **more) as draft:
        (draft / "new.txt").write_text("new", encoding="utf-8")


@pytest.mark.parametrize("before", [lambda p: None, Path.mkdir])
def test_a_new_folder(tmp_path, before):
    before(tmp_path / "a")
    fill(tmp_path / "a")
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["new.txt"]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    write_text(tmp_path / "a" / "old.txt", "old")
    with pytest.raises(RunError, match="a: is there already; expected a new or an empty folder"):
        fill(tmp_path / "a")
    assert names(tmp_path / "a") == ["old.txt"]
    assert names(tmp_path) == ["a"]


def test_a_folder_is_replaced_whole_where_that_is_asked(tmp_path):
    write_text(tmp_path / "a" / "old.txt", "old")
    fill(tmp_path / "a", replace=True)
    assert names(tmp_path / "a") == ["new.txt"]
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("replace", [True, False])
def test_an_error_leaves_no_new_folder(tmp_path, replace):
    def fill_half() -> None:
        with new_folder(tmp_path / "a", replace=replace) as draft:
            (draft / "half.txt").write_text("half", encoding="utf-8")
            no_space()

    with pytest.raises(RunError, match=r"a: cannot be written \(No space left on device\)"):
        fill_half()
    assert names(tmp_path) == []


# -- what killed writers left -----------------------------------------------------------------------------------------

KILLED = (
    "import os, signal, sys; from pathlib import Path; from sutja.files import new_folder, replace_atomically\n"
    "writer = new_folder if sys.argv[2] == 'folder' else replace_atomically\n"
    "with writer(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)\n"
)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_draft_of_a_killed_writer_goes_at_the_next_writing(tmp_path, kind):
    path = tmp_path / "[a].txt"
    subprocess.run([sys.executable, "-c", KILLED, str(path), kind], check=False)
    (draft,) = tmp_path.iterdir()
    assert draft.name.startswith(".[a].txt.")
    write_text(tmp_path / "b.txt", "another file's drafts are not its own")
    assert draft.exists()
    write_text(path, "new")
    assert sorted(names(tmp_path)) == ["[a].txt", "b.txt"]


def test_the_draft_of_a_living_writer_stays(tmp_path):
    path = tmp_path / "a.txt"
    with replace_atomically(path) as draft, new_folder(tmp_path / "b") as folder:
        draft.write_text("first", encoding="utf-8")
        write_text(path, "second")
        files.sweep(tmp_path)
        assert draft.exists()
        assert folder.exists()
    assert path.read_text(encoding="utf-8") == "first"
    assert sorted(names(tmp_path)) == ["a.txt", "b"]


def test_only_drafts_are_swept_and_those_of_0_1(tmp_path):
    kept = [".hidden", ".a.txt.draft", "a.abcd1234.draft", ".a.txt.ABCD1234.draft"]
    swept = [".a.txt.abcd1234.draft", ".config.json.abcd1234.json", "below/.mel_1.checkpoint.npz.abcd1234.npz"]
    for name in (*kept, *swept):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / ".model.abcd1234.draft").mkdir()
    files.sweep(tmp_path / "not there")
    files.sweep(tmp_path)
    assert sorted(names(tmp_path)) == sorted([*kept, "below"])
    assert names(tmp_path / "below") == []


@pytest.mark.parametrize("age", [0.0, 2 * files.ABANDONED_SECONDS])
def test_where_no_lock_can_be_asked_age_tells(tmp_path, monkeypatch, age):
    import os
    import time

    monkeypatch.setattr(files, "fcntl", None)
    draft = tmp_path / ".a.txt.abcd1234.draft"
    draft.write_text("", encoding="utf-8")
    os.utime(draft, (time.time() - age,) * 2)
    write_text(tmp_path / "a.txt", "new")
    assert draft.exists() == (age == 0)


def test_a_folder_that_was_moved_aside_comes_back(tmp_path):
    write_text(tmp_path / ".a.abcd1234.draft.old" / "old.txt", "old")

    def fill_half() -> None:
        with new_folder(tmp_path / "a") as draft:
            (draft / "half").write_text("half", encoding="utf-8")

    with pytest.raises(RunError, match="a: is there already"):
        fill_half()
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["old.txt"]


@pytest.mark.skipif(os.name == "nt", reason="knows no such locks")
def test_turns_in_a_folder_wait_for_each_other(tmp_path):
    order: list[str] = []

    def second() -> None:
        with turn(tmp_path):
            order.append("second")

    thread = threading.Thread(target=second)
    with turn(tmp_path):
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
