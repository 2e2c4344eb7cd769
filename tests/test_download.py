"""Fetching against a server of our own: whole, in pieces, wrong, refused, unsafe."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import sys
import tarfile
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import soundfile
from conftest import TINY_RATE, tone
from helpers import CutError

from sutja import download
from sutja.dataset import scan
from sutja.download import CORPORA, fetch
from sutja.errors import ConfigError, DatasetError, DependencyError, RunError


@dataclass
class Site:
    """What the server has and how it behaves; `asked` is what it was asked for."""

    content: bytes = b""
    ranges: bool = True
    etag: str = '"v1"'
    modified: str = ""
    statuses: list[int] = field(default_factory=list)
    """Of the next answers; 200 when used up."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes the next answers break off; never when used up."""
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, site: Site, *arguments):
        self.site = site
        super().__init__(*arguments)

    def do_GET(self):
        site = self.site
        site.asked.append(dict(self.headers))
        status = site.statuses.pop(0) if site.statuses else 200
        if status != 200:
            return self.answer(status, b"sorry", {})
        told = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in (None, site.etag, site.modified)
        if not (told and site.ranges and same):
            return self.answer(200, site.content, {})
        begin, n_bytes = int(told[1]), len(site.content)
        if begin >= n_bytes:
            return self.answer(416, b"", {"Content-Range": f"bytes */{n_bytes}"})
        return self.answer(206, site.content[begin:], {"Content-Range": f"bytes {begin}-{n_bytes - 1}/{n_bytes}"})

    def answer(self, status, body, headers):
        marks = {"ETag": self.site.etag, "Last-Modified": self.site.modified, "Content-Length": str(len(body))}
        self.send_response(status)
        for name, value in {**marks, **headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        cut = self.site.cuts.pop(0) if self.site.cuts and status in (200, 206) else len(body)
        self.wfile.write(body[:cut])
        self.close_connection = cut < len(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(download, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(download, "CHUNK_BYTES", 100)
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, site))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    site.url = f"http://127.0.0.1:{server.server_port}/corpus.zip"
    yield site
    server.shutdown()
    server.server_close()


def wav(frequency=400) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(frequency, 0.1, TINY_RATE), TINY_RATE, format="WAV")
    return file.getvalue()


def zipped(entries, wrapping="free-spoken-digit-dataset-1.0.10/") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(wrapping + name, content)
    return file.getvalue()


def tarred(entries, mode="w:gz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in entries.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


FSDD = zipped(
    {"README.md": b"digits", **{f"recordings/{d}_anna_{t}.wav": wav(300 + 9 * d + t) for d in (0, 1) for t in (0, 7)}}
)


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


# -- coming -----------------------------------------------------------------------------------------------------------


def test_complete(site, tmp_path):
    site.content = FSDD
    seen = []
    fetched = fetch("fsdd", tmp_path / "new/fsdd", url=site.url, progress=lambda *told: seen.append(told))
    assert fetched == download.Fetched(tmp_path / "new/fsdd", sha256(FSDD), checked=False)
    assert names(tmp_path / "new") == [  # and nothing else: no archive, no state
        "fsdd",
        "fsdd/README.md",
        "fsdd/recordings",
        *(f"fsdd/recordings/{d}_anna_{t}.wav" for d in (0, 1) for t in (0, 7)),
    ]
    dataset = scan(fetched.folder)
    assert (dataset.layout, len(dataset.clips)) == ("fsdd", 4)
    assert seen[-1] == (len(FSDD), len(FSDD))
    assert [n for n, _ in seen] == sorted(n for n, _ in seen)
    assert site.asked[0]["Accept-Encoding"] == "identity"


def test_the_checksum_is_held_against_what_came(site, tmp_path):
    site.content = FSDD
    assert fetch("fsdd", tmp_path / "a", url=site.url, sha256=sha256(FSDD).upper()).checked
    with pytest.raises(DatasetError, match=rf"sha256 is {sha256(FSDD)} and not {'0' * 64}; the archive was deleted"):
        fetch("fsdd", tmp_path / "b", url=site.url, sha256="0" * 64)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_broken_line_is_taken_up_where_it_broke(site, tmp_path):
    site.content, site.cuts = FSDD, [500, 300]
    fetched = fetch("fsdd", tmp_path / "fsdd", url=site.url)
    assert fetched.sha256 == sha256(FSDD)
    assert [a.get("Range") for a in site.asked] == [None, "bytes=500-", "bytes=800-"]
    assert site.asked[1]["If-Range"] == '"v1"'


def test_what_came_is_kept_for_the_next_run(site, tmp_path):
    site.content, site.cuts = FSDD, [100] * download.N_ATTEMPTS
    with pytest.raises(DatasetError, match=r"5 attempts failed \(.*\); 500 bytes are kept: run it again to resume"):
        fetch("fsdd", tmp_path / "fsdd", url=site.url)
    assert names(tmp_path) == ["fsdd.part", "fsdd.part.json"]
    assert (tmp_path / "fsdd.part").read_bytes() == FSDD[:500]
    site.asked.clear()
    assert fetch("fsdd", tmp_path / "fsdd", url=site.url).sha256 == sha256(FSDD)
    assert [a["Range"] for a in site.asked] == ["bytes=500-"]
    assert names(tmp_path)[0] == "fsdd"
    assert "fsdd.part" not in names(tmp_path)


def test_a_stop_by_hand_keeps_what_came(site, tmp_path):
    site.content = FSDD

    def stop(n_bytes, _):
        if n_bytes >= 600:
            raise CutError

    with pytest.raises(CutError):
        fetch("fsdd", tmp_path / "fsdd", url=site.url, progress=stop)
    assert (tmp_path / "fsdd.part").read_bytes() == FSDD[:600]
    fetch("fsdd", tmp_path / "fsdd", url=site.url)
    assert site.asked[-1]["Range"] == "bytes=600-"


def test_another_version_on_the_server_begins_again(site, tmp_path):
    site.content, site.cuts = zipped({"0/old.wav": wav(900)}), [50] * 5
    with pytest.raises(DatasetError, match="attempts failed"):
        fetch("fsdd", tmp_path / "fsdd", url=site.url)
    site.content, site.etag, site.cuts = FSDD, '"v2"', []
    assert fetch("fsdd", tmp_path / "fsdd", url=site.url).sha256 == sha256(FSDD)


def test_another_address_begins_again(site, tmp_path):
    (tmp_path / "fsdd.part").write_bytes(b"of something else")
    (tmp_path / "fsdd.part.json").write_text('{"url": "http://elsewhere/", "mark": "x"}')
    site.content = FSDD
    fetch("fsdd", tmp_path / "fsdd", url=site.url)
    assert "Range" not in site.asked[0]


@pytest.mark.parametrize("state", ["", "{", "[]"])
def test_a_damaged_state_begins_again(site, tmp_path, state):
    (tmp_path / "fsdd.part").write_bytes(b"what is this")
    (tmp_path / "fsdd.part.json").write_text(state)
    site.content = FSDD
    assert fetch("fsdd", tmp_path / "fsdd", url=site.url).sha256 == sha256(FSDD)


def test_a_server_without_ranges_begins_again(site, tmp_path):
    site.content, site.ranges, site.cuts = FSDD, False, [500, 700]
    assert fetch("fsdd", tmp_path / "fsdd", url=site.url).sha256 == sha256(FSDD)
    assert len(site.asked) == 3


@pytest.mark.parametrize(
    ("etag", "modified", "mark"),
    [
        ('W/"weak"', "Wed, 11 Apr 2018 19:41:55 GMT", "Wed, 11 Apr 2018 19:41:55 GMT"),
        ('W/"weak"', "", None),
        ("", "", None),
    ],
)
def test_without_a_strong_mark_only_a_checksum_allows_to_go_on(site, tmp_path, etag, modified, mark):
    site.content, site.etag, site.modified = FSDD, etag, modified
    site.cuts = [400]
    fetch("fsdd", tmp_path / "a", url=site.url)
    assert site.asked[1].get("If-Range") == mark
    assert site.asked[1].get("Range") == ("bytes=400-" if mark else None)
    site.cuts, site.asked = [400], site.asked[:0]
    fetch("fsdd", tmp_path / "b", url=site.url, sha256=sha256(FSDD))
    assert site.asked[1]["Range"] == "bytes=400-"


@pytest.mark.parametrize("extra", [b"", b"too much"])
def test_a_part_that_is_whole_or_more(site, tmp_path, extra):
    (tmp_path / "fsdd.part").write_bytes(FSDD + extra)
    (tmp_path / "fsdd.part.json").write_text(f'{{"url": "{site.url}", "mark": "\\"v1\\""}}')
    site.content = FSDD
    assert fetch("fsdd", tmp_path / "fsdd", url=site.url).sha256 == sha256(FSDD)
    assert len(site.asked) == (2 if extra else 1)


def test_a_busy_server_is_asked_again_and_one_that_refuses_is_not(site, tmp_path):
    site.content, site.statuses = FSDD, [503, 502]
    fetch("fsdd", tmp_path / "fsdd", url=site.url)
    assert len(site.asked) == 3
    site.statuses, site.asked = [404], site.asked[:0]
    with pytest.raises(DatasetError, match=r"the server answers 404 Not Found; check the address"):
        fetch("fsdd", tmp_path / "other", url=site.url)
    assert len(site.asked) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["fsdd"]


def test_nobody_answers(site, tmp_path):
    url = "http://127.0.0.1:9/x.zip"
    with pytest.raises(DatasetError, match=rf"^{url}: 5 attempts failed \(.*refused.*\): run it again to resume$"):
        fetch("fsdd", tmp_path / "fsdd", url=url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "fsd"}, "corpus 'fsd' is not known; expected one of fsdd, audiomnist"),
        ({"url": "file:///etc/passwd"}, "expected one that begins with https://"),
        ({"url": "corpus.zip"}, "expected one that begins with https://"),
        ({"sha256": "abc"}, "sha256 'abc' is no checksum; expected 64"),
    ],
)
def test_wishes_that_cannot_be(tmp_path, arguments, message):
    with pytest.raises(ConfigError, match=message):
        fetch(**{"name": "fsdd", "folder": tmp_path / "fsdd", **arguments})


def test_an_address_that_is_none(tmp_path):
    with pytest.raises(DatasetError, match="cannot be fetched"):
        fetch("fsdd", tmp_path / "fsdd", url="http://")


def test_a_folder_that_is_there_stays_and_nothing_is_asked(site, tmp_path):
    (tmp_path / "fsdd").mkdir()
    (tmp_path / "fsdd/mine.txt").write_text("precious")
    with pytest.raises(RunError, match="is there already"):
        fetch("fsdd", tmp_path / "fsdd", url=site.url)
    assert (site.asked, names(tmp_path)) == ([], ["fsdd", "fsdd/mine.txt"])


def test_a_full_disk_while_downloading(site, tmp_path, monkeypatch):
    site.content = FSDD
    monkeypatch.setattr(
        requests.Response, "iter_content", lambda *_: (_ for _ in [1]).throw(OSError(28, "No space left"))
    )
    with pytest.raises(RunError, match=r"fsdd.part: cannot be written \(No space left\)"):
        fetch("fsdd", tmp_path / "fsdd", url=site.url)
    assert not (tmp_path / "fsdd").exists()


def test_a_full_disk_while_unpacking_keeps_the_archive(site, tmp_path, monkeypatch):
    site.content = FSDD

    def full(*_):
        raise OSError(28, "No space left")

    with monkeypatch.context() as broken:
        broken.setattr(download.shutil, "copyfileobj", full)
        with pytest.raises(RunError, match=r"fsdd: cannot be written \(No space left\)"):
            fetch("fsdd", tmp_path / "fsdd", url=site.url)
    assert names(tmp_path) == ["fsdd.part", "fsdd.part.json"]
    site.asked.clear()
    fetch("fsdd", tmp_path / "fsdd", url=site.url)
    assert [a["Range"] for a in site.asked] == [f"bytes={len(FSDD)}-"]  # nothing came twice


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_may_not_be_written_to(site, tmp_path):
    site.content = FSDD
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot be written"):
        fetch("fsdd", tmp_path / "fsdd", url=site.url)


def test_without_requests(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(DependencyError, match=r"requests is not installed.*sutja\[train\]"):
        fetch("fsdd", tmp_path / "fsdd")


# -- unpacking --------------------------------------------------------------------------------------------------------


def link(name, target, kind=tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_link(name, target) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o120777 << 16
        archive.writestr(info, target)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped({"../out.wav": b"x"}, ""), "holds '../out.wav', which lies outside"),
        (zipped({"yes/../../out.wav": b"x"}, ""), "lies outside"),
        (zipped({"/out.wav": b"x"}, ""), "lies outside"),
        (zipped({"C:out.wav": b"x"}, ""), "lies outside"),
        (tarred({"../out.wav": b"x"}), "lies outside"),
        (tarred({"a\\..\\..\\out.wav": b"x"}), "lies outside"),
        (tarred({"a": link("a", "/etc"), "a/passwd": b"x"}), "a is a link or a device"),
        (tarred({"a": link("a", "../out.wav", tarfile.LNKTYPE)}), "a is a link or a device"),
        (tarred({"a": link("a", "", tarfile.CHRTYPE)}), "a is a link or a device"),
        (zip_link("a", "/etc/passwd"), "a is a link or a device"),
        (b"<html>Please sign in</html>", "is no zip or tar archive"),
        (FSDD[:-200], "is no zip or tar archive|is damaged"),
        (FSDD[:60] + b"!!!" + FSDD[63:], "is damaged"),
        (tarred({"a.wav": bytes(range(256)) * 400})[:-300], "is damaged"),
    ],
)
def test_archives_that_are_not_unpacked(site, tmp_path, content, message):
    site.content = content
    (tmp_path / "inner").mkdir()
    with pytest.raises(DatasetError, match=message):
        fetch("fsdd", tmp_path / "inner/fsdd", url=site.url)
    assert names(tmp_path) == ["inner"]  # nothing outside, nothing inside, no archive kept


def test_speech_commands_as_it_is_packed(site, tmp_path):
    entries = {"./yes/0a_nohash_0.wav": wav(), "./_background_noise_/pink.wav": wav(), "./testing_list.txt": b""}
    site.content = tarred(entries)
    folder = fetch("speech_commands", tmp_path / "sc", url=site.url).folder
    assert names(folder) == [
        "_background_noise_",
        "_background_noise_/pink.wav",
        "testing_list.txt",
        "yes",
        "yes/0a_nohash_0.wav",
    ]
    assert scan(folder).layout == "speech_commands"


@pytest.mark.parametrize(
    ("wrapping", "stays"), [("data/", True), ("recordings/", True), ("x/", False), ("a/a/", False)]
)
def test_a_wrapping_folder_is_taken_off_unless_a_layout_wants_it(site, tmp_path, wrapping, stays):
    site.content = zipped({"01/7_01_0.wav": wav(), "02/7_02_0.wav": wav(500)}, wrapping)
    folder = fetch("audiomnist", tmp_path / "set", url=site.url).folder
    assert ((folder / wrapping).exists(), scan(folder).layout) == (stays, "audiomnist")


# -- corpora ----------------------------------------------------------------------------------------------------------


def test_corpora_say_what_they_are():
    for corpus in CORPORA.values():
        assert corpus.url.startswith("https://")
        assert corpus.size
        assert corpus.licence
        assert corpus.sha256 is None or re.fullmatch("[0-9a-f]{64}", corpus.sha256)


def test_another_address_is_not_held_to_the_corpus_checksum(site, tmp_path):
    site.content = tarred({"yes/0a_nohash_0.wav": wav()})
    assert not fetch("speech_commands", tmp_path / "sc", url=site.url).checked
    assert CORPORA["speech_commands"].sha256 is not None
