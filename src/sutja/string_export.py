"""The frame network of strings as one ONNX file: its state by name, and all that a decoder must know beside it.

The network is what the model holds, bit for bit; what is added is in the file's ``metadata_props``
(:func:`string_metadata`), so that programs in other languages need nothing else.
"""

from __future__ import annotations

import dataclasses
import json

from sutja import __version__
from sutja.bundle import Bundle
from sutja.errors import BundleError, needs
from sutja.strings import competition, frontend, talk, transcriber, units
from sutja.strings.model import StringModel, settings_of
from sutja.strings.network import ANSWERS, FEATURES, NEXT, STATE

try:
    import onnx
except ImportError as error:
    raise needs("onnx", "onnx") from error

FORMAT, FORMAT_VERSION = "sutja-strings", 1


def export_strings(bundle: Bundle) -> bytes:
    """Return the frame network of a model with everything that who runs it must know.

    Raises
    ------
    BundleError
        When the model knows single words alone.

    """
    if bundle.strings is None:
        raise BundleError(
            "this model knows single words, not words in a row; leave --strings out, or take one that does: digits-en"
        )
    model = onnx.load_from_string(bundle.strings.onnx)
    del model.metadata_props[:]
    for name, value in string_metadata(bundle.strings, bundle).items():
        model.metadata_props.add(key=name, value=value)
    content: bytes = model.SerializeToString()
    return content


def string_metadata(model: StringModel, bundle: Bundle) -> dict[str, str]:
    """Return what a file says of itself: texts, those that hold more than one value as JSON."""
    level = {
        "first_db": frontend.QUIETEST_DB,
        "fall_db_a_second": frontend.FALL_DB_A_SECOND,
        "lowest_db": frontend.LOWEST_LEVEL_DB,
    }
    features = dataclasses.asdict(frontend.FEATURES)
    shown = {"range_db": frontend.RANGE_DB, "lowest": frontend.LOWEST, "highest": frontend.HIGHEST}
    fields = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "sutja": __version__,
        "sample_rate": frontend.SAMPLE_RATE,
        "labels": list(model.labels),
        "inputs": {"features": FEATURES, "state": STATE},
        "outputs": {"log_probabilities": ANSWERS, "state": NEXT},
        "front_end": {
            "step_frames": frontend.STEP_FRAMES,
            "samples_before": frontend.N_BEFORE,
            "features": features,
            "level": level,
            **shown,
        },
        "decoder": settings_of(model),
        "silence_output": model.units.silence,
        "other_output": model.units.other,
        "other_states": units.N_OTHER,
        "output_seconds": units.OUTPUT_SECONDS,
        "competition_edge": competition.EDGE,
        "talk": {"fade_seconds": talk.FADE_SECONDS, "prior_seconds": talk.PRIOR_SECONDS},
        "string_pause_seconds": transcriber.STRING_PAUSE_SECONDS,
        "longest_pause_seconds": transcriber.LONGEST_PAUSE_SECONDS,
        "licence": str(bundle.about.get("licence", "the model does not say")),
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
