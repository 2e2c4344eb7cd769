// @ts-check
// Asking the service. Every refusal becomes an Error whose message a person can read.

import { current, refusal, say } from "./text.js";

/**
 * A grid of numbers over the frames of a clip: `n_bins` rows, the lowest first.
 * @typedef {{ values: number[][], n_bins: number, n_frames: number, hop_seconds: number, start_seconds: number }} Lattice
 *
 * What mattered; `segments` are start and end in seconds.
 * @typedef {Lattice & { label: string, log_mel?: number[][], segments: [number, number][] }} Explanation
 *
 * What a recording is taken for; of a word of the stream only the first four are told.
 * @typedef {{ label: string | null, rejected: boolean, probability: number, probabilities: Record<string, number>,
 *   n_words?: number, word_at?: number, text?: string, words?: SpokenWord[], members?: Record<string, Record<string, number>>, features?: Record<string, Lattice> }} Prediction
 *
 * A word of a string, and a string; times in seconds.
 * @typedef {{ label: string | null, probability: number, start: number, end: number }} SpokenWord
 * @typedef {{ text: string, probability: number, complete: boolean }} SpokenString
 *
 * What GET model says. `language` is that of the words, where the model knows it; `suffixes` those of the files that are
 * taken as they are.
 * @typedef {{ name: string, labels: string[], members: { name: string, kind: "mel" | "mfcc" }[],
 *   limits: { bytes: number, seconds: number }, suffixes: string[], can_explain: boolean, can_teach?: boolean, can_transcribe?: boolean, language?: string }} Card
 */

// The page stands wherever it is put: this file lies in `static/` below it, and the service's paths beside that.
const ROOT = new URL("..", import.meta.url);

/** What the model is; there is none before `model()`. @type {Card} */
export let card;

let token = new URLSearchParams(location.hash.slice(1)).get("token") ?? sessionStorage.getItem("token") ?? "";

/** Where a path of the service is. @param {string} path */
export const root = (path) => new URL(path, ROOT);

export const hasToken = () => token !== "";

export class TokenWanted extends Error {}

/** @type {Record<number, string>} */
const KINDS = { 408: "too_slow", 413: "too_large" };

/** @param {string} given */
export function enter(given) {
  token = given;
  sessionStorage.setItem("token", given);
}

/** @param {string} path @param {RequestInit} options @returns {Promise<Response>} */
async function ask(path, options = {}) {
  const headers = { "Accept-Language": current(), ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  let response;
  try {
    response = await fetch(new URL(path, ROOT), { ...options, headers, cache: "no-store" });
  } catch {
    throw new Error(say("unreachable"));
  }
  if (response.ok) return response;
  if (response.status === 401) throw new TokenWanted(say(token ? "wrong_token" : "token_label"));
  if (response.status === 503) throw new Error(say("busy"));
  const { error } = await response.json().catch(() => ({}));
  const kind = response.headers.get("Sutja-Refusal") ?? KINDS[response.status];
  throw new Error(refusal(kind, error ?? `${response.status} ${response.statusText}`, error && response.headers.get("Content-Language")));
}

/** Ask what the model is. */
export async function model() {
  card = await (await ask("model")).json();
  return card;
}

/**
 * What a recording is taken for, as soon as that is known; `explained()` waits for what mattered, which takes longer and
 * comes in the same response: a recording is sent once. It gives null where the service does not say that.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<{ prediction: Prediction, explained: () => Promise<Explanation | null> }>}
 */
export async function predict(bytes, { explain = card.can_explain } = {}) {
  const headers = { Accept: "application/x-ndjson" };
  const response = await ask(`v1/predict?features=true&explain=${explain}`, { method: "POST", body: bytes, headers });
  const answers = lines(response);
  const prediction = await next(answers);
  if (!prediction) throw new Error(say("unreachable"));
  const explained = async () => {
    let last = null; // to the end of the response, which frees the connection
    for (let told = await next(answers); told; told = await next(answers)) last = told;
    if (last?.error) throw new Error(say("busy")); // the one reason there is
    return last?.explanation ?? null;
  };
  return { prediction, explained };
}

/** @param {AsyncGenerator<any>} answers */
async function next(answers) {
  try {
    return (await answers.next()).value;
  } catch { // the connection broke off
    throw new Error(say("unreachable"));
  }
}

/** The lines of a response, each as soon as it is here. @param {Response} response @returns {AsyncGenerator<any>} */
async function* lines(response) {
  const reader = /** @type {ReadableStream} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const whole = (rest + part.value).split("\n");
    rest = whole.pop() ?? "";
    for (const line of whole) yield JSON.parse(line);
  }
}

/**
 * Which words are said in a row in a recording; `asked` says which strings can be: `length`, or `strings`.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Record<string, string>} asked
 * @returns {Promise<{ text: string, strings: (SpokenString & { words: SpokenWord[] })[] }>}
 */
export async function transcribe(bytes, asked) {
  return (await ask(`v1/transcribe?${new URLSearchParams(asked)}`, { method: "POST", body: bytes })).json();
}

/**
 * Open the stream for samples at `rate` Hz, of words in a row, with which of them can be said, or of single ones.
 * @param {number} rate
 * @param {{ strings?: Record<string, string> | null }} [what]
 */
export function stream(rate, { strings = null } = {}) {
  const address = new URL(`v1/stream?${new URLSearchParams({ sample_rate: `${rate}` })}`, ROOT);
  for (const [name, value] of Object.entries(strings ? { strings: "1", ...strings } : {})) address.searchParams.set(name, value);
  address.protocol = address.protocol.replace("http", "ws");
  if (token) address.searchParams.set("token", token);
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  return socket;
}

// -- teaching ------------------------------------------------------------------------------------------------------------

/**
 * @typedef {{ name: string, label: string, speaker: string, seconds: number, peak_dbfs: number }} Take
 *
 * How good taught words are; `confusion_matrix` has a row for each label that was said.
 * @typedef {{ labels: string[], protocol: "clips" | "speakers", n_clips: number, n_speakers: number, accuracy: number,
 *   interval95: [number, number] | null, confusion_matrix: number[][], refused: number | null, others_taken: number | null,
 *   confused: { name: string, label: string, heard: string }[],
 *   advice: { kind: string, text: Record<"en" | "ko", string> }[] }} Taught
 *
 * @typedef {{ takes: Take[], words: { label: string, n_takes: number, speakers: string[] }[], taught: Taught | null,
 *   in_use: "first" | "taught" }} Lessons
 */

/** What is there to teach. @returns {Promise<Lessons>} */
export async function lessons() {
  return (await ask("v1/teach")).json();
}

/** Keep a take. @param {string} label @param {string} speaker @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Take>} */
export async function keep(label, speaker, bytes) {
  const query = new URLSearchParams({ label, speaker });
  return (await ask(`v1/teach/takes?${query}`, { method: "POST", body: bytes })).json();
}

/** The sound of a take. @param {Take} take */
export async function heard(take) {
  return new Uint8Array(await (await ask(address(take))).arrayBuffer());
}

/** Take a take away. @param {Take} take */
export async function forget(take) {
  await ask(address(take), { method: "DELETE" });
}

/** Teach all that is there. @returns {Promise<Taught>} */
export async function teach() {
  return (await ask("v1/teach", { method: "POST" })).json();
}

/**
 * A recording judged by two models: the taught one, and the one that answered before it was taught.
 * @typedef {{ before_is: "first" | "taught", before: Prediction, taught: Prediction }} Compared
 */

/** Have a recording judged by both models; it is not kept. @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Compared>} */
export async function compare(bytes) {
  return (await ask("v1/teach/try", { method: "POST", body: bytes })).json();
}

/** Say which model answers. @param {"first" | "taught"} which */
export async function use(which) {
  await ask(`v1/teach/use?model=${which}`, { method: "POST" });
}

/** The taught model in one file. @param {"zip" | "onnx"} kind */
export async function archive(kind) {
  return (await ask(`v1/teach/model.${kind}`)).blob();
}

/** @param {Take} take */
function address(take) {
  return `v1/teach/takes/${take.name.split("/").map(encodeURIComponent).join("/")}`;
}
