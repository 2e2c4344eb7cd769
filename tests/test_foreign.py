"""Recordings that libsndfile cannot read: through PyAV where it is installed, and named where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tone
from extras import without
from helpers import run_python
from recordings import by_ffmpeg, by_soundfile

from sutja.audio import decode, load_waveform, open_stream
from sutja.config import AudioConfig
from sutja.errors import AudioError

CONFIG = AudioConfig(sample_rate=16_000)
HEADS = {
    "MP4": b"\0\0\0\x18ftypM4A \0\0\0\0", "WebM or Matroska": b"\x1a\x45\xdf\xa3\x9f", "AAC": b"\xff\xf1\x50\x80\0",
    "AMR": b"#!AMR\n", "WMA": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Monkey's Audio": b"MAC \x96\x0f",
    "WavPack": b"wvpk\0\0\0\0", "AVI": b"RIFF\0\0\0\0AVI LIST",
}  # fmt: skip


def test_without_the_extra_it_is_named_whatever_it_is_called(tmp_path):
    for number, head in enumerate(HEADS.values()):
        (tmp_path / f"{number}.wav").write_bytes(head + bytes(500))
    program = without({"av"}) + (
        "import sutja\n"
        "for found in sutja.load().predict_many(sys.argv[1:]): print(type(found).__name__, found.kind, found)\n"
    )
    ended = run_python(program, *sorted(tmp_path.iterdir()))
    assert ended.returncode == 0, ended.stderr
    for title, line in zip(HEADS, ended.stdout.splitlines(), strict=True):
        assert line.startswith("AudioError format ")
        assert f".wav: is {title}, whatever its name says; " in line
        assert line.endswith("pip install 'sutja[ffmpeg]', or convert it to wav")


def test_the_sound_is_that_of_the_file():
    pytest.importorskip("av")
    for muxer, encoder in (("mov", "alac"), ("wv", "wavpack"), ("tta", "tta")):
        samples, rate = decode(by_ffmpeg(muxer, encoder, 16_000), CONFIG)
        assert rate == 16_000
        expected = tone(440, 0.6, 16_000)
        assert np.abs(samples[: len(expected), 0] - expected).max() < 2**-6  # their encoders may choose 8 bits


def test_the_pieces_are_the_whole():
    pytest.importorskip("av")
    content = by_ffmpeg("webm", "libopus", 48_000, seconds=2.5)
    with open_stream(content, 16_000) as (rate, chunks):
        pieces = list(chunks)
    assert rate == 48_000
    assert len(pieces) == 3
    np.testing.assert_array_equal(np.concatenate(pieces), decode(content, CONFIG)[0][:, 0])


def test_limits_hold():
    pytest.importorskip("av")
    content = by_ffmpeg("ipod", "aac", 16_000, seconds=3.0)
    with pytest.raises(AudioError, match="longer than 1 s"):
        load_waveform(content, AudioConfig(max_seconds=1.0))
    assert len(decode(content, AudioConfig(max_seconds=1.0))[0]) == 16_001


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADS["MP4"] + bytes(500), "cannot be decoded|no sound in it"),
        (HEADS["WebM or Matroska"] + bytes(500), "cannot be decoded|no sound in it"),
        (HEADS["AMR"], "no sound in it|cannot be decoded"),
    ],
)
def test_what_cannot_be_decoded(content, message):
    pytest.importorskip("av")
    with pytest.raises(AudioError, match=message) as caught:
        decode(content, CONFIG)
    assert "\n" not in str(caught.value)


def test_codings_that_libsndfile_lacks(tmp_path):
    pytest.importorskip("av")
    content = by_ffmpeg("wav", "wmav2", 44_100)
    samples, rate = decode(content, CONFIG)
    assert rate == 44_100
    assert len(samples) > 20_000
    damaged = content[:20] + b"\x99\x99" + content[22:]  # a coding that nobody has
    with pytest.raises(AudioError, match="expected wav, flac, ogg, mp3 or aiff"):
        decode(damaged, CONFIG)


def test_a_cut_file_is_read_up_to_the_cut():
    pytest.importorskip("av")
    content = by_ffmpeg("webm", "libopus", 48_000, seconds=3.0)
    samples, _ = decode(content[: len(content) // 2], CONFIG)
    assert 48_000 < len(samples) < 100_000


def test_no_other_kind_is_opened_by_the_way(tmp_path):
    """A play list that calls itself a sound must not make ffmpeg open what it names."""
    pytest.importorskip("av")
    secret = tmp_path / "secret.wav"
    secret.write_bytes(by_soundfile("WAV", "PCM_16"))
    for text in (f"#EXTM3U\n#EXTINF:1,\n{secret}\n", f"ffconcat version 1.0\nfile {secret}\n"):
        for head in (b"", HEADS["MP4"], HEADS["WMA"]):
            with pytest.raises(AudioError):
                decode(head + text.encode(), CONFIG)
