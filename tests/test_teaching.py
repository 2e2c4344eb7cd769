"""Own words in seconds: taught, judged honestly, added to, and saved as any model."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from conftest import write_wav
from lessons import N_EMBEDDING, WORDS, body, sound, takes
from models import AUDIO, SMALL, make_bundle

import sutja
from sutja import teaching
from sutja.clips import Clip
from sutja.dataset import Dataset
from sutja.errors import BundleError, ConfigError, DatasetError
from sutja.outside import Packed
from sutja.predictor import Predictor
from sutja.progress import SILENT
from sutja.teaching import Lesson, check_body, teach


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Clip]:
    return takes(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def taught(clips) -> teaching.Taught:
    return teach(clips, body=body())


def heard(word: str, seed: int = 77) -> np.ndarray:
    return sound(WORDS.get(word, 0) or 3_300, np.random.default_rng(seed))


def sureness(model: Predictor) -> float:
    """How sure a model is, in the mean, that other tones are words of its."""
    waves = [sound(900, np.random.default_rng(seed)) for seed in range(50, 60)]
    return float(np.mean([answer.probability for answer in model.predict_many(waves)]))


def test_it_knows_its_words_and_refuses_others(taught):
    assert taught.labels == ("go", "lamp on", "stop")
    for word in WORDS:
        assert taught.predict(heard(word)).label == word
    other = taught.predict(heard("yes"))
    assert other.rejected
    assert other.probability < taught.bundle.threshold


def test_scores_are_of_voices_that_it_did_not_learn_from(taught, clips):
    scores = taught.metrics.headline[1]
    assert taught.metrics.protocol == "speakers"
    assert (scores.n_clips, taught.metrics.n_clips, taught.metrics.n_speakers) == (len(clips), len(clips), 2)
    assert scores.accuracy > 0.9
    assert set(scores.by_speaker) == {"anna", "ben"}
    assert 0 <= taught.metrics.refusal.false_accept_rate <= 0.3


def test_labels_that_mean_nothing_are_told_to_be_known_by_chance(clips):
    rng = np.random.default_rng(3)
    drawn = [replace(clip, label=str(rng.choice(["x", "y"])), speaker=None) for clip in clips]
    scores = teach(drawn, body=body()).metrics.headline[1]
    assert scores.accuracy < 0.8  # of networks that were asked about what they learned it would be 1


def test_what_ships_is_what_was_judged(taught, clips, tmp_path):
    """Heads without a clip say of it about what the head with it says."""
    _, judged = teaching.judged_by(taught.takes, taught.body, taught.lesson)
    said = np.array([list(p.probabilities.values()) for p in taught.predict_many(c.path for c in clips)])
    assert np.mean(said.argmax(axis=1) == judged.probabilities.argmax(axis=1)) > 0.9


def test_the_same_takes_give_the_same_model(clips, taught):
    again = teach(clips, body=body())
    assert again.bundle == taught.bundle or np.array_equal(
        again.bundle.members[0].head.weights, taught.bundle.members[0].head.weights
    )


def test_one_recording_twice_does_not_answer_for_itself(tmp_path):
    one = takes(tmp_path, speakers=("",), n_takes=3)
    twice = [*one, *(replace(clip, name=f"again {clip.name}") for clip in one)]
    groups = teaching.groups_of(teaching.heard(twice, body(), Lesson(), SILENT), "clips")
    assert len(set(groups)) == len(one)
    assert groups[: len(one)] == groups[len(one) :]


def test_more_takes_and_more_words(taught, tmp_path):
    more = taught.with_takes(takes(tmp_path, words=("up",), speakers=("anna", "ben"), seed=4))
    assert more.labels == ("go", "lamp on", "stop", "up")
    assert more.metrics.n_clips == taught.metrics.n_clips + 8
    assert taught.labels == ("go", "lamp on", "stop")  # as it was
    back = more.without("up")
    assert back.labels == taught.labels
    assert np.array_equal(back.bundle.members[0].head.weights, taught.bundle.members[0].head.weights)


def test_a_word_that_is_not_there_cannot_be_forgotten(taught):
    with pytest.raises(DatasetError, match="label 'up' is not there; there are go, lamp on, stop; correct it"):
        taught.without("up")


def test_it_is_saved_as_any_model(taught, tmp_path):
    folder = taught.save(tmp_path / "model")
    found = sutja.load(folder)
    assert found.predict(heard("go")) == taught.predict(heard("go"))
    assert found.bundle.about["preset"] == "quick"
    assert found.bundle.outside is None
    copied = pickle.loads(pickle.dumps(taught))
    assert type(copied) is Predictor
    assert copied.predict(heard("go")) == taught.predict(heard("go"))


def test_a_folder_a_dataset_or_clips(clips, taught):
    folder = clips[0].path.parents[1]
    for data in (str(folder), folder, Dataset(folder, "folders", tuple(clips))):
        assert teach(data, body=body()).labels == taught.labels


def test_the_vocabulary_is_not_outside_itself(taught):
    """The body brings `zero`; a vocabulary that has it must not learn to refuse it."""
    kept = teaching._outside(body(), ("0", "1"), Lesson(language="en"), None)
    assert "zero" not in kept.words
    assert "zero" in teaching._outside(body(), ("stop",), Lesson(), None).words


def test_negatives_are_refused(clips, tmp_path):
    mine = body()
    others = teaching.heard(takes(tmp_path, words=("cough",), speakers=("anna",), n_takes=8), mine, Lesson(), SILENT)
    learned = teaching.heard(clips, mine, Lesson(), SILENT)
    without = sureness(teaching.taught_by(learned, mine, Lesson()))
    assert sureness(teaching.taught_by(learned, mine, Lesson(), others)) < without


def test_what_a_folder_says_is_to_be_refused_is_refused_and_stays_so(tmp_path):
    takes(tmp_path, speakers=("",), n_takes=4)
    takes(tmp_path, words=("_unknown_",), speakers=("",), n_takes=6)
    model = teach(tmp_path, body=body())
    assert model.labels == ("go", "lamp on", "stop")
    assert len(model.negatives.clips) == 6
    plain = teach(model.takes.clips, body=body())
    assert sureness(model) < sureness(plain)
    more = model.with_takes(takes(tmp_path / "more", words=("up",), speakers=("",)))
    assert len(more.negatives.clips) == 6
    assert more.without("up").negatives is model.negatives


# -- what cannot be taught --------------------------------------------------------------------------------------------


def test_one_word_only(tmp_path):
    with pytest.raises(DatasetError, match="only one label, 'stop'; expected at least two to tell apart"):
        teach(takes(tmp_path, words=("stop",)), body=body())


def test_nothing_at_all():
    with pytest.raises(DatasetError, match="no clip has a label"):
        teach([], body=body())


def test_a_recording_that_cannot_be_used(clips, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    leaving_out = Lesson(skip_unreadable=True)
    with pytest.raises(DatasetError, match=r"1 of 25 clips cannot be used, the first: .*broken.wav.*--skip-unreadable"):
        teach([*clips, Clip(broken, "broken.wav", "stop", "anna")], body=body())
    skipped = teach([*clips, Clip(broken, "broken.wav", "stop", "anna")], body=body(), lesson=leaving_out)
    assert skipped.metrics.n_clips == len(clips)
    with pytest.raises(DatasetError, match="no clip can be used"):
        teach([Clip(broken, "broken.wav", "stop")], body=body(), lesson=leaving_out)


def test_speakers_cannot_be_kept_apart_where_one_alone_says_a_word(clips):
    alone = [clip for clip in clips if clip.speaker == "anna" or clip.label != "go"]
    assert teach(alone, body=body()).metrics.protocol == "clips"
    with pytest.raises(DatasetError, match="said by one speaker only"):
        teach(alone, body=body(), lesson=Lesson("speakers"))


def test_a_protocol_of_networks_that_learn(clips):
    with pytest.raises(ConfigError, match="protocol 'copies' needs networks that learn; expected clips or speakers"):
        teach(clips, body=body(), lesson=Lesson("copies"))


def test_a_model_that_is_no_body(clips):
    with pytest.raises(BundleError, match="own words cannot be taught on this model; expected one that was trained"):
        teach(clips, body=Predictor(make_bundle(SMALL)))


# -- what to do next --------------------------------------------------------------------------------------------------


def test_a_body_whose_sounds_outside_are_damaged():
    kept = body().bundle
    with pytest.raises(BundleError, match=r"sounds outside its vocabulary: .*; export the model again"):
        check_body(Predictor(replace(kept, outside=Packed(b"nothing"))))


def test_words_that_sound_alike_are_named(tmp_path):
    clips = takes(tmp_path, words=("stop", "go"), n_takes=6)
    rng = np.random.default_rng(8)
    for number in range(12):
        path = tmp_path / "shop" / f"{number}.wav"
        write_wav(path, sound(WORDS["stop"], rng), AUDIO.sample_rate)
        clips.append(Clip(path, path.name, "shop", ("anna", "ben")[number % 2]))
    first = teach(clips, body=body()).advice[0]
    assert first.startswith("shop and stop sound alike (")
    assert "3 more takes of each" in first


def test_only_the_worst_pairs_are_named():
    labels = [str(number) for number in range(10)]
    matrix = np.full((10, 10), 2)
    told = teaching._alike(matrix.tolist(), labels)
    assert len(told) == teaching.N_PAIRS + 1
    assert told[-1].text() == f"{45 - teaching.N_PAIRS} more pairs of words are taken for each other."


def test_a_recording_under_two_labels_is_named(tmp_path):
    clips = takes(tmp_path, words=("stop", "go"), n_takes=3)
    wrong = replace(clips[0], name="same.wav", label="go")
    assert clips[0].label == "stop"
    first = teach([*clips, wrong], body=body()).advice[0]
    assert first == (
        f"The same recording is there under more than one word (go, stop): one of them is wrong "
        f"({clips[0].name}, same.wav)."
    )


def test_a_word_that_was_recorded_once(tmp_path):
    clips = [clip for clip in takes(tmp_path, speakers=("",), n_takes=2) if clip.label != "go"]
    once = takes(tmp_path / "more", words=("go",), speakers=("",), n_takes=1)
    again = r" \(the same file again is no other recording\)"
    for alone, also in ((once, ""), ([*once, replace(once[0], name="copy.wav")], again)):
        with pytest.raises(DatasetError, match=f"one recording alone of 'go'{also}; expected two or more of each"):
            teach([*clips, *alone], body=body())


def test_few_takes_and_one_voice_are_told(tmp_path):
    advice = teach(takes(tmp_path, words=("stop", "go"), speakers=("anna",), n_takes=2), body=body()).advice
    assert any(line.startswith("go, stop: fewer than 3 takes") for line in advice)
    assert any(line.startswith("Everything is one voice") for line in advice)


def test_of_many_words_with_few_takes_some_are_named(tmp_path):
    clips = [Clip(tmp_path / f"{n}.wav", f"{n}.wav", f"낱말 {n:03d}", "anna") for n in range(200)]
    (told,) = teaching._few_takes(clips)
    assert told.text().startswith("낱말 000, 낱말 001, 낱말 002, 낱말 003, 낱말 004, … (+195): fewer than 3 takes")
    assert "녹음이 3개보다 적습니다" in told.text("ko")


def test_a_nameless_voice_is_told(tmp_path):
    advice = teach(takes(tmp_path, speakers=("",), n_takes=4), body=body()).advice
    assert any("How a new voice fares is not measured: say who speaks" in line for line in advice)


def test_the_embedding_is_the_bodys(taught):
    assert taught.takes.embeddings.shape == (24, N_EMBEDDING)
    assert taught.metrics.n_parameters == (N_EMBEDDING + 1) * 4
