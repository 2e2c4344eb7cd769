"""What commands and terminals agree on: what is said is one line in any locale, and what is given is not ignored."""

from __future__ import annotations

import contextlib
import errno
import inspect
import io
import itertools
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from sutja.errors import one_line
from sutja.texts import LANGUAGES, LOCALE, Language, language_of
from sutja.texts.phrases import current, phrase, retold, said

INTERRUPTED = 130
"""What shells say of a command that was stopped by Ctrl-C."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""What a disk says that takes no more. Who writes a file says which one; these come from the rest, as stdout."""


class Formatter(click.HelpFormatter):
    """Help in the reader's language. A Korean letter takes two columns of a terminal: lines are broken by that."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line of how a command is called."""
        for english in ("[OPTIONS]", "COMMAND [ARGS]..."):
            args = args.replace(english, phrase(english))
        super().write_usage(prog, args, f"{said('Usage:')} " if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """Write a heading."""
        super().write_heading(phrase(heading))

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        if current() == "en":
            super().write_text(text)
            return
        indent = " " * self.current_indent
        paragraphs = [phrase(" ".join(each.split())) for each in re.split(r"\n\s*\n", text)]
        wrapped = ["\n".join(wrap(each, self.width - len(indent), indent)) for each in paragraphs]
        self.write("\n\n".join(wrapped) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options and what they do."""
        rows = list(rows)
        if current() == "en":
            super().write_dl(rows, col_max, col_spacing)
            return
        first = min(max((len(term) for term, _ in rows), default=0), col_max) + col_spacing
        indent = " " * (first + self.current_indent)
        for term, about in rows:
            head = " " * self.current_indent + term
            lines = wrap(_help_of(about), max(self.width - len(indent) - 2, 20), indent) or [indent]
            if len(term) <= first - col_spacing:
                self.write(head + lines.pop(0)[len(head) :].rstrip() + "\n")
            else:
                self.write(f"{head}\n")
            self.write("".join(f"{line}\n" for line in lines))


def _help_of(about: str) -> str:
    """Return the help of one option, and what click puts behind it between brackets."""
    text, bracket, extra = about.partition("  [") if not about.startswith("[") else ("", "[", about[1:])
    parts = [retold(part) for part in extra.removesuffix("]").split("; ")]
    return phrase(text) + (f"{'  ' if text else ''}[{'; '.join(parts)}]" if bracket else "")


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """Break a text into lines of so many columns of a terminal, behind an indent.

    >>> wrap("단어를 인식 하고", 7, "> ")
    ['> 단어를', '> 인식', '> 하고']
    """
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if columns(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return [indent + line for line in lines if line]


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    >>> columns("mel"), columns("숫자")
    (3, 4)
    """
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


class Context(click.Context):
    """What is known while a command is parsed."""

    formatter_class = Formatter


class UsageSaid(click.UsageError):
    """Wrong usage, said in the reader's language."""

    def show(self, file: Any = None) -> None:
        """Write it to stderr."""
        if self.ctx is not None:
            names = self.ctx.command.get_help_option_names(self.ctx)
            hint = said("Try '{command} {option}' for help.", command=self.ctx.command_path, option=max(names, key=len))
            click.echo(f"{self.ctx.get_usage()}\n{hint}\n", file=file, err=file is None)
        message = one_line(retold(self.message))
        click.echo(said("Error: {message}", message=message), file=file, err=file is None)


@contextlib.contextmanager
def usage_said() -> Iterator[None]:
    """Make wrong usage speak the reader's language; in English it is click's own words as they are."""
    try:
        yield
    except UsageSaid:
        raise
    except click.UsageError as error:
        if current() == "en":
            raise
        raise UsageSaid(error.format_message(), error.ctx) from error


def language_wanted(arguments: Sequence[str], environment: Mapping[str, str]) -> Language:
    """Return the language that is asked for, before anything is parsed: help and wrong usage are told in it, too.

    >>> language_wanted(["data", "info", "x", "--lang", "ko"], {}), language_wanted([], {"LANG": "ko_KR.UTF-8"})
    ('ko', 'ko')
    """
    given = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    values = [argument.partition("=")[2] for argument in given if argument.startswith("--lang=")]
    values += [value for argument, value in itertools.pairwise(given) if argument == "--lang"]
    known: list[Language] = [language for language in LANGUAGES if language in values[-1:]]
    return known[0] if known else language_of(environment)


def check_language(environment: Mapping[str, str]) -> None:
    """Say when the variable of ours names a language that there is not."""
    name = LOCALE[0]
    if environment.get(name) and not environment[name].lower().startswith(LANGUAGES):
        say(f"{name}={environment[name]}: expected {' or '.join(LANGUAGES)}; English is spoken")


language_option = click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    expose_value=False,
    help="Of pages, figures and messages; the locale's if not given.",
)
"""The language is found by :func:`language_wanted`; the option is there to be checked and to be seen."""


class Command(click.Command):
    """A command that ignores nothing without a word: of an option that holds one value and is given several times.

    Two inputs or outputs where there is place for one are refused. Of a setting the last counts, as in other programs,
    where the first is often a script's or an alias's; it is told.
    """

    context_class = Context

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return what the command does in a line."""
        return short_help(self, limit)

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
    context_class = Context

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return what the commands do in a line."""
        return short_help(self, limit)

    def command(self, *args: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], click.Command]:  # type: ignore[override]
        """Make a command below this one, with the option of its language."""
        made = super().command(*args, **kwargs)
        return lambda function: language_option(made(function))


def short_help(command: click.Command, limit: int) -> str:
    """Return the first sentence of a command's help, in English as click cuts it."""
    if current() == "en":
        return click.Command.get_short_help_str(command, limit)
    paragraph = re.split(r"\n\s*\n", inspect.cleandoc(command.help or ""))[0]
    return re.split(r"(?<=[.]) ", phrase(" ".join(paragraph.split())))[0].rstrip(".")


def command() -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function, with the option of its language."""
    return lambda function: language_option(click.command(cls=Command)(function))


def say(text: str) -> None:
    """Tell a person something, in one line and their language: on stderr, so that stdout stays for results."""
    click.echo(one_line(retold(text)), err=True)


def tell(text: str) -> None:
    """Tell a person a result, in a line and their language, on stdout."""
    click.echo(retold(text))


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
