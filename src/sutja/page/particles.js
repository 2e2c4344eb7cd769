// @ts-check
// The Korean particle that a word asks for by its last sound: the rules of sutja.texts, which a test compares.

/** Behind a consonant, and behind a vowel. @type {Record<string, [string, string]>} */
export const PARTICLES = {
  은는: ["은", "는"], 이가: ["이", "가"], 을를: ["을", "를"], 과와: ["과", "와"], 으로로: ["으로", "로"],
  이나나: ["이나", "나"], 이라고라고: ["이라고", "라고"], 이라라: ["이라", "라"],
  이라는라는: ["이라는", "라는"], 이어야여야: ["이어야", "여야"],
};

const OF_DIGITS = "ㅇㄹ ㅁ  ㄱㄹㄹ "; // what 영 일 이 삼 사 오 육 칠 팔 구 end with
/** 엘, 엠, 엔, 알: other letters' names end with a vowel. @type {Record<string, string>} */
const OF_LETTERS = { L: "ㄹ", M: "ㅁ", N: "ㄴ", R: "ㄹ" };
const FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"; // in the order of Unicode's syllables
/** @type {Record<string, string>} */
const OF_ENGLISH = { l: "ㄹ", m: "ㅁ", n: "ㄴ" };
/** Of a short syllable. @type {Record<string, string>} */
const OF_SHORT = { p: "ㅂ", b: "ㅂ", k: "ㄱ", c: "ㄱ" };

/** The particle that follows a word. @param {string | number} word @param {string} pair */
export function particle(word, pair) {
  const [behindConsonant, behindVowel] = PARTICLES[pair];
  const final = finalOf(String(word));
  return final === " " || (pair === "으로로" && final === "ㄹ") ? behindVowel : behindConsonant;
}

/** The final consonant of a word as it is said, a blank where it ends with a vowel. @param {string} given */
function finalOf(given) {
  const word = given.replace(/(?<=\S)\s*\([^()]*\)$/, "").replace(/['"’”`)\]}>.,!? \u00a0]+$/, "");
  const last = word.slice(-1);
  if (last >= "가" && last <= "힣") return FINALS[(last.charCodeAt(0) - "가".charCodeAt(0)) % FINALS.length];
  if (last >= "0" && last <= "9") return OF_DIGITS[Number(last)];
  const letters = /[A-Za-z]*$/.exec(word)?.[0] ?? "";
  if (letters && (letters === letters.toUpperCase() || letters.length === 1)) return OF_LETTERS[last.toUpperCase()] ?? " ";
  return finalOfEnglish(letters.toLowerCase());
}

/** The same of an English word in Hangul: 멜, 파일, 세븐, 클립; but 폴드, 배치, 조지. @param {string} given */
function finalOfEnglish(given) {
  const word = given.length > 2 && /[lmn]e$/.test(given) ? given.slice(0, -1) : given; // file, nine: the e is not said
  if (word.endsWith("ng")) return "ㅇ";
  const last = word.slice(-1);
  if (last in OF_ENGLISH) return OF_ENGLISH[last];
  const isShort = "aeiou".includes(word.slice(-2, -1)) && word.length > 1 && !/[aeiou]/.test(word.slice(-3, -2));
  return (isShort && OF_SHORT[last]) || " ";
}
