"""The report of a run: it says what the run measured, whatever the labels are called."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

import chromium
import whole

from sutja.config import Config
from sutja.diagnosis import Diagnosis
from sutja.errors import RunError
from sutja.reports.run import write_report

NASTY = [
    "<b>zero</b>",
    "일",
    'two "2"',
    "$three$",
    "four & five",
    "a_very_long_label_that_goes_on_and_on",
    "\u202esix",
    "7",
]

COLUMNS = ["member", "fold", "epoch"]
COLUMNS += ["train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "seconds", "chosen"]


def confusion(n_labels: int, n_clips: int, rng: np.random.Generator) -> np.ndarray:
    matrix = np.zeros((n_labels, n_labels), dtype=int)
    for clip in range(n_clips):
        true = clip % n_labels
        wrong = (true * 7 + 4) % n_labels if rng.random() < 0.6 else int(rng.integers(n_labels))
        matrix[true, wrong if rng.random() < 0.12 else true] += 1
    return matrix


def score(accuracy: float, n_clips: int) -> dict:
    return {"n_clips": n_clips, "accuracy": accuracy, "interval95": [max(0, accuracy - 0.05), min(1, accuracy + 0.03)]}


def make_run(folder: Path, *, labels: list[str], n_speakers: int = 6, members=("mel", "mfcc"), n_folds=2) -> Path:
    """Write the files of a run, with numbers that look like a run's."""
    rng = np.random.default_rng(929)
    n_clips = max(600, 3 * len(labels))
    scores = {}
    for member in (*members, "ensemble"):
        matrix = confusion(len(labels), n_clips, rng)
        accuracy = float(np.trace(matrix) / matrix.sum())
        by_label = {
            label: score(float(matrix[i, i] / matrix[i].sum()), int(matrix[i].sum())) for i, label in enumerate(labels)
        }
        speakers = {f"voice {i:02d}": score(float(rng.uniform(0.7, 1)), 100) for i in range(n_speakers)}
        scores[member] = {
            "accuracy": accuracy,
            "interval95": [accuracy - 0.04, min(1, accuracy + 0.03)],
            "interval_method": "bootstrap over speakers",
            "fold_accuracy": [min(1, accuracy + d) for d in (-0.02, 0.01, 0.02, -0.01, 0.0)],
            "confusion_matrix": matrix.tolist(),
            "by_label": by_label,
            "by_speaker": speakers,
        }
    metrics = {
        "protocol": "speakers",
        "n_clips": n_clips,
        "n_speakers": n_speakers,
        "labels": labels,
        "members": scores,
        "last_epoch": {m: {"train_accuracy": 0.98, "valid_accuracy": 0.89} for m in members},
        "n_parameters": 84522,
        "seconds": 754.2,
        "n_longer_than_window": 12,
        "baseline": {"protocol": "copies", "accuracy": 0.983, "interval95": [0.97, 0.99], "n_clips": n_clips},
        "notes": ["3 recordings could not be read: train/007.wav, ..."],
    }
    config = {
        "config": Config().to_dict(),
        "protocol": "speakers",
        "seed": 929,
        "data": {
            "roots": ["/data/fsdd"],
            "layout": "fsdd",
            "n_clips": n_clips,
            "n_labels": len(labels),
            "n_speakers": n_speakers,
            "fingerprint": "9f2c" * 16,
            "n_unlabelled": 200,
            "n_longer_than_window": 12,
        },
        "versions": {"sutja": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0"},
        "command": "sutja train /data/fsdd --out RUN --protocol speakers --seed 929",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(metrics, ensure_ascii=False), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for member in members:
            for fold in range(1, n_folds + 1):
                for epoch in range(1, 51):
                    loss = 2.2 * np.exp(-epoch / 9)
                    valid = loss + 0.15 + 0.004 * epoch + rng.normal(0, 0.04)
                    row = (member, fold, epoch, loss + 0.05, 0.99 - 0.36 * loss, valid, 0.96 - 0.35 * loss, 4.9)
                    writer.writerow((*row, int(epoch == 20 + fold)))
    with (folder / "submission.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "label"])
        writer.writerows((f"{i:03d}.wav", labels[i % len(labels)]) for i in range(200))
    return folder


def change(run: Path, **values: object) -> None:
    path = run / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def text_of(page: Path) -> str:
    html = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    run = make_run(tmp_path_factory.mktemp("run"), labels=[str(d) for d in range(10)], n_folds=5)
    write_report(run)
    return run


def test_figures_of_every_network(digits):
    names = {path.name for path in (digits / "figures").iterdir()}
    curves = {f"{member}_{fold}.png" for member in ("mel", "mfcc") for fold in range(1, 6)}
    matrices = {f"confusion_{member}.png" for member in ("mel", "mfcc", "ensemble")}
    assert names == curves | matrices | {"learning_curves.png", "by_label.png", "by_speaker.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (digits / "figures").iterdir())


def test_headline_is_the_ensembles_and_says_what_it_means(digits):
    metrics = json.loads((digits / "metrics.json").read_text())
    ensemble = metrics["members"]["ensemble"]
    text = text_of(digits / "report.html")
    low, high = ensemble["interval95"]
    assert f"{100 * ensemble['accuracy']:.1f} % right, on voices never heard" in text
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in text
    assert "what a new voice gets" in text
    assert "hardest speaker" in text
    assert "12 clips (2.0 %) are longer" in text
    assert "3 recordings could not be read" in text


def test_both_protocols_side_by_side(digits):
    text = text_of(digits / "report.html")
    assert "98.3 %" in text
    assert "points is not lost by the networks" in text


def test_experiments_on_other_clips_say_so(tmp_path):
    run = make_run(tmp_path, labels=["yes", "no"], n_folds=1)
    refusal = {"false_accept_rate": 0.028, "false_reject_rate": 0.061, "calibration_error": 0.01}
    change(run, baseline={"protocol": "copies", "accuracy": 0.96, "interval95": None, "n_clips": 400}, refusal=refusal)
    text = text_of(write_report(run))
    assert "(protocol copies, on 400 clips), get 96.0 %; measured on voices never heard (on 600 clips)" in text
    assert "other sounds taken for a word2.8 %words refused: 6.1 %" in text


def test_a_member_better_than_the_ensemble_is_told(tmp_path):
    run = make_run(tmp_path, labels=["yes", "no"], n_folds=1)
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["members"]["mel"]["accuracy"] = 0.999
    change(run, members=metrics["members"])
    assert "Here mel alone is better than the ensemble: 99.9 %" in text_of(write_report(run))


def test_needs_nothing_else(digits):
    html = (digits / "report.html").read_text(encoding="utf-8")
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", html)
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    assert not re.search(r"@import|url\((?!#)[^)]*\)|https?://(?!www\.w3\.org/)", html)
    assert len(html) < 3_000_000


def test_ids_are_unique(digits):
    ids = re.findall(r'\bid="([^"]+)"', (digits / "report.html").read_text(encoding="utf-8"))
    assert len(ids) == len(set(ids))


def test_the_same_files_give_the_same_page(tmp_path):
    run = make_run(tmp_path, labels=["yes", "no"], n_folds=1)
    before = write_report(run).read_text(encoding="utf-8")
    assert write_report(run).read_text(encoding="utf-8") == before


def test_what_was_found_already_is_not_looked_for_again(tmp_path, monkeypatch):
    run = make_run(tmp_path, labels=["yes", "no"], n_folds=1)
    found = [Diagnosis("speakers_unknown")]
    monkeypatch.setattr("sutja.reports.run.diagnose_run", None)  # would fail
    assert found[0].text() in text_of(write_report(run, found))


def test_labels_cannot_break_the_page(tmp_path):
    run = make_run(tmp_path / "한국어 run", labels=NASTY, members=("log mel",))
    html = write_report(run).read_text(encoding="utf-8")
    assert "<b>zero</b>" not in html
    assert "&lt;b&gt;zero&lt;/b&gt;" in html
    assert "일" in html
    assert (run / "figures" / "log-mel_1.png").exists()


def test_many_labels_and_speakers_stay_usable(tmp_path):
    run = make_run(tmp_path, labels=[f"word {i}" for i in range(200)], n_speakers=1000)
    page = write_report(run)
    assert page.stat().st_size < 6_000_000
    assert "find a speaker" in page.read_text(encoding="utf-8")


def test_little_to_tell(tmp_path):
    run = make_run(tmp_path, labels=["yes", "no"], n_speakers=1)
    (run / "history.csv").unlink()
    (run / "submission.csv").unlink()
    metrics = json.loads((run / "metrics.json").read_text())
    only = {"accuracy": 0.5, "interval95": None, "interval_method": "", "fold_accuracy": []}
    only |= {"confusion_matrix": [[1, 1], [1, 1]], "by_label": {}, "by_speaker": {}}
    change(run, members={"mel": only}, baseline=None, notes=[], n_longer_than_window=0, labels=metrics["labels"])
    text = text_of(write_report(run))
    assert "50.0 % right" in text
    assert "one speaker says nothing about others" in text
    assert "Nothing was wrong with it" in text


@pytest.mark.parametrize("protocol", ["copies", "clips"])
def test_other_protocols_say_that_they_flatter(tmp_path, protocol):
    run = make_run(tmp_path, labels=["yes", "no"], n_folds=1)
    change(run, protocol=protocol, baseline=None)
    assert "A new voice gets less" in text_of(write_report(run))


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"is not a run \(no config.json in it\); expected the --out folder"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metrics.json", "{", "cannot be read"),
        ("metrics.json", "[]", "no table of names"),
        ("metrics.json", "{}", "protocol is missing"),
        ("history.csv", "member,fold,epoch\nmel,1,x\n", "its header"),
    ],
)
def test_damaged_files(tmp_path, name, content, message):
    run = make_run(tmp_path, labels=["yes", "no"], n_folds=1)
    (run / name).write_text(content)
    with pytest.raises(RunError, match=message):
        write_report(run)
    assert not (run / "report.html").exists()


@pytest.mark.skipif(chromium.PROGRAM is None, reason="needs Chromium")
def test_no_text_is_cut_off_or_over_another(digits):
    with chromium.browser() as tab:
        assert whole.flaws(tab, digits / "report.html") == []


@pytest.mark.skipif(chromium.PROGRAM is None, reason="needs Chromium")
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_opens_without_network_or_errors(digits, width, dark):
    with chromium.browser() as tab:
        tab.open(digits / "report.html", width=width, dark=dark)
        assert tab.evaluate("document.documentElement.scrollWidth") == width  # nothing sticks out
        assert tab.evaluate("getComputedStyle(document.querySelector('svg text')).fill") == (
            "rgb(228, 232, 236)" if dark else "rgb(28, 32, 36)"
        )
        tab.evaluate("document.querySelector('#table-speaker th:nth-child(3) button').click()")
        column = "[...document.querySelectorAll('#table-speaker td:nth-child(3)')].map(c => +c.dataset.value)"
        assert tab.evaluate(column) == sorted(tab.evaluate(column))
        assert tab.problems == []
