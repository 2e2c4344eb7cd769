"""Which engine is asked for: what contradicts itself is refused before anything starts."""

from __future__ import annotations

import sys

import pytest
from helpers import run_python

from sutja.engine import Serial
from sutja.engine.choice import Choice, _address, opened
from sutja.engine.local import Processes
from sutja.errors import ConfigError, DependencyError, EngineError


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"name": "ray"}, "'ray' is not known; expected one of local, dask"),
        ({"name": "local", "scheduler": "tcp://a:1"}, "--scheduler is of the engine dask"),
        ({"name": "local", "n_workers": 2}, "--workers is of the engine dask"),
        ({"scheduler": "tcp://a:1", "n_workers": 2}, "contradict each other"),
        ({"n_workers": 0}, "0 workers can do nothing"),
        ({"name": "local", "patience": 9.0}, "--patience is of the engine dask"),
        ({"patience": 9.0}, "--patience is of a cluster, and none was asked for"),
        ({"name": "dask", "patience": 0.0}, "a patience of 0 s is none"),
        ({"n_workers": 2, "patience": float("nan")}, "a patience of nan s is none"),
    ],
)
def test_what_contradicts_itself_is_refused(asked, told):
    with pytest.raises(ConfigError, match=told):
        Choice(**asked)


def test_without_a_wish_everything_runs_on_this_machine():
    with opened(Choice(), 1) as one, opened(Choice("local"), 3) as three:
        assert isinstance(one, Serial)
        assert isinstance(three, Processes)
        assert three.n_workers == 3


@pytest.mark.parametrize("asked", [{"name": "dask"}, {"scheduler": "tcp://a:1"}, {"n_workers": 2}])
def test_a_scheduler_or_workers_are_a_cluster(asked):
    assert Choice(**asked).on_cluster


def test_an_address_and_a_file_are_told_apart(tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text("{}", encoding="utf-8")
    assert _address(str(file)) == file
    assert _address(None) is None
    assert _address("tls://node:8786") == "tls://node:8786"
    for wrong in (str(tmp_path / "none.json"), "node", "node:", ":8786", "a/b:1"):
        with pytest.raises(EngineError, match="is no address and no file"):
            _address(wrong)


def test_without_the_extra_it_is_said(monkeypatch):
    monkeypatch.setattr("sutja.engine.choice.find_spec", lambda name: None)
    with (
        pytest.raises(DependencyError, match=r"distributed is not installed .* 'sutja\[cluster\]'"),
        opened(Choice(n_workers=1), 1),
    ):
        pass


def test_nobody_who_does_not_ask_loads_dask():
    program = (
        "import sys, sutja, sutja.cli.options, sutja.engine.choice\n"
        "from sutja.cli import main\n"
        "for name in ('train', 'predict', 'evaluate', 'transcribe'): main.get_command(None, name)\n"
        "with sutja.engine.choice.opened(sutja.engine.choice.Choice(), 2): pass\n"
        "print(*{'dask', 'distributed', 'fsspec', 's3fs'} & set(sys.modules))\n"
    )
    ended = run_python(program)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "", sys.executable
