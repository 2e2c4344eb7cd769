"""An evaluation of strings as a page: every number, and the worst strings to hear."""

from __future__ import annotations

import base64
import io
import re

import pytest
import soundfile
from strings import write_said

from sutja.errors import RunError
from sutja.reports import strings as module
from sutja.reports.strings import write_string_scores
from sutja.strings.evaluation import StringScores
from sutja.strings.scores import Counts


@pytest.fixture
def scores(tmp_path) -> StringScores:
    path = write_said(tmp_path / "<b>.wav", "ab")
    wrong = [{"path": str(path), "said": "ab", "heard": "a<b>", "probability": 0.9}, {
        "path": str(path), "said": "ab", "heard": "", "probability": 1.0,
    }]  # fmt: skip
    groups = {"x": Counts(4, 1, 12, 1, 0, 0), "y": Counts(4, 1, 12, 0, 2, 0)}
    return StringScores(
        8, 24, 0.25, 0.125, 1, 2, 0, 1, 0.03, 1800.0, 5, groups, {3: Counts(8, 2, 24, 1, 2, 0)}, wrong, {"z": "bad"}
    )


def text_of(path) -> str:
    return path.read_text(encoding="utf-8").replace("\xa0", " ")


def test_it_tells_and_escapes(scores, tmp_path):
    write_string_scores(tmp_path / "page.html", scores, title="mine & yours")
    text = text_of(tmp_path / "page.html")
    for expected in (
        "mine &amp; yours",
        "<strong>25.0 %",
        "12.5 %",
        "1, 2, 0",
        "3.0 %",
        "<b>10.0</b>",
        "a&lt;b&gt;",
        "nothing",
    ):
        assert expected in text
    assert "a<b>" not in text
    assert "1 recording could not be used" in text
    assert "The model was not told how long a string is" in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_the_worst_can_be_heard_for_twenty_seconds_at_most(scores, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HEARD_SECONDS", 0.5)
    monkeypatch.setattr(module, "MAX_HEARD", 1)
    write_string_scores(tmp_path / "page.html", scores, title="mine", known_length=True)
    (sound,) = re.findall(r'src="data:audio/[a-z-]+;base64,([^"]+)"', text_of(tmp_path / "page.html"))
    waveform, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)))
    assert 0.4 < len(waveform) / rate < 0.7


def test_without_errors_it_is_shorter(tmp_path):
    scores = StringScores(1, 3, 0.0, 0.0, 0, 0, 0, 0, None, 0.0, 0)
    write_string_scores(tmp_path / "page.html", scores, title="mine")
    text = text_of(tmp_path / "page.html")
    assert "<p>None.</p>" in text
    assert "calibration" not in text
    assert "an hour" not in text


def test_a_place_that_cannot_be_written_is_told(scores, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RunError, match="cannot be written"):
        write_string_scores(tmp_path / "file" / "page.html", scores, title="mine")
