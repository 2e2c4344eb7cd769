"""Samples as arrays, lists and tensors of any kind: read, or an AudioError that says what to do."""

from __future__ import annotations

import array
import decimal
import json
import re

import numpy as np
import pytest
from conftest import tone
from hypothesis import given
from hypothesis.extra import numpy as arrays

from sutja.arrays import rate_of, samples_of
from sutja.audio import load_waveform
from sutja.config import AudioConfig
from sutja.errors import AudioError

CONFIG = AudioConfig(sample_rate=8_000)
SOUND = tone(440, 0.25, 8_000)
INTEGERS = np.round(SOUND * 2**15).astype(np.int16)


def same(source, **more) -> None:
    np.testing.assert_allclose(load_waveform(source, CONFIG, **more), SOUND, atol=2**-14)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.int64, np.float32, np.float64, np.float16, ">i2", ">i4", "O"])
def test_samples_of_16_bits_in_any_type(kind):
    if kind == np.float16:  # holds whole numbers up to 2048 only
        np.testing.assert_allclose(load_waveform(INTEGERS.astype(kind), CONFIG), SOUND, atol=2**-11)
    else:
        same(INTEGERS.astype(kind))


def test_samples_of_16_bits_in_any_sequence():
    for source in (INTEGERS.tolist(), tuple(INTEGERS.tolist()), json.loads(json.dumps(INTEGERS.tolist()))):
        same(source)
    same(array.array("h", INTEGERS.tolist()))
    same(memoryview(array.array("h", INTEGERS.tolist())))  # numbers, and no bytes of a file
    same([decimal.Decimal(int(n)) for n in INTEGERS])
    same(list(INTEGERS))


def test_wider_scales_are_those_that_hold_the_numbers():
    for bits, kind in ((32, np.int32), (32, np.int64), (64, np.int64)):
        same(np.round(SOUND.astype(np.float64) * 2 ** (bits - 1)).astype(kind))
    same((np.round(SOUND * 2**15) + 2**15).astype(np.uint16))
    same((np.round(SOUND * 2**15) + 2**15).astype(np.uint32))
    same((np.round(SOUND.astype(float) * 2**31) + 2**31).astype(np.uint64))


def test_whole_floats_within_one_are_a_wave():
    square = np.sign(SOUND).astype(np.float32)
    np.testing.assert_array_equal(samples_of(square, "a")[:, 0], square)
    loud = SOUND * 3  # above full scale, and no whole numbers: as it is
    np.testing.assert_array_equal(samples_of(loud, "a")[:, 0], loud)


def test_channels_first_or_last():
    both = np.stack([SOUND, SOUND])
    for source in (both, both.T, both[None], SOUND[None], SOUND[:, None], SOUND[None, None], both.tolist()):
        same(source)
    assert samples_of(np.zeros((3, 2)), "a").shape == (3, 2)
    assert samples_of(np.zeros((100, 200)), "a").shape == (100, 200)  # so many are no channels
    assert samples_of(np.zeros((6, 200)), "a").shape == (200, 6)


class _Tensor:
    """As much of a tensor as counts: it refuses to become an array before it was detached and brought to memory."""

    def __init__(self, values, *, is_free: bool = False, is_here: bool = False) -> None:
        self.values, self.is_free, self.is_here = values, is_free, is_here

    def detach(self):
        return _Tensor(self.values, is_free=True, is_here=self.is_here)

    def cpu(self):
        return _Tensor(self.values, is_free=self.is_free, is_here=True)

    def is_floating_point(self) -> bool:
        return self.values.dtype.kind == "f"

    def float(self):
        return _Tensor(self.values.astype(np.float32), is_free=self.is_free, is_here=self.is_here)

    def __array__(self, dtype=None, copy=None):
        if not (self.is_free and self.is_here):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.values


class _OnDevice:
    """An array of CuPy."""

    __cuda_array_interface__ = ()

    def get(self):
        return SOUND

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


def test_tensors_by_what_they_can():
    for values in (SOUND, SOUND.astype(np.float64), INTEGERS, INTEGERS.astype(np.int64), SOUND[None]):
        same(_Tensor(values))
    same(_OnDevice())


def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(SOUND)
    for source in (tensor, tensor.double(), tensor[None], tensor.clone().requires_grad_(), torch.from_numpy(INTEGERS)):
        same(source)
    np.testing.assert_allclose(load_waveform(tensor.bfloat16().requires_grad_(), CONFIG), SOUND, atol=0.01)
    for source in (tensor.to("meta"), tensor.to_sparse(), torch.complex(tensor, tensor), tensor > 0):
        with pytest.raises(AudioError):
            load_waveform(source, CONFIG)


def test_masked_samples():
    same(np.ma.array(SOUND))
    with pytest.raises(AudioError, match=r"some samples are masked; .*; fill them with source.filled\(0\)"):
        load_waveform(np.ma.array(SOUND, mask=SOUND > 0.4), CONFIG)


class _Broken:
    def __array__(self, dtype=None, copy=None):
        raise ZeroDivisionError("what\nnobody expects")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SOUND > 0, "array of bool"),
        ((SOUND > 0).tolist(), "array of bool"),
        (SOUND + 0j, "array of complex64"),
        (np.array(["a"]), "array of <U1"),
        (np.array([None, "x"]), "not an array of numbers"),
        (
            {"array": SOUND, "sampling_rate": 8000},
            "a dict of array, sampling_rate; give its array, and its rate beside",
        ),
        ((8000, SOUND), "not an array of numbers"),
        (object(), "array of object with shape"),
        ((n for n in range(5)), "array of object with shape"),
        (_Broken(), r"not an array of numbers \(what nobody expects\)"),
        (np.zeros(3, dtype=[("a", "f4")]), r"array of \[\('a', '<f4'\)\]"),
        (np.zeros(9, "M8[s]"), "array of datetime64"),
        ([], "0 samples"),
        ([[]], "0 samples"),
        (np.zeros((2, 8000, 2)), r"shape \(2, 8000, 2\)"),
        (5, r"array of int64 with shape \(\)"),
        ([1e400] * 8000, "not numbers"),
        ([10**400] * 8000, "not an array of numbers"),
        ([float("nan")] * 8000, "not numbers"),
    ],
)
def test_what_is_no_sound_says_what_to_do(source, message):
    with pytest.raises(AudioError, match=message) as caught:
        load_waveform(source, CONFIG)
    assert re.search("expected|give|fill|write", caught.value.reason)


@given(arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6)))
def test_any_array_is_samples_or_an_audio_error(values):
    try:
        samples = samples_of(values, "a")
    except AudioError:
        return
    assert samples.ndim == 2
    assert samples.dtype == np.float32


@pytest.mark.parametrize(
    "rate", ["8000", " 8000 ", "8e3", 8000, 8000.0, np.int32(8000), np.float32(8000), np.array(8000)]
)
def test_rates_of_any_kind(rate):
    assert rate_of(rate, "a") == 8000
    assert type(rate_of(rate, "a")) is int
    same(SOUND, sample_rate=rate)


@pytest.mark.parametrize(
    "rate",
    [
        float("nan"),
        float("inf"),
        "-inf",
        0,
        -8000,
        "",
        "8 kHz",
        True,
        False,
        np.True_,
        [8000, 1],
        {},
        1j,
        10**400,
        b"x",
    ],
)
def test_what_is_no_rate(rate):
    with pytest.raises(AudioError, match=r"sample rate .* Hz; expected a number above 0, such as 16000"):
        load_waveform(SOUND, CONFIG, sample_rate=rate)


@pytest.mark.parametrize("rate", [1e-300, 1, 99, 400_000, 1e300])
def test_rates_that_no_sound_has(rate):
    with pytest.raises(AudioError, match="expected 100 to 384000 Hz"):
        load_waveform(SOUND, CONFIG, sample_rate=rate)
