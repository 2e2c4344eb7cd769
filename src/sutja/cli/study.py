"""`sutja study`: the whole study on one's own files, told from top to bottom."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from sutja.audio import printable
from sutja.cli.console import command, say
from sutja.cli.options import Bars, speaker_from_option
from sutja.errors import needs
from sutja.plan import N_CORES
from sutja.texts import speaking
from sutja.texts.phrases import current


@command()
@click.argument("project", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for page, notebook and submission.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training clips, if not the study's 50.")
@click.option("--experiment", metavar="NAME", help="Only this experiment: padding, copies, mfcc, ...")
@speaker_from_option
@click.option("--jobs", "n_jobs", default=N_CORES, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--resume", is_flag=True, help="Go on with a study that was cut off, or tell it again.")
def study(project: Path, *, out: Path, experiment: str | None, **options: object) -> None:
    """Do the whole study on PROJECT: train.csv, test.csv and their clips, or any data that sutja reads.

    Explores, trains the study's way and the honest ways, tries its faults, and leaves study.html, study.ipynb,
    submission.csv, metrics.json and figures/ in --out.
    """
    if find_spec("torch") is None:
        raise needs("torch", "study")
    from sutja import study as studying

    language = current()
    called = shlex.join(["sutja", *map(printable, sys.argv[1:])])
    asked = studying.Asked(project, out, language=language, command=called, **options)  # type: ignore[arg-type]
    t = speaking(language)
    if experiment:
        outcome, figure = studying.try_one(asked, experiment, say)
        click.echo(t(f"experiments.{outcome.name}.question"))
        click.echo(outcome.text(language))
        say(t("study.cli.figure", path=printable(figure)))
        return
    bars = Bars()
    try:
        page = studying.conduct(asked, bars, say)
    except KeyboardInterrupt:
        raise click.ClickException(t("study.cli.stopped")) from None
    finally:
        bars.close()
    for line in studying.in_short(out, language):
        click.echo(line)
    say(t("study.cli.open", page=printable(page), notebook=printable(out / "study.ipynb")))
