from __future__ import annotations

import numpy as np
import pytest
from conftest import tone

from sutja.augment import Surroundings
from sutja.errors import ConfigError
from sutja.learn import splices
from sutja.learn.splices import LENGTHS, OTHER, Material, Take, Whole, drawn_voice, made, trimmed
from sutja.strings.frontend import SAMPLE_RATE

KINDS = ("spliced", "synthetic", "real", "other", "noise")


def word(hertz, seconds=0.3):
    return 0.3 * tone(hertz, seconds, SAMPLE_RATE)


def material(**more):
    speakers = {
        f"corpus/{name}": [Take(unit, word(200 + 100 * unit + 10 * k)) for unit in range(3) for k in range(2)]
        for k, name in enumerate(("anna", "ben"))
    } | {"few/carl": [Take(0, word(150))]}
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
    given = {
        "others": {"else/dora": [word(900)], "corpus/anna": [word(950)]},
        "wholes": [Whole((1, OTHER, 2), word(300, 1.0))],
        "around": Surroundings(None, [noise], [np.array([1.0, 0.5], dtype=np.float32)]),
        "texts": {0: "zero", 1: "one", 2: "two"},
        "other_texts": ("house",),
    }
    return Material(speakers, **(given | more))


@pytest.mark.parametrize("kind", KINDS)
def test_strings_have_one_of_the_lengths_and_say_what_is_said(kind):
    lengths = {int(length * SAMPLE_RATE) for length in LENGTHS}
    for number in range(12):
        said = made(material(), 3, number, kinds={kind: 1.0})
        assert len(said.waveform) in lengths
        assert np.abs(said.waveform).max() <= 1.0 + 1e-6
        assert said.times.shape == (len(said.units), 2)
        assert set(said.units) <= {0, 1, 2, OTHER}
        if kind == "noise":
            assert said.units == ()
        if kind == "other":
            assert set(said.units) == {OTHER}


def test_the_same_seed_makes_the_same_string():
    kinds = {kind: 1.0 for kind in KINDS if kind != "synthetic"}
    first, again, other = (made(material(), seed, 7, kinds=kinds) for seed in (1, 1, 2))
    assert np.array_equal(first.waveform, again.waveform)
    assert first.units == again.units
    assert not np.array_equal(first.waveform, other.waveform)


def test_times_lie_where_the_words_are(monkeypatch):
    monkeypatch.setattr(splices, "augment", lambda waveform, *_: waveform)  # no noise, no room
    monkeypatch.setattr(splices, "BURST_SHARE", 0.0)
    heard, n = [], 0
    for number in range(30):
        said = made(material(others={}), 5, number, kinds={"spliced": 1.0})
        loud = np.abs(said.waveform) > 0.05 * np.abs(said.waveform).max()
        seconds = np.arange(len(loud)) / SAMPLE_RATE
        inside = np.zeros(len(loud), dtype=bool)
        for start, end in said.times:
            inside |= (seconds >= start - 0.01) & (seconds < end + 0.01)
        heard.append(loud[~inside].mean() if (~inside).any() else 0.0)
        n += len(said.units)
        starts = said.times[:, 0]
        assert (np.diff(starts) >= splices.SHORTEST_SECONDS - 1e-3).all()
    assert n > 60
    assert np.mean(heard) < 0.01


def test_material_may_be_a_few_clips_alone():
    alone = Material({"a": [Take(0, word(300))]})
    for number in range(10):
        said = made(alone, 1, number, kinds={"spliced": 0.5, "noise": 0.5, "real": 0.2})
        assert set(said.units) <= {0}


def test_other_words_are_best_of_the_same_people(monkeypatch):
    monkeypatch.setattr(splices, "PSEUDO_SHARE", 0.0)
    rng = np.random.default_rng(0)
    own, family, else_ = (np.full(8, value, np.float32) for value in (1, 2, 3))
    others = {"corpus/anna": [own], "corpus_words/zoe": [family], "else/dora": [else_]}
    drawn = lambda speaker: [  # noqa: E731
        int(splices._other(material(others=others), speaker, [], rng)[0]) for _ in range(200)
    ]
    assert drawn("corpus/anna").count(1) > 120
    assert {*drawn("corpus/ben")} == {1, 2, 3}
    assert drawn("corpus/ben").count(3) < 60
    assert drawn("few/carl").count(3) > 30


def test_two_words_make_one_that_is_none(monkeypatch):
    monkeypatch.setattr(splices, "PSEUDO_SHARE", 1.0)
    takes = [Take(0, word(200)), Take(1, word(400))]
    made_up = [splices._other(material(), "corpus/anna", takes, np.random.default_rng(n)) for n in range(20)]
    assert len({len(each) for each in made_up}) > 5


def test_nobody_can_be_understood_in_babble(monkeypatch):
    monkeypatch.setattr(splices, "BABBLE_SHARE", 1.0)
    said = [made(material(), 2, number, kinds={"spliced": 0.5, "noise": 0.5}) for number in range(20)]
    assert {bool(each.units) for each in said} == {True, False}
    babble = splices._babble(material(), SAMPLE_RATE, np.random.default_rng(0))
    assert np.abs(babble).max() == pytest.approx(0.3)


def test_where_all_is_too_long_nothing_is_said(monkeypatch):
    monkeypatch.setattr(splices, "MOST_DRAWS", 3)
    long = Whole((0,), word(200, 15.0))
    assert made(material(wholes=[long]), 1, 0, kinds={"real": 1.0}).units == ()


def test_what_is_too_long_is_drawn_again():
    long = Whole((0,), word(200, 9.0))
    short = Whole((1,), word(200, 1.0))
    found = {made(material(wholes=[long, short]), 1, number, kinds={"real": 1.0}).units for number in range(10)}
    assert found == {(1,)}


def test_a_word_is_cut_out_of_its_silence():
    clip = np.concatenate([np.zeros(8000, np.float32), word(300), np.zeros(8000, np.float32)])
    assert 0.28 < len(trimmed(clip)) / SAMPLE_RATE < 0.42
    assert len(trimmed(np.zeros(100, np.float32))) == 100


def test_synthetic_voices_speak_the_language():
    voice = drawn_voice("en", np.random.default_rng(1))
    assert voice.language.startswith("en")
    with pytest.raises(ConfigError):
        drawn_voice("xx", np.random.default_rng(1))


def test_pauses_are_where_nothing_is_said():
    said = splices.Said(np.zeros(SAMPLE_RATE, np.float32), (0, 1), np.array([[0.0, 0.3], [0.6, 1.0]], np.float32))
    np.testing.assert_allclose(splices._pauses(said, 0.5, 2.4), [(0.0, 0.5), (0.8, 1.1), (1.5, 2.4)], rtol=1e-6)
    unknown = splices.Said(said.waveform, (0,), np.full((1, 2), np.nan, np.float32))
    assert splices._pauses(unknown, 0.5, 2.4) == [(0.0, 0.5), (1.5, 2.4)]
    assert splices._pauses(splices.Said(said.waveform, (), np.zeros((0, 2), np.float32)), 0.5, 2.4) == [(0.0, 2.4)]
