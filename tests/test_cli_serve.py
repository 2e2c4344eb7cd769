"""`sutja serve`, as somebody starts it: what is wrong is one sentence, the address is one line."""

from __future__ import annotations

import socket
import sys
from urllib.request import Request, urlopen

import pytest
from extras import WITHOUT_EXTRAS
from helpers import refused, run_python, sutja
from service import running, sound

TOKEN = "a-token-long-enough"


def test_it_serves_and_stops():
    with running() as service:
        assert service.url.startswith("http://127.0.0.1:")
        with urlopen(service.url + "health") as answer:
            assert answer.read() == b'{"status":"ok"}'
        with urlopen(Request(service.url + "v1/predict", sound(), {"Content-Type": "audio/wav"})) as answer:
            assert answer.status == 200


def test_the_token_from_the_environment():
    with running("--host", "localhost", SUTJA_TOKEN=TOKEN) as service:
        with urlopen(Request(service.url + "model", headers={"Authorization": f"Bearer {TOKEN}"})) as answer:
            assert answer.status == 200
        with pytest.raises(OSError, match="401"):
            urlopen(service.url + "model")


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1 port {port}: cannot listen there" in refused(sutja("serve", "--port", port))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--host", "no.such.host.invalid"), "no.such.host.invalid"),
        (("--host", "203.0.113.7"), "cannot listen there"),
        (("--host", "x" * 300), "host"),
        (("--host", "0.0.0.0"), "expected a token"),
        (("--token", "short"), "expected at least 16"),
        (("--model", "/nowhere/at/all"), "expected the folder of a model"),
        (("--limit", "n_waitin=3"), "did you mean"),
        (("--limit", "n_waiting=0"), "expected a number above 0"),
        (("--allow-origin", "example.org"), "expected scheme and host alone"),
    ],
)
def test_what_cannot_be(arguments, told):
    result = sutja("serve", "--port", "0", *arguments)
    assert told in refused(result)
    assert result.stdout == ""


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_ports_that_are_none(port):
    assert sutja("serve", "--port", port).exit_code == 2


def test_without_the_extra_it_says_what_to_install():
    program = WITHOUT_EXTRAS + "from sutja.cli import main\nmain(sys.argv[1:])\n"
    ended = run_python(program, "serve", "--port", "0")
    assert ended.returncode == 1
    assert "install it with: pip install 'sutja[serve]'" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform != "linux" or not socket.has_ipv6, reason="needs IPv6")
def test_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with running("--host", "::1") as service:
        assert service.url.startswith("http://[::1]:")
        with urlopen(service.url + "health") as answer:
            assert answer.status == 200
