"""The whole run, told from top to bottom: recordings in, a folder with everything that a run leaves out.

look      hear every clip; compute its features where the preset does not augment
cut       what is learned from, and which fold judges what
learn     folds x members, and one network of all clips where that is the model
judge     score the out-of-fold probabilities
ship      the bundle, its predictions for unlabelled rows
tell      figures and report

What a run is asked to do is made by :mod:`sutja.plan`; what its files are called and hold stands in
:mod:`sutja.runs`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from sutja import bundle, evaluation, runs
from sutja.audio import Waveform, load_waveform, printable
from sutja.calibration import Calibration, Refusal, calibrate
from sutja.clips import Clip, natural_order
from sutja.config import Config
from sutja.dataset import check_none_lost, tell_left_out
from sutja.engine import Chunks, Engine, OnStep
from sutja.engine.choice import opened
from sutja.engine.threads import Threads
from sutja.ensemble import combine
from sutja.errors import AudioError, BundleError, ConfigError, DatasetError, RunError
from sutja.features import Features, extract
from sutja.files import nearest_folder, write_json
from sutja.learn.estimate import Estimate, estimate
from sutja.learn.folds import Fold, corpora_of, folds_of_clips, folds_over, make_folds, split_clips
from sutja.learn.from_onnx import Body, body_of
from sutja.learn.inputs import VIEWS, Layout, save_array, write_paddings, write_targets, write_versions
from sutja.learn.jobs import BODY, Job, Result, make_jobs, read_result, run_job, save_result
from sutja.learn.networks import n_parameters
from sutja.learn.sounds import (
    Recorded,
    Sound,
    extra,
    kept_outside,
    of_clips,
    read_aloud,
    refused,
    surroundings,
    synthetic,
    version_jobs,
    versions_of,
    view_of,
    words_of,
)
from sutja.learn.sounds import hear as hear_sound
from sutja.learn.teacher import N_VIEW, check_teacher, open_teacher, standardised
from sutja.learn.to_onnx import to_onnx
from sutja.learn.training import model_with, save_arrays
from sutja.lexicon import said
from sutja.metrics import Integers, Probabilities
from sutja.outside import Outside, Packed
from sutja.plan import Plan
from sutja.predictor import Predictor
from sutja.progress import Progress
from sutja.records import FieldError, read_array
from sutja.reports.run import write_report
from sutja.runs import ENSEMBLE, EPOCH_COLUMNS, JudgedRows, LastEpoch, MemberScores, Metrics, RefusedRows
from sutja.shipping import about, describe, diagnosed, submit
from sutja.starting import check_apart, check_finished, check_run, check_spoken
from sutja.teaching import advice

Results = Sequence[tuple[Job, Result]]
"""In the order of the jobs: fold by fold, member by member, those of all clips last."""


@dataclass(frozen=True)
class Material:
    """Clips that can be used; without augmentation with their features by member, ``(n_bins, n_frames)`` each."""

    clips: tuple[Clip, ...]
    features: Mapping[str, list[Features]]
    n_longer_than_window: int
    extra: tuple[Clip, ...] = ()
    negatives: tuple[Clip, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """In class order."""
        return natural_order(clip.label for clip in self.clips)

    @property
    def n_speakers(self) -> int:
        """Of those that are named."""
        return len({clip.speaker for clip in self.clips} - {None})

    @property
    def targets(self) -> Integers:
        """Class of each clip, ``(n_clips,)``."""
        order = {label: index for index, label in enumerate(self.labels)}
        return np.array([order[str(clip.label)] for clip in self.clips], dtype=np.int64)


@dataclass(frozen=True)
class Experiment:
    """What is learned from: the clips, other sounds behind them, and the folds over the rows of both."""

    sounds: list[Sound]
    folds: list[Fold]
    layout: Layout
    words: Integers | None = None
    """Which word each sound is, ``(n_sounds,)``, where all words are told apart."""
    n_words: int = 0
    n_view: int = 0
    """Numbers of a teacher's view of a sound, where one is asked."""
    body: Body | None = None
    """That the networks go on from."""

    @property
    def targets(self) -> Integers:
        """Class of each sound, ``(n_sounds,)``."""
        return np.array([sound.target for sound in self.sounds], dtype=np.int64)


@dataclass(frozen=True)
class Judged:
    """The judged rows in order, with what the networks said of them out of fold."""

    sounds: Integers
    """Which sound each row shows, ``(n,)``; the clips come first, under `copies` several rows a clip."""
    folds: Integers
    """From 0, ``(n,)``."""
    probabilities: dict[str, Probabilities]
    """By member and for the ensemble, ``(n, n_classes)``."""


def train(plan: Plan, progress: Progress) -> Metrics:
    """Run the study and return what ``metrics.json`` holds.

    Raises
    ------
    DatasetError
        When the clips cannot be used or are too few for the protocol.
    RunError
        When the run's folder is taken, belongs to another run, or cannot be written.

    """
    started = perf_counter()
    check_apart(plan)
    check_spoken(plan)
    if plan.config.n_synthetic_voices:
        read_aloud(plan.dataset.labels, plan.config)
    if plan.config.train.teacher_weight:
        check_teacher()
    surroundings(Recorded(plan.backgrounds, plan.rooms), plan.config.audio)  # what cannot be heard leaves no run
    plan, body = go_on(plan)
    settings = check_run(plan, body=body and body.sha256)
    if plan.folder.metrics.exists():
        check_finished(plan)
        return finish(plan, progress)
    with opened(plan.engine, plan.n_jobs, ["torch"]) as engine:
        check_seen(plan, engine)
        material, experiment, results = learned(plan, body, settings, engine, progress)
    judged = gather(plan, experiment, results)
    judged, calibration = calibrated(plan.config, experiment, judged)
    keep_out_of_fold(plan, material, experiment, judged)
    scores = judge(plan, material, judged)
    metrics = summary(plan, material, results, scores, calibration.scores, started)
    if body is not None:
        metrics = replace(metrics, advice=advice(metrics, material.clips))
    ship(plan, material, results, metrics, calibration, experiment)
    submit(plan, progress)
    runs.write_history(plan.folder, history_rows(results))
    write_json(plan.folder.settings, settings | {"data": describe(plan, metrics, settings["fingerprint"])})
    runs.write_metrics(plan.folder, metrics)
    return finish(plan, progress)


def learned(
    plan: Plan, body: Body | None, settings: Mapping[str, Any], engine: Engine, progress: Progress
) -> tuple[Material, Experiment, Results]:
    """Do all that takes long, with the engine: hear, lay out, learn."""
    material = hear(plan, progress, small_jobs(plan, engine))
    experiment = replace(cut(plan, material), body=body)
    write_json(plan.folder.settings, settings)  # now the folder is a run: what cannot be learned left none
    jobs = list_jobs(plan, material, experiment)
    progress.say(str(time_ahead(plan, experiment, jobs, engine)))
    write_rows(plan, material, experiment, progress, small_jobs(plan, engine))
    return material, experiment, learn(jobs, engine, progress)


def finish(plan: Plan, progress: Progress) -> Metrics:
    """Draw the report, clear the work away, and return what ``metrics.json`` holds."""
    write_report(plan.run, diagnosed(plan, progress))
    shutil.rmtree(plan.folder.work, ignore_errors=True)
    return runs.read_metrics(plan.folder)


def small_jobs(plan: Plan, engine: Engine) -> Engine:
    """Return what hears clips: threads of this process, or the workers of a cluster, several clips at a time."""
    return Chunks(engine) if plan.engine.on_cluster else Threads(plan.n_jobs)


def check_seen(plan: Plan, engine: Engine) -> None:
    """Check that the workers see where the run is to be, and one recording of each place that they are to read."""
    engine.check_sees(nearest_folder(plan.run))
    places = [[clip.path for clip in clips] for clips in (plan.dataset.clips, plan.extra, plan.negatives)]
    for paths in (*places, plan.backgrounds, plan.rooms):
        for path in filter(Path.is_file, paths[:1]):
            engine.check_sees(path)


def go_on(plan: Plan) -> tuple[Plan, Body | None]:
    """Take the network of the model that is to go on learning, and the settings of what it hears.

    Raises
    ------
    BundleError
        When it cannot go on.
    ConfigError
        When it is of another kind than the preset's.

    """
    config = plan.config
    if config.body is None:
        return plan, None
    given, name = bundle.load(config.body), printable(config.body)
    body = body_of(given, name)
    if config.train.words_weight and body.network != "words":
        raise ConfigError(
            f"preset {config.preset} tells all words apart, which the network of {name} is not made for; choose "
            "robust, or another --from"
        )
    members = {member.name: member.features for member in given.members}
    train = replace(config.train, network=body.network)
    try:
        config = replace(config, audio=given.audio, members=members, train=train)
    except ConfigError as error:
        raise BundleError(f"{name}: preset {config.preset} cannot learn from what it hears: {error}") from error
    return replace(plan, config=config), body


# -- look ------------------------------------------------------------------------------------------------------------


def hear(plan: Plan, progress: Progress, listeners: Engine | None = None) -> Material:
    """Load every recording; compute features here where the versions of a clip are random paddings of them."""
    labelled = plan.dataset.labelled
    if not labelled:
        raise DatasetError(f"{printable(plan.dataset.root)}: no clip has a label; nothing can be learned; add labels")
    clips = (*labelled, *plan.extra, *plan.negatives)
    step = progress.stage("listening", len(clips), "clip")
    outcomes = (listeners or Threads(plan.n_jobs)).map(partial(_extract_one, plan.config), clips, step)
    usable = _usable(dict(zip(clips, outcomes, strict=True)), plan, progress)
    if not any(clip in usable for clip in labelled):
        raise DatasetError(f"{printable(plan.dataset.root)}: no clip can be used; look at them with `sutja data info`")
    check_none_lost(plan.dataset.root, labelled, usable)
    parts = [tuple(clip for clip in part if clip in usable) for part in (labelled, plan.extra, plan.negatives)]
    in_order = [usable[clip] for clip in parts[0]]
    features = {name: [each[i] for each, _ in in_order if each] for i, name in enumerate(plan.config.members)}
    return Material(parts[0], features, sum(longer for _, longer in in_order), parts[1], parts[2])


def _extract_one(config: Config, clip: Clip, on_step: OnStep) -> tuple[list[Features], bool] | AudioError:
    """Return a clip's features, and whether it is longer than the window; or why it cannot be used."""
    try:
        waveform: Waveform = load_waveform(clip.source, config.audio)
    except AudioError as error:
        return error
    finally:
        on_step()
    rate, members = config.audio.sample_rate, list(config.members.values())
    features = extract(waveform, rate, members) if config.augment is None else []
    return features, len(waveform) > config.window_samples


def _usable(
    outcomes: Mapping[Clip, tuple[list[Features], bool] | AudioError], plan: Plan, progress: Progress
) -> dict[Clip, tuple[list[Features], bool]]:
    errors = [outcome for outcome in outcomes.values() if isinstance(outcome, AudioError)]
    tell_left_out(errors, len(outcomes), skip=plan.skip_unreadable, say=progress.say)
    return {clip: outcome for clip, outcome in outcomes.items() if not isinstance(outcome, AudioError)}


# -- cut and lay out -------------------------------------------------------------------------------------------------


def cut(plan: Plan, material: Material) -> Experiment:
    """Cut the folds, and list what the networks learn from: with augmentation more than the clips."""
    config, clips, targets = plan.config, material.clips, material.targets
    if config.augment is None:
        folds, sounds = make_folds(clips, targets, config.train, plan.protocol), of_clips(clips, targets)
        return Experiment(sounds, folds, Layout(len(clips), len(clips), config.train.n_copies))
    if plan.protocol == "copies":
        raise ConfigError("protocol `copies` is the study's own; use it with --preset reference, or choose clips")
    splits = split_clips(clips, targets, config.train, plan.protocol)
    judged_in = folds_of_clips(splits, len(clips))
    others = synthetic(material.labels, config) + extra(material.extra, material.labels)
    corpora = corpora_of(clips) if plan.protocol == "corpora" else ()
    others += refused(clips, judged_in, material.labels, config, material.negatives, corpora)
    folds = folds_over(splits, targets, config.train, [sound.held_out for sound in others])
    sounds = of_clips(clips, targets, judged_in) + others
    layout = Layout(len(clips), len(sounds), config.train.n_copies)
    n_view = N_VIEW if config.train.teacher_weight else 0
    if not config.train.words_weight:
        return Experiment(sounds, folds, layout, n_view=n_view)
    words = words_of(sounds, len(material.labels), config.train.min_word_sounds)
    return Experiment(sounds, folds, layout, *words, n_view)


def list_jobs(plan: Plan, material: Material, experiment: Experiment) -> list[Job]:
    """List the networks to train."""
    n_classes = len(material.labels) + (plan.config.refusal is not None)
    layout, beside = experiment.layout, (experiment.n_words, experiment.n_view)
    return make_jobs(plan.config, experiment.folds, layout, n_classes, plan.folder.work, *beside)


def time_ahead(plan: Plan, experiment: Experiment, jobs: Sequence[Job], engine: Engine) -> Estimate:
    """Estimate how long the run will take, by doing a little of it."""
    recorded = Recorded(plan.backgrounds, plan.rooms)
    varied = version_jobs(experiment.sounds, plan.config, recorded) if plan.config.augment is not None else iter(())
    return estimate(jobs, dict(plan.config.members), varied, len(experiment.sounds), engine.n_workers)


def write_rows(plan: Plan, material: Material, experiment: Experiment, progress: Progress, listeners: Engine) -> None:
    """Lay out the inputs of all networks where the jobs find them."""
    config, work, sounds = plan.config, plan.folder.work, experiment.sounds
    _check_order(plan, np.array([clip.name for clip in material.clips]), progress)
    if experiment.body is not None:
        save_arrays(work / BODY, experiment.body.weights, [])
    write_targets(work, experiment.targets, experiment.layout, experiment.words)
    if config.augment is None:
        write_paddings(work, material.features, config)
        return
    if experiment.n_view:
        step = progress.stage("asking the teacher", len(sounds), "sound")
        views = Threads(plan.n_jobs).map(partial(view_of, open_teacher(), config), sounds, step)
        save_array(work / VIEWS, standardised(views))
    step = progress.stage("augmenting", len(sounds), "sound")
    jobs = version_jobs(sounds, config, Recorded(plan.backgrounds, plan.rooms))
    versions = listeners.map(versions_of, jobs, step)
    write_versions(work, versions, experiment.layout, config)


def _check_order(plan: Plan, names: np.ndarray[Any, Any], progress: Progress) -> None:
    """Check that a resumed run has the clips in the order in which its finished networks learned from them."""
    path = plan.folder.work / "names.npy"
    try:
        before = read_array(path) if path.exists() else names
    except (OSError, FieldError) as error:
        progress.say(f"{printable(path)}: {error}; in which order networks learned is not known: they learn again")
        shutil.rmtree(path.parent)
        before = names
    if not np.array_equal(before, names):
        raise RunError(
            f"{printable(plan.run)}: was started with the recordings in another order; "
            "resume it with the same, or choose another --out"
        )
    save_array(path, names)


# -- learn -----------------------------------------------------------------------------------------------------------


def learn(jobs: Sequence[Job], engine: Engine, progress: Progress) -> Results:
    """Train every network; those of an earlier, interrupted run are taken up where they were."""
    step = progress.stage(f"training {len(jobs)} networks", sum(job.config.epochs for job in jobs), "epoch")
    results = {}
    for number, job in enumerate(jobs):
        if job.result.exists():
            results[number] = read_result(job)
            for _ in results[number].history:
                step()
    ahead = [number for number in range(len(jobs)) if number not in results]
    ahead.sort(key=lambda number: -jobs[number].config.epochs * len(jobs[number].fold.train))  # the longest first
    learned = engine.map(run_job, [jobs[number] for number in ahead], step)
    for number, result in zip(ahead, learned, strict=True):
        save_result(jobs[number], result)
        results[number] = result
    return [(job, results[number]) for number, job in enumerate(jobs)]


def gather(plan: Plan, experiment: Experiment, results: Results) -> Judged:
    """Put the folds' probabilities side by side, by member and for the ensemble."""
    of_folds = [(job, result) for job, result in results if not job.all_clips]
    first = [job for job, _ in of_folds if job.member == of_folds[0][0].member]  # members judge the same rows
    rows = np.concatenate([job.fold.test for job in first])
    folds = np.concatenate([np.full(len(job.fold.test), job.number) for job in first])
    order = np.argsort(rows)
    probabilities = {
        member: np.concatenate([result.probabilities for job, result in of_folds if job.member == member])[order]
        for member in plan.config.members
    }
    probabilities[ENSEMBLE] = combine(probabilities)
    return Judged(experiment.layout.sounds_of(rows[order]), folds[order], probabilities)


def calibrated(config: Config, experiment: Experiment, judged: Judged) -> tuple[Judged, Calibration]:
    """Calibrate the ensemble where the model refuses; else leave everything as it is."""
    if config.refusal is None:
        return judged, Calibration()
    sounds = [experiment.sounds[number] for number in judged.sounds]
    kinds = np.array([sound.kind for sound in sounds])
    truth = np.array([sound.target for sound in sounds])
    ensemble, calibration = calibrate(judged.probabilities[ENSEMBLE], truth, judged.folds, kinds, config.refusal)
    return Judged(judged.sounds, judged.folds, {**judged.probabilities, ENSEMBLE: ensemble}), calibration


def keep_out_of_fold(plan: Plan, material: Material, experiment: Experiment, judged: Judged) -> None:
    """Keep in the run what was said of the clips, and of what is to be refused."""
    n_labels, of_clips = len(material.labels), judged.sounds < len(material.clips)
    behind = [experiment.sounds[number] for number in judged.sounds[~of_clips]]
    rest = RefusedRows(
        [sound.kind for sound in behind],
        [sound.name for sound in behind],
        judged.folds[~of_clips],
        {name: values[~of_clips, :n_labels] for name, values in judged.probabilities.items()},
        [sound.corpus for sound in behind],
    )
    rows = JudgedRows(
        [material.clips[number] for number in judged.sounds[of_clips]],
        judged.folds[of_clips],
        material.labels,
        {name: values[of_clips, :n_labels] for name, values in judged.probabilities.items()},
    )
    runs.write_out_of_fold(plan.folder, rows, rest if plan.config.refusal is not None else None)


# -- judge -----------------------------------------------------------------------------------------------------------


def judge(plan: Plan, material: Material, judged: Judged) -> dict[str, MemberScores]:
    """Score each member and the ensemble on clips that their networks never saw."""
    of_clips, n_labels = judged.sounds < len(material.clips), len(material.labels)
    sounds, folds = judged.sounds[of_clips], judged.folds[of_clips]
    clips, targets = [material.clips[number] for number in sounds], material.targets[sounds]
    n_copies, clustered = len(clips) // len(material.clips), plan.protocol in ("speakers", "corpora")
    members = {}
    for name, values in judged.probabilities.items():
        answers = values[of_clips, :n_labels]
        scores = evaluation.score(clips, targets, answers, clustered=clustered, n_copies=n_copies)
        right = answers.argmax(axis=1) == targets
        of_folds = [float(right[folds == fold].mean()) for fold in np.unique(folds)]
        members[name] = MemberScores(**vars(scores), fold_accuracy=of_folds)
    return members


def summary(  # noqa: PLR0913  one a part of the file
    plan: Plan,
    material: Material,
    results: Results,
    members: dict[str, MemberScores],
    refusal: Refusal | None,
    started: float,
) -> Metrics:
    """Lay out ``metrics.json``."""
    job, result = results[0]
    return Metrics(
        protocol=plan.protocol,
        n_clips=len(material.clips),
        n_speakers=material.n_speakers,
        labels=list(material.labels),
        members=members,
        last_epoch={member: _last_epoch(member, results) for member in plan.config.members},
        n_parameters=n_parameters(model_with(result.weights, job.config.network)),
        n_longer_than_window=material.n_longer_than_window,
        baseline=None if plan.compare is None else runs.read_baseline(runs.RunFolder(plan.compare)),
        notes=list(plan.dataset.all_notes),
        seconds=perf_counter() - started,
        refusal=refusal,
    )


def _last_epoch(member: str, results: Results) -> LastEpoch:
    last = [result.history[-1] for job, result in results if job.member == member and not job.all_clips]
    return LastEpoch(*(float(np.mean([r[name] for r in last])) for name in ("train_accuracy", "valid_accuracy")))


# -- ship ------------------------------------------------------------------------------------------------------------


def ship(  # noqa: PLR0913
    plan: Plan,
    material: Material,
    results: Results,
    metrics: Metrics,
    calibration: Calibration,
    experiment: Experiment,
) -> None:
    """Save the bundle: of each member the network of all clips, or the folds' committee."""
    all_clips = plan.config.train.ship == "all_clips"
    members, n_networks = [], 0
    for name, features in plan.config.members.items():
        chosen = [(job, result) for job, result in results if job.member == name and job.all_clips == all_clips]
        networks = [model_with(result.weights, job.config.network) for job, result in chosen]
        members.append(bundle.Member(name, features, to_onnx(networks, features)))
        n_networks += len(networks)
    fitted = (calibration.temperature, calibration.bias, calibration.threshold)
    said_of_it = about(plan, material.clips, metrics) | {"n_networks": n_networks}
    if experiment.body is not None:
        said_of_it["body"] = list(experiment.body.labels)
    language, spoken = plan.config.language, said(material.labels, plan.config.language, plan.config.spoken)
    kept = bundle.Bundle(material.labels, plan.config.audio, tuple(members), *fitted, said_of_it, language, spoken)
    if experiment.n_words:
        kept = replace(kept, outside=Packed.of(outside_of(kept, plan, experiment)))
    bundle.save(kept, plan.folder.model)


def outside_of(kept: bundle.Bundle, plan: Plan, experiment: Experiment) -> Outside:
    """Embed some of the sounds that a model learned from: own words are taught on it with them."""
    model = Predictor(kept)
    spoken = {target: kept.spoken.get(label, label) for target, label in enumerate(kept.labels)}
    chosen = kept_outside(experiment.sounds, spoken, plan.config.train.seed)
    found = list(model.embed_many(hear_sound(sound, plan.config) for sound, _ in chosen))
    usable = [(row, word) for row, (_, word) in zip(found, chosen, strict=True) if not isinstance(row, AudioError)]
    return Outside(np.array([row for row, _ in usable]), tuple(word for _, word in usable))


# -- tell ------------------------------------------------------------------------------------------------------------


def history_rows(results: Results) -> Iterator[Sequence[object]]:
    """List every epoch of every network of a fold; ``chosen`` marks the one whose weights were kept."""
    for job, result in results:
        if job.all_clips:
            continue  # its curves show nothing
        losses = [record["valid_loss"] for record in result.history]
        chosen = len(losses) - 1 if job.config.keep == "last" else int(np.argmin(losses))
        for epoch, record in enumerate(result.history):
            yield (
                job.member,
                job.number + 1,
                epoch + 1,
                *(record[name] for name in EPOCH_COLUMNS),
                int(epoch == chosen),
            )
