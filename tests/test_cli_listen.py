"""`sutja listen`: a line a word from files, pipes and microphones; commands for words; ends quietly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import write_wav
from helpers import refused, sutja, sutja_process
from microphones import RATE, plugged_in, spoken
from strings import string_folder, write_said

import sutja as package
from sutja.cli import listen as module
from sutja.cli import main
from sutja.cli.rows import answer_line, word_json
from sutja.pcm import to_pcm16
from sutja.streams import Word, words_in
from sutja.strings.transcriber import Partial, SpokenString, SpokenWord
from sutja.transcripts import record_of

RAW = to_pcm16(spoken(3)).tobytes()


@pytest.fixture
def three(tmp_path) -> Path:
    return write_wav(tmp_path / "three.wav", to_pcm16(spoken(3)), RATE)


def test_a_line_a_word_as_the_library_says(three):
    words = words_in(package.load(), three)
    result = sutja("listen", three)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [f"{word.start:.2f} s: {answer_line(word)}" for word in words]
    assert result.stderr == f"listening to {three}; Ctrl-C ends it\n"
    lines = [json.loads(line) for line in sutja("listen", three, "--json").stdout.splitlines()]
    assert [(line["start"], line["label"]) for line in lines] == [(round(w.start, 3), w.label) for w in words]


def test_json_has_the_fields_of_the_service(three):
    pytest.importorskip("starlette")
    from sutja.server.streaming import _message

    for word in words_in(package.load(), three):
        assert json.loads(word_json(word)) == _message(word)


def test_standard_input_as_wav_and_raw(three):
    expected = sutja("listen", three).stdout
    wav = CliRunner().invoke(main, ["listen", "-"], input=three.read_bytes())
    raw = CliRunner().invoke(main, ["listen", "-", "--sample-rate", str(RATE)], input=RAW)
    assert wav.stdout == raw.stdout == expected
    result = CliRunner().invoke(main, ["listen", "-"], input=RAW)
    assert "raw samples, which say no sample rate" in refused(result).replace("standard input: ", "")


def test_a_microphone_that_goes_away(monkeypatch, three):
    plugged_in(monkeypatch, to_pcm16(spoken(3)).astype("float32") / 2**15, overflow_at=2)
    result = sutja("listen")
    assert "USB Audio: no sound comes from it any more" in refused(result)
    assert result.stdout == sutja("listen", three).stdout
    assert "sound was lost, 1 times so far" in result.stderr


def test_ctrl_c_ends_with_0(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt
        yield

    plugged_in(monkeypatch, spoken(1))
    monkeypatch.setattr(module, "words_of", interrupted)
    assert sutja("listen").exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_lines_come_at_once_and_a_real_ctrl_c_ends_it():
    command = [sys.executable, "-m", "sutja", "listen", "-", "--sample-rate", str(RATE), "--json"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen(command, **pipes)
    process.stdin.write(RAW[: 2 * round(1.3 * RATE)])
    process.stdin.flush()  # and stays open
    assert json.loads(process.stdout.readline())["type"] == "word"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"Traceback" not in told


def test_a_closed_standard_output_ends_it_quietly(tmp_path):
    (tmp_path / "raw").write_bytes(RAW)
    command = [sys.executable, "-m", "sutja", "listen", "-", "--sample-rate", str(RATE)]
    with (tmp_path / "raw").open("rb") as file:
        process = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read().decode().splitlines() == ["listening to standard input; Ctrl-C ends it"]
    process.stderr.close()
    process.wait(30)


# -- commands ---------------------------------------------------------------------------------------------------------

NASTY = "'; echo {start} $(date) \"b"


class SaidWords:
    """In place of a recogniser: words with labels that a shell would trip over, and one that is refused."""

    def __call__(self, predictor, blocks, **_):
        yield Word(NASTY, 0.75, {}, start=1.0, end=1.5)
        yield Word(None, 0.75, {}, rejected=True, start=2.0, end=2.5)
        yield Word("go", 0.5, {}, start=3.0, end=3.5)


def run(monkeypatch, three, *line: str):
    monkeypatch.setattr(module, "words_of", SaidWords())
    return sutja("listen", three, "--run", " ".join(line))


def test_a_command_for_each_word_that_is_taken_and_no_shell(monkeypatch, three, tmp_path):
    program = tmp_path / "note.py"
    program.write_text(
        "import json, sys\nwith open(sys.argv[1], 'a') as file: file.write(json.dumps(sys.argv[2:]) + '\\n')\n"
    )
    result = run(
        monkeypatch, three, sys.executable, f"'{program}' {tmp_path}/said '{{label}}' '{{probability}} at {{start}}'"
    )
    assert result.exit_code == 0
    said = [json.loads(line) for line in (tmp_path / "said").read_text().splitlines()]
    assert said == [[NASTY, "0.7500 at 1.000"], ["go", "0.5000 at 3.000"]]


def test_a_command_that_fails_is_told_and_listening_goes_on(monkeypatch, three, tmp_path):
    result = run(monkeypatch, three, f"{sys.executable} -c 'raise SystemExit(3)'")
    assert result.exit_code == 0
    assert "--run: ended with status 3 for go; listening goes on" in result.stderr
    assert len(result.stdout.splitlines()) == 3
    gone = tmp_path / "gone"
    gone.write_text("no program")
    gone.chmod(0o755)
    assert "--run: cannot be run for go (" in run(monkeypatch, three, str(gone)).stderr


def test_more_words_than_commands_can_follow(monkeypatch, capsys):
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    monkeypatch.setattr(module.threading.Thread, "start", lambda _: None)  # none of them ends
    runner = module.Runner(["true"])
    word = Word("go", 0.5, {}, start=3.0, end=3.5)
    runner.put("go", module.values_of(word))
    runner.put("go", module.values_of(word))
    assert "1 words wait for their command, so none is run for go" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "no command; expected one"),
        ("echo 'a", "no closing quotation; close what is quoted"),
        ("echo {word}", r"{word} is not known; expected {label}, {probability} or {start}"),
        ("echo {label", "{label has no brace at its end; close it"),
        ("no-such-command-here {label}", "no-such-command-here is no command that is found here"),
    ],
)
def test_commands_that_are_none(three, line, message):
    result = sutja("listen", three, "--run", line)
    assert result.exit_code == 2
    assert message in result.stderr


# -- strings ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tones(tmp_path_factory) -> Path:
    return string_folder(tmp_path_factory.mktemp("strings") / "model")


@pytest.fixture
def two(tmp_path) -> Path:
    return write_said(tmp_path / "two.wav", "abba", "cd")


def test_a_line_a_string(two, tones):
    result = sutja("listen", two, "--strings", "--model", tones)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["1.00 s: abba (100.0 %)", "3.20 s: cd (100.0 %)"]
    pairs = sutja("listen", two, "--strings", "--length", "4-6", "--model", tones).stdout
    assert pairs.startswith("1.00 s: abba (100.0 %)\n")


def test_json_tells_every_event_as_the_library_gives_it(two, tones):
    lines = [
        json.loads(line) for line in sutja("listen", two, "--strings", "--json", "--model", tones).stdout.splitlines()
    ]
    events = list(package.listen(str(tones), two, strings=True))
    assert lines == json.loads(json.dumps([record_of(event) for event in events]))
    assert {line["type"] for line in lines} == {"partial", "word", "string"}


def test_a_terminal_shows_a_string_while_it_grows(monkeypatch, capsys):
    monkeypatch.setattr(module.sys.stdout, "isatty", lambda: True)
    growing, word = module.Growing(), SpokenWord("4", 0.9, {"4": 0.9}, 1.0, 1.5)
    for event in (Partial(("4",), 1.4), word, Partial(("4", "7"), 2.0), SpokenString((word,))):
        growing.tell(event)
    assert [part.removesuffix(module.CLEAR_REST) for part in capsys.readouterr().out.split("\r")] == [
        "", "4...", "4", "47...", f"1.00 s: 4 (90.0 %){module.CLEAR_REST}\n",
    ]  # fmt: skip


def test_on_a_narrow_terminal_the_latest_words_are_shown(monkeypatch, capsys):
    monkeypatch.setattr(module.sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "8")
    growing = module.Growing()
    growing.tell(Partial(tuple("0123456789"), 5.0))
    assert capsys.readouterr().out == f"\r6789...{module.CLEAR_REST}"


def test_a_command_for_each_whole_string(two, tones, tmp_path):
    program = tmp_path / "note.py"
    program.write_text("import sys\nwith open(sys.argv[1], 'a') as file: file.write(sys.argv[2] + '\\n')\n")
    command = f"{sys.executable} '{program}' '{tmp_path}/said' '{{text}} at {{start}}'"
    assert sutja("listen", two, "--strings", "--model", tones, "--run", command).exit_code == 0
    assert (tmp_path / "said").read_text() == "abba at 1.000\ncd at 3.200\n"


def test_a_string_that_is_none_runs_no_command(monkeypatch, three, tones, tmp_path):
    word, refused_word = SpokenWord("4", 0.9, {"4": 0.9}, 1.0, 1.5), SpokenWord(None, 0.2, {"4": 0.2}, 1.5, 2.0)
    strings = [SpokenString((word,), complete=False), SpokenString((word, refused_word))]
    monkeypatch.setattr(module, "strings_of", lambda *_, **__: iter(strings))
    command = f"{sys.executable} -c \"open('{tmp_path}/ran', 'w')\""
    result = sutja("listen", three, "--strings", "--model", tones, "--run", command)
    assert result.stdout.splitlines() == ["1.00 s: 4 (90.0 %), not complete", "1.00 s: 4? (18.0 %)"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--length", "4"), "--length is of strings, and words that stand alone have none; expected --strings too"),
        (("--strings", "--run", "echo {label}"), "{label} is not known; expected {text}, {probability} or {start}"),
    ],
)
def test_options_that_do_not_go_together(three, tones, options, message):
    result = sutja("listen", three, "--model", tones, *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_list_of_strings(two, tones, tmp_path):
    (tmp_path / "codes.txt").write_text("abba\nc d\nabba\n", encoding="utf-8")
    for given in (["--strings", tmp_path / "codes.txt"], [f"--strings={tmp_path / 'codes.txt'}"]):
        result = sutja("listen", two, *given, "--model", tones)
        assert result.stdout.splitlines() == ["1.00 s: abba (100.0 %)", "3.20 s: cd (100.0 %)"]
    (tmp_path / "codes.txt").write_text("abb\ncc\n", encoding="utf-8")
    result = sutja("listen", two, "--strings", tmp_path / "codes.txt", "--model", tones)
    texts = [line.split()[2] for line in result.stdout.splitlines()]
    assert texts[0] == "abb"
    assert all("?" in text for text in texts[1:])  # what is in no list is refused


def test_strings_through_standard_input(two, tones):
    expected = sutja("listen", two, "--strings", "--model", tones).stdout
    for given in (["-", "--strings"], ["--strings", "-"]):
        result = CliRunner().invoke(main, ["listen", *given, "--model", str(tones)], input=two.read_bytes())
        assert result.stdout == expected


def test_eight_words_in_a_row_are_two_strings_of_four(tones, tmp_path):
    path = write_said(tmp_path / "eight.wav", "abbacddc")
    result = sutja("listen", path, "--strings", "--length", "4", "--model", tones)
    assert [line.split()[2] for line in result.stdout.splitlines()] == ["abba", "cddc"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("abx\n", "the list of strings has 'abx', which the model does not know; expected words out of a, b, c, d"),
        ("\n \n", "the list of strings is empty; expected one string or more"),
        (None, "no text in UTF-8; expected a list of strings, a line each; save it as UTF-8, and give"),
    ],
)
def test_a_list_that_is_none(two, tones, tmp_path, content, message):
    path = two
    if content is not None:
        path = tmp_path / "codes.txt"
        path.write_text(content, encoding="utf-8")
    assert message in refused(sutja("listen", two, "--strings", path, "--model", tones))
    result = sutja("listen", two, "--strings", path, "--length", "2", "--model", tones)
    assert result.exit_code == 2
    assert "--length and --strings contradict each other" in result.stderr


def test_a_length_that_is_none(three, tones):
    assert "length 0; expected 1 to" in refused(sutja("listen", three, "--strings", "--length", "0", "--model", tones))
    assert "length 4-2; expected 1 to" in refused(
        sutja("listen", three, "--strings", "--length", "4-2", "--model", tones)
    )


def test_what_cannot_be_listened_to(tmp_path, three):
    assert "no such file" in refused(sutja("listen", tmp_path / "none.wav"))
    nothing = sutja_process("listen", "-", stdin=subprocess.DEVNULL)
    assert "nothing came through it; expected sound" in refused(nothing)
    assert "is a folder; expected a sound file" in refused(sutja("listen", tmp_path))
    assert sutja("listen", three, "--device", "1").exit_code == 2
    assert "no model.json there" in refused(sutja("listen", three, "--model", tmp_path))
