"""What is off about a run is found where it was put, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sutja import diagnosis
from sutja.diagnosis import COMMANDS, WEIGHT, Diagnosis, compare_sets, diagnose, is_moving, largest_difference, leaked
from sutja.metrics import Share
from sutja.profile import ClipProfile
from sutja.runs import LastEpoch, MemberScores, Metrics
from sutja.texts import LANGUAGES

LABELS = [str(i) for i in range(10)]


def scores(accuracy: float, folds: tuple[float, ...] = ()) -> MemberScores:
    by_label = {label: Share(40, accuracy, None) for label in LABELS}
    blank = dict.fromkeys(("interval95", "interval_method", "ece"))
    return MemberScores(
        accuracy=accuracy, confusion_matrix=[], by_label=by_label, fold_accuracy=list(folds or [accuracy] * 5), **blank
    )


def good(**changes: object) -> Metrics:
    members = {"mel": scores(0.94), "mfcc": scores(0.9), "ensemble": scores(0.967)}
    last = {"mel": LastEpoch(0.96, 0.92), "mfcc": LastEpoch(0.95, 0.88)}
    metrics = Metrics("speakers", 400, LABELS, members, n_speakers=6, last_epoch=last)
    return replace(metrics, **changes)


def curves(losses: list[float], *, chosen: int | None = None, n_networks: int = 4) -> list[dict[str, float]]:
    kept = chosen if chosen is not None else int(np.argmin(losses)) + 1
    return [
        {
            "member": ("mel", "mfcc")[network % 2],
            "fold": 1.0 + network // 2,
            "epoch": epoch,
            "train_loss": loss,
            "train_accuracy": 0.96,
            "valid_loss": loss,
            "valid_accuracy": 1 - loss / 3,
            "seconds": 1.0,
            "chosen": float(epoch == kept),
        }
        for network in range(n_networks)
        for epoch, loss in enumerate(losses, start=1)
    ]  # fmt: skip


FLAT = [2.0, 1.0, 0.5, 0.3, 0.2, 0.21, 0.2, 0.22, 0.2, 0.21]
FALLING = [2.3 - 0.2 * i for i in range(8)]


def kinds(found: list[Diagnosis]) -> list[str]:
    return [each.kind for each in found]


def test_of_a_good_run_nothing_is_said():
    assert diagnose(good(), curves(FLAT)) == []


def test_still_learning():
    (found,) = diagnose(good(), curves(FALLING))
    assert found.kind == "few_epochs"
    assert found.fields["epochs"] == 8
    assert "--epochs 50" in found.advice()
    assert "8 epochs" in found.text()
    assert "100.0" in found.text()
    assert diagnose(good(), curves(FALLING), keeps_best=False) == []
    assert kinds(diagnose(good(), curves([2.0]))) == ["few_epochs"]


def network(losses: list[float], accuracies: list[float] | None = None) -> list[dict[str, float]]:
    accuracies = accuracies or [0.96] * len(losses)
    return [{"valid_loss": a, "train_accuracy": b} for a, b in zip(losses, accuracies, strict=True)]


@given(st.integers(5, 60), st.floats(0.5, 0.85))
def test_whatever_falls_steadily_is_moving_and_what_is_flat_is_not(n_epochs, factor):
    assert is_moving(network([factor**i for i in range(n_epochs)]))
    assert not is_moving(network([1.0] * n_epochs))
    assert is_moving(network([1.0] * n_epochs, [0.9 * i / n_epochs for i in range(n_epochs)]))
    assert is_moving(network([1.0] * 4))


def test_the_first_epoch():
    (found,) = diagnose(good(), curves([0.2, *FLAT], chosen=1))
    assert found.kind == "first_epoch"
    assert "mel, fold 1" in found.text()


def test_a_fold_at_chance():
    members = good().members | {"mfcc": scores(0.75, (0.9, 0.9, 0.9, 0.9, 0.12))}
    found = diagnose(good(members=members), curves(FLAT))
    assert kinds(found) == ["at_chance"]
    assert found[0].weight == "stop"
    assert "Fold 5 of mfcc" in found[0].text()
    assert kinds(diagnose(good(members=good().members | {"mfcc": scores(0.85, (0.9, 0.3))}), [])) == []


def test_learned_by_heart():
    found = diagnose(good(last_epoch={"mel": LastEpoch(0.98, 0.91), "mfcc": LastEpoch(0.981, 0.789)}), curves(FLAT))
    assert kinds(found) == ["over_fitted"]  # the study's own numbers
    assert found[0].fields["member"] == "mfcc"


def test_a_feature_that_hurts():
    members = {"mel": scores(0.94), "mfcc": scores(0.5), "ensemble": scores(0.9)}
    (found,) = diagnose(good(members=members), curves(FLAT))
    assert found.kind == "feature_hurts"
    assert "mel alone is right on 94.0" in found.text()
    assert "mel만 제출" in found.advice("ko")
    assert "mfcc와" in found.text("ko")


def test_a_fold_that_leaks():
    names = np.array(["a", "a", "b", "b", "c", "c"])
    whole, torn = np.array([0, 0, 1, 1, 0, 0]), np.array([0, 0, 0, 1, 1, 1])
    assert leaked(names, whole) == 0
    assert leaked(names, torn) == pytest.approx(2 / 6)
    assert kinds(diagnose(good(), curves(FLAT), judged_in=(names, whole))) == []
    (found,) = diagnose(good(), curves(FLAT), judged_in=(names, torn))
    assert (found.kind, found.fields["n"]) == ("fold_leaks", 1)
    assert leaked(names[:0], whole[:0]) == 0


@given(st.integers(2, 6), st.integers(1, 20), st.integers(1, 6))
def test_folds_over_whole_clips_never_leak(n_folds, n_clips, n_copies):
    names = np.repeat([f"{i}" for i in range(n_clips)], n_copies)
    assert leaked(names, np.repeat(np.arange(n_clips) % n_folds, n_copies)) == 0


def test_the_studys_way_says_what_it_gains():
    found = diagnose(good(protocol="copies"), curves(FLAT))
    assert kinds(found) == ["same_fold", "speakers_shared"]
    assert found[0].fields["gain"] == pytest.approx(100 * (0.21 + 0.2 + 0.22 + 0.2 + 0.21 - 5 * 0.2) / 15)


def test_speakers():
    assert kinds(diagnose(good(protocol="clips"), [])) == ["speakers_shared"]
    assert kinds(diagnose(good(protocol="clips", n_speakers=0), [])) == ["speakers_unknown"]
    assert kinds(diagnose(good(protocol="corpora"), [])) == []


def test_uneven_predictions():
    even, uneven = dict.fromkeys(LABELS, 20), dict.fromkeys(LABELS, 11) | {"7": 101}
    assert diagnose(good(), curves(FLAT), predicted=even) == []
    (found,) = diagnose(good(), curves(FLAT), predicted=uneven)
    assert (found.kind, found.fields["label"], found.fields["n"]) == ("uneven", "7", 200)
    assert diagnose(good(), curves(FLAT), predicted={"7": 10}) == []


# -- two sets of clips ------------------------------------------------------------------------------------------------


def profiles(n: int, seed: int, *, louder: float = 0.0, rate: int = 8000) -> list[ClipProfile]:
    rng = np.random.default_rng(seed)
    return [
        ClipProfile(
            name=f"{i}", label="1", speaker=None, split=None, seconds=float(rng.normal(0.6, 0.1)), sample_rate=rate,
            n_channels=1, digest=f"{i}", problems=(), peak_db=-3.0, loudness_db=float(rng.normal(-20 + louder, 2)),
            snr_db=float(rng.normal(30, 5)), silence_before_seconds=0.1, silence_after_seconds=0.1,
            bandwidth_hz=float(rng.normal(3500, 100)), dc_offset=0.0,
        )
        for i in range(n)
    ]  # fmt: skip


def test_sets_that_are_alike_and_sets_that_are_not():
    for seed in range(20):
        assert compare_sets(profiles(400, seed), profiles(200, 100 + seed)) == []
    (found,) = compare_sets(profiles(400, 1), profiles(200, 2, louder=10))
    assert found.fields["quantity"] == "loudness_db"
    assert "loudness (dBFS)" in found.text()
    assert "음량(dBFS)이" in found.text("ko")
    assert {f.fields["quantity"] for f in compare_sets(profiles(400, 1), profiles(200, 2, rate=16_000))} == {
        "sample_rate"
    }
    assert compare_sets(profiles(400, 1), profiles(5, 2, louder=30)) == []


@given(st.lists(st.floats(-9, 9), min_size=1), st.lists(st.floats(-9, 9), min_size=1))
def test_the_difference_is_symmetric_and_within_bounds(one, other):
    distance = largest_difference(one, other)
    assert 0 <= distance <= 1
    assert distance == largest_difference(other, one)
    assert largest_difference(one, one) == 0


# -- sentences --------------------------------------------------------------------------------------------------------

FIELDS = {
    "share": 0.8, "n": 10, "epochs": 8, "valid": 0.32, "more": 50, "member": "mel", "fold": 2, "accuracy": 0.1,
    "chance": 0.1, "networks": "mel, fold 1", "train": 0.99, "alone": 0.9, "ensemble": 0.8, "others": "mfcc",
    "gain": 2.5,    "quantity": "seconds", "test": "0.5", "label": "7", "predicted": 90, "expected": 20.0,
}  # fmt: skip


@pytest.mark.parametrize("kind", WEIGHT)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_says_what_to_do_and_why(kind, language):
    found = Diagnosis(kind, FIELDS)
    for text in (found.name(language), found.text(language), found.advice(language), found.why(language)):
        assert text
        assert "{" not in text
    assert found.command in found.advice(language)
    assert found.command.startswith("sutja ")
    assert found.to_dict()["command"] == found.command


def test_every_kind_has_its_command():
    assert set(COMMANDS) == set(WEIGHT)
    assert set(WEIGHT.values()) <= set(diagnosis.WEIGHTS)
