"""A microphone over a WebSocket: 16-bit samples come in, levels and words go out as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from sutja.audio import Waveform
from sutja.errors import AudioError, BundleError, ConfigError
from sutja.pcm import EXPECTED, SAMPLE_RATES, Beginning, from_pcm16
from sutja.predictor import Predictor
from sutja.server import answers
from sutja.server.answers import AskedStrings, asked_strings
from sutja.server.pool import Pool
from sutja.streams import Event, IsolatedWords, Levels, Recogniser, Word
from sutja.texts.phrases import retold
from sutja.transcription import Transcriber
from sutja.transcripts import record_of

POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1
SEND_SECONDS = 5.0  # that a client may leave what it was told unread

Message = dict[str, Any]


class StreamError(Exception):
    """What the client sent cannot be a stream; the message is for the client."""


class Listener:
    """Turns a stream's bytes into messages about them; knows nothing of sockets.

    Parameters
    ----------
    predictor
        That is asked about each word.
    sample_rate
        Of the stream, Hz.
    strings
        Which strings can be said, where words in a row are listened for.

    """

    def __init__(self, predictor: Predictor, sample_rate: int, strings: AskedStrings | None = None) -> None:
        self._beginning = Beginning(sample_rate)
        self._feed: Callable[[Waveform], list[Message]]
        self._flush: Callable[[], list[Message]]
        if strings is None:
            words: Recogniser = IsolatedWords(predictor, sample_rate)
            self._feed, self._flush = lambda waveform: _told(words.feed(waveform)), lambda: _told(words.flush())
        else:
            levels, stream = Levels(sample_rate), strings.transcriber.stream(sample_rate, strings.grammar)
            self._feed = lambda waveform: [*_told(levels.feed(waveform)), *map(record_of, stream.feed(waveform))]
            self._flush = lambda: [*map(record_of, stream.flush())]

    def hear(self, content: bytes) -> list[Message]:
        """Take the next PCM16 little-endian samples.

        Raises
        ------
        StreamError
            When a sample is cut in two, or the stream is no such samples.

        """
        if not self._beginning.is_sound(content):
            raise StreamError(_no_sound(self._beginning))
        if len(content) % 2:
            raise StreamError(f"a message of {len(content)} bytes; expected whole 16-bit samples; send an even number")
        waveform = from_pcm16(content)
        return self._messages(lambda: self._feed(waveform))

    def end(self) -> list[Message]:
        """Tell of the word that was being said, and that this is all."""
        return [*self._messages(self._flush), {"type": "done"}]

    def _messages(self, listen: Callable[[], list[Message]]) -> list[Message]:
        try:
            return listen()
        except AudioError as error:
            raise StreamError(str(error)) from error


def _told(events: Sequence[Event]) -> list[Message]:
    """Tell of what one message from the client brought, the levels first: clients were always told in this order."""
    return [_message(event) for event in sorted(events, key=lambda event: isinstance(event, Word))]


def _no_sound(beginning: Beginning) -> str:
    if beginning.kind:
        return f"the stream is {beginning.kind}; {EXPECTED}; decode it first, or send it whole to /v1/predict"
    return f"the samples are 32-bit floats; {EXPECTED}; send round(32767 * sample) as int16"


def _message(event: Event) -> Message:
    if isinstance(event, Word):
        times = {"type": "word", "start": round(event.start, 3), "end": round(event.end, 3)}
        return times | answers.prediction(event)
    return {"type": "level", "time": round(event.end, 3), "dbfs": event.dbfs}


def sample_rate_of(text: str | None) -> int:
    """Read the sample rate that a client states.

    Raises
    ------
    StreamError
        When it is missing or none that microphones have.

    """
    low, high = SAMPLE_RATES
    if text is None or not (text.isascii() and text.isdigit()) or not low <= int(text[:9]) <= high:
        given = "no sample_rate" if text is None else f"sample_rate={text[:30]}"
        raise StreamError(f"{given}; expected {low} to {high} Hz, a whole number; open /v1/stream?sample_rate=48000")
    return int(text)


def strings_of(query: Mapping[str, str], transcriber: Transcriber | None) -> AskedStrings | None:
    """Read whether a client wants strings, and which: ``strings=1`` for any, or a list of them, and ``length``.

    Raises
    ------
    StreamError
        When the model knows no strings, the length is none, or the list is none or has a word that it does not know.

    """
    wanted, length = query.get("strings", "0"), query.get("length")
    if wanted == "0":
        if length is not None:
            raise StreamError("length without strings=1; expected both, or none; correct the address")
        return None
    try:
        return asked_strings(transcriber, length, None if wanted == "1" else wanted)
    except (ConfigError, BundleError) as error:
        raise StreamError(str(error)) from error


async def converse(  # noqa: PLR0913  what a service has
    socket: WebSocket,
    predictor: Predictor,
    pool: Pool,
    *,
    transcriber: Transcriber | None = None,
    idle_seconds: float,
    on_word: Callable[[], None],
) -> None:
    """Listen to one client until it ends, goes, is silent for too long or sends what is no sound."""
    with contextlib.suppress(WebSocketDisconnect):
        await socket.accept()
        try:
            rate = sample_rate_of(socket.query_params.get("sample_rate"))
            listener = Listener(predictor, rate, strings_of(socket.query_params, transcriber))
            await _recognise(socket, listener, pool, idle_seconds, on_word)
            await socket.close()
        except StreamError as error:
            await _send(socket, {"type": "error", "error": retold(str(error))})
            await socket.close(POLICY_VIOLATION)


async def _recognise(
    socket: WebSocket, listener: Listener, pool: Pool, idle_seconds: float, on_word: Callable[[], None]
) -> None:
    content: bytes | None = b""
    while content is not None:
        content = await _next(socket, idle_seconds)
        messages = await (pool.run(listener.end) if content is None else pool.run(listener.hear, content))
        for message in messages:
            await _send(socket, message)
            if message["type"] == "word":
                on_word()


async def _next(socket: WebSocket, idle_seconds: float) -> bytes | None:
    """Receive samples; None when the client says that it has ended."""
    try:
        message = await asyncio.wait_for(socket.receive(), idle_seconds)
    except TimeoutError as error:
        raise StreamError(f"nothing heard for {idle_seconds:g} s; expected sound; open the stream again") from error
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    if message.get("bytes") is not None:
        return bytes(message["bytes"])
    if _is_end(message.get("text") or ""):
        return None
    raise StreamError('a text message; expected samples as binary messages, or the text {"type":"end"}; correct it')


def _is_end(text: str) -> bool:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("type") == "end"


async def _send(socket: WebSocket, message: Message) -> None:
    try:
        await asyncio.wait_for(socket.send_text(answers.to_json(message).decode()), SEND_SECONDS)
    except TimeoutError as error:  # it does not read
        raise WebSocketDisconnect(POLICY_VIOLATION) from error
