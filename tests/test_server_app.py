"""The routes, and that a clip gets the same answer from Python, the shell and HTTP."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
from dataclasses import replace
from typing import Any

import pytest
import soundfile
from helpers import counted, sutja
from service import answer, app, client, form_of, listening, model, refusal, request, running, sound, tones
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from strings import said, string_bundle

from sutja.audio import decode
from sutja.features import power_spectrogram
from sutja.predictor import Predictor
from sutja.server import app as module
from sutja.server.app import create_app
from sutja.server.settings import Access, Limits
from sutja.transcription import transcribe
from sutja.transcripts import whole_record


def test_the_simple_routes():
    with client() as here:
        assert here.get("/health").json() == {"status": "ok"}
        assert here.get("/model").json()["labels"] == list(model().labels)
        assert here.get("/openapi.json").json()["openapi"].startswith("3.1")
        assert here.get("/").headers["content-type"] == "text/html; charset=utf-8"
        assert here.head("/").status_code == 200


def test_the_pages_old_address_leads_to_it():
    with client() as here:
        assert here.get("/static/index.html").url.path == "/"
        assert here.get("/static/index.html").text == here.get("/").text


def test_the_pages_files_have_their_types():
    kinds = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
    files = [path for path in module.STATIC.rglob("*") if path.is_file() and path.name != "index.html"]
    assert client().get("/").headers["content-type"].partition(";")[0] == kinds[".html"]
    assert {path.suffix for path in files} >= {".js", ".css", ".svg"}
    with client() as here:
        for path in files:
            found = here.get(f"/static/{path.relative_to(module.STATIC).as_posix()}")
            assert found.headers["content-type"].partition(";")[0] == kinds[path.suffix]


def test_flags():
    with client() as here:
        plain = here.post("/v1/predict?features=false&explain=false", content=sound()).json()
        assert {"features", "explanation"} & set(plain) == set()
        told = here.post("/v1/predict?features=true&explain=true", content=sound()).json()
        assert told["probabilities"] == plain["probabilities"]
        assert set(told) - set(plain) == {"features", "explanation"}
        for flag in ("features=1", "explain=yes", "features="):
            refusal(here.post(f"/v1/predict?{flag}", content=sound()), 422)


# -- lines ------------------------------------------------------------------------------------------------------------


def lines(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.text.endswith("\n")
    return [json.loads(line) for line in response.text.splitlines()]


@pytest.mark.parametrize("accept", ["application/x-ndjson", "Application/X-NDJSON, application/json;q=0.5"])
def test_in_lines_it_is_the_same_answer(accept):
    with client() as here:
        asked = {"content": sound(), "headers": {"Accept": accept}}
        first, second = lines(here.post("/v1/predict?features=true&explain=true", **asked))
        assert first | second == here.post("/v1/predict?features=true&explain=true", content=sound()).json()
        assert set(second) == {"explanation"}
        (only,) = lines(here.post("/v1/predict", **asked))
        assert only == here.post("/v1/predict", content=sound()).json()


def test_what_cannot_be_used_is_refused_in_lines_too():
    with client() as here:
        refusal(here.post("/v1/predict", content=b"no sound", headers={"Accept": "application/x-ndjson"}), 422)
        assert "sutja_waiting 0.0" in here.get("/metrics").text


def test_in_lines_a_clip_is_decoded_once(monkeypatch):
    counts = []

    def counting(predictor, *arguments):
        with counted(decode, power_spectrogram) as calls:
            result = examine(predictor, *arguments)
        counts.append(calls)
        return result

    examine = Predictor.examine
    monkeypatch.setattr(Predictor, "examine", counting)
    with client() as here:
        lines(here.post("/v1/predict?explain=true", content=sound(), headers={"Accept": "application/x-ndjson"}))
    assert counts == [{"decode": 1, "power_spectrogram": 1}]


def test_the_answer_comes_before_the_explanation():
    """The explanation waits until the answer has been read: over a socket, as a browser reads it."""
    with running() as service, service.connect() as connection:
        headers = "Accept: application/x-ndjson"
        connection.sendall(request("/v1/predict?explain=true", sound(), headers=headers))
        content, times = b"", {}
        while b"0\r\n\r\n" not in content:
            content += connection.recv(65_536)
            for name in (b'"label"', b'"explanation"'):
                if name in content:
                    times.setdefault(name, time.perf_counter())
    first, second = times[b'"label"'], times[b'"explanation"']
    assert second - first > 0.02  # 800 times through the network


def test_where_there_is_no_place_for_the_explanation_the_answer_stays(monkeypatch):
    """Between the two lines others took the one place."""
    here = app(Limits(n_waiting=1))
    service = here.state.service

    async def both() -> list[bytes]:
        examination = model().examine(sound())
        given = module._lines(service, b"answer\n", examination)
        told = [await anext(given)]
        with service.waiting.taken():
            told += [line async for line in given]
        return told

    first, second = asyncio.run(both())
    assert first == b"answer\n"
    assert "try again" in json.loads(second)["error"]
    assert service.waiting.n_taken == 0


def test_a_client_that_goes_between_the_lines_leaves_nothing_taken():
    with running() as service:
        for _ in range(4):
            with service.connect() as connection:
                headers = "Accept: application/x-ndjson"
                connection.sendall(request("/v1/predict?explain=true", sound(), headers=headers))
                connection.recv(65_536)
        time.sleep(0.5)
        with service.connect() as connection:
            connection.sendall(request("/metrics", method="GET"))
            assert b"sutja_waiting 0.0" in answer(connection)[2]


# -- below a prefix ---------------------------------------------------------------------------------------------------


def below(prefix: str, access: Access | None = None) -> TestClient:
    outer = Starlette(routes=[Mount(prefix, app(access=access))])
    return TestClient(outer, base_url="http://localhost:8765", raise_server_exceptions=False)


def wav_of(*strings: str, **how: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, said(*strings, **how), how.get("rate", 16_000), format="WAV")
    return file.getvalue()


def test_strings_are_transcribed_as_the_library_does():
    content = wav_of("abba", "cd")
    expected = transcribe(content, string_bundle())
    with tones() as here:
        assert here.get("/model").json()["can_transcribe"] is True
        raw = here.post("/v1/transcribe", content=content).json()
        form = here.post("/v1/transcribe", files={"file": ("a.wav", content)}).json()
    assert raw == form
    assert raw == json.loads(json.dumps(raw))
    assert raw["text"] == expected.text == "abbacd"
    assert raw["strings"] == json.loads(json.dumps([whole_record(string) for string in expected.strings]))
    assert raw["duration_seconds"] == pytest.approx(4.8, abs=0.01)


def test_strings_of_a_known_length_and_out_of_a_list():
    content = wav_of("ab", "cd", pause=0.3)
    with tones() as here:
        for how in ({"params": {"length": "2"}}, {"data": {"length": "2"}}, {"params": {"strings": "ab,cd"}},
                    {"data": {"strings": "ab\ncd"}}, {"params": {"length": "2"}, "data": {"length": "2"}}):  # fmt: skip
            told = here.post("/v1/transcribe", files={"file": ("a.wav", content)}, **how).json()
            assert [string["text"] for string in told["strings"]] == ["ab", "cd"], how


def test_silence_is_an_empty_string():
    with tones() as here:
        for address in ("/v1/transcribe", "/v1/transcribe?length=4"):
            told = here.post(address, content=wav_of()).json()
            assert told == {"text": "", "strings": [], "duration_seconds": 1.0}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("length=0", "length 0; expected 1 to"),
        ("length=x", "is no number of words; expected 4, or 4-6"),
        (f"length={'9' * 5000}", "is no number of words; expected 4, or 4-6"),
        ("length=", "is no number of words; expected 4, or 4-6"),
        ("strings=xyz", "'xyz', which the model does not know; expected words out of a, b, c, d"),
        ("strings=", "the list of strings is empty; expected"),
        ("length=2&strings=ab", "a length and a list of strings; expected one of them"),
    ],
)
def test_strings_that_are_none(query, expected):
    with tones() as here:
        assert expected in refusal(here.post(f"/v1/transcribe?{query}", content=wav_of("ab")), 422)


def test_an_address_and_a_form_that_contradict_each_other():
    with tones() as here:
        files = {"file": ("a.wav", wav_of("ab"))}
        response = here.post("/v1/transcribe?length=4", files=files, data={"length": "2"})
    assert "the address and the form say another length; expected one" in refusal(response, 422)


def test_recordings_of_strings_that_cannot_be_used():
    with tones(Limits(clip_bytes=200_000)) as here:
        refused_response = here.post("/v1/transcribe", content=b"no sound")
        assert "cannot be decoded" in refusal(refused_response, 422)
        assert "more than 200000 bytes" in refusal(here.post("/v1/transcribe", content=wav_of("a" * 30)), 413)
        refusal(here.post("/v1/transcribe", content=b"{}", headers={"content-type": "application/json"}), 415)
    long = string_bundle()
    long = replace(long, audio=replace(long.audio, max_seconds=2.0))
    with TestClient(create_app(Predictor(long)), base_url="http://localhost:8765") as here:
        response = here.post("/v1/transcribe", content=wav_of("abba", "ab"))
    assert "longer than 2 s; expected at most that; send it in parts" in refusal(response, 422)
    assert response.headers["Sutja-Refusal"] == "too_long"


def test_a_model_of_single_words_transcribes_nothing():
    single = Predictor(replace(string_bundle(), strings=None))
    with TestClient(create_app(single), base_url="http://localhost:8765") as here:
        assert here.get("/model").json()["can_transcribe"] is False
        assert "knows single words, not words in a row" in refusal(
            here.post("/v1/transcribe", content=wav_of("a")), 422
        )


def test_below_a_prefix_all_is_as_it_was():
    here = below("/sutja")
    assert here.get("/sutja").url.path == "/sutja/"
    assert here.get("/sutja/static/index.html").url.path == "/sutja/"
    assert here.get("/sutja/model").json() == client().get("/model").json()
    told = here.post("/sutja/v1/predict", content=sound()).json()
    assert told["probabilities"] == model().predict(sound()).probabilities
    with listening(here, {}, "/sutja/v1/stream?sample_rate=16000") as socket:
        socket.send_text('{"type":"end"}')
        assert socket.receive_json() == {"type": "done"}
    text = here.get("/sutja/metrics").text
    assert 'path="/v1/predict",status="200"} 1.0' in text
    assert 'path="other"' not in text


def test_below_a_prefix_the_same_doors_are_open():
    here = below("/sutja", Access("a-token-long-enough"))
    for path in ("/", "/health", "/docs", "/openapi.json", "/static/app.js"):
        assert here.get(f"/sutja{path}").status_code == 200, path
    refusal(here.get("/sutja/model"), 401)
    refusal(here.get("/sutja/static"), 401)


def test_documents_name_each_other_relative_to_where_they_stand():
    with client() as here:
        assert here.get("/openapi.json").json()["servers"] == [{"url": "."}]
        for address in ("/", "/docs"):
            links = re.findall(r"""(?:href|src)=["']?([^"'\s>]+)""", here.get(address).text)
            assert links
            assert not [link for link in links if link.startswith(("/", "http"))]


def test_a_fault_of_ours_is_a_500_that_says_so(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(module.answers, "answer", broken)
    with client() as here:
        found = here.post("/v1/predict", content=sound())
        assert "a fault of the service" in refusal(found, 500)
        assert "Zero" not in found.text
        assert here.get("/health").status_code == 200


def same_everywhere(paths) -> None:
    by_path = [json.loads(line) for line in sutja("predict", *paths, "--json").stdout.splitlines()]
    with client() as here:
        for path, line in zip(paths, by_path, strict=True):
            expected = model().predict(path)
            content = path.read_bytes()
            raw = here.post("/v1/predict", content=content).json()
            form = here.post("/v1/predict", files={"file": (path.name, content)}).json()
            (one,) = here.post("/v1/predict/batch", files=form_of("files", (path.name, content))).json()["predictions"]
            assert raw["probabilities"] == form["probabilities"] == one["probabilities"] == expected.probabilities
            assert raw["label"] == form["label"] == one["label"] == expected.label == line["label"]
            assert raw["rejected"] == expected.rejected == line["rejected"]
            assert line["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)  # it works in batches


def test_the_same_answer_everywhere(tmp_path):
    paths = []
    for form in ("WAV", "FLAC", "OGG", "MP3"):
        for seconds in (0.2, 0.7, 1.5):
            paths.append(tmp_path / f"{seconds}.{form.lower()}")
            paths[-1].write_bytes(sound(seconds, form, 44_100))
    same_everywhere(paths)


@pytest.mark.corpus
def test_the_same_answer_everywhere_for_100_real_clips(corpora):
    found = [
        path
        for corpus in ("fsdd", "english_volunteers", "audiomnist_sample", "speech_commands")
        for path in sorted(p for p in (corpora / corpus).rglob("*") if p.suffix in (".wav", ".flac"))
    ]
    same_everywhere(found[:: len(found) // 100][:100])
