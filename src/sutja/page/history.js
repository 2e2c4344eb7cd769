// What was said so far: shown again, corrected, removed, downloaded as a data set. It lives as long as the page.

import { at, called, make, state, tell } from "/static/page.js";
import * as sound from "/static/sound.js";
import { percent, say } from "/static/text.js";
import { csv, zip } from "/static/zip.js";

const MOST_CHIPS = 12;

let entries = []; // the newest first
let nHeard = 0;
let show = () => {};

/** Set what happens when a recording is to be shown again. */
export function onShow(callback) {
  show = callback;
}

/** Add a recording, `{bytes, name, samples, rate, found}`; returns its entry. */
export function remember(recording) {
  const entry = { ...recording, n: ++nHeard, label: recording.found.label, speaker: at("speaker").value.trim() };
  entries.unshift(entry);
  list();
  return entry;
}

/** Write the list anew. */
export function list() {
  at("history").replaceChildren(...entries.map(line));
  at("download").disabled = entries.length === 0;
}

function line(entry) {
  const { found } = entry;
  const heard = make("div", { className: "heard" },
    make("b", { textContent: called(found) }), make("small", { textContent: percent(found.probability) }));
  if (entry.label !== found.label) {
    heard.append(make("small", { textContent: say("corrected", { label: entry.label ?? say("none") }) }));
  }
  const item = make("li", {}, heard, corrections(entry), tools(entry));
  item.dataset.n = entry.n;
  if (entry === state.shown) item.setAttribute("aria-current", "true");
  return item;
}

function tools(entry) {
  const acts = { show: () => show(entry), play: () => sound.play(entry.samples, entry.rate), remove: () => forget(entry) };
  return make("div", { className: "tools" }, ...Object.entries(acts).map(([name, onclick]) => {
    const button = make("button", { type: "button", textContent: say(name), onclick });
    button.disabled = name === "play" && !entry.samples.length;
    button.setAttribute("aria-label", `${say(name)}: ${say("item", { n: entry.n })}, ${called(entry.found)}`);
    return button;
  }));
}

/** The labels to choose the right one from: chips, or a list where there are many. */
function corrections(entry) {
  const choices = [...state.card.labels, null];
  const group = make("fieldset", { className: "labels" });
  group.append(make("legend", { className: "unseen", textContent: `${say("was")} (${say("item", { n: entry.n })})` }));
  group.append(...(choices.length > MOST_CHIPS + 1 ? [choice(entry, choices)] : choices.map((label) => chip(entry, label))));
  return group;
}

function choice(entry, choices) {
  const select = make("select", { onchange: () => correct(entry, choices[select.selectedIndex]) });
  select.setAttribute("aria-label", say("was"));
  select.append(...choices.map((label) => make("option", { textContent: label ?? say("none"), selected: label === entry.label })));
  return select;
}

function chip(entry, label) {
  const button = make("button", { type: "button", textContent: label ?? say("none"), onclick: () => correct(entry, label) });
  button.setAttribute("aria-pressed", String(label === entry.label));
  return button;
}

function correct(entry, label) {
  entry.label = label;
  list();
  const group = at("history").querySelector(`[data-n="${entry.n}"] .labels`);
  group.querySelector("[aria-pressed=true], select")?.focus(); // the list is new: the focus stays where it was
}

function forget(entry) {
  const i = entries.indexOf(entry);
  entries = entries.filter((one) => one !== entry);
  list();
  (at("history").children[Math.min(i, entries.length - 1)]?.querySelector(".tools button") ?? at("hold")).focus();
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
    const name = `clips/${String(entry.n).padStart(4, "0")}${entry.name.match(/\.\w+$/)[0].toLowerCase()}`;
    rows.push([name, entry.label ?? "", entry.speaker]);
    files.push({ name, bytes: entry.bytes });
  }
  return zip([{ name: "metadata.csv", bytes: csv(rows) }, ...files]);
}
