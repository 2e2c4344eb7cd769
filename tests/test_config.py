"""Settings: the study's values, checks at construction, and the way through JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sutja.config import PRESETS, AudioConfig, Config, FeatureConfig, TrainConfig, from_mapping, preset
from sutja.errors import ConfigError


def test_the_defaults_are_the_study():
    assert Config() == preset("reference")
    assert preset("reference").train.seed == 929  # the one number that nothing else would show to be another


def test_the_study_hears_a_second_through_one_stft_in_forty_by_forty_cells():
    config = preset("reference")
    mel, mfcc = config.members["mel"], config.members["mfcc"]
    for features in (mel, mfcc):
        assert (features.n_bins, features.n_frames) == (40, 40)
        assert (features.n_fft, features.window_length, features.hop_length, features.center) == (
            4 * features.hop_length, features.n_fft, mel.hop_length, True,
        )  # fmt: skip
        assert features.max_samples + 1 == round(1.024 * config.audio.sample_rate)
    assert mfcc.n_mels > mfcc.n_bins, "the last coefficients say how rough a spectrum is, not which word"


@pytest.mark.parametrize("name", ["robust", "fast"])
def test_presets_that_augment_fit_their_own_parts(name):
    config = preset(name)
    assert config.augment is not None
    assert config.refusal is not None
    assert config.train.n_copies > 1
    for features in config.members.values():
        assert features.max_samples / config.audio.sample_rate == pytest.approx(1, abs=0.02)


def test_fast_differs_from_robust_in_how_long_and_how_spoiled_only():
    robust, fast = preset("robust"), preset("fast")
    assert dataclasses.replace(fast, preset="robust", train=robust.train) == robust
    for n_clips in (20, 200, 2_000):
        robust_showings, fast_showings = (
            train.with_enough_steps(n_clips).epochs * (train.n_folds - 1 + train.final_epochs_factor)
            for train in (robust.train, fast.train)
        )
        assert fast_showings < robust_showings / 4


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_survive_json(name):
    config = preset(name)
    assert config.preset == name
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(ConfigError, match=r"'referense' is not known; expected one of .*did you mean 'reference'\?"):
        preset("referense")


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(ConfigError, match=r"'hop_lenght' is not known in FeatureConfig.*did you mean 'hop_length'\?"):
        from_mapping(FeatureConfig, {"hop_lenght": 512})
    with pytest.raises(ConfigError, match=r"'trian' is not known in Config.*did you mean 'train'\?"):
        Config.from_dict({"trian": {}})
    with pytest.raises(ConfigError, match="'epoch' is not known in TrainConfig"):
        Config.from_dict({"train": {"epoch": 3}})
    with pytest.raises(ConfigError, match="'n_mel' is not known in FeatureConfig"):
        Config.from_dict({"members": {"mel": {"n_mel": 3}}})


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (AudioConfig, {"sample_rate": 0}, "audio.sample_rate is 0; expected 1000 to 384000 Hz"),
        (AudioConfig, {"sample_rate": 20_000.0}, "audio.sample_rate is 20000.0; expected int"),
        (AudioConfig, {"sample_rate": "20000"}, "audio.sample_rate is '20000'; expected int"),
        (AudioConfig, {"remove_mean": 1}, "audio.remove_mean is 1; expected bool"),
        (AudioConfig, {"min_seconds": 60.0}, "audio.min_seconds is 60.0; expected 0 < min < max"),
        (AudioConfig, {"min_seconds": 0.0}, "audio.min_seconds is 0.0"),
        (AudioConfig, {"max_seconds": float("inf")}, "audio.max_seconds is inf; expected float"),
        (FeatureConfig, {"n_fft": 1}, "features.n_fft is 1; expected at least 2"),
        (FeatureConfig, {"n_fft": True}, "features.n_fft is True; expected int"),
        (FeatureConfig, {"win_length": 0}, "features.win_length is 0; expected 1 to n_fft"),
        (FeatureConfig, {"win_length": 2049}, "features.win_length is 2049"),
        (FeatureConfig, {"win_length": 20.5}, r"features.win_length is 20.5; expected int \| None"),
        (FeatureConfig, {"hop_length": 0}, "features.hop_length is 0; expected at least 1"),
        (FeatureConfig, {"n_mels": 0}, "features.n_mels is 0; expected at least 1"),
        (FeatureConfig, {"fmin": -1.0}, "features.fmin is -1.0; expected at least 0 Hz"),
        (FeatureConfig, {"fmin": 300.0, "fmax": 300.0}, "features.fmax is 300.0; expected above fmin"),
        (FeatureConfig, {"top_db": 0.0}, "features.top_db is 0.0; expected above 0 dB"),
        (FeatureConfig, {"top_db": float("nan")}, "features.top_db is nan; expected float"),
        (FeatureConfig, {"n_mfcc": 41}, "features.n_mfcc is 41; expected 1 to n_mels"),
        (FeatureConfig, {"n_mfcc": 0}, "features.n_mfcc is 0"),
        (FeatureConfig, {"n_frames": 0}, "features.n_frames is 0; expected at least 1"),
        (FeatureConfig, {"mel_scale": "HTK"}, "features.mel_scale is 'HTK'; expected 'slaney' or 'htk'"),
        (FeatureConfig, {"mel_norm": None}, "features.mel_norm is None; expected 'slaney' or 'none'"),
        (FeatureConfig, {"reference": 1.0}, "features.reference is 1.0; expected 'max' or 'one'"),
        (FeatureConfig, {"scaling": "before"}, "features.scaling is 'before'; expected 'before_padding' or"),
        (FeatureConfig, {"scaling": ["before_padding"]}, "features.scaling is"),
        (TrainConfig, {"n_folds": 1}, "train.n_folds is 1; expected at least 2"),
        (TrainConfig, {"epochs": 0}, "train.epochs is 0; expected at least 1"),
        (TrainConfig, {"babble_share": 1.5}, "train.babble_share is 1.5; expected 0 to 1"),
        (TrainConfig, {"precision": "int8"}, "train.precision is 'int8'; expected 'float32' or 'bfloat16'"),
        (TrainConfig, {"batch_size": 1}, "train.batch_size is 1; expected at least 2"),
        (TrainConfig, {"learning_rate": 0.0}, "train.learning_rate is 0.0; expected above 0"),
        (TrainConfig, {"n_copies": 0}, "train.n_copies is 0; expected at least 1"),
        (TrainConfig, {"valid_share": 0.6}, "train.valid_share is 0.6; expected above 0 to 0.5"),
        (TrainConfig, {"dropout": 1.0}, "train.dropout is 1.0; expected 0 to below 1"),
        (TrainConfig, {"seed": -1}, "train.seed is -1; expected 0 to 4294967295"),
        (TrainConfig, {"seed": 2**32}, "train.seed is 4294967296; expected"),
    ],
)
def test_values_that_cannot_be(kind, values, message):
    with pytest.raises(ConfigError, match=message):
        kind(**values)
    with pytest.raises(ConfigError, match=message):
        from_mapping(kind, values)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"fmax": 10_001.0}, "mel: fmax is 10001.0; expected at most 10000 Hz"),
        ({"fmin": 10_000.0}, "mel: fmin is 10000.0; expected below 10000 Hz"),
    ],
)
def test_bands_above_half_the_sample_rate(features, message):
    with pytest.raises(ConfigError, match=message):
        Config(members={"mel": FeatureConfig(**features)})


def test_at_least_one_member():
    with pytest.raises(ConfigError, match=r"members is \{\}; expected at least one"):
        Config(members={})


def test_the_language_and_its_words_survive_json():
    config = Config(language="pt-BR", spoken={"6": "meia", "é": "é"})
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert (Config().language, Config().spoken) == (None, {})
    before = {name: value for name, value in Config().to_dict().items() if name not in ("language", "spoken")}
    assert Config.from_dict(before) == Config()  # as sutja 0.1 wrote them


def test_words_that_are_changed_later_change_no_settings():
    words = {"6": "meia"}
    config = Config(spoken=words)
    words["7"] = "sete"
    assert config.spoken == {"6": "meia"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *(
            ({"language": language}, "language is .*; expected the code of a language, such as en, ko or pt-br")
            for language in ("", "german", "e", "en_us", "en us", "../ko", 7, ["en"], "en\n", "한국어")
        ),
        ({"spoken": ["0"]}, r"spoken is \['0'\]; expected labels with what is said for each"),
        ({"spoken": None}, "spoken is None; expected labels"),
        ({"spoken": {"0": ""}}, "spoken.0 is ''; expected the text that is said"),
        ({"spoken": {"0": " "}}, "spoken.0 is ' '; expected"),
        ({"spoken": {"0": 0}}, "spoken.0 is 0; expected"),
        ({"spoken": {"0": None}}, "spoken.0 is None; expected"),
        ({"spoken": {"0": "a\0b"}}, "spoken.0 is "),
        ({"spoken": {0: "zero"}}, "spoken.0 is 'zero'; expected"),
    ],
)
def test_languages_and_words_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        Config(**settings)
    with pytest.raises(ConfigError, match=message):
        Config.from_dict(settings)


@pytest.mark.parametrize("settings", [Config(), *(getattr(Config(), f) for f in ("audio", "train")), FeatureConfig()])
def test_settings_are_frozen(settings):
    name = dataclasses.fields(settings)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, name, None)
