"""The OpenAPI document: what it promises is kept, for whatever schemathesis thinks of asking."""

from __future__ import annotations

import io

import pytest
import soundfile
from hypothesis import HealthCheck, settings, strategies
from schemathesis.specs.openapi.checks import positive_data_acceptance
from service import app, client, form_of, model, sound, tones
from strings import said

from sutja.server import openapi
from sutja.server.settings import Access, Limits

schemathesis = pytest.importorskip("schemathesis")
schemathesis.openapi.media_type("audio/wav", strategies.sampled_from([sound(), sound(0.1), b"", b"RIFF"]))
schema = schemathesis.openapi.from_asgi(
    "/openapi.json", app(Limits(clip_bytes=50_000, batch_bytes=100_000), Access(hosts=()))
)


@schema.parametrize()
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked(case):
    # Most of what it sends as sound is none, and is refused although the document, which knows no sounds, allows it.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


def test_answers_are_what_the_document_says():
    import jsonschema_rs

    document = openapi.document(Limits(), model().labels)

    def check(name: str, value: object) -> None:
        jsonschema_rs.validator_for({**document, "$ref": f"#/components/schemas/{name}"}).validate(value)

    with client() as here:
        check("Model", here.get("/model").json())
        check("Health", here.get("/health").json())
        check("Answer", here.post("/v1/predict?features=true&explain=true", content=sound()).json())
        files = form_of("files", ("a.wav", sound()), ("b.wav", b"x"))
        check("Answers", here.post("/v1/predict/batch?features=true", files=files).json())
        check("Transcript", here.post("/v1/transcribe", content=sound()).json())
        check("Error", here.post("/v1/predict", content=b"x").json())


def test_transcripts_are_what_the_document_says():
    import jsonschema_rs

    document = {**openapi.document(Limits(), model().labels), "$ref": "#/components/schemas/Transcript"}
    file = io.BytesIO()
    soundfile.write(file, said("abba", "c"), 16_000, format="WAV")
    with tones() as here:
        told = here.post("/v1/transcribe", content=file.getvalue()).json()
    assert len(told["strings"]) == 2
    jsonschema_rs.validator_for(document).validate(told)


def test_every_route_is_in_it():
    from sutja.server.app import _paths

    left_out = {"/", "/docs", "/openapi.json", "/v1/stream"}  # a page, itself, and what OpenAPI cannot say
    assert set(openapi.document(Limits(), ["0"])["paths"]) == set(_paths()) - left_out
