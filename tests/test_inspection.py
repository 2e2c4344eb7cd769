"""Each kind of problem is found where it was put, and nowhere else."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from conftest import TINY_RATE, tone, write_wav

from sutja.config import Config, FeatureConfig
from sutja.dataset import merge, scan
from sutja.errors import DatasetError
from sutja.inspection import PROBLEMS, find_problems, inspect

CONFIG = Config()
WINDOW = CONFIG.members["mel"].max_samples / CONFIG.audio.sample_rate


def kinds(samples, sample_rate=TINY_RATE, config=CONFIG):
    samples = np.asarray(samples, np.float32)
    samples = samples if samples.ndim == 2 else samples[:, None]
    return [kind for kind, _ in find_problems(samples, sample_rate, config)]


def word(seconds=0.5):
    return tone(440, seconds, TINY_RATE)


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


def test_inspection_of_a_good_data_set(tiny_dataset):
    heard = []
    found = inspect(scan(tiny_dataset), progress=lambda: heard.append(1))
    assert (found.n_clips, found.n_unlabelled, len(heard)) == (36, 0, 36)
    assert found.labels == {"0": 12, "1": 12, "2": 12}
    assert found.speakers == dict.fromkeys(("01", "02", "03", "04"), 9)
    assert (found.sample_rates, found.channels, found.splits) == ({8000: 36}, {1: 36}, {})
    assert 0.2 < found.durations.shortest < found.durations.median < found.durations.longest < 0.4
    assert found.durations.total == pytest.approx(36 * 0.3, rel=0.1)
    assert found.window_seconds == WINDOW
    assert found.problems == ()
    assert json.loads(json.dumps(found.to_dict()))["n_clips"] == 36


def test_every_problem_is_told_with_its_clip(tiny_dataset):
    clips = [c.path for c in scan(tiny_dataset).clips]
    clips[0].write_bytes(b"no sound")
    clips[1].unlink()
    clips[1].symlink_to(tiny_dataset / "nowhere")
    write_wav(clips[2], np.zeros(4000), TINY_RATE)
    write_wav(clips[3], np.zeros(4000), TINY_RATE)  # two silences are no duplicates
    shutil.copy(clips[4], clips[5])  # take 2 is take 1
    shutil.copy(clips[4], clips[35])
    found = inspect(scan(tiny_dataset))
    assert [(p.kind, p.name) for p in found.problems] == [
        ("unreadable", "data/01/0_01_0.wav"),
        ("unreadable", "data/01/0_01_1.wav"),
        ("silent", "data/01/0_01_2.wav"),
        ("silent", "data/01/1_01_0.wav"),
        ("duplicate", "data/01/1_01_2.wav"),
        ("duplicate", "data/04/2_04_2.wav"),
    ]
    details = [p.detail for p in found.problems]
    assert "cannot be decoded" in details[0]
    assert details[4:] == [
        "same sound as data/01/1_01_1.wav",
        "same sound as data/01/1_01_1.wav, but label 2 and not 1",
    ]
    assert list(found.problems_by_kind()) == ["unreadable", "silent", "duplicate"]
    assert set(found.problems_by_kind()) <= set(PROBLEMS)
    assert found.sample_rates == {8000: 34}


def test_the_same_sound_at_two_rates_is_no_duplicate(tmp_path):
    write_wav(tmp_path / "a/x.wav", word(), 8_000)
    write_wav(tmp_path / "b/x.wav", word(), 16_000)
    assert inspect(scan(tmp_path)).problems == ()


def test_duplicates_across_data_sets(tmp_path):
    for root in ("one", "two"):
        write_wav(tmp_path / root / "7/x.wav", word(), TINY_RATE)
    (problem,) = inspect(merge([scan(tmp_path / "one"), scan(tmp_path / "two")])).problems
    assert (problem.kind, problem.path) == ("duplicate", str(tmp_path / "two/7/x.wav"))


def test_nothing_that_can_be_read(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7/a.wav").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"none of its 1 clips can be read: .*a.wav: the file is empty"):
        inspect(scan(tmp_path))


@pytest.mark.corpus
def test_what_is_known_of_fsdd(corpora):
    found = inspect(scan(corpora / "fsdd"))
    groups = found.problems_by_kind()
    assert set(groups) == {"longer_than_window", "dc_offset"}
    assert {p.name.split("_")[1] for p in groups["dc_offset"]} == {"nicolas"}  # one microphone
    assert found.sample_rates == {8000: 3000}
