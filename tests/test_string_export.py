"""The frame network of strings as a file: the same numbers, and everything in it that a decoder must know."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from strings import RATE, said, string_bundle, string_folder

from sutja.errors import BundleError
from sutja.strings.decoder import Decoder
from sutja.strings.frontend import FrontEnd
from sutja.strings.grammar import any_string
from sutja.strings.model import model_of
from sutja.strings.network import FrameNetwork

pytest.importorskip("onnx")
from extras import WITHOUT_EXTRAS
from helpers import refused, run_python, sutja

from sutja.string_export import export_strings


def test_who_has_the_file_alone_decodes_as_the_model_does():
    bundle = string_bundle()
    session = onnxruntime.InferenceSession(export_strings(bundle))
    told = session.get_modelmeta().custom_metadata_map
    model = model_of(json.loads(told["decoder"]), b"")
    decoder = Decoder(model.units, model.durations, any_string(model.units), model.decoder)
    state = {each.name: np.zeros(each.shape, np.float32) for each in session.get_inputs()}
    names = [each.name for each in session.get_outputs()]
    theirs, own = FrameNetwork(bundle.strings.onnx, model.units.n_outputs), None
    own = theirs.nothing()
    for features in FrontEnd().feed(said("abba")):
        state[json.loads(told["inputs"])["features"]] = features[None]
        answers = dict(zip(names, session.run(None, state), strict=True))
        expected, own = theirs.step(features, own)
        found = answers.pop(json.loads(told["outputs"])["log_probabilities"])
        assert np.array_equal(found[0], expected)
        state |= {name.replace("next_", "state_"): value for name, value in answers.items()}
        decoder.feed(found[0])
    assert "".join(model.units.units[word.unit].label for word in decoder.finish()) == "abba"
    assert state["state_0"].item() > 10  # it went in and came out


def test_it_says_what_it_is():
    session = onnxruntime.InferenceSession(export_strings(string_bundle()))
    told = session.get_modelmeta().custom_metadata_map
    assert told["format"] == "sutja-strings"
    assert int(told["sample_rate"]) == RATE
    assert json.loads(told["labels"]) == list("abcd")
    assert json.loads(told["front_end"])["features"]["n_mels"] == session.get_inputs()[0].shape[1]
    assert set(json.loads(told["talk"])) == {"fade_seconds", "prior_seconds"}
    assert int(told["other_output"]) == int(told["silence_output"]) + 1 == 13


def test_a_model_of_single_words_is_refused():
    with pytest.raises(BundleError, match="knows single words, not words in a row; leave --strings out"):
        export_strings(replace(string_bundle(), strings=None))


def test_the_command(tmp_path):
    model, out = string_folder(tmp_path / "model"), tmp_path / "new" / "frames.onnx"
    result = sutja("export", model, "--strings", out)
    assert result.exit_code == 0, result.output
    size = out.stat().st_size / 1e6
    assert result.stdout == f"{out}: {size:.1f} MB, log mel at 16000 Hz with its state, 4 labels\n"
    assert out.read_bytes() == export_strings(string_bundle())
    result = sutja("export", model, "--strings", out, "--out", tmp_path / "other.onnx")
    assert result.exit_code == 2
    assert "--strings writes one file" in result.stderr
    assert "no model.json there" in refused(sutja("export", tmp_path / "new", "--strings", out))


def test_without_onnx_it_says_what_to_install():
    ended = run_python(WITHOUT_EXTRAS + "from sutja.cli import main\nmain(['export', '--strings', 'x.onnx'])\n")
    assert "onnx is not installed and this needs it; install it with: pip install 'sutja[onnx]'" in refused(ended)
