"""Raw samples: to the bit and back, and what is mistaken for them."""

from __future__ import annotations

import numpy as np
import pytest
from microphones import RATE, spoken

from sutja.pcm import KINDS, Beginning, from_pcm16, kind_of, to_pcm16


def test_every_sample_comes_back_to_the_bit():
    samples = np.arange(-(2**15), 2**15).astype("<i2")
    waveform = from_pcm16(samples.tobytes())
    assert waveform.dtype == np.float32
    assert np.array_equal(to_pcm16(waveform), samples)
    assert to_pcm16(np.array([2.0, -2.0], dtype=np.float32)).tolist() == [32767, -32768]


@pytest.mark.parametrize("n_bytes", [1, 3, 4096])
def test_sound_is_believed_however_it_is_cut(n_bytes):
    content = to_pcm16(spoken(2)).tobytes()
    beginning = Beginning(RATE)
    assert all(beginning.is_sound(content[n : n + n_bytes]) for n in range(0, 20_000, n_bytes))
    assert beginning.is_sound(b"fLaC")  # once it is believed, chance may write anything


@pytest.mark.parametrize("magic", KINDS)
def test_files_are_told(magic):
    beginning = Beginning(RATE)
    assert beginning.is_sound(bytes(10))
    assert not beginning.is_sound(magic + bytes(100))
    assert beginning.kind == kind_of(magic) == KINDS[magic]


def test_floats_are_told():
    beginning, content = Beginning(RATE), spoken(1).tobytes()
    told = [beginning.is_sound(content[n : n + 1000]) for n in range(0, len(content), 1000)]
    assert False in told
    assert beginning.is_floats
    assert beginning.kind is None
