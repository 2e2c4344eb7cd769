"""Features against librosa, and their laws."""

from __future__ import annotations

import warnings
from dataclasses import replace

import librosa
import numpy as np
import pytest
from conftest import tone
from hypothesis import given, settings
from hypothesis import strategies as st

from sutja import features
from sutja.config import FeatureConfig, preset
from sutja.features import (
    extract,
    log_mel,
    mfcc,
    min_max,
    network_input,
    pad,
    power_spectrogram,
    random_left,
)

MEL, MFCC = preset("reference").members.values()
TOLERANCE_DB = 1e-3

# Sample rate and settings, chosen to be unlike one another; the first two are the study's own.
CONFIGURATIONS = [
    (20_000, MEL),
    (20_000, MFCC),
    (20_000, FeatureConfig(n_fft=500, hop_length=200, n_mels=100)),  # the study's plots
    (16_000, FeatureConfig(n_fft=400, hop_length=160, n_mels=40, n_mfcc=13, reference="one")),
    (16_000, FeatureConfig(n_fft=512, win_length=400, hop_length=160, n_mels=64, mel_scale="htk")),
    (16_000, FeatureConfig(n_fft=1024, win_length=401, hop_length=100, n_mels=40, fmin=20, fmax=7600)),
    (16_000, FeatureConfig(n_fft=1024, win_length=1, hop_length=256, n_mels=30)),
    (8_000, FeatureConfig(n_fft=256, hop_length=80, n_mels=23, fmin=64, fmax=4000, mel_scale="htk", mel_norm="none")),
    (8_000, FeatureConfig(n_fft=255, hop_length=77, n_mels=20, n_mfcc=20)),
    (8_000, FeatureConfig(n_fft=200, win_length=199, hop_length=200, n_mels=13, center=False)),
    (11_025, FeatureConfig(n_fft=1103, hop_length=441, n_mels=36, reference="one", top_db=None)),
    (11_025, FeatureConfig(n_fft=1103, win_length=600, hop_length=331, n_mels=36, center=False, mel_norm="none")),
    (22_050, FeatureConfig(n_mels=128, n_mfcc=40, reference="one")),  # librosa's defaults
    (22_050, FeatureConfig(n_fft=1000, hop_length=250, n_mels=80, top_db=40)),
    (22_050, FeatureConfig(n_fft=4096, win_length=2205, hop_length=441, n_mels=128, fmax=11_025, top_db=None)),
    (24_000, FeatureConfig(n_fft=1200, hop_length=300, n_mels=80, fmin=80, fmax=7600, mel_scale="htk", top_db=40)),
    (32_000, FeatureConfig(n_fft=2048, win_length=800, hop_length=320, n_mels=64, n_mfcc=64, center=False)),
    (44_100, FeatureConfig(n_fft=2205, hop_length=441, n_mels=96, fmin=50, mel_norm="none", reference="one")),
    (44_100, FeatureConfig(n_fft=3001, win_length=1999, hop_length=999, n_mels=50, n_mfcc=12, mel_scale="htk")),
    (48_000, FeatureConfig(n_fft=2048, hop_length=480, n_mels=128, reference="one", top_db=80)),
    (48_000, FeatureConfig(n_fft=1536, win_length=1200, hop_length=600, n_mels=64, fmin=300, fmax=3400)),
    (48_000, FeatureConfig(n_fft=4801, hop_length=1200, n_mels=40, n_mfcc=1, top_db=None, center=False)),
    (16_000, FeatureConfig(n_fft=64, hop_length=1, n_mels=8, fmin=0.5)),
    (16_000, FeatureConfig(n_fft=512, hop_length=900, n_mels=1)),  # hop beyond the window, one band
]


def voice(sample_rate: int, seconds: float = 0.6, seed: int = 0) -> np.ndarray:
    """Like a voice: harmonics that glide under two resonances, breath, 16-bit noise floor, quiet ends."""
    rng = np.random.default_rng(seed)
    n_samples = round(seconds * sample_rate)
    time = np.arange(n_samples) / sample_rate
    phase = 2 * np.pi * np.cumsum(rng.uniform(90, 220) * (1 + 0.2 * np.sin(2 * np.pi * 2 * time))) / sample_rate
    waveform = sum(np.sin(k * phase) / k for k in range(1, 16))
    waveform = waveform * np.hanning(n_samples) ** 2 * 0.2 + rng.normal(0, 1e-3, n_samples)
    return (np.round(waveform * 2**15) / 2**15).astype(np.float32)


def of_librosa(waveform: np.ndarray, sample_rate: int, config: FeatureConfig) -> np.ndarray:
    """The same by librosa, which rounds in float32 unless it is given float64."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters")  # a property of such settings, in both
        power = librosa.feature.melspectrogram(
            y=waveform,
            sr=sample_rate,
            n_fft=config.n_fft,
            win_length=config.win_length,
            hop_length=config.hop_length,
            center=config.center,
            n_mels=config.n_mels,
            fmin=config.fmin,
            fmax=config.fmax,
            htk=config.mel_scale == "htk",
            norm="slaney" if config.mel_norm == "slaney" else None,
        )
    decibels = librosa.power_to_db(power, ref=np.max if config.reference == "max" else 1.0, top_db=config.top_db)
    return decibels if config.n_mfcc is None else librosa.feature.mfcc(S=decibels, n_mfcc=config.n_mfcc)


def ours(waveform: np.ndarray, sample_rate: int, config: FeatureConfig) -> np.ndarray:
    return (log_mel if config.n_mfcc is None else mfcc)(waveform, sample_rate, config)


def brief(value: object) -> str:
    """Name a configuration by what is unlike the defaults."""
    if not isinstance(value, FeatureConfig):
        return str(value)
    plain = FeatureConfig()
    return ",".join(f"{k}={v}" for k, v in vars(value).items() if v != getattr(plain, k)) or "defaults"


@pytest.mark.parametrize(("sample_rate", "config"), CONFIGURATIONS, ids=brief)
def test_equals_librosa(sample_rate, config):
    for seed in range(3):
        waveform = voice(sample_rate, seed=seed)
        found = ours(waveform, sample_rate, config)
        expected = of_librosa(waveform.astype(np.float64), sample_rate, config)
        assert found.shape == expected.shape
        assert found.dtype == np.float32
        assert np.abs(found - expected).max() < TOLERANCE_DB


@pytest.mark.parametrize("config", [MEL, MFCC], ids=["mel", "mfcc"])
def test_equals_librosa_as_the_study_calls_it(config):
    # librosa in float32, its own defaults not spelt out.
    waveform = voice(20_000)
    if config is MEL:
        expected = librosa.power_to_db(librosa.feature.melspectrogram(y=waveform, sr=20_000, n_mels=40), ref=np.max)
    else:
        expected = librosa.feature.mfcc(y=waveform, sr=20_000, n_mfcc=40)
    assert np.abs(ours(waveform, 20_000, config) - expected).max() < TOLERANCE_DB


@pytest.mark.corpus
def test_equals_librosa_on_recordings(corpora):
    from sutja.audio import load_waveform
    from sutja.config import AudioConfig

    for path in sorted((corpora / "fsdd" / "recordings").glob("*.wav"))[::150]:
        waveform = load_waveform(path, AudioConfig(sample_rate=20_000))
        for config in (MEL, MFCC):
            difference = np.abs(ours(waveform, 20_000, config) - of_librosa(waveform.astype(float), 20_000, config))
            assert difference.max() < TOLERANCE_DB, path.name


@pytest.mark.parametrize(("sample_rate", "config"), CONFIGURATIONS[:8], ids=brief)
def test_filters_equal_librosa(sample_rate, config):
    expected = librosa.filters.mel(
        sr=sample_rate,
        n_fft=config.n_fft,
        n_mels=config.n_mels,
        fmin=config.fmin,
        fmax=config.fmax,
        htk=config.mel_scale == "htk",
        norm="slaney" if config.mel_norm == "slaney" else None,
    )
    assert np.allclose(features.mel_filters(sample_rate, config), expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_scales(scale):
    hz = np.array([0.0, 60, 999.9, 1000, 1000.1, 3400, 24_000])
    mel = features.hz_to_mel(hz, scale)
    assert np.allclose(mel, librosa.hz_to_mel(hz, htk=scale == "htk"))
    assert np.allclose(features.mel_to_hz(mel, scale), hz)


def test_the_studys_mel_formula():
    assert features.hz_to_mel(np.array([700.0]), "htk") == pytest.approx(2595 * np.log10(2))


# -- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [replace(MEL, center=False), replace(MEL, n_fft=400, hop_length=160, center=False)])
def test_a_shift_by_one_hop_shifts_the_frames_by_one(config):
    waveform = voice(20_000)
    power = power_spectrogram(waveform, config)
    shifted = power_spectrogram(waveform[config.hop_length :], config)
    assert np.allclose(power[:, 1:], shifted, rtol=1e-6, atol=1e-12)


def test_zeros_in_front_move_the_clip_and_change_nothing_else():
    waveform = voice(20_000)
    later = np.concatenate([np.zeros(3 * MEL.hop_length, dtype=np.float32), waveform])
    difference = log_mel(later, 20_000, MEL)[:, 5:] - log_mel(waveform, 20_000, MEL)[:, 2:]
    assert np.abs(difference).max() < 1e-4


@given(gain=st.floats(0.01, 1.0))
@settings(max_examples=20, deadline=None)
def test_loudness_does_not_matter_where_the_loudest_cell_is_0_db(gain):
    waveform = voice(20_000)
    louder, softer = log_mel(waveform, 20_000, MEL), log_mel(waveform * np.float32(gain), 20_000, MEL)
    heard = (louder > -75) & (louder < -0.0)  # the rest may lie below -100 dB of full scale
    assert np.abs(louder - softer)[heard].max() < 1e-3


@given(gain=st.floats(0.1, 1.0))
@settings(max_examples=20, deadline=None)
def test_loudness_adds_decibels_where_0_db_is_power_1(gain):
    waveform, config = voice(20_000), replace(MEL, reference="one", top_db=60.0)
    difference = log_mel(waveform, 20_000, config) - log_mel(waveform * np.float32(gain), 20_000, config)
    assert np.allclose(difference, -20 * np.log10(gain), atol=1e-3)


@pytest.mark.parametrize("config", [MEL, MFCC, replace(MEL, top_db=None)], ids=["mel", "mfcc", "no top_db"])
def test_silence_is_flat_and_finite(config):
    silence = np.zeros(8000, dtype=np.float32)
    found = ours(silence, 20_000, config)
    assert np.isfinite(found).all()
    if config.n_mfcc is None:
        assert (found == 0.0).all()  # the loudest cell is as quiet as all others
        assert (network_input(found, config) == 0.0).all()
    else:
        assert found[0] == pytest.approx(-100 * np.sqrt(128))  # -100 dB in every band: only the mean is not 0
        assert np.abs(found[1:]).max() < 1e-3
        assert np.isfinite(network_input(found, config)).all()


def test_range_of_decibels():
    decibels = log_mel(voice(20_000), 20_000, MEL)
    assert decibels.max() == 0.0
    assert decibels.min() >= -80.0
    assert log_mel(voice(20_000), 20_000, replace(MEL, top_db=30.0)).min() == -30.0


@pytest.mark.parametrize("frequency", [300, 1000, 3000, 8000])
def test_a_tone_is_loudest_in_the_band_around_it(frequency):
    band = log_mel(tone(frequency, 0.5, 20_000), 20_000, MEL).mean(axis=1).argmax()
    corners = librosa.mel_frequencies(MEL.n_mels + 2, fmin=0, fmax=10_000)
    assert corners[band] < frequency < corners[band + 2]


def test_mfcc_is_the_cosine_transform_of_log_mel():
    waveform = voice(20_000)
    whole = mfcc(waveform, 20_000, replace(MFCC, n_mfcc=None))  # all 128: orthonormal, so lengths stay
    bands = log_mel(waveform, 20_000, MFCC)
    assert whole.shape == bands.shape
    assert np.allclose(np.linalg.norm(whole, axis=0), np.linalg.norm(bands, axis=0), rtol=1e-5)
    assert np.array_equal(whole[:40], mfcc(waveform, 20_000, MFCC))


@pytest.mark.parametrize("n_samples", [1, 2, 100, 399, 400, 401, 2047, 2048, 20_479])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("n_fft", [400, 401, 2048])
def test_short_clips_give_frames(n_samples, center, n_fft):
    config = FeatureConfig(n_fft=n_fft, hop_length=160, center=center)
    power = power_spectrogram(np.ones(n_samples, dtype=np.float32), config)
    margin = 2 * (n_fft // 2) if center else 0
    assert power.shape == (n_fft // 2 + 1, 1 + max(0, n_samples + margin - n_fft) // 160)
    assert np.isfinite(power).all()


# -- one pass for several networks ------------------------------------------------------------------------------------


def test_extract_equals_each_alone():
    waveform = voice(20_000)
    found = extract(waveform, 20_000, [MEL, MFCC])
    assert np.array_equal(found[0], log_mel(waveform, 20_000, MEL))
    assert np.array_equal(found[1], mfcc(waveform, 20_000, MFCC))


def test_extract_makes_one_spectrogram_where_settings_agree(monkeypatch):
    made = []
    monkeypatch.setattr(features, "power_spectrogram", lambda w, c: made.append(c) or power_spectrogram(w, c))
    extract(voice(20_000), 20_000, [MEL, MFCC])
    assert len(made) == 1
    other = replace(MEL, n_fft=1024)
    found = extract(voice(20_000), 20_000, [MEL, other, MFCC])
    assert made[1:] == [MEL, other]
    assert np.array_equal(found[1], log_mel(voice(20_000), 20_000, other))


def test_members_with_windows_of_their_own_hear_their_own_spectrogram():
    long, short = np.tile(voice(20_000), 4), replace(MEL, n_frames=20)
    found = extract(long, 20_000, [MEL, short])
    assert [f.shape[1] for f in found] == [40, 20]
    assert np.array_equal(found[1], extract(long, 20_000, [short])[0])


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("n_fft", [2048, 401])
def test_longer_clips_give_their_loudest_window(center, n_fft):
    config = replace(MEL, center=center, n_fft=n_fft)
    quiet = np.full(30_000, 1e-4, dtype=np.float32)
    loud = np.concatenate([quiet, voice(20_000), quiet, quiet])
    (found,) = extract(loud, 20_000, [config])
    assert found.shape == (40, 40)
    (word,) = extract(voice(20_000), 20_000, [replace(config, reference="one", top_db=None)])
    (window,) = extract(loud, 20_000, [replace(config, reference="one", top_db=None)])
    assert window.max() == pytest.approx(word.max(), abs=0.5)  # the word is in it


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("n_fft", [2048, 401])
@pytest.mark.parametrize("extra", [-1, 0, 1, 511, 512, 5000])
def test_no_clip_gives_more_frames_than_the_window(center, n_fft, extra):
    config = replace(MEL, center=center, n_fft=n_fft)
    waveform = np.ones(config.max_samples + extra, dtype=np.float32)
    (found,) = extract(waveform, 20_000, [config])
    assert found.shape[1] <= 40
    assert found.shape[1] == 40 or extra < 0 or n_fft % 2


def test_cached_arrays_cannot_be_changed():
    for cached in (features.mel_filters(20_000, MEL), features.hann_window(400, 512), features.dct_basis(13, 40)):
        with pytest.raises(ValueError, match="read-only"):
            cached[0] = 1.0


def test_the_caller_keeps_its_waveform():
    waveform = voice(20_000)
    before = waveform.copy()
    extract(waveform, 20_000, [MEL, MFCC])
    assert np.array_equal(waveform, before)


# -- padding and scaling ----------------------------------------------------------------------------------------------


def test_padding_at_random_keeps_the_content_and_splits_in_every_way():
    content = np.arange(1, 3 * 36 + 1, dtype=np.float32).reshape(3, 36)
    rng = np.random.default_rng(0)
    lefts = []
    for _ in range(400):
        padded = pad(content, 40, random_left(36, MEL, rng))
        assert padded.shape == (3, 40)
        left = int(np.flatnonzero(padded[0])[0])
        assert np.array_equal(padded[:, left : left + 36], content)
        assert padded.sum() == content.sum()
        lefts.append(left)
    counts = np.bincount(lefts)
    assert len(counts) == 5
    assert counts.min() > 50  # each of 5 ways, 80 times in the mean


def test_padding_a_full_window_changes_nothing():
    content = np.ones((3, 40), dtype=np.float32)
    assert np.array_equal(pad(content, 40, random_left(40, MEL, np.random.default_rng(0))), content)


@given(n_frames=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_random_left_is_none_to_all_of_the_missing_frames(n_frames, seed):
    left = random_left(n_frames, MEL, np.random.default_rng(seed))
    assert 0 <= left <= max(0, 40 - n_frames)


@given(
    low=st.floats(-200, 200, width=32),
    span=st.floats(0.125, 400, width=32),
    shape=st.tuples(st.integers(1, 5), st.integers(2, 5)),
)
def test_min_max_is_0_to_1_and_keeps_order(low, span, shape):
    values = np.linspace(low, low + span, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    scaled = min_max(values)
    assert scaled.min() == 0.0
    assert scaled.max() == 1.0
    assert (np.diff(scaled.ravel()) >= 0).all()


def test_min_max_of_a_constant_is_zero():
    assert (min_max(np.full((2, 3), -80, dtype=np.float32)) == 0.0).all()


def test_padding_means_quietest_before_and_loudest_after():
    # Fault 6 of the study: the same zeros mean opposite things, depending on when the features are scaled.
    decibels = np.array([[-80.0, -40.0, -1.0]], dtype=np.float32)
    before = network_input(decibels, FeatureConfig(n_frames=5, n_mels=1, scaling="before_padding"))
    after = network_input(decibels, FeatureConfig(n_frames=5, n_mels=1, scaling="after_padding"))
    assert before[0, [0, 4]].tolist() == [0.0, 0.0]
    assert after[0, [0, 4]].tolist() == [1.0, 1.0]
    assert before[0, 3] == 1.0
    assert after[0, 1] == 0.0


@pytest.mark.parametrize("config", [MEL, MFCC], ids=["mel", "mfcc"])
def test_each_member_is_scaled_in_the_studys_order(config):
    (content,) = extract(voice(20_000), 20_000, [config])
    left = random_left(content.shape[1], config, np.random.default_rng(1))
    found = network_input(content, config, left=left)
    expected = pad(min_max(content), 40, left) if config is MEL else min_max(pad(content, 40, left))
    assert np.array_equal(found, expected)
    assert found.shape == (40, 40)
    assert (found.min(), found.max()) == (0.0, 1.0)


def test_the_predictors_window_is_centred():
    content = np.ones((1, 3), dtype=np.float32)
    content[0, 0] = 0.0
    config = FeatureConfig(n_mels=1, n_frames=8)
    assert np.array_equal(network_input(content, config), pad(min_max(content), 8, 2))
