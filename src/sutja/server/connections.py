"""HTTP connections as uvicorn speaks them, with what it leaves to others: limits on time, size and number.

Without them a client that sends half a header keeps its connection for ever, and ten thousand that send nothing keep
everybody else out.

uvicorn promises none of what this leans on, so ``pyproject.toml`` admits the one minor release that was tried, and
``tests/test_uvicorn.py`` says which name is gone in another:

- ``HttpToolsProtocol``: ``app``, ``connections``, ``cycle``, ``loop``, ``parser``, ``pipeline``, ``transport``,
  ``connection_made``, ``data_received``, ``on_message_begin``, ``on_url``, ``on_header``, ``on_headers_complete``,
  ``on_message_complete``, ``on_response_complete``, ``send_400_response``, ``shutdown``,
  ``_unset_keepalive_if_required``
- ``RequestResponseCycle``: ``keep_alive``, ``more_body``, ``scope``, ``transport``
- ``WebSocketsSansIOProtocol``: ``close_sent``, ``data_received``, ``handshake_complete``, ``handshake_initiated``,
  ``loop``, ``send``, ``shutdown``, ``stop_keepalive``, ``transport``, ``writable``
"""

from __future__ import annotations

import asyncio
import enum
from collections import Counter
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sutja.server.answers import to_json
from sutja.server.refusals import BUSY, RETRY_AFTER_SECONDS
from sutja.server.settings import Limits

HANDSHAKE_SECONDS = 10.0  # that a WebSocket may take to begin; it waits for the application alone
LINGER_SECONDS = 2.0  # that a client gets to read its refusal while it still sends
CLOSING_SECONDS = 5.0  # to take the last bytes of an answer
STALLED_SECONDS = 1.0  # without a byte of the body that a request still owes, where others wait for a place
DRAIN_GRACE_SECONDS = 0.25  # for requests that are on their way when the service is told to stop


class Phase(enum.Enum):
    """What a connection is doing."""

    SILENT = "between requests"
    HEADERS = "sending a request's headers"
    REQUEST = "being served"
    LINGERING = "answered, and still sending"


class GuardedProtocol(HttpToolsProtocol):
    """One connection. :func:`sweep` asks it now and then whether its time is up.

    Made by :func:`guarded`, which gives it its limits.
    """

    limits: Limits

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.app = self._politely(self.app)
        self.phase, self.since = Phase.SILENT, self.loop.time()
        self.heard = self.since  # when the last byte came
        self.is_draining = False
        self._wants_close = False
        self._awaits_headers, self._n_header_bytes = True, 0
        self._closing_since: float | None = None

    # -- what the connection does -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in; where all places are taken, the one that was silent for longest goes."""
        super().connection_made(transport)
        n_open = sum(not other.transport.is_closing() for other in self.connections)
        if n_open > self.limits.n_connections and not self._makes_room():
            self._refuse(503, BUSY)

    def data_received(self, data: bytes) -> None:
        """Count what comes before the headers are complete, and parse."""
        if self.transport.is_closing() or self.parser is None:
            return
        self.heard = self.loop.time()
        if self.phase is Phase.SILENT:
            self._enter(Phase.HEADERS)
        if self._awaits_headers:
            self._n_header_bytes += len(data)
        super().data_received(data)
        if self._awaits_headers and self._n_header_bytes > self.limits.header_bytes:
            if self.phase is Phase.HEADERS:
                self._refuse_headers()
            else:  # another answer is on its way, and this one would stand in the middle of it
                self.transport.abort()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._n_named_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, also one after a chunked body."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to serve."""
        self._awaits_headers = False
        self._enter(Phase.REQUEST)
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self.cycle.transport = _Lingering(self)  # type: ignore[assignment]
            self.cycle.keep_alive = self.cycle.keep_alive and not self.is_draining

    def on_message_complete(self) -> None:
        """Note that all of the request is here."""
        self._awaits_headers, self._n_header_bytes = True, 0
        super().on_message_complete()
        if self.phase is Phase.LINGERING:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        is_next_here = bool(self.pipeline)
        super().on_response_complete()
        if not self._wants_close:
            self._unset_keepalive_if_required()  # `check` does that
            self._enter(Phase.REQUEST if is_next_here else Phase.SILENT)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        if self._n_named_bytes > self.limits.header_bytes:
            self._refuse_headers()
        else:
            self._refuse(400, "what came is not HTTP; expected an HTTP/1.1 request; correct the client")

    # -- when its time is up ------------------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Close the connection, or cut it off, when it has had its time."""
        waited = now - self.since
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            if now - self._closing_since > CLOSING_SECONDS:
                self.transport.abort()
        elif self.phase is Phase.SILENT and waited > self.limits.idle_seconds:
            self.transport.close()
        elif self.phase is Phase.HEADERS and waited > self.limits.header_seconds:
            message = f"the headers were not there after {self.limits.header_seconds:g} s; expected them faster"
            self._refuse(408, f"{message}; send the request again")
        elif (self.phase is Phase.LINGERING and waited > LINGER_SECONDS) or (
            self.phase is Phase.REQUEST and waited > self.limits.request_seconds
        ):
            self.transport.abort()

    def shutdown(self) -> None:
        """Answer what is here or on its way, then close."""
        self.is_draining = True
        if self.phase is Phase.REQUEST:
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(DRAIN_GRACE_SECONDS, self._close_unless_serving)

    def _close_unless_serving(self) -> None:
        if self.phase is not Phase.REQUEST and not self.transport.is_closing():
            self.transport.close()

    def _makes_room(self) -> bool:
        """Close the connection that has been silent for longest; whether there was one."""
        silent = [
            other
            for other in self.connections
            if isinstance(other, GuardedProtocol)
            and other is not self
            and other.phase in (Phase.SILENT, Phase.HEADERS)
            and not other.transport.is_closing()
        ]
        if not silent:
            return self._ends_a_stalled_body()
        min(silent, key=lambda other: other.since).transport.abort()
        return True

    def _ends_a_stalled_body(self) -> bool:
        """Cut off the upload that came to a halt, of the client that holds the most places; whether there was one.

        A client that holds half of the places has no claim to be waited for.
        """
        held = Counter(_address(other) for other in self.connections)
        stalled = [
            other
            for other in self.connections
            if isinstance(other, GuardedProtocol)
            and other.phase in (Phase.REQUEST, Phase.LINGERING)
            and other.cycle.more_body
            and not other.transport.is_closing()
            and (
                self.loop.time() - other.heard > STALLED_SECONDS
                or held[_address(other)] > self.limits.n_connections / 2
            )
        ]
        if not stalled:
            return False
        min(stalled, key=lambda other: (-held[_address(other)], other.heard)).transport.abort()
        return True

    # -- ways to say no -----------------------------------------------------------------------------------------------

    def _count(self, n_bytes: int) -> None:
        self._n_named_bytes += n_bytes
        if self._n_named_bytes > self.limits.header_bytes:
            raise ValueError("the headers are too long")  # the parser stops, and `send_400_response` tells

    def _refuse_headers(self) -> None:
        message = f"more than {self.limits.header_bytes} bytes of headers"
        self._refuse(431, f"{message}; expected at most that; send fewer or shorter ones")

    def _refuse(self, status: int, message: str) -> None:
        """Answer without the application, and close."""
        self.transport.write(refusal(status, message))
        self.transport.close()

    # -- closing in order ---------------------------------------------------------------------------------------------

    def _enter(self, phase: Phase) -> None:
        self.phase, self.since = phase, self.loop.time()

    def _politely(self, app: Any) -> Any:
        """Say `Connection: close` in answers to requests whose body nobody will read."""

        async def polite(scope: Scope, receive: Receive, send: Send) -> None:
            async def announced(message: Message) -> None:
                if message["type"] == "http.response.start" and self.cycle.scope is scope and self.cycle.more_body:
                    self.cycle.keep_alive = False
                await send(message)

            await app(scope, receive, announced)

        return polite

    def close_when_sent(self) -> None:
        """Close after an answer. A client that still sends would lose the answer, so it is heard out for a while."""
        if not self.cycle.more_body:
            self.transport.close()
            return
        self._wants_close = True
        self._enter(Phase.LINGERING)
        if self.transport.can_write_eof():
            self.transport.write_eof()


class _Lingering:
    """A connection's transport as an answer sees it: closing waits until the client can have read the answer."""

    def __init__(self, connection: GuardedProtocol) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection.transport, name)

    def close(self) -> None:
        self._connection.close_when_sent()


def _address(connection: Any) -> str:
    """Return whose connection it is: of IPv6 the network, of which one client has all addresses."""
    host: str = (connection.client or ("",))[0]
    return ":".join(host.split(":")[:4]) if ":" in host else host


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket, which is cut off when it does not take what it is sent, and refused when it cannot begin."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._stuck_since: float | None = None
        self._made_at = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Take what came; the first is the whole handshake, and one that cannot be read would never be answered."""
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self._refuse(
                400, "the handshake cannot be read; expected few short headers and no body; correct the client"
            )

    def shutdown(self) -> None:
        """Say that the service ends; to who has not begun, in HTTP."""
        if self.handshake_complete:
            super().shutdown()
        else:
            self._refuse(503, BUSY)

    def _refuse(self, status: int, message: str) -> None:
        self.stop_keepalive()
        self.close_sent = self.handshake_complete = True
        self.transport.write(refusal(status, message))
        self.transport.close()

    async def send(self, message: Any) -> None:
        """Send; a refusal instead of a handshake ends the handshake too, which uvicorn would log as a fault."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def check(self, now: float) -> None:
        """Cut it off when it has been beginning, closing or stuck for too long."""
        if not self.handshake_complete and now - self._made_at > HANDSHAKE_SECONDS:
            self.transport.abort()
        if not self.transport.is_closing() and self.writable.is_set():
            self._stuck_since = None
            return
        self._stuck_since = self._stuck_since or now
        if now - self._stuck_since > 2 * CLOSING_SECONDS:
            self.transport.abort()


def refusal(status: int, message: str) -> bytes:
    """Write an answer without the application, as it goes over the wire; the connection closes behind it."""
    body = to_json({"error": message})
    headers = [b"content-type: application/json", b"content-length: %d" % len(body), b"connection: close"]
    headers += [b"retry-after: %d" % RETRY_AFTER_SECONDS] if status == 503 else []
    return bytes(STATUS_LINE[status] + b"\r\n".join([*headers, b"", body]))


def guarded(limits: Limits) -> type[GuardedProtocol]:
    """Return the protocol with its limits, as uvicorn makes it by itself."""
    return type("Guarded", (GuardedProtocol,), {"limits": limits})


async def sweep(connections: set[Any], every_seconds: float) -> None:
    """Ask every connection now and then whether its time is up."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(every_seconds)
        for connection in list(connections):
            connection.check(loop.time())
