"""What the predictor says, as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sutja
from sutja.bundle import Member
from sutja.errors import AudioError, BundleError
from sutja.folders import readable_suffixes
from sutja.predictor import Examination, Prediction, Predictor
from sutja.relevance import explain_examined
from sutja.server.settings import Limits
from sutja.strings.grammar import Grammar, parse_length
from sutja.strings.transcriber import SpokenString, Transcript
from sutja.transcription import Transcriber
from sutja.transcripts import several_record, whole_record

DECIMALS = 4  # of features and relevance, which are drawn; probabilities keep all of theirs


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a client wants to know beside the prediction."""

    features: bool = False
    explain: bool = False


def to_json(value: Any) -> bytes:
    """Write JSON as it is sent."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def model_card(
    predictor: Predictor, name: str | os.PathLike[str], limits: Limits, *, teaching: bool = False
) -> dict[str, Any]:
    """Tell what a model is and what it takes."""
    bundle = predictor.bundle
    return {
        "name": Path(name).name,
        "labels": list(bundle.labels),
        "language": bundle.language,
        "spoken": dict(bundle.spoken),
        "sample_rate": bundle.audio.sample_rate,
        "threshold": bundle.threshold,
        "members": [_member(member, bundle.audio.sample_rate) for member in bundle.members],
        "about": dict(bundle.about),
        "licence": bundle.about.get("licence"),
        "sutja": sutja.__version__,
        "limits": {"bytes": limits.clip_bytes, "seconds": bundle.audio.max_seconds},
        "suffixes": list(readable_suffixes()),
        "can_teach": teaching,
        "can_transcribe": bundle.strings is not None,
        "can_explain": True,  # a page over another service, or over none, may have to do without
    }


def prediction(predicted: Prediction) -> dict[str, Any]:
    """Tell a prediction alone."""
    return {
        "label": predicted.label,
        "rejected": predicted.rejected,
        "probability": predicted.probability,
        "probabilities": predicted.probabilities,
    }


def answer(predictor: Predictor, content: bytes, wanted: Wanted) -> dict[str, Any]:
    """Tell what a recording is taken for, and all that is wanted beside.

    Raises
    ------
    AudioError
        When the recording cannot be used.

    """
    examination = predictor.examine(content)
    answered = examined(predictor, examination, wanted)
    return answered | (explanation(predictor, examination) if wanted.explain else {})


# -- strings -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class AskedStrings:
    """Who transcribes, and which strings can be said."""

    transcriber: Transcriber
    grammar: Grammar


def asked_strings(transcriber: Transcriber | None, length: str | None, strings: str | None) -> AskedStrings:
    """Read which strings can be said: a length as people write it, or a list, with line breaks or commas between them.

    Raises
    ------
    BundleError
        When the model knows no strings.
    ConfigError
        When it is no length, or the model does not know a word.

    """
    if transcriber is None:
        raise BundleError(
            "the model of this service knows single words, not words in a row; expected another model; ask /v1/predict"
        )
    listed = None if strings is None else transcriber.listed(strings.replace(",", "\n"))
    return AskedStrings(transcriber, transcriber.grammar(None if length is None else parse_length(length), listed))


def transcript(asked: AskedStrings, content: bytes, max_seconds: float) -> dict[str, Any]:
    """Tell the strings of a recording.

    Raises
    ------
    AudioError
        When the recording cannot be used, or is longer than ``max_seconds``.

    """
    seconds, found = 0.0, list[SpokenString]()

    def check(heard: float) -> None:
        nonlocal seconds
        seconds = heard
        if heard > max_seconds:
            raise AudioError(
                "audio", f"longer than {max_seconds:g} s; expected at most that; send it in parts", "too_long"
            )

    events = asked.transcriber.events(content, asked.grammar, on_heard=check)
    found += [event for event in events if isinstance(event, SpokenString)]
    return {
        "text": Transcript(tuple(found)).text,
        "strings": [whole_record(string) for string in found],
        "duration_seconds": seconds,
    }


# -- single words -----------------------------------------------------------------------------------------------------


def examined(predictor: Predictor, examination: Examination, wanted: Wanted) -> dict[str, Any]:
    """Tell what an examined recording is taken for, without what takes long: the explanation."""
    fields = prediction(examination.prediction)
    fields |= {"members": examination.members, "duration_seconds": examination.duration_seconds}
    fields |= several_record(examination.prediction)
    if wanted.features:
        starts = examination.start_seconds
        fields["features"] = {
            member.name: _grid(examination.features[member.name])
            | {"hop_seconds": _hop_seconds(member, predictor), "start_seconds": starts[member.name]}
            for member in predictor.bundle.members
        }
    return fields


def explanation(predictor: Predictor, examination: Examination) -> dict[str, Any]:
    """Tell which part of an examined recording carried the decision: the answer's field ``explanation``."""
    explained = explain_examined(predictor, examination)
    fields = {
        "label": explained.label,
        "method": explained.method,
        **_grid(explained.relevance),
        "log_mel": _rounded(explained.log_mel),
        "hop_seconds": explained.hop_seconds,
        "start_seconds": explained.start_seconds,
        "segments": [list(segment) for segment in explained.segments],
    }
    return {"explanation": fields}


def _member(member: Member, sample_rate: int) -> dict[str, Any]:
    features = member.features
    return {
        "name": member.name,
        "kind": "mel" if features.n_mfcc is None else "mfcc",
        "n_bins": features.n_bins,
        "n_frames": features.n_frames,
        "hop_seconds": features.hop_length / sample_rate,
    }


def _hop_seconds(member: Member, predictor: Predictor) -> float:
    return member.features.hop_length / predictor.bundle.audio.sample_rate


def _grid(values: NDArray[np.float32]) -> dict[str, Any]:
    return {"values": _rounded(values), "n_bins": values.shape[0], "n_frames": values.shape[1]}


def _rounded(values: NDArray[np.float32]) -> list[list[float]]:
    rows: list[list[float]] = values.astype(np.float64).round(DECIMALS).tolist()
    return rows
