"""Many recordings at once: from a list in a bucket to one table of results, over as many workers as there are.

::

    summary = sutja.batch.predict_all(["s3://bucket/takes"], "s3://bucket/results.parquet", engine=engine)

What was done stays done: a run that was cut off goes on with ``resume=True``, with other workers or another number of
them. Every recording of the list has one row, in the order of the list; one that cannot be used says why.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sutja import bundle, places, shards
from sutja.bundle import DEFAULT_MODEL
from sutja.engine import Engine
from sutja.engine.threads import Threads
from sutja.errors import ConfigError, RunError
from sutja.folders import PassedOver
from sutja.listing import drawn, is_given_whole
from sutja.outcomes import schema
from sutja.remote import is_url
from sutja.shards import FORMS, SHARD_SIZE, Asked, Manifest, Part

OnPart = Callable[[int, int | None], None]
"""Told how many recordings are done, and of how many; None where archives do not say it yet."""


@dataclass(frozen=True)
class Summary:
    """What became of a run."""

    out: str
    n_rows: int
    """Recordings that have a row, of those that this call was asked for."""
    n_failed: int
    """Of them, those that could not be used."""
    n_before: int
    """Of them, those that were done before."""
    is_whole: bool
    """Whether the results are written: else shards of others are still to be done."""


@dataclass(frozen=True)
class _Work:
    """Who does it with what, and which share of it."""

    model: str
    engine: Engine
    share: tuple[int, int] | None


def here() -> Engine:
    """Return what does it on this machine: a process that hears for each core that this one may use."""
    may_use = getattr(os, "sched_getaffinity", None)  # where a batch system gives a few of a machine's cores
    return Threads(len(may_use(0)) if may_use else os.cpu_count() or 1)


def form_of(out: str) -> str:
    """Return the form of results by their name.

    Raises
    ------
    ConfigError
        When it is none of ours.

    """
    form = out.rpartition(".")[2].lower()
    if form not in FORMS:
        raise ConfigError(f"{out}: says no form of results; expected a name that ends with .parquet, .jsonl or .csv")
    return form


def predict_all(  # noqa: PLR0913  one a decision of the caller
    sources: Sequence[str],
    out: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] = DEFAULT_MODEL,
    engine: Engine | None = None,
    form: str | None = None,
    shard_size: int | None = None,
    share: tuple[int, int] | None = None,
    resume: bool = False,
    column: str | None = None,
    passed: PassedOver | None = None,
    on_part: OnPart = lambda n_done, n_all: None,
) -> Summary:
    """Say what each recording is, and write one table.

    Parameters
    ----------
    sources
        Files, folders, patterns, URLs, prefixes, lists (``@list.txt``), archives, parquet tables: as
        :func:`sutja.listing.drawn` takes them.
    out
        A path or a URL.
    model
        That all workers see at this place.
    engine
        Where the work is done; threads of this process that each ask a process of their own, if not given.
    form
        `csv`, `jsonl` or `parquet`; by the name of ``out``, if not given.
    shard_size
        Recordings of a shard; when going on, as it was.
    share
        ``(k, n)``: only each n-th shard, from the k-th on, counted from 1, for those who start n such calls. The
        results are put together by one more call, without it.
    resume
        Go on with results that were begun.
    column
        Of parquet tables among the sources: which holds the paths.
    passed
        Counts what lies in folders and is no recording.
    on_part
        Called with what is done whenever a shard is.

    Raises
    ------
    RunError
        When the results are there already, were begun with something else, or the work cannot go on. What was done is
        kept.
    ConfigError, DatasetError, BundleError, DependencyError
        When what is asked for cannot be done, before any of it is.

    """
    place = os.fspath(out)
    form = form_of(place) if form is None else form
    _check(shard_size, share)
    found = bundle.load(model)
    if form == "parquet":
        schema(found.labels)  # what it needs is missing now, not after hours
    began = shards.read_manifest(place)
    asked = Asked(
        tuple(sources),
        column,
        bundle.digest(model),
        shard_size or (began.asked.shard_size if began else SHARD_SIZE),
        form,
    )
    passed = PassedOver() if passed is None else passed
    if began is None:
        manifest = _begun(place, asked, found.labels, passed)
    elif resume or share is not None:
        manifest = began
    else:
        found_there = (
            "is there already, whole; take it away" if began.finished else "was begun already; go on with --resume"
        )
        raise RunError(f"{place}: {found_there}, or choose another name for --out")
    _check_same(place, manifest, asked)
    if began is not None and manifest.finished is None:
        _check_list(place, manifest, passed)
    if manifest.finished is not None:
        return _told(place, manifest)
    return _done(place, manifest, _Work(_seen(model), engine or here(), share), on_part)


def _check(shard_size: int | None, share: tuple[int, int] | None) -> None:
    if shard_size is not None and shard_size < 1:
        raise ConfigError(f"shards of {shard_size} recordings; expected 1 or more; correct --shard-size")
    if share is not None and not 1 <= share[0] <= share[1]:
        raise ConfigError(f"shard {share[0]}/{share[1]}: expected K/N with K from 1 to N; correct --shard")


def _begun(out: str, asked: Asked, labels: Sequence[str], passed: PassedOver) -> Manifest:
    if places.exists(out):
        raise RunError(f"{out}: is there already, and not from such a run; choose another name for --out")
    return shards.draw(out, asked, drawn(asked.sources, passed, asked.column), labels, str(Path.cwd()))


def _check_same(out: str, manifest: Manifest, asked: Asked) -> None:
    """Refuse to go on with what was begun with something else."""
    before, now = dataclasses.asdict(manifest.asked), dataclasses.asdict(asked)
    for name, value in before.items():
        if value != now[name]:
            raise RunError(
                f"{shards.manifest_place(out)}: was begun with {name.replace('_', ' ')} {_shown(value)}, and now it is "
                f"{_shown(now[name])}; give the same, or choose another name for --out"
            )


def _check_list(out: str, manifest: Manifest, passed: PassedOver) -> None:
    """Refuse to go on where a list that is given now is another; what lies in a folder was drawn once and stays."""
    asked = manifest.asked
    if not all(map(is_given_whole, asked.sources)):
        return
    if shards.list_digest(drawn(asked.sources, passed, asked.column)) != manifest.list_sha256:
        raise RunError(
            f"{shards.manifest_place(out)}: was begun with another list than {', '.join(asked.sources)} holds now; "
            "give the same, or choose another name for --out"
        )


def _shown(value: object) -> str:
    text = " ".join(value) if isinstance(value, tuple | list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _seen(model: str | os.PathLike[str]) -> str:
    """Return a model's path as workers in another folder find it; the name of one that sutja brings stays."""
    return os.fspath(Path(model).absolute() if Path(model).exists() else model)


def _done(out: str, manifest: Manifest, work: _Work, on_part: OnPart) -> Summary:
    """Do what is not done yet, and put it together if it is all."""
    k, n = work.share or (1, 1)
    mine = range(k - 1, len(manifest.sizes), n)
    before = shards.done(out, manifest)
    parts = {number: part for number, part in before.items() if number in mine}
    sizes = [parts[number].n_rows if number in parts else manifest.sizes[number] for number in mine]
    n_all = None if None in sizes else sum(size for size in sizes if size is not None)
    n_before = n_rows = sum(part.n_rows for part in parts.values())
    on_part(n_rows, n_all)
    if not is_url(out):
        work.engine.check_sees(Path(out).absolute().parent)
    for part in _mapped(out, manifest, work, [number for number in mine if number not in parts]):
        parts[part.number] = part
        n_rows += part.n_rows
        on_part(n_rows, n_all)
    n_failed = sum(part.n_failed for part in parts.values())
    if work.share is None:
        shards.gather(out, manifest, [parts[number] for number in mine])
        finished = {"n_rows": n_rows, "n_failed": n_failed}
        shards.finish(out, dataclasses.replace(manifest, finished=finished))
    return Summary(out, n_rows, n_failed, n_before, is_whole=work.share is None)


def _mapped(out: str, manifest: Manifest, work: _Work, numbers: Sequence[int]) -> Iterator[Part]:
    try:
        yield from work.engine.map(shards.work_off, shards.jobs(out, manifest, work.model, numbers))
    except RunError as error:
        kept = f"what was done is kept in {shards.parts_place(out)}: go on with --resume"
        raise RunError(f"{error}; {kept}") from error


def _told(out: str, manifest: Manifest) -> Summary:
    """Say again what was finished before; what a killed run did not take away goes now."""
    finished = manifest.finished or {}
    if not places.exists(out):
        raise RunError(
            f"{out}: was finished and is gone; take {shards.manifest_place(out)} away to begin anew, or put it back"
        )
    places.remove_folder(shards.parts_place(out))
    return Summary(out, finished["n_rows"], finished["n_failed"], finished["n_rows"], is_whole=True)
