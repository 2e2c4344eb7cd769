"""Everything that the networks of a robust run learn from: the clips, more speakers, and what is to be refused.

Each sound becomes ``1 + n_copies`` rows of every member's inputs, ``(n_bins, n_frames)``: as the predictor hears it,
and in ``n_copies`` augmented versions. A sound's versions depend on the seed and its place in the list alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from sutja.audio import Waveform, load_waveform
from sutja.augment import vary
from sutja.config import Config
from sutja.dataset import Clip
from sutja.errors import ConfigError, DatasetError
from sutja.features import Features, extract, in_window, middle, network_input
from sutja.learn import negatives
from sutja.lexicon import said, vocabulary
from sutja.metrics import Integers

N_DRAWS = 200  # of a clip to splice with


Kind = Literal["clip", "extra", "synthetic", "other word", "synthetic word", "spliced", "noise"]


@dataclass(frozen=True)
class Sound:
    """One thing to learn from, heard when it is needed."""

    hear: Callable[[], Waveform]
    target: int
    """The class; one past the labels where it is to be refused."""
    held_out: int | None
    """The fold, from 0, that must not learn from it."""
    kind: Kind = "clip"
    name: str = ""
    """The word that is said, or how the sound was made."""


def refused(
    clips: Sequence[Clip],
    folds: Integers,
    labels: Sequence[str],
    config: Config,
    others: Sequence[Clip] = (),
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

    """
    if config.refusal is None:
        return []
    target, sample_rate = len(labels), config.audio.sample_rate
    n_folds, n_clips = config.train.n_folds, len(clips)
    rng = np.random.default_rng([config.train.seed, 1])
    spoken = [
        Sound(clip_of(c, config), target, negatives.fold_of(f":{c.label}", n_folds), "other word", str(c.label))
        for c in others
    ]
    for _ in range(round(config.refusal.spliced_share * n_clips)):
        chosen = int(rng.integers(n_clips))
        pair = clips[chosen], clips[_partner(chosen, clips, folds, rng)]
        spoken.append(Sound(_spliced(*pair, config, rng.spawn(1)[0]), target, int(folds[chosen]), "spliced"))
    n_words = round(config.refusal.words_share * n_clips)
    words = vocabulary(labels, config.language, config.spoken)
    for word, waveform in negatives.other_words(words, n_words, sample_rate, rng):
        spoken.append(Sound(_given(waveform), target, negatives.fold_of(word, n_folds), "synthetic word", word))
    for number in range(round(config.refusal.noise_share * n_clips)):
        spoken.append(Sound(_given(negatives.noise(sample_rate, rng)), target, number % n_folds, "noise"))
    return spoken


def extra(clips: Sequence[Clip], labels: Sequence[str], config: Config) -> list[Sound]:
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
    return [Sound(clip_of(clip, config), labels.index(str(clip.label)), None, "extra") for clip in clips]


def synthetic(labels: Sequence[str], config: Config) -> list[Sound]:
    """List the vocabulary as ``config.n_synthetic_voices`` synthetic speakers say it; every fold learns from them."""
    if config.n_synthetic_voices == 0:
        return []
    from sutja.synth import SynthConfig, draw_voices, synthesise

    language, texts = read_aloud(labels, config)
    voices = draw_voices(SynthConfig(language, config.n_synthetic_voices, seed=config.train.seed))
    return [
        Sound(_given(synthesise(texts[label], voice, sample_rate=config.audio.sample_rate)), target, None, "synthetic")
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
    from sutja.synth import accents_of

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


def write_inputs(
    sounds: Sequence[Sound], config: Config, folder: Path, n_jobs: int, on_sound: Callable[[], None]
) -> None:
    """Write ``<member>.npy``, float16 ``(n_sounds * (1 + n_copies), n_bins, n_frames)``: the sounds, then their copies.

    Float16 halves the disk and costs nothing: decibels keep a sixteenth, standardised features three digits.
    """
    n_sounds, n_copies = len(sounds), config.train.n_copies
    rows = {
        name: open_memmap(
            folder / f"{name}.npy", "w+", np.float16, (n_sounds * (1 + n_copies), features.n_bins, features.n_frames)
        )
        for name, features in config.members.items()
    }

    def write(number: int) -> None:
        sound = sounds[number]
        versions = _versions(sound.hear(), number, config)
        places = [number, *range(n_sounds + number * n_copies, n_sounds + (number + 1) * n_copies)]
        for place, version in zip(places, versions, strict=True):
            _put(rows, place, version)
        on_sound()

    with ThreadPoolExecutor(max_workers=n_jobs) as pool:
        list(pool.map(write, range(n_sounds)))
    for member in rows.values():
        member.flush()


def _versions(waveform: Waveform, number: int, config: Config) -> list[Mapping[str, Features]]:
    if config.augment is None:
        raise AssertionError("a run without augmentation pads its clips and has no versions")
    rng = np.random.default_rng([config.train.seed, 3, number])
    rate, window = config.audio.sample_rate, min(features.max_samples for features in config.members.values())
    varied = [vary(waveform, rate, window, config.augment, rng) for _ in range(config.train.n_copies)]
    return [inputs(version, config) for version in (waveform, *varied)]


def inputs(waveform: Waveform, config: Config) -> dict[str, Features]:
    """Return each member's rows, ``(n_bins, n_frames)``: decibels where they are spoiled when they are shown."""
    members = list(config.members.values())
    found = extract(waveform, config.audio.sample_rate, members)
    return {
        name: (
            in_window(features, member, middle(features.shape[1], member))
            if member.spoilable
            else network_input(features, member)
        )
        for name, member, features in zip(config.members, members, found, strict=True)
    }


def _put(rows: Mapping[str, NDArray[np.float16]], place: int, version: Mapping[str, Features]) -> None:
    for name, features in version.items():
        rows[name][place] = features


def clip_of(clip: Clip, config: Config) -> Callable[[], Waveform]:
    """Hear a recording when it is needed."""
    return lambda: load_waveform(clip.path, config.audio)


def _given(waveform: Waveform) -> Callable[[], Waveform]:
    return lambda: waveform


def _partner(chosen: int, clips: Sequence[Clip], folds: Integers, rng: np.random.Generator) -> int:
    """Draw a clip of another word that is held out in the same fold: one of the same speaker, if the draws find one."""
    fellows = np.flatnonzero(folds == folds[chosen])
    drawn = [int(i) for i in rng.choice(fellows, N_DRAWS) if clips[i].label != clips[chosen].label]
    same = [i for i in drawn if clips[i].speaker == clips[chosen].speaker]
    return (same or drawn or [chosen])[0]


def _spliced(clip: Clip, other: Clip, config: Config, rng: np.random.Generator) -> Callable[[], Waveform]:
    return lambda: negatives.spliced(
        load_waveform(clip.path, config.audio), load_waveform(other.path, config.audio), rng
    )
