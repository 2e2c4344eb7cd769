"""Log probabilities as a frame network that is always right would give them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sutja.strings.decoder import Duration
from sutja.strings.units import Unit, Units

UNITS = Units(
    (Unit("zero", "0", 4), Unit("oh", "0", 3), Unit("one", "1", 4), Unit("two", "2", 3), Unit("double", "", 3, 2))
)
ZERO, OH, ONE, TWO, DOUBLE = range(5)
PAUSE, OTHER = -2, -1
DURATIONS = tuple(Duration(float(np.log(12)), 0.4) for _ in UNITS.units)


def answers_of(parts: Iterable[tuple[int, int]], sure: float = 0.97, seed: int = 0) -> np.ndarray:
    """Say units, PAUSE or OTHER, each for so many outputs: ``(n, n_outputs)``."""
    rows = []
    for unit, n in parts:
        outputs = [UNITS.silence] if unit == PAUSE else UNITS.outputs_of(unit)
        rows += [outputs[k * len(outputs) // n] for k in range(n)]
    rng = np.random.default_rng(seed)
    rest = rng.uniform(0.5, 1, (len(rows), UNITS.n_outputs))
    rest[range(len(rows)), rows] = 0
    shares = (1 - sure) * rest / rest.sum(axis=1, keepdims=True)
    shares[range(len(rows)), rows] = sure
    return np.log(shares).astype(np.float32)


def row(*units: int, n: int = 12, gap: int = 0) -> list[tuple[int, int]]:
    """Say units after each other, with gaps between them and a pause at both ends."""
    parts = [(PAUSE, 20)]
    for unit in units:
        parts += [(unit, n), *([(PAUSE, gap)] if gap else [])]
    return [*parts, (PAUSE, 20)]
