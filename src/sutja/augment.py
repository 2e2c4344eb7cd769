"""What happens to voices on their way to a microphone: other speakers, rooms, lines and noises, drawn at random.

Waveform in, waveform of the same length out (but for speed), float32. Each function draws nothing that is not in its
arguments: the randomness is ``rng``. Only training calls this module.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.config import AugmentConfig
from sutja.speech import MIXING_DB, speech_power
from sutja.window import judged

MU = 255.0  # of the telephone's mu-law, ITU-T G.711
TELEPHONE_RATE = 8_000  # Hz
UNDER_WORD_SHARE = 0.25  # of the versions have their noise under the word only


def vary(
    waveform: Waveform, sample_rate: int, n_samples: int, config: AugmentConfig, rng: np.random.Generator
) -> Waveform:
    """Make another version of a clip: another speed, somewhere in a window of ``n_samples``, through one random chain.

    Every fourth goes through the chain before it is placed: recordings that were cut to the word have noise under the
    word and none around it.
    """
    if rng.random() < config.speed_share:
        waveform = change_speed(waveform, rng.uniform(*config.speed))
    waveform = judged(waveform, sample_rate, n_samples)
    left = int(rng.integers(0, n_samples - len(waveform), endpoint=True))
    if rng.random() < UNDER_WORD_SHARE:
        return place(augment(waveform, sample_rate, config, rng), n_samples, left)
    return augment(place(waveform, n_samples, left), sample_rate, config, rng)


def augment(waveform: Waveform, sample_rate: int, config: AugmentConfig, rng: np.random.Generator) -> Waveform:
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

    """
    if rng.random() < config.room_share:
        waveform = reverberate(waveform, sample_rate, rng.uniform(*config.room_seconds), rng)
    if rng.random() < config.response_share:
        waveform = colour(waveform, config.response_db, rng)
    if rng.random() < config.noise_share:
        noise = coloured_noise(len(waveform), rng.uniform(0, 2), rng)
        waveform = add_noise(waveform, noise, rng.uniform(*config.snr_db), sample_rate)
    if rng.random() < config.line_share:
        waveform = telephone(waveform, sample_rate)
    return waveform


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
