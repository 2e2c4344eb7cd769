"""The saved model: a folder that holds everything that is known about it.

::

    model/
      model.json       format, labels in class order, language and words, audio and feature settings, members with
                       checksums, scores
      members/*.onnx   one network (or committee of networks) each: features (batch, 1, n_bins, n_frames) float32
                       to probabilities (batch, n_classes) float32, and of some embedding (batch, n) beside them
      members/*.npz    of members that were taught: the head on that embedding, which decides in place of the network
      outside.npz      of models that own words can be taught on: other sounds, as the network embeds them
      strings.onnx     of models that know words in a row: the frame network; all else about it in model.json

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
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja.config import AudioConfig, FeatureConfig, check_bands, from_mapping
from sutja.errors import BundleError, ConfigError
from sutja.files import new_folder, write_json
from sutja.heads import Head, from_bytes, to_bytes
from sutja.metrics import Probabilities
from sutja.outside import Packed
from sutja.records import FieldError, read_json, require, typed
from sutja.strings.model import StringModel, model_of, settings_of

PROBABILITIES, EMBEDDING = "probabilities", "embedding"
"""What a member's network gives; the second not all of them: what it makes of a sound before it decides."""
FORMAT = "sutja-bundle"
FORMAT_VERSION = 2
HEADLESS_VERSION = 1
"""Of models whose networks decide by themselves: an older sutja reads them too."""
MANIFEST = "model.json"
SHIPPED = importlib.resources.files("sutja") / "models"  # also where sutja itself is in a zip
DEFAULT_MODEL = "digits-en"
EXPECTED = "expected the folder of a model, as `sutja train` leaves it, or a zip of it"
MAX_MEMBER_BYTES = 2**30
"""Of a file in a zip: an archive of a few kB can unfold to any size."""
TOLERANCE = 1e-4
"""In every probability: as far as two forms of the same networks may lie apart (torch and ONNX, members and one graph)
before a file is not given out."""
TEMPERATURES = (0.01, 100.0)
MOST_BIAS = 1_000.0
"""Far beyond what is fitted (1/4 to 4, some nats); further out float32 ends."""
EXPORT_AGAIN = "export the model again"
_NAME = re.compile(r"[^/\\:\x00-\x1f]{1,100}")  # it becomes a file's


@dataclass(frozen=True)
class Member:
    """One voice of the ensemble: what it hears and its network as ONNX bytes."""

    name: str
    features: FeatureConfig
    onnx: bytes
    head: Head | None = None
    """That decides by the network's embedding, in its place."""

    def answers(self, session: Any, features: NDArray[np.float32]) -> Probabilities:
        """Ask its network, which was opened by :func:`open_member`.

        Parameters
        ----------
        session
            The network.
        features
            As the member takes them, ``(batch, n_bins, n_frames)``.

        Returns
        -------
        Probabilities
            ``(batch, n_classes)``, not calibrated.

        """
        asked: dict[str, NDArray[np.float32]] = {"features": features[:, None]}
        if self.head is None:
            probabilities: Probabilities = session.run(None, asked)[0]
            return probabilities
        return self.head.probabilities(session.run([EMBEDDING], asked)[0])


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
    outside: Packed | None = None
    """To learn refusal from where own words are taught on the first member's embedding."""
    strings: StringModel | None = None
    """What it knows about words in a row."""


def save(bundle: Bundle, folder: Path) -> None:
    """Write the folder, whole or not at all; an older model in its place is replaced.

    Raises
    ------
    BundleError
        When the model could not be read again.
    RunError
        When the folder cannot be written to.

    """
    try:
        check(bundle)
    except (FieldError, ConfigError) as error:
        raise BundleError(f"{folder}: {error}; correct it before it is saved") from error
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


def open_member(member: Member, n_classes: int) -> Any:
    """Load a member's network, and ask it once: it takes the member's features and gives probabilities.

    Returns
    -------
    onnxruntime.InferenceSession
        As :func:`open_network`.

    Raises
    ------
    BundleError
        When it is no network, or takes or gives something else.

    """
    try:
        session = open_network(member.onnx)
    except Exception as error:
        raise BundleError(f"member {member.name}: onnxruntime cannot load it ({error}); export it again") from error
    try:
        n_embedding = _check_network(session, member.features, n_classes if member.head is None else None)
        if member.head is not None:
            require(
                n_embedding == member.head.n_embedding,
                "its head's weights",
                member.head.weights.shape,
                f"{n_embedding} rows, as its network's {EMBEDDING} has numbers",
            )
            require(member.head.n_classes == n_classes, "its head's classes", member.head.n_classes, str(n_classes))
    except FieldError as error:
        raise BundleError(f"member {member.name}: {error}; {EXPORT_AGAIN}") from error
    return session


def has_embedding(session: Any) -> bool:
    """Tell whether a network gives its embedding, too."""
    return any(output.name == EMBEDDING for output in session.get_outputs())


def _check_network(session: Any, features: FeatureConfig, n_classes: int | None) -> int | None:
    """Check what a network takes and gives, so many classes if they matter; return the size of its embedding."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    names = [each.name for each in inputs]
    require(names == ["features"], "its network's inputs", names, "one, called features")
    found = [each.name for each in outputs]
    fits = len(found) == 1 or found == [PROBABILITIES, EMBEDDING]
    require(fits, "its network's outputs", found, f"one, or {PROBABILITIES} and {EMBEDDING}")
    for name, each in (("input", inputs[0]), *(("output", each) for each in outputs)):
        require(each.type == "tensor(float)", f"its network's {name}", each.type, "tensor(float)")
    n_outputs = (outputs[0].shape or [None])[-1]
    if n_classes is not None and n_outputs != n_classes:
        raise FieldError(f"{n_outputs} classes for {n_classes} labels")
    shape = [1, features.n_bins, features.n_frames]
    if inputs[0].shape[1:] != shape:
        raise FieldError(f"does not take features of shape {shape}")
    return _check_answers(session, (2, *shape), n_outputs)


def _check_answers(session: Any, shape: tuple[int, ...], n_classes: int) -> int | None:
    """Ask about two silent clips: what a network declares of itself is not yet what it does."""
    try:
        answers, *embedding = session.run(None, {"features": np.zeros(shape, dtype=np.float32)})
    except Exception as error:
        raise FieldError(f"its network cannot be asked ({str(error).splitlines()[0]})") from error
    require(answers.shape == (shape[0], n_classes), "its answer", answers.shape, f"shape {(shape[0], n_classes)}")
    are_shares = np.isfinite(answers).all() and answers.min() >= 0 and np.allclose(answers.sum(axis=1), 1, atol=1e-3)
    require(bool(are_shares), "its answer", answers[0].tolist(), "probabilities that sum to 1")
    for found in embedding:
        is_one = found.ndim == 2 and len(found) == shape[0] and bool(np.isfinite(found).all())
        require(is_one, f"its {EMBEDDING}", found.shape, f"numbers of shape ({shape[0]}, n)")
    return embedding[0].shape[1] if embedding else None


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
        said: _Manifest = typed(_Manifest, manifest)
        members = tuple(_read_member(folder, record) for record in said.members)
        bundle = _bundle_of(said, members, _read_outside(folder, said.outside), _read_strings(folder, said.strings))
        check(bundle)
    except (FieldError, ConfigError) as error:
        raise BundleError(f"{folder / MANIFEST}: {error}; {EXPORT_AGAIN}") from error
    return bundle


def digest(path: str | os.PathLike[str]) -> str:
    """Return what tells a saved model from every other: the checksum of all that it says, in hexadecimal.

    Raises
    ------
    BundleError
        When it is missing or damaged.

    """
    return _digest(_canonical(_read_manifest(_place(Path(path)))))


def shipped() -> tuple[str, ...]:
    """Name the models that sutja brings, in order.

    >>> DEFAULT_MODEL in shipped()
    True
    """
    return tuple(sorted(folder.name for folder in SHIPPED.iterdir() if _holds_manifest(folder)))


def check(bundle: Bundle) -> None:
    """Check what the parts of a model say against each other; the networks are looked into when they are opened.

    Raises
    ------
    FieldError, ConfigError
        When something does not fit, with the name of its field.

    """
    _check_labels(bundle.labels)
    names = [member.name for member in bundle.members]
    require(len(names) > 0, "members", names, "at least one")
    require(len(set(names)) == len(names), "members", names, "each name once")
    for index, name in enumerate(names):
        require(_is_name(name), f"members[{index}].name", name, "a name that a file can have")
    check_bands({member.name: member.features for member in bundle.members}, bundle.audio)
    low, high = TEMPERATURES
    require(low <= bundle.temperature <= high, "temperature", bundle.temperature, f"{low:g} to {high:g}")
    require(abs(bundle.bias) <= MOST_BIAS, "bias", bundle.bias, f"at most {MOST_BIAS:g}")
    require(0 <= (bundle.threshold or 0) <= 1, "threshold", bundle.threshold, "0 to 1")


def _is_name(text: str) -> bool:
    """Tell whether a file can have a name on any system, and it is no way out of the folder."""
    return bool(_NAME.fullmatch(text) and text.strip(". "))


def _check_labels(labels: Sequence[str]) -> None:
    require(len(labels) >= 2 and len(set(labels)) == len(labels), "labels", list(labels), "two or more, each once")
    for index, label in enumerate(labels):
        require(bool(label.strip()), f"labels[{index}]", label, "a word")


@dataclass(frozen=True)
class _FileRecord:
    """A file of the model."""

    file: str
    sha256: str


@dataclass(frozen=True)
class _MemberRecord:
    """What ``model.json`` says of a member."""

    name: str
    file: str
    sha256: str
    features: dict[str, Any]
    head: _FileRecord | None = None


@dataclass(frozen=True)
class _StringsRecord:
    """What ``model.json`` says of the frame network."""

    file: str
    sha256: str
    settings: dict[str, Any]


OUTSIDE, STRINGS = "outside.npz", "strings.onnx"


@dataclass(frozen=True)
class _Manifest:
    """What is read of ``model.json``; models of sutja 0.1 have less."""

    labels: list[str]
    audio: dict[str, Any]
    members: list[_MemberRecord]
    temperature: float = 1.0
    bias: float = 0.0
    threshold: float | None = None
    about: dict[str, Any] = field(default_factory=dict)
    language: str | None = None
    spoken: dict[str, str] = field(default_factory=dict)
    outside: _FileRecord | None = None
    strings: _StringsRecord | None = None


def _bundle_of(
    said: _Manifest, members: tuple[Member, ...], outside: Packed | None, strings: StringModel | None
) -> Bundle:
    audio = from_mapping(AudioConfig, said.audio)
    fitted = (said.temperature, said.bias, said.threshold)
    return Bundle(tuple(said.labels), audio, members, *fitted, said.about, said.language, said.spoken, outside, strings)


def _place(path: Path) -> Traversable:
    """Return the folder that holds the manifest, as far as there is one."""
    folder: Traversable = path
    if os.path.isfile(path) and zipfile.is_zipfile(path):  # noqa: PTH113  Path.is_file raises where a name is too long
        folder = _unzipped(path)
    elif not os.path.exists(path) and path.name == str(path) and _holds_manifest(SHIPPED / path.name):  # noqa: PTH110
        folder = SHIPPED / path.name
    return folder / "model" if not _holds_manifest(folder) and _holds_manifest(folder / "model") else folder


def _holds_manifest(folder: Traversable) -> bool:
    try:
        return (folder / MANIFEST).is_file()
    except OSError:  # a name too long
        return False


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


def _write(bundle: Bundle, folder: Path) -> None:
    (folder / "members").mkdir()
    records = []
    for member in bundle.members:
        file = f"members/{member.name}.onnx"
        (folder / file).write_bytes(member.onnx)
        features = dataclasses.asdict(member.features)
        record = {"name": member.name, "file": file, "sha256": _digest(member.onnx), "features": features}
        records.append(record | _written_head(member, folder))
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION if any(member.head for member in bundle.members) else HEADLESS_VERSION,
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
    if bundle.outside is not None:
        (folder / OUTSIDE).write_bytes(bundle.outside.content)
        manifest["outside"] = {"file": OUTSIDE, "sha256": _digest(bundle.outside.content)}
    if bundle.strings is not None:
        (folder / STRINGS).write_bytes(bundle.strings.onnx)
        digest = _digest(bundle.strings.onnx)
        manifest["strings"] = {"file": STRINGS, "sha256": digest, "settings": settings_of(bundle.strings)}
    write_json(folder / MANIFEST, {**manifest, "sha256": _digest(_canonical(manifest))})


def _written_head(member: Member, folder: Path) -> dict[str, Any]:
    """Write a member's head, if it has one, and say so in the member's record."""
    if member.head is None:
        return {}
    file, content = f"members/{member.name}.head.npz", to_bytes(member.head)
    (folder / file).write_bytes(content)
    return {"head": {"file": file, "sha256": _digest(content)}}


def _read_manifest(folder: Traversable) -> dict[str, Any]:
    path = folder / MANIFEST
    if not _holds_manifest(folder):
        raise BundleError(f"{folder}: no {MANIFEST} there; {EXPECTED}")
    try:
        manifest = read_json(path)
    except (OSError, FieldError) as error:
        raise BundleError(f"{path}: {_reason(error)}; {EXPORT_AGAIN}") from error
    if manifest.get("format") != FORMAT:
        raise BundleError(f"{path}: is not a {FORMAT}; expected the folder of a model, as `sutja train` leaves it")
    version = manifest.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise BundleError(f"{path}: format version {version!r}; this sutja reads up to {FORMAT_VERSION}; upgrade sutja")
    if manifest.pop("sha256", None) != _digest(_canonical(manifest)):
        raise BundleError(f"{path}: checksum does not match, the file was changed or damaged; {EXPORT_AGAIN}")
    return manifest


def _reason(error: OSError | FieldError) -> str:
    return f"cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)


def _read_member(folder: Traversable, record: _MemberRecord) -> Member:
    content = _read_file(folder, record.file, record.sha256, record.name)
    head = None
    if record.head is not None:
        head = from_bytes(_read_file(folder, record.head.file, record.head.sha256, record.name))
    return Member(record.name, from_mapping(FeatureConfig, record.features), content, head)


def _read_outside(folder: Traversable, record: _FileRecord | None) -> Packed | None:
    if record is None:
        return None
    return Packed(_read_file(folder, record.file, record.sha256, "outside"))


def _read_strings(folder: Traversable, record: _StringsRecord | None) -> StringModel | None:
    if record is None:
        return None
    try:
        return model_of(record.settings, _read_file(folder, record.file, record.sha256, "strings"))
    except FieldError as error:
        raise FieldError(f"strings.settings.{error}") from error


def _read_file(folder: Traversable, file: str, sha256: str, member: str) -> bytes:
    inside = PurePosixPath(file)
    stays = not inside.is_absolute() and all(_is_name(part) for part in inside.parts) and inside.name
    require(bool(stays), f"file of member {member!r}", file, "a name below the model's folder")
    path = folder / str(inside)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: member is missing ({error.strerror}); copy the whole model folder") from error
    if _digest(content) != sha256:
        raise BundleError(f"{path}: checksum does not match, the file is damaged; copy or export the model again")
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()
