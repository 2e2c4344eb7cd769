"""Tables to clips."""

from sutja.clips import Clip
from sutja.tables import to_predict


def test_clips_without_label_are_told(tmp_path):
    assert to_predict([Clip(tmp_path / "a.wav", "a.wav"), Clip(tmp_path / "b.wav", "b.wav", "7")]) == [
        "1 of 2 clips have no label: they are to be predicted"
    ]
