"""Scores of a predictor on labelled clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny_study

from sutja.clips import Clip
from sutja.dataset import scan
from sutja.errors import AudioError, DatasetError
from sutja.evaluation import evaluate, score
from sutja.metrics import speaker_interval, wilson_interval
from sutja.predictor import Prediction, Predictor


class Parrot:
    """A predictor that says what a clip's file is called."""

    labels = ("no", "yes")

    def predict_many(self, sources):
        for path in sources:
            if path.name.startswith("broken"):
                yield AudioError(str(path), "broken")
            else:
                p = 0.9 if "yes" in path.name else 0.2
                yield Prediction("yes" if p > 0.5 else "no", max(p, 1 - p), {"no": 1 - p, "yes": p})


def clip(said: str, label: str, speaker: str | None = None) -> Clip:
    return Clip(Path(f"{said}.wav"), f"{said}.wav", label, speaker)


def test_accuracy_and_what_was_taken_for_what():
    clips = [clip("yes1", "yes"), clip("no1", "no"), clip("no2", "yes"), clip("yes2", "yes")]
    steps = []
    found = evaluate(Parrot(), clips, on_clip=lambda: steps.append(1))
    assert found.scores.accuracy == 0.75
    assert found.scores.confusion_matrix == [[1, 0], [1, 2]]
    assert found.wrong == [{"path": "no2.wav", "label": "yes", "predicted": "no", "probability": 0.8}]
    assert {label: share.accuracy for label, share in found.scores.by_label.items()} == {"no": 1.0, "yes": 2 / 3}
    assert found.labels == ("no", "yes")
    assert len(steps) == 4


class Doubter(Parrot):
    """A parrot that refuses what it is less than 0.85 sure of."""

    def predict_many(self, sources):
        for found in super().predict_many(sources):
            doubtful = isinstance(found, Prediction) and found.probability < 0.85
            yield Prediction(None, found.probability, found.probabilities, rejected=True) if doubtful else found


def test_what_is_outside_the_vocabulary_is_taken_for_a_word_or_refused():
    inside = [clip(f"yes{i}", "yes") for i in range(10)]
    outside = [clip("yes", "door", "a"), clip("no", "door", "a"), clip("no", "cat", "b"), clip("broken", "cat", "b")]
    found = evaluate(Doubter(), inside, outside=outside)
    assert found.outside.n_clips == 3
    assert found.outside.false_accept_rate == pytest.approx(1 / 3)
    assert {name: share.accuracy for name, share in found.outside.accepted_by_label.items()} == {"cat": 0, "door": 0.5}
    assert found.outside.at_false_rejects == {s: pytest.approx(1 / 3) for s in ("0.01", "0.03", "0.05", "0.1")}
    assert found.unreadable == {"broken.wav": "broken.wav: broken"}
    assert found.rejected_rate == 0
    assert evaluate(Doubter(), inside).outside is None


def test_groups_that_the_data_names_are_told_apart():
    people = [replace(clip(f"yes{i}", "yes"), attributes={"Sex": "fm"[i % 2], "note": str(i)}) for i in range(6)]
    scores = evaluate(Parrot(), people).scores
    assert {name: share.n_clips for name, share in scores.by_attribute["Sex"].items()} == {"f": 3, "m": 3}
    assert list(scores.by_attribute) == ["Sex"]
    assert sum(found.n_clips for found in scores.reliability) == 6


def test_speakers_who_all_do_alike_do_not_make_the_interval_vanish():
    people = [replace(clip(f"yes{i}", "yes"), speaker=f"s{i % 3}") for i in range(12)]
    scores = evaluate(Parrot(), people).scores
    assert scores.interval95 == wilson_interval(1.0, 12)
    assert scores.interval_method == "Wilson over clips; all speakers did alike"


def test_perfect_is_one():
    found = evaluate(Parrot(), [clip("yes1", "yes"), clip("no1", "no")])
    assert found.scores.accuracy == 1.0
    assert found.wrong == []


def test_recordings_that_cannot_be_used_are_named_and_not_counted():
    clips = [clip("broken", "yes", "a"), clip("no1", "no", "a"), clip("yes1", "yes", "b")]
    found = evaluate(Parrot(), clips)
    assert found.scores.n_clips == 2
    assert found.scores.accuracy == 1.0
    assert found.unreadable == {"broken.wav": "broken.wav: broken"}


@pytest.mark.parametrize(("clips", "reason"), [([clip("broken", "yes")], "broken.wav: broken"), ([], "no labelled")])
def test_nothing_to_judge(clips, reason):
    with pytest.raises(DatasetError, match=f"no clip could be judged .*{reason}.*; expected labelled recordings"):
        evaluate(Parrot(), clips)


def test_words_that_the_model_does_not_know():
    with pytest.raises(
        DatasetError, match=r"labels 'maybe' are not in the model's vocabulary \(no, yes\); rename them"
    ):
        evaluate(Parrot(), [clip("yes", "yes"), clip("no", "maybe")])


@pytest.mark.parametrize(
    ("speakers", "method"),
    [
        ("aaab", "bootstrap over speakers"),
        ("aaaa", "Wilson over clips"),
        ([None] * 4, "Wilson over clips"),
        (["a", "b", None, "b"], "Wilson over clips"),
    ],
)
def test_the_interval_is_over_speakers_where_all_are_known(speakers, method):
    names = ["yes1", "no1", "no2", "yes2"]
    clips = [clip(name, "yes", speaker) for name, speaker in zip(names, speakers, strict=True)]
    scores = evaluate(Parrot(), clips).scores
    assert scores.interval_method == method
    right = np.array(["yes" in name for name in names])
    over_speakers = method == "bootstrap over speakers"
    assert scores.interval95 == (speaker_interval(right, speakers) if over_speakers else wilson_interval(0.5, 4))


def test_copies_do_not_narrow_the_interval():
    targets = np.repeat([0, 1, 1, 0], 5)
    found = np.eye(2, dtype=np.float32)[np.repeat([0, 1, 0, 0], 5)]
    clips = [clip(f"no{i}", "no") for i in range(4) for _ in range(5)]
    scores = score(clips, targets, found, clustered=False, n_copies=5)
    assert scores.accuracy == 0.75
    assert scores.n_clips == 4
    assert scores.interval95 == wilson_interval(0.75, 4)


def test_a_model_over_its_own_study(tmp_path_factory):
    study = tiny_study(tmp_path_factory)
    predictor = Predictor.load(study / "run")
    clips = scan(study / "train.csv").labelled
    found = evaluate(predictor, clips)
    right = [predictor.predict(clip.path).label == clip.label for clip in clips]
    assert found.scores.accuracy == np.mean(right)
    assert found.scores.n_clips == 36
    assert len(found.wrong) == 36 - sum(right)
    assert np.sum(found.scores.confusion_matrix) == 36
