"""Numbers in the docs are those that the benchmarks left: bench/quoted.toml says which number is whose.

Both ways: a number of a result that the docs quote otherwise, and a number in the docs that nobody accounts for.
"""

from __future__ import annotations

import copy
import json
import re
import statistics
import tomllib
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ["README.md", "bench/README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
}
QUOTED = tomllib.loads((ROOT / "bench" / "quoted.toml").read_text(encoding="utf-8"))
RESULTS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in ROOT.glob("bench/results/*.json")}
RESULTS["model"] = json.loads((ROOT / "src/sutja/models/digits-en/model.json").read_text(encoding="utf-8"))

PLACE = re.compile(r"\{(?:(mean|min|max|sum):)?([^|}]+)\|([^}]*)\}")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
# Commands, code, addresses and pictures hold numbers that are no measurements.
NO_TEXT = re.compile(r"^```.*?^```|^    .*?$|`[^`]+`|\]\([^)]*\)|<[^>\n]*>", flags=re.M | re.S)


def leaves(tree: Any, keys: list[str]) -> Iterator[tuple[Any, Any]]:
    """Each (container, key) that an address names."""
    first, *others = keys
    if first == "*":
        names: list[Any] = list(range(len(tree)) if isinstance(tree, list) else tree)
    else:
        names = [int(name) if isinstance(tree, list) else name for name in first.split("+")]
    for name in names:
        if others:
            yield from leaves(tree[name], others)
        else:
            yield tree, name


def shown(value: float | str, form: str) -> str:
    """A number as the docs write it: halves go up, thousands are apart, a share is per cent without the sign.

    >>> shown(0.9455, ".1%"), shown(36409, ","), shown(11540.5, ".0f/1000"), shown(6e-5, ".0e")
    ('94.6', '36 409', '12', '6e-5')
    """
    if isinstance(value, str):
        return value
    form, _, divisor = form.partition("/")
    exact = Decimal(repr(round(value, 10))) / int(divisor or 1) * (100 if form.endswith("%") else 1)
    if digits := re.fullmatch(r"\.(\d+)[f%]", form):
        return str(exact.quantize(Decimal(1).scaleb(-int(digits[1])), ROUND_HALF_UP))
    return format(value, form).replace(",", " ").replace("e-0", "e-")


def quote(words: str, results: dict[str, Any]) -> str:
    """The words with each number in its place."""

    def number(place: re.Match[str]) -> str:
        together: Callable[[list[float]], float] = {
            "mean": statistics.fmean, "min": min, "max": max, "sum": sum, None: lambda values: values[0],
        }[place[1]]  # fmt: skip
        values = [tree[key] for tree, key in leaves(results, place[2].split("."))]
        assert len(values) == 1 or place[1], f"{place[0]} finds {len(values)} numbers; expected one, or mean:, min: ..."
        return shown(together(values), place[3])

    return PLACE.sub(number, words)


def spans(text: str, words: str) -> list[tuple[int, int]]:
    """Where words stand on a page, wherever its lines break."""
    pattern = r"\s+".join(map(re.escape, words.split()))
    return [found.span() for found in re.finditer(pattern, text)]


def section(text: str, heading: str) -> list[tuple[int, int]]:
    """From a heading to the next one that is as high."""
    level = len(heading) - len(heading.lstrip("#"))
    return [
        found.span() for found in re.finditer(rf"^{re.escape(heading)}$.*?(?=^#{{1,{level}}} |\Z)", text, re.M | re.S)
    ]


def faults(name: str, text: str, about: dict[str, Any], results: dict[str, Any]) -> list[str]:
    """What is wrong with the numbers of one page, a sentence each."""
    quotes = [(words, quote(words, results)) for words in about.get("quotes", ())]
    others = [(words, spans(text, words)) for words, why in about.get("no_json", ()) if why]
    others += [(heading, section(text, heading)) for heading, why in about.get("sections", ()) if why]
    found = [(words, written, spans(text, written)) for words, written in quotes]
    wrong = [f"{name}: {words!r} is in quoted.toml and not on the page" for words, places in others if not places]
    wrong += [
        f"{name}: {written!r} stands there {len(places)} times, not once; mend the page, or {words!r} in quoted.toml"
        for words, written, places in found
        if len(places) != 1
    ]
    if about.get("whole"):
        return wrong
    known = [place for *_, places in [*found, *others] for place in places]
    known += [place.span() for place in NO_TEXT.finditer(text)]
    for number in NUMBER.finditer(text):
        if not any(start <= number.start() and number.end() <= end for start, end in known):
            line = text.count("\n", 0, number.start()) + 1
            around = " ".join(text[max(0, number.start() - 30) : number.end() + 20].split())
            wrong.append(f"{name}:{line}: {number[0]} (… {around} …) is of no result; say in quoted.toml from where")
    return wrong


def test_every_page_is_accounted_for():
    assert set(QUOTED) == set(PAGES), "bench/quoted.toml has a table for each page with numbers"
    for name, about in QUOTED.items():
        assert set(about) <= {"quotes", "no_json", "sections", "whole"}, name


@pytest.mark.parametrize("name", PAGES)
def test_the_docs_say_what_was_measured(name):
    assert not faults(name, PAGES[name], QUOTED[name], RESULTS)


@pytest.mark.parametrize("name", [name for name in PAGES if QUOTED.get(name, {}).get("quotes")])
def test_a_digit_that_is_changed_in_the_docs_is_found(name):
    for words in QUOTED[name]["quotes"]:
        ((start, end),) = spans(PAGES[name], quote(words, RESULTS))
        for place in [start + digit.start() for digit in re.finditer(r"\d", PAGES[name][start:end])]:
            other = str((int(PAGES[name][place]) + 1) % 10)
            changed = PAGES[name][:place] + other + PAGES[name][place + 1 :]
            assert faults(name, changed, QUOTED[name], RESULTS), f"{changed[start:end]!r} was not found"


@pytest.mark.parametrize("name", [name for name in PAGES if QUOTED.get(name, {}).get("quotes")])
def test_a_result_that_is_changed_is_found(name):
    for words in QUOTED[name]["quotes"]:
        for place in PLACE.finditer(words):
            results = copy.deepcopy(RESULTS)
            for tree, key in leaves(results, place[2].split(".")):
                tree[key] = "another" if isinstance(tree[key], str) else tree[key] * 1.1 + 1
            assert quote(words, results) != quote(words, RESULTS), f"{place[0]} is not compared"
            about = {"quotes": [words], "whole": "only this"}
            assert faults(name, PAGES[name], about, results), f"another {place[0]} was not found"


def test_a_number_that_nobody_measured_is_found():
    year, bound = ["in 2018", "a year"], ["of 10", "a bound"]
    about = {"quotes": ["gets **{r.accuracy|.1%} %**"], "no_json": [year], "sections": [["## Trials", "old"]]}
    results = {"r": {"accuracy": 0.99}}
    page = "It gets **99.0 %**\nin 2018, see `--jobs 4`, [there](x-5.md).\n\n## Trials\n\n0.1, 0.2\n\n## Next\n\nend\n"
    assert not faults("page", page, about, results)
    (wrong,) = faults("page", page + "In 7 of 10", about | {"no_json": [year, bound]}, results)
    assert "page:11: 7 (… " in wrong
    assert "is of no result" in wrong
    (wrong,) = faults("page", page, about | {"no_json": [year, bound]}, results)
    assert "'of 10' is in quoted.toml and not on the page" in wrong
    (wrong,) = faults("page", page + "It gets **99.0 %**", about, results)
    assert "stands there 2 times" in wrong
