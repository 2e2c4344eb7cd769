"""Trained networks to ONNX, with proof that nothing changed on the way."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sutja.bundle import TOLERANCE, open_network
from sutja.config import FeatureConfig
from sutja.errors import BundleError


class Committee(nn.Module):
    """Networks of one kind that vote: ``(batch, 1, n_bins, n_frames)`` to mean probabilities ``(batch, n_classes)``."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, features: Tensor) -> Tensor:
        """Average the networks' probabilities."""
        return torch.stack([network(features).softmax(dim=1) for network in self.networks]).mean(dim=0)


def to_onnx(networks: Sequence[nn.Module], config: FeatureConfig) -> bytes:
    """Return one ONNX file for a committee of networks.

    Raises
    ------
    BundleError
        When onnxruntime's answers differ from torch's by more than 1e-4: such a file must not be shipped.

    """
    committee = Committee(networks).eval()
    example = torch.from_numpy(_proof_inputs(config))
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated, and takes a tenth of the new one's time; torch is pinned.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            committee,
            (example,),
            file,  # type: ignore[arg-type]  # a file object will do, whatever its types say
            dynamo=False,
            input_names=["features"],
            output_names=["probabilities"],
            dynamic_axes={"features": {0: "batch"}, "probabilities": {0: "batch"}},
        )
    content = file.getvalue()
    _prove(content, committee, example)
    return content


def _prove(content: bytes, committee: nn.Module, example: Tensor) -> None:
    session = open_network(content)
    with torch.inference_mode():
        expected = committee(example).numpy()
    probabilities = session.run(None, {"features": example.numpy()})[0]
    difference = float(np.abs(probabilities - expected).max())
    if not difference <= TOLERANCE:  # also when it is not a number
        raise BundleError(f"ONNX differs from torch by {difference:g}; expected at most {TOLERANCE:g}; report this")


def _proof_inputs(config: FeatureConfig) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Draw inputs like real ones, in [0, 1], and the two extremes: ``(8, 1, n_bins, n_frames)``."""
    shape = (8, 1, config.n_bins, config.n_frames)
    inputs = np.random.default_rng(0).random(shape, dtype=np.float32)
    inputs[0], inputs[1] = 0.0, 1.0
    return inputs
