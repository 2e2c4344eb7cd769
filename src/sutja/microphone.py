"""Microphones and loudspeakers of this machine, through sounddevice (PortAudio).

A microphone gives blocks of float32 ``(n_samples,)`` in [-1, 1] at its own rate, one channel. They wait in a queue
between the thread of the sound card and ours; what is lost on the way is counted and never silently passed over.
"""

from __future__ import annotations

import contextlib
import queue
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja.audio import Waveform, mixed_down
from sutja.errors import AudioError, DependencyError, listed, needs, one_line

EXTRA = "mic"
BLOCK_SECONDS = 0.05
"""A word is told later by up to this; half of it would double the calls, which are most of what silence costs."""
QUEUE_SECONDS = 10.0
"""That whoever listens may do something else before sound is lost."""
GONE_SECONDS = 3.0
"""Without a block, a microphone is gone: blocks come twenty times a second, and some sound servers wake up slowly."""

Samples = NDArray[np.float32]

PORTAUDIO = {
    "linux": "sudo apt install libportaudio2 (Debian, Ubuntu, Raspberry Pi OS), sudo dnf install portaudio (Fedora) or "
    "sudo pacman -S portaudio (Arch)",
    "darwin": "brew install portaudio, or pip install --force-reinstall sounddevice, which brings it",
    "win32": "pip install --force-reinstall sounddevice, which brings it",
}
"""How the library comes to a machine, by `sys.platform`."""


@dataclass(frozen=True)
class Device:
    """A microphone that the system knows."""

    index: int
    """By which it can be chosen; it changes when devices are plugged in."""
    name: str
    n_channels: int
    sample_rate: int
    """Its own, Hz."""
    is_default: bool


def devices() -> tuple[Device, ...]:
    """Return the microphones of this machine, in the system's order.

    Raises
    ------
    DependencyError
        When sounddevice or PortAudio is not installed.
    AudioError
        When the sound system does not answer.

    """
    sounddevice = _library()
    with _told("sound system", sounddevice):
        default = sounddevice.default.device[0]
        return tuple(
            Device(
                index=index,
                name=one_line(str(found["name"])),
                n_channels=int(found["max_input_channels"]),
                sample_rate=round(found["default_samplerate"]),
                is_default=index == default,
            )
            for index, found in enumerate(sounddevice.query_devices())
            if found["max_input_channels"] > 0
        )


def chosen(wanted: str | int | None, among: tuple[Device, ...]) -> Device:
    """Return the microphone that is meant: by its number, a part of its name, or the system's own choice.

    Raises
    ------
    AudioError
        When there is none, or several have this in their names.

    >>> usb = Device(3, "USB Audio: - (hw:1,0)", 1, 48_000, is_default=False)
    >>> chosen("usb", (usb,)).index, chosen(3, (usb,)).index, chosen(None, (usb,)).index
    (3, 3, 3)
    """
    if not among:
        raise AudioError("microphone", "none is there; connect one and allow its use, then look with --list-devices")
    if wanted is None:
        return next((device for device in among if device.is_default), among[0])
    text = str(wanted).strip()
    found = [device for device in among if text.isdecimal() and device.index == int(text)]
    found = found or [device for device in among if text and device.name.casefold() == text.casefold()]
    found = found or [device for device in among if text and text.casefold() in device.name.casefold()]
    if len(found) != 1:
        n = "no microphone has" if not found else f"{len(found)} microphones have"
        there = listed((f"{device.index}: {device.name}" for device in found or among), 5)
        raise AudioError(
            "microphone", f"{n} {text!r} as number or in the name; expected one of {there}; give its number"
        )
    return found[0]


class Microphone:
    """A microphone as an iterator of blocks: open it with ``with``.

    Parameters
    ----------
    device
        Its number or a part of its name; the system's own choice when not given.
    sample_rate
        Hz; the microphone's own when not given.

    Raises
    ------
    DependencyError
        When sounddevice or PortAudio is not installed.
    AudioError
        When there is no such microphone; later when it cannot be opened, or goes away.

    """

    def __init__(self, device: str | int | None = None, sample_rate: int | None = None) -> None:
        self._sounddevice = _library()
        self.device = chosen(device, devices())
        self.name = self.device.name
        self.sample_rate = sample_rate or self.device.sample_rate
        self.n_lost = 0
        """Times that sound was lost so far: the queue was full, or the system says that it was too late."""
        self._blocks: queue.Queue[Samples | None] = queue.Queue(round(QUEUE_SECONDS / BLOCK_SECONDS))
        self._stream: Any = None

    def __enter__(self) -> Microphone:
        try:
            self._stream = self._opened(1)
        except self._sounddevice.PortAudioError:
            with _told(self.name, self._sounddevice):  # some have two channels and give no single one
                self._stream = self._opened(self.device.n_channels)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(self._sounddevice.PortAudioError):  # of one that is gone
            self._stream.close()

    def __iter__(self) -> Iterator[Waveform]:
        while True:
            try:
                block = self._blocks.get(timeout=GONE_SECONDS)
            except queue.Empty:
                block = None
            if block is None:
                raise AudioError(
                    self.name,
                    "no sound comes from it any more; it was unplugged, or another program took it; connect it and run "
                    "the command again",
                )
            yield mixed_down(block)

    def _opened(self, n_channels: int) -> Any:
        stream = self._sounddevice.InputStream(
            device=self.device.index,
            samplerate=self.sample_rate,
            blocksize=round(BLOCK_SECONDS * self.sample_rate),
            channels=n_channels,
            dtype="float32",
            callback=self._take,
            finished_callback=self._end,
        )
        stream.start()
        return stream

    def _take(self, samples: Samples, n_samples: int, time: object, status: Any) -> None:
        """Put a block into the queue: called by the sound card's thread, whose buffer is filled again."""
        self.n_lost += bool(status.input_overflow)
        try:
            self._blocks.put_nowait(samples.copy())
        except queue.Full:
            self.n_lost += 1

    def _end(self) -> None:
        """Note that no block will come: called when the stream ends, by us or since the microphone is gone."""
        with contextlib.suppress(queue.Full):
            self._blocks.put_nowait(None)


def play(waveform: Waveform, sample_rate: int) -> None:
    """Play a waveform and wait for its end.

    Raises
    ------
    AudioError
        When there is nothing to play it with.

    """
    sounddevice = _library()
    with _told("loudspeaker", sounddevice):
        sounddevice.play(waveform, sample_rate, blocking=True)


@contextlib.contextmanager
def _told(name: str, sounddevice: Any) -> Iterator[None]:
    """Say in one line what PortAudio says."""
    try:
        yield
    except (sounddevice.PortAudioError, ValueError) as error:
        reason = " ".join(str(error.args[0] if error.args else error).split())
        raise AudioError(
            name,
            f"cannot be used ({reason}); expected a device that is free and takes this sample rate; close what else "
            "uses it, or choose another with --device",
        ) from error


def _library() -> Any:
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise needs("sounddevice", EXTRA) from error
    except OSError as error:  # the package is there, the library that it is for is not
        advice = PORTAUDIO.get(sys.platform, "the package of your system that is called portaudio")
        raise DependencyError(
            f"PortAudio is not installed ({' '.join(str(error).split())}), and microphones are reached through it; "
            f"install it with: {advice}"
        ) from error
    return sounddevice
