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
from sutja.predictor import Prediction, Predictor
from sutja.relevance import explain
from sutja.server.settings import Limits

DECIMALS = 4  # of features and relevance, which are drawn; probabilities keep all of theirs


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a client wants to know beside the prediction."""

    features: bool = False
    explain: bool = False


def to_json(value: Any) -> bytes:
    """Write JSON as it is sent."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def model_card(predictor: Predictor, name: str | os.PathLike[str], limits: Limits) -> dict[str, Any]:
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
        "can_explain": True,
    }


def prediction(found: Prediction) -> dict[str, Any]:
    """Tell a prediction alone."""
    return {
        "label": found.label,
        "rejected": found.rejected,
        "probability": found.probability,
        "probabilities": found.probabilities,
    }


def answer(predictor: Predictor, content: bytes, wanted: Wanted) -> dict[str, Any]:
    """Tell what a recording is taken for.

    Raises
    ------
    AudioError
        When the recording cannot be used.

    """
    found = predictor.examine(content)
    told = prediction(found.prediction)
    told |= {"members": found.members, "duration_seconds": found.duration_seconds}
    if wanted.features:
        told["features"] = {
            member.name: _grid(found.features[member.name])
            | {"hop_seconds": _hop_seconds(member, predictor), "start_seconds": found.start_seconds[member.name]}
            for member in predictor.bundle.members
        }
    if wanted.explain:
        told["explanation"] = explanation(predictor, content)
    return told


def explanation(predictor: Predictor, content: bytes) -> dict[str, Any]:
    """Tell which part of a recording carried the decision."""
    found = explain(predictor, content)
    return {
        "label": found.label,
        "method": found.method,
        **_grid(found.relevance),
        "log_mel": _rounded(found.log_mel),
        "hop_seconds": found.hop_seconds,
        "start_seconds": found.start_seconds,
        "segments": [list(segment) for segment in found.segments],
    }


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
