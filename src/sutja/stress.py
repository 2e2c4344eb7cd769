"""How a model does when recordings get worse: noise, level, bandwidth, rooms, speed, codecs.

Each condition changes the waveform of every clip and asks the predictor again. The same seed gives the same noise to
every model, so that two models can be compared clip by clip.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from sutja.audio import Waveform, load_waveform
from sutja.augment import add_noise, change_speed, coloured_noise, reverberate, telephone
from sutja.clips import Clip
from sutja.config import AudioConfig
from sutja.errors import AudioError, DatasetError
from sutja.metrics import Interval, wilson_interval
from sutja.predictor import Predictor

N_TALKERS = 5  # in the babble


@dataclass(frozen=True)
class Condition:
    """One way in which recordings get worse, at one strength."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class UnderStress:
    """How a model did under a condition."""

    condition: Condition
    n_clips: int
    accuracy: float
    interval95: Interval
    rejected_rate: float


# Format, coding, sample rate and soundfile's compression level by kbit/s: about the least that libsndfile's encoders
# give (its MP3 refuses level 1; GSM has one bit rate).
CODECS = {
    22: ("MP3", "MPEG_LAYER_III", 16_000, 0.99),
    16: ("OGG", "OPUS", 16_000, 0.99),
    13: ("WAV", "GSM610", 8_000, None),
}
# What is asked: strength to strength, from mild to hard.
STRENGTHS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "white noise": ("dB signal to noise", (20, 10, 5, 0, -5)),
    "pink noise": ("dB signal to noise", (20, 10, 5, 0, -5)),
    "babble": ("dB signal to noise", (20, 10, 5, 0, -5)),
    "level": ("dBFS peak, 16 bit", (0, -20, -40, -60)),
    "bandwidth": ("Hz", (4000, 3000, 2000)),
    "telephone": ("8 kHz, 8 bit", (8000,)),
    "room": ("s reverberation", (0.2, 0.4, 0.8)),
    "speed": ("times", (0.8, 0.9, 1.1, 1.25)),
    "codec": ("kbit/s; 22 MP3, 16 Opus, 13 GSM 6.10", tuple(CODECS)),
}


def stress(
    predictor: Predictor,
    clips: Sequence[Clip],
    *,
    names: Sequence[str] = tuple(STRENGTHS),
    seed: int = 0,
    on_clip: Callable[[], None] = lambda: None,
) -> list[UnderStress]:
    """Score a model on labelled clips under each condition.

    Parameters
    ----------
    predictor
        The model.
    clips
        Labelled; the babble is made of them too: of each clip's by other speakers, where speakers are known.
    names
        Of the conditions, from :data:`STRENGTHS`.
    seed
        Of noise, rooms and babble.
    on_clip
        Called after each clip under each condition.

    Raises
    ------
    DatasetError
        When no clip can be heard, or a condition is not known.

    """
    unknown = sorted(set(names) - set(STRENGTHS))
    if unknown:
        raise DatasetError(f"condition {unknown[0]!r} is not known; expected some of {', '.join(STRENGTHS)}")
    audio = predictor.bundle.audio
    recordings = list(_recordings(predictor, clips))
    if not recordings:
        raise DatasetError("no clip can be heard; look at them with `sutja data info`")
    scores: list[UnderStress] = []
    for name in names:
        unit, strengths = STRENGTHS[name]
        for value in strengths:
            rng = np.random.default_rng([seed, len(scores)])
            changed = (_changed(name, value, index, recordings, audio, rng) for index in range(len(recordings)))
            scores.append(_score(predictor, Condition(name, value, unit), changed, recordings, on_clip))
    return scores


def n_steps(n_clips: int, names: Sequence[str] = tuple(STRENGTHS)) -> int:
    """Count how often ``on_clip`` is called for so many clips."""
    return n_clips * sum(len(STRENGTHS[name][1]) for name in names)


def _recordings(predictor: Predictor, clips: Sequence[Clip]) -> Iterator[tuple[Clip, Waveform]]:
    for clip in clips:
        try:
            yield clip, load_waveform(clip.source, predictor.bundle.audio)
        except AudioError:
            continue  # the plain evaluation names it


def _score(
    predictor: Predictor,
    condition: Condition,
    changed: Iterator[Waveform],
    recordings: Sequence[tuple[Clip, Waveform]],
    on_clip: Callable[[], None],
) -> UnderStress:
    n_right = n_rejected = 0
    for (clip, _), prediction in zip(recordings, predictor.predict_many(changed), strict=True):
        on_clip()
        if isinstance(prediction, AudioError):
            raise prediction
        n_right += prediction.most_probable == clip.label
        n_rejected += prediction.rejected
    accuracy = n_right / len(recordings)
    return UnderStress(
        condition, len(recordings), accuracy, wilson_interval(accuracy, len(recordings)), n_rejected / len(recordings)
    )


def _changed(  # noqa: PLR0913
    name: str,
    value: float,
    index: int,
    recordings: Sequence[tuple[Clip, Waveform]],
    audio: AudioConfig,
    rng: np.random.Generator,
) -> Waveform:
    waveform = recordings[index][1]
    if name == "babble":
        return add_noise(waveform, _babble(index, recordings, rng), value, audio.sample_rate)
    changed = CHANGES[name](waveform, value, audio.sample_rate, rng)
    least, most = audio.n_samples_allowed  # speed and codecs make clips shorter and longer
    return np.pad(changed[:most], (0, max(0, least - len(changed))))


def _babble(index: int, recordings: Sequence[tuple[Clip, Waveform]], rng: np.random.Generator) -> Waveform:
    """Lay other speakers' clips over each other, each repeated to the length of the clip."""
    clip, waveform = recordings[index]
    others = (
        [w for c, w in recordings if c.speaker != clip.speaker]
        or [w for c, w in recordings if c is not clip]
        or [waveform]
    )
    crowd = np.zeros(len(waveform), dtype=np.float32)
    for chosen in rng.integers(len(others), size=N_TALKERS):
        voice = others[chosen] / (np.abs(others[chosen]).max() or 1.0)
        crowd += np.roll(np.resize(voice, len(waveform)), int(rng.integers(len(waveform))))
    return crowd


def _levelled(waveform: Waveform, dbfs: float) -> Waveform:
    scaled = waveform / (np.abs(waveform).max() or 1.0) * 10 ** (dbfs / 20)
    return (np.round(scaled * 32767) / 32768).astype(np.float32)


def _narrowed(waveform: Waveform, hertz: float, rate: int) -> Waveform:
    narrow = soxr.resample(waveform, rate, 2 * hertz, quality="HQ")
    wide = soxr.resample(narrow, 2 * hertz, rate, quality="HQ")
    return np.asarray(wide[: len(waveform)], dtype=np.float32)


def _coded(waveform: Waveform, kilobits: float, rate: int) -> Waveform:
    form, coding, hertz, level = CODECS[int(kilobits)]
    file = io.BytesIO()
    sound = np.clip(soxr.resample(waveform, rate, hertz, quality="HQ"), -1, 1)
    soundfile.write(file, sound, hertz, format=form, subtype=coding, compression_level=level)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return np.asarray(soxr.resample(decoded, hertz, rate, quality="HQ"), dtype=np.float32)


CHANGES: Mapping[str, Callable[[Waveform, float, int, np.random.Generator], Waveform]] = {
    "white noise": lambda w, db, rate, rng: add_noise(w, coloured_noise(len(w), 0, rng), db, rate),
    "pink noise": lambda w, db, rate, rng: add_noise(w, coloured_noise(len(w), 1, rng), db, rate),
    "level": lambda w, dbfs, rate, rng: _levelled(w, dbfs),
    "bandwidth": lambda w, hertz, rate, rng: _narrowed(w, hertz, rate),
    "telephone": lambda w, value, rate, rng: telephone(w, rate),
    "room": lambda w, seconds, rate, rng: reverberate(w, rate, seconds, rng),
    "speed": lambda w, factor, rate, rng: change_speed(w, factor),
    "codec": lambda w, kilobits, rate, rng: _coded(w, kilobits, rate),
}
