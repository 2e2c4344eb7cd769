"""How digits are said, for tests: written down from dictionaries, not taken from the lexicon that they test."""

DIGITS = [str(digit) for digit in range(10)]
GERMAN = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
FORMS = {
    "en": "zero oh one two three four five six seven eight nine",
    "de": "null eins ein zwei zwo drei vier fünf sechs sieben acht neun",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "fr": "zéro un une deux trois quatre cinq six sept huit neuf",
    "ko": "영 공 일 이 삼 사 오 육 칠 팔 구 하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 한 두 세 네",
    "ja": "ゼロ れい いち に さん よん し ご ろく なな しち はち きゅう く 一 二 三 四 五 六 七 八 九",
    "zh": "零 〇 一 二 两 三 四 五 六 七 八 九",
    "it": "zero uno due tre quattro cinque sei sette otto nove",
    "pt": "zero um uma dois duas três quatro cinco seis sete oito nove",
    "nl": "nul een twee drie vier vijf zes zeven acht negen",
    "ru": "ноль нуль один раз два три четыре пять шесть семь восемь девять",
    "sv": "noll ett två tre fyra fem sex sju åtta nio",
    "tr": "sıfır bir iki üç dört beş altı yedi sekiz dokuz",
    "pl": "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć",
    "vi": "không một hai ba bốn năm sáu bảy tám chín",
    "id": "nol satu dua tiga empat lima enam tujuh delapan sembilan",
    "ar": "صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة",
    "hi": "शून्य एक दो तीन चार पाँच छह सात आठ नौ",
}
