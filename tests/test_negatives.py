"""What is no word of the vocabulary."""

import numpy as np
import pytest

from sutja import negatives
from sutja.synth import DIGITS

RATE = 16_000


def test_splices_are_made_of_the_clip_and_are_not_the_clip():
    clip = np.arange(1, 1001, dtype=np.float32)
    seen = set()
    for seed in range(40):
        made = negatives.spliced(clip, np.random.default_rng(seed))
        assert set(made) <= set(clip)
        assert not np.array_equal(made, clip)
        seen.add(made[0])
    assert seen == {1000.0, 501.0, 1.0}  # reversed, exchanged, said twice


def test_noises_sound_and_differ():
    rng = np.random.default_rng(0)
    lengths = set()
    for _ in range(30):
        made = negatives.noise(RATE, rng)
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert made.any()
        lengths.add(len(made))
        assert 0.19 * RATE < len(made) <= RATE
    assert len(lengths) > 20


def test_words_are_spoken_and_never_of_the_vocabulary():
    labels = [str(digit) for digit in range(10)]
    words = list(negatives.other_words([*labels, "left"], 60, RATE, np.random.default_rng(1)))
    assert len(words) == 60
    spoken = {name.partition(":")[2] for name, _ in words}
    assert not spoken & {"left", *DIGITS["en"], *DIGITS["ko"], *labels}
    assert len(spoken) > 30
    assert all(waveform.any() and 800 < len(waveform) < 3 * RATE for _, waveform in words)


def test_without_espeak_there_are_none(monkeypatch):
    monkeypatch.setattr(negatives, "find_spec", lambda name: None)
    assert list(negatives.other_words(["0"], 5, RATE, np.random.default_rng(1))) == []


@pytest.mark.parametrize("n_folds", [2, 5, 7])
def test_words_spread_over_the_folds(n_folds):
    folds = [negatives.fold_of(f":{word}", n_folds) for word in negatives.WORDS]
    assert set(folds) == set(range(n_folds))
