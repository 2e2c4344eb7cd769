"""The audit's files: lists as CSV, and a page where each clip can be heard and seen."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cleanlab")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

import chromium
from conftest import TINY_RATE, tone_word, write_wav
from helpers import read_csv
from made_runs import make_doubtful_run, make_run, spoil, with_copy
from markupsafe import escape

from sutja.clips import Clip
from sutja.errors import RunError
from sutja.reports.audit import TABLES, audit

NASTY = "<img src=x onerror=alert(1)>$\\frac$ \"'& 칠"
LABELS = {"0": "<i>null</i>", "1": "</script><script>alert(1)</script>", "2": "이"}


def text_of(page: Path) -> str:
    html = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).replace("\u00a0", " ")


@pytest.fixture
def clips(tiny_dataset):
    return with_copy(tiny_dataset)


@pytest.fixture
def run(tmp_path, clips):
    return make_doubtful_run(tmp_path / "run", clips)


@pytest.fixture(scope="module")
def audited(tmp_path_factory) -> tuple[Path, tuple[Clip, ...]]:
    """A run, audited, for tests that only read; and its clips. Its names are made to break pages."""
    folder = tmp_path_factory.mktemp("audited")
    clips = []
    rng = np.random.default_rng(1)
    for speaker in ("01", "02"):
        for digit, label in LABELS.items():
            for take in range(3):
                path = write_wav(folder / f"{digit}_{speaker}_{take}.wav", tone_word(digit, rng), TINY_RATE)
                clips.append(Clip(path, f"{NASTY}/{path.name}", label, f"{NASTY}{speaker}"))
    noise = rng.normal(0, 0.1, TINY_RATE // 2).astype(np.float32)
    for speaker in ("01", "02"):
        path = write_wav(folder / f"copy_{speaker}.wav", noise, TINY_RATE)
        clips.append(Clip(path, path.name, LABELS["2"], speaker))
    run = make_run(folder / "run", clips)
    spoil(run, doubtful=(0, 11), unknown=(7,))
    before = state(run)
    audit(run, run / "audit")
    assert state(run) == before, "the audit changed a file of the run"
    return run, tuple(clips)


def state(run: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in run.iterdir() if p.is_file()}


def test_doubtful_labels(audited):
    run, clips = audited
    rows = read_csv(run / "audit" / "doubtful_labels.csv")
    assert {row["file_name"] for row in rows} == {clips[0].name, clips[11].name}
    first = rows[0]
    clip = next(c for c in clips if c.name == first["file_name"])
    assert (first["rank"], first["path"], first["label"]) == ("1", str(clip.path), clip.label)
    assert first["speaker"] == clip.speaker
    labels = sorted(LABELS.values())
    assert first["suggested"] == labels[(labels.index(clip.label) + 1) % 3]
    assert (first["label_probability"], first["suggested_probability"]) == ("0.0250", "0.9500")


def test_unrecognised(audited):
    run, clips = audited
    rows = read_csv(run / "audit" / "unrecognised.csv")
    assert [(row["file_name"], row["entropy"]) for row in rows] == [(clips[7].name, "1.0000")]


def test_duplicates(audited):
    run, _ = audited
    rows = read_csv(run / "audit" / "duplicates.csv")
    twice = [(row["file_name"], row["other_file_name"], row["across"]) for row in rows if row["identical"] == "yes"]
    assert twice == [("copy_01.wav", "copy_02.wav", "speaker")]
    assert all(0.7 < float(row["similarity"]) <= 1 for row in rows)


def test_nothing_unreadable(audited):
    assert read_csv(audited[0] / "audit" / "unreadable.csv") == []


def test_columns(audited):
    for name, columns in TABLES.items():
        assert (audited[0] / "audit" / name).read_text(encoding="utf-8").splitlines()[0] == ",".join(columns)


def test_page_tells_what_the_lists_tell(audited):
    run, clips = audited
    page = (run / "audit" / "audit.html").read_text(encoding="utf-8")
    for index in (0, 7, 11):
        assert str(escape(clips[index].name)) in page
    assert f"labelled <b>{escape(clips[0].label)}</b>, probably <b>" in page
    assert f"nearest of {escape(clips[0].label)}" in page
    text = text_of(run / "audit" / "audit.html")
    assert "under another speaker" in text
    assert "entropy 1.00 of at most 1" in text


def test_names_cannot_break_the_page(audited):
    page = (audited[0] / "audit" / "audit.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert LABELS["1"] not in page


def test_the_same_run_gives_the_same_files(run, tmp_path):
    for out in ("one", "two"):
        audit(run, tmp_path / out, top=1)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_no_doubt_is_said_so_and_lists_of_an_earlier_audit_go(run, tmp_path, clips):
    out = tmp_path / "out"
    audit(run, out, top=0)
    assert read_csv(out / "doubtful_labels.csv")
    make_run(run, [clip for clip in clips if clip.speaker in ("01", "02") and clip.name.endswith("0.wav")])
    audit(run, out)
    text = text_of(out / "audit.html")
    assert "No label is in doubt" in text
    assert "No recording was found twice." in text
    assert "For every clip one kind of network" in text
    assert all(read_csv(out / name) == [] for name in TABLES)


def test_recordings_that_moved_away_are_listed_and_the_page_is_made(run, clips):
    clips[0].path.unlink()
    clips[1].path.rename(clips[1].path.with_suffix(".moved"))
    audit(run, run / "audit", top=1)
    gone = read_csv(run / "audit" / "unreadable.csv")
    assert [row["file_name"] for row in gone] == [clips[0].name, clips[1].name]
    assert all(row["reason"].startswith("no such file") for row in gone)
    assert clips[0].name in {row["file_name"] for row in read_csv(run / "audit" / "doubtful_labels.csv")}
    text = text_of(run / "audit" / "audit.html")
    assert "2 recordings of 38 cannot be heard any more" in text
    assert text.count("cannot be heard any more") >= 2


def test_top_bounds_the_page_and_not_the_lists(run, clips):
    spoil(run, unknown=tuple(range(1, 10)))
    audit(run, run / "audit", top=2)
    page = (run / "audit" / "audit.html").read_text(encoding="utf-8")
    assert "These are the first 2 of 10" in text_of(run / "audit" / "audit.html")
    n_twice = min(2, len(read_csv(run / "audit" / "duplicates.csv")))
    assert page.count('class="entry"') == 2 + n_twice + 2
    assert len(read_csv(run / "audit" / "unrecognised.csv")) == 10
    audit(run, run / "audit", top=0)
    assert "All 10 are in unrecognised.csv" in text_of(run / "audit" / "audit.html")


def test_networks_that_know_little_are_said_to(run, clips):
    spoil(run, doubtful=tuple(range(12, 30)))
    audit(run, run / "audit", top=0)
    assert "know too little to judge labels" in text_of(run / "audit" / "audit.html")


def test_a_label_that_the_networks_hardly_know_is_named(run, clips):
    of_two = [i for i, clip in enumerate(clips) if clip.label == "2"]
    spoil(run, doubtful=(of_two[0], of_two[3]))
    audit(run, run / "audit", top=0)
    assert "less than half" not in text_of(run / "audit" / "audit.html")
    labels = [clip.label for clip in clips]
    few = [i for i, clip in enumerate(clips) if clip.label != "2" or i in of_two[:4]]
    make_run(run, [clips[i] for i in few])
    spoil(run, doubtful=tuple(few.index(i) for i in of_two[:3]))
    audit(run, run / "audit", top=0)
    assert labels.count("2") > 4
    assert "Of 2 the networks get less than half of the clips" in text_of(run / "audit" / "audit.html")


@pytest.mark.parametrize("protocol", ["copies", "speakers", "clips"])
def test_what_the_protocol_means_for_the_lists(tmp_path, clips, protocol):
    run = make_run(tmp_path / "run", clips, protocol=protocol)
    audit(run, run / "audit", top=0)
    text = text_of(run / "audit" / "audit.html")
    assert ("chosen with its clips" in text) == (protocol == "copies")
    assert ("never heard its speaker" in text) == (protocol == "speakers")


def test_out_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        audit(run, tmp_path / "file" / "audit")


@pytest.mark.skipif(not chromium.PROGRAM, reason="needs Chromium")
def test_page_in_a_browser(audited):
    run, _ = audited
    with chromium.browser() as browser:
        for width, dark in ((1280, False), (390, True)):
            browser.open(run / "audit" / "audit.html", width=width, dark=dark)
            assert browser.evaluate("document.documentElement.scrollWidth") <= width
        played = browser.evaluate(
            """(async () => {
                const found = [];
                for (const button of document.querySelectorAll("button.play")) {
                    button.click();
                    await new Promise((done) => sutjaPlayer.addEventListener("playing", done, { once: true }));
                    found.push(sutjaPlayer.duration > 0.1 && button.textContent === "■");
                    button.click();
                    found.push(sutjaPlayer.paused && button.textContent === "▶");
                }
                return found;
            })()"""
        )
        assert len(played) == 2 * browser.evaluate("document.querySelectorAll('article .shown').length")
        assert all(played)
        quick = browser.evaluate(  # another button before the first has begun: the last one pressed plays
            """(async () => {
                const [first, second] = document.querySelectorAll("button.play");
                first.click(); second.click();
                await new Promise((done) => sutjaPlayer.addEventListener("playing", done, { once: true }));
                await new Promise((done) => setTimeout(done, 50));
                return [first.textContent, second.textContent];
            })()"""
        )
        assert quick == ["▶", "■"]
        ids = browser.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
        assert len(ids) == len(set(ids))
        assert browser.problems == []
