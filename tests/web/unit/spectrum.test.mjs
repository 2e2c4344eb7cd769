// What a take looks like.
import assert from "node:assert/strict";
import test from "node:test";
import { outline, spectrogram } from "../page/spectrum.js";

const RATE = 48_000, SHAPE = { nFrames: 10, nBins: 24 };
const tone = (hertz) => Float32Array.from({ length: RATE }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / RATE));
const loudest = (grid, frame) => grid.reduce((most, row, bin) => (row[frame] > grid[most][frame] ? bin : most), 0);

test("the outline keeps the lowest and the highest sample of each stretch", () => {
  assert.deepEqual([...outline(new Float32Array([0.5, -0.25, 1, 0, 0, -1]), 3)], [-0.25, 0.5, 0, 1, -1, 0]);
  assert.deepEqual([...outline(new Float32Array(), 2)], [0, 0, 0, 0]);
});

test("a tone is where its pitch is, in every frame, and higher ones are higher", () => {
  const bins = [200, 1_000, 4_000].map((hertz) => {
    const grid = spectrogram(tone(hertz), RATE, SHAPE);
    assert.deepEqual([grid.length, grid[0].length], [24, 10]);
    const found = loudest(grid, 5);
    assert.ok(grid[found].slice(1, -1).every((decibels) => Math.abs(decibels - grid[found][5]) < 0.5));
    assert.ok(grid[found][5] - grid[23][5] > 40);
    return found;
  });
  assert.ok(bins[0] < bins[1] && bins[1] < bins[2], String(bins));
});

test("silence is even", () => {
  assert.equal(new Set(spectrogram(new Float32Array(100), RATE, SHAPE).flat()).size, 1);
});
