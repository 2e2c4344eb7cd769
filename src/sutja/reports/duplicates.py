"""Which clips are near each other: the nearest one of a label, and recordings that are in a data set twice.

A sketch says in 192 numbers how a word's spectrum goes on, ``(N_PARTS * n_mels,)``. Its parts are cut by sound energy
and not by time, so that silence around a word, light noise, another codec or another level leave it nearly as it was.
Two takes of a word can have near sketches; the same recording also has the same waveform, at some shift.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.config import AudioConfig, FeatureConfig
from sutja.errors import needs
from sutja.features import log_mel
from sutja.progress import SILENT, Progress
from sutja.speech import SKETCH_DB

try:
    from sklearn.neighbors import NearestNeighbors
except ModuleNotFoundError as error:
    raise needs("scikit-learn", "explore") from error

Sketches = NDArray[np.float32]

AUDIO = AudioConfig(sample_rate=8_000)
"""What is compared: a copy that went through a telephone still has these frequencies."""
BANDS = FeatureConfig(
    n_fft=512, win_length=256, hop_length=80, n_mels=24, fmin=200, fmax=3400, mel_scale="htk", top_db=SKETCH_DB
)
"""32 ms windows every 10 ms."""
N_PARTS = 8
N_NEIGHBOURS = 5
WHITENING = 0.4
"""Each frequency is divided by its magnitude to this power: the fundamental, loud and alike in takes of one speaker,
counts for less. Chosen with ``SAME``: docs/decisions/."""
SAME = 0.78
"""Waveforms that correlate more than this are one recording."""
MAX_COMPARED = 30_000
"""Pairs whose waveforms are compared, the nearest first: bounds the time at about half a minute."""


@dataclass(frozen=True)
class Pair:
    """Two clips that are one recording."""

    first: int
    second: int
    similarity: float
    """Of the waveforms at the best shift, 0 to 1."""
    identical: bool
    """Whether all samples are the same."""


def sketch(waveform: Waveform) -> NDArray[np.float32]:
    """Return what a word sounds like, ``(N_PARTS * n_mels,)`` in dB around their mean, from a waveform at 8 kHz.

    The mean spectrum of each part; parts are equal in the sum of the frames' amplitudes.
    """
    decibels = log_mel(waveform, AUDIO.sample_rate, BANDS).astype(np.float64)  # (n_mels, n_frames), at most 0
    amplitudes = np.sqrt(np.sum(10 ** (decibels / 10), axis=0))
    ends = np.cumsum(amplitudes) / amplitudes.sum()
    starts = ends - amplitudes / amplitudes.sum()
    edges = np.linspace(0, 1, N_PARTS + 1)
    # How much of each frame lies in each part, (n_frames, N_PARTS)
    shares = np.minimum(ends[:, None], edges[1:]) - np.maximum(starts[:, None], edges[:-1])
    shares = np.clip(shares, 0, None)
    parts = decibels @ (shares / shares.sum(axis=0))
    result: NDArray[np.float32] = (parts - parts.mean()).T.ravel().astype(np.float32)
    return result


def nearest(sketches: Sketches, index: int, among: Sequence[int] | NDArray[np.int64]) -> int | None:
    """Return which clip of ``among`` is nearest to clip ``index``, other than itself; None if there is no other.

    >>> nearest(np.array([[0.0], [5.0], [1.0]], dtype=np.float32), 0, [0, 1, 2])
    2
    """
    others = np.array([other for other in among if other != index], dtype=np.int64)
    if not len(others):
        return None
    distances = np.square(sketches[others] - sketches[index]).sum(axis=1)
    return int(others[distances.argmin()])


def find_duplicates(
    sketches: Sketches,
    digests: Sequence[str],
    hear: Callable[[int], Waveform],
    *,
    progress: Progress = SILENT,
) -> list[Pair]:
    """Return the pairs of clips that are the same recording, the most alike first.

    Candidates are each clip's nearest neighbours; their waveforms decide. Clips of the same digest are pairs anyway.

    Parameters
    ----------
    sketches
        ``(n_clips, N_PARTS * n_mels)``.
    digests
        Of each clip's samples: the same text for the same samples.
    hear
        Gives a clip's waveform at 8 kHz.
    progress
        Told of each pair that is compared.

    """
    identical = _same_digest(digests)
    candidates = [(a, b) for a, b in _near_pairs(sketches) if digests[a] != digests[b]]
    step = progress.stage("comparing waveforms", len(candidates), "pair")
    pairs = [Pair(a, b, 1.0, identical=True) for a, b in identical]
    for a, b in sorted(candidates):  # in the clips' order, so that few waveforms are heard twice
        likeness = similarity(hear(a), hear(b))
        if likeness > SAME:
            pairs.append(Pair(a, b, likeness, identical=False))
        step()
    return sorted(pairs, key=lambda pair: -pair.similarity)


def similarity(first: Waveform, second: Waveform) -> float:
    """Return the largest correlation of two whitened waveforms over all shifts, 0 to 1, whatever level and sign.

    >>> noise = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    >>> round(similarity(noise, -0.1 * np.concatenate((np.zeros(500, dtype=np.float32), noise))), 3)
    1.0
    """
    n_fft = 1 << (len(first) + len(second) - 1).bit_length()
    a, b = _whitened(first, n_fft), _whitened(second, n_fft)
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    if size == 0:
        return 0.0
    products = np.fft.irfft(a * np.conj(b), n_fft)
    return min(1.0, float(np.abs(products).max()) * n_fft / 2 / size)


def _whitened(waveform: Waveform, n_fft: int) -> NDArray[np.complex128]:
    spectrum = np.fft.rfft(np.diff(waveform, prepend=np.float32(0)), n_fft)
    return np.asarray(spectrum / np.maximum(np.abs(spectrum), 1e-9) ** WHITENING)


def _near_pairs(sketches: Sketches) -> list[tuple[int, int]]:
    """Pair each clip with its nearest neighbours; the nearest pairs first, each once."""
    n_neighbours = min(N_NEIGHBOURS, len(sketches) - 1)
    if n_neighbours < 1:
        return []
    distances, neighbours = NearestNeighbors(n_neighbors=n_neighbours).fit(sketches).kneighbors()
    shortest: dict[tuple[int, int], float] = {}
    for clip, row in enumerate(neighbours):
        for other, distance in zip(row, distances[clip], strict=True):
            shortest[min(clip, int(other)), max(clip, int(other))] = float(distance)
    return sorted(shortest, key=lambda pair: shortest[pair])[:MAX_COMPARED]


def _same_digest(digests: Sequence[str]) -> list[tuple[int, int]]:
    """Pair each clip with the first that has the same samples."""
    first: dict[str, int] = {}
    places = [first.setdefault(digest, clip) for clip, digest in enumerate(digests)]
    return [(place, clip) for clip, place in enumerate(places) if place != clip]
