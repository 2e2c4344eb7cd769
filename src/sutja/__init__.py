"""sutja (숫자, "digit"): spoken digits, or any small vocabulary that you record.

::

    predictor = sutja.load("runs/mine")
    predictor.predict("seven.wav").label

The README's examples, this one among them, are run by the tests.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sutja.errors import (
    AudioError,
    BundleError,
    ConfigError,
    DatasetError,
    DependencyError,
    RunError,
    SutjaError,
)

if TYPE_CHECKING:
    from sutja.predictor import Examination as Examination
    from sutja.predictor import Prediction as Prediction
    from sutja.predictor import Predictor as Predictor

__version__ = "0.1.0"
__all__ = [
    "AudioError",
    "BundleError",
    "ConfigError",
    "DatasetError",
    "DependencyError",
    "Examination",
    "Prediction",
    "Predictor",
    "RunError",
    "SutjaError",
    "load",
]


def load(model: str | os.PathLike[str] | None = None) -> Predictor:
    """Load a saved model: the folder ``model/`` of a run, or the run itself.

    When not given it is `digits-en`, the English digits that sutja brings.

    Raises
    ------
    BundleError
        When the model is missing, damaged or of a newer format.

    """
    from sutja.predictor import Predictor

    return Predictor.load() if model is None else Predictor.load(model)


def __getattr__(name: str) -> object:
    """Import the predictor's names when they are asked for: `import sutja` alone stays light."""
    if name in ("Examination", "Prediction", "Predictor"):
        from sutja import predictor

        return getattr(predictor, name)
    raise AttributeError(f"module 'sutja' has no attribute {name!r}")
