"""Who comes in when places are short."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sutja.server import admission
from sutja.server.admission import PATIENCE_SECONDS, RESTING_SECONDS, Door, Standing, network, peeked, who_give_way

NOW = 100.0


def gives_way(seats, now):
    """Who is the first to give way, if anybody."""
    return next(who_give_way(seats, now), None)


@dataclass
class Seat:
    """A connection as the door sees it."""

    standing: Standing
    since: float = 0.0
    address: str = "a"
    unread: bool = False
    is_ended: bool = False

    def has_unread(self) -> bool:
        return self.unread

    def end(self) -> None:
        self.is_ended, self.standing = True, Standing.LEAVING


SEATS = st.lists(
    st.builds(
        Seat,
        st.sampled_from(Standing),
        st.floats(0, NOW),
        st.sampled_from("abc"),
        st.booleans(),
    ),
    max_size=30,
)


@given(SEATS)
def test_whoever_gives_way_owed_something_or_rested_and_had_its_time(seats):
    found = gives_way(seats, NOW)
    if found is None:
        return
    assert found.standing in (Standing.OWING, Standing.KEPT)
    assert not found.unread
    assert NOW - found.since >= min(PATIENCE_SECONDS, RESTING_SECONDS)
    if found.standing is Standing.KEPT:  # nobody who owes something had its time
        assert not [
            one
            for one in seats
            if one.standing is Standing.OWING and NOW - one.since >= PATIENCE_SECONDS and not one.unread
        ]


@given(SEATS)
def test_somebody_gives_way_as_long_as_somebody_is_overdue(seats):
    overdue = [one for one in seats if one.standing is Standing.OWING and NOW - one.since >= PATIENCE_SECONDS]
    assert (gives_way(seats, NOW) is not None) or all(one.unread for one in overdue)


def test_of_those_who_owe_the_address_with_the_most_places_gives_way():
    many = [Seat(Standing.OWING, since=50, address="many") for _ in range(3)]
    old = Seat(Standing.OWING, since=1, address="one")
    assert gives_way([old, *many], NOW) is many[0]
    assert gives_way([old, *many[:1]], NOW) is old


def test_who_rests_for_a_moment_stays_while_others_owe():
    kept, young = Seat(Standing.KEPT, since=NOW - 1), Seat(Standing.OWING, since=NOW - 0.1)
    assert gives_way([kept, young], NOW) is None
    assert gives_way([kept], NOW) is kept
    assert gives_way([kept, Seat(Standing.OWING, since=0)], NOW).standing is Standing.OWING


def test_networks():
    assert network("10.0.0.1") == "10.0.0.1"
    assert network("2001:db8:1:2::5") == network("2001:db8:1:2::6") != network("2001:db8:1:3::5")


def test_a_byte_is_looked_at_and_left():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        assert peeked(ours) is None
        theirs.sendall(b"xy")
        assert peeked(ours) == b"x" == peeked(ours)
        assert ours.recv(2) == b"xy"
        theirs.close()
        assert peeked(ours) == b""
    assert peeked(ours) == b""  # closed here


class Echo(asyncio.Protocol):
    """Says that it is in, and takes a place."""

    def __init__(self, seats):
        self.seats = seats

    def connection_made(self, transport):
        self.seats.append(Seat(Standing.WORKED_ON))
        transport.write(b"in")


def at_the_door(talk, n_places=2, seats=None):
    """Run `talk(door, connect)` with a door on a free port."""
    seats = [] if seats is None else seats

    async def run():
        with socket.create_server(("127.0.0.1", 0), backlog=16) as listener, contextlib.ExitStack() as stack:
            listener.setblocking(False)
            door = Door(listener, lambda _: Echo(seats), lambda: seats, n_places, b"come again")
            door.open()
            address = listener.getsockname()

            async def connect():
                connection = stack.enter_context(socket.socket())
                connection.setblocking(False)
                await asyncio.get_running_loop().sock_connect(connection, address)
                return connection

            await talk(door, connect)
            if not door._is_closing:
                await door.close()

    asyncio.run(run())


async def told(connection, seconds=1.0):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().sock_recv(connection, 100)
    return None


def test_as_many_as_there_is_room_for():
    async def talk(door, connect):
        assert await told(await connect()) == b"in"

    at_the_door(talk)


def test_who_waits_comes_in_when_somebody_has_had_its_time(monkeypatch):
    monkeypatch.setattr(admission, "PATIENCE_SECONDS", 0.2)
    seats = [Seat(Standing.OWING), Seat(Standing.WORKED_ON)]

    async def talk(door, connect):
        seats[0].since = asyncio.get_running_loop().time()
        waiting = await connect()
        assert await told(waiting, 0.1) is None
        assert await told(waiting) == b"in"
        assert [one.is_ended for one in seats] == [True, False, False]

    at_the_door(talk, seats=seats)


def test_who_has_said_something_comes_first():
    seats = [Seat(Standing.WORKED_ON), Seat(Standing.WORKED_ON)]

    async def talk(door, connect):
        silent, speaks = await connect(), await connect()
        await asyncio.get_running_loop().sock_sendall(speaks, b"hello")
        await asyncio.sleep(0.05)
        seats[0].standing = Standing.LEAVING
        assert await told(speaks) == b"in"
        assert await told(silent, 0.1) is None

    at_the_door(talk, seats=seats)


def test_who_has_gone_takes_no_place():
    seats = [Seat(Standing.WORKED_ON), Seat(Standing.WORKED_ON)]

    async def talk(door, connect):
        (await connect()).close()
        stays = await connect()
        await asyncio.sleep(0.05)
        assert len(door._waiting) == 1
        seats[0].standing = Standing.LEAVING
        assert await told(stays) == b"in"

    at_the_door(talk, seats=seats)


def test_more_than_may_wait_and_too_long(monkeypatch):
    monkeypatch.setattr(admission, "WAITING_SECONDS", 0.3)
    monkeypatch.setattr(admission, "MOST_WAITING", 2)
    seats = [Seat(Standing.WORKED_ON), Seat(Standing.WORKED_ON)]

    async def talk(door, connect):
        first, second, third = [await connect() for _ in range(3)]
        assert await told(first, 0.2) == b"come again"  # it said nothing, and others came
        assert await told(second) == await told(third) == b"come again"

    at_the_door(talk, seats=seats)


def test_who_waits_at_the_end_is_taken_in_if_it_has_spoken():
    seats = [Seat(Standing.WORKED_ON)] * 3

    async def talk(door, connect):
        clients = [await connect() for _ in range(3)]
        for client in clients:
            await asyncio.get_running_loop().sock_sendall(client, b"hello")
        await asyncio.sleep(0.03)
        await door.close()
        assert [await told(client) for client in clients] == [b"in"] * 3

    at_the_door(talk, n_places=3, seats=seats)


def test_no_more_files(monkeypatch):
    monkeypatch.setattr(admission, "OUT_OF_FILES_SECONDS", 0.01)

    async def talk(door, connect):
        loop, times = asyncio.get_running_loop(), iter([1, 1])
        accept = loop.sock_accept

        async def fails(listener):
            if next(times, None):
                raise OSError(24, "Too many open files")
            return await accept(listener)

        first = await connect()
        await told(first)
        loop.sock_accept = fails
        await told(await connect())  # the accept that was pending
        assert await told(await connect()) == b"in"

    at_the_door(talk, n_places=5)
