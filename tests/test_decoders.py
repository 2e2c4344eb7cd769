"""A file, opened: whoever decodes it, the samples are the same, damage has one error, and stdout is nobody's."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import soundfile
from conftest import tone
from helpers import run_python
from recordings import by_soundfile, encoded

from sutja.audio import decode
from sutja.config import AudioConfig
from sutja.contents import Held
from sutja.decoders import open_sound
from sutja.errors import AudioError

CONFIG = AudioConfig(sample_rate=16_000)
N_MUTATED = 500


def test_damaged_files_of_every_kind(tmp_path):
    """Nothing but a waveform or an AudioError, the same by every way, soon, in little memory, nothing on stdout."""
    result = tmp_path / "result.json"
    program = "import sys, recordings\nrecordings.work(100_000, int(sys.argv[2]), sys.argv[1])\n"
    path = f"import sys\nsys.path.insert(0, {str(__file__).rpartition('/')[0]!r})\n"
    ended = run_python(path + program, result, N_MUTATED)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout == ""
    done = json.loads(result.read_text(encoding="utf-8"))
    assert done["n_files"] == N_MUTATED
    assert min(done["n_read"], done["n_refused"]) > N_MUTATED / 10
    assert done["foreign"] == []
    assert done["different"] == []
    assert done["slowest_s"] < 2
    assert done["more_mb"] < 200


# Of these libsndfile prints on stdout; none of them may reach it.
PRINTING = [("XI", "DPCM_16"), ("SDS", "PCM_16"), ("VOC", "PCM_16"), ("PAF", "PCM_24"), ("MAT5", "PCM_16"),
            ("SVX", "PCM_16"), ("PVF", "PCM_16"), ("IRCAM", "PCM_16"), ("AVR", "PCM_16"),
            ("WVE", "ALAW"), ("HTK", "PCM_16"), ("MPC2K", "PCM_16"), ("MAT4", "PCM_16")]  # fmt: skip


@pytest.mark.parametrize(("form", "coding"), PRINTING)
def test_kinds_that_nobody_has_are_not_tried(form, coding, monkeypatch):
    content = by_soundfile(form, coding)
    monkeypatch.setattr(soundfile, "SoundFile", None)
    with pytest.raises(AudioError, match="expected wav, flac, ogg, mp3 or aiff"):
        decode(content, CONFIG)


@pytest.mark.parametrize("n_channels", [1, 2, 5])
def test_wav_of_16_bits_has_the_values_of_libsndfile(n_channels):
    waveform = np.random.default_rng(0).uniform(-1, 1, (2_000, n_channels))
    waveform[:2] = [[-1], [1]]
    content = encoded(waveform, 8_000, "WAV", "PCM_16")
    expected = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)[0]
    np.testing.assert_array_equal(decode(content, CONFIG)[0], expected)
    odd = content[:-1] if n_channels == 1 else content[:-3]
    np.testing.assert_array_equal(decode(odd, CONFIG)[0], expected[:-1])


@pytest.mark.parametrize(
    ("form", "coding"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("OGG", "VORBIS"), ("CAF", "FLOAT")],
)
@pytest.mark.parametrize("place", [0, 1, 7_000, 16_000, 23_999])
def test_what_is_passed_over_is_not_heard(form, coding, place):
    waveform = tone(440, 3.0, 8_000)
    with open_sound(Held(encoded(waveform, 8_000, form, coding)), "a") as sound:
        sound.skip(place)
        rest = sound.read(100_000)
        assert len(sound.read(10)) == 0
    assert rest.shape == (24_000 - place, 1)
    assert np.abs(rest[:, 0] - waveform[place:]).max() < (0.1 if form == "OGG" else 1e-4)


@pytest.mark.parametrize("form", [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III")])
def test_behind_the_end_is_nothing(form):
    with open_sound(Held(by_soundfile(*form)), "a") as sound:
        sound.skip(10**9)
        assert sound.read(10).shape == (0, 1)


def test_what_was_passed_over_in_a_lying_file():
    content = by_soundfile("FLAC", "PCM_16", seconds=3.0)
    lying = content[:24] + b"\x10\x10" + content[26:]  # 4112 samples
    whole = decode(content, CONFIG)[0]
    with open_sound(Held(lying), "a") as sound:
        sound.skip(10_000)
        np.testing.assert_array_equal(sound.read(100_000), whole[10_000:])


def test_too_many_values_a_second():
    content = encoded(np.zeros((100, 9)), 48_000, "WAV", "PCM_16")
    with pytest.raises(AudioError, match="9 channels at 48000 Hz; expected at most 384000 values a second"):
        decode(content, CONFIG)
