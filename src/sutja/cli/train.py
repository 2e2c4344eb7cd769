"""`sutja train`: the study, end to end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from sutja.audio import printable
from sutja.cli.options import Bars, Source, data_options, interval, percent, say
from sutja.config import PRESETS, PROTOCOLS, Config, Protocol, preset
from sutja.dataset import Clip, Dataset, natural_order, scan
from sutja.errors import ConfigError, DatasetError, needs


@click.command()
@data_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for everything the run leaves.")
@click.option("--preset", default=next(iter(PRESETS)), show_default=True, type=click.Choice(list(PRESETS)))
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    help="What is kept apart; speakers where DATA names enough of them, else clips.",
)
@click.option("--epochs", type=int, help="Passes over the training clips in each fold, if not the preset's.")
@click.option("--folds", "n_folds", type=int, help="Parts of the cross-validation, if not the preset's.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    help="Of products in training; bfloat16 is faster where the processor has it.",
)
@click.option("--copies", "n_copies", type=int, help="Versions of each clip, if not the preset's.")
@click.option("--seed", type=int, help="Of everything random, if not the preset's.")
@click.option(
    "--jobs", "n_jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1), help="Processes."
)
@click.option("--resume", is_flag=True, help="Go on with a run that was cut off; it ends with the same numbers.")
@click.option("--skip-unreadable", is_flag=True, help="Leave out clips that cannot be used, and say which.")
@click.option("--refuse", multiple=True, metavar="LABEL", help="Clips of DATA to learn refusal from; may be repeated.")
@click.option("--drop", multiple=True, metavar="LABEL", help="Clips of DATA to leave out; may be repeated.")
@click.option(
    "--extra", multiple=True, type=click.Path(path_type=Path), help="More recordings to learn from, never measured on."
)
@click.option(
    "--negatives",
    multiple=True,
    type=click.Path(path_type=Path),
    help="More recordings of what is to be refused; may be repeated.",
)
@click.option("--false-accept-rate", type=float, help="Share of other words and noises to be taken for a word.")
@click.option(
    "--synthetic-voices", "n_synthetic_voices", type=click.IntRange(0), help="Synthetic speakers to learn from as well."
)
@click.option("--language", metavar="LANG", help="That is spoken: en, ko, de, ...; needed for --synthetic-voices.")
@click.option(
    "--spoken", multiple=True, metavar="LABEL=TEXT", help="What is said for a label, if not its word; may be repeated."
)
@click.option("--licence", help="Of the model, to be written into it.")
@click.option("--compare", type=click.Path(path_type=Path), help="A finished run to show beside this one.")
def train(source: Source, *, out: Path, **options: Any) -> None:
    """Train on DATA (folders or CSV files) and leave model, scores, figures and report in --out."""
    if find_spec("torch") is None:
        raise needs("torch", "train")
    from sutja import recipe

    config = _settings(options)
    dataset, extra = source.read_with(options["extra"])
    dataset, extra, _ = _set_apart(dataset, extra, options["drop"], "--drop")
    dataset, extra, refused = _set_apart(dataset, extra, options["refuse"], "--refuse")
    for root in options["negatives"]:
        refused += _outside(scan(root).clips, dataset.labels)
    if refused and config.refusal is None:
        raise ConfigError(f"preset {config.preset} cannot refuse; leave --refuse and --negatives out, or choose robust")
    if extra and config.augment is None:
        raise ConfigError(f"preset {config.preset} learns from DATA only; leave --extra out, or choose robust")
    protocol = options["protocol"] or _fitting_protocol(dataset, config.train.n_folds)
    if protocol == "corpora":
        config = replace(config, train=replace(config.train, n_folds=max(2, len(source.data))))
    asked = {name: options[name] for name in ("n_jobs", "resume", "skip_unreadable", "compare", "licence")}
    plan = recipe.Plan(dataset, config, protocol, out, negatives=refused, extra=extra, **asked)
    bars = Bars()
    try:
        metrics = recipe.train(plan, bars)
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command with --resume goes on from here") from None
    finally:
        bars.close()
    _tell(metrics, out)


def _settings(options: Mapping[str, Any]) -> Config:
    """Take the preset, and what the options say otherwise."""
    base = preset(options["preset"])
    names = ("epochs", "n_folds", "n_copies", "seed", "precision")
    chosen = {name: options[name] for name in names if options[name] is not None}
    if "epochs" in chosen:
        chosen["min_steps"] = 0
    config = replace(base, train=replace(base.train, **chosen))
    if options["false_accept_rate"] is not None:
        if base.refusal is None:
            raise ConfigError(f"preset {base.preset} cannot refuse; leave --false-accept-rate out, or choose robust")
        refusal = replace(base.refusal, false_accept_rate=options["false_accept_rate"])
        config = replace(config, refusal=refusal)
    n_voices = options["n_synthetic_voices"]
    config = replace(config, language=options["language"], spoken=_spoken(options["spoken"]))
    return config if n_voices is None else replace(config, n_synthetic_voices=n_voices)


def _spoken(texts: tuple[str, ...]) -> dict[str, str]:
    spoken: dict[str, str] = {}
    for text in texts:
        label, equals, said = (part.strip() for part in text.partition("="))
        if not equals or not label or not said:
            raise ConfigError(f"--spoken {text}: expected LABEL=TEXT, for example 2=zwo")
        if label in spoken:
            raise ConfigError(f"--spoken {text}: label {label!r} is there twice; expected one text for each label")
        spoken[label] = said
    return spoken


def _set_apart(
    dataset: Dataset, extra: tuple[Clip, ...], named: tuple[str, ...], option: str
) -> tuple[Dataset, tuple[Clip, ...], tuple[Clip, ...]]:
    """Part the clips of the vocabulary from those with labels that an option names."""
    labels = natural_order(clip.label for clip in (*dataset.clips, *extra))
    unknown = set(named) - set(labels)
    if unknown:
        raise DatasetError(f"{option} {min(unknown)}: no such label; there are {', '.join(labels[:20])}")
    kept = replace(dataset, clips=tuple(clip for clip in dataset.clips if clip.label not in named))
    apart = tuple(clip for clip in (*dataset.clips, *extra) if clip.label in named)
    return kept, tuple(clip for clip in extra if clip.label not in named), apart


def _outside(clips: tuple[Clip, ...], labels: tuple[str, ...]) -> tuple[Clip, ...]:
    """Check that what is to be refused is not in the vocabulary."""
    both = sorted({clip.label for clip in clips if clip.label} & set(labels))
    if both:
        raise DatasetError(
            f"negatives hold {', '.join(map(repr, both[:5]))}, which the model is to learn; take them out"
        )
    return clips


def _fitting_protocol(dataset: Dataset, n_folds: int) -> Protocol:
    named = all(clip.speaker for clip in dataset.labelled)
    fitting: Protocol = "speakers" if named and len(dataset.speakers) >= n_folds else "clips"
    say(f"protocol {fitting}: {len(dataset.speakers)} speakers for {n_folds} folds")
    return fitting


def _tell(metrics: dict[str, Any], out: Path) -> None:
    for name, scores in metrics["members"].items():
        click.echo(f"{name:10s} {percent(scores['accuracy']):>8s}   95 %: {interval(scores['interval95'])}")
    click.echo(f"report: {printable(out / 'report.html')}   model: {printable(out / 'model')}")
    if (out / "submission.csv").exists():
        click.echo(f"predictions of unlabelled clips: {printable(out / 'submission.csv')}")
