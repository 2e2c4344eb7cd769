"""Whatever a recording does to who hears it: it is named, passed over, and the others have their records."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from batches import clips, end, make_deadly, small_model

from sutja import isolated
from sutja.errors import RunError
from sutja.hearing import Work, to_bytes
from sutja.outcomes import record_of
from sutja.predictor import Predictor

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(small_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(autouse=True)
def _dismissed():
    yield
    isolated.dismiss()
    assert not isolated._all


def listed(folder: Path, names: list[str]) -> Work:
    (folder / "list.json").write_bytes(to_bytes(names))
    return Work(str(folder / "list.json"), None, str(folder))


def by_hand(model, folder: Path, names: list[str]) -> dict[str, dict]:
    predictor = Predictor.load(model)
    return {name: record_of(name, predictor.predict(folder / name)) for name in names}


def test_a_recording_that_kills_or_hangs_is_named_and_the_others_are_heard(model, tmp_path, monkeypatch):
    names = [path.name for path in clips(tmp_path, 3)]
    for deadly in ("kills.wav", "hangs.wav", "once.wav"):
        shutil.copy(tmp_path / names[0], tmp_path / deadly)
    expected = by_hand(model, tmp_path, [*names, "once.wav"])
    make_deadly(monkeypatch, tmp_path / "site")
    order = ["kills.wav", names[0], "once.wav", names[1], "kills.wav", names[2]]
    found = list(isolated.records(model, listed(tmp_path, order)))
    assert [record["path"] for record in found] == order
    for record in found:
        if record["path"] == "kills.wav":
            told = "kills.wav: the process that read it was ended by SIGSEGV, 2 times; leave it out, or write it anew"
            assert record["error"] == told
        else:
            assert record == expected[record["path"]]
    assert list(isolated.records(model, listed(tmp_path, names))) == [expected[name] for name in names]
    assert len(isolated._free[model]) == 1  # it was kept, and asked again
    monkeypatch.setattr(isolated, "PATIENCE_SECONDS", 3.0)
    last = list(isolated.records(model, listed(tmp_path, [names[0], "hangs.wav"])))[-1]
    assert last["error"].startswith("hangs.wav: the process that read it gave no answer for 3 s, 2 times")


def test_a_model_is_known_by_its_checksum(model, tmp_path):
    from sutja.bundle import digest

    assert isolated.model_of(model) == digest(model)
    with pytest.raises(RunError, match="none"):
        isolated.model_of(str(tmp_path / "none"))


def test_a_process_that_cannot_begin_ends_the_work(model, tmp_path, monkeypatch):
    work = listed(tmp_path, [clips(tmp_path, 1)[0].name])
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(RunError, match=r"the process that predicts ended with status 1 before any recording"):
        list(isolated.records(model, work))
    with pytest.raises(RunError, match=r"ended with status 1 at its start; see what it said"):
        isolated.model_of(model)


def test_one_that_left_meanwhile_is_replaced(model, tmp_path):
    names = [path.name for path in clips(tmp_path, 2)]
    work = listed(tmp_path, names)
    isolated.model_of(model)
    (kept,) = isolated._free[model]
    end(kept._process.pid)
    kept._process.wait()
    assert len(list(isolated.records(model, work))) == 2


def test_what_nobody_wants_to_hear_to_the_end_is_ended(model, tmp_path):
    coming = isolated.records(model, listed(tmp_path, [path.name for path in clips(tmp_path, 2)]))
    next(coming)
    coming.close()
    assert not isolated._all


def test_dismissed_in_the_middle(model, tmp_path, monkeypatch):
    names = [path.name for path in clips(tmp_path, 1)]
    shutil.copy(tmp_path / names[0], tmp_path / "hangs.wav")
    make_deadly(monkeypatch, tmp_path / "site")
    coming = isolated.records(model, listed(tmp_path, ["hangs.wav"]))
    threading.Timer(1.0, isolated.dismiss).start()
    with pytest.raises(RunError, match="stopped"):
        next(coming)


def test_it_leaves_with_who_started_it_and_when_it_is_not_asked(model, tmp_path):
    command = [sys.executable, "-m", "sutja.isolated", model]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert b'"model"' in process.stdout.readline()
        process.stdin.close()
        assert process.wait(30) == 0
    code = "import sys; from sutja import isolated; isolated.IDLE_SECONDS = 0.1; isolated.main(sys.argv[1])"
    with subprocess.Popen(
        [sys.executable, "-c", code, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.wait(60) == 0


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads what the system says of a process")
@pytest.mark.parametrize(("given", "kept"), [("65536", False), ("1048576", True)])
def test_who_hears_does_not_trim_memory_as_nannies_of_dask_want(model, tmp_path, monkeypatch, given, kept):
    names = [path.name for path in clips(tmp_path, 1)]
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", given)
    assert len(list(isolated.records(model, listed(tmp_path, names)))) == 1
    (process,) = isolated._all
    said = Path(f"/proc/{process._process.pid}/environ").read_bytes().split(b"\0")
    assert (f"MALLOC_TRIM_THRESHOLD_={given}".encode() in said) is kept
