"""What lies in a folder, and what became of it."""

from sutja.folders import Contents


def test_contents_hold_what_a_layout_found(tmp_path):
    assert Contents(tmp_path, [], ["a note"]).notes == ["a note"]
