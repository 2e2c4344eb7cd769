"""Figures of recordings: the data that they draw and the words on their axes."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tone
from samples import RATE, SPECTROGRAM, features

pytest.importorskip("matplotlib")

from sutja.reports import figures


def test_waveform_keeps_its_extremes():
    waveform = np.zeros(50_000, dtype=np.float32)
    waveform[31_234] = 0.9
    (axes,) = figures.waveform(waveform, RATE).axes
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[:, 1].max() == pytest.approx(0.9)
    assert corners[np.argmax(corners[:, 1]), 0] == pytest.approx(31_234 / RATE, abs=0.02)


def test_spectrum_has_its_peak_at_the_tone():
    (axes,) = figures.spectrum(tone(1000, 1, RATE), RATE).axes
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[np.argmax(corners[:, 1]), 0] == pytest.approx(1.0, abs=0.01)  # kHz
    assert axes.get_xlim() == (0, 4)


def test_mel_spectrogram_is_what_was_given_over_time_and_frequency():
    decibels, _ = features()
    axes, bar = figures.mel_spectrogram(decibels, RATE, SPECTROGRAM).axes
    mesh = axes.collections[0]
    assert np.array_equal(mesh.get_array(), decibels)
    frequencies = mesh.get_coordinates()[:, 0, 1]
    assert (np.diff(frequencies) > 0).all()
    assert frequencies[-1] == pytest.approx(RATE / 2)
    assert mesh.get_coordinates()[0, -1, 0] == pytest.approx((30 - 0.5) * 0.01)
    assert axes.get_yscale() == "log"
    assert "dB" in bar.get_ylabel()


def test_a_tone_lies_at_its_frequency():
    from sutja.features import log_mel

    decibels = log_mel(tone(1000, 0.5, RATE), RATE, SPECTROGRAM)
    axes, _ = figures.mel_spectrogram(decibels, RATE, SPECTROGRAM).axes
    edges = axes.collections[0].get_coordinates()[:, 0, 1]
    loudest = int(np.argmax(decibels[:, 20]))
    assert edges[loudest] <= 1000 <= edges[loudest + 1]


def test_network_inputs_are_four_by_four():
    arrays = {m: [np.full((40, 40), i / 16, np.float32) for i in range(8)] for m in ("mel", "mfcc")}
    figure = figures.network_inputs(arrays)
    drawn = [axes.collections[0].get_array()[0, 0] for axes in figure.axes[:16]]
    assert drawn == pytest.approx([i / 16 for i in range(8)] * 2)
