"""Where results go: a path or a URL, written whole or not at all, read back, taken away."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sutja import remote
from sutja.errors import RunError
from sutja.files import cannot_write, replace_atomically
from sutja.remote import is_url


def joined(folder: str, name: str) -> str:
    """Return the place of a file in a folder.

    >>> joined("s3://bucket/parts", "1.csv")
    's3://bucket/parts/1.csv'
    """
    return f"{folder.rstrip('/')}/{name}" if is_url(folder) else str(Path(folder) / name)


def read_bytes(place: str) -> bytes | None:
    """Return what a small file holds; None where there is none.

    Raises
    ------
    RunError
        When it is there and cannot be read.

    """
    if is_url(place):
        return remote.content_of(place)
    try:
        return Path(place).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{place}: cannot be read ({error.strerror}); check who may read it") from error


def exists(place: str) -> bool:
    """Tell whether a file is there.

    Raises
    ------
    RunError
        When its store cannot be reached.

    """
    return remote.exists(place) if is_url(place) else os.path.exists(place)  # noqa: PTH110  any name


def names_in(folder: str) -> set[str]:
    """Return the names of the files in a folder; none where it is not there.

    Raises
    ------
    RunError
        When its store cannot be reached.

    """
    if is_url(folder):
        return remote.names_in(folder)
    return {path.name for path in Path(folder).glob("*")}


@contextmanager
def writing(place: str) -> Iterator[Path]:
    """Give a file to write to, which is at its place, whole, when the block ends well.

    Raises
    ------
    RunError
        When it cannot be written. Nothing half-written stays.

    """
    with remote.writing(place) if is_url(place) else replace_atomically(Path(place)) as draft:
        yield draft


def write_new(place: str, content: bytes) -> bool:
    """Write a file where there is none, and tell whether it was so; of several who try, one does.

    Raises
    ------
    RunError
        When it cannot be written.

    """
    if not is_url(place):
        return _linked(Path(place), content)
    try:
        with remote.writing(place, new=True) as draft:
            draft.write_bytes(content)
    except FileExistsError:
        return False
    return True


def _linked(path: Path, content: bytes) -> bool:
    """Write beside the place and link there: a link, unlike a move, takes no place that is taken."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as draft:
            draft.write(content)
            draft.flush()
            Path(draft.name).chmod(0o644)
            os.link(draft.name, path)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            return False
        raise cannot_write(path, error) from error
    return True


def remove_folder(folder: str) -> None:
    """Take away a folder and all in it; one that is not there is no error.

    Raises
    ------
    RunError
        When its store cannot be reached, or keeps it.

    """
    if is_url(folder):
        remote.remove_folder(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
