"""The description for people: all of it, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re

from service import client

from sutja.server import docs, openapi
from sutja.server.settings import Limits


def test_everything_is_on_the_page():
    document = openapi.document(Limits(), ["0", "<b>"])
    text, _ = docs.page(document)
    for path in document["paths"]:
        assert f"<code>POST {path}</code>" in text or f"<code>GET {path}</code>" in text
    for name in document["components"]["schemas"]:
        assert f"<h3>{name}</h3>" in text
    assert "/v1/stream" in text
    assert "<b>" not in re.sub(r"<caption><b>\w+</b></caption>", "", text)  # escaped


def test_it_loads_nothing():
    found = client().get("/docs")
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script|<link|<img|https?://|url\(|@import", found.text)
    style = re.search(r"<style>(.*?)</style>", found.text, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in found.headers["content-security-policy"]
    assert found.headers["x-content-type-options"] == "nosniff"
