"""What about a data set should change a decision, in sentences: the first things to read before training.

A finding is a hint with its number; those that make a training run impossible or its result worthless come first.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sutja.clips import Clip, alike
from sutja.config import Config
from sutja.dataset import Dataset, lost
from sutja.errors import AudioError, listed
from sutja.listening import PROBLEMS
from sutja.profile import MUCH_BELOW, ClipProfile
from sutja.speaker_names import offer

Weight = Literal["stop", "careful", "know"]
"""`stop`: training fails or its result means nothing; `careful`: it will be worse; `know`: good to know."""
WEIGHTS: tuple[Weight, ...] = ("stop", "careful", "know")

N_SHOWN = 4  # names in one sentence
LOW_SNR_DB = 10.0
LOW_LOUDNESS_DB = -45.0
MANY = 0.02  # the share of clips from which on a fault is more than an accident
UNEVEN = 3.0  # the largest label has so many times the clips of the smallest
SPREAD_DB = 12.0  # between the medians of two speakers' loudness: four times the amplitude
CONFOUNDED = 0.5  # the share of a level's variance that the label explains
MIN_PER_LABEL = 5  # fewer clips explain any variance
LONG_SILENCE_SECONDS = 0.3
ONE_SOURCE = 0.8  # of the clips with a fault


@dataclass(frozen=True)
class Finding:
    """One sentence about a data set."""

    weight: Weight
    text: str
    clips: tuple[str, ...] = ()
    """Names of the clips that it is about, where it is about some."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return dataclasses.asdict(self)


def find(
    dataset: Dataset, profiles: Sequence[ClipProfile], unreadable: Sequence[AudioError], config: Config
) -> list[Finding]:
    """Say what should change a decision, the gravest first.

    Parameters
    ----------
    dataset
        The whole table: labels and speakers are counted over all of it.
    profiles, unreadable
        The clips that were listened to, or a sample of them; of those that cannot be used, their errors.
    config
        Whose folds and window the data is held against.

    """
    n_heard = len(profiles) + len(unreadable)
    findings = [*_unreadable(unreadable, n_heard), *_lost(dataset, unreadable), *_labels(dataset, config)]
    findings += _speakers(dataset, config)
    if profiles:
        findings += [*_confounders(profiles), *_faults(profiles), *_copies(profiles), *_channels(profiles, config)]
        findings += [*_levels(profiles), *_silence(profiles)]
    return sorted(findings, key=lambda finding: WEIGHTS.index(finding.weight))


def coverage(clips: Sequence[Clip]) -> dict[str, Counter[str]]:
    """Count each speaker's clips of each label, labelled clips of known speakers only."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in clips:
        if clip.speaker is not None and clip.label is not None:
            counts[clip.speaker][clip.label] += 1
    return dict(counts)


def _unreadable(unreadable: Sequence[AudioError], n_heard: int) -> Iterator[Finding]:
    if unreadable:
        weight: Weight = "stop" if len(unreadable) > n_heard / 2 else "careful"
        text = f"{_share(len(unreadable), n_heard)} cannot be used; the first: {unreadable[0].reason}."
        yield Finding(weight, text, tuple(error.name for error in unreadable))


def _lost(dataset: Dataset, unreadable: Sequence[AudioError]) -> Iterator[Finding]:
    """Find words and speakers that nobody can hear, and words that are written in two ways."""
    names = {error.name for error in unreadable}
    gone = lost(dataset.clips, (clip for clip in dataset.clips if clip.name not in names)) if names else ()
    if gone:
        yield Finding("stop", f"Not one clip of {listed(gone, N_SHOWN)} can be used: mend them, or take them out.")
    for group in alike(dataset.labels):
        text = f"Labels {_quoted(group)} differ only by case or blanks: they are learned as different words; rename."
        yield Finding("careful", text)


def _labels(dataset: Dataset, config: Config) -> Iterator[Finding]:
    counts = Counter(clip.label for clip in dataset.labelled)
    n_folds = config.train.n_folds
    if not counts:
        yield Finding("stop", "No clip has a label: there is nothing to learn from.")
        return
    if len(counts) == 1:
        yield Finding("stop", f"There is one label only, {_quoted(counts)}: a network has nothing to tell apart.")
    few = [label for label in dataset.labels if counts[label] < n_folds]
    if few:
        text = f"{_labels_named(few)} fewer than {n_folds} clips: not every one of {n_folds} folds gets one."
        yield Finding("stop", text)
    most, least = max(counts.values()), min(counts.values())
    if most > UNEVEN * least and len(counts) > 1:
        (large, _), (small, _) = counts.most_common()[0], counts.most_common()[-1]
        text = (
            f"Labels are uneven: {_quoted([large])} has {most} clips and {_quoted([small])} {least}. "
            "Look at the accuracy by label: the mean hides the small ones."
        )
        yield Finding("careful", text)


def _speakers(dataset: Dataset, config: Config) -> Iterator[Finding]:
    table, n_folds = coverage(dataset.labelled), config.train.n_folds
    if not dataset.labelled:
        return
    if not table:
        text = (
            "The speakers are not known: how well a new voice is recognised cannot be measured. It can with a column "
            "`speaker`."
        )
        offered = offer(dataset.labelled)
        yield Finding("careful", f"{text} And {offered}." if offered else text)
        return
    if len(table) == 1:
        text = f"All clips are of one speaker, {_quoted(table)}: nothing can be said about any other voice."
        yield Finding("stop", text)
        return
    if len(table) < n_folds:
        text = f"There are {len(table)} speakers: {n_folds} folds that keep speakers apart need {n_folds}."
        yield Finding("careful", text)
    yield from _one_voice(dataset.labels, table)
    yield from _gaps(dataset.labels, table)


def _one_voice(labels: Sequence[str], table: Mapping[str, Counter[str]]) -> Iterator[Finding]:
    """Find labels that one speaker alone says, or nearly: the networks would learn the voice."""
    alone: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        counts = {speaker: row[label] for speaker, row in table.items() if row[label]}
        if counts and max(counts.values()) > 0.9 * sum(counts.values()):
            alone[max(counts, key=lambda s: counts[s])].append(label)
    if len(alone) > N_SHOWN:
        n_alone = sum(map(len, alone.values()))
        text = f"{n_alone} of {len(labels)} labels come from one speaker each: word and voice cannot be told apart."
        yield Finding("stop", text)
        return
    for speaker, spoken in alone.items():
        several = len(spoken) > 1
        text = (
            f"Label{'s' if several else ''} {_quoted(spoken)} come{'' if several else 's'} from one speaker only, "
            f"{_quoted([speaker])}: word and voice cannot be told apart."
        )
        yield Finding("stop", text)


def _gaps(labels: Sequence[str], table: Mapping[str, Counter[str]]) -> Iterator[Finding]:
    missing = {speaker: [label for label in labels if not row[label]] for speaker, row in table.items()}
    missing = {speaker: gaps for speaker, gaps in missing.items() if gaps}
    if not missing:
        return
    if len(missing) <= N_SHOWN:
        for speaker, gaps in missing.items():
            yield Finding("know", f"Speaker {_quoted([speaker])} has no {_quoted(gaps)}.")
        return
    n_gaps, n_pairs = sum(map(len, missing.values())), len(labels) * len(table)
    text = (
        f"{len(missing)} of {len(table)} speakers lack some label: {n_gaps} of {n_pairs} pairs of speaker and label "
        f"are empty ({100 * n_gaps / n_pairs:.0f} %)."
    )
    yield Finding("know", text)


# What is said of each kind of fault, and from which share of the clips on; listening.find_problems decides what is one.
ADVICE: dict[str, tuple[Weight, float, str]] = {
    "silent": ("careful", 0.0, "silent: leave them out"),
    "clipped": ("careful", 0.0, "clipped: the microphone was too loud; turn it down"),
    "dc_offset": ("know", MANY, "shifted by a constant (DC offset): let the settings remove the mean"),
    "longer_than_window": ("know", MANY, "longer than the networks' window: only the voice in each is heard"),
}


def _faults(profiles: Sequence[ClipProfile]) -> Iterator[Finding]:
    for kind in PROBLEMS:
        weight, least, advice = ADVICE.get(kind, ("know", 0.0, PROBLEMS[kind]))
        faulty = [p for p in profiles if any(k == kind for k, _ in p.problems)]
        if faulty and len(faulty) >= least * len(profiles):
            text = f"{_share(len(faulty), len(profiles), verb=True)} {advice}.{_source_of(faulty, profiles)}"
            yield Finding(weight, text, tuple(p.name for p in faulty))


def _source_of(faulty: Sequence[ClipProfile], profiles: Sequence[ClipProfile]) -> str:
    """Say when nearly all clips with a fault are of one speaker or label: then it can be mended at its source."""
    for field in ("speaker", "label"):
        everyone = {getattr(p, field) for p in profiles}
        name, n = Counter(getattr(p, field) for p in faulty).most_common(1)[0]
        if name is not None and len(everyone) > 1 and n >= MIN_PER_LABEL and n > ONE_SOURCE * len(faulty):
            return f" {'All' if n == len(faulty) else 'Nearly all'} are of {field} {_quoted([name])}."
    return ""


def _copies(profiles: Sequence[ClipProfile]) -> Iterator[Finding]:
    groups: dict[str, list[ClipProfile]] = defaultdict(list)
    for profile in profiles:
        groups[profile.digest].append(profile)
    twice = [group for group in groups.values() if len(group) > 1]
    if not twice:
        return
    n = sum(map(len, twice))
    text = f"{_share(n, len(profiles), verb=True)} in the data more than once, sample for sample"
    facts: tuple[tuple[str, Callable[[ClipProfile], Hashable]], ...] = (
        ("label", lambda p: p.label),
        ("speaker", lambda p: p.speaker),
        ("split", lambda p: p.split),
    )
    for field, value in facts:
        n_torn = sum(len({value(p) for p in group}) > 1 for group in twice)
        text += f", in {n_torn} of {len(twice)} cases under another {field}" if n_torn else ""
    names = tuple(p.name for group in twice for p in group)
    yield Finding("careful", f"{text}. A copy on the other side of a split makes the score too good.", names)


def _channels(profiles: Sequence[ClipProfile], config: Config) -> Iterator[Finding]:
    """Find recordings of different kinds in one data set."""
    rates = Counter(p.sample_rate for p in profiles)
    if len(rates) > 1:
        parts = ", ".join(f"{rate} Hz ({n})" for rate, n in rates.most_common(N_SHOWN))
        yield Finding("know", f"There are {len(rates)} sample rates: {parts}. All are resampled to one.")
    limited = _limited_alike(profiles)
    if len(limited) >= max(1, MANY * len(profiles)):
        typical, rate = float(np.median([p.bandwidth_hz for p in limited])), Counter(p.sample_rate for p in limited)
        text = (
            f"{_share(len(limited), len(profiles), verb=True)} empty above about {typical / 1000:.1f} kHz although the "
            f"file's rate is {rate.most_common(1)[0][0]} Hz: sound from a telephone or a low-rate source."
        )
        if len(limited) < (1 - MANY) * len(profiles):
            text += " The others are not: a network can tell the two apart by that."
        yield Finding("careful", text, tuple(p.name for p in limited))
    used, limit = float(np.quantile([p.bandwidth_hz for p in profiles], 0.95)), config.audio.sample_rate / 2
    if used < MUCH_BELOW * limit:
        text = (
            f"The recordings reach up to {used / 1000:.1f} kHz, and the settings listen up to {limit / 1000:.1f}: the "
            "networks' upper bands hold nothing here, and something as soon as another microphone is used."
        )
        yield Finding("know", text)


def _limited_alike(profiles: Sequence[ClipProfile]) -> list[ClipProfile]:
    """Return the largest group of clips whose band ends at about the same frequency.

    A source limits all its clips alike. Limits here and there are words that had nothing above.
    """
    limited = sorted((p for p in profiles if p.band_limited), key=lambda p: p.bandwidth_hz)
    highest = np.searchsorted([p.bandwidth_hz for p in limited], [1.1 * p.bandwidth_hz for p in limited], side="right")
    groups = [limited[first : int(last)] for first, last in enumerate(highest)]
    return max(groups, key=len, default=[])


def _confounders(profiles: Sequence[ClipProfile]) -> Iterator[Finding]:
    """Find what tells the label without the word."""
    for quantity, what in (("loudness_db", "loudness"), ("snr_db", "background noise"), ("bandwidth_hz", "bandwidth")):
        share = explained(profiles, quantity)
        if share > CONFOUNDED:
            text = (
                f"The labels differ in {what}, which explains {100 * share:.0f} % of its variance: were they recorded "
                "apart? A network learns the recording then, not the word."
            )
            yield Finding("stop", text)


def explained(profiles: Sequence[ClipProfile], quantity: str) -> float:
    """Return the share of a quantity's variance that the label explains (eta squared), 0 where it cannot be known."""
    groups: dict[str, list[float]] = defaultdict(list)
    for profile in profiles:
        if profile.label is not None:
            groups[profile.label].append(getattr(profile, quantity))
    sizes = [len(group) for group in groups.values()]
    if len(groups) < 2 or min(sizes) < MIN_PER_LABEL:
        return 0.0
    everything = np.concatenate([np.array(group) for group in groups.values()])
    total = float(np.var(everything) * len(everything))
    within = float(sum(np.var(group) * len(group) for group in groups.values()))
    return 0.0 if total < 1e-9 else 1 - within / total


def _levels(profiles: Sequence[ClipProfile]) -> Iterator[Finding]:
    noisy = [p.name for p in profiles if p.snr_db < LOW_SNR_DB]
    if len(noisy) >= max(1, MANY * len(profiles)):
        text = (
            f"{_share(len(noisy), len(profiles), verb=True)} noisy, or trimmed so tightly that no pause is left to "
            f"hear the noise in (below {LOW_SNR_DB:.0f} dB over the quietest part)."
        )
        yield Finding("know", text, tuple(noisy))
    typical = float(np.median([p.loudness_db for p in profiles]))
    if typical < LOW_LOUDNESS_DB:
        yield Finding("know", f"The recordings are very quiet: {typical:.0f} dBFS at the median.")
    medians = {s: float(np.median(v)) for s, v in by_speaker(profiles, "loudness_db").items() if len(v) >= 3}
    if len(medians) > 1:
        loud, quiet = max(medians, key=lambda s: medians[s]), min(medians, key=lambda s: medians[s])
        if medians[loud] - medians[quiet] > SPREAD_DB:
            text = (
                f"Speakers differ in loudness by {medians[loud] - medians[quiet]:.0f} dB: {_quoted([loud])} is at "
                f"{medians[loud]:.0f} dBFS, {_quoted([quiet])} at {medians[quiet]:.0f}."
            )
            yield Finding("know", text)


def _silence(profiles: Sequence[ClipProfile]) -> Iterator[Finding]:
    long = [p.name for p in profiles if p.silence_before_seconds + p.silence_after_seconds > LONG_SILENCE_SECONDS]
    share = len(long) / len(profiles)
    if share >= MANY:
        text = (
            f"{_share(len(long), len(profiles))} hold more than {LONG_SILENCE_SECONDS:g} s of silence around the word."
        )
        if share < 1 - MANY:
            text += " The others are trimmed: test on both."
        yield Finding("know", text, tuple(long))


def by_speaker(profiles: Sequence[ClipProfile], quantity: str) -> dict[str, list[float]]:
    """Gather one quantity of each known speaker's clips."""
    groups: dict[str, list[float]] = defaultdict(list)
    for profile in profiles:
        if profile.speaker is not None:
            groups[profile.speaker].append(getattr(profile, quantity))
    return dict(groups)


def _share(n: int, of: int, *, verb: bool = False) -> str:
    """Say a number of clips and its share: `14 % of the clips (420 of 3000)`."""
    text = f"{100 * n / of:.0f} % of the clips ({n} of {of})" if n >= 0.01 * of and n > 1 else f"{n} of {of} clips"
    return text + (" is" if n == 1 else " are") * verb


def _quoted(names: Any) -> str:
    """List names: `a`, `b`, `c` and 7 more."""
    names = [f"`{name}`" for name in names]
    if len(names) > N_SHOWN:
        return ", ".join(names[:N_SHOWN]) + f" and {len(names) - N_SHOWN} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _labels_named(labels: Sequence[str]) -> str:
    return f"Label {_quoted(labels)} has" if len(labels) == 1 else f"{len(labels)} labels ({_quoted(labels)}) have"
