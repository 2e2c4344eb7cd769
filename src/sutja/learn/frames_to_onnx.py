"""A frame network as ONNX, with its state as inputs and outputs, and proof that nothing changed on the way."""

from __future__ import annotations

import io
import warnings

import numpy as np
import torch
from torch import Tensor, nn

from sutja.bundle import TOLERANCE
from sutja.errors import BundleError
from sutja.learn.frame_network import FrameNet
from sutja.strings.frontend import HIGHEST, LOWEST, STEP_FRAMES
from sutja.strings.network import ANSWERS, FEATURES, NEXT, STATE, FrameNetwork

N_PROOF_STEPS = 25


class _Step(nn.Module):
    def __init__(self, network: FrameNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        answers, after = self.network.step(features, list(state))
        return answers, *after


def frames_to_onnx(network: FrameNet) -> bytes:
    """Return the ONNX file of one step of 80 ms.

    Raises
    ------
    BundleError
        When onnxruntime's answers to a whole recording, step by step, differ from torch's by more than 1e-4 (of
        probabilities).

    """
    asked = _Step(network).eval()
    state = network.nothing()
    names = [FEATURES, *(f"{STATE}{number}" for number in range(len(state)))]
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated, and takes a tenth of the new one's time; torch is pinned.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            asked,
            (torch.zeros(1, network.n_bands, STEP_FRAMES), *state),
            file,  # type: ignore[arg-type]  # a file object will do, whatever its types say
            dynamo=False,
            input_names=names,
            output_names=[ANSWERS, *(f"{NEXT}{number}" for number in range(len(state)))],
        )
    content = file.getvalue()
    prove_frames(content, network)
    return content


def prove_frames(content: bytes, network: FrameNet) -> None:
    """Check that an ONNX file and a network say the same of a recording.

    Raises
    ------
    BundleError
        When the answers differ by more than 1e-4 (of probabilities).

    """
    rng = np.random.default_rng(0)
    features = rng.uniform(LOWEST, HIGHEST, (network.n_bands, N_PROOF_STEPS * STEP_FRAMES)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(features)[None])[0].exp().numpy()
    asked, found = FrameNetwork(content, expected.shape[1]), []
    state = asked.nothing()
    for step in range(N_PROOF_STEPS):
        answers, state = asked.step(features[:, step * STEP_FRAMES : (step + 1) * STEP_FRAMES], state)
        found.append(np.exp(answers))
    difference = float(np.abs(np.concatenate(found) - expected).max())
    if not difference <= TOLERANCE:  # also when it is not a number
        raise BundleError(f"ONNX differs from torch by {difference:g}; expected at most {TOLERANCE:g}; report this")
