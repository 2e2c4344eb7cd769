"""What happens to voices on their way to a microphone: other speakers, rooms, lines and noises, drawn at random.

Waveform in, waveform of the same length out (but for speed), float32. Each function draws nothing that is not in its
arguments: the randomness is ``rng``. Only training calls this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.config import AugmentConfig
from sutja.speech import MIXING_DB, samples_in, speech_power
from sutja.window import judged

MU = 255.0  # of the telephone's mu-law, ITU-T G.711
TELEPHONE_RATE = 8_000  # Hz
UNDER_WORD_SHARE = 0.25  # of the versions have their noise under the word only
GRAIN_SECONDS, SEEK_SECONDS = 0.03, 0.01  # of a change of tempo: about three periods of a low voice, and one
SEEK_STEP = 3  # samples: a sixteenth of the time, and nobody hears it
TEMPI = 0.6, 1.6  # beyond, grains are heard
LEAST_TEMPO = 0.03  # nobody hears less
NEIGHBOUR_LEVEL = 0.3, 1.0  # of the peak of what is heard beside a word
NEIGHBOUR_GAP_SECONDS = 0.06  # at most, to the word
BAND_BEGINS = 50.0, 300.0  # Hz
OVERLOADS = 1.5, 6.0  # times full scale
REAL_SNR_DB = 0.0, 30.0  # of recorded backgrounds


@dataclass(frozen=True)
class Surroundings:
    """Real sounds that a version of a clip may be put among; waveforms at its sample rate."""

    neighbour: Waveform | None = None
    """Another word."""
    backgrounds: Sequence[Waveform] = ()
    rooms: Sequence[Waveform] = ()
    """Impulse responses; the direct sound comes first."""


NOTHING = Surroundings()


def vary(  # noqa: PLR0913
    waveform: Waveform,
    sample_rate: int,
    n_samples: int,
    config: AugmentConfig,
    rng: np.random.Generator,
    around: Surroundings = NOTHING,
) -> Waveform:
    """Make another version of a clip: another voice, somewhere in a window of ``n_samples``, through one random chain.

    Every fourth goes through the chain before it is placed: recordings that were cut to the word have noise under the
    word and none around it.
    """
    if rng.random() < config.speed_share:
        waveform = change_speed(waveform, rng.uniform(*config.speed))
    if config.voice_share and rng.random() < config.voice_share:
        waveform = _another_voice(waveform, sample_rate, config, rng)
    waveform = judged(waveform, sample_rate, n_samples)
    left = int(rng.integers(0, n_samples - len(waveform), endpoint=True))
    if rng.random() < UNDER_WORD_SHARE:
        return place(augment(waveform, sample_rate, config, rng, around), n_samples, left)
    placed = place(waveform, n_samples, left)
    if around.neighbour is not None and config.neighbour_share and rng.random() < config.neighbour_share:
        placed = _beside(placed, (left, left + len(waveform)), around.neighbour, sample_rate, config, rng)
    return augment(placed, sample_rate, config, rng, around)


def augment(
    waveform: Waveform,
    sample_rate: int,
    config: AugmentConfig,
    rng: np.random.Generator,
    around: Surroundings = NOTHING,
) -> Waveform:
    """Send a waveform, already in its window, through one random chain: voice, room and microphone, noise, line.

    Parameters
    ----------
    waveform
        ``(n_samples,)``.
    sample_rate
        Hz.
    config
        How often and how much.
    rng
        Draws everything.
    around
        Recorded rooms and backgrounds, where there are some.

    """
    if around.rooms and rng.random() < config.real_room_share:
        waveform = _convolve(waveform, around.rooms[int(rng.integers(len(around.rooms)))].astype(np.float64))
    elif rng.random() < config.room_share:
        waveform = reverberate(waveform, sample_rate, rng.uniform(*config.room_seconds), rng)
    if rng.random() < config.response_share:
        waveform = colour(waveform, config.response_db, rng)
    if around.backgrounds and rng.random() < config.real_noise_share:
        background = _stretch_of(around.backgrounds[int(rng.integers(len(around.backgrounds)))], len(waveform), rng)
        waveform = add_noise(waveform, background, rng.uniform(*REAL_SNR_DB), sample_rate)
    elif rng.random() < config.noise_share:
        noise = coloured_noise(len(waveform), rng.uniform(0, 2), rng)
        waveform = add_noise(waveform, noise, rng.uniform(*config.snr_db), sample_rate)
    if rng.random() < config.line_share:
        waveform = telephone(waveform, sample_rate)
    if config.band_share and rng.random() < config.band_share:
        waveform = narrow(waveform, sample_rate, rng.uniform(*BAND_BEGINS), rng.uniform(*config.band))
    if config.overload_share and rng.random() < config.overload_share:
        waveform = overload(waveform, rng.uniform(*OVERLOADS))
    return waveform


def _another_voice(waveform: Waveform, sample_rate: int, config: AugmentConfig, rng: np.random.Generator) -> Waveform:
    """Draw a voice and a tempo apart from each other."""
    higher = float(np.clip(np.exp(rng.normal(0, config.voice_spread)), *config.voice))
    longer = float(np.clip(higher * np.exp(rng.normal(0, config.tempo_spread)), *TEMPI))
    return change_tempo(change_speed(waveform, higher), longer, sample_rate)


def change_tempo(waveform: Waveform, factor: float, sample_rate: int) -> Waveform:
    """Make it ``factor`` times as long, the voice as high as it was.

    Grains are laid over each other where they fit best (WSOLA: Verhelst and Roelands 1993).
    """
    n, seek = 2 * (samples_in(GRAIN_SECONDS, sample_rate) // 2), samples_in(SEEK_SECONDS, sample_rate)
    if abs(factor - 1) < LEAST_TEMPO or len(waveform) < 3 * n:
        return waveform
    hop, n_samples = n // 2, round(len(waveform) * factor)
    window = np.hanning(n + 1)[:-1].astype(np.float32)
    padded = np.concatenate([np.zeros(seek), waveform, np.zeros(n + 2 * seek + hop)]).astype(np.float32)
    out, start = np.zeros(n_samples + n, dtype=np.float32), 0
    for place_out in range(0, n_samples, hop):
        wanted = min(int(place_out / factor), len(waveform))
        if place_out:
            start = _best_start(padded, start + hop, wanted, n, seek)
        out[place_out : place_out + n] += window * padded[start + seek : start + seek + n]
    return out[:n_samples]


def _best_start(padded: Waveform, natural: int, wanted: int, n: int, seek: int) -> int:
    """Find the grain near ``wanted`` that goes on as the last one would have: as what comes ``natural``-ly."""
    target = padded[natural + seek : natural + seek + n]
    region = padded[wanted : wanted + n + 2 * seek]
    target, region = np.pad(target, (0, n - len(target)))[::SEEK_STEP], region[::SEEK_STEP]
    energy = np.cumsum(np.concatenate([[0.0], np.square(region, dtype=np.float64)]))
    likeness = np.correlate(region, target, "valid") / np.sqrt(energy[len(target) :] - energy[: -len(target)] + 1e-9)
    return max(0, wanted + SEEK_STEP * int(np.argmax(likeness)) - seek)


def _beside(  # noqa: PLR0913
    placed: Waveform,
    word: tuple[int, int],
    other: Waveform,
    sample_rate: int,
    config: AugmentConfig,
    rng: np.random.Generator,
) -> Waveform:
    """Let the end of another word be heard before the word, or its beginning after it."""
    gain = rng.uniform(*NEIGHBOUR_LEVEL) * float(np.abs(placed).max()) / (float(np.abs(other).max()) or 1.0)
    n_heard = samples_in(rng.uniform(*config.neighbour_seconds), sample_rate)
    gap = samples_in(rng.uniform(0, NEIGHBOUR_GAP_SECONDS), sample_rate)
    heard = placed.copy()
    if rng.random() < 0.5:
        end = max(0, word[0] - gap)
        part = other[-min(n_heard, end, len(other)) :] if end else other[:0]
        heard[end - len(part) : end] += np.float32(gain) * part
    else:
        begin = min(len(placed), word[1] + gap)
        part = other[: min(n_heard, len(placed) - begin)]
        heard[begin : begin + len(part)] += np.float32(gain) * part
    return heard


def _stretch_of(background: Waveform, n_samples: int, rng: np.random.Generator) -> Waveform:
    """Draw a stretch of a background; one that is shorter is repeated."""
    repeated = np.resize(background, max(len(background), n_samples))
    start = int(rng.integers(0, len(repeated) - n_samples, endpoint=True))
    return repeated[start : start + n_samples]


def narrow(waveform: Waveform, sample_rate: int, low: float, high: float) -> Waveform:
    """Keep what lies between two frequencies, Hz."""
    spectrum, n = np.fft.rfft(waveform), len(waveform)
    spectrum[: round(low * n / sample_rate)] = 0
    spectrum[round(high * n / sample_rate) :] = 0
    return np.fft.irfft(spectrum, n).astype(np.float32)


def overload(waveform: Waveform, factor: float) -> Waveform:
    """Bend what a microphone brings that gets ``factor`` times full scale."""
    peak = float(np.abs(waveform).max()) or 1.0
    bent: Waveform = np.tanh(waveform / np.float32(peak) * np.float32(factor))
    return bent


def room_response(recording: Waveform) -> Waveform:
    """Return a measured room from its direct sound on, which is brought to 1."""
    direct = int(np.abs(recording).argmax())
    return recording[direct:] / (np.float32(np.abs(recording[direct])) or np.float32(1.0))


def change_speed(waveform: Waveform, factor: float) -> Waveform:
    """Play faster (``factor`` above 1): shorter, and higher as a smaller speaker is."""
    changed: Waveform = soxr.resample(waveform, factor, 1.0, quality="LQ")
    return changed


def place(waveform: Waveform, n_samples: int, left: int) -> Waveform:
    """Put a waveform into ``n_samples`` of silence, ``left`` samples from the start."""
    placed = np.zeros(n_samples, dtype=np.float32)
    placed[left : left + len(waveform)] = waveform
    return placed


def add_noise(waveform: Waveform, noise: Waveform, snr_db: float, sample_rate: int) -> Waveform:
    """Add noise so that the ratio of the speech's power to the noise's is ``snr_db``.

    The speech's power is taken where it speaks (samples within 40 dB of its loudest 20 ms), so that silence around a
    word does not make the word's noise softer.
    """
    wanted = speech_power(waveform, sample_rate, below_db=MIXING_DB) / 10 ** (snr_db / 10)
    have = float(np.mean(np.square(noise))) or 1.0
    return waveform + noise * np.float32(np.sqrt(wanted / have))


def coloured_noise(n_samples: int, exponent: float, rng: np.random.Generator) -> Waveform:
    """Draw noise whose power falls with ``frequency ** exponent``: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-exponent / 2)
    spectrum[0] = 0
    return np.fft.irfft(spectrum, n_samples).astype(np.float32)


def reverberate(waveform: Waveform, sample_rate: int, seconds: float, rng: np.random.Generator) -> Waveform:
    """Put the voice into a small room: noise that falls by 60 dB in ``seconds``, after the direct sound."""
    n_tail = int(seconds * sample_rate)
    tail = rng.standard_normal(n_tail) * 10 ** (-3 * np.arange(n_tail) / n_tail)
    direct_db = rng.uniform(0, 12)  # the direct sound over the reverberation
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(np.square(tail)))
    tail[0] += 1.0
    return _convolve(waveform, tail)


def colour(waveform: Waveform, depth_db: float, rng: np.random.Generator) -> Waveform:
    """Give the voice a microphone: a smooth random response of up to ``depth_db`` either way over frequency."""
    spectrum = np.fft.rfft(waveform)
    points = rng.uniform(-depth_db, depth_db, size=6)
    response = np.interp(np.linspace(0, 5, len(spectrum)) ** 0.5 * 5**0.5, np.arange(6), points)
    return np.fft.irfft(spectrum * 10 ** (response / 20), len(waveform)).astype(np.float32)


def telephone(waveform: Waveform, sample_rate: int) -> Waveform:
    """Send the voice over a telephone line: 8 kHz, 8-bit mu-law."""
    narrow = soxr.resample(waveform, sample_rate, TELEPHONE_RATE, quality="LQ")
    peak = float(np.abs(narrow).max()) or 1.0
    coded = np.round(np.sign(narrow) * np.log1p(MU * np.abs(narrow) / peak) / np.log1p(MU) * 127) / 127
    decoded = np.sign(coded) * (np.expm1(np.abs(coded) * np.log1p(MU)) / MU) * peak
    wide = soxr.resample(decoded.astype(np.float32), TELEPHONE_RATE, sample_rate, quality="LQ")
    return _of_length(wide, len(waveform))


def _convolve(waveform: Waveform, response: NDArray[np.float64]) -> Waveform:
    n_fft = 1 << (len(waveform) + len(response) - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(waveform, n_fft) * np.fft.rfft(response, n_fft), n_fft)
    return wet[: len(waveform)].astype(np.float32)


def _of_length(waveform: Waveform, n_samples: int) -> Waveform:
    return place(waveform[:n_samples], n_samples, 0)
