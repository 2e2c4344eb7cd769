"""The description of the service that programs read: OpenAPI 3.1, written by hand and held to by the tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sutja
from sutja.runs import ADVICE_KINDS
from sutja.server.settings import Limits
from sutja.texts import LANGUAGES

Schema = dict[str, Any]

STREAM = """\
WebSocket `/v1/stream?sample_rate=48000` listens to a microphone. Send PCM16 little-endian mono as binary messages; each
text message that comes back is one JSON object: `{"type":"level","time","dbfs"}` ten times a second,
`{"type":"word","start","end","label","rejected","probability","probabilities"}` when a word has ended,
`{"type":"error","error"}` before the service closes. Send the text `{"type":"end"}` to hear of the last word, then
`{"type":"done"}`. With `&strings=1`, and `&length=4` or `4-6` where that is known, or with
`&strings=4711,0815`, all that can be said, words need no pauses between them:
`{"type":"partial","time","labels","text"}` whenever it seems that more was said, `word` when one stands,
`{"type":"string","start","end","text","labels","probability","complete","alternatives"}` when its string has ended.
Where a token is needed, browsers give it as `&token=`."""

NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 1}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
TEXT: Schema = {"type": "string"}
GRID: Schema = {"type": "array", "items": {"type": "array", "items": NUMBER}, "description": "`n_bins` rows"}
LATTICE: Schema = {
    "values": GRID,
    "n_bins": COUNT,
    "n_frames": COUNT,
    "hop_seconds": NUMBER,
    "start_seconds": NUMBER | {"description": "Of the first frame in the clip; below 0 where frames were put before"},
}
SOUND = {"schema": {"type": "string", "format": "binary"}}

REFUSALS = {
    "400": "The request or its form cannot be read.",
    "401": "The token is missing or wrong.",
    "403": "A page of another origin asks.",
    "408": "The body took too long.",
    "413": "Too many bytes.",
    "415": "The Content-Type is no sound.",
    "421": "The Host header is not this service's name.",
    "409": "Nothing is taught yet.",
    "422": "The recording or a parameter cannot be used: damaged, too short, too long, silent; too many files.",
    "431": "The headers are too long.",
    "501": "The service lacks the package that this needs.",
    "503": "The service has as much work as it can take. Try again after `Retry-After` seconds.",
    "507": "The disk takes no more.",
}


def document(limits: Limits, labels: Sequence[str], *, teaching: bool = False) -> Schema:
    """Write the document for a model with these labels, with what teaches others where that can be done."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sutja",
            "version": sutja.__version__,
            "description": "Spoken digits, or any small vocabulary: offline, on this machine.\n\n" + STREAM,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],  # where this document lies, also below a prefix
        "security": [{}, {"token": []}],
        "paths": {
            "/v1/predict": {"post": _predict(limits)},
            "/v1/predict/batch": {"post": _predict_batch(limits)},
            "/v1/transcribe": {"post": _transcribe(limits)},
            "/model": {"get": _get("What the model is and what it takes", "Model", "401")},
            "/health": {"get": _get("Whether the service answers", "Health")},
            "/metrics": {"get": _metrics()},
            **(_teaching(limits) if teaching else {}),
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(labels) | (_taught() if teaching else {}),
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, *optional: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _response(description: str, name: str) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": _ref(name)}}}


def _refusals(*statuses: str) -> Schema:
    """Describe refusals; the door's own come with every path."""
    responses = {status: _response(REFUSALS[status], "Error") for status in sorted({"400", "421", "431", *statuses})}
    if "503" in responses:
        responses["503"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return responses


def _get(summary: str, name: str, *statuses: str) -> Schema:
    return {"summary": summary, "responses": {"200": _response(summary, name), **_refusals(*statuses)}}


def _metrics() -> Schema:
    counters = {"description": "Counters, as Prometheus reads them", "content": {"text/plain": {"schema": TEXT}}}
    return {"summary": "What the service has counted", "responses": {"200": counters, **_refusals("401")}}


def _flags() -> list[Schema]:
    flags = {
        "features": "Also what each network was shown",
        "explain": "Also which part of the clip carried the decision; takes some tenths of a second",
    }
    flag = {"type": "boolean", "default": False}
    return [
        {"name": name, "in": "query", "required": False, "description": text, "schema": flag}
        for name, text in flags.items()
    ]


def _form(field: str, schema: Schema) -> Schema:
    return {"schema": {"type": "object", "properties": {field: schema}, "required": [field]}}


def _predict(limits: Limits) -> Schema:
    return {
        "summary": "Which word is it",
        "description": f"One recording of at most {limits.clip_bytes} bytes: wav, flac, ogg, mp3 or aiff at any rate, "
        "as the body itself or as the field `file` of a form. A client that accepts `application/x-ndjson` gets lines: "
        "the answer as soon as it is there, then, with `explain=true`, an object with `explanation`, or with `error` "
        "where the service has no place left for it.",
        "parameters": _flags(),
        "requestBody": {
            "required": True,
            "content": {
                "audio/wav": SOUND,
                "application/octet-stream": SOUND,
                "multipart/form-data": _form("file", SOUND["schema"]),
            },
        },
        "responses": {
            "200": _answer_or_lines(),
            **_refusals("401", "403", "408", "413", "415", "422", "503"),
        },
    }


def _answer_or_lines() -> Schema:
    response = _response("What the recording is taken for", "Answer")
    response["content"]["application/x-ndjson"] = {"schema": TEXT}
    return response


def _predict_batch(limits: Limits) -> Schema:
    files = {"type": "array", "items": SOUND["schema"], "minItems": 1, "maxItems": limits.batch_files}
    return {
        "summary": "Which words are they",
        "description": f"Up to {limits.batch_files} recordings, {limits.batch_bytes} bytes in all, as fields `files` "
        "of a form. One that cannot be used has its error in its place.",
        "parameters": _flags(),
        "requestBody": {"required": True, "content": {"multipart/form-data": _form("files", files)}},
        "responses": {
            "200": _response("An answer for each, in order", "Answers"),
            **_refusals("401", "403", "408", "413", "415", "422", "503"),
        },
    }


def _transcribe(limits: Limits) -> Schema:
    texts = {
        "length": "How many words each string has: `4`, or `4-6`",
        "strings": "All strings that can be said, with line breaks or commas between them",
    }
    fields = {name: TEXT | {"description": text} for name, text in texts.items()}
    form = {"schema": {"type": "object", "properties": {"file": SOUND["schema"], **fields}, "required": ["file"]}}
    asked = [
        {"name": name, "in": "query", "required": False, "description": text, "schema": TEXT}
        for name, text in texts.items()
    ]
    return {
        "summary": "Which words are said in a row, and when",
        "description": f"One recording of at most {limits.clip_bytes} bytes, as `/v1/predict` takes it. `length` and "
        "`strings` contradict each other. Where nothing is said `text` and `strings` are empty.",
        "parameters": asked,
        "requestBody": {
            "required": True,
            "content": {"audio/wav": SOUND, "application/octet-stream": SOUND, "multipart/form-data": form},
        },
        "responses": {
            "200": _response("The strings", "Transcript"),
            **_refusals("401", "403", "408", "413", "415", "422", "503"),
        },
    }


def _transcripts() -> Schema:
    times = {"start": NUMBER, "end": NUMBER}
    label: Schema = {"type": ["string", "null"], "description": "null: not in the vocabulary"}
    word = {
        **times,
        "label": label,
        "rejected": {"type": "boolean"},
        "probability": SHARE,
        "probabilities": {"type": "object", "additionalProperties": SHARE},
    }
    alternative = {"text": TEXT, "labels": {"type": "array", "items": TEXT}, "probability": SHARE}
    string = {
        **times,
        "text": TEXT | {"description": "`?` stands for a word that is not in the vocabulary"},
        "labels": {"type": "array", "items": label},
        "probability": SHARE,
        "complete": {"type": "boolean", "description": "Whether it is as long as was asked for"},
        "alternatives": {"type": "array", "items": _object(alternative)},
        "words": {"type": "array", "items": _ref("SpokenWord")},
    }
    transcript = {"text": TEXT, "strings": {"type": "array", "items": _ref("String")}, "duration_seconds": NUMBER}
    return {"Transcript": _object(transcript), "String": _object(string), "SpokenWord": _object(word)}


def _schemas(labels: Sequence[str]) -> Schema:
    by_label = _object(dict.fromkeys(labels, SHARE))
    said: Schema = {
        "type": ["string", "null"],
        "description": "A label; all of them in a row, as `4711`, where there are `words`; null: not in the vocabulary",
    }
    answer = {
        "label": said,
        "rejected": {"type": "boolean"},
        "probability": SHARE,
        "probabilities": by_label,
        "members": {"type": "object", "additionalProperties": by_label},
        "duration_seconds": NUMBER,
        "n_words": COUNT | {"description": "That the recording seems to hold; of several, one is judged"},
        "word_at": NUMBER | {"description": "Where that one begins, seconds"},
        "text": TEXT | {"description": "Of several words, `?` for one that is not in the vocabulary"},
        "words": {"type": "array", "items": _ref("SpokenWord")},
        "features": {"type": "object", "additionalProperties": _object(LATTICE)},
        "explanation": _ref("Explanation"),
    }
    optional = ("features", "explanation", "n_words", "word_at", "text", "words")
    return {
        "Answer": _object(answer, *optional),
        "NamedAnswer": _object({"file": TEXT, **answer}, *optional),
        "NamedError": _object({"file": TEXT, "error": TEXT}),
        "Answers": _object(
            {"predictions": {"type": "array", "items": {"oneOf": [_ref("NamedAnswer"), _ref("NamedError")]}}}
        ),
        **_transcripts(),
        "Explanation": _explanation(),
        "Model": _model(),
        "Health": _object({"status": {"const": "ok"}}),
        "Error": _object({"error": {"type": "string", "description": "What was found; what was expected; what to do"}}),
    }


def _explanation() -> Schema:
    segment = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
    properties = {
        "label": TEXT,
        "method": TEXT,
        **LATTICE,
        "log_mel": GRID,
        "segments": {"type": "array", "items": segment, "description": "Start and end, seconds, of what mattered"},
    }
    return _object(properties)


def _model() -> Schema:
    member = {
        "name": TEXT,
        "kind": {"enum": ["mel", "mfcc"]},
        "n_bins": COUNT,
        "n_frames": COUNT,
        "hop_seconds": NUMBER,
    }
    properties = {
        "name": TEXT,
        "labels": {"type": "array", "items": TEXT},
        "language": {"type": ["string", "null"], "description": "Of the vocabulary: en, ko, ...; null: not known"},
        "spoken": {"type": "object", "additionalProperties": TEXT, "description": "What is said for each label"},
        "sample_rate": COUNT,
        "threshold": {"type": ["number", "null"]},
        "members": {"type": "array", "items": _object(member)},
        "about": {"type": "object", "description": "Protocol, scores, data"},
        "licence": {"type": ["string", "null"]},
        "sutja": TEXT,
        "limits": _object({"bytes": COUNT, "seconds": NUMBER}),
        "suffixes": {"type": "array", "items": TEXT, "description": "Of the files that it decodes"},
        "can_teach": {"type": "boolean", "description": "Whether words can be taught, as `/v1/teach` says"},
        "can_transcribe": {"type": "boolean", "description": "Whether it knows words in a row: `/v1/transcribe`"},
        "can_explain": {"type": "boolean", "description": "Whether `explain=true` is answered"},
    }
    return _object(properties)


def _teaching(limits: Limits) -> Schema:
    refusals = ("401", "403", "422", "503", "507")
    name = _asked("name", "Of the take, as it is listed", "path")
    names = [_asked("label", "The word that is said"), _asked("speaker", "Who says it")]
    which = [_asked("model", "`first` or `taught`") | {"schema": {"type": "string", "enum": ["first", "taught"]}}]
    sound = {"description": "The recording", "content": {"audio/wav": SOUND}}
    archive = {"description": "The model, as every command takes it", "content": {"application/zip": SOUND}}
    onnx = {"description": "The file, proved", "content": {"application/octet-stream": SOUND}}
    return {
        "/v1/teach": {
            "get": _get("What is there to teach, and what is taught", "Lessons", "401", "503"),
            "post": {
                "summary": "Teach all takes; the model that answers stays as it is, unless it is the taught one",
                "responses": {
                    "200": _response("How good it is, and what to do next", "Taught"),
                    **_refusals(*refusals),
                },
            },
        },
        "/v1/teach/takes": {
            "post": {
                "summary": "Keep a take of a word",
                "description": f"One recording of at most {limits.clip_bytes} bytes and ten seconds. A take that would "
                "teach nothing (clipped, too quiet, too short) is refused, with what to do.",
                "parameters": names,
                "requestBody": {"required": True, "content": {"audio/wav": SOUND}},
                "responses": {"201": _response("The take", "Take"), **_refusals("408", "413", "415", *refusals)},
            }
        },
        "/v1/teach/takes/{name}": {
            "get": {
                "summary": "Hear a take",
                "parameters": [name],
                "responses": {"200": sound, **_refusals(*refusals)},
            },
            "delete": {
                "summary": "Take a take away",
                "parameters": [name],
                "responses": {"204": {"description": "It is gone"}, **_refusals(*refusals)},
            },
        },
        "/v1/teach/try": {
            "post": {
                "summary": "Ask the taught model, and the one that answered before it was taught",
                "description": "One recording, judged by both; it is not kept.",
                "requestBody": {"required": True, "content": {"audio/wav": SOUND}},
                "responses": {
                    "200": _response("What each says", "Compared"),
                    **_refusals("401", "403", "408", "409", "413", "415", "422", "503"),
                },
            }
        },
        "/v1/teach/use": {
            "post": {
                "summary": "Say which model answers: the one that the service began with, or the taught one",
                "parameters": which,
                "responses": {"200": _response("Which one answers", "InUse"), **_refusals("409", *refusals)},
            }
        },
        "/v1/teach/model.zip": {
            "get": {"summary": "Take the model along", "responses": {"200": archive, **_refusals("409", *refusals)}}
        },
        "/v1/teach/model.onnx": {
            "get": {
                "summary": "Take it along as one ONNX file: the raw waveform in, probabilities out",
                "responses": {"200": onnx, **_refusals("401", "409", "501", "503")},
            }
        },
    }


def _asked(name: str, description: str, place: str = "query") -> Schema:
    return {"name": name, "in": place, "required": True, "description": description, "schema": TEXT}


def _taught() -> Schema:
    texts: Schema = {"type": "array", "items": TEXT}
    pair: Schema = {"type": ["array", "null"], "items": SHARE}
    share = {"n_clips": COUNT, "accuracy": SHARE, "interval95": pair}
    use: Schema = {"enum": ["first", "taught"]}
    taught = {
        "labels": texts,
        "protocol": {"enum": ["clips", "speakers"], "description": "What was held out where it was measured"},
        "n_clips": COUNT,
        "n_speakers": {"type": "integer", "minimum": 0},
        "accuracy": SHARE,
        "interval95": pair,
        "confusion_matrix": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        "by_label": {"type": "object", "additionalProperties": _object(share)},
        "refused": {"type": ["number", "null"]},
        "others_taken": {"type": ["number", "null"]},
        "confused": {
            "type": "array",
            "items": _object({"name": TEXT, "label": TEXT, "heard": TEXT}),
            "description": "Takes that were taken for another word where they were not learned from",
        },
        "advice": {
            "type": "array",
            "items": _object({"kind": {"enum": list(ADVICE_KINDS)}, "text": _object(dict.fromkeys(LANGUAGES, TEXT))}),
            "description": "What to do next, the most helpful first, in each language",
        },
        "seconds": {"type": ["number", "null"]},
    }
    take = {"name": TEXT, "label": TEXT, "speaker": TEXT, "seconds": NUMBER, "peak_dbfs": NUMBER}
    word = _object({"label": TEXT, "n_takes": COUNT, "speakers": texts})
    said = _object(
        {
            "label": {"type": ["string", "null"], "description": "null: none of its words"},
            "rejected": {"type": "boolean"},
            "probability": SHARE,
            "probabilities": {"type": "object", "additionalProperties": SHARE},
        }
    )
    lessons = {
        "takes": {"type": "array", "items": _ref("Take")},
        "words": {"type": "array", "items": word},
        "taught": {"oneOf": [_ref("Taught"), {"type": "null"}]},
        "in_use": use,
    }
    return {
        "Take": _object(take),
        "Taught": _object(taught),
        "Lessons": _object(lessons),
        "InUse": _object({"in_use": use}),
        "Compared": _object({"before_is": use, "before": said, "taught": said}),
    }
