"""Recordings and results at a URL, through fsspec: object stores, web servers, archives; needs it when called.

Nothing is retried, cached or queued here that fsspec does not do itself. A recording that is missing, empty or not to
be read is that recording's own fault, an :class:`~sutja.errors.AudioError`; a store that cannot be reached, has no such
bucket or wants to know who asks is nobody's recording, and ends the work with a :class:`~sutja.errors.RunError`.
"""

from __future__ import annotations

import functools
import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sutja.errors import AudioError, DependencyError, RunError, SutjaError, needs

MAX_READ_BYTES = 2**27
"""Of one recording, which is held in memory: twelve minutes of a CD."""
READ_AHEAD_BYTES = 2**20
"""Of each of several recordings that are read at once; a word is smaller, and what is larger is read by itself."""
FINAL = (400, 401, 403, 404, 410, 415)
"""What web servers say of one address and will say again."""
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_archives = threading.Lock()  # two threads must not seek in one archive at a time


def is_url(source: object) -> bool:
    r"""Tell whether a source is a URL, and no path: of Windows' drives, which have one letter, neither.

    >>> is_url("s3://bucket/7.wav"), is_url("zip://7.wav::digits.zip"), is_url("takes/7.wav"), is_url(r"C:\takes")
    (True, True, False, False)
    """
    return isinstance(source, str) and bool(SCHEME.match(source))


def read(url: str) -> bytes:
    """Return the bytes of one recording.

    Raises
    ------
    AudioError
        When it is not there, empty, too large or cannot be read, for whatever reason.
    DependencyError
        When a package that reads such URLs is not installed.

    """
    try:
        content = read_each([url], MAX_READ_BYTES + 1)[0]
    except RunError as error:
        raise AudioError(url, str(error).removeprefix(f"{url}: ")) from error
    if isinstance(content, AudioError):
        raise content
    if len(content) > MAX_READ_BYTES:
        limit = f"{MAX_READ_BYTES // 2**20} MB"
        raise AudioError(url, f"gives more than {limit}; save it as a file and give its path", "too_long")
    return content


def read_each(urls: Sequence[str], n_bytes: int) -> list[bytes | AudioError]:
    """Read the first bytes of several recordings, at the same time where their store can.

    Parameters
    ----------
    urls
        Which.
    n_bytes
        At most, of each; a server that knows no ranges gives all.

    Returns
    -------
    list
        In the order of the URLs: bytes, or what is wrong with that one.

    Raises
    ------
    RunError
        When a store cannot be reached or wants to know who asks.
    DependencyError
        When a package that reads such URLs is not installed.

    """
    together: dict[int, tuple[Any, list[int], list[str]]] = {}
    for place, url in enumerate(urls):
        system, path = _opened(url)
        _, places, paths = together.setdefault(id(system), (system, [], []))
        places.append(place)
        paths.append(path)
    found: dict[int, bytes | AudioError] = {}
    for system, places, paths in together.values():
        starts, ends = [0] * len(paths), [n_bytes] * len(paths)
        with _archives, _told(urls[places[0]]):
            contents = system.cat_ranges(paths, starts, ends, on_error="return")
        for place, path, content in zip(places, paths, contents, strict=True):
            found[place] = _content(content, urls[place], system, path)
    return [found[place] for place in range(len(urls))]


def _content(content: bytes | Exception, url: str, system: Any, path: str) -> bytes | AudioError:
    """Tell what was read from what went wrong; a range of nothing is an error to some stores."""
    if isinstance(content, Exception):
        fault = _fault(url, content)
        if isinstance(fault, AudioError):
            return fault
        if "range" not in str(content).lower() or not _is_empty(system, path, url):
            raise fault from content
        content = b""
    return bytes(content) or AudioError(url, "the file is empty; record it again", "empty")


def _is_empty(system: Any, path: str, url: str) -> bool:
    with _told(url):
        return bool(system.info(path)["size"] == 0)


def below(url: str) -> Iterator[str]:
    """Give the URLs of all files below a prefix, or that a pattern with `*` matches, in the order of their names.

    In memory are the names of one folder and of those above it.

    Raises
    ------
    RunError
        When nothing is there, or the store cannot be reached.
    DependencyError
        When a package that reads such URLs is not installed.

    """
    with _asked(url) as (system, path):
        if "*" in path:
            paths: Iterator[str] = iter(sorted(system.glob(path)))
        else:
            paths = _walk(system, path)
        for each in paths:
            yield _url_of(each, url)


def _walk(system: Any, folder: str) -> Iterator[str]:
    listed = sorted(system.ls(folder, detail=True), key=lambda entry: str(entry["name"]))
    system.invalidate_cache(folder)  # else it keeps the names of all
    for entry in listed:
        if entry["type"] != "directory":
            if not entry["name"].endswith("/"):  # a store's mark of a folder
                yield entry["name"]
        elif entry["name"].rstrip("/") != folder.rstrip("/"):
            yield from _walk(system, entry["name"])


def _url_of(path: str, url: str) -> str:
    """Write the URL of a file that was found below another.

    >>> _url_of("b/1.wav", "s3://b"), _url_of("a/1.wav", "zip://a::s3://b/x.zip")
    ('s3://b/1.wav', 'zip://a/1.wav::s3://b/x.zip')
    """
    head, chain, rest = url.partition("::")
    scheme = head.partition("://")[0]
    return (path if is_url(path) else f"{scheme}://{path.lstrip('/')}") + chain + rest


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """Open a file to be read from its beginning to its end.

    Raises
    ------
    RunError
        When it is not there, or cannot be read.

    """
    with _asked(url) as (system, path):
        file = system.open(path, "rb")
    with file:
        yield file


# -- results ----------------------------------------------------------------------------------------------------------


def content_of(url: str) -> bytes | None:
    """Return the bytes of a small file; None where there is none.

    Raises
    ------
    RunError
        When the store cannot be reached.

    """
    with _asked(url) as (system, path):
        try:
            content: bytes = system.cat_file(path)
        except FileNotFoundError:
            return None
    return content


def exists(url: str) -> bool:
    """Tell whether a file is there.

    Raises
    ------
    RunError
        When the store cannot be reached.

    """
    with _asked(url) as (system, path):
        system.invalidate_cache()
        return bool(system.isfile(path))


def names_in(url: str) -> set[str]:
    """Return the names of the files in a folder; none where it is not there.

    Raises
    ------
    RunError
        When the store cannot be reached.

    """
    with _asked(url) as (system, path):
        system.invalidate_cache()
        try:
            return {str(name).rstrip("/").rpartition("/")[2] for name in system.ls(path, detail=False)}
        except FileNotFoundError:
            return set()


@contextmanager
def writing(url: str, *, new: bool = False) -> Iterator[Path]:
    """Give a file of this machine to write to, and send it in one piece when the block ends well.

    Parameters
    ----------
    url
        Where it goes. An object store has it whole or not at all.
    new
        Only where there is none yet.

    Raises
    ------
    FileExistsError
        With ``new``, where there is one.
    RunError
        When it cannot be written, here or there.

    """
    with tempfile.TemporaryDirectory(prefix="sutja-") as folder:
        draft = Path(folder) / "draft"
        try:
            yield draft
        except OSError as error:
            raise RunError(f"{folder}: cannot be written ({error.strerror}); make room, or set TMPDIR") from error
        with _asked(url, "cannot be written") as (system, path):
            system.makedirs(system._parent(path), exist_ok=True) if _has_folders(system) else None
            if new:
                system.pipe_file(path, draft.read_bytes(), mode="create")
            else:
                system.put_file(os.fspath(draft), path)


def _has_folders(system: Any) -> bool:
    """Tell whether folders must be made: object stores have none, and makedirs would ask for a bucket."""
    protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
    return not protocols & {"s3", "gs", "gcs", "abfs", "az", "http", "https"}


def remove_folder(url: str) -> None:
    """Take away a folder and all below it; one that is not there is no error.

    Raises
    ------
    RunError
        When the store cannot be reached, or keeps it.

    """
    with _asked(url, "cannot be taken away") as (system, path):
        system.invalidate_cache()
        if system.exists(path):
            system.rm(path, recursive=True)


# -- what fsspec opens, and what it says ------------------------------------------------------------------------------


@contextmanager
def _asked(url: str, what: str = "cannot be read") -> Iterator[tuple[Any, str]]:
    """Give the file system of a URL and the path in it, and make one sentence of what that raises."""
    system, path = _opened(url)
    with _told(url, what):
        yield system, path


def _opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it."""
    head, chain, rest = url.partition("::")
    if chain:
        scheme, _, path = head.partition("://")
        return _archive(scheme, rest), path
    return _url_to_fs(url)


@functools.lru_cache(maxsize=4)
def _archive(scheme: str, rest: str) -> Any:
    """Open an archive, which reads its list of contents: once for all that lies in it."""
    return _url_to_fs(f"{scheme}://::{rest}")[0]


def _url_to_fs(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise needs("fsspec", "cluster") from error
    with _told(url):
        system, path = url_to_fs(url)
    return system, path


@contextmanager
def _told(url: str, what: str = "cannot be read") -> Iterator[None]:
    """Make one sentence of whatever a store's library raises."""
    try:
        yield
    except (SutjaError, FileExistsError, GeneratorExit):
        raise
    except Exception as error:
        fault = _fault(url, error, what)
        raise (RunError(str(fault)) if isinstance(fault, AudioError) else fault) from error


def _fault(url: str, error: Exception, what: str = "cannot be read") -> SutjaError:
    """Say what an error means: of a recording, of its store, of this installation."""
    if isinstance(error, ImportError):
        return DependencyError(f"{url}: {_one_line(error)}; the extra cluster has what reads s3:// and http://")
    if isinstance(error, FileNotFoundError):
        return AudioError(url, "nothing there; check the address, and the bucket in it", "missing")
    if isinstance(error, ValueError) and "rotocol" in str(error):
        return RunError(
            f"{url}: {_one_line(error)}; expected s3://, gs://, http://, zip:// or another that fsspec knows"
        )
    if "redential" in str(error) + type(error).__name__:
        return RunError(
            f"{url}: credentials are missing ({_one_line(error)}); set them where the store's programs look for them, "
            "on each worker"
        )
    if isinstance(error, PermissionError) or getattr(error, "status", None) in FINAL:
        return AudioError(url, f"{what} ({_one_line(error)}); check the address and who may read it")
    return RunError(f"{url}: {what} ({_one_line(error)}); check the address and the network")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
