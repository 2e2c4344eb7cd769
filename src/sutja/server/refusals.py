"""How the service says no: one sentence as JSON, with the status that fits."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sutja.errors import AudioError
from sutja.server.answers import to_json

RETRY_AFTER_SECONDS = 1
KIND = "Sutja-Refusal"
BUSY = "the service has as much work as it can take; expected a pause; try again in a second"


def refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with what was found, what was expected and what to do."""
    return Response(to_json({"error": message}), status, headers, media_type="application/json")


def unusable(error: AudioError) -> Response:
    """Answer that a recording cannot be used, and why: to people in a sentence, to programs in a word."""
    return refused(422, str(error), {KIND: error.kind})


def busy() -> Response:
    """Answer that there is no place left."""
    return refused(503, BUSY, {"Retry-After": str(RETRY_AFTER_SECONDS)})


async def error_response(request: Request, error: Exception) -> Response:
    """Turn an error that was raised for the client into its answer."""
    assert isinstance(error, HTTPException)
    path = request.url.path[:100]
    messages = {404: f"{path}: no such page; expected one of those that /docs lists"}
    messages[405] = f"{request.method} {path}: no such method here; expected one that /docs lists"
    message = error.detail if ";" in error.detail else messages.get(error.status_code, error.detail)
    return refused(error.status_code, message, error.headers)
