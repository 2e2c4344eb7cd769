"""Which engine a person asks for, checked before anything is done, and the one door to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from sutja.engine import Engine
from sutja.engine.local import local
from sutja.errors import ConfigError, EngineError, needs

EngineName = Literal["local", "dask"]
ENGINES: tuple[EngineName, ...] = ("local", "dask")
PATIENCE = 1800.0
"""Seconds: an epoch of a large training takes minutes, and a worker that is ended loses what it did since its last."""


@dataclass(frozen=True)
class Choice:
    """Where the jobs are to run.

    >>> Choice(scheduler="tcp://10.0.0.1:8786").on_cluster
    True
    >>> Choice("local", n_workers=4)
    Traceback (most recent call last):
    sutja.errors.ConfigError: --workers is of the engine dask, and --engine local was asked for; ...
    """

    name: EngineName | None = None
    """`dask` where a scheduler or workers are named, else `local`, if not said."""
    scheduler: str | None = None
    """Address (`tcp://host:8786`) of a Dask scheduler that is there, or the file that it wrote."""
    n_workers: int | None = None
    """So many workers are started on this machine, where no scheduler is named."""
    patience: float | None = None
    """Seconds after which a worker that has work and does not get on is taken to hang; :data:`PATIENCE` if not said."""

    def __post_init__(self) -> None:
        if self.name is not None and self.name not in ENGINES:
            raise ConfigError(f"engine {self.name!r} is not known; expected one of {', '.join(ENGINES)}; correct it")
        if self.name == "local":
            given = {"--scheduler": self.scheduler, "--workers": self.n_workers, "--patience": self.patience}
            for option, value in given.items():
                if value is not None:
                    raise ConfigError(
                        f"{option} is of the engine dask, and --engine local was asked for; "
                        f"leave {option} out, or ask for --engine dask"
                    )
        if self.scheduler is not None and self.n_workers is not None:
            raise ConfigError(
                "--scheduler and --workers contradict each other: a scheduler that is there has its own workers; "
                "leave one out"
            )
        if self.n_workers is not None and self.n_workers < 1:
            raise ConfigError(f"{self.n_workers} workers can do nothing; expected 1 or more; correct --workers")
        if self.patience is not None and not self.on_cluster:
            raise ConfigError("--patience is of a cluster, and none was asked for; leave it out, or add --engine dask")
        if self.patience is not None and not self.patience > 0:
            raise ConfigError(f"a patience of {self.patience:g} s is none; expected more than 0; correct --patience")

    @property
    def on_cluster(self) -> bool:
        """Whether jobs run in other processes than those that this one starts by itself."""
        return self.name == "dask" or self.scheduler is not None or self.n_workers is not None


LOCAL = Choice()


@contextlib.contextmanager
def opened(choice: Choice, n_jobs: int, packages: Sequence[str] = ()) -> Iterator[Engine]:
    """Give the engine that was asked for; a cluster is left, or its processes ended, with the block.

    Parameters
    ----------
    choice
        What was asked for.
    n_jobs
        Processes of this machine, where no number of workers was named.
    packages
        That the jobs need and that the workers must have, besides what every install has: `torch`.

    Raises
    ------
    DependencyError
        When the extra `cluster` is not installed.
    EngineError
        When the scheduler or its workers are not there, or do not fit this installation.

    """
    if not choice.on_cluster:
        yield local(n_jobs)
        return
    if find_spec("distributed") is None:
        raise needs("distributed", "cluster")
    from sutja.engine.cluster import Dask

    where, n_workers = _address(choice.scheduler), choice.n_workers or n_jobs
    with Dask.open(where, n_workers, choice.patience or PATIENCE, packages) as engine:
        yield engine


def _address(scheduler: str | None) -> str | Path | None:
    """Tell an address from a scheduler's file.

    >>> _address("tcp://10.0.0.1:8786"), _address("node7:8786")
    ('tcp://10.0.0.1:8786', 'tcp://node7:8786')
    """
    if scheduler is None or "://" in scheduler:
        return scheduler
    if Path(scheduler).is_file():
        return Path(scheduler)
    host, colon, port = scheduler.rpartition(":")
    if colon and host and port.isdecimal() and "/" not in scheduler:
        return f"tcp://{scheduler}"
    raise EngineError(
        f"--scheduler {scheduler}: is no address and no file that is there; expected tcp://HOST:PORT, or the file that "
        "`dask scheduler --scheduler-file FILE` writes; correct it"
    )
