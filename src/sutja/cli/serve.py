"""`sutja serve`: ask over HTTP, and speak to a page."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from sutja.cli.console import command
from sutja.cli.options import model_option
from sutja.errors import needs
from sutja.predictor import Predictor

NEEDED = ("starlette", "uvicorn", "httptools", "websockets", "python_multipart", "prometheus_client")


@command()
@model_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65_535), help="0: any free one.")
@click.option("--token", envvar="SUTJA_TOKEN", help="That clients must bring; also SUTJA_TOKEN, which `ps` hides.")
@click.option("--allow-origin", multiple=True, metavar="URL", help="A page elsewhere that may ask; may be repeated.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another name of this service; may be repeated.")
@click.option("--limit", multiple=True, metavar="NAME=NUMBER", help="See docs/http.md; may be repeated.")
@click.option(
    "--teach",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Let people teach words: their takes are kept in FOLDER. Off unless asked for.",
)
@click.option(
    "--log-level", default="info", show_default=True, type=click.Choice(["debug", "info", "warning", "error"])
)
def serve(*, model: Path, limit: tuple[str, ...], log_level: str, teach: Path | None, **door: Any) -> None:
    """Serve a model over HTTP, with a page that listens to a microphone.

    Logs go to stderr as JSON, a line each; the page's address is the one line on stdout. Nothing that is sent is kept,
    but for takes of words that are taught, with --teach.
    """
    for package in NEEDED:
        if find_spec(package) is None:
            raise needs(package.replace("_", "-"), "serve")
    from sutja.server import logs, serving
    from sutja.server.app import create_app
    from sutja.server.settings import Access, access_for, limits_from

    limits = limits_from(limit)
    predictor = Predictor.load(model)
    workshop = None if teach is None else _workshop(teach, predictor)
    with serving.listen(door["host"], door["port"]) as listener:
        asked = Access(door["token"], door["allow_host"], door["allow_origin"])
        access = access_for(asked, door["host"], listener.getsockname()[0])
        app = create_app(predictor, model, limits=limits, access=access, workshop=workshop)
        with logs.apart() as lines:
            logs.log_to(lines, log_level)
            serving.serve(app, listener, limits, on_ready=lambda: click.echo(serving.url_of(listener)))


def _workshop(folder: Path, predictor: Predictor) -> Any:
    """Open the folder of takes; words are taught on the model that is served, or on the one that sutja brings."""
    from sutja.bundle import DEFAULT_MODEL
    from sutja.workshop import Workshop

    return Workshop(folder, predictor if predictor.bundle.outside is not None else Predictor.load(DEFAULT_MODEL))
