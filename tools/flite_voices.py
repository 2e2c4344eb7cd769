"""Other words and the ten digits as Flite's voices say them: folders to train `digits-en` with (`make model`).

    python tools/flite_voices.py OUT

Flite's voices are made of real people's recordings, which eSpeak's are not, and teach refusal better (docs/decisions/).
OUT/words is to be refused, OUT/digits is learned from as well: else the voices themselves would be what is refused.
OUT/strings has strings of digits, with "oh", "double" and "triple", to learn words in a row from.
The same files for the same --seed and version of Flite. Needs the program `flite` (Debian: apt-get install flite).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sutja.errors import RunError
from sutja.files import new_folder
from sutja.lexicon import LEXICON, digit_words

VOICES = ("awb", "kal16", "rms", "slt")
STRETCHES = 0.8, 1.4  # of the duration
PITCHES = 80, 230  # Hz
STRING_STRETCHES, GROUPED_SHARE, REPEAT_SHARE, OH_SHARE = (0.6, 1.15), 0.6, 0.25, 0.6

# Common words beside those of sutja.lexicon. No digit, nothing that is said as one (to, won, ate), and none of
# `yes no up down know`: bench/voices.py measures how well words are refused that were not learned from.
MORE_WORDS = """
able about above accept across act actor add afraid after again age ago agree air all allow almost alone along also
among amount and anger animal any appear apply area argue arm army around arrive art ask attack aunt avoid away baby
back bad bag ball bank bar base basket bath battle beach bear beat because become before begin behind believe bell
below belt bench best better between big bill bit bite block blood blow board boat body bone book boot born both bottle
bottom box boy brain branch bread break breakfast bridge bright bring build burn bus business busy butter button buy
cake can candle car card care carry case catch cause center chain chair chance change cheap check cheese chicken chief
child choose church circle city class clean clear climb clock cloth cloud coat cold collect come common cook cool copy
corner cost cotton could count country course court cover cow cross crowd cry cup curtain cut damage dance dark date
daughter day dead deal dear death decide deep delay depend desk detail die different dinner direction dirty discover
dish divide do doctor dollar double doubt draw dream dress drink drop dry dust duty each ear early earth east easy eat
edge effect egg either empty end enemy engine enjoy enough enter equal even event ever every evil example except excuse
exercise expect eye face fact factory fail fair faith fall family famous far farm fast fat favor fear feed feel few
field fight figure fill film find finger finish fire first fish flag flat floor flour flower fly fold foreign forest
forget forgive form forward frame free fresh friend front fruit full funny future game gas gather general gentle get
gift girl give glad glass goal goat god gold good grain grass great ground group grow guess guest guide gun hair half
hall hammer hand hang hard hat hate have head health hear heart heat heavy help her here hide high hill him history hit
hold hole holiday honest hope horse hot hotel hour how human hurry hurt husband ice idea if ill inch include inside
iron jaw jewel job join joke journey judge juice jump just keep key kick kill kind king kiss knee knife knock lady lamp
land language large last laugh law lay lazy lead leaf lean least leave leg lemon lend less lesson let level library lie
life lift like limit line lion lip list listen little lock long look lose lot loud love low luck lunch machine main
make man many map mark market marry match matter may me meal mean measure meat medicine meet member mention method
middle might mile milk mill mind mine minute miss mistake modern moment money month more morning most motor mouth move
much mud murder must name narrow nation nature near neck need needle neighbor neither nest net noise none noon nor north
nose note now nurse nut obey object offer office oil old once only onion open or order other our out outside oven own
page pain paint pair pan paper parent park part party pass past path pay peace pen pencil pepper perhaps person pick
piece pig pin pink pipe place plain plane plant plate please plenty pocket point poison police polite pool poor popular
position possible pot potato pour power present press pretty price prince print prison private prize problem promise
proper proud prove pull punish pupil push put queen quick quiet quite radio rain raise reach read ready real reason
receive record refuse remain remember rent repair repeat reply report rest result return rice rich ride ring rise road
rob rock roof room root rope rough round row rub rude ruin rule run rush sad safe sail salt same sand save say scale
scene science scissors search seat second see seed seem sell send sentence serve set several shade shadow shake shape
share sharp she sheep sheet shelf shine ship shirt shock shoot shop short should shoulder shout show shut side signal
silence silver similar simple since sing single sink sister sit size skill skin skirt sky sleep slip slow small smell
smile smoke snow so soap sock soft soil soldier some son song soon sorry sort sound soup south space speak special
speech speed spell spend spoon sport spread spring square stamp stand star start state station stay steal steam steel
step still stomach stone storm story strange street strong student study stupid subject success such sudden suffer sugar
suit summer supply sure surprise sweet swim sword system tail take talk tall taste tax taxi teach team tear tell tennis
tent test than that the theater their them these thick thief thin thing think thirsty this though threat through throw
thumb ticket tidy tie tight tiny tired title toe together tonight tool tooth top total touch tour towards tower town toy
track trade train travel treat trip trouble true trust try turn twice type ugly uncle under understand unit until use
useful usual valley value vegetable very village violence visit voice vote wage walk wall want war warm wash waste watch
way we weak wear wedding week weight well west wet wheel where which while whisper who whole why wide wife wild will
win wind wine wing winter wire wise wish with without woman wonder wood word work world worry worse would wound write
wrong yard year yet you young your zone
""".split()  # noqa: SIM905  words read best as words


@dataclass(frozen=True)
class Clip:
    """A word, who says it and how."""

    text: str
    path: Path
    voice: str
    stretch: float
    pitch: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="new folder: words/WORD/*.wav and digits/DIGIT/*.wav")
    parser.add_argument("--words", type=int, default=1500, help="clips of other words (%(default)s)")
    parser.add_argument("--takes", type=int, default=24, help="clips of each digit (%(default)s)")
    parser.add_argument("--strings", type=int, default=1600, help="strings of digits (%(default)s)")
    parser.add_argument("--seed", type=int, default=929)
    arguments = parser.parse_args()
    if shutil.which("flite") is None:
        sys.exit("the program `flite` was not found; install it (Debian and Ubuntu: apt-get install flite)")
    rng = np.random.default_rng(arguments.seed)
    try:
        with new_folder(arguments.out) as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(speak, clips(folder, arguments.words, arguments.takes, rng)))
            list(pool.map(speak, strings(folder, arguments.strings, rng)))
    except RunError as error:
        sys.exit(str(error))


def clips(folder: Path, n_words: int, n_takes: int, rng: np.random.Generator) -> list[Clip]:
    """Draw who says what."""
    digits = digit_words("en")
    words = sorted({*LEXICON["en"].words, *MORE_WORDS} - set(digits.values()))
    said = [(f"digits/{digit}", text) for digit, text in digits.items() for _ in range(n_takes)]
    said += [(f"words/{word}", word) for word in rng.choice(words, n_words).tolist()]
    paths = [folder / place / f"{number}.wav" for number, (place, _) in enumerate(said)]
    return [
        Clip(text, path, str(rng.choice(VOICES)), rng.uniform(*STRETCHES), rng.uniform(*PITCHES))
        for path, (_, text) in zip(paths, said, strict=True)
    ]


def strings(folder: Path, n_strings: int, rng: np.random.Generator) -> list[Clip]:
    """Draw strings of digits, in groups as people say them, and write what is said in each."""
    words = digit_words("en")
    said, rows = [], ["file_name,digits,words,speaker"]
    for number in range(n_strings):
        digits, spoken = drawn_string(words, rng)
        group = int(rng.integers(2, 5)) if rng.random() < GROUPED_SHARE else len(spoken)
        text = " ".join(word + "," * ((place + 1) % group == 0) for place, word in enumerate(spoken))
        voice = str(rng.choice(VOICES))
        path = folder / "strings" / f"{number}.wav"
        said.append(Clip(text, path, voice, rng.uniform(*STRING_STRETCHES), rng.uniform(*PITCHES)))
        rows.append(f"{path.name},{digits},{' '.join(spoken)},{voice}")
    table = folder / "strings" / "metadata.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return said


def drawn_string(words: dict[str, str], rng: np.random.Generator) -> tuple[str, list[str]]:
    """Draw a string: its digits, and what is said for them."""
    digits, spoken = "", []
    for _ in range(int(rng.integers(1, 11))):
        again = digits and rng.random() < REPEAT_SHARE
        digit = digits[-1] if again else str(rng.integers(10))
        n_times = int(rng.choice([1, 2, 3], p=[0.94, 0.04, 0.02]))
        spoken += [["double", "triple"][n_times - 2]] * (n_times > 1)
        spoken.append("oh" if digit == "0" and rng.random() < OH_SHARE else words[digit])
        digits += digit * n_times
    return digits, spoken


def speak(clip: Clip) -> None:
    """Write one file."""
    clip.path.parent.mkdir(parents=True, exist_ok=True)
    settings = ("--setf", f"duration_stretch={clip.stretch:.3f}", "--setf", f"int_f0_target_mean={clip.pitch:.1f}")
    subprocess.run(["flite", "-voice", clip.voice, *settings, "-t", clip.text, "-o", clip.path], check=True)


if __name__ == "__main__":
    main()
