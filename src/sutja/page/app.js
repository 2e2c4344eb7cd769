// The page: what is heard is asked about, shown and remembered; and the page's own switches.

import * as answer from "/static/answer.js";
import * as history from "/static/history.js";
import { at, called, make, state, tell, trouble } from "/static/page.js";
import * as service from "/static/service.js";
import * as sound from "/static/sound.js";
import * as speaking from "/static/speaking.js";
import { preferred, say, speak } from "/static/text.js";

const MOST_WORDS = 40;
const MOST_LABELS = 30;
const SENT_AS_IT_IS = /\.(wav|flac|ogg|oga|opus|mp3|aiff?|aifc|au|snd|caf|w64|rf64)$/i; // what the service decodes

let chosen = false; // the user asked to see the recording that is shown

// -- hearing and showing -----------------------------------------------------------------------------------------------

/** Ask about a recording, show the answer, remember it, then ask what mattered. */
async function hear({ bytes, name, samples, rate }) {
  trouble("");
  tell(say("thinking"));
  try {
    const found = await service.predict(bytes);
    const entry = history.remember({ bytes, name, samples, rate, found });
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
  if (state.shown === entry) answer.pictures(entry);
}

function failed(error) {
  tell("");
  trouble(error.message);
  at("door").hidden = !(error instanceof service.TokenWanted);
}

/** Hear a file: as it is, or, where the service may not know its kind, as the browser decodes it. */
async function hearFile(file) {
  trouble("");
  let bytes = new Uint8Array(await file.arrayBuffer());
  let name = file.name;
  const decoded = await sound.decode(bytes).catch(() => null); // to be drawn and played
  if (!SENT_AS_IT_IS.test(name)) {
    if (!decoded) return trouble(say("cannot_decode", { name }));
    bytes = sound.wav(decoded.samples, decoded.rate);
    name = "decoded.wav";
  }
  await hear({ bytes, name, samples: new Float32Array(), rate: 8000, ...decoded });
}

async function hearFiles(files) {
  for (const file of files) await hearFile(file);
}

function hearSpoken(samples, rate) {
  hear({ bytes: sound.wav(samples, rate), name: "spoken.wav", samples, rate });
}

/** Show and remember a word of the stream; what mattered is asked for when somebody wants to see it. */
function hearWord(samples, rate, found, { late }) {
  const className = found.rejected ? "refused" : "";
  at("words").hidden = false;
  at("words").append(make("span", { textContent: called(found), className }), " ");
  while (at("words").children.length > MOST_WORDS) at("words").firstElementChild.remove();
  const entry = samples.length ? history.remember({ bytes: sound.wav(samples, rate), name: "spoken.wav", samples, rate, found }) : null;
  if (late && chosen) return; // the user has stopped the stream and looks at something else
  chosen = false;
  state.shown = entry;
  answer.word(found);
  answer.bars(found);
  at("why").hidden = true;
  history.list();
}

function show(entry) {
  state.shown = entry;
  answer.word(entry.found);
  answer.bars(entry.found);
  answer.pictures(entry);
  history.list();
}

/** Show a recording of the history; of a word of the stream more is known only now. */
async function showAgain(entry) {
  chosen = true;
  show(entry);
  at("said").scrollIntoView({ block: "nearest" });
  if (entry.found.features && entry.explanation) return;
  try {
    const { features, members } = await service.predict(entry.bytes);
    Object.assign(entry.found, { features, members });
    if (state.shown === entry) show(entry);
    await explain(entry);
  } catch (error) {
    failed(error);
  }
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
  speaking.button();
  if (!state.card) return;
  history.list();
  if (!state.shown) return;
  answer.word(state.shown.found);
  answer.bars(state.shown.found);
  redraw();
}

function redraw() {
  if (state.shown && !at("why").hidden) answer.pictures(state.shown);
}

function wireSwitches() {
  at("language").value = preferred(kept("language"));
  at("theme").value = kept("theme");
  at("speaker").value = kept("speaker") || "me";
  const wear = { language: wearLanguage, theme: wearTheme, speaker: () => {} };
  for (const [name, put] of Object.entries(wear)) {
    at(name).onchange = ({ target }) => {
      keep(name, target.value);
      put(target.value);
    };
    put(at(name).value);
  }
}

function wireButtons() {
  at("listen").onclick = speaking.toggle;
  at("file").onchange = () => hearFiles([...at("file").files]).finally(() => (at("file").value = ""));
  at("play-all").onclick = () => sound.play(state.shown.samples, state.shown.rate);
  at("play-part").onclick = () => sound.play(state.shown.samples, state.shown.rate, state.shown.explanation.segments);
  at("download").onclick = history.download;
  at("door").onsubmit = (event) => {
    event.preventDefault();
    service.enter(at("token").value);
    begin();
  };
}

function wireHold() {
  const hold = at("hold");
  hold.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    hold.setPointerCapture(event.pointerId);
    speaking.press();
  });
  for (const end of ["pointerup", "pointercancel"]) hold.addEventListener(end, speaking.release);
  hold.addEventListener("contextmenu", (event) => event.preventDefault());
  hold.addEventListener("click", (event) => {
    if (event.detail === 0) speaking.press({ holds: false }); // of a screen reader: no pointer, no key
  });
  for (const [name, act] of [["keydown", speaking.press], ["keyup", speaking.release]]) {
    document.addEventListener(name, (event) => {
      if (!isForHold(event)) return;
      event.preventDefault();
      if (!event.repeat) act();
    });
  }
}

/** Space holds from anywhere but where it means something else; Enter only on the button. */
function isForHold(event) {
  if (at("hold").disabled || event.ctrlKey || event.altKey || event.metaKey) return false;
  if (event.target === at("hold")) return event.code === "Space" || event.code === "Enter";
  return event.code === "Space" && !event.target.closest("button, input, select, a, textarea, [tabindex]");
}

function wireDrop() {
  const veil = at("veil");
  const wire = (name, act) => document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    act(event);
  });
  wire("dragover", () => (veil.hidden = false));
  wire("dragleave", (event) => (veil.hidden = event.relatedTarget === null));
  wire("drop", (event) => {
    veil.hidden = true;
    hearFiles([...event.dataTransfer.files]);
  });
}

/** Ask for the model, and let the user speak. */
async function begin() {
  try {
    state.card = await service.model();
  } catch (error) {
    return failed(error);
  }
  const { labels, name } = state.card;
  at("door").hidden = true;
  trouble("");
  at("labels").textContent = [...labels.slice(0, MOST_LABELS), ...(labels.length > MOST_LABELS ? ["…"] : [])].join(" ");
  at("model").textContent = name;
  for (const id of ["hold", "listen", "file"]) at(id).disabled = false;
}

speaking.onHeard(hearSpoken, hearWord);
history.onShow(showAgain);
wireSwitches();
wireButtons();
wireHold();
wireDrop();
window.addEventListener("resize", redraw);
window.addEventListener("pagehide", speaking.close);
begin();
