"""Speakers in file names: found in whatever scheme holds them, and not in what is something else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import tone, write_wav
from helpers import refused, sutja
from hypothesis import given
from hypothesis import strategies as st

from sutja.clips import Clip
from sutja.config import Config
from sutja.dataset import read
from sutja.errors import DatasetError
from sutja.findings import find
from sutja.speaker_names import offer, with_speakers

PEOPLE = ("anna", "ben", "carla", "민수", "José", "o'neil", "mary-jane", "theo", "yweweler", "지영")
SEPARATORS = ("_", "-", " ", ".")


def clip(name: str, label: str) -> Clip:
    return Clip(Path("/data") / name, name, label)


def scheme(form: str, speakers: list[str], labels: list[str], n_takes: int, *, subset: float = 1.0) -> list[Clip]:
    """Name recordings as a form says; of all combinations a share is there."""
    drawn = random.Random(1)
    clips = []
    for label in labels:
        for who in speakers:
            for take in range(n_takes):
                name = form.format(label=label, speaker=who, take=take, date=f"2024-03-{1 + take:02d}")
                if drawn.random() < subset:
                    clips.append(clip(f"{name}.wav", label))
    return clips


FORMS = (
    "{speaker}_{take}", "{speaker}_{label}_{take}", "{label}_{speaker}_{take}", "{label}_{take}_{speaker}",
    "{label}/{speaker}_{take}", "{speaker}_{label}", "rec_{speaker}_{label}_{take:03d}",
    "{date}_{speaker}_{label}_{take}",
)  # fmt: skip


@given(
    st.sampled_from(FORMS),
    st.sampled_from(SEPARATORS),
    st.lists(st.sampled_from(PEOPLE), min_size=2, max_size=8, unique=True),
    st.integers(3, 10),
    st.integers(3, 6),
)
def test_speakers_are_found_in_whatever_scheme_holds_them(form, separator, people, n_labels, n_takes):
    speakers = [who for who in people if separator not in who] or ["anna", "ben"]
    if len(speakers) < 2:
        speakers = ["anna", "ben"]
    spelled = form.replace("_", separator)
    clips = scheme(spelled, speakers, [str(i) for i in range(n_labels)], n_takes)
    found = offer(clips)
    assert found is not None, clips[:3]
    assert set(found.speakers) == set(speakers), (found, clips[0].name)
    read_again = with_speakers(clips, found.pattern)
    assert {(c.name, c.speaker) for c in read_again} == {
        (c.name, next(who for who in speakers if who in c.name)) for c in clips
    }


@pytest.mark.parametrize(
    ("form", "speakers", "pattern"),
    [
        ("{speaker}-{label}-{take}", ["s01", "s02", "s13"], "SPEAKER-*-*"),
        ("{speaker}_{label}_{take}", ["F01", "F02", "M01"], "SPEAKER_*_*"),
        ("{label}_{speaker}", ["spk1", "spk2", "spk3"], "*_SPEAKER"),
        ("speaker_{speaker}_{label}_{take}", ["01", "02", "03"], "*_SPEAKER_*_*"),
        ("{speaker}{take}", ["anna", "ben"], "SPEAKER#"),
        ("{speaker}/{label}_{take}", ["anna", "ben"], "SPEAKER/*"),
        ("{label}_{speaker}_{take}", ["jackson", "theo", "lucas"], "*_SPEAKER_*"),
    ],
)
def test_the_pattern_that_is_offered(form, speakers, pattern):
    found = offer(scheme(form, speakers, [str(i) for i in range(10)], 4))
    assert found is not None
    assert (found.pattern, set(found.speakers)) == (pattern, set(speakers))


def test_names_of_several_lengths_and_a_part_of_the_combinations():
    clips = scheme(
        "{speaker}_{label}_{take}", ["anna", "ben", "carla"], ["turn_on", "turn_off_now", "go"], 9, subset=0.6
    )
    found = offer(clips)
    assert (found.pattern, found.speakers) == ("SPEAKER_**", ("anna", "ben", "carla"))
    from_the_right = [
        clip(f"{c.name.removesuffix('.wav').partition('_')[2]}_{c.name.partition('_')[0]}_x.wav", c.label)
        for c in clips
    ]
    assert set(offer(from_the_right).speakers) == {"anna", "ben", "carla"}
    assert {c.speaker for c in with_speakers(from_the_right, offer(from_the_right).pattern)} == {"anna", "ben", "carla"}


# -- what is no speaker -----------------------------------------------------------------------------------------------


def letters(rng: random.Random, n: int, signs: str = "abcdefghijklmnopqrstuvwxyz0123456789") -> str:
    return "".join(rng.choice(signs) for _ in range(n))


def date(rng: random.Random, i: int, label: str) -> str:
    day = f"{rng.randint(2019, 2026)}{{0}}{rng.randint(1, 12):02d}{{0}}{rng.randint(1, 28):02d}".format(
        rng.choice(["", "-", "_"])
    )
    return f"{day}_{label}_{rng.randint(0, 5)}"


OTHERS: dict[str, Callable[[random.Random, int, str], str]] = {
    "random ids": lambda rng, i, label: letters(rng, rng.randint(5, 12)),
    "short random ids": lambda rng, i, label: f"{label}_{letters(rng, 2, 'abcdef')}",
    "one random letter": lambda rng, i, label: f"{letters(rng, 1, 'abcdefghij')}_{i}",
    "running numbers": lambda rng, i, label: f"{i:04d}",
    "numbers in each label": lambda rng, i, label: f"{label}_{i // 10:03d}",
    "samples in each label": lambda rng, i, label: f"{label}_s{i // 10:03d}",
    "takes": lambda rng, i, label: f"take{i // 40}_{label}_{i % 4}",
    "dates": date,
    "months": lambda rng, i, label: f"{rng.choice(['jan', 'feb', 'mar', 'apr', 'may'])}-{rng.randint(1, 28)}-{label}",
    "times": lambda rng, i, label: f"{rng.randint(0, 23):02d}h{rng.randint(0, 59):02d}_{label}",
    "the label": lambda rng, i, label: f"{label}_{i}",
    "the label in words": lambda rng, i, label: (
        f"{['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'][int(label)]}_{i}"
    ),
    "hashes": lambda rng, i, label: f"{letters(rng, 8, '0123456789abcdef')}_nohash_{rng.randint(0, 3)}",
    "few hashes": lambda rng, i, label: (
        f"{['0ff728b5', '3c257192', 'a1bb35d0', 'e53139ad'][rng.randrange(4)]}_{label}_{i}"
    ),
    "conditions": lambda rng, i, label: f"{rng.choice(['clean', 'noisy', 'office', 'street', 'kitchen'])}_{label}_{i}",
    "splits": lambda rng, i, label: f"{rng.choice(['train', 'test'])}_{i}",
    "sexes": lambda rng, i, label: f"{rng.choice(['male', 'female'])}_{label}_{i}",
    "other digits": lambda rng, i, label: f"{rng.choice(['one', 'two', 'three'])}_{i}",
    "versions": lambda rng, i, label: f"v{rng.randint(1, 3)}_{label}_{i}",
    "uuids": lambda rng, i, label: "-".join(letters(rng, n, "0123456789abcdef") for n in (8, 4, 4, 4, 12)),
}
N_TREES = 25  # of each kind


def test_few_false_offers():
    false = []
    for kind, name in OTHERS.items():
        for seed in range(N_TREES):
            rng = random.Random(f"{kind} {seed}")
            n_clips, in_folders = rng.choice([40, 200, 400, 800]), rng.random() < 0.3
            labels = [str(i % 10) for i in range(n_clips)]
            names = [name(rng, i, label) for i, label in enumerate(labels)]
            clips = [
                clip(f"{label}/{n}.wav" if in_folders else f"train/{n}.wav", label)
                for n, label in zip(names, labels, strict=True)
            ]
            found = offer(clips)
            if found:
                false.append((kind, clips[0].name, str(found)))
    assert len(OTHERS) * N_TREES == 500
    assert len(false) == 0, false[:5]


def test_nothing_is_offered_where_speakers_are_known_or_there_is_one_label():
    clips = scheme("{speaker}_{label}_{take}", ["anna", "ben"], ["1", "2"], 5)
    assert offer(clips)
    assert offer(with_speakers(clips, "SPEAKER_*_*")) is None
    assert offer([c for c in clips if c.label == "1"]) is None
    assert offer([]) is None


def test_a_speaker_who_says_one_label_only_is_the_label():
    clips = [clip(f"{word}_{i}.wav", str(d)) for d, word in enumerate(("apfel", "birne", "kirsche")) for i in range(9)]
    assert offer(clips) is None


# -- patterns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "name", "speaker"),
    [
        ("SPEAKER_*", "anna_1.wav", "anna"),
        ("SPEAKER_*", "anna_1_2.wav", None),
        ("SPEAKER_**", "anna_1_2.wav", "anna"),
        ("**_SPEAKER_*", "turn_on_anna_2.wav", "anna"),
        ("SPEAKER#", "anna12.wav", "anna"),
        ("s#-SPEAKER", "s12-bo.flac", "bo"),
        ("SPEAKER/*", "a/bo/7.wav", "bo"),
        ("SPEAKER/*/*", "bo/seven/7.wav", "bo"),
        ("SPEAKER.*", "an+a.7.wav", "an+a"),
        ("SPEAKER_*", "민수_1.wav", "민수"),
    ],
)
def test_what_a_pattern_reads(pattern, name, speaker):
    fits = clip({"#": "zoe1.wav"}.get(pattern[-1], "zoe_1.wav"), "1")
    read_in = (
        with_speakers([clip(name, "1")], pattern)[0].speaker
        if speaker
        else with_speakers([clip(name, "1"), fits], pattern)[0].speaker
    )
    assert read_in == speaker


@pytest.mark.parametrize("pattern", ["*_*", "", "SPEAKER_SPEAKER"])
def test_a_pattern_without_its_speaker(pattern):
    with pytest.raises(DatasetError, match="expected the file's name with SPEAKER in it once"):
        with_speakers([clip("a_1.wav", "1")], pattern)


def test_a_pattern_that_fits_nothing():
    with pytest.raises(DatasetError, match=r"--speaker-from SPEAKER_\*: fits none of 1 names \(a.wav, ...\)"):
        with_speakers([clip("a.wav", "1")], "SPEAKER_*")


# -- on the command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def recordings(tmp_path) -> Path:
    for label in ("1", "2"):
        for who in ("anna", "ben"):
            for take in range(3):
                height = 300 + 100 * int(label) + 20 * take + (7 if who == "ben" else 0)
                write_wav(tmp_path / "set" / label / f"{who}_{take}.wav", tone(height, 0.3, 8000), 8000)
    return tmp_path / "set"


OFFERED = "the file names look like those of 2 speakers (anna, ben); if they are, use --speaker-from 'SPEAKER_*'"


def test_they_are_offered_and_not_assumed(recordings, tmp_path):
    told = sutja("data", "info", recordings)
    assert f"note:        {OFFERED}" in told.stdout
    assert "speakers:    none" in told.stdout
    assert OFFERED in read(recordings).all_notes
    dataset = read(recordings)
    (finding,) = [f for f in find(dataset, [], [], Config()) if "speakers are not known" in f.text]
    assert OFFERED in finding.text


def test_they_are_read_when_asked(recordings, tmp_path):
    told = sutja("data", "info", recordings, "--speaker-from", "SPEAKER_*")
    assert "speakers:    2 (anna 6, ben 6)" in told.stdout
    assert "look like" not in told.output
    assert "fits none of 12 names" in refused(sutja("data", "info", recordings, "--speaker-from", "x-SPEAKER"))


def test_what_does_not_fit_and_who_gives_way_is_said(recordings):
    write_wav(recordings / "1" / "unknown.wav", tone(900, 0.3, 8000), 8000)
    dataset = read(recordings, speaker_from="SPEAKER_*")
    assert "1 of 13 names do not fit SPEAKER_*, and have no speaker: 1/unknown.wav" in dataset.notes
    assert dataset.speakers == ("anna", "ben")
    table = recordings / "all.csv"
    table.write_text("file_name,label,speaker\n1/anna_1.wav,1,x\n2/ben_1.wav,2,y\n", encoding="utf-8")
    dataset = read(table, speaker_from="SPEAKER_*")
    assert any("the 2 speakers that the data names give way" in note for note in dataset.notes)
    assert dataset.speakers == ("anna", "ben")
