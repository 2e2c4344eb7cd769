"""What a training run is asked to do, and how that comes out of a person's wishes: data, preset, and what to change.

The command line and a page make the same plan by the same call, :func:`plan_run`.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sutja.clips import Clip, natural_order
from sutja.config import CAN_GO_ON, DEFAULT_PRESET, Config, EvaluationProtocol, going_on, preset
from sutja.dataset import Dataset
from sutja.engine.choice import LOCAL, Choice
from sutja.errors import ConfigError, DatasetError, listed
from sutja.lexicon import vocabulary
from sutja.remote import is_url
from sutja.runs import RunFolder

TEACHER_WEIGHT = 4.0  # where a teacher is asked for: docs/decisions
N_CORES = os.cpu_count() or 1
QUICK_BELOW = 5_000
FEW_TO_GO_ON_WITH = 200
"""Below so many clips a network that goes on learning was no better than `quick`, at 40 and at 100
(docs/decisions/2026-11-27-few-clips.md)."""
"""Clips: where there are fewer and nothing else was asked for, words are taught to the body in seconds."""
ONLY_LEARNING = ("epochs", "n_folds", "n_copies", "seed", "precision", "n_synthetic_voices", "teacher")
"""Wishes that mean something to networks that learn, and nothing to `quick`."""
OPTIONS = {"n_folds": "folds", "n_copies": "copies", "n_synthetic_voices": "synthetic-voices"}
_LEARNED = ("copies", "corpora")


@dataclass(frozen=True)
class Plan:
    """What a run is asked to do."""

    dataset: Dataset
    config: Config
    protocol: EvaluationProtocol
    run: Path
    n_jobs: int = N_CORES
    resume: bool = False
    skip_unreadable: bool = False
    negatives: tuple[Clip, ...] = ()
    """Recordings of other words, to learn refusal from."""
    extra: tuple[Clip, ...] = ()
    """Recordings of the vocabulary from elsewhere: every fold learns from them, nothing is measured on them."""
    backgrounds: tuple[Path, ...] = ()
    """Recordings of real noise to put words among, where the preset does so."""
    rooms: tuple[Path, ...] = ()
    """Recorded impulse responses, the same."""
    licence: str | None = None
    """Of the model; it is written into it."""
    compare: Path | None = None
    """An earlier run whose accuracy is shown beside this one's."""
    engine: Choice = LOCAL
    """Where its jobs run."""
    command: str = ""
    """How the run was asked for, for people: it is written into the settings."""

    @property
    def folder(self) -> RunFolder:
        """Where its files go."""
        return RunFolder(self.run)


@dataclass(frozen=True)
class Wishes:
    """What a person asks of a run; None and empty leave it to the preset and the data."""

    preset: str | None = None
    protocol: EvaluationProtocol | None = None
    epochs: int | None = None
    n_folds: int | None = None
    n_copies: int | None = None
    seed: int | None = None
    precision: str | None = None
    false_accept_rate: float | None = None
    n_synthetic_voices: int | None = None
    language: str | None = None
    spoken: Mapping[str, str] = field(default_factory=dict)
    """What is said for a label, where that is not the word that the language has for it."""
    drop: tuple[str, ...] = ()
    """Labels whose clips are left out, also of the negatives."""
    refuse: tuple[str, ...] = ()
    """Labels whose clips the model is to refuse."""
    teacher: bool = False
    """Whether the network learns what a general recogniser makes of each sound, too."""
    body: str | None = None
    """The model that words are taught on, if not the one that sutja brings; with `robust` or `words` the one whose
    network goes on learning."""


def plan_run(
    dataset: Dataset,
    run: Path,
    wishes: Wishes | None = None,
    *,
    extra: Sequence[Clip] = (),
    negatives: Sequence[Clip] = (),
    **settings: Any,
) -> Plan:
    """Make the plan of a run.

    Parameters
    ----------
    dataset
        What is learned from and measured on.
    run
        The folder that the run is to make.
    wishes
        What is to be otherwise than the preset and the data have it.
    extra
        Recordings of the vocabulary from elsewhere, to learn from and not to measure on.
    negatives
        Recordings of what is not in the vocabulary, besides those of ``dataset`` itself.
    settings
        Fields of :class:`Plan`: ``n_jobs``, ``resume``, ``skip_unreadable``, ``backgrounds``, ``rooms``, ``compare``,
        ``licence``, ``engine``, ``command``.

    Raises
    ------
    ConfigError
        When the wishes contradict the preset.
    DatasetError
        When a label is not there, or is to be learned and refused at once.

    """
    wishes = wishes or Wishes()
    if wishes.preset is None and (wishes.body or _is_quick(dataset, wishes, extra, settings)):
        wishes = replace(wishes, preset="quick")
    config = settings_of(wishes)
    here = frozenset(clip.label for clip in negatives if clip.label)
    dataset, extra, _ = _set_apart(dataset, extra, wishes.drop, "drop", here)
    negatives = [clip for clip in negatives if clip.label not in wishes.drop]
    dataset, extra, refused = _set_apart(dataset, extra, wishes.refuse, "refuse")
    refused += _not_in_vocabulary(negatives, dataset.labels)
    if dataset.negatives:
        dataset, others = _to_refuse(dataset, config)
        refused += others
    dataset, refused = _without_sound_alikes(dataset, refused, config)
    if refused and config.refusal is None:
        raise ConfigError(f"preset {config.preset} cannot refuse; leave --refuse and --negatives out, or choose robust")
    if extra and config.augment is None:
        raise ConfigError(f"preset {config.preset} learns from DATA only; leave --extra out, or choose robust")
    augment = config.augment
    for name, share in (("backgrounds", "real_noise_share"), ("rooms", "real_room_share")):
        if settings.get(name) and not (augment and getattr(augment, share)):
            option = {"backgrounds": "--noise", "rooms": "--rooms"}[name]
            raise ConfigError(
                f"preset {config.preset} puts words among no recorded {name}; leave {option} out, or choose words"
            )
    fitting = protocol_of_takes(dataset.labelled) if config.body else fitting_protocol(dataset, config.train.n_folds)
    protocol = wishes.protocol or fitting
    if config.body and not config.only_teaches and wishes.n_folds is None:
        config = replace(config, train=replace(config.train, n_folds=_fitting_folds(dataset, config, protocol)))
    if config.only_teaches and protocol in _LEARNED:
        raise ConfigError(f"protocol {protocol} needs networks that learn; choose clips or speakers, or preset robust")
    if protocol == "corpora":
        n_corpora = len({clip.attributes.get("corpus") for clip in dataset.labelled})
        config = replace(config, train=replace(config.train, n_folds=max(2, n_corpora)))
    plan = Plan(dataset, config, protocol, run, negatives=refused, extra=tuple(extra), **settings)
    return _from_the_root(plan) if plan.engine.on_cluster else plan


def _from_the_root(plan: Plan) -> Plan:
    """Give every path from the root: workers have another current folder.

    Raises
    ------
    ConfigError
        When no network learns: there is nothing for a cluster to do.

    """
    if plan.config.only_teaches:
        raise ConfigError(
            "preset quick teaches words in seconds, and has no use for a cluster; leave --engine, --scheduler and "
            "--workers out, or choose robust"
        )
    dataset = replace(plan.dataset, root=plan.dataset.root.absolute(), clips=_placed(plan.dataset.clips))
    return replace(
        plan,
        dataset=replace(dataset, negatives=_placed(dataset.negatives)),
        run=plan.run.absolute(),
        negatives=_placed(plan.negatives),
        extra=_placed(plan.extra),
        backgrounds=tuple(path.absolute() for path in plan.backgrounds),
        rooms=tuple(path.absolute() for path in plan.rooms),
    )


def _placed(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    return tuple(replace(clip, path=clip.path.absolute()) for clip in clips)


def _is_quick(dataset: Dataset, wishes: Wishes, extra: Sequence[Clip], settings: Mapping[str, Any]) -> bool:
    """Tell whether nothing is asked for that takes networks which learn, and there are few clips to learn from."""
    asked = bool(_only_learning(wishes)) or bool(extra) or wishes.protocol in _LEARNED
    surroundings = any(settings.get(name) for name in ("backgrounds", "rooms"))
    on_cluster = settings.get("engine", LOCAL).on_cluster
    return len(dataset.labelled) < QUICK_BELOW and not asked and not surroundings and not on_cluster


def settings_of(wishes: Wishes) -> Config:
    """Take the preset, and what a person says otherwise.

    >>> settings_of(Wishes(preset="reference", epochs=3)).train.epochs
    3
    """
    if wishes.body is not None:
        _check_body(wishes.body)
    base = preset(wishes.preset or DEFAULT_PRESET)
    if base.body:
        _check_quick(wishes)
    elif wishes.body:
        if base.preset not in CAN_GO_ON:
            raise ConfigError(
                f"preset {base.preset} trains a network from nothing; leave --from out, or choose quick, "
                f"{' or '.join(CAN_GO_ON)}"
            )
        base = going_on(base, wishes.body)
    names = ("epochs", "n_folds", "n_copies", "seed", "precision")
    chosen = {name: getattr(wishes, name) for name in names if getattr(wishes, name) is not None}
    if "epochs" in chosen:
        chosen["min_steps"] = 0  # who says how many epochs means so many, however few clips there are
    config = replace(base, train=replace(base.train, **chosen))
    if wishes.teacher:
        if config.train.network != "words":
            raise ConfigError(f"preset {base.preset} has no teacher; leave --teacher out, or choose words")
        config = replace(config, train=replace(config.train, teacher_weight=TEACHER_WEIGHT))
    if wishes.false_accept_rate is not None:
        if base.refusal is None:
            raise ConfigError(f"preset {base.preset} cannot refuse; leave --false-accept-rate out, or choose robust")
        config = replace(config, refusal=replace(base.refusal, false_accept_rate=wishes.false_accept_rate))
    config = replace(config, language=wishes.language, spoken=wishes.spoken, body=wishes.body or base.body)
    n_voices = wishes.n_synthetic_voices
    if n_voices and base.augment is None:
        raise ConfigError(f"preset {base.preset} learns from DATA only; leave --synthetic-voices out, or choose robust")
    return config if n_voices is None else replace(config, n_synthetic_voices=n_voices)


def _check_body(name: str) -> None:
    """Refuse what names no model at all: a blank, which would mean the one that sutja brings, and a URL."""
    if not name.strip():
        raise ConfigError("--from is blank; expected the folder or the name of a model; write it, or leave it out")
    if is_url(name):
        raise ConfigError(f"--from {name}: is a URL; expected a model on this machine; download it first")


def _check_quick(wishes: Wishes) -> None:
    """Refuse what means nothing where no network learns."""
    for name in _only_learning(wishes):
        option = f"--{OPTIONS.get(name, name.replace('_', '-'))}"
        raise ConfigError(
            f"preset quick teaches words to a network that is there, and has no use for {option}; "
            "leave it out, or choose robust"
        )


def _only_learning(wishes: Wishes) -> list[str]:
    """Name the wishes that mean nothing where no network learns; a seed of 0 is one, too."""
    return [name for name in ONLY_LEARNING if (asked := getattr(wishes, name)) is not None and asked is not False]


def fitting_protocol(dataset: Dataset, n_folds: int) -> EvaluationProtocol:
    """Return ``speakers`` where the data names at least as many as there are folds, else ``clips``."""
    named = all(clip.speaker for clip in dataset.labelled)
    return "speakers" if named and len(dataset.speakers) >= n_folds else "clips"


def protocol_of_takes(clips: Sequence[Clip]) -> EvaluationProtocol:
    """Return ``speakers`` where every word is said by two or more who are named, else ``clips``: what `quick` needs."""
    speakers: dict[str | None, set[str | None]] = defaultdict(set)
    for clip in clips:
        speakers[clip.label].add(clip.speaker)
    apart = all(None not in of_word and len(of_word) > 1 for of_word in speakers.values())
    return "speakers" if apart else "clips"


def _fitting_folds(dataset: Dataset, config: Config, protocol: EvaluationProtocol) -> int:
    """Return as many folds as the preset has, or as there are speakers, or clips of the rarest word."""
    if protocol == "speakers":
        return max(2, min(config.train.n_folds, len(dataset.speakers)))
    n_clips = Counter(clip.label for clip in dataset.labelled)
    return max(3, min(config.train.n_folds, *n_clips.values()))


def _set_apart(
    dataset: Dataset, extra: Sequence[Clip], named: Sequence[str], what: str, elsewhere: frozenset[str] = frozenset()
) -> tuple[Dataset, tuple[Clip, ...], tuple[Clip, ...]]:
    """Part the clips of the vocabulary from those with the labels that are named; some may only be ``elsewhere``."""
    labels = natural_order(clip.label for clip in (*dataset.clips, *extra))
    unknown = set(named) - set(labels) - elsewhere
    if unknown:
        raise DatasetError(f"{what} {min(unknown)}: no such label; there are {', '.join(labels[:20])}; correct it")
    kept = replace(dataset, clips=tuple(clip for clip in dataset.clips if clip.label not in named))
    apart = tuple(clip for clip in (*dataset.clips, *extra) if clip.label in named)
    return kept, tuple(clip for clip in extra if clip.label not in named), apart


def _to_refuse(dataset: Dataset, config: Config) -> tuple[Dataset, tuple[Clip, ...]]:
    """Take what the data set itself says is to be refused, where the preset can."""
    if config.refusal is not None:
        return dataset, dataset.negatives
    n, labels = len(dataset.negatives), natural_order(clip.label for clip in dataset.negatives)
    note = f"{n} recordings of {', '.join(labels)} are left out: preset {config.preset} cannot refuse"
    return replace(dataset, negatives=(), notes=(*dataset.notes, note)), ()


def _without_sound_alikes(
    dataset: Dataset, refused: tuple[Clip, ...], config: Config
) -> tuple[Dataset, tuple[Clip, ...]]:
    """Leave out what is to be refused and is heard as a word of the vocabulary: "won" and "for" beside digits.

    Where the language was not told it is English: the forms of all languages take in `go`, `tree` and `sun`.
    """
    words = vocabulary(dataset.labels, config.language or "en", config.spoken, cautious=False)
    alike = tuple(clip for clip in refused if clip.label is not None and clip.label in words)
    if not alike:
        return dataset, refused
    labels = listed(natural_order(clip.label for clip in alike))
    note = f"{len(alike)} recordings of {labels} are not to be refused: they sound as words of the vocabulary; left out"
    kept = tuple(clip for clip in refused if clip not in set(alike))
    return replace(dataset, notes=(*dataset.notes, note)), kept


def _not_in_vocabulary(clips: Sequence[Clip], labels: Sequence[str]) -> tuple[Clip, ...]:
    """Check that what is to be refused is not in the vocabulary."""
    both = sorted({clip.label for clip in clips if clip.label} & set(labels))
    if both:
        raise DatasetError(
            f"negatives hold {', '.join(map(repr, both[:5]))}, which the model is to learn; take them out"
        )
    return tuple(clips)
