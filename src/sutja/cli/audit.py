"""`sutja audit`: which recordings of a run are worth a listen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sutja.cli.console import command, say, tell
from sutja.cli.options import Bars, percent, tell_fonts

if TYPE_CHECKING:
    from sutja.reports.review import Review


@command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for page and CSV files.  [default: RUN/audit]")
@click.option("--top", type=click.IntRange(0, 500), help="Clips of each list on the page; the CSV files hold all.")
def audit(run: Path, out: Path | None, top: int | None) -> None:
    """List recordings of RUN worth a listen: doubtful labels, the same recording twice, clips not recognised."""
    from sutja.reports import audit as auditing

    tell_fonts()
    out = out or run / "audit"
    bars = Bars()
    try:
        review = auditing.audit(run, out, top=auditing.TOP if top is None else top, progress=bars)
    finally:
        bars.close()
    _print_counts(review)
    if review.out_of_fold.accuracy < auditing.MIN_ACCURACY:
        say("the networks of this run know too little to judge labels: train longer, or on more recordings")
    say(f"Open {out / 'audit.html'}; the whole lists are beside it as CSV")


def _print_counts(review: Review) -> None:
    n_clips = len(review.out_of_fold.clips)
    tell(f"clips: {n_clips}, of which the networks get {percent(review.out_of_fold.accuracy)} as labelled")
    first = f"; first: {_first_doubt(review)}" if review.doubtful else ""
    tell(f"label probably wrong: {len(review.doubtful)}{first}")
    n_across = sum(bool(review.across(pair)) for pair in review.duplicates)
    tell(f"the same recording twice: {len(review.duplicates)}, {n_across} under another label or speaker")
    tell(f"not recognised: {len(review.unrecognised)}")
    if review.sketched.unreadable:
        index, reason = review.sketched.unreadable[0]
        name = review.out_of_fold.clips[index].name
        tell(f"cannot be heard any more: {len(review.sketched.unreadable)}; first: {name}: {reason}")


def _first_doubt(review: Review) -> str:
    doubt, labels = review.doubtful[0], review.out_of_fold.labels
    name = review.out_of_fold.clips[doubt.index].name
    share = percent(doubt.suggested_probability)
    return f"{name} says {labels[doubt.target]}, sounds like {labels[doubt.suggested]} ({share})"
