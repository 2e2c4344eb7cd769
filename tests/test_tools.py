"""What `make model` makes beside the corpora."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sutja.audio import load_waveform
from sutja.config import preset
from sutja.dataset import scan
from sutja.lexicon import LEXICON

ROOT = Path(__file__).parents[1]
AUDIO = preset("robust").audio
# bench/voices.py measures how these are refused by networks that never learned them; the others say a digit.
NEVER = {"yes", "no", "up", "down", "to", "too", "for", "won", "ate", "oh", "one", "two", "six", "nine"}

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


def flite_voices(out: Path, *more: object, path: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools" / "flite_voices.py", out, *map(str, more)]
    environment = None if path is None else {"PATH": path}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@needs_flite
def test_flite_says_digits_and_other_words_the_same_again(tmp_path):
    for name in ("first", "second"):
        assert flite_voices(tmp_path / name, "--words", 12, "--takes", 1).returncode == 0
    digits, words = scan(tmp_path / "first" / "digits").clips, scan(tmp_path / "first" / "words").clips
    assert [clip.label for clip in digits] == [str(digit) for digit in range(10)]
    assert len(words) == 12
    for clip in (*digits, *words):
        waveform = load_waveform(clip.path, AUDIO)
        assert 0.15 < len(waveform) / AUDIO.sample_rate < 2.5
        assert abs(waveform).max() > 0.01
        again = tmp_path / "second" / clip.path.relative_to(tmp_path / "first")
        assert clip.path.read_bytes() == again.read_bytes()


@needs_flite
def test_flite_does_not_write_over_what_is_there(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    found = flite_voices(tmp_path / "mine")
    assert found.returncode == 1
    assert "is there already; expected a new or an empty folder" in found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_flite_one_line_says_what_to_install(tmp_path):
    found = flite_voices(tmp_path / "out", path=str(tmp_path))
    assert found.returncode == 1
    assert found.stderr == (
        "the program `flite` was not found; install it (Debian and Ubuntu: apt-get install flite)\n"
    )
    assert not (tmp_path / "out").exists()


def test_flite_says_no_digit_and_no_word_that_is_measured_to_be_refused():
    listed = runpy.run_path(str(ROOT / "tools" / "flite_voices.py"))["MORE_WORDS"]
    assert len(listed) > 700
    assert not NEVER & {*listed, *LEXICON["en"].words}


# -- another processor ------------------------------------------------------------------------------------------------

DISPATCHED = (
    "from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__\n"
    "print(*(name for name in __cpu_dispatch__ if __cpu_features__.get(name)))"
)


def told_as(instruction_set: str, program: str) -> list[str]:
    """What a program says where the processor is held to a set of instructions; a warning would be an error."""
    tool = ROOT / "tools" / "instruction_sets.py"
    command = [sys.executable, tool, instruction_set, sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_numpy_is_held_to_fewer_instructions():
    own, fewer, none = (set(told_as(name, DISPATCHED)) for name in ("own", "avx2", "baseline"))
    assert none == set()
    assert fewer == {name for name in own if not name.startswith(("AVX512", "X86_V4"))}


def test_torch_is_held_to_fewer_instructions():
    pytest.importorskip("torch")
    program = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    assert told_as("baseline", program) == ["DEFAULT"]


def test_the_status_of_the_command_is_kept():
    tool = ROOT / "tools" / "instruction_sets.py"
    ended = subprocess.run([sys.executable, tool, "avx2", sys.executable, "-c", "raise SystemExit(7)"], check=False)
    assert ended.returncode == 7


# -- espeak_words ----------------------------------------------------------------------------------------------------


def espeak_words(out: Path, *more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools" / "espeak_words.py", out, *map(str, more)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_espeak_says_words_in_many_voices_and_languages(tmp_path):
    pytest.importorskip("espeakng_loader")
    made = espeak_words(tmp_path / "a", "--words", 3, "--takes", 2, "--foreign", 1)
    assert made.returncode == 0, made.stderr
    names = {path.name for path in (tmp_path / "a").iterdir()}
    english = {name for name in names if "_" not in name}
    assert len(english) == 3
    assert not english & {"one", "won", "to", "yes", "know"}
    assert {"de_sieben", "ko_칠"} <= names
    assert not {name for name in names if name.startswith(("pl_", "uk_", "az_", "gu_", "ar_"))}
    assert all(len(list((tmp_path / "a" / name).iterdir())) == 2 for name in english)
    espeak_words(tmp_path / "b", "--words", 3, "--takes", 2, "--foreign", 1)
    files = sorted((tmp_path / "a").rglob("*.flac"))
    assert [f.read_bytes() for f in files] == [f.read_bytes() for f in sorted((tmp_path / "b").rglob("*.flac"))]


def test_espeak_words_that_are_there_are_left_alone(tmp_path):
    pytest.importorskip("espeakng_loader")
    (tmp_path / "mine").write_text("x")
    found = espeak_words(tmp_path / "mine", "--words", 1, "--takes", 1, "--foreign", 1)
    assert found.returncode == 1
    assert "mine" in found.stderr
    assert (tmp_path / "mine").read_text() == "x"
