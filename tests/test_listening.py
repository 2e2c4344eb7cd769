"""The one pass over recordings; each kind of fault is found where it was put, and nowhere else."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY_RATE, tone, write_wav

import sutja.listening
from sutja.clips import Clip
from sutja.config import Config, FeatureConfig
from sutja.dataset import scan
from sutja.errors import AudioError
from sutja.listening import ClipFacts, digest, facts, find_problems, listen

CONFIG = Config()
WINDOW = CONFIG.members["mel"].max_samples / CONFIG.audio.sample_rate


def kinds(samples, sample_rate=TINY_RATE, config=CONFIG):
    samples = np.asarray(samples, np.float32)
    samples = samples if samples.ndim == 2 else samples[:, None]
    return [kind for kind, _ in find_problems(samples, sample_rate, config)]


def word(seconds=0.5):
    return tone(440, seconds, TINY_RATE)


# -- the pass ---------------------------------------------------------------------------------------------------------


def test_each_clip_is_decoded_once_and_handed_over_as_it_is(tiny_dataset, monkeypatch):
    clips, decoded = scan(tiny_dataset).clips, []
    original = sutja.listening.decode
    monkeypatch.setattr(sutja.listening, "decode", lambda path, limits: decoded.append(path) or original(path, limits))
    steps = []
    made = list(
        listen(
            clips,
            CONFIG.audio,
            lambda index, samples, sample_rate: (index, samples.shape[1], sample_rate),
            progress=lambda: steps.append(threading.current_thread()),
        )
    )
    assert made == [(index, 1, TINY_RATE) for index in range(len(clips))]
    assert sorted(decoded) == sorted(clip.path for clip in clips)
    assert steps == [threading.main_thread()] * len(clips)


def test_what_cannot_be_used_gives_its_error_in_its_place(tmp_path):
    write_wav(tmp_path / "a.wav", word(), TINY_RATE)
    (tmp_path / "b: c.wav").write_bytes(b"no sound")
    clips = [Clip(tmp_path / name, f"as the CSV spells {name}") for name in ("a.wav", "b: c.wav", "gone.wav", "a.wav")]

    def refuse_the_last(index, samples, sample_rate):
        if index == 3:
            raise AudioError("audio", "every sample is zero")
        return sample_rate

    first, *errors = listen(clips, CONFIG.audio, refuse_the_last)
    assert first == TINY_RATE
    assert [error.name for error in errors] == [clip.name for clip in clips[1:]]
    assert [error.reason.partition(" (")[0] for error in errors] == [
        "cannot be decoded", "no such file; check the path", "every sample is zero",
    ]  # fmt: skip
    assert all(error.__traceback__ is None and error.__context__ is None for error in errors)  # they hold no samples


def test_a_fault_of_ours_is_no_unreadable_clip(tiny_dataset):
    with pytest.raises(ZeroDivisionError):
        list(listen(scan(tiny_dataset).clips, CONFIG.audio, lambda *_: 1 / 0))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_names_that_are_not_utf8(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/zw\xf6lf.wav"))
    path.write_bytes(b"no sound")
    (error,) = listen([Clip(path, "zw\\xf6lf.wav")], CONFIG.audio, facts)
    assert error.name == "zw\\xf6lf.wav"
    assert error.reason.startswith("cannot be decoded")


def test_facts():
    stereo = np.stack([word(), 0.5 * word()], axis=1)
    clip = Clip(Path("a.wav"), "a.wav", "7", "anna", "test")
    assert facts(clip, stereo, TINY_RATE, CONFIG) == ClipFacts(
        "a.wav", "7", "anna", "test", 0.5, TINY_RATE, 2, (), digest(stereo)
    )


def test_digests_differ_by_one_bit():
    one, other = word()[:, None], word()[:, None].copy()
    assert digest(one) == digest(other)
    other[0] = np.nextafter(other[0], 1)
    assert digest(one) != digest(other)


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (word(), []),
        (0.001 * word(), []),  # quiet is no problem: AudioMNIST is
        (np.zeros(4000), ["silent"]),
        (np.full(4000, 0.3), ["silent"]),  # an offset alone is no sound
        (0.0001 * word(), ["silent"]),
        (word(0.02), ["too_short"]),
        (np.zeros(0), ["too_short"]),
        (word(WINDOW - 0.001), []),
        (word(WINDOW + 0.001), ["longer_than_window"]),
        (word(61), ["too_long"]),
        (np.clip(3 * word(), -1, 1), ["clipped"]),
        (np.clip(3 * word(), -127 / 128, 127 / 128), ["clipped"]),  # 8 bit
        (np.clip(3 * word(), -0.9, 0.9), []),  # turned down afterwards: not seen
        (2 * word(), []),  # reaches full scale, is not cut
        (word() + 0.2, ["dc_offset"]),
        (word() + 0.02, []),
        (np.append(word(), np.nan), ["not_finite"]),
        (np.append(word(1.5), np.inf), ["longer_than_window", "not_finite"]),
    ],
)
def test_problems_of_a_sound(samples, expected):
    assert kinds(samples) == expected


@pytest.mark.parametrize(("n_equal", "n_places"), [(2, 0), (3, 1), (7, 1)])
def test_a_run_at_full_scale_counts_once(n_equal, n_places):
    samples = word()
    samples[100 : 100 + n_equal] = 1
    samples[1000 : 1000 + n_equal] = -1
    found = dict(find_problems(samples[:, None], TINY_RATE, CONFIG))
    assert found.get("clipped", "0").split()[0] == str(2 * n_places)


def test_one_bad_channel_is_enough():
    good = 2 * word()
    assert kinds(np.stack([good, np.clip(2 * good, -1, 1)], axis=1)) == ["clipped"]
    assert kinds(np.stack([good, good + 0.5], axis=1)) == ["dc_offset"]


def test_the_window_is_the_settings_own():
    short = Config(members={"mel": FeatureConfig(n_frames=10)})
    assert kinds(word(0.5), config=short) == ["longer_than_window"]


def test_the_window_is_what_fits_every_member():
    assert CONFIG.window_seconds == WINDOW
