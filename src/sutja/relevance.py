"""Which part of time and frequency carried a decision.

The clip is shown to the networks some hundred times, each time with other patches of its spectrogram turned down to
its quietest cell; a linear regression of the label's log-odds on what was left says what each patch is worth (LIME:
Ribeiro et al., 2016, arXiv 1602.04938; patches as in RISE: Petsiuk et al., 2018, arXiv 1806.07421). Needs no
gradients, so it works on any ONNX network, and no torch. ``bench/relevance.py`` measures how right it is.

Shapes: maps are ``(n_mels, n_frames)`` as in :mod:`sutja.features`, sets of masks ``(batch, n_mels, n_frames)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Source
from sutja.bundle import Member
from sutja.config import FeatureConfig
from sutja.features import Features, cepstrum, features_of, middle, pad
from sutja.predictor import Examination, Predictor

METHOD = "regression on random patches"
# Chosen on 57 clips by the deletion curve, see bench/README.md: smaller patches need more masks, larger ones blur.
N_MASKS = 800
KEPT_SHARE = 0.9
N_BANDS = 13
PATCH_SECONDS = 0.05
MAX_COLUMNS = 40
RIDGE = 0.01  # of the number of masks; a tenth or ten times as much changes little
BATCH_SIZE = 100
SEGMENT_SHARE = 0.8
GAP_SECONDS = 0.06  # shorter than a stop consonant's silence: heard on its own, a cut there would only click
LEAST_ODDS = 1e-6


@dataclass(frozen=True)
class Explanation:
    """Which cells of a clip's spectrogram spoke for its label, on the frames that the network heard."""

    label: str
    """The most probable label, also where the clip was refused."""
    method: str
    relevance: NDArray[np.float32]
    """How much the label's log-odds (natural logarithm) rise by hearing the patch around the cell; below 0 where it
    spoke against, 0 where frames were put before or behind the clip. ``(n_mels, n_frames)``"""
    log_mel: NDArray[np.float32]
    """The spectrogram below it, dB, ``(n_mels, n_frames)``."""
    hop_seconds: float
    start_seconds: float
    """When in the clip the first frame lies; below 0 where frames were put before it."""
    segments: tuple[tuple[float, float], ...]
    """Start and end, seconds, of the parts of the clip that carry 80 % of what spoke for the label."""
    sample_rate: int
    """Of the waveform that the spectrogram was made from, Hz."""
    config: FeatureConfig
    """How the spectrogram was made."""


class MemberView(NamedTuple):
    """What one member hears of a clip, and how that changes when cells of its spectrogram are turned down."""

    name: str
    """The member's."""
    config: FeatureConfig
    shown: Features
    """Its input, ``(n_bins, n_frames)``."""
    decibels: Features
    """The log mel spectrogram that it is made of, ``(n_mels, frames of the clip)``."""
    scale: float
    """By which features were multiplied to become input."""
    left: int
    """Frames before the clip."""

    def veiled(self, hidden: NDArray[np.float32]) -> Features:
        """Hide shares of cells, ``(batch, n_mels, frames)``, and return the inputs, ``(batch, n_bins, n_frames)``."""
        change = _stretched(hidden, self.decibels.shape) * (self.decibels - self.decibels.min())
        if self.config.n_mfcc is not None:
            change = cepstrum(change, self.config)
        veiled = np.repeat(self.shown[None], len(hidden), axis=0)
        veiled[:, :, self.left : self.left + change.shape[2]] -= np.float32(self.scale) * change
        return veiled


class Veil:
    """A clip that the networks hear through a veil: some cells of its spectrogram as quiet as the quietest.

    The scaling stays that of the whole clip, so that hiding one cell does not move all the others.
    Members may have spectrograms of different size: each gets the mask stretched to its own.
    """

    def __init__(self, predictor: Predictor, examination: Examination) -> None:
        self._predictor = predictor
        self.views = [_view(member, examination) for member in predictor.bundle.members]
        self.target = predictor.labels.index(examination.prediction.most_probable)
        self.drawn = next((view for view in self.views if view.config.n_mfcc is None), self.views[0])
        self.shape: tuple[int, int] = self.drawn.decibels.shape

    def probabilities(self, kept: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of the clip's label, ``(batch,)``, when a share of each cell is kept.

        Parameters
        ----------
        kept
            1 where a cell stays, 0 where it is hidden, ``(batch, n_mels, frames of the clip)``.

        """
        answers = []
        for start in range(0, len(kept), BATCH_SIZE):
            hidden = 1 - kept[start : start + BATCH_SIZE]
            answers.append(self._predictor.probabilities([view.veiled(hidden) for view in self.views]))
        return np.concatenate(answers)[:, self.target]


def explain(predictor: Predictor, source: Source, *, sample_rate: int | None = None) -> Explanation:
    """Say which cells of a clip's spectrogram carried the decision.

    Parameters
    ----------
    predictor
        The model.
    source, sample_rate
        As :meth:`sutja.predictor.Predictor.predict` takes them. The same clip gets the same map every time.

    Raises
    ------
    AudioError
        When the source cannot be used.

    """
    return explain_examined(predictor, predictor.examine(source, sample_rate=sample_rate))


def explain_examined(predictor: Predictor, examination: Examination) -> Explanation:
    """Do as :func:`explain` with what :meth:`sutja.predictor.Predictor.examine` said of a clip.

    Who wants to know both calls this: the clip is decoded once and its features are computed once.
    """
    rate = predictor.bundle.audio.sample_rate
    veil = Veil(predictor, examination)
    config, left = veil.drawn.config, veil.drawn.left
    start = examination.start_seconds[veil.drawn.name]
    padded = pad(relevance(veil, rate), config.n_frames, left)
    quietest = veil.drawn.decibels.min()
    decibels = pad(veil.drawn.decibels - quietest, config.n_frames, left) + quietest
    return Explanation(
        predictor.labels[veil.target],
        METHOD,
        padded,
        decibels,
        config.hop_length / rate,
        start,
        segments(padded, config, rate, start=start, duration=examination.duration_seconds),
        rate,
        config,
    )


def relevance(veil: Veil, sample_rate: int) -> NDArray[np.float32]:
    """Return what each cell of a clip is worth to its label, in log-odds, ``(n_mels, frames of the clip)``."""
    n_mels, n_frames = veil.shape
    n_columns = math.ceil(n_frames * veil.drawn.config.hop_length / sample_rate / PATCH_SECONDS)
    grid = (min(N_BANDS, n_mels), min(max(2, n_columns), MAX_COLUMNS, n_frames))
    patches, solver = _patches(grid)
    to_bands, to_frames = _smooth(n_mels, grid[0]), _smooth(n_frames, grid[1])
    kept = np.asarray(to_bands @ patches @ to_frames.T, dtype=np.float32)
    probabilities = np.clip(veil.probabilities(kept), LEAST_ODDS, 1 - LEAST_ODDS)
    weights = solver @ np.log(probabilities / (1 - probabilities))
    worth: NDArray[np.float32] = to_bands @ weights.reshape(grid).astype(np.float32) @ to_frames.T
    worth[veil.drawn.decibels <= veil.drawn.decibels.min()] = (
        0  # hiding it changes nothing: what stands there is chance
    )
    return worth


@lru_cache(maxsize=16)
def _patches(grid: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Draw the masks on a grid of patches, always the same, and prepare the ridge regression on them.

    Returns
    -------
    NDArray[np.float32], NDArray[np.float64]
        Which patches are kept, ``(N_MASKS, bands, columns)``, and the matrix ``(patches, N_MASKS)`` that turns the
        answers to them into what each patch is worth.

    """
    kept = np.random.default_rng(0).random((N_MASKS, *grid)) < KEPT_SHARE
    centred = kept.reshape(N_MASKS, -1) - kept.reshape(N_MASKS, -1).mean(axis=0)  # takes the constant out
    penalty = RIDGE * N_MASKS * np.eye(centred.shape[1])
    solver = np.linalg.solve(centred.T @ centred + penalty, centred.T)
    return kept.astype(np.float32), solver


def _smooth(n_cells: int, n_patches: int) -> NDArray[np.float32]:
    """Return the matrix that spreads patches over cells, ``(n_cells, n_patches)``, linear from middle to middle."""
    places = np.linspace(0, n_patches - 1, n_cells)
    spread: NDArray[np.float64] = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(n_patches)))
    return spread.astype(np.float32)


def segments(
    relevance: NDArray[np.float32], config: FeatureConfig, sample_rate: int, *, start: float, duration: float
) -> tuple[tuple[float, float], ...]:
    """Return the parts of a clip that carry 80 % of what spoke for its label, as start and end in seconds.

    Parameters
    ----------
    relevance
        ``(n_mels, n_frames)``
    config, sample_rate
        How long a frame is and how far it is to the next.
    start, duration
        When the first frame lies, and how long the clip is, seconds.

    """
    profile = np.maximum(relevance, 0).sum(axis=0)
    order = np.argsort(-profile, kind="stable")
    enough = int(np.searchsorted(np.cumsum(profile[order]), SEGMENT_SHARE * profile.sum())) + 1
    middles = start + np.sort(order[:enough]) * config.hop_length / sample_rate
    half = config.window_length / sample_rate / 2
    joined: list[tuple[float, float]] = []
    for low, high in zip(np.maximum(middles - half, 0), np.minimum(middles + half, duration), strict=True):
        if joined and low - joined[-1][1] <= GAP_SECONDS:
            joined[-1] = (joined[-1][0], float(high))
        elif high > low:
            joined.append((float(low), float(high)))
    return tuple(joined)


def _view(member: Member, examination: Examination) -> MemberView:
    config, shown = member.features, examination.features[member.name]
    decibels = examination.log_mels[member.name]
    features = features_of(decibels, config)
    left, n_frames = middle(features.shape[1], config), features.shape[1]
    span = float(np.ptp(features))
    scale = float(np.ptp(shown[:, left : left + n_frames])) / span if span > 0 else 0.0  # however it was scaled
    return MemberView(member.name, config, shown, decibels, scale, left)


def _stretched(masks: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Stretch masks ``(batch, n_mels, n_frames)`` to another spectrogram of the same clip: ``(batch, *shape)``."""
    if masks.shape[1:] == shape:
        return masks
    rows, columns = (np.arange(n) * m // n for n, m in zip(shape, masks.shape[1:], strict=True))
    return masks[:, rows][:, :, columns]
