"""Files that are there whole or not at all.

Everything that sutja writes goes through :func:`replace_atomically`: the content is written beside its place under
another name and moved there in one step, so that a kill, a full disk or a crash leaves the old file or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sutja.errors import RunError


@contextlib.contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Give a path to write to, beside ``path``, and move it onto ``path`` when the block ends well.

    Raises
    ------
    RunError
        When the folder cannot be written to or the disk is full. Nothing half-written stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(descriptor)
    except OSError as error:
        raise cannot_write(path, error) from error
    draft = Path(name)
    try:
        yield draft
        draft.chmod(0o644)  # mkstemp makes it private
        draft.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with replace_atomically(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="")


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, whole or not at all."""
    with replace_atomically(path) as draft:
        draft.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write JSON that people can read, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cannot_write(path: Path, error: OSError) -> RunError:
    """Say in one sentence why a file could not be written."""
    reason = error.strerror or str(error)
    return RunError(f"{path}: cannot be written ({reason}); choose a folder with space that you may write to")


@contextlib.contextmanager
def new_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a folder to fill, beside ``path``, and move it to ``path`` when the block ends well.

    With ``replace`` an older folder gives way once the new one is whole.

    Raises
    ------
    RunError
        When ``path`` is there and not an empty folder, or cannot be written to. Nothing half-written stays.
    """
    try:
        if not replace and path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise RunError(f"{path}: is there already; expected a new or an empty folder: choose another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield draft
        draft.chmod(0o755)  # mkdtemp makes it private
        aside = draft.with_name(f"{draft.name}.old")
        if path.exists():  # Windows moves onto nothing
            path.rename(aside)
        draft.rename(path)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
