// @ts-check
// What every part of the page needs: its elements, telling people something, what a clip is called.

import { card } from "./service.js";
import { say } from "./text.js";

/**
 * The page's elements by their id.
 * @typedef {{ "labels": HTMLElement, "model": HTMLElement, "language": HTMLSelectElement, "theme": HTMLSelectElement,
 *   "door": HTMLFormElement, "token": HTMLInputElement, "hold": HTMLButtonElement, "hold-text": HTMLElement,
 *   "waveform": HTMLCanvasElement, "listen": HTMLButtonElement, "file": HTMLInputElement, "level": HTMLElement,
 *   "level-bar": HTMLElement, "level-text": HTMLElement, "status": HTMLElement, "trouble": HTMLElement,
 *   "said": HTMLElement, "sure": HTMLElement, "words": HTMLElement, "bars-box": HTMLElement, "bars": HTMLTableElement,
 *   "why": HTMLElement, "why-title": HTMLElement, "play-all": HTMLButtonElement, "play-part": HTMLButtonElement,
 *   "pictures": HTMLElement, "speaker": HTMLInputElement, "download": HTMLButtonElement, "history": HTMLOListElement,
 *   "veil": HTMLElement, "in-a-row": HTMLInputElement, "in-a-row-choice": HTMLElement, "which-strings": HTMLElement, "string-length": HTMLInputElement,
 *   "only-these": HTMLInputElement, "strings": HTMLOListElement, "to-teaching": HTMLElement,
 *   "keeping": HTMLElement, "keep": HTMLInputElement, "privacy": HTMLElement, "history-help": HTMLElement }} Elements
 */

/**
 * @template {keyof Elements} Id
 * @param {Id} id
 * @returns {Elements[Id]}
 */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));

/**
 * Make an element: its properties, its children.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Partial<HTMLElementTagNameMap[Name]>} properties
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** Say what is going on. @param {string} text */
export function tell(text) {
  byId("status").textContent = text;
}

/** Say what went wrong; with no text that nothing did. @param {string} text */
export function trouble(text) {
  byId("trouble").replaceChildren(text);
  byId("trouble").hidden = !text;
}

/** Say what else went wrong: of several recordings each has its own trouble. @param {string} text */
export function moreTrouble(text) {
  if (byId("trouble").hidden) return trouble(text);
  byId("trouble").append(make("br"), text);
}

const QUIETEST_DB = -60; // where the bar of the level begins

/** Show how loud it is; `null` is digital silence. @param {number | null} dbfs */
export function level(dbfs) {
  byId("level").hidden = false;
  byId("level-bar").style.width = `${Math.max(0, 100 * (1 - (dbfs ?? QUIETEST_DB) / QUIETEST_DB))}%`;
  byId("level-text").textContent = dbfs === null ? "−∞ dB" : `${Math.round(dbfs)} dB`.replace("-", "−");
}

/** @type {Record<string, import("./text.js").Key>} */
const MICROPHONE_TROUBLES = { NotAllowedError: "mic_denied", SecurityError: "mic_insecure", NotFoundError: "mic_missing" };

/** Why a microphone cannot be had, in a sentence. @param {unknown} error */
export function microphoneTrouble(error) {
  const { name, message } = /** @type {DOMException} */ (error);
  return say(MICROPHONE_TROUBLES[name] ?? "mic_failed", { reason: message || name });
}

/**
 * What a clip is called: its label, or plainly that it is none.
 * @param {import("./service.js").Prediction} prediction
 */
export function called(prediction) {
  if (prediction.label !== null) return prediction.label;
  return say(card.labels.every((label) => /^\d$/.test(label)) ? "not_a_digit" : "not_in_vocabulary");
}
