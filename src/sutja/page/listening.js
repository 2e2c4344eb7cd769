// @ts-check
// The microphone over a WebSocket: the service says where words begin and end, and here they are cut out.

import * as service from "./service.js";
import * as sound from "./sound.js";

const REMEMBERED_SECONDS = 30; // of the stream, for the words to be cut from

/**
 * What is done with what the service tells. `message` says `start` and `end`, and what the word is taken for.
 * @typedef {{ opened: () => void, level: (dbfs: number | null) => void, refused: (sentence: string) => void,
 *   word: (samples: Float32Array<ArrayBuffer>, message: service.Prediction & { start: number, end: number }) => void,
 *   partial?: (message: { text: string }) => void, string?: (message: service.SpokenString) => void,
 *   ended: (isLost: boolean) => void }} Told
 */

export class Listening {
  /** The latest blocks. @type {Float32Array[]} */
  kept = [];
  #nPassed = 0; // samples that are no longer kept
  #nHeard = 0;
  #marginSeconds;

  /**
   * @param {number} rate of the samples, Hz
   * @param {Told} told
   * @param {{ marginSeconds?: number, strings?: Record<string, string> | null }} how much is cut out with a word on both sides; words in a row
   */
  constructor(rate, told, { marginSeconds = 0, strings = null } = {}) {
    this.rate = rate;
    this.#marginSeconds = marginSeconds;
    this.told = told;
    this.socket = service.stream(rate, { strings });
    this.socket.onopen = () => told.opened();
    this.socket.onmessage = ({ data }) => this.#hears(JSON.parse(data));
    this.socket.onclose = ({ wasClean }) => told.ended(!wasClean);
  }

  /** Of the stream so far. */
  get seconds() {
    return this.#nHeard / this.rate;
  }

  /** Send a block; false where nobody hears it yet, or any more. @param {Float32Array} block */
  hear(block) {
    if (this.socket.readyState !== WebSocket.OPEN) return false; // its time begins with the first block that is sent
    this.socket.send(sound.pcm16(block));
    this.kept.push(block);
    this.#nHeard += block.length;
    if (this.kept.length * block.length > REMEMBERED_SECONDS * this.rate) this.#nPassed += this.kept.shift()?.length ?? 0;
    return true;
  }

  /** Say that this is all; what is left is still answered. */
  stop() {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('{"type":"end"}');
    else this.socket.close();
  }

  close() {
    this.socket.close();
  }

  /** @param {any} message */
  #hears(message) {
    if (message.type === "level") this.told.level(message.dbfs);
    if (message.type === "error") this.told.refused(message.error);
    if (message.type === "partial") this.told.partial?.(message);
    if (message.type === "string") this.told.string?.(message);
    if (message.type !== "word") return;
    const bounds = [message.start - this.#marginSeconds, message.end + this.#marginSeconds];
    const [from, to] = bounds.map((second) => Math.max(0, Math.round(second * this.rate) - this.#nPassed));
    this.told.word(sound.joined(this.kept).slice(from, to), message);
  }
}
