"""Findings: what a data set was made to have wrong is said, in that order, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sutja.clips import Clip
from sutja.config import Config
from sutja.dataset import Dataset
from sutja.errors import AudioError
from sutja.findings import WEIGHTS, coverage, explained, find
from sutja.profile import ClipProfile

LABELS, SPEAKERS = ("no", "up", "yes"), ("a", "b", "c", "d", "e")


def clips(labels=LABELS, speakers=SPEAKERS, takes: int = 3) -> list[Clip]:
    return [
        Clip(Path(f"{label}_{speaker}_{t}.wav"), f"{label}_{speaker}_{t}", label, speaker)
        for speaker in speakers
        for label in labels
        for t in range(takes)
    ]


def profiles(table: list[Clip]) -> list[ClipProfile]:
    """Flawless recordings, a little different from each other."""
    rng = np.random.default_rng(3)
    return [
        ClipProfile(
            name=clip.name,
            label=clip.label,
            speaker=clip.speaker,
            split=None,
            seconds=0.6,
            sample_rate=20_000,
            n_channels=1,
            peak_db=-3.0,
            loudness_db=-20 + float(rng.normal()),
            snr_db=40 + float(rng.normal()),
            silence_before_seconds=0.05,
            silence_after_seconds=0.05,
            bandwidth_hz=10_000.0,
            dc_offset=0.0,
            digest=f"{i}",
        )
        for i, clip in enumerate(table)
    ]


def said(table: list[Clip], changed: list[ClipProfile] | None = None, unreadable=()) -> list[str]:
    found = find(Dataset(Path(), "folders", tuple(table)), changed or profiles(table), list(unreadable), Config())
    assert [WEIGHTS.index(f.weight) for f in found] == sorted(WEIGHTS.index(f.weight) for f in found)
    return [f"{f.weight}: {f.text}" for f in found]


def one(sentences: list[str], *facts: str) -> None:
    """Check that exactly one finding holds all these facts: its weight, numbers, names. The words may be bettered."""
    holding = [text for text in sentences if all(fact in text for fact in facts)]
    assert len(holding) == 1, sentences


def test_nothing_is_said_of_good_data():
    assert said(clips()) == []


def test_clipped_share():
    table = clips()
    good = profiles(table)
    clipped = (("clipped", "2 places at full scale"),)
    bad = [replace(p, problems=clipped) if i % 7 == 1 else p for i, p in enumerate(good)]
    assert sum(bool(p.problems) for p in bad) == 7
    found = said(table, bad)
    assert len(found) == 1
    one(found, "careful: ", "16 %", "7 of 45", "clipped")


def test_faults_of_one_microphone():
    table = clips()
    bad = [replace(p, problems=(("dc_offset", "mean 0.1"),) if p.speaker == "d" else ()) for p in profiles(table)]
    one(said(table, bad)[:1], "20 %", "9 of 45", "mean", "speaker `d`")
    spread = [replace(p, problems=(("dc_offset", "mean 0.1"),)) for p in profiles(table)]
    assert not any("`d`" in text for text in said(table, spread))


def test_a_speaker_without_a_label():
    table = [c for c in clips() if not (c.speaker == "c" and c.label == "up")]
    found = said(table)
    assert len(found) == 1
    one(found, "know: ", "`c`", "`up`")


def test_labels_of_one_speaker_only():
    table = [c for c in clips() if c.label == "no" or c.speaker == "a"]
    one(said(table), "stop: ", "`up`", "`yes`", "one speaker", "`a`")


def test_many_labels_of_one_speaker_each_are_one_finding():
    table = [Clip(Path(f"{i}.wav"), f"{i}", f"word {i}", f"voice {i}") for i in range(30)]
    one(said(table), "stop: ", "30 of 30 labels", "one speaker")


def test_many_gaps_are_summed_up():
    table = [c for i, c in enumerate(clips(speakers=[f"s{i}" for i in range(100)], takes=1)) if i % 4]
    found = said(table)
    assert len(found) == 1
    one(found, "know: ", "75 of 100 speakers", "75 of 300")


@pytest.mark.parametrize(
    ("table", "facts"),
    [
        (clips(labels=("yes",)), ("stop: ", "one label", "`yes`")),
        (clips(speakers=("a",), takes=6), ("stop: ", "one speaker", "`a`")),
        ([replace(c, speaker=None) for c in clips()], ("careful: ", "speakers are not known")),
        ([replace(c, label=None) for c in clips()], ("stop: ", "No clip has a label")),
        (clips(speakers=SPEAKERS[:2]), ("careful: ", "2 speakers", "5 folds")),
        (clips(takes=1, speakers=SPEAKERS[:4]), ("stop: ", "3 labels", "`no`", "`up`", "`yes`", "fewer than 5 clips")),
        (clips() + clips(labels=("more",), takes=20), ("careful: ", "`more`", "100 clips")),
    ],
)
def test_labels_and_speakers(table, facts):
    one(said(table), *facts)


def test_low_rate_sources_among_others():
    table = clips()
    mixed = [replace(p, sample_rate=48_000, bandwidth_hz=24_000) for p in profiles(table)]
    mixed[::3] = [replace(p, bandwidth_hz=3_800) for p in mixed[::3]]
    found = said(table, mixed)
    assert len(found) == 1
    one(found, "careful: ", "33 %", "15 of 45", "3.8 kHz", "48000")


def test_cuts_here_and_there_are_words():
    table = clips(takes=10)
    spread = [
        replace(p, bandwidth_hz=3_000 + 400 * (i // 30) if i % 30 == 0 else 10_000)
        for i, p in enumerate(profiles(table))
    ]
    assert said(table, spread) == []


def test_settings_that_listen_higher_than_the_data():
    table = clips()
    low = [replace(p, sample_rate=8_000, bandwidth_hz=4_000) for p in profiles(table)]
    one(said(table, low)[:1], "know: ", "4.0 kHz", "10.0")


def test_loudness_that_tells_the_label():
    table = clips()
    told = [replace(p, loudness_db=p.loudness_db - 15 * (p.label == "yes")) for p in profiles(table)]
    assert explained(told, "loudness_db") > 0.9
    assert explained(profiles(table), "loudness_db") < 0.3
    one(said(table, told)[:1], "stop: ", "labels", "loudness")


def test_one_clip_a_label_tells_nothing():
    table = clips(speakers=("a",), takes=1)
    assert explained(profiles(table), "loudness_db") == 0


def test_copies_say_where_they_contradict():
    table = clips()
    twins = profiles(table)
    twins[1] = replace(twins[1], digest=twins[0].digest)
    twins[3] = replace(twins[3], digest=twins[9].digest)
    found = said(table, twins)
    assert len(found) == 1
    one(found, "careful: ", "9 %", "4 of 45", "1 of 2 cases under another label", "1 of 2 cases under another speaker")


def test_unreadable_clips_come_first_when_they_are_most():
    table = clips()
    lost = [AudioError(c.name, "the file is empty; record it again") for c in table[:30]]
    one(said(table, profiles(table)[30:], lost)[:1], "stop: ", "67 %", "30 of 45", lost[0].reason)


def test_speakers_of_different_loudness():
    table = clips()
    changed = [replace(p, loudness_db=p.loudness_db - 20 * (p.speaker == "b")) for p in profiles(table)]
    one(said(table, changed), "know: ", "Speakers", "loudness", "`b` at -4")


def test_coverage_counts_pairs():
    assert coverage(clips(takes=2))["a"] == {"no": 2, "up": 2, "yes": 2}
