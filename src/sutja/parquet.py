"""Parquet tables, also those of Hugging Face that hold the sound itself; needs pyarrow when called.

A recording inside such a table is a :class:`StoredSound`: it is read when it is asked for, with the row group that it
is in, so that a corpus of many gigabytes is never in memory at once.
"""

from __future__ import annotations

import bisect
import contextlib
import functools
import itertools
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sutja.errors import needs

if TYPE_CHECKING:
    import pyarrow.parquet

N_GROUPS_KEPT = 2
"""Row groups in memory: one that is being read, and the next, which another thread may have begun."""

_reading = threading.Lock()


@dataclass(frozen=True)
class StoredSound:
    """A recording inside a parquet file: a source as a path is one."""

    path: Path
    row: int
    """Counted from 0 over the whole file."""

    @property
    def name(self) -> str:
        """What it is called where the folder is known, as a path's name."""
        return f"{os.fsencode(self.path.name).decode('utf-8', 'backslashreplace')}, row {self.row}"

    def content(self) -> bytes:
        """Return the bytes of its sound file.

        Raises
        ------
        OSError, ValueError
            When the file is gone, damaged or holds no sound in this row.

        """
        at = os.stat(self.path)  # noqa: PTH116  a file that was written anew is another
        with _reading:
            content = _stored(self.path, (at.st_mtime_ns, at.st_size), self.row)
        if content is None:
            raise ValueError("the table holds no sound in this row")
        return content


@dataclass(frozen=True)
class ParquetTable:
    """The columns of a file that hold plain values, and which of them stands for sound that the file holds itself."""

    columns: dict[str, list[Any]]
    n_rows: int
    sound: str | None
    """The column of the sounds; its values are their names, where they have some."""


def column_names(path: Path) -> tuple[str, ...]:
    """Return the names of all columns, without reading any.

    Raises
    ------
    DependencyError
        Without pyarrow.
    OSError, ValueError
        When it cannot be read as parquet.

    """
    with _opened(path) as file:
        return tuple(file.schema_arrow.names)


def read_table(path: Path) -> ParquetTable:
    """Read all but the sound.

    Raises
    ------
    DependencyError
        Without pyarrow.
    OSError, ValueError
        When it cannot be read as parquet.

    """
    with _opened(path) as file:
        schema, sound = file.schema_arrow, _sound_column(file.schema_arrow)
        names = [field.name for field in schema if field.type.num_fields == 0 and not _is_binary(field)]
        columns = file.read(columns=names, use_threads=False).to_pydict()
        n_rows = file.metadata.num_rows
        if sound is not None:
            columns[sound] = _names_of_sounds(file, sound)
            names.append(sound)
        is_stored = sound is not None and not _holds_paths_only(file, sound)
    classes = _class_names(schema.metadata or {})
    ordered = [field.name for field in schema if field.name in names]
    return ParquetTable(
        {name: _named(columns[name], classes.get(name)) for name in ordered}, n_rows, sound if is_stored else None
    )


def column_of(file: Path | BinaryIO, name: str | None) -> Iterator[Any]:
    """Give the values of one column, some at a time.

    Parameters
    ----------
    file
        Its path, or the file itself, open for reading.
    name
        Of the column.

    Raises
    ------
    DependencyError
        Without pyarrow.
    OSError, ValueError
        When it cannot be read as parquet, or has no such column; without a name it says which there are.

    """
    with _opened(file) as table:
        names = table.schema_arrow.names
        if name not in names:
            found = "is a table" if name is None else f"has no column {name!r}"
            raise ValueError(f"{found}; name the column that holds the paths, --path-column: {', '.join(names)}")
        for batch in table.iter_batches(columns=[name], use_threads=False):
            yield from batch.column(0).to_pylist()


@contextlib.contextmanager
def _opened(path: Path | BinaryIO) -> Iterator[pyarrow.parquet.ParquetFile]:
    """Open a file; whatever pyarrow makes of damage becomes one line."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise needs("pyarrow", "tables") from error
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            yield file
    except (OSError, ValueError, NotImplementedError, KeyError, TypeError, MemoryError) as error:
        if getattr(error, "errno", None):  # it is gone, or may not be read
            raise
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def _is_binary(field: Any) -> bool:
    return str(field.type) in ("binary", "large_binary")


def _sound_column(schema: Any) -> str | None:
    """Find the column of the sounds: a struct with bytes, as Hugging Face writes it, or else plain bytes."""
    structs = [f.name for f in schema if str(f.type).startswith("struct") and f.type.get_field_index("bytes") >= 0]
    plain = [field.name for field in schema if _is_binary(field)]
    return next(iter([*structs, *plain]), None)


def _names_of_sounds(file: pyarrow.parquet.ParquetFile, sound: str) -> list[str | None]:
    kind = file.schema_arrow.field(sound).type
    if kind.num_fields == 0 or kind.get_field_index("path") < 0:
        return [None] * file.metadata.num_rows
    values = file.read(columns=[f"{sound}.path"], use_threads=False).column(sound).to_pylist()
    return [value and value.get("path") for value in values]


def _holds_paths_only(file: pyarrow.parquet.ParquetFile, sound: str) -> bool:
    """Tell whether the bytes are empty in every row: the sounds lie beside the table then, where their paths say."""
    leaf = sound if _is_binary(file.schema_arrow.field(sound)) else f"{sound}.bytes"
    metadata = file.metadata
    n_empty = 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        chunks = map(group.column, range(group.num_columns))
        counts = next((c.statistics for c in chunks if c.path_in_schema == leaf), None)
        n_empty += counts.null_count if counts is not None and counts.has_null_count else 0
    return bool(n_empty == metadata.num_rows > 0)


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Read the words that whole numbers stand for (ClassLabel) from what Hugging Face writes into the schema."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {name: list(f["names"]) for name, f in features.items() if isinstance(f, dict) and f.get("names")}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _named(values: list[Any], names: Sequence[str] | None) -> list[Any]:
    if names is None:
        return values
    beyond = next((v for v in values if isinstance(v, int) and v >= len(names)), None)
    if beyond is not None:
        raise ValueError(f"class {beyond} has no name; there are {len(names)}")
    return [names[v] if isinstance(v, int) and v >= 0 else None for v in values]  # -1 is: not labelled


# -- sound by row -----------------------------------------------------------------------------------------------------


def _stored(path: Path, stamp: tuple[int, int], row: int) -> bytes | None:
    starts, sound = _row_groups(path, stamp)
    if not 0 <= row < starts[-1] or sound is None:
        raise ValueError(f"the table has {starts[-1]} rows; it was written anew")
    group = bisect.bisect_right(starts, row) - 1
    sounds = _sounds_of_group(path, stamp, group, sound)
    if len(sounds) != starts[group + 1] - starts[group]:
        raise ValueError("the table is damaged: it has fewer rows than it says")
    return sounds[row - starts[group]]


@functools.lru_cache(maxsize=64)
def _row_groups(path: Path, _stamp: tuple[int, int]) -> tuple[list[int], str | None]:
    """Return the first row of each group and, last, the number of rows; and the column of the sounds."""
    with _opened(path) as file:
        groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
        return list(itertools.accumulate((g.num_rows for g in groups), initial=0)), _sound_column(file.schema_arrow)


@functools.lru_cache(maxsize=N_GROUPS_KEPT)
def _sounds_of_group(path: Path, _stamp: tuple[int, int], group: int, sound: str) -> list[bytes | None]:
    with _opened(path) as file:
        is_plain = _is_binary(file.schema_arrow.field(sound))
        column = [sound] if is_plain else [f"{sound}.bytes"]
        values = file.read_row_group(group, columns=column, use_threads=False).column(sound).to_pylist()
    return values if is_plain else [value and value.get("bytes") for value in values]
