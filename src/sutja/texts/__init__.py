"""What people read, in their language: one catalogue, English as the source and Korean beside it.

The texts stand in the ``*.toml`` files of this folder, a file a surface: ``[few_epochs.text]`` in ``diagnosis.toml`` is
``diagnosis.few_epochs.text``, with a line for each of :data:`LANGUAGES`. Fields are those of ``str.format``, and three
more: ``{share:%}`` writes a share in per cent, ``{word:은는}`` puts the Korean particle behind a word that its last
sound asks for, and ``{word:~은는}`` writes that particle alone, where a mark stands between the two.

What stands in English in the code itself has its Korean in :mod:`sutja.texts.phrases`.
"""

from __future__ import annotations

import functools
import re
import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any, Literal, get_args

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
LOCALE = ("SUTJA_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""Variables of the environment that name a language; the first that is set counts."""
SPACE = "\u00a0"  # that a line does not break at

PARTICLES = {
    "은는": ("은", "는"),
    "이가": ("이", "가"),
    "을를": ("을", "를"),
    "과와": ("과", "와"),
    "으로로": ("으로", "로"),
    "이나나": ("이나", "나"),
    "이라고라고": ("이라고", "라고"),
    "이라라": ("이라", "라"),
    "이라는라는": ("이라는", "라는"),
    "이어야여야": ("이어야", "여야"),
}
"""Pairs of particles: behind a consonant, and behind a vowel."""

_OF_DIGITS = "ㅇㄹ ㅁ  ㄱㄹㄹ "  # what 영 일 이 삼 사 오 육 칠 팔 구 end with; so does every larger number
_OF_LETTERS = {"L": "ㄹ", "M": "ㅁ", "N": "ㄴ", "R": "ㄹ"}  # 엘, 엠, 엔, 알: other letters' names end with a vowel
_FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"  # in the order of Unicode's syllables
_VOWELS = frozenset("aeiou")


def say(key: str, language: Language = "en", /, **fields: object) -> str:
    r"""Return a text of the catalogue with its fields filled in.

    >>> say("diagnosis.over_fitted.name", "ko")
    '과적합'

    Raises
    ------
    KeyError
        When there is no such text, or a field is missing.

    """
    return filled(catalogue()[key][language], fields)


def filled(
    text: str, fields: Mapping[str, object], finish: Callable[[object], str] = str, places: Sequence[object] = ()
) -> str:
    """Fill the fields of a text, and its numbered places; ``finish`` makes of each what goes in, as to escape it.

    >>> filled("{word:은는} <b>{word}</b>{word:~이가}", {"word": "4"})
    '4는 <b>4</b>가'
    """
    return _Formatter(finish).vformat(text, places, fields)


def speaking(language: Language) -> Callable[..., str]:
    """Return :func:`say` in one language, for pages and notebooks.

    >>> speaking("en")("study.word.fold")
    'fold'
    """

    def t(key: str, /, **fields: object) -> str:
        return say(key, language, **fields)

    return t


def language_of(environment: Mapping[str, str]) -> Language:
    """Return the language of a person's locale, or of ``SUTJA_LANG`` before it; English where it is none of ours.

    >>> language_of({"LANG": "ko_KR.UTF-8"}), language_of({"LANG": "de_DE"}), language_of({})
    ('ko', 'en', 'en')
    >>> language_of({"SUTJA_LANG": "en", "LANG": "ko_KR.UTF-8"})
    'en'
    """
    locale = next((environment[name] for name in LOCALE if environment.get(name)), "")
    return "ko" if locale.lower().startswith("ko") else "en"


def per_cent(share: float, digits: int = 1) -> str:
    r"""Write a share in per cent.

    >>> per_cent(0.9667)
    '96.7\xa0%'
    """
    return f"{100 * share:.{digits}f}{SPACE}%"


def particle(word: object, pair: str) -> str:
    """Choose the Korean particle that follows a word, by the last sound with which Koreans say it.

    >>> [f"{word}{particle(word, '은는')}" for word in ("4", "7", "MFCC", "단어")], particle("mel", "이가")
    (['4는', '7은', 'MFCC는', '단어는'], '이')
    >>> particle("서울", "으로로"), particle("10", "으로로"), particle("집", "으로로")
    ('로', '으로', '으로')
    """
    behind_consonant, behind_vowel = PARTICLES[pair]
    final = _final(str(word))
    return behind_vowel if final == " " or (pair == "으로로" and final == "ㄹ") else behind_consonant


@functools.cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Return every text: by key, then by language."""
    texts: dict[str, Mapping[str, str]] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            texts |= _flat(tomllib.loads(file.read_text(encoding="utf-8")), file.name.removesuffix(".toml"))
    return texts


def _flat(table: Mapping[str, Any], above: str) -> dict[str, Mapping[str, str]]:
    if all(isinstance(value, str) for value in table.values()):
        return {above: {language: text.strip() for language, text in table.items()}}
    texts: dict[str, Mapping[str, str]] = {}
    for name, inner in table.items():
        texts |= _flat(inner, f"{above}.{name}")
    return texts


class _Formatter(string.Formatter):
    """``str.format`` with per cent and particles."""

    def __init__(self, finish: Callable[[object], str]) -> None:
        self._finish = finish

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Write one field."""
        if format_spec.removeprefix("~") in PARTICLES:
            before = "" if format_spec.startswith("~") else self._finish(value)
            return f"{before}{particle(value, format_spec.removeprefix('~'))}"
        written = per_cent(value) if format_spec == "%" else super().format_field(value, format_spec)
        return self._finish(written if format_spec else value)


def _final(word: str) -> str:
    """Return the final consonant of a word as it is said, a blank where it ends with a vowel."""
    word = re.sub(r"(?<=\S)\s*\([^()]*\)$", "", word)  # 음량(dBFS) is said as 음량
    word = word.rstrip("'\"’”`)]}>.,!? \u00a0")
    last = word[-1:]
    if "가" <= last <= "힣":
        return _FINALS[(ord(last) - ord("가")) % len(_FINALS)]
    if last.isascii() and last.isdigit():
        return _OF_DIGITS[int(last)]
    letters = word[len(word.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) :]
    if letters and (letters.isupper() or len(letters) == 1):
        return _OF_LETTERS.get(last.upper(), " ")
    return _final_of_english(letters.lower())


def _final_of_english(word: str) -> str:
    """Return the same of an English word in Hangul: 멜, 파일, 세븐, 클립; but 폴드, 배치, 조지."""
    if len(word) > 2 and word.endswith("e") and word[-2] in "lmn":
        word = word[:-1]  # file, name, nine: the e is not said
    last, before = word[-1:], word[-2:-1]
    if word.endswith("ng"):
        return "ㅇ"
    if last in "lmn" and last:
        return {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ"}[last]
    is_short = before in _VOWELS and word[-3:-2] not in _VOWELS
    return {"p": "ㅂ", "b": "ㅂ", "k": "ㄱ", "c": "ㄱ"}.get(last, " ") if is_short else " "
