"""An evaluation as a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sutja.bundle import Bundle
from sutja.clips import Clip
from sutja.config import AudioConfig
from sutja.errors import RunError
from sutja.evaluation import Evaluation, score
from sutja.groups import by_attribute
from sutja.reports.scorecard import write_scorecard
from sutja.stress import Condition, UnderStress

BUNDLE = Bundle(("no", "<yes>"), AudioConfig(), (), threshold=0.8)


@pytest.fixture
def found():
    clips = [Clip(Path(f"{i}.wav"), f"{i}.wav", "no", speaker) for i, speaker in enumerate("aabb")]
    rows = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.95, 0.05]], dtype=np.float32)
    wrong = [{"path": "1.wav", "label": "no", "predicted": "<yes>", "probability": 0.8}]
    return Evaluation(score(clips, np.zeros(4, dtype=int), rows, clustered=True), BUNDLE.labels, 0.25, wrong, {})


def test_it_tells_and_escapes(found, tmp_path):
    worse = [UnderStress(Condition("level", -20, "dBFS"), 4, 0.5, (0.2, 0.8), 0.5)]
    write_scorecard(tmp_path / "page.html", found, BUNDLE, title="mine & yours", under_stress=worse)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "mine &amp; yours" in text
    assert "&lt;yes&gt;" in text
    assert "<yes>" not in text
    assert "<strong>75.0" in text
    assert "refuses below a probability of 80.0" in text
    assert text.count("<svg") == 5  # confusion, label, speaker, reliability, stress
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_groups_stand_in_tables_the_worst_first(tmp_path):
    clips = [
        Clip(
            Path(f"{i}.wav"),
            f"{i}.wav",
            "no",
            f"s{i % 12}",
            attributes={"sex": "f" if i % 12 < 2 else "<m>", "line": ("<a>", "b")[i % 2]},
        )
        for i in range(60)
    ]
    rows = np.tile(np.array([0.9, 0.1], dtype=np.float32), (60, 1))
    rows[2] = [0.2, 0.8]
    scores = score(clips, np.zeros(60, dtype=int), rows, clustered=True)
    right = rows.argmax(axis=1) == 0
    scores = replace(scores, by_attribute=by_attribute(right, clips, rejected=~right))
    write_scorecard(tmp_path / "page.html", Evaluation(scores, BUNDLE.labels, 0.0, [], {}), BUNDLE, title="mine")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    table = text.partition("<h3>By sex</h3>")[2].partition("</table>")[0]
    assert table.index("<td>&lt;m&gt;</td>") < table.index("<td>f <small")
    assert table.count("too few to say much") == 1  # two women
    assert "hardest group" in text
    assert "<b>line: &lt;a&gt;</b>" in text


def test_without_speakers_and_stress_it_is_shorter(found, tmp_path):
    write_scorecard(tmp_path / "page.html", found, BUNDLE, title="mine")
    assert 'id="stress"' not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_told(found, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RunError, match="cannot be written"):
        write_scorecard(tmp_path / "file" / "page.html", found, BUNDLE, title="mine")
