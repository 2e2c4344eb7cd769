"""The folder of a training run: which file is what, how each is written, and what is read back.

The one home of the file names and of what the files hold. Everything is written whole or not at all; what is read of
a run by an older sutja has defaults where that wrote less.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sutja.audio import printable
from sutja.calibration import Refusal
from sutja.clips import Clip
from sutja.errors import RunError
from sutja.evaluation import Scores
from sutja.files import replace_atomically, write_json, write_text
from sutja.metrics import Integers, Interval, Probabilities, accuracy
from sutja.records import (
    FieldError,
    array,
    column,
    read_arrays,
    read_csv,
    read_json,
    require,
    shortened,
    typed,
)
from sutja.texts import LANGUAGES, Language, say

EpochRecord = dict[str, Any]
"""A row of the history: ``HISTORY_COLUMNS``, the numbers as floats."""

ENSEMBLE = "ensemble"
EPOCH_COLUMNS = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "seconds")
HISTORY_COLUMNS = ("member", "fold", "epoch", *EPOCH_COLUMNS, "chosen")
SUBMISSION_COLUMNS = ("file_name", "label")
CLIP_COLUMNS = ("names", "paths", "speakers", "true_labels")
ADVICE = "train the run again"
ROUNDED = 1e-3  # what float32 may add to a probability
PART_COLUMN = "parts"
"""Which part of its file each clip is; not there where every clip is a whole file."""
_PART = re.compile(r"|row \d{1,18}|[\d.e+-]{1,40} to [\d.e+-]{1,40}")
KNOWN = 0.5
"""A label is known when the networks get this share of its clips; they cannot judge clips of any other."""


@dataclass(frozen=True)
class RunFolder:
    """Where the files of a run are."""

    path: Path

    @property
    def settings(self) -> Path:
        """Settings, seed, versions, fingerprint of the data, command. From when it is there the folder is a run."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """Every number of the report. From when it is there the run is finished."""
        return self.path / "metrics.json"

    @property
    def history(self) -> Path:
        """Each epoch of each network."""
        return self.path / "history.csv"

    @property
    def out_of_fold(self) -> Path:
        """What networks said of clips that they did not learn from."""
        return self.path / "out_of_fold.npz"

    @property
    def submission(self) -> Path:
        """Predictions for clips without a label."""
        return self.path / "submission.csv"

    @property
    def model(self) -> Path:
        """The bundle."""
        return self.path / "model"

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def figures(self) -> Path:
        """The figures of the page as PNG."""
        return self.path / "figures"

    @property
    def work(self) -> Path:
        """Inputs, checkpoints and finished networks, until the run is finished."""
        return self.path / "work"


@dataclass(frozen=True)
class MemberScores(Scores):
    """How well one kind of network, or the ensemble, did out of fold."""

    fold_accuracy: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class LastEpoch:
    """Of one member, the mean over the folds."""

    train_accuracy: float
    valid_accuracy: float


@dataclass(frozen=True)
class Baseline:
    """The headline of another run, to stand beside this one's."""

    protocol: str
    accuracy: float
    n_clips: int | None = None
    interval95: Interval | None = None


AdviceKind = Literal[
    "same_recording", "sound_alike", "more_pairs", "few_takes", "hardest_voice", "nameless_voices", "one_voice"
]
ADVICE_KINDS: tuple[AdviceKind, ...] = get_args(AdviceKind)


@dataclass(frozen=True)
class Advice:
    """What to do next about words that were taught: its kind, and the names and numbers of its sentence."""

    kind: AdviceKind
    fields: dict[str, Any] = field(default_factory=dict)

    def text(self, language: Language = "en") -> str:
        """Return the sentence."""
        return say(f"teaching.{self.kind}", language, **self.fields)

    def texts(self) -> dict[str, str]:
        """Return the sentence by language."""
        return {language: self.text(language) for language in LANGUAGES}


@dataclass(frozen=True)
class Metrics:
    """What ``metrics.json`` holds."""

    protocol: str
    n_clips: int
    labels: list[str]
    members: dict[str, MemberScores]
    n_speakers: int = 0
    last_epoch: dict[str, LastEpoch] = field(default_factory=dict)
    n_parameters: int | None = None
    """Of one network."""
    n_longer_than_window: int = 0
    baseline: Baseline | None = None
    notes: list[str] = field(default_factory=list)
    seconds: float | None = None
    refusal: Refusal | None = None
    advice: list[Advice] = field(default_factory=list)
    """What to do next, the most helpful first."""

    @property
    def headline(self) -> tuple[str, MemberScores]:
        """The member that the headline is about: the ensemble, or the only one."""
        name = ENSEMBLE if ENSEMBLE in self.members else next(iter(self.members))
        return name, self.members[name]

    @property
    def in_short(self) -> dict[str, Any]:
        """What a model says of itself: how it was measured, on how much, and what came out."""
        _, best = self.headline
        return {
            "protocol": self.protocol,
            "accuracy": best.accuracy,
            "interval95": best.interval95,
            "n_clips": self.n_clips,
            "n_speakers": self.n_speakers,
        }


@dataclass(frozen=True)
class OutOfFold:
    """What a run's networks say of clips that they did not learn from, a row a clip."""

    clips: tuple[Clip, ...]
    labels: tuple[str, ...]
    """In class order."""
    targets: Integers
    """Class of each clip's own label, ``(n_clips,)``."""
    probabilities: Probabilities
    """The ensemble's, ``(n_clips, n_classes)``."""
    members: tuple[Probabilities, ...]
    """Those of each kind of network."""
    protocol: str

    @property
    def accuracy(self) -> float:
        """The share of clips for which the most probable label is their own."""
        return accuracy(self.targets, self.probabilities)

    @property
    def unknown_labels(self) -> tuple[str, ...]:
        """Labels that the networks hardly know, in class order: most have few clips to learn from."""
        right = self.probabilities.argmax(axis=1) == self.targets
        shares = np.bincount(self.targets, right, len(self.labels)) / np.bincount(
            self.targets, minlength=len(self.labels)
        )
        return tuple(label for label, share in zip(self.labels, shares, strict=True) if share < KNOWN)


# -- writing ---------------------------------------------------------------------------------------------------------


def write_metrics(run: RunFolder, metrics: Metrics) -> None:
    """Write every number; with it the run is finished."""
    write_json(run.metrics, dataclasses.asdict(metrics))


def write_history(run: RunFolder, rows: Iterable[Sequence[object]]) -> None:
    """Write rows of ``HISTORY_COLUMNS``."""
    write_text(run.history, _as_csv([HISTORY_COLUMNS, *rows]))


def write_submission(run: RunFolder, rows: Iterable[tuple[str, str]]) -> None:
    """Write rows of ``SUBMISSION_COLUMNS``."""
    write_text(run.submission, _as_csv([SUBMISSION_COLUMNS, *rows]))


@dataclass(frozen=True)
class JudgedRows:
    """The rows of ``out_of_fold.npz``: a row a judged input, under `copies` several a clip."""

    clips: Sequence[Clip]
    folds: Integers
    """In which each was judged, from 0, ``(n,)``."""
    labels: Sequence[str]
    """In class order."""
    probabilities: Mapping[str, Probabilities]
    """By member and for the ensemble, ``(n, n_labels)``."""


@dataclass(frozen=True)
class RefusedRows:
    """The same of what is to be refused."""

    kinds: Sequence[str]
    names: Sequence[str]
    folds: Integers
    probabilities: Mapping[str, Probabilities]
    corpora: Sequence[str] = ()
    """Of each, where that is known."""


def write_out_of_fold(run: RunFolder, judged: JudgedRows, refused: RefusedRows | None) -> None:
    """Write what networks said of what they did not learn from; people count folds from 1."""
    columns: dict[str, NDArray[Any]] = {
        "names": np.array([clip.name for clip in judged.clips]),
        "paths": np.array([printable(clip.path) for clip in judged.clips]),
        "speakers": np.array([clip.speaker or "" for clip in judged.clips]),
        "true_labels": np.array([clip.label for clip in judged.clips]),
        "folds": judged.folds + 1,
        "labels": np.array(judged.labels),
    }
    parts = [_part(clip) for clip in judged.clips]
    if any(parts):
        columns[PART_COLUMN] = np.array(parts)
    if refused is not None:
        columns |= {
            "refused_kinds": np.array(refused.kinds),
            "refused_names": np.array(refused.names),
            "refused_folds": refused.folds + 1,
        } | {f"refused_{name}": values for name, values in refused.probabilities.items()}
        if any(refused.corpora):
            columns["refused_corpora"] = np.array(refused.corpora)
    with replace_atomically(run.out_of_fold) as draft, draft.open("wb") as file:
        np.savez(file, **columns, **judged.probabilities)  # type: ignore[arg-type]


def _as_csv(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


# -- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Refusing:
    false_accept_rate: float | None = None


@dataclass(frozen=True)
class _Wished:
    refusal: _Refusing | None = None


@dataclass(frozen=True)
class _Data:
    """What the recordings were, as far as reports tell it."""

    roots: list[str] = field(default_factory=list)
    layout: str | None = None
    n_clips: int = 0
    n_labels: int = 0
    n_speakers: int = 0
    n_unlabelled: int = 0
    n_longer_than_window: int = 0
    fingerprint: str = ""


@dataclass(frozen=True)
class _Settings:
    """The kinds of what ``config.json`` holds; all of it may be lacking, in runs of other versions."""

    config: _Wished = _Wished()
    data: _Data = _Data()
    protocol: str = ""
    seed: int | None = None
    fingerprint: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    command: str = ""


@dataclass(frozen=True)
class _Judging:
    """What the review of a run needs of ``metrics.json``."""

    protocol: str = "clips"


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say of whatever is wrong with a file which file it is, and what to do."""
    try:
        yield
    except FieldError as error:
        raise RunError(f"{printable(path)}: {error}; {ADVICE}") from error
    except OSError as error:
        raise RunError(f"{printable(path)}: cannot be read ({error.strerror or error}); {ADVICE}") from error


def read_settings(run: RunFolder) -> dict[str, Any]:
    """Read the settings, seed, versions and command of a run, as plain values of the right kinds.

    Raises
    ------
    RunError
        When the folder is not a run, or the file is damaged.

    """
    if not run.settings.is_file():
        raise RunError(
            f"{printable(run.path)}: is not a run (no {run.settings.name} in it); expected the --out folder of "
            "`sutja train`"
        )
    with _reading(run.settings):
        settings = read_json(run.settings)
        typed(_Settings, settings)
        return settings


def read_metrics(run: RunFolder) -> Metrics:
    """Read the numbers of a finished run.

    Raises
    ------
    RunError
        When the run is not finished, or the file is damaged.

    """
    metrics: Metrics = _read_metrics(run, Metrics)
    with _reading(run.metrics):
        _check_metrics(metrics)
    return metrics


def _read_metrics(run: RunFolder, kind: Any) -> Any:
    if not run.metrics.is_file():
        raise RunError(
            f"{printable(run.path)}: is not finished (no {run.metrics.name} in it); resume it with "
            "`sutja train ... --resume`"
        )
    with _reading(run.metrics):
        return typed(kind, read_json(run.metrics))


def _check_metrics(metrics: Metrics) -> None:
    """Check that the numbers can be what they are called, and fit together."""
    require(len(metrics.members) > 0, "members", {}, "one or more")
    require(len(set(metrics.labels)) == len(metrics.labels) > 0, "labels", metrics.labels, "one or more, each once")
    _check_numbers("", metrics)
    for name, scores in metrics.members.items():
        shape = [len(row) for row in scores.confusion_matrix]
        fit = not shape or shape == [len(metrics.labels)] * len(metrics.labels)
        require(fit, f"members.{name}.confusion_matrix", shape, "a row and a column a label")
    curve = metrics.refusal.det_curve if metrics.refusal else {}
    lengths = {name: len(values) for name, values in curve.items()}
    names_fit = not curve or {"false_accepts", "false_rejects"} <= set(curve)
    for index, advice in enumerate(metrics.advice):
        try:
            advice.texts()
        except (KeyError, ValueError, TypeError):
            require(False, f"advice[{index}].fields", advice.fields, f"those of {advice.kind}")
    require(names_fit and len(set(lengths.values())) <= 1, "refusal.det_curve", lengths, "rates side by side")


SHARES = frozenset({
    "accuracy", "confidence", "ece", "interval95", "fold_accuracy", "train_accuracy", "valid_accuracy",
    "false_accept_rate", "false_reject_rate", "calibration_error", "det_curve",
})  # fmt: skip
"""Fields that hold shares, 0 to 1; the other numbers are counts and seconds, 0 or more."""


def _check_numbers(field: str, value: Any, *, most: float = float("inf")) -> None:
    if dataclasses.is_dataclass(value):
        for name, inner in vars(value).items():
            _check_numbers(f"{field}.{name}".lstrip("."), inner, most=1 if name in SHARES else float("inf"))
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_numbers(f"{field}.{name}", inner, most=most)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check_numbers(f"{field}[{index}]", inner, most=most)
    elif isinstance(value, int | float):
        expected = "0 to 1" if most == 1 else "0 or more"
        require(0 <= value <= most, field, value, expected)


def read_history(run: RunFolder) -> list[EpochRecord]:
    """Read each epoch of each network; nothing where the file is not there."""
    with _reading(run.history):
        rows = read_csv(run.history, HISTORY_COLUMNS)
        return [_epoch_record(number, row) for number, row in enumerate(rows, start=1)]


def _epoch_record(number: int, row: Mapping[str, str]) -> EpochRecord:
    record: EpochRecord = {"member": row["member"]}
    for name in HISTORY_COLUMNS[1:]:
        try:
            record[name] = float(row[name])
        except ValueError as error:
            raise FieldError(f"holds a row that is damaged (row {number}, {name}: {shortened(row[name])})") from error
        whole = name not in ("fold", "epoch", "chosen") or (record[name].is_integer() and 0 <= record[name] < 1e9)
        require(whole, f"row {number}, {name}", row[name], "a whole number")
    return record


def read_submission(run: RunFolder) -> list[dict[str, str]]:
    """Read the predictions of clips without a label; nothing where the file is not there."""
    with _reading(run.submission):
        return read_csv(run.submission, SUBMISSION_COLUMNS)


def read_baseline(run: RunFolder) -> Baseline:
    """Read the headline of a finished run, to be shown beside another's.

    Raises
    ------
    RunError
        When there is none.

    """
    try:
        metrics = read_metrics(run)
    except RunError as error:
        reason = f"no metrics to compare with ({error})"
        raise RunError(f"{printable(run.path)}: {reason}; expected the folder of a finished run") from error
    _, scores = metrics.headline
    return Baseline(metrics.protocol, scores.accuracy, metrics.n_clips, scores.interval95)


def read_out_of_fold(run: RunFolder) -> OutOfFold:
    """Read what a finished run's networks say of clips that they did not learn from.

    Where a clip is judged several times (the study's padded copies), its probabilities are averaged.

    Raises
    ------
    RunError
        When the folder is not a run, the run is not finished, or a file of it is damaged.

    """
    read_settings(run)
    judging: _Judging = _read_metrics(run, _Judging)
    if not run.out_of_fold.exists():
        name = printable(run.out_of_fold)
        raise RunError(f"{name}: no such file; expected a run by this version of sutja; train it again")
    with _reading(run.out_of_fold):
        table, labels, rows = _read_table(run.out_of_fold)
    order = {label: index for index, label in enumerate(labels)}
    first: dict[tuple[str, ...], int] = {}
    place = np.array([first.setdefault(key, len(first)) for key in zip(*table, strict=True)], dtype=np.int64)
    clips = tuple(
        Clip(Path(path), name, label, speaker or None, **_of_part(part)) for name, path, speaker, label, part in first
    )
    targets = np.array([order[str(clip.label)] for clip in clips], dtype=np.int64)
    means = {member: _mean_by(place, probabilities) for member, probabilities in rows.items()}
    ensemble = means.pop(ENSEMBLE)
    members = tuple(means.values()) or (ensemble,)
    return OutOfFold(clips, tuple(labels), targets, ensemble, members, judging.protocol)


def read_folds(run: RunFolder) -> tuple[NDArray[np.str_], Integers]:
    """Read which clip each judged row shows and in which fold it was judged, ``(n,)`` each; empty where not kept.

    Raises
    ------
    RunError
        When the file is damaged.

    """
    if not run.out_of_fold.exists():
        return np.zeros(0, dtype=np.str_), np.zeros(0, dtype=np.int64)
    with _reading(run.out_of_fold):
        arrays = read_arrays(run.out_of_fold)
        paths, names = column(arrays, "paths"), column(arrays, "names")
        folds = array(arrays, "folds", "iu", 1).astype(np.int64)
        require(len(paths) == len(names) == len(folds), "folds", folds.shape, "one a clip's row")
        return np.array([f"{path}: {name}" for path, name in zip(paths, names, strict=True)], dtype=np.str_), folds


def _part(clip: Clip) -> str:
    """Write which part of its file a clip is: seconds, or a row; nothing for all of it."""
    if clip.row is not None:
        return f"row {clip.row}"
    return "" if clip.span is None else f"{clip.span[0]!r} to {clip.span[1]!r}"


def _of_part(text: str) -> dict[str, Any]:
    if text.startswith("row "):
        return {"row": int(text.removeprefix("row "))}
    start, _, end = text.partition(" to ")
    return {"span": (float(start), float(end))} if text else {}


def _mean_by(place: Integers, rows: Probabilities) -> Probabilities:
    """Average the rows of each clip: ``(n_rows, n_classes)`` to ``(n_clips, n_classes)``."""
    sums = np.zeros((int(place.max()) + 1, rows.shape[1]))
    np.add.at(sums, place, rows)
    return (sums / np.bincount(place)[:, None]).astype(np.float32)


def _read_table(path: Path) -> tuple[list[list[str]], list[str], dict[str, Probabilities]]:
    """Return the columns, the labels in class order and each member's probabilities, a row a judged input."""
    arrays = read_arrays(path)
    table, labels = [column(arrays, name) for name in CLIP_COLUMNS], column(arrays, "labels")
    true_labels = table[CLIP_COLUMNS.index("true_labels")]
    table.append(column(arrays, PART_COLUMN) if PART_COLUMN in arrays else [""] * len(true_labels))
    for part in set(table[-1]):
        require(bool(_PART.fullmatch(part)), PART_COLUMN, part, "a row, or two times")
    require(len(labels) >= 2 and len(set(labels)) == len(labels), "labels", labels, "two or more, each once")
    shape = array(arrays, ENSEMBLE, "f", 2).shape
    of_clips = {*CLIP_COLUMNS, PART_COLUMN, "labels", "folds"}
    members = [name for name in arrays if name not in of_clips and not name.startswith("refused_")]
    rows = {name: array(arrays, name, "f", 2) for name in members}
    n_rows = {*map(len, table), *map(len, rows.values())}
    if n_rows != {shape[0]} or not shape[0]:
        raise FieldError("its columns do not fit together; expected a row a clip")
    for name, values in rows.items():
        require(values.shape == (shape[0], len(labels)), name, values.shape, f"{len(labels)} columns, one a label")
        within = bool((values >= 0).all() and (values <= 1 + ROUNDED).all())
        require(within, name, "not a share", "probabilities, 0 to 1")
    require(set(true_labels) == set(labels), "true_labels", sorted(set(true_labels)), "the labels, each of a clip")
    return table, labels, rows
