"""What commands and terminals agree on: one line a source in any locale, and nothing given is ignored."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata

import pytest
from conftest import tone, write_wav
from helpers import sutja
from hypothesis import given
from hypothesis import strategies as st

from sutja.cli.console import columns, language_wanted, wrap
from sutja.errors import BREAKING, one_line

NAMES = ("일곱.wav", "café.wav", "семь.wav", "👩‍🔬.wav", "two\nlines.wav", "bell\x07\x1b[31m.wav", "sep\u2028.wav")
LOCALES = {"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "cp949"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}


@pytest.fixture
def odd_names(tmp_path):
    folder = tmp_path / "odd"
    for name in NAMES:
        write_wav(folder / name, tone(500, 0.4, 8000), 8000)
    odd = os.path.join(os.fsencode(folder), b"zw\xf6lf.wav")  # noqa: PTH118  no path of text has this name
    shutil.copy(folder / NAMES[0], odd)
    return folder


def process(*arguments, **environment):
    command = [sys.executable, "-m", "sutja", *map(os.fspath, arguments)]
    return subprocess.run(command, check=False, capture_output=True, env={**os.environ, **environment})


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
@pytest.mark.parametrize("environment", LOCALES, ids=lambda e: "-".join(e.values()))
def test_every_name_comes_out_as_utf8_whatever_the_locale(odd_names, environment, form):
    done = process("predict", odd_names, *form, **environment)
    assert done.returncode == 0, done.stderr
    told = done.stdout.decode("utf-8")
    for name in ("일곱.wav", "café.wav", "семь.wav", "👩‍🔬.wav"):
        assert name in told
    if form != ("--csv",):  # in CSV a name may hold a line break, between quotes
        assert told.count("\n") == len(NAMES) + 1
    if form == ("--json",):
        assert {"path", "label", "probability"} <= set(json.loads(told.splitlines()[0]))


def test_errors_are_one_line_in_any_locale(tmp_path):
    for environment in LOCALES:
        done = process("predict", tmp_path / "일곱\n여덟.wav", **environment)
        assert done.returncode == 1
        (line,) = done.stderr.decode("utf-8").splitlines()
        assert "일곱\\n여덟.wav: no such file" in line


def test_help_and_data_info_speak_in_any_locale(odd_names):
    for environment in LOCALES:
        assert process("predict", "--help", **environment).returncode == 0


@given(st.text())
def test_one_line_is_one_line_and_keeps_what_can_be_shown(text):
    line = one_line(text)
    assert not any(unicodedata.category(c) in BREAKING for c in line)
    assert len(line.splitlines()) <= 1
    if text.isprintable():
        assert line == text


REFUSED = {
    "two models": ("predict", "a.wav", "--model", "a", "--model", "b"),
    "the same model": ("serve", "--model", "a", "--model", "a"),
    "two forms": ("predict", "a.wav", "--json", "--csv"),
    "two outputs": ("train", "d", "--out", "r", "--out", "s"),
    "below data": ("data", "info", "d", "--audio-root", "1", "--audio-root", "2"),
}


@pytest.mark.parametrize("arguments", REFUSED.values(), ids=REFUSED)
def test_two_inputs_or_outputs_for_one_place_are_refused(arguments):
    result = sutja(*arguments)
    assert result.exit_code == 2
    assert "give" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [("predict", "a.wav", "--model"), ("serve", "--port", "1", "--port", "2", "--model"), ("bench", "--model")],
)
def test_nothing_more_is_asked_of_one_model(arguments):
    assert sutja(*arguments, "no such model").exit_code == 1


def test_of_a_setting_given_twice_the_last_counts_and_it_is_told(tmp_path):
    arguments = ("data", "synth", tmp_path / "d", "--labels", "0", "--voices", "1", "--voices", "2")
    result = sutja(*arguments)
    assert result.exit_code == 0, result.stderr
    assert "--voices is given 2 times: the last one counts" in result.stderr
    assert "2 speakers" in result.stdout


def test_what_may_be_repeated_may_and_a_flag_twice_says_the_same(tmp_path):
    path = write_wav(tmp_path / "a.wav", tone(500, 0.4, 8000), 8000)
    assert sutja("predict", path, "--json", "--json").exit_code == 0
    result = sutja("data", "info", tmp_path, "--rename", "a=b", "--rename", "c=d")
    assert "times" not in result.stderr


# -- the reader's language --------------------------------------------------------------------------------------------


def test_help_is_korean_where_it_is_asked_for():
    for command in ([], ["data"], ["data", "info"], ["train"], ["study"]):
        told = (
            sutja("--lang", "ko", *command, "--help").stdout
            if not command
            else sutja(*command, "--lang=ko", "-h").stdout
        )
        if command != ["data"]:  # a group has no language of its own: see below
            assert told.startswith("사용법: ")
            assert "옵션:" in told
            assert "이 도움말을 보여 주고 끝냅니다." in told
            assert max(columns(line) for line in told.splitlines() if "[" not in line) <= 80
    assert "녹음을 살펴보고" in sutja("--lang", "ko", "data", "--help").stdout
    assert "WORDS를 단어마다 정한 횟수만큼" in sutja("--lang", "ko", "--help").stdout
    assert sutja("--help").stdout.startswith("Usage: ")


def test_the_language_is_also_the_environments(monkeypatch):
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    assert sutja("--help").stdout.startswith("사용법: ")
    monkeypatch.setenv("SUTJA_LANG", "en")
    assert sutja("--help").stdout.startswith("Usage: ")
    assert sutja("--help", "--lang", "ko").stdout.startswith("사용법: ")
    monkeypatch.setenv("SUTJA_LANG", "fr")
    assert "SUTJA_LANG=fr: expected en or ko; English is spoken" in sutja("models").stderr


def test_what_follows_two_hyphens_is_no_option():
    assert language_wanted(["predict", "--", "--lang", "ko"], {}) == "en"
    assert language_wanted(["predict", "--lang", "xx"], {"LANG": "ko"}) == "ko"


def test_wrong_usage_is_said_in_korean(tmp_path):
    told = sutja("data", "info", "--lang", "ko", "--layout", "zz", tmp_path)
    assert told.exit_code == 2
    assert "오류: '--layout'의 값이 잘못되었습니다. 'zz'는 'csv', " in told.stderr
    assert "도움말: 'main data info --help'" in told.stderr
    told = sutja("trian", "--lang", "ko")
    assert told.exit_code == 2
    assert "'trian'" in told.stderr
    assert sutja("trian").stderr.startswith("Usage: ")


def test_errors_and_results_are_said_in_korean(tmp_path):
    told = sutja("data", "info", tmp_path / "nowhere", "--lang", "ko")
    assert told.exit_code == 1
    assert "그런 폴더나 파일이 없습니다. 경로를 확인하세요" in told.stderr
    assert "no such folder or file; check the path" in sutja("data", "info", tmp_path / "nowhere").stderr


def test_lines_are_broken_by_the_columns_that_letters_take():
    assert wrap("가나다 라마바 abc", 7, "  ") == ["  가나다", "  라마바", "  abc"]
    assert wrap("", 10) == []
    assert columns("가a") == 3
