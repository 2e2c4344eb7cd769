// @ts-check
// What came of teaching: how good it is, what to do next, and what is taken along.

import { codes } from "./code.js";
import { byId } from "./lesson.js";
import { make, tell, trouble } from "./page.js";
import { heard, picture } from "./pictures.js";
import * as service from "./service.js";
import * as sound from "./sound.js";
import { current, percent, say } from "./text.js";

const MOST_CONFUSED = 12; // takes that are shown
const MOST_ROWS = 30; // of the table: of more words only those that are taken for each other

/** @param {service.Lessons} lessons */
export function showResult({ takes, taught, in_use: inUse }) {
  byId("result").hidden = byId("along").hidden = !taught;
  if (!taught) return;
  byId("summary").textContent = say("teach_right", { percent: percent(taught.accuracy) });
  byId("measured").textContent = `${measured(taught)}. ${refusals(taught)}`;
  byId("next-title").hidden = taught.advice.length === 0;
  byId("advice").replaceChildren(...taught.advice.map(({ text }) => make("li", { textContent: text[current()] })));
  showConfusions(taught);
  showConfused(taught, takes);
  byId("use").textContent = say(inUse === "taught" ? "teach_back" : "teach_use");
  byId("use").ariaPressed = String(inUse === "taught");
  byId("codes").replaceChildren(...codes(service.root("v1/predict"), service.hasToken()).map(shownCode));
}

/** @param {service.Taught} taught */
function measured(taught) {
  const [low, high] = (taught.interval95 ?? [0, 1]).map(percent);
  const key = taught.protocol === "speakers" ? "teach_speakers" : "teach_clips";
  return say(key, { n: taught.n_clips, speakers: taught.n_speakers, low, high });
}

/** @param {service.Taught} taught */
function refusals({ refused, others_taken: taken }) {
  return say("teach_refusal", { refused: percent(refused ?? 0), taken: percent(taken ?? 0) });
}

/** @param {service.Taught} taught */
function showConfusions({ labels, confusion_matrix: matrix }) {
  const shown = rows(matrix), table = byId("confusions");
  const heads = shown.map((i) => make("th", { scope: "col", textContent: labels[i] }));
  table.tHead?.replaceChildren(make("tr", {}, make("th", { scope: "col", textContent: say("teach_said") }), ...heads));
  table.tBodies[0].replaceChildren(...shown.map((i) => {
    const cells = shown.map((j) => make("td", { textContent: matrix[i][j] ? String(matrix[i][j]) : "", className: i === j ? "" : "wrong" }));
    return make("tr", {}, make("th", { scope: "row", textContent: labels[i] }), ...cells);
  }));
  const left = labels.length - shown.length;
  const caption = say("teach_confusions") + (left ? ` (${say("teach_left", { n: left })})` : "");
  if (table.caption) table.caption.textContent = caption;
}

/** The takes that were taken for another word, to see and hear. @param {service.Taught} taught @param {service.Take[]} takes */
function showConfused({ confused }, takes) {
  const there = confused.flatMap(({ name, label, heard: word }) => {
    const take = takes.find((each) => each.name === name);
    return take ? [{ take, told: say("teach_taken_for", { label, word }) }] : []; // it may have been taken away since
  });
  byId("confused").hidden = there.length === 0;
  byId("confused").replaceChildren(make("li", {}, make("ul", {}, ...there.slice(0, MOST_CONFUSED).map(({ take, told }) => {
    const hear = make("button", { type: "button", textContent: say("play"), ariaLabel: `${say("play")}: ${told}` });
    hear.onclick = () => heard(take).then(({ samples, rate }) => sound.play(samples, rate), (error) => trouble(error.message));
    return make("li", {}, picture(take, told), make("small", { textContent: told }), make("div", { className: "tools" }, hear));
  }))));
}

/** Which labels the table shows: all, or of many those that are taken for each other most. @param {number[][]} matrix */
export function rows(matrix) {
  const all = matrix.map((_, i) => i);
  if (all.length <= MOST_ROWS) return all;
  const wrong = all.map((i) => all.reduce((n, j) => n + (i === j ? 0 : matrix[i][j] + matrix[j][i]), 0));
  return all.filter((i) => wrong[i]).sort((i, j) => wrong[j] - wrong[i]).slice(0, MOST_ROWS).sort((i, j) => i - j);
}

/** @param {ReturnType<typeof codes>[number]} code */
function shownCode({ name, needs, text }) {
  const copy = make("button", { type: "button", className: "plain", textContent: say("copy"), ariaLabel: `${say("copy")}: ${name}` });
  copy.onclick = async () => {
    await navigator.clipboard.writeText(text);
    tell(say("copied", { name }));
  };
  const about = make("small", { textContent: say(needs === "zip" ? "code_zip" : "code_service") });
  const block = make("pre", { tabIndex: 0, role: "region", ariaLabel: name }, make("code", { textContent: text }));
  block.dataset.code = name;
  return make("div", {}, make("div", { className: "row" }, make("h3", { textContent: name }), about, copy), block);
}

/** Hand a file over that the service makes. @param {"zip" | "onnx"} kind */
export async function takeAlong(kind) {
  tell(say("packing"));
  const address = URL.createObjectURL(await service.archive(kind));
  make("a", { href: address, download: `my_words.${kind}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  tell("");
}
