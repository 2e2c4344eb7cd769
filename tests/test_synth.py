"""Synthetic voices: the same each time, different from each other, and written whole or not at all."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
import threading

import numpy as np
import pytest
from helpers import CutError
from spoken_digits import DIGITS, GERMAN

from sutja import synth
from sutja.dataset import scan
from sutja.errors import ConfigError, DependencyError, RunError
from sutja.inspection import inspect
from sutja.synth import SynthConfig, Voice, synthesise, write_dataset

SMALL = SynthConfig(n_voices=3, n_takes=2)
WORDS = {"0": "zero", "7": "seven"}


def digest(waveform) -> str:
    return hashlib.sha256(waveform.tobytes()).hexdigest()


def contents(folder) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def pitch_of(waveform, sample_rate=16_000) -> float:
    """Median over the loud frames of the lag where the autocorrelation peaks, as Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 1024)[::256]
    frames = frames[np.square(frames).sum(axis=1) > 0.3 * np.square(frames).sum(axis=1).max()]
    lags = range(sample_rate // 400, sample_rate // 60)
    peaks = [max(lags, key=lambda lag, f=f: float(f[lag:] @ f[:-lag])) for f in frames]
    return sample_rate / float(np.median(peaks))


# -- one word ---------------------------------------------------------------------------------------------------------


def test_a_word_sounds():
    waveform = synthesise("seven", Voice("en-us", "f1"))
    assert (waveform.dtype, waveform.ndim) == (np.float32, 1)
    assert 0.3 < len(waveform) / 16_000 < 0.7
    assert 0.2 < np.abs(waveform).max() <= 1


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 48_000])
def test_the_rate_changes_the_samples_not_the_sound(sample_rate):
    one, other = synthesise("seven", Voice()), synthesise("seven", Voice(), sample_rate=sample_rate)
    assert len(other) / sample_rate == pytest.approx(len(one) / 16_000, abs=1e-3)
    bands = [np.abs(np.fft.rfft(w))[: int(2000 * len(w) / r)] for w, r in ((one, 16_000), (other, sample_rate))]
    width = min(map(len, bands))
    assert np.corrcoef(bands[0][:width], bands[1][:width])[0, 1] > 0.99


def test_no_word_leaves_a_trace_in_the_next():
    """eSpeak keeps the phase of the flutter, echo and generators in static variables."""
    names = ("f1", "whisper", "RicishayMax", "klatt2", "Denis", "Alicia")
    alone = {name: digest(synthesise("seven", Voice("en", name))) for name in names}
    for first, then in itertools.permutations(names[:4], 2):
        synthesise("nine eight", Voice("en-us", first, rate=300, pitch=90))
        assert digest(synthesise("seven", Voice("en", then))) == alone[then]


def test_another_process_says_the_same():
    code = (
        "import hashlib; from sutja.synth import *; "
        "print([hashlib.sha256(synthesise('seven', Voice('en', v)).tobytes()).hexdigest() for v in ('whisper', 'f1')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str([digest(synthesise("seven", Voice("en", v))) for v in ("whisper", "f1")])


def test_threads_wait_for_each_other():
    expected = {name: digest(synthesise("two", Voice("en", name))) for name in ("f1", "m1", "klatt")}
    found: list[tuple[str, str]] = []
    workers = [
        threading.Thread(target=lambda n=name: found.append((n, digest(synthesise("two", Voice("en", n))))))
        for name in list(expected) * 4
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 12
    assert all(expected[name] == value for name, value in found)


def test_every_variant_is_its_own_voice():
    digests = {name: digest(synthesise("seven", Voice("en", name))) for name in synth.variants()}
    assert len(digests) > 90
    assert len(set(digests.values())) == len(digests)
    plain = digest(synthesise("seven", Voice("en")))
    assert [n for n, d in digests.items() if d == plain] == ["fast"]  # it only changes the highest rates
    assert synth.NOT_PEOPLE.search("fast")


def test_accents_are_their_own():
    accents = synth.accents_of("en")
    assert {"en", "en-us", "en-gb-scotland"} <= set(accents)
    assert "en-shaw" not in accents  # reads another script
    assert len({digest(synthesise("four", Voice(a))) for a in accents}) == len(accents)
    assert synth.accents_of("ko") == ["ko"]


def test_rate_and_pitch_do_what_they_say():
    slow, fast = (synthesise("seven", Voice(rate=r)) for r in (120, 240))
    assert len(slow) > 1.5 * len(fast)
    low, high = (pitch_of(synthesise("nine", Voice("en", "m2", pitch=p))) for p in (10, 90))
    assert high > 1.3 * low
    assert pitch_of(synthesise("nine", Voice("en", "f2"))) > 1.3 * pitch_of(synthesise("nine", Voice("en", "m2")))


def test_digits_are_read_in_the_language():
    assert digest(synthesise("7", Voice("en"))) == digest(synthesise("seven", Voice("en")))
    readings = {digest(synthesise("7", Voice(language))) for language in ("en", "de", "ko", "fr")}
    assert len(readings) == 4
    one, other = (synthesise(t, Voice("ko")) for t in ("7", "칠"))
    assert len(one) == pytest.approx(len(other), rel=0.02)  # the same word, stressed a little otherwise


@pytest.mark.parametrize(
    ("text", "voice", "message"),
    [
        ("seven", Voice("xx"), "language 'xx' is not known to eSpeak"),
        ("seven", Voice("en-uk"), "language 'en-uk' is not known.*en-u"),
        ("seven", Voice("en", "f11"), "variant 'f11' is not known to eSpeak.*did you mean 'f1'"),
        ("seven", Voice("en", "../../lang/ko"), "variant .* is not known"),
        ("", Voice("en"), "gives no sound in language en"),
        ("...", Voice("en"), "gives no sound"),
    ],
)
def test_voices_and_texts_that_cannot_be(text, voice, message):
    with pytest.raises(ConfigError, match=message):
        synthesise(text, voice)


def test_without_the_wheel(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(DependencyError, match=r"espeakng-loader is not installed.*sutja\[synth\]"):
        synthesise("seven", Voice())


# -- a data set -------------------------------------------------------------------------------------------------------


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        assert write_dataset(tmp_path / name, WORDS, SMALL) == 12
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(set(contents(tmp_path / "one").values())) == 13  # no two takes are alike
    write_dataset(tmp_path / "three", WORDS, SynthConfig(n_voices=3, n_takes=2, seed=1))
    assert not set(contents(tmp_path / "three").values()) & set(contents(tmp_path / "one").values())


def test_more_takes_words_and_voices_leave_the_others_as_they_were(tmp_path):
    write_dataset(tmp_path / "few", WORDS, SMALL)
    write_dataset(tmp_path / "many", {"yes": "yes", **WORDS}, SynthConfig(n_voices=4, n_takes=3))
    few, many = contents(tmp_path / "few"), contents(tmp_path / "many")
    assert len(many) == 4 * 3 * 3 + 1
    assert {name: few[name] for name in few if name.endswith(".wav")}.items() <= many.items()


def test_it_is_a_good_data_set(tmp_path):
    done = []
    write_dataset(tmp_path / "set", None, SynthConfig(n_voices=4, n_takes=1), progress=lambda: done.append(1))
    dataset = scan(tmp_path / "set")
    assert (dataset.layout, dataset.speakers) == ("audiomnist", ("01", "02", "03", "04"))
    assert dataset.labels == tuple("0123456789")
    assert len(dataset.clips) == len(done) == 40
    found = inspect(dataset)
    assert found.problems == ()
    assert 0.1 < found.durations.shortest < found.durations.longest < 1.0
    assert found.sample_rates == {16_000: 40}


def test_speakers_are_described(tmp_path):
    write_dataset(tmp_path / "set", WORDS, SMALL)
    people = json.loads((tmp_path / "set/data/audioMNIST_meta.txt").read_text(encoding="utf-8"))
    assert list(people) == ["01", "02", "03"]
    assert all(p["voice"].startswith("eSpeak NG en") for p in people.values())
    assert len({p["voice"] for p in people.values()}) == 3
    assert {p["gender"] for p in people.values()} <= {"female", "male", "unknown"}
    assert scan(tmp_path / "set").clips[0].attributes["accent"] == people["01"]["accent"]


def test_labels_of_every_kind_are_read_back(tmp_path):
    words = {"하나": "하나", "turn_it off": "turn it off", "1_2_3": "one", "é": "e", "10": "10"}
    write_dataset(tmp_path / "말 set", words, SynthConfig(language="ko", n_voices=1, n_takes=1))
    assert set(scan(tmp_path / "말 set").labels) == set(words)


def test_speakers_are_drawn_from_all_variants_before_any_comes_again():
    voices = synth.draw_voices(SynthConfig(n_voices=200))
    names = [v.variant for v in voices.values()]
    n_people = len({n for n in synth.variants() if not synth.NOT_PEOPLE.search(n)})
    assert 80 < n_people == len(set(names[:n_people]))
    assert len(set(voices.values())) == 200
    assert list(voices)[:2] == ["001", "002"]


def test_rates_and_pitches_stay_in_their_ranges():
    config = SynthConfig(n_voices=50, rates=(150, 152), pitches=(40, 40))
    voices = synth.draw_voices(config).values()
    assert {v.rate for v in voices} == {150, 151, 152}
    assert {v.pitch for v in voices} == {40}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_voices": 0}, "voices is 0; expected 1 to"),
        ({"n_takes": 0}, "takes is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"sample_rate": 1}, "sample rate is 1"),
        ({"rates": (200, 100)}, "rate is 200; expected 80 to 100"),
        ({"pitches": (0, 100)}, "pitch is 100; expected 0 to 99"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        SynthConfig(**settings)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"a/b": "x"}, "label 'a/b' cannot be a file name"),
        ({"..": "x"}, "cannot be a file name"),
        ({"x" * 300: "x"}, "cannot be a file name"),
        ({" ": "x"}, "label ' ' is empty"),
        ({"a": "x", "a ": "y"}, "label 'a ' is there twice"),
        ({"a": " "}, "label 'a' has no text to read"),
        ({"a": "..."}, r"'\.\.\.' gives no sound"),
    ],
)
def test_words_that_cannot_be_leave_nothing_behind(tmp_path, words, message):
    with pytest.raises(ConfigError, match=message):
        write_dataset(tmp_path / "set", words, SMALL)
    assert list(tmp_path.iterdir()) == []


def test_digits_of_another_language_are_read_in_it(tmp_path):
    write_dataset(tmp_path / "de", None, SynthConfig(language="de", n_voices=1, n_takes=1))
    write_dataset(
        tmp_path / "told", dict(zip(DIGITS, GERMAN, strict=True)), SynthConfig(language="de", n_voices=1, n_takes=1)
    )
    assert contents(tmp_path / "de") == contents(tmp_path / "told")
    with pytest.raises(ConfigError, match="no words for the digits are built in for language 'is'"):
        write_dataset(tmp_path / "is", None, SynthConfig(language="is"))


def test_chinese_is_mandarin():
    assert synth.accents_of("zh") == synth.accents_of("cmn") == ["cmn"]
    assert synth.accents_of("zh-yue") == ["yue"]


def test_labels_say_what_to_read():
    with pytest.raises(ConfigError, match="label 'a' is there twice"):
        synth.parse_words("a,b,a=x")


def test_a_folder_that_is_there_stays_as_it_is(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/mine.txt").write_text("precious")
    with pytest.raises(RunError, match="set: is there already; expected a new or an empty folder"):
        write_dataset(tmp_path / "set", WORDS, SMALL)
    assert [p.name for p in tmp_path.rglob("*")] == ["set", "mine.txt"]
    (tmp_path / "set/mine.txt").unlink()
    write_dataset(tmp_path / "set", WORDS, SMALL)  # an empty one will do
    assert len(scan(tmp_path / "set").clips) == 12


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    written = []

    def write(*arguments, **settings):
        written.append(1)
        if len(written) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(synth.soundfile, "write", write)
    with pytest.raises(RunError, match=r"set: cannot be written \(No space left on device\)"):
        write_dataset(tmp_path / "set", WORDS, SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_stop_by_hand_leaves_nothing_behind(tmp_path):
    def stop():
        raise CutError

    with pytest.raises(CutError):
        write_dataset(tmp_path / "set", WORDS, SMALL, progress=stop)
    assert list(tmp_path.iterdir()) == []
