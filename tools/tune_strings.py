"""Set what the decoder of strings believes beforehand, and how sure it is: `make model`'s last step.

    python tools/tune_strings.py MODEL --data $SUTJA_DATA/strings/moshi --data $SUTJA_DATA/strings/abel --quiet WORDS

Random search over the decoder's settings; then how network and second opinion are weighed, by likelihood; then how much
it weighs that other speech has been going on, by wrong and by false words. Below which probability words are refused
stays: what costs nothing in these sets cost many strings in others. Everything that it looks at is told by --data and
--quiet, and none of that may be reported as a result. MODEL is written again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sutja import bundle
from sutja.audio import Waveform, load_waveform
from sutja.calibration import calibration_error
from sutja.config import AudioConfig
from sutja.dataset import scan
from sutja.learn.sounds import LONGEST_BACKGROUND
from sutja.lexicon import said
from sutja.strings.competition import EDGE, Competition
from sutja.strings.decoder import Decoder, DecoderConfig, Heard
from sutja.strings.frontend import SAMPLE_RATE
from sutja.strings.grammar import any_string
from sutja.strings.model import Confidence, StringModel
from sutja.strings.network import STEP_OUTPUTS, FrameNetwork
from sutja.strings.scores import alignment, counted, total
from sutja.strings.sets import read_strings, table_of
from sutja.strings.talk import Talk
from sutja.strings.transcriber import OUTPUT_SAMPLES, PAD, answers_to
from sutja.strings.units import OUTPUT_SECONDS
from sutja.transcription import Transcriber

WHOLE = AudioConfig(sample_rate=SAMPLE_RATE, max_seconds=LONGEST_BACKGROUND)
FALSE_WEIGHT = 0.00004
"""Of a false word an hour, beside a share of wrong strings: 250 weigh as much as one string of a hundred."""
QUIET_GAP_SECONDS, N_QUIET = 0.15, 400
QUIET_SHARE = 0.05
"""Of a set, that other words taken for some of the vocabulary weigh."""
SCALES, OPINIONS = np.geomspace(0.02, 0.6, 12), (0.0, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1.0)
OTHERS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)
SPARED = 0.0015
"""Cost that a smaller weight of talk may have beside the best: digits after other words, which no set has, need it."""
COMMITTED_AFTER = 10
"""Outputs, after a word's end, when it is told as a rule."""
TALKS = (0.0, 3.0, 6.0, 9.0, 12.0, 14.0, 16.0, 18.0, 20.0, 25.0)


@dataclass(frozen=True)
class Listened:
    """A recording, as the network hears it."""

    labels: tuple[str, ...]
    answers: NDArray[np.float32]
    waveform: Waveform


@dataclass(frozen=True)
class Judged:
    """A word that was heard."""

    likelihoods: NDArray[np.float64]
    opinion: NDArray[np.float64] | None
    own: int
    """What the decoder took it for."""
    truth: int
    """What was said; the number of labels where nothing was."""
    weight: float
    talk: float
    """Share of other speech lately."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, action="append", required=True, help="sets of strings; may be repeated")
    parser.add_argument("--quiet", type=Path, action="append", default=[], help="recordings of other words")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=929)
    arguments = parser.parse_args()
    ready = bundle.load(arguments.model)
    transcriber = Transcriber(ready)
    model = transcriber.model
    network = FrameNetwork(model.onnx, model.units.n_outputs)
    sets = [heard_set(path, ready, model, network) for path in arguments.data]
    quiet = [heard_row(path, model, network) for path in arguments.quiet]
    best = searched(model, sets, quiet, arguments.trials, np.random.default_rng(arguments.seed))
    best = replace(best, confidence=calibrated(best, sets, quiet, transcriber))
    print(best.confidence)
    bundle.save(replace(ready, strings=best), arguments.model)


def searched(
    model: StringModel,
    sets: Sequence[Sequence[Listened]],
    quiet: Sequence[Listened],
    n_trials: int,
    rng: np.random.Generator,
) -> StringModel:
    """Search the decoder's settings, beginning where the model stands."""
    best, cost = model, cost_of(model, sets, quiet)
    print(round(cost, 4), best.decoder, flush=True)
    for trial in range(n_trials):
        tried = replace(best, decoder=moved(best.decoder, rng))
        new = cost_of(tried, sets, quiet)
        if new < cost:
            best, cost = tried, new
            print(trial, round(cost, 4), best.decoder, flush=True)
    return best


def heard_set(path: Path, ready: bundle.Bundle, model: StringModel, network: FrameNetwork) -> list[Listened]:
    """Hear a set of strings."""
    table = table_of(path)
    assert table is not None, path
    spoken = said(ready.labels, ready.language, ready.spoken)
    heard = []
    for clip in read_strings(table, ready.labels, spoken):
        waveform = load_waveform(clip.path, WHOLE)
        heard.append(Listened(clip.labels, answers_to(waveform, model, network), waveform))
    return heard


def heard_row(path: Path, model: StringModel, network: FrameNetwork) -> Listened:
    """Hear other words, one after the other."""
    clips = [clip for clip in scan(path).clips if clip.label not in model.labels]
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(clips), min(N_QUIET, len(clips)), replace=False)
    gap = np.zeros(round(QUIET_GAP_SECONDS * SAMPLE_RATE), dtype=np.float32)
    parts = [part for number in chosen for part in (load_waveform(clips[number].source, WHOLE), gap)]
    waveform = np.concatenate(parts)
    return Listened((), answers_to(waveform, model, network), waveform)


def moved(config: DecoderConfig, rng: np.random.Generator) -> DecoderConfig:
    """Draw other settings near these."""
    factor = lambda spread: float(np.exp(rng.normal(0, spread)))  # noqa: E731
    return replace(
        config,
        word=config.word * factor(0.35),
        pause=config.pause * factor(0.35),
        other=config.other * factor(0.35),
        duration_weight=config.duration_weight * factor(0.4),
    )


def decoded(model: StringModel, answers: NDArray[np.float32]) -> list[Heard]:
    """Decode as a stream does."""
    decoder, words = Decoder(model.units, model.durations, any_string(model.units), model.decoder), []
    for start in range(0, len(answers), STEP_OUTPUTS):
        decoder.feed(answers[start : start + STEP_OUTPUTS])
        words += decoder.agreed()
    return words + decoder.finish()


def labels_of(model: StringModel, words: Sequence[Heard]) -> list[str]:
    """Return what is meant."""
    labels, n_times = [], 1
    for word in words:
        unit = model.units.units[word.unit]
        if unit.n_times > 1:
            n_times = unit.n_times
        else:
            labels += [unit.label] * n_times
            n_times = 1
    return labels


def cost_of(model: StringModel, sets: Sequence[Sequence[Listened]], quiet: Sequence[Listened]) -> float:
    """Return the mean over the sets of wrong strings and half of the wrong words, and false words."""
    costs = []
    for recordings in sets:
        counts = total(counted(each.labels, labels_of(model, decoded(model, each.answers))) for each in recordings)
        costs.append((counts.string_error_rate or 0) + 0.5 * (counts.word_error_rate or 0))
    false = [an_hour(len(decoded(model, each.answers)), each) for each in quiet]
    return float(np.mean(costs)) + (FALSE_WEIGHT * float(np.mean(false)) if quiet else 0.0)


def an_hour(n: int, heard: Listened) -> float:
    """Return how many words that is in an hour."""
    return n / (len(heard.answers) * OUTPUT_SECONDS / 3600)


# -- how sure it is ---------------------------------------------------------------------------------------------------


def judged(model: StringModel, recording: Listened, transcriber: Transcriber, weight: float) -> Iterator[Judged]:
    """Give what network and second opinion make of each word of a recording, as a stream asks them."""
    words = [word for word in decoded(model, recording.answers) if model.units.units[word.unit].n_times == 1]
    competition = Competition(model.units, model.confidence)
    labels = [model.units.units[word.unit].label for word in words]
    truths = {step.heard: step.said for step in alignment(recording.labels, labels) if step.heard is not None}
    talks = talk_around(words, model, recording.answers)
    befores, afters = [0, *(word.end for word in words)], [*(word.start for word in words[1:]), len(recording.answers)]
    for place, (word, label, before, after, talk) in enumerate(
        zip(words, labels, befores, afters, talks, strict=False)
    ):
        first, last = max(word.start - PAD, before), min(word.end + PAD, max(after, word.end))
        opinion = transcriber.predictor.opinion(recording.waveform[first * OUTPUT_SAMPLES : last * OUTPUT_SAMPLES])
        likelihoods = competition.likelihoods(recording.answers[max(0, word.start - EDGE) : word.end + EDGE])
        said_there = truths[place]
        truth = (
            len(competition.labels) if said_there is None else competition.labels.index(recording.labels[said_there])
        )
        yield Judged(likelihoods, opinion, competition.labels.index(label), truth, weight, talk)


def talk_around(words: Sequence[Heard], model: StringModel, answers: NDArray[np.float32]) -> list[float]:
    """Return how much other speech there was lately, when each word is told."""
    talk, shares, known = Talk(model.units), [], 0
    for word in words:
        now = max(known, min(word.end + COMMITTED_AFTER, len(answers)))
        talk.feed(answers[known:now])
        shares.append(talk.share(answers[word.start : word.end], now - word.end))
        known = now
    return shares


def calibrated(
    model: StringModel, sets: Sequence[Sequence[Listened]], quiet: Sequence[Listened], transcriber: Transcriber
) -> Confidence:
    """Choose how both are weighed so that probabilities mean what they say, then what talk weighs.

    Every set weighs the same, and other words all together less: people say mostly what they are asked for.
    """
    words: list[Judged] = []
    n_quiet = 0
    for recordings, share in [*((each, 1.0) for each in sets), (quiet, QUIET_SHARE)]:
        of_set = [word for each in recordings for word in judged(model, each, transcriber, 1.0)]
        words += [replace(word, weight=share / len(of_set)) for word in of_set]
        n_quiet = len(of_set)
    competition = Competition(model.units, model.confidence)
    start, least = replace(model.confidence, talk=0.0), np.inf
    best = start
    for scale in SCALES:
        for opinion in OPINIONS:
            for other in OTHERS:
                tried = replace(start, scale=float(scale), opinion=opinion, other=other)
                loss = surprise(words, competition, tried)
                if loss < least:
                    best, least = tried, loss
    of_strings = words[: len(words) - n_quiet]
    hours = sum(len(each.answers) for each in quiet) * OUTPUT_SECONDS / 3600
    costs = {}
    for talk in TALKS:
        tried = replace(best, talk=talk)
        told_of = [heard_as(word, competition, tried) for word in words[len(of_strings) :]]
        false = sum(label < len(competition.labels) for label in told_of) / hours if quiet else 0.0
        costs[talk] = wrong(of_strings, competition, tried) / len(sets) + FALSE_WEIGHT * false
    best = replace(best, talk=min(talk for talk, cost in costs.items() if cost <= min(costs.values()) + SPARED))
    sure, right = told(words, competition, best)
    print(f"loss {least:.4f}, calibration error {calibration_error(sure, right):.4f}, cost by talk {costs}")
    return best


def shares_of(word: Judged, competition: Competition, confidence: Confidence) -> NDArray[np.float64]:
    shares = competition.shares(word.likelihoods, confidence, word.opinion, word.talk)
    return np.append(shares, max(1 - shares.sum(), 0.0))


def surprise(words: Sequence[Judged], competition: Competition, confidence: Confidence) -> float:
    """Return the mean of minus the log probability of the truth."""
    losses = [-np.log(max(shares_of(word, competition, confidence)[word.truth], 1e-6)) * word.weight for word in words]
    return float(np.sum(losses))


def heard_as(word: Judged, competition: Competition, confidence: Confidence) -> int:
    """Return which label is told; the number of labels where the word is refused."""
    shares = shares_of(word, competition, confidence)[:-1]
    likely = int(shares.argmax())
    return likely if shares[likely] >= confidence.threshold else len(shares)


def wrong(words: Sequence[Judged], competition: Competition, confidence: Confidence) -> float:
    """Return the share of words that are told wrongly, or refused and were said; every set weighs the same."""
    costs = []
    for word in words:
        costs.append(word.weight * (heard_as(word, competition, confidence) != word.truth))
    return float(np.sum(costs))


def told(
    words: Sequence[Judged], competition: Competition, confidence: Confidence
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how sure each word of the strings is, and whether it is right."""
    rows = [shares_of(word, competition, confidence)[:-1] for word in words]
    sure = np.array([row.max() for row in rows])
    return sure, np.array([int(row.argmax()) == word.truth for row, word in zip(rows, words, strict=True)])


if __name__ == "__main__":
    main()
