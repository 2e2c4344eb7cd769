"""Worse recordings: each condition changes what it says, and the scores are the predictor's own."""

import numpy as np
import pytest
from conftest import tone, write_wav

from sutja import stress
from sutja.audio import Waveform
from sutja.config import AudioConfig
from sutja.dataset import scan
from sutja.errors import DatasetError

RATE = 16_000


class Ear:
    """Stands for a predictor: remembers what it hears, and answers by loudness of the high half of the spectrum."""

    def __init__(self, labels):
        self.bundle = type("B", (), {"audio": AudioConfig(sample_rate=RATE)})()
        self.labels = labels
        self.heard: list[Waveform] = []

    def predict_many(self, sources):
        from sutja.predictor import Prediction

        for waveform in sources:
            self.heard.append(waveform)
            yield Prediction(self.labels[0], 0.9, {label: float(label == self.labels[0]) for label in self.labels})


@pytest.fixture
def clips(tiny_dataset):
    return scan(tiny_dataset).labelled


def test_every_condition_is_scored_over_all_clips(clips):
    labels = sorted({clip.label for clip in clips})
    ear, steps = Ear(labels), []
    found = stress.stress(ear, clips, on_clip=lambda: steps.append(1))
    assert len(found) == sum(len(values) for _, values in stress.STRENGTHS.values())
    assert len(steps) == len(ear.heard) == stress.n_steps(len(clips))
    share = np.mean([clip.label == labels[0] for clip in clips])
    for scores in found:
        assert scores.accuracy == pytest.approx(share)
        assert scores.n_clips == len(clips)
        assert scores.interval95[0] < share < scores.interval95[1]


def test_the_same_seed_makes_the_same_sounds(clips):
    ears = [Ear(["a", "b"]) for _ in range(3)]
    for ear, seed in zip(ears, (0, 0, 1), strict=True):
        stress.stress(ear, clips[:3], names=["babble", "room"], seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(ears[0].heard, ears[1].heard, strict=True))
    assert not np.array_equal(ears[0].heard[0], ears[2].heard[0])


def test_levels_are_peaks(clips):
    ear = Ear(["a"])
    stress.stress(ear, clips[:1], names=["level"])
    peaks = [20 * np.log10(np.abs(waveform).max()) for waveform in ear.heard]
    assert peaks == pytest.approx([0, -20, -40, -60], abs=0.3)


def test_a_narrow_band_has_nothing_above_it():
    both = (tone(1000, 0.5, RATE) + tone(5000, 0.5, RATE)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(stress.CHANGES["bandwidth"](both, 2000, RATE, np.random.default_rng(0))))
    assert spectrum[500] > 100 * spectrum[2500]


@pytest.mark.parametrize("kilobits", stress.STRENGTHS["codec"][1])
def test_a_codec_keeps_the_sound_and_little_else(kilobits):
    low, high = tone(1000, 0.5, RATE), 0.01 * tone(7500, 0.5, RATE)
    rng = np.random.default_rng(0)
    heard = stress.CHANGES["codec"]((low + high).astype(np.float32), kilobits, RATE, rng)
    assert heard.dtype == np.float32
    assert 0 <= len(heard) - len(low) < 0.15 * RATE  # a codec pads its last block
    spectrum = np.abs(np.fft.rfft(heard, RATE))
    assert abs(int(spectrum.argmax()) - 1000) <= 2
    assert spectrum[7400:7600].max() < spectrum.max() / 100
    assert not np.allclose(heard[: len(low)], low + high, atol=1e-3)


@pytest.mark.parametrize("kilobits", stress.STRENGTHS["codec"][1])
def test_a_codec_takes_ten_milliseconds_and_silence(kilobits):
    for waveform in (tone(1000, 0.3, RATE)[: RATE // 100].astype(np.float32), np.zeros(RATE, dtype=np.float32)):
        assert np.isfinite(stress.CHANGES["codec"](waveform, kilobits, RATE, np.random.default_rng(0))).all()


def test_clips_as_short_and_as_long_as_allowed(tmp_path):
    least, most = AudioConfig(sample_rate=RATE).n_samples_allowed
    for label, n_samples in (("short", least), ("long", most)):
        write_wav(tmp_path / label / "clip.wav", tone(440.0, n_samples / RATE, RATE), RATE)
    ear = Ear(["short", "long"])
    stress.stress(ear, scan(tmp_path).labelled, names=["speed", "codec"])
    lengths = [len(waveform) for waveform in ear.heard]
    assert len(lengths) == 14
    assert min(lengths) == least
    assert max(lengths) == most


def test_unknown_conditions_and_no_clips(clips):
    with pytest.raises(DatasetError, match="hail"):
        stress.stress(Ear(["a"]), clips, names=["hail"])
    with pytest.raises(DatasetError, match="no clip"):
        stress.stress(Ear(["a"]), [])
