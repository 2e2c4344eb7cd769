"""Every text has its Korean, room by room; sentences that were composed in English are told again."""

from __future__ import annotations

import re
import string
import tomllib

import phrasing
import pytest

from sutja import errors
from sutja.listening import PROBLEMS
from sutja.texts import PARTICLES
from sutja.texts.phrases import current, phrase, phrases, retold, said, speaking_in

KOREAN = phrasing.SOURCE / "texts" / "ko"
FILES = sorted(KOREAN.glob("*.toml"))
# Names and units that Korean writes as English does.
ALIKE = {"MFCC", "dB", "Hz", "Hz.", "5 to 95 %", "kbit/s; 22 MP3, 16 Opus, 13 GSM 6.10"}
ALIKE |= {
    "-> {label} ({n} of {all})",
    "{n} megabyte",
    "{low} to {high} %",
    "`{}` and `{}`",
    ", on {clips}",
    "(on {clips})",
}
PAGES = ("report.html", "scorecard.html", "strings.html", "sweep.html", "audit.html", "explore.html", "base.html")
# What stands on pages that is no word to translate: names, columns of our files.
NAMES = {"sutja", "Hz", "MFCC", "file_name", "label", "kB"}


def test_a_text_stands_in_one_file():
    seen: set[str] = set()
    for file in FILES:
        keys = set(tomllib.loads(file.read_text(encoding="utf-8")))
        assert not keys & seen, file.name
        seen |= keys
    assert seen == set(phrases())


def places(text: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_korean_is_korean_and_has_the_same_places(file):
    for english, korean in tomllib.loads(file.read_text(encoding="utf-8")).items():
        assert re.search("[가-힣]", korean) or english in ALIKE or not phrasing.says_something(english), english
        machine_made = r"\(이\)|\(가\)|은\(는\)|을\(를\)|와\(과\)|\(으\)로"
        assert not re.search(machine_made, korean), f"choose the particle, {{0:은는}}: {english}"
        named = set(filter(None, places(english)))
        numbered = {str(i) for i in range(places(english).count(""))}
        assert named <= set(places(korean)) <= named | numbered, english
        for _, _, spec, _ in string.Formatter().parse(korean):
            assert not spec or spec.removeprefix("~") in PARTICLES, spec
        for mark in ("<b>", "</b>", "<code>", "</code>", "<a ", "`"):
            assert english.count(mark) == korean.count(mark), english


# -- rooms: each is whole ---------------------------------------------------------------------------------------------


def missing(found: set[str]) -> list[str]:
    return sorted(found - set(phrases()))


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_whole(name):
    pytest.importorskip("jinja2")
    found = phrasing.of_pages(name)
    assert found or name == "base.html"
    assert missing(found) == []
    assert set(phrasing.bare_words(name)) <= NAMES, "a text that is not handed to _()"


def test_what_pages_take_from_tables_is_whole():
    pytest.importorskip("matplotlib")
    from sutja.reports import explore, run
    from sutja.stress import STRENGTHS

    named = {*run.PROTOCOLS.values(), *run.SHORT.values(), *run.FILES.values(), *STRENGTHS}
    named |= {unit for unit, _ in STRENGTHS.values()} | {name for name, _ in explore.QUANTITIES.values()}
    assert missing(named) == []


def test_figures_are_whole():
    pytest.importorskip("matplotlib")
    found = phrasing.of_figures()
    assert {"time (s)", "epoch", "predicted label"} <= found
    assert missing(found) == []


def test_help_is_whole():
    found = phrasing.of_help()
    assert len(found) > 100
    assert missing(found) == []


def test_no_axis_goes_past_the_catalogue():
    assert phrasing.unspoken_axes() == set()


def test_errors_are_whole():
    found = phrasing.of_errors()
    assert len(found) > 250
    assert missing(found) == []


def test_what_errors_are_made_of_is_whole():
    found = phrasing.of_parts()
    assert "export the model again" in found
    assert missing(found) == []


def test_what_commands_tell_is_whole():
    keys = {
        "no {}",
        "diagnosis.{}.{}",
        "experiments.{}",
        "teaching.{}",
        "study.protocol.{}.{}",
    }  # of the catalogue of keys
    found = phrasing.of_calls(
        iter(sorted(phrasing.SOURCE.rglob("*.py"))),
        say=(0,), tell=(0,), on_note=(0,), stage=(0,), _say=(0,), said=(0,), phrase=(0,),
    )  # fmt: skip
    assert "Open {}" in found
    assert missing(found - keys - {"sutja: {}"} - {text for text in found if text.startswith("\r")}) == []


def test_nothing_is_printed_past_the_catalogue():
    files = (phrasing.SOURCE / "cli").glob("*.py")
    found = phrasing.of_calls(files, echo=(0,))
    assert {text for text in found if re.search("[A-Za-z]{2}", re.sub(r"\{\}|Hz|dBFS", "", text))} == set()


def test_what_takes_are_refused_for_is_whole():
    from sutja.recording import ADVICE

    assert missing(set(ADVICE.values())) == []


def test_data_info_is_whole():
    lines = phrasing.of_yields(phrasing.SOURCE / "cli" / "data.py", "_lines")
    assert "layout:      {}" in lines
    assert missing(lines) == []
    assert missing({f"{name}: {{}}" for name in PROBLEMS.values()}) == []


def test_findings_are_whole():
    with speaking_in("ko"):
        for text in phrasing.of_sentences(phrasing.SOURCE / "findings.py") - {"{} And {}.", " {} are of {} {}."}:
            sentence = text.removeprefix("{}. ").strip()
            begun = ("7 of 9 clips are", "7 of 9 clips", "Label `7` has") if sentence.startswith("{}") else ("7",)
            told = [retold(sentence.replace("{}", start, 1).replace("{}", "7")) for start in begun]
            assert re.search("[가-힣]", "".join(told)), text


def test_why_something_in_a_folder_is_not_used_is_whole():
    from sutja.folders import REASONS

    assert missing({f"{{}} {reason}: {{}}" for reason in REASONS.values()}) == []


# -- telling ----------------------------------------------------------------------------------------------------------


def test_english_is_the_source():
    assert current() == "en"
    assert said("{n} clip", n=3) == "3 clip"
    assert retold("the file is empty; record it again") == "the file is empty; record it again"


def test_korean_is_spoken_inside_and_not_behind():
    with speaking_in("ko"):
        assert current() == "ko"
        assert said("{n} clip", n=3) == "클립 3개"
        assert phrase("nobody wrote this") == "nobody wrote this"
    assert current() == "en"


@pytest.mark.parametrize(
    ("english", "korean"),
    [
        ("seven.wav: the file is empty; record it again", "seven.wav: 파일이 비어 있습니다. 다시 녹음하세요"),
        ("  columns: a -> b", "  열: a -> b"),
        ("file_name -> file, label -> label", "file_name -> file, label -> label"),
        ("All are of speaker `kim`.", "모두 화자 `kim`의 것입니다."),
        (
            "12 % of the clips (3 of 25) are silent: leave them out. All are of label `7`.",
            "클립의 12 %(25개 중 3개)가 무음입니다. 빼세요. 모두 라벨 `7`의 것입니다.",
        ),
        (
            "x/y.csv: none of its 3 clips can be read: a.wav: the file is empty; record it again",
            "x/y.csv: 클립 3개 중 읽을 수 있는 것이 없습니다: a.wav: 파일이 비어 있습니다. 다시 녹음하세요",
        ),
        (
            "2 of 8 clips are in the data more than once, sample for sample, in 1 of 1 cases under another label. "
            "A copy on the other side of a split makes the score too good.",
            "클립 8개 중 2개가 데이터에 표본까지 똑같이 두 번 이상 들어 있고, 1건 중 1건은 라벨이 다릅니다. "
            "나눈 데이터의 양쪽에 같은 녹음이 있으면 점수가 실제보다 좋아집니다.",
        ),
        ("columns: label -> label (in 1 of 2 tables)", "열: label -> label(표 2개 중 1개에서)"),
        (
            "the study takes about 2 h here: 55 min for 30 networks, 80 s for figures, experiments, page and notebook",
            "여기서 연구 전체에 약 2시간 걸립니다: 신경망 30개에 55분, 그림·실험·쪽·노트북에 80초",
        ),
        (
            "sutja: train.csv: 1 of 32 files are missing (0.wav); looked in p; name their folder as the audio root, "
            "or copy them there, or delete their rows",
            "sutja: train.csv: 파일 32개 중 1개가 없습니다(0.wav). p에서 찾았습니다. --audio-root로 폴더를 알려 주거나, "  # noqa: E501
            "파일을 그곳에 복사하거나, 그 행을 지우세요",
        ),
        ("teaching takes about 1 min 40 s here", "여기서 가르치는 데 약 1분 40초 걸립니다"),
        ("what nobody ever says. At all", "what nobody ever says. At all"),
        ("", ""),
    ],
)
def test_sentences_are_told_again(english, korean):
    with speaking_in("ko"):
        assert retold(english) == korean


def test_names_stay_as_they_are():
    with speaking_in("ko"):
        told = retold("clips: no such folder or file; check the path")
    assert told == "clips: 그런 폴더나 파일이 없습니다. 경로를 확인하세요"


def test_particles_follow_what_is_filled_in():
    with speaking_in("ko"):
        assert retold("4 and 7 contradict each other; give one").startswith("4와 7은")
        assert "'torch'가" in retold(str(errors.needs("'torch'", "train")))


def test_what_is_too_long_is_left_alone():
    long = "the file is empty; record it again" + " " * 5_000
    with speaking_in("ko"):
        assert retold(long) == long
