// @ts-check
// Sound in and out: the microphone at its own rate, wav files, playing.

const WORKLET = new URL("recorder.js", import.meta.url);
const DECODED_RATE = 48_000;

/** @type {AudioContext | null} */
let context = null;
let hasRecorder = false;

function audioContext() {
  context ??= new AudioContext();
  return context;
}

/** The microphone. `onBlock(samples)` gets Float32Array blocks at `rate` Hz while it is open. */
export class Microphone {
  /** @type {Promise<void> | null} */
  #opening = null;
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  rate = 0;

  /** @param {(samples: Float32Array) => void} onBlock */
  constructor(onBlock) {
    this.onBlock = onBlock;
  }

  get isOpen() {
    return this.rate > 0;
  }

  /** Open it, once; asks the user the first time. */
  open() {
    this.#opening ??= this.#open().catch((error) => {
      this.close();
      throw error;
    });
    return this.#opening;
  }

  async #open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "SecurityError");
    // As it is: what tidies a telephone call also cuts off how words begin.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.#stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    const audio = audioContext();
    await audio.resume();
    if (!hasRecorder) await audio.audioWorklet.addModule(WORKLET);
    hasRecorder = true;
    this.#source = audio.createMediaStreamSource(this.#stream);
    this.#node = new AudioWorkletNode(audio, "recorder");
    this.#node.port.onmessage = ({ data }) => this.onBlock(data);
    this.#source.connect(this.#node).connect(audio.destination); // silence; some browsers run only what leads there
    this.rate = audio.sampleRate;
  }

  close() {
    this.#source?.disconnect();
    this.#node?.disconnect();
    if (this.#node) this.#node.port.onmessage = null;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#opening = this.#stream = this.#source = this.#node = null;
    this.rate = 0;
  }
}

/** Join blocks of samples. @param {Float32Array[]} blocks */
export function joined(blocks) {
  const samples = new Float32Array(blocks.reduce((n, block) => n + block.length, 0));
  let offset = 0;
  for (const block of blocks) {
    samples.set(block, offset);
    offset += block.length;
  }
  return samples;
}

const FRAME_SECONDS = 0.02;
const SPOKEN_DB = 30; // below the loudest frame
const MARGIN_SECONDS = 0.15;
const PAUSE_SECONDS = 0.35; // between words; the stops within "six" and "eight" are shorter

/**
 * The word in a recording: the loudest frame and what surrounds it up to the next pauses, with a margin.
 * @param {Float32Array<ArrayBuffer>} samples
 * @param {number} rate
 */
export function spoken(samples, rate) {
  const n = Math.round(FRAME_SECONDS * rate), levels = [];
  for (let start = 0; start + n <= samples.length; start += n) {
    levels.push(Math.sqrt(samples.subarray(start, start + n).reduce((sum, x) => sum + x * x, 0) / n));
  }
  if (levels.length === 0) return samples;
  const sorted = [...levels].sort((a, b) => a - b), highest = sorted[sorted.length - 1];
  const least = Math.max(highest * 10 ** (-SPOKEN_DB / 20), 2 * sorted[Math.floor(0.1 * sorted.length)]);
  const loudest = levels.indexOf(highest), pause = PAUSE_SECONDS / FRAME_SECONDS;
  let first = loudest, last = loudest;
  for (let i = loudest; i >= 0 && first - i < pause; i--) if (levels[i] > least) first = i;
  for (let i = loudest; i < levels.length && i - last < pause; i++) if (levels[i] > least) last = i;
  const margin = Math.round(MARGIN_SECONDS * rate);
  return samples.slice(Math.max(0, first * n - margin), (last + 1) * n + margin);
}

/** Float samples to 16-bit ones. @param {Float32Array} samples */
export function pcm16(samples) {
  return Int16Array.from(samples, (x) => Math.max(-32768, Math.min(32767, Math.round(x * 32768))));
}

/** A mono 16-bit wav file: its bytes. @param {Float32Array} samples @param {number} rate */
export function wav(samples, rate) {
  const pcm = pcm16(samples);
  const bytes = new Uint8Array(44 + 2 * pcm.length);
  const view = new DataView(bytes.buffer);
  /** @param {number} offset @param {string} word */
  const text = (offset, word) => [...word].forEach((c, i) => view.setUint8(offset + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * pcm.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // mono
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * pcm.length, true);
  pcm.forEach((value, i) => view.setInt16(44 + 2 * i, value, true));
  return bytes;
}

/**
 * Decode what the browser can: `{samples, rate}`, mixed down, at `DECODED_RATE`.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
export async function decode(bytes) {
  // Offline: a context that could play waits for the user to touch the page.
  const buffer = await new OfflineAudioContext(1, 1, DECODED_RATE).decodeAudioData(bytes.slice().buffer);
  const samples = new Float32Array(buffer.length);
  for (let c = 0; c < buffer.numberOfChannels; c++) {
    const channel = buffer.getChannelData(c);
    for (let i = 0; i < samples.length; i++) samples[i] += channel[i] / buffer.numberOfChannels;
  }
  return { samples, rate: buffer.sampleRate };
}

/** @type {AudioBufferSourceNode[]} */
let playing = [];

/**
 * Play parts, `[[start, end], ...]` in seconds, one after the other; all of it when none are given.
 * @param {Float32Array<ArrayBuffer>} samples
 * @param {number} rate
 * @param {[number, number][]} parts
 */
export async function play(samples, rate, parts = [[0, samples.length / rate]]) {
  stop();
  const audio = audioContext();
  await audio.resume();
  const buffer = audio.createBuffer(1, Math.max(1, samples.length), rate);
  const peak = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  buffer.copyToChannel(samples.map((x) => (peak > 0 ? (0.7 * x) / peak : 0)), 0);
  let when = audio.currentTime + 0.02;
  for (const [start, end] of parts) {
    const source = new AudioBufferSourceNode(audio, { buffer });
    source.connect(audio.destination);
    source.start(when, start, end - start);
    when += end - start + (parts.length > 1 ? 0.08 : 0);
    playing.push(source);
  }
}

function stop() {
  for (const source of playing) source.stop();
  playing = [];
}
