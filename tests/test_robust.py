"""The preset `robust` from recordings to a model that refuses: other corpora, other words, odd vocabularies."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from conftest import TINY_RATE, tone, write_wav
from helpers import CutError, read_json, refused, shared, sutja, write_study

from sutja import recipe
from sutja.config import preset
from sutja.engine import Serial
from sutja.predictor import Predictor

QUICK = ("--epochs", 2, "--folds", 2, "--copies", 1, "--jobs", 1)


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    """Two collections of the words 0, 1 and 2, and a run that learns 0 and 1 from one and refuses 2."""

    def make(folder: Path) -> None:
        draft = folder.with_name("robust draft")
        for name in ("here", "there"):
            write_study(draft / name, n_takes=2)
        more = ("--extra", draft / "there", "--refuse", "2", "--protocol", "speakers", "--licence", "CC0-1.0", *QUICK)
        result = sutja("train", draft / "here", "--out", draft / "run", *more)
        assert result.exit_code == 0, result.output
        draft.rename(folder)

    return shared(tmp_path_factory, "robust", make)


def test_its_model_refuses_and_says_how_well(study):
    metrics = read_json(study / "run" / "metrics.json")
    assert metrics["labels"] == ["0", "1"]
    assert metrics["n_clips"] == 16
    refusal = metrics["refusal"]
    assert set(refusal["accepted"]) == {"clip", "other word", "spliced", "synthetic word", "noise"}
    assert refusal["accepted"]["other word"]["n_clips"] == 16  # of both collections
    assert refusal["accepted"]["clip"]["accuracy"] == pytest.approx(1 - refusal["false_reject_rate"])
    assert 0 <= metrics["members"]["ensemble"]["ece"] <= 1
    assert sum(found["n_clips"] for found in metrics["members"]["ensemble"]["reliability"]) == 16
    model = read_json(study / "run" / "model" / "model.json")
    assert model["threshold"] is not None
    assert model["about"]["licence"] == "CC0-1.0"
    assert model["about"]["data"] == ["here"]
    assert model["about"]["refusal"]["false_reject_rate"] == refusal["false_reject_rate"]
    text = (study / "run" / "report.html").read_text(encoding="utf-8")
    assert "How far to trust an answer" in text
    assert (study / "run" / "figures" / "refusal.png").stat().st_size > 5_000
    assert (study / "run" / "figures" / "reliability.png").stat().st_size > 5_000


def test_the_run_keeps_what_was_said_of_the_refused(study):
    with np.load(study / "run" / "out_of_fold.npz", allow_pickle=False) as kept:
        n_refused = len(kept["refused_kinds"])
        assert kept["refused_ensemble"].shape == (n_refused, 2)
        assert set(kept["refused_names"][kept["refused_kinds"] == "other word"]) == {"2"}
        assert (kept["refused_ensemble"].sum(axis=1) <= 1 + 1e-5).all()
        assert set(kept["refused_folds"]) == {1, 2}


def test_the_network_of_all_clips_learns_longest_and_first(study, tmp_path, monkeypatch):
    taken = []

    class CutOff(Serial):
        def map(self, function, jobs, on_step):
            taken.extend(jobs)
            raise CutError

    monkeypatch.setattr(recipe, "opened", lambda *asked: contextlib.nullcontext(CutOff()))
    with pytest.raises(CutError):
        sutja("train", study / "here", "--out", tmp_path / "run", "--protocol", "speakers", *QUICK)
    assert taken[0].all_clips
    assert [job.config.epochs for job in taken] == [2 * preset("robust").train.final_epochs_factor, 2, 2]


def test_a_prediction_is_refused_with_its_probabilities(study):
    predictor = Predictor.load(study / "run")
    found = predictor.predict(np.random.default_rng(0).standard_normal(9_000).astype(np.float32) * 0.1)
    assert found.rejected == (found.probability < predictor.bundle.threshold)
    assert found.rejected == (found.label is None)
    assert set(found.probabilities) == {"0", "1"}


def test_corpora_are_held_out_in_turn(study, tmp_path):
    result = sutja("train", study / "here", study / "there", "--out", tmp_path / "run", "--protocol", "corpora", *QUICK)
    assert result.exit_code == 0, result.output
    ensemble = read_json(tmp_path / "run" / "metrics.json")["members"]["ensemble"]
    assert set(ensemble["by_attribute"]["corpus"]) == {"here", "there"}
    assert len(ensemble["fold_accuracy"]) == 2
    assert ensemble["interval_method"].endswith(("over speakers", "all speakers did alike"))
    with np.load(tmp_path / "run" / "out_of_fold.npz", allow_pickle=False) as kept:
        corpora = [Path(str(path)).parents[1].name for path in kept["paths"]]
        assert len(set(zip(corpora, kept["folds"].tolist(), strict=True))) == 2
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "By corpus" in text
    assert "on corpora never heard" in text


def test_a_label_of_one_corpus_only_cannot_be_held_out(study, tmp_path):
    shutil.copytree(study / "there", tmp_path / "there")
    table = (tmp_path / "there" / "train.csv").read_text(encoding="utf-8").replace(",2,", ",3,")
    (tmp_path / "there" / "train.csv").write_text(table, encoding="utf-8")
    told = refused(
        sutja("train", study / "here", tmp_path / "there", "--out", tmp_path / "run", "--protocol", "corpora", *QUICK)
    )
    assert "label '2' is in no corpus but" in told
    told = refused(sutja("train", study / "here", "--extra", tmp_path / "there", "--out", tmp_path / "run", *QUICK))
    assert "extra recordings say '3'; expected words of the vocabulary (0, 1, 2); rename them with --rename" in told
    told = refused(sutja("train", study / "here", "--negatives", tmp_path / "there", "--out", tmp_path / "run", *QUICK))
    assert "negatives hold '0', '1', which the model is to learn; take them out" in told
    told = refused(sutja("train", study / "here", "--extra", study / "here", "--out", tmp_path / "run", *QUICK))
    assert "is in DATA and also in --extra or --negatives" in told
    assert not (tmp_path / "run").exists()


def test_a_recording_to_be_refused_that_is_broken_is_told_before_anything_is_learned(study, tmp_path):
    (tmp_path / "other" / "cough").mkdir(parents=True)
    (tmp_path / "other" / "cough" / "cough.wav").write_text("no sound", encoding="utf-8")
    arguments = ("train", study / "here", "--negatives", tmp_path / "other", "--out", tmp_path / "run", *QUICK)
    told = refused(sutja(*arguments))
    assert "1 of 25 clips cannot be used, the first: " in told
    assert "cough.wav" in told
    assert not (tmp_path / "run").exists()


def test_what_is_to_be_refused_comes_from_several_folders(study, tmp_path):
    for number, word in enumerate(("cough", "door")):
        write_wav(tmp_path / word / "other" / "0.wav", tone(900 + 500 * number, 0.3, TINY_RATE), TINY_RATE)
    more = [part for word in ("cough", "door") for part in ("--negatives", tmp_path / word)]
    result = sutja("train", study / "here", *more, "--out", tmp_path / "run", *QUICK)
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "run" / "out_of_fold.npz", allow_pickle=False) as kept:
        assert sum(kept["refused_kinds"] == "other word") == 2


def test_labels_may_be_phrases_and_korean_of_one_speaker(tmp_path):
    for number, label in enumerate(("turn left", "왼쪽 으로")):
        for take in range(6):
            path = tmp_path / "words" / label / f"{take}.wav"
            write_wav(path, tone(300 + 400 * number + 10 * take, 0.4, TINY_RATE), TINY_RATE)
    result = sutja("train", tmp_path / "words", "--out", tmp_path / "run", *QUICK)
    assert result.exit_code == 0, result.output
    assert "protocol clips" in result.stderr
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert metrics["labels"] == ["turn left", "왼쪽 으로"]
    assert "of the same voices. A new voice gets less." in (tmp_path / "run" / "report.html").read_text(
        encoding="utf-8"
    )
    prediction = Predictor.load(tmp_path / "run").predict(tmp_path / "words" / "turn left" / "0.wav")
    assert set(prediction.probabilities) == {"turn left", "왼쪽 으로"}


def test_a_vocabulary_of_sixty(tmp_path):
    for number in range(60):
        for take in range(4):
            path = tmp_path / "words" / f"word {number}" / f"{take}.wav"
            write_wav(path, tone(200 + 50 * number + take, 0.25, TINY_RATE), TINY_RATE)
    quick = ("--epochs", 1, "--folds", 2, "--copies", 1, "--jobs", 1)
    result = sutja("train", tmp_path / "words", "--out", tmp_path / "run", *quick)
    assert result.exit_code == 0, result.output
    assert len(Predictor.load(tmp_path / "run").labels) == 60
