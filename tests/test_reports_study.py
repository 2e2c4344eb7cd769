"""The page of the study: in its order, in both languages, whole at both widths, with nothing fetched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import chromium
import whole
from studies import write_project

from sutja import experiments, study
from sutja.diagnosis import Diagnosis
from sutja.reports import explore
from sutja.reports.study import Told, by_kind, write_study
from sutja.runs import HISTORY_COLUMNS, LastEpoch, MemberScores, Metrics, RunFolder
from sutja.texts import LANGUAGES, Language

SCORES = MemberScores(accuracy=0.9, interval95=(0.85, 0.95), fold_accuracy=[0.9, 0.95, 0.85])
METRICS = Metrics(
    "copies", 12, ["0", "1"], {"mel": SCORES, "mfcc": SCORES, "ensemble": SCORES}, 0, {"mel": LastEpoch(0.99, 0.9)}
)
CHANCE = {"accuracy": 0.5, "chance": 0.5}
DIAGNOSES = [
    *(Diagnosis("at_chance", {"member": "mel", "fold": fold} | CHANCE, study.COMMANDS["at_chance"]) for fold in (1, 2)),
    Diagnosis("speakers_unknown"),
]


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """The exploration of a project, a training by hand, and how to write the page of both."""
    folder = tmp_path_factory.mktemp("page")
    project = write_project(folder / "내 <과제>")
    asked = study.Asked(project, folder)
    read = study.read_project(asked)
    _, shown = explore.look(read.dataset, folder, study.settings(asked))
    own = RunFolder(folder / "runs" / "copies")
    own.path.mkdir(parents=True)
    rows = [
        f"{member},{fold},{e},0.5,0.9,0.5,0.8,1,{e % 2}"
        for member in ("mel", "mfcc")
        for fold in (1, 2)
        for e in (1, 2)
    ]
    own.history.write_text("\n".join([",".join(HISTORY_COLUMNS), *rows]))
    own.submission.write_text("file_name,label\n001.wav,0\n002.wav,1\n")
    lab = study.laboratory(asked, read, {})

    def write(language: Language, **changes: object) -> Path:
        numbers = {
            "n_clips": 12, "labels": ["0", "1"], "epochs": 2, "n_predicted": 2, "n_longer_than_window": 1,
            "study": study.compare_with_study(0.9, 12, 10), "no_speakers": "unknown", "test_accuracy": 0.5,
            "command": "sutja study 과제 --out RUN",
        } | changes  # fmt: skip
        outcomes = [experiments.conduct("plots", lab)]
        parts = study.network_parts(2)
        told = Told(language, numbers, {"copies": METRICS, "clips": METRICS}, DIAGNOSES, outcomes, parts)
        return write_study(folder, own, shown, told)

    return write


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_order_of_the_study(explored, language):
    html = explored(language).read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in html
    order = re.findall(r'<h2 id="([\w-]+)">', html)
    assert order == [
        "off", "table", "waveforms", "spectra", "lengths", "mel", "mfcc", "beside", "inputs", "network", "training",
        "results", "honest", "faults", "submission", "again",
    ]  # fmt: skip
    assert set(re.findall(r'<a href="#([\w-]+)"', html)) <= {"top", *order}
    assert "&lt;과제&gt;" in html
    assert "<과제>" not in html
    prose = re.sub(r"<(svg|style|script|code|pre)\b.*?</\1>|<[^>]+>", "", html, flags=re.S)
    assert bool(re.search("[가-힣]{2} ", prose.replace("과제", ""))) == (language == "ko")


def test_nothing_is_fetched(explored):
    html = explored("ko").read_text(encoding="utf-8")
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", html)
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_what_is_not_known_is_said(explored):
    assert "does not say who speaks" in explored("en").read_text(encoding="utf-8")
    assert "한 사람의 목소리입니다" in explored("ko", no_speakers="one").read_text(encoding="utf-8")
    told = explored("en", no_speakers="speaker s1 says one label only").read_text(encoding="utf-8")
    assert "<code>speaker s1 says one label only</code>" in told
    alone = explored("en", no_speakers="", test_accuracy=None, command="").read_text(encoding="utf-8")
    assert "who speaks" not in alone
    assert "right on the test set" not in alone


def test_findings_of_one_kind_stand_together(explored):
    (first, others), (last, none) = by_kind(DIAGNOSES)
    assert (first, others, last, none) == (DIAGNOSES[0], [DIAGNOSES[1]], DIAGNOSES[2], [])
    html = explored("en").read_text(encoding="utf-8")
    assert html.count('<div class="note"><p><b>A fold at chance.</b>') == 1
    assert "Fold 2 of mel" in html
    assert "--preset reference --protocol copies --seed 1" in html


@pytest.mark.skipif(chromium.PROGRAM is None, reason="needs Chromium")
def test_no_text_is_cut_off_or_over_another(explored):
    with chromium.browser() as tab:
        for language in LANGUAGES:
            assert whole.flaws(tab, explored(language)) == []
        assert tab.problems == []


def test_an_interval_that_is_not_known(explored, monkeypatch):
    monkeypatch.setitem(METRICS.members, "ensemble", MemberScores(accuracy=0.9, fold_accuracy=[0.9]))
    assert "The 95 % interval is –." in explored("en").read_text(encoding="utf-8")
