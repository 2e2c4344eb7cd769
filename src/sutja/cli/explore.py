"""`sutja explore`: look and listen before training."""

from __future__ import annotations

from pathlib import Path

import click

from sutja.cli.console import command, say, tell
from sutja.cli.options import Bars, DataOptions, data_options, tell_fonts
from sutja.texts.phrases import phrase, retold


@command()
@data_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the page and its figures.")
@click.option(
    "--max-clips", type=click.IntRange(min=1), help="Listen to so many clips at most; a larger data set is sampled."
)
def explore(source: DataOptions, *, out: Path, max_clips: int | None) -> None:
    """Show what is in DATA and what is wrong with it: one page with figures and players."""
    from sutja.reports import explore as exploring

    tell_fonts()
    dataset = source.read()
    bars = Bars()
    try:
        exploration = exploring.explore(dataset, out, max_clips=max_clips or exploring.MAX_CLIPS, progress=bars)
    finally:
        bars.close()
    if exploration.sampled:
        say(f"listened to a sample of {len(exploration.clips)} of {len(dataset.clips)} clips")
    for finding in exploration.findings:
        tell(f"{phrase(finding.weight)}: {retold(finding.text)}")
    say(f"Open {out / 'explore.html'}")
