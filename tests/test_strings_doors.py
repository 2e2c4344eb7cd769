"""Strings through every door: the same answers and the same refusals, and no word that was not said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_wav
from helpers import refused
from helpers import sutja as run_command
from strings import RATE, said, string_folder

import sutja
from sutja.errors import ConfigError
from sutja.pcm import to_pcm16
from sutja.predictor import Predictor
from sutja.strings.grammar import parse_length

pytest.importorskip("starlette")
from service import listening
from starlette.testclient import TestClient

from sutja.server.app import create_app
from sutja.server.settings import Limits

Said = list[str] | str
"""Strings, or why there are none."""
Door = Callable[..., Said]


@pytest.fixture(scope="module")
def tones(tmp_path_factory) -> Path:
    return string_folder(tmp_path_factory.mktemp("strings") / "model")


def as_python(length: str | None, listed: str | None) -> dict[str, Any]:
    given = None if length is None else parse_length(length)
    return {"length": given, "strings": None if listed is None else listed.split(",")}


def transcribed(model: str, path: Path, length: str | None = None, listed: str | None = None) -> Said:
    try:
        return [each.text for each in sutja.transcribe(path, model, **as_python(length, listed)).strings]
    except ConfigError as error:
        return str(error)


def listened(model: str, path: Path, length: str | None = None, listed: str | None = None) -> Said:
    try:
        how = as_python(length, listed)
        how["strings"] = True if how["strings"] is None else how["strings"]
        return [each.text for each in sutja.listen(model, path, **how) if isinstance(each, sutja.SpokenString)]
    except ConfigError as error:
        return str(error)


def commanded(command: str, switch: str | None = None) -> Door:
    def door(model: str, path: Path, length: str | None = None, listed: str | None = None) -> Said:
        options = [] if length is None else [f"--length={length}"]
        if listed is not None:
            (path.parent / "list.txt").write_text(listed.replace(",", "\n"), encoding="utf-8")
            options += ["--strings", path.parent / "list.txt"]
        elif switch:
            options.append(switch)
        result = run_command(command, path, *options, "--json", "--model", model)
        if result.exit_code:
            return refused(result)
        told = [json.loads(line) for line in result.stdout.splitlines()]
        strings = [each for line in told for each in line.get("strings", [line])]
        return [each["text"] for each in strings if each.get("type", "string") == "string"]

    return door


def service(model: str, **limits: Any) -> TestClient:
    there = create_app(Predictor.load(model), "strings", limits=Limits(**limits))
    return TestClient(there, base_url="http://localhost:8765", raise_server_exceptions=False)


def posted(model: str, path: Path, length: str | None = None, listed: str | None = None) -> Said:
    asked = {name: text for name, text in (("length", length), ("strings", listed)) if text is not None}
    with service(model) as here:
        response = here.post("/v1/transcribe", content=path.read_bytes(), params=asked)
    if response.status_code != 200:
        assert response.status_code == 422
        return str(response.json()["error"])
    return [each["text"] for each in response.json()["strings"]]


def streamed(model: str, path: Path, length: str | None = None, listed: str | None = None) -> Said:
    import soundfile

    samples, rate = soundfile.read(path, dtype="int16")
    address = f"/v1/stream?sample_rate={rate}&strings={'1' if listed is None else listed}"
    with service(model) as here, listening(here, {}, address + (f"&length={length}" if length else "")) as socket:
        for start in range(0, len(samples), rate // 10):
            socket.send_bytes(samples[start : start + rate // 10].tobytes())
        socket.send_text('{"type":"end"}')
        told = [socket.receive_json()]
        while told[-1]["type"] not in ("done", "error"):
            told.append(socket.receive_json())
    strings = [each["text"] for each in told if each["type"] == "string"]
    return strings if told[-1]["type"] == "done" else str(told[-1]["error"])


DOORS: dict[str, Door] = {
    "transcribe": transcribed,
    "listen": listened,
    "sutja transcribe": commanded("transcribe"),
    "sutja listen": commanded("listen", "--strings"),
    "http": posted,
    "websocket": streamed,
}
every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@every_door
def test_any_string_a_length_and_a_list(door, tones, tmp_path):
    path = write_wav(tmp_path / "a.wav", to_pcm16(said("abbacddc", "cd")), RATE)
    assert door(str(tones), path) == ["abbacddc", "cd"]
    assert door(str(tones), path, length="4") == ["abba", "cddc", "cd"]
    assert door(str(tones), path, length="4-6") == ["abbacd", "dccd"]
    assert door(str(tones), path, listed="abba,cddc,cd") == ["abba", "cddc", "cd"]
    assert door(str(tones), path, listed="cd,abba,cd,cddc,cd,abba") == ["abba", "cddc", "cd"]


@every_door
@pytest.mark.parametrize(
    ("length", "listed", "message"),
    [
        ("0", None, "length 0; expected 1 to 64 words, the smaller number first: 4, or 4-6"),
        ("4-2", None, "length 4-2; expected 1 to 64 words, the smaller number first: 4, or 4-6"),
        ("65", None, "length 65; expected 1 to 64 words"),
        ("four", None, "length 'four' is no number of words; expected 4, or 4-6"),
        ("4-", None, "length '4-' is no number of words; expected 4, or 4-6"),
        (None, "", "the list of strings is empty; expected one string or more"),
        (None, ",", "the list of strings is empty; expected one string or more"),
        (None, "ab,ax", "the list of strings has 'ax', which the model does not know; expected words out of a, b"),
    ],
)
def test_what_is_no_length_and_no_list(door, length, listed, message, tones, tmp_path):
    path = write_wav(tmp_path / "a.wav", to_pcm16(said("ab")), RATE)
    assert message in door(str(tones), path, length, listed)


@every_door
def test_rates_in_turn(door, tones, tmp_path):
    for number, rate in enumerate([8_000, 48_000, 8_000, 16_000]):
        path = write_wav(tmp_path / f"{number}.wav", to_pcm16(said("abba", "ba", rate=rate)), rate)
        assert door(str(tones), path) == ["abba", "ba"]


def music(seconds: float, rate: int) -> np.ndarray:
    """Chords with overtones that fade, one after the other."""
    rng, parts = np.random.default_rng(3), []
    while sum(map(len, parts)) < seconds * rate:
        time = np.arange(int(rng.choice([0.15, 0.25, 0.4]) * rate)) / rate
        pitch = 220 * 2 ** (rng.integers(-12, 24) / 12)
        tones = [np.sin(2 * np.pi * pitch * 2 ** (step / 12) * n * time) / n for step in (0, 4, 7) for n in range(1, 6)]
        parts.append(np.sum(tones, axis=0) * np.exp(-time * rng.uniform(1, 6)))
    played = np.concatenate(parts)
    return (0.3 * played / np.abs(played).max()).astype(np.float32)


NO_WORDS = {
    "silence": np.zeros(3 * RATE, np.float32),
    "hiss": np.random.default_rng(0).normal(0, 0.01, 5 * RATE).astype(np.float32),
    "music": music(15, RATE),
    "a tone": (0.3 * np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE)).astype(np.float32),
}


@every_door
@pytest.mark.parametrize("sound", NO_WORDS)
@pytest.mark.parametrize("how", [{}, {"length": "4"}, {"listed": "4711,0815"}], ids=["any", "length", "list"])
def test_no_digit_is_invented(door, sound, how, tmp_path):
    path = write_wav(tmp_path / "a.wav", to_pcm16(NO_WORDS[sound]), RATE)
    assert door("digits-en", path, **how) == []


@every_door
def test_a_string_that_is_cut_in_the_middle_of_a_word(door, tones, tmp_path):
    whole = said("aab")  # each word 0.3 s, from 1 s on
    for share in (0.2, 0.5, 0.8):
        path = write_wav(tmp_path / "a.wav", to_pcm16(whole[: round((1.6 + 0.3 * share) * RATE)]), RATE)
        for length in (None, "3", "4"):
            assert door(str(tones), path, length) in (["aa"], ["aab"])
    path = write_wav(tmp_path / "b.wav", to_pcm16(whole[round(1.15 * RATE) :]), RATE)
    assert door(str(tones), path) in (["ab"], ["aab"])


def test_a_stream_that_stalls_is_told_what_stood(tones):
    content = to_pcm16(said("ab")[: round(1.9 * RATE)]).tobytes()
    address = f"/v1/stream?sample_rate={RATE}&strings=1"
    with service(str(tones), stream_idle_seconds=0.3) as here, listening(here, {}, address) as socket:
        socket.send_bytes(content)
        told = [socket.receive_json()]
        while told[-1]["type"] not in ("done", "error"):
            told.append(socket.receive_json())
    assert [each["label"] for each in told if each["type"] == "word"] == ["a", "b"]
    assert [each for each in told if each["type"] == "string"] == []
    assert "nothing heard for 0.3 s" in told[-1]["error"]


def test_a_stream_in_python_waits_for_whoever_stalls(tones):
    stream, waveform = sutja.Transcriber(tones).stream(RATE), said("ab")
    events = stream.feed(waveform[: RATE + 2_000])
    for _ in range(50):
        assert stream.feed(np.zeros(0, np.float32)) == []
    events += stream.feed(waveform[RATE + 2_000 :]) + stream.flush()
    assert [each.text for each in events if isinstance(each, sutja.SpokenString)] == ["ab"]
