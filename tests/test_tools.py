"""What `make model` makes beside the corpora."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sutja.audio import load_waveform
from sutja.config import preset
from sutja.dataset import scan
from sutja.negatives import WORDS

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import people_voices  # noqa: E402
from spoken_words import FOREIGN_WORDS, MORE_WORDS  # noqa: E402

AUDIO = preset("robust").audio
# bench/voices.py measures how the first are refused by networks that never learned them; the others say a digit.
NEVER = {"yes", "no", "up", "down", "to", "too", "for", "won", "ate", "oh", "one", "two", "six", "nine", "nein"}
MISSING = [name for name, is_there in people_voices.IS_THERE.items() if not is_there()]

needs_voices = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (tools/voices.txt)")


def make_voices(out: Path, *more: object, path: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools" / "people_voices.py", out, "--programs", "flite", "festival", "pico"]
    command += map(str, more)
    environment = None if path is None else {"PATH": path}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@needs_voices
def test_voices_say_digits_and_other_words_the_same_again(tmp_path):
    for name in ("first", "second"):
        assert make_voices(tmp_path / name, "--words", 12, "--takes", 1).returncode == 0
    digits, words = scan(tmp_path / "first" / "digits").clips, scan(tmp_path / "first" / "words").clips
    assert [clip.label for clip in digits] == [str(digit) for digit in range(10)]
    assert len(words) == 12
    for clip in (*digits, *words):
        again = tmp_path / "second" / clip.path.relative_to(tmp_path / "first")
        assert clip.path.read_bytes() == again.read_bytes()


@needs_voices
@pytest.mark.parametrize("voice", [*people_voices.ENGLISH, *people_voices.FOREIGN], ids=lambda voice: voice.name)
def test_every_voice_says_a_word_of_its_language_slower_when_asked(tmp_path, voice):
    text = "seven" if voice.language == "en" else FOREIGN_WORDS[voice.language].split()[-1]
    seconds = {}
    for stretch in (0.8, 1.4):
        clip = people_voices.Clip(text, tmp_path / f"слово{stretch}.wav", voice, stretch, 0.5)
        people_voices.speak(clip)
        waveform = load_waveform(clip.path, AUDIO)
        assert abs(waveform).max() > 0.01
        seconds[stretch] = len(waveform) / AUDIO.sample_rate
    assert 0.2 < seconds[0.8] <= seconds[1.4] < 3
    assert seconds[0.8] < seconds[1.4] or voice.name.endswith("_hts")  # these have a speed of their own


@needs_voices
def test_voices_do_not_write_over_what_is_there(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    found = make_voices(tmp_path / "mine")
    assert found.returncode == 1
    assert "is there already; expected a new or an empty folder" in found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_the_programs_one_line_says_what_to_install(tmp_path):
    found = make_voices(tmp_path / "out", path=str(tmp_path))
    assert found.returncode == 1
    assert found.stderr.startswith("not found: flite, festival")
    assert "the packages in voices.txt" in found.stderr
    assert found.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_clips_are_drawn_by_people_who_speak_the_language(tmp_path):
    clips = people_voices.clips(tmp_path, 400, 3, tuple(people_voices.PROGRAMS), np.random.default_rng(1))
    digits, words = clips[:30], clips[30:]
    assert {clip.voice.language for clip in digits} == {"en"}
    foreign = [clip for clip in words if clip.voice in people_voices.FOREIGN]
    assert len(foreign) / len(words) == pytest.approx(people_voices.FOREIGN_SHARE, abs=0.08)
    assert all(clip.text in FOREIGN_WORDS[clip.voice.language].split() for clip in foreign)
    assert all(clip.text in {*WORDS, *MORE_WORDS} for clip in words if clip.voice in people_voices.ENGLISH)
    assert len({clip.path for clip in clips}) == len(clips)
    clips = people_voices.clips(tmp_path, 40, 1, ["flite"], np.random.default_rng(1))
    assert {clip.voice.program for clip in clips} == {"flite"}


def test_no_digit_is_refused_and_no_word_that_is_measured_to_be_refused():
    foreign = [word for words in FOREIGN_WORDS.values() for word in words.split()]
    assert len(MORE_WORDS) > 700
    assert len(foreign) > 700
    assert not NEVER & {*MORE_WORDS, *WORDS, *foreign}
