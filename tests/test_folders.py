"""What lies in a folder, and what became of it."""

from sutja.folders import Contents, walk


def test_contents_hold_what_a_layout_found(tmp_path):
    assert Contents(tmp_path, [], ["a note"]).notes == ["a note"]


def test_find_audio_by_suffix_in_order_without_hidden(tmp_path):
    for name in ("b.wav", "a/z.FLAC", "a/.hidden.wav", ".git/c.wav", "notes.txt", "a/y.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    tree = walk(tmp_path)
    assert ["/".join(tree.parts(path)) for path in tree.sounds] == ["a/y.mp3", "a/z.FLAC", "b.wav"]
