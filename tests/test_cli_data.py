"""`sutja data`: the library's answers, printed; its errors as one line and exit 1."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import TINY_RATE, tone, write_wav

from sutja.cli import main
from sutja.dataset import scan
from sutja.download import CORPORA
from sutja.inspection import inspect


def run(*arguments) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["data", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


# -- info -------------------------------------------------------------------------------------------------------------


def test_info_for_people(tiny_dataset):
    status, out, err = run("info", tiny_dataset)
    assert status == 0
    lines = dict(line.split(":", 1) for line in out.splitlines())
    told = {name: value.strip() for name, value in lines.items()}
    assert told["layout"] == "audiomnist (data/SPEAKER/LABEL_SPEAKER_TAKE.wav)"
    assert told["clips"] == "36"
    assert told["labels"] == "3 (0 12, 1 12, 2 12)"
    assert told["speakers"] == "4 (01 9, 02 9, 03 9, 04 9)"
    assert told["rates (Hz)"] == "1 (8000 36)"
    assert told["problems"] == "none"
    assert "layout audiomnist" in err  # said aloud also where stdout goes into a file


def test_info_as_json_is_the_librarys_answer(tiny_dataset):
    status, out, _ = run("info", tiny_dataset, "--json")
    assert status == 0
    assert json.loads(out) == json.loads(json.dumps(inspect(scan(tiny_dataset)).to_dict()))


def test_info_shows_a_few_problems_and_counts_the_rest(tiny_dataset):
    for clip in scan(tiny_dataset).clips[:5]:
        write_wav(clip.path, np.zeros(4000, np.float32), TINY_RATE)
    status, out, _ = run("info", tiny_dataset)
    assert status == 0  # problems are found, not made
    assert "problems:    5\n  silent: 5\n    data/01/0_01_0.wav: every sample is zero\n" in out
    assert "    and 2 more (--json names them)" in out
    assert len(json.loads(run("info", tiny_dataset, "--json")[1])["problems"]) == 5


def test_info_says_which_clips_cannot_be_read_and_fails_where_none_can(tiny_dataset):
    clips = [c.path for c in scan(tiny_dataset).clips]
    clips[0].write_bytes(b"text")
    status, out, _ = run("info", tiny_dataset)
    assert status == 0
    assert "  unreadable: 1\n    data/01/0_01_0.wav: cannot be decoded" in out
    for clip in clips:
        clip.write_bytes(b"text")
    status, out, err = run("info", tiny_dataset)
    assert (status, out) == (1, "")
    assert "none of its 36 clips can be read" in err


def test_info_of_several_and_of_a_table_elsewhere(tiny_dataset, tmp_path):
    write_wav(tmp_path / "more/7/a.wav", tone(300, 0.2, TINY_RATE), TINY_RATE)
    (tmp_path / "rows.csv").write_text("file_name,label,speaker\n7/a.wav,7,anna\n", encoding="utf-8")
    assert "clips:       37" in run("info", tiny_dataset, tmp_path / "more")[1]
    status, out, _ = run("info", tmp_path / "rows.csv", "--audio-root", tmp_path / "more")
    assert status == 0
    assert "speakers:    1 (anna 1)" in out


def test_info_tells_the_notes_and_the_clips_to_predict(tmp_path):
    for name in ("train/7/a.wav", "test/b.wav"):
        write_wav(tmp_path / name, tone(300 + len(name), 0.2, TINY_RATE), TINY_RATE)
    out = run("info", tmp_path)[1]
    assert "clips:       2, 1 of them without label" in out
    assert "note:        1 of 2 clips have no label: they are to be predicted" in out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nowhere"], 1, "nowhere: no such folder or file; check the path"),
        (["{tiny}", "--layout", "fsdd"], 1, "nothing in it fits the layout fsdd"),
        (["{tiny}", "--layout", "fsd"], 2, "'fsd' is not one of"),
        (["{tiny}", "--audio-root", "/"], 1, "an audio root belongs to a CSV"),
        ([], 2, "Missing argument"),
    ],
)
def test_info_in_one_line_when_it_cannot(tiny_dataset, arguments, status, message):
    found = run("info", *(a.format(tiny=tiny_dataset) for a in arguments))
    assert found[:2] == (status, "")
    assert message in found[2]
    if status == 1:
        assert len(found[2].splitlines()) == 1


# -- synth ------------------------------------------------------------------------------------------------------------


def test_synth(tmp_path):
    folder = tmp_path / "synthetic voices"
    status, out, _ = run("synth", folder, "--voices", 2, "--takes", 1, "--labels", "yes,0=zero", "--seed", 3)
    assert (status, out) == (0, f"{folder}: 4 clips, 2 speakers, 2 labels\n")
    assert scan(folder).labels == ("0", "yes")


def test_synth_in_another_language_needs_no_labels(tmp_path):
    status, out, _ = run("synth", tmp_path / "ziffern", "--voices", 1, "--takes", 1, "--language", "de")
    assert (status, out) == (0, f"{tmp_path / 'ziffern'}: 10 clips, 1 speakers, 10 labels\n")
    assert {clip.attributes["accent"] for clip in scan(tmp_path / "ziffern").clips} == {"de"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--language", "is"], "no words for the digits are built in for language 'is', only for en, ko, de, "),
        (["--language", "qq", "--labels", "1"], "language 'qq' is not known to eSpeak"),
        (["--labels", "a/b"], "label 'a/b' cannot be a file name"),
        (["--voices", "0"], "voices is 0; expected 1 to"),
        (["--rate", "300", "200"], "rate is 300"),
    ],
)
def test_synth_in_one_line_when_it_cannot(tmp_path, arguments, message):
    status, out, err = run("synth", tmp_path / "set", *arguments)
    assert (status, out) == (1, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []


# -- fetch ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def packed(folder: Path) -> Path:
    import shutil

    inside = folder / "content/recordings"
    for name in ("0_anna_1.wav", "1_anna_9.wav"):
        write_wav(inside / name, tone(400, 0.1, TINY_RATE), TINY_RATE)
    return Path(shutil.make_archive(str(folder / "fsdd"), "zip", folder / "content"))


def test_fetch_says_what_came_and_that_nothing_was_there_to_hold_it_against(server, tmp_path):
    archive = packed(server[0])
    status, out, err = run("fetch", "fsdd", "--to", tmp_path / "here", "--url", f"{server[1]}/fsdd.zip")
    assert (status, out) == (0, f"{tmp_path / 'here'}: 2 clips, layout fsdd (recordings/DIGIT_SPEAKER_TAKE.wav)\n")
    assert (
        f"no published checksum; the sha256 of what came is {hashlib.sha256(archive.read_bytes()).hexdigest()}" in err
    )
    assert "CC BY-SA 4.0" in err


def test_fetch_with_a_checksum_to_the_current_folder(server, tmp_path, monkeypatch):
    digest = hashlib.sha256(packed(server[0]).read_bytes()).hexdigest()
    monkeypatch.chdir(tmp_path)
    status, out, err = run("fetch", "fsdd", "--url", f"{server[1]}/fsdd.zip", "--sha256", digest)
    assert (status, out.split(":")[0]) == (0, "fsdd")
    assert "checksum" not in err


def test_fetch_in_one_line_when_it_cannot(server, tmp_path):
    status, out, err = run("fetch", "fsdd", "--to", tmp_path / "here", "--url", f"{server[1]}/gone.zip")
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert "the server answers 404" in err
    assert run("fetch", "fsd")[0] == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--list"], []])
def test_fetch_lists_what_there_is(arguments):
    status, out, _ = run("fetch", *arguments)
    assert status == 0
    for name, corpus in CORPORA.items():
        (line,) = [line for line in out.splitlines() if line.startswith(f"{name}: ")]
        assert corpus.licence in line
        assert corpus.url in line
        assert corpus.size in line


# -- the real recordings ----------------------------------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.parametrize(("folder", "layout"), [("arabic", "audiofolder"), ("audiomnist_sample", "audiomnist")])
def test_info_of_real_recordings(corpora, folder, layout):
    status, out, _ = run("info", corpora / folder)
    assert status == 0
    assert f"layout:      {layout} (" in out
    assert "problems:    none" in out
