"""Each kind of flood for a second: a good client loses nothing, the end is in order. In full: bench/hold.py."""

from __future__ import annotations

import time

import floods
import pytest
from service import running, sound

PLACES = 40  # fewer than a crowd, more than those who ask without end: these have a right to theirs
SECONDS = 1.0
LIMITS = [f"--limit=n_connections={PLACES}", "--limit=n_streams=4"]


@pytest.fixture(scope="module")
def service():
    with running(*LIMITS) as found:
        yield found


@pytest.mark.parametrize("kind", floods.KINDS)
def test_a_good_client_beside_a_flood(service, kind):
    address = (service.host, service.port)
    flood = floods.begun(kind, address, SECONDS, PLACES + 10)
    client = floods.GoodClient(address, sound())
    client.start()
    told, fault = flood.communicate(timeout=30)
    answers = client.stop()
    assert fault == ""
    assert int(told) >= min(PLACES, floods.KINDS[kind][1])  # it did come
    assert answers.lost == {}
    assert answers.seconds
    assert max(answers.seconds) < 10  # how fast, the bench says: here others work beside


@pytest.mark.parametrize("kind", ["handshakes", "bodies", "held_connects", "pings", "pipelines"])
def test_the_end_in_a_flood(kind):
    with running(*LIMITS, "--limit=drain_seconds=8") as service:
        address, body = (service.host, service.port), sound()
        flood = floods.begun(kind, address, 30, PLACES + 10)
        time.sleep(0.7)
        opened = floods.in_hand(address, body, 4)
        time.sleep(0.1)
        service.terminate()
        time.sleep(0.1)
        assert floods.finished(opened, body) == {"200": 4}
        started = time.monotonic()
        service.process.wait(20)
        assert time.monotonic() - started < 12  # half of the drain and what it takes to close
        flood.kill()
        flood.communicate()
