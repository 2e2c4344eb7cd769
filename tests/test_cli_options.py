"""What the commands share: how DATA is read, paths are expanded, and progress is told."""

from __future__ import annotations

import itertools
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import TINY_RATE, tone, write_wav
from helpers import write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sutja.cli.options import (
    MOST_QUIET_SECONDS,
    QUIET_SECONDS,
    Bars,
    DataOptions,
    Lines,
    about,
    interval,
    percent,
    tell_fonts,
)
from sutja.errors import DatasetError
from sutja.listing import expand
from sutja.texts.phrases import speaking_in


def make(root: Path, *names: str) -> list[Path]:
    return [write_wav(root / name, tone(440, 0.2, TINY_RATE), TINY_RATE) for name in names]


def read(data, *, rename=()):
    return DataOptions(tuple(data), layout=None, audio_root=None, rename=tuple(rename), split=None).read()


def words(root: Path) -> Path:
    make(root, *(f"{label}/{label}_{i}.wav" for label in ("zero", "one") for i in range(3)))
    return root


# -- data -------------------------------------------------------------------------------------------------------------


def test_how_the_data_was_read_is_said_aloud(tmp_path, capsys):
    dataset = read([words(tmp_path / "words")])
    assert len(dataset.clips) == 6
    told = capsys.readouterr()
    assert "words: 6 clips, layout " in told.err
    assert told.out == ""


def test_everything_that_is_said_of_data_reaches_the_reader(tmp_path):
    root, columns = words(tmp_path / "sound"), ("file_name", "label", "split")
    first = write_csv(tmp_path / "a.csv", [columns, ("zero/zero_0.wav", "zero", "test"), ("one/one_0.wav", "one", "")])
    second = write_csv(tmp_path / "b.csv", [columns, ("zero/zero_1.wav", "three", "train")])
    source = DataOptions((first,), "csv", root, ("zero=0", "three=3"), "test")
    dataset, extra = source.read_with([second])
    assert [(clip.path, clip.label) for clip in dataset.clips] == [(root / "zero/zero_0.wav", "0")]
    assert [(clip.path, clip.label) for clip in extra] == [
        (root / "zero/zero_1.wav", "3")
    ]  # the split is of DATA alone


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ("two=2", r"rename two=\.\.\.: no such label; there are one, zero"),
        ("zero", "--rename zero: expected OLD=NEW, for example zero=0"),
        ("=0", "--rename =0: expected OLD=NEW"),
        ("zero=", "--rename zero=: expected OLD=NEW"),
    ],
)
def test_renames_that_cannot_be(tmp_path, rename, message):
    with pytest.raises(DatasetError, match=message):
        read([words(tmp_path)], rename=[rename])


def test_the_new_name_may_hold_what_parts_them(tmp_path):
    assert read([words(tmp_path)], rename=["zero=a=b"]).labels == ("a=b", "one")


# -- paths ------------------------------------------------------------------------------------------------------------


def test_folders_and_globs_become_files_in_order(tmp_path):
    make(tmp_path, "b.wav", "a.flac.wav", "sub/c.wav")
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    names = [path.relative_to(tmp_path).as_posix() for path in expand([str(tmp_path)])]
    assert names == ["a.flac.wav", "b.wav", "sub/c.wav"]
    assert [p.name for p in expand([str(tmp_path / "*.wav")])] == ["a.flac.wav", "b.wav"]
    assert [p.name for p in expand([str(tmp_path / "**" / "*.wav")])] == ["a.flac.wav", "b.wav", "c.wav"]
    assert [p.name for p in expand([str(tmp_path / "sub"), str(tmp_path / "b.wav")])] == ["c.wav", "b.wav"]


def test_a_file_that_is_spelt_like_a_glob(tmp_path):
    make(tmp_path, "take[1].wav", "take1.wav")
    assert [p.name for p in expand([str(tmp_path / "take[1].wav")])] == ["take[1].wav"]


@pytest.mark.parametrize("name", ["missing.wav", "*.flac", "empty", "x" * 300 + ".wav"])
def test_what_gives_no_file_stays_to_be_told_of(tmp_path, name):
    (tmp_path / "empty").mkdir()
    assert list(expand([str(tmp_path / name)])) == [tmp_path / name]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_names_that_are_not_utf_8(tmp_path):
    name = os.fsdecode(b"zw\xf6lf.wav")
    make(tmp_path, name)
    assert [p.name for p in expand([str(tmp_path)])] == [name]
    assert [p.name for p in expand([str(tmp_path / "*.wav")])] == [name]


# -- words ------------------------------------------------------------------------------------------------------------


def test_numbers_for_people():
    assert percent(1.0) == "100.0 %"
    assert interval([0.5, 0.75]) == "50.0 to 75.0 %"
    assert interval(None) == "no interval"


def test_without_a_terminal_a_stage_is_a_line(capsys):
    bars = Bars()
    step = bars.stage("features", 3, "clip")
    step()
    bars.say("one thing")
    bars.close()
    assert capsys.readouterr() == ("", "features: 3 clips\none thing\n")


def lines_of(capsys, n_steps: int, seconds: float, *, at_once: int = 0) -> list[str]:
    """What is told of a stage of so many steps of so many seconds each, some of them done already."""
    time = [100.0]
    step = Bars(clock=lambda: time[0]).stage("training", n_steps, "epoch")
    for done in range(n_steps):
        time[0] += seconds * (done >= at_once)
        step()
    first, *rest = capsys.readouterr().err.splitlines()
    assert first == f"training: {n_steps} epochs"
    return rest


def test_without_a_terminal_a_long_stage_says_how_far_it_is(capsys):
    assert lines_of(capsys, 40, 1.0) == [
        "training: 30 %, about 28 s left",
        "training: 60 %, about 16 s left",
        "training: 90 %, about 4 s left",
        "training: done in 40 s",
    ]


@given(n_steps=st.integers(1, 3_000), seconds=st.floats(1e-3, 600))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_lines_are_neither_rare_nor_many(capsys, n_steps, seconds):
    taken, lines = n_steps * seconds, lines_of(capsys, n_steps, seconds)
    n_longest_quiet = taken / max(MOST_QUIET_SECONDS + seconds, QUIET_SECONDS)
    assert int(n_longest_quiet) <= len(lines) <= taken / QUIET_SECONDS + 1
    if taken < QUIET_SECONDS - 1e-6:
        assert lines == []
    shares = [int(line.split()[1]) for line in lines[:-1]]
    assert shares == sorted(shares)
    assert all(0 <= share < 100 for share in shares)


def test_a_day_of_work_is_a_line_a_minute(capsys):
    lines = lines_of(capsys, 24 * 3600, 1.0)
    assert 1440 <= len(lines) <= 1600


def test_steps_that_were_done_already_do_not_shorten_what_is_left_for_long(capsys):
    lines = lines_of(capsys, 1_000, 1.0, at_once=900)
    assert lines[5:7] == ["training: 97 %, about 28 s left", "training: 98 %, about 16 s left"]


def test_a_stage_of_nothing(capsys):
    assert lines_of(capsys, 0, 1.0) == []


def test_what_comes_without_a_known_end_and_what_begins_again(capsys):
    time = [0.0]
    lines = Lines("fsdd", "megabyte", clock=lambda: time[0])
    for n_done, total in ((0, 0), (1, None), (3, None), (0, 8), (4, 8), (8, 8), (8, 8)):
        time[0] += 13
        lines.reach(n_done, total)
    assert capsys.readouterr().err.splitlines() == [
        "fsdd: done in 13 s",
        "fsdd: 1 megabytes so far",
        "fsdd: 3 megabytes so far",
        "fsdd: 50 %, about 13 s left",
        "fsdd: done in 1 min 18 s",
    ]


def test_steps_of_many_threads_are_all_counted(capsys):
    ticks = itertools.count()
    step = Bars(clock=lambda: next(ticks)).stage("listening", 400, "clip")
    with ThreadPoolExecutor(8) as pool:
        for _ in range(400):
            pool.submit(step)
    told = capsys.readouterr().err.splitlines()
    assert told[-1] == "listening: done in 6 min 40 s"


def test_with_a_terminal_a_stage_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bars = Bars()
    step = bars.stage("training", 4, "epoch")
    for _ in range(4):
        step()
    bars.stage("predicting", 1, "clip")
    bars.close()
    told = capsys.readouterr()
    assert told.out == ""
    assert "training: 100%" in told.err
    assert "4/4" in told.err
    assert "predicting:   0%" in told.err


def test_missing_fonts_are_named_to_who_reads_korean(monkeypatch, capsys):
    drawing = pytest.importorskip("sutja.reports.drawing")
    monkeypatch.setattr(drawing, "has_hangul", lambda: False)
    tell_fonts()
    with speaking_in("ko"):
        assert drawing.spoken("epoch") == "epoch"
        tell_fonts()
        monkeypatch.setattr(drawing, "has_hangul", lambda: True)
        assert drawing.spoken("epoch") == "에포크"
        tell_fonts()
    told = capsys.readouterr().err
    assert told.count("NanumGothic,") == 1
    assert "한글 글꼴이 설치되어 있지 않아" in told


def test_durations_and_bars_are_said_in_korean(capsys):
    with speaking_in("ko"):
        assert [about(seconds) for seconds in (41, 100, 754, 5000)] == ["41초", "1분 40초", "13분", "1시간 23분"]
        assert interval((0.94, 0.98)) == "94.0~98.0 %"
        assert interval(None) == "신뢰구간 없음"
        Bars().stage("listening", 3, "clip")
    assert capsys.readouterr().err == "듣기: 클립 3개\n"
