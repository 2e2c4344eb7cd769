"""Who may ask: this machine's names, the service's own page, those who have the token."""

from __future__ import annotations

import pytest
from service import client, listening, refusal, sound
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from sutja.errors import ConfigError
from sutja.server.access import OPEN_PATHS, host_name
from sutja.server.settings import Access

TOKEN = "a-token-long-enough"
STREAM = "/v1/stream?sample_rate=16000"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1:1", "[::1]:8765", "[::1]"])
def test_names_of_this_machine(host):
    assert client().get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8765", "127.0.0.1.nip.io", "", "[::1"]
)
def test_other_names_are_refused(host):
    # DNS rebinding: a page elsewhere points its own name at 127.0.0.1.
    for path in ("/", "/health", "/v1/predict"):
        assert "is not this service" in refusal(client().get(path, headers={"Host": host}), 421)


def test_two_hosts_are_none():
    assert "2 Host headers" in refusal(client().get("/", headers=[("Host", "localhost"), ("Host", "localhost")]), 400)


def test_more_names():
    access = Access(hosts=("box.local",))
    assert client(access=access).get("/health", headers={"Host": "box.local:80"}).status_code == 200
    assert client(access=Access(hosts=())).get("/health", headers={"Host": "any.example"}).status_code == 200


def test_host_names():
    assert host_name("a:b:1") == "a:b"
    assert host_name("[::1]:x]") == "[::1]:x]"


# -- pages of other origins -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:9999", "http://localhost"])
def test_other_pages_may_not_make_the_service_work(origin):
    with client() as here:
        headers = {"Origin": origin}
        assert "a page of" in refusal(here.post("/v1/predict", content=sound(), headers=headers), 403)
        with pytest.raises(WebSocketDisconnect), listening(here, headers):
            pass
        assert here.get("/health", headers=headers).headers.get("access-control-allow-origin") is None


@pytest.mark.parametrize(
    "origin", ["https://localhost:8765", "ftp://localhost:8765", "http://localhost", "localhost:8765"]
)
def test_another_scheme_or_port_is_another_origin(origin):
    with client() as here:
        refusal(here.post("/v1/predict", content=sound(), headers={"Origin": origin}), 403)


@pytest.mark.parametrize(
    "host", ["localhost:port", "localhost:123456", "localhost: 1", "a@localhost:1", "localhost:80/x"]
)
def test_a_port_is_a_number(host):
    refusal(client().get("/health", headers={"Host": host}), 421)
    refusal(client(access=Access(hosts=())).get("/health", headers={"Host": host}), 421)


def test_a_websocket_elsewhere_is_refused_in_a_sentence():
    with client() as here, pytest.raises(WebSocketDenialResponse) as told, listening(here, {}, "/v1/nothing"):
        pass
    assert told.value.status_code == 404
    assert "/v1/stream" in told.value.json()["error"]


@pytest.mark.parametrize("token", [f"{TOKEN}\n", f"{TOKEN} ", f" {TOKEN}", " " * 20, f"{TOKEN}\tx", f"{TOKEN}\x7f"])
def test_tokens_that_no_header_can_bring_are_refused_at_the_start(token):
    with pytest.raises(ConfigError, match="token of"):
        Access(token=token)


def test_the_own_page_and_programs_may():
    with client() as here:
        behind_tls = {"Origin": "https://LOCALHOST:8765", "X-Forwarded-Proto": "https"}
        for headers in ({}, {"Origin": "http://localhost:8765"}, {"Origin": "http://LOCALHOST:8765"}, behind_tls):
            assert here.post("/v1/predict", content=sound(), headers=headers).status_code == 200
            with listening(here, headers) as socket:
                socket.send_text('{"type":"end"}')
                assert socket.receive_json() == {"type": "done"}


def test_pages_that_are_let_in():
    friend = "https://friend.example"
    with client(access=Access(TOKEN, origins=(friend,))) as here:
        asked = {"Origin": friend, "Access-Control-Request-Method": "POST"}
        asked["Access-Control-Request-Headers"] = "authorization"
        allowed = here.options("/v1/predict", headers=asked)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == friend
        headers = {"Origin": friend, "Authorization": f"Bearer {TOKEN}"}
        answer = here.post("/v1/predict", content=sound(), headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == friend
        strange = here.post("/v1/predict", content=sound(), headers=headers | {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in strange.headers
        refusal(strange, 403)


# -- the token --------------------------------------------------------------------------------------------------------

WRONG = ["", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer ünïcode"]


@pytest.mark.parametrize("given", WRONG)
def test_without_the_token(given):
    with client(access=Access(TOKEN)) as here:
        headers = {"Authorization": given.encode()} if given else {}
        for method, path in (
            ("POST", "/v1/predict"),
            ("POST", "/v1/predict/batch"),
            ("GET", "/model"),
            ("GET", "/metrics"),
        ):
            found = here.request(method, path, headers=headers)
            assert "Bearer TOKEN" in refusal(found, 401)
            assert found.headers["www-authenticate"] == "Bearer"
        refusal(here.post(f"/v1/predict?token={TOKEN}", content=sound()), 401)  # addresses are logged on the way
        with pytest.raises(WebSocketDisconnect), listening(here, headers):
            pass


def test_with_the_token():
    with client(access=Access(TOKEN)) as here:
        headers = {"Authorization": f"bearer {TOKEN}"}
        assert here.get("/model", headers=headers).status_code == 200
        assert here.post("/v1/predict", content=sound(), headers=headers).status_code == 200
        for address, more in ((STREAM, headers), (f"{STREAM}&token={TOKEN}", {})):
            with listening(here, more, address) as socket:
                socket.send_text('{"type":"end"}')
                assert socket.receive_json() == {"type": "done"}
        for path in set(OPEN_PATHS) - {"/teach"}:  # which is not there where nobody teaches
            assert here.get(path).status_code == 200
