"""What programs left in files, read back as typed values, or refused with the field's name.

A checksum tells that a file is whole, not that its writer knew what belongs there. So each value is checked against
the annotations of the dataclass that it becomes: kinds, finite numbers, text that every surface can show. Who reads a
file turns :class:`FieldError` into the error of its family, with the file's name and what to do.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, BinaryIO, Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
MOST_NESTED = 32
"""Levels of JSON; what is written has less than ten, and readers that recurse end at some hundreds."""
LARGEST_INTEGER = 2**53
"""Up to here JSON's numbers are whole wherever they are read."""
SHOWN = 40  # characters of what was found


class FieldError(ValueError):
    """What stands in a field does not belong there; the message begins with the field."""


def require(condition: bool, field: str, found: object, expected: str) -> None:
    """Refuse what a field holds.

    Raises
    ------
    FieldError
        When the condition does not hold.

    """
    if not condition:
        raise FieldError(f"{field} is {shortened(found)}; expected {expected}")


def shortened(value: object) -> str:
    """Show what was found, in one short line.

    >>> shortened("a" * 60)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."
    """
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except ValueError:  # a whole number of more digits than Python writes out
        text = "a number of thousands of digits"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


# -- kinds -----------------------------------------------------------------------------------------------------------


def fits(value: object, kind: Any) -> bool:
    """Tell whether a value is of a kind, as annotations name it; a whole number is a float, True is no number.

    >>> fits(1, float), fits(True, int), fits(float("nan"), float), fits([1, 2.5], tuple[float, float])
    (True, False, False, True)
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return any(value is choice or (type(value) is type(choice) and value == choice) for choice in inner)
    if origin is UnionType:
        return any(fits(value, option) for option in inner)
    if origin is tuple:
        return isinstance(value, list | tuple) and len(value) == len(inner) and all(map(fits, value, inner))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_INTEGER
    if kind is str:
        return isinstance(value, str) and _is_text(value)
    return isinstance(value, kind)


def spelt(kind: Any) -> str:
    """Name a kind in a message.

    >>> spelt(int | None), spelt(Literal["max", "one"]), spelt(float)
    ('int | None', "'max' or 'one'", 'float')
    """
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    return str(kind) if get_args(kind) else str(kind.__name__)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _is_text(value: str) -> bool:
    """Tell whether every surface can take a text: no end of C's strings, no half of a character."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


# -- typed values ----------------------------------------------------------------------------------------------------


def typed(kind: Any, value: Any, field: str = "") -> Any:
    """Build a value of a kind from plain ones: dataclasses by their fields, lists, tables and what they hold.

    What a dataclass does not know is left out: a later version may write more.

    Parameters
    ----------
    kind
        A dataclass, ``list[X]``, ``tuple[X, Y]``, ``dict[str, X]``, ``X | None``, or what :func:`fits` knows.
    value
        As JSON gives it.
    field
        What the value is called in messages.

    Raises
    ------
    FieldError
        When something is missing or does not fit, with the name of its field.

    >>> typed(dict[str, list[int]], {"a": [1, "2"]})
    Traceback (most recent call last):
    sutja.records.FieldError: a[1] is '2'; expected int
    """
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, field)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType and NoneType in inner:
        return None if value is None else typed(next(k for k in inner if k is not NoneType), value, field)
    if origin is dict:
        return {key: typed(inner[1], item, _below(field, key)) for key, item in table(value, field).items()}
    if origin is list:
        require(isinstance(value, list), field or "the content", value, "a list")
        return [typed(inner[0], item, f"{field}[{index}]") for index, item in enumerate(value)]
    if kind is Any:
        return value
    require(fits(value, kind), field or "the content", value, "text" if kind is str else spelt(kind))
    return tuple(value) if origin is tuple else value


def table(value: Any, field: str = "") -> dict[str, Any]:
    """Check that a value is a table of names and values, and each name text.

    Raises
    ------
    FieldError
        When it is not.

    """
    require(isinstance(value, dict), field or "the content", value, "a table of names and values")
    for name in value:
        require(fits(name, str), f"a name in {field or 'the content'}", name, "text")
    return dict(value)


def _record(kind: Any, value: Any, field: str) -> Any:
    hints = get_type_hints(kind)
    given = {name: item for name, item in table(value, field).items() if name in hints}
    for known in dataclasses.fields(kind):
        if known.name not in given and known.default is known.default_factory is dataclasses.MISSING:
            raise FieldError(f"{_below(field, known.name)} is missing")
    return kind(**{name: typed(hints[name], item, _below(field, name)) for name, item in given.items()})


def _below(field: str, name: str) -> str:
    shown = name if name.isprintable() and len(name) <= SHOWN else shortened(name)
    return f"{field}.{shown}" if field else shown


# -- files -----------------------------------------------------------------------------------------------------------


def read_json(path: Traversable) -> dict[str, Any]:
    """Read a table of names and values, with nothing in it that strict JSON does not know.

    Raises
    ------
    FieldError
        When it is no such JSON, or holds NaN, a name twice, half a character, or is nested too deeply.
    OSError
        When it cannot be read.

    """
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
    except FieldError:
        raise
    except (ValueError, RecursionError) as error:
        raise FieldError(f"cannot be read as JSON ({error})") from error
    if not isinstance(value, dict):
        raise FieldError("holds no table of names and values")
    _check_whole(value)
    return value


def _no_number(text: str) -> None:
    raise FieldError(f"holds {text}, which is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FieldError(f"holds {shortened(twice)} twice")
    return found


def _check_whole(value: Any) -> None:
    """Look at each value, without recursion: infinities (1e999), halves of characters, and how deep it goes."""
    level, depth = [("the content", value)], 0
    while level:
        depth += 1
        if depth > MOST_NESTED:
            raise FieldError(f"is nested more than {MOST_NESTED} levels deep")
        for name, item in level:
            if isinstance(item, str):
                require(_is_text(item), name, item, "text")
            if isinstance(item, int | float):
                require(_is_finite(item), name, item, "a finite number")
        level = [
            (str(key), item)
            for name, outer in level
            if isinstance(outer, dict | list)
            for key, item in (outer.items() if isinstance(outer, dict) else ((name, item) for item in outer))
        ]


def read_csv(path: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """Read a table with a header; nothing where the file is not there.

    Raises
    ------
    FieldError
        When it is no such table: a column is missing, or a row is longer or shorter than the header.
    OSError
        When it cannot be read.

    """
    try:
        text = path.read_bytes().decode("utf-8")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, [])
        rows = [row for row in reader if row]
    except FileNotFoundError:
        return []
    except (ValueError, csv.Error) as error:
        raise FieldError(f"cannot be read as CSV ({error})") from error
    for name in columns:
        require(name in header, "its header", ",".join(header), f"a column {name}")
    require(len(set(header)) == len(header), "its header", ",".join(header), "each column once")
    for number, row in enumerate(rows, start=1):
        require(len(row) == len(header), f"row {number}", ",".join(row), f"{len(header)} columns")
        require(all(map(_is_text, row)), f"row {number}", ",".join(row), "text")
    return [dict(zip(header, row, strict=True)) for row in rows]


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of an ``.npz``, without pickle.

    Raises
    ------
    FieldError
        When it is damaged, or holds something else than arrays of numbers and text.
    OSError
        When it cannot be read.

    """
    # Opened here: NumPy leaves a file open that begins like an archive and is none.
    with path.open("rb") as opened:
        return _arrays(opened)


def read_arrays_of(content: bytes) -> dict[str, NDArray[Any]]:
    """Read the arrays of an ``.npz`` in memory.

    Raises
    ------
    FieldError
        As :func:`read_arrays`.

    """
    return _arrays(io.BytesIO(content))


def read_array(path: Path) -> NDArray[Any]:
    """Read one array, an ``.npy``; it raises what :func:`read_arrays` raises."""
    with path.open("rb") as opened:
        try:
            return np.lib.format.read_array(opened, allow_pickle=False)
        except _DAMAGE as error:
            raise FieldError(f"cannot be read ({str(error) or type(error).__name__})") from error


# What NumPy, zipfile and zlib say of bytes that are no array: also sizes that no memory holds, unknown ways of packing.
_DAMAGE = (
    EOFError, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError, RuntimeError, SyntaxError,
    AttributeError, IndexError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def _arrays(file: BinaryIO) -> dict[str, NDArray[Any]]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive)
    except _DAMAGE as error:
        raise FieldError(f"cannot be read ({str(error) or type(error).__name__})") from error
    for name, values in arrays.items():
        require(isinstance(values, np.ndarray), name, values, "an array")
        if values.dtype.kind == "U":
            for text in values.ravel().tolist():
                require(_is_text(text), name, text, "text")
    return arrays


def column(arrays: Mapping[str, NDArray[Any]], name: str) -> list[str]:
    """Return a column of text, ``(n,)``.

    Raises
    ------
    FieldError
        When there is none of this name, or it is something else.

    """
    values = array(arrays, name, "U", 1)
    texts: list[str] = values.tolist()
    return texts


def array(arrays: Mapping[str, NDArray[Any]], name: str, kinds: str, n_dimensions: int) -> NDArray[Any]:
    """Return an array whose type is one of NumPy's ``kinds`` (``f`` floats, ``iu`` integers, ``U`` text).

    Numbers are finite.

    Raises
    ------
    FieldError
        When there is none of this name, or it is something else.

    """
    if name not in arrays:
        raise FieldError(f"{name} is missing")
    values = arrays[name]
    found = f"{values.dtype} {values.shape}"
    require(values.dtype.kind in kinds and values.ndim == n_dimensions, name, found, _ARRAYS[kinds, n_dimensions])
    if "f" in kinds:
        require(bool(np.isfinite(values).all()), name, "not finite", "finite numbers")
    return values


_ARRAYS = {
    ("U", 1): "a column of text",
    ("f", 1): "a column of numbers",
    ("f", 2): "numbers, a row a clip",
    ("i", 2): "whole numbers, a row a sound",
    ("iu", 1): "a column of whole numbers",
}
