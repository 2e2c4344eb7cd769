"""What the tests of batches share: a small model, recordings, an object store on loopback, recordings that kill."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from conftest import TINY_RATE, tone, write_wav
from models import SMALL, make_bundle

from sutja import bundle

SITE = """
import os, signal, sys, time

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        if arguments[0].endswith("kills.wav"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if arguments[0].endswith("hangs.wav"):
            time.sleep(600)
        if arguments[0].endswith("once.wav") and not os.path.exists(arguments[0] + ".seen"):
            open(arguments[0] + ".seen", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)

if "sutja.isolated" in sys.orig_argv:
    sys.addaudithook(watch)
"""


def small_model(folder: Path) -> Path:
    bundle.save(make_bundle(SMALL), folder / "model")
    return folder / "model"


def clips(folder: Path, n: int) -> list[Path]:
    """Recordings that differ."""
    rng = np.random.default_rng(n)
    return [
        write_wav(folder / f"{i:03d}.wav", tone(rng.uniform(300, 2_000), 0.2, TINY_RATE), TINY_RATE) for i in range(n)
    ]


def make_deadly(monkeypatch, folder: Path) -> None:
    """Make the process that hears die where it opens kills.wav, hang at hangs.wav, and die at once.wav the first time.

    An audit hook stands for what damaged sound can do to a decoder.
    """
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), before])))


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """A web server of a folder's files; it knows no ranges."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


STORE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def object_store(monkeypatch) -> Iterator[str]:
    """An object store with an empty bucket `takes`, in a process of its own, which programs find by the environment."""
    import subprocess

    import s3fs

    command = [sys.executable, "-W", "ignore", "-c", STORE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        port = int(process.stdout.readline())
        address = f"http://127.0.0.1:{port}"
        for name, value in {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "anyone",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("takes")
        yield address
        s3fs.S3FileSystem.clear_instance_cache()
        process.kill()


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
