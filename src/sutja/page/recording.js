// @ts-check
// Takes by voice: a count-down, then the next word that the service hears is the take; hands free, one after the other.

import * as draw from "./draw.js";
import { byId } from "./lesson.js";
import { Listening } from "./listening.js";
import { level, microphoneTrouble, tell, trouble } from "./page.js";
import { TokenWanted } from "./service.js";
import * as sound from "./sound.js";
import { say } from "./text.js";

const COUNT = [3, 2, 1];
const COUNT_MS = 600;
const PATIENCE_MS = 5_000; // for a word that was asked for
const MARGIN_SECONDS = 0.1; // kept on both sides of a word, as `sutja record` does
const SHOWN_SECONDS = 3; // of the running waveform

/**
 * `next` gives the word to ask for ("" where any will do) and what is shown, or null when all is there; `keep` gives a
 * take to the service; what is recorded is shown behind `place`.
 * @typedef {{ place: Element | null, next: () => { label: string, shown: string } | null, ended: (error: unknown) => void,
 *   keep: (label: string, samples: Float32Array<ArrayBuffer>, rate: number) => Promise<void> }} Lesson
 *
 * `label` is what was asked for, since so many seconds of the stream.
 * @typedef {{ lesson: Lesson, listening: Listening, label: string | null, since: number, patience: number }} Session
 */

const microphone = new sound.Microphone(onBlock);
/** @type {Session | null} */
let session = null;

export const isOn = () => session !== null;

/** Begin to record. @param {Lesson} lesson */
export async function start(lesson) {
  stop();
  try {
    await microphone.open();
  } catch (error) {
    throw new Error(microphoneTrouble(error));
  }
  const listening = new Listening(microphone.rate, {
    opened: () => count(mine),
    level: (dbfs) => session === mine && level(dbfs),
    refused: (sentence) => end(mine, new Error(sentence)),
    word: (samples, { start }) => take(mine, samples, start),
    ended: (isLost) => end(mine, isLost ? new Error(say("stream_lost")) : null),
  }, { marginSeconds: MARGIN_SECONDS });
  /** @type {Session} */
  const mine = { lesson, listening, label: null, since: 0, patience: 0 };
  session = mine;
  lesson.place?.after(byId("recorder"));
  byId("recording").hidden = false;
}

/** Say again what is asked for: the page may speak another language now. */
export function repeat() {
  if (!session || session.label === null) return;
  tell(session.label ? say("teach_say", { label: session.label }) : say("try_now"));
}

/** End it; a take that is being kept is kept. */
export function stop() {
  if (session) end(session, null);
}

/** Let go of the microphone, too. */
export function close() {
  stop();
  microphone.close();
}

/** @param {Float32Array} block */
function onBlock(block) {
  if (!session?.listening.hear(block)) return;
  const nSamples = SHOWN_SECONDS * microphone.rate, { kept } = session.listening;
  const recent = sound.joined(kept.slice(-Math.ceil(nSamples / block.length)));
  draw.waveform(byId("waveform"), recent, { live: true, nSamples });
}

/** @param {Session} mine */
async function count(mine) {
  const ask = mine.lesson.next();
  for (const n of COUNT) {
    if (session !== mine) return;
    byId("prompt").textContent = ask ? `${ask.label || ask.shown} … ${n}` : "";
    await new Promise((resolve) => setTimeout(resolve, COUNT_MS));
  }
  askFor(mine);
}

/** @param {Session} mine */
function askFor(mine) {
  if (session !== mine) return;
  const ask = mine.lesson.next();
  if (!ask) return end(mine, null);
  mine.label = ask.label;
  mine.since = mine.listening.seconds;
  byId("prompt").textContent = ask.shown;
  repeat();
  clearTimeout(mine.patience);
  mine.patience = setTimeout(() => trouble(say("teach_silent")), PATIENCE_MS);
}

/** Keep what was said since it was asked for. @param {Session} mine @param {Float32Array<ArrayBuffer>} samples @param {number} start */
async function take(mine, samples, start) {
  const { label } = mine;
  if (session !== mine || label === null || start < mine.since) return;
  mine.label = null; // the next word is asked for when this one is kept
  clearTimeout(mine.patience);
  try {
    await mine.lesson.keep(label, samples, mine.listening.rate);
    trouble("");
  } catch (error) {
    if (error instanceof TokenWanted) return end(mine, error);
    trouble(/** @type {Error} */ (error).message); // and it is asked for again
  }
  askFor(mine);
}

/** @param {Session} mine @param {unknown} error */
function end(mine, error) {
  if (session !== mine) return;
  session = null;
  clearTimeout(mine.patience);
  mine.listening.close();
  byId("recording").hidden = byId("level").hidden = true;
  tell("");
  mine.lesson.ended(error);
}
