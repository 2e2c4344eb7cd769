"""The poster: all of it on one sheet, no text over another or beyond the edge, as PNG and PDF, in both languages."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from conftest import tone
from samples import HISTORY, RATE, features

pytest.importorskip("matplotlib")
pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from types import SimpleNamespace
from unittest import mock

from matplotlib.text import Text

from sutja.diagnosis import Diagnosis
from sutja.reports import drawing, poster
from sutja.reports.study import Told
from sutja.runs import HISTORY_COLUMNS, LastEpoch, MemberScores, Metrics, RunFolder
from sutja.texts import LANGUAGES, say

LABELS = [str(digit) for digit in range(10)]
MATRIX = (36 * np.eye(10, dtype=int) + 4 * np.eye(10, k=1, dtype=int)).tolist()
AT_CHANCE = {"member": "mel", "accuracy": 0.5, "chance": 0.5}


def scores(accuracy: float, *, matrix: bool = True) -> MemberScores:
    folds = [accuracy + by for by in (0.01, -0.02, 0.0, 0.02, -0.01)]
    return MemberScores(
        accuracy=accuracy,
        interval95=(accuracy - 0.03, accuracy + 0.02),
        fold_accuracy=folds,
        confusion_matrix=MATRIX if matrix else [],
    )


def metrics(name: str, *, matrix: bool = True) -> Metrics:
    members = {"mel": scores(0.94), "mfcc": scores(0.89), "ensemble": scores(0.967, matrix=matrix)}
    return Metrics(name, 400, LABELS, members, 0, {"mel": LastEpoch(0.99, 0.9)})


def told(language="en", *, protocols=("copies", "clips", "speakers"), matrix=True, n_off=1, **changes) -> Told:
    numbers = {
        "n_clips": 400, "labels": LABELS, "epochs": 50, "n_predicted": 200, "n_speakers": 6, "no_speakers": "",
        "test_accuracy": 0.97,
        "study": {
            "reported": 0.967, "by_others": [0.9765, 0.9725], "comparable": True, "difference": 0.0, "noise": 0.025,
            "within_noise": True,
        },
    } | changes  # fmt: skip
    kinds = ["at_chance", "first_epoch", "few_epochs", "over_fitted", "feature_hurts", "same_fold", "speakers_shared"]
    off = [Diagnosis("at_chance", AT_CHANCE | {"fold": 1}), *map(unlike, kinds[1:])][:n_off]
    return Told(language, numbers, {name: metrics(name, matrix=matrix) for name in protocols}, off, [], {"all": 84_522})


def unlike(kind: str) -> SimpleNamespace:
    """A finding of another kind: only its words count here."""
    said = " ".join([kind] * 40)
    return SimpleNamespace(kind=kind, name=lambda _: kind, text=lambda _: said)


def shown(n_labels: int = 10) -> dict:
    decibels, _ = features()
    examples = [SimpleNamespace(label=label, waveform=tone(440, 0.4, RATE), decibels=decibels) for label in LABELS]
    lengths = {"min": 0.25, "max": 1.02}
    return {
        "title": "내 <과제> $1",
        "quantities": [("duration (s)", 3, lengths)],
        "drawn": {"examples": examples[:n_labels]},
        "sample_rate": RATE,
    }


def texts(figure) -> list[tuple[str, object]]:
    """Every text that is drawn, with its place; ticks beyond an axis are there and not drawn."""
    drawn, draw = [], Text.draw

    def note(text, renderer):
        if text.get_visible() and text.get_text().strip():
            drawn.append(text)
        draw(text, renderer)

    with mock.patch.object(Text, "draw", note):
        figure.draw_without_rendering()
    return [(text.get_text(), text.get_window_extent()) for text in dict.fromkeys(drawn)]


def check_whole(figure) -> str:
    """No text reaches beyond the page or lies over another; all of them as one."""
    written = texts(figure)
    for said, box in written:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, said
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, said
    for (one, its), (other, others) in itertools.combinations(written, 2):
        across = min(its.x1, others.x1) - max(its.x0, others.x0)
        down = min(its.y1, others.y1) - max(its.y0, others.y0)
        assert across < 2 or down < 2, (one, other)
    return "\n".join(said for said, _ in written)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_is_on_it(language):
    if language == "ko" and not drawing.has_hangul():
        pytest.skip("no font with Hangul is installed")
    figure = poster.draw_poster(HISTORY, shown(), told(language))
    said = check_whole(figure).replace("\n", " ").replace("\xa0", " ")
    wanted = ("study.title", "study.table.heading", "study.training.heading", "study.results.heading",
              "study.honest.heading", "study.off.heading", "poster.confusions")  # fmt: skip
    for key in wanted:
        assert say(key, language) in said, key
    for number in ("96.7 %", "94.0 %", "89.0 %", "97.0 %", "36", "97.65 %"):
        assert number in said
    assert "내 <과제>" in said
    assert figure.get_size_inches() == pytest.approx(poster.PAPER)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_known_is_said(language):
    lines = check_whole(
        poster.draw_poster(
            HISTORY,
            shown(2),
            told(language, protocols=("copies", "clips"), no_speakers="unknown", n_speakers=None, test_accuracy=None),
        )
    )
    language = language if drawing.has_hangul() else "en"
    assert say("study.honest.unknown_short", language) in lines
    assert "?" in lines.split("\n")
    assert "--speaker-from" in lines


@pytest.mark.parametrize(
    "changes",
    [
        {"n_off": 0},
        {"n_off": 7},
        {"matrix": False},
        {"no_speakers": "speaker s1 says one label only", "protocols": ("copies", "clips")},
        {"no_speakers": "one", "protocols": ("copies", "clips")},
    ],
)
def test_it_stays_whole_whatever_there_is_to_say(changes):
    said = check_whole(poster.draw_poster(HISTORY, shown(), told(**changes)))
    assert (say("study.off.heading") in said) == (changes.get("n_off", 1) > 0)
    assert ("more in study.html" in said) == (changes.get("n_off", 1) == 7)
    assert (say("poster.confusions") in said) == changes.get("matrix", True)


def test_a_study_of_other_labels_is_not_compared():
    study = told().numbers["study"] | {"comparable": False}
    said = check_whole(poster.draw_poster(HISTORY, shown(0), told(study=study)))
    assert "97.65" not in said
    assert "Mel spectrograms" not in said


def test_where_no_font_has_hangul_it_is_in_english(monkeypatch):
    monkeypatch.setattr(drawing, "has_hangul", lambda: False)
    said = poster.draw_poster(HISTORY, shown(1), told("ko")).findobj(Text)
    assert say("study.title", "en") in {text.get_text() for text in said}


def test_an_interval_that_is_not_known():
    found = told()
    found.found["copies"].members["ensemble"] = MemberScores(accuracy=0.9, fold_accuracy=[0.9])
    assert "90.0\xa0%" in check_whole(poster.draw_poster(HISTORY, shown(1), found))


def test_png_and_pdf(tmp_path):
    own = RunFolder(tmp_path / "run")
    own.path.mkdir()
    rows = [",".join(str(record.get(name, 1)) for name in HISTORY_COLUMNS) for record in HISTORY]
    own.history.write_text("\n".join([",".join(HISTORY_COLUMNS), *rows]))
    png, pdf = poster.write_poster(tmp_path, own, shown(1), told())
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert {path.name for path in tmp_path.iterdir()} == {"run", "poster.png", "poster.pdf"}
