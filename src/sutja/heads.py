"""A linear head on a network's embedding: another vocabulary for the same network, without training it again.

Shapes: embeddings ``(n, n_embedding)`` float32, probabilities ``(n, n_classes)``. No torch: NumPy alone.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sutja.metrics import Probabilities
from sutja.records import FieldError, array, read_arrays_of, require

Embeddings = NDArray[np.float32]
"""What a network makes of sounds before it decides, ``(n, n_embedding)``."""


@dataclass(frozen=True, eq=False)
class Head:
    """Logits are ``embedding @ weights + bias``."""

    weights: NDArray[np.float32]
    """``(n_embedding, n_classes)``."""
    bias: NDArray[np.float32]
    """``(n_classes,)``."""

    @property
    def n_embedding(self) -> int:
        """Numbers that an embedding has."""
        return len(self.weights)

    @property
    def n_classes(self) -> int:
        """With "not in the vocabulary", where that is one."""
        return len(self.bias)

    def logits(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """Score embeddings, ``(n, n_classes)``; a row does not depend on the others."""
        scores: NDArray[np.float32] = np.einsum("ne,ec->nc", embeddings, self.weights) + self.bias
        return scores

    def probabilities(self, embeddings: Embeddings) -> Probabilities:
        """Turn embeddings into probabilities, ``(n, n_classes)``.

        >>> head = Head(np.eye(2, dtype=np.float32), np.zeros(2, dtype=np.float32))
        >>> head.probabilities(np.array([[0.0, 0.0], [50.0, 0.0]], dtype=np.float32)).round(3).tolist()
        [[0.5, 0.5], [1.0, 0.0]]
        """
        logits = self.logits(embeddings)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Probabilities = shares / shares.sum(axis=1, keepdims=True)
        return probabilities


def to_bytes(head: Head) -> bytes:
    """Write a head as an ``.npz``, without pickle; the same head gives the same bytes."""
    file = io.BytesIO()
    np.savez(file, weights=head.weights, bias=head.bias)
    return file.getvalue()


def from_bytes(content: bytes) -> Head:
    """Read what :func:`to_bytes` wrote.

    Raises
    ------
    FieldError
        When it is damaged, or its parts do not fit each other.

    """
    arrays = read_arrays_of(content)
    weights = array(arrays, "weights", "f", 2)
    bias = arrays.get("bias", np.zeros(0))
    fits = bias.dtype.kind == "f" and bias.shape == weights.shape[1:] and bool(np.isfinite(bias).all())
    require(fits, "bias", f"{bias.dtype} {bias.shape}", f"{weights.shape[1]} finite numbers, one a class")
    if not weights.size:
        raise FieldError(f"weights is {weights.shape}; expected some")
    return Head(weights.astype(np.float32), bias.astype(np.float32))
