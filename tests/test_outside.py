"""Sounds outside a vocabulary, as a model brings them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from lessons import body
from models import SMALL, make_bundle

from sutja import bundle
from sutja.errors import BundleError
from sutja.lexicon import vocabulary
from sutja.outside import NOISE, STEP, Outside, from_bytes, some_of_each, to_bytes, word_of
from sutja.records import FieldError


def outside(words=("stop", "zero", NOISE)) -> Outside:
    rng = np.random.default_rng(0)
    return Outside(rng.normal(size=(len(words), 5)).astype(np.float32), tuple(words))


def test_it_comes_back_to_within_half_a_step():
    kept = outside()
    found = from_bytes(to_bytes(kept))
    assert found.words == kept.words
    assert np.abs(found.embeddings - kept.embeddings).max() <= STEP / 2 + 1e-6
    assert to_bytes(found) == to_bytes(from_bytes(to_bytes(found)))


def test_numbers_far_out_are_cut_off():
    found = from_bytes(to_bytes(Outside(np.array([[1e6, -1e6]], dtype=np.float32), ("a",))))
    assert found.embeddings.tolist() == [[127 * STEP, -127 * STEP]]


def test_what_a_vocabulary_says_is_not_outside_it():
    assert outside().beside(vocabulary(["stop", "go"], None, {})).words == ("zero", NOISE)
    assert outside().beside(vocabulary(["0", "1"], "en", {})).words == ("stop", NOISE)
    left = outside().beside(vocabulary(["Stop"], "en", {}))
    assert np.array_equal(left.embeddings, outside().embeddings[1:])


@pytest.mark.parametrize("name", ["letter_b", "fr", "x_y"])
def test_what_begins_as_a_language_and_is_none(name):
    assert word_of(name) == name.replace("_", " ")


def test_some_of_each():
    assert some_of_each([], lambda word: 3) == []
    assert some_of_each(["a", "b", "a", "a"], lambda word: {"a": 2}.get(word, 0)) == [0, 2]


def archive(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_a_model_brings_it_whole_or_is_refused(tmp_path):
    kept = body().bundle
    bundle.save(kept, tmp_path / "model")
    assert bundle.load(tmp_path / "model").outside == kept.outside
    place = tmp_path / "model" / "outside.npz"
    content = place.read_bytes()
    place.write_bytes(content[:-1])
    with pytest.raises(BundleError, match=r"outside.npz: checksum does not match"):
        bundle.load(tmp_path / "model")
    place.unlink()
    with pytest.raises(BundleError, match=r"outside.npz: member is missing"):
        bundle.load(tmp_path / "model")


def test_a_model_without_it_has_no_file_of_it(tmp_path):
    bundle.save(make_bundle(SMALL), tmp_path / "model")
    assert not (tmp_path / "model" / "outside.npz").exists()
    assert bundle.load(tmp_path / "model").outside is None


CODES, WORDS = np.zeros((2, 3), dtype=np.int8), np.array(["a", "b"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", "cannot be read"),
        (archive(step=np.array([0.1]), words=WORDS), "codes is missing"),
        (archive(codes=CODES.astype(float), step=np.array([0.1]), words=WORDS), "codes is"),
        (archive(codes=CODES, step=np.array([0.0]), words=WORDS), "step is"),
        (archive(codes=CODES, step=np.array([0.1, 0.2]), words=WORDS), "step is"),
        (archive(codes=CODES, step=np.array([0.1]), words=WORDS[:1]), "words is 1; expected 2"),
    ],
)
def test_what_is_none(content, message):
    with pytest.raises(FieldError, match=message):
        from_bytes(content)
