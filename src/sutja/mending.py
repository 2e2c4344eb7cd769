"""What is wrong with the outside of a sound file, put right: sizes, order, rubbish, several files in one.

Recorders die before they write a size, pipes never know it, and files are joined with `cat`. ffmpeg reads such files;
libsndfile goes by what the header says. So it is shown another header, or the parts one after the other.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sutja.containers import AIFF, AU, FLAC, MP3, OGG, WAV, Kind, frame_bytes, same_stream
from sutja.contents import Content, found

UNKNOWN = 2**32 - 1
"""The size that a file has which was written without knowing it."""
JOINED_BYTES = 2**26
"""So far a file is searched for a second one behind its end, which takes about 50 ms."""
MOST_CHUNKS = 1000
MP3_CODING = b"\x55\0"
"""Of a wav whose samples are frames of MP3: they are a file of their own."""
FIND_BYTES = 2**16
"""In which a chunk is looked for by its name."""
HEAD_BYTES = 2**12
"""At most, of a chunk that says how the sound is written."""

_NAME = re.compile(rb"[ -~]{4}")
_FLAC = re.compile(rb"fLaC[\0\x80]\0\0\x22")
_PAGE = re.compile(rb"OggS\0")
_INFO = re.compile(rb"Xing|Info")
_INFO_PLACES = (36, 21, 13)  # in a frame: MPEG 1 in stereo; MPEG 1 in mono or 2 in stereo; MPEG 2 in mono


@dataclass(frozen=True)
class Part:
    """A file as a decoder is shown it: other first bytes, and a stretch of the content."""

    head: bytes
    start: int
    end: int
    written: bytes = b""
    """The first bytes as they were, where they say a length that may be true."""


def parts(content: Content, kind: Kind, start: int) -> list[Part]:
    """Say what a decoder is to be shown, one after the other.

    Parameters
    ----------
    content
        Of the file.
    kind, start
        As :func:`sutja.containers.recognise` tells them.

    """
    whole = [Part(b"", start, content.size)]
    mend = _MENDING.get(kind)
    return mend(content, start) or whole if mend else whole


# -- wav and aiff: chunks ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    size: int
    """As it is written, which may be wrong."""
    start: int
    """Of what it holds."""


def _chunks(content: Content, start: int, order: str) -> Iterator[_Chunk]:
    """Walk over the chunks while they make sense."""
    for _ in range(MOST_CHUNKS):
        head = content.at(start, 8)
        if len(head) < 8 or not _NAME.match(head):
            return
        chunk = _Chunk(head[:4], struct.unpack(order + "I", head[4:])[0], start + 8)
        yield chunk
        start = chunk.start + chunk.size + chunk.size % 2


def _wanted_chunks(content: Content, start: int, order: str, names: tuple[bytes, ...]) -> dict[bytes, _Chunk]:
    """Find the first chunk of each name: on the way from one to the next, or where the way is lost, by its name."""
    wanted: dict[bytes, _Chunk] = {}
    for chunk in _chunks(content, start, order):
        wanted.setdefault(chunk.name, chunk)
        if chunk.name == names[-1]:
            break
    for name in {names[0], names[-1]} - set(wanted):
        end = min(content.size - 7, start + FIND_BYTES)
        place = next(found(content, re.compile(re.escape(name)), start, end, len(name)), None)
        if place is not None:
            size = struct.unpack(order + "I", content.at(place + 4, 4))[0]
            wanted[name] = _Chunk(name, size, place + 8)
    return {name: wanted[name] for name in names if name in wanted}


def _written(content: Content, chunk: _Chunk, order: str) -> bytes:
    held = content.at(chunk.start, min(chunk.size, HEAD_BYTES))
    return chunk.name + struct.pack(order + "I", len(held)) + held + bytes(len(held) % 2)


def _mended_wav(content: Content, start: int) -> list[Part]:
    """Show the format and the samples, and of these all that are there."""
    order = ">" if content.at(start, 4) == b"RIFX" else "<"
    chunks = _wanted_chunks(content, start + 12, order, (b"fmt ", b"fact", b"ds64", b"data"))
    if b"fmt " not in chunks or b"data" not in chunks:
        return []
    data = chunks[b"data"]
    if content.at(chunks[b"fmt "].start, 2) == MP3_CODING:
        return _parts_of_mp3(content, data.start)
    size = _sample_bytes(content, data, order, chunks.get(b"ds64"))
    about = b"".join(_written(content, chunks[name], order) for name in (b"fmt ", b"fact") if name in chunks)
    sizes = [struct.pack(order + "I", min(n_bytes, UNKNOWN)) for n_bytes in (12 + len(about) + size, size)]
    riff = b"RIFX" if order == ">" else b"RIFF"
    return [Part(riff + sizes[0] + b"WAVE" + about + b"data" + sizes[1], data.start, data.start + size)]


def _sample_bytes(content: Content, data: _Chunk, order: str, large: _Chunk | None) -> int:
    """Return how many bytes of samples there are, whatever was promised."""
    there, promised = content.size - data.start, data.size
    if promised == UNKNOWN and large is not None:  # RF64: the sizes of the file, then of the samples
        promised = struct.unpack(order + "Q", content.at(large.start + 8, 8).ljust(8, b"\0"))[0]
    if promised == 0 and _ends_well(content, data.start, order):
        return 0
    return there if promised in (0, UNKNOWN) else min(promised, there)


def _ends_well(content: Content, start: int, order: str) -> bool:
    """Tell whether whole chunks, at least one, reach from here to the end: then nothing is missing before them."""
    end = start
    for chunk in _chunks(content, start, order):
        end = chunk.start + chunk.size
    return start < end in (content.size, content.size - 1)


def _mended_aiff(content: Content, start: int) -> list[Part]:
    """Show the format before the samples, and of these all that are there."""
    chunks = _wanted_chunks(content, start + 12, ">", (b"COMM", b"FVER", b"SSND"))
    if b"COMM" not in chunks and b"SSND" in chunks:  # it may stand behind the samples
        behind = chunks[b"SSND"].start + chunks[b"SSND"].size
        chunks |= _wanted_chunks(content, behind + behind % 2, ">", (b"COMM",))
    if b"COMM" not in chunks or b"SSND" not in chunks:
        return []
    sound = chunks[b"SSND"]
    there = content.size - sound.start
    size = there if sound.size in (0, 8, UNKNOWN) else min(sound.size, there)  # 8: before the samples stand two numbers
    about = b"".join(_written(content, chunks[name], ">") for name in (b"FVER", b"COMM") if name in chunks)
    sizes = [struct.pack(">I", min(n_bytes, UNKNOWN)) for n_bytes in (12 + len(about) + size, size)]
    form = content.at(start + 8, 4)
    return [Part(b"FORM" + sizes[0] + form + about + b"SSND" + sizes[1], sound.start, sound.start + size)]


def _mended_au(content: Content, start: int) -> list[Part]:
    """Say that the size is not known, where it is 0."""
    if content.at(start + 8, 4) != bytes(4):
        return []
    return [Part(content.at(start, 8) + b"\xff" * 4, start + 12, content.size)]


# -- flac, ogg, mp3: several in one -----------------------------------------------------------------------------------


def _parts_of_flac(content: Content, start: int) -> list[Part]:
    """Split joined files, and say of each that its length is not known: what was written may be wrong."""
    found_more = found(content, _FLAC, start + 4, min(content.size, start + JOINED_BYTES), 8)
    starts = [start, *found_more]
    split = []
    for first, end in zip(starts, [*starts[1:], content.size], strict=True):
        written = content.at(first, 26)
        head = written[:21] + bytes([written[21] & 0xF0, 0, 0, 0, 0]) if len(written) == 26 else written
        split.append(Part(head, first + len(head), end, written))
    return split


def _parts_of_ogg(content: Content, start: int) -> list[Part]:
    """Split what was chained, where a page begins a stream behind pages that did not; leave out what is no page."""
    links: list[Part] = []
    was_first = False
    for place, is_first, after in _pages(content, start):
        goes_on = bool(links) and (was_first or not is_first)
        links.append(Part(b"", links.pop().start if goes_on else place, after))
        was_first = is_first
    return links


def _pages(content: Content, start: int) -> Iterator[tuple[int, bool, int]]:
    """Give of each whole page where it begins, whether it begins a stream, and where it ends."""
    limit = start + JOINED_BYTES
    while start < min(content.size, limit):
        head = content.at(start, 27 + 255)
        n_segments = head[26] if len(head) > 26 else 0
        end = start + 27 + n_segments + sum(head[27 : 27 + n_segments])
        if head.startswith(b"OggS\0") and len(head) > 26 and end <= content.size:
            yield start, bool(head[5] & 2), end
            start = end
        else:
            end = min(content.size, limit)
            start = next(found(content, _PAGE, start + 1, end, 5), end)
    if start < content.size:  # too long to be looked through: the rest is one
        yield start, False, content.size


def _parts_of_mp3(content: Content, start: int) -> list[Part]:
    """Split joined files, where a frame says how long its own file is: the decoder stops at the length of the first."""
    first, starts = content.at(start, 4), [start]
    for place in found(content, _INFO, start + 1, min(content.size, start + JOINED_BYTES), 4):
        begins = [place - offset for offset in _INFO_PLACES if place - offset > start]
        starts += [begin for begin in begins if _continues(content, begin, first)][:1]
    return [Part(b"", begin, end) for begin, end in zip(starts, [*starts[1:], content.size], strict=True)]


def _continues(content: Content, begin: int, first: bytes) -> bool:
    """Tell whether a frame of the same stream begins here, and another follows it."""
    header = content.at(begin, 4)
    following = begin + (frame_bytes(header) or 0)
    return same_stream(first, header) and same_stream(header, content.at(following, 4))


_MENDING: dict[Kind, Callable[[Content, int], list[Part]]] = {
    WAV: _mended_wav,
    AIFF: _mended_aiff,
    AU: _mended_au,
    FLAC: _parts_of_flac,
    OGG: _parts_of_ogg,
    MP3: _parts_of_mp3,
}
