"""Finds in the source every text that people read and that is written in English there, room by room."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

import sutja

SOURCE = Path(sutja.__file__).parent
TEMPLATES = SOURCE / "reports" / "templates"
ERRORS = frozenset(
    f"{kind}Error" for kind in ("Sutja", "Audio", "Dataset", "Config", "Bundle", "Run", "Job", "Dependency", "Usage")
) | {"BadParameter", "ClickException"}


def template_of(node: ast.AST) -> str | None:
    """The text of a string, `{}` where a value goes in; None where it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = template_of(node.left), template_of(node.right)
        return None if left is None and right is None else (left or "{}") + (right or "{}")
    return None


def texts_of(node: ast.AST, scope: ast.AST) -> Iterator[str]:
    """All texts that an expression may be: both ways of a condition, and what was put into a variable before."""
    text = template_of(node)
    if text is not None:
        yield text
    elif isinstance(node, ast.IfExp):
        yield from texts_of(node.body, scope)
        yield from texts_of(node.orelse, scope)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from texts_of(value, scope)
    elif isinstance(node, ast.Name):
        for each in ast.walk(scope):
            if isinstance(each, ast.Assign) and any(ast.unparse(t) == node.id for t in each.targets):
                yield from texts_of(each.value, ast.Module([], []))


def says_something(text: str) -> bool:
    """Whether there are words in it, beside values, code and names of options."""
    bare = re.sub(r"\{[^{}]*\}|`[^`]*`|--?[a-z-]+|\S*[/_.]\w\S*", " ", text)
    return re.search(r"[A-Za-z]{2}", bare) is not None


def calls(path: Path) -> Iterator[tuple[str, ast.Call, ast.AST]]:
    """Every call in a file: its name, itself, and the function that it stands in."""
    tree = ast.parse(path.read_text(encoding="utf-8"), path)
    scopes: dict[ast.AST, ast.AST] = {}
    for scope in ast.walk(tree):  # outer ones come first
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            scopes |= dict.fromkeys(ast.walk(scope), scope)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node, scopes[node]


def of_calls(paths: Iterator[Path], **wanted: tuple[int | str, ...]) -> set[str]:
    """The texts at places and under names of calls: `of_calls(paths, say=(0,), dress=("x", "y"))`."""
    found: set[str] = set()
    for path in paths:
        for name, call, scope in calls(path):
            for place in wanted.get(name, ()):
                given = {k.arg: k.value for k in call.keywords} | dict(enumerate(call.args))
                if place in given:
                    found |= {text.strip(" ") for text in texts_of(given[place], scope) if says_something(text)}
    return found


def of_pages(*names: str) -> set[str]:
    """What templates hand to `_`, and nouns that they count."""
    from jinja2 import Environment, nodes

    found: set[str] = set()
    for name in names:
        tree = Environment(autoescape=True).parse((TEMPLATES / name).read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            asked = getattr(call.node, "name", "")
            for text in call.find_all(nodes.Const) if asked in ("_", "count") else ():
                if isinstance(text.value, str) and (asked == "count" or text in _said(call.args[0])):
                    found.add("{n} " + text.value if asked == "count" else text.value)
    return found


def _said(node: object) -> list[object]:
    from jinja2 import nodes

    if isinstance(node, nodes.CondExpr):
        return [*_said(node.expr1), *_said(node.expr2)]
    return [node] if isinstance(node, nodes.Const) else []


def bare_words(name: str) -> list[str]:
    """Words of a template that nothing translates."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    text = re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|<code>.*?</code>", "", text, flags=re.DOTALL)
    shown = re.findall(r">([^<>]+)<|(?:aria-label|placeholder|title|alt)=\"([^\"]*)\"", text)
    return [word for pair in shown for word in re.findall(r"[A-Za-z][A-Za-z_]+", "".join(pair))]


def of_figures() -> set[str]:
    """Axes, colour bars, legends and titles."""
    paths = (SOURCE / "reports").glob("*.py")
    return of_calls(paths, dress=("x", "y"), dress_bar=(1,), spoken=(0,))


def unspoken_axes() -> set[str]:
    """Names of axes that go past the catalogue."""
    found: set[str] = set()
    for path in sorted((SOURCE / "reports").glob("*.py")):
        for name, call, _ in calls(path):
            if name in {"set_xlabel", "set_ylabel"}:
                given = call.args[0]
                is_told = isinstance(given, ast.Call) or (isinstance(given, ast.Constant) and not given.value)
                found |= set() if is_told else {f"{path.name}:{call.lineno}"}
    return found


def of_errors() -> set[str]:
    """What errors say."""
    found: set[str] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        for name, call, scope in calls(path):
            if name in ERRORS:
                for argument in call.args[1:2] if name == "AudioError" else call.args[:1]:
                    found |= {text for text in texts_of(argument, scope) if says_something(text)}
    return found


def of_help() -> set[str]:
    """What the command line says of itself."""
    from sutja.cli import main

    return {text for text in _help(main) if says_something(text)}


def _help(command: click.Command) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        yield " ".join(paragraph.split())
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield parameter.help or ""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from _help(command.get_command(click.Context(command), name))


def of_yields(path: Path, function: str) -> set[str]:
    """The texts that a generator yields, one by one or from another."""
    found: set[str] = set()
    for scope in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(scope, ast.FunctionDef) and scope.name == function:
            for node in ast.walk(scope):
                if isinstance(node, ast.Yield | ast.YieldFrom) and node.value is not None:
                    value = node.value.elt if isinstance(node.value, ast.GeneratorExp) else node.value
                    found |= {text.strip(" ") for text in texts_of(value, scope) if says_something(text)}
    return found


def of_sentences(path: Path) -> set[str]:
    """Every text of a module that is a sentence, or several, and no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr)
    } | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    texts = {template_of(n) for n in ast.walk(tree) if id(n) not in docstrings | inside} - {None}
    return {text for text in texts if text and text.endswith(".") and says_something(text)}


def of_parts() -> set[str]:
    """What errors are made of: strings in variables and constants that a message takes in."""
    found: set[str] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, call, scope in calls(path):
            places = [n for n in ast.walk(call) if isinstance(n, ast.FormattedValue)] if name in ERRORS else []
            for value in (place.value for place in places):
                if isinstance(value, ast.Name | ast.IfExp):
                    found |= {*texts_of(value, scope), *texts_of(value, ast.Module(tree.body, []))}
    return {text for text in found if says_something(text) and " " in text} - {"{} MB"}
