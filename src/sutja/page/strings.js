// @ts-check
// Strings of words: they grow while they are spoken, and each word can be heard.

import { byId, make } from "./page.js";
import { card } from "./service.js";
import * as sound from "./sound.js";
import { percent, say } from "./text.js";

const MOST_STRINGS = 30;
export const MARGIN_SECONDS = 0.08; // around a word that is played

/** @typedef {import("./service.js").SpokenWord} SpokenWord */
/** @typedef {import("./service.js").SpokenString} SpokenString */

/** @type {HTMLElement | null} */
let growing = null; // the line of the string that is being said

/** Whether the user wants words in a row, where the model knows them. */
export const wanted = () => byId("in-a-row").checked && Boolean(card?.can_transcribe);

/** Which strings can be said, as the service is asked: a length, or all of them; any where nothing is given. */
export function asked() {
  const given = Object.entries({ length: byId("string-length").value, strings: byId("only-these").value });
  return Object.fromEntries(given.map(([name, text]) => [name, text.trim()]).filter(([, text]) => text));
}

/** Offer to say which strings can be said, where words in a row are listened for. */
export function offer() {
  byId("which-strings").hidden = !wanted();
}

/** Show what a string seems to be so far. @param {{ text: string }} partial */
export function partial({ text }) {
  large(`${text}…`);
  byId("sure").textContent = "";
}

/**
 * Show a word that stands, to be heard with a click.
 * @param {Float32Array<ArrayBuffer>} samples
 * @param {number} rate
 * @param {SpokenWord} word
 */
export function word(samples, rate, { label, start, probability }) {
  growing ??= line();
  const text = label ?? "?";
  const title = say("hear_word", { label: text, at: start.toFixed(2), percent: percent(probability) });
  const button = make("button", { type: "button", textContent: text, title, className: label === null ? "refused" : "" });
  button.onclick = () => sound.play(samples, rate);
  button.setAttribute("aria-label", title);
  growing.append(button);
}

/** Say that a string has ended. @param {SpokenString} string */
export function ended(string) {
  large(string.text);
  byId("sure").textContent = sure(string);
  growing?.append(make("small", { textContent: sure(string) }));
  growing = null;
}

/** Forget the string that was being said: the stream is another one. */
export function begin() {
  growing = null;
}

/**
 * Show the strings of a recording.
 * @param {{ strings: (SpokenString & { words: SpokenWord[] })[], text: string }} transcript
 * @param {{ samples: Float32Array<ArrayBuffer>, rate: number }} recording
 */
export function all({ strings, text }, { samples, rate }) {
  begin();
  for (const string of strings) {
    for (const each of string.words) word(cut(samples, rate, each), rate, each);
    ended(string);
  }
  if (strings.length === 1) return;
  large(text || say("no_words"));
  byId("sure").textContent = "";
}

/**
 * The samples of a word, with a margin.
 * @param {Float32Array<ArrayBuffer>} samples @param {number} rate @param {SpokenWord} word
 */
function cut(samples, rate, { start, end }) {
  const [from, to] = [start - MARGIN_SECONDS, end + MARGIN_SECONDS].map((at) => Math.max(0, Math.round(at * rate)));
  return samples.slice(from, to);
}

/** @param {SpokenString} string */
function sure({ probability, complete }) {
  return say(complete ? "sure" : "not_complete", { percent: percent(probability) });
}

/** @param {string} text */
function large(text) {
  const said = byId("said");
  delete said.dataset.text;
  said.textContent = text;
  said.className = text.length > 6 ? "said long" : "said";
  byId("bars-box").hidden = byId("why").hidden = true;
}

function line() {
  const item = make("li");
  byId("strings").append(item);
  byId("strings").hidden = false;
  while (byId("strings").children.length > MOST_STRINGS) byId("strings").firstElementChild?.remove();
  return item;
}
