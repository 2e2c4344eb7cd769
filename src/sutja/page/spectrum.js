// @ts-check
// What a take looks like: its outline, and how much of each pitch there is. Numbers only; draw.js draws them.

const N_FFT = 1024; // 21 ms at 48 kHz
const LOWEST_HZ = 80, HIGHEST_HZ = 8_000;
const FLOOR = 1e-10;

/**
 * The lowest and the highest sample of each of `n` stretches, one after the other: `2 n` numbers that draw as all would.
 * @param {Float32Array} samples
 * @param {number} n
 */
export function outline(samples, n) {
  const found = new Float32Array(2 * n);
  samples.forEach((x, i) => {
    const place = 2 * Math.floor((i * n) / samples.length);
    found[place] = Math.min(found[place], x);
    found[place + 1] = Math.max(found[place + 1], x);
  });
  return found;
}

/**
 * Decibels, `(nBins, nFrames)`, the lowest bin first; bins are as wide as the ear's (mel).
 * @param {Float32Array} samples
 * @param {number} rate
 * @param {{ nFrames: number, nBins: number }} shape
 * @returns {number[][]}
 */
export function spectrogram(samples, rate, { nFrames, nBins }) {
  const edges = melEdges(nBins, rate);
  const grid = Array.from({ length: nBins }, () => /** @type {number[]} */ ([]));
  for (let frame = 0; frame < nFrames; frame++) {
    const centre = ((frame + 0.5) * samples.length) / nFrames;
    const powers = powersAt(samples, Math.round(centre - N_FFT / 2));
    grid.forEach((row, bin) => {
      let most = FLOOR;
      for (let k = edges[bin]; k <= Math.max(edges[bin], edges[bin + 1] - 1); k++) most = Math.max(most, powers[k]);
      row.push(10 * Math.log10(most));
    });
  }
  return grid;
}

/** @param {number} nBins @param {number} rate */
function melEdges(nBins, rate) {
  const mel = (/** @type {number} */ hertz) => Math.log(1 + hertz / 700);
  const low = mel(LOWEST_HZ), high = mel(Math.min(HIGHEST_HZ, rate / 2));
  return Array.from({ length: nBins + 1 }, (_, i) => {
    const hertz = 700 * (Math.exp(low + ((high - low) * i) / nBins) - 1);
    return Math.min(N_FFT / 2, Math.round((hertz * N_FFT) / rate));
  });
}

/** The power at each frequency of the frame that begins there; beside the sound is silence. @param {Float32Array} samples @param {number} start */
function powersAt(samples, start) {
  const real = new Float64Array(N_FFT), imaginary = new Float64Array(N_FFT);
  for (let i = 0; i < N_FFT; i++) real[i] = (samples[start + i] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / N_FFT));
  transform(real, imaginary);
  return real.map((x, k) => x * x + imaginary[k] * imaginary[k]);
}

/** The Fourier transform, in place (Cooley and Tukey, 1965). @param {Float64Array} real @param {Float64Array} imaginary */
function transform(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [real[i], real[j]] = [real[j], real[i]]; // what comes in has no imaginary part yet
  }
  for (let size = 2; size <= n; size *= 2) {
    for (let k = 0; k < size / 2; k++) {
      const c = Math.cos((-2 * Math.PI * k) / size), s = Math.sin((-2 * Math.PI * k) / size);
      for (let a = k; a < n; a += size) {
        const b = a + size / 2;
        const x = real[b] * c - imaginary[b] * s, y = real[b] * s + imaginary[b] * c;
        [real[b], imaginary[b]] = [real[a] - x, imaginary[a] - y];
        [real[a], imaginary[a]] = [real[a] + x, imaginary[a] + y];
      }
    }
  }
}
