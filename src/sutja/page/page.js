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
 *   "veil": HTMLElement, "in-a-row": HTMLInputElement, "in-a-row-choice": HTMLElement, "strings": HTMLOListElement, "to-teaching": HTMLElement }} Elements
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

/**
 * What a clip is called: its label, or plainly that it is none.
 * @param {import("./service.js").Prediction} prediction
 */
export function called(prediction) {
  if (prediction.label !== null) return prediction.label;
  return say(card.labels.every((label) => /^\d$/.test(label)) ? "not_a_digit" : "not_in_vocabulary");
}
