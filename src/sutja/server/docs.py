"""The description of the service that people read: the OpenAPI document as one page that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from typing import Any

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; } code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; border: 1px solid; border-radius: .4rem; padding: .8rem; }
table { border-collapse: collapse; } th, td { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
"""
POLICY = "; ".join(
    [
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
Document = dict[str, Any]


def page(document: Document) -> tuple[str, str]:
    """Return the page, and the content security policy that it needs."""
    info = document["info"]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>{_text(info['title'])} {_text(info['version'])}</title><style>{STYLE}</style></head><body>",
        f"<h1>{_text(info['title'])} {_text(info['version'])}</h1>",
        *(f"<p>{_prose(paragraph)}</p>" for paragraph in info["description"].split("\n\n")),
        '<p>For programs: <a href="openapi.json">openapi.json</a>.</p>',
        *_operations(document),
        "<h2>Schemas</h2>",
        *_schemas(document),
        "</body></html>",
    ]
    return "\n".join(parts), POLICY


def _operations(document: Document) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"<h2><code>{method.upper()} {_text(path)}</code></h2>"
            yield f"<p>{_prose(operation['summary'])}. {_prose(operation.get('description', ''))}</p>"
            yield from _table("Parameter", _parameters(operation))
            yield from _table("Body", [(kind, "") for kind in operation.get("requestBody", {}).get("content", {})])
            yield from _table("Status", _responses(operation))


def _parameters(operation: Document) -> list[tuple[str, str]]:
    return [(p["name"], f"{p['schema']['type']}. {p['description']}.") for p in operation.get("parameters", [])]


def _responses(operation: Document) -> list[tuple[str, str]]:
    return [(status, response["description"]) for status, response in operation["responses"].items()]


def _table(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    if rows:
        yield f"<table><caption><b>{title}</b></caption>"
        for name, description in rows:
            yield f"<tr><th scope=row><code>{_text(name)}</code></th><td>{_prose(description)}</td></tr>"
        yield "</table>"


def _schemas(document: Document) -> Iterator[str]:
    for name, schema in document["components"]["schemas"].items():
        yield f"<h3>{_text(name)}</h3><pre>{_text(json.dumps(schema, indent=1, ensure_ascii=False))}</pre>"


def _text(text: str) -> str:
    return html.escape(text)


def _prose(text: str) -> str:
    """Escape text and set what stands in backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))
