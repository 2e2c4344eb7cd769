"""What was said: the best way of words through the frame network's answers, kept up to date as they come.

Token passing (Young and others 1989): every state of every word, at every node of the grammar, holds the best way that
ends in it. A word is committed when every way that is still worth anything agrees on it, or when it has been over for
:attr:`DecoderConfig.wait_seconds`; from then on it stands. Times are numbers of outputs, of 20 ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.strings.grammar import NOWHERE, Grammar
from sutja.strings.units import N_OTHER, OUTPUT_SECONDS, Units

NEVER = np.float32(-1e30)
NOTHING = -1
"""No word before this one."""
FEWEST_KEPT = 256
"""Words on ways: below that nothing is tidied up."""

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class DecoderConfig:
    """What the decoder believes before it has heard anything; logarithms of probabilities."""

    word: float = -7.6
    """Of a word beginning."""
    pause: float = -2.4
    """Of a pause beginning."""
    other: float = -22.0
    """Of other speech beginning."""
    duration_weight: float = 1.9
    """Of how long a word took beside how long it takes as a rule."""
    beam: float = 32.0
    """Ways that are so far behind the best one are not asked whether they agree."""
    farthest: float = 15.0
    """A string that was asked for may be so far behind the best way, or too little was said.

    At 60 a string of 4 that was cut in its last word got words that nobody said three times as often as at 15, and no
    string that was whole was told better."""
    wait_seconds: float = 0.12
    """After its end a word waits so long at most for all ways to agree on it."""


@dataclass(frozen=True)
class Duration:
    """How long a unit takes: logarithm of the number of outputs."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Heard:
    """A word on the best way, in outputs from the beginning of the stream."""

    unit: int
    start: int
    end: int
    """The first output after it."""
    is_last: bool = False
    """Whether nothing can follow it in its string: the string is whole."""


@dataclass(frozen=True)
class _Record:
    """The end of a word on some way."""

    before: int
    word: Heard


class Decoder:
    """Follows one stream.

    Parameters
    ----------
    units
        What can be said.
    durations
        Of each unit.
    grammar
        Which strings can be said.
    config
        What is believed beforehand.

    """

    def __init__(
        self, units: Units, durations: tuple[Duration, ...], grammar: Grammar, config: DecoderConfig | None = None
    ) -> None:
        self.config = config or DecoderConfig()
        self.grammar, self._units = grammar, units
        rows = [units.outputs_of(n) for n in range(len(units.units))]
        self._outputs = np.array([output for row in rows for output in row] + [units.silence] + [units.other] * N_OTHER)
        self._firsts = np.array(units.firsts)
        self._lasts = np.cumsum([len(row) for row in rows]) - 1
        self._pause = units.silence  # also the place of silence: places of words are their outputs
        self._other, self._other_end = self._pause + 1, self._pause + N_OTHER
        self._inside = np.ones(len(self._outputs), dtype=bool)  # places that are entered from the one before
        self._inside[[*self._firsts, self._pause, self._other]] = False
        following = _in_a_row(grammar)
        self._possible = following != NOWHERE
        self._entries = [np.flatnonzero(column) for column in self._possible.T]
        self._mean = np.array([d.mean for d in durations], dtype=np.float32)
        self._deviation = np.array([d.deviation for d in durations], dtype=np.float32)
        self._exit_nodes, self._exit_units = np.nonzero(self._possible)
        self._into = following[self._exit_nodes, self._exit_units]
        self._is_last = grammar.ends_itself
        self._leads = self._exit_matrix()
        n_nodes = len(grammar.finals)
        self._scores = np.full((n_nodes, len(self._outputs)), NEVER, dtype=np.float32)
        self._records = np.full(self._scores.shape, NOTHING, dtype=np.int64)
        self._starts = np.zeros(self._scores.shape, dtype=np.int32)
        self._history: dict[int, _Record] = {}
        self._n_records = 0
        self._n_committed_record, self._most_kept = NOTHING, FEWEST_KEPT
        self.now = 0
        """Outputs heard."""

    def _exit_matrix(self) -> list[NDArray[np.int_]]:
        """Return for each node which exits lead to it."""
        return [np.flatnonzero(self._into == node) for node in range(len(self.grammar.finals))]

    def feed(self, answers: Scores) -> None:
        """Take the network's next answers, log probabilities ``(n, n_outputs)``."""
        for answer in answers:
            self._advance(answer[self._outputs])
            self.now += 1

    def _advance(self, heard: Scores) -> None:
        if self.now == 0:
            at_node = np.full(len(self._scores), NEVER, dtype=np.float32)
            at_node[0] = 0.0
            records = np.full(len(self._scores), NOTHING, dtype=np.int64)
        else:
            at_node, records = self._node_bests()
        scores, moved = self._scores, np.full_like(self._scores, NEVER)
        moved[:, 1:] = scores[:, :-1]
        moved[:, ~self._inside] = NEVER
        entering = np.where(self._possible, at_node[:, None] + np.float32(self.config.word), NEVER)
        moved[:, self._firsts] = entering
        moved[:, self._pause] = at_node + np.float32(self.config.pause)
        moved[:, self._other] = at_node + np.float32(self.config.other)
        better = moved > scores
        from_before = better & self._inside
        entered = better & ~self._inside
        new_records, new_starts = self._records, self._starts
        shifted_records, shifted_starts = np.roll(new_records, 1, axis=1), np.roll(new_starts, 1, axis=1)
        new_records = np.where(from_before, shifted_records, new_records)
        new_records = np.where(entered, records[:, None], new_records)
        new_starts = np.where(from_before, shifted_starts, new_starts)
        self._starts = np.where(entered, np.int32(self.now), new_starts)
        self._records = new_records
        self._scores = np.where(better, moved, scores) + heard
        best = float(self._scores.max())
        if best < NEVER / 2:
            return
        self._scores -= np.float32(best)
        self._scores[self._scores < NEVER / 2] = NEVER

    def _node_bests(self) -> tuple[Scores, NDArray[np.int64]]:
        """Return the best way to each node, and its last word."""
        at_node = np.maximum(self._scores[:, self._pause], self._scores[:, self._other_end])
        from_pause = self._scores[:, self._pause] >= self._scores[:, self._other_end]
        records = np.where(from_pause, self._records[:, self._pause], self._records[:, self._other_end])
        exits = self._exits()
        for node, into in enumerate(self._leads):
            if not len(into):
                continue
            best = int(into[int(exits[into].argmax())])
            if exits[best] > at_node[node] and exits[best] > NEVER / 2:
                at_node[node] = exits[best]
                records[node] = self._recorded(best, node)
        return at_node, records

    def _exits(self) -> Scores:
        """Return the score of each word that could end now, where the grammar has it."""
        lasts = self._lasts[self._exit_units]
        scores = self._scores[self._exit_nodes, lasts]
        if self.config.duration_weight:
            n = self.now - self._starts[self._exit_nodes, lasts]
            away = (np.log(np.maximum(n, 1)) - self._mean[self._exit_units]) / self._deviation[self._exit_units]
            scores = scores - np.float32(self.config.duration_weight * 0.5) * np.square(away, dtype=np.float32)
        return np.asarray(scores)

    def _recorded(self, place: int, node: int) -> int:
        came_from, unit = int(self._exit_nodes[place]), int(self._exit_units[place])
        last = self._lasts[unit]
        word = Heard(unit, int(self._starts[came_from, last]), self.now, bool(self._is_last[node]))
        number, self._n_records = self._n_records, self._n_records + 1
        self._history[number] = _Record(int(self._records[came_from, last]), word)
        return number

    # -- what is settled --------------------------------------------------------------------------------------------

    def agreed(self) -> list[Heard]:
        """Return the words that are settled since the last call; they stay as they are."""
        if len(self._history) > self._most_kept:
            self._forget()
        settled = self._common(self._live())
        if self.grammar.n_most is None:
            settled = self._overdue(settled)
        if not settled:
            return []
        words = [self._history[number].word for number in settled]
        self._keep_only(settled[-1])
        return words

    def open_words(self) -> list[Heard]:
        """Return the words of the best way that are not settled yet: they may still change."""
        node, place = self._best_place()
        return [self._history[number].word for number in self._chain(int(self._records[node, place]))]

    def unfinished(self) -> int | None:
        """Return since when the best way is inside a word or other speech; None in silence."""
        node, place = self._best_place()
        return None if place == self._pause or self.now == 0 else int(self._starts[node, place])

    def may_end(self) -> bool:
        """Tell whether a string may end on the best way."""
        node, _ = self._best_place()
        return bool(self.grammar.finals[node])

    def finish(self) -> list[Heard]:
        """Return the words that remain when nothing follows any more, and begin again after them.

        Of the ways that end where a string may end, the best; of all ways where none of these is near enough.
        """
        best, record = NEVER, NOTHING
        if self.now:
            at_node, records = self._node_bests()
            allowed = np.where(self.grammar.finals, at_node, NEVER)
            is_likely = allowed.max() > at_node.max() - self.config.farthest
            chosen = int((allowed if is_likely else at_node).argmax())
            best, record = at_node[chosen], int(records[chosen])
        words = [self._history[number].word for number in self._chain(record)] if best > NEVER / 2 else []
        self.begin()
        return words

    def begin(self) -> None:
        """Forget all ways: what comes next is another string, at the times that follow."""
        self._scores[:] = NEVER
        self._scores[0, self._pause] = 0.0
        self._records[:] = NOTHING
        self._starts[:] = self.now
        self._history.clear()
        self._n_committed_record = NOTHING

    def _best_place(self) -> tuple[int, int]:
        node, place = np.unravel_index(int(self._scores.argmax()), self._scores.shape)
        return int(node), int(place)

    def _live(self) -> list[int]:
        """Return the last words of the ways that are worth something, the best way's first."""
        node, place = self._best_place()
        first = int(self._records[node, place])
        others = set(self._records[self._scores > -self.config.beam].tolist())
        return [first, *(others - {first})]

    def _chain(self, number: int) -> list[int]:
        """Return the words that led to one and are not settled, the oldest first."""
        chain = []
        while number not in (self._n_committed_record, NOTHING):
            chain.append(number)
            number = self._history[number].before
        return chain[::-1]

    def _common(self, live: list[int]) -> list[int]:
        """Return the words that all ways have in common, beyond those that are settled."""
        common = self._chain(live[0])
        for number in live[1:]:
            if not common:
                break
            other = set(self._chain(number))
            common = [each for each in common if each in other]
        return common

    def _overdue(self, settled: list[int]) -> list[int]:
        """Return what is to be settled now that waited too long, beside what all ways agree on."""
        node, place = self._best_place()
        wait = self.config.wait_seconds / OUTPUT_SECONDS
        chain = self._chain(int(self._records[node, place]))
        late = [number for number in chain if self.now - self._history[number].word.end >= wait]
        return late if len(late) > len(settled) else settled

    def _forget(self) -> None:
        """Drop the words that no way leads through any more: while nothing is settled they would pile up for hours."""
        self._keep(self._records.ravel().tolist())
        self._most_kept = len(self._history) + FEWEST_KEPT

    def _keep(self, records: Iterable[int]) -> None:
        kept = {self._n_committed_record}
        for record in set(records):
            kept.update(self._chain(record))
        self._history = {record: what for record, what in self._history.items() if record in kept}

    def _keep_only(self, number: int) -> None:
        """Settle a word: ways that do not lead through it end here."""
        chains = {record: self._leads_through(record, number) for record in np.unique(self._records).tolist()}
        dead = [record for record, through in chains.items() if not through]
        ended = np.isin(self._records, dead)
        self._scores[ended], self._records[ended] = NEVER, NOTHING
        self._n_committed_record = number
        self._keep(record for record, through in chains.items() if through)

    def _leads_through(self, record: int, number: int) -> bool:
        while record not in (number, NOTHING, self._n_committed_record):
            record = self._history[record].before
        return record == number


def _in_a_row(grammar: Grammar) -> NDArray[np.int32]:
    """Let a string be followed by the next: where one is whole, what comes is the next one's first word."""
    following = grammar.following.copy()
    following[grammar.ends_itself] = grammar.following[0]
    return following
