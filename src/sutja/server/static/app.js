// The page: speaking, asking, showing, keeping a history. What it knows of the model comes from GET /model.

import * as draw from "/static/draw.js";
import * as service from "/static/service.js";
import * as sound from "/static/sound.js";
import { percent, preferred, say, speak } from "/static/text.js";
import { csv, zip } from "/static/zip.js";

const at = (id) => document.getElementById(id);

const BEFORE_SECONDS = 0.25; // heard before the button went down: people speak as they press
const AFTER_SECONDS = 0.2;
const SHORT_PRESS_MS = 300;
const ASKED_MS = 1_000; // opening the microphone takes less unless the browser asks
const LEAST_SECONDS = 0.15;
const LONGEST_SECONDS = 10;
const IDLE_MS = 60_000; // nobody spoke for so long: the microphone closes
const SHOWN_SECONDS = 3; // of the running waveform
const REMEMBERED_SECONDS = 30; // of the stream, for the words to be cut from
const MOST_CHIPS = 12;
const MOST_BARS = 16;
const SENT_AS_IT_IS = /\.(wav|flac|ogg|oga|opus|mp3|aiff?|aifc|au|snd|caf|w64|rf64)$/i; // what the service decodes

let card = null; // the model
let shown = null; // the history's entry that the page shows
let history = [];
let nHeard = 0;

// -- telling -----------------------------------------------------------------------------------------------------------

function tell(text) {
  at("status").textContent = text;
}

function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

function failed(error) {
  tell("");
  trouble(error.message);
  at("door").hidden = !(error instanceof service.TokenWanted);
}

/** Make an element: its properties, its children. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** What a refused clip is called. */
function refusal() {
  return say(card.labels.every((label) => /^\d$/.test(label)) ? "not_a_digit" : "not_in_vocabulary");
}

// -- asking ------------------------------------------------------------------------------------------------------------

/** Ask about a recording, show the answer, remember it, then ask what mattered. */
async function hear({ bytes, name, samples, rate }) {
  trouble("");
  tell(say("thinking"));
  try {
    const found = await service.predict(bytes);
    const entry = remember({ bytes, name, samples, rate, found });
    show(entry);
    await explain(entry);
  } catch (error) {
    failed(error);
  }
}

async function explain(entry) {
  tell(say("explaining"));
  entry.explanation = (await service.predict(entry.bytes, { explain: true })).explanation;
  tell("");
  if (shown === entry) why(entry);
}

/** Hear a file: as it is, or, where the service may not know its kind, as the browser decodes it. */
async function hearFile(file) {
  trouble("");
  let bytes = new Uint8Array(await file.arrayBuffer());
  const decoded = await sound.decode(bytes).catch(() => null);
  let name = file.name;
  if (!SENT_AS_IT_IS.test(name)) {
    if (!decoded) return trouble(say("cannot_decode", { name }));
    bytes = sound.wav(decoded.samples, decoded.rate);
    name = name.replace(/(\.\w+)?$/, ".wav");
  }
  await hear({ bytes, name, samples: decoded?.samples ?? new Float32Array(1), rate: decoded?.rate ?? 8000 });
}

async function hearFiles(files) {
  for (const file of files) await hearFile(file);
}

// -- the answer --------------------------------------------------------------------------------------------------------

function show(entry) {
  shown = entry;
  answer(entry.found);
  bars(entry.found);
  at("why").hidden = false;
  at("play-all").disabled = entry.samples.length < 2;
  wave(entry.samples, entry.samples.length / entry.rate);
  why(entry);
  list();
}

function wave(samples, seconds) {
  const canvas = at("waveform");
  canvas.dataset.seconds = seconds.toFixed(2);
  canvas.setAttribute("aria-label", say("waveform_label", { seconds: seconds.toFixed(2) }));
  draw.waveform(canvas, samples);
}

function answer(found) {
  const said = at("said");
  const nearest = Object.entries(found.probabilities).reduce((best, one) => (one[1] > best[1] ? one : best));
  delete said.dataset.text;
  said.textContent = found.rejected ? refusal() : found.label;
  said.className = found.rejected ? "said refused" : "said";
  at("sure").textContent = found.rejected
    ? say("nearest", { label: nearest[0], percent: percent(nearest[1]) })
    : say("sure", { percent: percent(found.probability) });
}

function bars(found) {
  // A member that is alone says what the ensemble says; of a word in the stream only that is told.
  const alone = card.members.length === 1 ? { [card.members[0].name]: found.probabilities } : {};
  const members = Object.entries(found.members ?? alone);
  const columns = members.length === 1 ? members : [...members, [say("ensemble"), found.probabilities]];
  const names = Object.keys(found.probabilities);
  const likely = names.toSorted((a, b) => found.probabilities[b] - found.probabilities[a]).slice(0, MOST_BARS);
  const head = make("tr", {}, make("th", { scope: "col", textContent: say("label") }));
  for (const [name] of columns) head.append(make("th", { scope: "col", textContent: name }));
  at("bars").tHead.replaceChildren(head);
  at("bars").tBodies[0].replaceChildren(...(names.length > MOST_BARS ? likely : names).map((name) => {
    const row = make("tr", { className: name === likely[0] ? "best" : "" });
    row.append(make("th", { scope: "row", textContent: name }), ...columns.map(([, shares]) => bar(shares[name])));
    return row;
  }));
  at("bars-box").hidden = false;
}

function bar(share) {
  const filled = make("span");
  filled.style.width = `${100 * share}%`;
  const track = make("span", { className: "track" }, filled);
  const number = make("span", { className: "n", textContent: percent(share) });
  return make("td", {}, make("div", { className: "bar" }, track, number));
}

/** Show what the networks saw, and what mattered as soon as it is known. */
function why(entry) {
  const figures = Object.entries(entry.found.features ?? {}).map(([name, seen]) => {
    const kind = card.members.find((member) => member.name === name)?.kind ?? "mel";
    const seconds = (seen.n_frames * seen.hop_seconds).toFixed(2);
    const text = say("seen", { name, bins: seen.n_bins, frames: seen.n_frames, seconds });
    return { kind: `seen-${name}`, title: say(kind), text, paint: (canvas) => draw.features(canvas, seen) };
  });
  if (entry.explanation) figures.push(mattered(entry.explanation));
  at("pictures").replaceChildren(...figures.map(({ kind, title, text, keys = [] }) => {
    const canvas = make("canvas", { className: "picture" });
    canvas.dataset.kind = kind;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${title}, ${text}`);
    const caption = make("figcaption", {}, make("b", { textContent: title }), text, ...keys);
    return make("figure", {}, canvas, caption);
  }));
  figures.forEach(({ paint }, i) => paint(at("pictures").querySelectorAll("canvas")[i]));
  at("play-part").disabled = !entry.explanation?.segments.length || entry.samples.length < 2;
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

// -- history -----------------------------------------------------------------------------------------------------------

function remember({ bytes, name, samples, rate, found }) {
  const entry = { n: ++nHeard, bytes, name, samples, rate, found, label: found.label, speaker: at("speaker").value.trim() };
  history.unshift(entry);
  list();
  return entry;
}

function list() {
  at("history").replaceChildren(...history.map(item));
  at("download").disabled = history.length === 0;
}

function item(entry) {
  const { found } = entry;
  const said = found.rejected ? refusal() : found.label;
  const heard = make("div", { className: "heard" }, make("b", { textContent: said }), make("small", { textContent: percent(found.probability) }));
  if (entry.label !== found.label) {
    heard.append(make("small", { textContent: say("corrected", { label: entry.label ?? say("none") }) }));
  }
  const tools = make("div", { className: "tools" });
  for (const [text, act] of [["show", () => reshow(entry)], ["play", () => sound.play(entry.samples, entry.rate)], ["remove", () => forget(entry)]]) {
    const button = make("button", { type: "button", textContent: say(text), onclick: act });
    button.setAttribute("aria-label", `${say(text)}: ${say("item", { n: entry.n })}, ${said}`);
    tools.append(button);
  }
  const line = make("li", {}, heard, corrections(entry), tools);
  line.dataset.n = entry.n;
  if (entry === shown) line.setAttribute("aria-current", "true");
  return line;
}

/** The labels to choose the right one from: chips, or a list where there are many. */
function corrections(entry) {
  const choices = [...card.labels, null];
  const group = make("fieldset", { className: "labels" });
  group.append(make("legend", { className: "unseen", textContent: `${say("was")} (${say("item", { n: entry.n })})` }));
  if (choices.length > MOST_CHIPS + 1) {
    const select = make("select", { onchange: () => correct(entry, choices[select.selectedIndex]) });
    select.setAttribute("aria-label", say("was"));
    select.append(...choices.map((label) => make("option", { textContent: label ?? say("none"), selected: label === entry.label })));
    group.append(select);
    return group;
  }
  for (const label of choices) {
    const chip = make("button", { type: "button", textContent: label ?? say("none"), onclick: () => correct(entry, label) });
    chip.setAttribute("aria-pressed", String(label === entry.label));
    group.append(chip);
  }
  return group;
}

function correct(entry, label) {
  entry.label = label;
  const focused = document.activeElement?.textContent;
  list();
  const chips = at("history").querySelector(`[data-n="${entry.n}"] .labels`)?.children ?? [];
  [...chips].find((chip) => chip.textContent === focused)?.focus();
}

function forget(entry) {
  history = history.filter((one) => one !== entry);
  list();
  at("history-title").focus?.();
}

async function reshow(entry) {
  show(entry);
  at("said").scrollIntoView({ block: "nearest" });
  if (entry.found.features && entry.explanation) return;
  try {
    entry.found = await service.predict(entry.bytes);
    if (shown === entry) show(entry);
    await explain(entry);
  } catch (error) {
    failed(error);
  }
}

/** The history as a data set: metadata.csv and the recordings as they were sent. */
function dataset() {
  const rows = [["file_name", "label", "speaker"]], files = [];
  for (const entry of history.toReversed()) {
    const ending = entry.name.match(/\.\w+$/)[0].toLowerCase();
    const name = `clips/${String(entry.n).padStart(4, "0")}${ending}`;
    rows.push([name, entry.label ?? "", entry.speaker]);
    files.push({ name, bytes: entry.bytes });
  }
  return zip([{ name: "metadata.csv", bytes: csv(rows) }, ...files]);
}

function download() {
  const day = new Date().toISOString().slice(0, 10);
  const link = make("a", { href: URL.createObjectURL(dataset()), download: `sutja_${day}.zip` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  tell(say("downloaded", { n: history.length, name: link.download }));
}

// -- hold to speak -----------------------------------------------------------------------------------------------------

const microphone = new sound.Microphone(onBlock);
let before = []; // the latest blocks, also while nobody holds
let blocks = null; // of the word that is being spoken
let pressed = 0; // when the button went down, ms
let held = false;
let idle = 0; // the timer that closes the microphone

function onBlock(block) {
  before.push(block);
  while (before.length * block.length > BEFORE_SECONDS * microphone.rate) before.shift();
  if (live.socket) live.hear(block);
  if (!blocks) return;
  blocks.push(block);
  const recent = sound.joined(blocks.slice(-Math.ceil((SHOWN_SECONDS * microphone.rate) / block.length)));
  draw.waveform(at("waveform"), recent, { live: true, nSamples: SHOWN_SECONDS * microphone.rate });
  if (blocks.length * block.length > Math.min(LONGEST_SECONDS, card.limits.seconds) * microphone.rate) finish();
}

/** Open the microphone; says what is wrong when it cannot be had. */
async function openMicrophone() {
  clearTimeout(idle);
  if (!microphone.isOpen) tell(say("asking"));
  try {
    await microphone.open();
    tell("");
    return true;
  } catch (error) {
    const known = { NotAllowedError: "mic_denied", SecurityError: "mic_insecure", NotFoundError: "mic_missing" }[error.name];
    tell("");
    trouble(say(known ?? "mic_failed", { reason: error.message || error.name }));
    return false;
  }
}

async function press({ holds = true } = {}) {
  if (blocks) return finish(); // the second of two short presses
  held = holds;
  pressed = performance.now();
  trouble("");
  if (!(await openMicrophone())) return button();
  // The browser asked, and meanwhile the button was let go: nobody is speaking now.
  if (!held && performance.now() - pressed > ASKED_MS) return tell(say("ready"));
  blocks = [...before];
  button();
}

function release() {
  if (!held) return;
  held = false;
  if (blocks && performance.now() - pressed > SHORT_PRESS_MS) setTimeout(finish, 1000 * AFTER_SECONDS);
  else button();
}

function closeWhenIdle() {
  clearTimeout(idle);
  idle = setTimeout(() => {
    if (!blocks && !live.socket) microphone.close();
    before = [];
  }, IDLE_MS);
}

function finish() {
  if (!blocks) return;
  closeWhenIdle();
  const recorded = sound.joined(blocks), { rate } = microphone;
  blocks = null;
  button();
  if (recorded.length < (LEAST_SECONDS + BEFORE_SECONDS) * rate) return tell(say("too_short"));
  const samples = sound.spoken(recorded, rate);
  hear({ bytes: sound.wav(samples, rate), name: "spoken.wav", samples, rate });
}

function button() {
  at("hold").classList.toggle("on", blocks !== null);
  at("hold-text").textContent = say(blocks ? (held ? "speaking" : "stop") : "hold");
}

// -- listening all the time --------------------------------------------------------------------------------------------

const live = {
  socket: null,
  kept: [],
  nKept: 0, // samples that went by before `kept`

  async start() {
    trouble("");
    if (!(await openMicrophone())) return;
    const socket = service.stream(microphone.rate);
    socket.onopen = () => {
      Object.assign(live, { socket, kept: [], nKept: 0 });
      tell(say("stream_on"));
    };
    socket.onmessage = ({ data }) => live.told(JSON.parse(data));
    socket.onclose = ({ wasClean }) => live.ended(wasClean ? "" : say("stream_lost"));
    at("words").replaceChildren();
    at("listen").setAttribute("aria-pressed", "true");
    at("listen").textContent = say("listening");
    live.opening = socket;
  },

  stop() {
    if (live.socket?.readyState === WebSocket.OPEN) live.socket.send('{"type":"end"}');
    else live.opening?.close();
    live.socket = null;
    live.ended("");
  },

  ended(reason) {
    live.socket = null;
    closeWhenIdle();
    at("listen").setAttribute("aria-pressed", "false");
    at("listen").textContent = say("listen");
    at("level").hidden = true;
    tell("");
    if (reason) trouble(reason);
  },

  hear(block) {
    if (live.socket.readyState === WebSocket.OPEN) live.socket.send(sound.pcm16(block));
    live.kept.push(block);
    if (live.kept.length * block.length > REMEMBERED_SECONDS * microphone.rate) live.nKept += live.kept.shift().length;
    const recent = sound.joined(live.kept.slice(-Math.ceil((SHOWN_SECONDS * microphone.rate) / block.length)));
    draw.waveform(at("waveform"), recent, { live: true, nSamples: SHOWN_SECONDS * microphone.rate });
  },

  told(message) {
    if (message.type === "level") level(message.dbfs);
    else if (message.type === "word") live.word(message);
    else if (message.type === "error") trouble(message.error);
  },

  word(found) {
    const { rate } = microphone;
    const from = Math.max(0, Math.round(found.start * rate) - live.nKept);
    const samples = sound.joined(live.kept).slice(from, Math.round(found.end * rate) - live.nKept);
    const said = make("span", { textContent: found.rejected ? refusal() : found.label, className: found.rejected ? "refused" : "" });
    at("words").hidden = false;
    at("words").append(said, " ");
    while (at("words").children.length > 40) at("words").firstElementChild.remove();
    answer(found);
    bars(found);
    if (samples.length && rate) shown = remember({ bytes: sound.wav(samples, rate), name: "spoken.wav", samples, rate, found });
    at("why").hidden = true;
  },
};

function level(dbfs) {
  at("level").hidden = !live.socket;
  at("level-bar").style.width = `${Math.max(0, Math.min(100, (100 * (dbfs + 60)) / 60))}%`;
  at("level-text").textContent = `${dbfs === null ? "−∞" : Math.round(dbfs)} dB`;
}

// -- the page's own switches -------------------------------------------------------------------------------------------

const keep = (name, value) => localStorage.setItem(`sutja.${name}`, value);
const kept = (name) => localStorage.getItem(`sutja.${name}`) ?? "";

function wearTheme(name) {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  redraw();
}

function wearLanguage(name) {
  speak(name);
  button();
  if (live.socket) at("listen").textContent = say("listening");
  if (card && shown) show(shown);
  else if (card) list();
}

function redraw() {
  if (!shown) return;
  draw.waveform(at("waveform"), shown.samples);
  why(shown);
}

function wire() {
  const hold = at("hold");
  hold.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    hold.setPointerCapture(event.pointerId);
    press();
  });
  for (const end of ["pointerup", "pointercancel"]) hold.addEventListener(end, release);
  hold.addEventListener("contextmenu", (event) => event.preventDefault());
  hold.addEventListener("click", (event) => { // of a screen reader: no pointer, no key
    if (event.detail === 0) press({ holds: false });
  });
  document.addEventListener("keydown", (event) => {
    if (!isForHold(event)) return;
    event.preventDefault();
    if (!event.repeat) press();
  });
  document.addEventListener("keyup", (event) => {
    if (!isForHold(event)) return;
    event.preventDefault();
    release();
  });
  at("listen").onclick = () => (at("listen").getAttribute("aria-pressed") === "true" ? live.stop() : live.start());
  at("file").onchange = () => hearFiles([...at("file").files]).finally(() => (at("file").value = ""));
  at("play-all").onclick = () => sound.play(shown.samples, shown.rate);
  at("play-part").onclick = () => sound.play(shown.samples, shown.rate, shown.explanation.segments);
  at("download").onclick = download;
  at("speaker").onchange = () => keep("speaker", at("speaker").value);
  at("door").onsubmit = (event) => {
    event.preventDefault();
    service.enter(at("token").value);
    begin();
  };
  wireDrop();
  window.addEventListener("resize", redraw);
  window.addEventListener("pagehide", () => microphone.close());
}

/** Space holds from anywhere but where it means something else; Enter only on the button. */
function isForHold(event) {
  if (at("hold").disabled || event.ctrlKey || event.altKey || event.metaKey) return false;
  if (event.target === at("hold")) return event.code === "Space" || event.code === "Enter";
  return event.code === "Space" && !event.target.closest("button, input, select, a, textarea, [tabindex]");
}

function wireDrop() {
  const veil = at("veil");
  const brings = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    veil.hidden = true;
    hearFiles([...event.dataTransfer.files]);
  });
}

/** Ask for the model, and let the user speak. */
async function begin() {
  try {
    card = await service.model();
  } catch (error) {
    return failed(error);
  }
  at("door").hidden = true;
  trouble("");
  at("labels").textContent = card.labels.length > 30 ? `${card.labels.slice(0, 30).join(" ")} …` : card.labels.join(" ");
  at("model").textContent = card.name;
  for (const id of ["hold", "listen"]) at(id).disabled = false;
}

at("language").value = preferred(kept("language"));
at("theme").value = kept("theme");
at("speaker").value = kept("speaker") || "me";
at("language").onchange = ({ target }) => { keep("language", target.value); wearLanguage(target.value); };
at("theme").onchange = ({ target }) => { keep("theme", target.value); wearTheme(target.value); };
wearLanguage(at("language").value);
wearTheme(at("theme").value);
wire();
begin();
