"""Figures of recordings: the data that they draw and the words on their axes."""

from __future__ import annotations

from dataclasses import replace

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


def test_clips_on_one_scale_can_be_compared():
    quiet, loud = 0.1 * tone(500, 0.3, RATE), tone(500, 0.6, RATE)
    coefficients = [np.full((4, 5), 3.0), np.full((4, 5), -9.0)]
    scale = figures.Scale.over([quiet, loud], coefficients, RATE)
    assert (scale.seconds, scale.coefficient) == (pytest.approx(0.6, abs=0.01), 9)
    for draw in (figures.waveform, figures.spectrum):
        limits = [draw(samples, RATE, scale=scale).axes[0].get_ylim() for samples in (quiet, loud)]
        assert limits[0] == limits[1]
        assert limits[0][1] > draw(quiet, RATE).axes[0].get_ylim()[1]
    decibels, _ = features()
    softer = [figures.mel_spectrogram(decibels - by, RATE, SPECTROGRAM, scale=scale).axes[0] for by in (0, 20)]
    assert {axes.collections[0].get_clim() for axes in softer} == {(-SPECTROGRAM.top_db, 0)}
    assert {axes.get_xlim() for axes in softer} == {(0, scale.seconds)}
    shown = [figures.mfcc(values, RATE, SPECTROGRAM, scale=scale).axes[0] for values in coefficients]
    assert {axes.collections[0].get_clim() for axes in shown} == {(-9, 9)}
    assert {axes.get_xlim() for axes in shown} == {(0, scale.seconds)}


def test_two_clips_one_above_the_other_share_a_scale():
    decibels, coefficients = features()
    pair = [(decibels, coefficients), (decibels[:, :10], 2 * coefficients[:, :10])]
    axes = figures.compare_clips(pair, ["one", "other"], RATE, SPECTROGRAM).axes
    for left_or_right in (axes[0::2][:2], axes[1::2][:2]):
        assert len({each.get_xlim() for each in left_or_right}) == 1
        assert len({each.collections[0].get_clim() for each in left_or_right}) == 1


def test_what_is_heard_stands_above_each_other_over_one_time():
    decibels, coefficients = features()
    samples = tone(440, 0.3, RATE)
    scale = figures.Scale.over([samples, tone(440, 0.5, RATE)], [coefficients], RATE)
    figure = figures.heard((samples, decibels, coefficients), RATE, SPECTROGRAM, scale)
    figure.draw_without_rendering()
    places = [axes.get_position() for axes in figure.axes]
    assert len(places) == 3
    span = figures.time_span(figure)
    assert span["seconds"] == pytest.approx(0.5, abs=0.01)
    for place in places:
        assert (place.x0, place.x1) == (pytest.approx(span["left"], abs=1e-3), pytest.approx(span["right"], abs=1e-3))
    assert min(place.y0 for place in places) == pytest.approx(span["foot"], abs=1e-3)
    assert 0 < span["left"] < 0.25
    assert 0.9 < span["right"] <= 1


def test_features_below_nothing_have_their_own_colours():
    decibels, _ = features()
    own = replace(SPECTROGRAM, reference="one")
    mesh = figures.mel_spectrogram(decibels, RATE, own).axes[0].collections[0]
    assert mesh.get_clim() == (pytest.approx(decibels.min()), pytest.approx(decibels.max()))
