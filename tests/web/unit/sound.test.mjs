// Cutting a word out of what was recorded, and wav files.
import assert from "node:assert/strict";
import test from "node:test";
import { joined, pcm16, spoken, wav } from "../page/sound.js";

const RATE = 16_000;
const noise = (seconds, level) => Float32Array.from({ length: seconds * RATE }, (_, i) => level * Math.sin(i * i));

test("blocks are joined in order", () => {
  assert.deepEqual([...joined([new Float32Array([1, 2]), new Float32Array(), new Float32Array([3])])], [1, 2, 3]);
});

test("samples at full scale stay in 16 bits", () => {
  assert.deepEqual([...pcm16(new Float32Array([-2, -1, 0, 0.5, 1, 2]))], [-32768, -32768, 0, 16384, 32767, 32767]);
});

test("a wav file says its rate and length", () => {
  const bytes = wav(new Float32Array([0, -1]), 44_100);
  const view = new DataView(bytes.buffer);
  assert.equal(bytes.length, 48);
  assert.equal(view.getUint32(4, true), 40);
  assert.equal(view.getUint32(24, true), 44_100);
  assert.equal(view.getUint32(40, true), 4);
  assert.equal(view.getInt16(46, true), -32768);
});

test("the word is cut out with its margin, and keeps a stop's silence inside", () => {
  const word = [noise(0.2, 0.5), noise(0.2, 1e-4), noise(0.2, 0.5)]; // "six" has such a hole
  const cut = spoken(joined([noise(1, 1e-4), ...word, noise(1, 1e-4)]), RATE);
  assert.ok(Math.abs(cut.length / RATE - (0.6 + 2 * 0.15)) <= 0.04, `${cut.length / RATE} s`);
});

test("of two words with a pause the louder one is taken", () => {
  const cut = spoken(joined([noise(0.3, 0.05), noise(0.6, 1e-4), noise(0.3, 0.5)]), RATE);
  assert.ok(Math.abs(cut.length / RATE - 0.45) <= 0.04, `${cut.length / RATE} s`);
  assert.ok(cut.reduce((most, x) => Math.max(most, x), 0) > 0.4);
});

test("what is shorter than a frame, or silent, is not cut", () => {
  assert.equal(spoken(new Float32Array(10), RATE).length, 10);
  assert.ok(spoken(new Float32Array(RATE), RATE).length > 0);
});
