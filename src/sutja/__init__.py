"""sutja (숫자, "digit"): spoken digits, or any small vocabulary that you record.

::

    predictor = sutja.load("runs/mine")
    predictor.predict("seven.wav").label

The README's examples, this one among them, are run by the tests.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from sutja.errors import (
    AudioError,
    BundleError,
    ConfigError,
    DatasetError,
    DependencyError,
    EngineError,
    JobError,
    RunError,
    SutjaError,
)

# onnxruntime 1.31 keeps a device id in ~/.cache and sends telemetry to its makers unless this is set before it is
# imported; its own `disable_telemetry_events` comes too late. sutja works offline.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from sutja.live import listen as listen
    from sutja.predictor import Examination as Examination
    from sutja.predictor import Prediction as Prediction
    from sutja.predictor import Predictor as Predictor
    from sutja.relevance import Explanation as Explanation
    from sutja.relevance import explain as explain
    from sutja.streams import IsolatedWords as IsolatedWords
    from sutja.streams import Level as Level
    from sutja.streams import Word as Word
    from sutja.streams import words_in as words_in
    from sutja.strings.transcriber import Partial as Partial
    from sutja.strings.transcriber import SpokenString as SpokenString
    from sutja.strings.transcriber import SpokenStrings as SpokenStrings
    from sutja.strings.transcriber import SpokenWord as SpokenWord
    from sutja.strings.transcriber import Transcript as Transcript
    from sutja.teaching import Taught as Taught
    from sutja.teaching import teach as teach
    from sutja.transcription import Transcriber as Transcriber
    from sutja.transcription import transcribe as transcribe

__version__ = "0.2.0"
__all__ = [
    "AudioError",
    "BundleError",
    "ConfigError",
    "DatasetError",
    "DependencyError",
    "EngineError",
    "Examination",
    "Explanation",
    "IsolatedWords",
    "JobError",
    "Level",
    "Partial",
    "Prediction",
    "Predictor",
    "RunError",
    "SpokenString",
    "SpokenStrings",
    "SpokenWord",
    "SutjaError",
    "Taught",
    "Transcriber",
    "Transcript",
    "Word",
    "explain",
    "listen",
    "load",
    "teach",
    "transcribe",
    "words_in",
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


# Where the names are that are imported when they are asked for: `import sutja` alone stays light.
_LATER = {
    "Examination": "predictor",
    "Explanation": "relevance",
    "IsolatedWords": "streams",
    "Level": "streams",
    "Partial": "strings.transcriber",
    "Prediction": "predictor",
    "Predictor": "predictor",
    "SpokenString": "strings.transcriber",
    "SpokenStrings": "strings.transcriber",
    "SpokenWord": "strings.transcriber",
    "Taught": "teaching",
    "Transcriber": "transcription",
    "Transcript": "strings.transcriber",
    "Word": "streams",
    "explain": "relevance",
    "listen": "live",
    "teach": "teaching",
    "transcribe": "transcription",
    "words_in": "streams",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(f"sutja.{_LATER[name]}"), name)
    raise AttributeError(f"module 'sutja' has no attribute {name!r}")
