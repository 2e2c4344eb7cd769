// @ts-check
// What was heard: the word, a bar for each label, what the networks saw and what mattered.

import * as draw from "./draw.js";
import { byId, called, make } from "./page.js";
import { card } from "./service.js";
import { percent, say } from "./text.js";

const MOST_BARS = 16;

/** @typedef {import("./service.js").Prediction} Prediction */
/** @typedef {import("./history.js").Entry} Entry */
/** @typedef {{ kind: string, title: string, text: string, keys?: (Node | string)[],
 *   paint: (canvas: HTMLCanvasElement) => void }} Figure */

/** Say the word, or plainly that it is none. @param {Prediction} prediction */
export function word(prediction) {
  const said = byId("said");
  const [label, probability] = Object.entries(prediction.probabilities).reduce((best, one) => (one[1] > best[1] ? one : best));
  delete said.dataset.text;
  said.textContent = called(prediction);
  said.className = prediction.rejected ? "said refused" : "said";
  const sure = prediction.rejected
    ? say("nearest", { label, percent: percent(probability) })
    : say("sure", { percent: percent(prediction.probability) });
  const { n_words: n = 1, word_at: at = 0, words = [] } = prediction;
  if (words.length) byId("sure").textContent = `${told(prediction)} · ${say("all_told", { n, words: list(words) })}`;
  else byId("sure").textContent = n > 1 ? `${sure} · ${say("several", { n, at: at.toFixed(1) })}` : sure;
}

/** Say how sure all words in a row are, or what was heard where one of them is none. @param {Prediction} prediction */
function told({ rejected, text = "", probability }) {
  return rejected ? text : say("sure", { percent: percent(probability) });
}

/** @param {import("./service.js").SpokenWord[]} words */
function list(words) {
  return words.map(({ label, start, probability }) => `${label ?? "?"} (${start.toFixed(1)} s, ${percent(probability)})`).join(", ");
}

/** Show no answer: what was asked last has none. */
export function nothing() {
  const said = byId("said");
  said.dataset.text = "nothing_yet";
  said.textContent = say("nothing_yet");
  said.className = "said";
  byId("sure").textContent = "";
  draw.waveform(byId("waveform"), new Float32Array());
  byId("bars-box").hidden = true;
  byId("why").hidden = true;
}

/** A row a label: each member's bar, and that of all together. @param {Prediction} prediction */
export function bars({ probabilities, members, words = [] }) {
  byId("bars-box").hidden = words.length > 0; // of words in a row, none is judged alone
  if (words.length) return;
  // A member that is alone says what the ensemble says; of a word in the stream only that is told.
  const alone = card.members.length === 1 ? { [card.members[0].name]: probabilities } : {};
  const columns = Object.entries(members ?? alone);
  if (columns.length !== 1) columns.push([say("ensemble"), probabilities]);
  const labels = Object.keys(probabilities);
  const likely = labels.toSorted((a, b) => probabilities[b] - probabilities[a]).slice(0, MOST_BARS);
  const titles = [say("label"), ...columns.map(([name]) => name)];
  const head = make("tr", {}, ...titles.map((textContent) => make("th", { scope: "col", textContent })));
  byId("bars").tHead?.replaceChildren(head);
  byId("bars").tBodies[0].replaceChildren(...(labels.length > MOST_BARS ? likely : labels).map((label) => {
    const title = make("th", { scope: "row", textContent: label });
    return make("tr", { className: label === likely[0] ? "best" : "" }, title, ...columns.map(([, shares]) => bar(shares[label])));
  }));
  byId("bars-box").hidden = false;
}

/** @param {number} share */
function bar(share) {
  const filled = make("span");
  filled.style.width = `${100 * share}%`;
  const number = make("span", { className: "n", textContent: percent(share) });
  return make("td", {}, make("div", { className: "bar" }, make("span", { className: "track" }, filled), number));
}

/** Show the recording, what the networks saw of it, and what mattered as soon as that is known. @param {Entry} entry */
export function pictures(entry) {
  wave(entry);
  const figures = Object.entries(entry.prediction.features ?? {}).map(([name, seen]) => input(name, seen));
  if (entry.explanation) figures.push(mattered(entry.explanation));
  byId("pictures").replaceChildren(...figures.map(figure));
  figures.forEach(({ paint }, i) => paint(byId("pictures").querySelectorAll("canvas")[i]));
  byId("why").hidden = false;
  byId("play-all").disabled = !entry.samples.length;
  byId("play-part").disabled = !entry.samples.length || !entry.explanation?.segments.length;
}

/** @param {Entry} entry */
function wave({ samples, rate }) {
  const canvas = byId("waveform");
  canvas.dataset.seconds = (samples.length / rate).toFixed(2);
  canvas.setAttribute("aria-label", say("waveform_label", { seconds: canvas.dataset.seconds }));
  draw.waveform(canvas, samples);
}

/** @param {string} name @param {import("./service.js").Lattice} seen @returns {Figure} */
function input(name, seen) {
  const kind = card.members.find((member) => member.name === name)?.kind ?? "mel";
  const seconds = (seen.n_frames * seen.hop_seconds).toFixed(2);
  const text = say("seen", { name, bins: seen.n_bins, frames: seen.n_frames, seconds });
  return { kind: `seen-${name}`, title: say(kind), text, paint: (canvas) => draw.features(canvas, seen) };
}

/** @param {import("./service.js").Explanation} explanation @returns {Figure} */
function mattered(explanation) {
  const parts = explanation.segments.map(([start, end]) => `${start.toFixed(2)}–${end.toFixed(2)} s`).join(", ");
  const keys = [
    make("span", { className: "key for" }), ` ${say("mattered_for")} `,
    make("span", { className: "key against" }), ` ${say("mattered_against")} `,
  ];
  return {
    kind: "mattered",
    title: say("mattered", { label: explanation.label }),
    text: parts ? say("mattered_parts", { parts }) : say("no_parts"),
    keys: [make("br"), ...keys],
    paint: (canvas) => draw.relevance(canvas, explanation),
  };
}

/** @param {Figure} figure */
function figure({ kind, title, text, keys = [] }) {
  const canvas = make("canvas", { className: "picture" });
  canvas.dataset.kind = kind;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${title}, ${text}`);
  return make("figure", {}, canvas, make("figcaption", {}, make("b", { textContent: title }), text, ...keys));
}
