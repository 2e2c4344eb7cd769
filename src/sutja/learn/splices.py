"""Strings to learn from, made of recordings of single words: as if somebody had said them in a row.

One voice, tempo, room, band and noise a string; words run into each other, or have pauses between them. Whole synthetic
strings have the transitions between words that splices lack. Everything is drawn from the seed and the string's number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.augment import Surroundings, augment, change_speed, change_tempo, coloured_noise
from sutja.config import AugmentConfig
from sutja.learn.negatives import spliced as crossed
from sutja.speech import HOP_SECONDS, frame_levels, samples_in, word_frames
from sutja.strings.frontend import SAMPLE_RATE
from sutja.synth import NOT_PEOPLE, Voice, accents_of, synthesise, variants

OTHER = -1
"""The unit of speech that is no word of the vocabulary."""
LENGTHS = 2.4, 4.0, 6.4
"""Seconds of the recordings that are learned from; each string has the shortest that it fits into."""
MARGIN_SECONDS, FADE_SECONDS = 0.02, 0.008
GAPS: tuple[tuple[float, float, float], ...] = (
    (0.38, -0.06, 0.01),
    (0.27, 0.0, 0.12),
    (0.20, 0.1, 0.5),
    (0.15, 0.4, 2.0),
)
"""How people say strings: share of them, shortest and longest pause between words, seconds."""
LONGEST_JOINT_SECONDS, WORN_SHARE, WORN = 0.15, 0.35, (0.1, 0.2)
"""Where pauses are no longer than that, so many words lose up to this much of their beginning and end."""
TEMPO, TEMPI = (0.52, 1.45), (0.5, 1.6)
"""How long words are beside those said alone: from a string to the next, and for any word of it."""
SHORTEST_SECONDS = 0.13
"""No word is made shorter, and none follows the last one's beginning sooner."""
WORD_TEMPO_SPREAD, WORD_GAIN_DB = 0.1, 3.0
REPEAT_SHARE, OTHER_SHARE, MIXED_SHARE = 0.25, 0.15, 0.15
OWN_OTHER_SHARE, PSEUDO_SHARE = 0.6, 0.3
"""How many other words are of whoever says the string, or of the same corpus, where there are any; and how many are no
words at all, made of two of theirs. Else the microphone tells other words: some corpora hold nothing else."""
FEW_TAKES = 4
"""Whoever has fewer says strings together with somebody else."""
GAIN_DB = -42.0, 0.0
BABBLE_SHARE, BABBLE_VOICES, BABBLE_DB = 0.12, (4, 9), (5.0, 25.0)
"""How often so many people talk far away, and how far below the string, dB."""
BURST_SHARE, BURST_SAMPLES, SHORTEST_PAUSE_SECONDS = 0.4, 64, 0.08
"""Recordings with clicks and breath in pauses that are no shorter than that."""
MOST_DRAWS = 50
"""Of strings that turn out to be too long; then nothing is said at all."""
END_SECONDS, CUT_SHARE = 0.2, 0.15
"""After a string there is at least so much of the room, or nothing at all: a recording that was cut."""
CHAIN = AugmentConfig(
    speed_share=0.0,
    room_share=0.3,
    room_seconds=(0.05, 0.5),
    response_share=0.6,
    noise_share=0.3,
    snr_db=(0.0, 35.0),
    line_share=0.12,
    real_noise_share=0.35,
    real_room_share=0.15,
    band_share=0.15,
    overload_share=0.07,
)
VOICE = 0.72, 1.4
VOICE_SPREAD = 0.14


@dataclass(frozen=True)
class Take:
    """One word, said alone or cut out."""

    unit: int
    waveform: Waveform
    """At :data:`SAMPLE_RATE`, without the silence around it."""


@dataclass(frozen=True)
class Whole:
    """A recording of a string whose words are known and whose times are not."""

    units: tuple[int, ...]
    waveform: Waveform


Shares = tuple[list[str], NDArray[np.float64]]
"""Names, and how often each is drawn."""


@dataclass(frozen=True)
class Material:
    """What strings are made of."""

    speakers: Mapping[str, Sequence[Take]]
    """By speaker: takes of the vocabulary."""
    others: Mapping[str, Sequence[Waveform]] = field(default_factory=dict)
    """By speaker: other words, without silence around them."""
    wholes: Sequence[Whole] = ()
    around: Surroundings = field(default_factory=Surroundings)
    texts: Mapping[int, str] = field(default_factory=dict)
    """What a synthetic voice reads for a unit."""
    other_texts: Sequence[str] = ()
    language: str = "en"

    @cached_property
    def speaker_shares(self) -> Shares:
        """Who says strings, and how often each: counted once, drawn from for every string."""
        return _shares(self.speakers)

    @cached_property
    def other_shares(self) -> Shares:
        """The same of other words; some ten thousand synthetic voices may be among them."""
        return _shares(self.others)

    @cached_property
    def family_shares(self) -> dict[str, Shares]:
        """The same within each family of corpora, whose names begin alike."""
        families: dict[str, dict[str, Sequence[Waveform]]] = defaultdict(dict)
        for name, words in self.others.items():
            families[_family(name)][name] = words
        return {family: _shares(others) for family, others in families.items()}


@dataclass(frozen=True)
class Said:
    """A string to learn from."""

    waveform: Waveform
    units: tuple[int, ...]
    times: NDArray[np.float32]
    """``(n_units, 2)``: start and end in seconds; not a number where they are not known."""


def trimmed(waveform: Waveform, sample_rate: int = SAMPLE_RATE) -> Waveform:
    """Return the word of a clip with a small margin."""
    if len(waveform) < samples_in(0.05, sample_rate):
        return waveform
    first, last = word_frames(frame_levels(waveform, sample_rate))
    hop, margin = samples_in(HOP_SECONDS, sample_rate), samples_in(MARGIN_SECONDS, sample_rate)
    return waveform[max(0, first * hop - margin) : last * hop + samples_in(0.025, sample_rate) + margin]


def made(material: Material, seed: int, number: int, *, kinds: Mapping[str, float]) -> Said:
    """Make one string.

    Parameters
    ----------
    material
        What it is made of.
    seed, number
        Everything is drawn from these.
    kinds
        How often each kind is made: `spliced`, `synthetic`, `real`, `other`, `noise`.

    """
    rng = np.random.default_rng([seed, number])
    for _ in range(MOST_DRAWS):
        said = _placed(_drawn(material, kinds, rng), material, rng)
        if said is not None:
            return said
    nothing = _placed(_noise(material, rng), material, rng)
    assert nothing is not None  # it is shorter than the longest recording
    return nothing


def _drawn(material: Material, kinds: Mapping[str, float], rng: np.random.Generator) -> Said:
    share = np.array(list(kinds.values()))
    kind = list(kinds)[int(rng.choice(len(share), p=share / share.sum()))]
    if kind == "real" and material.wholes:
        return _real(material, rng)
    if kind == "synthetic":
        return _synthetic(material, rng)
    if kind == "noise":
        return _noise(material, rng)
    return _spliced(material, rng, only_others=kind == "other")


def _spliced(material: Material, rng: np.random.Generator, *, only_others: bool) -> Said:
    names, weights = material.speaker_shares
    first, second = (names[i] for i in rng.choice(len(names), 2, p=weights))
    takes = material.speakers[first]
    if rng.random() < MIXED_SHARE or len(takes) < FEW_TAKES:
        takes = [*takes, *material.speakers[second]]
    by_unit = defaultdict(list)
    for take in takes:
        by_unit[take.unit].append(take)
    units = _drawn_units(list(by_unit), rng)
    voice = float(np.clip(np.exp(rng.normal(0, VOICE_SPREAD)), *VOICE))
    tempo = float(np.exp(rng.uniform(*np.log(TEMPO))))
    chosen: list[tuple[int, Waveform]] = []
    for unit in units:
        if material.others and (only_others or rng.random() < OTHER_SHARE * 0.5):
            chosen.append((OTHER, _other(material, first, takes, rng)))
        if not only_others:
            of_unit = by_unit[unit]
            chosen.append((unit, of_unit[int(rng.integers(len(of_unit)))].waveform))
    words = [(unit, _as_said(word, voice, tempo, rng)) for unit, word in chosen]
    return _laid(words, rng)


def _other(material: Material, speaker: str, takes: Sequence[Take], rng: np.random.Generator) -> Waveform:
    """Draw a sound that is no word of the vocabulary: best by the same speaker, at times made of their words."""
    if rng.random() < PSEUDO_SHARE:
        word, ending = (takes[int(rng.integers(len(takes)))] for _ in range(2))
        if word.unit != ending.unit:
            return crossed(word.waveform, ending.waveform, SAMPLE_RATE, rng, half_share=0.0)
    names, weights = material.other_shares
    if rng.random() < OWN_OTHER_SHARE:
        near = material.family_shares.get(_family(speaker), material.other_shares)
        names, weights = ([speaker], np.ones(1)) if speaker in material.others else near
    own = material.others[names[int(rng.choice(len(names), p=weights))]]
    return own[int(rng.integers(len(own)))]


def _family(speaker: str) -> str:
    """Return how the name of a speaker's corpus begins, up to the first ``_``."""
    return speaker.partition("/")[0].partition("_")[0]


def _shares(speakers: Mapping[str, Sequence[object]]) -> Shares:
    """Return the speakers and how often each is heard: by how much there is, and by how many speak, both held back.

    A corpus is what a speaker's name has before its first slash.
    """
    names = list(speakers)
    corpora = [name.partition("/")[0] for name in names]
    own = np.array([len(speakers[name]) ** 0.5 for name in names])
    n_takes: dict[str, int] = defaultdict(int)
    sums: dict[str, float] = defaultdict(float)
    for name, corpus, weight in zip(names, corpora, own, strict=True):
        n_takes[corpus] += len(speakers[name])
        sums[corpus] += weight
    n_speakers = Counter(corpora)
    shares = {corpus: (n_takes[corpus] * n_speakers[corpus]) ** 0.25 / sums[corpus] for corpus in n_speakers}
    weights = own * np.array([shares[corpus] for corpus in corpora])
    return names, weights / weights.sum()


def _drawn_units(units: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Draw a string of one to ten words, repeats more often than chance has them."""
    n = int(rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 10], p=[0.13, 0.1, 0.17, 0.17, 0.13, 0.1, 0.1, 0.05, 0.05]))
    drawn: list[int] = []
    for _ in range(n):
        again = drawn and rng.random() < REPEAT_SHARE
        drawn.append(drawn[-1] if again else units[int(rng.integers(len(units)))])
    return drawn


def _as_said(word: Waveform, voice: float, tempo: float, rng: np.random.Generator) -> Waveform:
    """Say a word in this voice and tempo: higher voices first make it shorter, the tempo is what it shall be."""
    least = SHORTEST_SECONDS * SAMPLE_RATE / max(1, len(word))
    factor = max(float(np.clip(tempo * np.exp(rng.normal(0, WORD_TEMPO_SPREAD)), *TEMPI)), min(1.0, least))
    changed = change_tempo(change_speed(word, voice), voice * factor, SAMPLE_RATE).copy()
    n_fade = min(samples_in(FADE_SECONDS, SAMPLE_RATE), len(changed) // 2)
    if n_fade:
        ramp = np.linspace(0, 1, n_fade, dtype=np.float32)
        changed[:n_fade] *= ramp
        changed[-n_fade:] *= ramp[::-1]
    peak = float(np.abs(changed).max()) if len(changed) else 0.0
    gain = 10 ** (rng.uniform(-WORD_GAIN_DB, WORD_GAIN_DB) / 20)
    return changed * np.float32(gain * 0.3 / (peak or 1.0))


def _worn(word: Waveform, rng: np.random.Generator) -> Waveform:
    """Cut a little off both ends, as words wear off each other where they are said without a pause."""
    if rng.random() > WORN_SHARE or len(word) < 1.5 * SHORTEST_SECONDS * SAMPLE_RATE:
        return word
    left, right = (rng.uniform(0, share) for share in WORN)
    return word[int(left * len(word)) : len(word) - int(right * len(word))]


def _laid(words: Sequence[tuple[int, Waveform]], rng: np.random.Generator) -> Said:
    """Lay words one after the other, as one way of speaking has it."""
    shares = np.array([share for share, _, _ in GAPS])
    _, shortest, longest = GAPS[int(rng.choice(len(GAPS), p=shares / shares.sum()))]
    if longest <= LONGEST_JOINT_SECONDS and len(words) > 1:
        words = [(unit, _worn(word, rng)) for unit, word in words]
    most = int(LENGTHS[-1] * SAMPLE_RATE)
    line, at, begun = np.zeros(most, dtype=np.float32), 0, 0
    units, times = [], []
    for number, (unit, word) in enumerate(words):
        after = int(rng.uniform(shortest, longest) * SAMPLE_RATE)
        start = max(at + after, begun + int(SHORTEST_SECONDS * SAMPLE_RATE)) if number else 0
        if start + len(word) > most - 0.3 * SAMPLE_RATE:
            break
        line[start : start + len(word)] += word
        begun, at = start, start + len(word)
        units.append(unit)
        times.append((start / SAMPLE_RATE, at / SAMPLE_RATE))
    return Said(line[:at], tuple(units), np.array(times, dtype=np.float32).reshape(-1, 2))


def _real(material: Material, rng: np.random.Generator) -> Said:
    whole = material.wholes[int(rng.integers(len(material.wholes)))]
    voice = float(np.clip(np.exp(rng.normal(0, VOICE_SPREAD / 2)), *VOICE)) if rng.random() < 0.7 else 1.0
    tempo = float(np.exp(rng.normal(-0.05, 0.12)))
    waveform = change_tempo(change_speed(whole.waveform, voice), voice * tempo, SAMPLE_RATE)
    return Said(waveform, whole.units, _unknown(len(whole.units)))


def _unknown(n: int) -> NDArray[np.float32]:
    return np.full((n, 2), np.nan, dtype=np.float32)


def _synthetic(material: Material, rng: np.random.Generator) -> Said:
    """Let a synthetic voice read a string, in groups as people do."""
    units = _drawn_units(sorted(material.texts), rng)
    texts, spoken = [], []
    for unit in units:
        if material.other_texts and rng.random() < OTHER_SHARE * 0.5:
            texts.append(str(rng.choice(material.other_texts)))
            spoken.append(OTHER)
        texts.append(material.texts[unit])
        spoken.append(unit)
    group = int(rng.integers(2, 5)) if rng.random() < 0.6 else len(texts)
    text = " ".join(word + ("," if (i + 1) % group == 0 else "") for i, word in enumerate(texts))
    waveform = synthesise(text, drawn_voice(material.language, rng), sample_rate=SAMPLE_RATE)
    peak = float(np.abs(waveform).max()) or 1.0
    waveform = trimmed(waveform * np.float32(0.3 / peak))
    return Said(waveform, tuple(spoken), _unknown(len(spoken)))


def drawn_voice(language: str, rng: np.random.Generator) -> Voice:
    """Draw a synthetic voice that says strings, slowly or fast."""
    names = sorted(name for name in variants() if not NOT_PEOPLE.search(name))
    return Voice(
        language=str(rng.choice(accents_of(language))),
        variant=str(rng.choice(names)),
        rate=int(rng.integers(130, 320)),
        pitch=int(rng.integers(20, 80)),
        pitch_range=int(rng.integers(20, 80)),
    )


def _babble(material: Material, n_samples: int, rng: np.random.Generator) -> Waveform:
    """Let people talk across each other, as loud as one of them at most: nobody can be understood."""
    line, names = np.zeros(n_samples, dtype=np.float32), list(material.others)
    for _ in range(int(rng.integers(*BABBLE_VOICES))):
        at = -int(rng.uniform(0, 0.6) * SAMPLE_RATE)
        words = material.others[names[int(rng.integers(len(names)))]]
        gain = 10 ** (rng.uniform(-6, 0) / 20)
        while at < n_samples:
            word = words[int(rng.integers(len(words)))]
            first, last = max(at, 0), min(at + len(word), n_samples)
            if last > first:
                line[first:last] += np.float32(gain / (np.abs(word).max() or 1.0)) * word[first - at : last - at]
            at += len(word) + int(rng.uniform(0.0, 0.4) * SAMPLE_RATE)
    return line * np.float32(0.3 / (float(np.abs(line).max()) or 1.0))


def _noise(material: Material, rng: np.random.Generator) -> Said:
    """Make what is no word: a room, people far away, nothing at all, or tones as music and machines have them."""
    around = material.around
    n = int(rng.uniform(1.0, 3.5) * SAMPLE_RATE)
    line = np.zeros(n, dtype=np.float32)
    kind = rng.random()
    if kind < 0.3 and material.others:
        line = _babble(material, n, rng)
    elif kind < 0.6 and around.backgrounds:
        background = np.resize(around.backgrounds[int(rng.integers(len(around.backgrounds)))], 4 * n)
        line[:] = background[(first := int(rng.integers(0, 3 * n))) : first + n]
    elif kind < 0.85:
        time = np.arange(n) / SAMPLE_RATE
        at = 0.0
        while at < n / SAMPLE_RATE:
            length = float(rng.uniform(0.08, 0.6))
            first, last = int(at * SAMPLE_RATE), min(n, int((at + length) * SAMPLE_RATE))
            pitch, fall = 55 * 2 ** (rng.integers(0, 50) / 12), rng.uniform(0.5, 3)
            for harmonic in range(1, int(rng.integers(2, 12))):
                if pitch * harmonic < SAMPLE_RATE / 2.2:
                    tone = np.sin(2 * np.pi * pitch * harmonic * time[first:last]) / harmonic**fall
                    tone *= np.exp(-rng.uniform(0, 6) * (time[first:last] - at))
                    line[first:last] += tone.astype(np.float32)
            at += float(rng.uniform(0.05, 0.5))
        line *= np.float32(0.3 / (float(np.abs(line).max()) or 1.0))
    return Said(line, (), _unknown(0))


def _pauses(said: Said, left: float, seconds: float) -> list[tuple[float, float]]:
    """Return from when to when nothing is said, as far as that is known."""
    if not len(said.times) or np.isnan(said.times).any():
        spans = [(left, left + len(said.waveform) / SAMPLE_RATE)] if len(said.units) else []
    else:
        spans = [(left + float(start), left + float(end)) for start, end in said.times]
    ends, starts = [0.0, *(end for _, end in spans)], [*(start for start, _ in spans), seconds]
    return [(end, start) for end, start in zip(ends, starts, strict=True) if start - end > SHORTEST_PAUSE_SECONDS]


def _add_bursts(line: Waveform, pauses: Sequence[tuple[float, float]], rng: np.random.Generator) -> None:
    """Lay clicks, knocks and breath into pauses: what is heard beside words and is none."""
    for start, end in pauses:
        for _ in range(int(rng.integers(0, 3))):
            n = int(min(np.exp(rng.uniform(np.log(0.01), np.log(0.4))), end - start) * SAMPLE_RATE)
            first = int((start + rng.uniform(0, end - start) * 0.999) * SAMPLE_RATE)
            n = min(n, int(end * SAMPLE_RATE) - first, len(line) - first)
            if n >= BURST_SAMPLES:
                burst = coloured_noise(n, rng.uniform(-0.5, 2), rng)
                time = np.linspace(0, 1, n)
                shape = np.exp(-rng.uniform(2, 8) * time) if rng.random() < 0.5 else np.sin(np.pi * time)
                level = 0.3 * 10 ** (rng.uniform(-35, -3) / 20)
                line[first : first + n] += (burst * shape * level / (np.abs(burst).max() or 1.0)).astype(np.float32)


def _placed(said: Said, material: Material, rng: np.random.Generator) -> Said | None:
    """Put a string somewhere into a recording of one of the lengths, and send that through one chain.

    None where it is longer than the longest of them.
    """
    n_said = len(said.waveform)
    n_end = int(END_SECONDS * SAMPLE_RATE)
    n = next((n for n in (int(length * SAMPLE_RATE) for length in LENGTHS) if n >= n_said + n_end), None)
    if n is None:
        return None
    left = int(rng.integers(0, n - n_said - n_end, endpoint=True)) if rng.random() < 0.8 else 0
    line = np.zeros(n, dtype=np.float32)
    line[left : left + n_said] = said.waveform
    line += (rng.standard_normal(n) * 10 ** (rng.uniform(-90, -60) / 20)).astype(np.float32)
    if rng.random() < BURST_SHARE:
        _add_bursts(line, _pauses(said, left / SAMPLE_RATE, n / SAMPLE_RATE), rng)
    if material.others and said.units and rng.random() < BABBLE_SHARE:
        line += _babble(material, n, rng) * np.float32(10 ** (-rng.uniform(*BABBLE_DB) / 20))
    line = augment(line, SAMPLE_RATE, CHAIN, rng, material.around)
    line *= np.float32(10 ** (rng.uniform(*GAIN_DB) / 20) / (float(np.abs(line).max()) or 1.0))
    if rng.random() < CUT_SHARE:
        line[left + n_said :] = 0
    return Said(line, said.units, said.times + np.float32(left / SAMPLE_RATE))
