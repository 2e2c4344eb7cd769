"""A model as one ONNX file that takes the raw waveform: what the file says of itself, the proof, and 8 bits.

The file holds :func:`sutja.graph.waveform_graph`, and in its ``metadata_props`` everything that who runs it must know
(:func:`metadata`). It is only given out when it answers as the predictor does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja import __version__
from sutja.audio import Waveform, load_waveform
from sutja.bundle import TOLERANCE, Bundle, open_network
from sutja.clips import Clip
from sutja.config import AudioConfig
from sutja.errors import AudioError, BundleError, DatasetError, RunError
from sutja.evaluation import check_labels
from sutja.features import network_inputs
from sutja.graph import PROBABILITIES, WAVEFORM, waveform_graph
from sutja.predictor import Predictor

FORMAT, FORMAT_VERSION = "sutja-waveform", 1
MAX_LOST = 0.01  # accuracy that 8 bits may cost
MIN_JUDGED = 20  # clips that 8 bits are measured with; a point of accuracy takes hundreds
N_PROOF = 200  # clips: more say no more, and take their time
CALIBRATION_STEP = 5  # every fifth clip tells how large activations become; the other four judge


@dataclass(frozen=True)
class Proof:
    """How near a file came to the predictor."""

    n_sounds: int
    max_difference: float
    """In any probability."""
    sounds: str
    """What it was tried on."""


@dataclass(frozen=True)
class Int8Cost:
    """What 8 bits changed, on the clips that were not used to choose the ranges."""

    n_clips: int
    accuracy: float
    accuracy_float: float
    rejected_rate: float
    rejected_rate_float: float
    same_label: float
    """Share of the clips that both files give the same label."""


def export(bundle: Bundle, clips: Sequence[Clip] = ()) -> tuple[bytes, Proof]:
    """Return a model as one ONNX file, and how near it came to the predictor.

    Parameters
    ----------
    bundle
        The model.
    clips
        That it is proved on, beside sounds that are made for it.

    Raises
    ------
    BundleError
        When any probability differs from the predictor's by more than 1e-4: such a file must not be given out.

    """
    model = waveform_graph(bundle)
    proof = prove(model.SerializeToString(), Predictor(bundle), clips)
    return _with_metadata(model, metadata(bundle, proof)), proof


def export_int8(bundle: Bundle, clips: Sequence[Clip]) -> tuple[bytes, Proof, Int8Cost]:
    """Do as :func:`export`, then turn the networks into 8-bit integers and measure what that costs.

    Static ranges, by channel for weights; the way to the features stays as it is. Of onnxruntime's ways this one was
    the fastest and lost nothing (docs/onnx.md). The file is not held to the predictor's probabilities: a last digit of
    a feature can turn a whole step of an integer. It is held to its accuracy.

    Parameters
    ----------
    bundle
        The model.
    clips
        Labelled: every fifth sets the ranges of activations, the others judge.

    Raises
    ------
    DatasetError
        When there are too few clips to judge by, or labels that the model does not have.
    BundleError
        When the file with floats is not proved, or 8 bits lose more than one point of accuracy: such a file must not be
        given out.

    """
    others = [clip for index, clip in enumerate(clips) if index % CALIBRATION_STEP]
    if len(others) < MIN_JUDGED:
        raise DatasetError(
            f"{len(others)} labelled clips to measure 8 bits with; expected at least {MIN_JUDGED}; give more by --data"
        )
    check_labels(others, bundle.labels)
    plain, proof = export(bundle, clips)
    model = waveform_graph(_quantised(bundle, clips[::CALIBRATION_STEP]))
    cost = _compare(plain, model.SerializeToString(), others, bundle)
    if not cost.accuracy >= cost.accuracy_float - MAX_LOST:
        raise BundleError(
            f"8 bits take the accuracy from {cost.accuracy_float:.4f} to {cost.accuracy:.4f} on {cost.n_clips} "
            f"clips; expected a loss of at most {MAX_LOST:g}; export without --int8"
        )
    return _with_metadata(model, metadata(bundle, proof, cost)), proof, cost


def _with_metadata(model: Any, texts: Mapping[str, str]) -> bytes:
    for name, value in texts.items():
        model.metadata_props.add(key=name, value=value)
    content: bytes = model.SerializeToString()
    return content


def metadata(bundle: Bundle, proof: Proof, cost: Int8Cost | None = None) -> dict[str, str]:
    """Return what a file says of itself: texts, those that hold more than one value as JSON."""
    least, most = bundle.audio.n_samples_allowed
    members = {member.name: dataclasses.asdict(member.features) for member in bundle.members}
    calibration = {"temperature": bundle.temperature, "bias": bundle.bias}
    settings = {"audio": dataclasses.asdict(bundle.audio), "members": members} | calibration
    fields = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "sutja": __version__,
        "sample_rate": bundle.audio.sample_rate,
        "min_samples": least,
        "max_samples": most,
        "labels": list(bundle.labels),
        "threshold": bundle.threshold,
        "licence": str(bundle.about.get("licence", "the model does not say")),
        "settings": settings,
        "scores": dict(bundle.about),
        "proof": dataclasses.asdict(proof),
        "int8": None if cost is None else dataclasses.asdict(cost),
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


# -- proof ------------------------------------------------------------------------------------------------------------


def prove(content: bytes, predictor: Predictor, clips: Sequence[Clip] = ()) -> Proof:
    """Compare a file with the predictor: each sound alone, and beside another of its length.

    Raises
    ------
    BundleError
        When they differ.

    """
    session = open_network(content)
    audio = predictor.bundle.audio
    waveforms = list(_waveforms(clips, audio, N_PROOF))
    largest, n_sounds = 0.0, 0
    for waveform in itertools.chain(made_sounds(audio), waveforms):
        rows = np.stack([waveform, np.float32(0.3) * waveform[::-1]])
        expected = [list(predictor.predict(row).probabilities.values()) for row in rows]
        alone = session.run([PROBABILITIES], {WAVEFORM: rows[:1]})[0][0]
        together = session.run([PROBABILITIES], {WAVEFORM: rows})[0]
        difference = max(np.abs(alone - expected[0]).max(), np.abs(together - expected).max())
        if not difference <= TOLERANCE:  # also when it is not a number
            raise BundleError(
                f"the ONNX file differs from the predictor by {difference:g}; expected at most {TOLERANCE:g}; "
                "report this"
            )
        largest, n_sounds = max(largest, float(difference)), n_sounds + 1
    sounds = (
        f"{len(waveforms)} clips and {n_sounds - len(waveforms)} made sounds"
        if waveforms
        else f"{n_sounds} made sounds"
    )
    return Proof(n_sounds, largest, sounds)


def made_sounds(audio: AudioConfig) -> list[Waveform]:
    """Make sounds like words, and the hard cases: short, long, quiet, offset, clipped, between digital silences."""
    rate, rng = audio.sample_rate, np.random.default_rng(929)
    words = [_made_word(rng, rate, seconds) for seconds in (0.2, 0.35, 0.5, 0.7, 0.9, 1.2)]
    silence = np.zeros(rate // 2, dtype=np.float32)
    shortest = audio.n_samples_allowed[0]
    return [
        *words,
        words[1][:shortest],
        np.concatenate([silence, words[2], silence, silence]),
        np.concatenate([words[0], words[1], words[2], words[3]]),
        words[2] * np.float32(1e-3),
        words[3] + np.float32(0.2),
        np.clip(8 * words[4], -1, 1),
        rng.uniform(-0.3, 0.3, 2 * rate).astype(np.float32),
    ]


def _made_word(rng: np.random.Generator, sample_rate: int, seconds: float) -> Waveform:
    """Make a gliding voice through two resonances, and a hiss at its end."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    pitch = rng.uniform(90, 240) * (1 + 0.2 * np.sin(2 * np.pi * time / seconds + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    formants, voice = rng.uniform((300, 900), (900, 2500)), np.zeros(len(time))
    for harmonic in range(1, 25):
        near = np.exp(-(((harmonic * pitch[:, None] - formants) / 250) ** 2)).sum(axis=1)
        voice += (near + 0.02) * np.sin(harmonic * phase)
    hiss = rng.uniform(-0.1, 0.1, len(time)) * (time > 0.8 * seconds)
    voice *= 0.4 * np.sin(np.pi * time / seconds) / np.abs(voice).max()
    return (voice + hiss + rng.normal(0, 1e-3, len(time))).astype(np.float32)


def _waveforms(clips: Sequence[Clip], audio: AudioConfig, most: int) -> Iterator[Waveform]:
    for clip in clips[:: max(1, len(clips) // most)]:
        try:
            yield load_waveform(clip.source, audio)
        except AudioError:  # nothing to compare there: the predictor refuses it too
            continue


# -- 8 bits -----------------------------------------------------------------------------------------------------------


def _compare(plain: bytes, smaller: bytes, clips: Sequence[Clip], bundle: Bundle) -> Int8Cost:
    """Judge clips by both files."""
    sessions = [open_network(content) for content in (plain, smaller)]
    judged, answers = [], []
    for clip in clips:
        try:
            row = load_waveform(clip.source, bundle.audio)[None]
        except AudioError:
            continue
        judged.append(bundle.labels.index(str(clip.label)))
        answers.append([session.run([PROBABILITIES], {WAVEFORM: row})[0][0] for session in sessions])
    if not judged:
        raise DatasetError("no clip to measure 8 bits with can be read; give others by --data")
    probabilities = np.array(answers)  # (n_clips, 2, n_labels)
    labels = probabilities.argmax(axis=2)
    right = (labels == np.array(judged)[:, None]).mean(axis=0)
    rejected = (probabilities.max(axis=2) < (bundle.threshold or 0.0)).mean(axis=0)
    same = float((labels[:, 0] == labels[:, 1]).mean())
    return Int8Cost(len(judged), float(right[1]), float(right[0]), float(rejected[1]), float(rejected[0]), same)


def _quantised(bundle: Bundle, clips: Sequence[Clip]) -> Bundle:
    """Return the model with its networks in 8 bits, their ranges from clips."""
    waveforms = _waveforms(clips, bundle.audio, N_PROOF)
    shown = [network_inputs(w, bundle.audio.sample_rate, [m.features for m in bundle.members]) for w in waveforms]
    if not shown:
        raise DatasetError("no clip that could set the ranges of 8 bits can be read; give others by --data")
    members = [
        replace(member, onnx=_quantised_network(member.onnx, [features[index] for features in shown]))
        for index, member in enumerate(bundle.members)
    ]
    return replace(bundle, members=tuple(members))


def _quantised_network(network: bytes, inputs: Sequence[NDArray[np.float32]]) -> bytes:
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class CalibrationInputs(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self.rows = iter(inputs)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            row = next(self.rows, None)
            return None if row is None else {"features": row[None, None]}

    with _temporary_folder() as folder, _without_warnings():
        plain, ready, smaller = (folder / name for name in ("plain.onnx", "ready.onnx", "int8.onnx"))
        plain.write_bytes(network)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        quantization.quantize_static(
            ready,
            smaller,
            CalibrationInputs(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
        )
        return smaller.read_bytes()


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"temporary files cannot be written ({reason}); set TMPDIR to a folder with space") from error


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep the quantiser quiet: it warns, through the root logger, of every weight that has no channels."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
