"""Every setting, once: frozen dataclasses, one per stage, and the presets that fill them.

Units stand in the name or in the text below the field. The command line and the reports read their defaults from
here and never repeat them.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from sutja.errors import ConfigError
from sutja.records import fits, shortened, spelt

T = TypeVar("T")
EvaluationProtocol = Literal["copies", "clips", "speakers", "corpora"]
NetworkName = Literal["study", "robust", "words"]
PROTOCOLS: tuple[EvaluationProtocol, ...] = get_args(EvaluationProtocol)
TOP_DB = 80.0  # what librosa and the study take; spectral augmentation knows no other
LONGEST_SECONDS = 3_600.0  # of a clip, which is in memory at once
LARGEST_FFT = 2**16  # samples: 1.4 s at 48 kHz, more than a word
LARGEST_HOP = 2**20  # samples
MOST_BANDS = 2**12
MOST_FRAMES = 2**14


def _require(condition: bool, name: str, value: object, expected: str) -> None:
    if not condition:
        raise ConfigError(f"{name} is {shortened(value)}; expected {expected}")


def _check_kinds(stage: str, settings: object) -> None:
    for name, kind in get_type_hints(type(settings)).items():
        value = getattr(settings, name)
        _require(fits(value, kind), f"{stage}.{name}", value, spelt(kind))


LANGUAGE_TAG = re.compile("[a-z]{2,3}(-[a-z0-9]{1,8})*", re.IGNORECASE)  # BCP 47, and eSpeak's names
MOST_REPEATED = 12  # of a few dozen clips, more epochs would be hours of the same


@dataclass(frozen=True)
class AudioConfig:
    """How a recording becomes a waveform."""

    sample_rate: int = 16_000
    """Samples per second, Hz, that everything is resampled to."""
    remove_mean: bool = False
    """Subtract the mean of the waveform (a direct-current offset)."""
    min_seconds: float = 0.05
    """Shorter recordings are refused: less than two analysis windows say nothing."""
    max_seconds: float = 60.0
    """Longer recordings are refused: a clip holds one word, and memory stays bounded."""

    def __post_init__(self) -> None:
        _check_kinds("audio", self)
        _require(1_000 <= self.sample_rate <= 384_000, "audio.sample_rate", self.sample_rate, "1000 to 384000 Hz")
        _require(0 < self.min_seconds < self.max_seconds, "audio.min_seconds", self.min_seconds, "0 < min < max")
        most = f"at most {LONGEST_SECONDS:g} s"
        _require(self.max_seconds <= LONGEST_SECONDS, "audio.max_seconds", self.max_seconds, most)

    @property
    def n_samples_allowed(self) -> tuple[int, int]:
        """The fewest and the most samples of a waveform that are no error.

        >>> AudioConfig(sample_rate=16_000).n_samples_allowed
        (800, 960000)
        """
        least, most = round(self.min_seconds * self.sample_rate, 6), round(self.max_seconds * self.sample_rate, 6)
        return math.ceil(least), math.floor(most)


@dataclass(frozen=True)
class FeatureConfig:
    """How a waveform becomes the features that enter a network: a log mel spectrogram, or MFCCs if ``n_mfcc``."""

    n_fft: int = 2048
    """FFT size, samples."""
    win_length: int | None = None
    """Hann window, samples; ``n_fft`` when not given."""
    hop_length: int = 512
    """Samples from frame to frame."""
    center: bool = True
    """Frames are centred on multiples of the hop, with zeros beyond both ends."""
    n_mels: int = 40
    """Number of mel bands."""
    fmin: float = 0.0
    """Lower edge of the lowest band, Hz."""
    fmax: float | None = None
    """Upper edge of the highest band, Hz; half the sample rate when not given."""
    mel_scale: Literal["slaney", "htk"] = "slaney"
    """``htk``: 2595 log10(1 + f/700); ``slaney``: linear to 1 kHz, logarithmic above."""
    mel_norm: Literal["slaney", "none"] = "slaney"
    """``slaney``: each band's triangle has unit area, so that wide bands do not weigh more."""
    reference: Literal["max", "one"] = "max"
    """What 0 dB is: the loudest cell of the clip, or power 1."""
    top_db: float | None = TOP_DB
    """Cells more than this below the loudest one are raised to it, dB."""
    n_mfcc: int | None = None
    """Keep this many coefficients of the DCT of the log mel spectrogram; log mel itself when not given."""
    n_frames: int = 40
    """Frames that enter the network; shorter clips are padded, longer ones give the window that is judged."""
    scaling: Literal["before_padding", "after_padding", "standardise"] = "before_padding"
    """Scaled to [0, 1] before padding (padding is the quietest cell) or after it (padding is zero dB); or padded with
    the quietest cell and brought to mean 0 and standard deviation 1."""

    def __post_init__(self) -> None:
        _check_kinds("features", self)
        _require(2 <= self.n_fft <= LARGEST_FFT, "features.n_fft", self.n_fft, f"at least 2, at most {LARGEST_FFT}")
        _require(1 <= self.window_length <= self.n_fft, "features.win_length", self.win_length, "1 to n_fft")
        for name, most in (("hop_length", LARGEST_HOP), ("n_mels", MOST_BANDS), ("n_frames", MOST_FRAMES)):
            value = getattr(self, name)
            _require(1 <= value <= most, f"features.{name}", value, f"at least 1, at most {most}")
        _require(self.fmin >= 0, "features.fmin", self.fmin, "at least 0 Hz")
        _require(self.fmax is None or self.fmax > self.fmin, "features.fmax", self.fmax, "above fmin")
        _require(self.top_db is None or self.top_db > 0, "features.top_db", self.top_db, "above 0 dB")
        _require(self.n_mfcc is None or 1 <= self.n_mfcc <= self.n_mels, "features.n_mfcc", self.n_mfcc, "1 to n_mels")

    @property
    def window_length(self) -> int:
        """Samples under the Hann window."""
        return self.n_fft if self.win_length is None else self.win_length

    @property
    def n_bins(self) -> int:
        """Size of the frequency axis that enters the network."""
        return self.n_mels if self.n_mfcc is None else self.n_mfcc

    @property
    def spectral_augment(self) -> bool:
        """Whether warps and babble can be laid on them when they are shown: log mel, ``TOP_DB`` of it, standardised."""
        return self.scaling == "standardise" and self.n_mfcc is None and self.top_db == TOP_DB

    @property
    def max_samples(self) -> int:
        """Samples of the longest waveform that fits into ``n_frames`` frames."""
        if self.center:
            return self.n_frames * self.hop_length - 1
        return self.n_fft + self.n_frames * self.hop_length - 1


@dataclass(frozen=True)
class AugmentConfig:
    """What is done to training waveforms; a share is how many of the copies it happens to."""

    speed_share: float = 0.8
    speed: tuple[float, float] = (0.85, 1.18)
    """Range of the playing speed: tempo and pitch together, as a smaller or larger speaker has them."""
    room_share: float = 0.3
    room_seconds: tuple[float, float] = (0.05, 0.4)
    """Range of the time in which the room's sound falls by 60 dB."""
    response_share: float = 0.5
    response_db: float = 8.0
    """How far a random microphone's response goes up and down."""
    noise_share: float = 0.35
    """Coloured noise; voices behind the word are drawn at each showing (``train.babble_share``)."""
    snr_db: tuple[float, float] = (-5.0, 25.0)
    line_share: float = 0.1
    """Telephone line: 8 kHz, 8-bit mu-law."""
    voice_share: float = 0.0
    """Another speaker: voice and vocal tract apart from the tempo, which a playing speed takes along."""
    voice: tuple[float, float] = (0.7, 1.45)
    """Range of how much higher the voice is; a child's is 1.3 to 1.5 times an adult's."""
    voice_spread: float = 0.16
    """Standard deviation of its logarithm."""
    tempo_spread: float = 0.14
    """The same of the tempo."""
    neighbour_share: float = 0.0
    """Cut out of running speech: the end or the beginning of another word is heard beside it."""
    neighbour_seconds: tuple[float, float] = (0.03, 0.15)
    """Range of how much of it."""
    real_noise_share: float = 0.0
    """Recorded backgrounds, where some are given."""
    real_room_share: float = 0.0
    """Measured rooms, where some are given."""
    band_share: float = 0.0
    """Narrow bands, as small microphones and coders have them."""
    band: tuple[float, float] = (2500.0, 5500.0)
    """Range of their upper end, Hz."""
    overload_share: float = 0.0
    """A microphone that is too near."""

    def __post_init__(self) -> None:
        _check_kinds("augment", self)
        for name in (each.name for each in dataclasses.fields(self) if each.name.endswith("_share")):
            _require(0 <= getattr(self, name) <= 1, f"augment.{name}", getattr(self, name), "0 to 1")
        for name in ("voice_spread", "tempo_spread"):
            _require(0 <= getattr(self, name) <= 1, f"augment.{name}", getattr(self, name), "0 to 1")
        _require(min(self.voice) > 0, "augment.voice", self.voice, "above 0")
        for name in ("speed", "room_seconds", "snr_db", "voice", "neighbour_seconds", "band"):
            low, high = getattr(self, name)
            object.__setattr__(self, name, (low, high))  # JSON brings lists
            _require(low <= high, f"augment.{name}", (low, high), "the lower end first")


@dataclass(frozen=True)
class RefusalConfig:
    """What a model learns to refuse; shares are of the number of clips."""

    spliced_share: float = 0.1
    """Words cut and joined. More of them made real words harder to tell apart (docs/decisions/)."""
    words_share: float = 0.6
    """Other words, spoken by synthetic voices."""
    noise_share: float = 0.15
    least_sounds: int = 0
    """Of each kind that has a share, however few clips there are: refusal is learned, and measured, with them."""
    false_accept_rate: float = 0.03
    """Share of other words and noises that may still be taken for a word of the vocabulary: sets the threshold."""
    max_false_reject_rate: float = 0.1
    """Unless that would refuse more of the vocabulary than this: a model that refuses too much is of no use."""
    least_false_reject_rate: float = 0.0
    """And refuses at least this share of the vocabulary, where sounds to be refused are easier to tell than what people
    say: synthetic words, to a network that knows many words."""
    outside_share: float = 0.1
    """How much of what a microphone brings is taken to be outside the vocabulary: sets how sure the model is."""

    def __post_init__(self) -> None:
        _check_kinds("refusal", self)
        for name in ("spliced_share", "words_share", "noise_share"):
            _require(getattr(self, name) >= 0, f"refusal.{name}", getattr(self, name), "at least 0")
        _require(self.least_sounds >= 0, "refusal.least_sounds", self.least_sounds, "at least 0")
        low, high = self.least_false_reject_rate, self.max_false_reject_rate
        _require(0 <= low <= high, "refusal.least_false_reject_rate", low, f"0 to max_false_reject_rate, {high:g}")
        for name in ("false_accept_rate", "max_false_reject_rate", "outside_share"):
            _require(0 < getattr(self, name) < 1, f"refusal.{name}", getattr(self, name), "above 0 to below 1")


@dataclass(frozen=True)
class TrainConfig:
    """How the networks learn."""

    n_folds: int = 5
    epochs: int = 50
    min_steps: int = 0
    """Few clips are shown in more epochs, until the network has made so many steps, twelve times as many at most."""
    final_epochs_factor: int = 1
    """The network that learns from all clips (``ship``) learns for so many times the epochs of a fold's."""
    batch_size: int = 32
    learning_rate: float = 1e-3
    """Adam's."""
    body_rate: float = 0.0
    """Where a network goes on from that of another model: share of the learning rate that all but its heads learn
    with."""
    n_copies: int = 5
    """Of each training clip: random paddings, or augmented versions where the preset augments."""
    one_copy_an_epoch: bool = False
    """Show each clip once an epoch, as one of its copies drawn at random, instead of all copies."""
    network: NetworkName = "study"
    words_weight: float = 0.0
    """Of the loss of telling all words apart, beside that of the labels; above 0 needs the network `words`."""
    teacher_weight: float = 0.0
    """Of the loss of guessing what a general recogniser makes of each sound; above 0 needs the network `words`, and the
    extra `teacher` while it learns. Nothing of the teacher ships."""
    min_word_sounds: int = 5
    """That say a word, or it counts among the rest."""
    schedule: Literal["constant", "one_cycle"] = "constant"
    """Of the learning rate; `one_cycle` warms up to it over a fifth of the steps and falls to zero as a cosine."""
    weight_decay: float = 0.0
    """Decoupled (AdamW)."""
    label_smoothing: float = 0.0
    masks: bool = False
    """Hide random bands and stretches of the inputs (SpecAugment, arXiv 1904.08779)."""
    warps: bool = False
    """Stretch half of the inputs in frequency and time, and colour them; needs features that allow it
    (:attr:`FeatureConfig.spectral_augment`) and a preset that augments."""
    babble_share: float = 0.0
    """Lay voices, other inputs of the batch, under this share of the inputs; needs the same."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of products in training; bfloat16 takes two thirds of the time on processors that have it (AVX512-BF16, AMX),
    and longer on others."""
    keep: Literal["best", "last"] = "best"
    """The weights of the epoch with the lowest validation loss, which takes clips that choose it, or of the last."""
    ship: Literal["committee", "all_clips"] = "committee"
    """What becomes the model: the networks of all folds together, or one more network that learns from all clips."""
    valid_share: float = 0.1
    """Share of the training clips that chooses the checkpoint where the last is not kept."""
    dropout: float = 0.5
    seed: int = 929
    """The study's."""

    def __post_init__(self) -> None:
        _check_kinds("train", self)
        _require(self.n_folds >= 2, "train.n_folds", self.n_folds, "at least 2")
        _require(self.epochs >= 1, "train.epochs", self.epochs, "at least 1")
        _require(self.min_steps >= 0, "train.min_steps", self.min_steps, "at least 0")
        _require(self.final_epochs_factor >= 1, "train.final_epochs_factor", self.final_epochs_factor, "at least 1")
        _require(self.batch_size >= 2, "train.batch_size", self.batch_size, "at least 2 (batch norm needs two)")
        _require(self.weight_decay >= 0, "train.weight_decay", self.weight_decay, "at least 0")
        _require(0 <= self.label_smoothing < 1, "train.label_smoothing", self.label_smoothing, "0 to below 1")
        _require(self.learning_rate > 0, "train.learning_rate", self.learning_rate, "above 0")
        _require(0 <= self.body_rate <= 1, "train.body_rate", self.body_rate, "0 to 1")
        _require(self.n_copies >= 1, "train.n_copies", self.n_copies, "at least 1")
        _require(0 < self.valid_share <= 0.5, "train.valid_share", self.valid_share, "above 0 to 0.5")
        _require(0 <= self.dropout < 1, "train.dropout", self.dropout, "0 to below 1")
        _require(self.words_weight >= 0, "train.words_weight", self.words_weight, "at least 0")
        needed = "0, or the network `words`"
        _require(not self.words_weight or self.network == "words", "train.words_weight", self.words_weight, needed)
        _require(self.teacher_weight >= 0, "train.teacher_weight", self.teacher_weight, "at least 0")
        _require(
            not self.teacher_weight or self.network == "words", "train.teacher_weight", self.teacher_weight, needed
        )
        _require(self.min_word_sounds >= 1, "train.min_word_sounds", self.min_word_sounds, "at least 1")
        _require(0 <= self.babble_share <= 1, "train.babble_share", self.babble_share, "0 to 1")
        _require(
            self.ship == "committee" or self.keep == "last",
            "train.ship",
            self.ship,
            "'committee' where the best epoch is kept: a network of all clips has none left that choose it",
        )
        _require(0 <= self.seed < 2**32, "train.seed", self.seed, "0 to 4294967295")

    def with_enough_steps(self, n_clips: int) -> TrainConfig:
        """Return these settings with as many epochs over ``n_clips`` clips as ``min_steps`` asks for.

        >>> TrainConfig(epochs=10, min_steps=100, batch_size=32, n_copies=1).with_enough_steps(64).epochs
        50
        >>> TrainConfig(epochs=10, min_steps=9999, batch_size=32, n_copies=1).with_enough_steps(64).epochs
        120
        """
        shown = n_clips if self.one_copy_an_epoch else n_clips * self.n_copies
        n_steps = -(-shown // self.batch_size)
        enough = min(-(-self.min_steps // n_steps), MOST_REPEATED * self.epochs)
        return dataclasses.replace(self, epochs=max(self.epochs, enough))


def _reference_members() -> dict[str, FeatureConfig]:
    return {
        "mel": FeatureConfig(n_mels=40, reference="max", scaling="before_padding"),
        "mfcc": FeatureConfig(n_mels=128, n_mfcc=40, reference="one", scaling="after_padding"),
    }


@dataclass(frozen=True)
class Config:
    """All settings of a run; the defaults are the preset ``reference``."""

    preset: str = "reference"
    audio: AudioConfig = field(default_factory=lambda: AudioConfig(sample_rate=20_000))
    members: Mapping[str, FeatureConfig] = field(default_factory=_reference_members)
    """Kinds of network in the ensemble, by name, with the features that each one hears."""
    train: TrainConfig = field(default_factory=TrainConfig)
    augment: AugmentConfig | None = None
    """What is done to the copies of a clip; random paddings only when not given."""
    refusal: RefusalConfig | None = None
    """How the model learns to say "not in the vocabulary"; it always answers a label when not given."""
    n_synthetic_voices: int = 0
    """Synthetic speakers of the vocabulary to learn from beside the recordings; they are never judged."""
    language: str | None = None
    """Of the vocabulary: `en`, `de`, `pt-br`; None where it is not known."""
    spoken: Mapping[str, str] = field(default_factory=dict)
    """What is said for a label; where not given, digits are said as the lexicon of the language has them, and other
    labels as they are written."""
    body: str | None = None
    """A model that the words are taught on (:mod:`sutja.teaching`), or where ``train.body_rate`` is above 0 one whose
    network goes on learning."""

    def __post_init__(self) -> None:
        for name in ("preset", "n_synthetic_voices", "audio", "train", "augment", "refusal"):
            kind = get_type_hints(Config)[name]
            _require(fits(getattr(self, name), kind), name, getattr(self, name), spelt(kind))
        _require(self.n_synthetic_voices >= 0, "n_synthetic_voices", self.n_synthetic_voices, "at least 0")
        _require(len(self.members) > 0, "members", dict(self.members), "at least one")
        self._check_words()
        _require(fits(self.body, str | None), "body", self.body, "the name of a model")
        check_bands(self.members, self.audio)
        if self.train.warps or self.train.babble_share:
            self._check_spectral_augment()

    def _check_spectral_augment(self) -> None:
        unable = [name for name in self.members if not self.shows_decibels(name)]
        if unable:
            raise ConfigError(
                f"member {unable[0]} cannot be warped or get babble; expected log mel (no n_mfcc) with scaling "
                f"'standardise' and top_db {TOP_DB:g}, in a preset that augments; "
                "change these, or set train.warps to False and train.babble_share to 0"
            )

    @property
    def only_teaches(self) -> bool:
        """Whether words become a head on the body, which stays as it is: no network learns."""
        return self.body is not None and not self.train.body_rate

    @property
    def window_samples(self) -> int:
        """Samples of the longest waveform that fits into the window of every member."""
        return min(features.max_samples for features in self.members.values())

    @property
    def window_seconds(self) -> float:
        """The same in seconds."""
        return self.window_samples / self.audio.sample_rate

    def shows_decibels(self, member: str) -> bool:
        """Whether a member's inputs are kept as decibels, to be augmented and standardised when they are shown."""
        return self.augment is not None and self.members[member].spectral_augment

    def _check_words(self) -> None:
        is_tag = isinstance(self.language, str) and re.fullmatch(LANGUAGE_TAG, self.language)
        tag = "the code of a language, such as en, ko or pt-br"
        _require(self.language is None or bool(is_tag), "language", self.language, tag)
        _require(isinstance(self.spoken, Mapping), "spoken", self.spoken, "labels with what is said for each")
        for label, text in self.spoken.items():
            is_text = isinstance(text, str) and bool(text.strip()) and "\0" not in text
            _require(isinstance(label, str) and is_text, f"spoken.{label}", text, "the text that is said")
        object.__setattr__(self, "spoken", dict(self.spoken))  # a copy: nobody changes it later

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """Build from plain dictionaries, those of sutja 0.1 too; unknown keys are errors that name the nearest."""
        known = _as_today(_mapping("the settings", values))
        given = _mapping("members", known.pop("members", {}))
        members = {name: from_mapping(FeatureConfig, f) for name, f in given.items()}
        parts: dict[str, Any] = {"members": members} if members else {}
        stages = {"audio": AudioConfig, "train": TrainConfig, "augment": AugmentConfig, "refusal": RefusalConfig}
        for name, kind in stages.items():
            if known.get(name) is not None:
                parts[name] = from_mapping(kind, known.pop(name))
        return from_mapping(cls, {**known, **parts})


def check_bands(members: Mapping[str, FeatureConfig], audio: AudioConfig) -> None:
    """Check that no member listens above half the sample rate.

    Raises
    ------
    ConfigError
        When one does.

    """
    nyquist = audio.sample_rate / 2
    for name, features in members.items():
        _require((features.fmax or nyquist) <= nyquist, f"{name}: fmax", features.fmax, f"at most {nyquist:g} Hz")
        _require(features.fmin < nyquist, f"{name}: fmin", features.fmin, f"below {nyquist:g} Hz")


def _as_today(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give settings as sutja 0.1 wrote them the names of today."""
    known = dict(values)
    train = known.get("train")
    if isinstance(train, Mapping) and "whole_factor" in train:
        train = dict(train)
        train["final_epochs_factor"] = train.pop("whole_factor")
        train["network"] = {"digit_net": "study", "word_net": "robust"}.get(str(train.get("network")))
        train["ship"] = "all_clips" if train.get("keep") == "last" else "committee"
        known["train"] = train
        # The other words and synthetic speakers that it made took every vocabulary for English.
        known["language"] = "en" if known.get("refusal") or known.get("n_synthetic_voices") else None
    return known


def _robust() -> Config:
    mel = FeatureConfig(
        n_fft=512, win_length=400, hop_length=160, n_mels=40, fmin=60.0, n_frames=101, scaling="standardise"
    )
    train = TrainConfig(
        epochs=40,
        min_steps=4_000,
        final_epochs_factor=4,
        batch_size=64,
        learning_rate=3e-3,
        n_copies=8,
        one_copy_an_epoch=True,
        network="robust",
        schedule="one_cycle",
        weight_decay=1e-2,
        label_smoothing=0.05,
        masks=True,
        warps=True,
        babble_share=0.7,
        keep="last",
        ship="all_clips",
        dropout=0.2,
    )
    audio = AudioConfig(sample_rate=16_000, remove_mean=True)
    return Config("robust", audio, {"mel": mel}, train, AugmentConfig(), RefusalConfig())


def _words() -> Config:
    """`robust` for the model that ships: all words are told apart, and people, rooms and lines differ more."""
    robust = _robust()
    train = dataclasses.replace(
        robust.train,
        epochs=13,
        n_copies=6,
        network="words",
        words_weight=0.5,
        final_epochs_factor=3,
        babble_share=0.5,
    )
    refusal = RefusalConfig(words_share=0.3, noise_share=0.1)
    augment = AugmentConfig(
        speed_share=0.0,
        voice_share=0.8,
        neighbour_share=0.25,
        real_noise_share=0.35,
        real_room_share=0.2,
        band_share=0.1,
        overload_share=0.07,
        noise_share=0.25,
        snr_db=(0.0, 35.0),
    )
    return dataclasses.replace(robust, preset="words", train=train, augment=augment, refusal=refusal)


def _fast() -> Config:
    """`robust` for a first look: inputs are shown as they are, and networks learn from a tenth of the showings."""
    robust = _robust()
    train = dataclasses.replace(
        robust.train,
        n_folds=3,
        epochs=20,
        min_steps=300,
        final_epochs_factor=1,
        batch_size=32,
        n_copies=3,
        masks=False,
        warps=False,
        babble_share=0.0,
    )
    return dataclasses.replace(robust, preset="fast", train=train)


def _quick() -> Config:
    """Own words in seconds: a head on the body that sutja brings; no network learns."""
    robust = _robust()
    refusal = RefusalConfig(false_accept_rate=0.02, max_false_reject_rate=0.05)
    return Config("quick", robust.audio, robust.members, refusal=refusal, body=TAUGHT_ON)


def going_on(config: Config, body: str) -> Config:
    """Return a preset's settings for networks that go on from that of another model, which knows much already.

    After as many epochs one from nothing gets .85 of the Arabic digits of new speakers, this .99
    (docs/decisions/2026-11-27-fine-tuning.md).
    """
    train = dataclasses.replace(
        config.train, epochs=12, min_steps=300, final_epochs_factor=1, n_copies=4, body_rate=0.3, network="words"
    )
    refusal = RefusalConfig(
        spliced_share=0.05, words_share=0.3, noise_share=0.1, least_sounds=40, least_false_reject_rate=0.05
    )
    return dataclasses.replace(config, train=train, refusal=refusal, body=body)


TAUGHT_ON = "digits-en"
CAN_GO_ON = ("robust", "words")
"""Presets whose networks can go on from those of another model."""
PRESETS: dict[str, Config] = {
    "quick": _quick(),
    "robust": _robust(),
    "fast": _fast(),
    "words": _words(),
    "reference": Config(),
}
DEFAULT_PRESET = "robust"


def preset(name: str) -> Config:
    """Return the settings of a preset.

    >>> preset("reference").train.epochs
    50
    """
    if name not in PRESETS:
        raise ConfigError(
            f"preset {name!r} is not known; expected one of {', '.join(PRESETS)}{_nearest(name, PRESETS)}"
        )
    return PRESETS[name]


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _mapping(name: str, values: Any) -> Mapping[str, Any]:
    _require(isinstance(values, Mapping), name, values, "names with their values")
    _require(all(isinstance(key, str) for key in values), name, values, "names that are text")
    found: Mapping[str, Any] = values
    return found


def from_mapping(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build a settings dataclass; unknown keys are errors that name the nearest known one."""
    known = get_type_hints(kind)
    for name in _mapping(kind.__name__, values):
        if name not in known:
            raise ConfigError(f"setting {name!r} is not known in {kind.__name__}; remove it{_nearest(name, known)}")
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"settings of {kind.__name__} have a value of the wrong kind ({error}); correct it"
        ) from error
