"""What is done to spectrograms each time that a network is shown them: warps, babble, masks.

Batches of log mel in decibels come in, ``(batch, n_bins, n_frames)`` float32; the randomness is ``rng``. What the
waveforms went through (:mod:`sutja.augment`) was drawn once for each copy; this is drawn anew at every showing, and
costs an eighth of the step. Masks: SpecAugment (arXiv 1904.08779). Another vocal tract stretches the frequency axis:
vocal tract length perturbation (Jaitly and Hinton 2013).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sutja.config import TOP_DB
from sutja.speech import MIXING_DB, power_ratio

WARP_SHARE = 0.5  # of the inputs
STRETCH = 0.08  # of frequency and of time, either way
SHIFT = 5  # frames, either way
RESPONSE_DB = 6.0  # of a microphone, either way, at this many points of the frequency axis:
N_RESPONSE_POINTS = 6
FEWEST_VOICES, MOST_VOICES = 3, 8
SNR_DB = -5.0, 25.0  # speech to babble
TRIMMED_SHARE = 0.4  # of the babble is heard under the word only, as in recordings that were cut to the word


def standardise(decibels: Tensor) -> Tensor:
    """Bring each input to mean 0 and deviation 1, as :func:`sutja.features.network_input` does."""
    decibels = torch.maximum(decibels, decibels.amax((1, 2), keepdim=True) - TOP_DB)
    deviation = decibels.std((1, 2), keepdim=True, correction=0)
    return (decibels - decibels.mean((1, 2), keepdim=True)) / torch.where(deviation > 0, deviation, 1.0)


def warp(decibels: Tensor, rng: np.random.Generator) -> Tensor:
    """Give half of the inputs another voice, tempo, place and microphone.

    Frequency and time are stretched apart from each other, unlike the speed of a waveform, which takes both along.
    """
    n, n_bins, n_frames = decibels.shape
    bins = torch.arange(n_bins) * _uniform(rng, (n, 1), 1 - STRETCH, 1 + STRETCH)
    middle = (n_frames - 1) / 2
    frames = (torch.arange(n_frames) - middle) * _uniform(rng, (n, 1), 1 - STRETCH, 1 + STRETCH) + middle
    frames = frames + _uniform(rng, (n, 1), -SHIFT, SHIFT)
    points = _uniform(rng, (n, N_RESPONSE_POINTS, 1), -RESPONSE_DB, RESPONSE_DB)
    response = _weights(torch.linspace(0, N_RESPONSE_POINTS - 1, n_bins).expand(n, n_bins), N_RESPONSE_POINTS) @ points
    warped = _weights(bins, n_bins) @ decibels @ _weights(frames, n_frames).transpose(1, 2) + response
    return torch.where(_uniform(rng, (n, 1, 1), 0, 1) < WARP_SHARE, warped, decibels)


def add_babble(decibels: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Lay 3 to 8 other inputs of the batch under a share of them.

    Powers are added: so do sounds that have nothing to do with each other, on average. Each voice is repeated until
    it fills the window.
    """
    chosen = np.flatnonzero(rng.random(len(decibels)) < share)
    if not len(chosen):
        return decibels
    power = 10 ** (decibels / 10)
    speaks = _speaks(power)
    levels = _mean(power, speaks)
    first, last = _ends(speaks)
    speech = power[chosen]
    voices = _drawn(len(chosen), len(power), rng) / levels
    babble = (voices @ _filled(power, first, last, rng).flatten(1)).view_as(speech)
    gain = levels[chosen] / babble.mean((1, 2)) * 10 ** (-_uniform(rng, (len(chosen),), *SNR_DB) / 10)
    frames = torch.arange(power.shape[2])
    under = (frames >= first[chosen, None]) & (frames <= last[chosen, None])
    everywhere = _uniform(rng, (len(chosen), 1), 0, 1) >= TRIMMED_SHARE
    mixed = decibels.clone()
    mixed[chosen] = 10 * torch.log10(speech + babble * gain[:, None, None] * (under | everywhere)[:, None])
    return mixed


def _filled(power: Tensor, first: Tensor, last: Tensor, rng: np.random.Generator) -> Tensor:
    """Repeat what each input says until it fills the window, from somewhere in it: ``(batch, n_bins, n_frames)``."""
    n, n_bins, n_frames = power.shape
    starts = torch.from_numpy(rng.integers(n_frames, size=(n, 1)))
    frames = first[:, None] + (starts + torch.arange(n_frames)) % (last - first + 1)[:, None]
    return power.gather(2, frames[:, None].expand(n, n_bins, n_frames))


def _drawn(n: int, n_voices: int, rng: np.random.Generator) -> Tensor:
    """Draw 3 to 8 voices for each of ``n``: ones and zeros, ``(n, n_voices)``."""
    ranks = rng.random((n, n_voices)).argsort(axis=1).argsort(axis=1)
    wanted = rng.integers(FEWEST_VOICES, MOST_VOICES, size=(n, 1), endpoint=True)
    return torch.from_numpy((ranks < wanted).astype(np.float32))


def mask(features: Tensor, rng: np.random.Generator) -> Tensor:
    """Hide two random bands and one random stretch of time of each input, a fifth of the axis at most.

    What is hidden takes the input's smallest value, which is silence.
    """
    n, n_bins, n_frames = features.shape
    hidden = _stripes(n, n_bins, rng)[:, :, None] | _stripes(n, n_bins, rng)[:, :, None]
    hidden = hidden | _stripes(n, n_frames, rng)[:, None, :]
    return torch.where(hidden, features.amin((1, 2), keepdim=True), features)


def _stripes(n: int, size: int, rng: np.random.Generator) -> Tensor:
    """Draw a stretch of each of ``n`` axes, ``(n, size)``: none to a fifth of it."""
    width = rng.integers(0, size // 5, size=(n, 1), endpoint=True)
    start = rng.integers(0, size - width, endpoint=True)
    places = np.arange(size)
    return torch.from_numpy((places >= start) & (places < start + width))


def _speaks(power: Tensor) -> Tensor:
    """Tell which frames are speech, ``(batch, n_frames)``."""
    loudness = power.mean(1)
    return loudness >= loudness.amax(1, keepdim=True) * power_ratio(MIXING_DB)


def _mean(power: Tensor, speaks: Tensor) -> Tensor:
    """Return the mean power of the frames that are speech, ``(batch,)``."""
    return (power.mean(1) * speaks).sum(1) / speaks.sum(1)


def _ends(speaks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and the last frame that is speech, ``(batch,)`` each."""
    return speaks.int().argmax(1), speaks.shape[1] - 1 - speaks.flip(1).int().argmax(1)


def _weights(places: Tensor, size: int) -> Tensor:
    """Return what reads an axis of ``size`` at ``places``, between its points as well: ``(batch, places, size)``."""
    return (1 - (places.clamp(0, size - 1)[..., None] - torch.arange(size)).abs()).clamp_min(0)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))
