// @ts-check
// The page: what is heard is asked about, shown and remembered; and the page's own switches.

import * as answer from "./answer.js";
import * as draw from "./draw.js";
import * as history from "./history.js";
import { byId, called, make, moreTrouble, tell, trouble } from "./page.js";
import * as service from "./service.js";
import * as sound from "./sound.js";
import * as speaking from "./speaking.js";
import * as strings from "./strings.js";
import { wireSwitches } from "./switches.js";
import { preferred, say, speak } from "./text.js";

const MOST_WORDS = 40;
const MOST_LABELS = 30;

/** @typedef {import("./history.js").Entry} Entry */

let chosen = false; // the user asked to see the recording that is shown

// -- hearing and showing -----------------------------------------------------------------------------------------------

/**
 * Ask about a recording, show the answer, remember it, then show what mattered.
 * @param {history.Recording} recording
 * @param {string} [file] its name, where it is a file
 */
async function hear(recording, file) {
  if (strings.wanted()) return hearStrings(recording, file);
  tell(say("thinking"));
  let answered = false;
  try {
    const { prediction, explained } = await service.predict(recording.bytes);
    answered = true;
    const entry = history.remember(recording, prediction);
    show(entry);
    await explain(entry, explained);
  } catch (error) {
    if (!answered) unanswered();
    failed(error, file);
  }
}

/** Ask which words are said in a row, and show them. @param {history.Recording} recording @param {string} [file] */
async function hearStrings(recording, file) {
  tell(say("thinking"));
  try {
    strings.all(await service.transcribe(recording.bytes, strings.asked()), recording);
    history.mark(null);
    draw.waveform(byId("waveform"), recording.samples);
    tell("");
  } catch (error) {
    unanswered();
    failed(error, file);
  }
}

/** Forget the answer to what was asked before: beside the trouble it would pass for the answer to this. */
function unanswered() {
  answer.nothing();
  history.mark(null);
}

/** @param {Entry} entry @param {() => Promise<service.Explanation | null>} explained */
async function explain(entry, explained) {
  entry.isAsked = true;
  tell(service.card.can_explain ? say("explaining") : "");
  try {
    entry.explanation = await explained();
  } catch (error) {
    entry.isAsked = false; // "Show" asks again
    throw error;
  }
  tell("");
  if (history.shown === entry) answer.pictures(entry);
}

/** @param {unknown} error @param {string} [file] that it is about */
function failed(error, file) {
  const { message } = /** @type {Error} */ (error);
  tell("");
  moreTrouble(file ? `${file}: ${message}` : message);
  byId("door").hidden = !(error instanceof service.TokenWanted);
}

/** Whether the service decodes a file, as far as its name tells. @param {string} name */
function isDecoded(name) {
  return service.card.suffixes.some((suffix) => name.toLowerCase().endsWith(suffix));
}

/** Hear a file: as it is, or, where the service may not know its kind, as the browser decodes it. @param {File} file */
async function hearFile(file) {
  let bytes = new Uint8Array(await file.arrayBuffer());
  let name = file.name;
  const decoded = await sound.decode(bytes).catch(() => null); // to be drawn and played
  if (!isDecoded(name)) {
    if (!decoded) {
      unanswered();
      return moreTrouble(say("cannot_decode", { name }));
    }
    bytes = sound.wav(decoded.samples, decoded.rate);
    name = "decoded.wav";
  }
  await hear({ bytes, name, samples: new Float32Array(), rate: 8000, ...decoded }, file.name);
}

/** @param {Iterable<File>} files */
async function hearFiles(files) {
  trouble("");
  for (const file of files) await hearFile(file);
}

/** @param {Float32Array<ArrayBuffer>} samples @param {number} rate */
function hearSpoken(samples, rate) {
  trouble("");
  hear({ bytes: sound.wav(samples, rate), name: "spoken.wav", samples, rate });
}

/**
 * Show and remember a word of the stream; what mattered is asked for when somebody wants to see it.
 * @type {speaking.OnWord}
 */
function hearWord(samples, rate, prediction, { late }) {
  const className = prediction.rejected ? "refused" : "";
  byId("words").hidden = false;
  byId("words").append(make("span", { textContent: called(prediction), className }), " ");
  while (byId("words").children.length > MOST_WORDS) byId("words").firstElementChild?.remove();
  const recording = { bytes: sound.wav(samples, rate), name: "spoken.wav", samples, rate };
  const entry = samples.length ? history.remember(recording, prediction) : null;
  if (late && chosen) return history.list(); // the user has stopped the stream and looks at something else
  chosen = false;
  answer.word(prediction);
  answer.bars(prediction);
  byId("why").hidden = true;
  history.mark(entry);
}

/** @param {Entry} entry */
function show(entry) {
  answer.word(entry.prediction);
  answer.bars(entry.prediction);
  answer.pictures(entry);
  history.mark(entry);
}

/** Show a recording of the history; of a word of the stream more is known only now. @param {Entry} entry */
async function showAgain(entry) {
  chosen = true;
  trouble("");
  show(entry);
  byId("said").scrollIntoView({ block: "nearest" });
  if (entry.isAsked) return;
  entry.isAsked = true;
  try {
    const { prediction, explained } = await service.predict(entry.bytes);
    const { features, members } = prediction;
    Object.assign(entry.prediction, { features, members });
    if (history.shown === entry) show(entry);
    await explain(entry, explained);
  } catch (error) {
    entry.isAsked = false;
    failed(error);
  }
}

// -- the page's own switches -------------------------------------------------------------------------------------------

/** @param {string} name */
function wearLanguage(name) {
  speak(preferred(name));
  speaking.button();
  if (!service.card) return;
  history.list();
  if (!history.shown) return;
  answer.word(history.shown.prediction);
  answer.bars(history.shown.prediction);
  redraw();
}

function redraw() {
  if (history.shown && !byId("why").hidden) answer.pictures(history.shown);
}

function wireButtons() {
  byId("listen").onclick = speaking.toggle;
  byId("in-a-row").onchange = byId("string-length").onchange = byId("only-these").onchange = () => {
    strings.offer();
    speaking.endStream(); // what is listened for has changed
  };
  byId("file").onchange = () => hearFiles([...(byId("file").files ?? [])]).finally(() => (byId("file").value = ""));
  byId("play-all").onclick = () => play(history.shown);
  byId("play-part").onclick = () => play(history.shown, history.shown?.explanation?.segments);
  byId("download").onclick = history.download;
  byId("door").onsubmit = (event) => {
    event.preventDefault();
    service.enter(byId("token").value);
    begin();
  };
}

/** @param {Entry | null} entry @param {[number, number][]} [parts] */
function play(entry, parts) {
  if (entry) sound.play(entry.samples, entry.rate, parts);
}

function wireHold() {
  const hold = byId("hold");
  hold.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    hold.setPointerCapture(event.pointerId);
    speaking.press();
  });
  hold.addEventListener("pointerup", speaking.release);
  hold.addEventListener("pointercancel", speaking.release);
  hold.addEventListener("contextmenu", (event) => event.preventDefault());
  hold.addEventListener("click", (event) => {
    if (event.detail === 0) speaking.press({ holds: false }); // of a screen reader: no pointer, no key
  });
  document.addEventListener("keydown", (event) => holdByKey(event, speaking.press));
  document.addEventListener("keyup", (event) => holdByKey(event, speaking.release));
}

/** @param {KeyboardEvent} event @param {() => void} act */
function holdByKey(event, act) {
  if (!isForHold(event)) return;
  event.preventDefault();
  if (!event.repeat) act();
}

/**
 * Space holds from anywhere but where it means something else; Enter only on the button.
 * @param {KeyboardEvent} event
 */
function isForHold(event) {
  if (byId("hold").disabled || event.ctrlKey || event.altKey || event.metaKey) return false;
  const target = /** @type {Element} */ (event.target);
  if (target === byId("hold")) return event.code === "Space" || event.code === "Enter";
  return event.code === "Space" && !target.closest("button, input, select, a, textarea, [tabindex]");
}

function wireDrop() {
  const veil = byId("veil");
  /** @param {"dragover" | "dragleave" | "drop"} name @param {(event: DragEvent) => void} act */
  const wire = (name, act) => document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (service.card) act(event);
  });
  wire("dragover", () => (veil.hidden = false));
  wire("dragleave", (event) => (veil.hidden = event.relatedTarget === null));
  wire("drop", (event) => {
    veil.hidden = true;
    hearFiles([...(event.dataTransfer?.files ?? [])]);
  });
}

/** Ask for the model, and let the user speak. */
async function begin() {
  trouble("");
  try {
    await service.model();
  } catch (error) {
    return failed(error);
  }
  const { labels, name, language, suffixes, can_explain: explains } = service.card;
  byId("door").hidden = true;
  byId("labels").textContent = [...labels.slice(0, MOST_LABELS), ...(labels.length > MOST_LABELS ? ["…"] : [])].join(" ");
  if (language) byId("labels").lang = language; // so that a screen reader says them as they are to be said
  byId("model").textContent = name;
  byId("in-a-row-choice").hidden = !service.card.can_transcribe;
  strings.offer();
  byId("to-teaching").hidden = byId("keeping").hidden = !service.card.can_teach;
  if (service.card.can_teach) {
    byId("privacy").dataset.text = "privacy_teaching";
    byId("history-help").dataset.text = "history_help_teaching";
  }
  byId("file").accept = ["audio/*", ...suffixes].join();
  byId("play-part").hidden = !explains;
  byId("why-title").dataset.text = explains ? "why_title" : "seen_title";
  wearLanguage(byId("language").value);
  if (service.card.can_teach) service.lessons().then(({ words }) => history.offer(words.map((word) => word.label)), failed);
  for (const button of [byId("hold"), byId("listen"), byId("file")]) button.disabled = false;
}

speaking.onHeard(hearSpoken, hearWord);
history.onShow(showAgain);
wireSwitches(wearLanguage, redraw);
wireButtons();
wireHold();
wireDrop();
window.addEventListener("resize", redraw);
window.addEventListener("pagehide", speaking.close);
begin();
