"""`sutja train`: the study, end to end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from sutja.audio import printable
from sutja.cli.console import command, say, tell
from sutja.cli.options import (
    Bars,
    DataOptions,
    data_options,
    engine_options,
    interval,
    percent,
    read_negatives,
    read_sounds,
    tell_fonts,
)
from sutja.config import DEFAULT_PRESET, PRESETS, PROTOCOLS, Config
from sutja.errors import ConfigError, needs
from sutja.plan import FEW_TO_GO_ON_WITH, N_CORES, QUICK_BELOW, Plan, Wishes, plan_run
from sutja.progress import Progress
from sutja.runs import Metrics
from sutja.texts.phrases import current


@command()
@data_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for everything the run leaves.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help=f"How it learns: quick, in seconds, where there are fewer than {QUICK_BELOW} clips and no option asks for "
    f"more; else {DEFAULT_PRESET}.",
)
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
@click.option("--jobs", "n_jobs", default=N_CORES, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--resume", is_flag=True, help="Go on with a run that was cut off; it ends with the same numbers.")
@click.option("--skip-unreadable", is_flag=True, help="Leave out clips that cannot be used, and say which.")
@click.option("--refuse", multiple=True, metavar="LABEL", help="Clips of DATA to learn refusal from; may be repeated.")
@click.option(
    "--drop", multiple=True, metavar="LABEL", help="Clips of DATA or of --negatives to leave out; may be repeated."
)
@click.option(
    "--extra", multiple=True, type=click.Path(path_type=Path), help="More recordings to learn from, never measured on."
)
@click.option(
    "--negatives",
    multiple=True,
    type=click.Path(path_type=Path),
    help="More recordings of what is to be refused; may be repeated.",
)
@click.option(
    "--noise",
    "backgrounds",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Recordings of real backgrounds to put words among; may be repeated.",
)
@click.option(
    "--rooms",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Impulse responses of rooms to put words into; may be repeated.",
)
@click.option(
    "--teacher", is_flag=True, help="Learn what a general recogniser makes of each sound, too (extra teacher)."
)
@click.option("--false-accept-rate", type=float, help="Share of other words and noises to be taken for a word.")
@click.option(
    "--synthetic-voices", "n_synthetic_voices", type=click.IntRange(0), help="Synthetic speakers to learn from as well."
)
@click.option("--language", metavar="LANG", help="That is spoken: en, ko, de, ...; needed for --synthetic-voices.")
@click.option(
    "--spoken", multiple=True, metavar="LABEL=TEXT", help="What is said for a label, if not its word; may be repeated."
)
@click.option(
    "--from",
    "body",
    metavar="MODEL",
    help="The model that words are taught on (preset quick), or whose network goes on learning (robust, words): "
    "a folder, or one that sutja brings.",
)
@click.option(
    "--strings", "as_strings", is_flag=True, help="Also learn the words in a row, as in numbers that are read out."
)
@click.option(
    "--string-data",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Recordings of strings (a table with a column digits or words) to learn from as well; needs --strings.",
)
@click.option(
    "--string-steps", type=click.IntRange(10), help="Steps of learning strings, if not the preset's; needs --strings."
)
@click.option(
    "--strings-from",
    metavar="MODEL",
    help="A model that knows words in a row, whose network goes on learning; needs --strings.",
)
@engine_options
@click.option("--licence", help="Of the model, to be written into it.")
@click.option("--compare", type=click.Path(path_type=Path), help="A finished run to show beside this one.")
def train(source: DataOptions, *, out: Path, **options: Any) -> None:
    """Train on DATA (folders or CSV files) and leave model, scores, figures and report in --out."""
    lesson = _Strings(*(options.pop(name) for name in ("as_strings", "string_data", "string_steps", "strings_from")))
    lesson.check()
    dataset, extra = source.read_with(options.pop("extra"))
    negatives = read_negatives(options.pop("negatives"))
    for name in ("backgrounds", "rooms"):
        options[name] = read_sounds(options[name])
    options["spoken"] = _spoken(options["spoken"])
    wishes = Wishes(**{field.name: options.pop(field.name) for field in fields(Wishes)})
    options["command"] = shlex.join(["sutja", *map(printable, sys.argv[1:])])
    plan = plan_run(dataset, out, wishes, extra=extra, negatives=negatives, **options)
    for note in plan.dataset.notes[len(dataset.notes) :]:  # of what was planned
        say(note)
    if wishes.preset is None:
        say(f"preset {plan.config.preset}: {_why(plan.config)}")
    if wishes.protocol is None and not plan.config.only_teaches:
        n_folds = plan.config.train.n_folds
        say(f"protocol {plan.protocol}: {len(plan.dataset.speakers)} speakers for {n_folds} folds")
    n_clips = len(plan.dataset.labelled)
    if plan.config.body is not None and not plan.config.only_teaches and n_clips < FEW_TO_GO_ON_WITH:
        say(
            f"{n_clips} clips are few for a network to go on learning from: where it was measured, preset quick knew "
            "new voices as well, let fewer other words pass and took seconds"
        )
    tell_fonts()
    bars = Bars()
    try:
        metrics = _way(plan)(plan, bars)
        if lesson.wanted:
            lesson.learn(plan, bars)
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command with --resume goes on from here") from None
    finally:
        bars.close()
    _print_scores(metrics, plan)


@dataclass(frozen=True)
class _Strings:
    """What the user says of words in a row."""

    wanted: bool
    data: tuple[Path, ...]
    n_steps: int | None
    start: str | None

    def check(self) -> None:
        """Refuse what would be ignored, and say at once what is missing."""
        options = {"--string-data": self.data or None, "--string-steps": self.n_steps, "--strings-from": self.start}
        given = next((option for option, value in options.items() if value is not None), None)
        if not self.wanted and given is not None:
            raise click.UsageError(f"{given} is of words in a row, which are not asked for; add --strings")
        if not self.wanted:
            return
        if find_spec("torch") is None:
            raise needs("torch", "train")
        from sutja.learn.strings import read_start, table_in

        for path in self.data:
            table_in(path)
        read_start(self.start)

    def learn(self, plan: Plan, progress: Progress) -> None:
        from sutja.learn.strings import add

        add(plan, self.data, self.n_steps, progress, self.start)


def _why(config: Config) -> str:
    """Say what a preset that was chosen for the user does."""
    if config.body is not None:
        name = printable(config.body)
        return f"words are taught to {name}, in seconds; with --preset robust --from {name} it goes on learning itself"
    return "a network learns from these recordings alone"


def _way(plan: Plan) -> Callable[[Plan, Progress], Metrics]:
    """Return what runs the plan: networks that learn, or a head on a body that is there."""
    if plan.config.only_teaches:
        from sutja import quick

        return quick.train
    if find_spec("torch") is None:
        raise needs("torch", "train")
    from sutja import recipe

    return recipe.train


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


def _print_scores(metrics: Metrics, plan: Plan) -> None:
    for name, scores in metrics.members.items():
        tell(f"{name:10s} {percent(scores.accuracy):>8s}   95 %: {interval(scores.interval95)}")
    if plan.config.body is not None:
        _print_lesson(metrics)
    run = plan.folder
    tell(f"report: {printable(run.report)}   model: {printable(run.model)}")
    if run.submission.exists():
        tell(f"predictions of unlabelled clips: {printable(run.submission)}")


def _print_lesson(metrics: Metrics) -> None:
    """Say what else is known of words that were taught, and what to do next."""
    on = {"speakers": "voices", "clips": "recordings", "corpora": "corpora"}[metrics.protocol]
    tell(f"on {on} that it did not learn from; all of them are in the model")
    if metrics.refusal is not None:
        refused, taken = metrics.refusal.false_reject_rate, metrics.refusal.false_accept_rate
        tell(f"refuses {percent(refused)} of these words, takes {percent(taken)} of other words and noises for one")
    for advice in metrics.advice:
        tell(f"next: {advice.text(current())}")
