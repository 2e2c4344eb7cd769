"""A list of recordings, cut into shards that are each done whole or not at all, wherever and in whatever order.

Beside the results lie ``RESULTS.manifest.json``, which says what was asked for, and ``RESULTS.parts/``: the list of
each shard, and its part of the results once it is done. A part's name says how many rows it has; nothing else needs to
be known to go on, so that no two workers write one file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import sutja
from sutja import isolated, places, remote
from sutja.audio import printable
from sutja.columns import RESULT_COLUMNS
from sutja.engine import OnStep
from sutja.errors import RunError
from sutja.hearing import Work, to_bytes
from sutja.listing import in_groups, is_tar
from sutja.outcomes import Record, as_csv, as_json, as_table, csv_row, schema
from sutja.remote import is_url

SHARD_SIZE = 2_000
"""Recordings of a shard: some seconds of work, beside which sending one costs nothing, and little to do again."""
FORMS = ("csv", "jsonl", "parquet")
STEP_EVERY = 100
"""Recordings after which a worker says that it goes on."""
ROWS_TOGETHER = 5_000
"""Of a parquet part: rows that are in memory at a time."""
ROWS_OF_A_GROUP = 50_000
"""Of the results as parquet: readers skip whole groups, and large ones are quicker."""
FORMAT = 1
_PART = re.compile(r"part-(\d+)\.n(\d+)\.e(\d+)\.(csv|jsonl|parquet)")


@dataclass(frozen=True)
class Asked:
    """What a run was asked for: another that goes on with it must be asked for the same."""

    sources: tuple[str, ...]
    column: str | None
    model: str
    """Its checksum."""
    shard_size: int
    form: str


@dataclass(frozen=True)
class Manifest:
    """What is to be done, as it lies beside the results."""

    asked: Asked
    key: str
    """Of this list: its parts lie below it."""
    sizes: tuple[int | None, ...]
    """Recordings of each shard; None for an archive, which nobody has read yet."""
    tars: dict[str, str]
    """The archive of each shard that is one, by its number."""
    list_sha256: str
    folder: str
    """That paths in the list are relative to."""
    labels: tuple[str, ...]
    witness: str | None
    """A recording that was there when the list was drawn: who cannot see it must not hear anything."""
    sutja: str
    format: int = FORMAT
    finished: dict[str, Any] | None = None
    """Once the results are written: how many rows, how many of them errors."""


@dataclass(frozen=True)
class Shard:
    """One shard as a job: plain values that say where everything lies."""

    number: int
    n_shards: int
    n_recordings: int | None
    parts: str
    tar: str | None
    folder: str
    witness: str | None
    model: str
    """Where it lies."""
    model_digest: str
    labels: tuple[str, ...]
    form: str

    def __str__(self) -> str:
        return f"shard {self.number + 1} of {self.n_shards}"


@dataclass(frozen=True)
class Part:
    """One shard's part of the results, as its file's name tells it."""

    number: int
    n_rows: int
    n_failed: int
    name: str


# -- the list and its manifest ----------------------------------------------------------------------------------------


def manifest_place(out: str) -> str:
    """Return where the manifest of results lies."""
    return f"{out}.manifest.json"


def parts_place(out: str, key: str = "") -> str:
    """Return where the parts of results lie."""
    return places.joined(f"{out}.parts", key) if key else f"{out}.parts"


def read_manifest(out: str) -> Manifest | None:
    """Read the manifest of results; None where there is none.

    Raises
    ------
    RunError
        When it is none of ours, or of a newer sutja.

    """
    content = places.read_bytes(manifest_place(out))
    if content is None:
        return None
    try:
        said = json.loads(content)
        if said["format"] != FORMAT:
            raise RunError(
                f"{manifest_place(out)}: is of a newer sutja; install that, or choose another name for --out"
            )
        asked = said["asked"]
        said["asked"] = Asked(**{**asked, "sources": tuple(asked["sources"])})
        return Manifest(**{**said, "sizes": tuple(said["sizes"]), "labels": tuple(said["labels"])})
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{manifest_place(out)}: is no manifest of ours; choose another name for --out") from error


def draw(out: str, asked: Asked, items: Iterator[str], labels: Sequence[str], folder: str) -> Manifest:
    """Write the list of each shard and then the manifest; of several who do so for the same results, one counts.

    Parameters
    ----------
    out
        Where the results go.
    asked
        For what.
    items
        Paths and URLs, in order.
    labels
        Of the model, in class order.
    folder
        That paths are relative to.

    Raises
    ------
    RunError
        When it cannot be written.

    """
    key, digest = secrets.token_hex(6), hashlib.sha256()
    sizes: list[int | None] = []
    tars: dict[str, str] = {}
    witness: str | None = None
    for group in in_groups(items, asked.shard_size):
        digest.update("".join(f"{name}\n" for name in group).encode("utf-8", "surrogateescape"))
        witness = witness or _witness(folder, group[0])
        if is_tar(group[0]):
            tars[str(len(sizes))] = group[0]
            sizes.append(None)
            continue
        with places.writing(places.joined(parts_place(out, key), _list_name(len(sizes)))) as draft:
            draft.write_bytes(to_bytes(group))
        sizes.append(len(group))
    manifest = Manifest(
        asked, key, tuple(sizes), tars, digest.hexdigest(), folder, tuple(labels), witness, sutja.__version__
    )
    if not places.write_new(manifest_place(out), _as_json(manifest)):
        places.remove_folder(parts_place(out, key))
        manifest = read_manifest(out) or manifest
    return manifest


def list_digest(items: Iterator[str]) -> str:
    """Return the checksum of a list, as a manifest has it."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(f"{item}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def finish(out: str, manifest: Manifest) -> None:
    """Write that the results are whole, and take their parts away.

    Raises
    ------
    RunError
        When it cannot be written.

    """
    with places.writing(manifest_place(out)) as draft:
        draft.write_bytes(_as_json(manifest))
    places.remove_folder(parts_place(out))


def _as_json(manifest: Manifest) -> bytes:
    return (json.dumps(asdict(manifest), indent=1) + "\n").encode()


def _witness(folder: str, name: str) -> str | None:
    path = os.path.join(folder, name)  # noqa: PTH118
    return path if not is_url(name) and os.path.exists(path) else None  # noqa: PTH110


def _list_name(number: int) -> str:
    return f"list-{number:06d}.json"


# -- which are done, and which are to be done -------------------------------------------------------------------------


def done(out: str, manifest: Manifest) -> dict[int, Part]:
    """Return the parts that are there, by the number of their shard; of two for one shard, the first by name."""
    parts: dict[int, Part] = {}
    for name in sorted(places.names_in(parts_place(out, manifest.key))):
        if found := _PART.fullmatch(name):
            number, n_rows, n_failed = map(int, found.groups()[:3])
            parts.setdefault(number, Part(number, n_rows, n_failed, name))
    return parts


def jobs(out: str, manifest: Manifest, model: str, numbers: Sequence[int]) -> Iterator[Shard]:
    """Give shards as jobs.

    Parameters
    ----------
    out
        Where the results go.
    manifest
        Of the run.
    model
        Where the model lies, for the workers.
    numbers
        Which shards.

    """
    asked = manifest.asked
    for number in numbers:
        yield Shard(
            number, len(manifest.sizes), manifest.sizes[number], parts_place(out, manifest.key),
            manifest.tars.get(str(number)), manifest.folder, manifest.witness, model, asked.model, manifest.labels,
            asked.form,
        )  # fmt: skip


# -- one shard, in a worker -------------------------------------------------------------------------------------------


def work_off(shard: Shard, on_step: OnStep) -> Part:
    """Do one shard: hear its recordings and write its part, whole; one that is there already is not done again.

    Raises
    ------
    RunError
        When this worker has another model or does not see the recordings, a store cannot be reached, or the part
        cannot be written.

    """
    if shard.witness is not None and not os.path.exists(shard.witness):  # noqa: PTH110
        raise RunError(
            f"{printable(shard.witness)}: was there when the list was drawn, and this worker cannot see it; expected "
            "paths that all workers share; give such, or URLs"
        )
    if isolated.model_of(shard.model) != shard.model_digest:
        raise RunError(f"{shard.model}: is another model on this worker; copy the model to where all workers see it")
    listed = None if shard.tar is not None else places.joined(shard.parts, _list_name(shard.number))
    counts = _Counts(on_step)
    with _scratch() as file:
        writer = _writer(file, shard.form, shard.labels)
        for record in isolated.records(shard.model, Work(listed, shard.tar, shard.folder)):
            counts.count(record)
            writer.add(record)
        writer.end()
        name = f"part-{shard.number:06d}.n{counts.n_rows}.e{counts.n_failed}.{shard.form}"
        with places.writing(places.joined(shard.parts, name)) as draft, draft.open("wb") as part:
            file.seek(0)
            shutil.copyfileobj(file, part)
    return Part(shard.number, counts.n_rows, counts.n_failed, name)


@contextlib.contextmanager
def _scratch() -> Iterator[IO[bytes]]:
    """Give a file of this machine that goes with the block."""
    try:
        with tempfile.TemporaryFile() as file:
            yield file
    except OSError as error:
        found = error.strerror or str(error)
        raise RunError(f"{tempfile.gettempdir()}: cannot be written ({found}); make room, or set TMPDIR") from error


class _Counts:
    """How many rows there are, and how many of them are errors; says now and then that it goes on."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self.n_rows = self.n_failed = 0

    def count(self, record: Record) -> None:
        """Count one."""
        self.n_rows += 1
        self.n_failed += "error" in record
        if self.n_rows % STEP_EVERY == 0:
            self._on_step()


# -- parts, and all of them together ----------------------------------------------------------------------------------


class _Writer(Protocol):
    """What writes records in one form."""

    def add(self, record: Record) -> None:
        """Write one."""

    def end(self) -> None:
        """Write what is left."""


class _Lines:
    """A line a record."""

    def __init__(self, file: IO[bytes], line: Callable[[Record], str]) -> None:
        self._file, self._line = file, line

    def add(self, record: Record) -> None:
        """Write one."""
        self._file.write(self._line(record).encode("utf-8", "backslashreplace"))

    def end(self) -> None:
        """Write what is left: nothing."""


class _Table:
    """A parquet table, some rows at a time."""

    def __init__(self, file: IO[bytes], labels: Sequence[str]) -> None:
        import pyarrow.parquet

        self._columns, self._records = schema(labels), list[Record]()
        self._writer = pyarrow.parquet.ParquetWriter(file, self._columns)

    def add(self, record: Record) -> None:
        """Write one."""
        self._records.append(record)
        if len(self._records) == ROWS_TOGETHER:
            self._write()

    def _write(self) -> None:
        self._writer.write_table(as_table(self._records, self._columns))
        self._records.clear()

    def end(self) -> None:
        """Write what is left, and the end of the table."""
        if self._records:
            self._write()
        self._writer.close()


def _writer(file: IO[bytes], form: str, labels: Sequence[str]) -> _Writer:
    if form == "parquet":
        return _Table(file, labels)
    return _Lines(file, as_json if form == "jsonl" else as_csv)


def gather(out: str, manifest: Manifest, parts: Iterable[Part]) -> None:
    """Put the parts together to the results, in the order of the list; in memory is some rows at a time.

    Raises
    ------
    RunError
        When it cannot be written, or a part is gone.

    """
    folder = parts_place(out, manifest.key)
    opened = (_opened(places.joined(folder, part.name)) for part in parts if part.n_rows)
    with places.writing(out) as draft, draft.open("wb") as file:
        if manifest.asked.form == "parquet":
            _join_tables(file, opened, manifest.labels)
        else:
            if manifest.asked.form == "csv":
                file.write(csv_row(RESULT_COLUMNS).encode())
            for each in opened:
                with each as part:
                    shutil.copyfileobj(part, file)


def _join_tables(file: IO[bytes], opened: Iterable[AbstractContextManager[IO[bytes]]], labels: Sequence[str]) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = schema(labels)
    with pyarrow.parquet.ParquetWriter(file, columns) as writer:
        together: list[Any] = []
        for each in opened:
            with each as part:
                together.append(pyarrow.parquet.read_table(part))
            if sum(table.num_rows for table in together) >= ROWS_OF_A_GROUP:
                writer.write_table(pyarrow.concat_tables(together))
                together.clear()
        writer.write_table(pyarrow.concat_tables(together) if together else columns.empty_table())


def _opened(place: str) -> AbstractContextManager[IO[bytes]]:
    return remote.opened(place) if is_url(place) else Path(place).open("rb")
