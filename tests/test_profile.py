"""Numbers of a clip: each is measured on sound that was made to have it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr
from conftest import tone, write_wav

from sutja.clips import Clip
from sutja.config import Config
from sutja.profile import MAP_FEATURES, N_MAP_PARTS, bandwidth, measure, mfcc_means, profile_clips, snr
from sutja.speech import frame_levels

RATE = 16_000
RNG_SEED = 7


def noise(seconds: float, level: float, sample_rate: int = RATE, seed: int = RNG_SEED) -> np.ndarray:
    n_samples = round(seconds * sample_rate)
    return (level * np.random.default_rng(seed).normal(size=n_samples)).astype(np.float32)


def speech_like(seconds: float, sample_rate: int, seed: int = RNG_SEED) -> np.ndarray:
    """Noise whose level falls by 6 dB an octave and swells like a word, up to half of the sample rate."""
    sound = noise(seconds, 0.2, sample_rate, seed)
    spectrum = np.fft.rfft(sound)
    frequencies = np.fft.rfftfreq(len(sound), 1 / sample_rate)
    shaped = np.fft.irfft(spectrum / np.maximum(frequencies / 300, 1), len(sound))
    swell = np.clip(np.sin(np.linspace(0, np.pi, len(sound))), 0.02, 1)
    return (shaped * swell).astype(np.float32)


def profile(waveform: np.ndarray, sample_rate: int = RATE):
    return measure(waveform.reshape(len(waveform), -1), sample_rate, Clip(Path("a.wav"), "a.wav", "yes"), Config())


def test_levels_of_a_sine():
    found = profile(tone(1000, 1, RATE))  # half scale
    assert found.peak_db == pytest.approx(-6.02, abs=0.05)
    assert found.loudness_db == pytest.approx(-9.03, abs=0.05)


def test_loudness_is_of_the_word_alone():
    word = tone(1000, 0.5, RATE)
    padded = np.concatenate([np.zeros(RATE, np.float32), word, np.zeros(RATE, np.float32)])
    assert profile(padded).loudness_db == pytest.approx(profile(word).loudness_db, abs=0.3)


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.0), (0.3, 0.7), (1.0, 0.05)])
def test_silence_around_the_word(before, after):
    parts = [noise(before, 1e-4), tone(500, 0.4, RATE), noise(after, 1e-4)]
    found = profile(np.concatenate(parts))
    assert found.silence_before_seconds == pytest.approx(before, abs=0.03)
    assert found.silence_after_seconds == pytest.approx(after, abs=0.03)


@pytest.mark.parametrize("wanted", [10, 20, 40])
def test_snr_of_a_tone_in_noise(wanted):
    word = np.concatenate([np.zeros(RATE // 2), tone(700, 0.5, RATE), np.zeros(RATE // 2)]).astype(np.float32)
    level = np.sqrt(0.125) * 10 ** (-wanted / 20)
    assert snr(frame_levels(word + noise(1.5, level), RATE)) == pytest.approx(wanted, abs=2)


def test_digital_silence_is_not_a_quiet_room():
    recorded = np.concatenate([noise(0.3, 0.01), tone(700, 0.5, RATE) + noise(0.5, 0.01), noise(0.3, 0.01)])
    filled_up = np.concatenate([np.zeros(RATE), recorded, np.zeros(RATE)]).astype(np.float32)
    assert snr(frame_levels(filled_up, RATE)) == pytest.approx(snr(frame_levels(recorded, RATE)), abs=2)


@pytest.mark.parametrize("file_rate", [16_000, 44_100, 48_000])
def test_a_low_rate_source_is_found(file_rate):
    source = speech_like(0.6, 8_000)
    found = bandwidth(soxr.resample(source, 8_000, file_rate).astype(np.float32), file_rate)
    assert found == pytest.approx(3_800, abs=250)


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_a_full_band_is_full(rate):
    assert bandwidth(speech_like(0.6, rate), rate) == rate / 2
    assert bandwidth(noise(0.6, 0.1, rate), rate) == rate / 2


def test_faults_are_named():
    loud = np.clip(tone(200, 0.5, RATE) * 4, -1, 1)
    assert [kind for kind, _ in profile(loud).problems] == ["clipped"]
    shifted = profile(tone(200, 0.5, RATE) * 0.1 + 0.2)
    assert [kind for kind, _ in shifted.problems] == ["dc_offset"]
    assert shifted.dc_offset == pytest.approx(0.2, abs=1e-3)


def test_a_silent_part_of_a_stereo_file_does_no_harm():
    stereo = np.stack([tone(400, 0.3, RATE), np.zeros(round(0.3 * RATE))], axis=1).astype(np.float32)
    assert profile(stereo).n_channels == 2


@pytest.mark.parametrize("seconds", [0.05, 0.06, 5.0])
def test_any_length_can_be_measured(seconds):
    found = profile(tone(400, seconds, RATE))
    assert found.seconds == pytest.approx(seconds)
    assert all(np.isfinite(v) for v in found.to_dict().values() if isinstance(v, float))


def test_mfcc_means_are_alike_for_slow_and_loud_copies():
    def word(seconds: float) -> np.ndarray:
        return np.concatenate([tone(400, seconds / 2, 20_000), tone(1500, seconds / 2, 20_000)])

    means = [mfcc_means(w, 20_000) for w in (word(0.4), word(0.8), 0.1 * word(0.4))]
    other = mfcc_means(word(0.4)[::-1].copy(), 20_000)
    assert means[0].shape == (N_MAP_PARTS * (MAP_FEATURES.n_bins - 1),)
    near = max(np.abs(means[0] - s).mean() for s in means[1:])
    assert near < 0.5 * np.abs(means[0] - other).mean()


def test_listening_goes_on_after_a_file_that_cannot_be_read(tmp_path):
    good = write_wav(tmp_path / "good.wav", tone(400, 0.3, RATE), RATE)
    (tmp_path / "bad.wav").write_text("no sound")
    write_wav(tmp_path / "zeros.wav", np.zeros(4000, np.float32), RATE)
    names = ("bad.wav", "good.wav", "zeros.wav", "missing.wav")
    steps: list[int] = []
    clips = [Clip(tmp_path / name, name, "yes") for name in names]
    kept = ((1,), lambda waveform, rate: f"{len(waveform)} at {rate}".encode())
    heard, unreadable = profile_clips(clips, Config(), keep=kept, progress=lambda: steps.append(1))
    assert [(h.index, h.profile.name) for h in heard] == [(1, "good.wav")]
    assert heard[0].sound == f"{round(0.3 * RATE)} at {RATE}".encode()
    assert [u.name for u in unreadable] == ["bad.wav", "zeros.wav", "missing.wav"]
    assert "cannot be decoded" in unreadable[0].reason
    assert str(good.parent) not in unreadable[0].reason
    assert len(steps) == 4


@pytest.mark.corpus
def test_every_8_khz_recording_is_recognised_as_such_at_48_khz(corpora):
    import soundfile

    for path in sorted((corpora / "fsdd" / "recordings").glob("*.wav"))[::100]:
        samples, rate = soundfile.read(path, dtype="float32")
        raised = np.round(soxr.resample(samples - samples.mean(), rate, 48_000) * 32768) / 32768
        assert bandwidth(raised.astype(np.float32), 48_000) < 4_100, path.name
