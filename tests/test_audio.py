"""The one door: whatever goes in, a checked waveform or one sentence comes out."""

from __future__ import annotations

import io
import os
import struct
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import tone, write_wav

from sutja.audio import (
    CHUNK_SECONDS,
    Excerpt,
    checked_chunk,
    decode,
    load_at,
    load_waveform,
    mixed_down,
    open_stream,
    printable,
)
from sutja.config import AudioConfig
from sutja.errors import AudioError

CONFIG = AudioConfig(sample_rate=16_000)
SOUND = tone(440, 0.5, 16_000)


def encoded(waveform=SOUND, sample_rate=16_000, file_format="WAV", subtype=None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, waveform, sample_rate, format=file_format, subtype=subtype)
    return file.getvalue()


def wav(samples: bytes, *, n_promised: int | None = None, rate=16_000, kind=1, bits=16) -> bytes:
    """A mono wav by hand, whose header may promise more than it holds."""
    n_promised = len(samples) if n_promised is None else n_promised
    layout = struct.pack("<HHIIHH", kind, 1, rate, rate * bits // 8, bits // 8, bits)
    riff = b"RIFF" + struct.pack("<I", min(n_promised + 36, 2**32 - 1)) + b"WAVE"
    return riff + b"fmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", n_promised) + samples


# -- what is taken ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_format", "subtype", "tolerance"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "PCM_32", 1e-7),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("WAV", "ULAW", 0.02),
        ("FLAC", "PCM_16", 2**-15),
        ("FLAC", "PCM_24", 2**-23),
        ("AIFF", "PCM_16", 2**-15),
        ("AU", "PCM_16", 2**-15),
        ("CAF", "PCM_16", 2**-15),
        ("W64", "PCM_16", 2**-15),
        ("OGG", "VORBIS", 0.05),
        ("OGG", "OPUS", 0.05),
        ("MP3", "MPEG_LAYER_III", 0.1),
    ],
)
def test_every_format_gives_the_same_sound(file_format, subtype, tolerance):
    waveform = load_waveform(encoded(file_format=file_format, subtype=subtype), CONFIG)
    assert waveform.dtype == np.float32
    assert abs(len(waveform) - len(SOUND)) <= (0 if tolerance < 0.03 else 2500)  # coders pad with whole frames
    inner = slice(1000, len(SOUND) - 1000)  # and blur the ends
    if file_format == "MP3":  # and delay
        spectra = [np.abs(np.fft.rfft(w[inner])) for w in (waveform, SOUND)]
        assert np.argmax(spectra[0]) == np.argmax(spectra[1])
        assert spectra[0].max() == pytest.approx(spectra[1].max(), rel=tolerance)
    else:
        assert np.abs(waveform[inner] - SOUND[inner]).max() <= tolerance


@pytest.mark.parametrize("sample_rate", [4_000, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_every_rate_gives_the_same_sound(sample_rate):
    waveform = load_waveform(encoded(tone(440, 0.5, sample_rate), sample_rate), CONFIG)
    assert abs(len(waveform) - len(SOUND)) <= 1
    inner = slice(800, len(SOUND) - 800)
    assert np.abs(waveform[inner] - SOUND[inner]).max() < 2e-3


def test_several_rates_of_what_can_be_read_once():
    content = encoded(tone(440, 0.5, 44_100), 44_100)
    wide, narrow, same = load_at((16_000, 8_000, 16_000), io.BytesIO(content), CONFIG)
    for waveform, rate in ((wide, 16_000), (narrow, 8_000), (same, 16_000)):
        assert np.array_equal(waveform, load_waveform(content, replace(CONFIG, sample_rate=rate)))


def test_six_channels_are_mixed_down():
    channels = np.stack([tone(440, 0.5, 16_000)] + [np.zeros(8_000, np.float32)] * 5, axis=1)
    waveform = load_waveform(encoded(channels, subtype="FLOAT"), CONFIG)
    assert np.abs(waveform - SOUND / 6).max() < 1e-6


def test_path_bytes_file_object_and_array_give_the_same(tmp_path):
    path = write_wav(tmp_path / "한 글.wav", tone(440, 0.3, 8_000), 8_000)
    content = path.read_bytes()
    expected = load_waveform(path, CONFIG)
    samples = soundfile.read(path, dtype="int16")[0]
    sources = [str(path), content, bytearray(content), memoryview(content), io.BytesIO(content)]
    for source in sources:
        np.testing.assert_array_equal(load_waveform(source, CONFIG), expected)
    for array in (samples, samples[:, None], samples.astype(np.float64) / 2**15, (samples / 2**15).tolist()):
        np.testing.assert_array_equal(load_waveform(array, CONFIG, sample_rate=8_000), expected)
    with path.open("rb") as file:
        np.testing.assert_array_equal(load_waveform(file, CONFIG), expected)


def test_a_pipe_is_a_file_object_too(tmp_path):
    content = encoded(SOUND[:2000])
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        file.write(content)
    with os.fdopen(reader, "rb") as file:
        np.testing.assert_array_equal(load_waveform(file, CONFIG), load_waveform(content, CONFIG))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64])
def test_arrays_of_every_kind_have_full_scale_at_one(dtype):
    kind = np.dtype(dtype)
    if kind.kind == "f":
        array = SOUND.astype(dtype)
    else:
        half = 2.0 ** (8 * kind.itemsize - 1)
        array = np.round(SOUND.astype(np.float64) * half + (half if kind.kind == "u" else 0)).astype(dtype)
    assert np.abs(load_waveform(array, CONFIG) - SOUND).max() < 2**-7


def test_the_waveform_is_the_callers_own(tmp_path):
    array = SOUND.copy()
    waveform = load_waveform(array, AudioConfig(remove_mean=True))
    waveform[:] = 0
    np.testing.assert_array_equal(array, SOUND)


def test_the_mean_is_removed_where_asked():
    shifted = (SOUND * 0.5 + 0.25).astype(np.float32)
    assert abs(load_waveform(shifted, AudioConfig(remove_mean=True)).mean()) < 1e-6
    assert load_waveform(shifted, AudioConfig()).mean() == pytest.approx(0.25, abs=1e-3)


def test_decode_leaves_rate_channels_and_silence_as_they_are():
    samples, rate = decode(encoded(np.zeros((100, 2)), 8_000), CONFIG)
    assert (samples.shape, samples.dtype, rate) == ((100, 2), np.float32, 8_000)


def cancelling(*shares: float) -> np.ndarray:
    return np.stack([SOUND * share for share in shares], axis=1)


@pytest.mark.parametrize("shares", [(1, -1), (-0.5, 0.5), (1, -0.9), (0.3, -0.3, 0), (1, -1, 0.5, -0.5)])
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16"])
def test_channels_that_cancel_each_other_are_no_silence(shares, subtype):
    waveform = load_waveform(encoded(cancelling(*shares), subtype=subtype), CONFIG)
    loudest = max(shares, key=abs)
    difference = [np.abs(waveform - sign * loudest * SOUND).max() for sign in (1, -1)]  # either of two as loud
    assert min(difference) < 1e-3


def test_channels_that_cancel_each_other_but_for_an_offset_or_noise():
    noise = 1e-3 * np.random.default_rng(0).standard_normal((len(SOUND), 2))
    for added in (0.2, noise):
        waveform = load_waveform((cancelling(1, -1) + added).astype(np.float32), AudioConfig(remove_mean=True))
        assert np.abs(np.abs(waveform) - np.abs(SOUND)).max() < 0.01


@pytest.mark.parametrize("shares", [(1, 1), (1, 0), (1, 0, 0, 0, 0, 0, 0, 0), (1, -0.5), (0.2, 0.9)])
def test_channels_that_do_not_cancel_each_other_are_their_mean(shares):
    waveform = load_waveform(encoded(cancelling(*shares), subtype="FLOAT"), CONFIG)
    np.testing.assert_allclose(waveform, np.mean(shares) * SOUND, atol=1e-6)


def test_unrelated_channels_are_their_mean():
    noise = np.random.default_rng(1).normal(0, 0.1, (8_000, 2)).astype(np.float32)
    np.testing.assert_array_equal(mixed_down(noise), noise.mean(axis=1))


def test_silent_channels_are_silence():
    with pytest.raises(AudioError, match="every sample is zero"):
        load_waveform(np.zeros((8_000, 2)), CONFIG)


# -- a stretch of a recording ------------------------------------------------------------------------------------------

STEPS = np.repeat(np.linspace(0.1, 0.9, 9), 4_000).astype(np.float32)  # half a second each, at 8000 Hz


@pytest.fixture(params=["WAV", "FLAC", "AIFF", "OGG", "MP3"])
def steps(request, tmp_path):
    path = tmp_path / "steps"
    waves = STEPS * np.sin(np.arange(len(STEPS)) * 2 * np.pi * 0.1)  # coders lose what does not change
    path.write_bytes(encoded(waves, 8_000, request.param))
    return path


def peaks(waveform) -> float:
    return float(np.percentile(np.abs(waveform), 95))


@pytest.mark.parametrize("n", [0, 3, 8])
def test_a_stretch_of_a_recording(steps, n):
    source = Excerpt(steps, n / 2, (n + 1) / 2)
    samples, rate = decode(source, CONFIG)
    assert (samples.shape, rate) == ((4_000, 1), 8_000)
    inner = samples[400:-400]
    assert peaks(inner) == pytest.approx(STEPS[4_000 * n], rel=0.1)
    assert len(load_waveform(source, CONFIG)) == 8_000
    with open_stream(source, 16_000) as (_, chunks):
        assert np.array_equal(np.concatenate(list(chunks)), samples[:, 0])


def test_the_limit_counts_the_stretch_and_not_the_recording(steps):
    short = AudioConfig(sample_rate=16_000, max_seconds=1.0)
    assert len(load_waveform(Excerpt(steps, 3.0, 4.0), short)) == 16_000
    with pytest.raises(AudioError, match="longer than 1 s"):
        load_waveform(Excerpt(steps, 3.0, 4.1), short)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (4.0, 5.0, "only 0.50 s of it are in the recording; expected a stretch within it; correct the times"),
        (7.0, 8.0, "only 0.00 s of it are in the recording"),
        (2.0, 2.0, "expected a start of 0 s or later and an end behind it"),
        (2.0, 1.0, "expected a start of 0 s or later and an end behind it"),
        (-1.0, 1.0, "expected a start of 0 s or later"),
        (float("nan"), 1.0, "expected a start of 0 s or later"),
        (0.0, float("inf"), "expected a start of 0 s or later"),
    ],
)
def test_stretches_that_are_not_there(steps, start, end, message):
    source = Excerpt(steps, start, end)
    with pytest.raises(AudioError, match=message):
        load_waveform(source, CONFIG)
    with pytest.raises(AudioError, match=message), open_stream(source, 16_000) as (_, chunks):
        list(chunks)


def test_an_end_that_was_rounded_up_is_the_end(steps):
    assert len(decode(Excerpt(steps, 4.0, 4.52), CONFIG)[0]) == 4_000


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; record it again"),
        (b"this is text, not sound\n" * 50, "cannot be decoded .*; expected wav, flac"),
        (encoded()[:20], "cannot be decoded"),
        (encoded()[:44], "0 samples after decoding; expected at least 0.05 s, 800 samples at 16000 Hz"),
        (wav(b""), "0 samples after decoding"),
        (wav(b"\x10\x10"), "1 samples after decoding; expected at least 0.05 s"),
        (wav(bytes(16_000)), "every sample is zero; expected sound; check the microphone"),
        (wav(struct.pack("<f", np.nan) * 1600, kind=3, bits=32), "values that are not numbers"),
        (wav(struct.pack("<f", np.inf) * 1600, kind=3, bits=32), "values that are not numbers"),
        (wav(struct.pack("<ff", 0.5, -np.inf) * 1600, kind=3, bits=32), "values that are not numbers"),
        (encoded(file_format="FLAC")[:30], "cannot be decoded"),
        (encoded(file_format="OGG")[:30], "cannot be decoded"),
        (encoded(file_format="AIFF")[:30], "cannot be decoded|0 samples"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, content, message, capfd):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=rf"^{path}: .*({message})") as caught:
        load_waveform(path, CONFIG)
    assert "\n" not in str(caught.value)
    assert caught.value.name == str(path)
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    with pytest.raises(AudioError):
        load_waveform(content, CONFIG)
    assert capfd.readouterr().err == ""  # soundfile's callbacks print tracebacks if they may


def test_ten_minutes_are_refused_without_being_read(tmp_path):
    path = write_wav(tmp_path / "long.wav", np.full(600 * 4_000, 0.1, np.float32), 4_000)
    tracemalloc.start()
    with pytest.raises(AudioError, match="longer than 60 s; expected one word a clip; cut it into clips"):
        load_waveform(path, CONFIG)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3e6  # a minute of it are 0.96 MB as float32


def test_a_header_that_promises_4_gb_costs_nothing(tmp_path):
    samples = (SOUND * 32767).astype("<i2").tobytes()
    path = tmp_path / "huge.wav"
    path.write_bytes(wav(samples, n_promised=2**32 - 2))
    tracemalloc.start()
    waveform = load_waveform(path, CONFIG)  # what is there is taken
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(waveform) == len(SOUND)
    assert peak < 1e6


def test_damaged_bytes_never_escape_as_anything_else(capfd):
    rng = np.random.default_rng(929)
    n_refused = 0
    for file_format in ("WAV", "FLAC", "OGG", "AIFF"):
        good = np.frombuffer(encoded(SOUND[:3000], file_format=file_format), np.uint8)
        for _ in range(60):
            damaged = good[: rng.integers(1, len(good))].copy() if rng.random() < 0.3 else good.copy()
            places = rng.integers(0, min(100, len(damaged)), size=3)
            damaged[places] = rng.integers(0, 256, size=3)
            try:
                waveform = load_waveform(damaged.tobytes(), CONFIG)
                assert np.isfinite(waveform).all()
            except AudioError:
                n_refused += 1
    assert n_refused > 50
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.wav", "nowhere.wav: no such file; check the path"),
        (Path(__file__).parent, "is a folder"),
        ("n" * 5000, "cannot be opened"),
        ("a\0b.wav", "no such file"),
        (b"", "nothing there"),
        (io.BytesIO(), "nothing there"),
        (io.StringIO("text"), "gives str; expected bytes: open the file in binary mode"),
        (np.zeros(0), "0 samples"),
        (np.zeros((0, 2)), "0 samples"),
        (np.zeros((8000, 0)), "0 samples"),
        (np.float32(1), r"array of float32 with shape \(\)"),
        (np.zeros((2, 2, 2)), "expected numbers"),
        (np.zeros(8000, bool), "array of bool"),
        (np.zeros(8000, complex), "array of complex128"),
        (["a", "b"], "expected numbers"),
        ([[1], [1, 2]], "not an array"),
        (None, "array of object"),
        (np.zeros(8000), "every sample is zero"),
        (np.full(8000, np.nan), "not numbers"),
        (np.full(8000, 1e300), "not numbers"),
        (np.full((8000, 2), 3e38, np.float32), "not numbers"),
        (np.ones(61 * 16_000), "longer than 60 s"),
    ],
)
def test_sources_that_cannot_be_used(source, message):
    with pytest.raises(AudioError, match=message):
        load_waveform(source, CONFIG)


def test_a_closed_file(tmp_path):
    file = write_wav(tmp_path / "a.wav", SOUND, 16_000).open("rb")
    file.close()
    with pytest.raises(AudioError, match=r"a.wav: cannot be read \(read of closed file\)"):
        load_waveform(file, CONFIG)


@pytest.mark.parametrize("sample_rate", [0, -8000])
def test_an_arrays_rate_must_be_one(sample_rate):
    with pytest.raises(AudioError, match=f"sample rate {sample_rate} Hz; expected a number above 0"):
        load_waveform(SOUND, CONFIG, sample_rate=sample_rate)


def test_raw_samples_say_no_format(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(2000))
    with pytest.raises(AudioError, match="cannot be decoded"):
        load_waveform(path, CONFIG)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_names_that_are_not_utf8(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/zw\xf6lf.wav"))
    write_wav(path, SOUND, 16_000)
    assert len(load_waveform(path, CONFIG)) == len(SOUND)
    path.write_bytes(b"x")
    with pytest.raises(AudioError, match=r"zw\\xf6lf.wav: cannot be decoded") as caught:
        load_waveform(path, CONFIG)
    assert caught.value.name == f"{tmp_path}/zw\\xf6lf.wav"
    assert caught.value.reason.startswith("cannot be decoded (")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("no: where.wav", "no: where.wav"),
        (b"RIFF", "audio of 4 bytes"),
        (io.BytesIO(), "audio"),
        (np.zeros(8000), "audio"),
    ],
)
def test_what_was_read_has_a_name_apart_from_what_is_wrong(source, name):
    with pytest.raises(AudioError) as caught:
        load_waveform(source, CONFIG)
    assert caught.value.name == name
    assert name not in caught.value.reason


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_printable_leaves_readable_names_alone():
    assert printable("하나 둘.wav") == "하나 둘.wav"


def test_a_small_file_cannot_become_a_large_one():
    file = io.BytesIO()
    soundfile.write(file, np.zeros((1_000, 8)), 192_000, format="FLAC")
    with pytest.raises(AudioError, match="8 channels at 192000 Hz; expected at most 384000 values a second"):
        load_waveform(file.getvalue(), AudioConfig())


# -- piece by piece ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("seconds", [0.3, CHUNK_SECONDS, 2.4 * CHUNK_SECONDS])
def test_the_pieces_of_a_recording_are_the_recording(file_format, seconds):
    content = encoded(tone(440, seconds, 8_000), 8_000, file_format)
    with open_stream(content, 16_000) as (rate, chunks):
        pieces = list(chunks)
    assert rate == 8_000
    assert max(map(len, pieces)) <= CHUNK_SECONDS * rate
    assert np.array_equal(np.concatenate(pieces), load_waveform(content, AudioConfig(sample_rate=8_000)))


def test_a_long_recording_is_never_in_memory_as_a_whole(tmp_path):
    path = tmp_path / "long.flac"
    soundfile.write(path, np.zeros(300 * 16_000, dtype=np.int16), 16_000)
    tracemalloc.start()
    with open_stream(path, 16_000) as (_, chunks):
        n_samples = sum(map(len, chunks))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_samples == 300 * 16_000
    assert most < 10 * 16_000 * 4


def test_a_header_that_promises_hours_gives_what_there_is():
    content = wav(b"\1\0" * 8_000, n_promised=2**32 - 1)
    with open_stream(content, 16_000) as (_, chunks):
        assert sum(map(len, chunks)) == 8_000


def test_a_checked_chunk_is_the_chunk_itself():
    assert checked_chunk(SOUND) is SOUND
    assert checked_chunk(SOUND.astype(np.float64)).dtype == np.float32
