"""Which strings can be said: any, of so many words, or one of a list.

A grammar is a graph: at each node some units can come, and each leads to a node. Silence and other speech may come
anywhere. A word like "double" leads to a node where only what is doubled can follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sutja.errors import ConfigError
from sutja.strings.units import Units

NOWHERE = -1
MOST_WORDS = 64
MOST_NODES = 20_000


@dataclass(frozen=True)
class Grammar:
    """A graph over units; node 0 is the beginning."""

    following: NDArray[np.int32]
    """``(n_nodes, n_units)``: where each unit leads from each node, or ``NOWHERE``."""
    finals: NDArray[np.bool_]
    """``(n_nodes,)``: where a string may end."""
    n_least: int = 0
    n_most: int | None = None
    """Words of a string, where that is bounded."""
    is_free: bool = False
    """Whether any word may stand in place of any other."""

    @property
    def ends_itself(self) -> NDArray[np.bool_]:
        """Tell at which nodes nothing can follow, ``(n_nodes,)``: the string is whole."""
        return np.asarray((self.following == NOWHERE).all(axis=1))


@dataclass
class _Graph:
    units: Units
    rows: list[dict[int, int]] = field(default_factory=list)

    def node(self) -> int:
        self.rows.append({})
        if len(self.rows) > MOST_NODES:
            raise ConfigError(
                f"the list of strings needs more than {MOST_NODES} states; expected fewer or shorter strings"
            )
        return len(self.rows) - 1

    def grammar(self, finals: Iterable[int], n_least: int, n_most: int | None, *, is_free: bool) -> Grammar:
        following = np.full((len(self.rows), len(self.units.units)), NOWHERE, dtype=np.int32)
        for node, row in enumerate(self.rows):
            for unit, after in row.items():
                following[node, unit] = after
        ends = np.zeros(len(self.rows), dtype=bool)
        ends[list(finals)] = True
        return Grammar(following, ends, n_least, n_most, is_free)


def any_string(units: Units) -> Grammar:
    """Return the grammar of strings of any length."""
    graph = _Graph(units)
    home = graph.node()
    for number, unit in enumerate(units.units):
        if unit.n_times == 1:
            graph.rows[home][number] = home
        else:
            waiting = graph.rows[home][number] = graph.node()
            graph.rows[waiting] |= {n: home for n, other in enumerate(units.units) if other.n_times == 1}
    return graph.grammar([home], 0, None, is_free=True)


def of_length(units: Units, n_least: int, n_most: int | None = None) -> Grammar:
    """Return the grammar of strings of so many words.

    Raises
    ------
    ConfigError
        When the length is none that a string can have.

    """
    n_most = n_least if n_most is None else n_most
    if not 1 <= n_least <= n_most <= MOST_WORDS:
        raise ConfigError(
            f"length {n_least}{f'-{n_most}' if n_most != n_least else ''}; expected 1 to {MOST_WORDS} words, "
            "the smaller number first: 4, or 4-6"
        )
    graph = _Graph(units)
    row = [graph.node() for _ in range(n_most + 1)]
    for n_said in range(n_most):
        for number, unit in enumerate(units.units):
            after = n_said + unit.n_times
            if after > n_most:
                continue
            if unit.n_times == 1:
                graph.rows[row[n_said]][number] = row[after]
            else:
                waiting = graph.rows[row[n_said]][number] = graph.node()
                graph.rows[waiting] |= {n: row[after] for n, other in enumerate(units.units) if other.n_times == 1}
    return graph.grammar(row[n_least:], n_least, n_most, is_free=True)


def one_of(units: Units, strings: Sequence[Sequence[str]]) -> Grammar:
    """Return the grammar of a list of strings, each a row of labels.

    Raises
    ------
    ConfigError
        When there is none, or a label that the model does not know.

    """
    known = {unit.label for unit in units.units if unit.n_times == 1}
    unknown = sorted({label for string in strings for label in string} - known)
    if unknown:
        raise ConfigError(
            f"the list of strings has {unknown[0]!r}, which the model does not know; expected words out of "
            f"{', '.join(sorted(known))}"
        )
    if not any(strings):
        raise ConfigError("the list of strings is empty; expected one string or more, a line each")
    graph = _Graph(units)
    tree: dict[tuple[str, ...], int] = {(): graph.node()}
    for string in sorted({tuple(string) for string in strings if string}):
        for n in range(1, len(string) + 1):
            if string[:n] not in tree:
                tree[string[:n]] = graph.node()
    for path, node in tree.items():
        for number, unit in enumerate(units.units):
            if unit.n_times == 1 and (after := tree.get((*path, unit.label))) is not None:
                graph.rows[node][number] = after
            elif unit.n_times > 1:
                _repeated(graph, tree, path, number)
    lengths = [len(string) for string in strings if string]
    finals = [tree[tuple(string)] for string in strings if string]
    return graph.grammar(finals, min(lengths), max(lengths), is_free=False)


def _repeated(graph: _Graph, tree: dict[tuple[str, ...], int], path: tuple[str, ...], number: int) -> None:
    """Let "double" come where the list has a word twice."""
    units, n_times = graph.units.units, graph.units.units[number].n_times
    labels = {unit.label for unit in units if unit.n_times == 1}
    ends = {label: tree[(*path, *[label] * n_times)] for label in labels if (*path, *[label] * n_times) in tree}
    if ends:
        waiting = graph.rows[tree[path]][number] = graph.node()
        graph.rows[waiting] |= {n: ends[unit.label] for n, unit in enumerate(units) if unit.label in ends}


def parse_length(text: str) -> tuple[int, int]:
    """Read `4` or `4-6`.

    >>> parse_length("4"), parse_length("4-6")
    ((4, 4), (4, 6))
    """
    found = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", text, flags=re.ASCII)
    if not found:
        raise ConfigError(f"length {text[:30]!r} is no number of words; expected 4, or 4-6")
    return int(found[1]), int(found[2] or found[1])
