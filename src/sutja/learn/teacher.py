"""What a general recogniser makes of a sound, as a target for the embedding: in training only, nothing of it ships.

Moonshine tiny (Useful Sensors, MIT; arXiv 2410.15608) listens to whole sentences of many people, and its encoder parts
words of languages that it was not made for better than a small network that learns from a few thousand clips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.bundle import open_network
from sutja.errors import needs
from sutja.speech import samples_in

PACKAGE, EXTRA = "moonshine_voice", "teacher"
ENCODER = Path("assets") / "tiny-en" / "encoder_model.ort"
RATE = 16_000
PEAK = 0.5  # that it is shown every sound at
MARGIN_SECONDS = 0.1  # of silence around it
LEAST_DEVIATION = 1e-3
N_VIEW = 2 * 288  # of its 288 outputs

Views = NDArray[np.float32]
"""Mean and deviation over time of what its encoder says, ``(n, n_view)``."""


def check_teacher() -> Path:
    """Find the encoder.

    Raises
    ------
    DependencyError
        When its package is not installed.

    """
    spec = find_spec(PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (Path(folder) / ENCODER).is_file():
            return Path(folder) / ENCODER
    raise needs(PACKAGE, EXTRA)


def open_teacher() -> Callable[[Waveform, int], Views]:
    """Open the encoder, to be asked from several threads: a waveform and its sample rate to ``(n_view,)``."""
    session = open_network(check_teacher().read_bytes())
    return lambda waveform, sample_rate: view(session, waveform, sample_rate)


def view(session: Any, waveform: Waveform, sample_rate: int) -> Views:
    """Return what an encoder makes of a waveform, ``(n_view,)``: the means of its outputs, then their deviations."""
    heard = waveform if sample_rate == RATE else soxr.resample(waveform, sample_rate, RATE)
    level = PEAK / (float(np.abs(heard).max()) or 1.0)
    shown = np.pad(heard * np.float32(level), samples_in(MARGIN_SECONDS, RATE))[None].astype(np.float32)
    asked = {"input_values": shown, "attention_mask": np.ones(shown.shape, dtype=np.int64)}
    over_time = session.run(None, asked)[0][0]  # (n_frames, n_outputs)
    return np.concatenate([over_time.mean(axis=0), over_time.std(axis=0)]).astype(np.float32)


def standardised(views: Iterable[Views]) -> NDArray[np.float16]:
    """Bring each number of the views to mean 0 and deviation 1 over all sounds, ``(n_sounds, n_view)``."""
    rows = np.array(list(views), dtype=np.float32)
    deviation = np.maximum(rows.std(axis=0), LEAST_DEVIATION)
    scaled: NDArray[np.float16] = ((rows - rows.mean(axis=0)) / deviation).astype(np.float16)
    return scaled
