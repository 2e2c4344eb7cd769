// @ts-check
// Teaching: words are typed and recorded, takes are heard and taken away, and what came of it is told.

import { make } from "./page.js";
import * as service from "./service.js";
import * as sound from "./sound.js";
import { percent, preferred, say, speak } from "./text.js";

const RECORDED_SECONDS = 2.2; // from the press: a word and what surrounds it
const SLOWEST_DB = -60; // where the bar of the level begins

/**
 * The page's elements by their id.
 * @typedef {{ language: HTMLSelectElement, door: HTMLFormElement, token: HTMLInputElement, add: HTMLFormElement,
 *   speaker: HTMLInputElement, word: HTMLInputElement, level: HTMLElement, "level-bar": HTMLElement, status: HTMLElement,
 *   trouble: HTMLElement, words: HTMLUListElement, teach: HTMLButtonElement, result: HTMLElement, summary: HTMLElement,
 *   measured: HTMLElement, advice: HTMLUListElement, confusions: HTMLTableElement, use: HTMLButtonElement,
 *   "take-along": HTMLButtonElement }} Elements
 */

/** @template {keyof Elements} Id @param {Id} id @returns {Elements[Id]} */
const byId = (id) => /** @type {any} */ (document.getElementById(id));

/** @type {service.Lessons} */
let lessons = { takes: [], words: [], taught: null, in_use: "first" };
/** @type {string[]} */
let typed = []; // words that have no take yet
/** @type {Float32Array[] | null} */
let blocks = null; // of the take that is being recorded
const microphone = new sound.Microphone(onBlock);

// -- doing -------------------------------------------------------------------------------------------------------------

/** Do one thing, and say what went wrong with it. @param {() => Promise<void>} act */
async function attempt(act) {
  byId("trouble").hidden = true;
  try {
    await act();
  } catch (error) {
    byId("status").textContent = "";
    byId("trouble").textContent = /** @type {Error} */ (error).message;
    byId("trouble").hidden = false;
    byId("door").hidden = !(error instanceof service.TokenWanted);
  }
}

async function refresh() {
  lessons = await service.lessons();
  typed = typed.filter((label) => !lessons.words.some((word) => word.label === label));
  show();
}

/** @param {string} label */
async function record(label) {
  await microphone.open();
  blocks = [];
  byId("status").textContent = say("teach_say", { label });
  await new Promise((resolve) => setTimeout(resolve, 1000 * RECORDED_SECONDS));
  const samples = sound.joined(blocks ?? []);
  blocks = null;
  byId("level").hidden = true;
  byId("status").textContent = "";
  await service.keep(label, byId("speaker").value, sound.wav(sound.spoken(samples, microphone.rate), microphone.rate));
  await refresh();
}

/** Keep recordings that are there already, each as it is. @param {string} label @param {File[]} files */
async function bring(label, files) {
  for (const file of files) await service.keep(label, byId("speaker").value, new Uint8Array(await file.arrayBuffer()));
  await refresh();
}

/** @param {Float32Array} samples */
function onBlock(samples) {
  if (!blocks) return;
  blocks.push(samples);
  const peak = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const level = peak > 0 ? 20 * Math.log10(peak) : SLOWEST_DB;
  byId("level").hidden = false;
  byId("level-bar").style.width = `${Math.max(0, 100 * (1 - level / SLOWEST_DB))}%`;
}

async function teach() {
  byId("status").textContent = say("teaching");
  await service.teach();
  await refresh();
  byId("status").textContent = "";
}

async function toggleUse() {
  await service.use(lessons.in_use === "taught" ? "first" : "taught");
  await refresh();
}

async function takeAlong() {
  const address = URL.createObjectURL(await service.archive());
  make("a", { href: address, download: "my_words.zip" }).click();
  URL.revokeObjectURL(address);
}

/** @param {service.Take} take */
async function play(take) {
  const { samples, rate } = await sound.decode(await service.heard(take));
  await sound.play(samples, rate);
}

// -- showing -----------------------------------------------------------------------------------------------------------

function show() {
  const words = [...lessons.words.map((word) => word.label), ...typed];
  byId("words").replaceChildren(...words.map(shownWord));
  byId("teach").disabled = lessons.words.length < 2;
  byId("result").hidden = !lessons.taught;
  if (lessons.taught) shownResult(lessons.taught);
}

/** @param {string} label */
function shownWord(label) {
  const takes = lessons.takes.filter((take) => take.label === label);
  const button = make("button", { type: "button", className: "plain", textContent: say("teach_record", { label }) });
  button.onclick = () => attempt(() => record(label));
  const input = make("input", { type: "file", accept: "audio/*", multiple: true, ariaLabel: say("teach_files", { label }) });
  input.onchange = () => attempt(() => bring(label, [...(input.files ?? [])]));
  const files = make("label", { className: "plain file" }, make("span", { textContent: say("choose") }), input);
  const count = make("small", { textContent: say("teach_takes", { n: takes.length }) });
  const row = make("div", { className: "row" }, make("b", { textContent: label }), count, button, files);
  return make("li", {}, row, make("ul", {}, ...takes.map(shownTake)));
}

/** @param {service.Take} take @param {number} index */
function shownTake(take, index) {
  const { label, speaker, seconds } = take;
  const name = say("teach_take", { n: index + 1, label, speaker, seconds });
  const hear = make("button", { type: "button", className: "plain", textContent: say("play"), ariaLabel: `${say("play")}: ${name}` });
  hear.onclick = () => attempt(() => play(take));
  const away = make("button", { type: "button", className: "plain", textContent: say("remove"), ariaLabel: `${say("remove")}: ${name}` });
  away.onclick = () => attempt(async () => {
    await service.forget(take);
    await refresh();
  });
  return make("li", {}, `${speaker}, ${seconds} s `, hear, " ", away);
}

/** @param {service.Taught} taught */
function shownResult(taught) {
  byId("summary").textContent = say("teach_right", { percent: percent(taught.accuracy) });
  const [low, high] = (taught.interval95 ?? [0, 1]).map(percent);
  const key = taught.protocol === "speakers" ? "teach_speakers" : "teach_clips";
  const measured = say(key, { n: taught.n_clips, speakers: taught.n_speakers, low, high });
  const refusal = say("teach_refusal", { refused: percent(taught.refused ?? 0), taken: percent(taught.others_taken ?? 0) });
  byId("measured").textContent = `${measured}. ${refusal}`;
  byId("advice").replaceChildren(...taught.advice.map((line) => make("li", { textContent: line })));
  const [head, body] = [byId("confusions").tHead, byId("confusions").tBodies[0]];
  head?.replaceChildren(make("tr", {}, make("th", { scope: "col", textContent: say("teach_said") }), ...taught.labels.map((label) => make("th", { scope: "col", textContent: label }))));
  body.replaceChildren(...taught.confusion_matrix.map((row, i) => make("tr", {}, make("th", { scope: "row", textContent: taught.labels[i] }), ...row.map((n) => make("td", { textContent: n ? String(n) : "" })))));
  const inUse = lessons.in_use === "taught";
  byId("use").textContent = say(inUse ? "teach_back" : "teach_use");
  byId("use").ariaPressed = String(inUse);
}

// -- the page's own switches -------------------------------------------------------------------------------------------

/** @param {string} name */
function wearLanguage(name) {
  speak(preferred(name), "teach_title");
  show();
}

function wire() {
  const language = byId("language");
  language.value = preferred(localStorage.getItem("sutja.language") ?? "");
  language.onchange = () => {
    localStorage.setItem("sutja.language", language.value);
    wearLanguage(language.value);
  };
  byId("speaker").value = localStorage.getItem("sutja.speaker") || "me";
  byId("speaker").onchange = () => localStorage.setItem("sutja.speaker", byId("speaker").value);
  byId("add").onsubmit = (event) => {
    event.preventDefault();
    const label = byId("word").value.trim();
    if (label && ![...typed, ...lessons.words.map((word) => word.label)].includes(label)) typed.push(label);
    byId("word").value = "";
    show();
  };
  byId("teach").onclick = () => attempt(teach);
  byId("use").onclick = () => attempt(toggleUse);
  byId("take-along").onclick = () => attempt(takeAlong);
  byId("door").onsubmit = (event) => {
    event.preventDefault();
    service.enter(byId("token").value);
    byId("door").hidden = true;
    attempt(refresh);
  };
  wearLanguage(language.value);
}

wire();
window.addEventListener("pagehide", () => microphone.close());
attempt(refresh);
