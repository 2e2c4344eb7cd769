"""What lies in a folder, and what became of it: used, read, or told with its reason."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import tone, write_wav
from helpers import refused, sutja
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sutja.dataset import scan
from sutja.errors import DatasetError
from sutja.folders import Contents, walk

PAGE = Path(__file__).parents[1] / "docs" / "layouts.md"
RATE = 8_000


def test_contents_hold_what_a_layout_found(tmp_path):
    assert Contents(tmp_path, [], ["a note"]).notes == ["a note"]


def test_sounds_by_suffix_in_order_without_hidden(tmp_path):
    for name in ("b.wav", "a/z.FLAC", "a/.hidden.wav", ".git/c.wav", "notes.txt", "a/y.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    tree = walk(tmp_path)
    assert ["/".join(tree.parts(path)) for path in tree.sounds] == ["a/y.mp3", "a/z.FLAC", "b.wav"]
    told = {"/".join(tree.parts(out.path)) for out in tree.passed}
    assert {"a/.hidden.wav", "notes.txt"} <= told
    assert any(name.startswith(".git") for name in told)


def sound(path: Path, frequency: float = 500) -> Path:
    return write_wav(path, tone(frequency, 0.2, RATE), RATE)


# -- the page, line by line --------------------------------------------------------------------------------------------


def page_lines() -> list[tuple[list[str], str, str, str | None]]:
    rows = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].startswith("`"):
            names = re.findall(r"`([^`]+)`", cells[2])
            rows.append((re.findall(r"`([^`]+)`", cells[0]), cells[1].strip("`"), names[0], (names[1:] or [None])[0]))
    return rows


@pytest.mark.parametrize("line", page_lines(), ids=lambda line: line[0][0])
def test_each_line_of_the_page(tmp_path, line):
    files, layout, label, speaker = line
    for number, name in enumerate(files):
        sound(tmp_path / name, 300 + 40 * number)
    dataset = scan(tmp_path)
    assert dataset.layout == layout
    assert len(dataset.clips) == len(files)
    first = next(clip for clip in dataset.clips if clip.name == files[0])
    assert (first.label, first.speaker) == (label, speaker)
    assert dataset.left_out == ()


def test_the_page_has_lines():
    assert len(page_lines()) >= 8


# -- nothing vanishes --------------------------------------------------------------------------------------------------


@pytest.fixture
def words(tmp_path) -> Path:
    """Three words by four takes."""
    for number, word in enumerate(("ja", "nein", "halt")):
        for take in range(4):
            sound(tmp_path / "words" / word / f"{take}.wav", 300 + 100 * number + 10 * take)
    return tmp_path / "words"


def told_by_info(folder: Path) -> str:
    result = sutja("data", "info", folder)
    assert result.exit_code == 0, result.stderr
    return result.stdout + result.stderr


KINDS = {
    "hidden": (lambda folder: sound(folder / "ja" / ".x.wav"), ".x.wav"),
    "dangling": (lambda folder: (folder / "ja" / "gone.wav").symlink_to("nowhere.wav"), "gone.wav"),
    "another kind": (lambda folder: (folder / "ja" / "notes.docx").write_bytes(b"PK"), "notes.docx"),
    "no name of a sound": (lambda folder: (folder / "ja" / "take9").write_bytes(b"RIFF"), "take9"),
    "too deep": (lambda folder: sound(folder / "ja" / "old" / "older" / "y.wav"), "y.wav"),
    "a loop": (lambda folder: (folder / "ja" / "again").symlink_to(folder, target_is_directory=True), "again"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_used_is_named_by_every_command(words, kind):
    put, name = KINDS[kind]
    put(words)
    assert name in told_by_info(words)
    dataset = scan(words)
    outs = [str(out.path) for out in dataset.left_out]
    assert any(name in out for out in outs) or any(name in clip.name for clip in dataset.clips)  # or a clip's problem
    rename = ("--rename", "ja=1", "--rename", "nein=2", "--rename", "halt=3")
    result = sutja("evaluate", words, "--model", "digits-en", *rename)
    assert name in result.stderr
    if kind != "too deep":  # predict hears whatever is a recording
        assert name in sutja("predict", words).stderr


def test_links_are_followed(words, tmp_path):
    elsewhere = sound(tmp_path / "elsewhere" / "z.wav", 900)
    (words / "ja" / "linked.wav").symlink_to(elsewhere)
    shutil.copytree(words / "nein", tmp_path / "other")
    for number, path in enumerate(sorted((tmp_path / "other").iterdir())):
        sound(path, 1200 + 50 * number)
    (words / "vier").symlink_to(tmp_path / "other", target_is_directory=True)
    dataset = scan(words)
    assert "vier" in dataset.labels
    assert sum(clip.label == "ja" for clip in dataset.clips) == 5


def test_pipes_second_names_and_tables_are_told(words):
    os.mkfifo(words / "ja" / "pipe.wav")
    (words / "nein" / "twin.wav").symlink_to(words / "ja" / "0.wav")
    (words / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    reasons = {out.path.name: out.reason for out in scan(words).left_out}
    assert reasons["pipe.wav"] == "no_file"
    assert reasons["twin.wav"] == "second_name"
    assert reasons["other.csv"] == "table"
    result = sutja("predict", words)
    assert result.exit_code == 1  # a pipe that is called as a recording may be one
    assert "pipe.wav" in result.stderr


def test_a_folder_that_may_not_be_read_is_told(words, monkeypatch):
    real = os.scandir

    def refusing(path):
        if os.fspath(path).endswith("nein"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    told = sutja("predict", words)
    assert told.exit_code == 1
    assert "nein" in told.stderr
    assert [out.reason for out in walk(words).passed] == ["unreadable_folder"]


def test_what_a_pattern_matches_and_is_a_folder_is_told(words):
    result = sutja("predict", f"{words}/*")
    assert "folder" in result.stderr


def test_a_word_whose_files_nobody_can_read_is_an_error(words):
    for number in range(3):
        (words / "stumm").mkdir(exist_ok=True)
        (words / "stumm" / f"{number}.xyz").write_bytes(b"\0" * 100)
    assert "stumm" in refused(sutja("data", "info", words))
    with pytest.raises(DatasetError, match="stumm"):
        scan(words)


def test_a_word_whose_recordings_are_all_damaged_is_an_error(words):
    for number in range(3):
        (words / "kaputt").mkdir(exist_ok=True)
        (words / "kaputt" / f"{number}.wav").write_bytes(b"RIFF\0\0\0\0no sound at all")
    told = sutja("data", "info", words)
    assert told.exit_code == 1
    assert "kaputt" in told.stderr


def test_labels_that_differ_by_case_are_told(words):
    sound(words / "Ja" / "0.wav", 2_000)
    assert "'Ja' and 'ja'" in told_by_info(words)


def test_junk_of_systems_is_one_quiet_line(words):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "ja/._0.wav", "__MACOSX/x", "@eaDir/y"):
        (words / name).parent.mkdir(exist_ok=True)
        (words / name).write_bytes(b"x")
    result = sutja("predict", words)
    assert result.exit_code == 0, result.stderr
    assert len(scan(words).labels) == 3


def test_what_is_to_be_refused_is_no_label(words):
    for name in ("_unknown_", "_silence_"):
        sound(words / name / "a.wav", 1_500)
    rename = ("--rename", "ja=1", "--rename", "nein=2", "--rename", "halt=3")
    dataset = scan(words)
    assert set(dataset.labels) == {"ja", "nein", "halt"}
    assert sorted(str(clip.label) for clip in dataset.negatives) == ["_silence_", "_unknown_"]
    told = json.loads(sutja("evaluate", words, "--model", "digits-en", "--json", *rename).stdout)
    assert told["outside"]["n_clips"] == 2


# -- any folder --------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(
    ["ja", "nein", "anna", "bo", "7", "train", "test", "data", "Ja", "일곱", "old stuff", ".hidden"]
)
FILES = st.sampled_from(
    [
        "0.wav",
        "1.WAV",
        "7_anna_0.wav",
        "a_nohash_0.flac",
        "notes.txt",
        "list.docx",
        ".x.wav",
        "Thumbs.db",
        "take9",
        "é.wav",
    ]
)
TREES = st.dictionaries(st.tuples(st.lists(NAMES, max_size=3).map(tuple), FILES), st.integers(0, 2), max_size=14)


@given(TREES)
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_lies_there_is_used_read_or_told(tmp_path_factory, tree):
    root = tmp_path_factory.mktemp("tree")
    content = sound(root.parent / "content.wav").read_bytes()
    for number, ((folders, name), link) in enumerate(tree.items()):
        path = root.joinpath(*folders, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() or path.is_symlink():
            continue
        if link == 2:
            path.symlink_to(f"nowhere{number}")
        else:
            path.write_bytes(content)
    try:
        dataset = scan(root)
    except DatasetError:
        return
    used = {os.path.normpath(clip.path) for clip in (*dataset.clips, *dataset.negatives)}
    told = {os.path.normpath(out.path) for out in dataset.left_out}
    read = {os.path.normpath(path) for path in dataset.read}
    assert not used & told
    there = {os.path.normpath(os.path.join(folder, name)) for folder, _, names in os.walk(root) for name in names}  # noqa: PTH118
    missing = {
        path for path in there - used - told - read if not any(path.startswith(f"{out}{os.sep}") for out in told)
    }
    assert not missing


def test_the_tone_is_heard():
    assert np.abs(tone(500, 0.2, RATE)).max() > 0.4
