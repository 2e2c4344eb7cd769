"""The decoder in JavaScript, of which docs/strings.md tells: the same words, times and probabilities as in Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sutja.strings.decoder import Decoder, DecoderConfig, Duration, Heard
from sutja.strings.frontend import SAMPLE_RATE, STEP_SAMPLES
from sutja.strings.grammar import any_string
from sutja.strings.model import Confidence, Edges, StringModel, settings_of
from sutja.strings.transcriber import SpokenStrings
from sutja.strings.units import Unit, Units
from sutja.transcripts import record_of

NODE = shutil.which("node")
SCRIPT = Path(__file__).parents[1] / "docs" / "decoder.mjs"
STEP = 4  # answers at a time
PROGRAM = """
import { readFileSync } from "node:fs";
const { Decoder } = await import(process.argv[1]);
const said = JSON.parse(readFileSync(0, "utf8")).map(({ settings, strings }) => {
  const decoder = new Decoder(settings);
  return strings.map((answers) => {
    const told = [];
    for (let n = 0; n < answers.length; n += 4) {
      decoder.feed(answers.slice(n, n + 4));
      told.push([decoder.agreed(), decoder.openWords()]);
    }
    return [told, decoder.finish()];
  });
});
console.log(JSON.stringify(said));
"""


def model(rng: np.random.Generator, *, doubled: bool, weight: float) -> StringModel:
    units = [Unit(name, name, int(rng.integers(3, 7))) for name in "0123"]
    units += [Unit("double", "", 4, n_times=2)] if doubled else []
    durations = tuple(Duration(float(np.log(3 * unit.n_states)), 0.3) for unit in units)
    return StringModel(b"", Units(tuple(units)), durations, 0, DecoderConfig(duration_weight=weight))


def answers_of(rng: np.random.Generator, units: Units, n_words: int) -> np.ndarray:
    """Words, pauses and other sounds with much noise between, as log probabilities."""
    rows: list[int] = []
    for _ in range(n_words):
        number = int(rng.integers(-1, len(units.units)))
        rows += [output for output in units.outputs_of(number) for _ in range(int(rng.integers(1, 6)))]
        rows += [units.silence] * int(rng.integers(0, 12))
    logits = rng.normal(0, 2, (len(rows), units.n_outputs))
    logits[np.arange(len(rows)), rows] += 4
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


EVENTS = """
import { readFileSync } from "node:fs";
const { SpokenStrings } = await import(process.argv[1]);
const said = JSON.parse(readFileSync(0, "utf8")).map(({ settings, answers }) => {
  const strings = new SpokenStrings(settings), told = [];
  for (let n = 0; n < answers.length; n += 4) told.push(strings.feed(answers.slice(n, n + 4)));
  return [...told, strings.flush()];
});
console.log(JSON.stringify(said));
"""


class Given:
    """In place of the frame network: it gives these answers, then silence."""

    def __init__(self, answers: np.ndarray, silence: np.ndarray) -> None:
        self.steps = [answers[n : n + STEP] for n in range(0, len(answers), STEP)]
        self.silence = silence

    def nothing(self) -> list:
        return []

    def step(self, features: np.ndarray, state: list) -> tuple[np.ndarray, list]:
        return self.steps.pop(0) if self.steps else self.silence, state


def ran(program: str, given: list) -> list:
    command = [str(NODE), "--input-type=module", "-e", program, SCRIPT.as_uri()]
    ended = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def told(words: list[Heard]) -> list[dict[str, int]]:
    return [{"unit": word.unit, "start": word.start, "end": word.end} for word in words]


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_it_hears_what_the_python_one_hears():
    rng, given, expected = np.random.default_rng(5), [], []
    for trial in range(8):
        known = model(rng, doubled=trial % 2 == 1, weight=(1.0, 0.0)[trial // 4])
        strings = [answers_of(rng, known.units, n_words) for n_words in (6, 0, 12)]
        given.append({"settings": settings_of(known), "strings": [string.tolist() for string in strings]})
        decoder = Decoder(known.units, known.durations, any_string(known.units), known.decoder)
        expected.append([])
        for string in strings:
            steps = []
            for n in range(0, len(string), STEP):
                decoder.feed(string[n : n + STEP])
                steps.append([told(decoder.agreed()), told(decoder.open_words())])
            expected[-1].append([steps, told(decoder.finish())])
    assert ran(PROGRAM, given) == expected
    assert sum(len(words) for trial in expected for steps, _ in trial for words, _ in steps) > 30


def parts(event: dict) -> tuple[dict, dict[str, float]]:
    """What an event says, and its numbers by name."""
    names = {"start", "end", "time", "probability"} & set(event)
    numbers = {name: event[name] for name in names} | event.get("probabilities", {})
    numbers |= {f"rank {n}": each["probability"] for n, each in enumerate(event.get("alternatives", []))}
    left_out = {*names, "probabilities", "alternatives", "complete"}
    return {name: value for name, value in event.items() if name not in left_out}, numbers


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_it_is_as_sure_of_words_and_strings_as_the_python_one():
    rng, given, expected = np.random.default_rng(7), [], []
    for trial in range(6):
        known = replace(
            model(rng, doubled=trial % 2 == 1, weight=1.0),
            confidence=Confidence(scale=0.1, other=0.5, threshold=0.6, talk=(0.0, 3.0)[trial // 3]),
            edges=Edges(0.03, 0.02),
        )
        answers = answers_of(rng, known.units, 30)
        answers = answers[: len(answers) // STEP * STEP]
        silence = np.full((STEP, known.units.n_outputs), -9.0, np.float32)
        silence[:, known.units.silence] = -0.01
        stream = SpokenStrings(known, SAMPLE_RATE, network=Given(answers, silence))
        told_of = [stream.feed(np.zeros(STEP_SAMPLES, np.float32)) for _ in range(len(answers) // STEP)]
        told_of.append(stream.flush())  # before which it hears two steps of silence
        given.append({"settings": settings_of(known), "answers": [*answers.tolist(), *silence.tolist() * 2]})
        expected.append([record_of(event) for step in told_of for event in step])
    found = [[event for step in steps for event in step] for steps in ran(EVENTS, given)]
    for theirs, own in zip(found, expected, strict=True):
        assert [parts(event)[0] for event in theirs] == [parts(event)[0] for event in own]
        for one, other in zip(theirs, own, strict=True):
            assert parts(one)[1] == pytest.approx(parts(other)[1], rel=1e-4, abs=1e-6)
            assert [each["text"] for each in one.get("alternatives", [])[:1]] == [
                each["text"] for each in other.get("alternatives", [])[:1]
            ]
    events = [event for told_of in found for event in told_of]
    assert {event["type"] for event in events} == {"partial", "word", "string"}
    assert sum(event["type"] == "word" for event in events) > 60
    assert {event["rejected"] for event in events if event["type"] == "word"} == {True, False}
    assert any(len(event["alternatives"]) > 1 for event in events if event["type"] == "string")
