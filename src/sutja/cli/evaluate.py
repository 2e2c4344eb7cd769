"""`sutja evaluate`: how well a model does on labelled recordings."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sutja.audio import printable
from sutja.cli.console import command, say, tell
from sutja.cli.options import (
    Bars,
    DataOptions,
    about,
    data_options,
    interval,
    model_option,
    percent,
    read_negatives,
    read_sounds,
    tell_fonts,
)
from sutja.dataset import check_none_lost
from sutja.errors import DatasetError, one_line
from sutja.evaluation import Evaluation, Outside
from sutja.evaluation import evaluate as evaluate_clips
from sutja.groups import GroupShare
from sutja.predictor import Predictor
from sutja.stress import UnderStress, n_steps, stress
from sutja.texts.phrases import phrase, said

if TYPE_CHECKING:
    from sutja.strings.evaluation import StringScores

MOST_SHOWN = 10
"""Lines of each kind for people; the worst first."""


@command()
@data_options
@model_option
@click.option(
    "--stress", "stressed", is_flag=True, help="Also in noise and rooms, at other levels and speeds, through codecs."
)
@click.option(
    "--negatives",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Recordings of what is not in the vocabulary; may be repeated.",
)
@click.option("--known-length", is_flag=True, help="Strings of words: tell the model how long each is.")
@click.option("--out", type=click.Path(path_type=Path), help="A page (HTML) with all of it.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def evaluate(  # noqa: PLR0913  one a command-line option
    source: DataOptions,
    *,
    model: Path,
    stressed: bool,
    negatives: tuple[Path, ...],
    known_length: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Score a model on the labelled clips of DATA.

    Clips that cannot be used are named and left out, and the exit status is 1.

    DATA may be strings of words: folders whose table has a column `digits` (4711) or `words` (four seven one one) and
    none of labels. A row in which it is empty holds no word of the vocabulary: what is heard there is false.
    """
    tables = _tables_of_strings(source)
    if tables:
        _refuse_for_strings(source, stressed)
        string_scores = _scores_of_strings(tables, model, negatives, known_length=known_length)
        _tell_string_scores(string_scores, tables, out, known=known_length, as_json=as_json)
        sys.exit(1 if string_scores.unreadable else 0)
    if known_length:
        raise click.UsageError("--known-length is of strings; expected DATA with a column `digits` or `words`")
    predictor = Predictor.load(model)
    dataset = source.read()
    clips, outside = dataset.labelled, (*dataset.negatives, *read_negatives(negatives))
    bars = Bars()
    try:
        step = bars.stage("evaluating", len(clips) + len(outside), "clip")
        evaluation = evaluate_clips(predictor, clips, outside=outside, on_clip=step)
        under_stress = []
        if stressed:
            under_stress = stress(predictor, clips, on_clip=bars.stage("under stress", n_steps(len(clips)), "clip"))
    finally:
        bars.close()
    for reason in evaluation.unreadable.values():
        say(f"left out: {reason}")
    if out:
        from sutja.reports.scorecard import write_scorecard

        tell_fonts()
        title = ", ".join(path.name for path in source.data)
        write_scorecard(out, evaluation, predictor.bundle, title=title, under_stress=under_stress)
    if as_json:
        scores = dataclasses.asdict(evaluation.scores)
        rest = {name: value for name, value in dataclasses.asdict(evaluation).items() if name != "scores"}
        under = {"stress": [dataclasses.asdict(scores) for scores in under_stress]} if stressed else {}
        click.echo(json.dumps(scores | rest | under, ensure_ascii=False))
    else:
        _print_scores(evaluation)
        _print_outside(evaluation.outside)
        _print_stress(under_stress)
    check_none_lost(dataset.root, clips, (clip for clip in clips if clip.name not in evaluation.unreadable))
    sys.exit(1 if evaluation.unreadable else 0)


# -- strings ----------------------------------------------------------------------------------------------------------


def _tables_of_strings(source: DataOptions) -> list[Path]:
    """Return the tables that make DATA strings of words; none where it is single words."""
    from sutja.strings.sets import set_of

    if source.layout is not None:
        return []
    tables = [set_of(path) for path in source.data]
    found = [table for table in tables if table is not None]
    if found and len(found) < len(tables):
        other = source.data[tables.index(None)]
        raise DatasetError(
            f"{printable(other)}: is no set of strings, and {printable(found[0])} is one; evaluate them one by one"
        )
    return found


def _refuse_for_strings(source: DataOptions, stressed: bool) -> None:
    """Refuse what says how single words are read."""
    names = {
        "--stress": stressed,
        "--audio-root": source.audio_root,
        "--rename": source.rename,
        "--split": source.split,
        "--speaker-from": source.speaker_from,
    }
    given = [name for name, value in names.items() if value]
    if given:
        raise click.UsageError(f"{given[0]} is of single words, and DATA is strings; leave it out")


def _scores_of_strings(
    tables: list[Path], model: Path, negatives: tuple[Path, ...], *, known_length: bool
) -> StringScores:
    from sutja.bundle import load as load_bundle
    from sutja.strings.evaluation import evaluate as evaluate_strings
    from sutja.strings.sets import StringClip, read_set
    from sutja.transcription import Transcriber

    bundle = load_bundle(model)
    transcriber = Transcriber(bundle)
    strings = transcriber.model
    clips = [clip for table in tables for clip in read_set(table, strings.labels, bundle.spoken)]
    clips += [StringClip(path, path.name, ()) for path in read_sounds(negatives)]
    if not clips:
        raise DatasetError(f"{printable(tables[0])}: has no row; expected a recording a row; fill it in")
    bars = Bars()
    try:
        step = bars.stage("evaluating", len(clips), "string")
        return evaluate_strings(
            transcriber.predictor.strings, strings.units, clips, known_length=known_length, on_clip=step
        )
    finally:
        bars.close()


def _tell_string_scores(
    scores: StringScores, tables: list[Path], out: Path | None, *, known: bool, as_json: bool
) -> None:
    for reason in scores.unreadable.values():
        say(f"left out: {reason}")
    if out:
        from sutja.reports.strings import write_string_scores

        title = ", ".join((table if table.is_dir() else table.parent).resolve().name for table in tables)
        write_string_scores(out, scores, title=title, known_length=known)
    if as_json:
        found = dataclasses.asdict(scores) | {"false_words_per_hour": scores.false_words_per_hour}
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        _print_string_scores(scores)


def _print_string_scores(scores: StringScores) -> None:
    if scores.string_error_rate is not None and scores.word_error_rate is not None:
        tell(f"strings wrong {percent(scores.string_error_rate)} of {scores.n_strings}")
        tell(
            f"words wrong {percent(scores.word_error_rate)} of {scores.n_words}   "
            f"substituted {scores.substituted}, deleted {scores.deleted}, inserted {scores.inserted}, "
            f"refused {scores.refused}"
        )
    if scores.ece is not None:
        tell(f"calibration error {percent(scores.ece)}")
    if scores.known_after is not None:
        tell(f"a word is known {scores.known_after[0]:.2f} s after its end, 95 % within {scores.known_after[1]:.2f} s")
    if scores.boundaries_off is not None:
        tell(f"times are {scores.boundaries_off[0]:.3f} s off, 90 % within {scores.boundaries_off[1]:.3f} s")
    if scores.false_words_per_hour is not None:
        tell(
            f"false words {scores.false_words} in {about(scores.other_seconds)} without any word of the vocabulary: "
            f"{scores.false_words_per_hour:.1f} an hour"
        )
    for title, groups in (("speaker", scores.by_speaker), ("words", scores.by_length)):
        for name, counts in sorted(groups.items(), key=lambda item: -(item[1].string_error_rate or 0))[:MOST_SHOWN]:
            wrong = percent(counts.string_error_rate or 0)
            tell(one_line(f"  {phrase(title)} {name!s:12s} {wrong:>8s} {said('wrong of {n}', n=counts.n_strings)}"))
    for row in scores.wrong[:MOST_SHOWN]:
        heard = f"heard {row['heard'] or 'nothing'} ({percent(row['probability'])})"
        tell(one_line(f"  {printable(row['path'])}: said {row['said']}, {heard}"))


# -- single words -----------------------------------------------------------------------------------------------------


def _print_stress(under_stress: list[UnderStress]) -> None:
    for name, group in itertools.groupby(under_stress, key=lambda scores: scores.condition.name):
        rows = list(group)
        tell(f"{phrase(name)} ({phrase(rows[0].condition.unit)})")
        for scores in rows:
            tell(
                f"  {scores.condition.value:>7g} {percent(scores.accuracy):>8s}   "
                f"95 %: {interval(scores.interval95)}   refused {percent(scores.rejected_rate)}"
            )


def _print_outside(outside: Outside | None) -> None:
    if outside is None:
        return
    tell(
        f"taken for a word: {percent(outside.false_accept_rate)} of {outside.n_clips} other sounds   "
        f"95 %: {interval(outside.interval95)}"
    )
    at = "   ".join(f"{percent(float(s))}: {percent(rate)}" for s, rate in outside.at_false_rejects.items())
    tell(f"  at a threshold that refuses so many words: {at}")
    for name, share in sorted(outside.accepted_by_label.items(), key=lambda item: -item[1].accuracy)[:MOST_SHOWN]:
        tell(f"  other {name:14s} {percent(share.accuracy):>8s} of {share.n_clips}")


def _print_scores(evaluation: Evaluation) -> None:
    scores = evaluation.scores
    tell(
        f"accuracy {percent(scores.accuracy)} of {scores.n_clips} clips   "
        f"95 %: {interval(scores.interval95)} ({scores.interval_method})"
    )
    error = "" if scores.ece is None else f"   calibration error {percent(scores.ece)}"
    tell(f"refused {percent(evaluation.rejected_rate)}{error}")
    for title, shares in (("label", scores.by_label), ("speaker", scores.by_speaker)):
        worst = sorted(shares.items(), key=lambda item: item[1].accuracy)[:MOST_SHOWN]
        for name, share in worst:
            tell(f"  {phrase(title)} {name:12s} {percent(share.accuracy):>8s} {said('of {n}', n=share.n_clips)}")
    for column, groups in scores.by_attribute.items():
        shown = list(groups.items())[:MOST_SHOWN]
        width = max(12, *(len(printable(name)) for name, _ in shown))
        for name, group in shown:
            tell(one_line(f"  {phrase(column)} {printable(name):{width}s} {_of_group(group)}"))


def _of_group(group: GroupShare) -> str:
    parts = [f"{percent(group.accuracy):>8s} {said('of {n}', n=group.n_clips)}"]
    if group.n_speakers is not None:
        parts.append(said("{n} speakers", n=group.n_speakers))
    if group.interval95 is not None:
        parts.append(f"95 %: {interval(group.interval95)}")
    if group.rejected_rate is not None:
        parts.append(said("refused {share}", share=percent(group.rejected_rate)))
    if group.is_small:
        parts.append(phrase("too few to say much"))
    return "   ".join(parts)
