"""The routes, and that a clip gets the same answer from Python, the shell and HTTP."""

from __future__ import annotations

import json

import pytest
from helpers import sutja
from service import client, form_of, model, refusal, sound

from sutja.server import app as module


def test_the_simple_routes():
    with client() as here:
        assert here.get("/health").json() == {"status": "ok"}
        assert here.get("/model").json()["labels"] == list(model().labels)
        assert here.get("/openapi.json").json()["openapi"].startswith("3.1")
        assert here.get("/").headers["content-type"] == "text/html; charset=utf-8"
        assert here.get("/static/index.html").text == here.get("/").text
        assert here.head("/").status_code == 200


def test_the_pages_files_have_their_types():
    kinds = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
    files = [path for path in module.STATIC.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".js", ".css", ".html"}
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
