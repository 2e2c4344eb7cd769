"""Before anything is heard: the folder of a run, and recordings that may not be learned from."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from sutja import starting
from sutja.clips import Clip
from sutja.config import preset
from sutja.dataset import Dataset
from sutja.errors import ConfigError, DatasetError, RunError
from sutja.files import write_json
from sutja.plan import Plan


@pytest.fixture
def plan(tmp_path) -> Plan:
    recording = tmp_path / "a.wav"
    recording.write_bytes(b"sound")
    clips = (Clip(recording, "a.wav", "stop"),)
    return Plan(Dataset(tmp_path, "folders", clips), preset("quick"), "clips", tmp_path / "run")


def test_a_free_folder_is_described(plan):
    settings = starting.check_run(plan)
    assert settings["protocol"] == "clips"
    assert settings["config"]["preset"] == "quick"
    assert set(settings["versions"]) >= {"sutja", "python", "numpy"}
    assert not plan.run.exists()


def test_without_torch_its_version_is_left_out(plan, monkeypatch):
    def version(name: str) -> str:
        if name == "torch":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(starting, "version", version)
    assert "torch" not in starting.check_run(plan)["versions"]


def test_the_same_run_goes_on_and_another_does_not(plan):
    write_json(plan.folder.settings, starting.check_run(plan))
    with pytest.raises(RunError, match="holds a run already; resume it with --resume"):
        starting.check_run(plan)
    going_on = replace(plan, resume=True)
    assert starting.check_run(going_on)["fingerprint"] == starting.check_run(going_on)["fingerprint"]
    with pytest.raises(RunError, match="was started with other protocol"):
        starting.check_run(replace(going_on, protocol="speakers"))
    Path(plan.dataset.clips[0].path).write_bytes(b"another")
    with pytest.raises(RunError, match="was started with other recordings"):
        starting.check_run(going_on)


def test_what_is_judged_is_not_learned_from_elsewhere(plan):
    starting.check_apart(plan)
    for name in ("extra", "negatives"):
        with pytest.raises(DatasetError, match=r"a.wav: is in DATA and also in --extra or --negatives"):
            starting.check_apart(replace(plan, **{name: plan.dataset.clips}))


def test_words_for_a_label_that_is_not_there(plan):
    starting.check_spoken(replace(plan, config=replace(plan.config, spoken={"stop": "halt"})))
    with pytest.raises(ConfigError, match=r"--spoken go=...: no such label; there are stop; correct it"):
        starting.check_spoken(replace(plan, config=replace(plan.config, spoken={"go": "los"})))
