"""`tools/tune_strings.py`, which `make model` ends with."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from conftest import tone, write_wav
from strings import RATE, string_bundle, write_said

from sutja import bundle
from sutja.pcm import to_pcm16

TOOL = Path(__file__).parents[1] / "tools" / "tune_strings.py"
STRINGS = "abba", "cd", "dacb"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("tune_strings", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["tune_strings"] = module  # where dataclasses look
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def recordings(tmp_path):
    rows = ["file_name,words"]
    for string in STRINGS:
        write_said(tmp_path / "set" / f"{string}.wav", string)
        rows.append(f"{string}.wav,{' '.join(string)}")
    (tmp_path / "set" / "metadata.csv").write_text("\n".join(rows) + "\n")
    write_wav(tmp_path / "words" / "house" / "1.wav", to_pcm16(0.3 * tone(3100, 0.5, RATE)), RATE)
    return tmp_path


def test_a_decoder_that_hears_too_little_is_mended(tool, recordings, monkeypatch, capsys):
    """It begins with a price on words that one after the other is not worth."""
    start = string_bundle()
    deaf = replace(start.strings, decoder=replace(start.strings.decoder, word=-80.0))
    bundle.save(replace(start, strings=deaf), recordings / "model")
    arguments = ["--data", str(recordings / "set"), "--quiet", str(recordings / "words"), "--trials", "25"]
    monkeypatch.setattr(sys, "argv", ["tune_strings.py", str(recordings / "model"), *arguments])
    monkeypatch.setattr(tool, "SCALES", (0.1, 0.5))
    tool.main()
    tuned = bundle.load(recordings / "model").strings
    assert -80 < tuned.decoder.word < 0
    assert tuned.units == deaf.units
    assert tuned.confidence.scale in (0.1, 0.5)
    assert tuned.confidence.opinion == 0.0  # the model of single words knows nothing here
    assert "calibration error" in capsys.readouterr().out


def test_the_cost_counts_strings_words_and_what_is_none(tool, recordings):
    ready = string_bundle()
    network = tool.FrameNetwork(ready.strings.onnx, ready.strings.units.n_outputs)
    heard = tool.heard_set(recordings / "set", ready, ready.strings, network)
    assert tool.cost_of(ready.strings, [heard], []) == 0
    other = replace(heard[0], labels=("a", "b", "b", "c"))  # one word and one string of three are now wrong
    assert tool.cost_of(ready.strings, [[other, *heard[1:]]], []) == pytest.approx(1 / 3 + 0.5 / 10)
    nothing = replace(heard[0], labels=())
    seconds = len(nothing.answers) * 0.02
    assert tool.cost_of(ready.strings, [heard], [nothing]) == pytest.approx(tool.FALSE_WEIGHT * 4 * 3600 / seconds)
