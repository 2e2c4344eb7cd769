"""What several commands share: the data set's options and bars of progress."""

from __future__ import annotations

import functools
import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sutja.audio import walk_audio
from sutja.bundle import DEFAULT_MODEL
from sutja.errors import DatasetError

if TYPE_CHECKING:  # `sutja predict` starts sooner without what it does not use
    from tqdm import tqdm

    from sutja.clips import Clip
    from sutja.dataset import Dataset

Callback = Callable[..., Any]


model_option = click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    type=click.Path(path_type=Path),
    help="Model folder, the run that has it, or the name of a model that sutja brings.",
)


@dataclass(frozen=True)
class Source:
    """What the user says of DATA."""

    data: tuple[Path, ...]
    layout: str | None
    audio_root: Path | None
    rename: tuple[str, ...]
    split: str | None

    def read(self) -> Dataset:
        """Read DATA as one data set, and say aloud how it was read."""
        return self.read_with(())[0]

    def read_with(self, extra: Sequence[Path]) -> tuple[Dataset, tuple[Clip, ...]]:
        """Read DATA, and in the same way the labelled clips of ``extra``; a rename may be meant for either."""
        from sutja.dataset import narrowed, read_each

        groups, names = [self.data, *([extra] if extra else [])], dict(map(_pair, self.rename))
        dataset, *more = read_each(groups, layout=self.layout, audio_root=self.audio_root, rename=names, on_note=say)
        return narrowed(dataset, self.split), tuple(clip for other in more for clip in other.labelled)


def data_options(command: Callback) -> Callback:
    """Add DATA... and how to read it; the command gets them as one :class:`Source`."""
    from sutja.layouts import LAYOUTS

    @functools.wraps(command)
    def gathered(**options: Any) -> Any:
        source = Source(**{field.name: options.pop(field.name) for field in fields(Source)})
        return command(source, **options)

    options = [
        click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path)),
        click.option(
            "--layout", type=click.Choice(list(LAYOUTS)), help="How DATA is laid out; found out if not given."
        ),
        click.option(
            "--audio-root", type=click.Path(path_type=Path), help="Folder that a CSV's names are relative to."
        ),
        click.option("--rename", multiple=True, metavar="OLD=NEW", help="Read label OLD as NEW; may be repeated."),
        click.option("--split", type=click.Choice(["train", "valid", "test"]), help="Only this part of DATA."),
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


class Bars:
    """A bar on stderr for each stage of work, where someone looks; a line for each stage where not."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def stage(self, name: str, total: int, unit: str) -> Callable[[], None]:
        """Begin a stage."""
        self.close()
        if not sys.stderr.isatty():
            say(f"{name}: {total} {unit}s")
            return lambda: None
        from tqdm import tqdm

        bar = self._bar = tqdm(total=total, desc=name, unit=unit, dynamic_ncols=True)
        return lambda: bar.update() and None

    def say(self, text: str) -> None:
        """Tell one thing without tearing the bar."""
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None


def say(text: str) -> None:
    """Tell a person something: on stderr, so that stdout stays for results."""
    click.echo(text, err=True)


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
    return "no interval" if edges is None else f"{100 * edges[0]:.1f} to {100 * edges[1]:.1f} %"


def expand(paths: Iterable[str]) -> Iterator[Path]:
    """Turn files, folders and globs into files, in order; what matches nothing stays as it is, to be told of."""
    for text in paths:
        path = Path(text)
        if os.path.isdir(text):  # noqa: PTH112  Path.is_dir raises where a name is too long
            yield from _or_itself(path, walk_audio(path))
        elif os.path.exists(text):  # noqa: PTH110
            yield path
        else:
            names = sorted(glob.glob(text, recursive=True))  # noqa: PTH207  the pattern is the user's own, from anywhere
            yield from _or_itself(path, (Path(name) for name in names if not os.path.isdir(name)))  # noqa: PTH112


def _or_itself(path: Path, files: Iterator[Path]) -> Iterator[Path]:
    first = next(files, path)
    yield first
    yield from files
