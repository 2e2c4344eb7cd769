"""Words by language: nothing is missing that dictionaries have, and eSpeak can say them."""

from __future__ import annotations

import unicodedata

import pytest
from spoken_digits import DIGITS, FORMS, GERMAN

from sutja import lexicon, synth
from sutja.errors import ConfigError
from sutja.lexicon import LEXICON, said, vocabulary


@pytest.mark.parametrize("language", FORMS)
def test_every_form_of_a_digit_is_of_the_vocabulary(language):
    told, untold, unknown = (vocabulary(DIGITS, name, {}) for name in (language, None, "is"))
    for word in FORMS[language].split():
        for spelling in (word, word.upper(), unicodedata.normalize("NFD", word), f" {word} "):
            assert spelling in told, spelling
            assert spelling in untold
            assert spelling in unknown
    assert "mountain" not in told
    assert "mountain" not in untold


@pytest.mark.parametrize("language", LEXICON)
def test_no_digit_is_called_as_another(language):
    """But for words that a language has twice: Vietnamese `năm` and `nam` differ in an accent alone."""
    forms = LEXICON[language].digits
    assert len(forms) == 10
    for number, words in enumerate(forms):
        assert len(set(words)) == len(words)
        assert all(word == unicodedata.normalize("NFC", word) == word.strip() != "" for word in words)
        others = {word for other in forms[:number] + forms[number + 1 :] for word in other}
        assert not others & set(words), number


def test_the_tables_know_the_numbers_among_their_words():
    found = vocabulary(["10", "1000", "left"], "en", {})
    assert "ten" in found
    assert "thousand" in found
    assert "twelve" not in found
    for language in LEXICON.values():
        assert set(language.numbers.values()) <= set(language.words)


@pytest.mark.parametrize("name", ["de", "DE", "de-at", "de-DE", "de-Latn-AT"])
def test_a_language_is_found_by_its_tag(name):
    assert lexicon.find(name) is LEXICON["de"]


@pytest.mark.parametrize("name", [None, "", "is", "xx", "d", "deutsch", "-"])
def test_a_language_that_is_not_there(name):
    assert lexicon.find(name) is None


def test_names_that_mean_the_same():
    assert lexicon.find("cmn") is lexicon.find("zh-TW") is lexicon.find("yue") is LEXICON["zh"]
    assert lexicon.find("no") is LEXICON["nb"]


def test_what_is_read_for_digits():
    assert lexicon.digit_words("ko")["7"] == "칠"
    assert lexicon.digit_words("de-AT") == dict(zip(DIGITS, GERMAN, strict=True))
    with pytest.raises(ConfigError, match="no words for the digits are built in for language 'is', only for en, ko, "):
        lexicon.digit_words("is")


@pytest.mark.parametrize(
    ("labels", "language", "spoken", "expected"),
    [
        (["0", "7"], "fr", {}, {"0": "zéro", "7": "sept"}),
        (["0", "7"], None, {}, {}),
        (["0", "7"], "is", {}, {}),
        (["0", "7"], "is", {"7": "sjö"}, {"7": "sjö"}),
        (["0", "7"], "ko", {"0": "공"}, {"0": "공", "7": "칠"}),
        (["7", "yes", "10"], None, {}, {"yes": "yes", "10": "10"}),
        (["7", "yes", "10"], "en", {"yes": "yeah"}, {"7": "seven", "yes": "yeah", "10": "10"}),
        (["７", "٣"], "es", {}, {"７": "siete", "٣": "tres"}),  # of full width; Arabic
        (["01", "", "½", "²"], "en", {}, {"01": "01", "": "", "½": "½", "²": "²"}),
        (["yes"], "en", {"no": "nope"}, {"yes": "yes"}),  # of no label: said of nothing
    ],
)
def test_what_is_said_for_labels(labels, language, spoken, expected):
    assert said(labels, language, spoken) == expected


def test_words_that_are_no_digits_leave_the_digits_out_of_it():
    found = vocabulary(["yes", "go"], None, {})
    assert "go" in found
    assert not {"sun", "cat", "eins", "하나"} & {word for _, word in lexicon.listed_words() if word in found}


def test_an_accent_makes_another_word_in_english_only():
    assert "zéro" not in vocabulary(DIGITS, "en", {})
    assert "zéro" in vocabulary(DIGITS, "it", {})
    assert "tres" in vocabulary(DIGITS, "pt", {})  # três


# -- eSpeak -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LEXICON)
def test_espeak_says_ten_different_digits(language):
    pytest.importorskip("espeakng_loader")
    if language not in synth.languages():
        pytest.skip(f"this eSpeak has no {language}")
    voice = synth.Voice(synth.accents_of(language)[0])
    spoken = [synth.synthesise(word, voice) for word in lexicon.digit_words(language).values()]
    assert len({waveform.tobytes() for waveform in spoken}) == 10
    # Letters that eSpeak does not know it spells out, in English: 0.86 s for one, 5 s for a Hebrew word.
    assert all(0.1 < len(waveform) / 16_000 < 0.8 for waveform in spoken)


@pytest.mark.parametrize("language", [name for name in LEXICON if LEXICON[name].words])
def test_espeak_says_the_other_words(language):
    pytest.importorskip("espeakng_loader")
    for word in LEXICON[language].words:
        assert 0.05 < len(synth.synthesise(word, synth.Voice(language))) / 16_000 < 1.2, word
