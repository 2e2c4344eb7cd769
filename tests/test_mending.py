"""What is wrong around the sound is put right: as ffmpeg reads broken files, sutja does, by every way."""

from __future__ import annotations

import os

import numpy as np
import pytest
from conftest import tone
from recordings import BROKEN_RATE, N_BROKEN, answers, broken, by_soundfile

from sutja.audio import decode
from sutja.config import AudioConfig
from sutja.containers import FLAC, MP3, OGG, WAV
from sutja.contents import Held
from sutja.errors import AudioError
from sutja.mending import parts

CONFIG = AudioConfig(sample_rate=BROKEN_RATE)
BROKEN = broken()


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_read_to_their_end(name):
    content, n_samples = BROKEN[name]
    samples, rate = decode(content, CONFIG)
    assert rate == BROKEN_RATE
    if n_samples:
        assert len(samples) == n_samples
    else:  # a coder gives whole frames only, and Ogg whole pages
        assert 4 * N_BROKEN / 3 < len(samples) <= 4 * N_BROKEN


@pytest.mark.parametrize("name", [name for name in BROKEN if not name.startswith(("mp3", "ogg", "opus"))])
def test_what_is_read_is_the_sound(name):
    expected = tone(440, 3.0, BROKEN_RATE)
    samples = decode(BROKEN[name][0], CONFIG)[0][:, 0]
    both = min(len(samples), len(expected))
    assert np.abs(samples[:both] - expected[:both]).max() < 1e-4


@pytest.mark.parametrize("name", BROKEN)
def test_every_way_gives_the_same(name, tmp_path):
    by_bytes, by_path, by_pipe = answers(BROKEN[name][0], tmp_path / "a.wav")
    assert isinstance(by_bytes, bytes)
    assert by_bytes == by_path == by_pipe


@pytest.mark.parametrize("form", [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("AIFF", "PCM_24")])
def test_a_large_file_is_mended_on_its_disk(form, tmp_path):
    content = by_soundfile(*form, seconds=40.0, rate=16_000)
    long = content + content[:100]
    while len(long) <= 2**20:  # what is larger is not read at once
        long += bytes(2**19)
    path = tmp_path / "long"
    path.write_bytes(long)
    assert np.array_equal(decode(path, CONFIG)[0], decode(content, CONFIG)[0])


def test_a_wav_that_is_empty_stays_so():
    content = by_soundfile("WAV", "PCM_16")
    empty = content[:40] + bytes(4) + b"LIST\4\0\0\0abcd"  # nothing was recorded, and the file was closed
    assert len(decode(empty, CONFIG)[0]) == 0


def test_files_that_differ_are_not_joined():
    content = by_soundfile("FLAC", "PCM_16", rate=8_000) + by_soundfile("FLAC", "PCM_16", rate=16_000)
    with pytest.raises(AudioError, match="joined of files that differ: 1 channels at 16000 Hz; expected 1 at 8000 Hz"):
        decode(content, CONFIG)


def test_parts():
    flac = by_soundfile("FLAC", "PCM_16")
    assert [part.start for part in parts(Held(flac + b"x" + flac), FLAC, 0)] == [26, len(flac) + 27]
    ogg = by_soundfile("OGG", "VORBIS")
    assert [(part.start, part.end) for part in parts(Held(ogg + ogg + b"xyz"), OGG, 0)] == [
        (0, len(ogg)),
        (len(ogg), 2 * len(ogg)),
    ]
    mp3 = by_soundfile("MP3", "MPEG_LAYER_III", seconds=2.0)
    assert [part.start for part in parts(Held(mp3 + mp3), MP3, 0)] == [0, len(mp3)]


@pytest.mark.parametrize("cut", range(0, 48, 3))
def test_headers_that_end_too_soon(cut):
    for kind, content in ((WAV, by_soundfile("WAV", "PCM_16")), (FLAC, by_soundfile("FLAC", "PCM_16"))):
        shown = parts(Held(content[: 12 + cut]), kind, 0)
        assert all(isinstance(part.head, bytes) for part in shown)


def test_a_gigabyte_of_rubbish_is_not_looked_through(tmp_path):
    path = tmp_path / "sparse.flac"
    with path.open("wb") as file:
        file.write(by_soundfile("FLAC", "PCM_16"))
        file.seek(2**30)
        file.write(b"x")
    assert os.stat(path).st_size > 2**30  # noqa: PTH116
    assert len(decode(path, CONFIG)[0]) == 4_800
