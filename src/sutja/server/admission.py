"""Who comes in when places are short: a good client gets its answer, whoever else wants all of them.

A connection that has nobody's request to answer may be ended for one that waits; first those that owe something for
longest, of the address that holds the most places. Whoever has just begun is left a moment to finish, and who comes
meanwhile waits at the door, first those that have already said something. Nobody is thrown out before what it has sent
was read.

A connection that was admitted tells its :class:`Standing`; :mod:`sutja.server.connections` has them.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol

PATIENCE_SECONDS = 0.4  # to finish what was begun, or to go on with it, while others wait for a place
KEPT_SECONDS = 5.0  # that a connection may rest between requests while others wait for a place that some block,
RESTING_SECONDS = 0.75  # and where nobody blocks one
MOST_WAITING = 256  # at the door
WAITING_SECONDS = 5.0  # at the door, then told to come again
ADMIT_SECONDS = 0.01  # between looks at who waits
ACCEPTED_AT_ONCE = 32  # then the others have their turn
TAKE_IN_SECONDS = 0.02  # for who was accepted last
OUT_OF_FILES_SECONDS = 0.05  # until the next try, when this process may open no more


class Standing(enum.Enum):
    """What would be lost by ending a connection."""

    LEAVING = "it is ending"
    OWING = "it has begun something and not finished"
    KEPT = "it is open between requests"
    WORKED_ON = "a request of it is answered now"


class Seated(Protocol):
    """A connection that holds a place."""

    address: str
    """Whose it is."""
    since: float
    """When its standing began, or went on."""

    @property
    def standing(self) -> Standing:
        """What would be lost by ending it."""

    def has_unread(self) -> bool:
        """Whether bytes have come that were not read."""

    def end(self) -> None:
        """End it at once."""


def network(host: str) -> str:
    """Return whose an address is: of IPv6 the network, of which one client has all addresses.

    >>> network("127.0.0.1"), network("2001:db8:1:2:3::4")
    ('127.0.0.1', '2001:db8:1:2')
    """
    return ":".join(host.split(":")[:4]) if ":" in host else host


def who_give_way(seated: Iterable[Seated], now: float) -> Iterator[Seated]:
    """Give the connections that make room for others, first those whom it hurts least; none who has a moment left."""
    seated = list(seated)
    held = Counter(one.address for one in seated if one.standing is not Standing.LEAVING)
    owing = [one for one in seated if one.standing is Standing.OWING]
    kept = [one for one in seated if one.standing is Standing.KEPT]
    rested = KEPT_SECONDS if owing else RESTING_SECONDS  # who owes will have had its moment soon
    for candidates, patience in ((owing, PATIENCE_SECONDS), (kept, rested)):
        overdue = [one for one in candidates if now - one.since >= patience]
        for one in sorted(overdue, key=lambda one: (-held[one.address], one.since)):
            if not one.has_unread():
                yield one


def peeked(connection: socket.socket) -> bytes | None:
    """Look at the next byte: none yet (None), no more ever (``b""``), or that byte."""
    try:
        return connection.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""


def _makes_room(give_way: Iterator[Seated]) -> bool:
    """End the next one that gives way; whether there was one."""
    one = next(give_way, None)
    if one is not None:
        one.end()
    return one is not None


class Door:
    """Takes connections in from one socket, as places allow.

    Parameters
    ----------
    listener
        That listens, and does not block.
    seat
        Begins to serve a connection.
    seated
        All that hold a place.
    n_places
        There are; :data:`MOST_WAITING` more may wait.
    turn_away
        What a connection is told that cannot wait any longer.

    """

    def __init__(
        self,
        listener: socket.socket,
        seat: Callable[[socket.socket], asyncio.Protocol],
        seated: Callable[[], Collection[Seated]],
        n_places: int,
        turn_away: bytes,
    ) -> None:
        self._listener, self._seat, self._seated = listener, seat, seated
        self._n_places, self._turn_away = n_places, turn_away
        self._waiting: list[tuple[float, str, socket.socket]] = []
        self._entering: set[asyncio.Task[object]] = set()
        self._look: asyncio.TimerHandle | None = None
        self._is_closing = False

    def open(self) -> None:
        """Begin to accept."""
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    async def _accept(self) -> None:
        loop, n_accepted = asyncio.get_running_loop(), 0
        while not self._is_closing:
            try:
                connection, address = await loop.sock_accept(self._listener)
            except OSError:  # no more files may be opened, or who came has gone
                self.admit()
                await asyncio.sleep(OUT_OF_FILES_SECONDS)
                continue
            self.welcome(connection, str(address[0]))
            n_accepted += 1
            if n_accepted % ACCEPTED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def welcome(self, connection: socket.socket, host: str) -> None:
        """Take a connection in, or let it wait."""
        if not self._waiting and self._n_taken() < self._n_places:
            self._enter(connection)
            return
        self._waiting.append((asyncio.get_running_loop().time(), network(host), connection))
        if len(self._waiting) > MOST_WAITING:
            self._refuse_one()
        self._look_soon()

    def admit(self) -> None:
        """Let in who waits, as far as there is room or somebody gives way."""
        now = asyncio.get_running_loop().time()
        held = Counter(one.address for one in self._seated())
        said = {id(connection): peeked(connection) for _, _, connection in self._waiting}
        self._waiting.sort(key=lambda one: (not said[id(one[2])], held[one[1]], one[0]))
        n_free, give_way = self._n_places - self._n_taken(), who_give_way(self._seated(), now)
        rest = []
        for came, whose, connection in self._waiting:
            if said[id(connection)] == b"":  # gone
                connection.close()
            elif n_free > 0 or _makes_room(give_way):
                n_free -= 1
                self._enter(connection)
            elif now - came > WAITING_SECONDS:
                self._refuse(connection)
            else:
                rest.append((came, whose, connection))
        self._waiting = rest
        if rest:
            self._look_soon()

    async def close(self) -> None:
        """Take in who waits here and in the kernel, and nobody after them."""
        self._is_closing = True
        if self._look is not None:
            self._look.cancel()
        await self._stop_accepting()
        self._listener.listen(0)  # nobody else queues up while those who wait are taken in
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                self._waiting.append((0.0, "", connection))
        self._listener.close()
        for _, _, connection in self._waiting:
            if len(self._entering) < self._n_places or peeked(connection):
                self._enter(connection)
            else:
                self._refuse(connection)
        self._waiting = []
        if self._entering:
            await asyncio.wait(self._entering)

    async def _stop_accepting(self) -> None:
        """Stop between two connections: one that was accepted as the task is cancelled would be lost."""
        with contextlib.suppress(NotImplementedError):  # Windows has no readers
            asyncio.get_running_loop().remove_reader(self._listener)
        await asyncio.sleep(TAKE_IN_SECONDS)
        self._accepting.cancel()
        await asyncio.wait([self._accepting])

    def _n_taken(self) -> int:
        """Count the places that are taken; exactly only where it matters, since there may be thousands."""
        n_most = len(self._entering) + len(self._seated())
        if n_most < self._n_places:
            return n_most
        return len(self._entering) + sum(one.standing is not Standing.LEAVING for one in self._seated())

    def _enter(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.connect_accepted_socket(lambda: self._seat(connection), connection))
        self._entering.add(task)
        task.add_done_callback(self._entered)

    def _entered(self, task: asyncio.Task[object]) -> None:
        self._entering.discard(task)
        if not task.cancelled():
            task.exception()  # who came has gone: that is told to nobody

    def _refuse_one(self) -> None:
        """Turn away who has gone, else who has said nothing for longest, else the last."""
        order = {b"": 0, None: 1}
        said = [(order.get(peeked(connection), 2), came) for came, _, connection in self._waiting]
        first = min(range(len(said)), key=lambda place: said[place])
        self._refuse(self._waiting.pop(first if said[first][0] < 2 else -1)[2])

    def _refuse(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.send(self._turn_away)
        connection.close()

    def _look_soon(self) -> None:
        if self._look is None or self._look.when() < asyncio.get_running_loop().time():
            self._look = asyncio.get_running_loop().call_later(ADMIT_SECONDS, self.admit)
