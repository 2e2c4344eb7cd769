"""What was written is read back typed, or refused with the field's name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest

from sutja.records import FieldError, column, fits, read_array, read_arrays, read_csv, read_json, spelt, typed


@dataclass(frozen=True)
class Inner:
    share: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Outer:
    name: str
    counts: list[list[int]] = field(default_factory=list)
    inner: dict[str, Inner] = field(default_factory=dict)


def test_plain_values_become_what_they_are():
    value = {"name": "이름", "counts": [[1, 2]], "inner": {"a": {"share": 1, "interval": [0, 0.5]}}, "later": [None]}
    assert typed(Outer, json.loads(json.dumps(value))) == Outer("이름", [[1, 2]], {"a": Inner(1, (0, 0.5))})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], r"the content is \[\]; expected a table of names and values"),
        ({}, "name is missing"),
        ({"name": None}, "name is None; expected text"),
        ({"name": "a\0b"}, r"name is 'a\\x00b'; expected text"),
        ({"name": "\ud800"}, r"name is '\\ud800'; expected text"),
        ({"name": "a", "counts": 3}, "counts is 3; expected a list"),
        ({"name": "a", "counts": [[1], [True]]}, r"counts\[1\]\[0\] is True; expected int"),
        ({"name": "a", "counts": [[2**60]]}, r"counts\[0\]\[0\] is 1152921504606846976; expected int"),
        ({"name": "a", "inner": {"b": {}}}, "inner.b.share is missing"),
        ({"name": "a", "inner": {"b": {"share": float("nan")}}}, "inner.b.share is nan; expected float"),
        ({"name": "a", "inner": {"b": {"share": 10**400}}}, "inner.b.share is 1000.*; expected float"),
        ({"name": "a", "inner": {"b": {"share": 1, "interval": [1]}}}, r"inner.b.interval is \[1\]; expected tuple"),
    ],
)
def test_what_does_not_fit_is_named(value, message):
    with pytest.raises(FieldError, match=f"^{message}"):
        typed(Outer, value)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("max", Literal["max", "one"], True), (["max"], Literal["max", "one"], False), (True, Literal[1], False),
        (None, int | None, True), (1, bool, False), (10**400, float, False), (-(2**53), int, True),
    ],
)  # fmt: skip
def test_kinds(value, kind, expected):
    assert fits(value, kind) is expected
    assert spelt(kind)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "holds no table of names and values"),
        ('{"a": NaN}', "holds NaN, which is no number"),
        ('{"a": -Infinity}', "holds -Infinity"),
        ('{"a": [1e999]}', "a is inf; expected a finite number"),
        ('{"a": {"b": "\\u0000"}}', "b is .*; expected text"),
        ('{"a": "\\ud800"}', "a is .*; expected text"),
        ('{"a": 1, "a": 2}', "holds 'a' twice"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "nested more than 32 levels"),
        ('{"a": ' + "[" * 100_000, "cannot be read as JSON"),
        ('{"a": 1' + "0" * 5_000 + "}", "cannot be read as JSON"),
    ],
    ids=range(11),
)
def test_json_that_is_none(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(FieldError, match=message):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "its header is ''; expected a column a"),
        (b"a,b,a\n", "each column once"),
        (b"a,b\n1\n", "row 1 is '1'; expected 2 columns"),
        (b"a,b\n1,2,3\n", "row 1"),
        (b"a,b\n1,\0\n", "row 1 is .*; expected text"),
        (b'a,b\n"1,2\n', "cannot be read as CSV"),
        (b"a,b\n\xff,2\n", "cannot be read as CSV"),
    ],
)
def test_tables_that_are_none(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(FieldError, match=message):
        read_csv(tmp_path / "a.csv", ("a", "b"))


def test_a_table(tmp_path):
    assert read_csv(tmp_path / "none.csv", ("a",)) == []
    (tmp_path / "a.csv").write_text('a,b\n"x, ""y""\nz",2\n', encoding="utf-8")
    assert read_csv(tmp_path / "a.csv", ("a",)) == [{"a": 'x, "y"\nz', "b": "2"}]


def test_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", words=np.array(["a", "b"]), numbers=np.arange(2))
    arrays = read_arrays(tmp_path / "a.npz")
    assert column(arrays, "words") == ["a", "b"]
    for name, message in (("numbers", "numbers is 'int64 .*expected a column of text"), ("none", "none is missing")):
        with pytest.raises(FieldError, match=message):
            column(arrays, name)


def test_arrays_cut_off_or_damaged_anywhere(tmp_path):
    np.savez(tmp_path / "a.npz", words=np.array(["a", "b"]), numbers=np.arange(2))
    np.save(tmp_path / "a.npy", np.array(["a", "b"]))
    for name, read in (("a.npz", read_arrays), ("a.npy", read_array)):
        content = (tmp_path / name).read_bytes()
        for length in range(len(content)):
            (tmp_path / name).write_bytes(content[:length])
            with pytest.raises(FieldError, match="cannot be read"):
                read(tmp_path / name)
        for place in range(len(content)):
            (tmp_path / name).write_bytes(content[:place] + bytes([content[place] ^ 0x15]) + content[place + 1 :])
            try:
                read(tmp_path / name)
            except FieldError:
                continue


@pytest.mark.parametrize("values", [np.array([{}], dtype=object), np.array(["\ud800"])])
def test_arrays_of_what_no_surface_takes(tmp_path, values):
    np.savez(tmp_path / "a.npz", allow_pickle=True, a=values)
    with pytest.raises(FieldError):
        read_arrays(tmp_path / "a.npz")
