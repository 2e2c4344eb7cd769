"""Words as they are spoken: those that a stream gives, from wherever the sound comes."""

from __future__ import annotations

import functools
import io
import re
import shlex
from pathlib import Path

import pytest
from conftest import write_wav
from helpers import sutja as run_command
from microphones import RATE, plugged_in, spoken
from strings import said, string_bundle

import sutja
from sutja.blocks import Pipe, open_blocks
from sutja.endpoints import EndpointConfig
from sutja.errors import AudioError, BundleError, ConfigError
from sutja.live import strings_of
from sutja.pcm import to_pcm16
from sutja.predictor import Predictor
from sutja.streams import Word, words_in
from sutja.transcription import Transcriber


@functools.cache
def model():
    return sutja.load()


def test_a_file_a_pipe_samples_and_a_microphone_give_the_same_words(tmp_path, monkeypatch):
    path = write_wav(tmp_path / "three.wav", spoken(3), RATE)
    expected = words_in(model(), path)
    assert len(expected) == 3
    assert all(isinstance(word, Word) for word in expected)
    samples = to_pcm16(spoken(3))
    assert list(sutja.listen(model(), path)) == list(sutja.listen("digits-en", path)) == list(expected)
    raw = list(sutja.listen(model(), Pipe(io.BytesIO(samples.tobytes())), sample_rate=RATE))
    plugged_in(monkeypatch, samples.astype("float32") / 2**15)
    words = []
    with pytest.raises(AudioError, match="no sound comes from it"):
        words.extend(sutja.listen(model()))
    assert words == raw
    assert [word.start for word in raw] == [word.start for word in expected]


def test_a_word_is_given_before_the_next_one_is_heard():
    read = io.BytesIO(to_pcm16(spoken(20)).tobytes())
    words = sutja.listen(model(), Pipe(read), sample_rate=RATE)
    assert next(words).start == pytest.approx(0.5, abs=0.03)
    assert read.tell() / 2 / RATE < 0.5 + 0.4 + EndpointConfig().hang_seconds + 0.3
    words.close()


def test_strings_are_told_while_they_are_said():
    content = to_pcm16(said("abba", "cd", pause=0.8)).tobytes()
    read = io.BytesIO(content)
    events = sutja.listen(Predictor(string_bundle()), Pipe(read), sample_rate=RATE, strings=True)
    first = next(event for event in events if isinstance(event, sutja.SpokenWord))
    assert first.label == "a"
    assert read.tell() / 2 / RATE < first.end + 0.6  # what a pipe is read in, and the decoder's wait
    rest = list(events)
    assert [event.text for event in rest if isinstance(event, sutja.SpokenString)] == ["abba", "cd"]
    assert any(isinstance(event, sutja.Partial) for event in rest)


def test_strings_of_a_known_length_and_out_of_a_list():
    model = Predictor(string_bundle())
    for how in ({"strings": True, "length": 2}, {"strings": ["ab", "cd"]}):
        events = list(sutja.listen(model, said("ab", "cd", pause=0.3), sample_rate=RATE, **how))
        assert [event.text for event in events if isinstance(event, sutja.SpokenString)] == ["ab", "cd"]


def test_sound_that_was_lost_is_told_of_strings_too():
    with open_blocks(said("ab"), sample_rate=RATE) as blocks:
        told: list[int] = []

        class Lossy:
            sample_rate, name, n_lost = RATE, "lossy", 0

            def __iter__(self):
                for block in blocks:
                    self.n_lost += 1
                    yield block

        events = list(strings_of(Transcriber(string_bundle()), Lossy(), on_lost=told.append))
    assert told == list(range(1, len(told) + 1))
    assert events[-1].text == "ab"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 4}, "a length, and single words; expected strings=True"),
        ({"strings": True, "config": EndpointConfig()}, "what counts as a word, and strings; expected one of them"),
        ({"strings": True, "length": 0}, "length 0; expected 1 to"),
        ({"strings": ["xy"]}, "which the model does not know"),
    ],
)
def test_what_does_not_go_together_is_told_at_once(options, message):
    with pytest.raises(ConfigError, match=message):
        sutja.listen(Predictor(string_bundle()), said("a"), sample_rate=RATE, **options)


def test_settings_are_taken():
    patient = EndpointConfig(hang_seconds=0.6)
    (word,) = sutja.listen(model(), spoken(2), sample_rate=RATE, config=patient)
    assert word.end - word.start > 1


def test_what_is_no_model_is_told(tmp_path):
    with pytest.raises(BundleError):
        next(sutja.listen(tmp_path, spoken(1)))


# -- its page ---------------------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[1] / "docs" / "microphone.md"


def blocks_of(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)


def test_the_examples_of_its_page(tmp_path, monkeypatch, capsys):
    write_wav(tmp_path / "session.wav", spoken(4), RATE)
    monkeypatch.chdir(tmp_path)
    for example in blocks_of("python"):
        exec(compile(example, str(PAGE), "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_the_commands_of_its_page(tmp_path, monkeypatch):
    write_wav(tmp_path / "session.wav", spoken(4), RATE)
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks_of("sh") for line in block.splitlines()]
    assert len(lines) == 6
    for line in lines:
        plugged_in(monkeypatch, spoken(2))
        result = run_command(*shlex.split(line)[1:])
        if "anna --takes 5" in line:  # keys need a terminal
            assert result.exit_code == 2
        elif "session.wav" in line or "--list-devices" in line:
            assert result.exit_code == 0, f"{line}\n{result.output}"
        else:  # until the microphone is unplugged
            assert "no sound comes from it any more" in result.stderr
            assert len(result.stdout.splitlines()) == 2
