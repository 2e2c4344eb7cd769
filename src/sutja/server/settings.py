"""How much the service takes on, and who may ask it."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_type_hints

from sutja.config import from_mapping
from sutja.errors import ConfigError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
MIN_TOKEN_LENGTH = 16


@dataclass(frozen=True)
class Limits:
    """What one client can ask for at most, and all of them together."""

    clip_bytes: int = 8 * 2**20
    """Of one recording: 87 s of 48 kHz, 16 bit, mono."""
    batch_bytes: int = 32 * 2**20
    """Of one batch."""
    batch_files: int = 64
    """In one batch."""
    held_bytes: int = 256 * 2**20
    """Of all uploads that are being received or worked on."""
    header_bytes: int = 32 * 2**10
    """Of a request's line and headers."""
    message_bytes: int = 256 * 2**10
    """Of one WebSocket message: 2.7 s at 48 kHz."""
    n_connections: int = 2000
    """Open at a time, as far as this process may open files; then one that owes something gives way to who comes."""
    n_streams: int = 16
    """Microphones at a time."""
    n_waiting: int = 64
    """Requests that are worked on or wait for their turn."""
    n_threads: int = 2
    """That predict."""
    header_seconds: float = 10.0
    """From a request's first byte to the end of its headers."""
    upload_seconds: float = 30.0
    """For a request's body."""
    request_seconds: float = 90.0
    """For all of a request, its answer included."""
    idle_seconds: float = 30.0
    """That a connection may stay silent between requests."""
    stream_idle_seconds: float = 30.0
    """That an open microphone may send nothing."""
    drain_seconds: float = 30.0
    """That requests in hand get when the service is told to stop."""

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not value > 0:
                raise ConfigError(f"limit {name}={value}: expected a number above 0")


def limits_from(texts: Iterable[str]) -> Limits:
    """Read limits as they are written on the command line.

    Raises
    ------
    ConfigError
        When a limit is not known or its value is no number.

    >>> limits_from(["n_waiting=8"]).n_waiting
    8
    """
    kinds = get_type_hints(Limits)
    values: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            values[name] = kinds.get(name, float)(value)
        except ValueError as error:
            raise ConfigError(f"limit {text!r}: expected NAME=NUMBER, for example n_waiting=64") from error
    return from_mapping(Limits, values)


@dataclass(frozen=True)
class Access:
    """Who may ask."""

    token: str | None = None
    """That every request must bring; None: none needed."""
    hosts: tuple[str, ...] = LOOPBACK_NAMES
    """Names that the service answers to (a page elsewhere may point its own name here: DNS rebinding); none: any."""
    origins: tuple[str, ...] = ()
    """Pages of other origins that may ask, such as ``https://example.org``."""

    def __post_init__(self) -> None:
        if self.token is not None:
            _check_token(self.token)
        for origin in self.origins:
            scheme, separator, host = origin.partition("://")
            if scheme not in ("http", "https") or not separator or not host or "/" in host:
                raise ConfigError(f"origin {origin!r}: expected scheme and host alone, such as https://example.org")


def _check_token(token: str) -> None:
    """Refuse a token that is short, or that no header can bring: one with a blank or a line break at its end."""
    if len(token) < MIN_TOKEN_LENGTH or not all("!" <= letter <= "~" for letter in token):
        odd = sum(not "!" <= letter <= "~" for letter in token)
        found = f"{odd} of them blanks, line breaks or not ASCII" if odd else "too few"
        raise ConfigError(
            f"token of {len(token)} characters, {found}; expected at least {MIN_TOKEN_LENGTH} ASCII ones: "
            'python -c "import secrets; print(secrets.token_urlsafe())" makes one'
        )


def access_for(asked: Access, host: str, address: str) -> Access:
    """Decide who may ask a service that listens on ``address``, the numeric form of ``host``.

    ``asked.hosts`` are further names of the service, beside those that the address gives.

    Raises
    ------
    ConfigError
        When others could reach it and no token is asked for.

    """
    names = tuple(name.lower() for name in asked.hosts)
    if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        if asked.token is None:
            raise ConfigError(
                f"host {host}: other machines reach this address; expected a token that they must bring: "
                "set SUTJA_TOKEN or --token, or listen on 127.0.0.1"
            )
        return dataclasses.replace(asked, hosts=names)
    literal = f"[{host}]" if ":" in host else host.lower()
    return dataclasses.replace(asked, hosts=tuple(dict.fromkeys((*LOOPBACK_NAMES, literal, *names))))
