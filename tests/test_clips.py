"""One recording, and the order of words."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import sutja
from sutja.audio import Excerpt
from sutja.clips import Clip, natural_order
from sutja.parquet import StoredSound


def test_natural_order():
    assert natural_order(["b", "10", "a", "2", "٣", None, "a"]) == ("2", "٣", "10", "a", "b")


def test_clips_can_be_sent_to_workers_and_put_into_sets():
    clips = [Clip(Path(f"{i}.wav"), f"{i}.wav", "일", attributes={"age": "30"}) for i in range(3)]
    assert pickle.loads(pickle.dumps(clips)) == clips
    assert len({*clips, *clips}) == 3


def test_what_is_decoded():
    path = Path("a")
    assert Clip(path, "a").source == path
    assert Clip(path, "a", span=(1.0, 2.0)).source == Excerpt(path, 1.0, 2.0)
    assert Clip(path, "a", row=3).source == StoredSound(path, 3)


def test_nobody_decodes_the_whole_file_of_a_clip():
    # It may be an hour of which the clip is a second, or a table.
    for module in Path(sutja.__file__).parent.rglob("*.py"):
        found = re.search(r"(load_waveform|decode|open_stream)\([^()\n]*\.path\b", module.read_text(encoding="utf-8"))
        assert found is None, f"{module}: {found and found[0]}"
