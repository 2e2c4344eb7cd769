"""A network that ships, as torch again: weights read back from its ONNX, with proof that nothing changed on the way.

In the file batch normalisation is part of the convolutions. Here each becomes the identity and an offset, which
computes the same; to learn on, it stays so (:func:`sutja.learn.training.fit`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from sutja.bundle import DEFAULT_MODEL, Bundle, Member
from sutja.config import NetworkName
from sutja.errors import BundleError
from sutja.learn.frame_network import FrameNet
from sutja.learn.frames_to_onnx import prove_frames
from sutja.learn.networks import WordNet, network_of
from sutja.learn.to_onnx import prove
from sutja.learn.training import Arrays, weights_of
from sutja.strings.model import StringModel

KINDS: tuple[NetworkName, ...] = ("words", "robust")
"""Names in :data:`sutja.learn.networks.NETWORKS` that can be read back."""
BATCH_NORMS = nn.BatchNorm1d, nn.BatchNorm2d


@dataclass(frozen=True)
class Body:
    """What a network goes on from."""

    network: NetworkName
    """Its kind, a name in :data:`sutja.learn.networks.NETWORKS`."""
    weights: Arrays
    """By name, its last layer too."""
    labels: tuple[str, ...]
    """Of the model that it is of."""

    @property
    def sha256(self) -> str:
        """Of all weights: two bodies are the same where this is."""
        digest = hashlib.sha256()
        for name in sorted(self.weights):
            digest.update(self.weights[name].tobytes())
        return digest.hexdigest()


def body_of(bundle: Bundle, name: str) -> Body:
    """Read the network of a model back; ``name`` is what messages call it.

    Raises
    ------
    BundleError
        When the model holds several networks, or one of another kind.

    """
    if len(bundle.members) != 1:
        raise _unfit(name, f"{len(bundle.members)} networks ({', '.join(each.name for each in bundle.members)})")
    kind, network = network_in(bundle.members[0], name)
    return Body(kind, weights_of(network), bundle.labels)


def network_in(member: Member, name: str) -> tuple[NetworkName, nn.Module]:
    """Read a member's network back, and return its kind with it, in evaluation mode.

    Raises
    ------
    BundleError
        When it is of another kind, or would answer differently.

    """
    graph = _graph(member.onnx, partial(_unfit, name))
    layers, last, scales = (_layers(graph, kind) for kind in ("Conv", "Gemm", "BatchNormalization"))
    for kind in KINDS:
        n_classes = len(last[0][1]) if len(last) == 1 and len(last[0]) == 2 else 1
        network = network_of(kind, n_classes, 0.0)
        if _take(network, [*layers, *last], scales):
            network.eval()
            prove(member.onnx, [network], member.features)
            return kind, network
    raise _unfit(name, "a network of another kind")


def frame_network_in(model: StringModel, name: str) -> FrameNet:
    """Read the network of a model of strings back, in evaluation mode; ``name`` is what messages call it.

    Raises
    ------
    BundleError
        When it is of another kind, or would answer differently.

    """
    graph = _graph(model.onnx, partial(_unfit_strings, name))
    network = FrameNet(model.units.n_outputs)
    if not _take(network, _layers(graph, "Conv"), _layers(graph, "BatchNormalization")):
        raise _unfit_strings(name, "a network of strings of another kind")
    prove_frames(model.onnx, network.eval())
    return network


def _graph(content: bytes, unfit: Callable[[str], BundleError]) -> Any:
    try:
        return onnx.load_from_string(content).graph
    except Exception as error:  # of protobuf, whose errors have no common kind
        raise unfit(f"a network that cannot be read ({error})") from error


def _layers(graph: Any, kind: str) -> list[list[NDArray[Any]]]:
    """List the arrays of each layer of a kind, in the order in which they are asked."""
    arrays = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in arrays:  # two arrays that are alike lie there once
            arrays[node.output[0]] = arrays[node.input[0]]
    nodes = [node for node in graph.node if node.op_type == kind]
    return [[arrays[name] for name in node.input if name in arrays] for node in nodes]


def _take(network: nn.Module, layers: list[list[NDArray[Any]]], scales: list[list[NDArray[Any]]]) -> bool:
    """Put what a file holds into a network, if it is its own: each layer has a place of its shape."""
    places = [each for each in network.modules() if isinstance(each, nn.Conv1d | nn.Conv2d | nn.Linear)]
    scaled = getattr(network, "scaled", None)
    norms = [each for each in network.modules() if isinstance(each, BATCH_NORMS) and each is not scaled]
    shapes = [[tuple(each.weight.shape), (len(each.weight),)] for each in places]
    if [[array.shape for array in layer] for layer in layers] != shapes:
        return False
    behind = iter(norms)  # a convolution without an offset of its own has the next one's
    offsets = [next(behind).bias if place.bias is None else place.bias for place in places]
    with torch.no_grad():
        for place, offset, layer in zip(places, offsets, layers, strict=True):
            for parameter, values in zip((place.weight, offset), layer, strict=True):
                parameter.copy_(torch.from_numpy(values.copy()))
        for norm in norms:
            norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]  # it counts what passes
        return _take_scale(network.scaled, scales) if isinstance(network, WordNet) else not scales


def _take_scale(scaled: nn.BatchNorm1d, scales: list[list[NDArray[Any]]]) -> bool:
    """Take mean and variance, the last arrays of the only layer that scales: the one of the embedding."""
    buffers = [scaled.running_mean, scaled.running_var]
    found = scales[0][-2:] if len(scales) == 1 else []
    if [array.shape for array in found] != [tuple(each.shape) for each in buffers if each is not None]:
        return False
    for buffer, values in zip(buffers, found, strict=True):
        if buffer is not None:
            buffer.copy_(torch.from_numpy(values.copy()))
    return True


def _unfit(name: str, what: str) -> BundleError:
    return BundleError(
        f"{name}: has {what}; expected one that can go on learning, as {DEFAULT_MODEL} has: of --preset words, robust "
        "or fast; choose another --from, or leave it out"
    )


def _unfit_strings(name: str, what: str) -> BundleError:
    return BundleError(f"{name}: has {what}; expected one that `sutja train --strings` made; choose another")
