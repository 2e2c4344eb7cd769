"""From a person's wishes to the plan of a run: the preset, what is set apart, what contradicts itself."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from sutja.clips import Clip
from sutja.config import DEFAULT_PRESET, preset
from sutja.dataset import Dataset
from sutja.engine.choice import Choice
from sutja.errors import ConfigError, DatasetError
from sutja.plan import Wishes, fitting_protocol, plan_run, settings_of

RUN = Path("run")


def dataset(labels="0123", n_speakers=6, corpora=(None,)) -> Dataset:
    clips = [
        Clip(Path(f"{corpus}/{label}_{speaker}.wav"), f"{label}_{speaker}.wav", label, f"s{speaker}")
        for corpus in corpora
        for label in labels
        for speaker in range(n_speakers)
    ]
    named = [replace(c, attributes={"corpus": c.path.parent.name}) if corpora != (None,) else c for c in clips]
    return Dataset(Path("data"), "folders", tuple(named))


def labels_of(clips) -> set[str]:
    return {clip.label for clip in clips}


def test_without_wishes_it_is_the_preset():
    plan = plan_run(dataset(), RUN)
    assert plan.config == preset("quick")
    assert plan_run(dataset(), RUN, Wishes(epochs=3)).config.preset == DEFAULT_PRESET  # what quick has no use for
    assert plan_run(dataset(), RUN, Wishes(seed=0)).config.train.seed == 0
    with pytest.raises(ConfigError, match="has no use for --seed"):
        plan_run(dataset(), RUN, Wishes("quick", seed=0))
    assert plan.dataset == dataset()
    assert (plan.negatives, plan.extra, plan.resume) == ((), (), False)
    assert plan.folder.path == RUN


def test_on_a_cluster_networks_learn_and_every_path_is_from_the_root():
    more = {"backgrounds": (Path("noise.wav"),), "rooms": (Path("room.wav"),), "engine": Choice(n_workers=2)}
    given = replace(dataset(), negatives=dataset("x", 1).clips)
    plan = plan_run(given, RUN, extra=dataset("0", 1).clips, negatives=dataset("y", 1).clips, engine=more["engine"])
    assert plan.config.preset == DEFAULT_PRESET
    places = [plan.run, plan.dataset.root, *(clip.path for clip in (*plan.dataset.clips, *plan.extra, *plan.negatives))]
    assert all(path.is_absolute() for path in places)
    words = plan_run(dataset(), RUN, Wishes("words"), **more)
    assert words.backgrounds == (Path("noise.wav").absolute(),)
    assert words.rooms == (Path("room.wav").absolute(),)
    assert plan_run(dataset(), RUN, Wishes("robust")).run == RUN


def test_what_takes_seconds_has_no_use_for_a_cluster():
    with pytest.raises(ConfigError, match=r"preset quick .* has no use for a cluster; leave --engine"):
        plan_run(dataset(), RUN, Wishes("quick"), engine=Choice(scheduler="tcp://a:1"))


def test_every_wish_is_heard():
    wishes = Wishes("robust", "clips", 3, 4, 2, 5, "bfloat16", 0.1, 7, "de", {"2": "zwo"})
    assert all(
        getattr(wishes, field.name)
        for field in fields(Wishes)
        if field.name not in ("drop", "refuse", "teacher", "body")
    )
    plan = plan_run(dataset(), RUN, wishes, n_jobs=3, licence="CC0-1.0")
    train = plan.config.train
    assert (train.epochs, train.n_folds, train.n_copies, train.seed, train.precision) == (3, 4, 2, 5, "bfloat16")
    assert train.min_steps == 0  # epochs that were asked for are what is done
    assert plan.config.refusal.false_accept_rate == 0.1
    assert plan.config.n_synthetic_voices == 7
    assert (plan.config.language, plan.config.spoken) == ("de", {"2": "zwo"})
    assert (plan.protocol, plan.n_jobs, plan.licence) == ("clips", 3, "CC0-1.0")


def test_labels_are_dropped_and_refused_in_the_data_and_beside_it():
    plan = plan_run(dataset(), RUN, Wishes(drop=("0",), refuse=("1",)), extra=dataset("0125").clips)
    assert labels_of(plan.dataset.clips) == {"2", "3"}
    assert labels_of(plan.extra) == {"2", "5"}
    assert labels_of(plan.negatives) == {"1"}
    assert len(plan.negatives) == 12


def test_negatives_are_refused():
    plan = plan_run(dataset(), RUN, negatives=dataset("78").clips)
    assert labels_of(plan.negatives) == {"7", "8"}


@pytest.mark.parametrize(
    ("wishes", "more", "kind", "message"),
    [
        (Wishes(preset="robst"), {}, ConfigError, "preset 'robst' is not known; .* did you mean 'robust'"),
        (Wishes(epochs=0), {}, ConfigError, "train.epochs is 0; expected at least 1"),
        (Wishes(language="german"), {}, ConfigError, "language is 'german'; expected the code of a language"),
        (Wishes(spoken={"2": ""}), {}, ConfigError, "spoken.2 is ''; expected the text that is said"),
        (Wishes(drop=("9",)), {}, DatasetError, "drop 9: no such label; there are 0, 1, 2, 3"),
        (Wishes(refuse=("x",)), {}, DatasetError, "refuse x: no such label; there are 0, 1, 2, 3"),
        (Wishes(drop=("2",), refuse=("2",)), {}, DatasetError, "refuse 2: no such label; there are 0, 1, 3"),
        (Wishes(), {"negatives": dataset("35").clips}, DatasetError, "negatives hold '3', which the model is to learn"),
        (Wishes("reference", refuse=("2",)), {}, ConfigError, "preset reference cannot refuse; leave --refuse"),
        (Wishes("reference", false_accept_rate=0.1), {}, ConfigError, "preset reference cannot refuse; leave --false"),
        (Wishes("reference"), {"extra": dataset().clips}, ConfigError, "learns from DATA only; leave --extra out"),
        (Wishes("reference", n_synthetic_voices=2), {}, ConfigError, "from DATA only; leave --synthetic-voices out"),
    ],
)
def test_wishes_that_cannot_be(wishes, more, kind, message):
    with pytest.raises(kind, match=message):
        plan_run(dataset(), RUN, wishes, **more)


@pytest.mark.parametrize(("n_speakers", "protocol"), [(5, "speakers"), (4, "clips")])
def test_speakers_are_kept_apart_where_there_are_enough(n_speakers, protocol):
    assert fitting_protocol(dataset(n_speakers=n_speakers), 5) == protocol
    assert plan_run(dataset(n_speakers=n_speakers), RUN, Wishes("robust")).protocol == protocol


def test_one_clip_without_a_speaker_is_enough_for_clips():
    data = dataset()
    nameless = replace(data, clips=(replace(data.clips[0], speaker=None), *data.clips[1:]))
    assert fitting_protocol(nameless, 5) == "clips"


@pytest.mark.parametrize(("corpora", "n_folds"), [(("a", "b", "c"), 3), ((None,), 2)])
def test_corpora_are_as_many_folds(corpora, n_folds):
    plan = plan_run(dataset(corpora=corpora), RUN, Wishes(protocol="corpora"))
    assert plan.config.train.n_folds == n_folds


def test_settings_alone():
    assert settings_of(Wishes()) == preset(DEFAULT_PRESET)
    assert settings_of(Wishes(preset="reference")) == preset("reference")


def negatives(*labels) -> list[Clip]:
    return [Clip(Path(f"n/{label}_{n}.wav"), f"{label}_{n}.wav", label) for label in labels for n in range(2)]


@pytest.mark.parametrize("language", [None, "en"])
def test_what_sounds_as_a_digit_is_not_refused_and_named(language):
    plan = plan_run(
        dataset(), RUN, Wishes(language=language), negatives=negatives("won", "yes", "for", "go", "ate", "to")
    )
    assert labels_of(plan.negatives) == {"yes", "go"}
    note = (
        "8 recordings of ate, for, to and 1 more are not to be refused: they sound as words of the vocabulary; left out"
    )
    assert plan.dataset.notes == (note,)


def test_labels_of_negatives_are_dropped_too():
    plan = plan_run(dataset(), RUN, Wishes(drop=("yes", "0")), negatives=negatives("yes", "no"))
    assert labels_of(plan.negatives) == {"no"}
    assert labels_of(plan.dataset.clips) == {"1", "2", "3"}
    with pytest.raises(DatasetError, match="drop maybe: no such label"):
        plan_run(dataset(), RUN, Wishes(drop=("maybe",)), negatives=negatives("yes"))


def test_other_vocabularies_may_refuse_them():
    plan = plan_run(dataset(["stop", "go"]), RUN, Wishes(language="en"), negatives=negatives("won", "for", "stopp"))
    assert labels_of(plan.negatives) == {"won", "for", "stopp"}
    assert plan.dataset.notes == ()


def test_a_digit_spelt_out_is_not_refused_either():
    plan = plan_run(dataset("12"), RUN, Wishes(language="de"), negatives=negatives("zwo", "Eins", "haus"))
    assert labels_of(plan.negatives) == {"haus"}


def test_recorded_surroundings_need_a_preset_that_uses_them():
    plan = plan_run(dataset(), RUN, Wishes(preset="words"), backgrounds=(Path("cafe.wav"),), rooms=(Path("hall.wav"),))
    assert (plan.backgrounds, plan.rooms) == ((Path("cafe.wav"),), (Path("hall.wav"),))
    for name, option in (("backgrounds", "--noise"), ("rooms", "--rooms")):
        with pytest.raises(
            ConfigError, match=f"puts words among no recorded {name}; leave {option} out, or choose words"
        ):
            plan_run(dataset(), RUN, **{name: (Path("cafe.wav"),)})


@pytest.mark.parametrize("preset_name", [None, "quick", "words", "robust"])
@pytest.mark.parametrize(
    ("body", "message"),
    [("", "--from is blank; expected the folder or the name"), (" ", "--from is blank"),
     ("https://example.org/m.zip", "is a URL; expected a model on this machine; download it first")],
)  # fmt: skip
def test_a_body_that_is_no_name(preset_name, body, message):
    with pytest.raises(ConfigError, match=message):
        settings_of(Wishes(preset_name, body=body))
