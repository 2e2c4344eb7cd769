"""Pages: they hold everything that they show, escape everything that they are given, and play what they hold."""

from __future__ import annotations

import base64
import io
import json
import re

import chromium
import numpy as np
import pytest
import soundfile
from conftest import tone

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from sutja.metrics import Share
from sutja.reports import charts, figures, pages


def test_sound_is_the_waveform_made_audible():
    quiet = tone(440, 0.3, 8_000) * 0.001
    head, text = pages.sound(quiet, 8_000).split(",")
    assert head == "data:audio/wav;base64"
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(text)))
    assert rate == 8_000
    assert np.abs(samples).max() == pytest.approx(0.7, abs=0.01)
    assert np.corrcoef(samples, quiet)[0, 1] > 0.999


@pytest.mark.parametrize("rate", [8_000, 11_025, 20_000, 48_000])
def test_small_sound_is_small_and_sounds(rate):
    data = pages.small_sound(tone(440, 0.5, rate), rate)
    assert len(data) < 3_000
    samples, decoded_rate = soundfile.read(io.BytesIO(data))
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * decoded_rate / len(samples) == pytest.approx(440, abs=5)


def test_silence_can_be_played():
    assert pages.small_sound(np.zeros(800, np.float32), 8_000)
    assert not np.isnan(pages.playable(np.zeros(10, np.float32))).any()


def test_script_json_cannot_end_its_element():
    nasty = {"label": "</script><script>alert(1)</script>&<!--", "한국": [1, None]}
    text = pages.script_json(nasty)
    assert not set("<>&") & set(text)
    assert json.loads(text) == nasty


def test_keep_writes_png_and_gives_svg(tmp_path):
    figure = charts.histogram([1, 2, 3], "length (m)")
    markup = pages.keep(figure, tmp_path / "figures" / "h.png", "h")
    assert (tmp_path / "figures" / "h.png").exists()
    assert markup.startswith("<figure>")
    assert "length (m)" in markup


def test_captions_are_escaped():
    markup = pages.svg(figures.mel_scale(), "m", "<script>")
    assert "<figcaption>&lt;script&gt;</figcaption>" in markup


def test_templates_take_nothing_from_elsewhere():
    from importlib.resources import files

    for template in files("sutja.reports").joinpath("templates").iterdir():
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"https?://|@import|<link[^>]+stylesheet|<script[^>]+src", text), template.name


@pytest.mark.skipif(chromium.PROGRAM is None, reason="needs Chromium")
@pytest.mark.parametrize("rate", [8_000, 20_000])
def test_browsers_play_both_kinds(tmp_path, rate):
    waveform = tone(440, 0.5, rate)
    small = f"data:{pages.SMALL_TYPE};base64,{base64.b64encode(pages.small_sound(waveform, rate)).decode()}"
    page = tmp_path / "page.html"
    page.write_text(f'<audio src="{pages.sound(waveform, rate)}"></audio><audio src="{small}"></audio>')
    ended = "new Promise((yes, no) => {a.onended = () => yes(a.duration); a.onerror = no; a.play().catch(no)})"
    with chromium.browser() as tab:
        tab.open(page)
        for i in (0, 1):
            duration = tab.evaluate(f"(() => {{const a = document.querySelectorAll('audio')[{i}]; return {ended}}})()")
            assert duration == pytest.approx(0.5, abs=0.15)
        assert tab.problems == []


def test_the_hardest_has_clips_enough_where_any_has():
    groups = {"a": Share(1, 0.0), "b": Share(10, 0.9)}
    many = groups | {"c": Share(20, 0.9)}
    assert pages.hardest(groups) == ("b", groups["b"])
    assert pages.hardest(many) == ("c", many["c"])
    assert pages.hardest({"a": groups["a"], "d": Share(2, 0.5)})[0] == "a"
    assert pages.hardest({"b": groups["b"]}) is None
