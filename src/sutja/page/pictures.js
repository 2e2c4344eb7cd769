// @ts-check
// Takes as pictures: waveform and spectrogram on one canvas, drawn when somebody looks at them.

import * as draw from "./draw.js";
import { make } from "./page.js";
import * as service from "./service.js";
import * as sound from "./sound.js";
import { outline, spectrogram } from "./spectrum.js";

const SHAPE = { nFrames: 72, nBins: 24 };
const N_COLUMNS = 160; // of the outline

/** @typedef {{ outline: Float32Array, grid: number[][] }} Look */

/** What takes look like, by what tells them apart: a name may be given again. @type {Map<string, Promise<Look>>} */
const looks = new Map();
/** @type {WeakMap<Element, service.Take>} */
const takes = new WeakMap();
let turn = Promise.resolve(); // one take is asked for after the other: two hundred words have a thousand

const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    paint(/** @type {HTMLCanvasElement} */ (target));
  }
});

/** The samples of a take. @param {service.Take} take */
export async function heard(take) {
  return sound.decode(await service.heard(take));
}

/** A canvas that a take is drawn on as soon as it is seen. @param {service.Take} take @param {string} name */
export function picture(take, name) {
  const canvas = make("canvas", { className: "look", role: "img", ariaLabel: name });
  takes.set(canvas, take);
  watcher.observe(canvas);
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
async function paint(canvas) {
  const take = /** @type {service.Take} */ (takes.get(canvas));
  const key = [take.name, take.seconds, take.peak_dbfs].join("|");
  if (!looks.has(key)) {
    const look = turn.then(() => lookOf(take));
    turn = look.then(() => {}, () => {});
    looks.set(key, look);
  }
  try {
    const { outline: line, grid } = await /** @type {Promise<Look>} */ (looks.get(key));
    draw.take(canvas, line, grid);
  } catch { // it is gone, or the service is: the list will say so
    looks.delete(key);
  }
}

/** @param {service.Take} take @returns {Promise<Look>} */
async function lookOf(take) {
  const { samples, rate } = await heard(take);
  return { outline: outline(samples, N_COLUMNS), grid: spectrogram(samples, rate, SHAPE) };
}
