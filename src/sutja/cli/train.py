"""`sutja train`: the study, end to end."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from sutja import config as settings
from sutja.audio import printable
from sutja.cli.options import Bars, data_options, interval, percent, read_data, say
from sutja.config import PRESETS, PROTOCOLS, TrainConfig
from sutja.dataset import Clip, Dataset, scan
from sutja.errors import ConfigError, DatasetError, needs

DEFAULTS = TrainConfig()


@click.command()
@data_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for everything the run leaves.")
@click.option("--preset", default=next(iter(PRESETS)), show_default=True, type=click.Choice(list(PRESETS)))
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    help="What is kept apart; speakers where DATA names enough of them, else clips.",
)
@click.option("--epochs", type=int, help=f"Passes over the training clips.  [default: {DEFAULTS.epochs}]")
@click.option("--folds", type=int, help=f"Parts of the cross-validation.  [default: {DEFAULTS.n_folds}]")
@click.option("--copies", type=int, help=f"Random paddings of each clip.  [default: {DEFAULTS.n_copies}]")
@click.option("--seed", type=int, help=f"Of everything random.  [default: {DEFAULTS.seed}]")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--resume", is_flag=True, help="Go on with a run that was cut off; it ends with the same numbers.")
@click.option("--skip-unreadable", is_flag=True, help="Leave out clips that cannot be used, and say which.")
@click.option("--refuse", multiple=True, metavar="LABEL", help="Clips of DATA to learn refusal from; may be repeated.")
@click.option("--negatives", type=click.Path(path_type=Path), help="More recordings of what is to be refused.")
@click.option("--synthetic-voices", type=click.IntRange(0), help="Synthetic speakers to learn from as well.")
@click.option("--compare", type=click.Path(path_type=Path), help="A finished run to show beside this one.")
def train(  # noqa: PLR0913  one argument an option
    data: tuple[Path, ...],
    layout: str | None,
    audio_root: Path | None,
    rename: tuple[str, ...],
    split: str | None,
    out: Path,
    preset: str,
    protocol: settings.Protocol | None,
    epochs: int | None,
    folds: int | None,
    copies: int | None,
    seed: int | None,
    jobs: int,
    resume: bool,
    skip_unreadable: bool,
    refuse: tuple[str, ...],
    negatives: Path | None,
    synthetic_voices: int | None,
    compare: Path | None,
) -> None:
    """Train on DATA (folders or CSV files) and leave model, scores, figures and report in --out."""
    if find_spec("torch") is None:
        raise needs("torch", "train")
    from sutja import recipe

    chosen: dict[str, Any] = {"epochs": epochs, "n_folds": folds, "n_copies": copies, "seed": seed}
    base = settings.preset(preset)
    config = replace(base, train=replace(base.train, **{k: v for k, v in chosen.items() if v is not None}))
    if synthetic_voices is not None:
        config = replace(config, n_synthetic_voices=synthetic_voices)
    dataset, refused = _set_apart(read_data(data, layout, audio_root, rename, split), refuse)
    if negatives is not None:
        refused += _outside(scan(negatives).clips, dataset.labels)
    if refused and config.refusal is None:
        raise ConfigError(f"preset {preset} cannot refuse; leave --refuse and --negatives out, or use preset robust")
    protocol = protocol or _fitting_protocol(dataset, config.train.n_folds)
    bars = Bars()
    plan = recipe.Plan(
        dataset,
        config,
        protocol,
        out,
        n_jobs=jobs,
        resume=resume,
        skip_unreadable=skip_unreadable,
        negatives=refused,
        compare=compare,
    )
    try:
        metrics = recipe.train(plan, bars)
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command with --resume goes on from here") from None
    finally:
        bars.close()
    _tell(metrics, out)


def _set_apart(dataset: Dataset, refuse: tuple[str, ...]) -> tuple[Dataset, tuple[Clip, ...]]:
    """Part the clips of the vocabulary from those with labels that are to be refused."""
    unknown = set(refuse) - set(dataset.labels)
    if unknown:
        raise DatasetError(f"--refuse {min(unknown)}: no such label; there are {', '.join(dataset.labels[:20])}")
    kept = tuple(clip for clip in dataset.clips if clip.label not in refuse)
    return replace(dataset, clips=kept), tuple(clip for clip in dataset.clips if clip.label in refuse)


def _outside(clips: tuple[Clip, ...], labels: tuple[str, ...]) -> tuple[Clip, ...]:
    """Check that what is to be refused is not in the vocabulary."""
    both = sorted({clip.label for clip in clips if clip.label} & set(labels))
    if both:
        raise DatasetError(
            f"negatives hold {', '.join(map(repr, both[:5]))}, which the model is to learn; take them out"
        )
    return clips


def _fitting_protocol(dataset: Dataset, n_folds: int) -> settings.Protocol:
    named = all(clip.speaker for clip in dataset.labelled)
    fitting: settings.Protocol = "speakers" if named and len(dataset.speakers) >= n_folds else "clips"
    say(f"protocol {fitting}: {len(dataset.speakers)} speakers for {n_folds} folds")
    return fitting


def _tell(metrics: dict[str, Any], out: Path) -> None:
    for name, scores in metrics["members"].items():
        click.echo(f"{name:10s} {percent(scores['accuracy']):>8s}   95 %: {interval(scores['interval95'])}")
    click.echo(f"report: {printable(out / 'report.html')}   model: {printable(out / 'model')}")
    if (out / "submission.csv").exists():
        click.echo(f"predictions of unlabelled clips: {printable(out / 'submission.csv')}")
