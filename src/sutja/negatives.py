"""Sounds that are no word of the vocabulary, to learn refusal from: spliced and reversed clips, other words, noise.

Every negative belongs to a fold in which nothing that it is made of is learned from: those cut from a clip to the
clip's own fold, synthetic words to one of their own, so that the out-of-fold scores of refusal are honest.
Waveforms are float32, ``(n_samples,)``, at the sample rate asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import numpy as np

from sutja.audio import Waveform
from sutja.augment import coloured_noise

# Common words, and some that sound like digits; a word of the vocabulary itself is never used.
WORDS = """
left right go stop on off bird cat dog tree house happy marvin sheila bed wow backward forward follow learn
visual hello goodbye please thanks water coffee window table music light door open close start pause next back
play red green blue yellow white black apple orange banana monday tuesday sunday january august hero free fine
nice mine heaven eleven ten twelve thirty hundred thousand million sick fix mix sex tax late wait gate eighty
ninety sixty then when fun sun run done shoe new zoo food moon more store floor force fork hive live drive side
time sign line night seventy second several severe said siren never river nothing people mother father sister
brother school teacher letter number phone call message volume louder quieter alarm timer weather today tomorrow
yesterday computer internet picture camera question answer maybe always perfect important beautiful dangerous
elephant umbrella mountain ocean island kitchen garden hospital um hmm hey okay ouch
""".split()  # noqa: SIM905  words read best as words
OTHER_LANGUAGES = {
    "ko": "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 안녕 물 사람",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun ja nein hallo",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve hola gracias",
    "fr": "zéro un deux trois quatre cinq sept huit neuf bonjour merci",
}
N_VOICES = 90


def spliced(waveform: Waveform, rng: np.random.Generator) -> Waveform:
    """Make a sound that is no word of a word: reversed, with its halves exchanged, or its first half said twice."""
    kind = rng.random()
    middle = len(waveform) // 2
    if kind < 0.5:
        return np.ascontiguousarray(waveform[::-1])
    if kind < 0.75:
        return np.concatenate([waveform[middle:], waveform[:middle]])
    return np.concatenate([waveform[:middle], waveform[:middle]])


def noise(sample_rate: int, rng: np.random.Generator) -> Waveform:
    """Make a sound that nobody spoke: steady noise, a burst, or tones that ring out; 0.2 to 1 s."""
    n_samples = int(rng.uniform(0.2, 1.0) * sample_rate)
    if rng.random() < 0.7:
        return coloured_noise(n_samples, rng.uniform(0, 2), rng)
    time = np.arange(n_samples) / sample_rate
    tones = sum(np.sin(2 * np.pi * rng.uniform(80, 4000) * time) for _ in range(rng.integers(1, 4)))
    return np.asarray(tones * np.exp(-time * rng.uniform(0, 8)), dtype=np.float32)


def other_words(
    labels: Sequence[str], n_words: int, sample_rate: int, rng: np.random.Generator
) -> Iterator[tuple[str, Waveform]]:
    """Speak ``n_words`` words that are not in the vocabulary with synthetic voices: ``(word, waveform)``.

    Gives nothing where eSpeak NG is not installed.
    """
    if find_spec("espeakng_loader") is None:
        return
    from sutja.synth import DIGITS, SynthConfig, Voice, draw_voices, synthesise

    spoken = {label.casefold() for label in labels}
    if spoken & set("0123456789"):
        spoken |= {word for words in DIGITS.values() for word in words}
    voices = list(draw_voices(SynthConfig(n_voices=N_VOICES, seed=int(rng.integers(2**31)))).values())
    pool = [("", word) for word in WORDS if word not in spoken]
    pool += [(code, word) for code, words in OTHER_LANGUAGES.items() for word in words.split() if word not in spoken]
    for _ in range(n_words):
        language, word = pool[rng.integers(len(pool))]
        voice = voices[rng.integers(len(voices))]
        if language:
            voice = Voice(language, voice.variant, voice.rate, voice.pitch, voice.pitch_range)
        yield f"{language}:{word}", synthesise(word, voice, sample_rate=sample_rate)


def fold_of(name: str, n_folds: int) -> int:
    """Return the fold, from 0, in which a word is held out.

    >>> fold_of(":yes", 5) == fold_of(":yes", 5)
    True
    """
    return zlib.crc32(name.encode()) % n_folds
