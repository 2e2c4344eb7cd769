"""The whole run: what it leaves, that it repeats itself, goes on after a cut, and refuses what is not its own."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from conftest import TINY_RATE, tone, write_wav
from helpers import (
    CutError,
    nothing_half_written,
    numbers,
    read_csv,
    read_json,
    same_results,
    tiny_study,
    write_csv,
    write_study,
)

from sutja import __version__, bundle, recipe, starting
from sutja.audio import load_waveform
from sutja.config import Config, preset
from sutja.dataset import fingerprint, scan
from sutja.engine import Serial
from sutja.engine.choice import Choice
from sutja.errors import ConfigError, DatasetError, RunError
from sutja.files import write_json
from sutja.learn import to_onnx as export
from sutja.plan import Plan
from sutja.predictor import Predictor
from sutja.recipe import train

REFERENCE = preset("reference")
CONFIG = replace(REFERENCE, train=replace(REFERENCE.train, epochs=2, n_folds=2, n_copies=1, seed=7))


class Told:
    """A listener of progress."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []
        self.steps: list[int] = []
        self.said: list[str] = []

    def stage(self, name: str, total: int, unit: str):
        self.stages.append((name, total))
        self.steps.append(0)

        def step() -> None:
            self.steps[-1] += 1

        return step

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


EXPORTED: dict[bytes, bytes] = {}


@pytest.fixture
def quick(monkeypatch):
    """For tests that are not about what takes most of a tiny run's time: no report; equal networks exported once."""

    def to_onnx(networks, config):
        weights = b"".join(value.numpy().tobytes() for net in networks for value in net.state_dict().values())
        if weights not in EXPORTED:
            EXPORTED[weights] = export.to_onnx(networks, config)
        return EXPORTED[weights]

    monkeypatch.setattr(recipe, "to_onnx", to_onnx)
    monkeypatch.setattr(recipe, "write_report", lambda run, found: run)


def plan(study: Path, run: Path, **more) -> Plan:
    more = {"config": CONFIG, "protocol": "clips", "n_jobs": 1} | more
    return Plan(scan(study / "train.csv"), run=run, **more)


# -- what a run leaves ------------------------------------------------------------------------------------------------


def test_every_file_is_there(study):
    run = study / "run"
    assert {path.name for path in run.iterdir()} == {
        "config.json",
        "metrics.json",
        "history.csv",
        "out_of_fold.npz",
        "figures",
        "report.html",
        "submission.csv",
        "model",
    }
    curves = {f"{member}_{fold}.png" for member in ("mel", "mfcc") for fold in (1, 2)}
    assert curves <= {path.name for path in (run / "figures").iterdir()}
    assert {path.relative_to(run / "model").as_posix() for path in (run / "model").rglob("*")} == {
        "model.json",
        "members",
        "members/mel.onnx",
        "members/mfcc.onnx",
    }
    nothing_half_written(run)


def test_no_pickle_anywhere(study):
    for path in (study / "run").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert path.suffix not in (".pkl", ".pickle", ".pt", ".pth", ".joblib")
            assert not content.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")), path
    with np.load(study / "run" / "out_of_fold.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_metrics_have_the_keys_that_are_promised(study):
    metrics = read_json(study / "run" / "metrics.json")
    assert metrics["protocol"] == "speakers"
    assert metrics["n_clips"] == 36
    assert metrics["n_speakers"] == 4
    assert metrics["labels"] == ["0", "1", "2"]
    assert list(metrics["members"]) == ["mel", "mfcc", "ensemble"]
    for scores in metrics["members"].values():
        low, high = scores["interval95"]
        assert 0 <= low <= scores["accuracy"] <= high <= 1
        alike = len({share["accuracy"] for share in scores["by_speaker"].values()}) == 1
        assert scores["interval_method"].startswith("Wilson" if alike else "bootstrap over speakers")
        assert len(scores["fold_accuracy"]) == 2
        assert np.sum(scores["confusion_matrix"]) == 36
        assert np.trace(scores["confusion_matrix"]) / 36 == pytest.approx(scores["accuracy"])
        assert list(scores["by_label"]) == ["0", "1", "2"]
        assert list(scores["by_speaker"]) == ["01", "02", "03", "04"]
        assert sum(share["n_clips"] for share in scores["by_speaker"].values()) == 36
    for member in ("mel", "mfcc"):
        assert set(metrics["last_epoch"][member]) == {"train_accuracy", "valid_accuracy"}
    assert metrics["n_parameters"] == 84_522 - 7 * 33
    assert metrics["seconds"] > 0


def test_clips_longer_than_the_window_are_counted(study):
    # Fault 4 of the study: they crashed it.
    assert read_json(study / "run" / "metrics.json")["n_longer_than_window"] == 1
    assert read_json(study / "run" / "config.json")["data"]["n_longer_than_window"] == 1


def test_the_settings_can_be_asked_for_again(study):
    settings = read_json(study / "run" / "config.json")
    config = Config.from_dict(settings["config"])
    assert config == replace(REFERENCE, train=replace(REFERENCE.train, epochs=3, n_folds=2, n_copies=2, seed=7))
    assert settings["seed"] == 7
    assert settings["protocol"] == "speakers"
    assert settings["fingerprint"] == fingerprint(scan(study / "train.csv").clips)
    assert {"torch", "numpy", "python", "sutja", "onnxruntime"} <= set(settings["versions"])
    assert settings["versions"]["sutja"] == __version__
    assert settings["command"].split()[0] == "sutja"
    assert settings["data"]["layout"] == "csv"


def test_history_has_every_epoch_and_marks_the_one_that_was_kept(study):
    rows = read_csv(study / "run" / "history.csv")
    assert len(rows) == 2 * 2 * 3
    for member in ("mel", "mfcc"):
        for fold in "12":
            network = [row for row in rows if (row["member"], row["fold"]) == (member, fold)]
            assert [row["epoch"] for row in network] == ["1", "2", "3"]
            losses = [float(row["valid_loss"]) for row in network]
            assert [row["chosen"] for row in network] == [str(int(loss == min(losses))) for loss in losses]
    last = np.mean([float(r["train_accuracy"]) for r in rows if r["member"] == "mel" and r["epoch"] == "3"])
    assert read_json(study / "run" / "metrics.json")["last_epoch"]["mel"]["train_accuracy"] == pytest.approx(last)


def test_out_of_fold_probabilities_give_the_metrics(study):
    metrics = read_json(study / "run" / "metrics.json")
    with np.load(study / "run" / "out_of_fold.npz", allow_pickle=False) as file:
        found = dict(file)
    assert found["ensemble"] == pytest.approx((found["mel"] + found["mfcc"]) / 2)
    for name in ("mel", "mfcc", "ensemble"):
        assert found[name].shape == (36, 3)
        assert found[name].sum(axis=1) == pytest.approx(1, abs=1e-6)
        right = found["labels"][found[name].argmax(axis=1)] == found["true_labels"]
        scores = metrics["members"][name]
        assert right.mean() == scores["accuracy"]
        assert [right[found["folds"] == n].mean() for n in (1, 2)] == pytest.approx(scores["fold_accuracy"])
        for speaker, share in scores["by_speaker"].items():
            assert right[found["speakers"] == speaker].mean() == pytest.approx(share["accuracy"])
    clips = scan(study / "train.csv").labelled
    assert found["names"].tolist() == [clip.name for clip in clips]
    assert found["true_labels"].tolist() == [clip.label for clip in clips]
    for speaker in set(found["speakers"]):
        assert len(set(found["folds"][found["speakers"] == speaker])) == 1, "a speaker is judged in one fold"


def test_the_submission_is_what_the_model_says_in_the_order_of_the_csv(study):
    rows = read_csv(study / "run" / "submission.csv")
    assert list(rows[0]) == ["file_name", "label"]
    assert [row["file_name"] for row in rows] == ["clips/a.wav", "clips/새 목소리.wav", "clips/z.wav"]
    predictor = Predictor.load(study / "run")
    assert [row["label"] for row in rows] == [predictor.predict(study / row["file_name"]).label for row in rows]


def test_the_model_is_the_mean_of_all_networks(study, tmp_path, quick, monkeypatch):
    kept, ship = [], recipe.ship
    monkeypatch.setattr(recipe, "ship", lambda p, m, results, *more: kept.extend(results) or ship(p, m, results, *more))
    train(plan(study, tmp_path / "run"), Told())
    assert [str(job) for job, _ in kept] == ["mel, fold 1", "mfcc, fold 1", "mel, fold 2", "mfcc, fold 2"]
    import torch

    from sutja.features import extract, network_input
    from sutja.learn.training import model_with

    path = study / "clips" / "1_03_1.wav"
    waveform = load_waveform(path, CONFIG.audio)
    total = np.zeros(3)
    for job, result in kept:
        features = CONFIG.members[job.member]
        (x,) = extract(waveform, 20_000, [features])
        with torch.inference_mode():
            logits = model_with(result.weights, CONFIG.train.network).eval()(
                torch.from_numpy(network_input(x, features))[None, None]
            )
        total += logits.softmax(dim=1)[0].numpy()
    found = Predictor.load(tmp_path / "run").predict(path)
    assert list(found.probabilities.values()) == pytest.approx(total / 4, abs=1e-5)


def test_what_the_model_says_about_itself(study):
    about = bundle.load(study / "run").about
    metrics = read_json(study / "run" / "metrics.json")
    assert about["accuracy"] == metrics["members"]["ensemble"]["accuracy"]
    assert about["protocol"] == "speakers"
    assert about["n_networks"] == 4


# -- protocols --------------------------------------------------------------------------------------------------------


def test_copies_judges_every_copy_and_counts_clips(study, tmp_path, quick):
    config = replace(CONFIG, train=replace(CONFIG.train, n_copies=3))
    metrics = train(plan(study, tmp_path / "run", protocol="copies", config=config), Told())
    assert metrics.protocol == "copies"
    assert metrics.n_clips == 36
    scores = metrics.members["ensemble"]
    assert np.sum(scores.confusion_matrix) == 3 * 36
    assert scores.n_clips == 36
    assert scores.interval_method == "Wilson over clips"
    assert sum(share.n_clips for share in scores.by_label.values()) == 36
    with np.load(tmp_path / "run" / "out_of_fold.npz") as file:
        assert file["names"].tolist() == [c.name for c in scan(study / "train.csv").labelled for _ in range(3)]


def test_progress_comes_to_its_end(study, tmp_path, quick):
    told = Told()
    train(plan(study, tmp_path / "run"), told)
    assert told.stages == [("listening", 36), ("training 4 networks", 8), ("predicting unlabelled clips", 3)]
    assert told.steps == [36, 8, 3]


def test_another_run_beside_this_one(study, tmp_path, quick):
    metrics = train(plan(study, tmp_path / "run", compare=study / "run"), Told())
    other = read_json(study / "run" / "metrics.json")
    assert metrics.baseline.protocol == "speakers"
    assert metrics.baseline.accuracy == other["members"]["ensemble"]["accuracy"]


def test_nothing_to_compare_with(study, tmp_path, quick):
    with pytest.raises(RunError, match=r"no metrics to compare with .*expected the folder of a finished run"):
        train(plan(study, tmp_path / "run", compare=tmp_path), Told())


# -- the same numbers -------------------------------------------------------------------------------------------------


def test_one_process_or_two_and_again(study, tmp_path, quick):
    for name, n_jobs in (("one", 1), ("again", 1), ("two", 2)):
        train(plan(study, tmp_path / name, n_jobs=n_jobs), Told())
    same_results(tmp_path / "one", tmp_path / "again")
    same_results(tmp_path / "one", tmp_path / "two")


def test_another_seed_gives_other_numbers(study, tmp_path, quick):
    for seed in (1, 2):
        config = replace(CONFIG, train=replace(CONFIG.train, seed=seed))
        train(plan(study, tmp_path / str(seed), config=config), Told())
    first, second = (np.load(tmp_path / name / "out_of_fold.npz")["ensemble"] for name in "12")
    assert not np.array_equal(first, second)


def test_a_full_disk_at_any_moment_leaves_nothing_half_written_and_costs_nothing(study, tmp_path, quick, monkeypatch):
    import tempfile

    train(plan(study, tmp_path / "whole"), Told())
    make, room = tempfile.mkstemp, [0]

    def mkstemp(*arguments, **more):
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return make(*arguments, **more)

    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
    run, refusals = tmp_path / "run", []
    for attempt in range(40):
        room[0] = attempt  # each time a little more fits on the disk
        try:
            train(plan(study, run, resume=True), Told())
            break
        except RunError as error:
            refusals.append(str(error))
        nothing_half_written(run)
    assert len(refusals) >= 5
    assert all("cannot be written (No space left on device); choose a folder with space" in r for r in refusals)
    same_results(tmp_path / "whole", run)


def test_a_disk_that_fills_while_writing(study, tmp_path, quick, monkeypatch):
    def half(file, **arrays):
        file.write(b"PK half")
        raise OSError(errno.ENOSPC, "No space left on device")

    savez = np.savez
    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(RunError, match=r"cannot be written \(No space left on device\)"):
        train(plan(study, tmp_path / "run"), Told())
    nothing_half_written(tmp_path / "run")
    monkeypatch.setattr(np, "savez", savez)
    train(plan(study, tmp_path / "run", resume=True), Told())


# -- refused ----------------------------------------------------------------------------------------------------------


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def begun(study, tmp_path, quick, monkeypatch) -> Path:
    """A run that was cut off after one of its networks."""

    class CutOff(Serial):
        def map(self, function, jobs, on_step):
            yield function(jobs[0], on_step)
            raise CutError

    with monkeypatch.context() as patch:
        patch.setattr(recipe, "opened", lambda *asked: contextlib.nullcontext(CutOff()))
        with pytest.raises(CutError):
            train(plan(study, tmp_path / "run"), Told())
    return tmp_path / "run"


def test_a_run_that_was_cut_off_goes_on(study, begun, tmp_path):
    told = Told()
    train(plan(study, begun, resume=True), told)
    train(plan(study, tmp_path / "whole"), Told())
    same_results(begun, tmp_path / "whole")
    assert told.steps == [36, 8, 3]


def test_a_cluster_gives_the_same_numbers_also_where_a_worker_is_killed(study, tmp_path, quick):
    pytest.importorskip("distributed")
    whole, killed = Told(), []

    class Killing(Told):
        def stage(self, name: str, total: int, unit: str):
            step = super().stage(name, total, unit)

            def killing() -> None:
                step()
                if name.startswith("training") and not killed:  # after the first epoch that is told
                    children = Path(f"/proc/self/task/{os.getpid()}/children")
                    pids = map(int, children.read_text().split()) if children.exists() else []
                    killed.extend(pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes())
                    if killed:
                        os.kill(killed[0], signal.SIGKILL)

            return killing

    epochs = {"config": replace(CONFIG, train=replace(CONFIG.train, epochs=3))}
    train(plan(study, tmp_path / "whole", **epochs), whole)
    told = Killing()
    train(plan(study, tmp_path / "cluster", engine=Choice(n_workers=2), **epochs), told)
    same_results(tmp_path / "whole", tmp_path / "cluster")
    assert told.steps == whole.steps
    nothing_half_written(tmp_path / "cluster")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"config": replace(CONFIG, train=replace(CONFIG.train, epochs=3))}, "settings"),
        ({"config": replace(CONFIG, train=replace(CONFIG.train, seed=8))}, "settings"),
        ({"protocol": "copies"}, "protocol"),
    ],
)
def test_a_run_is_not_resumed_as_another(study, begun, change, what):
    before = tree(begun)
    with pytest.raises(RunError, match=f"was started with other {what}; resume it with the same, or choose another"):
        train(plan(study, begun, resume=True, **change), Told())
    assert tree(begun) == before


@pytest.mark.parametrize(("language", "how"), [(None, "with --language de"), ("en", "with --language de")])
def test_a_run_is_not_resumed_in_another_language(study, tmp_path, language, how):
    german = plan(study, tmp_path / "run", resume=True, config=replace(CONFIG, language="de"))
    write_json(tmp_path / "run" / "config.json", starting.check_run(german))
    starting.check_run(german)
    other = replace(german, config=replace(CONFIG, language=language))
    with pytest.raises(
        RunError, match=f"run: was started with language 'de'; resume it {how}, or choose another --out"
    ):
        starting.check_run(other)
    write_json(tmp_path / "run" / "config.json", starting.check_run(replace(other, run=tmp_path / "new")))
    how = "with --language en" if language else "without --language"
    with pytest.raises(RunError, match=f"was started with language {language!r}; resume it {how}, or choose another"):
        starting.check_run(german)


def test_the_language_is_kept_in_the_model(study, tmp_path, quick):
    config = replace(CONFIG, language="de", spoken={"2": "zwo"})
    train(plan(study, tmp_path / "run", config=config), Told())
    found = bundle.load(tmp_path / "run")
    assert (found.language, found.spoken) == ("de", {"0": "null", "1": "eins", "2": "zwo"})
    assert (bundle.load(study / "run").language, bundle.load(study / "run").spoken) == (None, {})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"spoken": {"9": "neun"}}, r"--spoken 9=\.\.\.: no such label; there are 0, 1, 2"),
        (
            {"n_synthetic_voices": 2},
            "in which language is not known; expected the language of the recordings: --language",
        ),
        ({"n_synthetic_voices": 2, "language": "tlh"}, "language 'tlh' is not known to eSpeak"),
        ({"n_synthetic_voices": 2, "language": "is"}, "no word is known for '0', '1', '2' in language 'is'"),
    ],
)
def test_words_that_cannot_be_said_are_told_before_any_work(study, tmp_path, settings, message):
    told = Told()
    with pytest.raises(ConfigError, match=message):
        train(plan(study, tmp_path / "run", config=replace(preset("robust"), **settings)), told)
    assert not told.stages
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_resumed_with_other_recordings(begun, tmp_path):
    other = tmp_path / "other"
    write_study(other)
    write_wav(other / "clips" / "0_01_0.wav", tone(500, 0.4, TINY_RATE), TINY_RATE)
    before = tree(begun)
    with pytest.raises(RunError, match="was started with other recordings; resume it with the same"):
        train(plan(other, begun, resume=True), Told())
    assert tree(begun) == before


def test_a_run_is_not_resumed_with_its_recordings_in_another_order(study, begun, tmp_path):
    dataset = scan(study / "train.csv")
    turned = replace(plan(study, begun, resume=True), dataset=replace(dataset, clips=dataset.clips[::-1]))
    with pytest.raises(RunError, match="was started with the recordings in another order; resume it with the same"):
        train(turned, Told())
    train(plan(study, begun, resume=True), Told())  # and it is still whole


def test_a_run_is_not_overwritten(study, begun):
    before = tree(begun)
    with pytest.raises(RunError, match="holds a run already; resume it with --resume, or choose another --out"):
        train(plan(study, begun), Told())
    assert tree(begun) == before


@pytest.mark.parametrize("content", ["{", "[1, 2]", "{}", '"text"', '{"config": 3}'])
@pytest.mark.parametrize("resume", [True, False])
def test_a_settings_file_that_is_not_ours(study, tmp_path, content, resume):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match="choose another --out"):
        train(plan(study, run, resume=resume), Told())
    assert tree(run) == {"config.json": content.encode()}


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_of_other_things(study, tmp_path, resume):
    run = tmp_path / "run"
    run.mkdir()
    (run / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="exists and is not a run of ours; choose another --out"):
        train(plan(study, run, resume=resume), Told())
    assert tree(run) == {"thesis.txt": b"mine"}


def test_a_file_in_the_place_of_the_run(study, tmp_path):
    (tmp_path / "run").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="exists and is not a run of ours"):
        train(plan(study, tmp_path / "run"), Told())


def test_an_empty_folder_will_do(study, tmp_path, quick):
    (tmp_path / "run").mkdir()
    train(plan(study, tmp_path / "run"), Told())
    assert (tmp_path / "run" / "metrics.json").exists()


def test_a_place_that_may_not_be_written_is_told_before_the_work(study, tmp_path, monkeypatch):
    # Root may write everywhere: the system's answer is put on.
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(recipe, "hear", None)
    with pytest.raises(RunError, match=r"run: cannot be written \(no permission to write in .*\); choose a folder"):
        train(plan(study, tmp_path / "a" / "run"), Told())
    assert not (tmp_path / "a").exists()


def test_a_finished_run_is_not_trained_again(study, tmp_path, monkeypatch, quick):
    first = train(plan(study, tmp_path / "run"), Told())
    before = tree(tmp_path / "run")
    drawn = []
    monkeypatch.setattr(recipe, "write_report", lambda run, found: drawn.append(run))
    monkeypatch.setattr(recipe, "hear", None)
    monkeypatch.setattr(recipe, "learn", None)
    assert train(plan(study, tmp_path / "run", resume=True), Told()) == first
    assert drawn == [tmp_path / "run"]  # a report that was cut off is drawn, a run from an older sutja gets the new one
    assert tree(tmp_path / "run") == before


def test_a_run_cut_off_in_its_report(study, tmp_path, monkeypatch, quick):
    def cut(run, found):
        raise CutError

    with monkeypatch.context() as patch:
        patch.setattr(recipe, "write_report", cut)
        with pytest.raises(CutError):
            train(plan(study, tmp_path / "run"), Told())
    train(plan(study, tmp_path / "run", resume=True), Told())
    assert not (tmp_path / "run" / "work").exists()


# -- data that cannot be used -----------------------------------------------------------------------------------------


def make_table(root: Path, rows: list[tuple[str, str]]) -> Plan:
    """A CSV of (file name, label) with a sound for each file that is not there yet."""
    for name, _ in rows:
        if not (root / name).exists():
            write_wav(root / name, tone(440, 0.3, TINY_RATE), TINY_RATE)
    return plan_of(write_csv(root / "train.csv", [("file_name", "label"), *rows]), root / "run")


def plan_of(table: Path, run: Path, **more) -> Plan:
    more = {"config": CONFIG, "protocol": "clips", "n_jobs": 1} | more
    return Plan(scan(table), run=run, **more)


def test_one_label_only_leaves_no_folder(tmp_path):
    asked = make_table(tmp_path, [(f"{i}.wav", "7") for i in range(8)])
    with pytest.raises(DatasetError, match="only one label, '7'"):
        train(asked, Told())
    assert not asked.run.exists()


def test_a_label_with_fewer_clips_than_folds_leaves_no_folder(tmp_path):
    asked = make_table(tmp_path, [(f"{i}.wav", "7" if i else "8") for i in range(8)])
    with pytest.raises(DatasetError, match="label '8' has 1 clips"):
        train(asked, Told())
    assert not asked.run.exists()


def test_no_labels_at_all(tmp_path):
    asked = make_table(tmp_path, [(f"{i}.wav", "") for i in range(8)])
    with pytest.raises(DatasetError, match="no clip has a label; nothing can be learned; add labels"):
        train(asked, Told())
    assert not asked.run.exists()


def broken_table(root: Path) -> Plan:
    root.mkdir(exist_ok=True)
    (root / "text.wav").write_text("no sound", encoding="utf-8")
    (root / "empty.wav").write_bytes(b"")
    rows = [(f"{i}.wav", str(i % 2)) for i in range(12)]
    return make_table(root, [*rows[:3], ("text.wav", "1"), *rows[3:], ("empty.wav", "0")])


def test_recordings_that_cannot_be_read_are_told_before_anything_is_left(tmp_path):
    asked = broken_table(tmp_path / "data")
    with pytest.raises(
        DatasetError, match=r"2 of 14 clips cannot be used, the first: .*text\.wav: .*--skip-unreadable"
    ):
        train(asked, Told())
    assert not asked.run.exists()


def test_recordings_that_cannot_be_read_can_be_left_out_aloud(tmp_path, quick):
    told = Told()
    metrics = train(replace(broken_table(tmp_path / "data"), skip_unreadable=True), told)
    assert metrics.n_clips == 12
    said = [text.partition(":")[0] for text in told.said]
    assert said[:2] == ["left out", "left out"]  # before it says how long it will take
    assert "left out" not in said[2:]
    assert "text.wav" in told.said[0]
    assert "empty.wav" in told.said[1]


def test_all_recordings_broken(tmp_path):
    for i in range(8):
        (tmp_path / f"{i}.wav").write_text("no sound", encoding="utf-8")
    asked = make_table(tmp_path, [(f"{i}.wav", str(i % 2)) for i in range(8)])
    with pytest.raises(DatasetError, match="no clip can be used; look at them with `sutja data info`"):
        train(replace(asked, skip_unreadable=True), Told())


def test_an_unlabelled_recording_that_cannot_be_read_keeps_its_row(tmp_path, quick):
    (tmp_path / "what.wav").write_text("no sound", encoding="utf-8")
    rows = [(f"{i}.wav", str(i % 2)) for i in range(8)]
    told = Told()
    train(make_table(tmp_path, [("what.wav", ""), *rows, ("b.wav", "")]), told)
    submission = read_csv(tmp_path / "run" / "submission.csv")
    assert [row["file_name"] for row in submission] == ["what.wav", "b.wav"]
    assert submission[0]["label"] == ""
    assert submission[1]["label"] in "01"
    assert any("no prediction" in text and "what.wav" in text for text in told.said)


def test_no_unlabelled_rows_no_submission(tmp_path, quick):
    train(make_table(tmp_path, [(f"{i}.wav", str(i % 2)) for i in range(8)]), Told())
    assert not (tmp_path / "run" / "submission.csv").exists()


def test_metrics_do_not_depend_on_where_the_recordings_lie(study, tmp_path, quick):
    write_study(tmp_path / "else where")
    for name, where in (("a", study), ("b", tmp_path / "else where")):
        train(plan(where, tmp_path / name), Told())
    first, second = (read_json(tmp_path / name / "metrics.json") for name in "ab")
    assert numbers(first) == numbers(second)
