"""Kinds of file are told by their first bytes; `docs/formats.md` is true line by line."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest
from conftest import tone
from recordings import AMR, ID3, by_ffmpeg, by_soundfile, encoded

from sutja.audio import FOREIGN_SUFFIXES, SUFFIXES, decode, load_waveform
from sutja.config import AudioConfig
from sutja.containers import APE, FOREIGN, LIBSNDFILE, MP3, WAV, frame_bytes, recognise, same_stream, tag_bytes
from sutja.contents import Held
from sutja.errors import AudioError

CONFIG = AudioConfig()
PAGE = Path(__file__).parents[1] / "docs" / "formats.md"
LINES = re.findall(r"^\| ([^|]+) \| ?([^|]*) \| ([^|]+) \| (sutja|ffmpeg) \|$", PAGE.read_text(encoding="utf-8"), re.M)
INTEGERS = {"8 bits": "PCM_S8", "16 bits": "PCM_16", "24 bits": "PCM_24", "32 bits": "PCM_32"}
CODINGS = {**INTEGERS, "float": "FLOAT", "double": "DOUBLE", "A-law": "ALAW", "mu-law": "ULAW", "GSM": "GSM610",
           "IMA ADPCM": "IMA_ADPCM", "MS ADPCM": "MS_ADPCM", "Vorbis": "VORBIS", "Opus": "OPUS",
           "layer III": "MPEG_LAYER_III", "ALAC": "ALAC_16"}  # fmt: skip
BY_FFMPEG = {
    "M4A with AAC": ("ipod", "aac", 16_000), "MP4 with AAC": ("mp4", "aac", 44_100),
    "MOV with ALAC": ("mov", "alac", 16_000), "3GP with AMR": ("3gp", AMR, 8_000),
    "WebM with Opus": ("webm", "libopus", 48_000), "Matroska with AAC": ("matroska", "aac", 16_000),
    "ADTS": ("adts", "aac", 16_000), "narrow band": ("amr", AMR, 8_000),
    "WMA 2": ("asf", "wmav2", 44_100), "WavPack": ("wv", "wavpack", 16_000), "TTA": ("tta", "tta", 16_000),
    "AC-3": ("ac3", "ac3", 48_000), "MP2": ("avi", "mp2", 44_100), "MP3": ("flv", "libmp3lame", 44_100),
}  # fmt: skip


def made(kind: str, coding: str) -> bytes:
    """A file as a line of the page says it."""
    if coding in BY_FFMPEG:
        pytest.importorskip("av", reason="the extra ffmpeg is not installed")
        return by_ffmpeg(*BY_FFMPEG[coding])
    if coding == "big-endian":
        return encoded(tone(440, 0.6, 8_000), 8_000, "WAV", "PCM_16", endian="BIG")
    if coding == "MP3 in WAV":
        frames = by_soundfile("MP3", "MPEG_LAYER_III")
        about = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 8_000, 2_000, 1, 0, 12, 1, 2, 72, 1, 0)
        return (
            b"RIFF"
            + struct.pack("<I", len(frames) + 50)
            + b"WAVEfmt "
            + struct.pack("<I", 30)
            + about
            + (b"data" + struct.pack("<I", len(frames)) + frames)
        )
    form = {"extensible": "WAVEX", "RF64": "RF64"}.get(coding, kind.split(maxsplit=1)[0].upper())
    subtype = CODINGS.get(coding, "PCM_16")
    return by_soundfile(form, "PCM_U8" if (form, coding) == ("WAV", "8 bits") else subtype)


@pytest.mark.parametrize(("kind", "coding"), [(k, c) for k, _, codings, _ in LINES for c in codings.split(", ")])
def test_every_coding_of_the_page_is_read(kind, coding):
    content = made(kind, coding)
    found, start = recognise(Held(content))
    assert (found.title, start) == (kind, 0)
    if found in FOREIGN:
        pytest.importorskip("av", reason="the extra ffmpeg is not installed")
    waveform = load_waveform(content, CONFIG)
    assert len(waveform) == pytest.approx(0.6 * 16_000, abs=2000)  # coders pad
    spectrum = np.abs(np.fft.rfft(waveform[2_000:8_000]))
    assert np.argmax(spectrum) * 16_000 / 6_000 == pytest.approx(440, abs=6)


def test_the_page_has_every_kind_with_its_names():
    kinds = {kind.title: kind for kind in (*LIBSNDFILE, *FOREIGN) if kind is not APE}  # which nobody here can write
    assert {line[0] for line in LINES} == set(kinds)
    for title, suffixes, _, reader in LINES:
        assert tuple(suffixes.split()) == kinds[title].suffixes
        assert (reader == "ffmpeg") == (kinds[title] in FOREIGN)
    assert set(SUFFIXES).isdisjoint(FOREIGN_SUFFIXES)
    assert {".wav", ".opus"} < set(SUFFIXES)
    assert {".m4a", ".webm", ".amr", ".wma", ".mov"} < set(FOREIGN_SUFFIXES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\3\4" + bytes(100), "is a ZIP archive and no sound; .*; unpack it"),
        (b"\x1f\x8b\x08" + bytes(100), "is a gzip archive and no sound"),
        (b"a" * 257 + b"ustar" + bytes(300), "is a tar archive"),
        (b"%PDF-1.7\n", "is a PDF"),
        (b"\n<!DOCTYPE html><html>", "is a web page and no sound; .*; download it again"),
        (b"\x89PNG\r\n\x1a\n", "is a picture"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "is a Git LFS pointer .*; run `git lfs pull`"),
        (b"MThd\0\0\0\6", "is MIDI, notes and no sound"),
        (b"Creative Voice File\x1a", "is VOC, which sutja does not read; .*; convert it to wav"),
        (b"\2#!SILK_V3", r"is SILK \(a voice message\)"),
        (b"label,file\nseven,a.wav\n", "first bytes are of no kind of sound that sutja knows"),
        (bytes(5_000), "first bytes are of no kind of sound that sutja knows"),
        (np.random.default_rng(0).bytes(100_000), "first bytes are of no kind of sound that sutja knows"),
    ],
)
def test_what_is_no_sound_is_named(content, message):
    with pytest.raises(AudioError, match=message) as caught:
        decode(content, CONFIG)
    assert caught.value.kind == "format"
    assert "expected wav, flac, ogg, mp3 or aiff" in str(caught.value)


@pytest.mark.parametrize("before", [b"", bytes(448), bytes(70_000), ID3, ID3 + bytes(300) + ID3, b"\xef\xbb\xbf\r\n"])
@pytest.mark.parametrize("form", [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("AIFF", "PCM_16")])
def test_a_file_begins_behind_tags_zeros_and_rubbish(before, form):
    content = by_soundfile(*form)
    kind, start = recognise(Held(before + content))
    assert (kind, start) == (recognise(Held(content))[0], len(before))


def test_an_mp3_begins_at_its_first_frame():
    content = by_soundfile("MP3", "MPEG_LAYER_III")
    for before in (b"", bytes(448), ID3, b"\xff\xfb" * 40, b"HTTP/1.1 200 OK\r\n\r\n", content[50:100]):
        assert recognise(Held(before + content)) == (MP3, len(before))
    assert recognise(Held(content[7:]))[0] is MP3  # the first frame is gone


def test_an_archive_of_sounds_is_no_sound(tmp_path):
    content = b"PK\3\4" + bytes(40) + by_soundfile("WAV", "PCM_16")
    assert recognise(Held(content))[0] is not WAV


def test_frames_have_the_length_that_their_headers_say():
    content = by_soundfile("MP3", "MPEG_LAYER_III")
    place, n_frames = 0, 0
    while place < len(content):
        assert same_stream(content[:4], content[place : place + 4])
        place += frame_bytes(content[place : place + 4])
        n_frames += 1
    assert place == len(content)
    assert n_frames > 5
    for header in (
        b"",
        b"\xff\xfb",
        b"\xff\xff\xff\xff",
        b"\xff\xfb\x00\x00",
        b"\xff\xfb\x9c\x00",
        b"\xff\xf1\x50\x80",
    ):
        assert frame_bytes(header) is None
    assert frame_bytes(bytes.fromhex("ffff9264")) is not None  # layer I
    assert tag_bytes(b"ID3\4\0\x10" + bytes(3) + b"\5") == 25  # with a footer
