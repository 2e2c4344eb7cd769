"""`sutja transcribe`: strings of files, folders and pipes in five forms, and one line for what cannot be used."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import write_wav
from helpers import refused, sutja
from strings import RATE, said, string_folder, write_said

import sutja as package
from sutja.cli import main
from sutja.pcm import to_pcm16


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    return string_folder(tmp_path_factory.mktemp("strings") / "model")


@pytest.fixture
def four(tmp_path) -> Path:
    return write_said(tmp_path / "four.wav", "abba")


@pytest.fixture
def several(tmp_path) -> Path:
    return write_said(tmp_path / "several.wav", "ab", "c", "dd")


@pytest.fixture
def silence(tmp_path) -> Path:
    return write_said(tmp_path / "silence.wav")


@pytest.fixture
def transcribe(model):
    return lambda *arguments: sutja("transcribe", *arguments, "--model", model)


def objects(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_line_a_string(transcribe, four, several, silence, model):
    result = transcribe(four, several, silence)
    assert result.exit_code == 0
    assert result.stderr == ""
    transcript = package.transcribe(several, model)
    assert [string.text for string in transcript.strings] == ["ab", "c", "dd"]
    lines = [f"{several}: {string.start:.2f} s: {string.text} (100.0 %)" for string in transcript.strings]
    assert result.stdout.splitlines() == [f"{four}: abba (100.0 %)", *lines, f"{silence}: no words"]


def test_json_has_all_of_it(transcribe, several, silence, model):
    said_there, nothing = objects(transcribe(several, silence, "--json"))
    assert nothing == {"path": str(silence), "strings": [], "text": "", "seconds": 1.0}
    assert said_there["path"] == str(several)
    assert said_there["text"] == "abcdd"
    transcript = package.transcribe(several, model)
    assert [(s["text"], s["start"], s["end"]) for s in said_there["strings"]] == [
        (s.text, round(s.start, 3), round(s.end, 3)) for s in transcript.strings
    ]
    words = [word for string in said_there["strings"] for word in string["words"]]
    assert [(w["label"], w["start"], w["rejected"]) for w in words] == [
        (w.label, round(w.start, 3), False) for w in transcript.words
    ]
    assert said_there["strings"][0]["alternatives"][0]["labels"] == ["a", "b"]


def test_csv_has_a_row_a_string(transcribe, several, silence):
    rows = list(csv.DictReader(io.StringIO(transcribe(several, silence, "--csv").stdout)))
    assert [row["string"] for row in rows] == ["ab", "c", "dd", ""]
    assert [row["complete"] for row in rows] == ["true", "true", "true", ""]
    assert {row["error"] for row in rows} == {""}


def test_a_textgrid_has_no_gaps(transcribe, several):
    text = transcribe(several, "--textgrid").stdout
    assert 'text = "dd"' in text
    names = [line.split('"')[1] for line in text.splitlines() if "name =" in line]
    assert names == ["strings", "words"]
    edges = [line.split()[-1] for line in text.splitlines() if line.startswith("            xm")]
    inner = list(zip(edges[1:-1:2], edges[2:-1:2], strict=False))
    assert sum(end != start for end, start in inner) == 1  # from one tier to the next


def test_subtitles(transcribe, several, silence):
    blocks = transcribe(several, "--srt").stdout.split("\n\n")
    assert [block.splitlines()[::2] for block in blocks[:-1]] == [["1", "ab"], ["2", "c"], ["3", "dd"]]
    assert transcribe(silence, "--srt").stdout == ""


def test_a_known_length_ends_a_string(transcribe, tmp_path):
    path = write_said(tmp_path / "close.wav", "ab", "cd", pause=0.3)
    assert transcribe(path).stdout == f"{path}: abcd (100.0 %)\n"
    (found,) = objects(transcribe(path, "--json", "--length", "2"))
    assert [string["text"] for string in found["strings"]] == ["ab", "cd"]
    (found,) = objects(transcribe(path, "--json", "--length", "3-4"))
    assert [string["text"] for string in found["strings"]] == ["abcd"]


def test_a_string_that_is_too_short_is_not_complete(transcribe, tmp_path, silence):
    path = write_said(tmp_path / "short.wav", "ab", pause=4.0)
    found = [string for line in objects(transcribe(path, "--json", "--length", "4")) for string in line["strings"]]
    assert all(not string["complete"] for string in found if string["text"] == "ab")
    assert transcribe(silence, "--length", "4").stdout == f"{silence}: no words\n"


def test_a_list_of_strings(transcribe, tmp_path, four):
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("\ufeffabba\n\nc d\n", encoding="utf-8")
    assert transcribe(four, "--strings", allowed).stdout == f"{four}: abba (100.0 %)\n"
    path = write_said(tmp_path / "other.wav", "cd")
    assert transcribe(path, "--strings", allowed).stdout == f"{path}: cd (100.0 %)\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"abx\n", "'abx', which the model does not know; expected words out of a, b, c, d"),
        (b"\n \n", "the list of strings is empty; expected one string or more"),
        (b"\xff\xfe", "is no text in UTF-8; expected a list of strings"),
        (None, "cannot be read (No such file or directory); expected a list of strings"),
    ],
)
def test_a_list_that_is_none(transcribe, tmp_path, four, content, expected):
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    assert expected in refused(transcribe(four, "--strings", path))


@pytest.mark.parametrize("length", ["0", "-1", "two", "6-4", "4-", "1000"])
def test_a_length_that_is_none(transcribe, four, length):
    result = transcribe(four, f"--length={length}")
    assert "; expected" in refused(result)
    assert result.stdout == ""


def test_a_length_and_a_list_contradict_each_other(transcribe, four):
    result = transcribe(four, "--length", "4", "--strings", four)
    assert result.exit_code == 2
    assert "contradict each other" in result.stderr


def make_bad(folder: Path) -> Path:
    path = folder / "bad.wav"
    path.write_bytes(b"no sound at all")
    return path


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_a_bad_recording_is_told_and_the_others_still_come(transcribe, tmp_path, four, form):
    bad = make_bad(tmp_path)
    result = transcribe(four, bad, four, *form)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.output.count("cannot be decoded") == 1
    assert result.stdout.count("abba") == {(): 2, ("--json",): 6, ("--csv",): 2}[form]
    if form == ("--json",):
        assert set(objects(result)[1]) == {"path", "error"}


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_a_recording_that_ends_in_rubbish(transcribe, monkeypatch, several, form):
    from sutja.errors import AudioError
    from sutja.transcription import Transcriber

    events = Transcriber.events

    def cut(self, source, *arguments, **options):
        yield from (e for e in events(self, source, *arguments, **options) if getattr(e, "text", "") != "dd")
        raise AudioError("several.wav", "is damaged at 4.0 s; record it again")

    monkeypatch.setattr(Transcriber, "events", cut)
    result = transcribe(several, *form)
    assert result.exit_code == 1
    assert "is damaged at 4.0 s" in result.output
    if form == ("--json",):
        (told,) = objects(result)
        assert [string["text"] for string in told["strings"]] == ["ab", "c"]
        assert "error" in told
    else:
        assert "ab" in result.stdout
        assert "c" in result.stdout


def test_one_string_before_the_rubbish_is_told(transcribe, monkeypatch, four):
    from sutja.errors import AudioError
    from sutja.transcription import Transcriber

    events = Transcriber.events

    def cut(self, source, *arguments, **options):
        yield from events(self, source, *arguments, **options)
        raise AudioError("four.wav", "is damaged; record it again")

    monkeypatch.setattr(Transcriber, "events", cut)
    result = transcribe(four)
    assert result.stdout == f"{four}: 1.00 s: abba (100.0 %)\n"
    assert "four.wav: is damaged" in refused(result)


def test_standard_input(model, four):
    result = CliRunner().invoke(main, ["transcribe", "-", "--model", str(model)], input=four.read_bytes())
    assert result.stdout == "-: abba (100.0 %)\n"


def test_folders_and_what_is_left_out(transcribe, tmp_path):
    folder = tmp_path / "numbers"
    write_said(folder / "one.wav", "ab")
    write_said(folder / "two.wav", "cd")
    (folder / "notes.txt").write_text("later", encoding="utf-8")
    result = transcribe(folder)
    assert [line.split(": ")[1] for line in result.stdout.splitlines()] == ["ab (100.0 %)", "cd (100.0 %)"]
    assert result.exit_code == 0


def test_a_file_of_lines(transcribe, tmp_path, four):
    out = tmp_path / "new" / "all.jsonl"
    result = transcribe(four, four, "--json", "--out", out)
    assert result.exit_code == 0
    assert [json.loads(line)["text"] for line in out.read_text(encoding="utf-8").splitlines()] == ["abba", "abba"]


@pytest.mark.parametrize(("form", "suffix"), [("--srt", ".srt"), ("--textgrid", ".TextGrid")])
def test_a_file_for_each_recording(transcribe, tmp_path, four, several, form, suffix):
    result = transcribe(four, several, form)
    assert result.exit_code == 2
    assert "expected --out with a folder" in result.stderr
    out = tmp_path / "files"
    result = transcribe(four, make_bad(tmp_path), several, form, "--out", out)
    assert "cannot be decoded" in refused(result)
    assert sorted(path.name for path in out.iterdir()) == [f"four{suffix}", f"several{suffix}"]
    assert "abba" in (out / f"four{suffix}").read_text(encoding="utf-8")
    alone = tmp_path / f"alone{suffix}"
    assert transcribe(four, form, "--out", alone).exit_code == 0
    assert alone.read_text(encoding="utf-8") == (out / f"four{suffix}").read_text(encoding="utf-8")


def test_a_bad_recording_leaves_no_file(transcribe, tmp_path):
    out = tmp_path / "bad.srt"
    assert "cannot be decoded" in refused(transcribe(make_bad(tmp_path), "--srt", "--out", out))
    assert not out.exists()


def test_two_recordings_of_one_name(transcribe, tmp_path, four):
    other = write_said(tmp_path / "other" / "four.wav", "c")
    result = transcribe(four, other, "--srt", "--out", tmp_path / "files")
    assert "another recording would be written to four.srt as well" in refused(result)


def test_a_model_of_single_words_says_so(tmp_path, four):
    from models import SMALL, make_bundle

    from sutja.bundle import save

    save(make_bundle(SMALL), tmp_path / "single")
    result = sutja("transcribe", four, "--model", tmp_path / "single")
    assert "knows single words, not words in a row" in refused(result)


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_other_sample_rates(transcribe, tmp_path, rate):
    path = write_said(tmp_path / "rate.wav", "abba", rate=rate)
    assert transcribe(path).stdout == f"{path}: abba (100.0 %)\n"


def test_a_string_cut_in_the_middle_of_a_word(transcribe, tmp_path):
    waveform = said("ab")[: -round(1.15 * RATE)]  # half of the last word is left
    path = write_wav(tmp_path / "cut.wav", to_pcm16(waveform), RATE)
    (found,) = objects(transcribe(path, "--json"))
    assert found["text"].startswith("a")
    assert len(found["text"].replace("?", "")) <= 2


def test_the_model_that_sutja_brings_knows_strings(tmp_path):
    silence = write_said(tmp_path / "silence.wav")
    result = sutja("transcribe", silence, "--length", "4")
    assert result.stdout == f"{silence}: no words\n"
