"""The decoder in JavaScript, of which docs/strings.md tells: the same words at the same times as the Python one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sutja.strings.decoder import Decoder, DecoderConfig, Duration, Heard
from sutja.strings.grammar import any_string
from sutja.strings.model import StringModel, settings_of
from sutja.strings.units import Unit, Units

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
    command = [str(NODE), "--input-type=module", "-e", PROGRAM, SCRIPT.as_uri()]
    ended = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == expected
    assert sum(len(words) for trial in expected for steps, _ in trial for words, _ in steps) > 30
