"""Samples that come as an array, a list or a tensor, of whatever kind, to float32 with full scale at 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja.errors import AudioError

MOST_CHANNELS = 64
"""That an array may have to be taken for one with its channels first."""
MAX_RATE = 384_000
"""Of samples a second, as in files."""
MIN_RATE = 100
EXPECTED = "expected numbers, (n_samples,), (n_samples, n_channels) or (n_channels, n_samples)"


def samples_of(source: Any, name: str) -> NDArray[np.float32]:
    """Turn samples into float32, ``(n_samples, n_channels)``, with full scale at 1.

    Parameters
    ----------
    source
        ``(n_samples,)``, ``(n_samples, n_channels)`` or ``(n_channels, n_samples)``: an array, a list or a tensor, also
        one that requires gradients or lies on another device. Floats are taken as they are; integers have the scale of
        their type, those of 32 and 64 bits that of the fewest of 16, 32 and 64 bits that hold them.
    name
        What it is called in messages.

    Raises
    ------
    AudioError
        When they are no numbers, or of another shape.

    """
    array = _oriented(_as_array(source, name), name)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as that
        return _scaled(array).astype(np.float32)


def rate_of(given: Any, name: str) -> int:
    """Read a sample rate, to whole Hz, also one that is text.

    >>> rate_of("8000", "audio")
    8000

    Raises
    ------
    AudioError
        When it is not a number of a rate that sound can have.

    """
    try:
        rate = math.nan if isinstance(given, bool | np.bool_) else float(given)
    except (TypeError, ValueError, OverflowError):
        rate = math.nan
    if not rate > 0 or math.isinf(rate):
        raise AudioError(name, f"sample rate {str(given)[:50]} Hz; expected a number above 0, such as 16000")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(name, f"sample rate {rate:g} Hz; expected {MIN_RATE} to {MAX_RATE} Hz; check it")
    return round(rate)


def _as_array(source: Any, name: str) -> NDArray[Any]:
    if isinstance(source, dict):
        raise AudioError(name, f"a dict of {', '.join(map(str, source))[:100]}; give its array, and its rate beside it")
    if isinstance(source, np.ma.MaskedArray) and np.ma.is_masked(source):
        raise AudioError(name, "some samples are masked; expected all of them; fill them with source.filled(0)")
    try:
        array = np.asarray(_on_this_side(source))
        if (array.dtype.kind == "O" and array.ndim) or array.dtype.name == "bfloat16":
            array = array.astype(np.float64)
    except Exception as error:  # whatever the array of another library raises where it cannot be one of numpy's
        reason = " ".join(str(error).split())[:100]
        raise AudioError(name, f"not an array of numbers ({reason}); {EXPECTED}") from error
    return array


def _on_this_side(source: Any) -> Any:
    """Take a tensor out of its graph and from its device; torch is not imported for it, and CuPy neither."""
    if hasattr(source, "detach"):
        tensor = source.detach().cpu()
        return tensor.float() if tensor.is_floating_point() else tensor  # numpy has no bfloat16
    if hasattr(source, "__cuda_array_interface__") and hasattr(source, "get"):
        return source.get()
    return source


def _oriented(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Give ``(n_samples, n_channels)``, of whichever way round."""
    while array.ndim > 2 and len(array) == 1:  # a batch of one
        array = array[0]
    if array.ndim not in (1, 2) or array.dtype.kind not in "iuf":
        raise AudioError(name, f"array of {array.dtype} with shape {array.shape}; {EXPECTED}")
    if array.ndim == 1:
        return array[:, np.newaxis]
    return array.T if len(array) < array.shape[1] and 0 < len(array) <= MOST_CHANNELS else array


def _scaled(array: NDArray[Any]) -> NDArray[Any]:
    """Bring integers to full scale at 1."""
    kind, n_bits = array.dtype.kind, 8 * array.dtype.itemsize
    if kind == "f":
        return array / 2.0**15 if _are_16_bits(array) else array
    if n_bits > 16:
        n_bits = _fewest_bits(array)
    half = 2.0 ** (n_bits - 1)
    return (array - half) / half if kind == "u" else array / half  # unsigned PCM is centred on half of its range


def _fewest_bits(array: NDArray[Any]) -> int:
    """Return the fewest of 16, 32 and 64 bits that hold wide integers: lists and sums are wider than what was recorded.

    A recording whose 32 bits were used would be silent, below -96 dB, if 16 held it.
    """
    if not array.size:
        return 16
    least, most = int(array.min()), int(array.max())
    if array.dtype.kind == "u":
        return next((bits for bits in (16, 32) if most < 2**bits), 64)
    return next((bits for bits in (16, 32) if max(most, -least) <= 2 ** (bits - 1)), 64)


def _are_16_bits(array: NDArray[Any]) -> bool:
    """Tell whether floats are whole numbers of 16 bits that were never scaled."""
    if not array.size:
        return False
    peak = max(abs(float(array.min())), abs(float(array.max())))
    return 1 < peak <= 2**15 and bool((array == np.rint(array)).all())
