"""Whose turn it is."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sutja.server.pool import Busy, Places, Pool


def test_places_run_out_and_come_back():
    places = Places(2)
    with places.taken(), places.taken():
        with pytest.raises(Busy):
            places.take()
        assert places.n_taken == 2
    assert places.n_taken == 0
    with pytest.raises(ZeroDivisionError), places.taken(2):
        1 / 0  # noqa: B018
    assert places.n_taken == 0
    with pytest.raises(Busy):
        places.take(3)
    assert places.n_taken == 0


def test_the_pool_works_beside_and_in_order():
    pool, order = Pool(1), []

    def note(n):
        order.append(n)
        return threading.get_ident()

    async def work():
        return await asyncio.gather(
            *(pool.run(lambda n: order.append(n) or threading.get_ident(), n) for n in range(9))
        )

    idents = asyncio.run(work())
    pool.close()
    assert order == list(range(9))
    assert threading.get_ident() not in idents


def test_what_is_raised_comes_back():
    async def work():
        await Pool(1).run(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(work())
