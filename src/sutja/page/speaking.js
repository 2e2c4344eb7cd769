// @ts-check
// The microphone: hold to speak, or listen all the time. Both draw the waveform as it comes.

import * as draw from "./draw.js";
import { Listening } from "./listening.js";
import { byId, level, microphoneTrouble, tell, trouble } from "./page.js";
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

const microphone = new sound.Microphone(onBlock);
/** @type {Float32Array[]} */
let before = []; // the latest blocks, also while nobody holds
/** @type {Float32Array[] | null} */
let blocks = null; // of the word that is being spoken
let pressed = 0; // when the button went down, ms
let held = false;
let idle = 0; // the timer that closes the microphone
/** @type {Listening | null} */
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
  listening?.close();
  microphone.close();
}

/** @param {Float32Array} block */
function onBlock(block) {
  before.push(block);
  while (before.length * block.length > BEFORE_SECONDS * microphone.rate) before.shift();
  if (listening?.hear(block)) running(listening.kept);
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
    tell("");
    trouble(microphoneTrouble(error));
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
  if (listening) return endStream();
  if (!(await open())) return;
  const inARow = strings.wanted();
  const mine = new Listening(microphone.rate, {
    opened: () => tell(say(inARow ? "strings_on" : "stream_on")),
    level: (dbfs) => listening === mine && level(dbfs),
    refused: trouble,
    word: (samples, message) =>
      inARow ? strings.word(samples, mine.rate, message) : onWord(samples, mine.rate, message, { late: listening !== mine }),
    partial: strings.partial,
    string: strings.ended,
    ended: (isLost) => ended(mine, isLost ? say("stream_lost") : ""),
  }, inARow ? { marginSeconds: strings.MARGIN_SECONDS, strings: strings.asked() } : {});
  strings.begin();
  listening = mine;
  byId("words").replaceChildren();
  button();
}

/** End listening, where it is on: what is listened for has changed. */
export function endStream() {
  if (!listening) return;
  listening.stop();
  ended(listening, "");
}

/** @param {Listening} stream @param {string} reason */
function ended(stream, reason) {
  if (listening !== stream) return;
  listening = null;
  closeWhenIdle();
  button();
  byId("level").hidden = true;
  tell("");
  if (reason) trouble(reason);
}
