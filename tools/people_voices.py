"""The ten digits and other words as synthetic voices made of people's recordings say them (`make model`).

    python tools/people_voices.py OUT [--programs flite festival pico]

eSpeak NG's voices are made of rules, these of recordings of 20 people, and they teach refusal better (docs/recipe.md).
OUT/words is to be refused: English words by those who speak English, words of seven other languages by the others.
OUT/digits is learned from as well: else the voices themselves would be what is refused. The same files for the same
--seed and versions of the programs. `digits-en` learned from Flite's four alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import numpy as np
from spoken_words import FOREIGN_WORDS, MORE_WORDS

from sutja.errors import RunError
from sutja.files import new_folder
from sutja.negatives import WORDS
from sutja.synth import digit_words

DEBIAN = Path(__file__).with_name("voices.txt")
NEEDS = (
    f"needs Flite, Festival and voices of theirs (Debian, Ubuntu: the packages in {DEBIAN.name}), and ttspico from PyPI"
)
STRETCHES = 0.8, 1.4  # of the duration
PITCHES = 80.0, 230.0  # Hz, of Flite's voices
PICO_PITCHES = 75.0, 135.0  # percent of the voice's own
PICO_RATE = 16_000  # Hz
FOREIGN_SHARE = 0.4  # of the words
T = TypeVar("T")


@dataclass(frozen=True)
class Voice:
    """A voice, its language, and what the program that has it calls it."""

    program: str
    name: str
    language: str


ENGLISH = (
    *(Voice("flite", name, "en") for name in ("awb", "kal16", "rms", "slt")),
    *(Voice("pico", name, "en") for name in ("en-GB", "en-US")),
    *(Voice("festival", name, "en") for name in ("ked_diphone", "cmu_us_slt_arctic_hts")),
)
FOREIGN = (
    *(Voice("pico", f"{code}-{code.upper()}", code) for code in ("de", "es", "fr", "it")),
    *(Voice("festival", f"czech_{name}", "cs") for name in ("dita", "krb", "machac", "ph")),
    *(Voice("festival", name, "fi") for name in ("hy_fi_mv_diphone", "suo_fi_lj_diphone")),
    *(Voice("festival", name, "it") for name in ("lp_diphone", "pc_diphone")),
    Voice("festival", "upc_ca_ona_hts", "ca"),
)
FESTIVAL_ENCODINGS = {"cs": "iso-8859-2"}  # of what it reads; the others': iso-8859-15


@dataclass(frozen=True)
class Clip:
    """A word, who says it and how; ``height`` is from 0, low, to 1."""

    text: str
    path: Path
    voice: Voice
    stretch: float
    height: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("out", type=Path, help="new folder: words/WORD/*.wav and digits/DIGIT/*.wav")
    parser.add_argument("--words", type=int, default=1500, help="clips of other words (%(default)s)")
    parser.add_argument("--takes", type=int, default=24, help="clips of each digit (%(default)s)")
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=["flite"], help="(flite)")
    parser.add_argument("--seed", type=int, default=929)
    arguments = parser.parse_args()
    if missing := [name for name in arguments.programs if not IS_THERE[name]()]:
        sys.exit(f"not found: {', '.join(missing)}; this {NEEDS}")
    rng = np.random.default_rng(arguments.seed)
    try:
        with new_folder(arguments.out) as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(speak, clips(folder, arguments.words, arguments.takes, arguments.programs, rng)))
    except RunError as error:
        sys.exit(str(error))


def clips(folder: Path, n_words: int, n_takes: int, programs: Sequence[str], rng: np.random.Generator) -> list[Clip]:
    """Draw who says what."""
    english, foreign = ([v for v in voices if v.program in programs] for voices in (ENGLISH, FOREIGN))
    digits = digit_words("en")
    words = {"en": sorted({*WORDS, *MORE_WORDS} - set(digits.values()))}
    words |= {language: text.split() for language, text in FOREIGN_WORDS.items()}
    said = [(f"digits/{digit}", text, drawn(english, rng)) for digit, text in digits.items() for _ in range(n_takes)]
    for _ in range(n_words):
        voice = drawn(foreign if foreign and rng.random() < FOREIGN_SHARE else english, rng)
        word = drawn(words[voice.language], rng)
        said.append((f"words/{word}", word, voice))
    return [
        Clip(text, folder / place / f"{number}.wav", voice, rng.uniform(*STRETCHES), rng.random())
        for number, (place, text, voice) in enumerate(said)
    ]


def drawn(of: Sequence[T], rng: np.random.Generator) -> T:
    return of[rng.integers(len(of))]


def speak(clip: Clip) -> None:
    """Write one file."""
    clip.path.parent.mkdir(parents=True, exist_ok=True)
    PROGRAMS[clip.voice.program](clip)
    if not clip.path.exists():
        raise RunError(f"{clip.voice.program} with the voice {clip.voice.name} said nothing; this {NEEDS}")


def flite(clip: Clip) -> None:
    pitch = np.interp(clip.height, (0, 1), PITCHES)
    settings = ("--setf", f"duration_stretch={clip.stretch:.3f}", "--setf", f"int_f0_target_mean={pitch:.1f}")
    subprocess.run(["flite", "-voice", clip.voice.name, *settings, "-t", clip.text, "-o", clip.path], check=False)


def festival(clip: Clip) -> None:
    """Its voices have a pitch of their own, and those from HTS a speed; training varies both."""
    scheme = (
        f"(voice_{clip.voice.name}) (Parameter.set 'Duration_Stretch {clip.stretch:.3f})"
        f'(utt.save.wave (utt.synth (Utterance Text "{clip.text}")) "said.wav" \'riff)'
    ).encode(FESTIVAL_ENCODINGS.get(clip.voice.language, "iso-8859-15"))
    with tempfile.TemporaryDirectory() as scratch:  # a path with the word in it would be in the wrong encoding
        subprocess.run(["festival", "--pipe"], input=scheme, cwd=scratch, check=False, capture_output=True)
        if (said := Path(scratch, "said.wav")).exists():
            shutil.move(said, clip.path)


def pico(clip: Clip) -> None:
    from ttspico import TtsEngine

    engine = TtsEngine(clip.voice.name)
    engine.rate = round(100 / clip.stretch)
    engine.pitch = round(np.interp(clip.height, (0, 1), PICO_PITCHES))
    with wave.open(str(clip.path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(PICO_RATE)
        file.writeframes(engine.speak(clip.text))


PROGRAMS: dict[str, Callable[[Clip], None]] = {"flite": flite, "festival": festival, "pico": pico}
IS_THERE: dict[str, Callable[[], object]] = {
    "flite": lambda: shutil.which("flite"),
    "festival": lambda: shutil.which("festival"),
    "pico": lambda: find_spec("ttspico"),
}


if __name__ == "__main__":
    main()
