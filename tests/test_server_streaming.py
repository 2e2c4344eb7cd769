"""Streams: words are told when they end, whatever the rate; what is no stream is told and closed."""

from __future__ import annotations

import io
import json
from collections import deque

import numpy as np
import pytest
import soundfile
from service import RATE, client, listening, model, sound, tones
from starlette.websockets import WebSocketDisconnect
from strings import said as said_tones

from sutja.server.settings import Limits
from sutja.server.streaming import Listener, StreamError, sample_rate_of, strings_of


def pcm(waveform: np.ndarray) -> bytes:
    return (np.clip(waveform, -1, 1) * 32_767).astype("<i2").tobytes()


def speech(n_words: int = 2, rate: int = RATE) -> bytes:
    """Words of two tones with silence around them."""
    word, _ = soundfile.read(io.BytesIO(sound(rate=rate)), dtype="float32")
    pause = np.random.default_rng(1).normal(0, 0.001, rate // 2)
    return pcm(np.concatenate([pause, *[part for _ in range(n_words) for part in (word, pause)]]))


def conversation(content: bytes, rate: int = RATE, chunk: int = 3_200, limits: Limits | None = None) -> list[dict]:
    with client(limits) as here, listening(here, {}, f"/v1/stream?sample_rate={rate}") as socket:
        for start in range(0, len(content), chunk):
            socket.send_bytes(content[start : start + chunk])
        socket.send_text('{"type":"end"}')
        said = [socket.receive_json()]
        while said[-1]["type"] not in ("done", "error"):
            said.append(socket.receive_json())
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == (1000 if said[-1]["type"] == "done" else 1008)
    return said


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_words_and_levels(rate):
    said = conversation(speech(rate=rate), rate)
    words = [one for one in said if one["type"] == "word"]
    assert [(word["start"], word["end"]) for word in words] == [
        pytest.approx(times, abs=0.05) for times in ((0.5, 0.9), (1.4, 1.8))
    ]
    for word in words:
        assert set(word) == {"type", "start", "end", "label", "rejected", "probability", "probabilities"}
        assert list(word["probabilities"]) == list(model().labels)
    levels = [one for one in said if one["type"] == "level"]
    assert [level["time"] for level in levels] == [pytest.approx(0.1 * n) for n in range(1, 24)]
    assert levels[0]["dbfs"] < -55 < -15 < levels[6]["dbfs"] < 0


def test_a_word_is_told_as_soon_as_it_has_ended():
    with client() as here, listening(here) as socket:
        socket.send_bytes(speech(1))
        said = [socket.receive_json() for _ in range(15)]
    assert said[-1]["type"] == "word"


@pytest.mark.parametrize("chunk", [2, 640, 10**6])
def test_however_it_is_cut(chunk):
    content = speech(1)[: RATE * 2 * 2]
    expected = [one for one in conversation(content) if one["type"] == "word"]
    listener = Listener(model(), RATE)
    said = [one for n in range(0, len(content), chunk) for one in listener.hear(content[n : n + chunk])]
    assert [one for one in said + listener.end() if one["type"] == "word"] == expected
    assert len(expected) == 1


def test_the_end_ends_a_word():
    said = conversation(speech(1)[: round(0.85 * RATE) * 2])
    assert [one["type"] for one in said][-2:] == ["word", "done"]


@pytest.mark.parametrize(
    "text", [None, "", "abc", "0", "-8000", "7999", "192001", "16e3", "16000.0", "9" * 5_000, "８０００"]
)
def test_rates_that_are_none(text):
    with pytest.raises(StreamError, match="expected 8000 to 192000 Hz"):
        sample_rate_of(text)


@pytest.mark.parametrize("query", ["", "?sample_rate=", "?sample_rate=5", "?sample_rate=16000x"])
def test_a_wrong_rate_is_told(query):
    with client() as here, listening(here, {}, f"/v1/stream{query}") as socket:
        assert "expected 8000 to 192000 Hz" in socket.receive_json()["error"]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1008


WRONG_TEXTS = ["", "end", "[]", "{}", '{"type":"begin"}', "[" * 50_000, "\0"]


@pytest.mark.parametrize("text", WRONG_TEXTS, ids=range(len(WRONG_TEXTS)))
def test_texts_that_say_nothing(text):
    with client() as here, listening(here) as socket:
        socket.send_text(text)
        assert "a text message" in socket.receive_json()["error"]


def test_half_a_sample():
    with client() as here, listening(here) as socket:
        socket.send_bytes(b"\0\0\0")
        assert socket.receive_json()["error"].startswith("a message of 3 bytes; expected whole 16-bit samples")


def test_an_empty_stream():
    assert conversation(b"") == [{"type": "done"}]
    assert conversation(bytes(RATE))[-1] == {"type": "done"}


def test_somebody_who_says_nothing():
    with client(Limits(stream_idle_seconds=0.1)) as here, listening(here) as socket:
        assert "nothing heard for 0.1 s" in socket.receive_json()["error"]


def test_somebody_who_goes():
    with client() as here:
        for _ in range(20):
            with listening(here) as socket:
                socket.send_bytes(speech(1))
        assert here.app.state.service.streams.n_taken == 0


def test_more_microphones_than_there_is_room_for():
    with client(Limits(n_streams=1)) as here:
        with listening(here), pytest.raises(WebSocketDisconnect) as refused, listening(here):
            pass
        assert refused.value.status_code == 503
        assert int(refused.value.headers["retry-after"]) >= 1
        assert "error" in json.loads(refused.value.content)
        with listening(here) as socket:
            socket.send_text('{"type":"end"}')
            assert socket.receive_json() == {"type": "done"}


NO_SAMPLES = {
    "webm": b"\x1aE\xdf\xa3\x9fB\x86\x81" + bytes(1_000),
    "ogg": b"OggS\0\2" + bytes(1_000),
    "a wav file": b"RIFF\x24\x08\0\0WAVEfmt " + bytes(1_000),
    "flac": b"fLaC\0\0" + bytes(1_000),
    "mp3": b"ID3\x04\0\0" + bytes(1_000),
    "mp4": b"\0\0\0\x1cftypiso5" + bytes(1_000),
}


@pytest.mark.parametrize("kind", NO_SAMPLES)
def test_a_file_that_is_sent_as_a_stream_is_named_at_once(kind):
    (only,) = conversation(NO_SAMPLES[kind])
    assert kind in only["error"]
    assert "16-bit" in only["error"]


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("silent", [0.0, 0.4])
def test_floats_are_told_within_a_second(rate, silent):
    spoken = np.frombuffer(speech(2, rate), "<i2") / np.float32(32_768)
    content = np.concatenate([np.zeros(round(silent * rate)), spoken]).astype("<f4").tobytes()
    listener = Listener(model(), rate)
    chunk = 4 * (rate // 50)
    starts = range(0, round(4 * rate * (1 + silent)), chunk)
    with pytest.raises(StreamError, match="32-bit floats") as told:
        deque((listener.hear(content[start : start + chunk]) for start in starts), maxlen=0)
    assert "int16" in str(told.value)


@pytest.mark.parametrize("level", [1.0, 0.1, 0.003, 0.0001])
@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_samples_are_believed_at_any_level(rate, level):
    rng = np.random.default_rng(5)
    time = np.arange(2 * rate) / rate
    for waveform in (
        level * np.sin(2 * np.pi * 440 * time),
        level * np.sign(np.sin(2 * np.pi * 100 * time)),
        level * rng.normal(0, 0.3, len(time)),
        np.full(len(time), level),
    ):
        listener = Listener(model(), rate)
        for start in range(0, 4 * rate, 1_000):
            listener.hear(pcm(waveform)[start : start + 1_000])
        listener.end()


def test_a_silent_stream_is_believed_as_long_as_it_is_silent():
    listener = Listener(model(), RATE)
    for _ in range(40):
        listener.hear(bytes(RATE))
    assert [one["type"] for one in listener.hear(speech(1))].count("word") == 1


# -- strings ----------------------------------------------------------------------------------------------------------


def strings_said(address: str, content: bytes, chunk: int = 3_200) -> list[dict]:
    with tones() as here, listening(here, {}, address) as socket:
        for start in range(0, len(content), chunk):
            socket.send_bytes(content[start : start + chunk])
        socket.send_text('{"type":"end"}')
        told = [socket.receive_json()]
        while told[-1]["type"] not in ("done", "error"):
            told.append(socket.receive_json())
    return told


@pytest.mark.parametrize(("chunk", "rate"), [(640, RATE), (10**6, RATE), (3_200, 8_000)])
def test_strings_are_told_while_they_are_said(chunk, rate):
    told = strings_said(f"/v1/stream?sample_rate={rate}&strings=1", pcm(said_tones("abba", "ab", rate=rate)), chunk)
    kinds = [one["type"] for one in told if one["type"] != "level"]
    assert kinds[-1] == "done"
    assert {"partial", "word", "string"} < set(kinds)
    assert [one["text"] for one in told if one["type"] == "string"] == ["abba", "ab"]
    words = [one for one in told if one["type"] == "word"]
    assert [word["label"] for word in words] == list("abbaab")
    assert set(words[0]) == {"type", "start", "end", "label", "rejected", "probability", "probabilities"}
    assert sum(one["type"] == "level" for one in told) == pytest.approx(10 * told_seconds(told), abs=1)


def told_seconds(told: list[dict]) -> float:
    return max(one["time"] for one in told if one["type"] == "level")


def test_a_known_length_ends_a_string_at_once():
    told = strings_said("/v1/stream?sample_rate=16000&strings=1&length=2", pcm(said_tones("ab", "cd", pause=0.3)))
    assert [one["text"] for one in told if one["type"] == "string"] == ["ab", "cd"]
    assert all(one["complete"] for one in told if one["type"] == "string")


def test_eight_words_in_a_row_are_two_strings_of_four():
    told = strings_said("/v1/stream?sample_rate=16000&strings=1&length=4", pcm(said_tones("abbacddc")))
    assert [one["text"] for one in told if one["type"] == "string"] == ["abba", "cddc"]


@pytest.mark.parametrize("listed", ["abba,cd", "abba%0Acd%0Acd", "cd,abba,abba,"])
def test_one_of_a_list_is_told(listed):
    told = strings_said(f"/v1/stream?sample_rate=16000&strings={listed}", pcm(said_tones("abba", "cd")))
    assert [one["text"] for one in told if one["type"] == "string"] == ["abba", "cd"]


def test_without_strings_nothing_changes():
    content = pcm(said_tones("ab"))
    plain = strings_said("/v1/stream?sample_rate=16000", content)
    assert strings_said("/v1/stream?sample_rate=16000&strings=0", content) == plain
    assert {one["type"] for one in plain} <= {"level", "word", "done"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("strings=yes", "the list of strings has 'yes', which the model does not know; expected words out of a, b"),
        ("strings=", "the list of strings is empty; expected one string or more"),
        ("strings=ab,cd&length=2", "a length and a list of strings; expected one of them"),
        ("strings=1&length=4-2", "length 4-2; expected 1 to"),
        ("length=4", "length without strings=1; expected both, or none"),
        ("strings=1&length=0", "length 0; expected 1 to"),
        ("strings=1&length=four", "is no number of words; expected 4, or 4-6"),
    ],
)
def test_strings_that_are_none_are_told(query, expected):
    with tones() as here, listening(here, {}, f"/v1/stream?sample_rate=16000&{query}") as socket:
        told = socket.receive_json()
        assert told["type"] == "error"
        assert expected in told["error"]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1008


def test_a_model_of_single_words_says_so():
    with pytest.raises(StreamError, match="knows single words, not words in a row; expected another model"):
        strings_of({"strings": "1"}, None)
