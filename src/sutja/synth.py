"""Synthetic voices without a download: eSpeak NG, from the wheel `espeakng-loader`, through ctypes.

A voice is an accent of a language, one of about a hundred variants of the vocal tract, and its own rate, pitch and
range. Waveforms are float32, mono, ``(n_samples,)``, in [-1, 1]. What is drawn for a clip depends on the seed, the
speaker, the label and the take and on nothing else: more takes or more labels leave the others as they were.
"""

from __future__ import annotations

import contextlib
import ctypes
import difflib
import functools
import io
import os
import re
import threading
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.errors import ConfigError, needs
from sutja.files import new_folder, write_json
from sutja.lexicon import digit_words

# Variants that sound like no speaker of anything: machines, effects, and one that its own file calls unstable.
NOT_PEOPLE = re.compile("robo|demonic|announcer|croak|fast|tweaky|anxious|kaukovalta", re.IGNORECASE)

# eSpeak's `zh-yue`, Cantonese, is a language of its own and no accent of Mandarin, which `zh` means elsewhere.
MEANT = {"zh": "cmn"}

_LOCK = threading.Lock()  # eSpeak keeps everything in global variables


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker."""

    language: str = "en"
    """eSpeak's name of a language or accent: `en`, `en-us`, `ko`."""
    variant: str = ""
    """eSpeak's name of a vocal tract: `f1`, `Denis`; its plain voice if empty."""
    rate: int = 175
    """Words per minute, 80 to 450."""
    pitch: int = 50
    """0 to 99; 50 is the variant's own."""
    pitch_range: int = 50
    """0 (monotone) to 99."""


@dataclass(frozen=True)
class SynthConfig:
    """What a synthetic data set is made of."""

    language: str = "en"
    n_voices: int = 20
    n_takes: int = 5
    seed: int = 929
    sample_rate: int = 16_000
    """Hz; eSpeak's own is 22050."""
    rates: tuple[int, int] = (130, 220)
    """Words per minute: the speakers' are drawn between these."""
    pitches: tuple[int, int] = (25, 75)
    """The speakers' pitch, 0 to 99, is drawn between these."""

    def __post_init__(self) -> None:
        self._check("voices", self.n_voices, 1, 9999)
        self._check("takes", self.n_takes, 1, 9999)
        self._check("seed", self.seed, 0, 2**63 - 1)
        self._check("sample rate", self.sample_rate, 4_000, 384_000)
        for name, (low, high), least, most in (("rate", self.rates, 80, 450), ("pitch", self.pitches, 0, 99)):
            self._check(name, low, least, high)
            self._check(name, high, low, most)

    @staticmethod
    def _check(name: str, value: int, least: int, most: int) -> None:
        if not least <= value <= most:
            raise ConfigError(f"{name} is {value}; expected {least} to {most}")


# How much takes of one speaker differ: shares of the rate, steps of pitch, dB.
RATE_SPREAD = 0.08
PITCH_SPREAD = 5
GAIN_SPREAD_DB = 3.0
# Loudness of a speaker and the noise of the room, dB: from a headset to a laptop across the table.
PEAK_DB = (-20.0, -3.0)
SNR_DB = (25.0, 50.0)


def synthesise(text: str, voice: Voice, *, sample_rate: int = SynthConfig.sample_rate) -> Waveform:
    """Speak a word: the same samples for the same text and voice, always.

    Parameters
    ----------
    text
        What is read, in the voice's language; digits are read as numbers.
    voice
        Who reads it.
    sample_rate
        Of the result, Hz.

    Returns
    -------
    Waveform
        float32, ``(n_samples,)``, in [-1, 1].

    Raises
    ------
    ConfigError
        When the voice does not exist or cannot read the text.

    """
    _check_voice(voice)
    with _LOCK, _espeak() as (library, native_rate):
        pcm = _speak(library, text, voice)
    if not pcm.any():
        raise ConfigError(f"{text!r} gives no sound in language {voice.language}; write it as it is read there")
    waveform = pcm.astype(np.float32) / 32768
    if sample_rate != native_rate:
        waveform = soxr.resample(waveform, native_rate, sample_rate, quality="HQ")
    return np.clip(waveform, -1, 1)


def write_dataset(
    folder: Path,
    words: Mapping[str, str] | None = None,
    config: SynthConfig | None = None,
    *,
    progress: Callable[[], None] | None = None,
) -> int:
    """Write a data set of synthetic voices in AudioMNIST's layout, whole or not at all.

    Parameters
    ----------
    folder
        Where; it must be new or empty.
    words
        Label to the text that is read for it; the digits if not given.
    config
        Voices, takes, seed; the defaults if not given.
    progress
        Called after each clip.

    Returns
    -------
    int
        The number of clips.

    Raises
    ------
    ConfigError
        When a label cannot be a file name or a text cannot be read.
    RunError
        When the folder is there already or cannot be written to.

    """
    config = config or SynthConfig()
    words = _checked_words(words or digit_words(config.language))
    voices = draw_voices(config)
    with new_folder(folder) as draft:
        for speaker, voice in voices.items():
            place = draft / "data" / speaker
            place.mkdir(parents=True)
            for label, text in words.items():
                for take in range(config.n_takes):
                    rng = np.random.default_rng([config.seed, int(speaker), zlib.crc32(label.encode()), take])
                    waveform = _take(text, voice, _room(config, speaker), config, rng)
                    _write_wav(place / f"{label}_{speaker}_{take}.wav", waveform, config.sample_rate)
                    if progress is not None:
                        progress()
        write_json(draft / "data" / "audioMNIST_meta.txt", {s: _described(v) for s, v in voices.items()})
    return len(voices) * len(words) * config.n_takes


def parse_words(text: str) -> dict[str, str]:
    """Read labels, and what is read for them where it is not the label itself.

    >>> parse_words("yes, no, 7=seven")
    {'yes': 'yes', 'no': 'no', '7': 'seven'}
    """
    words: dict[str, str] = {}
    for part in text.split(","):
        label, equals, spoken = (p.strip() for p in part.partition("="))
        if label in words:
            raise ConfigError(f"label {label!r} is there twice; expected labels that differ")
        words[label] = spoken if equals else label
    return words


def draw_voices(config: SynthConfig) -> dict[str, Voice]:
    """Draw the speakers, by name: every variant once before any comes again."""
    accents = accents_of(config.language)
    order = np.random.default_rng(config.seed).permutation([n for n in variants() if not NOT_PEOPLE.search(n)])
    width = max(2, len(str(config.n_voices)))
    voices = {}
    for number in range(1, config.n_voices + 1):
        rng = np.random.default_rng([config.seed, number])
        voices[f"{number:0{width}}"] = Voice(
            language=str(rng.choice(accents)),
            variant=str(order[(number - 1) % len(order)]),
            rate=int(rng.integers(*config.rates, endpoint=True)),
            pitch=int(rng.integers(*config.pitches, endpoint=True)),
            pitch_range=int(rng.integers(25, 75, endpoint=True)),
        )
    return voices


@functools.cache
def variants() -> Mapping[str, str]:
    """Return the vocal tracts that eSpeak brings, with their gender if it is told: `female`, `male` or empty."""
    found = {}
    for path in sorted((_data_folder() / "voices" / "!v").iterdir()):
        gender = re.search(r"^gender\s+(\w+)", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        found[path.name] = gender[1].lower() if gender else ""
    return found


@functools.cache
def languages() -> Mapping[str, Path]:
    """Return the names of the languages and accents that eSpeak brings, with the file that describes each."""
    claims: list[tuple[str, int, Path]] = []
    for path in sorted(p for p in (_data_folder() / "lang").rglob("*") if p.is_file()):
        text = path.read_text(encoding="utf-8", errors="replace")
        claims += [
            (name, int(priority or 5), path)  # 5 is eSpeak's own default
            for name, priority in re.findall(r"^language[ \t]+(\S+)[ \t]*(\d*)", text, re.MULTILINE)
        ]
        claims.append((path.name.lower(), 0, path))
    # Several accents say that they are "en" too: the smallest number is nearest, and the file of that name is it.
    return {name: path for name, _, path in sorted(claims, reverse=True)}


def accents_of(language: str) -> list[str]:
    """Return a language's accents, without those written in another script.

    Raises
    ------
    ConfigError
        When eSpeak does not have the language.

    """
    known = languages()
    language = MEANT.get(language, language)
    if language not in known:
        near = ", ".join(difflib.get_close_matches(language, sorted(known), n=3) or ["en", "ko", "de"])
        raise ConfigError(
            f"language {language!r} is not known to eSpeak; expected one of its {len(known)}: {near}, ..."
        )
    files = {known[n] for n in known if n == language or n.startswith(f"{language}-")}
    # A part of four letters names a script (BCP 47): en-shaw reads Shavian letters, not "seven".
    plain = {f for f in files if not re.search("-[a-z]{4}(-|$)", f.name.lower())}
    return sorted(f.name.lower() for f in plain | {known[language]})


# -- takes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Room:
    """What a speaker's recordings have in common beside the voice."""

    peak_db: float
    snr_db: float


def _room(config: SynthConfig, speaker: str) -> _Room:
    rng = np.random.default_rng([config.seed, int(speaker), 1])  # its own stream: the voice is drawn from another
    return _Room(rng.uniform(*PEAK_DB), rng.uniform(*SNR_DB))


def _take(text: str, voice: Voice, room: _Room, config: SynthConfig, rng: np.random.Generator) -> Waveform:
    """Speak a word once: no two takes of a speaker are alike."""
    varied = Voice(
        voice.language,
        voice.variant,
        rate=int(np.clip(round(voice.rate * (1 + RATE_SPREAD * rng.uniform(-1, 1))), 80, 450)),
        pitch=int(np.clip(voice.pitch + rng.integers(-PITCH_SPREAD, PITCH_SPREAD, endpoint=True), 0, 99)),
        pitch_range=voice.pitch_range,
    )
    waveform = synthesise(text, varied, sample_rate=config.sample_rate).astype(np.float64)
    peak_db = min(room.peak_db + rng.uniform(-GAIN_SPREAD_DB, GAIN_SPREAD_DB), -1.0)
    waveform -= waveform.mean()  # some variants have an offset, microphones seldom
    waveform *= 10 ** (peak_db / 20) / np.abs(waveform).max()
    level = np.sqrt(np.square(waveform).mean()) * 10 ** (-room.snr_db / 20)
    waveform += rng.normal(0, level, len(waveform))
    return np.clip(waveform, -1, 1).astype(np.float32)


def _write_wav(path: Path, waveform: Waveform, sample_rate: int) -> None:
    # By way of memory: libsndfile prints what a full disk says on stderr, and forgets the reason.
    file = io.BytesIO()
    soundfile.write(file, waveform, sample_rate, subtype="PCM_16", format="WAV")
    path.write_bytes(file.getvalue())


def _described(voice: Voice) -> dict[str, str | int]:
    """Describe a speaker in the manner of AudioMNIST's meta file."""
    return {
        "accent": voice.language,
        "gender": variants()[voice.variant] or "unknown",
        "voice": f"eSpeak NG {voice.language}+{voice.variant}",
        "rate": voice.rate,
        "pitch": voice.pitch,
        "pitch range": voice.pitch_range,
    }


def _checked_words(words: Mapping[str, str]) -> dict[str, str]:
    """Require labels that can be file names on every system and are read back as they were."""
    checked = {}
    for label, text in words.items():
        name = unicodedata.normalize("NFC", label.strip())
        if not name or name in checked:
            raise ConfigError(f"label {label!r} is {'there twice' if name else 'empty'}; expected words that differ")
        if re.search(r'[/\\:*?"<>|\x00-\x1f]', name) or name.startswith(".") or len(name.encode()) > 200:
            raise ConfigError(f"label {label!r} cannot be a file name; say it otherwise and give the text: LABEL=TEXT")
        if not text.strip() or "\0" in text:
            raise ConfigError(f"label {label!r} has no text to read; expected LABEL=TEXT")
        checked[name] = text.strip()
    return checked


# -- eSpeak -----------------------------------------------------------------------------------------------------------

# speak_lib.h
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def _loader() -> ModuleType:
    try:
        import espeakng_loader
    except ImportError as error:
        raise needs("espeakng-loader", "synth") from error
    module: ModuleType = espeakng_loader
    return module


def _data_folder() -> Path:
    return Path(_loader().get_data_path())


@contextlib.contextmanager
def _espeak() -> Iterator[tuple[Any, int]]:
    """Load eSpeak afresh, and its sample rate.

    The phase of the pitch flutter is a static variable that nothing resets (with 1.52, 85 of 104 variants say a word
    otherwise after another word), so that the library is unloaded after each word; that costs 3 ms. Breath comes from
    eSpeak's own generator, which it seeds with the time, and Klatt's noise from the C library's: both are seeded.
    """
    library = ctypes.CDLL(_loader().get_library_path())
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        *[ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint],
        *[ctypes.c_void_p, ctypes.c_void_p],
    ]
    try:
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(_data_folder()), _DONT_EXIT)
        if rate <= 0:
            raise ConfigError(f"eSpeak cannot read its data in {_data_folder()}; install espeakng-loader again")
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        _c_library().srand(1)
        yield library, rate
        library.espeak_Terminate()
    finally:
        _unload(library)


def _speak(library: Any, text: str, voice: Voice) -> NDArray[np.int16]:
    """Return 16-bit samples, ``(n_samples,)``, at eSpeak's own rate."""
    chunks: list[NDArray[np.int16]] = []

    def collect(pcm: Any, n_samples: int, _events: Any) -> int:
        if pcm and n_samples > 0:
            chunks.append(np.ctypeslib.as_array(pcm, (n_samples,)).copy())
        return 0

    callback = _CALLBACK(collect)  # must live until the last sample
    library.espeak_SetSynthCallback(callback)
    language = languages()[voice.language].name  # eSpeak finds voices by file
    name = f"{language}+{voice.variant}" if voice.variant else language
    if library.espeak_SetVoiceByName(name.encode()) != 0:
        raise ConfigError(f"eSpeak cannot load the voice {name}; choose another one")
    for parameter, value in ((_RATE, voice.rate), (_PITCH, voice.pitch), (_RANGE, voice.pitch_range)):
        library.espeak_SetParameter(parameter, value, 0)
    content = text.encode() + b"\0"
    library.espeak_Synth(content, len(content), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)


def _check_voice(voice: Voice) -> None:
    """Refuse what does not exist: eSpeak takes its plain voice for an unknown variant, and says nothing."""
    if voice.variant and voice.variant not in variants():
        near = difflib.get_close_matches(voice.variant, variants(), n=1)
        raise ConfigError(
            f"voice variant {voice.variant!r} is not known to eSpeak; expected one of sutja.synth.variants()"
            f"{f'; did you mean {near[0]!r}?' if near else ''}"
        )
    accents_of(voice.language)


def _c_library() -> Any:
    return ctypes.CDLL("ucrtbase" if os.name == "nt" else None)


def _unload(library: Any) -> None:
    import _ctypes

    close = getattr(_ctypes, "FreeLibrary" if os.name == "nt" else "dlclose")
    close(library._handle)
