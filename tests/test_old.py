"""What sutja 0.1 left is still of use: `old/run_0_1` is a run folder that 0.1 wrote, its model made small.

Its recordings were the tiny words of the tests; its model's network is a mean over time and one matrix.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from conftest import tone

from sutja import bundle, runs, starting
from sutja.config import Config, preset
from sutja.dataset import Dataset
from sutja.errors import BundleError, RunError, SutjaError
from sutja.plan import Plan
from sutja.predictor import Predictor
from sutja.reports.run import write_report
from sutja.runs import RunFolder

OLD = Path(__file__).with_name("old") / "run_0_1"
FILES = sorted(p.relative_to(OLD).as_posix() for p in OLD.rglob("*") if p.is_file())


@pytest.fixture
def old(tmp_path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def settings() -> dict:
    return json.loads((OLD / "config.json").read_text(encoding="utf-8"))


def test_its_model_answers_as_it_did(old):
    answer = Predictor.load(old).predict((tone(440, 0.5, 16_000) * np.float32(0.6)).astype(np.float32))
    assert answer.label == "1"
    told = {"0": 0.1033, "1": 0.4767, "칠": 0.2953}  # by sutja 0.1
    assert answer.probabilities == pytest.approx(told, abs=1e-3)
    assert (bundle.load(old).language, bundle.load(old).spoken) == (None, {})


def test_its_settings_are_read_under_the_names_of_today():
    robust = preset("robust")
    train = replace(robust.train, n_folds=2, epochs=2, n_copies=1, min_steps=0)
    assert Config.from_dict(settings()["config"]) == replace(
        robust, train=train, language="en"
    )  # which it took all for


def test_its_numbers_and_its_report(old):
    metrics = runs.read_metrics(RunFolder(old))
    assert metrics.headline[0] == "ensemble"
    assert metrics.headline[1].accuracy == 0.5
    assert metrics.refusal.accepted["other word"].n_clips == 8
    assert len(runs.read_out_of_fold(RunFolder(old)).clips) == metrics.n_clips == 16
    pytest.importorskip("matplotlib")
    assert "50.0\u00a0%" in write_report(old).read_text(encoding="utf-8")


def plan(old: Path, **train) -> Plan:
    config = Config.from_dict(settings()["config"])
    config = replace(config, train=replace(config.train, **train))
    return Plan(Dataset(old, "csv", ()), config, "speakers", old, resume=True)


@pytest.fixture
def begun(old, monkeypatch) -> Path:
    """As 0.1 left it when it was cut off: settings, and nothing finished."""
    monkeypatch.setattr(starting, "fingerprint", lambda clips: settings()["fingerprint"])
    (old / "metrics.json").unlink()
    return old


def test_it_is_resumed_with_the_same_settings(begun):
    assert starting.check_run(plan(begun))["config"]["train"]["final_epochs_factor"] == 4


def test_it_is_resumed_in_english_which_it_took_all_words_for(begun):
    untold = plan(begun)
    with pytest.raises(RunError, match="was started with language 'en'; resume it with --language en, or choose"):
        starting.check_run(replace(untold, config=replace(untold.config, language=None)))


def test_it_is_not_resumed_with_others(begun):
    with pytest.raises(RunError, match="was started with other settings; resume it with the same, or choose another"):
        starting.check_run(plan(begun, epochs=3))


def use(run: Path) -> None:
    """Everything that reads a finished run."""
    bundle.load(run)
    folder = RunFolder(run)
    runs.read_settings(folder)
    runs.read_metrics(folder)
    runs.read_history(folder)
    runs.read_submission(folder)
    runs.read_out_of_fold(folder)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("name", FILES)
def test_cut_off_at_any_file_is_one_sentence_and_loses_nothing(old, name, share):
    content = (OLD / name).read_bytes()
    (old / name).write_bytes(content[: int(share * len(content))])
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    if name in ("history.csv", "submission.csv"):  # a table that ends early is a shorter table, or a damaged row
        with contextlib.suppress(RunError):
            use(old)
    else:
        with pytest.raises((RunError, BundleError)) as caught:
            use(old)
        assert "\n" not in str(caught.value)
        assert str(old) in str(caught.value)
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_is_one_sentence(old, name):
    (old / name).unlink()
    if name in ("history.csv", "submission.csv"):  # older runs, and runs without unlabelled clips, have none
        use(old)
        return
    with pytest.raises(SutjaError, match=r"expected|copy the whole model folder|resume it"):
        use(old)
