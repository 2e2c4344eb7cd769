"""The whole study on one's own files: exploration, the study's way and the honest ones, faults, page and notebook.

read      the project: what is learned from, what is to be predicted
tell      how long it takes, before anything is trained
look      every figure of the study's exploration
train     the study's own protocol, then those that keep clips and speakers apart, as the data allows
try       the study's faults as small experiments
hand in   ``submission.csv``, the learning curves, ``metrics.json``, ``study.ipynb``, ``study.html``

Each training is a run of its own below ``runs/`` and resumes as such; what an experiment measured is kept, too.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from sutja import __version__, experiments, recipe, runs
from sutja.audio import printable
from sutja.clips import Clip
from sutja.config import Config, EvaluationProtocol
from sutja.dataset import Dataset, fingerprint, read
from sutja.diagnosis import Diagnosis, compare_sets, diagnose_run
from sutja.engine.local import local
from sutja.errors import DatasetError, RunError, listed
from sutja.experiments import Lab, Outcome
from sutja.files import write_bytes, write_json
from sutja.learn.folds import split_clips
from sutja.learn.networks import ResidualBlock, StudyNet, n_parameters
from sutja.plan import N_CORES, Plan, Wishes, settings_of
from sutja.progress import SILENT, Progress, roughly
from sutja.records import FieldError, read_json
from sutja.reports import drawing, explore, pages
from sutja.reports.notebook import check_kernel, write_notebook
from sutja.reports.poster import write_poster
from sutja.reports.study import Told, compared, write_study
from sutja.runs import ENSEMBLE, Metrics, RunFolder
from sutja.starting import check_finished, check_run
from sutja.texts import Language, per_cent, say

REPORTED = 0.967
"""The study's own number: the mean of the ensemble over five folds."""
BY_OTHERS = (0.9765, 0.9725)
"""Of the same recipe on the same data."""
REPORTED_CLIPS = 400
REPORTED_LABELS = 10
SIGMAS = 1.96  # two numbers further apart than this differ by more than chance
EXPLORING_SECONDS = 0.03  # a clip, figures and map included
WRITING_SECONDS = 60.0  # reports, page and notebook
AGAIN = "sutja train PROJECT --out RUN --preset reference"
COMMANDS = {
    "few_epochs": "sutja study PROJECT --out RUN --epochs {more}",
    "first_epoch": "sutja study PROJECT --out RUN --epochs {more}",
    "at_chance": f"{AGAIN} --protocol copies --seed 1",
    "feature_hurts": "sutja study PROJECT --out RUN --experiment mfcc",
    "fold_leaks": "sutja study PROJECT --out RUN --experiment copies",
    "same_fold": "sutja study PROJECT --out RUN --experiment checkpoint",
    "speakers_shared": "sutja study PROJECT --out RUN --experiment speakers",
    "speakers_unknown": "sutja study PROJECT --out RUN --speaker-from 'SPEAKER_*'",
}
"""By kind of finding: what a person types next who makes the study; for other kinds it is what everybody types."""
CURVES = {"mel": "mels"}  # what the study calls the curves of a member, where it calls it otherwise


@dataclass(frozen=True)
class Asked:
    """What a person asks for."""

    project: Path
    """A folder with train.csv, test.csv and the clips; or any data set that sutja reads."""
    out: Path
    epochs: int | None = None
    """The study's 50 if not given."""
    language: Language = "en"
    n_jobs: int = N_CORES
    resume: bool = False
    speaker_from: str | None = None
    command: str = ""


@dataclass(frozen=True)
class Project:
    """The recordings of a study."""

    dataset: Dataset
    """Clips to learn from, and clips without a label to predict."""
    truth: Mapping[str, str] = field(default_factory=dict)
    """Labels of clips to predict, where the test set has them: they are looked at when all is over."""


@dataclass(frozen=True)
class Protocols:
    """The trainings, by protocol, the study's own first; and why there is none by speaker."""

    plans: Mapping[EvaluationProtocol, Plan]
    no_speakers: str = ""
    """`unknown`, `one`, or why folds by speaker cannot be cut; empty where they can."""


def conduct(asked: Asked, progress: Progress = SILENT, on_note: Callable[[str], None] = lambda _: None) -> Path:
    """Do the whole study, and return its page.

    Parameters
    ----------
    asked
        What is wanted.
    progress
        Told of each stage and step.
    on_note
        Told how the project was read, and how long it will take.

    Raises
    ------
    DatasetError
        When the project cannot be used: a clip is missing, there is one label only, too few clips.
    RunError
        When the folder is taken, or belongs to another study.
    DependencyError
        When a package of the extra `study` is not installed.

    """
    started = perf_counter()
    check_kernel()
    project = read_project(asked, on_note)
    begin = check_out(asked, project)
    protocols = plan_trainings(asked, project)
    on_note(time_ahead(protocols, project, progress))
    if asked.language != "en" and not drawing.has_hangul():
        on_note(say("study.cli.no_font", asked.language, fonts=listed(drawing.WIDER_FONTS)))
    begin()
    exploration, shown = explore.look(project.dataset, asked.out, settings(asked), progress=progress)
    pages.write_page(asked.out / "explore.html", "explore.html", **shown, version=__version__)
    found = {name: train(plan, progress) for name, plan in protocols.plans.items()}
    lab = laboratory(asked, project, _folders(protocols))
    outcomes = try_faults(lab, experiments.possible(lab.runs), asked.out, progress)
    own = protocols.plans["copies"].folder
    hand_in(asked, own)
    known, unknown = (
        [p.profile for p in exploration.profiled if (p.profile.label is None) == b] for b in (False, True)
    )
    diagnoses = [*diagnose(own), *compare_sets(known, unknown)]
    numbers = summary(asked, project, protocols, found, diagnoses, outcomes)
    step = progress.stage("writing", 3, "document")
    write_notebook(asked.out, notebook_settings(asked, protocols), asked.language)
    step()
    told = Told(asked.language, numbers, found, diagnoses, outcomes, network_parts(len(found["copies"].labels)))
    page = write_study(asked.out, own, shown, told)
    step()
    write_poster(asked.out, own, shown, told)
    step()
    write_json(asked.out / "metrics.json", numbers | {"seconds": perf_counter() - started})
    return page


def try_one(asked: Asked, name: str, on_note: Callable[[str], None] = lambda _: None) -> tuple[Outcome, Path]:
    """Make one experiment, with or without the study; return what was found and where its figure is.

    Raises
    ------
    ConfigError
        When there is none of this name.
    RunError
        When it looks at a training that is not there, or the folder belongs to another study.

    """
    experiments.check_name(name)
    project = read_project(asked, on_note)
    begin = check_out(replace(asked, resume=True), project, whole=False)
    there = {path.name: RunFolder(path) for path in (asked.out / "runs").glob("*") if RunFolder(path).metrics.exists()}
    lab = laboratory(asked, project, there, epochs=asked.epochs or experiments.QUICK_EPOCHS)
    outcome = experiments.conduct(name, lab)
    begin()
    keep_outcome(outcome, lab, asked.out)
    return outcome, figure_of(asked.out, name)


# -- before anything is trained ---------------------------------------------------------------------------------------


def read_project(asked: Asked, on_note: Callable[[str], None] = lambda _: None) -> Project:
    """Read what is learned from and what is to be predicted: what is marked `test` is never learned from."""
    dataset = read(asked.project, speaker_from=asked.speaker_from, on_note=on_note)
    if not dataset.labelled:
        raise DatasetError(
            f"{printable(asked.project)}: none of its {len(dataset.clips)} clips has a label, and there is nothing to "
            "learn from; expected train.csv with the columns file_name,label"
        )
    lacking = [clip for clip in dataset.unlabelled if clip.split == "train"]
    if lacking:
        on_note(
            f"  {len(lacking)} rows of the training set have no label and are left out ({_named(lacking)}): they are "
            "neither learned from nor predicted"
        )
        dataset = replace(dataset, clips=tuple(clip for clip in dataset.clips if clip not in lacking))
    test = [clip for clip in dataset.labelled if clip.split == "test"]
    if len(test) == len(dataset.labelled) and test:
        raise DatasetError(
            f"{printable(asked.project)}: all labels are of the test set, and there is nothing to learn from; "
            "expected train.csv with the columns file_name,label"
        )
    truth = {clip.name: str(clip.label) for clip in test}
    if truth:
        on_note(f"  the {len(truth)} labels of the test set are not learned from: they are compared at the end")
    if not truth and not dataset.unlabelled:
        on_note("  there is nothing to predict (no test.csv): the study goes on without a submission")
    if dataset.negatives:
        on_note(
            f"  {len(dataset.negatives)} recordings of what is to be refused are left out: the study refuses nothing"
        )
    clips = tuple(replace(clip, label=None) if clip.split == "test" else clip for clip in dataset.clips)
    return Project(replace(dataset, clips=clips, negatives=()), truth)


def _named(clips: Sequence[Clip]) -> str:
    return listed([clip.name for clip in clips])


def check_out(asked: Asked, project: Project, *, whole: bool = True) -> Callable[[], None]:
    """Check that the folder is free, or holds this study; return what makes it one.

    Parameters
    ----------
    asked, project
        What is wanted, and of which recordings.
    whole
        Whether networks are trained, whose epochs have to be the same.

    """
    path, out = asked.out / "study.json", printable(asked.out)
    study: dict[str, Any] = {"fingerprint": fingerprint(project.dataset.clips), "sutja": __version__}
    if whole:
        study["epochs"] = settings(asked).train.epochs
    before = _read_before(path)
    if before is None:
        if asked.out.exists() and (not asked.out.is_dir() or any(asked.out.iterdir())):
            raise RunError(f"{out}: exists and is not a study of ours; choose another --out")
        return lambda: write_json(path, study)
    if "epochs" in before and not asked.resume:
        raise RunError(f"{out}: holds a study already; resume it with --resume, or choose another --out")
    for name, what in (("fingerprint", "recordings"), ("epochs", "--epochs")):
        if name in study and before.get(name, study[name]) != study[name]:
            raise RunError(f"{out}: was started with other {what}; resume it with the same, or choose another --out")
    return lambda: write_json(path, before | study)


def _read_before(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        return dict(read_json(path))
    except (OSError, FieldError, TypeError, ValueError) as error:
        raise RunError(f"{printable(path)}: cannot be read ({error}); choose another --out") from error


def settings(asked: Asked) -> Config:
    """Return the study's settings, with the epochs that are asked for."""
    return settings_of(Wishes(preset="reference", epochs=asked.epochs))


def plan_trainings(asked: Asked, project: Project) -> Protocols:
    """Plan the study's own training, and the honest ones that the data allows."""
    dataset, config = project.dataset, settings(asked)
    judged_only = replace(dataset, clips=dataset.labelled)  # one submission is enough

    def plan(name: EvaluationProtocol, of: Dataset, n_folds: int) -> Plan:
        cut = replace(config, train=replace(config.train, n_folds=n_folds))
        return Plan(of, cut, name, asked.out / "runs" / name, asked.n_jobs, resume=True, command=asked.command)

    n_folds = config.train.n_folds
    plans: dict[EvaluationProtocol, Plan] = {
        "copies": plan("copies", dataset, n_folds),
        "clips": plan("clips", judged_only, n_folds),
    }
    n_speakers = len({clip.speaker for clip in dataset.labelled} - {None})
    if not all(clip.speaker for clip in dataset.labelled):
        return Protocols(plans, "unknown")
    if n_speakers < 2:
        return Protocols(plans, "one")
    apart = plan("speakers", judged_only, min(n_folds, n_speakers))
    try:
        targets = recipe.Material(dataset.labelled, {}, 0).targets
        split_clips(dataset.labelled, targets, apart.config.train, "speakers")
    except DatasetError as error:
        return Protocols(plans, str(error))
    return Protocols({**plans, "speakers": apart})


def time_ahead(protocols: Protocols, project: Project, progress: Progress) -> str:
    """Say how long the study will take here, found by doing a little of it."""
    training, per_epoch, n_networks, n_workers = 0.0, 0.0, 0, 1
    material = None
    for plan in protocols.plans.values():
        if plan.folder.metrics.exists():
            continue
        material = material or recipe.hear(plan, progress)
        experiment = recipe.cut(plan, material)
        jobs, engine = recipe.list_jobs(plan, material, experiment), local(plan.n_jobs)
        ahead = recipe.time_ahead(plan, experiment, jobs, engine)
        training, n_networks, n_workers = training + ahead.training, n_networks + ahead.n_networks, ahead.n_workers
        per_epoch = max(per_epoch, ahead.training * ahead.n_workers / max(1, len(jobs) * plan.config.train.epochs))
    rest = EXPLORING_SECONDS * len(project.dataset.clips) + WRITING_SECONDS
    rest += experiments.N_QUICK * experiments.QUICK_EPOCHS * per_epoch
    at_a_time = f", {n_workers} at a time" if n_workers > 1 else ""
    return (
        f"the study takes about {roughly(training + rest)} here: {roughly(training)} for {n_networks} networks"
        f"{at_a_time}, {roughly(rest)} for figures, experiments, page and notebook"
    )


def _folders(protocols: Protocols) -> dict[str, RunFolder]:
    return {name: plan.folder for name, plan in protocols.plans.items()}


def train(plan: Plan, progress: Progress = SILENT) -> Metrics:
    """Do one training of the study, or take it up where it is finished, without drawing its report again."""
    if not plan.folder.metrics.exists() or plan.folder.work.exists():
        return recipe.train(plan, progress)
    check_run(plan)
    check_finished(plan)
    return runs.read_metrics(plan.folder)


def diagnose(own: RunFolder) -> list[Diagnosis]:
    """Say what is off about the study's own training, with the commands of the study."""
    return [replace(each, command_instead=COMMANDS.get(each.kind, "")) for each in diagnose_run(own)]


# -- faults -----------------------------------------------------------------------------------------------------------


def laboratory(asked: Asked, project: Project, found: Mapping[str, RunFolder], *, epochs: int | None = None) -> Lab:
    """Return what experiments are made with; their networks learn no longer than those of the study."""
    epochs = epochs or min(experiments.QUICK_EPOCHS, settings(asked).train.epochs)
    clips = project.dataset.labelled
    return experiments.listen_to(clips, settings(asked), found, language=asked.language, epochs=epochs)


def try_faults(lab: Lab, names: Sequence[str], out: Path, progress: Progress = SILENT) -> list[Outcome]:
    """Make experiments, or take up what they measured before; keep each one's numbers and figure."""
    step = progress.stage("trying the faults", len(names), "experiment")
    outcomes = []
    for name in names:
        outcome = experiments.conduct(name, lab, _measured(out, name, lab))
        keep_outcome(outcome, lab, out)
        outcomes.append(outcome)
        step()
    return outcomes


def keep_outcome(outcome: Outcome, lab: Lab, out: Path) -> None:
    """Keep an experiment's numbers and its figure in the folder of the study."""
    drawing.save_png(outcome.figure, figure_of(out, outcome.name))
    write_json(_numbers_of(out, outcome.name), {"epochs": lab.epochs, "numbers": outcome.numbers})


def figure_of(out: Path, name: str) -> Path:
    """Return where the figure of an experiment is."""
    return out / "figures" / f"experiment_{name}.png"


def _numbers_of(out: Path, name: str) -> Path:
    return out / "experiments" / f"{name}.json"


def _measured(out: Path, name: str, lab: Lab) -> dict[str, Any] | None:
    """Return what this experiment measured on these recordings before; what is damaged is measured again."""
    try:
        kept = read_json(_numbers_of(out, name))
        return dict(kept["numbers"]) if kept["epochs"] == lab.epochs else None
    except (OSError, FieldError, KeyError, TypeError, ValueError):
        return None


# -- what is handed in ------------------------------------------------------------------------------------------------


def hand_in(asked: Asked, own: RunFolder) -> None:
    """Put the submission and the learning curves where the study has them."""
    if own.submission.exists():
        write_bytes(asked.out / "submission.csv", own.submission.read_bytes())
    for path in sorted(own.figures.glob("*.png")):
        member, _, fold = path.stem.rpartition("_")
        if fold.isdecimal():
            shutil.copyfile(path, asked.out / "figures" / f"{CURVES.get(member, member)}_{fold}.png")


def summary(  # noqa: PLR0913  one a part of the file
    asked: Asked,
    project: Project,
    protocols: Protocols,
    found: Mapping[EvaluationProtocol, Metrics],
    diagnoses: Sequence[Diagnosis],
    outcomes: Sequence[Outcome],
) -> dict[str, Any]:
    """Lay out ``metrics.json``."""
    own = found["copies"]
    dataset, (_, headline) = project.dataset, own.headline
    return {
        "sutja": __version__,
        "project": printable(asked.project),
        "language": asked.language,
        "command": asked.command,
        "epochs": protocols.plans["copies"].config.train.epochs,
        "fingerprint": fingerprint(dataset.clips),
        "n_clips": own.n_clips,
        "n_predicted": len(dataset.unlabelled),
        "n_speakers": own.n_speakers,
        "n_longer_than_window": own.n_longer_than_window,
        "labels": own.labels,
        "protocols": {name: _scores(metrics) for name, metrics in found.items()},
        "no_speakers": protocols.no_speakers,
        "last_epoch": {name: vars(last) for name, last in own.last_epoch.items()},
        "test_accuracy": test_accuracy(project, protocols.plans["copies"].folder),
        "study": compare_with_study(headline.accuracy, own.n_clips, len(own.labels)),
        "findings": [each.to_dict() for each in diagnoses],
        "experiments": {each.name: dict(each.numbers) for each in outcomes},
    }


def _scores(metrics: Metrics) -> dict[str, Any]:
    return {
        name: {
            "accuracy": scores.accuracy,
            "interval95": scores.interval95,
            "fold_accuracy": scores.fold_accuracy,
        }
        for name, scores in metrics.members.items()
    }


def test_accuracy(project: Project, own: RunFolder) -> float | None:
    """Return how often the submission is right, where the test set has labels."""
    rows = runs.read_submission(own)
    right = [row["label"] == project.truth[row["file_name"]] for row in rows if row["file_name"] in project.truth]
    return sum(right) / len(right) if right else None


def compare_with_study(accuracy: float, n_clips: int, n_labels: int) -> dict[str, Any]:
    """Say how far an accuracy is from the study's, and whether that is more than chance.

    >>> compare_with_study(0.96, 400, 10)["within_noise"], compare_with_study(0.35, 400, 10)["within_noise"]
    (True, False)
    """
    variance = accuracy * (1 - accuracy) / max(1, n_clips) + REPORTED * (1 - REPORTED) / REPORTED_CLIPS
    difference = accuracy - REPORTED
    return {
        "reported": REPORTED,
        "by_others": list(BY_OTHERS),
        "comparable": n_labels == REPORTED_LABELS,
        "difference": difference,
        "noise": SIGMAS * math.sqrt(variance),
        "within_noise": abs(difference) <= SIGMAS * math.sqrt(variance),
    }


def network_parts(n_labels: int) -> dict[str, int]:
    """Count the parameters of the study's network, part by part.

    >>> network_parts(10)["all"], network_parts(10)["learned"]
    (84522, 83562)
    """
    network = StudyNet(n_classes=n_labels)
    blocks = [block for block in network.blocks if isinstance(block, ResidualBlock)]
    parts = {"stem": n_parameters(network.stem)} | {
        f"residual {number}": n_parameters(block) for number, block in enumerate(blocks, start=1)
    }
    whole = n_parameters(network)
    parts["dense"] = whole - sum(parts.values())
    return parts | {"all": whole, "learned": n_parameters(network, trainable=True)}


def why_no_speakers(protocols: Protocols, language: Language = "en") -> str:
    """Say why there is no number for voices never heard."""
    if protocols.no_speakers in ("unknown", "one"):
        return say(f"study.honest.{protocols.no_speakers}", language)
    return f"{say('study.honest.cannot', language)} {protocols.no_speakers}"


def in_short(out: Path, language: Language = "en") -> list[str]:
    """Tell a finished study in a few lines."""
    numbers = read_json(out / "metrics.json")
    lines = [
        f"{say(f'study.protocol.{name}.long', language)}: {per_cent(members[ENSEMBLE]['accuracy'])}"
        for name, members in numbers["protocols"].items()
    ]
    if numbers["study"]["comparable"]:
        lines.append(compared(numbers["study"], language))
    if numbers["no_speakers"]:
        lines.append(f"{say('study.protocol.speakers.long', language)}: {say('study.honest.unknown_short', language)}")
    if numbers["test_accuracy"] is not None:
        lines.append(f"{say('study.submission.right', language)}: {per_cent(numbers['test_accuracy'])}")
    return lines


def notebook_settings(asked: Asked, protocols: Protocols) -> dict[str, Any]:
    """Gather what the notebook's first cell says: where everything lies, and what was asked."""
    return {
        "PROJECT": os.path.relpath(asked.project.absolute(), asked.out.absolute()),
        "OUT": ".",
        "LANGUAGE": asked.language,
        "EPOCHS": protocols.plans["copies"].config.train.epochs,
        "JOBS": asked.n_jobs,
        "SPEAKER_FROM": asked.speaker_from,
    }
