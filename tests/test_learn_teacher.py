"""What a teacher makes of sounds, with an encoder made here in place of Moonshine's; that nothing of it ships."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("torch")

from dataclasses import replace

from conftest import tone, write_wav
from helpers import read_json

from sutja.config import preset
from sutja.dataset import scan
from sutja.errors import ConfigError, DependencyError
from sutja.learn import teacher
from sutja.plan import TEACHER_WEIGHT, Plan, Wishes, settings_of
from sutja.predictor import Predictor
from sutja.recipe import train


class Quiet:
    """A listener of progress that only remembers the stages."""

    def __init__(self):
        self.stages = []

    def stage(self, name, total, unit):
        self.stages.append((name, total))
        return lambda: None

    def say(self, text):
        pass


def encoder() -> bytes:
    """288 filters over a waveform, every 20 ms; where the mask is 0 nothing is heard."""
    filters = np.random.default_rng(0).normal(0, 0.1, (288, 1, 640)).astype(np.float32)
    value = helper.make_tensor_value_info
    drawn = helper.make_graph(
        [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["input_values", "mask"], ["heard"]),
            helper.make_node("Unsqueeze", ["heard", "one"], ["channel"]),
            helper.make_node("Conv", ["channel", "filters"], ["filtered"], strides=[320]),
            helper.make_node("Transpose", ["filtered"], ["last_hidden_state"], perm=[0, 2, 1]),
        ],
        "encoder",
        [value("input_values", TensorProto.FLOAT, [1, "n"]), value("attention_mask", TensorProto.INT64, [1, "n"])],
        [value("last_hidden_state", TensorProto.FLOAT, [1, "frames", 288])],
        [numpy_helper.from_array(filters, "filters"), numpy_helper.from_array(np.array([1]), "one")],
    )
    model = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package of the teacher, as far as sutja looks into it."""
    folder = tmp_path / "packages" / teacher.PACKAGE
    path = folder / teacher.ENCODER
    path.parent.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('it is looked into, and not imported')")
    path.write_bytes(encoder())
    monkeypatch.syspath_prepend(tmp_path / "packages")
    return path


def test_a_view_has_its_size_whatever_the_length(package):
    ask = teacher.open_teacher()
    for seconds in (0.1, 0.4, 1.0):
        view = ask(tone(440, seconds, 16_000), 16_000)
        assert (view.shape, view.dtype) == ((teacher.N_VIEW,), np.float32)
    assert not np.allclose(ask(tone(440, 0.4, 16_000), 16_000), ask(tone(1_500, 0.4, 16_000), 16_000))


def test_a_view_does_not_depend_on_level_and_hardly_on_rate(package):
    ask, waveform = teacher.open_teacher(), tone(440, 0.5, 16_000)
    assert np.allclose(ask(waveform, 16_000), ask(0.01 * waveform, 16_000), atol=1e-4)
    assert np.allclose(ask(waveform, 16_000), ask(tone(440, 0.5, 8_000), 8_000), atol=0.3)
    assert np.isfinite(ask(np.zeros(4_000, dtype=np.float32), 16_000)).all()


def test_views_are_brought_to_one_scale():
    rows = np.random.default_rng(0).normal(5, 3, (50, 4)).astype(np.float32)
    rows[:, 2] = 7.0  # never changes
    found = teacher.standardised(iter(rows))
    assert found.dtype == np.float16
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-2)
    assert found.std(axis=0)[[0, 1, 3]] == pytest.approx(1, abs=1e-2)
    assert not found[:, 2].any()


@pytest.mark.parametrize("remains", [False, True])
def test_without_the_package_it_is_told_what_to_install(package, remains, monkeypatch):
    package.unlink()
    if not remains:
        monkeypatch.setattr(teacher, "PACKAGE", "no_such_package_of_a_teacher")
    with pytest.raises(DependencyError, match=r"pip install 'sutja\[teacher\]'"):
        teacher.check_teacher()


def test_a_preset_that_can_learn_from_one_does_when_asked():
    assert settings_of(Wishes(preset="words", teacher=True)).train.teacher_weight == TEACHER_WEIGHT
    assert settings_of(Wishes(preset="words")).train.teacher_weight == 0
    with pytest.raises(ConfigError, match="preset robust has no teacher; leave --teacher out, or choose words"):
        settings_of(Wishes(teacher=True))
    with pytest.raises(ConfigError, match=r"train.teacher_weight is 1.0; expected 0, or the network `words`"):
        replace(preset("robust").train, teacher_weight=1.0)


def test_a_run_with_a_teacher_ships_nothing_of_it(package, tmp_path):
    for number in range(8):
        path = tmp_path / "data" / ("high" if number % 2 else "low") / f"{number}.wav"
        write_wav(path, tone(400 + 900 * (number % 2) + 20 * number, 0.3, 16_000), 16_000)
    config = settings_of(Wishes(preset="words", teacher=True, epochs=1, n_folds=2, n_copies=1))
    config = replace(config, refusal=replace(config.refusal, words_share=0, spliced_share=1.0, noise_share=1.0))
    progress = Quiet()
    train(Plan(scan(tmp_path / "data"), config, "clips", tmp_path / "run", n_jobs=1), progress)
    assert ("asking the teacher", 24) in progress.stages
    predictor = Predictor.load(tmp_path / "run")
    (embedding,) = predictor.embed_many([tone(440, 0.3, 16_000)])
    assert embedding.shape == (448,)
    graph = onnx.load_from_string(predictor.bundle.members[0].onnx).graph
    assert not [weights.name for weights in graph.initializer if "view" in weights.name or "words" in weights.name]
    assert read_json(tmp_path / "run" / "config.json")["config"]["train"]["teacher_weight"] == TEACHER_WEIGHT
