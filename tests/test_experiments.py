"""The seven faults and MFCC: each measures what it says, on tones; each is drawn and told in both languages."""

from __future__ import annotations

import csv
import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from matplotlib.text import Text
from studies import write_project

from sutja import experiments, features
from sutja.config import preset
from sutja.dataset import read
from sutja.errors import ConfigError, DependencyError, RunError
from sutja.experiments import EXPERIMENTS, Lab, conduct, listen_to, possible
from sutja.runs import HISTORY_COLUMNS, RunFolder
from sutja.texts import LANGUAGES

CONFIG = preset("reference")


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Lab:
    project = write_project(tmp_path_factory.mktemp("lab") / "project", ("0", "1", "2"), n_test=0)
    return listen_to(read(project).labelled, CONFIG, {}, epochs=2)


def write_history(folder: RunFolder, accuracies: dict[str, list[float]], chosen: int) -> RunFolder:
    """Write the curves of networks; the epoch that is chosen counts from 1."""
    folder.path.mkdir(parents=True)
    with folder.history.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(HISTORY_COLUMNS)
        for member, values in accuracies.items():
            for epoch, accuracy in enumerate(values, start=1):
                table.writerow([member, 1, epoch, 0.5, 0.9, 0.5, accuracy, 1.0, int(epoch == chosen)])
    return folder


def test_what_chose_the_checkpoint(lab, tmp_path):
    curves = {"mel": [0.2, 0.9, *[0.7] * 5], "mfcc": [0.1, 0.8, *[0.6] * 5]}
    there = replace(lab, runs={"copies": write_history(RunFolder(tmp_path / "run"), curves, chosen=2)})
    outcome = conduct("checkpoint", there)
    assert outcome.numbers == pytest.approx({"kept": 0.85, "last": 0.65, "n": 2, "epochs": 7, "gain": 20})
    assert "+20.0 points" in outcome.text()


def test_copies_of_a_clip_on_both_sides(lab, monkeypatch):
    seen = []
    monkeypatch.setattr(experiments, "quick_accuracy", lambda lab, extracted, setting, fold: seen.append(fold) or 0.5)
    five = replace(lab, clips=lab.clips[:5] + lab.clips[6:11], waveforms=lab.waveforms[:5] + lab.waveforms[6:11])
    numbers = conduct("copies", five).numbers
    assert numbers["share"] == 0, "a multiple of five clips a label: copies stay together"
    assert numbers["shuffled"] > 0.5
    assert conduct("copies", lab).numbers["share"] > 0, "six clips a label and five folds"
    n_copies = CONFIG.train.n_copies

    def clips_of(rows, n_clips):
        return {(row - n_clips) // n_copies for row in rows.tolist()}

    together, torn = seen[:2]
    assert clips_of(together.train, 10).isdisjoint(clips_of(together.test, 10))
    assert clips_of(torn.train, 10) & clips_of(torn.test, 10)
    assert len(together.train) + len(together.test) == len(torn.train) + len(torn.test) == 10 * n_copies


def test_a_clip_that_is_longer(lab):
    outcome = conduct("long", lab)
    assert (outcome.numbers["n"], outcome.numbers["of"], outcome.numbers["shape"]) == (1, 18, "40 x 40")
    assert outcome.numbers["missing"] < 0 < outcome.numbers["frames"] - 40
    short = replace(lab, clips=lab.clips[2:4], waveforms=lab.waveforms[2:4])
    other = conduct("long", short)
    assert (other.numbers["n"], other.numbers["of"]) == (0, 2)
    assert other.numbers["missing"] < 0, "where no clip is longer, one is said again and again until it is"


def test_plots_for_another_rate(lab):
    numbers = conduct("plots", lab).numbers
    assert numbers["right"] == pytest.approx(1_000, rel=0.03)
    assert numbers["wrong"] / numbers["right"] == pytest.approx(22_050 / 20_000, abs=0.03)
    assert (numbers["bands"], numbers["coefficients"]) == (20, 40)


def test_what_padding_is_worth(lab, monkeypatch):
    monkeypatch.setattr(experiments, "quick_accuracy", lambda lab, extracted, setting: float(setting.scaling != "x"))
    numbers = conduct("padding", lab).numbers
    assert (numbers["before"], numbers["after"]) == (0, 1)
    assert 0.05 < numbers["mfcc"] < 0.95
    assert numbers["chance"] > 10, "eighteen clips say little"
    mel = CONFIG.members["mel"]
    long = [features.extract(np.concatenate(lab.waveforms), lab.rate, [mel])[0]]
    assert experiments.padding_value(long, mel) == 0, "no clip is short: one is cut"


def test_mfcc_each_coefficient_by_itself(lab, monkeypatch):
    seen = []
    monkeypatch.setattr(experiments, "quick_accuracy", lambda lab, extracted, setting: seen.append(extracted) or 0.5)
    numbers = conduct("mfcc", lab).numbers
    assert 0 < numbers["range"] < 1
    even = np.concatenate(seen[2], axis=1)
    assert np.ptp(even, axis=1).max() <= 6
    assert np.abs(even.mean(axis=1)).max() < 0.5


@pytest.mark.parametrize("synth", [True, False])
def test_strangers(lab, monkeypatch, synth):
    class Sure:
        def predict(self, sound, *, sample_rate):
            assert sample_rate == 20_000
            return type("P", (), {"probability": 0.95 if np.std(sound) > 0.08 else 0.5})

    monkeypatch.setattr(experiments.Predictor, "load", lambda model: Sure())
    if synth:
        pytest.importorskip("espeakng_loader")
    else:

        def missing(*_, **__):
            raise DependencyError("not here")

        monkeypatch.setattr("sutja.synth.draw_voices", missing)
    there = replace(lab, runs={"copies": RunFolder(lab.clips[0].path.parent)})
    numbers = conduct("strangers", there).numbers
    assert (numbers["noise"], numbers["hum"], numbers["highest"]) == (1, 0, 1)
    assert ("words" in numbers) == synth
    assert numbers["n"] == (60 if synth else 40)


def test_a_quick_network_learns(lab):
    learned = experiments.quick_accuracy(replace(lab, epochs=6), lab.extracted("mel"), CONFIG.members["mel"])
    assert learned > 0.6, "three tones"


def test_experiments_that_cannot_be_made(lab):
    assert possible({}) == ["copies", "long", "plots", "padding", "mfcc"]
    assert possible({"copies", "clips", "speakers"}) == list(EXPERIMENTS)
    with pytest.raises(RunError, match="under protocol clips, and there is none; run the study first"):
        conduct("speakers", lab)
    with pytest.raises(RunError, match="it needs the speakers"):
        conduct("speakers", replace(lab, runs={"clips": RunFolder(lab.clips[0].path)}))
    with pytest.raises(ConfigError, match="did you mean 'mfcc'"):
        conduct("mfc", lab)


NUMBERS = {
    "checkpoint": {"kept": 0.9, "last": 0.8, "n": 10, "epochs": 50, "gain": 10.0},
    "copies": {"share": 0.0, "shuffled": 0.98, "apart": 0.8, "mixed": 0.9, "epochs": 10},
    "speakers": {"clips": 0.9, "speakers": 0.6, "loss": 30.0},
    "strangers": {"highest": 0.7, "n": 60, "noise": 0.1, "hum": 0.7},
    "long": {"n": 3, "of": 18, "frames": 54, "missing": -14, "shape": "40 x 40", "window": 1.024},
    "plots": {"rate": 20_000, "right": 1_003, "wrong": 1_106, "bands": 20, "coefficients": 40},
    "padding": {"before": 0.0, "after": 1.0, "mfcc": 0.6, "study": 0.9, "other": 0.8, "chance": 9.0, "epochs": 10},
    "mfcc": {"range": 0.3, "mel": 0.9, "study": 0.7, "even": 0.8, "chance": 9.0, "epochs": 10},
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_was_measured_is_told_and_drawn_in_each_language(lab, name, language, monkeypatch):
    monkeypatch.setattr(experiments, "has_hangul", lambda: True)
    looked_at = {protocol: RunFolder(lab.clips[0].path) for protocol in EXPERIMENTS[name].looks_at}
    outcome = conduct(name, replace(lab, language=language, runs=looked_at), NUMBERS[name])
    assert outcome.text(language)
    words = "".join(text.get_text() for text in outcome.figure.findobj(Text))
    assert bool(re.search("[가-힣]", words)) == (language == "ko" and name != "long")


def test_figures_are_english_where_no_font_has_hangul(lab, monkeypatch):
    monkeypatch.setattr(experiments, "has_hangul", lambda: False)
    assert replace(lab, language="ko").t("axis.share") == "share (%)"
