"""Teaching over HTTP: takes in, out and away, a model in a second, and which model answers."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest
from lessons import WORDS, body, recording, sound
from starlette.testclient import TestClient

import sutja
from sutja.errors import needs
from sutja.server import lessons
from sutja.server.app import create_app
from sutja.server.settings import Access, Limits
from sutja.workshop import Workshop


@pytest.fixture
def here(tmp_path):
    first = body()
    app = create_app(first, "first", workshop=Workshop(tmp_path / "mine", first))
    with TestClient(app, base_url="http://localhost:8765", raise_server_exceptions=False) as client:
        yield client


def add(here, word: str, seed: int, speaker: str = "anna", content: bytes | None = None):
    content = recording(word, seed) if content is None else content
    headers = {"Content-Type": "audio/wav"}
    return here.post("/v1/teach/takes", params={"label": word, "speaker": speaker}, content=content, headers=headers)


def fill(here, n_takes: int = 3) -> None:
    for word in ("stop", "go"):
        for take in range(n_takes):
            assert add(here, word, take).status_code == 201


def tried(here, word: str, seed: int = 77) -> dict:
    answer = here.post("/v1/teach/try", content=recording(word, seed), headers={"Content-Type": "audio/wav"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_recording_is_judged_by_what_stood_and_by_what_is_taught(here):
    refused = here.post("/v1/teach/try", content=recording("stop", 1), headers={"Content-Type": "audio/wav"})
    assert refused.status_code == 409
    fill(here)
    here.post("/v1/teach")
    said = tried(here, "stop")
    assert said["before_is"] == "first"
    assert set(said["before"]["probabilities"]) == {"a", "b"}
    assert said["taught"]["label"] == "stop"
    assert here.get("/model").json()["labels"] == ["a", "b"]  # nothing that is in use changed
    assert len(here.get("/v1/teach").json()["takes"]) == 6  # and nothing is kept
    for take in range(3):
        add(here, "lamp on", take)
    here.post("/v1/teach")  # what was taught before never answered: the first model did
    assert tried(here, "lamp on")["before_is"] == "first"
    here.post("/v1/teach/use", params={"model": "taught"})
    here.post("/v1/teach")
    said = tried(here, "lamp on")
    assert said["before_is"] == "taught"
    assert said["before"]["label"] == said["taught"]["label"] == "lamp on"
    refused = here.post("/v1/teach/try", content=b"no sound", headers={"Content-Type": "audio/wav"})
    assert refused.status_code in (415, 422)


def test_from_empty_to_live_and_back(here, tmp_path):
    assert here.get("/v1/teach").json() == {"takes": [], "words": [], "taught": None, "in_use": "first"}
    fill(here)
    state = here.get("/v1/teach").json()
    assert state["words"] == [
        {"label": "go", "n_takes": 3, "speakers": ["anna"]},
        {"label": "stop", "n_takes": 3, "speakers": ["anna"]},
    ]
    said = here.post("/v1/teach").json()
    assert said["labels"] == ["go", "stop"]
    assert said["protocol"] == "clips"
    assert [one["kind"] for one in said["advice"]] == ["one_voice"]
    assert "한 목소리" in said["advice"][0]["text"]["ko"]
    assert here.get("/model").json()["labels"] == ["a", "b"]  # nothing that is in use changed
    assert here.post("/v1/teach/use", params={"model": "taught"}).json() == {"in_use": "taught"}
    assert here.get("/model").json()["labels"] == ["go", "stop"]
    wave = recording("go", 60)
    answer = here.post("/v1/predict", content=wave, headers={"Content-Type": "audio/wav"}).json()
    assert answer["label"] == "go"
    assert here.post("/v1/teach/use", params={"model": "first"}).json() == {"in_use": "first"}
    assert here.get("/model").json()["labels"] == ["a", "b"]


def test_a_model_that_answers_is_taught_anew_at_once(here):
    fill(here)
    here.post("/v1/teach")
    here.post("/v1/teach/use", params={"model": "taught"})
    for take in range(3):
        add(here, "lamp on", take)
    assert here.get("/model").json()["labels"] == ["go", "stop"]
    here.post("/v1/teach")
    assert here.get("/model").json()["labels"] == ["go", "lamp on", "stop"]


def test_takes_are_heard_and_taken_away(here):
    take = add(here, "lamp on", 0, "안나").json()
    assert take["name"] == "lamp_on/안나_001.wav"
    heard = here.get(f"/v1/teach/takes/{take['name']}")
    assert heard.headers["content-type"] == "audio/wav"
    assert heard.content[:4] == b"RIFF"
    assert here.delete(f"/v1/teach/takes/{take['name']}").status_code == 204
    assert here.get("/v1/teach").json()["takes"] == []
    gone = here.get(f"/v1/teach/takes/{take['name']}")
    assert gone.status_code == 422
    assert "is not there" in gone.json()["error"]


@pytest.mark.parametrize("name", ["../../secret", "metadata.csv", "%2e%2e/x.wav"])
def test_nothing_but_takes_is_given_out(here, name):
    add(here, "stop", 0)
    found = here.get(f"/v1/teach/takes/{name}")
    assert found.status_code in (404, 422)


def test_the_model_is_taken_along(here, tmp_path):
    assert here.get("/v1/teach/model.zip").status_code == 409
    fill(here)
    here.post("/v1/teach")
    content = here.get("/v1/teach/model.zip").content
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    (tmp_path / "my_words.zip").write_bytes(content)
    model = sutja.load(tmp_path / "my_words.zip")
    assert model.predict(sound(WORDS["stop"], np.random.default_rng(70))).label == "stop"


@pytest.mark.parametrize(
    ("word", "speaker", "content", "status", "message"),
    [
        (" ", "anna", None, 422, "a word is blank"),
        ("stop", " ", None, 422, "a speaker is blank"),
        ("x" * 101, "anna", None, 422, "a word has 101 letters; expected at most 100"),
        ("stop", "x" * 101, None, 422, "a speaker has 101 letters"),
        ("stop\nnow", "anna", None, 422, "holds what cannot be shown in a line"),
        ("_unknown_", "anna", None, 422, "is what data sets call sounds that are no word"),
        ("stop", "anna", b"", 422, "nothing there"),
        ("stop", "anna", b"nothing", 422, ""),
        ("stop", "anna", recording(level=0.0), 422, "nothing was heard"),
        ("stop", "anna", recording(level=1e9), 422, "clipped"),
    ],
)
def test_takes_that_are_refused(here, word, speaker, content, status, message):
    found = add(here, word, 0, speaker, content)
    assert found.status_code == status
    assert message in found.json()["error"]
    assert here.get("/v1/teach").json()["takes"] == []


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "nothing there"), (b"nothing", "cannot be decoded"), (recording(level=0.0), "zero")]
)
def test_what_cannot_be_tried_is_refused_in_words(here, content, message):
    fill(here)
    here.post("/v1/teach")
    found = here.post("/v1/teach/try", content=content, headers={"Content-Type": "audio/wav"})
    assert found.status_code == 422
    assert message in found.json()["error"]
    assert tried(here, "stop")["taught"]["label"] == "stop"


def test_the_model_is_taken_along_as_onnx(here, monkeypatch):
    pytest.importorskip("onnx")
    assert here.get("/v1/teach/model.onnx").status_code == 409
    fill(here)
    here.post("/v1/teach")
    session = onnxruntime.InferenceSession(here.get("/v1/teach/model.onnx").content)
    assert json.loads(session.get_modelmeta().custom_metadata_map["labels"]) == ["go", "stop"]

    def without(_):
        raise needs("onnx", "onnx")

    monkeypatch.setattr(lessons, "_exported", without)
    refused = here.get("/v1/teach/model.onnx")
    assert refused.status_code == 501
    assert refused.headers["sutja-refusal"] == "not_installed"
    assert "pip install 'sutja[onnx]'" in refused.json()["error"]


def test_a_full_disk_is_told_and_leaves_nothing(here, tmp_path, monkeypatch):
    fill(here)
    here.post("/v1/teach")
    before = sorted(path.name for path in (tmp_path / "mine").rglob("*"))

    def full(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("sutja.takes._write_wav", full)
        found = add(here, "stop", 9)
        assert found.status_code == 507
        assert found.headers["sutja-refusal"] == "disk"
        assert "No space left" in found.json()["error"]
    assert sorted(path.name for path in (tmp_path / "mine").rglob("*")) == before
    with monkeypatch.context() as patched:
        patched.setattr(lessons, "TemporaryDirectory", full)
        assert here.get("/v1/teach/model.zip").status_code == 507
    assert add(here, "stop", 9).status_code == 201


def test_two_people_teach_at_once(here):
    with ThreadPoolExecutor(2) as pool:
        added = [pool.submit(add, here, "stop", 10 * n, name) for n in range(6) for name in ("anna", "ben")]
        assert {one.result().status_code for one in added} == {201}
    takes = here.get("/v1/teach").json()["takes"]
    assert len({take["name"] for take in takes}) == 12
    assert sorted(take["speaker"] for take in takes) == ["anna"] * 6 + ["ben"] * 6


def test_two_hundred_words_in_korean_with_spaces(here):
    labels = [f"불 켜 {n}" for n in range(200)]
    for n, label in enumerate(labels[:40]):
        for take in range(2):
            assert add(here, label, 2 * n + take).status_code == 201
    assert {word["label"] for word in here.get("/v1/teach").json()["words"]} == set(labels[:40])
    taught = here.post("/v1/teach").json()
    assert len(taught["labels"]) == 40


def test_why_it_is_refused_in_a_word(here):
    assert add(here, " ", 0).headers["sutja-refusal"] == "name"
    add(here, "stop", 0)
    assert add(here, "Stop", 1).headers["sutja-refusal"] == "name"
    assert here.post("/v1/teach").headers["sutja-refusal"] == "too_few"
    assert here.delete("/v1/teach/takes/stop/anna_009.wav").headers["sutja-refusal"] == "gone"


def test_what_cannot_be_asked(here):
    assert "no label; expected label=... in the address" in here.post("/v1/teach/takes", content=b"x").json()["error"]
    assert here.post("/v1/teach").status_code == 422
    add(here, "stop", 0)
    assert "only one label" in here.post("/v1/teach").json()["error"]
    for model, status in (("taught", 409), ("another", 422)):
        assert here.post("/v1/teach/use", params={"model": model}).status_code == status


def test_nobodys_name_is_logged_or_counted(here, caplog):
    caplog.set_level("INFO", logger="sutja")
    take = add(here, "stop", 0, "anna").json()
    here.get(f"/v1/teach/takes/{take['name']}")
    counted = here.get("/metrics").text
    assert 'path="/v1/teach/takes"' in counted
    assert "anna" not in counted
    logged = str([record.__dict__ for record in caplog.records if record.name.startswith("sutja")])
    assert "/v1/teach/takes/..." in logged
    assert "anna" not in logged


def test_it_is_described_where_it_can_be_done(here):
    described = here.get("/openapi.json").json()
    taught = {path for path in described["paths"] if path.startswith("/v1/teach")}
    assert taught == {route.path.replace(":path", "") for route in lessons.routes() if route.path.startswith("/v1")}
    for path in taught:
        methods = {m.lower() for r in lessons.routes() if r.path.replace(":path", "") == path for m in r.methods}
        assert set(described["paths"][path]) == methods - {"head"}
    fill(here)
    schemas = described["components"]["schemas"]
    assert set(here.get("/v1/teach").json()) == set(schemas["Lessons"]["properties"])
    assert set(here.post("/v1/teach").json()) == set(schemas["Taught"]["properties"])
    assert set(here.get("/v1/teach").json()["takes"][0]) == set(schemas["Take"]["properties"])
    assert "/v1/teach" in here.get("/docs").text
    with TestClient(create_app(body()), base_url="http://localhost:8765") as elsewhere:
        assert not [path for path in elsewhere.get("/openapi.json").json()["paths"] if "teach" in path]


def test_where_it_was_not_asked_for_nothing_can_be_taught(tmp_path):
    with TestClient(create_app(body()), base_url="http://localhost:8765") as here:
        assert here.get("/v1/teach").status_code == 404
        assert add(here, "stop", 0).status_code == 404


def test_the_token_guards_teaching_as_all_else(tmp_path):
    shop = Workshop(tmp_path / "mine", body())
    app = create_app(body(), workshop=shop, access=Access("a" * 20), limits=Limits())
    with TestClient(app, base_url="http://localhost:8765") as here:
        assert here.get("/v1/teach").status_code == 401
        assert here.get("/teach").status_code == 200  # the page itself, which asks for the token
        assert here.get("/v1/teach", headers={"Authorization": f"Bearer {'a' * 20}"}).status_code == 200
