"""The family of errors."""

from __future__ import annotations

import inspect
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
