"""The routes: each reads what it was sent, asks the predictor, and tells what it said."""

from __future__ import annotations

import contextlib
import mimetypes
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from sutja.errors import AudioError, BundleError, ConfigError
from sutja.predictor import Examination, Predictor
from sutja.server import answers, docs, lessons, openapi, streaming, uploads
from sutja.server.access import Guard
from sutja.server.answers import Wanted, to_json
from sutja.server.lessons import Lessons
from sutja.server.pool import Busy, Places, Pool
from sutja.server.refusals import BUSY, Speaking, busy, error_response, refused, unusable
from sutja.server.settings import Access, Limits
from sutja.server.watching import Meters, Watch
from sutja.texts.phrases import retold
from sutja.transcription import Transcriber
from sutja.workshop import Workshop

STATIC = Path(__file__).parents[1] / "page"
mimetypes.add_type("text/javascript", ".js")  # Windows may have been told otherwise, and browsers are told not to guess
CLIENT_GONE = 499  # nobody reads it; the log and the meters do
LINES = "application/x-ndjson"

Result = TypeVar("Result")


class Service:
    """What the routes share: the model, its limits, and who is being served."""

    def __init__(
        self, predictor: Predictor, name: str | os.PathLike[str], limits: Limits, *, teaching: bool = False
    ) -> None:
        self.limits, self.teaching = limits, teaching
        self.answer_with(predictor, name)
        self.pool = Pool(limits.n_threads)
        self.waiting, self.streams = Places(limits.n_waiting), Places(limits.n_streams)
        self.held = Places(limits.held_bytes)
        self.meters = Meters()
        self.meters.show("sutja_waiting", "Requests that are worked on or wait for their turn", self.waiting)
        self.meters.show("sutja_streams", "Open microphones", self.streams)
        self.meters.show("sutja_held_bytes", "Of uploads in memory", self.held)

    def answer_with(self, predictor: Predictor, name: str | os.PathLike[str]) -> None:
        """Let a model answer from now on; requests that were begun end with the one that they began with."""
        self.card = answers.model_card(predictor, name, self.limits, teaching=self.teaching)
        self.document = openapi.document(self.limits, list(predictor.labels), teaching=self.teaching)
        self.predictor = predictor
        self.transcriber = None if predictor.bundle.strings is None else Transcriber(predictor)

    async def ask(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Call the predictor in its threads, and count how it went.

        Raises
        ------
        AudioError
            When the recording cannot be used.

        """
        try:
            result = await self.pool.run(function, self.predictor, *arguments)
        except AudioError:
            self.meters.clips.labels("unusable").inc()
            raise
        self.meters.clips.labels("heard").inc()
        return result


def create_app(
    predictor: Predictor,
    name: str | os.PathLike[str] = "model",
    *,
    limits: Limits | None = None,
    access: Access | None = None,
    workshop: Workshop | None = None,
) -> Starlette:
    """Make the application (ASGI).

    Parameters
    ----------
    predictor
        That answers.
    name
        Of its model, for `/model`.
    limits
        How much the service takes on.
    access
        Who may ask; programs on this machine when not given.
    workshop
        Where words can be taught, if they can.

    """
    access = access or Access()
    service = Service(predictor, name, limits or Limits(), teaching=workshop is not None)
    cors = [Middleware(CORSMiddleware, **_cors(access))] if access.origins else []

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.pool.open()
        yield
        service.pool.close()

    app = Starlette(
        routes=[*(lessons.routes() if workshop else ()), *_routes()],
        middleware=[
            Middleware(Speaking),
            Middleware(Watch, meters=service.meters, paths=[*_paths(), *(lessons.paths() if workshop else ())]),
            *cors,
            Middleware(Guard, access=access),
        ],
        exception_handlers={
            HTTPException: error_response,
            Busy: lambda *_: busy(),
            AudioError: lambda _, error: unusable(error),
            ClientDisconnect: lambda *_: Response(status_code=CLIENT_GONE),
            Exception: lambda *_: refused(500, "a fault of the service; nothing that you can do; see its log"),
        },
        lifespan=lifespan,
    )
    app.state.service = service
    if workshop is not None:
        app.state.lessons = Lessons(workshop, predictor)
    return app


def _routes() -> list[Any]:
    return [
        Route("/", page),
        Route("/static/index.html", page_elsewhere),
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/health", health),
        Route("/model", model),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi_document),
        Route("/docs", documentation),
        Route("/v1/predict", predict, methods=["POST"]),
        Route("/v1/predict/batch", predict_batch, methods=["POST"]),
        Route("/v1/transcribe", transcribe, methods=["POST"]),
        WebSocketRoute("/v1/stream", stream),
        WebSocketRoute("/{path:path}", no_stream),
    ]


def _paths() -> list[str]:
    return [route.path for route in _routes() if not route.path.startswith(("/static", "/{"))]


def _cors(access: Access) -> dict[str, Any]:
    return {
        "allow_origins": access.origins,
        "allow_methods": ["GET", "POST", "DELETE"],
        "allow_headers": ["Authorization", "Content-Type"],
    }


def _service(asked: Request | WebSocket) -> Service:
    service: Service = asked.app.state.service
    return service


def _json(value: Any) -> Response:
    return Response(to_json(value), media_type="application/json")


async def page(_: Request) -> Response:
    """Give the page that listens to a microphone."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


async def page_elsewhere(_: Request) -> Response:
    """Lead to the page from its file: it names its parts and the service relative to where it stands."""
    return RedirectResponse("..")


async def health(_: Request) -> Response:
    """Say that the service answers."""
    return _json({"status": "ok"})


async def model(request: Request) -> Response:
    """Tell what the model is and what it takes."""
    return _json(_service(request).card)


async def metrics(request: Request) -> Response:
    """Give what was counted, as Prometheus reads it."""
    return Response(_service(request).meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def openapi_document(request: Request) -> Response:
    """Give the description of this service that programs read."""
    return _json(_service(request).document)


async def documentation(request: Request) -> Response:
    """Give the description of this service that people read."""
    text, policy = docs.page(_service(request).document)
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": policy})


async def predict(request: Request) -> Response:
    """Say what one recording is; to who takes lines, first the answer and then what takes longer."""
    service, wanted = _service(request), _wanted(request)
    async with uploads.one(request, service.limits, service.held) as upload:
        with service.waiting.taken():
            if not _takes_lines(request):
                return Response(await service.ask(_answer, upload.content, wanted), media_type="application/json")
            line, examination = await service.ask(_first_line, upload.content, wanted)
    lines = _lines(service, line, examination if wanted.explain else None)
    return StreamingResponse(lines, media_type=LINES, headers={"X-Accel-Buffering": "no"})  # nginx would keep the first


async def predict_batch(request: Request) -> Response:
    """Say what each of several recordings is; one that cannot be used gives its error in its place."""
    service, wanted = _service(request), _wanted(request)
    async with uploads.several(request, service.limits, service.held) as files:
        with service.waiting.taken():
            predictions = [await _answer_or_error(service, upload, wanted) for upload in files]
    return Response(b'{"predictions":[' + b",".join(predictions) + b"]}", media_type="application/json")


async def transcribe(request: Request) -> Response:
    """Say which words are said in a row in one recording, and when."""
    service = _service(request)
    async with uploads.one(request, service.limits, service.held) as upload:
        asked = [_either(request, upload, name) for name in ("length", "strings")]
        try:
            strings = answers.asked_strings(service.transcriber, *asked)
        except (ConfigError, BundleError) as error:
            raise HTTPException(422, str(error)) from error
        with service.waiting.taken():
            content = await service.ask(_transcript, upload.content, strings)
    return Response(content, media_type="application/json")


def _either(request: Request, upload: uploads.Upload, name: str) -> str | None:
    """Return what the address or the form says, which must not contradict each other."""
    values = {where[name] for where in (request.query_params, upload.fields) if name in where}
    if len(values) > 1:
        raise HTTPException(422, f"the address and the form say another {name}; expected one; correct either")
    return values.pop() if values else None


def _transcript(predictor: Predictor, content: bytes, strings: answers.AskedStrings) -> bytes:
    return to_json(answers.transcript(strings, content, predictor.bundle.audio.max_seconds))


def _answer(predictor: Predictor, content: bytes, wanted: Wanted, name: str | None = None) -> bytes:
    named = {} if name is None else {"file": name}
    return to_json(named | answers.answer(predictor, content, wanted))


async def _answer_or_error(service: Service, upload: uploads.Upload, wanted: Wanted) -> bytes:
    try:
        return await service.ask(_answer, upload.content, wanted, upload.name)
    except AudioError as error:
        return to_json({"file": upload.name, "error": retold(str(error))})


def _takes_lines(request: Request) -> bool:
    """Whether a client takes lines rather than one object; who takes anything gets the object."""
    return LINES in request.headers.get("accept", "").lower()


def _first_line(predictor: Predictor, content: bytes, wanted: Wanted) -> tuple[bytes, Examination]:
    examination = predictor.examine(content)
    return to_json(answers.examined(predictor, examination, wanted)) + b"\n", examination


def _explanation(predictor: Predictor, examination: Examination) -> bytes:
    return to_json(answers.explanation(predictor, examination)) + b"\n"


async def _lines(service: Service, line: bytes, examination: Examination | None) -> AsyncIterator[bytes]:
    """Give the answer, and then the explanation of what was examined, for which nothing is uploaded or decoded again.

    Between the two the request has no place among those who wait, so that a client that does not read holds up nobody.
    """
    yield line
    if examination is None:
        return
    try:
        with service.waiting.taken():
            line = await service.pool.run(_explanation, service.predictor, examination)
    except Busy:  # the status is sent, and the answer with it
        line = to_json({"error": retold(BUSY)}) + b"\n"
    yield line


def _wanted(request: Request) -> Wanted:
    return Wanted(features=_flag(request, "features"), explain=_flag(request, "explain"))


def _flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise HTTPException(422, f"{name}={value[:30]}; expected true or false; correct the address")
    return value == "true"


async def no_stream(socket: WebSocket) -> None:
    """Say to a WebSocket that nobody listens there."""
    message = f"{socket.url.path[:100]}: no stream; expected /v1/stream, as /docs says; correct the address"
    await socket.send_denial_response(refused(404, message))


async def stream(socket: WebSocket) -> None:
    """Listen to a microphone and tell of each word."""
    service = _service(socket)
    try:
        service.streams.take()
    except Busy:
        await socket.send_denial_response(busy())
        return
    try:
        idle = service.limits.stream_idle_seconds
        await streaming.converse(
            socket,
            service.predictor,
            service.pool,
            transcriber=service.transcriber,
            idle_seconds=idle,
            on_word=service.meters.words.inc,
        )
    finally:
        service.streams.give_back()
