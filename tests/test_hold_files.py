"""Files under attack: cut at every operation, on a full disk, signed again with other contents.

A part of what `bench/hold_files.py` tries in full.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import attacks
import holds
import models
import quick_runs
from conftest import tone
from faults import Disk, failing
from helpers import CutError, nothing_half_written, run_python, same_results
from hypothesis import HealthCheck, given, settings
from onnx import TensorProto, helper

from sutja import bundle, runs
from sutja.config import FeatureConfig
from sutja.errors import BundleError, RunError
from sutja.predictor import Predictor

FEW = {"derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}
WAVE = tone(440, 0.4, 8_000)


# -- cuts -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A table of recordings, and a whole run on them."""
    folder = tmp_path_factory.mktemp("study")
    table = quick_runs.study(folder / "data")
    with quick_runs.quick():
        quick_runs.train(table, folder / "whole")
        n_moments = len(holds.moments_of(folder / "run", lambda: quick_runs.train(table, folder / "run"), dies=True))
        yield table, folder / "whole", n_moments


def test_cut_at_any_file_operation_a_run_is_resumed(study, tmp_path):
    table, whole, n_moments = study
    assert n_moments > 200
    # Every fifth here, and all around the first file and the model; `bench/hold_files.py` tries all.
    for at in sorted({*range(1, 20), *range(20, n_moments + 1, 5), n_moments}):
        run = tmp_path / str(at)
        holds.cut_run(table, run, at)
        holds.resumes(table, run, whole)
        shutil.rmtree(run)


def test_cut_again_while_its_model_is_replaced(study, tmp_path):
    table, whole, _ = study
    names = holds.moments_of(tmp_path / "first", lambda: quick_runs.train(table, tmp_path / "first"), dies=True)
    shipped = next(at for at, name in enumerate(names, start=1) if name.startswith("rename"))
    holds.cut_run(table, tmp_path / "run", shipped + 8)  # behind the model, before the numbers
    assert (tmp_path / "run" / "model" / "model.json").exists()
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    again = holds.moments_of(tmp_path / "copy", lambda: quick_runs.train(table, tmp_path / "copy"), dies=True)
    renames = [at for at, name in enumerate(again, start=1) if name.startswith("rename")]
    assert len(renames) == 2
    for at in (*renames, renames[0] + 3):
        run = Path(shutil.copytree(tmp_path / "run", tmp_path / f"cut at {at}"))
        holds.cut_run(table, run, at)
        holds.resumes(table, run, whole)


def test_killed_in_its_first_file_a_run_begins_without_resume(study, tmp_path):
    table, whole, _ = study
    for at in range(1, 8):
        run = tmp_path / str(at)
        moment = holds.cut_run(table, run, at)
        assert not (run / "config.json").exists(), moment
        quick_runs.train(table, run, resume=False)
        same_results(whole, run)
        nothing_half_written(run)


def test_a_process_that_is_gone_at_once(study, tmp_path):
    table, whole, n_moments = study
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "import faults, helpers, quick_runs; from pathlib import Path\n"
        "class Gone(faults.Disk):\n"
        "    def moment(self, *what, **how):\n"
        "        try: super().moment(*what, **how)\n"
        "        except helpers.CutError: os._exit(9)\n"
        "with quick_runs.quick(), faults.failing(Gone(Path(sys.argv[3]), at=int(sys.argv[4]), dies=True)):\n"
        "    quick_runs.train(Path(sys.argv[2]), Path(sys.argv[3]))\n"
    )
    run, at = tmp_path / "run", n_moments * 2 // 3
    ended = run_python(program, Path(__file__).parent, table, run, at)
    assert ended.returncode == 9, ended.stderr
    assert [path for path in run.rglob(".*") if ".draft" in path.name] or not (run / "metrics.json").exists()
    holds.resumes(table, run, whole)


def test_a_model_that_was_cut_while_it_was_saved_is_the_old_or_the_new_one(tmp_path):
    old, new = (models.make_bundle(models.SMALL, threshold=share) for share in (0.5, 0.25))
    folder = tmp_path / "model"
    bundle.save(old, folder)
    for at in range(1, 40):
        disk = Disk(tmp_path, at=at, dies=True)
        try:
            with failing(disk):
                bundle.save(new, folder)
        except CutError:
            pass
        if not disk.failed:
            break
        if folder.exists():
            assert bundle.load(folder) in (old, new)
        bundle.save(old, folder)  # whatever was left, goes
        assert bundle.load(folder) == old
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert 10 < at < 39


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / "model" / "members" / "mel.onnx").write_bytes(b"damaged"),
        lambda run: (run / "model" / "members" / "mel.onnx").unlink(),
        lambda run: shutil.rmtree(run / "model"),
        lambda run: (run / "model" / "model.json").write_bytes(b"{}"),
        lambda run: (run / "metrics.json").write_bytes(b"{}"),
        lambda run: (run / "out_of_fold.npz").write_bytes(b"PK"),
        lambda run: (run / "out_of_fold.npz").unlink(),
        lambda run: (run / "history.csv").write_bytes(b"member\n"),
        lambda run: (run / "submission.csv").unlink(),
    ],
)
def test_a_finished_run_that_is_damaged_is_not_called_finished(study, tmp_path, damage):
    table, whole, _ = study
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    damage(run)
    with pytest.raises(RunError, match=r"run: was finished, and is damaged since .*delete metrics.json and resume"):
        quick_runs.train(table, run)
    (run / "metrics.json").unlink()
    holds.resumes(table, run, whole)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no array"])
def test_an_order_that_is_damaged_costs_no_more_than_time(study, tmp_path, content):
    table, whole, n_moments = study
    holds.cut_run(table, tmp_path / "run", n_moments // 2)
    (tmp_path / "run" / "work" / "names.npy").write_bytes(content)
    holds.resumes(table, tmp_path / "run", whole)


# -- a full disk ------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_one_line_at_any_moment(tmp_path):
    tried = {"predict": 9, "predict --json": 9, "data synth": 6, "train": 12, "explain": 2, "audit": 3, "export": 2}
    assert len(list(holds.full_everywhere(tmp_path, tried))) > 30


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
@pytest.mark.parametrize("arguments", [("predict", "--json"), ("predict",), ("--help",)])
def test_standard_output_on_a_full_disk_is_one_line(tmp_path, arguments):
    import subprocess
    import sys

    from conftest import write_wav

    clip = write_wav(tmp_path / "a.wav", WAVE, 8_000)
    command = [sys.executable, "-m", "sutja", *arguments, *([clip] if arguments != ("--help",) else [])]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "sutja: standard output: cannot be written (No space left on device); make room, or choose another place"
    ]


# -- signed again -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "model"
    bundle.save(models.make_bundle(models.SMALL, threshold=0.5), folder)
    return folder


def test_models_that_were_signed_again_are_refused_when_they_are_loaded(model):
    whole = json.loads((model / "model.json").read_text(encoding="utf-8"))

    @settings(max_examples=300, **FEW)
    @given(attacks.changed(whole))
    def refused_or_of_use(manifest):
        (model / "model.json").write_bytes(attacks.signed(manifest))
        attacks.use_model(model, WAVE)

    try:
        refused_or_of_use()
    finally:
        (model / "model.json").write_bytes(attacks.signed(whole))
    assert bundle.load(model).threshold == 0.5


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("labels", ["a", "b", "c", 4], r"labels\[3\] is 4; expected text"),
        ("labels", ["a", "b", "c", "a"], "labels is .*; expected two or more, each once"),
        ("labels", ["a", "b", "c", " "], r"labels\[3\] is ' '; expected a word"),
        ("labels", ["a", "b", "c", "\0"], r"\[3\]|labels is .*; expected text"),
        ("temperature", 0, "temperature is 0; expected 0.01 to 100"),
        ("temperature", "1", "temperature is '1'; expected float"),
        ("bias", 1e300, r"bias is 1e\+300; expected at most 1000"),
        ("threshold", True, r"threshold is True; expected float"),
        ("threshold", 1.5, "threshold is 1.5; expected 0 to 1"),
        ("about", [], r"about is \[\]; expected a table"),
        ("spoken", {"a": 1}, "spoken.a is 1; expected text"),
        ("format_version", True, "format version True"),
        ("format_version", 0, "format version 0"),
        ("members.name", "../x", r"members\[0\].name is '../x'; expected a name that a file can have"),
        ("members.file", "members/../../x", "file of member 'm0' is .*; expected a name below the model's folder"),
        ("members.file", "/etc/passwd", "file of member 'm0' is '/etc/passwd'; expected"),
        ("members.file", "..\\x", "file of member 'm0' is"),
        ("members.features", {"n_frames": -1}, "features.n_frames is -1; expected at least 1"),
        ("members.features", {"n_fft": 10**9}, "features.n_fft is 1000000000; expected at least 2, at most 65536"),
        ("members.features", {"fmax": 5000.0}, "m0: fmax is 5000.0; expected at most 4000 Hz"),
        ("audio", {"sample_rate": 8000, "max_seconds": 1e300}, r"audio.max_seconds is 1e\+300; expected at most 3600"),
    ],
)
def test_the_field_is_named(model, tmp_path, field, value, message):
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    of_member, _, name = field.rpartition(".")
    (manifest["members"][0] if of_member else manifest)[name] = value
    (folder / "model.json").write_bytes(attacks.signed(manifest))
    with pytest.raises(BundleError, match=f"model.json: (?s:.*){message}.*; export the model again|{message}"):
        bundle.load(folder)


def test_a_name_twice_is_refused(model, tmp_path):
    twice = models.make_bundle(models.SMALL, models.SMALL)
    members = tuple(bundle.Member("m0", member.features, member.onnx) for member in twice.members)
    with pytest.raises(BundleError, match=r"members is \['m0', 'm0'\]; expected each name once; correct it"):
        bundle.save(bundle.Bundle(twice.labels, twice.audio, members), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def network(inputs, outputs, nodes) -> bytes:
    make = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "g", [make(*each) for each in inputs], [make(*each) for each in outputs])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return made.SerializeToString()


F, SHAPE = TensorProto.FLOAT, ["batch", 1, 20, 50]
FLAT = [helper.make_node("Flatten", ["features"], ["probabilities"])]
MEAN = [helper.make_node("ReduceMean", ["features"], ["probabilities"], axes=[1, 2], keepdims=0)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (network([("x", F, SHAPE)], [("x", F, SHAPE)], []), r"its network's inputs is \['x'\]; expected one, called"),
        (
            network([("features", F, SHAPE)], [("probabilities", F, ["batch", 1000])], FLAT),
            "1000 classes for 4 labels",
        ),
        (network([("features", F, SHAPE)], [("probabilities", F, ["b", 50])], MEAN), "50 classes for 4 labels"),
        (
            network([("features", F, ["b", 1, 4, 4])], [("probabilities", F, ["b", 4])], MEAN),
            r"does not take features of shape \[1, 20, 50\]",
        ),
        (
            network(
                [("features", TensorProto.DOUBLE, SHAPE)], [("probabilities", TensorProto.DOUBLE, ["b", 50])], MEAN
            ),
            r"its network's input is 'tensor\(double\)'; expected tensor\(float\)",
        ),
        (network([("features", F, SHAPE)], [("probabilities", F, ["b", 4])], MEAN), "None classes for 4 labels"),
    ],
    ids=range(6),
)
def test_a_network_that_does_something_else_is_refused_when_it_is_loaded(tmp_path, content, message):
    made = models.make_bundle(models.SMALL)
    bundle.save(bundle.Bundle(made.labels, made.audio, (bundle.Member("m0", models.SMALL, content),)), tmp_path / "m")
    with pytest.raises(BundleError, match=f"member m0: .*{message}.*; export the model again"):
        Predictor.load(tmp_path / "m")


def test_a_network_whose_answers_are_no_probabilities_is_refused(tmp_path):
    content = models.network(models.SMALL, 4).replace(b"Softmax", b"Sigmoid")
    made = models.make_bundle(models.SMALL)
    member = bundle.Member("m0", models.SMALL, content)
    with pytest.raises(BundleError, match=r"member m0: (its answer is .*; expected probabilities|onnxruntime cannot)"):
        Predictor(bundle.Bundle(made.labels, made.audio, (member,)))


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    run = attacks.small_run(tmp_path_factory.mktemp("runs") / "run")
    attacks.use_run(run)
    return run


def test_runs_that_were_changed_are_read_or_refused(small_run):
    @settings(max_examples=100, **FEW)
    @given(attacks.changed_run(small_run, small_run.with_name("changed")))
    def refused_or_of_use(run):
        attacks.read_run(run)

    refused_or_of_use()


def test_reports_of_runs_that_were_changed_are_drawn_or_refused(small_run):
    @settings(max_examples=6, **FEW)
    @given(attacks.changed_run(small_run, small_run.with_name("changed")))
    def refused_or_drawn(run):
        attacks.use_run(run)

    refused_or_drawn()


@pytest.mark.parametrize(
    ("file", "keys", "value", "message"),
    [
        ("metrics.json", ["members", "ensemble", "accuracy"], 1.5, "members.ensemble.accuracy is 1.5; expected 0 to 1"),
        ("metrics.json", ["members", "ensemble", "confusion_matrix"], [[1]], "confusion_matrix is .*a row and a col"),
        ("metrics.json", ["n_clips"], -1, "n_clips is -1; expected 0 or more"),
        ("metrics.json", ["labels"], ["0", "0"], "labels is .*; expected one or more, each once"),
        ("metrics.json", ["notes"], ["a\0"], r"\[?.* is .*; expected text"),
        ("metrics.json", ["refusal", "det_curve", "thresholds"], [1], "refusal.det_curve is .*; expected rates side"),
        ("config.json", ["data", "roots"], "x", "data.roots is 'x'; expected a list"),
        ("config.json", ["data"], None, "data is None; expected a table"),
        ("config.json", ["config", "refusal"], 3, "config.refusal is 3; expected a table"),
        ("config.json", ["versions", "torch"], 2, "versions.torch is 2; expected text"),
    ],
)
def test_the_field_of_a_run_is_named(small_run, tmp_path, file, keys, value, message):
    run = Path(shutil.copytree(small_run, tmp_path / "run"))
    record = json.loads((run / file).read_text(encoding="utf-8"))
    holder = record
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    (run / file).write_text(json.dumps(record), encoding="utf-8")
    read = runs.read_metrics if file == "metrics.json" else runs.read_settings
    with pytest.raises(RunError, match=f"{file}: .*{message}.*; train the run again"):
        read(runs.RunFolder(run))


def test_no_setting_asks_for_all_memory():
    for name in ("n_fft", "hop_length", "n_mels", "n_frames"):
        with pytest.raises(Exception, match=f"features.{name} is .*at most"):
            FeatureConfig(**{name: 10**9})
