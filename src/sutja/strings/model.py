"""What a model knows about strings: its frame network and all that the decoder is told, as one record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sutja.records import require, typed
from sutja.strings.decoder import DecoderConfig, Duration
from sutja.strings.units import FEWEST_STATES, Unit, Units

MOST_EDGE = 0.5
MOST_DELAY = 10
"""Outputs of 20 ms that the network may look ahead."""


@dataclass(frozen=True)
class Confidence:
    """How the likelihood of a word beside all others becomes a probability that means what it says."""

    scale: float = 0.3
    """That differences of log likelihood are multiplied by."""
    other: float = 0.0
    """Added to the log likelihood of other speech and of silence."""
    threshold: float = 0.5
    """A word below is refused."""
    opinion: float = 0.0
    """Weight of what the model of single words makes of it; 0 where it is not asked."""
    talk: float = 0.0
    """Added to the log odds of no word where all that was said lately is other speech, and its share where some is."""


@dataclass(frozen=True)
class Edges:
    """How far words reach beyond the outputs that their states win: the first and last of a word are faint."""

    lead_seconds: float = 0.0
    tail_seconds: float = 0.0


@dataclass(frozen=True)
class StringModel:
    """A frame network and its decoder."""

    onnx: bytes
    units: Units
    durations: tuple[Duration, ...]
    delay: int
    """Outputs that the network looks ahead."""
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    confidence: Confidence = field(default_factory=Confidence)
    edges: Edges = field(default_factory=Edges)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The words that can be meant, each once."""
        return tuple(dict.fromkeys(unit.label for unit in self.units.units if unit.n_times == 1))


@dataclass(frozen=True)
class _Record:
    """What ``model.json`` says."""

    units: list[dict[str, Any]]
    delay: int
    decoder: dict[str, Any]
    confidence: dict[str, Any]
    edges: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)


def settings_of(model: StringModel) -> dict[str, Any]:
    """Return all of a model but its network, for JSON."""
    pairs = zip(model.units.units, model.durations, strict=True)
    return {
        "units": [dataclasses.asdict(unit) | dataclasses.asdict(duration) for unit, duration in pairs],
        "delay": model.delay,
        "decoder": dataclasses.asdict(model.decoder),
        "confidence": dataclasses.asdict(model.confidence),
        "edges": dataclasses.asdict(model.edges),
        "about": dict(model.about),
    }


def model_of(settings: Mapping[str, Any], onnx: bytes) -> StringModel:
    """Read what :func:`settings_of` wrote.

    Raises
    ------
    FieldError
        When something does not fit.

    """
    said: _Record = typed(_Record, dict(settings))
    require(bool(said.units), "units", said.units, "at least one")
    units, durations = [], []
    for number, each in enumerate(said.units):
        name, values = f"units[{number}]", dict(each)
        length = {key: values.pop(key, None) for key in ("mean", "deviation")}
        unit: Unit = typed(Unit, values, name)
        duration: Duration = typed(Duration, length, name)
        require(unit.n_states >= FEWEST_STATES, f"{name}.n_states", unit.n_states, f"at least {FEWEST_STATES}")
        require(unit.n_times >= 1, f"{name}.n_times", unit.n_times, "at least 1")
        require(bool(unit.label) == (unit.n_times == 1), f"{name}.label", unit.label, "a label, or none of a multiple")
        require(duration.deviation > 0, f"{name}.deviation", duration.deviation, "above 0")
        units.append(unit)
        durations.append(duration)
    require(any(unit.n_times == 1 for unit in units), "units", [unit.name for unit in units], "one that is a word")
    require(0 <= said.delay <= MOST_DELAY, "delay", said.delay, f"0 to {MOST_DELAY}")
    decoder: DecoderConfig = typed(DecoderConfig, said.decoder, "decoder")
    confidence: Confidence = typed(Confidence, said.confidence, "confidence")
    edges: Edges = typed(Edges, said.edges, "edges")
    _check(decoder, confidence, edges)
    return StringModel(onnx, Units(tuple(units)), tuple(durations), said.delay, decoder, confidence, edges, said.about)


def _check(decoder: DecoderConfig, confidence: Confidence, edges: Edges) -> None:
    for name in ("lead_seconds", "tail_seconds"):
        require(0 <= getattr(edges, name) <= MOST_EDGE, f"edges.{name}", getattr(edges, name), f"0 to {MOST_EDGE}")
    for name in ("duration_weight", "beam", "farthest", "wait_seconds"):
        require(getattr(decoder, name) >= 0, f"decoder.{name}", getattr(decoder, name), "0 or more")
    require(confidence.opinion >= 0, "confidence.opinion", confidence.opinion, "0 or more")
    require(confidence.talk >= 0, "confidence.talk", confidence.talk, "0 or more")
    require(confidence.scale > 0, "confidence.scale", confidence.scale, "above 0")
    require(0 <= confidence.threshold <= 1, "confidence.threshold", confidence.threshold, "0 to 1")
