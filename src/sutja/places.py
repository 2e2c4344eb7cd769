"""Where results go: a path or a URL, written whole or not at all, read back, taken away."""

from __future__ import annotations

import os
import shutil
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
    try:
        if is_url(place):
            with remote.writing(place, new=True) as draft:
                draft.write_bytes(content)
        else:
            _link_new(Path(place), content)
    except FileExistsError:
        return False
    return True


def _link_new(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


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
