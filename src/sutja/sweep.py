"""Many runs at once: presets, seeds and data sets, each combination of them a run, in one table and on one page.

Each run is one job of an engine (:mod:`sutja.engine`): it reads its recordings where it runs, and what it leaves lies
in a folder of its own, with its checkpoints. A run that was cut off, or whose worker died, goes on from there; one that
fails does not stop the others: its row says why.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sutja import dataset, runs
from sutja.audio import printable
from sutja.config import PRESETS
from sutja.engine import Engine, OnStep
from sutja.engine.choice import Choice, opened
from sutja.errors import ConfigError, DatasetError, RunError, SutjaError, near, needs
from sutja.files import nearest_folder, write_json, write_text
from sutja.plan import Wishes, plan_run, settings_of
from sutja.progress import Progress
from sutja.records import FieldError, typed

MARK = "sweep.toml"  # a copy of what was asked for: it makes a folder ours
NAME = re.compile(r"[\w][\w.-]*")
OPTIONS = {
    "protocol": "protocol",
    "epochs": "epochs",
    "folds": "n_folds",
    "copies": "n_copies",
    "precision": "precision",
    "false_accept_rate": "false_accept_rate",
    "synthetic_voices": "n_synthetic_voices",
    "drop": "drop",
    "refuse": "refuse",
}
"""What can be said of all runs, by its name in the file -> field of :class:`sutja.plan.Wishes`."""


@dataclass(frozen=True)
class Data:
    """One data set, as the options of `sutja train` say it."""

    paths: list[str]
    layout: str | None = None
    audio_root: str | None = None
    rename: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    speaker_from: str | None = None
    language: str | None = None
    negatives: list[str] = field(default_factory=list)
    skip_unreadable: bool = False


@dataclass(frozen=True)
class _Options:
    """The same of all runs; the fields are those of the file."""

    protocol: str | None = None
    epochs: int | None = None
    folds: int | None = None
    copies: int | None = None
    precision: str | None = None
    false_accept_rate: float | None = None
    synthetic_voices: int | None = None
    drop: list[str] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: plain data, a job."""

    name: str
    data_name: str
    data: Data
    wishes: Wishes
    folder: Path
    """Of the run."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Row:
    """What came out of a run; of one that failed, why."""

    name: str
    data: str
    preset: str
    seed: int | None
    run: str
    """Its folder, below that of the sweep."""
    protocol: str | None = None
    n_clips: int | None = None
    n_speakers: int | None = None
    accuracy: float | None = None
    """Of the ensemble, or of the only member."""
    low: float | None = None
    high: float | None = None
    false_reject_rate: float | None = None
    false_accept_rate: float | None = None
    seconds: float | None = None
    fault: str = ""


COLUMNS = tuple(f.name for f in fields(Row))


@dataclass(frozen=True)
class Summary:
    """The seeds of one preset on one data set."""

    data: str
    preset: str
    n_runs: int
    """That ended well."""
    n_failed: int
    accuracy: float | None
    """Mean over the seeds."""
    lowest: float | None
    highest: float | None


# -- what is asked for -------------------------------------------------------------------------------------------------


def read(path: Path, out: Path) -> list[Cell]:
    """Read which runs a file asks for, and check what can be checked before any work.

    Parameters
    ----------
    path
        A TOML file: ``presets``, ``seeds``, options of all runs, and a table ``[data.NAME]`` a data set. Its paths are
        relative to its own folder.
    out
        Folder of the sweep.

    Returns
    -------
    cells
        Data set by data set, preset by preset, seed by seed. A preset that draws nothing has one run.

    Raises
    ------
    ConfigError
        When the file cannot be read, says what is not known, or contradicts itself.
    DatasetError
        When a path is not there.

    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{printable(path)}: cannot be read ({error.strerror}); expected a TOML file") from error
    except ValueError as error:
        raise ConfigError(f"{printable(path)}: is no TOML ({error}); expected presets, seeds, [data.NAME]") from error
    try:
        return list(_cells(given, path.absolute().parent, out.absolute()))
    except FieldError as error:
        raise ConfigError(f"{printable(path)}: {error}; correct it") from error
    except SutjaError as error:
        raise type(error)(f"{printable(path)}: {error}") from error


def _cells(given: dict[str, Any], home: Path, out: Path) -> Iterator[Cell]:
    presets = typed(list[str], given.pop("presets", ["reference"]), "presets")
    seeds = typed(list[int], given.pop("seeds", [0]), "seeds")
    data = typed(dict[str, dict[str, Any]], given.pop("data", {}), "data")
    _check_known(given, OPTIONS, "")
    options = typed(_Options, given)
    for names, what in ((presets, "presets"), (seeds, "seeds"), (list(data), "[data.NAME]")):
        if not names or len(set(names)) != len(names):
            raise ConfigError(f"{what}: {names or 'nothing'} was found; expected one or more, each once; correct it")
    for name, table in data.items():
        if not NAME.fullmatch(name):
            raise ConfigError(f"[data.{printable(name)}]: expected letters, digits, `.`, `_` and `-`; rename it")
        _check_known(table, [f.name for f in fields(Data)], f"data.{name}.")
        of = _placed(typed(Data, table, f"data.{name}"), home)
        for preset in presets:
            yield from _runs_of(name, of, preset, seeds, options, out)


def _check_known(given: Mapping[str, Any], known: Any, below: str) -> None:
    for name in given:
        if name not in known:
            raise ConfigError(
                f"{below}{printable(name)}: is not known{near(name, known)}; expected some of {', '.join(known)}; "
                "correct it"
            )


def _placed(data: Data, home: Path) -> Data:
    """Give every path from the root, and check that it is there."""
    if not data.paths:
        raise DatasetError("a data set has no paths; expected one or more folders or tables; add them")
    paths, negatives = ([str(home / path) for path in some] for some in (data.paths, data.negatives))
    root = None if data.audio_root is None else str(home / data.audio_root)
    for path in (*paths, *negatives, *([] if root is None else [root])):
        if not Path(path).exists():
            raise DatasetError(f"{printable(path)}: is not there; expected a folder or a table; correct it")
    return replace(data, paths=paths, negatives=negatives, audio_root=root)


def _runs_of(  # noqa: PLR0913
    name: str, data: Data, preset: str, seeds: Sequence[int], options: _Options, out: Path
) -> Iterator[Cell]:
    if preset not in PRESETS:
        raise ConfigError(
            f"preset {preset!r} is not known{near(preset, PRESETS)}; expected some of {', '.join(PRESETS)}"
        )
    asked: dict[str, Any] = {wish: getattr(options, option) for option, wish in OPTIONS.items()}
    asked |= {"drop": tuple(options.drop), "refuse": tuple(options.refuse), "language": data.language}
    draws = not settings_of(Wishes(preset=preset)).body
    for seed in seeds if draws else [None]:
        wishes = Wishes(preset=preset, seed=seed, **asked)
        settings_of(wishes)  # says now what contradicts the preset
        called = "-".join([name, preset, *([] if seed is None else [str(seed)])])
        yield Cell(called, name, data, wishes, out / "runs" / called)


# -- the runs ----------------------------------------------------------------------------------------------------------


def conduct(  # noqa: PLR0913
    config: Path, out: Path, choice: Choice, n_jobs: int, progress: Progress, *, resume: bool = False
) -> list[Row]:
    """Do all runs, write ``results.csv``, ``results.json`` and ``sweep.html`` below ``out``, and return the rows.

    Raises
    ------
    ConfigError, DatasetError
        As :func:`read`.
    RunError
        When the folder is taken, or the engine is not there, does not fit or went away. What was finished is kept.

    """
    cells = read(config, out)
    packages = _packages(cells)
    out = out.absolute()
    _check_folder(out, resume=resume)
    with opened(choice, n_jobs, packages) as engine:
        _check_seen(cells, out, engine)
        write_text(out / MARK, config.read_text(encoding="utf-8"))  # now the folder is ours
        rows = []
        step = progress.stage(f"training {len(cells)} runs", len(cells), "run")
        for row in engine.map(run_cell, cells):
            rows.append(row)
            progress.say(f"{row.name}: {row.fault or f'{row.accuracy:.1%} on {row.n_clips} clips ({row.protocol})'}")
            step()
    write(rows, out)
    return rows


def _packages(cells: Sequence[Cell]) -> list[str]:
    """Return what the workers need beside what every installation has."""
    if all(settings_of(cell.wishes).body for cell in cells):
        return []
    if find_spec("torch") is None:
        raise needs("torch", "train")
    return ["torch"]


def _check_folder(out: Path, *, resume: bool) -> None:
    mark = out / MARK
    if out.exists() and not mark.is_file() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{printable(out)}: exists and is not a sweep of ours; choose another --out")
    if mark.is_file() and not resume:
        raise RunError(f"{printable(out)}: holds a sweep already; go on with --resume, or choose another --out")


def _check_seen(cells: Sequence[Cell], out: Path, engine: Engine) -> None:
    engine.check_sees(nearest_folder(out))
    for path in dict.fromkeys(path for cell in cells for path in (*cell.data.paths, *cell.data.negatives)):
        engine.check_sees(Path(path))


def run_cell(cell: Cell, on_step: OnStep) -> Row:
    """Do one run, or go on with it, and return what came out; where its data cannot be used, why."""
    row = Row(cell.name, cell.data_name, str(cell.wishes.preset), cell.wishes.seed, f"runs/{cell.name}")
    try:
        return _with_scores(row, _train(cell, on_step))
    except SutjaError as error:
        return replace(row, fault=str(error))


def _train(cell: Cell, on_step: OnStep) -> runs.Metrics:
    data = cell.data
    how = {"layout": data.layout, "audio_root": data.audio_root, "speaker_from": data.speaker_from}
    read_so: dict[str, Any] = {**how, "rename": data.rename, "split": data.split}
    known = dataset.read(*data.paths, **read_so)
    negatives = tuple(clip for path in data.negatives for clip in dataset.read(path).recordings)
    more: dict[str, Any] = {
        "n_jobs": 1,
        "resume": True,
        "skip_unreadable": data.skip_unreadable,
        "command": f"sutja sweep: {cell.name}",
    }
    plan = plan_run(known, cell.folder, cell.wishes, negatives=negatives, **more)
    if plan.config.body is not None:
        from sutja import quick

        return quick.train(plan, _Steps(on_step))
    from sutja import recipe

    return recipe.train(plan, _Steps(on_step))


class _Steps:
    """Progress of one run of many: every step is a sign that it gets on, and nobody is told more."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step

    def stage(self, name: str, total: int, unit: str) -> OnStep:
        return self._on_step

    def say(self, text: str) -> None:
        self._on_step()


def _with_scores(row: Row, metrics: runs.Metrics) -> Row:
    _, best = metrics.headline
    low, high = best.interval95 or (None, None)
    refusal = metrics.refusal
    return replace(
        row,
        protocol=metrics.protocol,
        n_clips=metrics.n_clips,
        n_speakers=metrics.n_speakers,
        accuracy=best.accuracy,
        low=low,
        high=high,
        false_reject_rate=None if refusal is None else refusal.false_reject_rate,
        false_accept_rate=None if refusal is None else refusal.false_accept_rate,
        seconds=metrics.seconds,
    )


# -- the table ---------------------------------------------------------------------------------------------------------


def summaries(rows: Sequence[Row]) -> list[Summary]:
    """Put the seeds of each preset on each data set together, in the order of the rows.

    >>> rows = [Row("", "fsdd", "robust", seed, "", accuracy=score) for seed, score in ((1, 0.75), (2, 1.0))]
    >>> [(s.n_runs, s.lowest, s.accuracy, s.highest) for s in summaries(rows)]
    [(2, 0.75, 0.875, 1.0)]
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.data, row.preset), []).append(row)
    found = []
    for (data, preset), of in groups.items():
        known = [row.accuracy for row in of if row.accuracy is not None]
        scores = (sum(known) / len(known), min(known), max(known)) if known else (None, None, None)
        found.append(Summary(data, preset, len(known), len(of) - len(known), *scores))
    return found


def write(rows: Sequence[Row], out: Path) -> None:
    """Write the table as CSV and JSON, and as a page where what draws pages is installed."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, rows))
    write_text(out / "results.csv", file.getvalue())
    write_json(out / "results.json", {"runs": list(map(asdict, rows)), "summary": list(map(asdict, summaries(rows)))})
    if find_spec("matplotlib") is not None and find_spec("jinja2") is not None:
        from sutja.reports.sweep import write_sweep

        write_sweep(out / "sweep.html", rows, summaries(rows))
