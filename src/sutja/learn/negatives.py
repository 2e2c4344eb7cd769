"""Sounds that are no word of the vocabulary, to learn refusal from: words cut and joined, other words, noise.

Every negative belongs to a fold in which nothing that it is made of is learned from: those cut from a clip to the
clip's own fold, synthetic words to one of their own, so that the out-of-fold scores of refusal are honest.
Waveforms are float32, ``(n_samples,)``, at the sample rate asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from sutja.audio import Waveform
from sutja.augment import coloured_noise
from sutja.lexicon import Vocabulary, listed_words
from sutja.speech import SPLICE_DB, samples_in, spoken_part
from sutja.synth import SynthConfig, Voice, draw_voices

N_VOICES = 120
PSEUDO_SHARE = 0.4  # of the synthetic words are no words at all, so that nothing can be known by heart
CROSSED_SHARE, HALF_SHARE = 0.55, 0.25  # of the spliced sounds; the others run backwards
FADE_SECONDS = 0.005
ONSETS = "p b t d k g m n l r s f v h w y z j sh ch th st sk pl br".split()  # noqa: SIM905
VOWELS = "a e i o u ai ee oo ou ar er or".split()  # noqa: SIM905
CODAS = ["", "", *"n m t k s l p d g f z sh nd st".split()]  # noqa: SIM905


def spliced(
    waveform: Waveform,
    other: Waveform,
    sample_rate: int,
    rng: np.random.Generator,
    *,
    half_share: float = HALF_SHARE,
) -> Waveform:
    """Make a sound that is no word out of words: one ends as the other, one stops half-way, or runs backwards.

    Parameters
    ----------
    waveform, other
        Two different words, best of one speaker, ``(n_samples,)`` each.
    sample_rate
        Of both, Hz.
    rng
        Draws what is done, and where it is cut.
    half_share
        How often one stops half-way.

    """
    kind, n_fade = rng.random(), samples_in(FADE_SECONDS, sample_rate)
    word = spoken_part(waveform, sample_rate, below_db=SPLICE_DB)
    cut = int(rng.uniform(0.35, 0.6) * len(word))
    if kind < CROSSED_SHARE:
        ending = spoken_part(other, sample_rate, below_db=SPLICE_DB)
        return _joined(word[:cut], ending[int(rng.uniform(0.4, 0.65) * len(ending)) :], n_fade)
    if kind < CROSSED_SHARE + half_share:
        return _joined(word[:cut], np.zeros(n_fade, dtype=np.float32), n_fade)
    return np.ascontiguousarray(word[::-1])


def _joined(first: Waveform, second: Waveform, n_fade: int) -> Waveform:
    """Put two sounds after each other, one fading into the other: a click at the seam would give it away."""
    n = min(n_fade, len(first), len(second))
    up = np.linspace(0, 1, n, dtype=np.float32)
    seam = first[len(first) - n :] * (1 - up) + second[:n] * up
    return np.concatenate([first[: len(first) - n], seam, second[n:]])


def noise(sample_rate: int, rng: np.random.Generator) -> Waveform:
    """Make a sound that nobody spoke: steady noise, a burst, or tones that ring out; 0.2 to 1 s."""
    n_samples = int(rng.uniform(0.2, 1.0) * sample_rate)
    if rng.random() < 0.7:
        return coloured_noise(n_samples, rng.uniform(0, 2), rng)
    time = np.arange(n_samples) / sample_rate
    tones = sum(np.sin(2 * np.pi * rng.uniform(80, 4000) * time) for _ in range(rng.integers(1, 4)))
    return np.asarray(tones * np.exp(-time * rng.uniform(0, 8)), dtype=np.float32)


@dataclass(frozen=True)
class OtherWord:
    """A word that is not in the vocabulary, and the synthetic voice that says it."""

    name: str
    """Its language (empty where it is English) and the word: ``de:eins``, ``:house``."""
    text: str
    voice: Voice


def other_words(vocabulary: Vocabulary, n_words: int, rng: np.random.Generator) -> Iterator[OtherWord]:
    """Draw ``n_words`` words that are not in the vocabulary, each with a synthetic voice.

    Gives nothing where eSpeak NG is not installed.
    """
    if find_spec("espeakng_loader") is None:
        return
    voices = list(draw_voices(SynthConfig(n_voices=N_VOICES, seed=int(rng.integers(2**31)))).values())
    for language, word, speaker in drawn_words(vocabulary, n_words, len(voices), rng):
        voice = voices[speaker]
        if language:
            voice = Voice(language, voice.variant, voice.rate, voice.pitch, voice.pitch_range)
        yield OtherWord(f"{language}:{word}", word, voice)


def drawn_words(
    vocabulary: Vocabulary, n_words: int, n_voices: int, rng: np.random.Generator
) -> Iterator[tuple[str, str, int]]:
    """Draw words that are not in the vocabulary: ``(language, word, number of the voice)``.

    The language is empty where the voice speaks in its own, English.
    """
    pool = [("" if code == "en" else code, word) for code, word in listed_words() if word not in vocabulary]
    for _ in range(n_words):
        language, word = pool[rng.integers(len(pool))]
        if rng.random() < PSEUDO_SHARE and (made := pseudo_word(rng)) not in vocabulary:
            language, word = "", made
        yield language, word, int(rng.integers(n_voices))


def pseudo_word(rng: np.random.Generator) -> str:
    """Make up a word of one to three syllables."""
    n_syllables = rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2])
    return "".join(str(rng.choice(part)) for _ in range(n_syllables) for part in (ONSETS, VOWELS, CODAS))


def fold_of(name: str, n_folds: int) -> int:
    """Return the fold, from 0, in which a word is held out.

    >>> fold_of(":yes", 5) == fold_of(":yes", 5)
    True
    """
    return zlib.crc32(name.encode()) % n_folds


def fold_of_corpus(corpora: Iterable[str], judged: Sequence[str]) -> dict[str, int]:
    """Say in which fold each corpus of other words is held out, where the folds hold out corpora.

    Corpora whose names begin alike (up to the first ``_``) are one's own: the same people and microphones. They are
    held out together; the others are dealt out in turn.

    >>> fold_of_corpus(["an4_words", "gsc", "wuw_1", "wuw_2"], ["an4_digits", "fsdd"])
    {'an4_words': 0, 'gsc': 0, 'wuw_1': 1, 'wuw_2': 1}
    """
    if not judged:
        return {}
    folds = {corpus.partition("_")[0]: fold for fold, corpus in enumerate(judged)}
    families = {corpus: corpus.partition("_")[0] for corpus in sorted(set(corpora))}
    for number, family in enumerate(sorted(set(families.values()) - set(folds))):
        folds[family] = number % len(judged)
    return {corpus: folds[family] for corpus, family in families.items()}
