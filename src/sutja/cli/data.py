"""`sutja data`: look into recordings, make some, fetch some."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from sutja import download
from sutja.cli.console import Group, say, tell
from sutja.cli.options import Bars, DataOptions, Lines, data_options
from sutja.dataset import scan
from sutja.download import CORPORA
from sutja.errors import DatasetError, listed
from sutja.inspection import Inspection, inspect
from sutja.lexicon import digit_words
from sutja.listening import PROBLEMS
from sutja.synth import SynthConfig, parse_words, write_dataset
from sutja.texts.phrases import phrase, retold, said

# Problems of one kind that are shown to people; --json has them all.
N_SHOWN = 3
MEGABYTE = 1_000_000
_SYNTH = SynthConfig()


@click.group(cls=Group)
def data() -> None:
    """Look into recordings, make synthetic ones, fetch public ones."""


@data.command()
@data_options
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
def info(source: DataOptions, *, as_json: bool) -> None:
    """Say what is in DATA, folders or CSVs, and what is wrong with it.

    Where of a label or a speaker no clip can be read, the exit status is 1.
    """
    dataset = source.read()
    bars = Bars()
    try:
        inspection = inspect(dataset, progress=bars)
    finally:
        bars.close()
    lines = [json.dumps(inspection.to_dict(), ensure_ascii=False)] if as_json else map(retold, _lines(inspection))
    click.echo("\n".join(lines))
    if inspection.lost:
        raise DatasetError(
            f"none of the clips of {listed(inspection.lost, 8)} can be read; mend them, or take them out"
        )


@data.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--voices", "n_voices", type=int, default=_SYNTH.n_voices, show_default=True, help="Speakers.")
@click.option("--takes", "n_takes", type=int, default=_SYNTH.n_takes, show_default=True, help="Of each word by each.")
@click.option("--labels", help="0,1,2 or yes,no or LABEL=TEXT,...; the ten digits if not given.")
@click.option("--language", default=_SYNTH.language, show_default=True, help="eSpeak's name: en, en-us, ko, de, ...")
@click.option("--rate", "rates", type=(int, int), default=_SYNTH.rates, show_default=True, help="Words per minute.")
@click.option("--pitch", "pitches", type=(int, int), default=_SYNTH.pitches, show_default=True, help="0 to 99.")
@click.option("--sample-rate", type=int, default=_SYNTH.sample_rate, show_default=True, help="Hz.")
@click.option("--seed", type=int, default=_SYNTH.seed, show_default=True, help="The same seed, the same files.")
def synth(folder: Path, labels: str | None, **settings: Any) -> None:
    """Write recordings of synthetic voices to DIR, in AudioMNIST's layout: no download, no microphone."""
    config = SynthConfig(**settings)
    words = parse_words(labels) if labels else digit_words(config.language)
    bars = Bars()
    try:
        progress = bars.stage("speaking", config.n_voices * len(words) * config.n_takes, "clip")
        n_clips = write_dataset(folder, words, config, progress=progress)
    finally:
        bars.close()
    tell(f"{folder}: {n_clips} clips, {config.n_voices} speakers, {len(words)} labels")


@data.command()
@click.argument("name", required=False, type=click.Choice(list(CORPORA)))
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Where; ./NAME if not given.")
@click.option("--url", help="Another address of the archive, a zip or a tar.")
@click.option("--sha256", help="What the archive's checksum must be.")
@click.option("--list", "only_list", is_flag=True, help="Say what there is, and fetch nothing.")
def fetch(name: str | None, folder: Path | None, url: str | None, sha256: str | None, only_list: bool) -> None:
    """Fetch the public corpus NAME; an interrupted download is resumed when the command is run again."""
    if only_list or name is None:
        click.echo("\n".join(f"{n}: {phrase(s.what)}; {s.size}; {s.licence}; {s.url}" for n, s in CORPORA.items()))
        return
    with byte_bar(name) as progress:
        fetched = download.fetch(name, folder or Path(name), url=url, sha256=sha256, progress=progress)
    if not fetched.checked:
        say(
            f"no published checksum; the sha256 of what came is {fetched.sha256} (give it as --sha256 to check the "
            "next download)"
        )
    say(f"licence: {CORPORA[name].licence}")
    dataset = scan(fetched.folder)
    tell(f"{fetched.folder}: {len(dataset.clips)} clips, layout {dataset.description}")


@contextmanager
def byte_bar(name: str) -> Iterator[download.OnBytes]:
    """Show bytes coming, on stderr: a bar where someone looks, a line now and then where not."""
    if not sys.stderr.isatty():
        lines = Lines(name, "megabyte")
        yield lambda n_bytes, total: lines.reach(n_bytes // MEGABYTE, total and total // MEGABYTE)
        return
    with tqdm(desc=name, unit="B", unit_scale=True, dynamic_ncols=True) as bar:

        def show(n_bytes: int, total: int | None) -> None:
            bar.total = total
            bar.update(n_bytes - bar.n)

        yield show


def _lines(inspection: Inspection) -> Iterable[str]:
    """Write an inspection for people."""
    lengths = inspection.durations
    unlabelled = f", {inspection.n_unlabelled} of them without label" if inspection.n_unlabelled else ""
    yield f"layout:      {inspection.layout}"
    yield from (f"columns:     {columns}" for columns in inspection.columns)
    yield f"clips:       {inspection.n_clips}{unlabelled}"
    yield f"labels:      {_counted(inspection.labels, 40)}"
    if inspection.negatives:
        yield f"to refuse:   {_counted(inspection.negatives)}"
    yield f"speakers:    {_counted(inspection.speakers, 10)}"
    yield f"splits:      {_counted(inspection.splits)}"
    yield f"rates (Hz):  {_counted(inspection.sample_rates)}"
    yield f"channels:    {_counted(inspection.channels)}"
    yield f"durations:   {lengths.shortest:.2f} to {lengths.longest:.2f} s, median {lengths.median:.2f} s"
    yield f"in all:      {lengths.total / 60:.1f} minutes"
    yield from (f"note:        {note}" for note in inspection.notes)
    groups = inspection.problems_by_kind()
    yield f"problems:    {len(inspection.problems) if groups else 'none'}"
    for kind, group in groups.items():
        yield f"  {PROBLEMS[kind]}: {len(group)}"
        yield from (f"    {p.name}: {p.detail}" for p in group[:N_SHOWN])
        if len(group) > N_SHOWN:
            yield f"    and {len(group) - N_SHOWN} more (--json names them)"


def _counted(counts: Mapping[str, int] | Mapping[int, int], n_shown: int = 20) -> str:
    """Write values with their number of clips.

    >>> _counted({"yes": 3, "no": 2})
    '2 (yes 3, no 2)'
    >>> _counted({})
    'none'
    """
    if not counts:
        return said("none")
    shown = [f"{value} {count}" for value, count in counts.items()]
    return f"{len(counts)} ({', '.join(shown[:n_shown])}{', ...' if len(shown) > n_shown else ''})"
