"""HTTP connections as uvicorn speaks them, with what it leaves to others: limits on time, size and number.

Without them a client that sends half a header keeps its connection for ever, and ten thousand that send nothing keep
everybody else out.

uvicorn promises none of what this leans on, so ``pyproject.toml`` admits the one minor release that was tried, and
``tests/test_uvicorn.py`` says which name is gone in another:

- ``HttpToolsProtocol``: ``app``, ``client``, ``cycle``, ``flow``, ``headers``, ``loop``, ``parser``, ``pipeline``,
  ``transport``, ``connection_made``, ``data_received``, ``on_body``, ``on_message_begin``, ``on_url``, ``on_header``,
  ``on_headers_complete``, ``on_message_complete``, ``on_response_complete``, ``pause_writing``,
  ``send_400_response``, ``shutdown``,  ``_unset_keepalive_if_required``
- ``RequestResponseCycle``: ``body``, ``keep_alive``, ``more_body``, ``scope``, ``transport``
- ``WebSocketsSansIOProtocol``: ``client``, ``close_sent``, ``conn``, ``connection_made``, ``data_received``,
  ``handle_cont``, ``handle_ping``, ``handle_pong``, ``handshake_complete``, ``handshake_initiated``, ``loop``,
  ``queue``, ``read_paused``, ``receive``, ``send``, ``shutdown``, ``stop_keepalive``, ``transport``, ``writable``
"""

from __future__ import annotations

import asyncio
import enum
import socket
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from sutja.server.admission import Standing, network, peeked
from sutja.server.answers import to_json
from sutja.server.refusals import BUSY, RETRY_AFTER_SECONDS
from sutja.server.settings import Limits

HANDSHAKE_SECONDS = 10.0  # that a WebSocket may take to begin; it waits for the application alone
LINGER_SECONDS = 2.0  # that a client gets to read its refusal while it still sends
CLOSING_SECONDS = 5.0  # to take the last bytes of an answer
STALLED_SECONDS = 5.0  # that a request may owe its end without going on, when the service is told to stop
CATCH_UP_SHARE = 0.5  # of the drain, for requests that were sent one behind the other before
PROGRESS_BYTES = 16 * 2**10  # of a body that count as going on with it
# Read at a time, so that what one client sends cannot keep the others waiting, nor fill the memory with requests.
SLICE_BYTES = 2 * 2**10
BODY_SLICE_BYTES = 64 * 2**10  # of a body whose length was said
N_SMALL = 1_000  # pieces of a body, beside one for so many bytes:
SMALL_BYTES = 64
N_IDLE_FRAMES = 200  # frames of a WebSocket that bring no sound, beside so many a second:
IDLE_FRAMES_PER_SECOND = 50.0
FRAGMENT_BYTES = 256  # of a message in smaller pieces, each is such a frame
TOO_MANY_FRAMES = "more pings or pieces of messages than a microphone has"
POLICY_VIOLATION = 1008
CRUMBS = f"a body in pieces of less than {SMALL_BYTES} bytes; expected larger ones; send it whole"
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
        self.phase, self.entered = Phase.SILENT, self.loop.time()
        self.since = self.entered  # when it last went on
        self.socket: socket.socket | None = None  # to see what has come and was not read
        self.is_draining = False
        self._wants_close = self._has_served = self._is_catching_up = False
        self._unread, self._reading = bytearray(), None  # type: bytearray, asyncio.Handle | None
        self._n_since = self._n_owed = self._n_named_bytes = self._n_pieces = self._n_body_bytes = 0
        self._awaits_headers, self._n_header_bytes = True, 0
        self._closing_since: float | None = None
        self._draining_since = 0.0

    # -- what the connection does -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self.address = network((self.client or ("",))[0])

    def data_received(self, data: bytes) -> None:
        """Take what came, and read the first of it."""
        if self.transport.is_closing() or self.parser is None:
            return
        self._n_since += len(data)
        if self._n_since >= PROGRESS_BYTES:
            self._n_since, self.since = 0, self.loop.time()
        self._unread += data
        if self._reading is None and not self.pipeline:
            self._read()
        else:  # whoever waits for the end of a connection lets uvicorn read on
            self.flow.pause_reading()

    def _read(self) -> None:
        """Read a slice; the rest when the others have had their turn, and this client the answers that it asked for."""
        self._reading = None
        if self.transport.is_closing() or self.parser is None:
            return
        if self.phase is Phase.SILENT:
            self._enter(Phase.HEADERS)
        n_bytes = max(SLICE_BYTES, min(BODY_SLICE_BYTES, self._n_owed))
        data = bytes(self._unread[:n_bytes])
        del self._unread[:n_bytes]
        if self._awaits_headers:
            self._n_header_bytes += len(data)
        super().data_received(data)
        if self._awaits_headers and self._n_header_bytes > self.limits.header_bytes:
            if self.phase is Phase.HEADERS:
                self._refuse_headers()
            else:  # another answer is on its way, and this one would stand in the middle of it
                self.transport.abort()
        self._read_on()

    def _read_on(self) -> None:
        """See to it that what has come is read, once it is its turn, and then what comes."""
        if self.transport.is_closing():
            return
        if self._unread:
            self.flow.pause_reading()
            if self._reading is None and not self.pipeline:
                self._reading = self.loop.call_soon(self._read)
        elif not self.pipeline and (self.cycle is None or len(self.cycle.body) <= HIGH_WATER_LIMIT):
            self.flow.resume_reading()  # uvicorn does so only where an application waits

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._n_named_bytes = self._n_pieces = self._n_body_bytes = 0

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
        length = dict(self.headers).get(b"content-length", b"")
        self._n_owed = int(length[:15]) if length.isdigit() else 0
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self.cycle.transport = _Lingering(self)  # type: ignore[assignment]
            self.cycle.keep_alive = self.cycle.keep_alive and (not self.is_draining or self._is_catching_up)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; one that comes in crumbs is refused, since each costs as much as a whole one."""
        self._n_owed -= len(body)
        self._n_pieces += 1
        self._n_body_bytes += len(body)
        if self._n_pieces > N_SMALL + self._n_body_bytes // SMALL_BYTES:
            raise ValueError(CRUMBS)  # the parser stops, and `send_400_response` tells
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that all of the request is here."""
        self._awaits_headers, self._n_header_bytes, self._n_owed = True, 0, 0
        super().on_message_complete()
        if self.phase is Phase.LINGERING:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        is_next_here = bool(self.pipeline)
        super().on_response_complete()
        self._has_served = True
        if not self._wants_close:
            self._unset_keepalive_if_required()  # `check` does that
            self._enter(Phase.REQUEST if is_next_here else Phase.SILENT)
            self._read_on()
            in_time = self.loop.time() - self._draining_since < CATCH_UP_SHARE * self.limits.drain_seconds
            self._is_catching_up = self._is_catching_up and in_time and self.has_unread()
            if self.is_draining and self.phase is Phase.SILENT:  # the answer did not say that it is the last
                self.loop.call_later(DRAIN_GRACE_SECONDS, self._close_unless_serving)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        if self._n_named_bytes > self.limits.header_bytes:
            self._refuse_headers()
        elif self._n_pieces > N_SMALL:
            self._refuse(400, CRUMBS)
        else:
            self._refuse(400, "what came is not HTTP; expected an HTTP/1.1 request; correct the client")

    def pause_writing(self) -> None:
        """Note that the client does not take its answer."""
        super().pause_writing()
        self.since = self.loop.time()

    # -- when its time is up ------------------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Close the connection, or cut it off, when it has had its time."""
        waited = now - self.entered
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            if now - self._closing_since > CLOSING_SECONDS:
                self.transport.abort()
        elif self.phase is Phase.SILENT and waited > self.limits.idle_seconds:
            self.transport.close()
        elif self.phase is Phase.HEADERS and waited > self.limits.header_seconds:
            message = f"the headers were not there after {self.limits.header_seconds:g} s; expected them faster"
            self._refuse(408, f"{message}; send the request again")
        elif (
            (self.phase is Phase.LINGERING and waited > LINGER_SECONDS)
            or (self.phase is Phase.REQUEST and waited > self.limits.request_seconds)
            or (self.is_draining and self.standing is Standing.OWING and now - self.since > STALLED_SECONDS)
        ):
            self.transport.abort()

    def shutdown(self) -> None:
        """Answer what is here or on its way, then close."""
        self.is_draining, self._draining_since = True, self.loop.time()
        self._is_catching_up = self.has_unread()  # with what was sent before
        if self.phase is Phase.REQUEST:
            self.cycle.keep_alive = self._is_catching_up and self.cycle.keep_alive
        else:
            self.loop.call_later(DRAIN_GRACE_SECONDS, self._close_unless_serving)

    def _close_unless_serving(self) -> None:
        if self.phase is not Phase.REQUEST and not self.transport.is_closing():
            self.transport.close()

    # -- its place ----------------------------------------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        """What would be lost by ending it."""
        if self.transport.is_closing():
            return Standing.LEAVING
        if self.flow.write_paused:
            return Standing.OWING  # it does not take its answer
        if self.phase is Phase.REQUEST and (self.pipeline or not self.cycle.more_body):
            return Standing.WORKED_ON
        return Standing.KEPT if self.phase is Phase.SILENT and self._has_served else Standing.OWING

    def has_unread(self) -> bool:
        """Whether bytes have come that were not read; those of one that does not take its answers do not count."""
        if self.flow.write_paused:
            return False
        return bool(self._unread) or (self.socket is not None and bool(peeked(self.socket)))

    def end(self) -> None:
        """End it at once."""
        self.transport.abort()

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
        self.phase = phase
        self.entered = self.since = self.loop.time()
        self._n_since = 0

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


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket, which is cut off when it does not take what it is sent, and refused when it cannot begin."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._stuck_since: float | None = None
        self.since = self.loop.time()
        self._unread, self._reading = bytearray(), None  # type: bytearray, asyncio.Handle | None
        self._n_idle_frames = 0
        self._is_refused = False

    # -- what the connection does -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self.address = network((self.client or ("",))[0])

    def data_received(self, data: bytes) -> None:
        """Take what came; the first is the whole handshake, and one that cannot be read would never be answered."""
        if self.handshake_initiated:
            self._unread += data
            if self._reading is None:
                self._read()
            return
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self._refuse(
                400, "the handshake cannot be read; expected few short headers and no body; correct the client"
            )

    def _read(self) -> None:
        """Read a slice, unless messages wait to be taken; the rest when the others have had their turn."""
        self._reading = None
        if self.transport.is_closing() or self.read_paused:
            return
        data = bytes(self._unread[:SLICE_BYTES])
        del self._unread[:SLICE_BYTES]
        super().data_received(data)
        if self._n_idle_frames > N_IDLE_FRAMES + IDLE_FRAMES_PER_SECOND * (self.loop.time() - self.since):
            self._refuse_frames()
        self._read_on()

    def _read_on(self) -> None:
        if self.transport.is_closing():
            return
        if self._unread:
            self.transport.pause_reading()
            if self._reading is None and not self.read_paused:
                self._reading = self.loop.call_soon(self._read)
        elif not self.read_paused:
            self.transport.resume_reading()

    async def receive(self) -> Any:
        """Hand a message to the application, and read on."""
        message = await super().receive()
        self._read_on()
        return message

    def handle_ping(self) -> None:
        """Answer, and count."""
        self._n_idle_frames += 1
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take a sign of life, and count."""
        self._n_idle_frames += 1
        super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a piece of a message, and count small ones."""
        self._n_idle_frames += len(event.data) < FRAGMENT_BYTES
        super().handle_cont(event)

    async def send(self, message: Any) -> None:
        """Send; a refusal instead of a handshake ends the handshake too, which uvicorn would log as a fault."""
        if self._is_refused:
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True
        if message["type"] == "websocket.close":
            self._read_on()  # what was not read may hold the other's farewell

    # -- when its time is up ------------------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Cut it off when it has been beginning, closing or stuck for too long."""
        if not self.handshake_complete and now - self.since > HANDSHAKE_SECONDS:
            self.transport.abort()
        if not self.transport.is_closing() and self.writable.is_set():
            self._stuck_since = None
            return
        self._stuck_since = self._stuck_since or now
        if now - self._stuck_since > 2 * CLOSING_SECONDS:
            self.transport.abort()

    def shutdown(self) -> None:
        """Say that the service ends; to who has not begun, in HTTP."""
        if self.handshake_complete:
            super().shutdown()
        else:
            self._refuse(503, BUSY)

    # -- its place ----------------------------------------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        """What would be lost by ending it; how many microphones there may be, others limit."""
        if self.transport.is_closing():
            return Standing.LEAVING
        return Standing.WORKED_ON if self.handshake_complete and not self.close_sent else Standing.OWING

    def has_unread(self) -> bool:
        """Whether bytes have come that were not read: none that count."""
        return False

    def end(self) -> None:
        """End it at once."""
        self.transport.abort()

    # -- ways to say no -----------------------------------------------------------------------------------------------

    def _refuse(self, status: int, message: str) -> None:
        self.stop_keepalive()
        self.close_sent = self.handshake_complete = self._is_refused = True
        self.transport.write(refusal(status, message))
        self.transport.close()

    def _refuse_frames(self) -> None:
        if self.transport.is_closing() or self.close_sent:
            return
        self.stop_keepalive()
        self.conn.fail(POLICY_VIOLATION, TOO_MANY_FRAMES)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": POLICY_VIOLATION})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()


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
