"""Raw samples, 16 bits, little-endian, one channel: to waveforms and back, and what is mistaken for them.

A stream of raw samples says nothing of itself. Its beginning tells a file or floats from sound, nearly always.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform
from sutja.speech import samples_in

FULL_SCALE = 2**15
SAMPLE_RATES = (8_000, 192_000)
"""Hz, of a stream that says nothing of itself: a telephone, and the best sound cards."""
EXPECTED = "expected 16-bit samples, little-endian, one channel"

KINDS = {
    b"\x1aE\xdf\xa3": "webm, as MediaRecorder gives it",
    b"OggS": "ogg",
    b"RIFF": "a wav file",
    b"fLaC": "flac",
    b"ID3\x03": "mp3",
    b"ID3\x04": "mp3",
    b"\0\0\0\x18ftyp": "mp4, as MediaRecorder gives it",
    b"\0\0\0\x1cftyp": "mp4, as MediaRecorder gives it",
    b"\0\0\0\x20ftyp": "mp4, as MediaRecorder gives it",
}
"""What files begin with: four bytes or more, since any two may be a sample."""
LONGEST_KIND = max(map(len, KINDS))

LOOKED_AT_SECONDS = 0.25  # of samples other than zero, at 2 bytes each, before they are believed
MOST_LOOKED_AT = 20  # times that long, where nearly all is zero
FLOATS_DB = (-140.0, 12.0)  # levels that a float of sound has; PCM16 read as floats lies far outside, nearly always
FLOAT_SHARE = 0.98


def from_pcm16(content: bytes | bytearray) -> Waveform:
    """Return the waveform of raw samples, ``(n_samples,)``; the number of bytes is even.

    >>> from_pcm16(bytes.fromhex("0000ff7f0080"))
    array([ 0.       ,  0.9999695, -1.       ], dtype=float32)
    """
    return np.frombuffer(content, "<i2").astype(np.float32) / np.float32(FULL_SCALE)


def to_pcm16(waveform: Waveform) -> NDArray[np.int16]:
    """Return the nearest 16-bit samples, ``(n_samples,)``: those that a waveform was made of, to the bit.

    >>> to_pcm16(np.array([0.5, -1.0, 1.0], dtype=np.float32))
    array([ 16384, -32768,  32767], dtype=int16)
    """
    steps = np.rint(waveform * np.float32(FULL_SCALE))
    samples: NDArray[np.int16] = np.clip(steps, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return samples


def kind_of(head: bytes | bytearray) -> str | None:
    """Say which kind of file begins so; None where none does.

    >>> kind_of(b"fLaC and more"), kind_of(bytes(8))
    ('flac', None)
    """
    return next((kind for magic, kind in KINDS.items() if head.startswith(magic)), None)


class Beginning:
    """Looks at a stream's beginning, without what is silent, until it is clear that it is sound.

    Parameters
    ----------
    sample_rate
        Of the stream, Hz.

    """

    def __init__(self, sample_rate: int) -> None:
        self._seen: bytearray | None = bytearray()  # None once it is believed
        self._n_looked_at = samples_in(LOOKED_AT_SECONDS, sample_rate)
        self.kind: str | None = None
        """Of file, where it is one."""
        self.is_floats = False

    def is_sound(self, content: bytes) -> bool:
        """Take the next bytes, and tell whether all may still be raw samples; if not, the attributes tell what."""
        if self._seen is None or not any(content):  # silence is both kinds of samples
            return True
        self._seen += content
        self.kind = kind_of(self._seen)
        floats = np.frombuffer(self._seen[: len(self._seen) // 4 * 4], "<f4")
        is_much = np.count_nonzero(floats) >= self._n_looked_at // 2
        self.is_floats = bool(is_much and _are_levels(floats))
        if self.kind or self.is_floats:
            return False
        if is_much or len(floats) > MOST_LOOKED_AT * self._n_looked_at:
            self._seen = None
        return True


def _are_levels(floats: NDArray[np.float32]) -> bool:
    """Whether nearly all that is not zero are levels of sound."""
    floats = np.abs(floats)
    quietest, loudest = (10 ** (level / 20) for level in FLOATS_DB)
    with np.errstate(invalid="ignore"):  # NaN is no level
        sounding = (floats >= quietest) & (floats <= loudest)
    return bool(sounding.sum() >= FLOAT_SHARE * np.count_nonzero(floats))
