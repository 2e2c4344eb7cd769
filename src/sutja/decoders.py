"""A sound file, opened: its sample rate and its samples, whoever decodes it and however many parts it has."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from sutja import foreign
from sutja.containers import FOREIGN, LIBSNDFILE, Kind, recognise
from sutja.contents import Content, reason_of, section
from sutja.errors import AudioError, DependencyError
from sutja.mending import Part, parts

# 8 channels at 48 kHz, 2 at 192 kHz. A flac of 90 kB can hold a minute of 8 at 192 kHz, which takes 400 MB and 2 s.
MAX_VALUES_PER_SECOND = 384_000
BLOCK_SECONDS = 2
"""At most, that are read at once: more than a word, and little to make room for where the length is not known."""
READ = ", ".join(kind.title for kind in LIBSNDFILE[:4]).lower() + " or aiff"


# A chunk's name and size; coding, channels, sample rate, bytes a second, bytes a frame, bits a sample.
_FORMAT = struct.Struct("<4sIHHIIHH")
UNKNOWN_FRAMES = 2**62
"""libsndfile says more than this of a file whose length it does not know."""
# What soundfile raises of files that cannot be decoded.
_FAULTS = (soundfile.SoundFileError, OSError, ValueError, TypeError, MemoryError, AssertionError, OverflowError)


class Sound(Protocol):
    """A recording that is read once, from its beginning to its end."""

    sample_rate: int
    """Hz."""
    n_channels: int

    def read(self, n_samples: int) -> NDArray[np.float32]:
        """Give the next ``(n_samples, n_channels)`` with full scale at [-1, 1], fewer only at the end."""

    def skip(self, n_samples: int) -> None:
        """Pass over samples; at the end there is nothing to pass over."""

    def close(self) -> None:
        """Let go of it."""


@contextlib.contextmanager
def open_sound(content: Content, name: str) -> Iterator[Sound]:
    """Open a file of any kind that sutja reads.

    Parameters
    ----------
    content
        Of the file.
    name
        What it is called in messages.

    Raises
    ------
    AudioError
        When it is no sound, of a kind that is not read, or cannot be decoded.

    """
    kind, start = recognise(content)
    if kind in LIBSNDFILE:
        sound = _native(content, kind, start, name)
    elif kind in FOREIGN:
        sound = _foreign(content, kind, start, name)
    else:
        raise _unread(kind, name)
    with contextlib.closing(sound):
        if sound.sample_rate * sound.n_channels > MAX_VALUES_PER_SECOND:
            raise AudioError(
                name,
                f"{sound.n_channels} channels at {sound.sample_rate} Hz; expected at most {MAX_VALUES_PER_SECOND} "
                "values a second in all; write the file with fewer channels",
            )
        yield sound


def _native(content: Content, kind: Kind, start: int, name: str) -> Sound:
    """Read by ourselves; a coding that libsndfile lacks, such as Speex, by ffmpeg, where that is installed."""
    shown = parts(content, kind, start)
    try:
        return _plain(content, shown[0]) or _Joined(content, shown, name)
    except AudioError as error:
        if kind.demuxer is None or not foreign.is_installed():
            raise
        with contextlib.suppress(AudioError):
            return _foreign(content, kind, start, name)
        raise error from None


def _unread(kind: Kind | None, name: str) -> AudioError:
    if kind is None:
        reason = "its first bytes are of no kind of sound that sutja knows"
        return AudioError(name, f"cannot be decoded ({reason}); expected {READ}", "format")
    what = f"is {kind.title} and no sound" if not kind.is_sound else f"is {kind.title}, which sutja does not read"
    return AudioError(name, f"{what}; expected {READ}; {kind.remedy}", "format")


def _foreign(content: Content, kind: Kind, start: int, name: str) -> Sound:
    try:
        return foreign.ForeignSound(section(content, b"", start, content.size), str(kind.demuxer), name)
    except DependencyError as error:
        reason = f"is {kind.title}, whatever its name says; {error}, or {kind.remedy}"
        raise AudioError(name, reason, "format") from error


def _plain(content: Content, part: Part) -> _Plain | None:
    """Take what is a wav of 16 bits."""
    if not part.head.startswith(b"RIFF") or len(part.head) < 36:
        return None
    chunk, size, coding, n_channels, rate, _, frame_bytes, bits = _FORMAT.unpack_from(part.head, 12)
    is_plain = (chunk, coding, bits, frame_bytes) == (b"fmt ", 1, 16, 2 * n_channels) and size >= 16
    return _Plain(content, part, rate, n_channels) if is_plain and n_channels * rate > 0 else None


class _Plain:
    """A wav of 16 bits, the most usual kind: numpy has it in a third of libsndfile's time, with the same values."""

    def __init__(self, content: Content, part: Part, sample_rate: int, n_channels: int) -> None:
        self._content, self._place, self._end = content, part.start, part.end
        self.sample_rate, self.n_channels = sample_rate, n_channels

    def read(self, n_samples: int) -> NDArray[np.float32]:
        """Give the next ``(n_samples, n_channels)``, fewer only at the end."""
        n_bytes = 2 * self.n_channels * min(n_samples, (self._end - self._place) // (2 * self.n_channels))
        pieces = np.frombuffer(self._content.at(self._place, n_bytes), "<i2").reshape(-1, self.n_channels)
        self._place += n_bytes
        return pieces.astype(np.float32) / np.float32(2**15)

    def skip(self, n_samples: int) -> None:
        """Pass over samples."""
        self._place = min(self._place + 2 * self.n_channels * n_samples, self._end)

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read to its end.

    soundfile seeks after each read of a file that it can seek in. The decoder of mp3 begins anew at that, gives other
    last digits and complains on stderr; that of flac fails where the file is cut.
    """

    def seekable(self) -> bool:
        return False


class _Joined:
    """Parts of one file, decoded by libsndfile one after the other."""

    def __init__(self, content: Content, parts: Sequence[Part], name: str) -> None:
        self._content, self._left, self._name = content, list(parts), name
        self._n_read, self._is_untouched = 0, True
        self._part = self._left.pop(0)
        try:
            self._file = self._opened(self._part.head)
        except _FAULTS as error:
            raise self._undecodable(error) from error
        self.sample_rate: int = self._file.samplerate
        self.n_channels: int = self._file.channels

    def read(self, n_samples: int) -> NDArray[np.float32]:
        """Give the next ``(n_samples, n_channels)``, fewer only at the end."""
        pieces, n_missing = [], n_samples
        while n_missing > 0:
            n_wanted = min(n_missing, BLOCK_SECONDS * self.sample_rate)
            piece = self._block(n_wanted)
            n_missing -= len(piece)
            if len(piece):
                pieces.append(piece)
            if len(piece) < n_wanted and not self._advanced():
                break
        return pieces[0] if len(pieces) == 1 else np.concatenate([*pieces, self._nothing()])

    def skip(self, n_samples: int) -> None:
        """Pass over samples: at the beginning of what has a known length by seeking, else by reading."""
        if self._is_untouched and self._sought(n_samples):
            return
        while n_samples > 0 and len(read := self.read(min(n_samples, self.sample_rate))):
            n_samples -= len(read)

    def close(self) -> None:
        """Let go of the decoder."""
        self._file.close()

    def _opened(self, head: bytes) -> _Forward:
        return _Forward(section(self._content, head, self._part.start, self._part.end))

    def _nothing(self) -> NDArray[np.float32]:
        return np.empty((0, self.n_channels), np.float32)

    def _block(self, n_samples: int) -> NDArray[np.float32]:
        """Read from one part; where it is cut or damaged, what was decoded before that."""
        n_samples = min(n_samples, self._file.frames - self._n_read)  # beyond its end libsndfile gives zeros
        if n_samples <= 0:
            return self._nothing()
        samples = np.full((n_samples, self.n_channels), np.nan, np.float32)
        try:
            samples = self._file.read(out=samples)
        except _FAULTS as error:
            decoded = np.flatnonzero(~np.isnan(samples[:, 0]))
            if not len(decoded) and self._is_untouched:
                raise self._undecodable(error) from error
            samples = samples[: decoded[-1] + 1 if len(decoded) else 0]
        self._n_read += len(samples)
        self._is_untouched = False
        return samples

    def _advanced(self) -> bool:
        """Go on to the next part that is one."""
        while self._left:
            self._part = self._left.pop(0)
            try:
                following = self._opened(self._part.head)
            except _FAULTS:  # rubbish that looked like a beginning
                continue
            self._file.close()
            self._file, self._n_read = following, 0
            if (following.samplerate, following.channels) != (self.sample_rate, self.n_channels):
                found = f"{following.channels} channels at {following.samplerate} Hz"
                expected = f"{self.n_channels} at {self.sample_rate} Hz as before"
                raise AudioError(
                    self._name, f"joined of files that differ: {found}; expected {expected}; write it again as one"
                )
            return True
        return False

    def _sought(self, n_samples: int) -> bool:
        """Go to a place, where the part says how long it is, and lies not."""
        file = self._file
        if self._part.written:
            try:
                file = self._opened(self._part.written)
            except _FAULTS:
                return False
        try:
            found = bool(n_samples < file.frames < UNKNOWN_FRAMES and file.seek(n_samples) == n_samples)
        except _FAULTS:
            found = False
        other, self._file = (self._file, file) if found else (file, self._file)
        if other is not self._file:
            other.close()
        self._n_read = n_samples if found else 0
        return found

    def _undecodable(self, error: BaseException) -> AudioError:
        return AudioError(self._name, f"cannot be decoded ({reason_of(error)}); expected {READ}", "format")
