// @ts-check
// What the page says, in English and Korean.
import { particle } from "./particles.js";

export const TEXTS = {
  en: {
    title: "sutja: speak to it",
    knows: "Knows", language: "Language", theme: "Light or dark",
    theme_system: "as the system", theme_light: "light", theme_dark: "dark",
    token_label: "This service asks for its token", token_enter: "Enter",
    speak_title: "Say a word", hold: "Hold to speak", speaking: "Speak, then let go", stop: "Speak, then press again",
    hold_help: "Hold it, or the space bar, while you speak. A short press starts, the next one stops.",
    listen: "Listen all the time", listening: "Stop listening", choose: "Choose a recording", or_drop: "or drop one anywhere on this page.",
    in_a_row: "Several words in a row", strings_label: "Strings that were heard; press a word to hear it",
    string_length: "How many words", only_these: "Only these",
    hear_word: "{label}, at {at} s, {percent} sure: hear it", no_words: "No words", not_complete: "{percent} sure, not complete",
    strings_on: "Listening all the time: say several words without a pause. They are shown while you speak.",
    level: "Level", drop_here: "Drop it here",
    answer_title: "What was heard", nothing_yet: "Nothing yet",
    not_a_digit: "Not a digit", not_in_vocabulary: "Not in the vocabulary",
    sure: "{percent} sure", several: "{n} words: this is the one at {at} s. Say one at a time.", all_told: "{n} words in a row: {words}", nearest: "Nearest was {label}, with {percent}: too little to accept it.",
    bars_title: "How sure each network is", label: "Word", ensemble: "together",
    why_title: "What the network saw, and what mattered", seen_title: "What the network saw",
    play_all: "Play all of it", play_part: "Play only what mattered",
    mel: "Mel spectrogram", mfcc: "MFCC", seen: "as the network {name} sees it: {bins} rows, the lowest below, by {frames} frames, {seconds} s",
    mattered: "What mattered for {label}", mattered_for: "spoke for it", mattered_against: "spoke against it",
    mattered_parts: "between the lines, the parts that count: {parts}", no_parts: "no part counted more than another",
    waveform_label: "Waveform of the recording, {seconds} s",
    history_title: "What you have said",
    history_help: "Correct what was heard wrongly with a click, then download all of it as a data set for the next training. Nothing is kept when this page closes.",
    history_help_teaching: "Correct what was heard wrongly with a click. Teach it to this service, or download all of it as a data set for the next training.",
    keep_marked: "Teach it: what I mark is kept as a take in a folder of this service, until somebody takes it away", kept: "kept as a take of {label}",
    speaker: "Speaker", download: "Download as a data set", heard: "heard", was: "It was", none: "none of these",
    corrected: "corrected to {label}", show: "Show", play: "Play", remove: "Remove", item: "Recording {n}",
    privacy: "What you say goes to this service alone, which keeps nothing.", privacy_teaching: "What you say goes to this service alone, which keeps what you teach it and nothing else.", for_programs: "For programs",
    ready: "The microphone is ready: hold and speak.", asking: "Your browser asks whether this page may hear you.",
    too_short: "That was too short. Hold while you speak.", thinking: "Listening closely…", explaining: "Looking for what mattered…",
    stream_on: "Listening all the time: just speak. Each word is shown when it has ended.", stream_lost: "The connection to the service was lost; press the button to listen again.",
    mic_denied: "The browser does not let this page hear the microphone. Allow it beside the address, or choose a recording.",
    mic_insecure: "Browsers allow the microphone only to pages of this machine and to https pages. Open the page as http://localhost, or choose a recording.",
    mic_missing: "No microphone was found. Connect one, or choose a recording.",
    mic_failed: "The microphone cannot be used ({reason}). Is another program using it?",
    unreachable: "The service does not answer. Is `sutja serve` still running?",
    cannot_decode: "{name}: neither the service nor this browser can decode it.",
    busy: "The service is busy. Try again in a moment.", wrong_token: "That is not the service's token.",
    to_speaking: "Speak to it", to_teaching: "Teach it your words", teach_title: "sutja: teach it",
    teach_words: "Your words", teach_word: "Word", teach_add: "Add the word", teach_now: "Teach", teaching: "Teaching…",
    teach_consent: "Takes are kept in a folder of this service until somebody takes them away. Record nobody who has not agreed.",
    teach_record: "Record “{label}”", teach_say: "Say “{label}” now", teach_takes: "{n} takes", teach_files: "Recordings of “{label}”", teach_take: "Take {n} of {label} by {speaker}, {seconds} s",
    teach_result: "How well it knows them", teach_right: "{percent} right",
    teach_speakers: "on voices that it did not learn from: {n} clips of {speakers} speakers; between {low} and {high} of new ones",
    teach_clips: "on recordings that it did not learn from: {n} clips; between {low} and {high} of new ones; how a new voice fares is not measured",
    teach_refusal: "It refuses {refused} of these words, and takes {taken} of other words and noises for one.",
    teach_confusions: "What was taken for what", teach_said: "said", teach_taken_for: "{label}, taken for {word}", teach_use: "Let it answer", teach_back: "Back to the first model", teach_next: "What to do next",
    teach_free: "Record hands free", teach_stop: "Stop recording", teach_wanted: "Takes of each word", teach_ready: "Get ready…",
    teach_silent: "Nothing was heard. Speak up, and look whether the right microphone is on.",
    teach_all_there: "You have as many takes of every word as you wanted.", teach_left: "{n} words that are taken for no other are left out",
    try_title: "Try it beside the model from before", try_help: "Both judge the same recording. It is not kept.", try_say: "Say a word", try_files: "A recording to try", try_now: "Say something now",
    try_take: "recording", try_number: "recording {n}", try_first: "the first model", try_before: "what was taught before", try_taught: "what is taught now", try_nearest: "nearest: {label}, {percent}",
    teach_along: "Take it along", teach_zip: "The model, as a zip", teach_onnx: "As one ONNX file", packing: "Packing…", copy: "Copy", copied: "The code for {name} is copied.",
    code_zip: "with the zip, beside it, without this service", code_service: "asks this service, while the taught model answers",
    downloaded: "{n} recordings are in {name}. Unzip it, then: sutja data info FOLDER",
  },
  ko: {
    title: "숫자(sutja): 말해 보세요",
    knows: "아는 말", language: "언어", theme: "밝게 또는 어둡게",
    theme_system: "시스템 설정대로", theme_light: "밝게", theme_dark: "어둡게",
    token_label: "이 서비스는 토큰이 필요합니다", token_enter: "확인",
    speak_title: "한 단어를 말하세요", hold: "누르고 말하기", speaking: "말하고 손을 떼세요", stop: "말하고 다시 누르세요",
    hold_help: "버튼이나 스페이스 바를 누른 채로 말하세요. 짧게 누르면 시작하고, 다시 누르면 멈춥니다.",
    listen: "계속 듣기", listening: "그만 듣기", choose: "녹음 파일 고르기", or_drop: "또는 이 페이지 아무 데나 끌어다 놓으세요.",
    in_a_row: "단어 여러 개를 이어서", strings_label: "들은 말. 단어를 누르면 들을 수 있습니다",
    string_length: "단어 수", only_these: "이 가운데 하나",
    hear_word: "{label}, {at}초, 확신 {percent}: 듣기", no_words: "단어 없음", not_complete: "확신 {percent}, 아직 덜 끝남",
    strings_on: "계속 듣고 있습니다. 단어 여러 개를 쉬지 않고 이어서 말하세요. 말하는 동안 보여 줍니다.",
    level: "소리 크기", drop_here: "여기에 놓으세요",
    answer_title: "들은 말", nothing_yet: "아직 없습니다",
    not_a_digit: "숫자가 아닙니다", not_in_vocabulary: "모르는 말입니다",
    sure: "확신 {percent}", several: "단어 {n}개 가운데 {at}초에 시작하는 것입니다. 한 번에 하나씩 말하세요.", all_told: "이어 말한 단어 {n}개: {words}", nearest: "가장 가까운 것은 {label}({percent})이지만, 그렇다고 하기에는 부족합니다.",
    bars_title: "신경망마다의 확신", label: "단어", ensemble: "함께",
    why_title: "신경망이 본 것과 판단의 근거", seen_title: "신경망이 본 것",
    play_all: "모두 듣기", play_part: "중요한 부분만 듣기",
    mel: "멜 스펙트로그램", mfcc: "MFCC", seen: "신경망 {name:이가} 보는 그대로: {bins}행(낮은 것이 아래) × {frames}프레임, {seconds}초",
    mattered: "{label:이라고라고} 판단한 근거", mattered_for: "뒷받침한 부분", mattered_against: "거스른 부분",
    mattered_parts: "줄 사이가 중요한 부분: {parts}", no_parts: "특별히 더 중요한 부분이 없습니다",
    waveform_label: "녹음의 파형, {seconds}초",
    history_title: "지금까지 말한 것",
    history_help: "잘못 들은 것은 눌러서 고치고, 모두 데이터 세트로 내려받아 다음 학습에 쓰세요. 페이지를 닫으면 아무것도 남지 않습니다.",
    history_help_teaching: "잘못 들은 것은 눌러서 고치세요. 이 서비스에 가르치거나, 모두 데이터 세트로 내려받아 다음 학습에 쓰세요.",
    keep_marked: "가르치기: 맞는 말을 고르면 그 녹음을 이 서비스의 폴더에 지울 때까지 남깁니다", kept: "{label} 녹음으로 남김",
    speaker: "말하는 사람", download: "데이터 세트로 내려받기", heard: "들은 말", was: "맞는 말", none: "이 가운데 없음",
    corrected: "{label:으로로} 고침", show: "보기", play: "듣기", remove: "지우기", item: "녹음 {n}",
    privacy: "말한 것은 이 서비스로만 가며, 서비스는 아무것도 보관하지 않습니다.", privacy_teaching: "말한 것은 이 서비스로만 가며, 서비스는 가르친 것만 보관합니다.", for_programs: "프로그램에서 쓰기",
    ready: "마이크가 준비되었습니다. 누르고 말하세요.", asking: "이 페이지가 들어도 되는지 브라우저가 묻고 있습니다.",
    too_short: "너무 짧습니다. 말하는 동안 누르고 있으세요.", thinking: "알아듣는 중…", explaining: "근거를 찾는 중…",
    stream_on: "계속 듣고 있습니다. 그냥 말하세요. 단어가 끝날 때마다 알려 줍니다.", stream_lost: "서비스와의 연결이 끊어졌습니다. 다시 들으려면 버튼을 누르세요.",
    mic_denied: "브라우저가 마이크를 허락하지 않았습니다. 주소 옆에서 허락하거나 녹음 파일을 고르세요.",
    mic_insecure: "브라우저는 이 컴퓨터의 페이지나 https에만 마이크를 내줍니다. http://localhost로 열거나 녹음 파일을 고르세요.",
    mic_missing: "마이크가 없습니다. 연결하거나 녹음 파일을 고르세요.",
    mic_failed: "마이크를 쓸 수 없습니다({reason}). 다른 프로그램이 쓰고 있나요?",
    unreachable: "서비스가 응답하지 않습니다. `sutja serve`가 실행 중인가요?",
    cannot_decode: "{name}: 서비스도 이 브라우저도 해독할 수 없습니다.",
    busy: "서비스가 바쁩니다. 잠시 뒤에 다시 해 보세요.", wrong_token: "이 서비스의 토큰이 아닙니다.",
    to_speaking: "말해 보기", to_teaching: "내 단어 가르치기", teach_title: "숫자(sutja): 가르치기",
    teach_words: "내 단어", teach_word: "단어", teach_add: "단어 더하기", teach_now: "가르치기", teaching: "가르치는 중…",
    teach_consent: "녹음은 지울 때까지 이 서비스의 폴더에 남습니다. 동의하지 않은 사람은 녹음하지 마세요.",
    teach_record: "“{label}” 녹음", teach_say: "지금 “{label}” 하고 말하세요", teach_takes: "녹음 {n}개", teach_files: "“{label}” 녹음 파일", teach_take: "{speaker}의 {label}, {n}번째, {seconds}초",
    teach_result: "얼마나 잘 아는지", teach_right: "{percent} 맞힘",
    teach_speakers: "배우지 않은 목소리로 잰 값: 화자 {speakers}명의 클립 {n}개, 새로 재면 {low}에서 {high} 사이",
    teach_clips: "배우지 않은 녹음으로 잰 값: 클립 {n}개, 새로 재면 {low}에서 {high} 사이. 새 목소리는 재지 못했습니다",
    teach_refusal: "이 단어들의 {refused}를 거부하고, 다른 말과 소음의 {taken}를 이 단어로 받아들입니다.",
    teach_confusions: "무엇을 무엇으로 들었는지", teach_said: "말한 것", teach_taken_for: "{label}, {word:으로로} 들음", teach_use: "이 모델로 답하기", teach_back: "처음 모델로 되돌리기", teach_next: "다음에 할 일",
    teach_free: "손대지 않고 녹음하기", teach_stop: "녹음 그만하기", teach_wanted: "단어마다 녹음", teach_ready: "준비하세요…",
    teach_silent: "아무 소리도 들리지 않습니다. 더 크게 말하고, 마이크가 켜져 있는지 보세요.",
    teach_all_there: "모든 단어가 원한 만큼 녹음되어 있습니다.", teach_left: "다른 단어와 바꾸어 듣지 않은 단어 {n}개는 뺐습니다",
    try_title: "전 모델과 나란히 해 보기", try_help: "같은 녹음을 두 모델이 함께 듣습니다. 녹음은 남지 않습니다.", try_say: "단어 말하기", try_files: "해 볼 녹음 파일", try_now: "지금 아무 말이나 하세요",
    try_take: "녹음", try_number: "녹음 {n}", try_first: "처음 모델", try_before: "전에 가르친 모델", try_taught: "지금 가르친 모델", try_nearest: "가장 가까운 말: {label}, {percent}",
    teach_along: "가져가기", teach_zip: "모델을 zip으로", teach_onnx: "ONNX 파일 하나로", packing: "담는 중…", copy: "복사", copied: "{name} 코드를 복사했습니다.",
    code_zip: "zip 옆에서, 이 서비스 없이", code_service: "가르친 모델이 답하는 동안 이 서비스에 묻습니다",
    downloaded: "녹음 {n}개를 {name}에 담았습니다. 압축을 풀고: sutja data info 폴더",
  },
};

/**
 * Why the service refuses a recording, by the word that it says for that, in languages that its sentence is not in.
 * @type {Partial<Record<keyof typeof TEXTS, Record<string, string>>>}
 */
const REFUSALS = {
  ko: {
    format: "이 파일은 해독할 수 없습니다. wav, flac, ogg, mp3, aiff 파일을 고르세요.",
    empty: "파일이 비어 있습니다. 다시 녹음하세요.",
    too_short: "녹음이 너무 짧습니다. 한 단어를 다시 녹음하세요.",
    too_long: "녹음이 너무 깁니다. 단어 하나만 잘라서 보내세요.",
    silent: "아무 소리도 들어 있지 않습니다. 마이크를 확인하세요.",
    not_finite: "숫자가 아닌 값이 들어 있습니다. 파일을 다시 저장하세요.",
    too_large: "파일이 너무 큽니다. 더 짧은 녹음을 보내세요.",
    too_slow: "파일이 제때 도착하지 않았습니다. 다시 보내세요.",
    clipped: "소리가 너무 커서 잘렸습니다. 마이크에서 조금 떨어져 말하세요.",
    too_quiet: "소리가 너무 작습니다. 더 가까이에서 말하세요.",
    name: "이 이름은 쓸 수 없습니다. 단어와 말하는 사람을 글자로, 이미 있는 것은 똑같이 적으세요.",
    too_few: "단어가 둘 이상이고, 단어마다 서로 다른 녹음이 둘 이상 있어야 합니다. 더 녹음하세요.",
    gone: "그 녹음은 이제 없습니다.",
    disk: "디스크에 쓸 수 없습니다. 자리를 비우세요.",
    not_installed: "이 서비스에는 그것에 필요한 패키지가 없습니다. pip install 'sutja[onnx]'로 설치하세요.",
    unusable: "이 녹음은 쓸 수 없습니다. 다른 녹음을 골라 보세요.",
  },
};

/** @typedef {keyof typeof TEXTS} Language */
/** @typedef {keyof typeof TEXTS.en} Key */

/** @type {Language} */
let language = "en";

/** The language that the page speaks. */
export const current = () => language;

/**
 * Say one thing, with its `{places}` filled, and behind `{places:은는}` the particle that the word asks for.
 * @param {Key} key @param {Record<string, string | number>} places
 */
export function say(key, places = {}) {
  return TEXTS[language][key].replace(/\{(\w+)(?::([^}]+))?\}/g, (_, name, pair) => {
    return `${places[name]}${pair ? particle(places[name], pair) : ""}`;
  });
}

/**
 * Say why a recording is refused: as the page says it, else as the service does in the page's language.
 * @param {string | undefined} kind @param {string} sentence the service's own @param {string | null} [spoken] its language
 */
export function refusal(kind, sentence, spoken = null) {
  const said = REFUSALS[language];
  if (!said || !kind) return sentence;
  return said[kind] ?? (spoken === language ? sentence : said.unusable);
}

/** @param {number} share */
export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

/** The user's language: chosen earlier, or the browser's first that the page knows. @param {string} chosen */
export function preferred(chosen) {
  const wanted = [chosen, ...navigator.languages].map((tag) => tag.slice(0, 2));
  return /** @type {Language} */ (wanted.find((tag) => tag in TEXTS) ?? "en");
}

/** Write a page's fixed texts in a language. @param {Language} chosen @param {Key} title */
export function speak(chosen, title = "title") {
  language = chosen;
  document.documentElement.lang = chosen;
  document.title = say(title);
  for (const element of marked("text")) element.textContent = say(/** @type {Key} */ (element.dataset.text));
  for (const element of marked("label")) {
    const { label, seconds = "0.00" } = element.dataset;
    element.setAttribute("aria-label", say(/** @type {Key} */ (label), { seconds }));
  }
}

/** The elements that name a text. @param {"text" | "label"} kind @returns {NodeListOf<HTMLElement>} */
function marked(kind) {
  return document.querySelectorAll(`[data-${kind}]`);
}
