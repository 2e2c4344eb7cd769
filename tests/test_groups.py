"""Groups that the data names: which columns they are read from, the worst first, and how sure one may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sutja.clips import Clip
from sutja.groups import LEAST_CLIPS, LEAST_SPEAKERS, MOST_VALUES, by_attribute
from sutja.metrics import speaker_interval, wilson_interval


def clips_of(rows, *, name="sex", n_each=1):
    """A clip a row (value, speaker)."""
    return [
        Clip(Path(f"{i}.wav"), f"{i}.wav", "yes" if i % 3 else "no", speaker, attributes={name: value} if value else {})
        for i, (value, speaker) in enumerate(row for row in rows for _ in range(n_each))
    ]


def scored(clips, *, n_wrong=0, **rest):
    right = np.ones(len(clips), dtype=bool)
    right[:n_wrong] = False
    return by_attribute(right, clips, **rest)


def test_the_worst_group_stands_first():
    clips = clips_of([(value, f"{value}{i}") for value in ("f", "m") for i in range(12)])
    right = np.array([clip.attributes["sex"] == "f" or i % 4 != 0 for i, clip in enumerate(clips)])
    found = by_attribute(right, clips)["sex"]
    assert list(found) == ["m", "f"]
    assert found["m"].accuracy == 0.75
    assert (found["m"].n_clips, found["m"].n_speakers) == (12, 12)
    assert found["m"].interval95 == speaker_interval(right[12:], [clip.speaker for clip in clips[12:]])
    assert found["f"].interval95 == wilson_interval(1.0, 12)  # all speakers did alike


def test_without_speakers_the_interval_is_over_clips():
    found = scored(clips_of([(value, None) for value in "fm" * 30]), n_wrong=10)["sex"]["f"]
    assert found.n_speakers is None
    assert found.interval95 == wilson_interval(25 / 30, 30)
    assert not found.is_small


@pytest.mark.parametrize(
    ("n_speakers", "n_each", "is_small"),
    [
        (LEAST_SPEAKERS, LEAST_CLIPS // LEAST_SPEAKERS, False),
        (LEAST_SPEAKERS - 1, LEAST_CLIPS, True),
        (LEAST_CLIPS - 1, 1, True),
    ],
)
def test_groups_of_few_are_marked(n_speakers, n_each, is_small):
    clips = clips_of([(value, f"{value}{i}") for value in "fm" for i in range(n_speakers)], n_each=n_each)
    assert {share.is_small for share in scored(clips)["sex"].values()} == {is_small}


def test_refusals_are_counted_where_they_are_known():
    clips = clips_of([(value, f"{value}{i}") for value in "fm" for i in range(4)])
    rejected = np.array([True, False, False, False, True, True, True, False])
    found = scored(clips, rejected=rejected)["sex"]
    assert (found["f"].rejected_rate, found["m"].rejected_rate) == (0.25, 0.75)
    assert scored(clips)["sex"]["f"].rejected_rate is None


def test_copies_of_a_clip_are_one_clip():
    clips = clips_of([(value, f"{value}{i}") for value in "fm" for i in range(4)], n_each=5)
    assert scored(clips, n_copies=5)["sex"]["f"].n_clips == 4


@pytest.mark.parametrize(
    ("ages", "groups"),
    [
        (["7", "8.0", "31", "45"], {"under 13", "18 to 39", "40 to 59"}),
        (["1234", "-3", "7", "20"], {"under 13", "18 to 39"}),
        (["teens", "twenties", "unknown", ""], {"teens", "twenties"}),
        (["12", "13", "17", "18", "39", "40", "59", "60"],
         {"under 13", "13 to 17", "18 to 39", "40 to 59", "60 and over"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["age", "Age", "나이"])
def test_ages_are_put_into_bands(name, ages, groups):
    clips = clips_of([(age, f"s{i % 3}") for i in range(6) for age in ages], name=name)
    assert set(scored(clips)[name]) == groups


def test_a_note_is_read_as_pairs_and_words():
    notes = [f"{how} score={i} age={age} {sex}" for i in range(10) for how in ("cut", "pauses") for age, sex in
             ((7, "m"), (30, "f"))]  # fmt: skip
    found = scored(clips_of([(note, f"s{i % 7}") for i, note in enumerate(notes)], name="note"))
    assert list(found) == ["note", "note: age", "note: score"]
    assert set(found["note"]) == {"cut", "pauses", "m", "f"}
    assert {name: share.n_clips for name, share in found["note: age"].items()} == {"under 13": 20, "18 to 39": 20}


@pytest.mark.parametrize(
    "values",
    [
        ["f"] * 8,  # one value parts nothing
        [str(i) for i in range(8)],  # nearly every clip has its own
        ["unknown", "", "N/A", "-"] * 2,
        ["yes" if i % 3 else "no" for i in range(8)],  # the label again
        [f"person {i // 2}" for i in range(8)],  # the speaker again
    ],
)
def test_what_parts_nothing_is_no_group(values):
    assert scored(clips_of([(value, f"s{i // 2}") for i, value in enumerate(values)])) == {}


def test_free_text_is_no_group():
    texts = [f"{i}.{j}" for i in range(MOST_VALUES + 1) for j in range(1)]
    assert scored(clips_of([(text, f"s{i % 3}") for i, text in enumerate(texts * 4)])) == {}


def test_nothing_is_asked_of_clips_without_attributes():
    assert scored([Clip(Path("a.wav"), "a.wav", "yes", "a"), Clip(Path("b.wav"), "b.wav", "no", "b")]) == {}
