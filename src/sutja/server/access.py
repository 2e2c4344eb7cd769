"""Who may ask: the names that the service answers to, the pages that may use it, the token."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sutja.server.refusals import refused
from sutja.server.settings import Access

# The page itself and what a monitor asks; nothing that somebody said, nothing that costs much.
OPEN_PATHS = ("/", "/health", "/docs", "/openapi.json")
OPEN_FOLDER = "/static/"


class Guard:
    """Turns away what may not ask, before anything of it is read."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            return refused(400, f"{len(hosts)} Host headers; expected one; correct the request")
        if self.access.hosts and host_name(hosts[0]) not in self.access.hosts:
            message = f"Host {hosts[0][:100]!r} is not this service; expected {', '.join(self.access.hosts)}"
            return refused(421, f"{message}; start it with --allow-host if the name is yours")
        origin = headers.get("origin")
        if _acts(scope) and origin is not None and not self._may_ask(origin, hosts[0]):
            message = f"a page of {origin[:100]!r} asks; expected the service's own page"
            return refused(403, f"{message}; start it with --allow-origin to let that page in")
        if self.access.token is not None and not _is_open(own_path(scope)):
            return self._token_refusal(scope, headers, self.access.token)
        return None

    def _may_ask(self, origin: str, host: str) -> bool:
        return origin.partition("://")[2].lower() == host.lower() or origin in self.access.origins

    def _token_refusal(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scope["type"] == "websocket" and not given:  # browsers cannot send headers with a WebSocket
            scheme, given = "bearer", (parse_qs(scope["query_string"].decode("latin-1")).get("token") or [""])[0]
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
            return None
        message = "no token, or a wrong one; expected the header `Authorization: Bearer TOKEN` (a WebSocket: ?token=)"
        return refused(401, f"{message}; ask whoever runs the service", {"WWW-Authenticate": "Bearer"})


def own_path(scope: Scope) -> str:
    """Return a request's path as the service names it, without the prefix that it may stand below.

    >>> own_path({"path": "/sutja/health", "root_path": "/sutja"}), own_path({"path": "/health"})
    ('/health', '/health')
    """
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def host_name(host: str) -> str:
    """Return the name in a Host header, in lower case, without its port.

    >>> host_name("LocalHost:8765"), host_name("[::1]:8765"), host_name("[::1]")
    ('localhost', '[::1]', '[::1]')
    """
    name, colon, port = host.rpartition(":")
    return (name if colon and not port.endswith("]") else host).lower()


def _acts(scope: Scope) -> bool:
    """Whether a request makes the service work, so that a page elsewhere must not send it unasked."""
    return scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)
