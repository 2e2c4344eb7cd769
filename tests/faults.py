"""A disk that fails at a moment that is chosen: it is full from there on, or the process is dead from there on.

Each file operation below a folder is a moment: making, opening to write, writing, closing, renaming, changing the mode,
removing. What C code does below Python is not seen; ours writes through Python's files.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from helpers import CutError

RENAMES = ("rename", "replace")
REMOVES = ("unlink", "remove", "rmdir", "chmod")


class Disk:
    """Counts the operations below a folder and fails at one of them.

    ``at`` is the moment, from 1; 0 fails never. ``dies`` cuts the process off there: it does nothing more to any file.
    Else the disk is full from there on, and what is removed may still be removed.
    """

    def __init__(self, root: Path, *, at: int = 0, dies: bool = False) -> None:
        self.root, self.at, self.dies = str(root), at, dies
        self.moments: list[str] = []
        self.failed = False

    def moment(self, what: str, name: object, *, grows: bool) -> None:
        """One operation is about to happen."""
        if self.failed and self.dies:
            raise CutError
        if not grows and not self.dies:
            return
        self.moments.append(f"{what} {Path(os.fsdecode(name)).name}")  # type: ignore[arg-type]
        if len(self.moments) == self.at or self.failed:
            self.failed = True
            if self.dies:
                raise CutError
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def holds(self, name: object, dir_fd: int | None = None) -> bool:
        if isinstance(name, int):
            return False
        return dir_fd is not None or os.fspath(os.path.abspath(os.fsdecode(name))).startswith(self.root)  # type: ignore[arg-type] # noqa: PTH100


class Written:
    """A file that is written, without a buffer: what was not written at a cut is not there."""

    def __init__(self, disk: Disk, name: str, mode: str, encoding: str | None, raw: Callable[..., Any]) -> None:
        self._disk, self._name, self._encoding = disk, name, None if "b" in mode else encoding or "utf-8"
        self._file = raw(name, mode.replace("t", "").replace("b", "") + "b", 0)
        self._n_writes = 0
        self.name, self.mode = name, mode

    def write(self, data: Any) -> int:
        content = data.encode(self._encoding) if self._encoding else bytes(data)
        self._n_writes += 1
        try:
            if (
                self._n_writes & (self._n_writes - 1) == 0 or self._disk.failed
            ):  # 1, 2, 4, 8: archives write hundreds of times
                self._disk.moment("write", self._name, grows=True)
        except BaseException:
            if len(self._disk.moments) == self._disk.at:
                self._file.write(content[: len(content) // 2])
            raise
        for start in range(0, len(content), 1 << 20):
            self._file.write(content[start : start + (1 << 20)])
        return len(data)

    def close(self) -> None:
        if not self._file.closed:
            try:
                self._disk.moment("close", self._name, grows=True)
            finally:
                self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Written:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._file.close()


@contextlib.contextmanager
def failing(disk: Disk) -> Iterator[Disk]:
    """Let all of this process write to the disk."""
    real: dict[Any, Any] = {}

    def patch(module: Any, name: str, function: Any) -> None:
        real[module, name] = getattr(module, name)
        setattr(module, name, function)

    def watched(name: str, *, grows: bool) -> Any:
        function = getattr(os, name)

        def operation(path: Any, *arguments: Any, **more: Any) -> Any:
            if disk.holds(path, more.get("dir_fd")):
                disk.moment(name, path, grows=grows)
            return function(path, *arguments, **more)

        return operation

    opened, io_open = os.open, io.open

    def low_open(path: Any, flags: int, *arguments: Any, **more: Any) -> int:
        if flags & os.O_CREAT and disk.holds(path, more.get("dir_fd")):
            disk.moment("create", path, grows=True)
        return opened(path, flags, *arguments, **more)

    def open_file(
        name: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, *rest: Any, **more: Any
    ) -> Any:
        if not set(mode) & set("wax+") or not disk.holds(name):
            return io_open(name, mode, buffering, encoding, *rest, **more)
        disk.moment("open", name, grows=True)
        return Written(disk, os.fsdecode(name), mode, encoding, io_open)

    for name in RENAMES:
        patch(os, name, watched(name, grows=True))
    for name in REMOVES:
        patch(os, name, watched(name, grows=False))
    patch(os, "mkdir", watched("mkdir", grows=True))
    patch(os, "open", low_open)
    patch(io, "open", open_file)
    patch(builtins, "open", open_file)
    try:
        yield disk
    finally:
        for (module, name), function in real.items():
            setattr(module, name, function)
