// @ts-check
// Pictures on canvases: waveform, what a network saw, what mattered.

// Viridis at nine places (Smith and van der Walt, 2015): even steps for the eye, also for one that tells no hues.
const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
const SHOWN_DB = 60; // of a take, below its loudest
const FOR = [224, 100, 26], AGAINST = [59, 130, 196];

/** @typedef {import("./service.js").Lattice} Lattice */

/**
 * Give a canvas as many pixels as it covers; returns its context, drawing in CSS pixels, and the size.
 * @param {HTMLCanvasElement} canvas
 */
function prepared(canvas) {
  const { pen, width, height } = sized(canvas);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** The same, and what is drawn stays where the size did. @param {HTMLCanvasElement} canvas */
function sized(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth || 300, height = canvas.clientHeight || 100;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { pen, width, height };
}

/** @param {string} name */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * Draw samples from edge to edge, in the upper share of the canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} samples
 */
export function waveform(canvas, samples, { live = false, nSamples = samples.length, share = 1 } = {}) {
  const { pen, width, height: whole } = prepared(canvas), height = share * whole;
  const least = live ? 0.1 : 1e-4; // silence shall look like silence while it comes
  const peak = samples.reduce((most, x) => Math.max(most, Math.abs(x)), least);
  pen.fillStyle = colour(live ? "--live" : "--blue");
  const step = nSamples / width;
  for (let x = 0; x < width; x++) {
    let low = 0, high = 0;
    for (let i = Math.floor(x * step); i < Math.min(samples.length, (x + 1) * step); i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    const top = (1 - (0.95 * high) / peak) * height / 2;
    pen.fillRect(x, top, 1, Math.max(1, ((0.95 * (high - low)) / peak) * height / 2));
  }
}

/** The colour of a share. @param {number} share */
function mapped(share) {
  const place = Math.max(0, Math.min(1, share)) * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(place));
  return VIRIDIS[i].map((c, k) => c + (place - i) * (VIRIDIS[i + 1][k] - c));
}

/**
 * Draw a grid `(n_bins, n_frames)`, lowest bin below, `paint(value, bin, frame)` to [r, g, b].
 * @param {CanvasRenderingContext2D} pen
 * @param {number[][]} values
 * @param {number} width
 * @param {number} height
 * @param {(value: number, bin: number, frame: number) => number[]} paint
 */
function grid(pen, values, width, height, paint) {
  const nBins = values.length, nFrames = values[0].length;
  const picture = new OffscreenCanvas(nFrames, nBins);
  const image = new ImageData(nFrames, nBins);
  values.forEach((row, bin) => row.forEach((value, frame) => {
    image.data.set([...paint(value, bin, frame), 255], 4 * ((nBins - 1 - bin) * nFrames + frame));
  }));
  picture.getContext("2d")?.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture, 0, 0, width, height);
}

/**
 * Draw a take: its outline above, its spectrogram below.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} outline that draws as all samples would
 * @param {number[][]} decibels `(n_bins, n_frames)`
 */
export function take(canvas, outline, decibels) {
  waveform(canvas, outline, { share: 0.5 });
  const { width, height, pen } = sized(canvas);
  const high = decibels.flat().reduce((most, x) => Math.max(most, x), -Infinity);
  pen.save();
  pen.translate(0, height / 2);
  grid(pen, decibels, width, height / 2, (value) => mapped(1 + (value - high) / SHOWN_DB));
  pen.restore();
}

/** @param {number[][]} values */
function range(values) {
  const all = values.flat().sort((a, b) => a - b);
  return [all[Math.floor(0.01 * all.length)], all[Math.ceil(0.995 * all.length) - 1]]; // MFCC's first coefficient would take all
}

/** Draw a member's input as it is. @param {HTMLCanvasElement} canvas @param {Lattice} input */
export function features(canvas, input) {
  const { pen, width, height } = prepared(canvas);
  const [low, high] = range(input.values);
  grid(pen, input.values, width, height, (value) => mapped((value - low) / (high - low || 1)));
  seconds(pen, input, width, height);
}

/**
 * Draw the spectrogram in grey, and over it what spoke for the label and what against; segments stand between lines.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./service.js").Explanation} explanation
 */
export function relevance(canvas, explanation) {
  const { pen, width, height } = prepared(canvas);
  const below = explanation.log_mel ?? explanation.values.map((row) => row.map(() => 0));
  const [low, high] = range(below);
  const most = explanation.values.flat().reduce((m, x) => Math.max(m, Math.abs(x)), 1e-6);
  grid(pen, explanation.values, width, height, (value, bin, frame) => {
    const grey = 20 + 200 * Math.max(0, Math.min(1, (below[bin][frame] - low) / (high - low || 1)));
    const share = Math.abs(value) / most;
    return (value > 0 ? FOR : AGAINST).map((c) => grey + share * (c - grey));
  });
  const x = place(explanation, width);
  pen.fillStyle = "#ffffff";
  for (const [start, end] of explanation.segments) {
    pen.fillRect(x(start), height - 22, Math.max(2, x(end) - x(start)), 4);
    for (const edge of [start, end]) pen.fillRect(x(edge) - 0.75, 0, 1.5, height - 18);
  }
  seconds(pen, explanation, width, height);
}

/** Where a second of the clip lies on a canvas. @param {Lattice} lattice @param {number} width */
function place({ start_seconds: start, hop_seconds: hop, n_frames: nFrames }, width) {
  return (/** @type {number} */ second) => (((second - start) / hop + 0.5) / nFrames) * width;
}

/**
 * Write the clip's seconds along the lower edge.
 * @param {CanvasRenderingContext2D} pen
 * @param {Lattice} lattice
 * @param {number} width
 * @param {number} height
 */
function seconds(pen, lattice, width, height) {
  const x = place(lattice, width);
  const last = lattice.start_seconds + lattice.n_frames * lattice.hop_seconds;
  const step = last - lattice.start_seconds > 2 ? 0.5 : 0.2;
  pen.fillStyle = "rgb(0 0 0 / 60%)";
  pen.fillRect(0, height - 18, width, 18);
  pen.fillStyle = "#ffffff";
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";
  for (let k = Math.ceil(lattice.start_seconds / step); k * step <= last; k++) {
    const left = x(k * step);
    if (k >= 0 && left > 12 && left < width - 16) pen.fillText(`${(k * step).toFixed(1)} s`, left, height - 5);
  }
}
