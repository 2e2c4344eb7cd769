"""The family of errors."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

import sutja
from sutja import errors

FAMILY = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == "sutja.errors"
]  # discovered, not listed


@pytest.mark.parametrize("kind", FAMILY)
def test_one_family(kind):
    assert issubclass(kind, errors.SutjaError)
    assert kind.__name__ in sutja.__all__, "every error can be caught by its name in `sutja`"
    assert getattr(sutja, kind.__name__) is kind
    assert kind.__doc__


def test_the_tree_in_the_docstring_is_the_family():
    drawn = re.findall(r"\w+Error", errors.__doc__ or "")
    assert set(drawn) == {kind.__name__ for kind in FAMILY}


def test_needs_says_how_to_install():
    error = errors.needs("torch", "train")
    assert isinstance(error, errors.DependencyError)
    assert "torch" in str(error)
    assert "pip install 'sutja[train]'" in str(error)


@pytest.mark.parametrize(
    "name", ["a.wav", "a: b.wav", "audio: .wav", "", "two\nlines.wav", "하나.wav", "zw\\xf6lf.wav"]
)
def test_an_audio_error_keeps_its_parts_wherever_it_goes(name):
    error = errors.AudioError(name, "is a folder: expected a sound file")
    error.add_note("of this machine")
    for same in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(same) is errors.AudioError
        assert (same.name, same.reason) == (name, "is a folder: expected a sound file")
        assert str(same) == f"{name}: is a folder: expected a sound file"
        assert same.__notes__ == ["of this machine"]


def test_an_audio_error_without_a_reason_cannot_be_made():
    with pytest.raises(TypeError):
        errors.AudioError("a.wav: is a folder")
