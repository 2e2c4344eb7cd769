"""Files that are there whole or not at all.

Everything that sutja writes goes through :func:`replace_atomically`: the content is written beside its place under
another name and moved there in one step, so that a kill, a full disk or a crash leaves the old file or the new one.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sutja.errors import RunError

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]


DRAFT = ".draft"
_DRAFTS = re.compile(
    r"\..+\.[a-z0-9_]{8}\.draft(\.old)?"  # ours
    r"|\..+?(|\.[a-z]+)\.[a-z0-9_]{8}\2(\.old)?"  # those of sutja 0.1, in its runs
)
ABANDONED_SECONDS = 24 * 3_600.0
"""Where no lock can be asked, an older draft has no writer any more."""


@contextlib.contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Give a path to write to, beside ``path``, and move it onto ``path`` when the block ends well.

    Drafts of ``path`` that a killed writer left go first.

    Raises
    ------
    RunError
        When the folder cannot be written to or the disk is full. Nothing half-written stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, f".{path.name}.")
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=DRAFT)
    except OSError as error:
        raise cannot_write(path, error) from error
    draft = Path(name)
    try:
        _hold(descriptor)
        yield draft
        draft.chmod(0o644)  # mkstemp makes it private
        if os.name == "nt":  # which moves nothing that is open
            os.close(descriptor)
            descriptor = -1
        draft.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        _let_go(descriptor)
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait until nobody else is in such a block over this folder: for files that are read, changed and written.

    Where the system or the disk knows no locks there is no waiting.
    """
    descriptor = -1 if fcntl is None else os.open(folder, os.O_RDONLY)
    try:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        _let_go(descriptor)


# -- drafts, whose writer holds a lock on them as long as it lives ---------------------------------------------------


def sweep(folder: Path, prefix: str | None = None) -> None:
    """Take away the drafts in a folder that killed writers left; those that are being written stay.

    Parameters
    ----------
    folder
        Where; it need not be there.
    prefix
        Of the drafts of one file or folder; without it those of everything, also further below.

    Raises
    ------
    OSError
        When the folder cannot be read.

    """
    if not folder.is_dir():
        return
    for path in list(folder.iterdir()):
        name = path.name
        is_draft = _DRAFTS.fullmatch(name) and (prefix is None or (name.startswith(prefix) and DRAFT in name))
        if is_draft and not _is_held(path):
            _remove(path)
        elif prefix is None and path.is_dir() and not path.is_symlink():
            sweep(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _hold(descriptor: int) -> None:
    """Lock a draft, which ends with this process at the latest; where a disk knows no locks, age tells."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _let_go(descriptor: int) -> None:
    if descriptor >= 0:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _is_held(draft: Path) -> bool:
    """Tell whether somebody may be writing a draft."""
    if draft.name.endswith(".old"):  # what a new folder replaces goes with the draft of that
        return _is_held(draft.with_suffix(""))
    try:
        is_young = time.time() - draft.stat().st_mtime < ABANDONED_SECONDS
        if fcntl is None:
            return is_young
        descriptor = os.open(draft, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return is_young
    finally:
        os.close(descriptor)
    return False


# -- whole files -----------------------------------------------------------------------------------------------------


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


def nearest_folder(path: Path) -> Path:
    """Return the folder itself, or the nearest one above it that is there."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


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
    draft, descriptor = _draft_folder(path, replace=replace)
    aside = draft.with_name(f"{draft.name}.old")
    try:
        yield draft
        draft.chmod(0o755)  # mkdtemp makes it private
        if path.exists():  # Windows moves onto nothing
            path.rename(aside)
        draft.rename(path)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.rename(path)  # where it was moved aside already
        raise cannot_write(path, error) from error
    finally:
        _let_go(descriptor)
        shutil.rmtree(draft, ignore_errors=True)


def _draft_folder(path: Path, *, replace: bool) -> tuple[Path, int]:
    """Make the folder that is to become ``path``, and lock it: return it and what holds the lock."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _put_back(path)
        if not replace and path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise RunError(f"{path}: is there already; expected a new or an empty folder: choose another name")
        sweep(path.parent, f".{path.name}.")
        draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=DRAFT))
        descriptor = -1 if os.name == "nt" else os.open(draft, os.O_RDONLY)
    except OSError as error:
        raise cannot_write(path, error) from error
    _hold(descriptor)
    return draft, descriptor


def _put_back(path: Path) -> None:
    """Give an older folder its name again, whose writer ended between moving it aside and putting the new one there."""
    if not path.exists():
        for aside in path.parent.glob(f".{glob.escape(path.name)}.*{DRAFT}.old"):
            if not _is_held(aside):
                aside.rename(path)
                return
