"""The runs of a sweep as a page."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from sutja.reports.sweep import write_sweep
from sutja.sweep import Row, summaries
from sutja.texts.phrases import speaking_in

ROWS = [
    Row("a-reference-1", "a<b", "reference", 1, "runs/a-reference-1", "clips", 30, 3, 0.5, 0.4, 0.6, seconds=4.0),
    Row("a-reference-2", "a<b", "reference", 2, "runs/a-reference-2", "clips", 30, 3, 0.75, seconds=4.0),
    Row("c-robust-1", "c", "robust", 1, "runs/c-robust-1", fault="c: <too few> clips"),
]


def test_it_tells_every_run_and_why_one_failed(tmp_path):
    write_sweep(tmp_path / "page.html", ROWS, summaries(ROWS))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<strong>62.5" in text
    assert 'href="runs/a-reference-1/report.html"' in text
    assert "40.0 to 60.0" in text
    assert "a&lt;b" in text
    assert "&lt;too few&gt; clips" in text
    assert "(+ 1 failed)" in text
    assert text.count("<svg") == 1
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_where_every_run_failed_there_is_no_figure(tmp_path):
    write_sweep(tmp_path / "page.html", ROWS[2:], summaries(ROWS[2:]))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No run ended well." in text
    assert "<svg" not in text


def test_where_none_failed_nothing_is_said_of_it(tmp_path):
    write_sweep(tmp_path / "page.html", ROWS[:2], summaries(ROWS[:2]))
    assert 'id="failed"' not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_it_speaks_korean(tmp_path):
    with speaking_in("ko"):
        write_sweep(tmp_path / "page.html", ROWS, summaries(ROWS))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "a&lt;b에서 reference, 시드 2개의 평균이 가장 높음" in text
    assert "95 % 신뢰구간" in text
    assert "(실패 1개)" in text
