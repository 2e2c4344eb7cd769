"""Matplotlib figures of recordings: waveform, spectrum, mel spectrogram, MFCC, what a network sees and what it used.

Each function takes numbers and returns a :class:`matplotlib.figure.Figure` with units on its axes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.config import FeatureConfig
from sutja.errors import needs
from sutja.features import Features, hz_to_mel, mel_to_hz
from sutja.relevance import Explanation
from sutja.reports.drawing import BLUE, INK, SMALL, drawn, dress, dress_bar, empty_figure, plain, shorten, spoken

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter
except ModuleNotFoundError as error:
    raise needs("matplotlib", "explore") from error

__all__ = [
    "compare_clips",
    "compare_inputs",
    "explanation",
    "heard",
    "mel_beside_mfcc",
    "mel_scale",
    "mel_spectrogram",
    "mfcc",
    "mfcc_mean",
    "network_inputs",
    "spectrum",
    "waveform",
]

DECIBELS = "viridis"  # even in lightness, safe for the colour-blind
SIGNED = "PuOr"  # as safe, for what is above and below zero
HEARD = (4.2, 4.3)  # inches
LOWEST_HZ = 60.0  # of a logarithmic axis: no voice is below
MAX_POINTS = 700  # of one line: more than a screen's columns only make the page heavy


@dataclass(frozen=True)
class Scale:
    """The scale that figures of several clips share: what looks larger is larger."""

    seconds: float
    """Of the longest clip."""
    amplitude: float
    """The largest sample, full scale 1."""
    magnitude: float
    """The largest of all Fourier transforms."""
    coefficient: float
    """Below which 95 % of the MFCCs are, the first one left out, which is loudness."""

    @classmethod
    def over(cls, waveforms: Sequence[Waveform], coefficients: Sequence[Features], sample_rate: int) -> Scale:
        """Find the scale of clips, each a waveform ``(n_samples,)`` and its MFCCs ``(n_mfcc, n_frames)``.

        >>> clips = [np.array([0.5, -0.25] * 50, dtype=np.float32), np.zeros(200, dtype=np.float32)]
        >>> found = Scale.over(clips, [np.full((2, 3), -7.0), np.zeros((2, 3))], sample_rate=100)
        >>> found.seconds, found.amplitude, found.magnitude, found.coefficient
        (2.0, 0.5, 37.5, 7.0)
        """
        return cls(
            max(len(samples) for samples in waveforms) / sample_rate,
            max(float(np.abs(samples).max(initial=0)) for samples in waveforms),
            max(float(np.abs(np.fft.rfft(samples)).max()) for samples in waveforms),
            max(_mfcc_limit(values) for values in coefficients),
        )


@drawn
def waveform(samples: Waveform, sample_rate: int, *, title: str = "", scale: Scale | None = None) -> Figure:
    """Draw a waveform ``(n_samples,)`` over time; a long one as the range from lowest to highest sample."""
    figure = empty_figure(*SMALL)
    axes = figure.subplots()
    _draw_waveform(axes, samples, sample_rate, scale)
    axes.set_title(plain(title), loc="left")
    return figure


def _draw_waveform(axes: Axes, samples: Waveform, sample_rate: int, scale: Scale | None) -> None:
    step = -(-len(samples) // MAX_POINTS)
    if step <= 2:
        axes.plot(np.arange(len(samples)) / sample_rate, samples, color=BLUE, linewidth=0.8)
    else:
        columns = np.array_split(samples, MAX_POINTS)
        times = np.linspace(0, len(samples) / sample_rate, len(columns))
        low, high = [float(c.min()) for c in columns], [float(c.max()) for c in columns]
        axes.fill_between(times, low, high, color=BLUE, linewidth=0.3)
    limit = 1.05 * max(scale.amplitude if scale else float(np.abs(samples).max()), 1e-4)
    axes.set_ylim(-limit, limit)
    axes.set_xlim(0, scale.seconds if scale else len(samples) / sample_rate)
    dress(axes, x="time (s)", y="amplitude (full scale 1)", grid="y")


@drawn
def spectrum(samples: Waveform, sample_rate: int, *, title: str = "", scale: Scale | None = None) -> Figure:
    """Draw the magnitude of the Fourier transform of a whole clip, from 0 to half the sample rate."""
    figure = empty_figure(*SMALL)
    axes = figure.subplots()
    magnitude = np.abs(np.fft.rfft(samples))
    edges = np.unique(np.linspace(0, len(magnitude), MAX_POINTS + 1).astype(int))
    peaks = np.maximum.reduceat(magnitude, edges[:-1])  # the largest of the bins that share a column
    frequencies = edges[:-1] * sample_rate / len(samples) / 1000
    axes.fill_between(frequencies, 0, peaks, color=BLUE, linewidth=0.3)
    axes.set_xlim(0, sample_rate / 2000)
    axes.set_ylim(0, 1.05 * max(scale.magnitude if scale else float(peaks.max()), 1e-9))
    dress(axes, x="frequency (kHz)", y="magnitude", title=title, grid="both")
    return figure


@drawn
def mel_scale(*, fmax: float = 10_000.0) -> Figure:
    """Draw the mel scale, 2595 log10(1 + f/700), up to ``fmax`` Hz."""
    figure = empty_figure(*SMALL)
    axes = figure.subplots()
    frequencies = np.linspace(0, fmax, 200)
    axes.plot(frequencies / 1000, hz_to_mel(frequencies, "htk"), color=BLUE)
    axes.set_xlim(0, fmax / 1000)
    axes.set_ylim(bottom=0)
    dress(axes, x="frequency (kHz)", y="pitch (mel)", title="m = 2595 log10(1 + f/700)", grid="both")
    return figure


@drawn
def mel_spectrogram(
    decibels: Features, sample_rate: int, config: FeatureConfig, *, title: str = "", scale: Scale | None = None
) -> Figure:
    """Draw a log mel spectrogram ``(n_mels, n_frames)`` in dB, frequency on a logarithmic axis."""
    figure = empty_figure(*SMALL)
    axes = figure.subplots()
    _draw_mel(axes, decibels, sample_rate, config, scale)
    axes.set_title(plain(title), loc="left")
    return figure


@drawn
def mfcc(
    coefficients: Features, sample_rate: int, config: FeatureConfig, *, title: str = "", scale: Scale | None = None
) -> Figure:
    """Draw MFCCs ``(n_mfcc, n_frames)`` over time."""
    figure = empty_figure(*SMALL)
    axes = figure.subplots()
    _draw_mfcc(axes, coefficients, sample_rate, config, scale)
    axes.set_title(plain(title), loc="left")
    return figure


@drawn
def heard(clip: tuple[Waveform, Features, Features], sample_rate: int, config: FeatureConfig, scale: Scale) -> Figure:
    """Draw a clip's waveform, log mel spectrogram and MFCCs above each other over one axis of time.

    It is what a page's player runs its cursor over: all panels end at the same seconds, those of the scale.
    """
    samples, decibels, coefficients = clip
    figure = empty_figure(*HEARD)
    above, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=[2, 3, 3])
    _draw_waveform(above, samples, sample_rate, scale)
    times = _frame_edges(decibels, sample_rate, config)
    _draw_bands(middle, decibels, times, sample_rate, config, **_mel_look(config))
    _draw_coefficients(below, coefficients, times, scale.coefficient)
    for axes, name in ((above, "amplitude"), (middle, "mel (kHz)"), (below, "MFCC")):
        axes.set_ylabel(spoken(name))
        axes.set_xlabel("")
    below.set_xlabel(spoken("time (s)"))
    below.set_xlim(0, scale.seconds)
    figure.align_ylabels()
    return figure


@drawn
def mfcc_mean(coefficients: Features, *, title: str = "") -> Figure:
    """Draw the mean over time of MFCCs ``(n_mfcc, n_frames)``: a vector of ``n_mfcc``."""
    figure = empty_figure(*SMALL)
    axes = figure.subplots()
    axes.bar(np.arange(len(coefficients)), coefficients.mean(axis=1), color=BLUE, width=0.8)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set_yscale("symlog", linthresh=10)  # the first one, loudness, is ten times the others
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    dress(axes, x="coefficient", y="mean over time", title=title, grid="y")
    return figure


@drawn
def mel_beside_mfcc(
    decibels: Features, coefficients: Features, sample_rate: int, config: FeatureConfig, *, title: str = ""
) -> Figure:
    """Draw one clip's log mel spectrogram (left) beside its MFCCs (right)."""
    return _compared([(decibels, coefficients)], [title], sample_rate, config)


@drawn
def compare_clips(
    clips: Sequence[tuple[Features, Features]], names: Sequence[str], sample_rate: int, config: FeatureConfig
) -> Figure:
    """Draw clips one above the other, each ``(log_mel, mfcc)``: mel on the left, MFCCs on the right."""
    return _compared(clips, names, sample_rate, config)


def _compared(
    clips: Sequence[tuple[Features, Features]], names: Sequence[str], sample_rate: int, config: FeatureConfig
) -> Figure:
    figure = empty_figure(7.4, 0.3 + 2.2 * len(clips))
    grid = figure.subplots(len(clips), 2, squeeze=False)
    seconds = max(float(_frame_edges(decibels, sample_rate, config)[-1]) for decibels, _ in clips)
    scale = Scale(seconds, 0, 0, max(_mfcc_limit(coefficients) for _, coefficients in clips))
    for (decibels, coefficients), name, (left, right) in zip(clips, names, grid, strict=True):
        _draw_mel(left, decibels, sample_rate, config, scale)
        _draw_mfcc(right, coefficients, sample_rate, config, scale)
        left.set_title(shorten(spoken(f"{name}, log mel"), 42), loc="left")
        right.set_title(shorten(f"{name}, MFCC", 42), loc="left")
    return figure


@drawn
def explanation(explained: Explanation, *, title: str = "") -> Figure:
    """Draw a clip's log mel spectrogram and, below it, which of its cells spoke for the label and which against.

    The parts that mattered stand between dotted lines.
    """
    figure = empty_figure(7.2, 5.2)
    above, below = figure.subplots(2, 1, sharex=True)
    times = explained.start_seconds + (np.arange(explained.relevance.shape[1] + 1) - 0.5) * explained.hop_seconds
    image = _draw_bands(above, explained.log_mel, times, explained.sample_rate, explained.config, cmap=DECIBELS)
    dress_bar(figure.colorbar(image, ax=above), "dB re maximum" if explained.config.reference == "max" else "dB")
    limit = max(float(np.abs(explained.relevance).max()), 1e-6)
    look = {"cmap": SIGNED, "vmin": -limit, "vmax": limit}
    image = _draw_bands(below, explained.relevance, times, explained.sample_rate, explained.config, **look)
    dress_bar(figure.colorbar(image, ax=below), f"against (−)   for (+) {shorten(explained.label)}")
    for axes in (above, below):
        for second in itertools.chain.from_iterable(explained.segments):
            axes.axvline(second, color="white" if axes is above else INK, linewidth=0.9, linestyle=":")
    above.set_xlabel("")
    covered = np.flatnonzero(explained.relevance.any(axis=0))
    if len(covered):
        below.set_xlim(max(0.0, float(times[covered[0]])), float(times[covered[-1] + 1]))
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


def time_span(figure: Figure) -> dict[str, float]:
    """Say where the axis of time lies in a figure of :func:`heard` that was rendered: shares of its size, seconds."""
    below = figure.axes[-1]
    place = below.get_position()
    found = {"left": place.x0, "right": place.x1, "foot": place.y0, "seconds": below.get_xlim()[1]}
    return {name: round(float(value), 4) for name, value in found.items()}


def _draw_mel(
    axes: Axes, decibels: Features, sample_rate: int, config: FeatureConfig, scale: Scale | None = None
) -> None:
    times = _frame_edges(decibels, sample_rate, config)
    image = _draw_bands(axes, decibels, times, sample_rate, config, **_mel_look(config))
    if scale:
        axes.set_xlim(0, scale.seconds)
    unit = "dB re maximum" if config.reference == "max" else "dB"
    dress_bar(_figure_of(axes).colorbar(image, ax=axes), unit)


def draw_picture(axes: Axes, decibels: Features, sample_rate: int, config: FeatureConfig, seconds: float) -> None:
    """Draw a log mel spectrogram ``(n_mels, n_frames)`` into axes without numbers, ``seconds`` wide."""
    times = _frame_edges(decibels, sample_rate, config)
    _draw_bands(axes, decibels, times, sample_rate, config, **_mel_look(config))
    axes.set_xlim(0, seconds)
    dress(axes)
    axes.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    axes.spines[:].set_visible(False)


def _mel_look(config: FeatureConfig) -> dict[str, Any]:
    """Return colours that mean the same for every clip: from the loudest cell down to where the features end."""
    if config.reference == "max" and config.top_db is not None:
        return {"cmap": DECIBELS, "vmin": -config.top_db, "vmax": 0}
    return {"cmap": DECIBELS}


def _draw_bands(
    axes: Axes, values: Features, times: NDArray[np.float64], sample_rate: int, config: FeatureConfig, **look: Any
) -> Any:
    """Draw ``(n_mels, n_frames)`` between the frames' ``times`` on a logarithmic axis of frequency."""
    fmax = sample_rate / 2 if config.fmax is None else config.fmax
    ends = hz_to_mel(np.array([config.fmin, fmax]), config.mel_scale)
    # A band reaches from its neighbours' middles to the next: here it is drawn from half-way to half-way.
    places = np.linspace(ends[0], ends[1], config.n_mels + 2)
    edges = mel_to_hz(np.concatenate(([places[0]], (places[1:-2] + places[2:-1]) / 2, [places[-1]])), config.mel_scale)
    edges[0] = max(edges[0], edges[1] / 2)  # 0 Hz has no place on a logarithmic axis
    bottom = min(LOWEST_HZ, float(edges[-2]))
    image = axes.pcolormesh(times, edges, values, rasterized=True, **look)
    axes.set_yscale("log")
    axes.set_ylim(bottom, fmax)
    axes.set_yticks([f for f in (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000) if bottom < f <= fmax])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda f, _: f"{f / 1000:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    dress(axes, x="time (s)", y="frequency (kHz)")
    return image


def _draw_mfcc(
    axes: Axes, coefficients: Features, sample_rate: int, config: FeatureConfig, scale: Scale | None = None
) -> None:
    limit = scale.coefficient if scale else _mfcc_limit(coefficients)
    image = _draw_coefficients(axes, coefficients, _frame_edges(coefficients, sample_rate, config), limit)
    if scale:
        axes.set_xlim(0, scale.seconds)
    dress_bar(_figure_of(axes).colorbar(image, ax=axes, extend="both"), "value (dB)")


def _mfcc_limit(coefficients: Features) -> float:
    # The first coefficient is loudness and far larger than the rest: it may leave the scale, the others fill it.
    return max(float(np.quantile(np.abs(coefficients[1:] if len(coefficients) > 1 else coefficients), 0.95)), 1e-6)


def _draw_coefficients(axes: Axes, coefficients: Features, times: NDArray[np.float64], limit: float) -> Any:
    edges = np.arange(len(coefficients) + 1) - 0.5
    image = axes.pcolormesh(times, edges, coefficients, cmap=SIGNED, vmin=-limit, vmax=limit, rasterized=True)
    dress(axes, x="time (s)", y="coefficient")
    return image


def _figure_of(axes: Axes) -> Figure:
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure


def _frame_edges(features: Features, sample_rate: int, config: FeatureConfig) -> NDArray[np.float64]:
    """Return the times between frames, seconds, ``(n_frames + 1,)``."""
    first = 0.0 if config.center else config.n_fft / 2 / sample_rate
    hop = config.hop_length / sample_rate
    return np.maximum(first + (np.arange(features.shape[1] + 1) - 0.5) * hop, 0)


@drawn
def network_inputs(inputs: Mapping[str, Sequence[Features]], *, title: str = "") -> Figure:
    """Draw what enters the networks: two rows of four inputs, ``(n_bins, n_frames)`` in [0, 1], for each member."""
    figure = empty_figure(7.2, 0.9 + 3.0 * len(inputs))
    grid = figure.subplots(2 * len(inputs), 4, squeeze=False)
    image = None
    for i, (member, arrays) in enumerate(inputs.items()):
        for j, axes in enumerate(grid[2 * i : 2 * i + 2].flat):
            dress(axes, x="frame" if j >= 4 else "", y=f"{shorten(member)} bin" if j % 4 == 0 else "")
            if j < len(arrays):
                image = axes.pcolormesh(arrays[j], cmap=DECIBELS, vmin=0, vmax=1, rasterized=True)
            else:
                axes.set_axis_off()
    if image is not None:
        dress_bar(figure.colorbar(image, ax=grid, shrink=0.5), "scaled value (0 to 1)")
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure


@drawn
def compare_inputs(inputs: Mapping[str, Features], *, title: str = "") -> Figure:
    """Draw inputs of networks, ``(n_bins, n_frames)`` in [0, 1], side by side, each under its name."""
    figure = empty_figure(0.6 + 2.5 * len(inputs), 2.9)
    panels = figure.subplots(1, len(inputs), squeeze=False)[0]
    image = None
    for axes, (name, values) in zip(panels, inputs.items(), strict=True):
        image = axes.pcolormesh(values, cmap=DECIBELS, vmin=0, vmax=1, rasterized=True)
        dress(axes, x="frame", y="bin" if axes is panels[0] else "", title=shorten(name, 30))
    if image is not None:
        dress_bar(figure.colorbar(image, ax=panels, shrink=0.9), "scaled value (0 to 1)")
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10)
    return figure
