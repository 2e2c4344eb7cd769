"""What a robust run learns from: kept apart by fold, repeatable, and as the predictor hears it."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from conftest import tone, write_wav
from spoken_digits import DIGITS, FORMS, GERMAN

from sutja.config import PRESETS, RefusalConfig
from sutja.dataset import Clip
from sutja.errors import ConfigError, DatasetError
from sutja.learn import sounds
from sutja.learn.folds import last_fold, make_folds

ROBUST = PRESETS["robust"]
SMALL = replace(
    ROBUST,
    train=replace(ROBUST.train, n_copies=2, n_folds=2),
    refusal=RefusalConfig(spliced_share=0.5, words_share=0.5, noise_share=0.5),
)


@pytest.fixture
def clips(tmp_path):
    found = []
    for number in range(12):
        path = tmp_path / f"{number}.wav"
        write_wav(path, tone(300 + 200 * (number % 3), 0.3, 16_000), 16_000)
        found.append(Clip(path, path.name, str(number % 3), f"s{number // 3}"))
    return found


@pytest.fixture
def refused(clips):
    return sounds.refused(clips, np.arange(12) % 2, ("0", "1", "2"), SMALL)


def test_the_shares_are_kept_and_all_are_refused(refused):
    assert len(refused) == 18
    assert {sound.target for sound in refused} == {3}
    assert {sound.held_out for sound in refused} == {0, 1}
    assert all(sound.hear().any() for sound in refused)
    assert Counter(sound.kind for sound in refused) == {"spliced": 6, "synthetic word": 6, "noise": 6}


def test_a_splice_is_held_out_with_its_clip_and_made_of_nothing_from_other_folds(clips, monkeypatch):
    config = replace(SMALL, refusal=RefusalConfig(spliced_share=5.0, words_share=0, noise_share=0))
    folds, pairs = np.arange(12) // 3 % 2, []
    monkeypatch.setattr(sounds, "_spliced", lambda clip, other, *_: pairs.append((clip, other)))
    found = sounds.refused(clips, folds, ("0", "1", "2"), config)
    fold_of = dict(zip(clips, folds, strict=True))
    assert len(found) == 60
    for sound, (clip, other) in zip(found, pairs, strict=True):
        assert sound.held_out == fold_of[clip] == fold_of[other]
        assert clip.label != other.label
        assert clip.speaker == other.speaker


def test_extra_recordings_are_in_every_fold_and_say_words_of_the_vocabulary(clips):
    found = sounds.extra(clips, ("0", "1", "2"), SMALL)
    assert [sound.target for sound in found] == [number % 3 for number in range(12)]
    assert {(sound.held_out, sound.kind) for sound in found} == {(None, "extra")}
    with pytest.raises(DatasetError, match=r"extra recordings say '2'; expected words of the vocabulary \(0, 1\)"):
        sounds.extra(clips, ("0", "1"), SMALL)


def test_a_preset_without_refusal_has_none(clips):
    assert sounds.refused(clips, np.zeros(12), ("0", "1"), replace(SMALL, refusal=None)) == []


def test_folds_learn_from_nothing_that_is_held_out_there(clips, refused):
    targets = np.arange(12) % 3
    folds = make_folds(clips, targets, SMALL.train, "speakers", [sound.held_out for sound in refused])
    n_sounds = 12 + len(refused)
    for number, fold in enumerate(folds):
        learned = np.unique((fold.train - n_sounds) // SMALL.train.n_copies)
        assert not set(learned) & set(fold.test)
        assert set(learned) | set(fold.test) == set(range(n_sounds))
        assert {refused[row - 12].held_out for row in fold.test if row >= 12} == {number}
        assert not {clips[row].speaker for row in fold.test if row < 12} & {
            clips[row].speaker for row in learned if row < 12
        }
    everything = last_fold(n_sounds, 12, SMALL.train)
    assert len(everything.train) == n_sounds * SMALL.train.n_copies


def test_inputs_are_repeatable_and_begin_with_the_clip_as_it_is(clips, tmp_path):
    listed = [sounds.Sound(sounds.clip_of(clip, SMALL), 0, 0) for clip in clips[:4]]
    rows = []
    for name, n_jobs in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        sounds.write_inputs(listed, SMALL, tmp_path / name, n_jobs, lambda: None)
        rows.append(np.load(tmp_path / name / "mel.npy"))
    assert rows[0].shape == (12, 40, 101)
    assert np.array_equal(rows[0], rows[1])
    heard = sounds.inputs(listed[1].hear(), SMALL)["mel"]
    assert np.abs(rows[0][1] - heard).max() < 0.04  # dB, float16
    assert not np.array_equal(rows[0][4], rows[0][5])  # two versions of the first clip


def spoken_texts(labels, monkeypatch, **settings):
    """What synthetic speakers of these settings read, and in which languages."""
    read = []

    def speak(text, voice, *, sample_rate):
        read.append((text, voice.language))
        return np.ones(sample_rate, dtype=np.float32)

    monkeypatch.setattr("sutja.synth.synthesise", speak)
    sounds.synthetic(labels, replace(SMALL, n_synthetic_voices=3, **settings))
    return read


def test_synthetic_speakers_are_in_every_fold():
    found = sounds.synthetic(DIGITS, replace(SMALL, n_synthetic_voices=2, language="en"))
    assert len(found) == 20
    assert {sound.held_out for sound in found} == {None}
    assert sorted({sound.target for sound in found}) == list(range(10))
    assert sounds.synthetic(["0", "1"], SMALL) == []


def test_synthetic_speakers_speak_the_language(monkeypatch):
    read = spoken_texts(DIGITS, monkeypatch, language="de")
    assert [text for text, _ in read] == 3 * list(GERMAN)
    assert {language for _, language in read} == {"de"}
    read = spoken_texts(["3", "0"], monkeypatch, language="ja")
    assert read == 3 * [("さん", "ja"), ("ゼロ", "ja")]
    assert {accent for _, accent in spoken_texts(["3"], monkeypatch, language="zh")} == {"cmn"}
    assert {accent for _, accent in spoken_texts(["3"], monkeypatch, language="EN-US")} <= {"en-us", "en-us-nyc"}


def test_synthetic_speakers_say_what_is_told(monkeypatch):
    read = spoken_texts(["2", "3", "ja"], monkeypatch, language="de", spoken={"2": "zwo"})
    assert [text for text, _ in read] == 3 * ["zwo", "drei", "ja"]
    read = spoken_texts(["2", "3"], monkeypatch, language="is", spoken={"2": "tveir", "3": "3"})  # not in the lexicon
    assert read == 3 * [("tveir", "is"), ("3", "is")]


@pytest.mark.parametrize(
    ("labels", "settings", "message"),
    [
        (
            DIGITS,
            {},
            "synthetic voices are to say '0', '1', '2', and in which language is not known; expected the lang",
        ),
        (
            ["ja", "nein"],
            {},
            "synthetic voices are to say 'ja', 'nein', and in which language is not known.*--language en",
        ),
        (DIGITS, {"language": "tlh"}, "language 'tlh' is not known to eSpeak; expected one of its"),
        (["yes", "3"], {"language": "is"}, "no word is known for '3' in language 'is'; expected .* --spoken 3=TEXT"),
    ],
)
def test_synthetic_speakers_who_cannot_say_it(labels, settings, message):
    with pytest.raises(ConfigError, match=message):
        sounds.synthetic(labels, replace(SMALL, n_synthetic_voices=1, **settings))


def test_other_words_are_none_of_the_language(clips):
    many = replace(SMALL, refusal=RefusalConfig(spliced_share=0, words_share=20, noise_share=0))
    for language, forms in (("de", FORMS["de"]), (None, " ".join(FORMS.values()))):
        found = sounds.refused(clips, np.arange(12) % 2, ("0", "1", "2"), replace(many, language=language))
        names = {sound.name.partition(":")[2] for sound in found}
        assert len(names) > 150
        assert not names & set(forms.split())
    told = replace(many, language="de", spoken={"0": "window"})
    found = sounds.refused(clips, np.arange(12) % 2, ("0", "1", "2"), told)
    assert "window" not in {sound.name.partition(":")[2] for sound in found}
