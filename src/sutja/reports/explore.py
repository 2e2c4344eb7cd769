"""Look and listen before training: one page about a data set, its figures, and its numbers as JSON.

The page follows the study's exploration and goes on where a decision needs more: coverage, levels, noise, bandwidth,
a map of all clips. What is heard is heard at the sample rate of the settings; what is measured, at the file's own.
"""

from __future__ import annotations

import base64
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja import __version__, features
from sutja.audio import Waveform, load_waveform, printable
from sutja.clips import Clip, natural_order
from sutja.config import Config, FeatureConfig
from sutja.dataset import Dataset
from sutja.errors import AudioError, DatasetError, needs
from sutja.features import Features
from sutja.files import write_json
from sutja.findings import Finding, by_speaker, coverage, find
from sutja.folders import by_reason
from sutja.profile import ClipProfile, ProfiledClip, profile_clips
from sutja.progress import SILENT, Progress
from sutja.reports import charts, drawing, figures, pages
from sutja.texts.phrases import phrase

try:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits
except ModuleNotFoundError as error:
    raise needs(str(error.name).partition(".")[0], "explore") from error

MAX_CLIPS = 6_000
"""More clips than this are not all listened to: a sample says the same, sooner."""
MAX_POINTS = 3_000
"""Of the map: each one brings its sound, about 2 kB."""
MAX_DRAWN_LABELS = 16
"""More labels than this have their sound in the page, and no figures of their own."""
MAX_SHOWN_CLIPS = 200
"""Names in one list of the page; ``profile.json`` has all."""
N_PLAYED = 5
"""Clips of each finding that can be heard."""
SEED = 929
QUANTITIES = {
    "seconds": ("duration (s)", 3),
    "loudness_db": ("loudness (dBFS)", 1),
    "peak_db": ("peak (dBFS)", 1),
    "snr_db": ("signal over noise, estimated (dB)", 1),
    "silence_before_seconds": ("silence before (s)", 2),
    "silence_after_seconds": ("silence after (s)", 2),
    "bandwidth_hz": ("bandwidth used (Hz)", 0),
    "dc_offset": ("mean (full scale 1)", 4),
}
"""Numbers of a clip: their names in figures and the digits after the point that are worth reading."""


@dataclass(frozen=True)
class Exploration:
    """What was found out about a data set."""

    dataset: Dataset
    config: Config
    clips: list[Clip]
    """Those that were to be listened to, in the order that :attr:`ProfiledClip.index` counts; a sample of a large
    set."""
    profiled: list[ProfiledClip]
    unreadable: list[AudioError]
    """Of the clips that cannot be used, each with its clip's name."""
    findings: list[Finding]

    @property
    def profiles(self) -> list[ClipProfile]:
        """The numbers of each clip that could be heard."""
        return [clip.profile for clip in self.profiled]

    @property
    def sampled(self) -> bool:
        """Whether not all clips were listened to."""
        return len(self.clips) < len(self.dataset.clips)


def explore(
    dataset: Dataset,
    out: Path,
    config: Config | None = None,
    *,
    max_clips: int = MAX_CLIPS,
    progress: Progress = SILENT,
) -> Exploration:
    """Write ``out/explore.html``, ``out/profile.json`` and ``out/figures/*.png``.

    Parameters
    ----------
    dataset
        From :func:`sutja.dataset.read`.
    out
        A folder; it is made if it is not there.
    config
        Whose sample rate, window and features are shown; the preset `reference` if not given.
    max_clips
        Of a larger data set, so many clips are drawn at random, evenly over labels and speakers.
    progress
        Told of each clip and each figure.

    Raises
    ------
    DatasetError
        When not a single clip can be read.
    RunError
        When the folder cannot be written to.

    """
    exploration, values = look(dataset, out, config or Config(), max_clips=max_clips, progress=progress)
    pages.write_page(out / "explore.html", "explore.html", **values, version=__version__)
    return exploration


def look(
    dataset: Dataset, out: Path, config: Config, *, max_clips: int = MAX_CLIPS, progress: Progress = SILENT
) -> tuple[Exploration, dict[str, Any]]:
    """Do all of :func:`explore` but the page itself; return what was found out and what a page shows of it."""
    clips = sample(dataset.clips, max_clips)
    points = set(_evenly(len(clips), MAX_POINTS))
    step = progress.stage("listening", len(clips), "clip")
    profiled, unreadable = profile_clips(clips, config, keep=(points, pages.small_sound), progress=step)
    if not profiled:
        first = f": {unreadable[0]}" if unreadable else ""
        raise DatasetError(f"{printable(dataset.root)}: none of its {len(clips)} clips can be read{first}")
    findings = find(dataset, [clip.profile for clip in profiled], unreadable, config)
    exploration = Exploration(dataset, config, clips, profiled, unreadable, findings)
    write_json(out / "profile.json", profile(exploration))
    with ThreadPoolExecutor(1) as pool:  # the map takes as long as the figures, and leaves the interpreter lock
        shown = [clip for clip in profiled if clip.index in points]
        places = pool.submit(similarity_map, np.array([clip.mfcc_means for clip in shown]))
        drawn = _draw_all(exploration, shown, places, out / "figures", progress)
        return exploration, _template_values(exploration, drawn, shown, places.result())


def sample(clips: Sequence[Clip], n_clips: int) -> list[Clip]:
    """Draw clips at random, evenly over labels and within a label over speakers; all of them if there are no more.

    Labels take turns, and within a label its speakers do, until enough are drawn: a rare label is not lost.
    """
    if len(clips) <= n_clips:
        return list(clips)
    shuffled = [int(i) for i in np.random.default_rng(SEED).permutation(len(clips))]
    by_speaker_in_turn = _in_turn(shuffled, lambda i: (clips[i].label, clips[i].speaker))
    by_label_in_turn = _in_turn(by_speaker_in_turn, lambda i: clips[i].label)
    return [clips[i] for i in sorted(by_label_in_turn[:n_clips])]


def _in_turn(items: Sequence[int], group: Callable[[int], Hashable]) -> list[int]:
    """Order items so that each group's first comes before any group's second, otherwise as they were."""
    turns: Counter[Hashable] = Counter()
    turn: dict[int, int] = {}
    for item in items:
        turn[item] = turns[group(item)]
        turns[group(item)] += 1
    return sorted(items, key=turn.__getitem__)


def similarity_map(mfcc_means: NDArray[np.float32]) -> NDArray[np.float64]:
    """Place clips on a plane so that those that sound alike are near each other: ``(n_clips, 2)``, by t-SNE.

    Takes about 4 s for 3000 clips; the same clips give the same map.
    """
    n_clips = len(mfcc_means)
    spread = mfcc_means.std(axis=0)
    scaled = (mfcc_means - mfcc_means.mean(axis=0)) / np.where(spread > 1e-6, spread, 1)
    if n_clips < 5 or float(np.ptp(scaled)) < 1e-6:
        return np.array(scaled[:, :2], dtype=np.float64)
    # Before t-SNE, the first 30 principal axes: the rest is mostly noise, and distances are found in half the time.
    vectors, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    axes = (vectors * sizes)[:, : min(30, n_clips)]
    # Half of scikit-learn's rounds and a wider angle: the same groups are there, in a third of the time. One thread:
    # its threads wait for each other by spinning, and where other work runs two take five times as long as one.
    plane = TSNE(perplexity=min(20, (n_clips - 1) / 3), angle=0.8, max_iter=500, init="pca", random_state=SEED)
    with threadpool_limits(1):
        places: NDArray[np.float64] = np.asarray(plane.fit_transform(axes.astype(np.float32)), np.float64)
    return places


def spectrogram(sample_rate: int) -> FeatureConfig:
    """Return the settings of the exploration's mel spectrograms and MFCCs: 100 bands, 25 ms windows every 10 ms.

    At 20 kHz that is the study's window of 500 and hop of 200 samples. The FFT is longer, filled up with zeros: among
    the study's 251 bins the lowest bands find none of their own and stay empty.

    >>> spectrogram(20_000).window_length, spectrogram(20_000).hop_length
    (500, 200)
    """
    win_length, hop_length = round(0.025 * sample_rate), round(0.010 * sample_rate)
    n_fft = 1 << math.ceil(math.log2(4 * win_length))
    return FeatureConfig(
        n_fft=n_fft, win_length=win_length, hop_length=hop_length, n_mels=100, mel_scale="htk", n_mfcc=40
    )


# -- numbers ---------------------------------------------------------------------------------------------------------


def table(profiles: Sequence[ClipProfile]) -> pd.DataFrame:
    """Return the numbers of all clips, a row a clip."""
    rows = [{key: value for key, value in p.to_dict().items() if key != "digest"} for p in profiles]
    for row in rows:
        row["problems"] = ", ".join(row["problems"])
    return pd.DataFrame(rows)


def profile(exploration: Exploration) -> dict[str, Any]:
    """Return everything that was measured, for JSON."""
    dataset, profiles = exploration.dataset, exploration.profiles
    return {
        "root": printable(dataset.root),
        "layout": dataset.description,
        "n_clips": len(dataset.clips),
        "n_listened": len(exploration.clips),
        "sampled": exploration.sampled,
        "n_unreadable": len(exploration.unreadable),
        "labels": _counts(dataset, "label"),
        "speakers": _counts(dataset, "speaker"),
        "coverage": {speaker: dict(row) for speaker, row in coverage(dataset.clips).items()},
        "sample_rates": {str(rate): n for rate, n in Counter(p.sample_rate for p in profiles).most_common()},
        "total_seconds": round(math.fsum(p.seconds for p in profiles), 2),
        "quantities": {key: _quantiles([getattr(p, key) for p in profiles]) for key in QUANTITIES},
        "findings": [finding.to_dict() for finding in exploration.findings],
        "notes": list(dataset.all_notes),
        "left_out": by_reason(dataset.left_out, dataset.root),
        "unreadable": [{"name": u.name, "reason": u.reason} for u in exploration.unreadable],
        "clips": [p.to_dict() for p in profiles],
    }


def _counts(dataset: Dataset, field: str) -> dict[str, int]:
    counts = Counter(getattr(clip, field) for clip in dataset.clips)
    return {name: counts[name] for name in getattr(dataset, f"{field}s")}


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    names = {"min": 0.0, "p5": 0.05, "median": 0.5, "p95": 0.95, "max": 1.0}
    return {name: round(float(np.quantile(values, share)), 4) for name, share in names.items()}


def _evenly(n: int, n_wanted: int) -> list[int]:
    """Choose up to ``n_wanted`` of ``n`` places, evenly spaced."""
    return list(range(n)) if n <= n_wanted else [int(i) for i in np.linspace(0, n - 1, n_wanted)]


# -- figures ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Example:
    """A label's first clip, as the networks hear it."""

    label: str
    profile: ClipProfile
    clip: Clip
    waveform: Waveform
    decibels: Features
    coefficients: Features


def _draw_all(
    exploration: Exploration,
    shown: Sequence[ProfiledClip],
    places: Future[NDArray[np.float64]],
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Draw, save and take into the page: figures by name, and the labels' examples."""
    labels = _drawn_labels(exploration.dataset.labels)
    examples = _examples(exploration, labels)
    named_figures = [
        *_label_figures(examples, exploration.config.audio.sample_rate),
        *_pair_figures(exploration, examples),
        *_data_figures(exploration),
    ]
    kinds = [kind for kind in ("label", "speaker") if any(getattr(clip.profile, kind) is not None for clip in shown)]
    step = progress.stage("drawing", len(named_figures) + len(kinds), "figure")
    drawn: dict[str, Any] = {"examples": examples}
    for number, (name, draw) in enumerate(named_figures):
        figure = draw()
        drawn[name] = pages.keep(figure, folder / f"{_file_stem(name)}.png", f"figure-{number}")
        if name.startswith("heard"):
            drawn[f"time of {name}"] = figures.time_span(figure)
        step()
    for kind in kinds:  # last: the map was being made meanwhile; the page draws its own
        groups = [getattr(clip.profile, kind) for clip in shown]
        drawing.save_png(charts.clip_map(places.result(), groups, kind=kind), folder / f"map_by_{kind}.png")
        step()
    return drawn


NamedFigure = tuple[str, Callable[[], Figure]]


def _drawn_labels(labels: Sequence[str]) -> list[str]:
    return [labels[i] for i in _evenly(len(labels), MAX_DRAWN_LABELS)]


def _file_stem(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)[:80]


def _examples(exploration: Exploration, labels: Sequence[str]) -> list[_Example]:
    first: dict[str, ProfiledClip] = {}
    for clip in exploration.profiled:
        if clip.profile.label is not None:
            first.setdefault(clip.profile.label, clip)
    return [_example(exploration, first[label]) for label in labels if label in first]


def _example(exploration: Exploration, profiled: ProfiledClip) -> _Example:
    clip = exploration.clips[profiled.index]
    waveform = load_waveform(clip.source, exploration.config.audio)
    decibels, coefficients = _pictures(waveform, exploration.config)
    return _Example(str(clip.label), profiled.profile, clip, waveform, decibels, coefficients)


def _pictures(waveform: Waveform, config: Config) -> tuple[Features, Features]:
    """Return a clip's log mel spectrogram ``(100, n_frames)`` and MFCCs ``(40, n_frames)``."""
    rate = config.audio.sample_rate
    settings = spectrogram(rate)
    return features.log_mel(waveform, rate, settings), features.mfcc(waveform, rate, settings)


def _label_figures(examples: Sequence[_Example], rate: int) -> Iterator[NamedFigure]:
    """Give the figures of each label's first clip, all on one scale."""
    if not examples:
        return
    settings = spectrogram(rate)
    scale = figures.Scale.over([e.waveform for e in examples], [e.coefficients for e in examples], rate)
    for i, example in enumerate(examples):
        stem = f"{i}_{example.label}"
        shared: dict[str, Any] = {"title": example.label, "scale": scale}
        clip = (example.waveform, example.decibels, example.coefficients)
        yield f"waveform_{stem}", partial(figures.waveform, example.waveform, rate, **shared)
        yield f"spectrum_{stem}", partial(figures.spectrum, example.waveform, rate, **shared)
        yield f"mel_{stem}", partial(figures.mel_spectrogram, example.decibels, rate, settings, **shared)
        yield f"mfcc_{stem}", partial(figures.mfcc, example.coefficients, rate, settings, **shared)
        yield f"heard_{stem}", partial(figures.heard, clip, rate, settings, scale)


def _pair_figures(exploration: Exploration, examples: Sequence[_Example]) -> Iterator[NamedFigure]:
    if not examples:
        return
    rate = exploration.config.audio.sample_rate
    settings, first = spectrogram(rate), examples[0]
    clip = (first.decibels, first.coefficients)
    yield "mel_scale", partial(figures.mel_scale, fmax=rate / 2)
    yield "mfcc_mean", partial(figures.mfcc_mean, first.coefficients, title=f"{first.label}: {first.clip.name}")
    yield "mel_beside_mfcc", partial(figures.mel_beside_mfcc, *clip, rate, settings, title=first.label)
    alike = _two_alike(exploration, first)
    if alike:
        other = _example(exploration, alike)
        pair = [clip, (other.decibels, other.coefficients)]
        names = [_caption(first.profile), _caption(other.profile)]
        yield "two_clips", partial(figures.compare_clips, pair, names, rate, settings)
    title = drawing.spoken(f"{first.label}: eight inputs for each kind of network, each clip at a random place")
    yield "network_inputs", partial(figures.network_inputs, network_inputs(exploration, first.label), title=title)


def _caption(profile: ClipProfile) -> str:
    return f"{profile.label}, {profile.speaker or profile.name}"


def _two_alike(exploration: Exploration, first: _Example) -> ProfiledClip | None:
    """Find another clip of the same label, of another speaker where there is one."""
    others = [
        clip
        for clip in exploration.profiled
        if clip.profile.label == first.label and clip.profile.name != first.profile.name
    ]
    return min(others, key=lambda clip: clip.profile.speaker == first.profile.speaker, default=None)


def network_inputs(exploration: Exploration, label: str, *, n_inputs: int = 8) -> dict[str, list[Features]]:
    """Return :func:`example_inputs` of the first clips of one label."""
    config = exploration.config
    clips = [exploration.clips[clip.index] for clip in exploration.profiled if clip.profile.label == label][:n_inputs]
    return example_inputs([load_waveform(clip.source, config.audio) for clip in clips], config, n_inputs=n_inputs)


def example_inputs(waveforms: Sequence[Waveform], config: Config, *, n_inputs: int = 8) -> dict[str, list[Features]]:
    """Return inputs ``(n_bins, n_frames)`` for each member, each clip at a random place in the window.

    Fewer clips than ``n_inputs`` come again, placed otherwise, as they do in training.
    """
    rng, settings = np.random.default_rng(SEED), list(config.members.values())
    inputs: dict[str, list[Features]] = {member: [] for member in config.members}
    for i in range(n_inputs):
        extracted = features.extract(waveforms[i % len(waveforms)], config.audio.sample_rate, settings)
        for member, feature, setting in zip(config.members, extracted, settings, strict=True):
            left = features.random_left(feature.shape[1], setting, rng)
            inputs[member].append(features.network_input(feature, setting, left=left))
    return inputs


def _data_figures(exploration: Exploration) -> Iterator[NamedFigure]:
    dataset, profiles = exploration.dataset, exploration.profiles
    rows = coverage(dataset.clips)
    if dataset.labels:
        yield "label_counts", partial(charts.label_counts, _counts(dataset, "label"))
    if rows:
        ordered = {speaker: rows[speaker] for speaker in dataset.speakers if speaker in rows}
        yield "coverage", partial(charts.coverage, ordered, dataset.labels)
    for key, (quantity, _) in QUANTITIES.items():
        values = [getattr(p, key) for p in profiles]
        if key == "seconds":
            yield "durations", partial(charts.durations, values, window_seconds=exploration.config.window_seconds)
        else:
            yield key, partial(charts.histogram, values, quantity)
    for key in ("loudness_db", "snr_db"):
        groups = by_speaker(profiles, key)
        if len(groups) > 1:
            quantity, _ = QUANTITIES[key]
            yield f"{key}_by_speaker", partial(charts.spread_by, groups, quantity=quantity, kind="speaker")


# -- the page --------------------------------------------------------------------------------------------------------


def _template_values(
    exploration: Exploration, drawn: Mapping[str, Any], shown: Sequence[ProfiledClip], places: NDArray[np.float64]
) -> dict[str, Any]:
    """Gather what the template says, in its order."""
    dataset, profiles = exploration.dataset, exploration.profiles
    frame = table(profiles)
    rate = exploration.config.audio.sample_rate
    return {
        "title": printable(dataset.root.name) or "recordings",
        "exploration": exploration,
        "n_labels": len(dataset.labels),
        "n_speakers": len(dataset.speakers),
        "total_seconds": math.fsum(p.seconds for p in profiles),
        "rates": Counter(p.sample_rate for p in profiles).most_common(),
        "findings": [_finding(exploration, finding) for finding in exploration.findings],
        "head": [list(row) for row in frame.head().itertuples(index=False)],
        "columns": [(name, str(kind)) for name, kind in frame.dtypes.items()],
        "memory": int(frame.memory_usage(deep=True).sum()),
        "label_counts": _counts(dataset, "label"),
        "examples": [_shown_example(i, e, drawn, rate) for i, e in enumerate(drawn["examples"])],
        "others": _other_labels(exploration, {e.label for e in drawn["examples"]}),
        "quantities": [
            (name, digits, _quantiles([getattr(p, key) for p in profiles]))
            for key, (name, digits) in QUANTITIES.items()
        ],
        "quantity_figures": [drawn[name] for name in ("durations", *list(QUANTITIES)[1:])],
        "speaker_figures": [drawn[n] for n in ("loudness_db_by_speaker", "snr_db_by_speaker") if n in drawn],
        "drawn": drawn,
        "map": _map_data(shown, places),
        "sample_rate": rate,
        "unreadable": exploration.unreadable[:MAX_SHOWN_CLIPS],
        "sound_type": pages.SMALL_TYPE,
    }


def _finding(exploration: Exploration, finding: Finding) -> dict[str, Any]:
    """Give a finding with its clips' names, the first few with their sound."""
    clips = {clip.name: clip for clip in exploration.clips}
    readable = {p.name for p in exploration.profiles}
    names = finding.clips[:MAX_SHOWN_CLIPS]
    shown = [
        (name, _sound_of(clips[name], exploration) if i < N_PLAYED and name in readable else "")
        for i, name in enumerate(names)
    ]
    return {"weight": finding.weight, "text": finding.text, "clips": shown, "n_clips": len(finding.clips)}


def _sound_of(clip: Clip, exploration: Exploration) -> str:
    waveform = load_waveform(clip.source, exploration.config.audio)
    return base64.b64encode(pages.small_sound(waveform, exploration.config.audio.sample_rate)).decode("ascii")


def _shown_example(i: int, example: _Example, drawn: Mapping[str, Any], rate: int) -> dict[str, Any]:
    stem = f"{i}_{example.label}"
    return {
        "label": example.label,
        "name": example.clip.name,
        "seconds": len(example.waveform) / rate,
        "shape": example.decibels.shape,
        "sound": pages.sound(example.waveform, rate),
        "time": drawn[f"time of heard_{stem}"],
        **{kind: drawn[f"{kind}_{stem}"] for kind in ("heard", "spectrum", "mel", "mfcc")},
    }


def _other_labels(exploration: Exploration, drawn: set[str]) -> list[tuple[str, str]]:
    """Give the labels without figures, each with the sound of its first clip."""
    first: dict[str, Clip] = {}
    for clip in exploration.profiled:
        if clip.profile.label is not None and clip.profile.label not in drawn:
            first.setdefault(clip.profile.label, exploration.clips[clip.index])
    return [(label, _sound_of(first[label], exploration)) for label in exploration.dataset.labels if label in first]


def _map_data(shown: Sequence[ProfiledClip], places: NDArray[np.float64]) -> dict[str, Any]:
    """Give what the map's script needs: places in [0, 1], groups as indices into their names, sounds."""
    low, span = places.min(axis=0), np.maximum(np.ptp(places, axis=0), 1e-9)
    groups = {}
    for kind in ("label", "speaker", "split"):
        values = [getattr(clip.profile, kind) for clip in shown]
        names = natural_order(values)
        if names:
            where = {name: i for i, name in enumerate(names)}
            groups[kind] = {
                "names": [pages.readable(n) for n in names],
                "none": phrase(f"no {kind}"),
                "of": [where[v] if v is not None else -1 for v in values],
            }
    return {
        "places": np.round((places - low) / span, 4).tolist(),
        "names": [pages.readable(clip.profile.name) for clip in shown],
        "groups": groups,
        "type": pages.SMALL_TYPE,
        "sounds": [base64.b64encode(clip.sound).decode("ascii") for clip in shown],
    }
