"""A head on an embedding: what it says, how it is kept, and that models with one are models as any other."""

from __future__ import annotations

import io
import json

import numpy as np
import onnxruntime
import pytest
from conftest import tone
from hypothesis import given
from hypothesis import strategies as st
from models import AUDIO, SMALL, make_bundle, taught_bundle

from sutja import bundle
from sutja.errors import BundleError
from sutja.graph import waveform_graph
from sutja.heads import Head, from_bytes, to_bytes
from sutja.predictor import Predictor
from sutja.records import FieldError


def head(n_embedding: int = 6, n_classes: int = 4, seed: int = 0) -> Head:
    rng = np.random.default_rng(seed)
    shape = (n_embedding, n_classes)
    return Head(rng.normal(size=shape).astype(np.float32), rng.normal(size=n_classes).astype(np.float32))


@given(st.integers(1, 8), st.integers(2, 6), st.integers(0, 99))
def test_probabilities_are_shares_and_each_row_is_judged_alone(n, n_classes, seed):
    one = head(5, n_classes, seed)
    embeddings = np.random.default_rng(seed).normal(0, 30, (n, 5)).astype(np.float32)
    found = one.probabilities(embeddings)
    assert found.shape == (n, n_classes)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(found, np.concatenate([one.probabilities(row[None]) for row in embeddings]))


def test_it_comes_back_as_it_was_kept():
    kept = head()
    found = from_bytes(to_bytes(kept))
    assert np.array_equal(found.weights, kept.weights)
    assert np.array_equal(found.bias, kept.bias)
    assert to_bytes(found) == to_bytes(kept)
    assert (found.n_embedding, found.n_classes) == (6, 4)


def archive(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", "cannot be read"),
        (archive(bias=np.zeros(2)), "weights is missing"),
        (archive(weights=np.zeros((3, 2))), "bias is"),
        (archive(weights=np.zeros((3, 2)), bias=np.zeros(3)), "bias is"),
        (archive(weights=np.full((3, 2), np.nan), bias=np.zeros(2)), "weights is"),
        (archive(weights=np.zeros((3, 2)), bias=np.array(["a", "b"])), "bias is"),
        (archive(weights=np.zeros((0, 2)), bias=np.zeros(2)), "weights is"),
    ],
)
def test_what_is_no_head(content, message):
    with pytest.raises(FieldError, match=message):
        from_bytes(content)


def test_a_model_with_a_head_is_a_model_as_any_other(tmp_path):
    made = taught_bundle(head(6, 5), threshold=0.3)
    bundle.save(made, tmp_path / "model")
    predictor = Predictor.load(tmp_path / "model")
    waveform = tone(440, 0.4, AUDIO.sample_rate)
    expected, found = Predictor(made).predict(waveform), predictor.predict(waveform)
    assert found == expected
    assert tuple(found.probabilities) == ("a", "b", "c", "d")
    assert 0 < sum(found.probabilities.values()) < 1  # the rest is "not in the vocabulary"
    assert json.loads((tmp_path / "model" / "model.json").read_text())["format_version"] == 2


def test_a_model_without_one_is_read_by_an_older_sutja(tmp_path):
    bundle.save(make_bundle(SMALL), tmp_path / "model")
    assert json.loads((tmp_path / "model" / "model.json").read_text())["format_version"] == 1


def test_the_exported_graph_has_the_head():
    made = taught_bundle(head())
    session = onnxruntime.InferenceSession(waveform_graph(made).SerializeToString(), providers=["CPUExecutionProvider"])
    waveform = tone(440, 0.4, AUDIO.sample_rate).astype(np.float32)
    found = session.run(["probabilities"], {"waveform": waveform[None]})[0][0]
    assert found == pytest.approx(list(Predictor(made).predict(waveform).probabilities.values()), abs=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(head(5), "head's weights is .*expected 6 rows"), (head(6, 3), "head's classes is 3; expected 4")],
)
def test_a_head_that_does_not_fit_its_network(wrong, message):
    with pytest.raises(BundleError, match=message):
        Predictor(taught_bundle(wrong))


def test_a_head_without_an_embedding_to_decide_on():
    plain = make_bundle(SMALL).members[0]
    with pytest.raises(BundleError, match="head's weights"):
        Predictor(bundle.Bundle(tuple("abcd"), AUDIO, (bundle.Member("mel", SMALL, plain.onnx, head()),)))


def test_every_damaged_byte_of_a_head_is_found(tmp_path):
    bundle.save(taught_bundle(head()), tmp_path / "model")
    path = tmp_path / "model" / "members" / "mel.head.npz"
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(BundleError, match="checksum does not match"):
            bundle.load(tmp_path / "model")
    path.unlink()
    with pytest.raises(BundleError, match="is missing"):
        bundle.load(tmp_path / "model")
