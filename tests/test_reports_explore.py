"""`sutja explore`: the page, its figures and its numbers, for good data sets and for strange ones."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import chromium
import numpy as np
import pytest
import whole
from click.testing import CliRunner
from conftest import TINY_LABELS, tone_word, write_wav
from helpers import Told

pytest.importorskip("matplotlib")
pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from sutja.cli.explore import explore as command
from sutja.clips import Clip
from sutja.config import Config
from sutja.dataset import Dataset, scan
from sutja.errors import DatasetError, RunError
from sutja.profile import profile_clips
from sutja.reports import explore as exploring

RATE = 8_000


def text_of(page: Path) -> str:
    html = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def make_set(root: Path, labels: list[str], *, n_takes: int, speakers: tuple[str, ...] = ("",)) -> Path:
    """Write a CSV and its recordings: one tone word a label."""
    rng = np.random.default_rng(1)
    rows = []
    for i, label in enumerate(labels):
        for take in range(n_takes):
            name = f"한 국/{i}_{take}.wav"
            write_wav(root / name, tone_word(str(i % 5), rng), RATE)
            rows.append([name, label, speakers[take % len(speakers)]])
    with (root / "all.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["file_name", "label", "speaker"], *rows])
    return root


@pytest.fixture(scope="module")
def explored(tmp_path_factory) -> Path:
    """The page of a small data set with everything: speakers, splits, a damaged file, labels that need escaping."""
    root = make_set(
        tmp_path_factory.mktemp("data") / "set", ["<b>일</b>", "$two$", "3"], n_takes=6, speakers=("a & b", "화자")
    )
    (root / "한 국" / "1_3.wav").write_bytes(b"RIFF no sound")
    out = tmp_path_factory.mktemp("out") / "page"
    told = Told()
    exploring.explore(scan(root), out, progress=told)
    assert told.stages == [("listening", 18), *told.stages[1:]]
    assert [told.steps.count(name) for name, _ in told.stages] == [total for _, total in told.stages]
    return out


def test_every_step_of_the_study_is_there(explored):
    names = {p.stem for p in (explored / "figures").glob("*.png")}
    for i in range(3):
        for kind in ("waveform", "spectrum", "mel", "mfcc", "heard"):
            assert any(re.match(rf"{kind}_{i}_", name) for name in names), (kind, i)
    assert {"label_counts", "durations", "mel_scale", "mfcc_mean", "mel_beside_mfcc", "two_clips"} <= names
    assert {"network_inputs", "coverage", "map_by_label", "map_by_speaker", "loudness_db", "bandwidth_hz"} <= names
    html = (explored / "explore.html").read_text(encoding="utf-8")
    assert html.count("<svg") == len(names) - 2 - 3  # the page draws its map itself; waveforms stand above the mel
    assert html.count("<audio") == 3
    assert "its spectrogram has the shape (100, " in text_of(explored / "explore.html")


def test_numbers_are_in_profile_json(explored):
    found = json.loads((explored / "profile.json").read_text(encoding="utf-8"))
    assert (found["n_clips"], found["n_listened"], found["n_unreadable"], found["sampled"]) == (18, 18, 1, False)
    assert found["labels"] == {"3": 6, "$two$": 6, "<b>일</b>": 6}
    assert found["coverage"]["화자"] == {"<b>일</b>": 3, "$two$": 3, "3": 3}
    assert found["sample_rates"] == {"8000": 17}
    assert set(found["quantities"]) == set(exploring.QUANTITIES)
    assert found["quantities"]["bandwidth_hz"]["max"] == 4000
    assert found["unreadable"][0]["name"] == "한 국/1_3.wav"
    assert len(found["clips"]) == 17
    assert found["clips"][0]["seconds"] == pytest.approx(0.3, abs=0.06)


def test_what_matters_comes_first(explored):
    text = text_of(explored / "explore.html")
    assert text.index("Before you train") < text.index("The table") < text.index("Labels and speakers")
    assert "1 of 18 clips cannot be used" in text
    assert "There are 2 speakers: 5 folds" in text


def test_labels_cannot_break_the_page(explored):
    html = (explored / "explore.html").read_text(encoding="utf-8")
    assert "<b>일</b>" not in html
    assert "&lt;b&gt;일&lt;/b&gt;" in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_needs_nothing_else(explored):
    html = (explored / "explore.html").read_text(encoding="utf-8")
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", html)
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    assert not re.search(r"@import|url\((?!#)[^)]*\)|https?://(?!www\.w3\.org/)", html)


needs_chromium = pytest.mark.skipif(chromium.PROGRAM is None, reason="needs Chromium")
BAR = "document.querySelectorAll('.seek')[{}]"


@needs_chromium
def test_no_text_is_cut_off_or_over_another(explored):
    with chromium.browser() as tab:
        assert whole.flaws(tab, explored / "explore.html") == []


@needs_chromium
def test_a_cursor_runs_over_what_is_played(explored):
    with chromium.browser() as tab:
        tab.open(explored / "explore.html")
        tab.evaluate(
            "Promise.all([...document.querySelectorAll('.heard audio')].map((a) => a.readyState || "
            "new Promise((yes) => a.addEventListener('loadedmetadata', yes))))"
        )
        bars = "document.querySelectorAll('.seek[role=slider][tabindex=\"0\"]').length"
        assert tab.evaluate(bars) == tab.evaluate("document.querySelectorAll('.heard audio').length")
        at = "(() => {{const b = {}.getBoundingClientRect(), c = {}.firstChild.getBoundingClientRect(); "
        at += "return [(c.left + 1 - b.left) / b.width, b.width, b.left, b.top]}})()"
        here = at.format(BAR.format(1), BAR.format(1))
        seconds = float(tab.evaluate("document.querySelectorAll('.heard')[1].dataset.seconds"))
        audio = "document.querySelectorAll('.heard audio')[1]"
        tab.evaluate(BAR.format(1) + ".scrollIntoView({block: 'center'})")
        assert tab.evaluate(here)[0] == pytest.approx(0, abs=0.01)
        # The keyboard: steps, the ends, and play.
        tab.evaluate(BAR.format(1) + ".focus()")
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "PageUp"):
            tab.evaluate(f"{BAR.format(1)}.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}'}}))")
        assert tab.evaluate(f"{audio}.currentTime") == pytest.approx(0.12, abs=1e-3)
        assert tab.evaluate(here)[0] == pytest.approx(0.12 / seconds, abs=0.01)
        assert tab.evaluate(BAR.format(1) + ".getAttribute('aria-valuetext')") == "0.12 s"
        assert tab.evaluate(BAR.format(0) + ".getAttribute('aria-valuenow')") == "0.00", "each player is its own"
        for key, then in (("End", "duration"), ("Home", "duration * 0")):
            tab.evaluate(f"{BAR.format(1)}.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}'}}))")
            assert tab.evaluate(f"{audio}.currentTime") == pytest.approx(tab.evaluate(f"{audio}.{then}"), abs=1e-3)
        # A click plays from there; slowly, so that there is time to look.
        tab.evaluate("document.querySelector('input[data-slowly]').click()")
        _, width, left, top = tab.evaluate(here)
        point = {"x": left + 0.25 * width, "y": top + 20, "button": "left", "clickCount": 1}
        tab.evaluate(f"window.ended = new Promise((yes) => {{{audio}.onended = () => yes({audio}.currentTime)}}); 0")
        tab.call("Input.dispatchMouseEvent", type="mousePressed", **point)
        assert tab.evaluate(f"{audio}.currentTime") == pytest.approx(0.25 * seconds, abs=0.01)
        assert tab.evaluate(f"{audio}.paused")
        tab.call("Input.dispatchMouseEvent", type="mouseReleased", **point)
        assert tab.evaluate(f"{audio}.playbackRate") == 0.25
        end = tab.evaluate("window.ended")
        assert tab.evaluate(here)[0] == pytest.approx(end / seconds, abs=0.02), "the cursor went along"
        # Space plays and stops; who plays silences the others.
        for paused in (False, True):
            tab.evaluate(f"{BAR.format(1)}.dispatchEvent(new KeyboardEvent('keydown', {{key: ' '}}))")
            assert tab.evaluate(f"{audio}.paused") == paused
        tab.evaluate(f"{audio}.play()")
        tab.evaluate("document.querySelectorAll('.heard audio')[0].play()")
        assert tab.evaluate(f"new Promise((yes) => setTimeout(() => yes({audio}.paused), 50))")
        assert tab.problems == []


AXE = Path(__file__).parent / "web" / "node_modules" / "axe-core" / "axe.min.js"


@needs_chromium
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci --prefix tests/web")
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_fault(explored, dark):
    with chromium.browser() as tab:
        tab.open(explored / "explore.html", dark=dark)
        tab.evaluate(AXE.read_text(encoding="utf-8") + ";0")
        found = tab.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        assert [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found] == []


@needs_chromium
@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False)])
def test_opens_and_plays(explored, width, dark):
    with chromium.browser() as tab:
        tab.open(explored / "explore.html", width=width, dark=dark)
        ended = "new Promise((yes, no) => {p.onended = () => yes(p.duration); p.onerror = no; p.play().catch(no)})"
        for i in range(3):
            seconds = tab.evaluate(f"(() => {{const p = document.querySelectorAll('audio')[{i}]; return {ended}}})()")
            assert 0.2 < seconds < 0.5
        # The map: hover over the first point, and click it.
        places = "JSON.parse(document.getElementById('map-data').textContent)"
        where = f"""(() => {{
            const c = document.getElementById('map-canvas'); c.scrollIntoView({{block: 'center'}});
            const b = c.getBoundingClientRect(), p = {places}.places[0];
            return [b.left + 14 + p[0] * (b.width - 28), b.bottom - 14 - p[1] * (b.height - 28)];
        }})()"""
        x, y = tab.evaluate(where)
        tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        name = tab.evaluate(f"{places}.names[0]")
        assert tab.evaluate("document.getElementById('map-now').textContent").endswith(name)
        tab.evaluate("window.played = new Promise(yes => {sutjaPlayer.onended = () => yes(sutjaPlayer.duration)}); 0")
        tab.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", clickCount=1)
        tab.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)
        assert 0.1 < tab.evaluate("window.played") < 1
        # Colours by speaker, and one speaker alone.
        tab.evaluate(
            "(() => {const s = document.getElementById('map-kind'); s.value = 'speaker'; "
            "s.dispatchEvent(new Event('change'))})()"
        )
        assert tab.evaluate("document.querySelectorAll('#map-legend button').length") == 2
        tab.evaluate("document.querySelector('#map-legend button').click()")
        assert tab.problems == []


@pytest.fixture
def one_drawn_label(monkeypatch):
    monkeypatch.setattr(exploring, "MAX_DRAWN_LABELS", 1)


def test_two_hundred_labels_one_clip_each_and_no_speakers(tmp_path, monkeypatch):
    monkeypatch.setattr(exploring, "MAX_DRAWN_LABELS", 3)
    data = make_set(tmp_path / "data", [f"word {i}" for i in range(200)], n_takes=1)
    found = exploring.explore(scan(data), tmp_path / "out")
    page = tmp_path / "out" / "explore.html"
    assert len(found.profiled) == 200
    assert page.stat().st_size < 5_000_000
    text = text_of(page)
    assert "197 labels more, to hear" in text
    assert "The speakers are not known" in text
    names = {p.stem for p in (tmp_path / "out" / "figures").iterdir()}
    assert sum(name.startswith("waveform_") for name in names) == 3
    assert "two_clips" not in names
    assert "coverage" not in names
    assert page.read_text(encoding="utf-8").count('class="play"') >= 197


def test_one_clip(tmp_path):
    data = make_set(tmp_path / "data", ["yes"], n_takes=1, speakers=("me",))
    exploring.explore(scan(data), tmp_path / "out")
    assert "There is one label only" in text_of(tmp_path / "out" / "explore.html")


def test_no_labels_at_all(tmp_path):
    data = make_set(tmp_path / "data", ["yes"], n_takes=3)
    dataset = scan(data)
    unlabelled = replace(dataset, clips=tuple(replace(c, label=None) for c in dataset.clips))
    exploring.explore(unlabelled, tmp_path / "out")
    assert "No clip has a label" in text_of(tmp_path / "out" / "explore.html")


@pytest.mark.usefixtures("one_drawn_label")
def test_sixty_thousand_clips_are_sampled(tmp_path, tiny_dataset):
    clips = sixty_thousand(tiny_dataset)
    found = exploring.explore(Dataset(tiny_dataset, "csv", clips), tmp_path / "out", max_clips=100)
    assert len(found.profiled) == 100
    assert sum(h.profile.label == "1" for h in found.profiled) == 50  # the rare label is not lost
    assert "100 clips of 60 000 were listened to" in text_of(tmp_path / "out" / "explore.html")
    profile = json.loads((tmp_path / "out" / "profile.json").read_text(encoding="utf-8"))
    assert profile["sampled"]
    assert profile["labels"] == {"0": 59_900, "1": 100}  # counted over all


def sixty_thousand(tiny_dataset: Path) -> tuple[Clip, ...]:
    few = scan(tiny_dataset).clips
    return tuple(
        replace(few[i % len(few)], name=f"{i}", speaker=f"s{i % 700}", label=TINY_LABELS[0 if i < 59_900 else 1])
        for i in range(60_000)
    )


def test_of_the_samples_nothing_stays(tiny_dataset):
    clips = sixty_thousand(tiny_dataset)[:500]
    profile_clips(clips[:10], Config())  # filters and windows are made once
    tracemalloc.start()
    heard, _ = profile_clips(clips, Config())
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(heard) == 500
    assert kept / 500 < 4_000  # bytes a clip, numbers and strings; its samples are 10 kB


def test_sample_is_even_and_repeatable(tiny_dataset):
    clips = scan(tiny_dataset).clips
    drawn = exploring.sample(clips, 12)
    assert drawn == exploring.sample(clips, 12)
    assert len({(c.label, c.speaker) for c in drawn}) == 12
    assert exploring.sample(clips, 1000) == list(clips)


def test_similar_clips_lie_together():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(3), 40)
    mfcc_means = (rng.normal(size=(3, 60))[groups] * 3 + rng.normal(size=(120, 60))).astype(np.float32)
    places = exploring.similarity_map(mfcc_means)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.diag(np.full(120, np.inf))
    assert (groups[distances.argmin(axis=1)] == groups).mean() > 0.95
    assert np.array_equal(places, exploring.similarity_map(mfcc_means))


@pytest.mark.parametrize("n_clips", [1, 2, 4, 5, 7])
def test_a_map_of_few_clips(n_clips):
    for mfcc_means in (np.ones((n_clips, 60), np.float32), np.eye(n_clips, 60, dtype=np.float32)):
        places = exploring.similarity_map(mfcc_means)
        assert places.shape == (n_clips, 2)
        assert np.isfinite(places).all()


def test_nothing_readable_is_one_sentence(tmp_path):
    data = make_set(tmp_path / "data", ["yes", "no"], n_takes=1)
    for path in (data / "한 국").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"none of its 2 clips can be read: .*: the file is empty"):
        exploring.explore(scan(data), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written(tmp_path, tiny_dataset):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RunError, match="cannot be written"):
        exploring.explore(scan(tiny_dataset), tmp_path / "out")


@pytest.mark.usefixtures("one_drawn_label")
def test_command_prints_findings(tmp_path, tiny_dataset):
    done = CliRunner().invoke(command, [str(tiny_dataset), "--out", str(tmp_path / "out"), "--max-clips", "20"])
    assert done.exit_code == 0, done.output
    assert "careful: There are 4 speakers" in done.output
    assert "sample of 20 of 36 clips" in done.output
    assert (tmp_path / "out" / "explore.html").exists()


@pytest.mark.corpus
def test_three_thousand_clips_take_less_than_a_minute(corpora, tmp_path):
    begun = time.process_time()  # of all threads: what else the machine does is not our fault
    found = exploring.explore(scan(corpora / "fsdd"), tmp_path / "out")
    if sys.gettrace() is None:  # what measures coverage takes time of its own
        assert time.process_time() - begun < 60
    assert len(found.profiled) == 3000
    assert (tmp_path / "out" / "explore.html").stat().st_size < 8_000_000
    assert not found.unreadable


@pytest.mark.corpus
@pytest.mark.usefixtures("one_drawn_label")
def test_quiet_recordings_at_48_khz(corpora, tmp_path):
    found = exploring.explore(scan(corpora / "audiomnist_sample"), tmp_path / "out")
    assert any("very quiet" in finding.text for finding in found.findings)
    assert not any("empty above" in finding.text for finding in found.findings)
