"""One network: it learns, it repeats itself, and a cut leaves no trace."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from helpers import CutError

from sutja.config import TrainConfig
from sutja.errors import RunError
from sutja.learn import training
from sutja.learn.inputs import NO_WORD, InputKind, Inputs
from sutja.learn.training import fit, load_arrays, model_with, probabilities, save_arrays

N_CLASSES, N_BINS, N_FRAMES = 3, 16, 16
CONFIG = TrainConfig(epochs=4, batch_size=16)


@pytest.fixture(autouse=True)
def one_thread():
    """As in a job: sums come in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def material(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright band, whose height tells the class."""
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % N_CLASSES
    features = rng.random((n, N_BINS, N_FRAMES), dtype=np.float32) * 0.6
    for row, target in zip(features, targets, strict=True):
        row[5 * target : 5 * target + 3] += 0.4
    return features, targets


def inputs(first: int, last: int) -> Inputs:
    features, targets = material()
    return Inputs(features, targets, np.arange(first, last))


TRAIN, VALID = inputs(0, 40), inputs(40, 60)


def run(config: TrainConfig = CONFIG, *, seed: int = 1, **more):
    return fit(TRAIN, VALID, N_CLASSES, config, seed=seed, **more)


def without_seconds(history):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


def assert_equal(found, expected):
    assert without_seconds(found.history) == without_seconds(expected.history)
    assert found.weights.keys() == expected.weights.keys()
    for name, values in expected.weights.items():
        assert np.array_equal(found.weights[name], values), name


@pytest.mark.parametrize(("network", "epochs"), [("study", 50), ("robust", 25)])
def test_it_learns(network, epochs):
    # Holds with this margin for seeds 1 to 20 under two instruction sets (0.9 and 0.41 are the worst of 80). Of 500
    # steps: the study's running means move by 1 % a step, and after 250 a network that has learned is right for some
    # seeds and, at validation, wrong for others.
    found = run(replace(CONFIG, epochs=epochs, batch_size=4, network=network))
    best = min(found.history, key=lambda record: record["valid_loss"])
    assert best["valid_accuracy"] > 0.75
    assert found.history[-1]["train_loss"] < 0.6 * found.history[0]["train_loss"]


def test_the_record_of_an_epoch():
    found = run()
    assert len(found.history) == CONFIG.epochs
    for record in found.history:
        assert list(record) == ["train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "seconds"]
        assert 0 <= record["valid_accuracy"] <= 1
        assert record["seconds"] > 0


def test_same_seed_same_numbers():
    assert_equal(run(), run())


def test_another_seed_other_numbers():
    first, second = run(), run(seed=2)
    assert first.history[0]["train_loss"] != second.history[0]["train_loss"]
    assert not np.array_equal(first.weights["last.weight"], second.weights["last.weight"])


def test_what_was_drawn_before_does_not_matter():
    first = run()
    torch.rand(1000)
    np.random.default_rng().random(10)
    assert_equal(run(), first)


def test_the_best_epoch_is_kept(monkeypatch):
    losses = iter([0.9, 0.5, 0.7, 0.6])
    with monkeypatch.context() as patch:
        patch.setattr(training, "_judge", lambda model, inputs: (next(losses), 0.5))
        found = run()
    until_best = run(replace(CONFIG, epochs=2, keep="last"))
    assert [record["valid_loss"] for record in found.history] == [0.9, 0.5, 0.7, 0.6]
    for name, values in until_best.weights.items():
        assert np.array_equal(found.weights[name], values), name


def test_what_is_said_of_an_epoch_is_what_its_weights_say():
    found = run(replace(CONFIG, keep="last"))
    probability = probabilities(model_with(found.weights, CONFIG.network), VALID)
    targets = VALID.targets[VALID.rows]
    loss = -np.log(probability[np.arange(len(targets)), targets]).mean()
    assert loss == pytest.approx(found.history[-1]["valid_loss"], rel=1e-5)
    assert np.mean(probability.argmax(axis=1) == targets) == pytest.approx(found.history[-1]["valid_accuracy"])


# -- cut off and resumed ----------------------------------------------------------------------------------------------


def cut_after(n_epochs: int):
    seen = []

    def on_epoch() -> None:
        seen.append(1)
        if len(seen) == n_epochs:
            raise CutError

    return on_epoch


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 4])
def test_a_cut_at_any_epoch_leaves_no_trace(tmp_path, n_epochs):
    whole = run()
    checkpoint = tmp_path / "a.npz"
    with pytest.raises(CutError):
        run(checkpoint=checkpoint, on_epoch=cut_after(n_epochs))
    assert len(load_arrays(checkpoint)[1]) == n_epochs
    steps = []
    assert_equal(run(checkpoint=checkpoint, on_epoch=lambda: steps.append(1)), whole)
    assert len(steps) == CONFIG.epochs  # the bar shows what was there already


def test_a_cut_after_every_epoch_leaves_no_trace(tmp_path):
    checkpoint = tmp_path / "a.npz"
    for n_epochs in range(1, CONFIG.epochs):
        with pytest.raises(CutError):
            run(checkpoint=checkpoint, on_epoch=cut_after(n_epochs))
    assert_equal(run(checkpoint=checkpoint), run())


def test_a_cut_in_the_middle_of_an_epoch_leaves_no_trace(tmp_path, monkeypatch):
    whole, checkpoint = run(), tmp_path / "a.npz"
    batches, seen = Inputs.batches, []

    def cut_short(self, *arguments):
        for batch in batches(self, *arguments):
            seen.append(1)
            if len(seen) == 10:
                raise CutError
            yield batch

    monkeypatch.setattr(Inputs, "batches", cut_short)
    with pytest.raises(CutError):
        run(checkpoint=checkpoint)
    monkeypatch.undo()
    assert 0 < len(load_arrays(checkpoint)[1]) < CONFIG.epochs
    assert_equal(run(checkpoint=checkpoint), whole)


def test_adams_moments_come_back_as_their_parameters_lie(tmp_path):
    # The fused Adam walks memory in order; moments in the default layout would be another network's.
    checkpoint = tmp_path / "a.npz"
    run(replace(CONFIG, epochs=1), checkpoint=checkpoint)
    state = training._start(N_CLASSES, CONFIG, 5)
    training._load(state, checkpoint)
    parameters = list(state.model.parameters())
    assert any(not p.is_contiguous() for p in parameters), "the network is to lie channels last"
    for parameter in parameters:
        moments = state.optimiser.state[parameter]
        for name in ("exp_avg", "exp_avg_sq"):
            assert moments[name].stride() == parameter.stride()
            assert moments[name].abs().sum() > 0
        assert moments["step"] == 3  # batches of 16, 16 and 8


def test_a_checkpoint_is_no_pickle(tmp_path):
    checkpoint = tmp_path / "a.npz"
    run(replace(CONFIG, epochs=1), checkpoint=checkpoint)
    with np.load(checkpoint, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
    assert all(name.endswith(".npy") for name in zipfile.ZipFile(checkpoint).namelist())


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:1000], lambda b: b[:-30], lambda b: b"no zip" * 99])
def test_a_damaged_checkpoint_is_one_sentence(tmp_path, damage):
    checkpoint = tmp_path / "a.npz"
    run(replace(CONFIG, epochs=1), checkpoint=checkpoint)
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(RunError, match=r"a\.npz: is damaged .*; delete it and go on with --resume"):
        run(checkpoint=checkpoint)


EPOCH = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "seconds")


def test_arrays_survive(tmp_path):
    arrays = {"a/b": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(3)}
    history = [dict.fromkeys(EPOCH, 0.1 + 0.2) | {"train_loss": float("inf")}]
    save_arrays(tmp_path / "a.npz", arrays, history)
    found, record = load_arrays(tmp_path / "a.npz")
    assert record == history
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], values) for name, values in arrays.items())


# -- edges ------------------------------------------------------------------------------------------------------------


def test_a_batch_of_one_is_left_out():
    found = fit(inputs(0, 33), VALID, N_CLASSES, CONFIG, seed=1)  # 16, 16 and 1
    shares = [32 * record["train_accuracy"] for record in found.history]
    assert shares == pytest.approx(np.round(shares))
    assert all(np.isfinite(values).all() for values in found.weights.values())


def test_a_loss_that_is_no_number_is_one_sentence():
    broken = replace(TRAIN, features=np.full_like(TRAIN.features, np.nan))
    with pytest.raises(RunError, match=r"no number in 4 epochs.*lower learning_rate"):
        fit(broken, broken, N_CLASSES, CONFIG, seed=1)


def test_only_the_given_rows_are_seen():
    features, targets = material()
    features[45:] = np.nan  # would spoil everything
    found = fit(
        Inputs(features, targets, np.arange(30)), Inputs(features, targets, np.arange(30, 45)), 3, CONFIG, seed=1
    )
    assert np.isfinite(found.history[-1]["train_loss"])
    assert np.isfinite(found.history[-1]["valid_loss"])


def test_batches_follow_the_rows_given():
    batch, targets = next(Inputs(*material(), np.array([10, 11, 12, 13])).batches(8, np.array([13, 10, 12])))
    assert batch.shape == (3, N_BINS, N_FRAMES)
    assert targets.tolist() == [13 % 3, 10 % 3, 12 % 3]
    assert np.array_equal(batch, material()[0][[13, 10, 12]])


def test_probabilities_do_not_depend_on_the_batch_size():
    model = model_with(run(replace(CONFIG, epochs=1)).weights, CONFIG.network)
    whole = probabilities(model, VALID)
    assert whole.shape == (20, N_CLASSES)
    assert whole.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert probabilities(model, VALID, batch_size=3) == pytest.approx(whole, abs=1e-6)
    assert not model.training


def test_accuracy_is_of_the_most_probable_label_where_a_class_is_none():
    features, targets = material()
    few = Inputs(features, targets, np.arange(45, 60))
    found = fit(TRAIN, few, N_CLASSES, CONFIG, seed=1)
    of_labels = fit(TRAIN, replace(few, kind=InputKind(n_labels=2)), N_CLASSES, CONFIG, seed=1)
    probability = probabilities(model_with(of_labels.weights, CONFIG.network), few)
    losses = [record["valid_loss"] for record in of_labels.history]
    best = of_labels.history[int(np.argmin(losses))]["valid_accuracy"]
    assert best == pytest.approx(np.mean(probability[:, :2].argmax(axis=1) == targets[45:60]))
    assert losses == [record["valid_loss"] for record in found.history]


def test_words_and_a_teachers_view_are_learned_beside_the_classes():
    """Classes that say nothing: what the network knows of words, and of a view, comes from their own losses."""
    rng = np.random.default_rng(0)
    n, n_words, n_view = 60, 3, 4
    words = np.arange(n) % n_words
    features = rng.normal(0, 0.1, (n, 16, 20)).astype(np.float32)
    features[:, 4, :] += words[:, None]
    views = np.eye(n_view)[words].astype(np.float16)
    kind = InputKind(n_words=n_words, n_view=n_view)
    rows = Inputs(features, np.zeros(n, dtype=np.int64), np.arange(n), kind, words, views)
    config = replace(
        CONFIG, network="words", epochs=12, batch_size=20, learning_rate=3e-3, words_weight=1.0, teacher_weight=1.0,
        one_copy_an_epoch=False, n_copies=1, keep="last", dropout=0.0,
    )  # fmt: skip
    found = training.model_with(training.fit(rows, rows, 2, config, seed=1).weights, "words").eval()
    with torch.inference_mode():
        _, of_words, guessed = found.all_of(torch.from_numpy(features)[:, None])
    assert (of_words.argmax(dim=1).numpy() == words).mean() > 0.9
    assert float((guessed - torch.from_numpy(views.astype(np.float32))).square().mean()) < 0.5 * float(np.var(views))


def test_rows_that_say_no_word_do_not_teach_the_words():
    said = torch.randn(4, 7)
    words = torch.tensor([3, NO_WORD, 5, NO_WORD])
    expected = torch.nn.functional.cross_entropy(said[[0, 2]], words[[0, 2]])
    assert training._loss_of_words(said, words, 0.0).item() == pytest.approx(expected.item())
    assert training._loss_of_words(said, torch.full((4,), NO_WORD), 0.0).item() == 0
