"""Teaching over HTTP: takes in, out and away, a model in a second, and which model answers.

Only where the service was started with a folder for it (`sutja serve --teach FOLDER`). A taught model answers when
somebody says so and not before: it takes the place of the first one whole, for all who ask, and goes back as whole.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from sutja import bundle
from sutja.clips import natural_order
from sutja.errors import ConfigError, DatasetError, DependencyError, RunError
from sutja.files import cannot_write
from sutja.predictor import Predictor
from sutja.server import answers, uploads
from sutja.server.answers import to_json
from sutja.server.refusals import KIND, refused
from sutja.teaching import Taught
from sutja.workshop import Outcome, TakeRefused, Workshop

PAGE = Path(__file__).parents[1] / "page" / "teach.html"
FIRST, TAUGHT = "first", "taught"

Handler = Callable[[Request], Awaitable[Response]]


class Lessons:
    """What is being taught, and which model answers."""

    def __init__(self, workshop: Workshop, first: Predictor) -> None:
        self.workshop, self.first = workshop, first
        self.taught: Outcome | None = None
        self.before, self.before_is = first, FIRST
        """Who answered when it was taught, to try them side by side."""
        self.in_use = FIRST
        self.turn = asyncio.Lock()
        """One writer at a time: two people may teach at once."""

    def standing(self) -> tuple[Predictor, str]:
        """Return the model that answers, and which it is."""
        if self.in_use == TAUGHT and self.taught is not None:
            return self.taught.model, TAUGHT
        return self.first, FIRST

    def state(self) -> dict[str, Any]:
        """Tell what is there, for the page."""
        takes = self.workshop.takes()
        words: dict[str, list[str]] = defaultdict(list)
        for take in takes:
            words[take.label].append(take.speaker)
        return {
            "takes": [asdict(take) for take in takes],
            "words": [
                {"label": label, "n_takes": len(words[label]), "speakers": sorted(set(words[label]))}
                for label in natural_order(words)
            ],
            "taught": None if self.taught is None else told(self.taught),
            "in_use": self.in_use,
        }


def told(outcome: Outcome) -> dict[str, Any]:
    """Tell how good taught words are, and what to do next."""
    model, metrics = outcome.model, outcome.model.metrics
    _, scores = metrics.headline
    refusal = metrics.refusal
    return {
        "labels": list(model.labels),
        "protocol": metrics.protocol,
        "n_clips": metrics.n_clips,
        "n_speakers": metrics.n_speakers,
        "accuracy": scores.accuracy,
        "interval95": scores.interval95,
        "confusion_matrix": scores.confusion_matrix,
        "by_label": {label: asdict(share) for label, share in scores.by_label.items()},
        "refused": refusal.false_reject_rate if refusal else None,
        "others_taken": refusal.false_accept_rate if refusal else None,
        "confused": [asdict(take) for take in outcome.confused],
        "advice": [{"kind": one.kind, "text": one.texts()} for one in metrics.advice],
        "seconds": metrics.seconds,
    }


def routes() -> list[Route]:
    """List the routes of teaching."""
    return [
        Route("/teach", _page),
        Route("/v1/teach", _guarded(_state), methods=["GET"]),
        Route("/v1/teach", _guarded(_teach), methods=["POST"]),
        Route("/v1/teach/takes", _guarded(_add), methods=["POST"]),
        Route("/v1/teach/takes/{name:path}", _guarded(_hear), methods=["GET"]),
        Route("/v1/teach/takes/{name:path}", _guarded(_remove), methods=["DELETE"]),
        Route("/v1/teach/try", _guarded(_try), methods=["POST"]),
        Route("/v1/teach/use", _guarded(_use), methods=["POST"]),
        Route("/v1/teach/model.zip", _guarded(_zip), methods=["GET"]),
        Route("/v1/teach/model.onnx", _guarded(_onnx), methods=["GET"]),
    ]


def paths() -> list[str]:
    """List the paths that are counted by their name: those of takes hold names of people."""
    return [route.path for route in routes() if "{" not in route.path]


def _guarded(handler: Handler) -> Handler:
    """Turn what a workshop refuses into an answer."""

    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except TakeRefused as error:
            return refused(422, str(error), {KIND: error.fault})
        except ConfigError as error:
            return refused(422, str(error), {KIND: "name"})
        except DatasetError as error:
            return refused(422, str(error), {KIND: "too_few" if handler is _teach else "gone"})
        except RunError as error:  # the disk does not take it
            return refused(507, str(error), {KIND: "disk"})
        except DependencyError as error:
            return refused(501, str(error), {KIND: "not_installed"})

    return guarded


def _lessons(request: Request) -> Lessons:
    lessons: Lessons = request.app.state.lessons
    return lessons


async def _in_pool(request: Request, function: Callable[..., Any], *arguments: object) -> Any:
    service = request.app.state.service
    with service.waiting.taken():
        return await service.pool.run(function, *arguments)


async def _page(_: Request) -> Response:
    return FileResponse(PAGE, headers={"Cache-Control": "no-cache"})


async def _state(request: Request) -> Response:
    return _json(await _in_pool(request, _lessons(request).state))


async def _add(request: Request) -> Response:
    service, lessons = request.app.state.service, _lessons(request)
    label, speaker = (_asked(request, name) for name in ("label", "speaker"))
    async with uploads.one(request, service.limits, service.held) as upload, lessons.turn:
        take = await _in_pool(request, lessons.workshop.add, label, speaker, upload.content)
    return _json(asdict(take), 201)


async def _hear(request: Request) -> Response:
    path: Path = await _in_pool(request, _lessons(request).workshop.path, request.path_params["name"])
    return Response(await _in_pool(request, path.read_bytes), media_type="audio/wav")


async def _remove(request: Request) -> Response:
    lessons = _lessons(request)
    async with lessons.turn:
        await _in_pool(request, lessons.workshop.remove, request.path_params["name"])
    return Response(status_code=204)


async def _teach(request: Request) -> Response:
    lessons = _lessons(request)
    async with lessons.turn:
        outcome = await _in_pool(request, lessons.workshop.teach)
        lessons.before, lessons.before_is = lessons.standing()
        lessons.taught = outcome
        if lessons.in_use == TAUGHT:
            request.app.state.service.answer_with(outcome.model, TAUGHT)
    return _json(told(outcome))


async def _try(request: Request) -> Response:
    service, lessons = request.app.state.service, _lessons(request)
    asked = {"before": lessons.before, "taught": _taught(lessons)}
    before_is = lessons.before_is  # all of one moment: somebody may teach meanwhile
    async with uploads.one(request, service.limits, service.held) as upload:
        said = {name: await _in_pool(request, model.predict, upload.content) for name, model in asked.items()}
    return _json({"before_is": before_is} | {name: answers.prediction(found) for name, found in said.items()})


async def _use(request: Request) -> Response:
    lessons, asked = _lessons(request), _asked(request, "model")
    if asked not in (FIRST, TAUGHT):
        raise HTTPException(422, f"model={asked[:30]}; expected {FIRST} or {TAUGHT}; correct the address")
    chosen = _taught(lessons) if asked == TAUGHT else lessons.first
    lessons.in_use = asked
    request.app.state.service.answer_with(chosen, asked)
    return _json({"in_use": asked})


def _taught(lessons: Lessons) -> Taught:
    if lessons.taught is None:
        raise HTTPException(409, "nothing is taught yet; expected POST /v1/teach before; teach first")
    return lessons.taught.model


async def _zip(request: Request) -> Response:
    content = await _in_pool(request, _zipped, _taught(_lessons(request)))
    return _file(content, "my_words.zip", "application/zip")


async def _onnx(request: Request) -> Response:
    content = await _in_pool(request, _exported, _taught(_lessons(request)))
    return _file(content, "my_words.onnx", "application/octet-stream")


def _file(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


def _exported(model: Taught) -> bytes:
    """Give the model as one ONNX file, proved as `sutja export` does; that needs its extra."""
    from sutja.export import export

    content, _ = export(model.bundle)
    return content


def _zipped(model: Taught) -> bytes:
    """Give the model's folder as a zip, which every command takes as it is."""
    file = io.BytesIO()
    try:
        with TemporaryDirectory() as place, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            folder = Path(place) / "model"
            bundle.save(model.bundle, folder)
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, f"my_words/{path.relative_to(folder).as_posix()}")
    except OSError as error:
        raise cannot_write(Path(gettempdir()), error) from error
    return file.getvalue()


def _asked(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if value is None:
        raise HTTPException(422, f"no {name}; expected {name}=... in the address; add it")
    return value


def _json(value: Any, status: int = 200) -> Response:
    return Response(to_json(value), status, media_type="application/json")
