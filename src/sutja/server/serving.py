"""Starting and stopping: the socket, uvicorn with our connections, and answering what is in hand before the end.

As :mod:`sutja.server.connections` this leans on what uvicorn does not promise:

- ``Server``: ``capture_signals``, ``config``, ``force_exit``, ``handle_exit``, ``lifespan``, ``server_state``,
  ``should_exit``, ``shutdown``, ``startup``
- ``ServerState``: ``connections``
- ``Config``: ``http_protocol_class``
- ``LifespanOn``: ``state``
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from sutja.errors import ConfigError
from sutja.server.admission import MOST_WAITING, Door
from sutja.server.connections import GuardedProtocol, GuardedWebSocket, guarded, refusal, sweep
from sutja.server.refusals import BUSY
from sutja.server.settings import Limits

logger = logging.getLogger("sutja.server")

# Of connections that the kernel holds until they are taken; of a flood beyond it, all have to try again.
BACKLOG = 1024
OTHER_FILES = 64  # that the service has open beside its connections
SWEEP_SECONDS = 0.5


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that the service listens on.

    Raises
    ------
    ConfigError
        When the address is not this machine's, or taken.

    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no host name"
        raise ConfigError(f"host {host!r}: {reason}; expected an address of this machine, such as 127.0.0.1") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        message = f"{host} port {port}: cannot listen there ({error.strerror})"
        raise ConfigError(
            f"{message}; expected a free port of this machine; choose another --port or --host"
        ) from error
    return listener


def places(limits: Limits) -> int:
    """Return how many connections there may be: as many as were asked for, as far as this process may open files.

    The system's own limit is raised as far as it allows.
    """
    wanted = limits.n_connections + MOST_WAITING + OTHER_FILES
    try:
        import resource  # not on Windows
    except ImportError:
        return limits.n_connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft != resource.RLIM_INFINITY and soft < wanted:
        n_places = max(1, min(limits.n_connections, soft - MOST_WAITING - OTHER_FILES))
        fields = {"n_connections": limits.n_connections, "files": soft, "places": n_places}
        logger.warning("fewer connections than asked for: raise the limit of open files", extra={"fields": fields})
        return n_places
    return limits.n_connections


def url_of(listener: socket.socket) -> str:
    """Return the address that a browser takes."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def serve(app: Starlette, listener: socket.socket, limits: Limits, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C, and answer what is in hand then; ``on_ready`` is called once it serves."""
    config = uvicorn.Config(
        app,
        http=guarded(limits),
        ws=GuardedWebSocket,
        ws_max_size=limits.message_bytes,
        ws_per_message_deflate=False,  # a few bytes must not become many
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(limits.drain_seconds)),
    )
    asyncio.run(Server(config, limits, on_ready).serve([listener]))


class Server(uvicorn.Server):
    """uvicorn's server, with a sweep over its connections and an end that drops nothing."""

    def __init__(self, config: uvicorn.Config, limits: Limits, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._limits, self._on_ready = limits, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start with a door of ours in place of asyncio's, which knows no places, and begin to sweep."""
        await super().startup([])
        connections = self.server_state.connections
        n_places, turn_away = places(self._limits), refusal(503, BUSY)
        self._doors = [
            Door(listener, self._seat, lambda: connections, n_places, turn_away)  # type: ignore[arg-type,return-value]
            for listener in sockets or []
        ]
        for listener in sockets or []:
            listener.setblocking(False)
        for door in self._doors:
            door.open()
        self._sweeping = asyncio.create_task(sweep(connections, SWEEP_SECONDS))
        self._on_ready()
        logger.info("serving", extra={"fields": {"url": [url_of(one) for one in sockets or []]}})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in who already waits at the door, answer everybody, and end."""
        n_connections = len(self.server_state.connections)
        logger.info("draining", extra={"fields": {"connections": n_connections}})
        for door in self._doors:
            await door.close()
        await super().shutdown([])
        self._sweeping.cancel()
        logger.info("stopped", extra={"fields": {}})

    def _seat(self, connection: socket.socket) -> asyncio.Protocol:
        """Make the protocol of a connection."""
        kind: Any = self.config.http_protocol_class
        made: GuardedProtocol = kind(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        made.socket = connection
        return made

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in order on SIGTERM and Ctrl-C, and at once when told again; the exit status stays 0."""
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at once when told again."""
        self.force_exit = self.should_exit
        self.should_exit = True
