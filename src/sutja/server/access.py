"""Who may ask: the names that the service answers to, the pages that may use it, the token."""

from __future__ import annotations

import hmac
import re
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sutja.server.refusals import refused
from sutja.server.settings import Access

# The page itself and what a monitor asks; nothing that somebody said, nothing that costs much.
OPEN_PATHS = ("/", "/teach", "/health", "/docs", "/openapi.json")
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
        is_known = not self.access.hosts or host_name(hosts[0]) in self.access.hosts
        if not (is_known and _HOST.fullmatch(hosts[0])):
            expected = ", ".join(self.access.hosts) or "a name and perhaps a port"
            message = f"Host {hosts[0][:100]!r} is not this service; expected {expected}"
            return refused(421, f"{message}; start it with --allow-host if the name is yours")
        origin = headers.get("origin")
        if _acts(scope) and origin is not None and not self._may_ask(origin, _scheme(scope, headers), hosts[0]):
            message = f"a page of {origin[:100]!r} asks; expected the service's own page"
            return refused(403, f"{message}; start it with --allow-origin to let that page in")
        if self.access.token is not None and not _is_open(own_path(scope)):
            return self._token_refusal(scope, headers, self.access.token)
        return None

    def _may_ask(self, origin: str, scheme: str, host: str) -> bool:
        return _whole(origin) == _whole(f"{scheme}://{host}") or origin in self.access.origins

    def _token_refusal(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scope["type"] == "websocket" and not given:  # browsers cannot send headers with a WebSocket
            scheme, given = "bearer", (parse_qs(scope["query_string"].decode("latin-1")).get("token") or [""])[0]
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
            return None
        message = "no token, or a wrong one; expected the header `Authorization: Bearer TOKEN` (a WebSocket: ?token=)"
        return refused(401, f"{message}; ask whoever runs the service", {"WWW-Authenticate": "Bearer"})


_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@/?#\s]+)(:\d{0,5})?")
_PORTS = {"http": "80", "https": "443"}


def _scheme(scope: Scope, headers: Headers) -> str:
    """Return how the client's page was fetched: a proxy in front may speak https where the service does not.

    Pages elsewhere cannot send this header unasked: it is none of those that browsers let them.
    """
    told = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    spoken = "https" if scope["scheme"] in ("https", "wss") else "http"
    return told if told in _PORTS else spoken


def _whole(origin: str) -> str:
    """Write an origin with its port, also where that goes without saying.

    >>> _whole("https://Example.org"), _whole("http://[::1]:8765")
    ('https://example.org:443', 'http://[::1]:8765')
    """
    scheme, _, host = origin.lower().partition("://")
    name, colon, port = host.rpartition(":")
    has_port = colon and port.isdecimal()
    return f"{scheme}://{name if has_port else host}:{port if has_port else _PORTS.get(scheme, '')}"


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
