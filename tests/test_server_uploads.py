"""Uploads: raw and as a form, in memory, bounded, and refused with a reason."""

from __future__ import annotations

import io
import tempfile

import numpy as np
import pytest
import soundfile
from service import client, form_of, model, refusal, sound

from sutja.server.settings import Limits

BOUNDARY = "x" * 10
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def ask(here, content: bytes, kind: str | None = "audio/wav"):
    return here.post("/v1/predict", content=content, headers={} if kind is None else {"Content-Type": kind})


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_any_sound_raw_and_as_a_form(form, rate):
    content = sound(form=form, rate=rate, channels=2)
    expected = model().predict(content).probabilities
    with client() as here:
        for kind in ("audio/wav", "application/octet-stream", "application/x-www-form-urlencoded", None):
            assert ask(here, content, kind).json()["probabilities"] == expected
        found = here.post("/v1/predict", files={"file": ("여섯.x", content)})
        assert found.json()["probabilities"] == expected


SOUND_TYPES = [
    *("audio/x-wav", "audio/vnd.wave; codecs=1", "AUDIO/WAV", "video/webm;codecs=opus", "application/ogg"),
    *("application/x-wav", "application/x-flac", "application/vnd.rn-realmedia", "application/x-binary"),
    *("binary/octet-stream", "application/octet-stream; charset=binary", "application/unknown", ""),
]


def test_whatever_sound_is_called_its_bytes_decide():
    content = sound()
    expected = model().predict(content).probabilities
    with client() as here:
        for kind in SOUND_TYPES:
            assert ask(here, content, kind).json()["probabilities"] == expected, kind


OTHER_TYPES = [
    *("text/plain", "application/json", "multipart/mixed", "image/png", "x" * 500, "application/ld+json"),
    *("application/soap+xml", "application/pdf", "font/woff2", "message/rfc822", "application/xhtml+xml"),
]


@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_types_that_are_no_sound(kind):
    assert "Content-Type" in refusal(ask(client(), sound(), kind), 415)
    assert "multipart/form-data" in refusal(client().post("/v1/predict/batch", content=sound()), 415)


def test_several():
    files = form_of("files", ("a.wav", sound(0.3)), ("b.txt", b"no sound"), ("a.wav", sound(0.5)))
    found = client().post("/v1/predict/batch", files=files).json()["predictions"]
    assert [one["file"] for one in found] == ["a.wav", "b.txt", "a.wav"]
    assert "cannot be decoded" in found[1]["error"]
    assert found[2]["probabilities"] == model().predict(sound(0.5)).probabilities


# -- limits -----------------------------------------------------------------------------------------------------------


def test_too_many_bytes():
    with client(Limits(clip_bytes=10_000, batch_bytes=20_000)) as here:
        assert ask(here, sound(0.2)).status_code == 200
        assert "more than 10000 bytes" in refusal(ask(here, sound(1.0)), 413)
        refusal(here.post("/v1/predict", content=iter([sound(0.2)] * 3)), 413)  # not declared
        refusal(here.post("/v1/predict/batch", files=form_of("files", *[("a.wav", sound(0.2))] * 4)), 413)
        assert ask(here, sound(0.2)).status_code == 200


def test_a_declared_body_is_refused_before_it_comes():
    def never():
        raise AssertionError("was read")
        yield b""

    found = client().post("/v1/predict", content=never(), headers={"Content-Length": str(4 * 2**30)})
    refusal(found, 413)


def test_too_many_files():
    with client(Limits(batch_files=3)) as here:
        files = form_of("files", *[("a.wav", sound(0.1))] * 4)
        assert "up to 3 files" in refusal(here.post("/v1/predict/batch", files=files), 422)
        refusal(here.post("/v1/predict", files=form_of("file", ("a", sound()), ("b", sound()))), 422)
        assert len(here.post("/v1/predict/batch", files=files[:3]).json()["predictions"]) == 3


def test_all_uploads_together():
    with client(Limits(held_bytes=9_000)) as here:
        found = ask(here, sound(0.4))
        assert int(found.headers["retry-after"]) >= 1
        refusal(found, 503)
        assert ask(here, sound(0.2)).status_code == 200


def test_what_waits_is_bounded():
    with client(Limits(n_waiting=1)) as here:
        here.app.state.service.waiting.take()
        found = ask(here, sound())
        assert int(found.headers["retry-after"]) >= 1
        refusal(found, 503)
        here.app.state.service.waiting.give_back()
        assert ask(here, sound()).status_code == 200


def test_nothing_touches_the_disk(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(tempfile._io, "open", refuse)
    rng = np.random.default_rng(0)
    file = io.BytesIO()
    soundfile.write(file, rng.normal(0, 0.1, (20 * 16_000, 4)), 16_000, format="WAV")  # 2.6 MB
    assert client().post("/v1/predict", files={"file": ("long.wav", file.getvalue())}).status_code == 200


# -- broken -----------------------------------------------------------------------------------------------------------


def part(disposition: str, body: bytes = b"x") -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + body + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
BROKEN_FORMS = {
    "no boundary": ({"Content-Type": "multipart/form-data"}, END),
    "another boundary": (FORM, b"--other\r\n\r\nx\r\n--other--\r\n"),
    "no end": (FORM, part('form-data; name="file"; filename="a"', sound())[:-30]),
    "nothing": (FORM, END),
    "empty": (FORM, b""),
    "no name": (FORM, part("form-data") + END),
    "no disposition": (FORM, f"--{BOUNDARY}\r\n\r\nx\r\n".encode() + END),
    "another field": (FORM, part('form-data; name="clip"; filename="a"', sound()) + END),
    "a field that is no file": (FORM, part('form-data; name="file"', sound(0.1)[:500]) + END),
    "a long field": (FORM, part('form-data; name="a"', b"x" * 5_000) + END),
    "many fields": (FORM, part('form-data; name="a"') * 50 + END),
    "a strange charset": (
        {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}; charset=no\0thing"},
        part('form-data; name="b"; filename="a"') + END,
    ),
    "a charset that is no text": (
        {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}; charset=base64"},
        part('form-data; name="b"; filename="a"') + END,
    ),
    "an odd boundary": ({"Content-Type": "multipart/form-data; boundary=\xff\xfe"}, END),
    "a very long boundary": ({"Content-Type": f"multipart/form-data; boundary={'y' * 5_000}"}, END),
    "binary": (FORM, bytes(range(256)) * 20),
}


@pytest.mark.parametrize("name", BROKEN_FORMS)
def test_broken_forms(name):
    headers, body = BROKEN_FORMS[name]
    headers = {key: value.encode("latin-1") for key, value in headers.items()}
    with client() as here:
        for path in ("/v1/predict", "/v1/predict/batch"):
            found = here.post(path, content=body, headers=headers)
            assert 400 <= found.status_code < 500
            refusal(found, found.status_code)
        assert here.post("/v1/predict", files={"file": ("a", sound())}).status_code == 200


def damaged() -> dict[str, bytes]:
    """What people and attackers send as sound."""
    wav, rng = sound(), np.random.default_rng(0)
    silence = io.BytesIO()
    soundfile.write(silence, np.zeros(8_000), 16_000, format="WAV")
    nan = io.BytesIO()
    soundfile.write(nan, np.full(8_000, np.nan), 16_000, format="WAV", subtype="FLOAT")
    promise = bytearray(wav)
    promise[22:24] = (65_535).to_bytes(2, "little")  # channels
    rate = bytearray(wav)
    rate[24:28] = (2**32 - 1).to_bytes(4, "little")
    return {
        "empty": b"",
        "text": b"seven",
        "random": rng.bytes(50_000),
        "zeros": bytes(50_000),
        "only a header": wav[:44],
        "cut in the header": wav[:30],
        "silence": silence.getvalue(),
        "not numbers": nan.getvalue(),
        "65535 channels": bytes(promise),
        "4 GHz": bytes(rate),
        "a flac's head": sound(form="FLAC")[:60],
        "an ogg's head": sound(form="OGG")[:100],
        "an mp3's head": sound(form="MP3")[:40],
        "html": b"<!doctype html><script>alert(1)</script>",
        "a zip": b"PK\x03\x04" + bytes(200),
        "too short": sound(0.01),
    }


@pytest.mark.parametrize("name", damaged())
def test_damaged_sounds(name):
    with client() as here:
        found = ask(here, damaged()[name])
        refusal(found, 422)
        assert ask(here, sound()).status_code == 200


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_sounds_with_flipped_bytes(form):
    rng = np.random.default_rng(0)
    with client() as here:
        for _ in range(20):
            content = bytearray(sound(form=form))
            for place in rng.integers(0, len(content), 20):
                content[place] = rng.integers(256)
            assert ask(here, bytes(content)).status_code in (200, 422)
