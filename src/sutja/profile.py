"""What each recording is like, in numbers: level, noise, silence, bandwidth, faults; and its MFCCs, to compare it by.

Levels are in dB relative to full scale (dBFS), a sine of full scale has a loudness of -3; times in seconds; frequencies
in Hz. Measured at the clip's own sample rate, in the one pass of :mod:`sutja.listening`, where faults are judged. Of
the samples nothing stays but numbers, so that memory is bounded whatever the clips hold.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform, load_waveform
from sutja.clips import Clip
from sutja.config import Config, FeatureConfig
from sutja.errors import AudioError
from sutja.features import mfcc
from sutja.listening import ClipFacts, Samples, facts, listen
from sutja.speech import FLOOR_DBFS, FRAME_SECONDS, HOP_SECONDS, QUIET_SHARE, frame_levels, word_frames

BAND_LIMIT_DB = 20.0
"""A spectrum that falls by this much at one frequency, and stays below, was filtered: nature is not that steep."""
BAND_LIMIT_ABOVE_HZ = 3_000.0
"""Where a band limit is looked for: lower down, vowels have steep sides of their own, and no telephone ends there."""
ADDS_NOTHING = 4.0
"""Above a band limit, a word has at most this many times the room's power: 6 dB for chance."""
MUCH_BELOW = 0.75
"""Of half the sample rate: every resampler and every codec takes the last tenth, and that does no harm."""
MAP_FEATURES = FeatureConfig(n_fft=512, win_length=500, hop_length=200, n_mels=40, n_mfcc=20, reference="one")
"""25 ms windows every 10 ms at the study's 20 kHz: features of the map."""
N_MAP_PARTS = 8
"""A word is cut into so many equal parts for the map, so that long and short ones can be compared."""


@dataclass(frozen=True, kw_only=True)
class ClipProfile(ClipFacts):
    """The facts and the numbers of one clip."""

    peak_db: float
    """Largest sample, dBFS."""
    loudness_db: float
    """Root mean square of the word, without what is before and after it, dBFS."""
    snr_db: float
    """The word's level over the quietest frames': an estimate, and too low where no pause was recorded."""
    silence_before_seconds: float
    silence_after_seconds: float
    bandwidth_hz: float
    """Above this there is nothing: half the sample rate, or where a filter or a lower source rate ended the band."""
    dc_offset: float
    """The mean, full scale is 1."""

    @property
    def band_limited(self) -> bool:
        """Whether the sound ends so far below half of its sample rate that it was another recording once."""
        return self.bandwidth_hz < MUCH_BELOW * self.sample_rate / 2

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, rounded to what is known."""
        values: dict[str, Any] = {
            key: round(v, 4) if isinstance(v, float) else v for key, v in dataclasses.asdict(self).items()
        }
        values["problems"] = [kind for kind, _ in values.pop("problems")]  # behind the numbers
        values["digest"] = values.pop("digest")
        return values


@dataclass(frozen=True)
class ProfiledClip:
    """One clip that was listened to."""

    index: int
    """Its place among the clips that were asked for."""
    profile: ClipProfile
    mfcc_means: NDArray[np.float32]
    """``(N_MAP_PARTS * (n_mfcc - 1),)``, for the map."""
    sound: bytes
    """What ``keep`` made of the word, or nothing."""


Keep = Callable[[Waveform, int], bytes]


def profile_clips(
    clips: Sequence[Clip],
    config: Config,
    *,
    keep: tuple[Iterable[int], Keep] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> tuple[list[ProfiledClip], list[AudioError]]:
    """Measure every clip; those that cannot be used give their errors, each with the clip's name.

    Parameters
    ----------
    clips
        Of a data set.
    config
        Whose limits, window and sample rate the clips are held against.
    keep
        The places of those clips whose word is to be kept, and what makes bytes of its waveform and sample rate.
    progress
        Called after each clip.

    """
    kept, small_sound = (frozenset(keep[0]), keep[1]) if keep else (frozenset(), None)

    def profiled(index: int, samples: Samples, sample_rate: int) -> ProfiledClip:
        waveform = load_waveform(samples, config.audio, sample_rate=sample_rate)  # refuses what cannot be used
        profile = measure(samples, sample_rate, clips[index], config)
        word = _trimmed(waveform, config.audio.sample_rate)
        sound = small_sound(_with_margin(samples, profile), sample_rate) if small_sound and index in kept else b""
        return ProfiledClip(index, profile, mfcc_means(word, config.audio.sample_rate), sound)

    results = list(listen(clips, config.audio, profiled, progress=progress))
    usable = [result for result in results if isinstance(result, ProfiledClip)]
    return usable, [result for result in results if isinstance(result, AudioError)]


def measure(samples: Samples, sample_rate: int, clip: Clip, config: Config) -> ClipProfile:
    """Measure decoded samples, ``(n_samples, n_channels)``, finite and not all zero.

    Examples
    --------
    >>> from pathlib import Path
    >>> second = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000).astype(np.float32)[:, None]
    >>> profile = measure(second, 8000, Clip(Path("a.wav"), "a.wav"), Config())
    >>> round(profile.peak_db, 2), round(profile.loudness_db, 2), profile.bandwidth_hz
    (0.0, -3.01, 4000.0)

    """
    waveform = samples.mean(axis=1)
    sound = waveform - waveform.mean()
    levels = frame_levels(sound, sample_rate)
    first, last = word_frames(levels)
    hop = HOP_SECONDS * sample_rate
    start, end = int(first * hop), min(len(sound), int(last * hop + FRAME_SECONDS * sample_rate))
    return ClipProfile(
        **vars(facts(clip, samples, sample_rate, config)),
        peak_db=decibels(float(np.abs(samples).max())),
        loudness_db=decibels(float(np.sqrt(np.square(sound[start:end], dtype=np.float64).mean()))),
        snr_db=snr(levels),
        silence_before_seconds=start / sample_rate,
        silence_after_seconds=(len(sound) - end) / sample_rate,
        bandwidth_hz=bandwidth(sound, sample_rate),
        dc_offset=float(waveform.mean()),
    )


def snr(levels: NDArray[np.float64]) -> float:
    """Estimate the signal-to-noise ratio from frame levels, dB.

    The noise is the power of the quietest tenth of those frames that are not digitally silent: zeros were put there
    by a program and say nothing about the room. The signal is the power of the word's frames. Below
    0 dB nothing can be estimated so.
    """
    first, last = word_frames(levels)
    word = np.mean(10 ** (levels[first : last + 1] / 10))
    sounding = np.sort(levels[levels > FLOOR_DBFS])
    noise = np.mean(10 ** (sounding[: max(1, round(QUIET_SHARE * len(sounding)))] / 10)) if len(sounding) else word
    return float(10 * np.log10(max(word - noise, noise) / noise))


def bandwidth(waveform: Waveform, sample_rate: int) -> float:
    """Return the frequency above which there is nothing, Hz: half the sample rate where no limit is found.

    The band ends where the mean level of the 300 Hz below stands ``BAND_LIMIT_DB`` above everything that follows
    (after a gap of a twentieth, the width of a resampler's slope), and where the word adds nothing to what follows: a
    vowel may fall as steeply, and is still louder than the room above that. So a telephone's 4 kHz is found in a file
    at 48 kHz.
    """
    nyquist = sample_rate / 2
    word, room = _spectra(waveform, sample_rate)
    step = nyquist / (len(word) - 1)
    width = max(1, round(300 / step))
    levels = _level(word)
    means = np.convolve(levels, np.ones(width) / width)[: len(word)]  # of the bins up to and with this one
    above = np.maximum.accumulate(levels[::-1])[::-1]  # the loudest of this bin and all that follow
    bins = np.arange(int(BAND_LIMIT_ABOVE_HZ / step), int(0.9 * nyquist / step))
    after = np.minimum((bins * 1.05).astype(int) + 2, len(word) - 1)
    drops = means[bins] - above[after]
    if not len(bins) or drops.max() < BAND_LIMIT_DB:
        return nyquist
    best = int(np.argmax(drops))
    rest_of_word, rest_of_room = (float(s[after[best] :].sum()) for s in (word, room))
    # Steps of 16 bits are noise too, where a program has written zeros between words.
    steps = 10 ** (FLOOR_DBFS / 10) * len(word[after[best] :]) / len(word)
    return float(bins[best] * step) if rest_of_word < ADDS_NOTHING * (rest_of_room + steps) else nyquist


def _spectra(waveform: Waveform, sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean power spectrum of the louder half of the frames and of the quietest fifth, steps about 20 Hz.

    Each sums to the power of its frames (mean square) and is smoothed over about 100 Hz.
    """
    n_fft = 1 << max(8, round(np.log2(sample_rate / 20)))
    padded = np.zeros(max(n_fft, len(waveform)))
    padded[: len(waveform)] = waveform
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[:: n_fft // 4]
    window = _blackman(n_fft)
    power = np.square(np.abs(np.fft.rfft(frames * window, axis=1))) * (2 / (n_fft * np.square(window).sum()))
    order = np.argsort(power.sum(axis=1))
    loud, quiet = order[len(order) // 2 :], order[: max(1, len(order) // 5)]
    return _smooth(power[loud].mean(axis=0)), _smooth(power[quiet].mean(axis=0))


def _smooth(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.convolve(np.pad(power, 2, mode="edge"), np.ones(5) / 5, mode="valid")


def _level(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return 10 * np.log10(np.maximum(power, 1e-12 * max(float(power.max()), 1e-30)))


@lru_cache(maxsize=16)
def _blackman(n_fft: int) -> NDArray[np.float64]:
    return np.blackman(n_fft)  # its side lobes are below -58 dB: a loud vowel does not hide a band limit


def mfcc_means(word: Waveform, sample_rate: int) -> NDArray[np.float32]:
    """Return what a word sounds like in few numbers, ``(N_MAP_PARTS * (n_mfcc - 1),)``.

    The word's MFCCs without the first, which is loudness, as means over ``N_MAP_PARTS`` parts of equal length.
    """
    coefficients = mfcc(word, sample_rate, MAP_FEATURES)[1:]
    edges = np.linspace(0, coefficients.shape[1], N_MAP_PARTS + 1)
    parts = [coefficients[:, int(a) : max(int(a) + 1, int(np.ceil(b)))].mean(axis=1) for a, b in pairwise(edges)]
    return np.concatenate(parts).astype(np.float32)


def _trimmed(waveform: Waveform, sample_rate: int) -> Waveform:
    levels = frame_levels(waveform - waveform.mean(), sample_rate)
    first, last = word_frames(levels)
    return waveform[int(first * HOP_SECONDS * sample_rate) : int((last * HOP_SECONDS + FRAME_SECONDS) * sample_rate)]


def _with_margin(samples: Samples, profile: ClipProfile, margin_seconds: float = 0.06) -> Waveform:
    """Cut the word out of decoded samples, with a little room around it."""
    waveform = np.asarray(samples.mean(axis=1), dtype=np.float32)
    start = int((profile.silence_before_seconds - margin_seconds) * profile.sample_rate)
    end = len(waveform) - int((profile.silence_after_seconds - margin_seconds) * profile.sample_rate)
    return waveform[max(0, start) : end]


def decibels(amplitude: float) -> float:
    """Return 20 log10 of an amplitude, not below ``FLOOR_DBFS``.

    >>> decibels(0.1), decibels(0.0)
    (-20.0, -98.0)
    """
    return max(FLOOR_DBFS, 20 * float(np.log10(max(amplitude, 1e-9))))
