"""The Korean of what stands in English in the code: pages, figures, help and messages of the command line.

The English text is the key, as with gettext, so that the source reads as before and a text without its Korean falls
back to itself. The files ``ko/*.toml`` hold ``"English" = "Korean"``, a file a room; that they are whole is a test's
matter. Two ways lead in: :func:`said` for a text that is being written, and :func:`retold` for a sentence that was
composed before, as an error is: programs read that in English, and only who shows it to a person asks for its Korean.

Places of a text are named, ``{n}``, or in sentences that are told again nameless, ``{}``: those are counted from 0 in
the Korean, ``{0}``. Particles follow the rules of :mod:`sutja.texts`.
"""

from __future__ import annotations

import functools
import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import resources

from sutja.texts import Language, filled

_CURRENT: ContextVar[Language] = ContextVar("language", default="en")
MAX_DEPTH = 4  # of sentences in sentences: an error that names its cause, which names a part of a phrase
MIN_LETTERS = 3  # of a form: "{s} s" would fit too much
NESTED = 8  # letters that a sentence in a sentence counts less: one that fits as it is goes first
MAX_RETOLD = 4_000  # characters; longer ones are no message of ours


def current() -> Language:
    """Return the language that people are spoken to in here, English if nobody chose one."""
    return _CURRENT.get()


@contextmanager
def speaking_in(language: Language) -> Iterator[None]:
    """Speak to people in a language.

    >>> with speaking_in("ko"):
    ...     said("Labels in doubt")
    '의심스러운 라벨'
    """
    token = _CURRENT.set(language)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def phrase(english: str) -> str:
    """Return a text in the current language, its places still empty; itself where it has no other."""
    return english if current() == "en" else phrases().get(english, english)


def said(english: str, /, **fields: object) -> str:
    """Return a text in the current language with its places filled in.

    >>> said("the first {n}", n=3)
    'the first 3'
    """
    return filled(phrase(english), fields)


def retold(sentence: str) -> str:
    """Return a sentence that was composed in English in the current language; itself where it is not known.

    >>> with speaking_in("ko"):
    ...     retold("seven.wav: the file is empty; record it again")
    'seven.wav: 파일이 비어 있습니다. 다시 녹음하세요'
    """
    if current() == "en" or len(sentence) > MAX_RETOLD:
        return sentence
    told = sentence.lstrip(" ")  # what is set in, and a note behind a line, stay where they are
    found = _retold(told, MAX_DEPTH)
    return sentence if found is None else " " * (len(sentence) - len(told)) + found.korean


@functools.cache
def phrases() -> Mapping[str, str]:
    """Return every English text with its Korean."""
    texts: dict[str, str] = {}
    for file in sorted(resources.files(__package__).joinpath("ko").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            texts |= tomllib.loads(file.read_text(encoding="utf-8"))
    return texts


# -- told again ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Form:
    """A text with places, as what it looks like when they are filled."""

    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    korean: str

    def read(self, sentence: str) -> tuple[str, ...] | None:
        """Return what stands in the places of a sentence of this form, or None."""
        if not all(literal in sentence for literal in self.literals):
            return None
        match = self.pattern.fullmatch(sentence)
        return None if match is None else match.groups()


@dataclass(frozen=True)
class _Told:
    """A sentence in Korean."""

    korean: str
    n_known: int
    """Letters of the English that were found in our texts, and are no names or values."""


@functools.cache
def _forms() -> tuple[_Form, ...]:
    """Return the texts with nameless places, those first that say most themselves."""
    forms = [_form(english, korean) for english, korean in phrases().items() if "{}" in english]
    forms = [form for form in forms if len(re.sub("[^A-Za-z]", "", "".join(form.literals))) >= MIN_LETTERS]
    return tuple(sorted(forms, key=lambda form: -sum(map(len, form.literals))))


def _form(english: str, korean: str) -> _Form:
    parts = list(string.Formatter().parse(english))
    pattern = "".join(re.escape(literal) + ("" if name is None else "(.*?)") for literal, name, _, _ in parts)
    literals = tuple(literal for literal, *_ in parts if literal)
    return _Form(literals, re.compile(pattern, re.DOTALL), korean)


def _retold(sentence: str, depth: int) -> _Told | None:
    """Find the sentence itself, sentences in a row, one of its form, or what a name stands before.

    Several may fit, as `{}: {}` and a longer one behind a name: what says most of the sentence itself is taken.
    """
    if sentence in phrases():
        return _Told(filled(phrases()[sentence], {}), len(sentence))
    if depth == 0:
        return None
    in_a_row = _in_a_row(sentence, depth)
    if in_a_row is not None:
        return in_a_row
    found = [*_behind_a_name(sentence, depth), *_of_forms(sentence, depth)]  # "sutja: a.csv: ..." is of a.csv
    return max(found, key=lambda told: told.n_known, default=None)


def _of_forms(sentence: str, depth: int) -> Iterator[_Told]:
    for form in _forms():
        values = form.read(sentence)
        if values is not None:
            places = [_within(value, depth - 1) for value in values]
            n_known = sum(map(len, form.literals)) + sum(max(told.n_known - NESTED, 0) for told in places)
            yield _Told(filled(form.korean, {}, places=[told.korean for told in places]), n_known)


def _within(value: str, depth: int) -> _Told:
    """Tell again what stands in a place, where it is more than a word: that is a name."""
    if " " not in value:
        return _Told(value, 0)
    times = _TIMES.fullmatch(value)
    if times:
        told = " ".join(filled(phrases()[f"{{{unit}}} {unit}"], {unit: n}) for n, unit in _TIME.findall(value))
        return _Told(told, len(value))
    choice = _CHOICE.fullmatch(value)
    if choice:
        return _Told(f"{choice[1]} {phrases()['or']} {choice[2]}", len("or"))
    return _retold(value, depth) or _Told(value, 0)


_TIME = re.compile(r"([\d.]+) (h|min|s)")
_TIMES = re.compile(rf"{_TIME.pattern}(?: {_TIME.pattern})?")  # 41 s, 1 min 40 s
_CHOICE = re.compile(r"(\S+(?:, \S+)*?),? or (\S+)")  # .csv, .tsv or .json


def _behind_a_name(sentence: str, depth: int) -> Iterator[_Told]:
    for colon in re.finditer(": ", sentence):
        rest = _retold(sentence[colon.end() :], depth - 1)
        if rest is not None:
            yield _Told(sentence[: colon.end()] + rest.korean, rest.n_known)


def _in_a_row(sentence: str, depth: int) -> _Told | None:
    for stop in re.finditer(r"(?<=[.!?]) ", sentence):
        first, rest = _retold(sentence[: stop.start()], depth - 1), _retold(sentence[stop.end() :], depth - 1)
        if first is not None and rest is not None:
            return _Told(f"{first.korean} {rest.korean}", first.n_known + rest.n_known)
    return None
