"""The saved model: a folder that holds everything that is known about it.

::

    model/
      model.json       format, labels in class order, language and words, audio and feature settings, members with
                       checksums, scores
      members/*.onnx   one network (or committee of networks) each: features (batch, 1, n_bins, n_frames) float32
                       to probabilities (batch, n_classes) float32

No pickle, no code. Everything is covered by a checksum: the members' bytes in ``model.json``, and all that it says
itself in its last key.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.resources
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from sutja.config import AudioConfig, FeatureConfig, from_mapping
from sutja.errors import BundleError, ConfigError
from sutja.files import new_folder, write_json

FORMAT = "sutja-bundle"
FORMAT_VERSION = 1
MANIFEST = "model.json"
SHIPPED = importlib.resources.files("sutja") / "models"  # also where sutja itself is in a zip
DEFAULT_MODEL = "digits-en"
EXPECTED = "expected the folder of a model, as `sutja train` leaves it, or a zip of it"
MAX_MEMBER_BYTES = 2**30
"""Of a file in a zip: an archive of a few kB can unfold to any size."""
TOLERANCE = 1e-4
"""In every probability: as far as two forms of the same networks may lie apart (torch and ONNX, members and one graph)
before a file is not given out."""


@dataclass(frozen=True)
class Member:
    """One voice of the ensemble: what it hears and its network as ONNX bytes."""

    name: str
    features: FeatureConfig
    onnx: bytes


@dataclass(frozen=True)
class Bundle:
    """A model, in memory."""

    labels: tuple[str, ...]
    """In class order."""
    audio: AudioConfig
    members: tuple[Member, ...]
    temperature: float = 1.0
    """That the logits of the ensemble are divided by, so that probabilities mean what they say."""
    bias: float = 0.0
    """Then added to the logit of "not in the vocabulary"."""
    threshold: float | None = None
    """A clip is refused when the probability of its label is below this. Such a model's members have one class more
    than labels: "not in the vocabulary". None: the model always answers."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """For people: preset, protocol, scores, data, versions."""
    language: str | None = None
    """Of the vocabulary; None where it is not known, as in models of sutja 0.1."""
    spoken: Mapping[str, str] = field(default_factory=dict)
    """What is said for each label, as far as that is known."""


def save(bundle: Bundle, folder: Path) -> None:
    """Write the folder, whole or not at all; an older model in its place is replaced."""
    with new_folder(folder, replace=True) as draft:
        _write(bundle, draft)


def open_network(content: bytes) -> Any:
    """Load a network from its ONNX bytes, to be asked.

    Returns
    -------
    onnxruntime.InferenceSession
        On the CPU, in one thread, quiet.

    """
    import onnxruntime  # here, so that who only reads a model's settings need not wait for it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a clip is too small to share out
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def load(path: str | os.PathLike[str]) -> Bundle:
    """Read and check a saved model.

    Parameters
    ----------
    path
        Of the bundle's folder or a zip of it, or of the run that holds it as ``model/``; or the name of a model that
        sutja brings, :data:`DEFAULT_MODEL`.

    Raises
    ------
    BundleError
        When anything is missing, damaged, contradictory or from a newer sutja.

    """
    folder = _place(Path(path))
    manifest = _read_manifest(folder)
    try:
        labels = tuple(str(label) for label in manifest["labels"])
        audio = from_mapping(AudioConfig, manifest["audio"])
        members = tuple(_read_member(folder, record) for record in manifest["members"])
    except (KeyError, TypeError, ConfigError) as error:
        raise BundleError(f"{folder / MANIFEST}: {_missing(error)}; export the model again") from error
    if not members or len(set(labels)) != len(labels) or len(labels) < 2:
        raise BundleError(f"{folder / MANIFEST}: needs a member and two different labels; export the model again")
    language, spoken = manifest.get("language"), manifest.get("spoken", {})
    is_text = isinstance(spoken, dict) and all(isinstance(text, str) for text in spoken.values())
    if not is_text or not isinstance(language, str | None):
        found = f"language {language!r} or spoken {spoken!r:.40}"
        raise BundleError(f"{folder / MANIFEST}: {found} is no text; export the model again")
    calibration = {name: manifest[name] for name in ("temperature", "bias", "threshold") if name in manifest}
    about = manifest.get("about", {})
    return Bundle(labels, audio, members, about=about, language=language, spoken=spoken, **calibration)


def _place(path: Path) -> Traversable:
    """Return the folder that holds the manifest, as far as there is one."""
    folder: Traversable = path
    if path.is_file() and zipfile.is_zipfile(path):
        folder = _unzipped(path)
    elif not path.exists() and (SHIPPED / path.name / MANIFEST).is_file() and path.name == str(path):
        folder = SHIPPED / path.name
    for inside in (folder, folder / "model"):
        if (inside / MANIFEST).is_file():
            return inside
    return folder


def _unzipped(path: Path) -> Traversable:
    """Look into a zip: the model stands in it at the top, or in a folder, the only one."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
        archive.filename = str(path)  # of what is in it, in messages
        is_bounded = all(member.file_size <= MAX_MEMBER_BYTES for member in archive.infolist())
        damaged = archive.testzip() if is_bounded else None
    except Exception as error:  # of any kind: its own, those of four decompressors, of encryption
        raise BundleError(f"{path}: the zip cannot be read ({error}); copy it again, or unpack it") from error
    if not is_bounded:
        raise BundleError(f"{path}: holds a file above {MAX_MEMBER_BYTES // 2**20} MB; unpack it, give the folder")
    if damaged is not None:
        raise BundleError(f"{path}: {damaged} in it is damaged; copy it again")
    root: Traversable = zipfile.Path(archive)
    inside = [entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(("__", "."))]
    return root if (root / MANIFEST).is_file() or len(inside) != 1 or inside[0].name == "model" else inside[0]


def _missing(error: Exception) -> str:
    return f"key {error} is missing" if isinstance(error, KeyError) else str(error)


def _write(bundle: Bundle, folder: Path) -> None:
    (folder / "members").mkdir()
    records = []
    for member in bundle.members:
        file = f"members/{member.name}.onnx"
        (folder / file).write_bytes(member.onnx)
        features = dataclasses.asdict(member.features)
        records.append({"name": member.name, "file": file, "sha256": _digest(member.onnx), "features": features})
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "labels": list(bundle.labels),
        "language": bundle.language,
        "spoken": dict(bundle.spoken),
        "audio": dataclasses.asdict(bundle.audio),
        "members": records,
        "temperature": bundle.temperature,
        "bias": bundle.bias,
        "threshold": bundle.threshold,
        "about": dict(bundle.about),
    }
    write_json(folder / MANIFEST, {**manifest, "sha256": _digest(_canonical(manifest))})


def _read_manifest(folder: Traversable) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder}: no {MANIFEST} there; {EXPECTED}")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: cannot be read as JSON ({error}); export the model again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{path}: is not a {FORMAT}; expected the folder of a model, as `sutja train` leaves it")
    version = manifest.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise BundleError(f"{path}: format version {version!r}; this sutja reads up to {FORMAT_VERSION}; upgrade sutja")
    if manifest.pop("sha256", None) != _digest(_canonical(manifest)):
        raise BundleError(f"{path}: checksum does not match, the file was changed or damaged; export the model again")
    return manifest


def _read_member(folder: Traversable, record: Mapping[str, Any]) -> Member:
    path = folder / record["file"]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: member is missing ({error.strerror}); copy the whole model folder") from error
    if _digest(content) != record["sha256"]:
        raise BundleError(f"{path}: checksum does not match, the file is damaged; copy or export the model again")
    return Member(record["name"], from_mapping(FeatureConfig, record["features"]), content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()
