"""How the service says no."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from service import RATE, client, refusal

from sutja.server.refusals import busy


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1", "/static/nothing.js", "/static/../app.py", "/%00", "/static/%00", "/v1/stream"]
)
def test_what_is_not_there(path):
    assert "/docs" in refusal(client().get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/predict"), ("POST", "/"), ("DELETE", "/model"), ("PUT", "/static/a")]
)
def test_methods_that_are_not_there(method, path):
    found = client().request(method, path)
    assert "method" in refusal(found, 405)
    assert found.headers["allow"]


def test_busy_says_when_to_come_again():
    assert int(busy().headers["retry-after"]) >= 1
    refusal_text = busy().body.decode()
    assert "try again" in refusal_text


def wav_bytes(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV")
    return file.getvalue()


def test_why_a_recording_is_refused_is_said_in_a_word_too():
    silent, short = (wav_bytes(np.zeros((n, 1), dtype=np.float32)) for n in (RATE, 5))
    with client() as here:
        for content, kind in ((b"no sound", "format"), (b"", "empty"), (silent, "silent"), (short, "too_short")):
            response = here.post("/v1/predict", content=content)
            refusal(response, 422)
            assert response.headers["Sutja-Refusal"] == kind


@pytest.mark.parametrize(
    ("accepted", "language", "said"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko", "그런 페이지가 없습니다"),
        ("de,en;q=0.5", "en", "no such page"),
        ("", "en", "no such"),
    ],
)
def test_refusals_speak_the_language_that_is_asked_for(accepted, language, said):
    answer = client().get("/nothing", headers={"Accept-Language": accepted})
    assert answer.status_code == 404
    assert answer.headers["Content-Language"] == language
    assert said in answer.json()["error"]


def test_why_a_recording_is_refused_is_said_in_korean_and_in_the_same_word():
    with client() as here:
        answer = here.post("/v1/predict", content=b"", headers={"Accept-Language": "ko"})
    assert answer.headers["Sutja-Refusal"] == "empty"
    assert "소리 파일의 바이트여야 합니다" in answer.json()["error"]
