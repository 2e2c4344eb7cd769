// @ts-check
// What every part of the page that teaches needs: its elements.

/**
 * The page's elements by their id.
 * @typedef {{ "language": HTMLSelectElement, "theme": HTMLSelectElement, "door": HTMLFormElement, "token": HTMLInputElement,
 *   "add": HTMLFormElement, "speaker": HTMLInputElement, "word": HTMLInputElement, "hands-free": HTMLButtonElement,
 *   "wanted": HTMLInputElement, "recording": HTMLElement, "prompt": HTMLElement, "waveform": HTMLCanvasElement,
 *   "level": HTMLElement, "level-bar": HTMLElement, "level-text": HTMLElement, "status": HTMLElement, "trouble": HTMLElement,
 *   "words": HTMLUListElement, "teach": HTMLButtonElement, "result": HTMLElement, "summary": HTMLElement,
 *   "measured": HTMLElement, "next-title": HTMLElement, "advice": HTMLUListElement, "confusions": HTMLTableElement, "confused": HTMLUListElement,
 *   "recorder": HTMLElement, "try": HTMLButtonElement, "try-file": HTMLInputElement, "tried": HTMLElement, "tries": HTMLTableElement,
 *   "use": HTMLButtonElement, "along": HTMLElement, "take-zip": HTMLButtonElement, "take-onnx": HTMLButtonElement,
 *   "codes": HTMLElement }} Elements
 */

/** @template {keyof Elements} Id @param {Id} id @returns {Elements[Id]} */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));
