"""`sutja audit`: which recordings of a run are worth a listen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sutja.cli.options import Bars, percent, say

if TYPE_CHECKING:
    from sutja.reports.review import Review


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for page and CSV files.  [default: RUN/audit]")
@click.option("--top", type=click.IntRange(0, 500), help="Clips of each list on the page; the CSV files hold all.")
def audit(run: Path, out: Path | None, top: int | None) -> None:
    """List recordings of RUN worth a listen: labels in doubt, duplicates, words that nothing recognises."""
    from sutja.reports import audit as auditing

    out = out or run / "audit"
    bars = Bars()
    try:
        found = auditing.audit(run, out, top=auditing.TOP if top is None else top, stage=bars.stage)
    finally:
        bars.close()
    _tell(found)
    if found.out_of_fold.accuracy < auditing.MIN_ACCURACY:
        say("the networks of this run know too little to judge labels: train longer, or on more recordings")
    say(f"Open {out / 'audit.html'}; the whole lists are beside it as CSV")


def _tell(found: Review) -> None:
    n_clips = len(found.out_of_fold.clips)
    click.echo(f"clips: {n_clips}, of which the networks get {percent(found.out_of_fold.accuracy)} as labelled")
    first = f"; first: {_doubt(found)}" if found.doubtful else ""
    click.echo(f"label probably wrong: {len(found.doubtful)}{first}")
    n_across = sum(bool(found.across(pair)) for pair in found.duplicates)
    click.echo(f"recorded once, there twice: {len(found.duplicates)}, {n_across} under another label or speaker")
    click.echo(f"recognised as nothing: {len(found.unrecognised)}")
    if found.heard.unreadable:
        index, reason = found.heard.unreadable[0]
        name = found.out_of_fold.clips[index].name
        click.echo(f"cannot be heard any more: {len(found.heard.unreadable)}; first: {name}: {reason}")


def _doubt(found: Review) -> str:
    doubt, labels = found.doubtful[0], found.out_of_fold.labels
    name = found.out_of_fold.clips[doubt.index].name
    share = percent(doubt.suggested_probability)
    return f"{name} says {labels[doubt.target]}, sounds like {labels[doubt.suggested]} ({share})"
