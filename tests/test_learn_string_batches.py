from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from ideal_answers import ONE, OTHER, TWO, UNITS

from sutja.learn.full_sum import NEVER
from sutja.learn.splices import Said
from sutja.learn.string_batches import (
    MOST_UNITS,
    NO_UNIT,
    as_bytes,
    features_of,
    paths_of,
    read,
    states_of,
    usable,
    write,
)
from sutja.strings.frontend import SAMPLE_RATE, above_level, decibels_of


def said(units=(ONE, TWO), times=((0.2, 0.5), (0.6, 0.9)), seconds=2.4):
    waveform = 0.1 * np.random.default_rng(len(units)).standard_normal(round(seconds * SAMPLE_RATE)).astype(np.float32)
    return Said(waveform, tuple(units), np.array(times, dtype=np.float32).reshape(-1, 2))


def rows(*strings):
    _, units, times = zip(*map(as_bytes, strings), strict=True)
    return np.stack(units), np.stack(times)


def test_strings_come_back_from_their_files(tmp_path):
    write(tmp_path, "00", [said(), said(seconds=4.0)])
    write(tmp_path, "01", [said((), ())])
    found = read(tmp_path)
    assert {n_frames: len(strings) for n_frames, strings in found.items()} == {240: 2, 400: 1}
    assert found[240].units[0, :3].tolist() == [ONE, TWO, NO_UNIT]
    assert np.isnan(found[240].times[1]).all()


@pytest.mark.numeric
def test_features_are_those_of_the_front_end_within_a_byte():
    string = said()
    decibels, _, _ = as_bytes(string)
    expected, _ = above_level(decibels_of(string.waveform))
    found = features_of(torch.from_numpy(decibels[None]))[0].numpy()
    assert np.abs(found - expected).max() < 0.03  # half a step of half a decibel, twice, of 25


def test_a_string_that_is_too_long_is_cut():
    units, times = rows(said([ONE] * 30, [(0.05 * k, 0.05 * k + 0.05) for k in range(30)]))
    assert (units != NO_UNIT).sum() == MOST_UNITS
    assert np.isfinite(times).all()


def test_positions_are_the_states_with_silence_between():
    units, times = rows(said(), said((), ()))
    paths = paths_of(UNITS, units, times, 100)
    one, two = UNITS.outputs_of(ONE), UNITS.outputs_of(TWO)
    assert paths.outputs[0].tolist() == [UNITS.silence, *one, UNITS.silence, *two, UNITS.silence]
    assert paths.last.tolist() == [len(one) + len(two) + 2, 0]
    assert (paths.skips[0] == 0).nonzero().flatten().tolist() == [len(one) + 2]
    assert not (paths.skips[1] == 0).any()


def test_known_times_bound_the_positions():
    units, times = rows(said(), said((OTHER,), ((np.nan, np.nan),)))
    allowed = paths_of(UNITS, units, times, 100).allowed
    moments = (torch.arange(100) + 0.5) * 0.02

    def span(row, position):
        inside = moments[allowed[row, :, position] == 0]
        return (float(inside.min()), float(inside.max())) if len(inside) else None

    assert span(0, 1) == (pytest.approx(0.15, abs=0.02), pytest.approx(0.55, abs=0.02))
    assert span(0, 0) == (pytest.approx(0.01), pytest.approx(0.27, abs=0.02))
    assert span(0, len(UNITS.outputs_of(ONE)) + 1) == (pytest.approx(0.43, abs=0.02), pytest.approx(0.67, abs=0.02))
    last = int(paths_of(UNITS, units, times, 100).last[0])
    assert span(0, last) == (pytest.approx(0.83, abs=0.02), pytest.approx(1.99))
    assert span(1, 1) == (pytest.approx(0.01), pytest.approx(1.99))
    assert float(allowed.min()) == NEVER


def test_first_guesses_share_a_word_alike():
    units, times = rows(said(), said((ONE,), ((np.nan, np.nan),)), said((), ()))
    states = states_of(UNITS, units, times, 60)
    first = states[0, 10:25].tolist()
    assert sorted(set(first)) == UNITS.outputs_of(ONE)
    assert first == sorted(first)
    assert states[0, :10].tolist() == [UNITS.silence] * 10
    assert set(states[1].tolist()) == {-100}
    assert set(states[2].tolist()) == {UNITS.silence}


def test_the_last_outputs_speak_of_what_is_not_there():
    assert usable(240) == 112
