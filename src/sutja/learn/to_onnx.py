"""Trained networks to ONNX, with proof that nothing changed on the way."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sutja.bundle import EMBEDDING, PROBABILITIES, TOLERANCE, open_network
from sutja.config import FeatureConfig
from sutja.errors import BundleError
from sutja.learn.networks import WordNet


class Single(nn.Module):
    """A network that embeds: ``(batch, 1, n_bins, n_frames)`` to probabilities and its embedding ``(batch, n)``."""

    def __init__(self, network: WordNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Give both, each computed once."""
        logits, embedding = self.network.with_embedding(features)
        return logits.softmax(dim=1), embedding


class Committee(nn.Module):
    """Networks of one kind that vote: ``(batch, 1, n_bins, n_frames)`` to mean probabilities ``(batch, n_classes)``."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, features: Tensor) -> Tensor:
        """Average the networks' probabilities."""
        return torch.stack([network(features).softmax(dim=1) for network in self.networks]).mean(dim=0)


def to_onnx(networks: Sequence[nn.Module], config: FeatureConfig) -> bytes:
    """Return one ONNX file for a committee of networks; one network that embeds has its embedding as second output.

    Raises
    ------
    BundleError
        When onnxruntime's answers differ from torch's by more than 1e-4: such a file must not be shipped.

    """
    asked = _asked(networks)
    outputs = [PROBABILITIES, EMBEDDING] if isinstance(asked, Single) else [PROBABILITIES]
    example = torch.from_numpy(_proof_inputs(config))
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated, and takes a tenth of the new one's time; torch is pinned.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            asked,
            (example,),
            file,  # type: ignore[arg-type]  # a file object will do, whatever its types say
            dynamo=False,
            input_names=["features"],
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in ("features", *outputs)},
        )
    content = file.getvalue()
    prove(content, networks, config)
    return content


def _asked(networks: Sequence[nn.Module]) -> nn.Module:
    """Return what answers for networks, in evaluation mode."""
    first = networks[0]
    asked = Single(first) if len(networks) == 1 and isinstance(first, WordNet) else Committee(networks)
    return asked.eval()


def prove(content: bytes, networks: Sequence[nn.Module], config: FeatureConfig) -> None:
    """Ask a file and the networks that it is to hold the same.

    Raises
    ------
    BundleError
        When their answers differ by more than :data:`sutja.bundle.TOLERANCE`.

    """
    asked, example = _asked(networks), torch.from_numpy(_proof_inputs(config))
    session = open_network(content)
    with torch.inference_mode():
        answered = asked(example)
    expected = answered if isinstance(answered, tuple) else (answered,)
    found = session.run(None, {"features": example.numpy()})
    difference = max(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, expected, strict=True))
    if not difference <= TOLERANCE:  # also when it is not a number
        raise BundleError(f"ONNX differs from torch by {difference:g}; expected at most {TOLERANCE:g}; report this")


def _proof_inputs(config: FeatureConfig) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Draw inputs like real ones, in [0, 1], and the two extremes: ``(8, 1, n_bins, n_frames)``."""
    shape = (8, 1, config.n_bins, config.n_frames)
    inputs = np.random.default_rng(0).random(shape, dtype=np.float32)
    inputs[0], inputs[1] = 0.0, 1.0
    return inputs
