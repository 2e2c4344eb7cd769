"""Microphones: found by number and name, heard block by block; what is lost or gone is told."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest
from microphones import RATE, PortAudioError, plugged_in, spoken

from sutja import microphone
from sutja.errors import AudioError, DependencyError
from sutja.microphone import BLOCK_SECONDS, Device, Microphone, chosen, devices, play


def heard(mic: Microphone) -> np.ndarray:
    blocks = []
    with pytest.raises(AudioError, match="no sound comes from it any more; it was unplugged"):
        blocks.extend(mic)
    return np.concatenate(blocks)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_every_sample_is_heard_before_it_is_gone(monkeypatch, n_channels):
    device = plugged_in(monkeypatch, spoken(1), n_channels=n_channels)
    with Microphone() as mic:
        assert (mic.name, mic.sample_rate) == ("USB Audio", RATE)
        assert np.array_equal(heard(mic), spoken(1))
        assert mic.n_lost == 0
    assert device.opened[0]["blocksize"] == BLOCK_SECONDS * RATE
    assert device.opened[0]["channels"] == n_channels


def test_a_rate_can_be_asked_for(monkeypatch):
    device = plugged_in(monkeypatch, spoken(1))
    with Microphone("usb", 44_100) as mic:
        assert mic.sample_rate == 44_100
    assert device.opened[0]["samplerate"] == 44_100


def test_lost_sound_is_counted(monkeypatch):
    plugged_in(monkeypatch, spoken(1), overflow_at=3)
    with Microphone() as mic:
        heard(mic)
        assert mic.n_lost == 1
    monkeypatch.setattr(microphone, "QUEUE_SECONDS", 0.2)
    plugged_in(monkeypatch, spoken(1))
    mic = Microphone()
    mic._take(np.zeros((800, 1), np.float32), 800, None, type("Status", (), {"input_overflow": False}))
    for _ in range(9):
        mic._take(np.zeros((800, 1), np.float32), 800, None, type("Status", (), {"input_overflow": False}))
    assert mic.n_lost == 6  # four are in the queue
    mic._end()  # which has no room for the end either


def test_one_that_falls_silent_is_gone(monkeypatch):
    monkeypatch.setattr(microphone, "GONE_SECONDS", 0.05)
    device = plugged_in(monkeypatch, spoken(1))
    device.gate.clear()
    with Microphone() as mic, pytest.raises(AudioError, match="USB Audio: no sound comes"):
        next(iter(mic))
    device.gate.set()


def test_devices_are_listed_and_chosen(monkeypatch):
    plugged_in(monkeypatch, spoken(1))
    assert devices() == (
        Device(1, "USB Audio", 1, RATE, is_default=True),
        Device(3, "Webcam\\nmic", 2, RATE, is_default=False),
    )
    for wanted, index in ((None, 1), ("1", 1), (3, 3), ("WEB", 3), ("usb audio", 1)):
        assert chosen(wanted, devices()).index == index
    for wanted, message in (
        ("x", "no microphone has 'x'"),
        ("2", "no microphone has"),
        ("i", "2 microphones have 'i'"),
    ):
        with pytest.raises(AudioError, match=f"{message}.*expected one of 1: USB Audio, 3: Webcam"):
            chosen(wanted, devices())
    with pytest.raises(AudioError, match="none is there; connect one"):
        chosen(None, ())


def test_what_cannot_be_opened_is_told_in_a_line(monkeypatch):
    device = plugged_in(monkeypatch, spoken(1))
    device.error = PortAudioError("Device unavailable\n[PaErrorCode -9985]")
    with pytest.raises(AudioError, match=r"USB Audio: cannot be used \(Device unavailable \[PaErrorCode -9985\]\)"):
        Microphone().__enter__()


def test_playing(monkeypatch):
    device = plugged_in(monkeypatch, spoken(1))
    play(spoken(1), RATE)
    assert device.played == [(len(spoken(1)), RATE)]


def importing(monkeypatch, error):
    real = builtins.__import__

    def fail(name, *arguments, **options):
        if name == "sounddevice":
            raise error
        return real(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", fail)


def test_without_the_package_and_without_portaudio(monkeypatch):
    with monkeypatch.context() as patch:
        importing(patch, ModuleNotFoundError("No module named 'sounddevice'"))
        with pytest.raises(DependencyError, match=r"pip install 'sutja\[mic\]'"):
            devices()
    importing(monkeypatch, OSError("PortAudio library not found"))
    for platform, advice in (
        ("linux", "apt install libportaudio2"),
        ("darwin", "brew install"),
        ("plan9", "portaudio"),
    ):
        monkeypatch.setattr(microphone.sys, "platform", platform)
        with pytest.raises(DependencyError, match=f"PortAudio is not installed .*; install it with: .*{advice}"):
            Microphone()
