"""A sounddevice that needs no sound card, and words made of tones to say into it."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Sequence

import numpy as np
import pytest
from conftest import tone

RATE = 16_000


def spoken(n_words: int, rate: int = RATE, *, loud: Sequence[float] = (0.5,), seconds: float = 0.4) -> np.ndarray:
    """Words of different tones with half a second around each, in a quiet room; `loud` is of each in turn."""
    pause = np.zeros(rate // 2, dtype=np.float32)
    words = [2 * loud[n % len(loud)] * tone(300 + 60 * n, seconds, rate) for n in range(n_words)]
    waveform = np.concatenate([pause, *[part for word in words for part in (word, pause)]])
    noise = np.random.default_rng(1).normal(0, 0.001, len(waveform))
    return np.clip(waveform + noise, -1, 1).astype(np.float32)


class PortAudioError(Exception):
    pass


class FakeSoundDevice(types.ModuleType):
    """Says a waveform to whoever opens a microphone, and then is gone."""

    PortAudioError = PortAudioError

    def __init__(self, waveform: np.ndarray, *, n_channels: int = 1, overflow_at: int | None = None) -> None:
        super().__init__("sounddevice")
        self.waveform, self.n_channels, self.overflow_at = waveform, n_channels, overflow_at
        self.default = types.SimpleNamespace(device=[1, 2])
        self.opened: list[dict[str, object]] = []
        self.played: list[tuple[int, int]] = []
        self.error: Exception | None = None
        self.gate = threading.Event()  # what is said waits for it
        self.gate.set()

    def query_devices(self) -> list[dict[str, object]]:
        names = (("HDMI out", 0), ("USB Audio", self.n_channels), ("Speakers", 0), ("Webcam\nmic", 2))
        return [{"name": name, "max_input_channels": n, "default_samplerate": float(RATE)} for name, n in names]

    def InputStream(self, **options: object) -> FakeStream:
        if options["channels"] != self.n_channels:
            raise PortAudioError("Invalid number of channels")
        if self.error:
            raise self.error
        self.opened.append(options)
        return FakeStream(self, options)

    def play(self, waveform: np.ndarray, rate: int, *, blocking: bool) -> None:
        assert blocking
        self.played.append((len(waveform), rate))


class FakeStream:
    def __init__(self, device: FakeSoundDevice, options: dict) -> None:
        self.device, self.options = device, options

    def start(self) -> None:
        threading.Thread(target=self._speak, daemon=True).start()

    def _speak(self) -> None:
        size, buffer = self.options["blocksize"], None
        for number, start in enumerate(range(0, len(self.device.waveform), size)):
            self.device.gate.wait()
            block = self.device.waveform[start : start + size]
            buffer = np.repeat(block[:, None], self.device.n_channels, axis=1)
            status = types.SimpleNamespace(input_overflow=number == self.device.overflow_at)
            self.options["callback"](buffer, len(block), None, status)
            buffer[:] = np.nan  # the card's buffer is filled again
        self.options["finished_callback"]()

    def close(self) -> None:
        pass


def plugged_in(patch: pytest.MonkeyPatch, waveform: np.ndarray, **options: object) -> FakeSoundDevice:
    device = FakeSoundDevice(waveform, **options)
    patch.setitem(sys.modules, "sounddevice", device)
    return device
