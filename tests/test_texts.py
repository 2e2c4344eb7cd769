"""The catalogue is whole, and Korean reads as Koreans write it."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import sutja
from sutja import texts
from sutja.diagnosis import QUANTITIES, WEIGHT
from sutja.runs import ADVICE_KINDS
from sutja.texts import LANGUAGES, catalogue, language_of, particle, say, speaking

SOURCE = Path(sutja.__file__).parent
KEYS = sorted(catalogue())
# Keys that the source builds of parts: the parts are listed where they are at home.
BUILT = {f"diagnosis.{kind}.{what}" for kind in WEIGHT for what in ("name", "text", "advice", "why")}
BUILT |= {f"teaching.{kind}" for kind in ADVICE_KINDS}
BUILT |= {f"diagnosis.quantity.{quantity}" for quantity in QUANTITIES}

OF_EXPERIMENTS = {  # and what their figures name
    "checkpoint": ("kept", "last"),
    "copies": ("share", "shuffled", "apart", "mixed"),
    "speakers": ("clips", "speakers"),
    "long": (),
    "plots": ("drawn", "axis"),
    "padding": ("title", "before", "after", "mfcc"),
    "strangers": ("noise", "hum", "words"),
    "mfcc": ("title", "study", "even"),
}
BUILT |= {f"experiments.{e}.{k}" for e, named in OF_EXPERIMENTS.items() for k in ("name", "question", "result", *named)}
BUILT |= {"experiments.axis.share", "study.honest.one"}
BUILT |= {f"study.protocol.{name}.{length}" for name in ("copies", "clips", "speakers") for length in ("short", "long")}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", KEYS)
def test_every_text_is_there_in_every_language(key):
    assert set(catalogue()[key]) == set(LANGUAGES)
    english, korean = (catalogue()[key][language] for language in LANGUAGES)
    assert english
    assert korean
    assert not re.search("[가-힣]", english)
    assert fields(english) == fields(korean)
    assert not re.search(r"\(이\)|\(가\)|은\(는\)|을\(를\)|와\(과\)|\(으\)로", korean), (
        "choose the particle: {word:은는}"
    )
    assert english.count("`") % 2 == 0
    assert english.count("`") == korean.count("`")


def test_every_text_is_used():
    sources = [p for p in SOURCE.rglob("*") if p.suffix in (".py", ".html", ".js", ".txt", ".ipynb")]
    everything = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r"""["']([a-z_]+(?:\.[a-z_0-9]+)+)["']""", everything))
    assert set(KEYS) - named - built(everything) == set(), "nobody says these"
    assert set(BUILT) <= set(KEYS)


def built(everything: str) -> set[str]:
    return BUILT


def test_particles_of_specifiers_are_known():
    for texts_of in catalogue().values():
        for _, name, spec, _ in string.Formatter().parse(texts_of["ko"]):
            if name and spec and re.search("[가-힣]", spec):
                assert spec in texts.PARTICLES, spec


@pytest.mark.parametrize(
    "phrase",
    [
        "0은 1은 2는 3은 4는 5는 6은 7은 8은 9는 10은 40은 100은 0.5는",
        "mel은 MFCC는 ensemble은 CNN은 PCM은 URL은 CSV는 PNG는 WAV는 FSDD는 R은 L은",
        "fold는 epoch는 batch는 clip은 file은 name은 seven은 zero는 nine은 one은 three는 web은 speaker는 train은",
        "단어는 화자는 인식은 거부는 숫자는 클립은 앙상블은 사람은 ‘일’은 '이'는 (칠)은 음량(dBFS)은",
    ],
)
def test_topics(phrase):
    for said in phrase.split():
        word, expected = said[:-1], said[-1]
        assert particle(word, "은는") == expected, word


def test_other_pairs():
    assert [particle(w, "으로로") for w in ("7", "1", "2", "3", "mel", "MFCC", "서울", "집", "R")] == [
        "로", "로", "로", "으로", "로", "로", "로", "으로", "로",
    ]  # fmt: skip
    assert particle("mel", "이가") == "이"
    assert [particle(w, "과와") for w in ("mel", "4")] == ["과", "와"]
    assert [particle(w, "이라고라고") for w in ("7", "4")] == ["이라고", "라고"]
    assert [particle(w, "을를") for w in ("", "!", "7!", "4.")] == ["를", "를", "을", "를"]
    with pytest.raises(KeyError):
        particle("4", "은")


@pytest.mark.parametrize("pair", texts.PARTICLES)
def test_every_syllable_takes_the_one_or_the_other(pair):
    behind_consonant, behind_vowel = texts.PARTICLES[pair]
    assert particle("강", pair) == behind_consonant
    assert particle("가", pair) == behind_vowel
    assert {particle(chr(code), pair) for code in range(0xAC00, 0xD7A4)} == {behind_consonant, behind_vowel}


def test_fields_are_filled_in():
    told = say("diagnosis.over_fitted.text", "ko", member="mel", train=0.98, valid=0.5)
    assert "mel은" in told
    assert "98.0\u00a0%" in told
    t = speaking("en")
    assert t("study.word.fold") == "fold"
    with pytest.raises(KeyError, match="valid"):
        say("diagnosis.over_fitted.text", "en", member="mel", train=0.98)
    with pytest.raises(KeyError, match="nowhere"):
        say("nowhere")


def test_the_language_is_the_locales():
    assert language_of({"LC_ALL": "ko_KR.eucKR", "LANG": "en_US"}) == "ko"
    assert language_of({"LC_ALL": "", "LANG": "C.UTF-8"}) == "en"
