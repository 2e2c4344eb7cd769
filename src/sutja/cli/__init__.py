"""The command line: each command parses, makes one call into the library, and prints.

Commands are loaded when they are asked for, so that `sutja predict` starts without importing what `sutja train` needs.
A :class:`sutja.errors.SutjaError` becomes one line on stderr and exit status 1; wrong usage is click's own 2.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from sutja import __version__
from sutja.cli.console import (
    NO_ROOM,
    Context,
    check_language,
    language_option,
    language_wanted,
    say,
    speak_any_language,
    tell_no_room,
    usage_said,
)
from sutja.errors import SutjaError
from sutja.texts.phrases import speaking_in

# Name of the command -> module below sutja.cli that holds it, under the same name.
COMMANDS = {
    "record": "record",
    "data": "data",
    "explore": "explore",
    "train": "train",
    "sweep": "sweep",
    "study": "study",
    "predict": "predict",
    "transcribe": "transcribe",
    "listen": "listen",
    "explain": "explain",
    "evaluate": "evaluate",
    "serve": "serve",
    "audit": "audit",
    "export": "export",
    "bench": "bench",
    "models": "models",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"sutja.cli.{COMMANDS[cmd_name]}"), cmd_name)
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run in the reader's language, with stdout and stderr that take any name and any word."""
        for stream in (sys.stdout, sys.stderr):
            speak_any_language(stream)
        given = args[0] if args else kwargs.get("args")
        try:
            with speaking_in(language_wanted(sys.argv[1:] if given is None else list(given), os.environ)):
                check_language(os.environ)
                return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            tell_no_room(error)
            sys.exit(1)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse what stands before the command."""
        with usage_said():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and say in one line what was wrong with the input."""
        try:
            with usage_said():
                return super().invoke(ctx)
        except SutjaError as error:
            say(f"sutja: {error}")
            sys.exit(1)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@language_option
def main() -> None:
    """Recognise spoken digits, or any small vocabulary, and say honestly how well."""
