// What was heard: the word, a bar for each label, what the networks saw and what mattered.

import * as draw from "/static/draw.js";
import { at, called, make, state } from "/static/page.js";
import { percent, say } from "/static/text.js";

const MOST_BARS = 16;

/** Say the word, or plainly that it is none. */
export function word(found) {
  const said = at("said");
  const [label, probability] = Object.entries(found.probabilities).reduce((best, one) => (one[1] > best[1] ? one : best));
  delete said.dataset.text;
  said.textContent = called(found);
  said.className = found.rejected ? "said refused" : "said";
  at("sure").textContent = found.rejected
    ? say("nearest", { label, percent: percent(probability) })
    : say("sure", { percent: percent(found.probability) });
}

/** A row a label: each member's bar, and that of all together. */
export function bars(found) {
  // A member that is alone says what the ensemble says; of a word in the stream only that is told.
  const { members: known } = state.card;
  const alone = known.length === 1 ? { [known[0].name]: found.probabilities } : {};
  const members = Object.entries(found.members ?? alone);
  const columns = members.length === 1 ? members : [...members, [say("ensemble"), found.probabilities]];
  const labels = Object.keys(found.probabilities);
  const likely = labels.toSorted((a, b) => found.probabilities[b] - found.probabilities[a]).slice(0, MOST_BARS);
  const titles = [say("label"), ...columns.map(([name]) => name)];
  const head = make("tr", {}, ...titles.map((textContent) => make("th", { scope: "col", textContent })));
  at("bars").tHead.replaceChildren(head);
  at("bars").tBodies[0].replaceChildren(...(labels.length > MOST_BARS ? likely : labels).map((label) => {
    const title = make("th", { scope: "row", textContent: label });
    return make("tr", { className: label === likely[0] ? "best" : "" }, title, ...columns.map(([, shares]) => bar(shares[label])));
  }));
  at("bars-box").hidden = false;
}

function bar(share) {
  const filled = make("span");
  filled.style.width = `${100 * share}%`;
  const number = make("span", { className: "n", textContent: percent(share) });
  return make("td", {}, make("div", { className: "bar" }, make("span", { className: "track" }, filled), number));
}

/** Show the recording, what the networks saw of it, and what mattered as soon as that is known. */
export function pictures(entry) {
  wave(entry);
  const figures = Object.entries(entry.found.features ?? {}).map(([name, seen]) => input(name, seen));
  if (entry.explanation) figures.push(mattered(entry.explanation));
  at("pictures").replaceChildren(...figures.map(figure));
  figures.forEach(({ paint }, i) => paint(at("pictures").querySelectorAll("canvas")[i]));
  at("why").hidden = false;
  at("play-all").disabled = !entry.samples.length;
  at("play-part").disabled = !entry.samples.length || !entry.explanation?.segments.length;
}

function wave({ samples, rate }) {
  const canvas = at("waveform");
  canvas.dataset.seconds = (samples.length / rate).toFixed(2);
  canvas.setAttribute("aria-label", say("waveform_label", { seconds: canvas.dataset.seconds }));
  draw.waveform(canvas, samples);
}

function input(name, seen) {
  const kind = state.card.members.find((member) => member.name === name)?.kind ?? "mel";
  const seconds = (seen.n_frames * seen.hop_seconds).toFixed(2);
  const text = say("seen", { name, bins: seen.n_bins, frames: seen.n_frames, seconds });
  return { kind: `seen-${name}`, title: say(kind), text, paint: (canvas) => draw.features(canvas, seen) };
}

function mattered(found) {
  const parts = found.segments.map(([start, end]) => `${start.toFixed(2)}–${end.toFixed(2)} s`).join(", ");
  const keys = ["for", "against"].flatMap((side) => [
    make("span", { className: `key ${side}` }), ` ${say(`mattered_${side}`)} `,
  ]);
  return {
    kind: "mattered",
    title: say("mattered", { label: found.label }),
    text: parts ? say("mattered_parts", { parts }) : say("no_parts"),
    keys: [make("br"), ...keys],
    paint: (canvas) => draw.relevance(canvas, found),
  };
}

function figure({ kind, title, text, keys = [] }) {
  const canvas = make("canvas", { className: "picture" });
  canvas.dataset.kind = kind;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${title}, ${text}`);
  return make("figure", {}, canvas, make("figcaption", {}, make("b", { textContent: title }), text, ...keys));
}
