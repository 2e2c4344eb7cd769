"""What is off about a run: found in its history and its scores, with what to do, the command, and why.

Pure functions over what a run leaves. A finding is typed by its ``kind``; its sentences are texts of the catalogue, so
that the command line, the report and the study say the same in the reader's language.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sutja import runs
from sutja.errors import listed
from sutja.findings import WEIGHTS, Weight
from sutja.metrics import Integers
from sutja.profile import ClipProfile
from sutja.runs import ENSEMBLE, EpochRecord, MemberScores, Metrics, RunFolder
from sutja.texts import Language, say

TAIL = 0.2  # the last share of the epochs: what still gets better there is not at its end
STILL_FALLING = 0.9  # of the lowest loss before, in that tail
STILL_RISING = 0.03  # of the accuracy on what is learned from, in that tail
FEW_EPOCHS = 5  # too few to see anything in
ENOUGH_EPOCHS = 50  # the study's
GAP = 0.1  # between train and valid accuracy at the last epoch
BY_HEART = 0.95  # of the clips that it learns from
N_ERRORS = 3.0  # standard errors above chance, or apart from what is expected
MIN_PREDICTIONS = 50  # fewer say little about their shares
MIN_PROFILES = 10  # the same of clips
KS_LEVEL = 1e-3  # of the test whether two sets of clips are of one kind
KS_SIZE = 0.3  # and so far apart that it matters
QUANTITIES = {"seconds": 2, "loudness_db": 1, "snr_db": 1, "bandwidth_hz": 0, "sample_rate": 0}
"""What clips are compared by, with the digits behind the point that are worth reading."""
COMMANDS = {
    "few_epochs": "sutja train DATA --out RUN --epochs {more}",
    "at_chance": "sutja train DATA --out RUN --seed 1",
    "first_epoch": "sutja train DATA --out RUN --epochs {more}",
    "over_fitted": "sutja train DATA --out RUN --preset robust",
    "feature_hurts": "sutja audit RUN --out PAGE",
    "fold_leaks": "sutja train DATA --out RUN --protocol clips",
    "same_fold": "sutja train DATA --out RUN --protocol clips",
    "speakers_shared": "sutja train DATA --out RUN --protocol speakers",
    "speakers_unknown": "sutja data info DATA --speaker-from 'SPEAKER_*'",
    "test_differs": "sutja explore DATA --split test --out PAGE",
    "uneven": "sutja predict TEST --model RUN",
}
"""By kind of finding: what a person types next."""
WEIGHT: dict[str, Weight] = {
    "at_chance": "stop",
    "fold_leaks": "stop",
    "few_epochs": "careful",
    "first_epoch": "careful",
    "over_fitted": "careful",
    "feature_hurts": "careful",
    "same_fold": "careful",
    "speakers_shared": "careful",
    "speakers_unknown": "careful",
    "test_differs": "careful",
    "uneven": "know",
}


@dataclass(frozen=True)
class Diagnosis:
    """One thing that is off about a run."""

    kind: str
    """One of :data:`WEIGHT`."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The numbers and names of its sentences."""
    command_instead: str = ""
    """What a person types next where that is not the one of :data:`COMMANDS`."""

    @property
    def weight(self) -> Weight:
        """How grave it is."""
        return WEIGHT[self.kind]

    @property
    def command(self) -> str:
        """What to type next; the names in capitals are the reader's."""
        return (self.command_instead or COMMANDS[self.kind]).format(**self.fields)

    def name(self, language: Language = "en") -> str:
        """Return a few words to call it by."""
        return say(f"diagnosis.{self.kind}.name", language)

    def text(self, language: Language = "en") -> str:
        """Return what was found."""
        return self._said("text", language)

    def advice(self, language: Language = "en") -> str:
        """Return what to do, with the command between backquotes."""
        return self._said("advice", language)

    def why(self, language: Language = "en") -> str:
        """Return why that matters."""
        return self._said("why", language)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {"kind": self.kind, "fields": dict(self.fields)} | {
            "weight": self.weight,
            "command": self.command,
            "text": self.text(),
        }

    def _said(self, what: str, language: Language) -> str:
        fields = dict(self.fields)
        if "quantity" in fields:
            fields["quantity"] = say(f"diagnosis.quantity.{fields['quantity']}", language)
        return say(f"diagnosis.{self.kind}.{what}", language, **fields, command=self.command)


def diagnose_run(folder: RunFolder) -> list[Diagnosis]:
    """Read a finished run, and say what is off about it.

    Raises
    ------
    RunError
        When a file of it is missing or damaged.

    """
    settings, metrics = runs.read_settings(folder), runs.read_metrics(folder)
    config = settings.get("config") or {}
    train = config.get("train") or {}
    predicted = Counter(row["label"] for row in runs.read_submission(folder))
    found = diagnose(
        metrics,
        runs.read_history(folder),
        keeps_best=train.get("keep", "best") == "best",
        judged_in=runs.read_folds(folder),
        predicted=predicted,
    )
    # Of words that were taught, the run's advice says what there is to say of speakers.
    return [each for each in found if not (config.get("body") and each.kind.startswith("speakers"))]


def diagnose(
    metrics: Metrics,
    history: Sequence[EpochRecord],
    *,
    keeps_best: bool = True,
    judged_in: tuple[NDArray[np.str_], Integers] | None = None,
    predicted: Mapping[str, int] | None = None,
) -> list[Diagnosis]:
    """Say what is off about a run, the gravest first.

    Parameters
    ----------
    metrics, history
        What the run measured; a record each epoch of each network.
    keeps_best
        Whether the best epoch is kept: only then do the curves say which is.
    judged_in
        The name of each judged row's clip and its fold, ``(n,)`` each.
    predicted
        How often each label was predicted for clips without one.

    """
    networks = _networks(history)
    found = [*_at_chance(metrics), *(_leaks(*judged_in) if judged_in else ())]
    if keeps_best:
        found += [*_few_epochs(networks), *_first_epoch(networks), *_same_fold(metrics, networks)]
    found += [*_over_fitted(metrics), *_feature_hurts(metrics), *_speakers(metrics), *_uneven(metrics, predicted or {})]
    return sorted(found, key=lambda each: WEIGHTS.index(each.weight))


def compare_sets(train: Sequence[ClipProfile], test: Sequence[ClipProfile]) -> list[Diagnosis]:
    """Say in what clips to predict differ from those that are learned from, the clearest first."""
    if min(len(train), len(test)) < MIN_PROFILES:
        return []
    least = max(KS_SIZE, _ks_limit(len(train), len(test), KS_LEVEL / len(QUANTITIES)))
    found = []
    for quantity, digits in QUANTITIES.items():
        one, other = ([float(getattr(p, quantity)) for p in profiles] for profiles in (train, test))
        distance = largest_difference(one, other)
        if distance > least:
            medians = {"train": f"{np.median(one):.{digits}f}", "test": f"{np.median(other):.{digits}f}"}
            found.append((distance, Diagnosis("test_differs", {"quantity": quantity, **medians})))
    return [each for _, each in sorted(found, key=lambda pair: -pair[0])]


def largest_difference(one: ArrayLike, other: ArrayLike) -> float:
    """Return the largest difference of two samples' distributions (Kolmogorov and Smirnov), 0 to 1.

    >>> largest_difference([1, 2, 3], [1, 2, 3]), largest_difference([1, 2], [5, 6])
    (0.0, 1.0)
    """
    first, second = np.sort(np.asarray(one, dtype=float)), np.sort(np.asarray(other, dtype=float))
    places = np.concatenate([first, second])
    shares = [np.searchsorted(values, places, side="right") / len(values) for values in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def leaked(names: NDArray[np.str_], folds: Integers) -> float:
    """Return the share of judged rows of which another row of the same clip was learned from.

    >>> leaked(np.array(["a", "a", "b", "b"]), np.array([0, 1, 1, 1]))
    0.5
    """
    return float(np.isin(names, list(_torn(names, folds))).mean()) if len(names) else 0.0


# -- each kind --------------------------------------------------------------------------------------------------------


def _networks(history: Sequence[EpochRecord]) -> dict[str, list[EpochRecord]]:
    """Gather each network's epochs: `mel, fold 1`."""
    networks: dict[str, list[EpochRecord]] = defaultdict(list)
    for record in history:
        networks[f"{record['member']}, fold {record['fold']:g}"].append(record)
    return dict(networks)


def _few_epochs(networks: Mapping[str, list[EpochRecord]]) -> Iterator[Diagnosis]:
    moving = [name for name, rows in networks.items() if is_moving(rows)]
    if not networks or 2 * len(moving) < len(networks):
        return
    epochs = max(map(len, networks.values()))
    valid = float(np.mean([rows[-1]["valid_accuracy"] for rows in networks.values()]))
    share = len(moving) / len(networks)
    yield Diagnosis(
        "few_epochs", {"share": share, "n": len(networks), "epochs": epochs, "valid": valid, "more": _more(epochs)}
    )


def is_moving(rows: Sequence[EpochRecord]) -> bool:
    """Tell whether a network was still getting better when it stopped: in what it learns from, or in the rest."""
    if len(rows) < FEW_EPOCHS:
        return True
    n_tail = max(1, round(TAIL * len(rows)))
    losses, accuracies = ([row[name] for row in rows] for name in ("valid_loss", "train_accuracy"))
    falls: bool = min(losses[-n_tail:]) < STILL_FALLING * min(losses[:-n_tail])
    return falls or float(np.mean(accuracies[-n_tail:])) > max(accuracies[:-n_tail]) + STILL_RISING


def _more(epochs: int) -> int:
    return max(ENOUGH_EPOCHS, 2 * epochs)


def _first_epoch(networks: Mapping[str, list[EpochRecord]]) -> Iterator[Diagnosis]:
    first = [name for name, rows in networks.items() if len(rows) > 1 and rows[0]["chosen"] == 1]
    if first:
        epochs = max(map(len, networks.values()))
        yield Diagnosis("first_epoch", {"networks": listed(first, 4), "n": len(first), "more": _more(epochs)})


def _same_fold(metrics: Metrics, networks: Mapping[str, list[EpochRecord]]) -> Iterator[Diagnosis]:
    """Say how much the choice of the epoch gained on the very clips that are reported."""
    if metrics.protocol != "copies" or not networks:
        return
    gains = []
    for rows in networks.values():
        last = np.mean([row["valid_accuracy"] for row in rows[-5:]])
        gains += [float(row["valid_accuracy"] - last) for row in rows if row["chosen"] == 1]
    epochs, (_, best) = max(map(len, networks.values())), metrics.headline
    if gains and epochs > 1:
        gain = 100 * float(np.mean(gains))
        yield Diagnosis("same_fold", {"accuracy": best.accuracy, "gain": gain, "epochs": epochs})


def _at_chance(metrics: Metrics) -> Iterator[Diagnosis]:
    chance = 1 / len(metrics.labels) if metrics.labels else 1.0
    for member, scores in metrics.members.items():
        n_clips = max(1.0, metrics.n_clips / max(1, len(scores.fold_accuracy)))
        limit = chance + N_ERRORS * math.sqrt(chance * (1 - chance) / n_clips)
        for number, accuracy in enumerate(scores.fold_accuracy, start=1):
            if member != ENSEMBLE and accuracy <= limit and len(metrics.labels) > 1:
                fields = {"member": member, "fold": number, "accuracy": accuracy, "chance": chance}
                yield Diagnosis("at_chance", fields)


def _leaks(names: NDArray[np.str_], folds: Integers) -> Iterator[Diagnosis]:
    share = leaked(names, folds)
    if share > 0:
        yield Diagnosis("fold_leaks", {"share": share, "n": len(_torn(names, folds))})


def _torn(names: NDArray[np.str_], folds: Integers) -> set[str]:
    """Name the clips that are judged in more than one fold."""
    pairs = set(zip(names.tolist(), folds.tolist(), strict=True))
    return {name for name, n in Counter(name for name, _ in pairs).items() if n > 1}


def _over_fitted(metrics: Metrics) -> Iterator[Diagnosis]:
    for member, last in metrics.last_epoch.items():
        if last.train_accuracy > BY_HEART and last.train_accuracy - last.valid_accuracy > GAP:
            yield Diagnosis(
                "over_fitted", {"member": member, "train": last.train_accuracy, "valid": last.valid_accuracy}
            )


def _feature_hurts(metrics: Metrics) -> Iterator[Diagnosis]:
    members = {name: scores for name, scores in metrics.members.items() if name != ENSEMBLE}
    if ENSEMBLE not in metrics.members or len(members) < 2:
        return
    ensemble: MemberScores = metrics.members[ENSEMBLE]
    best = max(members, key=lambda name: members[name].accuracy)
    if members[best].accuracy > ensemble.accuracy:
        others = listed([name for name in members if name != best])
        fields = {"member": best, "others": others, "alone": members[best].accuracy, "ensemble": ensemble.accuracy}
        yield Diagnosis("feature_hurts", fields)


def _speakers(metrics: Metrics) -> Iterator[Diagnosis]:
    if metrics.protocol in ("copies", "clips"):
        known = metrics.n_speakers > 1
        yield Diagnosis("speakers_shared", {"n": metrics.n_speakers}) if known else Diagnosis("speakers_unknown")


def _uneven(metrics: Metrics, predicted: Mapping[str, int]) -> Iterator[Diagnosis]:
    """Find a label that is predicted far more often than its share of the clips learned from says."""
    _, best = metrics.headline
    counts = {label: share.n_clips for label, share in best.by_label.items()}
    n, total = sum(predicted.values()), sum(counts.values())
    if n < MIN_PREDICTIONS or not total:
        return
    worst = max(counts, key=lambda label: predicted.get(label, 0) - n * counts[label] / total)
    share = counts[worst] / total
    if predicted.get(worst, 0) - n * share > N_ERRORS * math.sqrt(n * share * (1 - share)):
        yield Diagnosis("uneven", {"label": worst, "predicted": predicted[worst], "n": n, "expected": n * share})


def _ks_limit(n_one: int, n_other: int, level: float) -> float:
    """Return the difference that chance exceeds in a share ``level`` of cases."""
    return math.sqrt(-math.log(level / 2) / 2 * (n_one + n_other) / (n_one * n_other))
