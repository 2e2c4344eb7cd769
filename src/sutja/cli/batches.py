"""Predictions of many recordings: which commands are such, how far they are, and what became of them."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sutja import places, shards
from sutja.cli.console import INTERRUPTED, say, tell
from sutja.cli.options import QUIET_SECONDS, about, unit_of
from sutja.listing import STDIN, is_tar
from sutja.remote import is_url
from sutja.texts.phrases import phrase

if TYPE_CHECKING:
    from sutja.engine.choice import Choice
    from sutja.folders import PassedOver

Callback = Callable[..., Any]
FORMS = {"json": "jsonl", "csv": "csv"}


@dataclass(frozen=True)
class Wishes:
    """What the user says of a batch."""

    shard_size: int | None
    share: tuple[int, int] | None
    column: str | None
    engine: Choice

    def named(self) -> list[str]:
        """Name the options that were given and ask for a batch."""
        given = {
            "--engine": self.engine.on_cluster,
            "--shard-size": self.shard_size is not None,
            "--shard": self.share is not None,
            "--path-column": self.column is not None,
        }
        return [name for name, is_given in given.items() if is_given]


def is_batch(sources: Sequence[str], out: str | None, wishes: Wishes) -> bool:
    """Tell whether a command is one of many recordings: by its options, its sources, or where the results go.

    Raises
    ------
    click.UsageError
        When it is, and it is not said where the results go.

    """
    asking = wishes.named() + [s for s in sources if s.lower().endswith(".parquet") or is_tar(s)]
    if out is None:
        if asking:
            raise click.UsageError(f"{asking[0]} needs --out: a .parquet, .jsonl or .csv file, also at a URL")
        return False
    return bool(asking) or is_url(out) or out.endswith(".parquet") or places.exists(shards.manifest_place(out))


def predict_batch(  # noqa: PLR0913  one a decision of the user
    sources: Sequence[str],
    out: str,
    wishes: Wishes,
    *,
    model: Path,
    form: str | None,
    resume: bool,
    passed: PassedOver,
) -> int:
    """Predict them, say what became of it, and return how many recordings could not be used."""
    from sutja.batch import form_of, predict_all
    from sutja.engine.choice import opened

    chosen = form_of(out) if form is None or out.endswith(".parquet") else FORMS[form]
    if chosen == "parquet" and form is not None:
        raise click.UsageError(f"--{form} and the name {out} contradict each other; give one")
    if list(sources).count(STDIN) > 1:
        raise click.UsageError("- is given twice, and standard input is one list; give it once")
    meter = Meter()
    try:
        with _stopping(), opened(wishes.engine, 1) as engine:
            summary = predict_all(
                sources, out, model=model, engine=engine if wishes.engine.on_cluster else None, form=chosen,
                shard_size=wishes.shard_size, share=wishes.share, resume=resume, column=wishes.column, passed=passed,
                on_part=meter.reach,
            )  # fmt: skip
    except KeyboardInterrupt:
        meter.close()
        say(f"stopped: what is done is kept in {shards.parts_place(out)}; go on with --resume")
        sys.exit(INTERRUPTED)
    finally:
        meter.close()
    more = f", {summary.n_before} of them from before" if summary.n_before else ""
    told = f"{summary.n_rows} clips{more}; {summary.n_failed} could not be used"
    if summary.is_whole:
        tell(f"{out}: {told}")
    else:
        k, n = wishes.share or (1, 1)
        tell(f"shard {k}/{n} of {out}: {told}; when all are done, --resume without --shard puts them together")
    return summary.n_failed


@contextlib.contextmanager
def _stopping() -> Iterator[None]:
    """Let Ctrl-C end the processes that hear as well, so that nobody waits for them."""
    from sutja.isolated import dismiss

    def stop(*_: object) -> None:
        dismiss()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        dismiss()


def batch_options(command: Callback) -> Callback:
    """Add the options of batches."""
    options = [
        click.option("--shard-size", type=int, metavar="N", help="Recordings that are done, whole, at a time."),
        click.option(
            "--shard",
            "share",
            callback=_share,
            metavar="K/N",
            help="Do the K-th of N shares of the shards; another scheduler does the others.",
        ),
        click.option(
            "--path-column", "column", metavar="NAME", help="Of parquet tables in PATHS: where the paths are."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _share(ctx: click.Context, _: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    if not (found := re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)):
        raise click.UsageError(f"--shard {text}: expected K/N, as 3/16", ctx)
    return int(found[1]), int(found[2])


class Meter:
    """How far a batch is: a bar where someone looks, else a line now and then, with the rate and what is left.

    Parameters
    ----------
    clock
        Seconds since some moment.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bar: Any = None
        self._begun: tuple[float, int] | None = None
        self._told = 0.0

    def reach(self, n_done: int, n_all: int | None) -> None:
        """Say that so many are done, of a number that need not be known."""
        now = self._clock()
        if self._begun is None:
            self._begun, self._told = (now, n_done), now
            if sys.stderr.isatty():
                from tqdm import tqdm

                self._bar = tqdm(
                    total=n_all, initial=n_done, desc=phrase("predicting"), unit=unit_of("clip"), dynamic_ncols=True
                )
        if self._bar is not None:
            self._bar.update(n_done - self._bar.n)
        elif now - self._told >= QUIET_SECONDS:
            self._told = now
            say(f"predicting: {self._how_far(now, n_done, n_all)}")

    def _how_far(self, now: float, n_done: int, n_all: int | None) -> str:
        began, n_before = self._begun or (now, n_done)
        rate = (n_done - n_before) / max(now - began, 1e-9)
        if n_all is None or not rate:
            return f"{n_done} clips so far, {rate:.0f} a second"
        return f"{n_done} of {n_all} clips, {rate:.0f} a second, about {about((n_all - n_done) / rate)} left"

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None
