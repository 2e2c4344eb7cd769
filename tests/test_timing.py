"""Timing: numbers that fit each other, and memory that is the command's own."""

from __future__ import annotations

import dataclasses
import json
import sys
import time

import numpy as np
import pytest

from sutja import timing
from sutja.audio import load_waveform
from sutja.config import AudioConfig
from sutja.endpoints import EndpointDetector
from sutja.errors import BundleError, RunError


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        for name, number in (("N_ROUNDS", 20), ("N_MANY", 50), ("N_STARTS", 1)):
            patch.setattr(timing, name, number)
        return timing.measure("digits-en")


def test_the_parts_fit_the_whole(found):
    parts = found.load_ms + found.features_ms + found.network_ms
    assert 0 < found.load_ms < found.p50_ms <= found.p95_ms
    assert 0.1 * parts < found.p50_ms < 20 * parts  # machines that do other work measure oddly
    assert found.clips_per_second > 10
    assert found.model == "digits-en"


@pytest.mark.skipif(sys.platform == "win32", reason="tells no memory there")
def test_a_start_takes_the_commands_own_memory_not_ours(found):
    assert found.cold_start_s < 30
    ballast = np.ones(50_000_000)  # 400 MB
    assert 40 < found.cold_start_mb < 200
    assert timing._cold_start("digits-en", timing.made_clip(16_000))[1] < 200
    assert ballast.sum() > 0


def test_it_is_plain_json(found):
    told = json.loads(json.dumps(dataclasses.asdict(found)))
    assert told["machine"]["cores"] >= 1
    assert {"processor", "system", "python", "sutja", "numpy", "onnxruntime"} <= set(told["machine"])


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_the_clip_is_a_recording(rate):
    waveform = load_waveform(timing.made_clip(rate), AudioConfig(sample_rate=rate))
    assert len(waveform) == rate // 2
    assert 0.05 < np.abs(waveform).max() <= 1


def test_a_slow_machine_ends_in_time(monkeypatch):
    monkeypatch.setattr(timing, "MAX_SECONDS", 0.0)
    predictor = timing.Predictor.load()
    taken = timing._steps(predictor, timing.made_clip(16_000), timing.made_clip(48_000))
    assert {len(rounds) for rounds in taken.values()} == {1}


def test_what_cannot_be_measured(tmp_path):
    with pytest.raises(BundleError, match=r"no model\.json there"):
        timing.measure(tmp_path)
    with pytest.raises(RunError, match="cannot be started to be measured"):
        timing._cold_start(tmp_path, timing.made_clip(16_000))


# -- listening --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listened():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "N_WORDS", 2)
        patch.setattr(timing, "QUIET_SECONDS", 0.3)
        return timing.measure_stream("digits-en")


def test_a_word_has_its_answer_after_the_silence_that_ends_it(listened):
    assert listened.look_back_s < listened.p50_s <= listened.p95_s < 5  # machines that do other work measure oddly
    assert (listened.n_words, listened.n_said) == (2, 2)
    assert 0 < listened.words_share < 5
    assert 0 <= listened.quiet_share < 5
    assert json.loads(json.dumps(dataclasses.asdict(listened)))["machine"]["cores"] >= 1


def test_made_words_end_when_they_are_said_to(monkeypatch):
    monkeypatch.setattr(timing, "N_WORDS", 4)
    waveform, ends = timing.made_words(8_000)
    found = EndpointDetector(8_000).feed(waveform)
    assert [segment.end for segment in found] == pytest.approx(ends, abs=0.03)
    assert len({round(1000 * end) % 50 for end in ends}) > 2  # in different places of a block


def test_paced_sound_comes_in_its_own_time_and_whole():
    waveform = np.arange(1_000, dtype=np.float32)
    paced = timing.Paced(waveform, 8_000)
    at = [(block, time.perf_counter() - paced.began) for block in paced]
    assert np.array_equal(np.concatenate([block for block, _ in at]), waveform)
    assert [late >= 0.05 * (n + 1) for n, (_, late) in enumerate(at[:-1])] == [True, True]
    assert at[-1][1] >= 0.125
