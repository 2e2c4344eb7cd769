"""One recording, and the order of words."""

from __future__ import annotations

import pickle
from pathlib import Path

from sutja.clips import Clip, natural_order


def test_natural_order():
    assert natural_order(["b", "10", "a", "2", "٣", None, "a"]) == ("2", "٣", "10", "a", "b")


def test_clips_can_be_sent_to_workers_and_put_into_sets():
    clips = [Clip(Path(f"{i}.wav"), f"{i}.wav", "일", attributes={"age": "30"}) for i in range(3)]
    assert pickle.loads(pickle.dumps(clips)) == clips
    assert len({*clips, *clips}) == 3
