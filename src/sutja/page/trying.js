// @ts-check
// A take judged by two models side by side: the one that answered before this was taught, and the one that was taught.

import { byId } from "./lesson.js";
import { make, trouble } from "./page.js";
import * as service from "./service.js";
import * as sound from "./sound.js";
import { percent, say } from "./text.js";

const MOST_SHOWN = 8;

/** @type {{ bytes: Uint8Array<ArrayBuffer>, found: service.Compared }[]} */
let tries = []; // the newest first

/** Have a recording judged. @param {Uint8Array<ArrayBuffer>} bytes */
export async function judge(bytes) {
  const found = await service.compare(bytes);
  tries = [{ bytes, found }, ...tries].slice(0, MOST_SHOWN);
  showTries();
}

/** Have all of them judged again: another model is taught now. */
export async function again() {
  for (const tried of tries) tried.found = await service.compare(tried.bytes);
  showTries();
}

export function showTries() {
  byId("tried").hidden = tries.length === 0;
  if (!tries.length) return;
  const [{ found }] = tries, heads = [say("try_take"), say(found.before_is === "first" ? "try_first" : "try_before"), say("try_taught")];
  const table = byId("tries");
  table.tHead?.replaceChildren(make("tr", {}, ...heads.map((textContent) => make("th", { scope: "col", textContent }))));
  table.tBodies[0].replaceChildren(...tries.map(shownTry));
}

/** @param {typeof tries[number]} tried @param {number} index */
function shownTry({ bytes, found }, index) {
  const n = tries.length - index, name = say("try_number", { n });
  const hear = make("button", { type: "button", className: "plain", textContent: say("play"), ariaLabel: `${say("play")}: ${name}` });
  hear.onclick = () => play(bytes).catch((error) => trouble(error.message));
  const cells = [found.before, found.taught].map((prediction) => make("td", {}, ...told(prediction)));
  const isNew = found.before.label !== found.taught.label;
  return make("tr", { className: isNew ? "differs" : "" }, make("th", { scope: "row" }, `${n} `, hear), ...cells);
}

/** @param {service.Prediction} prediction */
function told({ label, probability, probabilities }) {
  if (label !== null) return [make("b", { textContent: label }), " ", make("small", { textContent: percent(probability) })];
  const [[nearest]] = Object.entries(probabilities).sort(([, one], [, other]) => other - one);
  return [say("not_in_vocabulary"), " ", make("small", { textContent: say("try_nearest", { label: nearest, percent: percent(probability) }) })];
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function play(bytes) {
  const { samples, rate } = await sound.decode(bytes);
  await sound.play(samples, rate);
}
