from __future__ import annotations

import pytest

from sutja.errors import DatasetError
from sutja.strings.timed import TimedWord, read_ctm, read_textgrid
from sutja.transcripts import textgrid

SHORT = '''File type = "ooTextFile"
Object class = "TextGrid"

0
2.5
<exists>
3
"IntervalTier"
"phones"
0
2.5
1
0
2.5
"f"
"TextTier"
"clicks"
0
2.5
1
0.5
"click 3"
"IntervalTier"
"Words"
0
2.5
3
0
0.5
"sil"
0.5
1.25
"say ""four"""
1.25
2.5
"5"
'''


def test_what_we_write_is_read(tmp_path):
    words = [(0.5, 0.9, "four"), (1.0, 1.5, "seven")]
    path = tmp_path / "a.TextGrid"
    path.write_text(textgrid({"strings": [(0.5, 1.5, "47")], "words": words}, 2.0), "utf-8")
    assert [(w.start, w.end, w.text) for w in read_textgrid(path)] == words


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_short_form_in_any_encoding_of_praat(tmp_path, encoding):
    path = tmp_path / "a.TextGrid"
    path.write_text(SHORT, encoding)
    assert read_textgrid(path) == (TimedWord('say "four"', 0.5, 1.25), TimedWord("5", 1.25, 2.5))


def test_an_only_tier_may_have_any_name(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(textgrid({"digits": [(0.0, 1.0, "four")]}, 1.0), "utf-8")
    assert [word.text for word in read_textgrid(path)] == ["four"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no TextGrid"),
        (b"\x80\x81", "no TextGrid"),
        (SHORT[:-30].encode(), "no TextGrid"),
        (b'"a" 1 2', "no TextGrid"),
        (SHORT.replace("Words", "one").replace("phones", "two").encode(), r"no tier of words \(tiers: two, one\)"),
        (b'File type = "ooTextFile"', r"tiers: none"),
    ],
)
def test_what_is_none_is_named(tmp_path, content, message):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=f"a.TextGrid: .*{message}"):
        read_textgrid(path)


def test_a_ctm_holds_many_recordings(tmp_path):
    path = tmp_path / "all.ctm"
    path.write_text(
        ";; aligned\na 1 0.90 0.30 five 0.99\nb 1 0.1 0.2 <eps>\na 1 0.50 0.25 four\n\nb 1 0.4 0.2 six\n", "utf-8"
    )
    found = read_ctm(path)
    assert [word.text for word in found["a"]] == ["four", "five"]
    assert found["a"][0].end == 0.75
    assert len(found["b"]) == 1


@pytest.mark.parametrize("line", ["a 1 0.5", "a 1 x 0.3 four", "a 1 0.5 0.3"])
def test_a_line_that_is_none_is_named(tmp_path, line):
    path = tmp_path / "all.ctm"
    path.write_text(f"a 1 0.5 0.3 four\n{line}\n", "utf-8")
    with pytest.raises(DatasetError, match="line 2"):
        read_ctm(path)
