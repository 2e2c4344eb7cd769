// @ts-check
// The switches that both pages have: language, light or dark, who speaks. Each is remembered by the browser.

import { byId } from "./page.js";
import { preferred } from "./text.js";

/** @typedef {"language" | "theme" | "speaker"} Switch */

const NOBODY = "me"; // until somebody says who speaks

/** @param {Switch} name @param {string} value */
const keep = (name, value) => localStorage.setItem(`sutja.${name}`, value);
/** @param {Switch} name */
const kept = (name) => localStorage.getItem(`sutja.${name}`) ?? "";

/** Who speaks, also where the field is empty. */
export const speaker = () => byId("speaker").value.trim() || NOBODY;

/**
 * Set the switches as they were left, and say what is done when one is turned.
 * @param {(language: string) => void} wearLanguage
 * @param {() => void} redraw
 * @param {() => void} onSpeaker
 */
export function wireSwitches(wearLanguage, redraw, onSpeaker = () => {}) {
  byId("language").value = preferred(kept("language"));
  byId("theme").value = kept("theme");
  byId("speaker").value = kept("speaker") || NOBODY;
  wire("language", wearLanguage);
  wire("theme", (name) => {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    redraw();
  });
  wire("speaker", onSpeaker);
}

/** @param {Switch} name @param {(value: string) => void} wear */
function wire(name, wear) {
  const field = byId(name);
  field.onchange = () => {
    keep(name, field.value);
    wear(field.value);
  };
  wear(field.value);
}
