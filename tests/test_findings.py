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


def test_nothing_is_said_of_good_data():
    assert said(clips()) == []


def test_clipped_share():
    table = clips()
    good = profiles(table)
    clipped = (("clipped", "2 places at full scale"),)
    bad = [replace(p, problems=clipped) if i % 7 == 1 else p for i, p in enumerate(good)]
    assert sum(bool(p.problems) for p in bad) == 7
    assert said(table, bad) == [
        "careful: 16 % of the clips (7 of 45) are clipped: the microphone was too loud; turn it down."
    ]


def test_faults_of_one_microphone():
    table = clips()
    bad = [replace(p, problems=(("dc_offset", "mean 0.1"),) if p.speaker == "d" else ()) for p in profiles(table)]
    assert said(table, bad)[0].endswith("let the settings remove the mean. All are of speaker `d`.")


def test_a_speaker_without_a_label():
    table = [c for c in clips() if not (c.speaker == "c" and c.label == "up")]
    assert said(table) == ["know: Speaker `c` has no `up`."]


def test_labels_of_one_speaker_only():
    table = [c for c in clips() if c.label == "no" or c.speaker == "a"]
    sentence = "stop: Labels `up` and `yes` come from one speaker only, `a`: word and voice cannot be told apart."
    assert sentence in said(table)


def test_many_labels_of_one_speaker_each_are_one_finding():
    table = [Clip(Path(f"{i}.wav"), f"{i}", f"word {i}", f"voice {i}") for i in range(30)]
    assert "stop: 30 of 30 labels come from one speaker each: word and voice cannot be told apart." in said(table)


def test_many_gaps_are_summed_up():
    table = [c for i, c in enumerate(clips(speakers=[f"s{i}" for i in range(100)], takes=1)) if i % 4]
    (text,) = said(table)
    assert text.startswith("know: 75 of 100 speakers lack some label: 75 of 300 pairs")


@pytest.mark.parametrize(
    ("table", "start"),
    [
        (clips(labels=("yes",)), "stop: There is one label only, `yes`"),
        (clips(speakers=("a",), takes=6), "stop: All clips are of one speaker, `a`"),
        ([replace(c, speaker=None) for c in clips()], "careful: The speakers are not known"),
        ([replace(c, label=None) for c in clips()], "stop: No clip has a label"),
        (clips(speakers=SPEAKERS[:2]), "careful: There are 2 speakers: 5 folds"),
        (clips(takes=1, speakers=SPEAKERS[:4]), "stop: 3 labels (`no`, `up` and `yes`) have fewer than 5 clips"),
        (clips() + clips(labels=("more",), takes=20), "careful: Labels are uneven: `more` has 100 clips and"),
    ],
)
def test_labels_and_speakers(table, start):
    assert any(text.startswith(start) for text in said(table)), said(table)


def test_low_rate_sources_among_others():
    table = clips()
    mixed = [replace(p, sample_rate=48_000, bandwidth_hz=24_000) for p in profiles(table)]
    mixed[::3] = [replace(p, bandwidth_hz=3_800) for p in mixed[::3]]
    (text,) = said(table, mixed)
    assert text.startswith(
        "careful: 33 % of the clips (15 of 45) are empty above about 3.8 kHz although the file's rate is 48000"
    )
    assert "tell the two apart" in text


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
    assert said(table, low)[0].startswith(
        "know: The recordings reach up to 4.0 kHz, and the settings listen up to 10.0"
    )


def test_loudness_that_tells_the_label():
    table = clips()
    told = [replace(p, loudness_db=p.loudness_db - 15 * (p.label == "yes")) for p in profiles(table)]
    assert explained(told, "loudness_db") > 0.9
    assert explained(profiles(table), "loudness_db") < 0.3
    assert said(table, told)[0].startswith("stop: The labels differ in loudness")


def test_one_clip_a_label_tells_nothing():
    table = clips(speakers=("a",), takes=1)
    assert explained(profiles(table), "loudness_db") == 0


def test_copies_say_where_they_contradict():
    table = clips()
    twins = profiles(table)
    twins[1] = replace(twins[1], digest=twins[0].digest)
    twins[3] = replace(twins[3], digest=twins[9].digest)
    (text,) = said(table, twins)
    assert text == (
        "careful: 9 % of the clips (4 of 45) are there more than once, sample for sample, in 1 of 2 cases under "
        "another label, in 1 of 2 cases under another speaker. A copy on the other side of a split flatters the result."
    )


def test_unreadable_clips_come_first_when_they_are_most():
    table = clips()
    lost = [AudioError(c.name, "the file is empty; record it again") for c in table[:30]]
    assert said(table, profiles(table)[30:], lost)[0] == (
        "stop: 67 % of the clips (30 of 45) cannot be used; the first: the file is empty; record it again."
    )


def test_speakers_of_different_loudness():
    table = clips()
    changed = [replace(p, loudness_db=p.loudness_db - 20 * (p.speaker == "b")) for p in profiles(table)]
    assert any(t.startswith("know: Speakers differ in loudness by") and "`b` at -4" in t for t in said(table, changed))


def test_coverage_counts_pairs():
    assert coverage(clips(takes=2))["a"] == {"no": 2, "up": 2, "yes": 2}
