"""Set what the decoder of strings believes beforehand: `make model`'s last step.

    python tools/tune_strings.py MODEL --data $SUTJA_DATA/strings/moshi --data $SUTJA_DATA/strings/abel

Random search over the decoder's settings, then the scale of confidence. Everything that it looks at is told by --data
and --quiet, and none of that may be reported as a result. MODEL is written again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sutja import bundle
from sutja.audio import load_waveform
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
from sutja.strings.transcriber import answers_to

WHOLE = AudioConfig(sample_rate=SAMPLE_RATE, max_seconds=LONGEST_BACKGROUND)
FALSE_WEIGHT = 0.002
"""Of a false word an hour beside a share of wrong strings."""
QUIET_GAP_SECONDS, N_QUIET = 0.15, 400


@dataclass(frozen=True)
class Listened:
    """A recording, as the network hears it."""

    labels: tuple[str, ...]
    answers: NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, action="append", required=True, help="sets of strings; may be repeated")
    parser.add_argument("--quiet", type=Path, action="append", default=[], help="recordings of other words")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=929)
    arguments = parser.parse_args()
    ready = bundle.load(arguments.model)
    assert ready.strings is not None
    model = ready.strings
    network = FrameNetwork(model.onnx, model.units.n_outputs)
    sets = [heard_set(path, ready, model, network) for path in arguments.data]
    quiet = [heard_row(path, model, network) for path in arguments.quiet]
    rng = np.random.default_rng(arguments.seed)
    best = model  # as it was tuned before, or as every model begins
    cost = cost_of(best, sets, quiet)
    print(round(cost, 4), best.decoder, flush=True)
    for trial in range(arguments.trials):
        tried = replace(best, decoder=moved(best.decoder, rng))
        new = cost_of(tried, sets, quiet)
        if new < cost:
            best, cost = tried, new
            print(trial, round(cost, 4), best.decoder, flush=True)
    best = replace(best, confidence=calibrated(best, sets, quiet))
    print(best.confidence)
    bundle.save(replace(ready, strings=best), arguments.model)


def heard_set(path: Path, ready: bundle.Bundle, model: StringModel, network: FrameNetwork) -> list[Listened]:
    """Hear a set of strings."""
    table = table_of(path)
    assert table is not None, path
    spoken = said(ready.labels, ready.language, ready.spoken)
    clips = read_strings(table, ready.labels, spoken)
    return [Listened(c.labels, answers_to(load_waveform(c.path, WHOLE), model, network)) for c in clips]


def heard_row(path: Path, model: StringModel, network: FrameNetwork) -> Listened:
    """Hear other words, one after the other."""
    clips = [clip for clip in scan(path).clips if clip.label not in model.labels]
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(clips), min(N_QUIET, len(clips)), replace=False)
    gap = np.zeros(round(QUIET_GAP_SECONDS * SAMPLE_RATE), dtype=np.float32)
    parts = [part for number in chosen for part in (load_waveform(clips[number].source, WHOLE), gap)]
    return Listened((), answers_to(np.concatenate(parts), model, network))


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
    false = [len(decoded(model, each.answers)) / (len(each.answers) * 0.02 / 3600) for each in quiet]
    return float(np.mean(costs)) + FALSE_WEIGHT * float(np.mean(false)) / 10 if quiet else float(np.mean(costs))


def calibrated(model: StringModel, sets: Sequence[Sequence[Listened]], quiet: Sequence[Listened]) -> Confidence:
    """Choose the scale and the weight of no word at which probabilities mean what they say."""
    stretches: list[tuple[NDArray[np.float32], str, bool]] = []
    for recordings in [*sets, quiet]:
        for each in recordings:
            words = [w for w in decoded(model, each.answers) if model.units.units[w.unit].n_times == 1]
            labels = [model.units.units[word.unit].label for word in words]
            steps = alignment(each.labels, labels)
            right = {step.heard for step in steps if step.kind == "right"}
            stretches += [
                (each.answers[max(0, w.start - EDGE) : w.end + EDGE], label, place in right)
                for place, (w, label) in enumerate(zip(words, labels, strict=True))
            ]
    truth = np.array([right for _, _, right in stretches])
    competition = Competition(model.units, model.confidence)
    likely = [(competition.likelihoods(answers), competition.labels.index(label)) for answers, label, _ in stretches]
    best, least = model.confidence, np.inf
    for scale in np.geomspace(0.02, 1.0, 16):
        for other in (-2.0, 0.0, 1.0, 2.0, 3.0, 4.0):
            tried = Confidence(float(scale), other, model.confidence.threshold)
            sure = np.array([competition.shares(likelihoods, tried)[own] for likelihoods, own in likely])
            loss = -float(np.mean(np.log(np.clip(np.where(truth, sure, 1 - sure), 1e-6, 1))))
            if loss < least:
                best, least = tried, loss
                print(f"scale {scale:.3f} other {other:g}: {loss:.4f}, error {calibration_error(sure, truth):.4f}")
    return best


if __name__ == "__main__":
    main()
