// @ts-check
// Teaching: words are typed and recorded, takes are seen, heard and taken away, and what came of it is told.

import { byId } from "./lesson.js";
import { make, tell, trouble } from "./page.js";
import { heard, picture } from "./pictures.js";
import * as recording from "./recording.js";
import { showResult, takeAlong } from "./result.js";
import * as service from "./service.js";
import * as sound from "./sound.js";
import { speaker, wireSwitches } from "./switches.js";
import { preferred, say, speak } from "./text.js";
import * as trying from "./trying.js";

/** @type {service.Lessons} */
let lessons = { takes: [], words: [], taught: null, in_use: "first" };
/** @type {string[]} */
let typed = []; // words that have no take yet

// -- doing -------------------------------------------------------------------------------------------------------------

/** Do one thing, and say what went wrong with it. @param {() => Promise<void>} act */
async function attempt(act) {
  trouble("");
  try {
    await act();
  } catch (error) {
    failed(error);
  }
}

/** @param {unknown} error */
function failed(error) {
  tell("");
  trouble(/** @type {Error} */ (error).message);
  byId("trouble").scrollIntoView({ block: "nearest" }); // who tries it out is far below
  byId("door").hidden = !(error instanceof service.TokenWanted);
  if (byId("door").hidden) refresh().catch(() => {}); // somebody else may teach, too: show what is there
}

async function refresh() {
  lessons = await service.lessons();
  typed = typed.filter((label) => !lessons.words.some((word) => word.label === label));
  show();
}

/** @param {string} label */
const takesOf = (label) => lessons.takes.filter((take) => take.label === label);

/** Record one take of a word. @param {string} label */
async function recordOne(label) {
  let isThere = false;
  await begin(() => (isThere ? null : { label, shown: label }), () => (isThere = true));
}

/** Record anything, and see what both models make of it. */
async function tryOne() {
  if (recording.isOn()) return recording.stop();
  let isThere = false;
  await listen({
    place: byId("try").parentElement,
    next: () => (isThere ? null : { label: "", shown: say("try_now") }),
    keep: async (_, samples, rate) => {
      isThere = true;
      await trying.judge(sound.wav(samples, rate));
    },
  });
}

/** Record takes of every word that this speaker has too few of, or end that. */
async function handsFree() {
  if (recording.isOn()) return recording.stop();
  const wanted = byId("wanted").valueAsNumber || 1;
  await begin(() => {
    for (const label of labels()) {
      const n = takesOf(label).filter((take) => take.speaker === speaker()).length;
      if (n < wanted) return { label, shown: `${label} ${n + 1}/${wanted}` };
    }
    return null;
  });
}

/** @param {() => { label: string, shown: string } | null} next @param {() => void} kept */
async function begin(next, kept = () => {}) {
  if (!next()) return tell(say("teach_all_there"));
  await listen({
    place: byId("hands-free").parentElement,
    next,
    keep: async (label, samples, rate) => {
      await service.keep(label, speaker(), sound.wav(samples, rate));
      kept();
      await refresh();
    },
  });
}

/** @param {Omit<recording.Lesson, "ended">} lesson */
async function listen(lesson) {
  tell(say("asking"));
  await recording.start({
    ...lesson,
    ended: (error) => {
      if (error) failed(error);
      buttons();
    },
  });
  tell(say("teach_ready"));
  buttons();
}

/** Keep recordings that are there already, each as it is. @param {string} label @param {File[]} files */
async function bring(label, files) {
  for (const file of files) await service.keep(label, speaker(), new Uint8Array(await file.arrayBuffer()));
  await refresh();
}

async function teach() {
  tell(say("teaching"));
  await service.teach();
  await refresh();
  await trying.again();
  tell("");
}

async function toggleUse() {
  await service.use(lessons.in_use === "taught" ? "first" : "taught");
  await refresh();
}

/** @param {service.Take} take */
async function play(take) {
  const { samples, rate } = await heard(take);
  await sound.play(samples, rate);
}

/** @param {service.Take} take */
async function remove(take) {
  await service.forget(take);
  await refresh();
}

// -- showing -----------------------------------------------------------------------------------------------------------

/** Every word, those without takes last. */
const labels = () => [...lessons.words.map((word) => word.label), ...typed];

function show() {
  const { key = "", otherwise = "" } = /** @type {HTMLElement} */ (document.activeElement)?.dataset ?? {};
  byId("words").replaceChildren(...labels().map(shownWord));
  if (key) focus([key, otherwise]); // the list is new: the focus stays where it was
  buttons();
  showResult(lessons);
  trying.showTries();
}

/** Focus the first button that is there, or where a word is typed. @param {string[]} keys */
function focus(keys) {
  const found = keys.map((key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`)).find(Boolean) ?? byId("word");
  if (found instanceof HTMLElement) found.focus();
}

function buttons() {
  byId("teach").disabled = lessons.words.length < 2;
  byId("hands-free").disabled = labels().length === 0;
  byId("hands-free").ariaPressed = String(recording.isOn());
  byId("hands-free").textContent = say(recording.isOn() ? "teach_stop" : "teach_free");
  byId("try").ariaPressed = String(recording.isOn());
  byId("try").textContent = say(recording.isOn() ? "teach_stop" : "try_say");
}

/** A button that the focus comes back to when the list is written anew. @param {string} text @param {string} name @param {string[]} keys @param {() => Promise<void>} act */
function button(text, name, [key, otherwise = ""], act) {
  const made = make("button", { type: "button", className: "plain", textContent: text, ariaLabel: name });
  Object.assign(made.dataset, { key, otherwise });
  made.onclick = () => attempt(act);
  return made;
}

/** @param {string} label */
function shownWord(label) {
  const takes = takesOf(label), name = say("teach_record", { label });
  const record = button(name, name, [`record ${label}`], () => recordOne(label));
  const input = make("input", { type: "file", accept: "audio/*", multiple: true, ariaLabel: say("teach_files", { label }) });
  input.onchange = () => attempt(() => bring(label, [...(input.files ?? [])]));
  const files = make("label", { className: "plain file" }, make("span", { textContent: say("choose") }), input);
  const count = make("small", { textContent: say("teach_takes", { n: takes.length }) });
  const row = make("div", { className: "row" }, make("b", { textContent: label }), count, record, files);
  return make("li", {}, row, make("ul", {}, ...takes.map(shownTake)));
}

/** @param {service.Take} take @param {number} index */
function shownTake(take, index) {
  const { label } = take, seconds = take.seconds.toFixed(2);
  const name = say("teach_take", { n: index + 1, label, speaker: take.speaker, seconds });
  const hear = button(say("play"), `${say("play")}: ${name}`, [`play ${take.name}`], () => play(take));
  const away = button(say("remove"), `${say("remove")}: ${name}`, [`remove ${label} ${index}`, `record ${label}`], () => remove(take));
  const about = make("small", { textContent: `${take.speaker}, ${seconds} s` });
  return make("li", {}, picture(take, name), about, make("div", { className: "tools" }, hear, away));
}

// -- the page's own switches -------------------------------------------------------------------------------------------

/** @param {string} name */
function wearLanguage(name) {
  speak(preferred(name), "teach_title");
  recording.repeat();
  show();
}

function wire() {
  wireSwitches(wearLanguage, show);
  byId("add").onsubmit = (event) => {
    event.preventDefault();
    const label = byId("word").value.trim();
    if (label && !labels().includes(label)) typed.push(label);
    byId("word").value = "";
    show();
  };
  byId("hands-free").onclick = () => attempt(handsFree);
  byId("teach").onclick = () => attempt(teach);
  byId("try").onclick = () => attempt(tryOne);
  byId("try-file").onchange = () => attempt(async () => {
    for (const file of byId("try-file").files ?? []) await trying.judge(new Uint8Array(await file.arrayBuffer()));
    byId("try-file").value = ""; // the same one may be chosen again
  });
  byId("use").onclick = () => attempt(toggleUse);
  byId("take-zip").onclick = () => attempt(() => takeAlong("zip"));
  byId("take-onnx").onclick = () => attempt(() => takeAlong("onnx"));
  byId("door").onsubmit = (event) => {
    event.preventDefault();
    service.enter(byId("token").value);
    byId("door").hidden = true;
    attempt(refresh);
  };
}

wire();
document.addEventListener("visibilitychange", () => { // meanwhile somebody else may have taught, too
  if (!document.hidden && !recording.isOn()) refresh().catch(() => {});
});
window.addEventListener("pagehide", recording.close);
attempt(refresh);
