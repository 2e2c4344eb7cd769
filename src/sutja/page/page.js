// What every part of the page needs: its elements, telling people something, the model that answers.

import { say } from "/static/text.js";

export const at = (id) => document.getElementById(id);

/** `card`: what GET /model said. `shown`: the recording whose answer the page shows. */
export const state = { card: null, shown: null };

/** Make an element: its properties, its children. */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** Say what is going on. */
export function tell(text) {
  at("status").textContent = text;
}

/** Say what went wrong; with no text that nothing did. */
export function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

/** What a clip is called: its label, or plainly that it is none. */
export function called(found) {
  if (!found.rejected) return found.label;
  return say(state.card.labels.every((label) => /^\d$/.test(label)) ? "not_a_digit" : "not_in_vocabulary");
}
