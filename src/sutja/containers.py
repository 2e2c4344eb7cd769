"""Which kinds of file there are: told by their first bytes, never by their names, and who reads them.

Only kinds of this table are handed to a decoder. libsndfile knows many more, some of which print on stdout where they
meet damage; and ffmpeg would read play lists, pictures and addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sutja.contents import Content, found


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    title: str
    """As people call it."""
    suffixes: tuple[str, ...] = ()
    """That its files usually have: folders are searched for them."""
    demuxer: str | None = None
    """What ffmpeg calls it, where libsndfile cannot read it, or not every coding of it."""
    remedy: str = "convert it to wav"
    """What to do where it cannot be read."""
    is_sound: bool = True


WAV = Kind("WAV", (".wav", ".rf64"), "wav")
AIFF = Kind("AIFF", (".aiff", ".aif", ".aifc"), "aiff")
FLAC = Kind("FLAC", (".flac",))
OGG = Kind("Ogg", (".ogg", ".oga", ".opus"), "ogg")
MP3 = Kind("MP3", (".mp3",))
AU = Kind("AU", (".au", ".snd"))
CAF = Kind("CAF", (".caf",))
W64 = Kind("W64", (".w64",))
SPHERE = Kind("NIST SPHERE", (".sph",))  # of TIMIT, where it is called .wav
LIBSNDFILE = (WAV, FLAC, OGG, MP3, AIFF, AU, CAF, W64, SPHERE)
"""What libsndfile reads, and sutja on its own."""

MP4 = Kind("MP4", (".m4a", ".mp4", ".m4b", ".mov", ".3gp", ".3g2"), "mov")
MATROSKA = Kind("WebM or Matroska", (".webm", ".mka", ".mkv", ".weba"), "matroska")
AAC = Kind("AAC", (".aac",), "aac")
AMR = Kind("AMR", (".amr",), "amr")
WMA = Kind("WMA", (".wma", ".asf"), "asf")
CAF_CODED = Kind("CAF with a coder such as AAC or ALAC", (), "caf")
"""Also ALAC, which libsndfile reads: of a damaged one it prints on stdout."""
APE = Kind("Monkey's Audio", (".ape",), "ape")
WAVPACK = Kind("WavPack", (".wv",), "wv")
TTA = Kind("True Audio", (".tta",), "tta")
AC3 = Kind("AC-3", (".ac3",), "ac3")
AVI = Kind("AVI", (".avi",), "avi")
FLV = Kind("FLV", (".flv",), "flv")
FOREIGN = (MP4, MATROSKA, AAC, AMR, WMA, WAVPACK, APE, TTA, AC3, AVI, FLV, CAF_CODED)
"""What ffmpeg reads, where the extra of that name is installed."""

_GET_SOUND = "get the sound itself"
_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (rb"(?:RIFF|RIFX|RF64|BW64)....WAVE", WAV),
    (rb"FORM....AIF[FC]", AIFF),
    (rb"fLaC", FLAC),
    (rb"OggS\0", OGG),
    (rb"\.snd|dns\.", AU),
    (rb"caff....desc.{16}(?:lpcm|ulaw|alaw)", CAF),
    (rb"caff\0", CAF_CODED),
    (rb"NIST_1A\n", SPHERE),
    (rb"riff\x2e\x91\xcf\x11", W64),
    (rb"....(?:ftyp|moov|mdat|moof|styp|wide|free|skip|pnot)", MP4),
    (rb"\x1a\x45\xdf\xa3", MATROSKA),
    (rb"#!AMR", AMR),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", WMA),
    (rb"MAC ", APE),
    (rb"wvpk", WAVPACK),
    (rb"TTA[12]", TTA),
    (rb"\x0b\x77", AC3),
    (rb"RIFF....AVI ", AVI),
    (rb"FLV\x01", FLV),
    (rb"\x02?#!SILK_V3", Kind("SILK (a voice message)")),
    (rb"Creative Voice File", Kind("VOC")),
    (rb"\.RMF|\.ra\xfd", Kind("RealAudio")),
    (rb"MPCK|MP\+", Kind("Musepack")),
    (rb"DSD |FRM8", Kind("DSD")),
    (rb"ADIF", Kind("AAC (ADIF)")),
    (rb"MThd", Kind("MIDI, notes and no sound,", remedy="record it", is_sound=False)),
    (rb"version https://git-lfs", Kind("a Git LFS pointer", remedy="run `git lfs pull`", is_sound=False)),
    (rb"PK\x03\x04", Kind("a ZIP archive", remedy="unpack it", is_sound=False)),
    (rb"\x1f\x8b", Kind("a gzip archive", remedy="unpack it", is_sound=False)),
    (rb"7z\xbc\xaf|Rar!", Kind("an archive", remedy="unpack it", is_sound=False)),
    (rb".{257}ustar", Kind("a tar archive", remedy="unpack it", is_sound=False)),
    (rb"%PDF", Kind("a PDF", remedy=_GET_SOUND, is_sound=False)),
    (rb"(?i:\s*<(?:!doctype|html|\?xml))", Kind("a web page", remedy="download it again", is_sound=False)),
    (rb"\x89PNG|\xff\xd8\xff[\xdb\xe0\xe1]|GIF8", Kind("a picture", remedy=_GET_SOUND, is_sound=False)),
    (rb"PAR1", Kind("a parquet table", remedy="give the folder or its CSV as a data set", is_sound=False)),
)
_BY_FIRST_BYTES = [(re.compile(pattern, re.DOTALL), kind) for pattern, kind in _SIGNATURES]
_LONGEST_SIGNATURE = 262  # of tar

# Where a good file begins behind rubbish, such as what a server said before it. MP3 has frames for that.
_INSIDE = re.compile(rb"RIFF....WAVEfmt |FORM....AIF[FC]|fLaC[\0\x80]\0\0\x22|OggS\0\x02", re.DOTALL)
RUBBISH_BYTES = 2**12
"""At most, before the first sign of a file; of zeros and of tags any number."""
FRAME_SEARCH_BYTES = 2**16
"""In which the first frame of an MP3 must begin."""

_ZEROS = re.compile(rb"\0*")
_RATES = (44_100, 48_000, 32_000)  # Hz, of MPEG 1; 2 and 2.5 halve them
_KBITS = {  # by (is MPEG 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SYNC = re.compile(rb"\xff[\xe2-\xff]")


def recognise(content: Content) -> tuple[Kind | None, int]:
    """Say of what kind a file is, and where it begins: behind tags, zeros and some rubbish; None where it is unknown.

    >>> from sutja.contents import Held
    >>> kind, start = recognise(Held(bytes(100) + b"fLaC" + bytes(100)))
    >>> kind.title, start
    ('FLAC', 100)
    """
    start = 0
    while start < content.size:
        head = content.at(start, _LONGEST_SIGNATURE)
        if kind := _kind_of(head):
            return kind, start
        if head.startswith(b"ID3") and len(head) >= 10:
            start += tag_bytes(head)
        elif head[0] == 0:
            start = _behind_zeros(content, start)
        else:
            break
    place = next(found(content, _INSIDE, start, min(start + RUBBISH_BYTES, content.size), 16), None)
    if place is not None:
        return _kind_of(content.at(place, _LONGEST_SIGNATURE)), place
    place = next(_runs_of_frames(content, start), None)
    return (None, start) if place is None else (MP3, place)


def tag_bytes(head: bytes) -> int:
    """Return how long an ID3v2 tag is, from its first ten bytes.

    >>> tag_bytes(b"ID3" + bytes([3, 0, 0, 0, 0, 1, 5]))
    143
    """
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return size + (20 if head[5] & 0x10 else 10)  # a footer repeats the header


def frame_bytes(header: bytes) -> int | None:
    """Return how long a frame of MPEG audio is, from its first four bytes; None where they begin none.

    >>> frame_bytes(bytes.fromhex("fffb9064"))
    417
    """
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    kbits, rate, is_padded = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or kbits in (0, 15) or rate == 3:
        return None
    bits = 1000 * _KBITS[version == 3, layer][kbits - 1]
    hertz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    if layer == 1:
        return 4 * (12 * bits // hertz + is_padded)
    return (72 if layer == 3 and version != 3 else 144) * bits // hertz + is_padded


def _kind_of(head: bytes) -> Kind | None:
    for pattern, kind in _BY_FIRST_BYTES:
        if pattern.match(head):
            return kind
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # a layer that MPEG audio has not
        return AAC
    return MP3 if frame_bytes(head[:4]) else None


def _behind_zeros(content: Content, start: int) -> int:
    """Return where a run of zeros ends; the first three bytes of an MP4 are zeros too."""
    while piece := content.at(start, FRAME_SEARCH_BYTES):
        match = _ZEROS.match(piece)
        n_zeros = match.end() if match else 0
        start += n_zeros
        if n_zeros < len(piece):
            break
    return start


def _runs_of_frames(content: Content, start: int) -> Iterator[int]:
    """Give the places at which three frames of one rate follow each other."""
    for place in found(content, _SYNC, start, min(start + FRAME_SEARCH_BYTES, content.size), 2):
        header, following = content.at(place, 4), place
        for _ in range(2):
            following += frame_bytes(content.at(following, 4)) or content.size
            if not same_stream(header, content.at(following, 4)):
                break
        else:
            yield place


def same_stream(first: bytes, second: bytes) -> bool:
    """Tell whether two headers of frames have the same version, layer and sample rate."""
    both = frame_bytes(first), frame_bytes(second)
    return all(both) and first[1] | 1 == second[1] | 1 and first[2] & 0x0C == second[2] & 0x0C
