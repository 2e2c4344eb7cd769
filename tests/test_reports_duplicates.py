"""Near clips: copies of a recording are found however they were changed, and nothing else is."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("sklearn")
import soundfile
import soxr

from sutja.audio import load_waveform
from sutja.dataset import scan
from sutja.reports.duplicates import AUDIO, SAME, find_duplicates, nearest, similarity, sketch

RATE = AUDIO.sample_rate


def word(seed: int, seconds: float = 0.5) -> np.ndarray:
    """A burst of noise whose colour and loudness change as a word's do, its own for each seed."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    sound = np.zeros(n)
    for part in np.array_split(np.arange(n), 5):
        spectrum = np.fft.rfft(rng.standard_normal(len(part)))
        middle = rng.uniform(300, 3000)
        spectrum *= np.exp(-(((np.fft.rfftfreq(len(part), 1 / RATE) - middle) / 500) ** 2))
        sound[part] = np.fft.irfft(spectrum, len(part)) * rng.uniform(0.3, 1)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def noisy(waveform, snr_db):
    noise = np.random.default_rng(5).standard_normal(len(waveform)) * np.sqrt(np.mean(waveform**2))
    return (waveform + noise * 10 ** (-snr_db / 20)).astype(np.float32)


def as_mp3(waveform):
    file = io.BytesIO()
    soundfile.write(file, waveform, RATE, format="MP3", subtype="MPEG_LAYER_III")
    return soundfile.read(io.BytesIO(file.getvalue()), dtype="float32")[0]


CHANGES = {
    "softer": lambda w: 0.05 * w,
    "inverted": lambda w: -w,
    "silence around": lambda w: np.pad(w, (3000, 1500)),
    "cut": lambda w: w[400:-200],
    "noise": lambda w: noisy(w, 25),
    "mp3": as_mp3,
    "8 bits": lambda w: (np.round(w * 127) / 127).astype(np.float32),
    "another rate": lambda w: soxr.resample(soxr.resample(w, RATE, 11_025), 11_025, RATE),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_other_words(change):
    waveforms = [word(seed) for seed in range(30)]
    waveforms.append(CHANGES[change](waveforms[7]))
    sketches = np.array([sketch(w) for w in waveforms])
    found = find_duplicates(sketches, [str(i) for i in range(31)], waveforms.__getitem__)
    assert [(pair.first, pair.second, pair.identical) for pair in found] == [(7, 30, False)]
    assert SAME < found[0].similarity <= 1


def test_other_takes_of_a_word_are_no_copies():
    """The same spectrum over time, another waveform: what two takes by one careful speaker are like."""
    first = word(1)
    n_fft = 256
    spectrum = np.fft.rfft(np.pad(first, (0, -len(first) % n_fft)).reshape(-1, n_fft))
    turned = spectrum * np.exp(2j * np.pi * np.random.default_rng(0).random(spectrum.shape))
    other = np.fft.irfft(turned, n_fft).ravel()[: len(first)].astype(np.float32)
    waveforms = [first, other]
    assert find_duplicates(np.array([sketch(w) for w in waveforms]), ["a", "b"], waveforms.__getitem__) == []


def test_the_same_samples_are_found_without_hearing_them():
    found = find_duplicates(np.zeros((3, 4), dtype=np.float32), ["a", "b", "a"], word)
    assert [(p.first, p.second, p.similarity, p.identical) for p in found if p.identical] == [(0, 2, 1.0, True)]


def test_many_of_the_same_samples_give_few_pairs():
    found = find_duplicates(np.zeros((50, 4), dtype=np.float32), ["a"] * 50, word)
    assert [(p.first, p.second) for p in found] == [(0, i) for i in range(1, 50)]


@pytest.mark.parametrize("n_clips", [0, 1])
def test_nothing_to_compare(n_clips):
    assert find_duplicates(np.zeros((n_clips, 4), dtype=np.float32), ["a"] * n_clips, lambda _: word(0)) == []


def test_similarity_is_symmetric_and_knows_silence():
    assert similarity(word(1), word(2)) == pytest.approx(similarity(word(2), word(1)))
    assert similarity(word(1), np.zeros(100, dtype=np.float32)) == 0
    assert similarity(word(1), word(1)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("change", ["softer", "silence around", "8 bits", "another rate"])
def test_sketch_stays_where_it_was(change):
    base, changed, other = sketch(word(1)), sketch(CHANGES[change](word(1))), sketch(word(2))
    assert np.linalg.norm(base - changed) < 0.25 * np.linalg.norm(base - other)


def test_sketch_of_the_shortest_clip():
    shortest = word(1, AUDIO.min_seconds)
    assert sketch(shortest).shape == sketch(word(1)).shape
    assert np.isfinite(sketch(shortest)).all()


def test_nearest_leaves_itself_out():
    places = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    assert nearest(places, 2, [0, 1, 2]) == 1
    assert nearest(places, 1, [1]) is None
    assert nearest(places, 1, []) is None


@pytest.mark.corpus
def test_real_corpora(corpora):
    """The classroom's recordings hold seven that are there twice, cut differently; AudioMNIST's sample none."""
    for name, expected in (("english_classroom", 7), ("audiomnist_sample", 0)):
        clips = scan(corpora / name).labelled
        waveforms = [load_waveform(clip.path, AUDIO) for clip in clips]
        sketches = np.array([sketch(w) for w in waveforms])
        found = find_duplicates(sketches, [str(i) for i in range(len(clips))], waveforms.__getitem__)
        assert len(found) == expected
        assert all(clips[p.first].label == clips[p.second].label for p in found)
