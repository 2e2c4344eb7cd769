"""Settings: limits are numbers above 0, and nobody else is let in without a token."""

from __future__ import annotations

import dataclasses
import re

import pytest
from service import repository

from sutja.errors import ConfigError
from sutja.server.settings import LOOPBACK_NAMES, Access, Limits, access_for, limits_from

TOKEN = "a-token-long-enough"


def test_limits_are_read():
    found = limits_from(["n_waiting=3", "upload_seconds=0.5"])
    assert (found.n_waiting, found.upload_seconds) == (3, 0.5)
    assert limits_from([]) == Limits()


@pytest.mark.parametrize(
    "text", ["n_waiting=many", "n_waiting", "n_waiting=2.5", "n_waitin=3", "n_waiting=0", "n_waiting=-1"]
)
def test_limits_that_are_none(text):
    with pytest.raises(ConfigError, match=r"expected|did you mean"):
        limits_from([text])


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1"])
def test_this_machine_needs_no_token(address):
    access = access_for(Access(hosts=()), address, address)
    assert set(LOOPBACK_NAMES) < {*access.hosts, "one more"}
    assert (f"[{address}]" if ":" in address else address) in access.hosts
    assert access_for(Access(hosts=("Box.local",)), address, address).hosts[-1] == "box.local"


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "fe80::1%eth0"])
def test_others_need_one(address):
    with pytest.raises(ConfigError, match="expected a token"):
        access_for(Access(), address, address)
    access = access_for(Access(TOKEN, hosts=()), address, address)
    assert access.token == TOKEN
    assert access.hosts == ()  # whatever name it is reached by: the token says who may ask


@pytest.mark.parametrize("token", ["", "short", "비밀번호비밀번호비밀번호비밀번호"])
def test_tokens_that_are_too_easy(token):
    with pytest.raises(ConfigError, match="expected at least 16 ASCII ones"):
        Access(token)


@pytest.mark.parametrize("origin", ["example.org", "https://", "*", "https://example.org/page", "ftp://example.org"])
def test_origins_that_are_none(origin):
    with pytest.raises(ConfigError, match="expected scheme and host alone"):
        Access(origins=(origin,))


def test_the_limits_are_told():
    page = (repository() / "docs" / "http.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page, flags=re.MULTILINE)
    assert told == [(name, str(value)) for name, value in dataclasses.asdict(Limits()).items()]
