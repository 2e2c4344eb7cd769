"""Sound as it comes: the same from a file, a pipe of raw samples, a wav that is being written, a microphone."""

from __future__ import annotations

import io
import os
import threading

import numpy as np
import pytest
import soundfile
from conftest import write_wav
from microphones import RATE, plugged_in, spoken

from sutja.blocks import READ_BYTES, Pipe, open_blocks
from sutja.errors import AudioError
from sutja.pcm import from_pcm16, to_pcm16

SAMPLES = to_pcm16(spoken(2))
RAW = SAMPLES.tobytes()


def wav(samples: np.ndarray = SAMPLES, **options: object) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=options.pop("format", "WAV"), **options)
    return file.getvalue()


class Dribble(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, content: bytes, n_bytes: int) -> None:
        self.file, self.n_bytes = io.BytesIO(content), n_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        piece = self.file.read(min(len(buffer), self.n_bytes))
        buffer[: len(piece)] = piece
        return len(piece)


def heard(source: object, **options: object) -> tuple[int, np.ndarray]:
    with open_blocks(source, **options) as blocks:
        assert blocks.n_lost == 0
        return blocks.sample_rate, np.concatenate(list(blocks))


@pytest.mark.parametrize("n_bytes", [1, 3, 4097, READ_BYTES * 9])
def test_raw_samples_however_they_come(n_bytes):
    content = RAW[: 3 * RATE // 2 * 2] if n_bytes < 9 else RAW
    rate, waveform = heard(Pipe(Dribble(content, n_bytes)), sample_rate=RATE)
    assert rate == RATE
    assert np.array_equal(waveform, from_pcm16(content))
    assert np.array_equal(heard(Dribble(content, n_bytes), sample_rate=RATE)[1], waveform)  # it cannot seek


def test_half_a_sample_at_the_end_is_no_sample():
    assert np.array_equal(heard(Pipe(io.BytesIO(RAW[:2001])), sample_rate=RATE)[1], from_pcm16(RAW[:2000]))


@pytest.mark.parametrize("size", [None, 0, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("n_bytes", [5, 9999])
def test_a_wav_while_it_is_written(size, n_bytes):
    content = bytearray(wav())
    at = content.index(b"data") + 4
    if size is not None:  # what arecord, ffmpeg and sox say of what has no end yet
        content[at : at + 4] = size.to_bytes(4, "little")
    rate, waveform = heard(Pipe(Dribble(bytes(content), n_bytes)))
    assert rate == RATE
    assert np.array_equal(waveform, from_pcm16(RAW))


def test_channels_and_what_comes_behind_the_sound():
    both = wav(np.stack([SAMPLES, SAMPLES], axis=1)) + b"LIST\4\0\0\0abcd"
    assert np.array_equal(heard(Pipe(io.BytesIO(both)))[1], from_pcm16(RAW))


@pytest.mark.parametrize("form", ["FLAC", "OGG"])
def test_other_files_through_a_pipe_are_decoded(form):
    rate, waveform = heard(Pipe(io.BytesIO(wav(format=form))))
    assert (rate, len(waveform)) == (RATE, len(SAMPLES))


def test_files_bytes_samples_and_raw_files(tmp_path):
    path = write_wav(tmp_path / "two.wav", spoken(2), RATE)
    expected = soundfile.read(path, dtype="float32")[0]
    raw = tmp_path / "two.raw"
    raw.write_bytes(RAW)
    assert np.array_equal(heard(path)[1], expected)
    assert np.array_equal(heard(path.read_bytes(), sample_rate=RATE)[1], expected)
    assert np.array_equal(heard(str(raw), sample_rate=RATE)[1], from_pcm16(RAW))
    assert heard(spoken(2), sample_rate=RATE)[0] == RATE
    with open_blocks(path) as blocks:
        assert blocks.name == str(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(wav()))
    writer.start()
    assert np.array_equal(heard(tmp_path / "pipe")[1], from_pcm16(RAW))
    writer.join()


def test_a_microphone(monkeypatch):
    plugged_in(monkeypatch, spoken(1))
    with open_blocks(device="usb") as blocks:
        assert blocks.name == "USB Audio"
        assert len(next(iter(blocks))) == 800


WRONG = {
    "no rate": (RAW, None, "raw samples, which say no sample rate; expected 16-bit.*--sample-rate 16000"),
    "an odd rate": (RAW, 7, "sample rate 7 Hz; expected 8000 to 192000 Hz"),
    "nothing": (b"", RATE, "nothing came through it"),
    "floats": (spoken(2).tobytes(), RATE, "the samples are 32-bit floats; expected 16-bit"),
    "another rate": (wav(), 8_000, "says 16000 Hz and 8000 Hz was given; leave the sample rate out"),
    "24 bits": (wav(subtype="PCM_24"), None, "a wav file of 24 bits"),
    "a float wav": (wav(from_pcm16(RAW), subtype="FLOAT"), None, "a wav file that cannot be read"),
    "a cut header": (wav()[:20], None, "a wav file that cannot be read"),
    "a wav without sound": (wav(SAMPLES[:0]), None, "nothing came through it"),
    "another file, cut": (wav(format="FLAC")[:50], None, "cannot be decoded"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_sound_is_told(name):
    content, rate, message = WRONG[name]
    with pytest.raises(AudioError, match=f"^standard input: .*{message}"):
        heard(Pipe(io.BytesIO(content), "standard input"), sample_rate=rate)


def test_what_cannot_be_read(tmp_path):
    closed = io.BytesIO(RAW)
    closed.close()
    with pytest.raises(AudioError, match=r"pipe: cannot be read \(.*closed file"):
        heard(Pipe(closed), sample_rate=RATE)
    with pytest.raises(AudioError, match="cannot be opened"):
        heard(tmp_path / "none.raw", sample_rate=RATE)
    with pytest.raises(AudioError, match="no such file"):
        heard(tmp_path / "none.wav")
    with pytest.raises(AudioError, match=r"no such file|cannot be opened"):
        heard("\0.wav")
