"""What several commands share: the data set's options and bars of progress."""

from __future__ import annotations

import collections
import functools
import io
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sutja.audio import Source, printable
from sutja.bundle import DEFAULT_MODEL
from sutja.cli.console import say
from sutja.contents import MAX_HELD_BYTES
from sutja.errors import ConfigError, DatasetError, listed, one_line
from sutja.texts import say as say_text
from sutja.texts.phrases import current, phrase, retold, said

if TYPE_CHECKING:  # `sutja predict` starts sooner without what it does not use
    from contextlib import AbstractContextManager

    from tqdm import tqdm

    from sutja.blocks import Blocks
    from sutja.clips import Clip
    from sutja.dataset import Dataset
    from sutja.strings.grammar import Grammar
    from sutja.transcription import Transcriber

Callback = Callable[..., Any]


model_option = click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    type=click.Path(path_type=Path),
    help="Model folder, the run that has it, or the name of a model that sutja brings.",
)


def string_options(command: Callback) -> Callback:
    """Add which strings can be said; the command gets ``length`` and ``strings``, for :func:`grammar_of`."""
    length = click.option("--length", metavar="N|N-M", help="How many words a string has: 4, or 4-6.")
    listed = click.option(
        "--strings",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="All strings that can be said, a line each: 4711, or with spaces: lamp on.",
    )
    wrapped: Callback = length(listed(command))
    return wrapped


def grammar_of(transcriber: Transcriber, length: str | None, strings: Path | None) -> Grammar:
    """Return which strings can be said.

    Raises
    ------
    ConfigError
        When it is no length, or a file that cannot be read or holds what the model does not know.

    """
    from sutja.strings.grammar import parse_length

    if strings is None:
        return transcriber.grammar(None if length is None else parse_length(length))
    if length is not None:
        raise click.UsageError("--length and --strings contradict each other; give one: a list has its lengths")
    return transcriber.grammar(strings=transcriber.listed(_text_of(strings)))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"{printable(path)}: cannot be read ({error.strerror}); expected a list of strings"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{printable(path)}: is no text in UTF-8; expected a list of strings, a line each; save it as UTF-8, "
            "and give recordings before --strings"
        ) from error


def engine_options(command: Callback) -> Callback:
    """Add where the jobs run; the command gets it as one :class:`sutja.engine.choice.Choice`, named ``engine``."""
    from sutja.engine.choice import ENGINES, PATIENCE, Choice

    @functools.wraps(command)
    def gathered(*arguments: Any, **options: Any) -> Any:
        names = {"name": "engine", "scheduler": "scheduler", "n_workers": "n_workers", "patience": "patience"}
        chosen = {field: options.pop(option) for field, option in names.items()}
        return command(*arguments, engine=Choice(**chosen), **options)

    wrapped: Callback = gathered
    options = [
        click.option(
            "--engine",
            type=click.Choice(ENGINES),
            help="Where the work is done: on this machine, or on the workers of a Dask cluster (extra cluster).",
        ),
        click.option(
            "--scheduler",
            metavar="HOST:PORT|FILE",
            help="The Dask scheduler whose workers do it, or the file it wrote.",
        ),
        click.option(
            "--workers", "n_workers", type=int, help="Start a Dask cluster of so many processes here, for this command."
        ),
        click.option(
            "--patience",
            type=float,
            metavar="SECONDS",
            help="Of a Dask cluster: a worker that has work and takes no step for so long is started anew; "
            f"{PATIENCE:.0f} if not given.",
        ),
    ]
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


speaker_from_option = click.option(
    "--speaker-from",
    metavar="PATTERN",
    help="Read the speakers in the file names: SPEAKER_* for anna_1.wav, *_SPEAKER_* for 7_anna_1.wav.",
)


@dataclass(frozen=True)
class Hearing:
    """What the user says of where sound comes from."""

    source: str | None
    device: str | None
    sample_rate: int | None

    def open(self) -> AbstractContextManager[Blocks]:
        """Open it: a recording, standard input for `-`, or a microphone."""
        from sutja.blocks import Pipe, open_blocks

        if self.source is not None and self.device is not None:
            raise click.UsageError("--device is of a microphone, which is not listened to beside a recording; give one")
        given = Pipe(sys.stdin.buffer, "standard input") if self.source == "-" else self.source
        return open_blocks(given, sample_rate=self.sample_rate, device=self.device)


def hearing_options(command: Callback) -> Callback:
    """Add how the microphone is chosen; the command gets it with its ``source`` as one :class:`Hearing`."""

    @functools.wraps(command)
    def gathered(**options: Any) -> Any:
        return command(Hearing(**{field.name: options.pop(field.name) for field in fields(Hearing)}), **options)

    wrapped: Callback = gathered
    options = [
        click.option("--device", metavar="NAME|N", help="Microphone: its number or a part of its name."),
        click.option(
            "--sample-rate",
            type=click.IntRange(min=1),
            metavar="HZ",
            help="Of raw samples, which do not say it; or what a microphone is asked for.",
        ),
        click.option(
            "--list-devices",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_list_devices,
            help="Show the microphones and exit.",
        ),
    ]
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def _list_devices(ctx: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if not is_wanted or ctx.resilient_parsing:
        return
    from sutja.microphone import devices

    for device in devices():
        channels = said("{n} channels" if device.n_channels > 1 else "{n} channel", n=device.n_channels)
        default = phrase(", the default") if device.is_default else ""
        click.echo(f"{device.index}: {device.name} ({device.sample_rate} Hz, {channels}){default}")
    ctx.exit()


@dataclass(frozen=True)
class DataOptions:
    """What the user says of DATA."""

    data: tuple[Path, ...]
    layout: str | None
    audio_root: Path | None
    rename: tuple[str, ...]
    split: str | None
    speaker_from: str | None = None

    def read(self) -> Dataset:
        """Read DATA as one data set, and say aloud how it was read."""
        return self.read_with(())[0]

    def read_with(self, extra: Sequence[Path]) -> tuple[Dataset, tuple[Clip, ...]]:
        """Read DATA, and in the same way the labelled clips of ``extra``; a rename may be meant for either.

        What ``extra`` says is to be refused joins what DATA says is.
        """
        from sutja.dataset import narrowed, read_each

        groups, names = [self.data, *([extra] if extra else [])], dict(map(_pair, self.rename))
        how = {"layout": self.layout, "audio_root": self.audio_root, "speaker_from": self.speaker_from}
        dataset, *more = read_each(groups, **how, rename=names, on_note=say)  # type: ignore[arg-type]
        others = tuple(clip for other in more for clip in other.labelled)
        dataset = narrowed(dataset, self.split)
        negatives = (*dataset.negatives, *(clip for other in more for clip in other.negatives))
        return replace(dataset, negatives=negatives), others


def tell_fonts() -> None:
    """Say, before figures are drawn, when no font has the letters of the language: their labels are English then."""
    if current() == "en" or find_spec("matplotlib") is None:
        return
    from sutja.reports import drawing

    if not drawing.has_hangul():
        say(say_text("study.cli.no_font", current(), fonts=listed(drawing.WIDER_FONTS)))


def read_negatives(paths: Iterable[Path]) -> tuple[Clip, ...]:
    """Read what is to be refused, whatever it is called, and say aloud how it was read."""
    from sutja.dataset import read

    return tuple(clip for path in paths for clip in read(path, on_note=say).recordings)


def read_sounds(paths: Iterable[Path]) -> tuple[Path, ...]:
    """List recordings that need no label: files, and all that lie in folders; say aloud what is not used.

    Raises
    ------
    DatasetError
        When a path is not there, or a folder holds none.

    """
    from sutja.folders import by_reason, told, walk

    found: list[Path] = []
    for path in paths:
        if path.is_file():
            found.append(path)
            continue
        tree = walk(path)
        if not tree.sounds:
            raise DatasetError(
                f"{printable(path)}: holds no recording; expected a sound file or a folder of some; correct it"
            )
        found += map(Path, tree.sounds)
        for line in told(by_reason(tree.passed, path)):
            say(f"{printable(path)}: not used: {line}")
    return tuple(found)


def data_options(command: Callback) -> Callback:
    """Add DATA... and how to read it; the command gets them as one :class:`DataOptions`."""
    from sutja.layouts import LAYOUTS

    @functools.wraps(command)
    def gathered(**options: Any) -> Any:
        source = DataOptions(**{field.name: options.pop(field.name) for field in fields(DataOptions)})
        return command(source, **options)

    options = [
        click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path)),
        click.option("--layout", type=click.Choice(list(LAYOUTS)), help="How DATA is laid out; detected if not given."),
        click.option(
            "--audio-root", type=click.Path(path_type=Path), help="Folder that a CSV's names are relative to."
        ),
        click.option("--rename", multiple=True, metavar="OLD=NEW", help="Read label OLD as NEW; may be repeated."),
        click.option("--split", type=click.Choice(["train", "valid", "test"]), help="Only this part of DATA."),
        speaker_from_option,
    ]
    wrapped: Callback = gathered
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not equals or not old or not new:
        raise DatasetError(f"--rename {text}: expected OLD=NEW, for example zero=0")
    return old, new


QUIET_SECONDS = 12.0  # at most, between two lines of a stage where nobody looks; more of them would bury the rest
MOST_QUIET_SECONDS = 60.0  # of stages that take an hour
LINES_LOOKED_BACK = 5  # what is left is told from the last lines: a run that goes on has its first steps at once


class Bars:
    """A bar on stderr for each stage of work, where someone looks; where not, a line now and then.

    Parameters
    ----------
    clock
        Seconds since some moment.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._bar: tqdm[Any] | None = None
        self._clock = clock

    def stage(self, name: str, total: int, unit: str) -> Callable[[], None]:
        """Begin a stage."""
        self.close()
        name = retold(name)  # it may hold a number
        told = f"{name}: {_counted(total, unit)}"
        if not sys.stderr.isatty():
            say(told)
            return functools.partial(Lines(name, unit, self._clock).step, total)
        from tqdm import tqdm

        bar = self._bar = tqdm(total=total, desc=name, unit=unit_of(unit), dynamic_ncols=True)
        return lambda: bar.update() and None

    def say(self, text: str) -> None:
        """Tell one thing without tearing the bar."""
        from tqdm import tqdm

        tqdm.write(one_line(retold(text)), file=sys.stderr)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None


def _counted(n: int, unit: str) -> str:
    return f"{n} {unit}s" if current() == "en" else said(f"{{n}} {unit}", n=n)


def unit_of(unit: str) -> str:
    """Return what a bar counts by: in Korean a counter that fits all of it."""
    return unit if current() == "en" else "개"


class Lines:
    """How far a stage is, in lines of text: none for a stage that is over before there is anything to tell.

    Parameters
    ----------
    name, unit
        Of the stage, and of what is counted.
    clock
        Seconds since some moment.

    """

    def __init__(self, name: str, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._unit, self._clock = name, unit, clock
        self._n_done, self._started, self._over = 0, clock(), False
        self._told = collections.deque([(self._started, 0)], maxlen=LINES_LOOKED_BACK)
        self._lock = threading.Lock()  # steps come from threads

    def step(self, total: int) -> None:
        """Count one of ``total`` steps, and tell of it when the last line is long ago."""
        with self._lock:
            self._reach(self._n_done + 1, total)

    def reach(self, n_done: int, total: int | None) -> None:
        """Say that so many are done, of a number that need not be known."""
        with self._lock:
            self._reach(n_done, total)

    def _reach(self, n_done: int, total: int | None) -> None:
        now = self._clock()
        taken = now - self._started
        if n_done < self._n_done:  # it begins again
            self._told.clear()
            self._told.append((now, n_done))
        was_over, self._over, self._n_done = self._over, n_done == total, n_done
        if self._over:
            if taken >= QUIET_SECONDS and not was_over:
                say(f"{self._name}: done in {about(taken)}")
        elif now - self._told[-1][0] >= min(max(QUIET_SECONDS, taken / 20), MOST_QUIET_SECONDS):
            say(f"{self._name}: {self._how_far(now, total)}")
            self._told.append((now, n_done))

    def _how_far(self, now: float, total: int | None) -> str:
        if total is None:
            return said("{what} so far", what=_counted(self._n_done, self._unit))
        share = f"{100 * self._n_done // total} %"
        then, n_then = self._told[0]
        if n_then == self._n_done:
            return share  # nothing came
        return f"{share}, about {about((now - then) / (self._n_done - n_then) * (total - self._n_done))} left"


def about(seconds: float) -> str:
    """Write a duration for people, to two digits or so.

    >>> [about(seconds) for seconds in (0.2, 41.4, 100, 754, 5000, 40_000)]
    ['1 s', '41 s', '1 min 40 s', '13 min', '1 h 23 min', '11 h']
    """
    if seconds < 60:
        return said("{s} s", s=max(1, round(seconds)))
    large, small, size = ("h", "min", 60) if seconds >= 3600 else ("min", "s", 1)
    whole, rest = divmod(round(seconds / size), 60)
    if whole >= 10 or not rest:
        return said(f"{{{large}}} {large}", **{large: round(whole + rest / 60)})
    return said(f"{{{large}}} {large} {{{small}}} {small}", **{large: whole, small: rest})


def percent(share: float) -> str:
    """Write a share for people.

    >>> percent(0.9667)
    '96.7 %'
    """
    return f"{100 * share:.1f} %"


def interval(edges: Sequence[float] | None) -> str:
    """Write an interval of shares for people.

    >>> interval((0.94, 0.9815))
    '94.0 to 98.2 %'
    """
    if edges is None:
        return said("no interval")
    return said("{low} to {high} %", low=f"{100 * edges[0]:.1f}", high=f"{100 * edges[1]:.1f}")


class _StandardInput(io.BytesIO):
    """What came through standard input, under its name. It is read here, where Ctrl-C ends it, and not in a thread."""

    name = "standard input"


def source_of(path: Path | str) -> Source:
    """Return what is to be heard for what :func:`sutja.listing.expand` gave."""
    return _StandardInput(sys.stdin.buffer.read(MAX_HELD_BYTES + 1)) if str(path) == "-" else path
