"""The folder of a training run: which file is what, how each is written, and what is read back.

The one home of the file names and of what the files hold. Everything is written whole or not at all; what is read of
a run by an older sutja has defaults where that wrote less.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from sutja.audio import printable
from sutja.calibration import Refusal
from sutja.clips import Clip
from sutja.errors import RunError
from sutja.evaluation import Scores
from sutja.files import replace_atomically, write_json, write_text
from sutja.metrics import Integers, Interval, Probabilities, accuracy

T = TypeVar("T")
EpochRecord = dict[str, Any]
"""A row of the history: ``HISTORY_COLUMNS``, the numbers as floats."""

ENSEMBLE = "ensemble"
EPOCH_COLUMNS = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "seconds")
HISTORY_COLUMNS = ("member", "fold", "epoch", *EPOCH_COLUMNS, "chosen")
SUBMISSION_COLUMNS = ("file_name", "label")
CLIP_COLUMNS = ("names", "paths", "speakers", "true_labels")
PART_COLUMN = "parts"
"""Which part of its file each clip is; not there where every clip is a whole file."""
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

    @property
    def headline(self) -> tuple[str, MemberScores]:
        """The member that the headline is about: the ensemble, or the only one."""
        name = ENSEMBLE if ENSEMBLE in self.members else next(iter(self.members))
        return name, self.members[name]


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
    with replace_atomically(run.out_of_fold) as draft, draft.open("wb") as file:
        np.savez(file, **columns, **judged.probabilities)  # type: ignore[arg-type]


def _as_csv(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


# -- reading ---------------------------------------------------------------------------------------------------------


def read_settings(run: RunFolder) -> dict[str, Any]:
    """Read the settings, seed, versions and command of a run, as plain values.

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
    return _read_json(run.settings)


def read_metrics(run: RunFolder) -> Metrics:
    """Read the numbers of a finished run.

    Raises
    ------
    RunError
        When the run is not finished, or the file is damaged.

    """
    metrics: Metrics = _typed(Metrics, _read_metrics(run), printable(run.metrics))
    if not metrics.members:
        raise RunError(f"{printable(run.metrics)}: has no members; expected one or more; train it again")
    return metrics


def _read_metrics(run: RunFolder) -> dict[str, Any]:
    if not run.metrics.is_file():
        raise RunError(
            f"{printable(run.path)}: is not finished (no {run.metrics.name} in it); resume it with "
            "`sutja train ... --resume`"
        )
    return _read_json(run.metrics)


def read_history(run: RunFolder) -> list[EpochRecord]:
    """Read each epoch of each network; nothing where the file is not there."""
    try:
        return [
            {key: value if key == "member" else float(value) for key, value in row.items()}
            for row in _read_csv(run.history)
        ]
    except (TypeError, ValueError) as error:
        raise RunError(
            f"{printable(run.history)}: holds a row that is damaged ({error}); train the run again"
        ) from error


def read_submission(run: RunFolder) -> list[dict[str, str]]:
    """Read the predictions of clips without a label; nothing where the file is not there."""
    return _read_csv(run.submission)


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
    protocol = str(_read_metrics(run).get("protocol", "clips"))
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
    return OutOfFold(clips, tuple(labels), targets, ensemble, tuple(means.values()) or (ensemble,), protocol)


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
    name = printable(path)
    try:
        # Opened here: NumPy leaves a file open that begins like an archive and is none.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            table = [file[column].tolist() for column in CLIP_COLUMNS]
            table.append(file[PART_COLUMN].tolist() if PART_COLUMN in file.files else [""] * len(table[0]))
            labels, ensemble = file["labels"].tolist(), file[ENSEMBLE]
            rows = {key: file[key] for key in file.files if file[key].shape == ensemble.shape and ensemble.ndim == 2}
    except FileNotFoundError as error:
        raise RunError(f"{name}: no such file; expected a run by this version of sutja; train it again") from error
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{name}: cannot be read ({error}); train the run again") from error
    n_rows = len(ensemble)
    if ensemble.shape != (n_rows, len(labels)) or {len(column) for column in table} != {n_rows} or not n_rows:
        raise RunError(f"{name}: its columns do not fit together; expected a row a clip; train the run again")
    if not all(np.isfinite(values).all() for values in rows.values()) or not set(
        table[CLIP_COLUMNS.index("true_labels")]
    ) <= set(labels):
        raise RunError(f"{name}: holds probabilities or labels that no run writes; train the run again")
    return table, labels, rows


def _read_json(path: Path) -> dict[str, Any]:
    name = printable(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise RunError(f"{name}: cannot be read ({error}); expected JSON; train the run again") from error
    if not isinstance(value, dict):
        raise RunError(f"{name}: holds no table of names and values; train the run again")
    return value


def _read_csv(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _typed(kind: Any, value: Any, where: str) -> Any:
    """Build a type from JSON: dataclasses by their fields, the others as they are."""
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else _typed(next(k for k in inner if k is not NoneType), value, where)
    if origin is dict:
        return {key: _typed(inner[1], item, where) for key, item in _of_kind(value, dict, where).items()}
    if origin in (list, tuple):
        return origin(_typed(inner[0], item, where) for item in _of_kind(value, list, where))
    return _of_kind(value, (int, float) if kind is float else kind, where)


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    hints = get_type_hints(kind)
    given = {name: item for name, item in _of_kind(value, dict, where).items() if name in hints and item is not None}
    lacking = [
        f.name
        for f in dataclasses.fields(kind)
        if f.name not in given and f.default is f.default_factory is dataclasses.MISSING
    ]
    if lacking:
        raise RunError(f"{where}: has no {lacking[0]!r}; expected the metrics of a run; train it again")
    return kind(**{name: _typed(hints[name], item, where) for name, item in given.items()})


def _of_kind(value: Any, kind: Any, where: str) -> Any:
    if isinstance(value, kind):
        return value
    text = json.dumps(value)[:40]
    raise RunError(f"{where}: holds {text} where another kind of value belongs; train the run again")
