from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from conftest import tone, write_wav
from helpers import refused, sutja

from sutja import bundle
from sutja.clips import Clip
from sutja.engine import Serial
from sutja.errors import DatasetError, RunError
from sutja.learn import string_training, strings
from sutja.learn.frame_network import FrameNet
from sutja.learn.from_onnx import frame_network_in
from sutja.learn.splices import OTHER
from sutja.learn.string_training import StringTraining
from sutja.learn.strings import Sources, learn, read_start, steps_for, units_of
from sutja.pcm import to_pcm16
from sutja.progress import SILENT
from sutja.strings.frontend import SAMPLE_RATE
from sutja.strings.sets import StringClip
from sutja.strings.units import Unit
from sutja.transcription import Transcriber

HERTZ = {"go": 400, "stop": 1300, "house": 2500}


@pytest.fixture
def as_it_ships():
    """Of networks that begin from the one that ships, which are as large."""


@pytest.fixture(autouse=True)
def small(request, monkeypatch):
    if "as_it_ships" not in request.fixturenames:
        monkeypatch.setattr(FrameNet, "stem_channels", (4, 4))
        monkeypatch.setattr(FrameNet, "n_channels", 16)
        monkeypatch.setattr(FrameNet, "dilations", (1, 2))
    monkeypatch.setattr(string_training, "FEWEST_STRINGS", 16)
    monkeypatch.setattr(strings, "N_PARTS", 2)
    monkeypatch.setattr(strings, "N_MEASURED", 12)


def write_word(path: Path, word: str, seconds: float = 0.35) -> Path:
    rng = np.random.default_rng(len(str(path)))
    waveform = 0.3 * tone(HERTZ[word], seconds, SAMPLE_RATE) + 0.002 * rng.standard_normal(round(seconds * SAMPLE_RATE))
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_wav(path, to_pcm16(waveform.astype(np.float32)), SAMPLE_RATE)


@pytest.fixture
def clips(tmp_path) -> tuple[Clip, ...]:
    return tuple(
        Clip(write_word(tmp_path / "clips" / word / f"{speaker}_{take}.wav", word), f"{word}/{take}", word, speaker)
        for word in ("go", "stop")
        for speaker in ("anna", "ben")
        for take in range(2)
    )


def test_units_are_the_labels_with_a_length(clips):
    assert units_of(Sources(clips)).units == (Unit("go", "go", 4), Unit("stop", "stop", 4))


def test_english_digits_have_forms_of_strings(tmp_path):
    clips = tuple(Clip(write_word(tmp_path / f"{n}.wav", "go"), f"{n}", str(n)) for n in range(2))
    units = units_of(Sources(clips, "en-us")).units
    assert [(unit.name, unit.label, unit.n_times) for unit in units] == [
        ("zero", "0", 1), ("one", "1", 1), ("oh", "0", 1), ("double", "", 2), ("triple", "", 3),
    ]  # fmt: skip
    assert len(units_of(Sources(clips, "de")).units) == 2


def test_a_word_without_a_recording_is_named(tmp_path, clips):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    with pytest.raises(DatasetError, match="no recording of lamp can be used"):
        units_of(Sources((*clips, Clip(tmp_path / "bad.wav", "bad", "lamp"))))
    with pytest.raises(DatasetError, match="any word"):
        units_of(Sources(()))


def test_material_holds_what_may_be_learned_from(tmp_path, clips):
    other = write_word(tmp_path / "other" / "house.wav", "house")
    long = write_word(tmp_path / "long.wav", "go", 7.0)
    said = [
        StringClip(write_word(tmp_path / "s.wav", "go", 1.0), "s.wav", ("go", "stop")),
        StringClip(long, "long.wav", ("go",)),
        StringClip(other, "other.wav", (), ("house",)),
    ]
    others = (Clip(other, "house", "house"), Clip(other, "go", "Go"), Clip(tmp_path / "nowhere.wav", "x", "x"))
    unlabelled = Clip(other, "none")
    sources = Sources((*clips, unlabelled), None, {}, others, tuple(said))
    material = strings._material(sources, units_of(sources))
    assert {name: len(takes) for name, takes in material.speakers.items()} == {"/anna": 4, "/ben": 4}
    assert {name: len(words) for name, words in material.others.items()} == {"/house": 1}  # "Go" is in the vocabulary
    assert [whole.units for whole in material.wholes] == [(0, 1), (OTHER,)]
    assert material.texts == {}
    assert set(strings._kinds(sources, units_of(sources))) == {"spliced", "real", "other", "noise"}
    assert set(strings._kinds(Sources(clips, "en"), units_of(Sources(clips, "en")))) == {
        "spliced",
        "synthetic",
        "noise",
    }


def test_an_o_that_is_spelled_is_no_other_speech(tmp_path):
    clip = write_word(tmp_path / "0.wav", "go")
    sources = Sources(
        (Clip(clip, "0", "0"),),
        "en",
        {},
        (),
        (StringClip(clip, "a", (), ("b", "o", "b")), StringClip(clip, "b", ("0",), ("oh",))),
    )
    units = units_of(sources)
    assert [[units.units[u].name for u in w.units] for w in strings._material(sources, units).wholes] == [["oh"]]


def test_words_near_a_digit_are_no_other_words_where_there_are_digits(tmp_path):
    clip = write_word(tmp_path / "0.wav", "go")
    others = tuple(Clip(clip, name, name) for name in ("letter_a", "sixty", "house", "tree"))
    digits = Sources((Clip(clip, "0", "0"),), "en", {}, others)
    assert set(strings._material(digits, units_of(digits)).others) == {"/house"}
    words = Sources((Clip(clip, "0", "go"),), "en", {}, others)
    assert len(strings._material(words, units_of(words)).others) == 4


def test_what_was_made_is_not_made_again(tmp_path, clips, monkeypatch):
    config = StringTraining(n_steps=3, batch_size=2)
    folder = tmp_path / "work"
    first = learn(Sources(clips), folder, config, Serial(), SILENT)
    monkeypatch.setattr(strings, "made", None)
    monkeypatch.setattr(strings, "measured", lambda network, units, *_: (network, units))
    network, units = learn(Sources(clips), folder, config, Serial(), SILENT)
    assert units == first.units
    with pytest.raises(RunError, match=r"holds 16 strings of seed 929, now asked for 16 strings of seed 1; "):
        learn(Sources(clips), folder, replace(config, seed=1), Serial(), SILENT)
    assert network.last.bias is not None


def test_lengths_are_measured_in_strings(tmp_path, clips):
    model = learn(Sources(clips), tmp_path / "work", StringTraining(n_steps=40, batch_size=4), Serial(), SILENT)
    assert all(np.exp(each.mean) >= 3 for each in model.durations)
    assert strings._duration([10, 10], model.durations[0]) is model.durations[0]
    assert strings._duration([10] * 20, model.durations[0]).deviation == strings.NARROW[0]


def test_a_vocabulary_of_few_clips_learns_shorter():
    assert steps_for(10) < steps_for(100_000)


def test_a_run_learns_strings_too(tmp_path, clips):
    data = clips[0].path.parents[1]
    write_word(tmp_path / "set" / "a.wav", "go", 1.0)
    (tmp_path / "set" / "metadata.csv").write_text("file_name,words\na.wav,go stop\n")
    ended = sutja(
        "train", data, "--out", tmp_path / "run", "--strings", "--string-steps", 10, "--string-data", tmp_path / "set",
        "--jobs", 1,
    )  # fmt: skip
    assert ended.exit_code == 0, ended.output
    assert "learning strings takes about" in ended.output
    model = Transcriber(tmp_path / "run").model
    assert model.labels == ("go", "stop")
    assert model.about["n_steps"] == 10
    assert "start" not in model.about
    assert bundle.load(tmp_path / "run").labels == ("go", "stop")


def test_a_network_goes_on_learning_and_says_of_which_model(tmp_path, clips, as_it_ships):
    asked = ["train", clips[0].path.parents[1], "--strings", "--string-steps", 10, "--jobs", 1, "--out"]
    ended = sutja(*asked, tmp_path / "run", "--strings-from", "digits-en")
    assert ended.exit_code == 0, ended.output
    found, shipped = bundle.load(tmp_path / "run").strings, bundle.load("digits-en").strings
    assert found.about["start"] == "digits-en"
    ours, theirs = (frame_network_in(model, "").join[0].weight.detach() for model in (found, shipped))
    assert 0 < float((ours - theirs).abs().max()) < 0.2  # ten steps lead nowhere else
    again = sutja(*asked, tmp_path / "again", "--strings-from", tmp_path / "run")
    assert again.exit_code == 0, again.output
    start = read_start(str(tmp_path / "run"))
    assert start.knows(found.units)
    assert not start.knows(shipped.units)


def test_a_model_of_single_words_is_nothing_to_go_on_from(tmp_path, clips):
    data = clips[0].path.parents[1]
    assert sutja("train", data, "--out", tmp_path / "run").exit_code == 0
    ended = refused(sutja("train", data, "--out", tmp_path / "new", "--strings", "--strings-from", tmp_path / "run"))
    assert "knows no words in a row; expected a model made with --strings; choose another" in ended
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("option", [["--string-steps", 20], ["--string-data", "."], ["--strings-from", "digits-en"]])
def test_options_of_strings_need_strings(tmp_path, clips, option):
    ended = sutja("train", clips[0].path.parents[1], "--out", tmp_path / "run", *option)
    assert ended.exit_code == 2
    assert "add --strings" in ended.output
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_set_is_refused(tmp_path, clips):
    data = clips[0].path.parents[1]
    asked = ["train", data, "--out", tmp_path / "run", "--strings", "--string-data", data]
    assert "is no set of strings" in refused(sutja(*asked))
    assert not (tmp_path / "run").exists()
