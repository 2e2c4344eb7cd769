"""`sutja train --preset robust --from MODEL`: the network of a model goes on learning, other words."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from helpers import CutError, read_json, refused, same_results, shared, sutja
from lessons import takes
from models import AUDIO, SMALL, network

from sutja import bundle, recipe
from sutja.bundle import Bundle, Member
from sutja.clips import Clip
from sutja.config import preset
from sutja.dataset import Dataset
from sutja.errors import ConfigError
from sutja.learn.from_onnx import body_of
from sutja.learn.inputs import InputKind, Inputs
from sutja.learn.jobs import BODY
from sutja.learn.networks import network_of
from sutja.learn.to_onnx import to_onnx
from sutja.learn.training import fit, load_arrays
from sutja.plan import Wishes, plan_run
from sutja.predictor import Predictor

SHORT = ("--epochs", 2, "--copies", 1, "--jobs", 1)


def model(folder: Path, kind: str = "words", n_classes: int = 3, seed: int = 0, features=SMALL) -> Path:
    """A model whose network knows nothing, and could learn."""
    torch.manual_seed(seed)
    member = Member("mel", features, to_onnx([network_of(kind, n_classes, 0.0)], features))
    bundle.save(Bundle(tuple("abcdefg"[: n_classes - 1]), AUDIO, (member,), threshold=0.3), folder)
    return folder


@pytest.fixture(scope="session")
def own(tmp_path_factory) -> Path:
    """Words of two people, a model, and a run that goes on from it."""

    def make(folder: Path) -> None:
        draft = folder.with_name("own draft")
        takes(draft / "clips", n_takes=2)
        more = ("--speaker-from", "*/SPEAKER_*_*")
        result = sutja("train", draft / "clips", *more, "--preset", "robust", "--from", model(draft / "body"),
                       "--out", draft / "run", *SHORT)  # fmt: skip
        assert result.exit_code == 0, result.output
        (draft / "told.txt").write_text(result.output, encoding="utf-8")
        draft.rename(folder)

    return shared(tmp_path_factory, "going on", make)


def train(own: Path, *arguments: object):
    return sutja("train", own / "clips", "--speaker-from", "*/SPEAKER_*_*", *arguments)


def test_the_network_of_the_model_learned_the_words(own):
    metrics = read_json(own / "run" / "metrics.json")
    assert (metrics["protocol"], metrics["n_clips"], metrics["labels"]) == ("speakers", 12, ["go", "lamp on", "stop"])
    assert len(metrics["members"]["ensemble"]["fold_accuracy"]) == 2  # as many folds as speakers
    made = bundle.load(own / "run")
    assert made.about["body"] == ["a", "b"]
    assert made.members[0].features == SMALL  # what the body hears, not what the preset would
    assert made.members[0].head is None
    before, after = (body_of(bundle.load(own / name), name).weights for name in ("body", "run"))
    first = "stem.0.weight"
    assert not np.array_equal(before[first], after[first])
    assert np.abs(before[first] - after[first]).max() < 0.1 * np.abs(before[first]).max()  # from there, not anew
    assert after["last.bias"].shape == (4,)
    assert Predictor.load(own / "run").predict(own / "clips" / "go" / "anna_0_0.wav").most_probable in made.labels


def test_what_is_told_of_it(own):
    told = (own / "told.txt").read_text(encoding="utf-8")
    assert "protocol speakers: 2 speakers for 2 folds" in told
    assert "training takes about" in told
    assert told.index("12 clips are few for a network to go on learning from") < told.index("training takes about")
    assert "preset quick knew new voices as well, let fewer other words pass and took seconds" in told
    assert "on voices that it did not learn from; all of them are in the model" in told
    page = (own / "run" / "report.html").read_text(encoding="utf-8")
    assert "What ships learned in the same way and for as long as the networks that were measured" in page
    assert "a head that was fitted" not in page


def test_what_ships_learns_as_long_as_what_is_measured_and_nothing_chooses():
    clips = tuple(
        Clip(Path(f"{w}{s}{t}.wav"), f"{w}{s}{t}", w, f"s{s}") for w in "ab" for s in range(9) for t in (0, 1)
    )
    for name in ("robust", "words"):
        plan = plan_run(Dataset(Path("d"), "folders", clips), Path("run"), Wishes(name, body="digits-en"))
        assert plan.config.body == "digits-en"
        assert not plan.config.only_teaches
        learned = plan.config.train
        assert (learned.keep, learned.ship, learned.final_epochs_factor) == ("last", "all_clips", 1)
        assert learned.epochs < preset(name).train.epochs
        assert (plan.protocol, learned.n_folds) == ("speakers", 5)
    few = Dataset(Path("d"), "folders", tuple(replace(clip, speaker=None) for clip in clips if clip.name[1] in "01"))
    plan = plan_run(few, Path("run"), Wishes("robust", body="digits-en"))
    assert (plan.protocol, plan.config.train.n_folds) == ("clips", 4)  # as many as clips of a word
    plan = plan_run(few, Path("run"), Wishes("robust", body="digits-en", n_folds=3))
    assert plan.config.train.n_folds == 3


@pytest.mark.parametrize("name", ["fast", "reference"])
def test_other_presets_learn_from_nothing(name):
    clips = tuple(Clip(Path(f"{w}{t}.wav"), f"{w}{t}", w) for w in "ab" for t in range(6))
    with pytest.raises(ConfigError, match=f"preset {name} trains a network from nothing; leave --from out, or choose"):
        plan_run(Dataset(Path("d"), "folders", clips), Path("run"), Wishes(name, body="digits-en"))


def test_a_run_that_was_cut_off_goes_on_from_the_same_weights(own, tmp_path, monkeypatch):
    arguments = ("--preset", "robust", "--from", own / "body", "--out", tmp_path / "run", *SHORT)
    write_history = recipe.runs.write_history

    def cut(*_):
        raise CutError

    monkeypatch.setattr(recipe.runs, "write_history", cut)
    with pytest.raises(CutError):
        train(own, *arguments)
    kept, _ = load_arrays(tmp_path / "run" / "work" / BODY)
    assert set(kept) == set(network_of("words", 3, 0.0).state_dict())
    other = model(tmp_path / "other", seed=1)
    moved = shutil.move(own / "body", tmp_path / "kept")
    shutil.copytree(other, own / "body")
    told = refused(train(own, *arguments, "--resume"))
    assert "was started with other weights to go on from; resume it with the same, or choose another --out" in told
    shutil.rmtree(own / "body")
    shutil.move(moved, own / "body")
    monkeypatch.setattr(recipe.runs, "write_history", write_history)
    result = train(own, *arguments, "--resume")
    assert result.exit_code == 0, result.output
    same_results(own / "run", tmp_path / "run")


def test_with_words_the_result_can_be_taught_on(own, tmp_path):
    result = train(own, "--preset", "words", "--from", own / "body", "--out", tmp_path / "run", *SHORT)
    assert result.exit_code == 0, result.output
    store = bundle.load(tmp_path / "run").outside
    assert store is not None
    assert {"go", "lamp on", "stop"} <= set(store.sounds.words)  # other words, to another vocabulary


def test_words_need_a_network_that_tells_words_apart(own, tmp_path):
    told = refused(train(own, "--preset", "words", "--from", model(tmp_path / "robust", "robust"), "--out",
                         tmp_path / "run", *SHORT))  # fmt: skip
    assert "preset words tells all words apart, which the network of" in told
    assert "choose robust, or another --from" in told
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (Member("mel", SMALL, network(SMALL, 3)), "has a network of another kind; expected one that can go on"),
        (
            Member("mel", replace(SMALL, scaling="before_padding"), b""),
            "preset robust cannot learn from what it hears: member mel cannot be warped",
        ),
    ],
)
def test_a_model_that_cannot_go_on_is_refused_before_anything_is_heard(own, tmp_path, member, message):
    if not member.onnx:
        member = replace(member, onnx=to_onnx([network_of("words", 3, 0.0)], member.features))
    bundle.save(Bundle(("a", "b"), AUDIO, (member,), threshold=0.3), tmp_path / "model")
    told = refused(train(own, "--preset", "robust", "--from", tmp_path / "model", "--out", tmp_path / "run", *SHORT))
    assert message in told
    assert "model" in told
    assert not (tmp_path / "run").exists()


def test_a_model_that_is_not_there(own, tmp_path):
    told = refused(train(own, "--preset", "robust", "--from", "no-such", "--out", tmp_path / "run", *SHORT))
    assert told.startswith("no-such: no model.json there; expected the folder of a model")


def test_heads_are_new_and_the_body_learns_more_slowly():
    start = {k: v.numpy().copy() for k, v in network_of("words", 7, 0.0, n_words=5).state_dict().items()}
    rng = np.random.default_rng(0)
    rows = np.arange(8)
    inputs = Inputs(rng.standard_normal((8, 20, 50)).astype(np.float32), rows % 2, rows, InputKind())
    config = replace(preset("robust").train, network="words", epochs=1, n_copies=1, body_rate=0.5, schedule="constant")
    found = fit(inputs, inputs, 2, config, seed=1, start=start).weights
    assert found["last.weight"].shape == (2, 256)
    moved = np.abs(found["stem.0.weight"] - start["stem.0.weight"]).max()
    assert 0 < moved < config.learning_rate  # one step of Adam is as long as its rate
    # What the network counted of what it learned from stays: a few clips are not the world.
    assert np.array_equal(found["stem.1.running_mean"], start["stem.1.running_mean"])
    assert not np.array_equal(found["scaled.running_mean"], start["scaled.running_mean"])
