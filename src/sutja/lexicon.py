"""Words by language: how digits are said, in all their common forms, and other words to learn refusal from.

A form is one way to say or to write a word: `zwei` and `zwo`, `일` and `하나`. The first form of a digit is what
synthetic voices read, in the script that eSpeak reads; the others are listed so that none of them is ever taught as
"not in the vocabulary". The tables hold what is sure, and no more: a language that is not here still trains and
predicts.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sutja.errors import ConfigError

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Language:
    """What is known of a language."""

    digits: tuple[tuple[str, ...], ...]
    """The forms of 0 to 9; the first of each is read aloud."""
    words: tuple[str, ...] = ()
    """To learn refusal from, in the order in which they are drawn; words of the vocabulary are left out there."""
    sound_alikes: frozenset[str] = frozenset()
    """Other spellings, of other languages or of no word at all, that are heard as one of the digits."""
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Those of ``words`` that say a larger number, by its figures."""
    accents: bool = True
    """Whether words are written with accents, so that one without them may be the same word."""


def _language(digits: str, sound_alikes: str = "", words: str = "") -> Language:
    """Read a row of the table: ten digits, their forms parted by a slash."""
    forms = tuple(tuple(digit.split("/")) for digit in digits.split())
    return Language(forms, tuple(words.split()), frozenset(sound_alikes.split()))


# Common words, and some that sound like digits.
_ENGLISH = """
left right go stop on off bird cat dog tree house happy marvin sheila bed wow backward forward follow learn
visual hello goodbye please thanks water coffee window table music light door open close start pause next back
play red green blue yellow white black apple orange banana monday tuesday sunday january august hero free fine
nice mine heaven eleven ten twelve thirty hundred thousand million sick fix mix sex tax late wait gate eighty
ninety sixty then when fun sun run done shoe new zoo food moon more store floor force fork hive live drive side
time sign line night seventy second several severe said siren never river nothing people mother father sister
brother school teacher letter number phone call message volume louder quieter alarm timer weather today tomorrow
yesterday computer internet picture camera question answer maybe always perfect important beautiful dangerous
elephant umbrella mountain ocean island kitchen garden hospital um hmm hey okay ouch
"""
_ENGLISH_NUMBERS = {
    "10": "ten",
    "11": "eleven",
    "12": "twelve",
    "30": "thirty",
    "60": "sixty",
    "70": "seventy",
    "80": "eighty",
    "90": "ninety",
    "100": "hundred",
    "1000": "thousand",
    "1000000": "million",
}

# The first five have words to refuse, and are drawn from in this order. Digits in other scripts stand there as they are
# written in Latin letters too: that is how English voices read a made-up word that is one of them. Arabic has its
# vowels in the first form and Japanese is in kana, as eSpeak needs it. Hebrew and Thai, which eSpeak misreads, are not
# here.
LEXICON: dict[str, Language] = {
    "en": replace(
        _language(
            "zero/oh/o/nought/naught one two three four five six seven eight nine",
            "wan won too to for fore thoo fai nai ate",
            _ENGLISH,
        ),
        numbers=_ENGLISH_NUMBERS,
        accents=False,
    ),
    "ko": _language(
        "영/공/령/제로/yeong/gong 일/하나/한/il/hana 이/둘/두/i/dul 삼/셋/세/석/서/sam/set 사/넷/네/넉/너/sa/net "
        "오/다섯/o/daseot 육/륙/여섯/yuk/yeoseot 칠/일곱/chil/ilgop 팔/여덟/pal/yeodeol 구/아홉/gu/ahop",
        "dool goo yook",
        "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 안녕 물 사람",
    ),
    "de": _language(
        "null eins/ein/eine zwei/zwo drei vier fünf/fuenf sechs sieben acht neun",
        "nul nool",
        "null eins zwei drei vier fünf sechs sieben acht neun ja nein hallo",
    ),
    "es": _language(
        "cero uno/un/una dos tres cuatro cinco seis siete ocho nueve",
        "sero sais",
        "cero uno dos tres cuatro cinco seis siete ocho nueve hola gracias",
    ),
    "fr": _language(
        "zéro un/une deux trois quatre cinq six sept huit neuf",
        "cat kat der set sis sees weet",
        "zéro un deux trois quatre cinq sept huit neuf bonjour merci",
    ),
    "it": _language("zero uno/un/una due tre quattro cinque sei sette otto nove", "cuatro sept set"),
    "pt": _language("zero um/uma dois/duas três quatro cinco seis/meia sete oito nove", "cuatro dos sais set"),
    "ca": _language("zero u/un/una dos/dues tres quatre cinc sis set vuit/huit nou", "cuatro seis sept"),
    "ro": _language("zero unu/una/un/o doi/două trei patru cinci șase/şase șapte/şapte opt nouă", "drei"),
    "nl": _language("nul een/één/eentje twee drie vier vijf zes zeven acht negen", "null nool"),
    "sv": _language("noll ett/en två tre fyra fem sex sju åtta nio", "null nol shoe shoo"),
    "da": _language("nul en/et/een to tre fire fem seks syv otte ni", "null sex nee"),
    "nb": _language("null en/én/ett/ein/ei to tre fire fem seks sju/syv åtte ni", "nul sex shoe shoo nee"),
    "fi": _language(
        "nolla yksi/yks/yy kaksi/kaks/kaa kolme/koo neljä/nelj/nee viisi/viis/vii kuusi/kuus/kuu "
        "seitsemän/seittemän/see kahdeksan/kasi yhdeksän/ysi"
    ),
    "pl": _language(
        "zero jeden/jedna/jedno/raz dwa/dwie/dwaj trzy/trzej cztery/czterej pięć sześć siedem osiem dziewięć"
    ),
    "cs": _language("nula jedna/jeden/jedno dva/dvě tři čtyři pět šest sedm/sedum osm/osum devět", "shest"),
    "hr": _language("nula jedan/jedna/jedno dva/dvije tri četiri pet šest sedam osam devet", "shest tree"),
    "ru": _language(
        "ноль/нуль/nol/nul один/одна/одно/раз/odin/raz два/две/dva/dve три/tri четыре/chetyre пять/pyat шесть/shest "
        "семь/sem восемь/vosem девять/devyat",
        "null tree",
    ),
    "uk": _language(
        "нуль/nul один/одна/одне/раз/odyn два/дві/dva три/try чотири/chotyry п'ять/п’ять/пять/pyat шість/shist "
        "сім/sim вісім/visim дев'ять/дев’ять/девять/devyat",
        "null tree seem",
    ),
    "bg": _language(
        "нула/nula едно/един/една/edno две/два/dve/dva три/tri четири/chetiri пет/pet шест/shest седем/sedem "
        "осем/osem девет/devet",
        "tree",
    ),
    "el": _language(
        "μηδέν/miden ένα/ένας/μία/μια/ena δύο/δυο/dio τρία/τρεις/tria τέσσερα/τέσσερις/tessera πέντε/pente έξι/exi "
        "επτά/εφτά/epta/efta οκτώ/οχτώ/okto/ochto εννέα/εννιά/ennea/ennia"
    ),
    "tr": _language("sıfır bir iki üç dört beş altı yedi sekiz dokuz", "besh"),
    "hu": _language("nulla egy kettő/két három négy öt hat hét nyolc kilenc", "hot"),
    "ar": _language(
        "صِفْر/sifr وَاحِد/واحدة/wahid اِثْنَان/اثنين/اثنتان/ithnan/ithnayn ثَلَاثَة/ثلاث/تلاتة/thalatha "
        "أَرْبَعَة/أربع/arbaa خَمْسَة/خمس/khamsa سِتَّة/ست/sitta سَبْعَة/سبع/sabaa ثَمَانِيَة/ثماني/ثمان/تمانية/thamaniya "
        "تِسْعَة/تسع/tisaa"
    ),
    "fa": _language(
        "صفر/sefr یک/يک/yek دو/do سه/se چهار/چار/chahar پنج/panj شش/شیش/shesh/shish هفت/haft هشت/hasht نُه/noh"
    ),
    "hi": _language(
        "शून्य/ज़ीरो/जीरो/shunya/zero एक/ek दो/do तीन/teen/tin चार/char/chaar पाँच/पांच/panch/paanch "
        "छह/छः/छे/छ/chhah/chhe सात/sat/saat आठ/aath/ath नौ/nau"
    ),
    "bn": _language("শূন্য/জিরো/shunno/zero এক/ek দুই/dui তিন/tin/teen চার/char পাঁচ/panch ছয়/chhoy সাত/shat আট/aat নয়/noy"),
    "id": _language("nol/kosong satu/esa dua tiga empat lima enam/nam tujuh delapan/lapan sembilan"),
    "ms": _language("kosong/sifar satu/se dua tiga empat lima enam/nam tujuh lapan/delapan sembilan"),
    "vi": _language("không một/mốt hai ba bốn/tư năm/lăm/nhăm sáu bảy/bẩy tám chín", "hi bar tarm"),
    "sw": _language("sifuri/zero moja mbili tatu nne tano sita saba nane tisa"),
    "zh": _language(
        "零/〇/líng/ling 一/幺/壹/yī/yi/yāo/yao 二/两/兩/贰/貳/èr/er/liǎng/liang 三/叁/參/sān/san "
        "四/肆/sì/si 五/伍/wǔ/wu 六/陆/陸/liù/liu 七/柒/qī/qi 八/捌/bā/ba 九/玖/jiǔ/jiu",
        "sun chee woo bar",
    ),
    "ja": _language(
        "ゼロ/れい/まる/レイ/マル/零/〇/rei/zero/maru いち/イチ/一/ひとつ/ichi に/ニ/二/ふたつ/ni "
        "さん/サン/三/みっつ/san よん/し/ヨン/シ/四/よっつ/yon/shi ご/ゴ/五/いつつ/go ろく/ロク/六/むっつ/roku "
        "なな/しち/ナナ/シチ/七/ななつ/nana/shichi "
        "はち/ハチ/八/やっつ/hachi きゅう/く/キュウ/ク/九/ここのつ/kyu/kyuu/ku",
        "sun nee shee",
    ),
}


@dataclass(frozen=True)
class StringForm:
    """What is said in strings of digits beside their words."""

    text: str
    label: str
    """The digit that is meant; empty where it says how often the next one comes."""
    n_states: int
    """Of the word, as :mod:`sutja.strings.units` has them."""
    n_times: int = 1


STRING_FORMS: dict[str, tuple[StringForm, ...]] = {
    "en": (StringForm("oh", "0", 3), StringForm("double", "", 5, 2), StringForm("triple", "", 5, 3)),
}
"""By language; synthetic voices are what says them."""

_NEAR_ENGLISH = """
a h j k o x tree three's free thee sree fine mine line nine's nice night wine vine hi high fire hive live drive sick fix
sex mix wait late gate hate ate eight's at hero heaven eleven do you who too tool shoe new zoo done fun sun run then
when four's floor fork more store force want on sixty sixteen sixth seventy seventeen seventh eighty eighteen eighth
ninety nineteen ninth forty fourteen fourth fifth
"""
NEAR_IN_STRINGS: dict[str, frozenset[str]] = {"en": frozenset(_NEAR_ENGLISH.split())}
"""Words that hold a digit, or are told from one by a sound that running speech drops. A network that learns of them as
other words no longer hears "eight" before a word that begins with a consonant, or "three" with an accent."""

_ALIASES = {"cmn": "zh", "yue": "zh", "no": "nb"}  # names that eSpeak and ISO 639 give the same written words


def find(language: str | None) -> Language | None:
    """Return what is known of a language, by eSpeak's name or a BCP 47 tag; nothing where it is not in the lexicon.

    >>> find("pt-BR") is find("pt")
    True
    """
    code = (language or "").partition("-")[0].lower()
    return LEXICON.get(_ALIASES.get(code, code))


def near_in_strings(word: str, language: str | None) -> bool:
    """Tell whether a word is too near a digit to learn from as another word in strings; "letter_a" is the letter.

    >>> near_in_strings("letter_a", "en"), near_in_strings("Sixty", "en-gb"), near_in_strings("house", "en")
    (True, True, False)
    """
    code = (language or "").partition("-")[0].lower()
    return word.rpartition("_")[2].lower() in NEAR_IN_STRINGS.get(_ALIASES.get(code, code), ())


def digit_words(language: str) -> dict[str, str]:
    """Return what is read for the labels 0 to 9.

    >>> digit_words("en-us")["7"]
    'seven'

    Raises
    ------
    ConfigError
        When the language is not in the lexicon.

    """
    found = find(language)
    if found is None:
        raise ConfigError(
            f"no words for the digits are built in for language {language!r}, only for {', '.join(LEXICON)}; "
            "give labels: 0,1,2 reads the digits as that language does, and 0=null,1=eins says what to read"
        )
    return {digit: forms[0] for digit, forms in zip(DIGITS, found.digits, strict=True)}


def said(labels: Sequence[str], language: str | None, spoken: Mapping[str, str]) -> dict[str, str]:
    """Return what is said for each label where that is known: of digits without a known language it is not.

    Parameters
    ----------
    labels
        The vocabulary.
    language
        In which it is said; None where that was not told.
    spoken
        What the user told of some labels.

    >>> said(["0", "yes"], "en", {})
    {'0': 'zero', 'yes': 'yes'}
    """
    words = digit_words(language) if language and find(language) else {}
    derived = {label: words.get(_figures(label), label) for label in labels if words or _figures(label) not in DIGITS}
    texts = derived | dict(spoken)
    return {label: texts[label] for label in labels if label in texts}


@dataclass(frozen=True)
class Vocabulary:
    """The words of a model in all the forms that are known of them: `word in vocabulary`."""

    keys: frozenset[str]
    accents: bool
    """Whether words that differ in accents alone may be the same."""

    def __contains__(self, word: str) -> bool:
        return _key(word, self.accents) in self.keys


def vocabulary(
    labels: Sequence[str], language: str | None, spoken: Mapping[str, str], *, cautious: bool = True
) -> Vocabulary:
    """Gather the words of a model: labels, what is said for them, and every form of these in the language.

    Where the language was not told, or nothing is known of it, the forms of every language count. What sounds as an
    English digit counts for every vocabulary, unless not so ``cautious``: then where there are digits.

    >>> "Zwo" in vocabulary(["2"], "de", {}), "zwo" in vocabulary(["2"], "en", {}), "zwo" in vocabulary(["2"], None, {})
    (True, False, True)
    """
    known = find(language)
    accents = known is None or known.accents
    words = {*labels, *said(labels, language, spoken).values()}
    keys, figures = {_key(word, accents) for word in words}, {_figures(label) for label in labels}
    # English look-alikes always: runs whose words are no digits keep the draws that they had.
    forms = {*words, *(LEXICON["en"].sound_alikes if cautious else ())}
    has_digits = not figures.isdisjoint(DIGITS)
    for each in LEXICON.values() if known is None else (known,):
        of_digits = [f for f in each.digits if has_digits or not keys.isdisjoint(_key(form, accents) for form in f)]
        forms.update(form for f in of_digits for form in f)
        forms.update(word for number, word in each.numbers.items() if number in figures)
        if has_digits or (known and of_digits):  # without a language `go` is more likely English than Japanese
            forms |= each.sound_alikes
    return Vocabulary(frozenset(_key(form, accents) for form in forms), accents)


def listed_words() -> list[tuple[str, str]]:
    """List the words to learn refusal from with the language that each one is said in."""
    return [(code, word) for code, language in LEXICON.items() for word in language.words]


def knows(word: str) -> bool:
    """Tell whether a word is in the lexicon: a digit in any of its forms or its figure, or a word to refuse.

    >>> knows("Sieben"), knows("7"), knows("anna")
    (True, True, False)
    """
    return _figures(word) in DIGITS or _key(word, True) in _keys()


@functools.cache
def _keys() -> frozenset[str]:
    forms = [form for language in LEXICON.values() for digit in language.digits for form in digit]
    return frozenset(_key(word, True) for word in (*forms, *(word for _, word in listed_words())))


def _figures(label: str) -> str:
    """Return the figures of a label that is a number, in whatever script; of another label the label itself.

    >>> _figures("７"), _figures("seven")
    ('7', 'seven')
    """
    return "".join(str(unicodedata.decimal(figure)) for figure in label) if label.isdecimal() else label


def _key(word: str, accents: bool) -> str:
    """Return what two spellings of a word have in common: letters, whatever their case and their composition.

    >>> _key("Zéro", True) == _key("ZERO", True), _key("Zéro", False) == _key("ZERO", False)
    (True, False)
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold().strip())
    if accents:
        parts = unicodedata.normalize("NFD", folded.replace("ı", "i"))  # Turkish: its capital is the capital of both
        folded = "".join(part for part in parts if unicodedata.category(part) != "Mn")
    return unicodedata.normalize("NFC", folded)
