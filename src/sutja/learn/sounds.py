"""Everything that the networks of a robust run learn from: the clips, more speakers, and what is to be refused.

A :class:`Sound` is plain data: it says how it is heard and holds no sound, so that it can be sent to where it is heard.
Each becomes ``1 + n_copies`` rows of every member's inputs, ``(n_bins, n_frames)``: as the predictor hears it, and in
``n_copies`` augmented versions. A sound's versions depend on the seed and its place in the list alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform, load_waveform
from sutja.augment import Surroundings, room_response, vary
from sutja.clips import Clip, Recording
from sutja.config import AudioConfig, Config
from sutja.engine import OnStep
from sutja.errors import ConfigError, DatasetError
from sutja.features import Features, extract, in_window, middle, network_input
from sutja.learn import negatives
from sutja.learn.inputs import NO_WORD, Versions
from sutja.lexicon import said, vocabulary
from sutja.metrics import Integers
from sutja.outside import NOISE, some_of_each, word_of
from sutja.synth import SynthConfig, Voice, accents_of, draw_voices, synthesise
from sutja.window import judged

Teacher = Callable[[Waveform, int], NDArray[np.float32]]
"""A waveform and its sample rate to a view of it, ``(n_view,)``."""
N_DRAWS = 200  # of a clip to splice with
LONGEST_BACKGROUND = 600.0  # seconds
N_OUTSIDE, N_OF_WORD, N_OF_LABEL, N_NOISES = 3_000, 2, 12, 100
"""Sounds that a model brings for teaching: in all, of another word, of a word of its vocabulary, of noise."""


Kind = Literal["clip", "extra", "synthetic", "other word", "synthetic word", "spliced", "noise"]


@dataclass(frozen=True)
class Draw:
    """Where a random generator stood (PCG64), as plain numbers: what is drawn from there is always the same."""

    state: int
    inc: int
    has_uint32: int
    uinteger: int

    @classmethod
    def of(cls, rng: np.random.Generator) -> Draw:
        """Note where a generator stands."""
        found: Any = rng.bit_generator.state
        return cls(found["state"]["state"], found["state"]["inc"], found["has_uint32"], found["uinteger"])

    def rng(self) -> np.random.Generator:
        """Return a generator that stands there."""
        bits = np.random.PCG64()
        bits.state = {
            "bit_generator": "PCG64",
            "state": {"state": self.state, "inc": self.inc},
            "has_uint32": self.has_uint32,
            "uinteger": self.uinteger,
        }
        return np.random.Generator(bits)


@dataclass(frozen=True)
class Sound:
    """One thing to learn from."""

    target: int
    """The class; one past the labels where it is to be refused."""
    held_out: int | None
    """The fold, from 0, that must not learn from it; every fold learns from it when None."""
    kind: Kind = "clip"
    name: str = ""
    """What it is called in the run's out-of-fold table: a word, with its language where it is not the vocabulary's."""
    sources: tuple[Recording, ...] = ()
    """The recording that is heard; two where they are spliced."""
    text: str = ""
    """What a synthetic voice says ..."""
    voice: Voice | None = None
    """... and which one it is."""
    draw: Draw | None = None
    """What a splice or a noise is drawn from."""
    corpus: str = ""
    """Of other words, where their data set says so."""

    @property
    def other_word(self) -> str | None:
        """The word outside the vocabulary that is said: ``:house``, ``de:eins``; None of what is no word."""
        if self.kind not in ("other word", "synthetic word"):
            return None
        return self.name if self.kind == "synthetic word" else f":{self.name}"

    def __str__(self) -> str:
        return ", ".join([self.kind, *filter(None, [self.name]), *(source.name for source in self.sources)])


def hear(sound: Sound, config: Config) -> Waveform:
    """Return what a sound sounds like, ``(n_samples,)``.

    Raises
    ------
    AudioError
        When its recording cannot be used any more.

    """
    rate = config.audio.sample_rate
    if sound.voice is not None:
        return synthesise(sound.text, sound.voice, sample_rate=rate)
    recorded = [load_waveform(source, config.audio) for source in sound.sources]
    if sound.draw is None:
        return recorded[0]
    rng = sound.draw.rng()
    return negatives.spliced(recorded[0], recorded[1], rate, rng) if recorded else negatives.noise(rate, rng)


def of_clips(clips: Sequence[Clip], targets: Integers, folds: Integers | None = None) -> list[Sound]:
    """List the clips of the vocabulary, each held out in the fold where it is judged (from 0), where that is known."""
    held_out = [None] * len(clips) if folds is None else folds.tolist()
    listed = zip(clips, targets.tolist(), held_out, strict=True)
    return [Sound(target, fold, sources=(clip.source,)) for clip, target, fold in listed]


def refused(  # noqa: PLR0913
    clips: Sequence[Clip],
    folds: Integers,
    labels: Sequence[str],
    config: Config,
    others: Sequence[Clip] = (),
    corpora: Sequence[str] = (),
) -> list[Sound]:
    """List the sounds that are no word of the vocabulary.

    Parameters
    ----------
    clips
        Of the vocabulary; spliced ones are held out with the clip that they are made of.
    folds
        In which each clip is judged, from 0, ``(n_clips,)``.
    labels
        The vocabulary.
    config
        Shares, sample rate, seed.
    others
        Recordings of other words that the user has.
    corpora
        That the folds hold out in turn, where they do so: recordings of other words are then held out by corpus, too,
        and else by word, as are those whose corpus is not known.

    """
    if config.refusal is None:
        return []
    target, shares = len(labels), config.refusal
    n_folds, n_clips = config.train.n_folds, len(clips)
    n_spliced, n_words, n_noises = (
        max(round(share * n_clips), shares.least_sounds if share else 0)
        for share in (shares.spliced_share, shares.words_share, shares.noise_share)
    )
    rng = np.random.default_rng([config.train.seed, 1])
    kept_from = negatives.fold_of_corpus([c.attributes["corpus"] for c in others if "corpus" in c.attributes], corpora)
    listed = [
        Sound(
            target,
            kept_from.get(c.attributes.get("corpus", ""), negatives.fold_of(f":{c.label}", n_folds)),
            "other word",
            str(c.label),
            (c.source,),
            corpus=c.attributes.get("corpus", ""),
        )
        for c in others
    ]
    for _ in range(n_spliced):
        chosen = int(rng.integers(n_clips))
        sources = (clips[chosen].source, clips[_partner(chosen, clips, folds, rng)].source)
        listed.append(Sound(target, int(folds[chosen]), "spliced", sources=sources, draw=Draw.of(rng.spawn(1)[0])))
    words = vocabulary(labels, config.language, config.spoken)
    for word in negatives.other_words(words, n_words, rng):
        fold = negatives.fold_of(word.name, n_folds)
        listed.append(Sound(target, fold, "synthetic word", word.name, text=word.text, voice=word.voice))
    for number in range(n_noises):
        listed.append(Sound(target, number % n_folds, "noise", draw=Draw.of(rng)))
        negatives.noise(config.audio.sample_rate, rng)  # the next one is drawn from behind it
    return listed


def extra(clips: Sequence[Clip], labels: Sequence[str]) -> list[Sound]:
    """List recordings of the vocabulary from other corpora; every fold learns from them.

    Raises
    ------
    DatasetError
        When one of their labels is not in the vocabulary.

    """
    unknown = sorted({str(clip.label) for clip in clips} - set(labels))
    if unknown:
        raise DatasetError(
            f"extra recordings say {', '.join(map(repr, unknown[:5]))}; expected words of the vocabulary "
            f"({', '.join(labels[:12])}); rename them with --rename OLD=NEW, or have them refused with --refuse LABEL"
        )
    return [Sound(labels.index(str(clip.label)), None, "extra", sources=(clip.source,)) for clip in clips]


def synthetic(labels: Sequence[str], config: Config) -> list[Sound]:
    """List the vocabulary as ``config.n_synthetic_voices`` synthetic speakers say it; every fold learns from them."""
    if config.n_synthetic_voices == 0:
        return []
    language, texts = read_aloud(labels, config)
    voices = draw_voices(SynthConfig(language, config.n_synthetic_voices, seed=config.train.seed))
    return [
        Sound(target, None, "synthetic", label, text=texts[label], voice=voice)
        for voice in voices.values()
        for target, label in enumerate(labels)
    ]


def read_aloud(labels: Sequence[str], config: Config) -> tuple[str, dict[str, str]]:
    """Return the language, by eSpeak's name, and the text of each label that synthetic speakers read.

    Raises
    ------
    ConfigError
        When the language was not told, eSpeak lacks it, or what is said for a digit is not known.

    """
    if config.language is None:
        raise ConfigError(
            f"synthetic voices are to say {', '.join(map(repr, labels[:3]))}, and in which language is not known; "
            "expected the language of the recordings: --language en, or ko, de, ..."
        )
    language = config.language.lower()
    accents_of(language)
    texts = said(labels, language, config.spoken)
    unknown = [label for label in labels if label not in texts]
    if unknown:
        raise ConfigError(
            f"no word is known for {', '.join(map(repr, unknown[:3]))} in language {config.language!r}; "
            f"expected what is said for each: --spoken {unknown[0]}=TEXT"
        )
    return language, texts


def words_of(sounds: Sequence[Sound], n_labels: int, n_least: int) -> tuple[Integers, int]:
    """Give each word that sounds say a number, to tell all of them apart.

    Parameters
    ----------
    sounds
        Of the vocabulary, their targets below ``n_labels``, and others.
    n_labels
        Of the vocabulary: these words come first, as their targets.
    n_least
        Sounds that say a word, or it is left to the rest, with what is no word.

    Returns
    -------
    numbers
        Of each sound, ``(n_sounds,)``; :data:`NO_WORD` of the rest, which teaches nothing here: as a class of its own
        it made words that were never heard harder to tell apart (docs/decisions/).
    n_words
        That are told apart.

    """
    said = Counter(sound.other_word for sound in sounds if sound.other_word is not None)
    often = sorted(word for word, n_sounds in said.items() if n_sounds >= n_least)
    number: dict[str | None, int] = {word: n_labels + place for place, word in enumerate(often)}
    numbers = [s.target if s.target < n_labels else number.get(s.other_word, NO_WORD) for s in sounds]
    return np.array(numbers, dtype=np.int64), n_labels + len(often)


def kept_outside(sounds: Sequence[Sound], spoken: Mapping[int, str], seed: int) -> list[tuple[Sound, str]]:
    """Choose what a model brings of other sounds, to teach own words with, and what each of them says.

    Parameters
    ----------
    sounds
        That were learned from. Of what nobody says, spliced and made-up words, none is taken.
    spoken
        What is said for each class of the vocabulary: for other vocabularies these are other words.
    seed
        Draws which.

    """
    drawn = np.random.default_rng([seed, 5]).permutation(len(sounds))
    said_by = [(sounds[n], spoken.get(sounds[n].target, word_of(sounds[n].name))) for n in drawn.tolist()]
    listed = [(s, word) for s, word in said_by if s.kind in ("clip", "extra", "other word", "noise")]
    listed.sort(key=lambda pair: pair[0].kind == "other word")  # of these there are most: they may be cut
    most = dict.fromkeys(spoken.values(), N_OF_LABEL) | {NOISE: N_NOISES}
    rows = some_of_each([word for _, word in listed], lambda word: most.get(word, N_OF_WORD))
    return [listed[row] for row in rows[:N_OUTSIDE]]


# -- from a sound to its rows ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """What words are put among: recordings of backgrounds, and of impulses in rooms."""

    backgrounds: tuple[Recording, ...] = ()
    rooms: tuple[Recording, ...] = ()


@dataclass(frozen=True)
class VersionJob:
    """One sound to be heard, varied and turned into rows."""

    sound: Sound
    number: int
    """Its place in the list, which decides what is drawn for it."""
    config: Config
    recorded: Recorded = Recorded()
    neighbour: Sound | None = None
    """That may be heard beside it."""

    def __str__(self) -> str:
        return f"sound {self.number} ({self.sound})"


def version_jobs(sounds: Sequence[Sound], config: Config, recorded: Recorded = Recorded()) -> Iterator[VersionJob]:
    """List the jobs of :func:`versions_of`, one a sound."""
    neighbours: Sequence[Sound | None] = [None] * len(sounds)
    if config.augment is not None and config.augment.neighbour_share:
        spoken: list[Sound | None] = [sound for sound in sounds if sound.sources and sound.draw is None]
        spoken = spoken or [None]
        drawn = np.random.default_rng([config.train.seed, 4]).integers(len(spoken), size=len(sounds))
        neighbours = [spoken[number] for number in drawn]
    listed = zip(sounds, neighbours, strict=True)
    return (VersionJob(sound, n, config, recorded, neighbour) for n, (sound, neighbour) in enumerate(listed))


def versions_of(job: VersionJob, on_step: OnStep) -> Versions:
    """Hear a sound and return its rows by member: as it is, and ``n_copies`` augmented versions."""
    config = job.config
    if config.augment is None:
        raise AssertionError("a run without augmentation pads its clips and has no versions")
    rng = np.random.default_rng([config.train.seed, 3, job.number])
    waveform = hear(job.sound, config)
    rate, window = config.audio.sample_rate, config.window_samples
    around = surroundings(job.recorded, config.audio)
    if job.neighbour is not None:
        around = replace(around, neighbour=hear(job.neighbour, config))
    varied = [vary(waveform, rate, window, config.augment, rng, around) for _ in range(config.train.n_copies)]
    rows = [member_inputs(version, config) for version in (waveform, *varied)]
    on_step()
    return {name: np.array([version[name] for version in rows], dtype=np.float16) for name in config.members}


def view_of(teacher: Teacher, config: Config, sound: Sound, on_step: OnStep) -> NDArray[np.float32]:
    """Return what a teacher makes of a sound, ``(n_view,)``; of a long one, of what the networks hear."""
    heard = judged(hear(sound, config), config.audio.sample_rate, config.window_samples)
    on_step()
    return teacher(heard, config.audio.sample_rate)


@cache
def surroundings(recorded: Recorded, audio: AudioConfig) -> Surroundings:
    """Load what words are put among, once a process: some MB a recorded minute.

    Raises
    ------
    AudioError
        When a recording cannot be used.

    """
    whole = replace(audio, max_seconds=LONGEST_BACKGROUND, min_seconds=0.001)
    backgrounds = tuple(load_waveform(source, whole) for source in recorded.backgrounds)
    return Surroundings(None, backgrounds, tuple(room_response(load_waveform(s, whole)) for s in recorded.rooms))


def member_inputs(waveform: Waveform, config: Config) -> dict[str, Features]:
    """Return each member's row, ``(n_bins, n_frames)``: decibels where they are augmented when they are shown."""
    members = list(config.members.values())
    extracted = extract(waveform, config.audio.sample_rate, members)
    return {
        name: (
            in_window(features, member, middle(features.shape[1], member))
            if config.shows_decibels(name)
            else network_input(features, member)
        )
        for name, member, features in zip(config.members, members, extracted, strict=True)
    }


def _partner(chosen: int, clips: Sequence[Clip], folds: Integers, rng: np.random.Generator) -> int:
    """Draw a clip of another word that is held out in the same fold: one of the same speaker, if the draws find one."""
    same_fold = np.flatnonzero(folds == folds[chosen])
    drawn = [int(i) for i in rng.choice(same_fold, N_DRAWS) if clips[i].label != clips[chosen].label]
    same_speaker = [i for i in drawn if clips[i].speaker == clips[chosen].speaker]
    return (same_speaker or drawn or [chosen])[0]
