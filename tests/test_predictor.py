"""The predictor: one answer a clip, from wherever it comes."""

from __future__ import annotations

import copy
import io
import itertools
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from conftest import tone
from helpers import tiny_study
from models import SMALL, make_bundle
from strings import RATE, said, string_bundle, write_said

import sutja
from sutja import bundle, predictor
from sutja.audio import load_waveform
from sutja.config import AudioConfig, FeatureConfig
from sutja.errors import AudioError, BundleError
from sutja.predictor import Prediction, Predictor
from sutja.strings.model import Confidence
from sutja.window import judged


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


@pytest.fixture(scope="module")
def model(study) -> Predictor:
    return Predictor.load(study / "run" / "model")


@pytest.fixture(scope="module")
def clips(study) -> list[Path]:
    return sorted((study / "clips").iterdir())


def values(prediction: Prediction) -> list[float]:
    return list(prediction.probabilities.values())


def test_a_prediction(model, clips):
    found = model.predict(clips[0])
    assert list(found.probabilities) == list(model.labels) == ["0", "1", "2"]
    assert sum(values(found)) == pytest.approx(1, abs=1e-5)
    assert found.probability == max(values(found)) == found.probabilities[found.label]


def test_loaded_from_the_run_or_by_the_package(study, model, clips):
    expected = model.predict(clips[3])
    for place in (study / "run", str(study / "run" / "model")):
        assert sutja.load(place).predict(clips[3]) == expected


def test_path_bytes_file_and_samples_are_one_clip(model, clips):
    path = clips[5]
    expected = model.predict(path)
    samples, rate = soundfile.read(path, dtype="float32")
    assert model.predict(str(path)) == expected
    assert model.predict(path.read_bytes()) == expected
    with path.open("rb") as file:
        assert model.predict(file) == expected
    assert model.predict(samples, sample_rate=rate) == expected
    assert model.predict(np.stack([samples, samples], axis=1), sample_rate=rate) == expected
    assert model.predict((samples * 2**15).astype(np.int16), sample_rate=rate) == expected
    assert model.predict(samples.tolist(), sample_rate=rate) == expected


def test_samples_are_at_the_models_rate_if_nothing_is_said(model):
    waveform = tone(600, 0.4, 20_000)
    assert model.predict(waveform) == model.predict(waveform, sample_rate=20_000)
    assert model.predict(waveform) != model.predict(waveform, sample_rate=10_000)


def test_again_and_again_the_same(model, clips):
    assert len({tuple(values(model.predict(clips[0]))) for _ in range(5)}) == 1


def test_alone_or_among_others(model, clips):
    many = list(model.predict_many(clips))
    assert len(many) == len(clips) > predictor.BATCH_SIZE  # more than one batch
    for path, found in zip(clips, many, strict=True):
        assert values(found) == pytest.approx(values(model.predict(path)), abs=1e-6)
        assert found.label == model.predict(path).label


def test_what_cannot_be_used_gives_its_error_in_its_place(model, clips, tmp_path):
    text = tmp_path / "text.wav"
    text.write_text("no sound", encoding="utf-8")
    sources = [text, clips[0], tmp_path / "missing.wav", clips[1], b"", np.zeros(8000), clips[2]]
    found = list(model.predict_many(sources))
    assert [type(f) for f in found] == [
        AudioError,
        Prediction,
        AudioError,
        Prediction,
        AudioError,
        AudioError,
        Prediction,
    ]
    assert values(found[3]) == pytest.approx(values(model.predict(clips[1])), abs=1e-6)
    assert "missing.wav: no such file" in str(found[2])
    with pytest.raises(AudioError, match=r"missing\.wav: no such file"):
        model.predict(tmp_path / "missing.wav")


def test_only_bad_ones_and_none(model):
    assert [type(f) for f in model.predict_many([b"", b"x"])] == [AudioError, AudioError]
    assert list(model.predict_many([])) == []


def test_memory_does_not_grow_with_the_number_of_clips(model, clips):
    drawn = itertools.count()
    endless = (clips[next(drawn) % len(clips)] for _ in itertools.repeat(None))
    found = list(itertools.islice(model.predict_many(endless), 5))
    assert len(found) == 5
    assert next(drawn) <= (predictor.MAX_THREADS + 1) * predictor.BATCH_SIZE  # sources are taken as they are needed


def test_who_has_heard_enough_leaves_nothing_running(model, clips):
    before = threading.active_count()
    many = model.predict_many(itertools.cycle(clips))
    next(many)
    assert threading.active_count() > before
    many.close()
    assert threading.active_count() == before


def test_sources_that_fail_are_the_callers_to_see(model, clips):
    def sources():
        yield clips[0]
        raise KeyError("mine")

    before = threading.active_count()
    with pytest.raises(KeyError, match="mine"):
        list(model.predict_many(sources()))
    assert threading.active_count() == before


def test_the_rate_of_many_samples(model):
    waveform = tone(440, 0.3, 8_000)
    expected = model.predict(waveform, sample_rate=8_000)
    found = list(model.predict_many([waveform, waveform.tolist()], sample_rate=8_000))
    assert [values(f) for f in found] == [pytest.approx(values(expected), abs=1e-6)] * 2
    assert values(next(model.predict_many([waveform]))) != pytest.approx(values(expected), abs=1e-6)


@pytest.mark.parametrize(
    "sources", ["a.wav", Path("a.wav"), b"RIFF", bytearray(8), io.BytesIO(b"RIFF"), tone(440, 0.3, 8_000), None, 5]
)
def test_one_source_is_not_several(model, sources):
    with pytest.raises(AudioError, match=r"^sources: .*; expected several sources; call predict, or give a list"):
        model.predict_many(sources)


def test_a_batch_of_samples_is_several(model):
    batch = np.stack([tone(440, 0.3, 20_000), tone(880, 0.3, 20_000)])
    assert [p.label for p in model.predict_many(batch)] == [model.predict(row).label for row in batch]


def test_of_many_only_that_one_fails(model, clips):
    bad = [np.nan, {"a": 1}, np.zeros(5, bool), open, object(), [None] * 9, b"PK\3\4", "nowhere", _Raises(), 1j]
    sources = [source for one in bad for source in (one, clips[0])]
    found = list(model.predict_many(sources))
    assert [type(f) for f in found] == [AudioError, Prediction] * len(bad)
    rates = list(model.predict_many([tone(440, 0.3, 8_000), clips[0]], sample_rate=float("nan")))
    assert [type(f) for f in rates] == [AudioError, Prediction]


class _Raises:
    def __array__(self, dtype=None, copy=None):
        raise ZeroDivisionError


def test_a_predictor_may_be_copied(model, clips):
    expected = model.predict(clips[0])
    for copied in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert copied is not model
        assert copied.predict(clips[0]) == expected


def test_a_predictor_may_be_sent_to_another_process(model, clips):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(model.predict, clips[:2])) == [model.predict(path) for path in clips[:2]]


def test_threads_may_share_a_predictor(model, clips):
    expected = [model.predict(path) for path in clips]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert list(pool.map(model.predict, clips)) == expected


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_predictor_may_be_forked_after_loading(model, clips):
    expected = [model.predict(path) for path in clips]
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()

    def child_says() -> None:
        queue.put((values(model.predict(clips[0])), len(list(model.predict_many(clips)))))

    children = [context.Process(target=child_says) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
        probabilities, n_found = queue.get()
        assert probabilities == values(expected[0])
        assert n_found == len(clips)
    assert [model.predict(path) for path in clips] == expected


def test_a_mistake_of_ours_is_no_bad_recording(model, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(predictor, "network_inputs", broken)
    with pytest.raises(ZeroDivisionError):
        list(model.predict_many([tone(440, 0.3, 20_000)]))


def test_a_clip_longer_than_the_window_is_heard_where_it_sounds(model, clips):
    word = load_waveform(clips[4], model.bundle.audio)
    n_samples = model.bundle.members[0].features.max_samples
    noise = np.random.default_rng(0).normal(0, 1e-4, 3 * n_samples).astype(np.float32)
    for start in (0, 7_000, 2 * n_samples):
        long = noise.copy()
        long[start : start + len(word)] = word
        window = judged(long, model.bundle.audio.sample_rate, n_samples)
        assert np.square(window).sum() >= np.square(word).sum()  # all of the word is in it
        assert model.predict(long).probabilities == model.predict(window).probabilities


# -- how the answer came about --------------------------------------------------------------------------------------


def test_examined_it_is_the_same_prediction(model, clips):
    for path in clips[:5]:
        found = model.examine(path)
        assert found.prediction == model.predict(path)
        assert list(found.members) == list(found.features) == list(found.start_seconds) == ["mel", "mfcc"]
        mean = np.mean([list(answer.values()) for answer in found.members.values()], axis=0)
        assert list(found.prediction.probabilities.values()) == pytest.approx(mean, abs=1e-6)


def test_a_single_members_answer_is_the_ensembles_at_any_temperature(saved, clips):
    alone = Predictor(replace(saved, members=saved.members[:1], temperature=2.0))
    found = alone.examine(clips[0])
    assert found.members == {"mel": found.prediction.probabilities}


def test_the_features_shown_are_those_that_the_networks_got(model, clips):
    found = model.examine(clips[0])
    again = model.probabilities([np.stack([features, features]) for features in found.features.values()])
    assert again.shape == (2, 3)
    assert again[1].tolist() == pytest.approx(values(found.prediction), abs=1e-6)


def test_frames_know_their_place_in_the_clip(model):
    rate = model.bundle.audio.sample_rate
    click = np.zeros(int(2.5 * rate), dtype=np.float32)
    for second, n_samples in ((0.2, int(0.4 * rate)), (0.05, int(0.1 * rate)), (2.0, len(click))):
        waveform = 1e-4 * np.random.default_rng(3).normal(size=n_samples).astype(np.float32)
        waveform[int(second * rate) : int(second * rate) + 10] = 0.9
        found = model.examine(waveform)
        config = model.bundle.members[0].features
        loudest = int(found.features["mel"].mean(axis=0).argmax())
        heard = found.start_seconds["mel"] + loudest * config.hop_length / rate
        assert heard == pytest.approx(second, abs=config.n_fft / rate / 2 + config.hop_length / rate)
        assert found.duration_seconds == pytest.approx(n_samples / rate)


# -- models that cannot be --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(study) -> bundle.Bundle:
    return bundle.load(study / "run")


def test_labels_that_do_not_fit(saved):
    with pytest.raises(BundleError, match="member mel: 3 classes for 4 labels; export the model again"):
        Predictor(replace(saved, labels=("0", "1", "2", "3")))


@pytest.mark.parametrize("features", [FeatureConfig(n_frames=50), FeatureConfig(n_mels=64), FeatureConfig(n_mels=39)])
def test_features_that_do_not_fit(saved, features):
    shape = rf"\[1, {features.n_bins}, {features.n_frames}\]"
    with pytest.raises(BundleError, match=f"member mel: does not take features of shape {shape}; export"):
        Predictor(replace(saved, members=(replace(saved.members[0], features=features), *saved.members[1:])))


@pytest.mark.parametrize("onnx", [b"", b"no network", b"\0" * 1000])
def test_a_member_that_is_no_network(saved, onnx):
    with pytest.raises(BundleError, match=r"member mfcc: onnxruntime cannot load it .*; export it again"):
        Predictor(replace(saved, members=(saved.members[0], replace(saved.members[1], onnx=onnx))))


def test_one_member_will_do(saved, model, clips):
    alone = [Predictor(replace(saved, members=(member,))).predict(clips[0]) for member in saved.members]
    mean = np.mean([values(found) for found in alone], axis=0)
    assert values(model.predict(clips[0])) == pytest.approx(mean, abs=1e-6)


def test_the_bundles_sound_settings_are_obeyed(saved, clips):
    strict = Predictor(replace(saved, audio=AudioConfig(sample_rate=20_000, min_seconds=0.45)))
    with pytest.raises(AudioError, match=r"expected at least 0\.45 s"):
        strict.predict(clips[0])


def test_embeddings_of_clips_and_of_none_that_cannot_be_used():
    from models import AUDIO, SMALL, make_bundle, taught_bundle

    from sutja.heads import Head

    predictor = Predictor(taught_bundle(Head(np.zeros((6, 4), np.float32), np.zeros(4, np.float32))))
    sources = [tone(440, 0.3, AUDIO.sample_rate), b"nothing", tone(880, 0.3, AUDIO.sample_rate)]
    one, error, other = predictor.embed_many(sources)
    assert one.shape == other.shape == (6,)
    assert isinstance(error, AudioError)
    assert not np.array_equal(one, other)
    assert np.array_equal(one, next(predictor.embed_many(sources[:1])))
    with pytest.raises(BundleError, match="no embedding; train it with --preset words"):
        Predictor(make_bundle(SMALL)).embed_many(sources)


# -- several words in a row -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def knows_strings():
    return Predictor(string_bundle())


def test_words_in_a_row_are_told_one_by_one(knows_strings):
    found = knows_strings.predict(said("abba"), sample_rate=RATE)
    assert (found.label, found.text, found.rejected, found.n_words) == ("abba", "abba", False, 4)
    assert [word.label for word in found.words] == list("abba")
    assert found.probability == pytest.approx(np.prod([word.probability for word in found.words]))
    assert set(found.probabilities) == set("abcd")
    assert found == knows_strings.examine(said("abba"), sample_rate=RATE).prediction
    assert list(knows_strings.predict_many([said("abba")], sample_rate=RATE)) == [found]


def test_words_with_pauses_between_them_are_told_too(knows_strings):
    found = knows_strings.predict(said("a", "b", pause=0.6), sample_rate=RATE)
    assert (found.label, found.n_words) == ("ab", 2)


def test_a_model_of_low_rate_hears_words_in_a_row_at_their_own(tmp_path):
    ready = string_bundle()
    narrow = Predictor(replace(ready, audio=replace(ready.audio, sample_rate=8_000)))
    path = write_said(tmp_path / "wide.wav", "cddc", rate=48_000)  # words of tones up to 4400 Hz
    with path.open("rb") as file:
        found = [narrow.predict(source).label for source in (path, path.read_bytes(), file)]
    assert found == ["cddc"] * 3
    assert narrow.predict(said("cddc"), sample_rate=RATE).label == "cddc"
    assert narrow.examine(path).prediction.label == "cddc"
    members = [Predictor(replace(narrow.bundle, strings=None)), narrow]
    assert len({tuple(model.predict(path, several=False).probabilities.values()) for model in members}) == 1
    lost = soxr.resample(said("cddc"), RATE, 8_000)
    assert narrow.predict(lost, sample_rate=8_000).label != "cddc"


def test_one_word_is_never_asked_about_in_a_row(knows_strings, monkeypatch):
    monkeypatch.setattr(predictor, "SpokenStrings", None)
    one = knows_strings.predict(said("a", pause=0.2), sample_rate=RATE)
    assert (one.words, one.n_words) == ((), 1)
    assert knows_strings.predict(said("abba"), sample_rate=RATE, several=False).words == ()


def asking(monkeypatch, *opinions):
    """Return a model whose words in a row are what the opinions say: places of labels, 4 of none."""
    ready, given = string_bundle(), iter(opinions)
    model = Predictor(replace(ready, strings=replace(ready.strings, confidence=Confidence(scale=1e-4, opinion=1.0))))
    monkeypatch.setattr(model, "opinion", lambda waveform: np.eye(5)[next(given)])
    return model


def test_where_no_two_words_are_believed_one_is_judged(monkeypatch):
    found = asking(monkeypatch, 4, 0).predict(said("a", "b", pause=0.6), sample_rate=RATE)
    assert found.words == ()
    assert found.n_words == 2


def test_a_row_with_a_word_that_is_refused_has_no_label(monkeypatch):
    found = asking(monkeypatch, 2, 4, 0, 0).predict(said("abcd"), sample_rate=RATE)
    assert (found.label, found.rejected, found.text) == (None, True, "c?aa")


def test_a_model_of_single_words_counts_them_and_judges_one():
    found = Predictor(make_bundle(SMALL)).predict(said("a", "b", pause=0.6), sample_rate=RATE)
    assert (found.words, found.n_words) == ((), 2)


def test_what_it_thinks_of_one_word_of_a_row(knows_strings):
    shares = knows_strings.opinion(said("a", pause=0.05))
    assert shares.shape == (5,)
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    assert knows_strings.opinion(np.zeros(10, np.float32)) is None
    never_refuses = replace(make_bundle(SMALL), strings=string_bundle().strings)
    assert Predictor(never_refuses).opinion(said("a", pause=0.05))[-1] == pytest.approx(1 / 5)
