// @ts-check
// What was said so far: shown again, corrected, removed, downloaded as a data set. It lives as long as the page.

import { byId, called, make, tell, trouble } from "./page.js";
import * as service from "./service.js";
import * as sound from "./sound.js";
import { speaker } from "./switches.js";
import { percent, say } from "./text.js";
import { csv, zip } from "./zip.js";

const MOST_CHIPS = 12;

/**
 * A recording as it was sent, and as samples where the browser can decode it.
 * @typedef {{ bytes: Uint8Array<ArrayBuffer>, name: string, samples: Float32Array<ArrayBuffer>, rate: number }} Recording
 *
 * `label` is null where it is none of the labels. `isAsked`: what mattered is known or on its way. `take`: what the
 * service keeps of it, to be taught from; `turn`: what is being kept, one change after the other.
 * @typedef {Recording & { prediction: import("./service.js").Prediction, n: number, label: string | null,
 *   speaker: string, explanation?: import("./service.js").Explanation | null, isAsked: boolean,
 *   take?: service.Take | null, turn?: Promise<void> }} Entry
 */

/** @type {Entry[]} */
let entries = []; // the newest first
let nHeard = 0;
/** @type {(entry: Entry) => void} */
let show = () => {};

/** Words that takes are there of: a recording may be one of them, too. @type {string[]} */
let taught = [];

/** The recording whose answer the page shows. @type {Entry | null} */
export let shown = null;

/** Set what happens when a recording is to be shown again. @param {(entry: Entry) => void} callback */
export function onShow(callback) {
  show = callback;
}

/** Let recordings be marked as words that are being taught. @param {string[]} labels */
export function offer(labels) {
  taught = labels;
}

/** Mark the recording whose answer the page shows, and write the list. @param {Entry | null} entry */
export function mark(entry) {
  shown = entry;
  list();
}

/**
 * Add a recording and its answer; they stand in the list when it is next written.
 * @param {Recording} recording
 * @param {import("./service.js").Prediction} prediction
 */
export function remember(recording, prediction) {
  const speaker = byId("speaker").value.trim();
  const entry = { ...recording, prediction, n: ++nHeard, label: prediction.label, speaker, isAsked: false };
  entries.unshift(entry);
  return entry;
}

/** Write the list anew. */
export function list() {
  byId("history").replaceChildren(...entries.map(line));
  byId("download").disabled = entries.length === 0;
}

/** @param {Entry} entry */
function line(entry) {
  const { prediction } = entry;
  const heard = make("div", { className: "heard" },
    make("b", { textContent: called(prediction) }), make("small", { textContent: percent(prediction.probability) }));
  if (entry.label !== prediction.label) {
    heard.append(make("small", { textContent: say("corrected", { label: entry.label ?? say("none") }) }));
  }
  if (entry.take) heard.append(make("small", { textContent: say("kept", { label: entry.take.label }) }));
  const item = make("li", {}, heard, corrections(entry), tools(entry));
  item.dataset.n = String(entry.n);
  if (entry === shown) item.setAttribute("aria-current", "true");
  return item;
}

/** @param {Entry} entry */
function tools(entry) {
  const play = tool("play", entry, () => sound.play(entry.samples, entry.rate));
  play.disabled = !entry.samples.length;
  const others = [tool("show", entry, () => show(entry)), tool("remove", entry, () => forget(entry))];
  return make("div", { className: "tools" }, others[0], play, others[1]);
}

/** @param {"show" | "play" | "remove"} name @param {Entry} entry @param {() => void} onclick */
function tool(name, entry, onclick) {
  const button = make("button", { type: "button", textContent: say(name), onclick });
  button.setAttribute("aria-label", `${say(name)}: ${say("item", { n: entry.n })}, ${called(entry.prediction)}`);
  return button;
}

/** The labels to choose the right one from: chips, or a list where there are many. @param {Entry} entry */
function corrections(entry) {
  const choices = [...new Set([...service.card.labels, ...taught]), null];
  const group = make("fieldset", { className: "labels" });
  group.append(make("legend", { className: "unseen", textContent: `${say("was")} (${say("item", { n: entry.n })})` }));
  group.append(...(choices.length > MOST_CHIPS + 1 ? [choice(entry, choices)] : choices.map((label) => chip(entry, label))));
  return group;
}

/** @param {Entry} entry @param {(string | null)[]} choices */
function choice(entry, choices) {
  const select = make("select", { onchange: () => correct(entry, choices[select.selectedIndex]) });
  select.setAttribute("aria-label", say("was"));
  select.append(...choices.map((label) => make("option", { textContent: label ?? say("none"), selected: label === entry.label })));
  return select;
}

/** @param {Entry} entry @param {string | null} label */
function chip(entry, label) {
  const button = make("button", { type: "button", textContent: label ?? say("none"), onclick: () => correct(entry, label) });
  button.setAttribute("aria-pressed", String(label === entry.label));
  return button;
}

/** @param {Entry} entry @param {string | null} label */
function correct(entry, label) {
  entry.label = label;
  list();
  const group = byId("history").querySelector(`[data-n="${entry.n}"] .labels`);
  focus(group?.querySelector("[aria-pressed=true], select")); // the list is new: the focus stays where it was
  if (byId("keep").checked || entry.take) entry.turn = (entry.turn ?? Promise.resolve()).then(() => teach(entry, label));
}

/** Let the service keep a recording as a take of a word, in the place of what it was before. @param {Entry} entry @param {string | null} label */
async function teach(entry, label) {
  const before = entry.take;
  entry.take = null;
  try {
    if (before) await service.forget(before);
    if (label !== null) entry.take = await service.keep(label, entry.speaker || speaker(), entry.bytes);
    trouble("");
  } catch (error) {
    trouble(/** @type {Error} */ (error).message);
  }
  list();
}

/** @param {Entry} entry */
function forget(entry) {
  const i = entries.indexOf(entry);
  entries = entries.filter((one) => one !== entry);
  list();
  focus(byId("history").children[Math.min(i, entries.length - 1)]?.querySelector(".tools button") ?? byId("hold"));
}

/** @param {Element | null | undefined} element */
function focus(element) {
  if (element instanceof HTMLElement) element.focus();
}

/** Hand the history over as a zip: metadata.csv and the recordings as they were sent. */
export function download() {
  const day = new Date().toISOString().slice(0, 10);
  const link = make("a", { href: URL.createObjectURL(dataset()), download: `sutja_${day}.zip` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  tell(say("downloaded", { n: entries.length, name: link.download }));
}

function dataset() {
  const rows = [["file_name", "label", "speaker"]], files = [];
  for (const entry of entries.toReversed()) {
    const name = `clips/${String(entry.n).padStart(4, "0")}${entry.name.slice(entry.name.lastIndexOf(".")).toLowerCase()}`;
    rows.push([name, entry.label ?? "", entry.speaker]);
    files.push({ name, bytes: entry.bytes });
  }
  return zip([{ name: "metadata.csv", bytes: csv(rows) }, ...files]);
}
