"""`sutja sweep`: presets, seeds and data sets at once."""

from __future__ import annotations

from pathlib import Path

import click

from sutja import sweep as sweeping
from sutja.audio import printable
from sutja.cli.console import command, tell
from sutja.cli.options import Bars, engine_options, percent
from sutja.engine.choice import Choice
from sutja.errors import RunError, listed
from sutja.plan import N_CORES
from sutja.texts.phrases import phrase, said


@command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for table, page and all runs.")
@click.option("--jobs", "n_jobs", default=N_CORES, show_default=True, type=click.IntRange(1), help="Runs at a time.")
@engine_options
@click.option("--resume", is_flag=True, help="Go on with a sweep that was cut off; what failed is tried again.")
def sweep(config: Path, *, out: Path, engine: Choice, n_jobs: int, resume: bool) -> None:
    """Train every preset with every seed on every data set of CONFIG, a TOML file, and leave one table and one page.

    CONFIG: `presets = ["reference", "robust"]`, `seeds = [1, 2]`, and a table `[data.NAME]` with `paths = [...]` for
    each data set.
    """
    bars = Bars()
    try:
        rows = sweeping.conduct(config, out, engine, n_jobs, bars, resume=resume)
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command with --resume goes on from here") from None
    finally:
        bars.close()
    for found in sweeping.summaries(rows):
        score = phrase("no run ended well") if found.accuracy is None else percent(found.accuracy)
        runs = said("{n} runs", n=found.n_runs)
        click.echo(f"{printable(found.data):20s} {found.preset:10s} {score:>8s}   {runs}")
    tell(f"table: {printable(out / 'results.csv')}   page: {printable(out / 'sweep.html')}")
    failed = [row.name for row in rows if row.fault]
    if failed:
        raise RunError(
            f"{len(failed)} of {len(rows)} runs failed ({listed(failed)}); the table says why; correct it and go on "
            "with --resume"
        )
