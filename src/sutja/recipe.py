"""The whole run, told from top to bottom: recordings in, a folder with everything that a run leaves out.

look      scan the data, hear every clip, compute its features
learn     cut folds, train folds x members, keep what each network says of clips it never saw
judge     score the out-of-fold probabilities
ship      the bundle of all networks, its predictions for unlabelled rows
tell      figures and report
"""

from __future__ import annotations

import csv
import dataclasses
import errno
import io
import json
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any
from typing import Protocol as Interface

import numpy as np
from torch import nn

from sutja import __version__, bundle, evaluation
from sutja.audio import Waveform, load_waveform, printable
from sutja.calibration import Calibration, calibrate
from sutja.config import Config, Protocol, RefusalConfig
from sutja.dataset import Clip, Dataset, fingerprint, natural_order
from sutja.engine.local import run_jobs
from sutja.ensemble import combine
from sutja.errors import AudioError, ConfigError, DatasetError, RunError
from sutja.features import Features, extract
from sutja.files import cannot_write, replace_whole, write_json, write_text
from sutja.learn.folds import Fold, Job, Result, last_fold, make_folds, make_inputs, make_jobs, run_job
from sutja.learn.networks import n_parameters
from sutja.learn.sounds import Sound, clip_of, extra, read_aloud, refused, synthetic, write_inputs
from sutja.learn.to_onnx import to_onnx
from sutja.learn.training import model_with
from sutja.lexicon import said
from sutja.metrics import Integers, Probabilities
from sutja.predictor import Predictor
from sutja.reports.run import write_report


class Progress(Interface):
    """What a run tells while it goes; the command line draws bars of it."""

    def stage(self, name: str, total: int, unit: str) -> Callable[[], None]:
        """Begin a stage of ``total`` steps; the function returned is called after each."""

    def say(self, text: str) -> None:
        """Tell one thing."""


@dataclass(frozen=True)
class Plan:
    """What a run is asked to do."""

    dataset: Dataset
    config: Config
    protocol: Protocol
    run: Path
    n_jobs: int = os.cpu_count() or 1
    resume: bool = False
    skip_unreadable: bool = False
    negatives: tuple[Clip, ...] = ()
    """Recordings of other words, to learn refusal from."""
    extra: tuple[Clip, ...] = ()
    """Recordings of the vocabulary from elsewhere: every fold learns from them, nothing is measured on them."""
    licence: str | None = None
    """Of the model; it is written into it."""
    compare: Path | None = None
    """An earlier run whose accuracy is shown beside this one's."""


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
    def targets(self) -> Integers:
        """Class of each clip, ``(n_clips,)``."""
        order = {label: index for index, label in enumerate(self.labels)}
        return np.array([order[str(clip.label)] for clip in self.clips], dtype=np.int64)


def train(plan: Plan, progress: Progress) -> dict[str, Any]:
    """Run the study and return what ``metrics.json`` holds.

    Raises
    ------
    DatasetError
        When the clips cannot be used or are too few for the protocol.
    RunError
        When the run's folder is taken, belongs to another run, or cannot be written.

    """
    started = perf_counter()
    _check_apart(plan)
    _check_words(plan)
    settings = check_run(plan)
    if (plan.run / "metrics.json").exists():
        return finish(plan)
    material = hear(plan, progress)
    folds, sounds = cut(plan, material)
    write_json(plan.run / "config.json", settings)  # from here on the folder is a run: what cannot be learned left none
    jobs = prepare(plan, material, folds, sounds, progress)
    results = learn(plan, jobs, progress)
    out_of_fold, calibration = gather(plan, material, jobs, results, sounds)
    scores = judge(plan, material, jobs, out_of_fold)
    metrics = summary(plan, material, results, scores, seconds=perf_counter() - started)
    metrics["refusal"] = calibration.scores and dataclasses.asdict(calibration.scores)
    ship(plan, material, results, metrics, calibration)
    submit(plan, progress)
    write_history(plan, results)
    write_json(plan.run / "config.json", settings | {"data": describe(plan, material, settings["fingerprint"])})
    write_json(plan.run / "metrics.json", metrics)
    return finish(plan)


def finish(plan: Plan) -> dict[str, Any]:
    """Draw the report, clear the work away, and return what ``metrics.json`` holds."""
    write_report(plan.run)
    shutil.rmtree(plan.run / "work", ignore_errors=True)
    metrics: dict[str, Any] = json.loads((plan.run / "metrics.json").read_text(encoding="utf-8"))
    return metrics


def check_run(plan: Plan) -> dict[str, Any]:
    """Return the settings of the run, when its folder is free or holds this very run."""
    settings = {
        "config": plan.config.to_dict(),
        "protocol": plan.protocol,
        "seed": plan.config.train.seed,
        "fingerprint": fingerprint(plan.dataset.clips),
        "versions": {name: version(name) for name in ("torch", "numpy", "onnxruntime", "soundfile", "soxr")}
        | {"sutja": __version__, "python": platform.python_version()},
        "command": shlex.join(["sutja", *map(printable, sys.argv[1:])]),
    }
    path, run = plan.run / "config.json", printable(plan.run)
    if not path.exists():
        if plan.run.exists() and (not plan.run.is_dir() or any(plan.run.iterdir())):
            raise RunError(f"{run}: exists and is not a run of ours; choose another --out")
        _check_place(plan.run)
    elif not plan.resume:
        raise RunError(f"{run}: holds a run already; go on with it by --resume, or choose another --out")
    else:
        _check_same(path, settings)
    return settings


def _check_place(run: Path) -> None:
    """Say now, and not after an hour of work, that a folder cannot be made there."""
    above = next(folder for folder in run.absolute().parents if folder.exists())
    if not os.access(above, os.W_OK):
        raise cannot_write(run, PermissionError(errno.EACCES, f"no permission to write in {printable(above)}"))


def _check_same(path: Path, settings: Mapping[str, Any]) -> None:
    run, new = printable(path.parent), json.loads(json.dumps(settings))
    try:
        old = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{run}: its config.json cannot be read ({error}); choose another --out") from error
    old["config"] = _language_of(path.parent, old.get("config"), new["config"])
    for name, what in (("fingerprint", "recordings"), ("protocol", "protocol"), ("config", "settings")):
        if old.get(name) != new[name]:
            raise RunError(f"{run}: was started with other {what}; resume it with the same, or choose another --out")


def _language_of(run: Path, old: Any, new: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the language that those of sutja 0.1 did not name.

    It took every vocabulary for English, where it made other words or synthetic speakers.
    """
    if not isinstance(old, dict) or "language" in old:
        return old
    spoke = (old.get("refusal") or old.get("n_synthetic_voices")) and not (run / "metrics.json").exists()
    language = "en" if spoke else new["language"]
    if new["language"] != language:
        raise RunError(
            f"{printable(run)}: was started by sutja 0.1, which took the vocabulary for English; go on with "
            "--language en, or choose another --out"
        )
    return old | {"language": language, "spoken": {}}


def hear(plan: Plan, progress: Progress) -> Material:
    """Load every recording; compute features here where the versions of a clip are random paddings of them."""
    labelled = plan.dataset.labelled
    if not labelled:
        raise DatasetError(f"{printable(plan.dataset.root)}: no clip has a label; nothing can be learned; add labels")
    clips = (*labelled, *plan.extra, *plan.negatives)
    heard = _heard(clips, plan, progress)
    if not any(clip in heard for clip in labelled):
        raise DatasetError(f"{printable(plan.dataset.root)}: no clip can be used; look at them with `sutja data info`")
    usable = [tuple(clip for clip in part if clip in heard) for part in (labelled, plan.extra, plan.negatives)]
    found = [heard[clip] for clip in usable[0]]
    features = {name: [parts[i] for parts, _ in found if parts] for i, name in enumerate(plan.config.members)}
    return Material(usable[0], features, sum(longer for _, longer in found), usable[1], usable[2])


def _heard(clips: Sequence[Clip], plan: Plan, progress: Progress) -> dict[Clip, tuple[list[Features], bool]]:
    """Return, of each recording that can be used, its features and whether it is longer than the window."""
    config = plan.config
    step = progress.stage("listening", len(clips), "clip")
    configs = list(config.members.values())

    def hear_one(clip: Clip) -> tuple[list[Features], bool] | AudioError:
        try:
            waveform = load_waveform(clip.path, config.audio)
        except AudioError as error:
            return error
        finally:
            step()
        features = extract(waveform, config.audio.sample_rate, configs) if config.augment is None else []
        return features, _is_longer(waveform, config)

    with ThreadPoolExecutor(max_workers=plan.n_jobs) as pool:
        heard = dict(zip(clips, pool.map(hear_one, clips), strict=True))
    errors = [str(found) for found in heard.values() if isinstance(found, AudioError)]
    if errors and not plan.skip_unreadable:
        raise DatasetError(
            f"{len(errors)} of {len(clips)} clips cannot be used, the first: {errors[0]}. "
            "Mend them, or leave them out with --skip-unreadable"
        )
    for error in errors:
        progress.say(f"left out: {error}")
    return {clip: found for clip, found in heard.items() if not isinstance(found, AudioError)}


def _is_longer(waveform: Waveform, config: Config) -> bool:
    return len(waveform) > min(features.max_samples for features in config.members.values())


def cut(plan: Plan, material: Material) -> tuple[list[Fold], list[Sound]]:
    """Cut the folds, and list what the networks learn from where that is more than the clips' random paddings."""
    config, clips, targets = plan.config, material.clips, material.targets
    if config.augment is None:
        return make_folds(clips, targets, config.train, plan.protocol), []
    if plan.protocol == "copies":
        raise ConfigError("protocol `copies` is the study's own; use it with --preset reference, or choose clips")
    of_clips = make_folds(clips, targets, config.train, plan.protocol)
    judged_in = np.empty(len(clips), dtype=np.int64)
    for number, fold in enumerate(of_clips):
        judged_in[fold.test] = number
    more = synthetic(material.labels, config) + extra(material.extra, material.labels, config)
    more += refused(clips, judged_in, material.labels, config, material.negatives)
    folds = make_folds(clips, targets, config.train, plan.protocol, [sound.held_out for sound in more])
    pairs = zip(clips, targets, judged_in, strict=True)
    return folds, [Sound(clip_of(clip, config), int(target), int(fold)) for clip, target, fold in pairs] + more


def _check_apart(plan: Plan) -> None:
    """Refuse recordings that every fold would learn from and one would be judged on."""
    judged = {clip.path for clip in plan.dataset.clips}
    for clip in (*plan.extra, *plan.negatives):
        if clip.path in judged:
            raise DatasetError(
                f"{printable(clip.path)}: is in DATA and also in --extra or --negatives, so that it would be learned "
                "from where it is judged; give each recording once"
            )


def _check_words(plan: Plan) -> None:
    """Say before any work what keeps the vocabulary from being spoken."""
    config, labels = plan.config, plan.dataset.labels
    unknown = sorted(set(config.spoken) - set(labels))
    if unknown:
        raise ConfigError(f"--spoken {unknown[0]}=...: no such label; there are {', '.join(labels[:20])}")
    if config.n_synthetic_voices:
        read_aloud(labels, config)


def prepare(
    plan: Plan, material: Material, folds: Sequence[Fold], sounds: Sequence[Sound], progress: Progress
) -> list[Job]:
    """Lay out the inputs of all networks where the jobs find them."""
    config = plan.config
    work = plan.run / "work"
    targets = np.array([sound.target for sound in sounds]) if sounds else material.targets
    _check_order(work / "names.npy", np.array([clip.name for clip in material.clips]))
    _save_array(work / "targets.npy", np.concatenate([targets, np.repeat(targets, config.train.n_copies)]))
    if sounds:
        write_inputs(sounds, config, work, plan.n_jobs, progress.stage("augmenting", len(sounds), "sound"))
    else:
        for index, (name, features) in enumerate(config.members.items()):
            rows = make_inputs(material.features[name], features, config.train.n_copies, (config.train.seed, index))
            _save_array(work / f"{name}.npy", rows)
    n_classes = len(material.labels) + (config.refusal is not None)
    jobs = make_jobs(config, folds, n_classes, work)
    if config.train.keep == "last":
        whole = last_fold(len(targets), len(material.clips), config.train)
        jobs += make_jobs(config, [whole], n_classes, work, whole=True)
    return jobs


def _check_order(path: Path, names: np.ndarray[Any, Any]) -> None:
    """Networks that an earlier run finished have learned from rows of these clips in this order."""
    if path.exists() and not np.array_equal(np.load(path), names):
        raise RunError(
            f"{printable(path.parents[1])}: was started with the recordings in another order; "
            "resume it with the same, or choose another --out"
        )
    _save_array(path, names)


def _save_array(path: Path, values: np.ndarray[Any, Any]) -> None:
    with replace_whole(path) as draft, draft.open("wb") as file:
        np.save(file, values)


def learn(plan: Plan, jobs: Sequence[Job], progress: Progress) -> dict[tuple[str, int], Result]:
    """Train every network; those of an earlier, interrupted run are taken up where they were."""
    step = progress.stage(f"training {len(jobs)} networks", sum(job.config.epochs for job in jobs), "epoch")
    longest_first = sorted(jobs, key=lambda job: -job.config.epochs * len(job.fold.train))
    found = run_jobs(run_job, longest_first, plan.n_jobs, step)
    results = {(result.member, result.number): result for result in found}
    return {(job.member, job.number): results[job.member, job.number] for job in jobs}  # in the jobs' order


def gather(
    plan: Plan,
    material: Material,
    jobs: Sequence[Job],
    results: Mapping[tuple[str, int], Result],
    sounds: Sequence[Sound],
) -> tuple[dict[str, Probabilities], Calibration]:
    """Put the folds' probabilities side by side, by member and for the ensemble, and keep them in the run.

    Where the model refuses, the ensemble is calibrated on the way. What is returned are the clips' rows and the labels'
    columns; the run keeps the rows of what is to be refused as well.
    """
    found, rows, folds = _side_by_side(plan, jobs, results)
    clips = _judged_clips(plan, material)
    n_clips, n_labels = len(clips), len(material.labels)
    columns = {
        "names": np.array([clip.name for clip in clips]),
        "paths": np.array([printable(clip.path) for clip in clips]),
        "speakers": np.array([clip.speaker or "" for clip in clips]),
        "true_labels": np.array([clip.label for clip in clips]),
        "folds": folds[:n_clips],
        "labels": np.array(material.labels),
    }
    calibration = Calibration()
    if plan.config.refusal is not None:
        judged = [sounds[row] for row in rows]
        found["ensemble"], calibration = _calibrated(found["ensemble"], judged, folds, plan.config.refusal)
        columns |= {
            "refused_kinds": np.array([sound.kind for sound in judged[n_clips:]]),
            "refused_names": np.array([sound.name for sound in judged[n_clips:]]),
            "refused_folds": folds[n_clips:],
        } | {f"refused_{name}": values[n_clips:, :n_labels] for name, values in found.items()}
    found = {name: values[:n_clips, :n_labels] for name, values in found.items()}
    with replace_whole(plan.run / "out_of_fold.npz") as draft, draft.open("wb") as file:
        np.savez(file, **columns, **found)  # type: ignore[arg-type]
    return found, calibration


def _side_by_side(
    plan: Plan, jobs: Sequence[Job], results: Mapping[tuple[str, int], Result]
) -> tuple[dict[str, Probabilities], Integers, Integers]:
    """Return the probabilities of the judged rows in order, by member and for the ensemble; the rows; their folds."""
    one = [job for job in jobs if job.member == jobs[0].member and job.number]
    rows = np.concatenate([job.fold.test for job in one])
    order = np.argsort(rows)
    folds = np.concatenate([np.full(len(job.fold.test), job.number) for job in one])
    found: dict[str, Probabilities] = {}
    for member in plan.config.members:
        parts = [result.probabilities for (name, number), result in results.items() if name == member and number]
        found[member] = np.concatenate(parts)[order]
    found["ensemble"] = combine(found)
    return found, rows[order], folds[order]


def _calibrated(
    probabilities: Probabilities, judged: Sequence[Sound], folds: Integers, config: RefusalConfig
) -> tuple[Probabilities, Calibration]:
    kinds = np.array([sound.kind for sound in judged])
    truth = np.array([sound.target for sound in judged])
    return calibrate(probabilities, truth, folds, kinds, config)


def _judged_clips(plan: Plan, material: Material) -> list[Clip]:
    """Return the clip of each judged row: under `copies` every clip stands there once for each of its copies."""
    n_copies = plan.config.train.n_copies if plan.protocol == "copies" else 1
    return [clip for clip in material.clips for _ in range(n_copies)]


def judge(
    plan: Plan, material: Material, jobs: Sequence[Job], out_of_fold: Mapping[str, Probabilities]
) -> dict[str, dict[str, Any]]:
    """Score each member and the ensemble on clips that their networks never saw."""
    clips = _judged_clips(plan, material)
    n_copies = len(clips) // len(material.clips)
    targets = np.repeat(material.targets, n_copies)
    offset = len(material.clips) if plan.protocol == "copies" else 0  # rows of the inputs begin with the clips
    folds = [job.fold.test - offset for job in jobs if job.member == jobs[0].member and job.number]
    folds = [rows[rows < len(clips)] for rows in folds]  # what is to be refused stands behind the clips
    scores = {}
    for name, found in out_of_fold.items():
        clustered = plan.protocol in ("speakers", "corpora")
        total = dataclasses.asdict(evaluation.score(clips, targets, found, clustered=clustered, n_copies=n_copies))
        right = found.argmax(axis=1) == targets
        scores[name] = total | {"fold_accuracy": [float(right[rows].mean()) for rows in folds]}
    return scores


def summary(
    plan: Plan,
    material: Material,
    results: Mapping[tuple[str, int], Result],
    scores: Mapping[str, dict[str, Any]],
    *,
    seconds: float,
) -> dict[str, Any]:
    """Lay out ``metrics.json``."""
    last = {
        member: {
            name: float(np.mean([r.history[-1][name] for (m, number), r in results.items() if m == member and number]))
            for name in ("train_accuracy", "valid_accuracy")
        }
        for member in plan.config.members
    }
    return {
        "protocol": plan.protocol,
        "n_clips": len(material.clips),
        "n_speakers": len({clip.speaker for clip in material.clips} - {None}),
        "labels": list(material.labels),
        "members": scores,
        "last_epoch": last,
        "n_parameters": n_parameters(next(iter(_shipped(plan, results).values()))[0]),
        "n_longer_than_window": material.n_longer_than_window,
        "baseline": _baseline(plan.compare),
        "notes": list(plan.dataset.notes),
        "seconds": seconds,
    }


def _baseline(run: Path | None) -> dict[str, Any] | None:
    """Read the headline of another run."""
    if run is None:
        return None
    try:
        metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
        ensemble = metrics["members"]["ensemble"]
        values = {name: ensemble[name] for name in ("accuracy", "interval95")}
        return {"protocol": metrics["protocol"], "n_clips": metrics["n_clips"], **values}
    except (OSError, ValueError, KeyError) as error:
        reason = f"no metrics to compare with ({error})"
        raise RunError(f"{printable(run)}: {reason}; expected the folder of a finished run") from error


def _shipped(plan: Plan, results: Mapping[tuple[str, int], Result]) -> dict[str, list[nn.Module]]:
    """Choose each member's networks for the bundle: the one that learned from everything, or the folds' committee."""
    whole = plan.config.train.keep == "last"
    return {
        name: [
            model_with(result.weights, plan.config.train.network)
            for (member, number), result in results.items()
            if member == name and (number == 0) == whole
        ]
        for name in plan.config.members
    }


def ship(
    plan: Plan,
    material: Material,
    results: Mapping[tuple[str, int], Result],
    metrics: Mapping[str, Any],
    calibration: Calibration,
) -> None:
    """Save the bundle."""
    networks = _shipped(plan, results)
    members = [
        bundle.Member(name, features, to_onnx(networks[name], features))
        for name, features in plan.config.members.items()
    ]
    ensemble = metrics["members"]["ensemble"]
    about = {
        "preset": plan.config.preset,
        "protocol": plan.protocol,
        "accuracy": ensemble["accuracy"],
        "interval95": ensemble["interval95"],
        "n_clips": metrics["n_clips"],
        "n_speakers": metrics["n_speakers"],
        "data": sorted({printable(c.attributes.get("corpus", plan.dataset.root.name)) for c in material.clips}),
        "licence": plan.licence,
        "n_networks": sum(map(len, networks.values())),
        "refusal": _in_short(metrics["refusal"]),
        "sutja": __version__,
    }
    fitted = (calibration.temperature, calibration.bias, calibration.threshold)
    labels, language = material.labels, plan.config.language
    spoken = said(labels, language, plan.config.spoken)
    saved = bundle.Bundle(labels, plan.config.audio, tuple(members), *fitted, about, language, spoken)
    bundle.save(saved, plan.run / "model")


def _in_short(refusal: Mapping[str, Any] | None) -> dict[str, float] | None:
    names = ("false_accept_rate", "false_reject_rate", "calibration_error")
    return None if refusal is None else {name: refusal[name] for name in names}


def submit(plan: Plan, progress: Progress) -> None:
    """Predict the rows without a label, with the model that was saved, into ``submission.csv``."""
    clips = plan.dataset.unlabelled
    if not clips:
        return
    step = progress.stage("predicting unlabelled clips", len(clips), "clip")
    rows: list[tuple[str, str]] = []
    predictor = Predictor.load(plan.run / "model")
    for clip, found in zip(clips, predictor.predict_many(clip.path for clip in clips), strict=True):
        step()
        if isinstance(found, AudioError):
            progress.say(f"no prediction: {found}")
        # A submission has no column for doubt: refused clips get a label as well.
        rows.append((clip.name, "" if isinstance(found, AudioError) else found.most_probable))
    write_text(plan.run / "submission.csv", _as_csv([("file_name", "label"), *rows]))


def write_history(plan: Plan, results: Mapping[tuple[str, int], Result]) -> None:
    """Write every epoch of every network as ``history.csv``; ``chosen`` marks the one whose weights were kept."""
    names = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "seconds")
    rows: list[Sequence[object]] = [("member", "fold", "epoch", *names, "chosen")]
    for (member, number), result in results.items():
        if number == 0:
            continue  # it learned from everything: its curves show nothing
        losses = [record["valid_loss"] for record in result.history]
        chosen = len(losses) - 1 if plan.config.train.keep == "last" else int(np.argmin(losses))
        for epoch, record in enumerate(result.history):
            rows.append((member, number, epoch + 1, *(record[name] for name in names), int(epoch == chosen)))
    write_text(plan.run / "history.csv", _as_csv(rows))


def describe(plan: Plan, material: Material, fingerprint_of_data: str) -> dict[str, Any]:
    """Say what the run was made of."""
    return {
        "roots": [printable(plan.dataset.root)],
        "layout": plan.dataset.layout,
        "n_clips": len(material.clips),
        "n_labels": len(material.labels),
        "n_speakers": len({clip.speaker for clip in material.clips} - {None}),
        "n_unlabelled": len(plan.dataset.unlabelled),
        "n_longer_than_window": material.n_longer_than_window,
        "fingerprint": fingerprint_of_data,
    }


def _as_csv(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()
