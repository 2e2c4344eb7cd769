"""A body that knows nothing and tells tones apart all the same, and words for it: tones of people."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from conftest import write_wav
from models import AUDIO, SMALL, embedding_network

from sutja.bundle import Bundle, Member
from sutja.clips import Clip
from sutja.outside import NOISE, Outside, Packed
from sutja.predictor import Predictor

N_EMBEDDING = 256
WORDS = {"stop": 500, "go": 1_100, "lamp on": 2_300}
"""Hz."""


def sound(hertz: float, rng: np.random.Generator) -> np.ndarray:
    """A tone, about so high, in some noise."""
    time = np.arange(int(rng.uniform(0.25, 0.4) * AUDIO.sample_rate)) / AUDIO.sample_rate
    wave = np.sin(2 * np.pi * hertz * rng.uniform(0.97, 1.03) * time + rng.uniform(0, 6))
    return (0.3 * wave + 0.01 * rng.standard_normal(len(time))).astype(np.float32)


def body() -> Predictor:
    """It brings tones that are none of the words, and noise."""
    rng = np.random.default_rng(5)
    member = Member("mel", SMALL, embedding_network(SMALL, 3, N_EMBEDDING))
    bare = Predictor(Bundle(("a", "b"), AUDIO, (member,), threshold=0.3))
    tones = {"shop": 700, "no": 1_600, "yes": 3_300, "zero": 250}
    heard = [(word, sound(hertz, rng)) for word, hertz in tones.items() for _ in range(16)]
    heard += [(NOISE, (0.1 * rng.standard_normal(3_000)).astype(np.float32)) for _ in range(16)]
    rows = np.array(list(bare.embed_many(wave for _, wave in heard)), dtype=np.float32)
    store = Outside(rows, tuple(word for word, _ in heard))
    return Predictor(
        Bundle(("a", "b"), AUDIO, (member,), threshold=0.3, about={"preset": "words"}, outside=Packed.of(store))
    )


def takes(folder: Path, words=tuple(WORDS), speakers=("anna", "ben"), n_takes: int = 4, seed: int = 0) -> list[Clip]:
    """Recordings of words, as an audiofolder has them."""
    rng, clips = np.random.default_rng(seed), []
    for speaker in speakers:
        for word in words:
            for take in range(n_takes):
                path = folder / word / f"{speaker}_{seed}_{take}.wav"
                write_wav(path, sound(WORDS.get(word, 900), rng), AUDIO.sample_rate)
                clips.append(Clip(path, path.name, word, speaker or None))
    return clips


def recording(word: str = "stop", seed: int = 0, rate: int = AUDIO.sample_rate, level: float = 1.0) -> bytes:
    """A take as a file."""
    file = io.BytesIO()
    soundfile.write(file, level * sound(WORDS.get(word, 900), np.random.default_rng(seed)), rate, format="WAV")
    return file.getvalue()
