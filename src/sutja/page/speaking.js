// @ts-check
// The microphone: hold to speak, or listen all the time. Both draw the waveform as it comes.

import * as draw from "./draw.js";
import { byId, tell, trouble } from "./page.js";
import * as service from "./service.js";
import * as sound from "./sound.js";
import * as strings from "./strings.js";
import { say } from "./text.js";

const BEFORE_SECONDS = 0.25; // heard before the button went down: people speak as they press
const AFTER_SECONDS = 0.2;
const SHORT_PRESS_MS = 300;
const ASKED_MS = 1_000; // opening the microphone takes less unless the browser asks
const LEAST_SECONDS = 0.15;
const LONGEST_SECONDS = 10;
const IDLE_MS = 60_000; // nobody spoke for so long: the microphone closes
const SHOWN_SECONDS = 3; // of the running waveform
const REMEMBERED_SECONDS = 30; // of the stream, for the words to be cut from
const QUIETEST_DB = -60; // where the bar of the level begins
/** @type {Record<string, import("./text.js").Key>} */
const MICROPHONE_TROUBLES = { NotAllowedError: "mic_denied", SecurityError: "mic_insecure", NotFoundError: "mic_missing" };

const microphone = new sound.Microphone(onBlock);
/** @type {Float32Array[]} */
let before = []; // the latest blocks, also while nobody holds
/** @type {Float32Array[] | null} */
let blocks = null; // of the word that is being spoken
let pressed = 0; // when the button went down, ms
let held = false;
let idle = 0; // the timer that closes the microphone
/** @typedef {{ socket: WebSocket, rate: number, kept: Float32Array[], nPassed: number, inARow: boolean }} Stream */
/** @type {Stream | null} */
let listening = null;

/** @typedef {(samples: Float32Array<ArrayBuffer>, rate: number) => void} OnRecording */
/** @typedef {(samples: Float32Array<ArrayBuffer>, rate: number, prediction: import("./service.js").Prediction,
 *   options: { late: boolean }) => void} OnWord */
/** @type {OnRecording} */
let onRecording = () => {};
/** @type {OnWord} */
let onWord = () => {};

/**
 * Set what is done with a word that was held for, and with one of the stream.
 * @param {OnRecording} recording
 * @param {OnWord} word
 */
export function onHeard(recording, word) {
  onRecording = recording;
  onWord = word;
}

export function close() {
  listening?.socket.close();
  microphone.close();
}

/** @param {Float32Array} block */
function onBlock(block) {
  before.push(block);
  while (before.length * block.length > BEFORE_SECONDS * microphone.rate) before.shift();
  if (listening) send(listening, block);
  if (!blocks) return;
  blocks.push(block);
  running(blocks);
  const longest = Math.min(LONGEST_SECONDS, service.card.limits.seconds);
  if (blocks.length * block.length > longest * microphone.rate) finish();
}

/** @param {Float32Array[]} all */
function running(all) {
  const nSamples = SHOWN_SECONDS * microphone.rate;
  const recent = sound.joined(all.slice(-Math.ceil(nSamples / all[0].length)));
  draw.waveform(byId("waveform"), recent, { live: true, nSamples });
}

/** Open the microphone; says what is wrong when it cannot be had. */
async function open() {
  clearTimeout(idle);
  trouble("");
  if (!microphone.isOpen) tell(say("asking"));
  try {
    await microphone.open();
    tell("");
    return true;
  } catch (error) {
    const { name, message } = /** @type {DOMException} */ (error);
    tell("");
    trouble(say(MICROPHONE_TROUBLES[name] ?? "mic_failed", { reason: message || name }));
    return false;
  }
}

function closeWhenIdle() {
  clearTimeout(idle);
  idle = setTimeout(() => {
    if (blocks || listening) return;
    microphone.close();
    before = [];
  }, IDLE_MS);
}

// -- hold to speak -----------------------------------------------------------------------------------------------------

/** Begin; or end, when it is the second of two short presses. */
export async function press({ holds = true } = {}) {
  if (blocks) return finish();
  held = holds;
  pressed = performance.now();
  if (!(await open())) return button();
  // The browser asked, and meanwhile the button was let go: nobody is speaking now.
  if (!held && performance.now() - pressed > ASKED_MS) return tell(say("ready"));
  blocks = [...before];
  button();
}

export function release() {
  if (!held) return;
  held = false;
  if (blocks && performance.now() - pressed > SHORT_PRESS_MS) setTimeout(finish, 1000 * AFTER_SECONDS);
  else button();
}

function finish() {
  if (!blocks) return;
  closeWhenIdle();
  const recorded = sound.joined(blocks), { rate } = microphone;
  blocks = null;
  button();
  if (recorded.length < (LEAST_SECONDS + BEFORE_SECONDS) * rate) return tell(say("too_short"));
  onRecording(strings.wanted() ? recorded : sound.spoken(recorded, rate), rate);
}

/** Write both buttons as they stand. */
export function button() {
  byId("hold").classList.toggle("on", blocks !== null);
  byId("hold-text").textContent = say(blocks ? (held ? "speaking" : "stop") : "hold");
  byId("listen").setAttribute("aria-pressed", String(listening !== null));
  byId("listen").textContent = say(listening ? "listening" : "listen");
}

// -- listening all the time --------------------------------------------------------------------------------------------

/** Begin to listen all the time, or end. */
export async function toggle() {
  if (listening) return stop(listening);
  if (!(await open())) return;
  const inARow = strings.wanted();
  const socket = service.stream(microphone.rate, { strings: inARow });
  /** @type {Stream} */
  const mine = { socket, rate: microphone.rate, kept: [], nPassed: 0, inARow };
  strings.begin();
  listening = mine;
  socket.onopen = () => tell(say(inARow ? "strings_on" : "stream_on"));
  socket.onmessage = ({ data }) => told(mine, JSON.parse(data));
  socket.onclose = ({ wasClean }) => ended(mine, wasClean ? "" : say("stream_lost"));
  byId("words").replaceChildren();
  button();
}

/** End listening, where it is on: what is listened for has changed. */
export function endStream() {
  if (listening) stop(listening);
}

/** @param {Stream} stream */
function stop(stream) {
  const { socket } = stream;
  if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"end"}'); // what is left is still answered
  else socket.close();
  ended(stream, "");
}

/** @param {Stream} stream @param {string} reason */
function ended(stream, reason) {
  if (listening !== stream) return;
  listening = null;
  closeWhenIdle();
  button();
  byId("level").hidden = true;
  tell("");
  if (reason) trouble(reason);
}

/** @param {Stream} stream @param {Float32Array} block */
function send(stream, block) {
  const { socket, kept, rate } = stream;
  if (socket.readyState !== WebSocket.OPEN) return; // its time begins with the first block that is sent
  socket.send(sound.pcm16(block));
  kept.push(block);
  if (kept.length * block.length > REMEMBERED_SECONDS * rate) stream.nPassed += kept.shift()?.length ?? 0;
  running(kept);
}

/** @param {Stream} stream @param {any} message */
function told(stream, message) {
  if (message.type === "level" && listening === stream) level(message.dbfs);
  if (message.type === "error") trouble(message.error);
  if (message.type === "partial") strings.partial(message);
  if (message.type === "string") strings.ended(message);
  if (message.type !== "word") return;
  if (stream.inARow) {
    const samples = strings.cut(sound.joined(stream.kept), stream.rate, message, stream.nPassed);
    return strings.word(samples, stream.rate, message);
  }
  const [from, to] = [message.start, message.end].map((second) => Math.max(0, Math.round(second * stream.rate) - stream.nPassed));
  onWord(sound.joined(stream.kept).slice(from, to), stream.rate, message, { late: listening !== stream });
}

/** @param {number | null} dbfs */
function level(dbfs) {
  byId("level").hidden = false;
  byId("level-bar").style.width = `${Math.max(0, 100 * (1 - (dbfs ?? QUIETEST_DB) / QUIETEST_DB))}%`;
  byId("level-text").textContent = dbfs === null ? "−∞ dB" : `${Math.round(dbfs)} dB`.replace("-", "−");
}
