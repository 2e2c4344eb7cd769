"""The faults of the study as small experiments: each a question, a few numbers and a figure, on one's own recordings.

Measuring and drawing are apart: what was measured is kept as numbers, and drawn again in any language. Where something
has to be learned, a network of mel or MFCC learns for :data:`QUICK_EPOCHS` epochs on one fold: enough to see a large
effect. How far two such numbers may differ by chance is said.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from sutja import features, runs
from sutja.audio import Waveform, load_waveform
from sutja.clips import Clip, natural_order
from sutja.config import Config, EvaluationProtocol, FeatureConfig
from sutja.diagnosis import leaked
from sutja.errors import ConfigError, DependencyError, RunError, near
from sutja.features import Features
from sutja.learn.folds import Fold, make_folds
from sutja.learn.inputs import Inputs, Layout, paddings
from sutja.learn.training import fit, model_with, probabilities
from sutja.metrics import Integers
from sutja.predictor import Predictor
from sutja.reports import charts, figures
from sutja.reports.drawing import has_hangul
from sutja.reports.explore import spectrogram
from sutja.runs import RunFolder
from sutja.texts import Language, say

QUICK_EPOCHS = 10
QUICK: dict[str, Any] = {"schedule": "one_cycle", "learning_rate": 3e-3}
"""The study's constant rate leaves ten epochs unfinished: accuracies jump by 20 points from one to the next."""
N_TONE_BANDS = 100  # of the study's plots
WRONG_RATE = 22_050  # Hz, what librosa takes where nobody says the rate
SURE = 0.9
N_STRANGERS = 20  # of each kind
N_PADDED = 50  # short clips whose padding is looked at
STRANGER_WORDS = ("yes", "no", "up", "down")


@dataclass(frozen=True)
class Lab:
    """What experiments are made with: the clips as they are heard, and what the study has found already."""

    clips: tuple[Clip, ...]
    waveforms: Sequence[Waveform]
    config: Config
    runs: Mapping[str, RunFolder]
    """Finished runs by protocol."""
    language: Language = "en"
    epochs: int = QUICK_EPOCHS
    """Of each network that an experiment trains."""

    @property
    def rate(self) -> int:
        """Samples per second, Hz."""
        return self.config.audio.sample_rate

    @property
    def labels(self) -> tuple[str, ...]:
        """In class order."""
        return natural_order(clip.label for clip in self.clips)

    @property
    def targets(self) -> Integers:
        """Class of each clip, ``(n_clips,)``."""
        order = {label: i for i, label in enumerate(self.labels)}
        return np.array([order[str(clip.label)] for clip in self.clips], dtype=np.int64)

    def extracted(self, member: str) -> list[Features]:
        """Return the features of each clip for one kind of network, ``(n_bins, n_frames)`` each."""
        setting = self.config.members[member]
        return [features.extract(waveform, self.rate, [setting])[0] for waveform in self.waveforms]

    def t(self, key: str, /, **fields: object) -> str:
        """Say something in a figure: in English where no font has the letters of the language."""
        language: Language = self.language if self.language == "en" or has_hangul() else "en"
        return say(f"experiments.{key}", language, **fields)


@dataclass(frozen=True)
class Outcome:
    """What an experiment found."""

    name: str
    numbers: Mapping[str, Any]
    """The fields of its sentence."""
    figure: Figure

    def text(self, language: Language = "en") -> str:
        """Return what was found, in a sentence or two."""
        return say(f"experiments.{self.name}.result", language, **self.numbers)


Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Experiment:
    """One fault of the study, or one question about it."""

    measure: Callable[[Lab], dict[str, Any]]
    draw: Callable[[Lab, Numbers], Figure]
    looks_at: tuple[EvaluationProtocol, ...] = ()
    """The trainings of the study that it needs, by protocol."""


def listen_to(clips: Sequence[Clip], config: Config, found: Mapping[str, RunFolder], **more: Any) -> Lab:
    """Load the clips for experiments; the arguments are the fields of :class:`Lab`."""
    return Lab(tuple(clips), [load_waveform(clip.source, config.audio) for clip in clips], config, found, **more)


def conduct(name: str, lab: Lab, measured: Numbers | None = None) -> Outcome:
    """Make one experiment.

    Parameters
    ----------
    name
        One of :data:`EXPERIMENTS`.
    lab
        What it is made with.
    measured
        What it found on the same recordings before: then it is only drawn.

    Raises
    ------
    ConfigError
        When there is none of this name.
    RunError
        When it looks at a training that the study has not done, or that cannot be done with these clips.

    """
    check_name(name)
    for protocol in EXPERIMENTS[name].looks_at:
        _check_there(lab, protocol)
    numbers = EXPERIMENTS[name].measure(lab) if measured is None else measured
    return Outcome(name, numbers, EXPERIMENTS[name].draw(lab, numbers))


def check_name(name: str) -> None:
    """Check that there is such an experiment."""
    if name not in EXPERIMENTS:
        raise ConfigError(f"experiment {name!r}: expected one of {', '.join(EXPERIMENTS)}{near(name, EXPERIMENTS)}")


def possible(found: Container[str]) -> list[str]:
    """Name the experiments that can be made where the trainings of these protocols are there."""
    return [name for name, each in EXPERIMENTS.items() if all(protocol in found for protocol in each.looks_at)]


def _check_there(lab: Lab, protocol: EvaluationProtocol) -> None:
    if protocol not in lab.runs:
        speakers = "; it needs the speakers (--speaker-from)" if protocol == "speakers" else ""
        raise RunError(
            f"this experiment looks at the study's training under protocol {protocol}, and there is none; run the "
            f"study first with `sutja study PROJECT --out RUN`{speakers}"
        )


# -- what the study's own trainings show ------------------------------------------------------------------------------


def measure_checkpoint(lab: Lab) -> dict[str, Any]:
    """How much the epoch that is kept looks better on the clips that chose it than the last ones do."""
    history = runs.read_history(lab.runs["copies"])
    kept = [row["valid_accuracy"] for row in history if row["chosen"] == 1]
    n_epochs = max(row["epoch"] for row in history)
    last = [row["valid_accuracy"] for row in history if row["epoch"] > n_epochs - 5]
    numbers = {"kept": float(np.mean(kept)), "last": float(np.mean(last)), "n": len(kept), "epochs": int(n_epochs)}
    return numbers | {"gain": 100 * (numbers["kept"] - numbers["last"])}


def measure_speakers(lab: Lab) -> dict[str, Any]:
    """How much is lost on voices that were not learned from."""
    shared, apart = (runs.read_metrics(lab.runs[name]).headline[1].accuracy for name in ("clips", "speakers"))
    return {"clips": shared, "speakers": apart, "loss": 100 * (shared - apart)}


def measure_strangers(lab: Lab) -> dict[str, Any]:
    """How often what is no word of the vocabulary is answered with more than :data:`SURE`."""
    predictor, rng = Predictor.load(lab.runs["copies"].model), np.random.default_rng(lab.config.train.seed)
    times = np.arange(lab.rate // 2) / lab.rate
    kinds: dict[str, list[Waveform]] = {
        "noise": [rng.normal(0, 0.1, len(times)).astype(np.float32) for _ in range(N_STRANGERS)],
        "hum": [(0.1 * np.sin(2 * np.pi * hz * times)).astype(np.float32) for hz in np.linspace(50, 250, N_STRANGERS)],
        "words": _other_words(lab),
    }
    sure = {}
    for kind, sounds in kinds.items():
        answers = [predictor.predict(sound, sample_rate=lab.rate).probability for sound in sounds]
        if answers:
            sure[kind] = float(np.mean([probability > SURE for probability in answers]))
    return {"highest": max(sure.values()), "n": sum(map(len, kinds.values())), **sure}


def _other_words(lab: Lab) -> list[Waveform]:
    """Let synthetic voices say words that are no label; none where the extra is not installed."""
    try:
        from sutja.synth import SynthConfig, draw_voices, synthesise

        voices = draw_voices(SynthConfig(n_voices=N_STRANGERS // len(STRANGER_WORDS), seed=929)).values()
        words = [word for word in STRANGER_WORDS if word not in lab.labels]
        return [synthesise(word, voice, sample_rate=lab.rate) for voice in voices for word in words]
    except DependencyError:
        return []


# -- what can be seen without a training ------------------------------------------------------------------------------


def measure_long(lab: Lab) -> dict[str, Any]:
    """Say what becomes of clips that are longer than the network's window."""
    mel = lab.config.members["mel"]
    seconds = [len(waveform) / lab.rate for waveform in lab.waveforms]
    longest = lab.waveforms[int(np.argmax(seconds))]
    while len(longest) <= mel.max_samples:  # none is: then it is said twice
        longest = np.concatenate([longest, longest])
    n_frames = features.log_mel(longest, lab.rate, mel).shape[1]
    ours = features.network_input(features.extract(longest, lab.rate, [mel])[0], mel)
    n_longer = sum(len(waveform) > mel.max_samples for waveform in lab.waveforms)
    return {
        "n": n_longer,
        "of": len(seconds),
        "frames": n_frames,
        "missing": mel.n_frames - n_frames,
        "shape": f"{ours.shape[0]} x {ours.shape[1]}",
        "window": round(lab.config.window_seconds, 3),
    }


def draw_long(lab: Lab, numbers: Numbers) -> Figure:
    """Draw how long the clips are, and the window."""
    seconds = [len(waveform) / lab.rate for waveform in lab.waveforms]
    return charts.durations(seconds, window_seconds=lab.config.window_seconds)


def measure_plots(lab: Lab) -> dict[str, Any]:
    """Where a tone of 1000 Hz is drawn when the sample rate is left out, and what "MFCC with 40" really sets."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(lab.rate) / lab.rate).astype(np.float32)
    drawn = {rate: _loudest_hz(tone, rate) for rate in (lab.rate, WRONG_RATE)}
    by_bands = FeatureConfig(n_mels=40, n_mfcc=20, reference="one")
    return {
        "rate": lab.rate,
        "right": round(drawn[lab.rate]),
        "wrong": round(drawn[WRONG_RATE]),
        "bands": features.mfcc(tone, lab.rate, by_bands).shape[0],
        "coefficients": lab.config.members["mfcc"].n_bins,
    }


def draw_plots(lab: Lab, numbers: Numbers) -> Figure:
    """Draw where the tone stands for both sample rates."""
    drawn = {numbers["rate"]: numbers["right"], WRONG_RATE: numbers["wrong"]}
    return charts.bars({lab.t("plots.drawn", rate=rate): hz for rate, hz in drawn.items()}, x=lab.t("plots.axis"))


def _loudest_hz(tone: Waveform, rate: int) -> float:
    """Return the centre of the loudest mel band, Hz, when the sound is believed to have this rate."""
    level = features.log_mel(tone, rate, spectrogram(rate)).mean(axis=1)
    low, high = features.hz_to_mel(np.array([0.0, rate / 2]), "htk")
    mels = np.linspace(low, high, N_TONE_BANDS + 2)[1:-1]
    return float(features.mel_to_hz(mels, "htk")[level.argmax()])


# -- what has to be learned -------------------------------------------------------------------------------------------


def measure_copies(lab: Lab) -> dict[str, Any]:
    """How many judged copies have a twin in training, and what shuffling the copies makes of the accuracy."""
    n_copies, n_clips = lab.config.train.n_copies, len(lab.clips)
    layout = Layout(n_clips, n_clips, n_copies)
    cut = make_folds(lab.clips, lab.targets, lab.config.train, "copies")
    folds = np.empty(n_clips * n_copies, dtype=np.int64)
    for number, fold in enumerate(cut):
        folds[fold.test - n_clips] = number
    shuffled = np.random.default_rng(lab.config.train.seed).permutation(len(folds)) % lab.config.train.n_folds
    of_clip = np.repeat(np.arange(n_clips), n_copies)
    mel, extracted, judged = lab.config.members["mel"], lab.extracted("mel"), layout.copies_of(layout.clips)
    whole = np.repeat(_turn_of_label(lab.targets) % lab.config.train.n_folds, n_copies)
    together, torn = (Fold(judged[of != 0], judged[of == 0], judged[of == 0]) for of in (whole, shuffled))
    return {
        "share": leaked(of_clip.astype(str), folds),
        "shuffled": leaked(of_clip.astype(str), shuffled),
        "apart": quick_accuracy(lab, extracted, mel, together),
        "mixed": quick_accuracy(lab, extracted, mel, torn),
        "epochs": lab.epochs,
    }


def _turn_of_label(targets: Integers) -> Integers:
    """Count each clip among those of its label, from 0, ``(n_clips,)``."""
    turns = np.empty(len(targets), dtype=np.int64)
    for target in np.unique(targets):
        turns[targets == target] = np.arange(int((targets == target).sum()))
    return turns


def measure_padding(lab: Lab) -> dict[str, Any]:
    """Say what zeros mean before and after scaling, and whether it matters."""
    mel, mfcc = lab.config.members["mel"], lab.config.members["mfcc"]
    of_mel, of_mfcc = lab.extracted("mel"), lab.extracted("mfcc")
    return {
        "before": padding_value(of_mel, mel),
        "after": padding_value(of_mel, _padded_first(mel)),
        "mfcc": padding_value(of_mfcc, mfcc),
        "study": quick_accuracy(lab, of_mel, mel),
        "other": quick_accuracy(lab, of_mel, _padded_first(mel)),
        "chance": _by_chance(lab),
        "epochs": lab.epochs,
    }


def draw_padding(lab: Lab, numbers: Numbers) -> Figure:
    """Draw the first clip as the networks see it, padded in each of the three ways."""
    mel, mfcc = lab.config.members["mel"], lab.config.members["mfcc"]
    ways = {"before": mel, "after": _padded_first(mel), "mfcc": mfcc}
    shown = {
        lab.t(f"padding.{name}"): features.network_input(
            features.extract(lab.waveforms[0], lab.rate, [setting])[0], setting
        )
        for name, setting in ways.items()
    }
    return figures.compare_inputs(shown, title=lab.t("padding.title"))


def _padded_first(setting: FeatureConfig) -> FeatureConfig:
    return replace(setting, scaling="after_padding")


def measure_mfcc(lab: Lab) -> dict[str, Any]:
    """Why MFCCs do worse here: the first coefficient, loudness, takes the range that all share."""
    mel, setting, extracted = lab.config.members["mel"], lab.config.members["mfcc"], lab.extracted("mfcc")
    rest = [float(np.ptp(values[1:]) / max(float(np.ptp(values)), 1e-9)) for values in extracted]
    return {
        "range": float(np.median(rest)),
        "mel": quick_accuracy(lab, lab.extracted("mel"), mel),
        "study": quick_accuracy(lab, extracted, setting),
        "even": quick_accuracy(lab, _each_coefficient_alike(extracted), _scaled_first(setting)),
        "chance": _by_chance(lab),
        "epochs": lab.epochs,
    }


def draw_mfcc(lab: Lab, numbers: Numbers) -> Figure:
    """Draw the first clip's MFCCs in one range, and each coefficient in its own."""
    setting, extracted = lab.config.members["mfcc"], lab.extracted("mfcc")
    even = _each_coefficient_alike(extracted)
    inputs = {
        lab.t("mfcc.study"): features.network_input(extracted[0], setting),
        lab.t("mfcc.even"): features.network_input(even[0], _scaled_first(setting)),
    }
    return figures.compare_inputs(inputs, title=lab.t("mfcc.title"))


def _scaled_first(setting: FeatureConfig) -> FeatureConfig:
    return replace(setting, scaling="before_padding")


def _each_coefficient_alike(extracted: Sequence[Features]) -> list[Features]:
    """Bring each coefficient to the same spread over all clips, ``(n_mfcc, n_frames)`` each."""
    everything = np.concatenate(extracted, axis=1)
    mean, spread = everything.mean(axis=1, keepdims=True), np.maximum(everything.std(axis=1, keepdims=True), 1e-6)
    return [np.clip((values - mean) / spread, -3, 3).astype(np.float32) for values in extracted]


def padding_value(extracted: Sequence[Features], setting: FeatureConfig) -> float:
    """Return the mean of what a network sees in padded frames, 0 to 1; where no clip is short, the first one is cut."""
    short = [values for values in extracted if values.shape[1] < setting.n_frames][:N_PADDED]
    short = short or [extracted[0][:, : setting.n_frames // 2]]
    return float(np.mean([features.network_input(values, setting, left=0)[0, -1] for values in short]))


def quick_accuracy(lab: Lab, extracted: Sequence[Features], setting: FeatureConfig, fold: Fold | None = None) -> float:
    """Train one network for a few epochs on one fold, and return its accuracy on clips that it did not learn from.

    Parameters
    ----------
    lab
        Whose clips and settings are taken.
    extracted
        Features of each clip, ``(n_bins, n_frames)``.
    setting
        How they are scaled and padded.
    fold
        Rows learned from and judged; the first of protocol `clips` if not given.

    """
    train = replace(lab.config.train, epochs=lab.epochs, keep="last", **QUICK)
    rows = paddings(extracted, setting, train.n_copies, (train.seed, 0))
    targets = Layout(len(lab.clips), len(lab.clips), train.n_copies).by_row(lab.targets)
    fold = fold or make_folds(lab.clips, lab.targets, replace(train, keep="best"), "clips")[0]
    parts = (Inputs(rows, targets, part) for part in (fold.train, fold.valid, fold.test))
    learned_from, valid, test = parts
    learned = fit(learned_from, valid, len(lab.labels), train, seed=train.seed)
    answers = probabilities(_settled(model_with(learned.weights, train.network), learned_from), test)
    return float((answers.argmax(axis=1) == targets[fold.test]).mean())


def _settled(model: nn.Module, inputs: Inputs) -> nn.Module:
    """Take the statistics of the batch normalisation anew from what was learned from.

    The study's change so slowly that ten epochs leave them behind the weights: of two seeds one got 63 % and one 90 %.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches
    model.train()
    with torch.inference_mode():
        for shown, _ in inputs.batches(256):
            model(torch.from_numpy(shown)[:, None])
    return model.eval()


def _by_chance(lab: Lab) -> float:
    """Return how many points two accuracies of one fold may differ by chance: two standard errors."""
    n_judged = max(1, len(lab.clips) // lab.config.train.n_folds)
    return 100 * 2 * float(np.sqrt(2 * 0.9 * 0.1 / n_judged))


# -- all of them ------------------------------------------------------------------------------------------------------


def _shares_of(name: str, *parts: str) -> Callable[[Lab, Numbers], Figure]:
    """Return what draws these numbers of an experiment as bars, those that were measured."""

    def draw(lab: Lab, numbers: Numbers) -> Figure:
        shares = {lab.t(f"{name}.{part}"): numbers[part] for part in parts if part in numbers}
        return charts.bars(shares, x=lab.t("axis.share"), share=True)

    return draw


EXPERIMENTS: dict[str, Experiment] = {
    "checkpoint": Experiment(measure_checkpoint, _shares_of("checkpoint", "kept", "last"), ("copies",)),
    "copies": Experiment(measure_copies, _shares_of("copies", "share", "shuffled", "apart", "mixed")),
    "speakers": Experiment(measure_speakers, _shares_of("speakers", "clips", "speakers"), ("clips", "speakers")),
    "long": Experiment(measure_long, draw_long),
    "plots": Experiment(measure_plots, draw_plots),
    "padding": Experiment(measure_padding, draw_padding),
    "strangers": Experiment(measure_strangers, _shares_of("strangers", "noise", "hum", "words"), ("copies",)),
    "mfcc": Experiment(measure_mfcc, draw_mfcc),
}
"""The seven known faults in their order, and why MFCCs are worse."""
N_QUICK = 7
"""Networks that all of them train."""
