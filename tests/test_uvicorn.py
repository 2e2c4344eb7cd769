"""What the service leans on in uvicorn and uvicorn does not promise: it is there, it is listed, and it was tried."""

from __future__ import annotations

import ast
import asyncio
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sutja.server import connections, serving

ROOT = Path(__file__).parents[1]
DO = "read uvicorn's changes, correct sutja/server/connections.py and serving.py, then the range in pyproject.toml"
# Ours by what it extends, and what it is given by uvicorn by the name under which it holds it.
EXTENDS = {
    "GuardedProtocol": ("HttpToolsProtocol", {"cycle": "RequestResponseCycle"}),
    "GuardedWebSocket": ("WebSocketsSansIOProtocol", {}),
    "Server": (
        "Server",
        {"server_state": "ServerState", "config": "Config", "lifespan": "LifespanOn"},
    ),
}


def listed() -> dict[str, set[str]]:
    """The names in the heads of both modules, by class."""
    names: dict[str, set[str]] = {}
    for module in (connections, serving):
        for owner, text in re.findall(r"^- ``(\w+)``: ((?:``\w+``[,\s]*)+)", module.__doc__, flags=re.MULTILINE):
            names[owner] = set(re.findall(r"\w+", text))
    return names


LISTED = listed()


async def answer_nothing(scope, receive, send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def uvicorns_own() -> dict[str, object]:
    """One of each class, as they are while a request is served."""
    config = uvicorn.Config(answer_nothing, http=HttpToolsProtocol, ws=WebSocketsSansIOProtocol, log_config=None)
    server = uvicorn.Server(config)
    server.should_exit = True  # it starts and ends
    with serving.listen("127.0.0.1", 0) as listener:
        await server.serve([listener])
    transport = mock.Mock(spec=asyncio.Transport)
    transport.get_extra_info.return_value = None
    given = {"config": config, "server_state": server.server_state, "app_state": {}}
    http, websocket = HttpToolsProtocol(**given), WebSocketsSansIOProtocol(**given)
    http.connection_made(transport)
    with mock.patch.object(HttpToolsProtocol, "_start_asgi_task"):
        http.data_received(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return {
        "HttpToolsProtocol": http,
        "RequestResponseCycle": http.cycle,
        "WebSocketsSansIOProtocol": websocket,
        "Server": server,
        "ServerState": server.server_state,
        "Config": config,
        "LifespanOn": server.lifespan,
    }


@pytest.fixture(scope="module")
def own() -> dict[str, object]:
    return asyncio.run(uvicorns_own())


def test_the_installed_release_is_one_that_was_tried():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (wanted,) = [r for r in map(Requirement, extras["serve"]) if r.name == "uvicorn"]
    assert {one.operator for one in wanted.specifier} == {">=", "<"}, "one minor release, which was tried"
    assert wanted.specifier.contains(uvicorn.__version__), (
        f"uvicorn {uvicorn.__version__} is installed; the service was tried with {wanted.specifier}; {DO}"
    )


@pytest.mark.parametrize("owner", LISTED)
def test_what_is_listed_is_there(own, owner):
    gone = sorted(name for name in LISTED[owner] if not hasattr(own[owner], name))
    assert type(own[owner]).__name__ == owner
    assert not gone, f"uvicorn {uvicorn.__version__} has no {owner}.{', '.join(gone)}; {DO}"


def used(class_node: ast.ClassDef, held: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What a class of ours takes from uvicorn: (class of uvicorn, name)."""
    base = EXTENDS[class_node.name][0]
    names = [node for node in ast.walk(class_node) if isinstance(node, ast.Attribute)]
    mine = {f"self.{n.name}" for n in class_node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    mine |= {ast.unparse(node) for node in names if isinstance(node.ctx, ast.Store)}
    mine |= {f"self.{n.target.id}" for n in class_node.body if isinstance(n, ast.AnnAssign)}
    for node in names:
        whole = ast.unparse(node)
        if whole.startswith("super().") or (re.fullmatch(r"self\.\w+", whole) and whole not in mine):
            yield base, whole.rpartition(".")[2]
        for name, owner in held.items():
            if re.fullmatch(rf"self\.{name}\.\w+", whole):
                yield owner, node.attr


@pytest.mark.parametrize("module", [connections, serving], ids=lambda module: module.__name__)
def test_what_is_used_is_listed(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in EXTENDS]
    found = {use for node in classes for use in used(node, EXTENDS[node.name][1])}
    left_out = {(owner, name) for owner, name in found if name not in LISTED[owner] | {"__init__"}}
    assert len(found) > 5
    assert left_out == set(), f"write them into the head of {module.__name__}"
