"""What is no word of the vocabulary."""

import numpy as np
import pytest

from sutja.learn import negatives
from sutja.synth import DIGITS, synthesise

RATE = 16_000


def test_splices_are_made_of_the_words_and_are_neither():
    silence = np.zeros(3200, dtype=np.float32)
    words = [np.concatenate([silence, level * np.ones(8000, dtype=np.float32), silence]) for level in (0.5, 0.25)]
    words[0][3200:11200] += np.linspace(0, 0.1, 8000, dtype=np.float32)
    seen = set()
    for seed in range(60):
        made = negatives.spliced(*words, np.random.default_rng(seed))
        assert 0.3 * 8000 < len(made) < 9800
        assert made[0] != 0  # the silence around the words is gone
        crossed, backwards = made[-1] == 0.25, made[0] > made[-1] == 0.5
        seen.add("crossed" if crossed else "backwards" if backwards else "half" if made[-1] == 0 else made[-1])
        assert np.abs(np.diff(made)).max() < 0.02  # no click at the seam
    assert seen == {"crossed", "backwards", "half"}


def test_splices_of_what_is_too_short_to_cut_are_still_sounds():
    short = np.ones(100, dtype=np.float32)
    for seed in range(20):
        assert len(negatives.spliced(short, short, np.random.default_rng(seed)))
        assert len(negatives.spliced(np.zeros(900, dtype=np.float32), short, np.random.default_rng(seed)))


def test_pseudo_words_are_many_and_can_be_said():
    rng = np.random.default_rng(3)
    made = {negatives.pseudo_word(rng) for _ in range(300)}
    assert len(made) > 250
    assert all(word.isalpha() and 2 <= len(word) <= 20 for word in made)


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
    words = list(negatives.other_words([*labels, "left"], 60, np.random.default_rng(1)))
    assert len(words) == 60
    spoken = {word.text for word in words}
    assert all(word.name.partition(":")[2] == word.text for word in words)
    assert not spoken & {"left", *DIGITS["en"], *DIGITS["ko"], *labels}
    assert len(spoken) > 30
    waveforms = [synthesise(word.text, word.voice, sample_rate=RATE) for word in words]
    assert all(waveform.any() and 800 < len(waveform) < 3 * RATE for waveform in waveforms)


def test_without_espeak_there_are_none(monkeypatch):
    monkeypatch.setattr(negatives, "find_spec", lambda name: None)
    assert list(negatives.other_words(["0"], 5, np.random.default_rng(1))) == []


@pytest.mark.parametrize("n_folds", [2, 5, 7])
def test_words_spread_over_the_folds(n_folds):
    folds = [negatives.fold_of(f":{word}", n_folds) for word in negatives.WORDS]
    assert set(folds) == set(range(n_folds))
