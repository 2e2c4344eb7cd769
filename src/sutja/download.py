"""Public corpora to a folder: resumed where the last attempt ended, checked, unpacked safely, whole or not at all.

The archive grows in `FOLDER.part` beside the folder, with `FOLDER.part.json` saying of what it is a part. Both go when
the folder is there. (pooch does all this but resume: it downloads into a temporary file of its own and deletes it
when the line breaks, which is the one thing that two gigabytes need.)
"""

from __future__ import annotations

import json
import lzma
import re
import shutil
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import IO, Any
from urllib.parse import urlsplit

from sutja import __version__
from sutja.errors import ConfigError, DatasetError, RunError, needs
from sutja.files import cannot_write, new_folder, write_json
from sutja.files import sha256 as sha256_of

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes that there will be, if the server says."""


@dataclass(frozen=True)
class Corpus:
    """A public corpus."""

    url: str
    sha256: str | None
    """Of the archive; None where nobody publishes one."""
    size: str
    """Of the archive."""
    licence: str
    what: str
    """What is in it, and whose it is."""


# GitHub makes its archives when they are asked for and promises no fixed bytes, hence no checksums for the first two.
# That of Speech Commands is torchaudio's and TensorFlow Datasets' (speech_commands/checksums.tsv).
CORPORA = {
    "fsdd": Corpus(
        "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip",
        None,
        "about 15 MB",
        "CC BY-SA 4.0",
        "Free Spoken Digit Dataset 1.0.10 (Jackson and others): 3000 English digits, 6 speakers, 8 kHz",
    ),
    "audiomnist": Corpus(
        "https://github.com/soerenab/AudioMNIST/archive/refs/heads/master.zip",
        None,
        "about 1 GB",
        "MIT",
        "AudioMNIST (Becker and others, 2018): 30000 English digits, 60 speakers, 48 kHz",
    ),
    "speech_commands": Corpus(
        "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
        "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        "2.4 GB",
        "CC BY 4.0",
        "Speech Commands 0.02 (Warden, 2018): 105829 English words, 35 labels, 2618 speakers, 16 kHz",
    ),
}

N_ATTEMPTS = 5
WAIT_SECONDS = 1.0
TIMEOUT_SECONDS = (15, 60)
CHUNK_BYTES = 2**17


@dataclass(frozen=True)
class Fetched:
    """What came."""

    folder: Path
    sha256: str
    """Of the archive that came."""
    checked: bool
    """Whether there was a checksum to hold it against."""


def fetch(
    name: str,
    folder: Path,
    *,
    url: str | None = None,
    sha256: str | None = None,
    progress: OnBytes | None = None,
) -> Fetched:
    """Bring a corpus into a folder.

    Parameters
    ----------
    name
        One of :data:`CORPORA`.
    folder
        Where; it must be new or empty. What came of an interrupted attempt is beside it and is used.
    url
        Another address of the archive, a zip or a tar; the corpus's own checksum then does not hold.
    sha256
        What the archive's checksum must be.
    progress
        Called as bytes come.

    Raises
    ------
    DatasetError
        When the archive cannot be had, is not the one expected, or is not safe to unpack.
    RunError
        When the folder is there already or cannot be written to.

    """
    if name not in CORPORA:
        raise ConfigError(f"corpus {name!r} is not known; expected one of {', '.join(CORPORA)}")
    corpus = CORPORA[name]
    expected = sha256 or (None if url else corpus.sha256)
    if expected is not None and not re.fullmatch("[0-9a-fA-F]{64}", expected):
        raise ConfigError(f"sha256 {expected!r} is no checksum; expected 64 hexadecimal digits")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise RunError(f"{folder}: is there already; expected a new or an empty folder: choose another with --to")
    part = folder.with_name(f"{folder.name}.part")
    download(url or corpus.url, part, resume_blindly=expected is not None, progress=progress)
    received = sha256_of(part)
    if expected is not None and received != expected.lower():
        _forget(part)
        raise DatasetError(
            f"{url or corpus.url}: sha256 is {received} and not {expected.lower()}; the archive was deleted: fetch it "
            "again, and do not use it if this happens again"
        )
    with new_folder(folder) as draft, _archive_errors(part):
        unpack(part, draft)
    _forget(part)
    return Fetched(folder, received, expected is not None)


def download(url: str, part: Path, *, resume_blindly: bool = False, progress: OnBytes | None = None) -> None:
    """Download a file, going on where ``part`` ends if the server still has the same one.

    Parameters
    ----------
    url
        http or https.
    part
        Where the bytes go. It stays when the line breaks, for the next attempt.
    resume_blindly
        Go on also where the server gives no mark (ETag, date) to know the file by: for those who check it afterwards.
    progress
        Called as bytes come.

    Raises
    ------
    DatasetError
        When the server refuses, or the line breaks again and again.
    RunError
        When the disk is full or may not be written to.

    """
    requests = _requests()
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError(f"address {url!r}; expected one that begins with https:// or http://")
    reason = ""
    for attempt in range(N_ATTEMPTS):
        if attempt:
            time.sleep(WAIT_SECONDS * attempt)
        try:
            with _ask(requests, url, part, resume_blindly) as response:
                if _receive(response, url, part, progress):
                    return
            reason = "the connection ended early"
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            reason = _innermost_reason(error)
        except requests.RequestException as error:
            raise DatasetError(f"{url}: cannot be fetched ({_innermost_reason(error)}); check the address") from error
        except OSError as error:
            raise cannot_write(part, error) from error
    kept = f"; {part.stat().st_size} bytes are kept" if part.exists() else ""
    raise DatasetError(f"{url}: {N_ATTEMPTS} attempts failed ({reason}){kept}: run it again to resume")


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or a tar: files and folders only, nothing outside ``folder``.

    A single folder around everything, as GitHub puts it, is taken off.

    Raises
    ------
    DatasetError
        When an entry is a link or a device, or points outside.

    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            _write_entries(_zip_entries(opened), folder)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            _write_entries(_tar_entries(tar), folder)
    else:
        raise DatasetError(f"{archive}: is no zip or tar archive; check the address")
    _take_off_wrapping(folder)


# -- the line ---------------------------------------------------------------------------------------------------------


def _requests() -> ModuleType:
    try:
        import requests
    except ImportError as error:
        raise needs("requests", "train") from error
    module: ModuleType = requests
    return module


def _ask(requests: ModuleType, url: str, part: Path, resume_blindly: bool) -> Any:
    """Ask for the file, or for the rest of it on the condition that it is still the same."""
    # identity: the bytes of the archive, not a packing of them that only holds for the line
    headers = {"User-Agent": f"sutja/{__version__}", "Accept-Encoding": "identity"}
    state = _state(part)
    n_bytes = part.stat().st_size if part.exists() else 0
    if n_bytes and state.get("url") == url and (state.get("mark") or resume_blindly):
        headers["Range"] = f"bytes={n_bytes}-"
        if state.get("mark"):
            headers["If-Range"] = state["mark"]
    return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)


def _receive(response: Any, url: str, part: Path, progress: OnBytes | None) -> bool:
    """Write what comes; tell whether that was all. False asks for another attempt."""
    begin, total = _range_of(response)
    n_bytes = part.stat().st_size if part.exists() else 0
    if response.status_code == 416 and total == n_bytes:  # nothing is left to send
        return True
    if response.status_code == 416 or (response.status_code == 206 and begin != n_bytes):
        _forget(part)
        return False
    if response.status_code in (500, 502, 503, 504):
        return False
    if response.status_code not in (200, 206):
        raise DatasetError(
            f"{url}: the server answers {response.status_code} {response.reason}; check the address or give another "
            "one with --url"
        )
    part.parent.mkdir(parents=True, exist_ok=True)
    write_json(_state_path(part), {"url": url, "mark": _mark(response), "n_bytes": total})
    with part.open("ab" if begin else "wb") as file:
        for chunk in response.iter_content(CHUNK_BYTES):
            file.write(chunk)
            if progress is not None:
                progress(file.tell(), total)
    return total is None or part.stat().st_size == total


def _range_of(response: Any) -> tuple[int, int | None]:
    """Return the first byte that comes and the length of the whole file, if the server says it."""
    sent_range = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if sent_range:
        return int(sent_range[1] or 0), None if sent_range[2] == "*" else int(sent_range[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() and response.status_code == 200 else None


def _mark(response: Any) -> str:
    """Return what the server knows this version of the file by; a weak ETag is not fit for ranges (RFC 9110)."""
    etag = str(response.headers.get("ETag", ""))
    return etag if etag and not etag.startswith("W/") else str(response.headers.get("Last-Modified", ""))


def _state_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _state(part: Path) -> dict[str, Any]:
    try:
        state = json.loads(_state_path(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none, or damaged: begin again
        return {}
    return state if isinstance(state, dict) else {}


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _state_path(part).unlink(missing_ok=True)


def _innermost_reason(error: Exception) -> str:
    """Return the reason for people, which lies below requests' and urllib3's layers."""
    while error.__cause__ is not None or error.__context__ is not None:
        inner = error.__cause__ or error.__context__
        if not isinstance(inner, Exception):
            break
        error = inner
    return str(error).strip(".") or type(error).__name__


# -- the archive ------------------------------------------------------------------------------------------------------


# OSError without a number: gzip and bz2. RuntimeError: an archive with a password.
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, RuntimeError)


@contextmanager
def _archive_errors(archive: Path) -> Iterator[None]:
    """Turn what the archive modules raise into one sentence; a damaged archive is deleted, so that it is not kept."""
    try:
        yield
    except DatasetError:
        _forget(archive)
        raise
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's fault, not the archive's
            raise
        _forget(archive)
        raise DatasetError(f"{archive}: is damaged ({error}) and was deleted; fetch it again") from error


def _zip_entries(archive: zipfile.ZipFile) -> Iterator[tuple[str, IO[bytes] | None]]:
    for entry in archive.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DatasetError(f"{archive.filename}: {entry.filename} is a link or a device; expected files only")
        yield entry.filename, None if entry.is_dir() else archive.open(entry)


def _tar_entries(archive: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes] | None]]:
    for entry in archive:
        if not (entry.isfile() or entry.isdir()):
            raise DatasetError(f"{archive.name!s}: {entry.name} is a link or a device; expected files only")
        yield entry.name, archive.extractfile(entry)


def _write_entries(entries: Iterator[tuple[str, IO[bytes] | None]], folder: Path) -> None:
    for name, content in entries:
        place = folder / _inside(name)
        if content is None:
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        with content, place.open("wb") as file:  # our own modes and times: an archive's are not wanted
            shutil.copyfileobj(content, file)


def _inside(name: str) -> PurePosixPath:
    """Refuse names that leave the folder, on this system or another.

    >>> _inside("./yes/a.wav")
    PurePosixPath('yes/a.wav')
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.search(r"[\\\0]|^[A-Za-z]:", name):
        raise DatasetError(f"the archive holds {name!r}, which lies outside its folder; it was deleted: do not use it")
    return path


def _take_off_wrapping(folder: Path) -> None:
    inside = list(folder.iterdir())
    # These names mean something to a layout: they stay.
    if len(inside) != 1 or not inside[0].is_dir() or inside[0].name in ("recordings", "data", "train", "test"):
        return
    wrapping = inside[0].rename(folder / f".{inside[0].name}.wrapping")  # it may hold one of its own name
    for path in list(wrapping.iterdir()):
        path.rename(folder / path.name)
    wrapping.rmdir()
