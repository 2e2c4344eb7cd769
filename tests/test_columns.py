"""Columns by the names that people give them."""

from __future__ import annotations

import pytest

from sutja.columns import NAMES, RESULT_COLUMNS, in_seconds, is_list_of_clips, n_known, plain, roles, unnamed


@pytest.mark.parametrize("name", ["file_name", "File Name", " FILE-NAME ", "file.name", "File_Name"])
def test_case_blanks_and_signs_do_not_matter(name):
    assert plain(name) == "file_name"


def test_a_name_says_one_thing_only():
    for role, names in NAMES.items():
        assert all(plain(name) == name and in_seconds(name) == (name, 1.0) for name in names)
        others = {name for other, more in NAMES.items() if other != role for name in more}
        assert not others & set(names)


def test_the_earliest_name_comes_first():
    assert roles(["sentence", "filename", "text", "label", "path"])["label"] == [3, 2, 0]
    assert roles(["sentence", "filename", "text", "label", "path"])["file"] == [1, 4]


def test_offset_ends_what_an_onset_begins():
    assert (roles(["offset", "duration"])["start"], roles(["offset", "duration"])["end"]) == ([0], [])
    assert (roles(["onset", "offset"])["start"], roles(["onset", "offset"])["end"]) == ([0], [1])


def test_how_well_a_header_is_understood():
    assert n_known(["path", "x", "label"]) == 2
    assert n_known(["path;label"]) == 0


@pytest.mark.parametrize(
    ("columns", "answer"),
    [
        (("file_name",), True),
        (("path",), False),  # may be anything
        (("path", "label"), True),
        (("epoch", "label"), False),
        (RESULT_COLUMNS, False),
        ((), False),
    ],
)
def test_what_is_a_list_of_clips(columns, answer):
    assert is_list_of_clips(columns) is answer


def test_columns_without_a_name():
    assert unnamed(["", "path", " ", "__"]) == [0, 2, 3]
