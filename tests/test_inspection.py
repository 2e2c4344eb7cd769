"""What is in a data set, and each problem with the clip that has it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from conftest import TINY_RATE, tone, write_wav
from helpers import Told

from sutja.config import Config
from sutja.dataset import merge, scan
from sutja.errors import DatasetError
from sutja.inspection import inspect, inspection_of
from sutja.listening import PROBLEMS
from sutja.profile import profile_clips

CONFIG = Config()


def word(seconds=0.5):
    return tone(440, seconds, TINY_RATE)


def test_inspection_of_a_good_data_set(tiny_dataset):
    told = Told()
    found = inspect(scan(tiny_dataset), progress=told)
    assert (told.stages, len(told.steps)) == ([("listening", 36)], 36)
    assert (found.n_clips, found.n_unlabelled) == (36, 0)
    assert found.labels == {"0": 12, "1": 12, "2": 12}
    assert found.speakers == dict.fromkeys(("01", "02", "03", "04"), 9)
    assert (found.sample_rates, found.channels, found.splits) == ({8000: 36}, {1: 36}, {})
    assert 0.2 < found.durations.shortest < found.durations.median < found.durations.longest < 0.4
    assert found.durations.total == pytest.approx(36 * 0.3, rel=0.1)
    assert found.window_seconds == CONFIG.window_seconds
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
    assert details[0].startswith("cannot be decoded")
    assert found.to_dict()["problems"][0]["detail"] == f"{clips[0]}: {details[0]}"  # a whole sentence there
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


def test_whole_profiles_give_the_same_inspection(tiny_dataset):
    """What `sutja explore` has measured answers what `sutja data info` asks, with the same numbers."""
    dataset = scan(tiny_dataset)
    shutil.copy(dataset.clips[0].path, dataset.clips[7].path)
    write_wav(dataset.clips[2].path, np.clip(3 * word(1.5), -1, 1), TINY_RATE)
    profiled, unreadable = profile_clips(dataset.clips, CONFIG)
    assert unreadable == []
    inspection = inspection_of(dataset, [clip.profile for clip in profiled], CONFIG)
    assert inspection == inspect(dataset, CONFIG)
    assert set(inspection.problems_by_kind()) == {"longer_than_window", "clipped", "duplicate"}


@pytest.mark.corpus
def test_what_is_known_of_fsdd(corpora):
    found = inspect(scan(corpora / "fsdd"))
    groups = found.problems_by_kind()
    assert set(groups) == {"longer_than_window", "dc_offset"}
    assert {p.name.split("_")[1] for p in groups["dc_offset"]} == {"nicolas"}  # one microphone
    assert found.sample_rates == {8000: 3000}
