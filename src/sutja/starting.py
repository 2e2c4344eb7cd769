"""Before anything is heard: is the folder free, or does it hold this very run; do the recordings stand apart.

For every kind of run; reaches no torch.
"""

from __future__ import annotations

import errno
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sutja import __version__, runs
from sutja.audio import printable
from sutja.config import Config
from sutja.dataset import fingerprint
from sutja.errors import BundleError, ConfigError, DatasetError, RunError
from sutja.files import cannot_write, sweep
from sutja.plan import Plan
from sutja.predictor import Predictor

PACKAGES = ("torch", "numpy", "onnxruntime", "soundfile", "soxr")
"""Whose versions are written down; a run without networks that learn may have no torch."""


def check_run(plan: Plan, **more: Any) -> dict[str, Any]:
    """Return the settings of the run, and ``more`` beside them, when its folder is free or holds this very run."""
    settings = {
        "config": plan.config.to_dict(),
        "protocol": plan.protocol,
        "seed": plan.config.train.seed,
        "fingerprint": fingerprint(plan.dataset.clips),
        "versions": _versions() | {"sutja": __version__, "python": platform.python_version()},
        "command": plan.command,
        **more,
    }
    path, run = plan.folder.settings, printable(plan.run)
    clear_away(plan.run, f".{path.name}.")  # of a run that was killed in its very first file
    if not path.exists():
        if plan.run.exists() and (not plan.run.is_dir() or any(plan.run.iterdir())):
            raise RunError(f"{run}: exists and is not a run of ours; choose another --out")
        _check_place(plan.run)
    elif not plan.resume:
        raise RunError(f"{run}: holds a run already; resume it with --resume, or choose another --out")
    else:
        _check_same(path, settings)
        clear_away(plan.run)
    return settings


def clear_away(folder: Path, prefix: str | None = None) -> None:
    """Take away what killed writers left in a folder; see :func:`sutja.files.sweep`."""
    try:
        sweep(folder, prefix)
    except OSError as error:
        raise cannot_write(folder, error) from error


def check_finished(plan: Plan) -> None:
    """Check that a finished run is still whole: all that it holds is read, and its model asked.

    Raises
    ------
    RunError
        When a file of it is missing or damaged.

    """
    folder, run = plan.folder, printable(plan.run)
    try:
        metrics, _ = runs.read_metrics(folder), runs.read_history(folder)
        runs.read_out_of_fold(folder)
        submission, predictor = runs.read_submission(folder), Predictor.load(folder.model)
    except (RunError, BundleError) as error:
        reason = str(error)
    else:
        reason = "" if list(predictor.labels) == metrics.labels else f"{printable(folder.model)}: has other labels"
        if len(submission) != len(plan.dataset.unlabelled):
            reason = f"{printable(folder.submission)}: has not every clip without a label"
    if reason:
        raise RunError(
            f"{run}: was finished, and is damaged since ({reason}); put that file back, or delete "
            f"{folder.metrics.name} and resume: it is trained again with the same numbers"
        )


def _check_place(run: Path) -> None:
    """Say now, and not after an hour of work, that a folder cannot be made there."""
    above = next(folder for folder in run.absolute().parents if folder.exists())
    if not os.access(above, os.W_OK):
        raise cannot_write(run, PermissionError(errno.EACCES, f"no permission to write in {printable(above)}"))


def _check_same(path: Path, settings: Mapping[str, Any]) -> None:
    run = printable(path.parent)
    try:
        old = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{run}: its config.json cannot be read ({error}); choose another --out") from error
    old_config, config = _config_of(old), Config.from_dict(settings["config"])
    same_config = old_config == config
    if old_config and not same_config and replace(old_config, language=config.language) == config:
        how = f"with --language {old_config.language}" if old_config.language else "without --language"
        raise RunError(
            f"{run}: was started with language {old_config.language!r}; resume it {how}, or choose another --out"
        )
    said = {"fingerprint": "recordings", "protocol": "protocol", "config": "settings", "body": "weights to go on from"}
    for name, what in said.items():
        if not (same_config if name == "config" else old.get(name) == settings.get(name)):
            raise RunError(f"{run}: was started with other {what}; resume it with the same, or choose another --out")


def _config_of(settings: Mapping[str, Any]) -> Config | None:
    """Read the settings of a run that may be by an older sutja, or by nobody that we know."""
    try:
        return Config.from_dict(settings["config"])
    except (ConfigError, KeyError, TypeError, ValueError, AttributeError):
        return None


def check_apart(plan: Plan) -> None:
    """Refuse recordings that every fold would learn from and one would be judged on."""
    judged = {clip.source for clip in plan.dataset.clips}
    for clip in (*plan.extra, *plan.negatives):
        if clip.source in judged:
            raise DatasetError(
                f"{printable(clip.path)}: is in DATA and also in --extra or --negatives, so that a network "
                "would learn from what it is judged on; give each recording once"
            )


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def check_spoken(plan: Plan) -> None:
    """Refuse words that are said for a label which is not there."""
    config, labels = plan.config, plan.dataset.labels
    unknown = sorted(set(config.spoken) - set(labels))
    if unknown:
        raise ConfigError(f"--spoken {unknown[0]}=...: no such label; there are {', '.join(labels[:20])}; correct it")
