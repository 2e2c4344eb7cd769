"""What a client sends, as bytes in memory: counted, bounded in size and time, and never on a disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sutja.server.pool import Places
from sutja.server.settings import Limits

# Programs call sound by many names (application/x-wav, binary/octet-stream; curl --data-binary says form-urlencoded of
# whatever it sends): the bytes decide, and only a name that says clearly that it is something else is refused.
SOUND_TYPES = ("audio/", "video/", "application/", "binary/")
OTHER_TYPES = ("json", "xml", "html", "javascript", "pdf", "zip", "gzip", "x-tar", "msword")
MULTIPART = "multipart/form-data"
PARSED_BYTES = 2**14  # at a time: a body made to be slow to parse must not hold up the others
MAX_FIELDS = 16
MAX_FIELD_BYTES = 2**10


@dataclass(frozen=True)
class Upload:
    """One recording as it was sent."""

    name: str
    content: bytes
    fields: Mapping[str, str] = field(default_factory=dict)
    """What else the form says, as text."""


class _InMemory(MultiPartParser):
    spool_max_size = 2**62  # nothing is written to disk: the body's own limit holds

    def close(self) -> None:
        """Let go of every part, also of one that has no end: Starlette does so after errors only."""
        for file in getattr(self, "_files_to_close_on_error", ()):  # without it they are let go of later
            file.close()


@contextlib.asynccontextmanager
async def one(request: Request, limits: Limits, held: Places) -> AsyncIterator[Upload]:
    """Receive one recording: a raw body, or the field ``file`` of a form.

    Raises
    ------
    HTTPException
        400, 408, 413, 415 or 422.

    """
    kind = _media_type(request)
    if kind == MULTIPART:
        async with _body(request, limits.clip_bytes, limits, held) as body:
            files = await _files(request.headers, body, "file", 1)
            yield files[0]
    elif _may_be_sound(kind):
        async with _body(request, limits.clip_bytes, limits, held) as body:
            yield Upload("audio", body)
    else:
        raise HTTPException(415, f"Content-Type {kind[:100]}; expected a sound file: audio/wav, or multipart/form-data")


@contextlib.asynccontextmanager
async def several(request: Request, limits: Limits, held: Places) -> AsyncIterator[list[Upload]]:
    """Receive several recordings: the fields ``files`` of a form.

    Raises
    ------
    HTTPException
        400, 408, 413, 415 or 422.

    """
    kind = _media_type(request)
    if kind != MULTIPART:
        raise HTTPException(415, f"Content-Type {kind[:100] or 'missing'}; expected multipart/form-data with `files`")
    async with _body(request, limits.batch_bytes, limits, held) as body:
        yield await _files(request.headers, body, "files", limits.batch_files)


def _may_be_sound(kind: str) -> bool:
    """Whether what calls itself so may be one recording; no name says nothing against it."""
    subtype = kind.partition("/")[2].partition("+")[2] or kind.partition("/")[2]
    return not kind or (kind.startswith(SOUND_TYPES) and subtype not in OTHER_TYPES)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@contextlib.asynccontextmanager
async def _body(request: Request, limit: int, limits: Limits, held: Places) -> AsyncIterator[bytes]:
    n_held = 0

    async def read() -> bytes:
        nonlocal n_held
        chunks = []
        async for chunk in request.stream():
            held.take(len(chunk))
            n_held += len(chunk)
            if n_held > limit:
                raise _too_large(limit)
            chunks.append(chunk)
        return b"".join(chunks)

    if int(request.headers.get("content-length", "0")) > limit:
        raise _too_large(limit)
    try:
        try:
            body = await asyncio.wait_for(read(), limits.upload_seconds)
        except TimeoutError as error:
            message = f"the body was not there after {limits.upload_seconds:g} s; expected it faster; send it again"
            raise HTTPException(408, message) from error
        yield body
    finally:
        held.give_back(n_held)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"more than {limit} bytes; expected at most that; send a shorter recording")


async def _files(headers: Headers, body: bytes, field: str, limit: int) -> list[Upload]:
    parser = _InMemory(headers, _pieces(body), max_files=limit, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        too_many = error.message.startswith("Too many files")
        message = f"{error.message.rstrip('.')}; expected a form with {_expected(field, limit)}; correct the form"
        raise HTTPException(422 if too_many else 400, message) from error
    except (ValueError, LookupError, TypeError, AssertionError) as error:  # headers of parts that cannot be understood
        raise HTTPException(400, f"the form cannot be read; expected {_expected(field, limit)}; correct it") from error
    try:
        return await _named(form, field, limit)
    finally:
        parser.close()


async def _named(form: FormData, field: str, limit: int) -> list[Upload]:
    files = [file for file in form.getlist(field) if isinstance(file, UploadFile)]
    if not files:
        names = ", ".join(sorted({name[:50] for name in form})[:10]) or "nothing"
        raise HTTPException(400, f"the form has {names}; expected {_expected(field, limit)}; correct the form")
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return [Upload(file.filename or "audio", await file.read(), fields) for file in files]


def _expected(field: str, limit: int) -> str:
    return f"a file in the field `{field}`" if limit == 1 else f"up to {limit} files in fields `{field}`"


async def _pieces(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), PARSED_BYTES):
        yield body[start : start + PARSED_BYTES]
        await asyncio.sleep(0)
