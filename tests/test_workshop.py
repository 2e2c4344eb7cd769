"""A folder of takes that words are taught from while it grows."""

from __future__ import annotations

import numpy as np
import pytest
from lessons import WORDS, body, recording, sound
from models import SMALL, make_bundle

from sutja.dataset import read
from sutja.errors import AudioError, BundleError, ConfigError, DatasetError
from sutja.predictor import Predictor
from sutja.workshop import Confused, TakeRefused, Workshop


@pytest.fixture
def shop(tmp_path) -> Workshop:
    return Workshop(tmp_path / "mine", body())


def fill(shop: Workshop, words=("stop", "go"), n_takes: int = 3, speaker: str = "anna") -> None:
    for word in words:
        for take in range(n_takes):
            shop.add(word, speaker, recording(word, take))


def test_takes_are_kept_as_any_folder_of_recordings(shop):
    assert shop.takes() == []
    kept = shop.add("lamp on", "안나", recording("lamp on"))
    assert (kept.label, kept.speaker, kept.name) == ("lamp on", "안나", "lamp_on/안나_001.wav")
    assert 0.2 < kept.seconds < 0.5
    assert -15 < kept.peak_dbfs < 0
    assert shop.takes() == [kept]
    (clip,) = read(shop.folder).labelled
    assert (clip.label, clip.speaker) == ("lamp on", "안나")
    assert shop.path(kept.name).read_bytes()[:4] == b"RIFF"


def test_what_is_there_is_taught(shop):
    fill(shop)
    model = shop.teach().model
    assert model.labels == ("go", "stop")
    assert model.predict(sound(WORDS["go"], np.random.default_rng(99))).label == "go"
    shop.add("lamp on", "anna", recording("lamp on", 7))
    with pytest.raises(DatasetError, match="one recording alone of 'lamp on'"):
        shop.teach()
    assert model.labels == ("go", "stop")  # what is in use stays


def test_a_take_is_taken_away(shop):
    fill(shop)
    first = shop.takes()[0]
    shop.remove(first.name)
    assert first not in shop.takes()
    assert len(shop.takes()) == 5
    for name in (first.name, "../secret", "metadata.csv", ""):
        with pytest.raises(DatasetError, match="is not there; expected one of those that are listed"):
            shop.remove(name)


def test_each_take_is_heard_once(shop, monkeypatch):
    fill(shop)
    shop.teach()
    monkeypatch.setattr(Predictor, "embed_many", None)  # would fail
    shop.teach()


def test_takes_that_are_taken_for_another_word_are_named(shop):
    fill(shop)
    for take in range(3):
        shop.add("stop", "anna", recording("stop", 40 + take))
    slip = shop.add("go", "anna", recording("stop", 60))
    outcome = shop.teach()
    assert Confused(slip.name, "go", "stop") in outcome.confused
    _, scores = outcome.model.metrics.headline
    labels = outcome.model.labels
    for i, label in enumerate(labels):  # they are those of the table
        for j, heard in enumerate(labels):
            n = sum((take.label, take.heard) == (label, heard) for take in outcome.confused)
            assert n == (0 if i == j else scores.confusion_matrix[i][j])


def test_a_take_that_somebody_changed_is_heard_again(shop):
    kept = shop.add("stop", "anna", recording("stop"))
    shop.path(kept.name).write_bytes(recording("go", level=0.5))
    assert shop.takes()[0].peak_dbfs < kept.peak_dbfs - 3


def test_a_folder_that_is_there_goes_on(tmp_path, shop):
    fill(shop)
    again = Workshop(shop.folder, body())
    assert again.takes() == shop.takes()
    again.add("stop", "ben", recording("stop", 70))
    assert len(shop.takes()) == 7


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (recording(level=0.001), "too_quiet"),
        (recording(level=0.0), "silent"),
        (recording(level=1e9), "clipped"),
    ],
)
def test_takes_that_teach_nothing(shop, content, fault):
    with pytest.raises(TakeRefused) as told:
        shop.add("stop", "anna", content)
    assert told.value.fault == fault
    assert shop.takes() == []


def test_what_is_no_take(shop):
    with pytest.raises(AudioError):
        shop.add("stop", "anna", b"RIFF")
    with pytest.raises(ConfigError, match="a word is blank"):
        shop.add(" ", "anna", recording())
    with pytest.raises(ConfigError, match="a speaker is blank"):
        shop.add("stop", "", recording())
    shop.add("stop", "anna", recording())
    with pytest.raises(ConfigError, match="write it in the same way"):
        shop.add("Stop", "anna", recording())
    assert len(shop.takes()) == 1


def test_nothing_to_teach(shop):
    with pytest.raises(DatasetError, match="no takes; expected two or more"):
        shop.teach()
    shop.add("stop", "anna", recording())
    with pytest.raises(DatasetError, match="only one label"):
        shop.teach()


def test_a_model_that_is_no_body_and_a_folder_that_is_none(tmp_path):
    with pytest.raises(BundleError, match="own words cannot be taught on this model"):
        Workshop(tmp_path / "a", Predictor(make_bundle(SMALL)))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(DatasetError, match=r"holds files and no metadata\.csv"):
        Workshop(tmp_path / "full", body())
