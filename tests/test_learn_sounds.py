"""What a robust run learns from: kept apart by fold, repeatable, and as the predictor hears it."""

import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from conftest import tone, write_wav
from spoken_digits import DIGITS, FORMS, GERMAN

from sutja.clips import Clip
from sutja.config import PRESETS, RefusalConfig, preset
from sutja.engine import Serial
from sutja.engine.local import Processes
from sutja.engine.threads import Threads
from sutja.errors import ConfigError, DatasetError, JobError
from sutja.learn import sounds
from sutja.learn.folds import all_rows, make_folds
from sutja.learn.inputs import NO_WORD, Layout, write_versions
from sutja.learn.negatives import fold_of

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
    assert all(sounds.hear(sound, SMALL).any() for sound in refused)
    assert Counter(sound.kind for sound in refused) == {"spliced": 6, "synthetic word": 6, "noise": 6}


def test_there_are_some_of_each_kind_however_few_clips_there_are(clips):
    few = RefusalConfig(spliced_share=0.01, words_share=0, noise_share=0.5, least_sounds=9)
    found = sounds.refused(clips, np.arange(12) % 2, ("0", "1", "2"), replace(SMALL, refusal=few))
    assert Counter(sound.kind for sound in found) == {"spliced": 9, "noise": 9}  # and none of what has no share


def test_a_splice_is_held_out_with_its_clip_and_made_of_nothing_from_other_folds(clips):
    config = replace(SMALL, refusal=RefusalConfig(spliced_share=5.0, words_share=0, noise_share=0))
    folds = np.arange(12) // 3 % 2
    found = sounds.refused(clips, folds, ("0", "1", "2"), config)
    fold_of = dict(zip(clips, folds, strict=True))
    by_path = {clip.path: clip for clip in clips}
    assert len(found) == 60
    for sound in found:
        clip, other = (by_path[path] for path in sound.sources)
        assert sound.held_out == fold_of[clip] == fold_of[other]
        assert clip.label != other.label
        assert clip.speaker == other.speaker


def test_extra_recordings_are_in_every_fold_and_say_words_of_the_vocabulary(clips):
    found = sounds.extra(clips, ("0", "1", "2"))
    assert [sound.target for sound in found] == [number % 3 for number in range(12)]
    assert {(sound.held_out, sound.kind) for sound in found} == {(None, "extra")}
    with pytest.raises(DatasetError, match=r"extra recordings say '2'; expected words of the vocabulary \(0, 1\)"):
        sounds.extra(clips, ("0", "1"))


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
    everything = all_rows(Layout(12, n_sounds, SMALL.train.n_copies))
    assert len(everything.train) == n_sounds * SMALL.train.n_copies


def written(listed, folder, engine):
    folder.mkdir()
    versions = engine.map(sounds.versions_of, sounds.version_jobs(listed, SMALL))
    write_versions(folder, versions, Layout(len(listed), len(listed), SMALL.train.n_copies), SMALL)
    return np.load(folder / "mel.npy")


def test_rows_are_the_same_wherever_they_are_made_and_begin_with_the_clip_as_it_is(clips, refused, tmp_path):
    listed = sounds.of_clips(clips[:4], np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64)) + refused[::3]
    engines = {"serial": Serial(), "threads": Threads(2), "processes": Processes(2)}
    rows = {name: written(listed, tmp_path / name, engine) for name, engine in engines.items()}
    assert rows["serial"].shape == (30, 40, 101)
    assert np.array_equal(rows["serial"], rows["threads"])
    assert np.array_equal(rows["serial"], rows["processes"])
    heard = sounds.member_inputs(sounds.hear(listed[1], SMALL), SMALL)["mel"]
    assert np.abs(rows["serial"][1] - heard).max() < 0.04  # dB, float16
    assert not np.array_equal(rows["serial"][10], rows["serial"][11])  # two versions of the first clip


def test_a_sound_is_plain_data_and_sounds_the_same_wherever_it_is_heard(refused):
    for sound in refused:
        again = pickle.loads(pickle.dumps(sound))
        assert again == sound
        assert np.array_equal(sounds.hear(again, SMALL), sounds.hear(sound, SMALL))


def test_a_recording_that_went_is_told_with_its_sound(clips):
    listed = sounds.of_clips(clips[:3], np.zeros(3, dtype=np.int64))
    clips[1].path.unlink()
    with pytest.raises(JobError, match=r"sound 1 \(clip, 1.wav\): .*1.wav: "):
        list(Serial().map(sounds.versions_of, sounds.version_jobs(listed, SMALL)))


@pytest.mark.parametrize("n_drawn", [0, 1, 7])
def test_a_draw_is_where_a_generator_stood(n_drawn):
    rng = np.random.default_rng([3, 4])
    rng.integers(2**31, size=n_drawn, dtype=np.int32)  # an odd number leaves half of a draw behind
    draw = sounds.Draw.of(rng)
    again = draw.rng()
    assert np.array_equal(again.integers(2**31, size=9, dtype=np.int32), rng.integers(2**31, size=9, dtype=np.int32))
    assert again.standard_normal() == rng.standard_normal()


def spoken_texts(labels, **settings):
    """What synthetic speakers of these settings read, and in which languages."""
    found = sounds.synthetic(labels, replace(SMALL, n_synthetic_voices=3, **settings))
    return [(sound.text, sound.voice.language) for sound in found]


def test_synthetic_speakers_are_in_every_fold():
    found = sounds.synthetic(DIGITS, replace(SMALL, n_synthetic_voices=2, language="en"))
    assert len(found) == 20
    assert {sound.held_out for sound in found} == {None}
    assert sorted({sound.target for sound in found}) == list(range(10))
    assert sounds.synthetic(["0", "1"], SMALL) == []


def test_synthetic_speakers_speak_the_language():
    read = spoken_texts(DIGITS, language="de")
    assert [text for text, _ in read] == 3 * list(GERMAN)
    assert {language for _, language in read} == {"de"}
    read = spoken_texts(["3", "0"], language="ja")
    assert read == 3 * [("さん", "ja"), ("ゼロ", "ja")]
    assert {accent for _, accent in spoken_texts(["3"], language="zh")} == {"cmn"}
    assert {accent for _, accent in spoken_texts(["3"], language="EN-US")} <= {"en-us", "en-us-nyc"}


def test_synthetic_speakers_say_what_is_told():
    read = spoken_texts(["2", "3", "ja"], language="de", spoken={"2": "zwo"})
    assert [text for text, _ in read] == 3 * ["zwo", "drei", "ja"]
    read = spoken_texts(["2", "3"], language="is", spoken={"2": "tveir", "3": "3"})  # not in the lexicon
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


def test_words_are_numbered_behind_the_labels_and_the_rest_has_none():
    def other(name, kind="other word"):
        return sounds.Sound(2, 0, kind, name)

    listed = [
        sounds.Sound(1, 0),
        other("yes"),
        other(":yes", "synthetic word"),
        other("de:ja", "synthetic word"),
        other("no"),
        sounds.Sound(2, 0, "noise"),
        sounds.Sound(2, 0, "spliced", "yes"),
        sounds.Sound(0, None, "synthetic", "zero"),
    ]
    numbers, n_words = sounds.words_of(listed, 2, 1)
    assert numbers.tolist() == [1, 3, 3, 4, 2, NO_WORD, NO_WORD, 0]
    assert n_words == 5
    numbers, n_words = sounds.words_of(listed, 2, 2)  # one says "no", one says "ja"
    assert numbers.tolist() == [1, 2, 2, NO_WORD, NO_WORD, NO_WORD, NO_WORD, 0]
    assert n_words == 3


def test_other_words_are_held_out_by_corpus_where_the_folds_hold_out_corpora(clips):
    def other(label, **attributes):
        return replace(clips[0], label=label, attributes=attributes)

    others = [other("yes", corpus="one_words"), other("no", corpus="two_words"), other("maybe")]
    config = replace(preset("words"), train=replace(preset("words").train, n_folds=2))
    folds = np.zeros(len(clips), dtype=np.int64)
    listed = sounds.refused(clips, folds, ["0", "1"], config, others, ["one", "two"])[:3]
    assert [sound.held_out for sound in listed] == [0, 1, fold_of(":maybe", 2)]


def test_a_sound_may_have_a_neighbour_and_recorded_surroundings(clips, tmp_path):
    write_wav(tmp_path / "cafe.wav", tone(2_000, 3.0, 16_000), 16_000)
    write_wav(tmp_path / "room.wav", np.r_[np.zeros(50), 0.5, 0.1 * tone(100, 0.1, 16_000)].astype(np.float32), 16_000)
    recorded = sounds.Recorded((tmp_path / "cafe.wav",), (tmp_path / "room.wav",))
    shares = {"voice_share": 1.0, "neighbour_share": 1.0, "real_noise_share": 1.0, "real_room_share": 1.0}
    config = replace(SMALL, augment=replace(SMALL.augment, **shares))
    listed = sounds.of_clips(clips, np.arange(12) % 3)
    jobs = list(sounds.version_jobs(listed, config, recorded))
    assert all(job.neighbour in listed for job in jobs)
    assert len({job.neighbour for job in jobs}) > 3
    assert list(sounds.version_jobs(listed, config, recorded)) == jobs
    plain = [sounds.versions_of(job, lambda: None)["mel"] for job in sounds.version_jobs(listed, SMALL)]
    among = [sounds.versions_of(job, lambda: None)["mel"] for job in jobs]
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(plain, among, strict=True))  # as the predictor hears it
    # The background is a tone of 2 kHz; no clip has one.
    at_2_khz = np.argmax(among[0][1:].mean(axis=2), axis=1)
    assert {job.neighbour for job in sounds.version_jobs(listed, SMALL)} == {None}
    assert (np.abs(at_2_khz - np.argmax(plain[0][1:].mean(axis=2), axis=1)) > 0).any()


def test_what_a_model_brings_of_other_sounds():
    def made(target, kind, name="", n=1):
        return [sounds.Sound(target, None, kind, name) for _ in range(n)]

    listed = [
        *made(0, "clip", n=20),
        *made(2, "other word", "house", 5),
        *made(2, "other word", "de_eins", 1),
        *made(2, "spliced", n=4),
        *made(2, "synthetic word", ":grobble", 3),
        *made(2, "noise", n=3),
    ]
    kept = sounds.kept_outside(listed, {0: "zero", 1: "one"}, 929)
    said = Counter(word for _, word in kept)
    assert said == {"zero": sounds.N_OF_LABEL, "house": sounds.N_OF_WORD, "eins": 1, "": 3}
    assert kept == sounds.kept_outside(listed, {0: "zero", 1: "one"}, 929)
    assert all(sound.kind not in ("spliced", "synthetic word") for sound, _ in kept)
