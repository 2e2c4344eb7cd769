"""`sutja models`: what sutja brings, as people and as programs read it."""

from __future__ import annotations

import json

from helpers import sutja

from sutja.bundle import DEFAULT_MODEL, load, shipped


def test_every_model_that_is_brought_is_listed():
    lines = sutja("models").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped())
    assert DEFAULT_MODEL in shipped()
    (line,) = [line for line in lines if line.startswith(f"{DEFAULT_MODEL} ")]
    assert "language en; 10 labels: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; " in line
    assert "% on corpora held out; own words can be taught on it; licence Apache-2.0" in line


def test_as_json_it_says_what_the_model_says():
    for text in sutja("models", "--json").stdout.splitlines():
        said = json.loads(text)
        model = load(said["name"])
        assert said["labels"] == list(model.labels)
        assert said["accuracy"] == model.about["accuracy"]
        assert said["spoken"] == dict(model.spoken)
