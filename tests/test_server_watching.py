"""Around every request: headers that make browsers careful, counters, logs without what was said."""

from __future__ import annotations

import logging

import pytest
from service import client, form_of, listening, sound
from starlette.testclient import TestClient

from sutja.server.pool import Places
from sutja.server.watching import Meters, Watch

STRICT = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", p) for p in ("/", "/health", "/model", "/docs", "/nothing", "/static/index.html")]
    + [("POST", "/v1/predict")],
)
def test_every_answer_has_the_headers(method, path):
    found = client().request(method, path)
    for name, value in STRICT.items():
        assert found.headers[name] == value
    policy = found.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "access-control-allow-origin" not in found.headers
    assert found.headers["cache-control"] in ("no-store", "no-cache")


def test_what_is_counted():
    with client() as here:
        here.post("/v1/predict", content=sound())
        here.post("/v1/predict", content=b"no sound")
        here.post("/v1/predict/batch", files=form_of("files", ("a.wav", sound()), ("b.wav", b"no sound")))
        for n in range(5):
            here.get(f"/made/up/{n}")
        text = here.get("/metrics").text
    assert 'sutja_requests_total{method="POST",path="/v1/predict",status="200"} 1.0' in text
    assert 'sutja_requests_total{method="POST",path="/v1/predict",status="422"} 1.0' in text
    assert 'sutja_requests_total{method="GET",path="other",status="404"} 5.0' in text
    assert "made" not in text
    assert 'sutja_clips_total{outcome="heard"} 2.0' in text
    assert 'sutja_clips_total{outcome="unusable"} 2.0' in text
    assert 'sutja_request_seconds_count{path="/v1/predict"} 2.0' in text
    assert "sutja_waiting 0.0" in text
    assert "sutja_held_bytes 0.0" in text
    assert "process_resident_memory_bytes" in text


def test_logs_say_nothing_of_what_was_said(caplog):
    logging.getLogger("sutja.server").propagate = True
    secret = "a-token-long-enough"
    with caplog.at_level("INFO", "sutja.server"), client() as here:
        here.post(f"/v1/predict?token={secret}", files={"file": ("my secret.wav", sound())})
        with listening(here, {}, f"/v1/stream?sample_rate=16000&token={secret}") as socket:
            socket.send_text('{"type":"end"}')
            socket.receive_json()
    records = [record for record in caplog.records if record.name == "sutja.server"]
    told = [record.fields for record in records]
    assert [(one["method"], one["path"], one["status"]) for one in told] == [
        ("POST", "/v1/predict", 200),
        ("WS", "/v1/stream", 101),
    ]
    assert all(set(one) == {"method", "path", "status", "milliseconds", "client"} for one in told)
    assert secret not in str(told)


def test_faults_of_ours_are_counted_too():
    async def broken(scope, receive, send):
        raise ZeroDivisionError

    meters = Meters()
    meters.show("sutja_places", "Places", Places(3))
    with pytest.raises(ZeroDivisionError):
        TestClient(Watch(broken, meters, ["/"])).get("/")
    text = meters.text().decode()
    assert 'sutja_requests_total{method="GET",path="/",status="500"} 1.0' in text
    assert "sutja_places_limit 3.0" in text
