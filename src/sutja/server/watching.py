"""Around every request: what is counted, what is logged, and the headers that every answer has."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sutja.server.access import own_path
from sutja.server.pool import Places
from sutja.server.refusals import busy

logger = logging.getLogger("sutja.server")

PAGE_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",  # an address may hold a token
    "X-Content-Type-Options": "nosniff",
}
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)


class Meters:
    """What the service counts, for Prometheus. Never labels or probabilities: they are what somebody said."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "sutja_requests", "Requests answered", ["method", "path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "sutja_request_seconds", "From the headers to the answer", ["path"], buckets=SECONDS, registry=self.registry
        )
        self.clips = Counter("sutja_clips", "Recordings heard", ["outcome"], registry=self.registry)
        self.words = Counter("sutja_stream_words", "Words found in streams", registry=self.registry)

    def show(self, name: str, description: str, places: Places) -> None:
        """Show how many of some places are taken, and how many there are."""
        Gauge(name, description, registry=self.registry).set_function(lambda: places.n_taken)
        Gauge(f"{name}_limit", f"{description}, at most", registry=self.registry).set(places.limit)

    def text(self) -> bytes:
        """Write them in Prometheus's format."""
        return generate_latest(self.registry)


TAKES = "/v1/teach/takes/"


class Watch:
    """Counts, times and logs each request, and adds the headers that make browsers careful.

    Parameters
    ----------
    app
        That answers.
    meters
        That count.
    paths
        That are counted by their name; others are counted together, so that nobody can make up names without end.

    """

    def __init__(self, app: ASGIApp, meters: Meters, paths: Collection[str]) -> None:
        self.app = app
        self.meters = meters
        self.paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and watch it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"].endswith("http.response.start"):  # also what a refused WebSocket is answered
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.close" and status == 500:
                status = 403
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except asyncio.CancelledError:  # the service ends, and has waited for it as long as it was told to
            if scope["type"] != "http" or status != 500:
                raise
            await busy()(scope, receive, watched)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method, path = scope.get("method", "WS"), _without_names(own_path(scope))
        counted = path if path in self.paths else "/static/" if path.startswith("/static/") else "other"
        method = method if method in ("GET", "HEAD", "POST", "OPTIONS", "WS") else "other"
        self.meters.requests.labels(method, counted, str(status)).inc()
        if scope["type"] == "http":  # a stream lasts as long as somebody speaks
            self.meters.seconds.labels(counted).observe(seconds)
        fields = {
            "method": method,
            "path": path[:200],
            "status": status,
            "milliseconds": round(1000 * seconds, 2),
            "client": (scope.get("client") or [None])[0],
        }
        logger.info("request", extra={"fields": fields})


def _without_names(path: str) -> str:
    """Leave out what people are called: the names of takes hold speakers and words.

    >>> _without_names("/v1/teach/takes/stop/anna_001.wav")
    '/v1/teach/takes/...'
    """
    return f"{TAKES}..." if path.startswith(TAKES) else path
