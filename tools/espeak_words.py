"""Other words as eSpeak NG says them, in English and in the languages of the lexicon: to train `digits-en` with.

    python tools/espeak_words.py OUT

Many voices say each word, so that the network tells words apart and not voices (docs/decisions/
2026-11-26-body-trials.md). A folder a word, `en_lamp` or `de_sieben`; English words that recordings have as well are
called as they are there. The same files for the same --seed and version of eSpeak NG.

Left out: Azerbaijani, Gujarati, Polish and Ukrainian, and what is nearest to them, so that what is said of languages
that the body never heard stays true; Arabic, which is learned from recordings; English words that sound as a digit.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from flite_voices import MORE_WORDS

from sutja.errors import ConfigError, RunError
from sutja.files import new_folder
from sutja.lexicon import LEXICON
from sutja.synth import SynthConfig, Voice, draw_voices, synthesise

SAMPLE_RATE = 16_000
N_VOICES, SHORTEST_SECONDS = 240, 0.1
LEFT_OUT = {"en", "ar", "az", "be", "gu", "pl", "tr", "uk"}
# bench/voices.py and bench/body.py measure words that were not learned from.
NEVER = set("yes no up down know".split())  # noqa: SIM905


@dataclass(frozen=True)
class Clip:
    """A word, who says it, and where it goes."""

    text: str
    voice: Voice
    path: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="new folder: WORD/*.flac")
    parser.add_argument("--words", type=int, default=400, help="English words (%(default)s)")
    parser.add_argument("--takes", type=int, default=14, help="voices that say each of them (%(default)s)")
    parser.add_argument("--foreign", type=int, default=12, help="voices for each foreign word (%(default)s)")
    parser.add_argument("--seed", type=int, default=929)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    try:
        with new_folder(arguments.out) as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            clips = [*english(folder, arguments.words, arguments.takes, rng), *foreign(folder, arguments.foreign)]
            n_written = sum(pool.map(speak, clips))
    except RunError as error:
        sys.exit(str(error))
    print(f"{n_written} recordings in {arguments.out}; {len(clips) - n_written} were silent")


def english(folder: Path, n_words: int, n_takes: int, rng: np.random.Generator) -> Iterator[Clip]:
    """Draw English words and who says them."""
    forms = {form for digit in LEXICON["en"].digits for form in digit} | LEXICON["en"].sound_alikes
    known = sorted({*LEXICON["en"].words, *MORE_WORDS} - forms - NEVER)
    voices = list(draw_voices(SynthConfig("en", N_VOICES, seed=int(rng.integers(2**31)))).values())
    for word in sorted(rng.choice(known, min(n_words, len(known)), replace=False).tolist()):
        for take, voice in enumerate(rng.choice(len(voices), n_takes, replace=False).tolist()):
            yield Clip(word, voices[voice], folder / word / f"{take}.flac")


def foreign(folder: Path, n_voices: int) -> Iterator[Clip]:
    """List the digits and words of the other languages that eSpeak has."""
    for code, language in LEXICON.items():
        if code in LEFT_OUT:
            continue
        try:
            voices = draw_voices(SynthConfig(code, n_voices, seed=6))
        except ConfigError:
            continue  # the lexicon knows how its digits are written, eSpeak does not say them
        for word in dict.fromkeys((*(forms[0] for forms in language.digits), *language.words)):
            for name, voice in voices.items():
                yield Clip(word, voice, folder / f"{code}_{word}" / f"{name}.flac")


def speak(clip: Clip) -> int:
    """Write one file, unless eSpeak has nothing to say; return how many."""
    waveform = synthesise(clip.text, clip.voice, sample_rate=SAMPLE_RATE)
    if len(waveform) < SHORTEST_SECONDS * SAMPLE_RATE or not np.abs(waveform).max() > 0:
        return 0
    clip.path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(clip.path, waveform, SAMPLE_RATE)
    return 1


if __name__ == "__main__":
    main()
