"""What commands and terminals agree on: what is said is one line in any locale, and what is given is not ignored."""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from sutja.errors import one_line

INTERRUPTED = 130
"""What shells say of a command that was stopped by Ctrl-C."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""What a disk says that takes no more. Who writes a file says which one; these come from the rest, as stdout."""


class Command(click.Command):
    """A command that ignores nothing without a word: of an option that holds one value and is given several times.

    Two inputs or outputs where there is place for one are refused. Of a setting the last counts, as in other programs,
    where the first is often a script's or an alias's; it is told.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and look at what was given several times."""
        if not ctx.resilient_parsing:  # as completion in a shell parses
            _, _, given = self.make_parser(ctx).parse_args(args=list(args))
            options = [p for p in given if isinstance(p, click.Option) and not p.multiple]
            for name in dict.fromkeys(option.name for option in options):
                _settle([option for option in options if option.name == name], ctx)
        return super().parse_args(ctx, args)


def _settle(given: Sequence[click.Option], ctx: click.Context) -> None:
    """Say or refuse what was given several times for one value."""
    first, last = given[0], given[-1]
    if first is not last:
        raise click.UsageError(f"{first.opts[0]} and {last.opts[0]} contradict each other; give one", ctx)
    if len(given) == 1 or first.is_flag:
        return
    found = f"{first.opts[0]} is given {len(given)} times"
    if isinstance(first.type, click.Path):
        raise click.UsageError(f"{found}; expected one; run the command once for each", ctx)
    say(f"{found}: the last one counts")


class Group(click.Group):
    """Commands below a command."""

    command_class = Command


command = functools.partial(click.command, cls=Command)
"""What each command is made with."""


def say(text: str) -> None:
    """Tell a person something, in one line: on stderr, so that stdout stays for results."""
    click.echo(one_line(text), err=True)


def tell_no_room(error: OSError) -> None:
    """Say in one line that a disk takes no more; an error that names no file is of stdout, whose rest is let go."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the end of the program would complain
    place = error.filename or "standard output"
    with contextlib.suppress(OSError):
        say(f"sutja: {place}: cannot be written ({error.strerror}); make room, or choose another place")


def speak_any_language(stream: Any) -> None:
    """Write UTF-8 into files and pipes; what a terminal cannot show is spelled out. Never an error for a letter.

    Other programs read what we write as UTF-8, whatever the locale of this machine, and Windows' is rarely that.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding=stream.encoding if stream.isatty() else "utf-8", errors="backslashreplace")
