"""How the service says no: one sentence as JSON, with the status that fits."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sutja.errors import AudioError
from sutja.server.answers import to_json
from sutja.texts import LANGUAGES, Language
from sutja.texts.phrases import current, retold, speaking_in

RETRY_AFTER_SECONDS = 1
KIND = "Sutja-Refusal"
BUSY = "the service has as much work as it can take; expected a pause; try again in a second"


def refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with what was found, what was expected and what to do."""
    told = {"Content-Language": current(), **(headers or {})}
    return Response(to_json({"error": retold(message)}), status, told, media_type="application/json")


def unusable(error: AudioError) -> Response:
    """Answer that a recording cannot be used, and why: to people in a sentence, to programs in a word."""
    return refused(422, str(error), {KIND: error.kind})


def busy() -> Response:
    """Answer that there is no place left."""
    return refused(503, BUSY, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def language_asked(accepted: str) -> Language:
    """Return the first of our languages in a header Accept-Language; English where it has none.

    >>> language_asked("ko-KR,ko;q=0.9,en;q=0.8"), language_asked("de, en;q=0.5, ko;q=0.4"), language_asked("")
    ('ko', 'en', 'en')
    """
    named = [part.partition(";")[0].strip().lower()[:2] for part in accepted[:200].split(",")]
    known: list[Language] = [language for name in named for language in LANGUAGES if language == name]
    return known[0] if known else "en"


class Speaking:
    """Lets refusals speak the language that is asked for; browsers name their own, our page the one it shows."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        with speaking_in(language_asked(Headers(scope=scope).get("accept-language", ""))):
            await self.app(scope, receive, send)


async def error_response(request: Request, error: Exception) -> Response:
    """Turn an error that was raised for the client into its answer."""
    assert isinstance(error, HTTPException)
    path = request.url.path[:100]
    messages = {404: f"{path}: no such page; expected one of those that /docs lists"}
    messages[405] = f"{request.method} {path}: no such method here; expected one that /docs lists"
    message = error.detail if ";" in error.detail else messages.get(error.status_code, error.detail)
    return refused(error.status_code, message, error.headers)
